"""The page that lays a case's parts on the plates of a printer."""

import qt
from slicer.i18n import tr as _

from PlanningHubLib.Errors import PlanningError
from PlanningHubWidgets.CaseHeader import warningText
from PlanningHubWidgets.CaseModuleWidget import fillTable
from PlanningHubWidgets.Findings import showFindings
from PlanningHubWidgets.GovernancePanel import DOUBT_STYLE, PLAIN_STYLE, GovernancePanel
from PrintPrepLib.PartRecords import currentParts, partName, partNumber
from PrintPrepLib.PartVerdict import profilesOffered
from PrintPrepLib.Production.Build import readBuild

from .PartPage import openFile
from .PartPanel import chosen, fill, select


class BuildPanel(GovernancePanel):
    """Chooses the parts and the printer; shows the newest build's plates."""

    def connectActions(self):
        ui = self.ui
        self._parts, self._build, self._plates = [], None, []
        ui.buildButton.connect("clicked(bool)", self.onBuild)
        ui.plateButton.connect("clicked(bool)", self.onPlate)
        ui.partsTable.connect("itemChanged(QTableWidgetItem*)", lambda _item: self.updateActions())

    def forget(self):
        self.ui.directionLineEdit.text = ""
        self.ui.slicingCheckBox.checked = True

    # What is shown

    def show(self, case):
        self._showParts(currentParts(case) if case else [])
        self._offerProfiles()
        self._build = case.latest("build") if case else None
        self.ui.platesCollapsibleButton.visible = self._build is not None
        if self._build is not None:
            self._showBuild(case)

    def _showParts(self, parts):
        table, left = self.ui.partsTable, self._leftOut()
        self._parts = parts
        wasBlocked = table.blockSignals(True)
        rows = [(partName(one), partNumber(one), one.parameters.get("profile") or _("not stated")) for one in parts]
        fillTable(table, rows)
        for row, one in enumerate(parts):
            item = table.item(row, 0)
            item.setFlags(qt.Qt.ItemIsUserCheckable | qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable)
            item.setCheckState(qt.Qt.Unchecked if one.id in left else qt.Qt.Checked)
        table.blockSignals(wasBlocked)

    def _leftOut(self):
        chosenIds = self.partIds()
        return [one.id for one in self._parts if one.id not in chosenIds]

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
        self._plates = [plate["file"] for plate in document["plates"]]
        ui.buildLabel.text = "\n".join(filter(None, [warning, buildText(self._build)]))
        rows = [plateRow(number, plate) for number, plate in enumerate(document["plates"], 1)]
        fillTable(ui.platesTable, rows, stretchedColumn=1)
        if rows:
            ui.platesTable.setCurrentCell(0, 0)
        parts = [orientationRow(part) for plate in document["plates"] for part in plate["parts"]]
        fillTable(ui.orientationTable, parts)
        showFindings(ui.findingsTable, document["findings"])

    def updateActions(self):
        ui = self.ui
        closed = self.noCaseReason(ui.chooseCollapsibleButton)
        nothing = _("Make a part first.") if not self._parts else "" if self.partIds() else _("Check a part.")
        self.allow(ui.buildButton, closed or nothing)
        self.allow(ui.plateButton, closed or ("" if self._plates else _("Make the build first.")))

    # What the user does

    def onBuild(self):
        ui, folder, logic = self.ui, self.module.activeFolder(), self.module.logic
        wishes = (
            self.partIds(),
            chosen(ui.profileComboBox) or None,
            ui.directionLineEdit.text,
            ui.slicingCheckBox.checked,
        )
        self.module.runStep(
            lambda session, progress: logic.makeBuild(folder, session, *wishes, progress), _("The build is made.")
        )

    def onPlate(self):
        case, build, row = self.module.case, self._build, max(self.ui.platesTable.currentRow(), 0)
        name = self._plates[row]
        openFile(self.module, self.module.runStep(lambda *_given: self.module.logic.wholeFile(case, build, name), ""))


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
        (", ".join(row["object"] for row in plate["parts"]), "\n".join(row["name"] for row in plate["parts"])),
        _("{mm:.1f} mm").format(mm=plate["heightMm"]),
        _("{ml:.1f} ml").format(ml=estimate["partsMl"] + estimate["supportsMl"]),
        _("{hours:.1f}").format(hours=estimate["hours"]),
        _("{cost:.2f} {currency}").format(cost=estimate["cost"], currency=estimate["currency"]),
        slicerText(plate["slicer"]),
    )


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
        (part["object"], part["name"]),
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
