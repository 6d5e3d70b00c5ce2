"""The page of the segmentation: the procedure's structures, their methods, the hand's work, and the review."""

from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from PlanningHubLib.Errors import PlanningError
from PlanningHubLib.Procedures import findProcedure
from PlanningHubLib.Review import VERDICTS
from PlanningHubLib.Segmenting import Preview, SeedPoints, SegmentReview, Structures
from PlanningHubLib.Segmenting.HandEdits import Edits, EditsNoticed
from PlanningHubLib.Segmenting.StructureNodes import parametersOf
from PlanningHubLib.Session import Session

from .CaseModuleWidget import fillTable, isChosen
from .GovernancePanel import (
    BAD_COLOR,
    DOUBT_COLOR,
    FADED_COLOR,
    GOOD_COLOR,
    GovernancePanel,
    empty,
    offer,
    timeText,
    tint,
)
from .MethodSection import MethodSection
from .ModelSection import ModelSection
from .ReviewPanel import verdictText
from .VolumeSection import VolumeSection

SWATCH_PIXELS = 12


class SegmentationPanel(GovernancePanel):
    """Segments structures of the active case, takes over what a hand or a file made, and reviews the segments."""

    def connectActions(self):
        ui = self.ui
        self.structures, self._edits, self._editsFault, self._filling = [], Edits(), "", False
        self._noticed, self._segmentation, self._reviews = EditsNoticed(), None, {}
        self._procedureFault = ""
        ui.segmentVerdictComboBox.addItems([verdictText(verdict) for verdict in VERDICTS])
        ui.structuresTable.connect("itemSelectionChanged()", self.onSelected)
        ui.placeButton.connect("toggled(bool)", self.onPlace)
        ui.seedsComboBox.connect("currentIndexChanged(int)", self.onSeedsOf)
        ui.clearButton.connect("clicked(bool)", self.onClear)
        ui.previewButton.connect("clicked(bool)", self.onPreview)
        ui.segmentButton.connect("clicked(bool)", self.onSegment)
        ui.templateButton.connect("clicked(bool)", self.onTemplate)
        ui.editorButton.connect("clicked(bool)", self.onEditor)
        ui.keepButton.connect("clicked(bool)", self.onKeep)
        ui.discardButton.connect("clicked(bool)", self.onDiscard)
        ui.maskPathLineEdit.connect("currentPathChanged(QString)", self.updateActions)
        ui.maskButton.connect("clicked(bool)", self.onMask)
        ui.reviewButton.connect("clicked(bool)", self.onReview)
        ui.segmentVerdictComboBox.connect("currentIndexChanged(int)", self.updateActions)
        ui.segmentCommentLineEdit.connect("textChanged(QString)", self.updateActions)
        self._methods = MethodSection(self)
        self._model = ModelSection(self)
        self._volume = VolumeSection(self)

    def forget(self):
        self._stopPlacing()
        self.ui.maskPathLineEdit.currentPath = ""
        self._model.forget()
        self.ui.segmentVerdictComboBox.currentIndex = 0
        empty(self.ui.segmentCommentLineEdit)

    # What is shown

    def show(self, case):
        session = Session.start()
        SeedPoints.keepSeedsOf(session.scene, case)
        Preview.removePreview(session.scene, case)
        self._segmentation = case.latest("segmentation") if case else None
        self._procedureFault = ""
        try:
            self.structures = structuresOf(case, self._segmentation)
        except PlanningError as error:
            self.structures, self._procedureFault = [], str(error)
        self._reviews = self._verdicts(case)
        self._notice(case, session)
        self._methods.show(case)
        self._showTable()
        self.showChosen()
        self._model.show()
        self._volume.show(case, self._procedureFault)
        self.ui.segmentationLabel.text = summary(self._segmentation)

    def _verdicts(self, case):
        facts = SegmentReview.structuresOf(self._segmentation)
        return {name: SegmentReview.lastVerdict(case, self._segmentation, name) for name in facts}

    def _notice(self, case, session):
        self._editsFault = ""
        try:
            self._edits = self._noticed.look(case, session) if case else Edits()
        except PlanningError as error:
            self._edits, self._editsFault = Edits(), str(error)
        self.ui.editsLabel.text = self._editsFault or editsText(self._edits)
        self.ui.editsLabel.visible = bool(self.ui.editsLabel.text)

    def _showTable(self):
        table, facts = self.ui.structuresTable, SegmentReview.structuresOf(self._segmentation)
        names = [one["name"] for one in self.structures]
        chosen = self._chosenName()
        if self.module.parameters is not None and names and chosen not in names:
            chosen = names[0]
            self._choose(chosen)
        volumes = {name: f"{one['volumeMl']:.1f}" for name, one in facts.items()}
        rows = [
            (one["name"], self._stateText(one), volumes.get(one["name"], ""), self._reviewText(one["name"]))
            for one in self.structures
        ]
        self._filling = True
        fillTable(table, rows, stretchedColumn=0)
        for row, one in enumerate(self.structures):
            table.item(row, 0).setIcon(swatch(one["color"]))
            tint(table, row, 1, FADED_COLOR if one["name"] not in facts else GOOD_COLOR)
            tint(table, row, 3, self._reviewColor(one["name"]))
        table.setCurrentCell(names.index(chosen) if chosen in names else -1, 0)
        self._filling = False

    def _stateText(self, structure):
        name = structure["name"]
        if name in self._edits.names:
            return _("changed by hand")
        if self._segmentation and name in SegmentReview.structuresOf(self._segmentation):
            origin = parametersOf(self._segmentation, name).get("origin")
            texts = {"hand": _("by hand"), "mask": _("from a file"), "ai": _("by a model")}
            return texts.get(origin, _("segmented"))
        method = self._methods.method(structure)
        if not method:
            return _("by hand or file")
        return _("needs points") if Structures.seededNames(method) else _("not yet")

    def _reviewText(self, name):
        given = self._reviews.get(name)
        if given:
            return verdictText(given["verdict"])
        facts = SegmentReview.structuresOf(self._segmentation)
        return _("needed") if name in facts and facts[name]["needsReview"] else ""

    def _reviewColor(self, name):
        given = self._reviews.get(name)
        return BAD_COLOR if given and given["verdict"] == "changes" else GOOD_COLOR if given else DOUBT_COLOR

    def showChosen(self):
        ui, structure = self.ui, self.chosen()
        self._methods.showChosen()
        names = list(dict.fromkeys(Structures.seededNames(self._method())))
        for widget in (ui.seedsLabel, ui.seedsComboBox, ui.placeButton, ui.clearButton):
            widget.visible = bool(names)
        if not names:
            self._stopPlacing()
        offer(ui.seedsComboBox, names)
        ui.hintLabel.text = structure.get("hint", "") if structure else self._procedureFault
        ui.hintLabel.visible = bool(ui.hintLabel.text)
        given = self._reviews.get(structure["name"]) if structure else None
        ui.reviewLabel.text = reviewText(given)
        ui.reviewLabel.visible = bool(given)

    def updateActions(self):
        ui, structure = self.ui, self.chosen()
        closed = self.noCaseReason(
            ui.methodCollapsibleButton, ui.modelCollapsibleButton, ui.handCollapsibleButton,
            ui.segmentReviewCollapsibleButton,
        )  # fmt: skip
        ui.structuresTable.enabled = not closed
        self._volume.updateActions(closed)
        unkept = _("Keep or discard first what was changed by hand.") if self._edits or self._editsFault else ""
        unknown = self._procedureFault or ("" if structure else _("Select a structure."))
        noMethod = unknown or ("" if self._method() else _("No program finds it here: segment it by hand."))
        lacking = "" if noMethod else self._methods.problem() or self._lacking()
        foreign = "" if unknown or "code" in structure else _("The procedure does not name it.")
        self._methods.updateActions(closed or unknown or foreign)
        self.allow(ui.previewButton, closed or noMethod or lacking)
        self.allow(ui.segmentButton, closed or noMethod or lacking or unkept)
        self.allow(ui.templateButton, closed or self._procedureFault or unkept)
        self.allow(ui.clearButton, closed)
        self._model.updateActions(closed or unkept, unknown)
        unmade = "" if self._segmentation else _("Segment something first.")
        self.allow(ui.editorButton, closed or unmade)
        unchanged = self._editsFault or ("" if self._edits else _("Nothing was changed by hand."))
        self.allow(ui.keepButton, closed or unmade or unchanged)
        self.allow(ui.discardButton, closed or unmade or ("" if self._edits or self._editsFault else unchanged))
        noFile = "" if isChosen(ui.maskPathLineEdit.currentPath) else _("Choose a file.")
        self.allow(ui.maskButton, closed or unknown or unkept or noFile)
        self.allow(ui.reviewButton, closed or unknown or unkept or self._unreviewable())

    def _lacking(self):
        placed = SeedPoints.seeds(Session.start().scene)
        names = [name for name in Structures.seededNames(self._method()) if name not in placed]
        return _("Place points on: {names}.").format(names=", ".join(names)) if names else ""

    def _unreviewable(self):
        if self._chosenName() not in SegmentReview.structuresOf(self._segmentation):
            return _("It is not segmented yet.")
        unsaid = self._verdict() == "changes" and not self.ui.segmentCommentLineEdit.text.strip()
        return _("Say what has to change.") if unsaid else ""

    # What is chosen

    def _chosenName(self):
        return self.module.parameters.structure if self.module.parameters is not None else ""

    def chosen(self):
        return next((one for one in self.structures if one["name"] == self._chosenName()), None)

    def _verdict(self):
        return VERDICTS[self.ui.segmentVerdictComboBox.currentIndex]

    def _choose(self, name):
        """Choose a structure, with the parameters that its method has."""
        self.module.parameters.structure = name
        self._methods.match()

    def _method(self):
        structure = self.chosen()
        return self._methods.method(structure) if structure else None

    def onSelected(self):
        row = self.ui.structuresTable.currentRow()
        if not self._filling and 0 <= row < len(self.structures):
            if self.structures[row]["name"] != self._chosenName():
                self._choose(self.structures[row]["name"])
            self.showChosen()
            self.updateActions()

    # Points

    def onPlace(self, isPlacing):
        session, name = Session.start(), self.ui.seedsComboBox.currentText
        if not isPlacing or not name or self.module.case is None:
            self._stopPlacing()
            return
        color = next((one["color"] for one in self.structures if one["name"] == name), (1.0, 0.4, 0.2))
        node = SeedPoints.startPlacing(session, self.module.case, name, color)
        if not self.module.hasObserver(node, node.PointPositionDefinedEvent, self._onPlaced):
            self.module.addObserver(node, node.PointPositionDefinedEvent, self._onPlaced)

    def _onPlaced(self, _caller=None, _event=None):
        self.updateActions()

    def _stopPlacing(self):
        if self.ui.placeButton.checked:
            self.ui.placeButton.checked = False
        SeedPoints.stopPlacing(Session.start())

    def onSeedsOf(self, _index=None):
        if self.ui.placeButton.checked:
            self.onPlace(True)

    def onClear(self):
        self._stopPlacing()
        SeedPoints.forgetSeeds(Session.start().scene, self.ui.seedsComboBox.currentText)
        self.updateActions()

    # What the user does

    def _run(self, doneText, function, *arguments):
        folder = self.module.activeFolder()
        self._stopPlacing()
        return self.module.runStep(lambda session, progress: function(folder, session, *arguments, progress), doneText)

    def onPreview(self):
        name = self._chosenName()
        seeds = SeedPoints.seeds(Session.start().scene)
        text = _("This is what it would be: {name}. Nothing is kept yet.").format(name=name)
        self._run(text, self.module.logic.preview, name, self._method(), seeds)

    def onSegment(self):
        name = self._chosenName()
        seeds = SeedPoints.seeds(Session.start().scene)
        text = _("{name} is segmented.").format(name=name)
        self._run(text, self.module.logic.segment, [name], {name: self._method()}, seeds)

    def onTemplate(self):
        seeds = SeedPoints.seeds(Session.start().scene)
        self._run(_("The structures are segmented."), self.module.logic.segment, None, {}, seeds)

    def onEditor(self):
        slicer.util.selectModule("SegmentEditor")

    def onKeep(self):
        self._run(_("The changes are kept; what was made before is stale."), self.module.logic.keepHandEdits)

    def onDiscard(self):
        self._run(_("The segmentation is shown as it is kept."), self.module.logic.discardHandEdits)

    def onMask(self):
        path, label = Path(self.ui.maskPathLineEdit.currentPath), self.ui.labelSpinBox.value
        name = self._chosenName()
        text = _("{name} is taken from the file; it counts once it is reviewed.").format(name=name)
        self._run(text, self.module.logic.takeMask, path, {label: name})

    def onReview(self):
        comment = self.ui.segmentCommentLineEdit.text.strip()
        names = [self._chosenName()]
        if self.change(_("The verdict is recorded."), SegmentReview.reviewSegments, names, self._verdict(), comment):
            empty(self.ui.segmentCommentLineEdit)


def structuresOf(case, segmentation):
    """Return the structures of a case's procedure, and after them segments that it does not know."""
    if case is None:
        return []
    known = list(findProcedure(case.procedure)[0].structures)
    names = {one["name"] for one in known}
    others = [name for name in SegmentReview.structuresOf(segmentation) if name not in names]
    return known + [{"name": name, "color": (0.7, 0.7, 0.7), "method": None} for name in others]


def summary(segmentation):
    """Return what the page says of a segmentation: of its first structure, and what was found."""
    if segmentation is None:
        return _("No segmentation yet.")
    facts = SegmentReview.structuresOf(segmentation)
    lines = [
        _("{name}: {volume:.1f} ml{how}.").format(name=name, volume=one["volumeMl"], how=howText(segmentation, name))
        for name, one in facts.items()
    ] or [_("Bone: {volume:.1f} ml.").format(volume=segmentation.facts["volumeMl"])]
    return "\n".join([*lines, *(one["message"] for one in segmentation.facts.get("findings", ()))])


def howText(segmentation, name):
    """Return from which intensity a structure was segmented, as it ends a line; empty where it was not so."""
    made = parametersOf(segmentation, name)
    threshold = made.get("thresholdHu")
    if isinstance(made.get("method"), dict):
        threshold = Preview.parametersIn(made["method"])[0]
    return "" if threshold is None else _(" at {threshold:.0f} HU and above").format(threshold=threshold)


def editsText(edits):
    """Return what a hand changed, in words; empty where nothing was."""
    if not edits:
        return ""
    parts = [
        (_("changed: {names}"), edits.changed), (_("new: {names}"), edits.added), (_("gone: {names}"), edits.removed),
    ]  # fmt: skip
    said = "; ".join(text.format(names=", ".join(names)) for text, names in parts if names)
    return _("By hand, not kept yet: {said}.").format(said=said)


def reviewText(given):
    """Return a review as the page shows it."""
    if given is None:
        return ""
    text = _("{verdict} by {who}, {when}").format(
        verdict=verdictText(given["verdict"]), who=given["who"], when=timeText(given["when"])
    )
    return f"{text}: {given['comment']}" if given["comment"] else text


def swatch(color):
    """Return a structure's color as an icon."""
    picture = qt.QPixmap(SWATCH_PIXELS, SWATCH_PIXELS)
    picture.fill(qt.QColor.fromRgbF(*color))
    return qt.QIcon(picture)
