"""The page that lays a case's parts on the plates of a printer."""

import qt
from slicer.i18n import tr as _

from PlanningHubLib.Errors import PlanningError, UsageError
from PlanningHubWidgets.CaseHeader import warningText
from PlanningHubWidgets.CaseModuleWidget import fillTable
from PlanningHubWidgets.Findings import showFindings
from PlanningHubWidgets.GovernancePanel import DOUBT_STYLE, PLAIN_STYLE, GovernancePanel
from PrintPrepLib.PartRecords import currentParts, partName, partNumber
from PrintPrepLib.PartVerdict import profilesOffered
from PrintPrepLib.Production.Build import readBuild

from .PartPanel import chosen, fill, select
from .PlateSection import PlateSection

COPIES_COLUMN = 3


class BuildPanel(GovernancePanel):
    """Chooses the parts and the printer; shows the newest build's plates."""

    def connectActions(self):
        ui = self.ui
        self._parts, self._build = [], None
        self.plates = PlateSection(self)
        ui.buildButton.connect("clicked(bool)", self.onBuild)
        ui.partsTable.connect("itemChanged(QTableWidgetItem*)", lambda _item: self.updateActions())

    def forget(self):
        self.ui.directionLineEdit.text = ""
        self.ui.profileComboBox.currentIndex = 0
        self.ui.slicingCheckBox.checked = True

    # What is shown

    def show(self, case):
        self._showParts(currentParts(case) if case else [])
        self._offerProfiles()
        self._build = case.latest("build") if case else None
        self.ui.platesCollapsibleButton.visible = self._build is not None
        if self._build is not None:
            self._showBuild(case)
        else:
            self.plates.show(None, [])

    def _showParts(self, parts):
        table, left, texts = self.ui.partsTable, self._leftOut(), self._copyTexts()
        self._parts = parts
        wasBlocked = table.blockSignals(True)
        rows = [
            (partName(one), partNumber(one), one.parameters.get("profile") or _("not stated"), texts.get(one.id, "1"))
            for one in parts
        ]
        fillTable(table, rows)
        for row, one in enumerate(parts):
            item = table.item(row, 0)
            item.setFlags(qt.Qt.ItemIsUserCheckable | qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable)
            item.setCheckState(qt.Qt.Unchecked if one.id in left else qt.Qt.Checked)
            for column in range(1, COPIES_COLUMN):
                table.item(row, column).setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable)
            table.item(row, COPIES_COLUMN).setToolTip(_("How often the part is made; type another number."))
        table.blockSignals(wasBlocked)

    def _leftOut(self):
        chosenIds = self.partIds()
        return [one.id for one in self._parts if one.id not in chosenIds]

    def _copyTexts(self):
        table = self.ui.partsTable
        return {one.id: table.item(row, COPIES_COLUMN).text().strip() for row, one in enumerate(self._parts)}

    def copies(self):
        """Return the ID of each part that is checked → how many of it are to be made.

        :raises UsageError: ``bad-copies``
        """
        return {key: copiesOf(text) for key, text in self._copyTexts().items() if key in self.partIds()}

    def partIds(self):
        """Return the IDs of the parts that are checked."""
        table = self.ui.partsTable
        return [one.id for row, one in enumerate(self._parts) if table.item(row, 0).checkState() == qt.Qt.Checked]

    def _offerProfiles(self):
        combo = self.ui.profileComboBox
        key = chosen(combo)
        try:
            offered = profilesOffered()
        except PlanningError:
            # Making the build says which file is wrong.
            offered = []
        fill(combo, [("", _("the one that the parts were made for")), *offered])
        select(combo, key)

    def _showBuild(self, case):
        ui, warning = self.ui, warningText(case, self._build)
        ui.buildLabel.styleSheet = DOUBT_STYLE if warning else PLAIN_STYLE
        try:
            document = readBuild(case, self._build)
        except PlanningError as error:
            document, warning = {"plates": [], "findings": []}, str(error)
        ui.buildLabel.text = "\n".join(filter(None, [warning, buildText(self._build)]))
        rows = [plateRow(number, plate) for number, plate in enumerate(document["plates"], 1)]
        wasBlocked = ui.platesTable.blockSignals(True)
        fillTable(ui.platesTable, rows, stretchedColumn=1)
        self.plates.show(self._build, document["plates"])
        ui.platesTable.blockSignals(wasBlocked)
        parts = [orientationRow(part) for plate in document["plates"] for part in plate["parts"]]
        fillTable(ui.orientationTable, parts)
        showFindings(ui.findingsTable, document["findings"])

    def updateActions(self):
        ui = self.ui
        closed = self.noCaseReason(ui.chooseCollapsibleButton)
        nothing = _("Make a part first.") if not self._parts else "" if self.partIds() else _("Check a part.")
        self.allow(ui.buildButton, closed or nothing)
        self.plates.updateActions(closed)

    # What the user does

    def onBuild(self):
        ui, folder, logic = self.ui, self.module.activeFolder(), self.module.logic
        wishes = chosen(ui.profileComboBox) or None, ui.directionLineEdit.text, ui.slicingCheckBox.checked
        self.module.runStep(
            lambda session, progress: logic.makeBuild(folder, session, self.copies(), *wishes, progress),
            _("The build is made."),
        )


def copiesOf(text):
    """Return the number of copies that a text says.

    :raises UsageError: ``bad-copies``
    """
    if not text.isdecimal():
        raise UsageError("bad-copies", _("{text} is no number of copies.").format(text=text or "–"), "")
    return int(text)


def buildText(build):
    """Return a build's printer and totals, in words."""
    estimate = build.facts["estimate"]
    text = _(
        "{title}, revision {revision}: plates {plates}, {ml:.1f} ml, {hours:.1f} h, {cost:.2f} {currency} (estimates)"
    )
    return text.format(
        title=build.title, revision=build.revision, plates=build.facts["plates"],
        ml=estimate["partsMl"] + estimate["supportsMl"], hours=estimate["hours"], cost=estimate["cost"],
        currency=estimate["currency"],
    )  # fmt: skip


def plateRow(number, plate):
    """Return the cells of a plate."""
    estimate = plate["estimate"]
    return (
        str(number),
        (", ".join(map(partText, plate["parts"])), "\n".join(row["name"] for row in plate["parts"])),
        _("{mm:.1f} mm").format(mm=plate["heightMm"]),
        _("{ml:.1f} ml").format(ml=estimate["partsMl"] + estimate["supportsMl"]),
        _("{hours:.1f}").format(hours=estimate["hours"]),
        _("{cost:.2f} {currency}").format(cost=estimate["cost"], currency=estimate["currency"]),
        slicerText(plate["slicer"]),
    )


def partText(row):
    """Return what a part on a plate is called, with the number of its copy where there are several."""
    if row.get("copies", 1) < 2:
        return row["object"]
    return _("{name} {copy}/{copies}").format(name=row["object"], copy=int(row["copy"]), copies=int(row["copies"]))


def slicerText(said):
    """Return what PrusaSlicer says of a plate."""
    if said is None:
        return _("not asked")
    if said["failed"]:
        return said["failed"]["message"]
    if said["hours"] is None:
        return _("not its process")
    return _("{hours:.1f} h, {ml:.1f} ml").format(hours=said["hours"], ml=said["materialMl"])


def orientationRow(part):
    """Return by what figures a part stands as it does."""
    figures = part["figures"]
    critical = figures["criticalMm2"]
    return (
        (partText(part), part["name"]),
        _("{mm:.1f} mm").format(mm=figures["heightMm"]),
        _("{area:.0f} mm²").format(area=figures["overhangMm2"]),
        _("none known") if critical is None else _("{area:.0f} mm²").format(area=critical),
        standText(figures["insideMm"]),
    )


def standText(insideMm):
    """Return how far inside of what a part stands on its center of mass lies."""
    if insideMm < 0:
        return _("leans: {mm:.1f} mm outside").format(mm=-insideMm)
    return _("{mm:.1f} mm inside").format(mm=insideMm)
