"""The page of the outcome: a CT after the operation compared with the plan, its figures, its report."""

from pathlib import Path

import qt
from slicer.i18n import tr as _

from PlanningHubLib.Planning.Outcome import METAL_HU, REPORT_FILE
from PlanningHubLib.Planning.OutcomeScene import hideOutcome, keepOutcomeOf
from PlanningHubLib.Planning.OutcomeView import outcomeStates, readOutcome, registrable, wholePath
from PlanningHubLib.Planning.Registration import WORST_MEAN_MM
from PlanningHubLib.Segmentation import DEFAULT_THRESHOLD_HU
from PlanningHubLib.Session import Session

from .CaseModuleWidget import fillTable, isChosen
from .GovernancePanel import (
    BAD_COLOR,
    DOUBT_COLOR,
    DOUBT_STYLE,
    FADED_COLOR,
    GOOD_COLOR,
    PLAIN_STYLE,
    GovernancePanel,
    empty,
    offer,
    timeText,
    tint,
)
from .ImportPanel import ARCHIVE, ARCHIVE_SETTING, FILE, FOLDER
from .OutcomeFigures import figureRows

COLOR_OF_STATE = {"current": GOOD_COLOR, "stale": DOUBT_COLOR, "damaged": BAD_COLOR}
COLOR_OF_SEVERITY = {"info": FADED_COLOR, "warn": DOUBT_COLOR, "reject": BAD_COLOR}
FILE_TYPES = "Report (*.pdf);;Table (*.csv)"


class OutcomePanel(GovernancePanel):
    """Compares, lists the outcomes of the case, and shows the one that is selected."""

    def connectActions(self):
        ui = self.ui
        self._outcomes, self._filling = [], False
        self._resetLimits()
        ui.archiveUrlLineEdit.text = qt.QSettings().value(ARCHIVE_SETTING, "") or ""
        ui.sourceKindComboBox.connect("currentIndexChanged(int)", self._onInput)
        for widget in (ui.folderPathLineEdit, ui.filePathLineEdit, ui.achievedPathLineEdit):
            widget.connect("currentPathChanged(QString)", self._onInput)
        for edit in (*self._archiveEdits().values(), ui.archiveUrlLineEdit):
            edit.connect("textChanged(QString)", self._onInput)
        ui.compareButton.connect("clicked(bool)", self.onCompare)
        ui.outcomesTable.connect("itemSelectionChanged()", self._onSelected)
        ui.showButton.connect("clicked(bool)", self.onShow)
        ui.openButton.connect("clicked(bool)", self.onOpen)
        ui.saveButton.connect("clicked(bool)", self.onSave)

    def _archiveEdits(self):
        ui = self.ui
        return {
            "patient": ui.patientLineEdit, "accession": ui.accessionLineEdit, "date": ui.dateLineEdit,
            "study": ui.studyLineEdit,
        }  # fmt: skip

    def forget(self):
        ui = self.ui
        for widget in (ui.folderPathLineEdit, ui.filePathLineEdit, ui.achievedPathLineEdit):
            widget.currentPath = ""
        empty(*self._archiveEdits().values(), ui.archiveUserLineEdit, ui.archiveSecretLineEdit, ui.seriesLineEdit)
        ui.repairCheckBox.checked = False
        ui.sourceKindComboBox.currentIndex = FOLDER
        self._resetLimits()

    def _resetLimits(self):
        ui = self.ui
        ui.thresholdSpinBox.value, ui.metalSpinBox.value = DEFAULT_THRESHOLD_HU, METAL_HU
        ui.worstSpinBox.value = WORST_MEAN_MM

    # What is shown

    def show(self, case):
        offer(self.ui.onComboBox, [_("what the first cut cuts"), *(registrable(case) if case else [])])
        chosen = self._chosen()
        self._outcomes = outcomeStates(case) if case else []
        rows = [
            (str(one.revision), (one.title, one.id), timeText(one.when), stateText(state))
            for one, state in self._outcomes
        ]
        self._filling = True
        fillTable(self.ui.outcomesTable, rows, stretchedColumn=1)
        for row, (_one, state) in enumerate(self._outcomes):
            tint(self.ui.outcomesTable, row, 3, COLOR_OF_STATE[state])
        listed = [one.content for one, _state in self._outcomes]
        row = listed.index(chosen[0].content) if chosen and chosen[0].content in listed else 0
        self.ui.outcomesTable.setCurrentCell(row if listed else -1, 0)
        self._filling = False
        self._showChosen(case)

    def _chosen(self):
        """Return (artefact, state) of the selected outcome, or None."""
        row = self.ui.outcomesTable.currentRow()
        return self._outcomes[row] if 0 <= row < len(self._outcomes) else None

    def _showChosen(self, case):
        ui, chosen = self.ui, self._chosen()
        ui.figuresCollapsibleButton.visible = chosen is not None
        shown = chosen[0] if chosen and chosen[1] == "current" else None
        ui.showButton.checked = keepOutcomeOf(case, Session.start().scene, shown)
        if chosen is None:
            return
        artefact, state = chosen
        isWhole = state != "damaged" and not case.damagedFiles(artefact)
        values, objects = readOutcome(case, artefact) if isWhole else (None, {})
        ui.registrationLabel.text = registrationText(values, state) if values else stateReason(state)
        ui.registrationLabel.styleSheet = PLAIN_STYLE if state == "current" else DOUBT_STYLE
        rows = figureRows(values, objects) if values else []
        fillTable(ui.figuresTable, [row for row, _isFound in rows], stretchedColumn=0)
        for number, (row, isFound) in enumerate(rows):
            if len(row) == 1:
                boldFont(ui.figuresTable.item(number, 0), isFound)
        findings = values["findings"] if values else []
        ui.findingsTable.visible = bool(findings)
        fillTable(ui.findingsTable, [(one["message"], one["action"]) for one in findings], stretchedColumn=(0, 1))
        for number, one in enumerate(findings):
            tint(ui.findingsTable, number, 0, COLOR_OF_SEVERITY[one["severity"]])

    def updateActions(self):
        ui, kind = self.ui, self.ui.sourceKindComboBox.currentIndex
        ui.pathLabel.visible = kind != ARCHIVE
        ui.pathLabel.text = _("File:") if kind == FILE else _("Folder:")
        ui.folderPathLineEdit.visible = kind == FOLDER
        ui.filePathLineEdit.visible = kind == FILE
        ui.archiveWidget.visible = kind == ARCHIVE
        closed = self.noCaseReason(ui.compareCollapsibleButton, ui.outcomesCollapsibleButton)
        self.allow(ui.compareButton, closed or self._whyNotCompared(self.module.case))
        unchosen = closed or ("" if self._chosen() else _("Compare first."))
        damaged = _("Its files were changed outside the suite.")
        unreadable = unchosen or (damaged if self._chosen()[1] == "damaged" else "")
        stale = _("Stale: compare again.") if self._chosen() and self._chosen()[1] == "stale" else ""
        self.allow(ui.showButton, unreadable or stale)
        self.allow(ui.openButton, unreadable)
        self.allow(ui.saveButton, unreadable)

    def _whyNotCompared(self, case):
        plan = case.latest("plan")
        if plan is None:
            return _("Keep a plan first.")
        # By the records alone: this runs at every key that is pressed; the comparison reads the files.
        if case.states([plan], readFiles=False) != ["current"]:
            return _("The plan is stale: carry it out again.")
        return "" if self._source() else _("Choose the CT after the operation.")

    def _source(self):
        """Return path or (address, search keys) of what is chosen, or None."""
        ui, kind = self.ui, self.ui.sourceKindComboBox.currentIndex
        if kind == ARCHIVE:
            keys = {key: edit.text for key, edit in self._archiveEdits().items()}
            isAsked = any(keys.values()) and ui.archiveUrlLineEdit.text
            return (ui.archiveUrlLineEdit.text, tuple({**keys, "modality": "CT"}.items())) if isAsked else None
        path = ui.folderPathLineEdit.currentPath if kind == FOLDER else ui.filePathLineEdit.currentPath
        return Path(path) if isChosen(path) else None

    # What the user does

    def _onInput(self, _changed=None):
        self.module.updateActions()

    def _onSelected(self):
        if not self._filling:
            self._showChosen(self.module.case)
            self.updateActions()

    def onCompare(self):
        ui, logic, folder = self.ui, self.module.logic, self.module.activeFolder()
        source, login = self._source(), self._login()
        series, achieved = ui.seriesLineEdit.text.strip(), ui.achievedPathLineEdit.currentPath
        wishes = {
            "on": ui.onComboBox.currentText if ui.onComboBox.currentIndex > 0 else None,
            "thresholdHu": ui.thresholdSpinBox.value, "metalHu": ui.metalSpinBox.value,
            "worstMeanMm": ui.worstSpinBox.value, "repair": ui.repairCheckBox.checked,
        }  # fmt: skip
        outcome = self.module.runStep(
            lambda session, progress: logic.compareOutcome(
                folder, session, source, wishes, series or None, achieved or None, login, progress
            ),
            _("The outcome is kept; look at its figures and its report."),
        )
        if outcome is not None and not isinstance(source, Path):
            qt.QSettings().setValue(ARCHIVE_SETTING, source[0])
        if outcome is not None and self._outcomes:
            ui.outcomesTable.setCurrentCell(0, 0)

    def _login(self):
        """Return user and secret; the secret does not stay in its field."""
        ui = self.ui
        login = ui.archiveUserLineEdit.text, ui.archiveSecretLineEdit.text
        empty(ui.archiveSecretLineEdit)
        return login if ui.sourceKindComboBox.currentIndex == ARCHIVE and any(login) else None

    def onShow(self, isWanted):
        if not isWanted:
            hideOutcome(Session.start().scene)
            return
        artefact, folder, logic = self._chosen()[0], self.module.activeFolder(), self.module.logic
        self.module.runStep(
            lambda session, _progress: logic.showOutcome(folder, session, artefact),
            _("Beside the plan, in magenta: what was found. It cannot be moved."),
        )

    def onOpen(self):
        artefact = self._chosen()[0]
        case = self.module.case
        path = self.module.runStep(lambda *_given: wholePath(case, artefact, REPORT_FILE), "")
        if path is not None and not qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(path))):
            self.module.runner.complain(_("No program opens {path}; save a copy instead.").format(path=path))

    def onSave(self):
        artefact, folder, logic = self._chosen()[0], self.module.activeFolder(), self.module.logic
        path = qt.QFileDialog.getSaveFileName(self.widget, _("Report"), f"{self.module.case.name}-outcome.pdf",
                                              FILE_TYPES)  # fmt: skip
        if path:
            self.module.runStep(
                lambda _session, _progress: logic.saveOutcome(folder, artefact, path),
                _("Saved: {path}").format(path=path),
            )


def stateText(state):
    """Return what an outcome's state is called."""
    return {"current": _("current"), "stale": _("stale"), "damaged": _("damaged")}[state]


def stateReason(state):
    """Return why an outcome must not be relied on, empty text where it may."""
    return {
        "current": "",
        "stale": _("Stale: the plan has changed since, or the comparison was made anew."),
        "damaged": _("Damaged: its files were changed outside the suite. Compare again."),
    }[state]


def registrationText(values, state):
    """Return how well the scan was registered, in words, and before it why it no longer holds."""
    fit, scan = values["registration"], values["scan"]
    spacing = " × ".join(f"{value:.2f}" for value in scan["spacingMm"])
    text = _(
        "Registered on {on}: {mean:.2f} mm left on average, {p95:.2f} mm at 95 % of the points that count. "
        "No figure is surer. Bone from {threshold:g} HU, voxels of {spacing} mm."
    ).format(on=fit["on"], mean=fit["meanMm"], p95=fit["p95Mm"], threshold=scan["thresholdHu"], spacing=spacing)
    return "\n".join(filter(None, [stateReason(state), text]))


def boldFont(item, isFound):
    """Make a heading stand out; one of something that was not found, as a warning."""
    font = item.font()
    font.setBold(True)
    item.setFont(font)
    if not isFound:
        item.setForeground(qt.QBrush(qt.QColor(DOUBT_COLOR)))
