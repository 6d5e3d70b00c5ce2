"""The page that makes a package: what the gate says, what will be in it, and where it is saved."""

from pathlib import Path

import qt
from slicer.i18n import tr as _

from ORExportLib import Package
from ORExportLib.Media import removableDrives
from PlanningHubLib.Errors import PlanningError, firstRejection
from PlanningHubWidgets.CaseHeader import warningText
from PlanningHubWidgets.CaseModuleWidget import fillTable, isChosen, sizeText
from PlanningHubWidgets.Findings import showFindings
from PlanningHubWidgets.GovernancePanel import BAD_COLOR, BAD_STYLE, DOUBT_STYLE, GOOD_COLOR, GOOD_STYLE
from PlanningHubWidgets.Panel import Panel

from .ContentTexts import alwaysThere, optionalText

BYTES_PER_GIGABYTE = 1e9


class PackagePanel(Panel):
    """Shows the gate at any time, and makes and saves the package."""

    def connectActions(self):
        ui = self.ui
        self._judged, self._drives, self._filling = None, [], False
        ui.packageButton.connect("clicked(bool)", self.onMakePackage)
        ui.gateButton.connect("clicked(bool)", self.onLookAgain)
        ui.mediumComboBox.connect("activated(int)", self.onMedium)
        ui.contentsTable.connect("itemChanged(QTableWidgetItem*)", self._onContent)

    def forget(self):
        self._judged = None
        self.ui.approvedCheckBox.checked = False

    # What is shown

    def showCase(self, case):
        self._showGate(case)
        self._showContents()
        self._offerMedia()
        self._showPackage(case)

    def _showGate(self, case):
        """Judge the case anew where it has changed; what the archive said is said until then."""
        state = (case.caseId, case.auditHead["sha256"]) if case else None
        if state != self._judged:
            self._judged = state
            self._sayFindings(self._glance() if case else [])

    def _glance(self, address=""):
        try:
            return self.module.logic.gateFindings(self.module.case, address)
        except PlanningError as error:
            return [error.asFinding()]

    def _sayFindings(self, findings):
        ui = self.ui
        text, style = gateText(findings) if self.module.case else ("", "")
        ui.gateLabel.text, ui.gateLabel.styleSheet = text, style
        showFindings(ui.gateTable, [one.asDict() for one in findings])

    def _showContents(self):
        table, left = self.ui.contentsTable, self.leftOut()
        names = Package.optionalContents()
        always = alwaysThere()
        self._filling = True
        fillTable(table, [*map(optionalText, names), *always], stretchedColumn=1)
        for row, name in enumerate(names):
            _check(table.item(row, 0), name not in left)
        for row in range(len(names), len(names) + len(always)):
            _check(table.item(row, 0), True, mayChange=False)
        self._filling = False

    def leftOut(self):
        """Return the names of the contents that are not wanted."""
        text = self.module.parameters.leaveOut if self.module.parameters else ""
        return [name for name in Package.optionalContents() if name in text.split(",")]

    def _onContent(self, item):
        if not self._filling and item.column() == 0:
            names, table = Package.optionalContents(), self.ui.contentsTable
            left = [name for row, name in enumerate(names) if table.item(row, 0).checkState() != qt.Qt.Checked]
            self.module.parameters.leaveOut = ",".join(left)

    def _offerMedia(self):
        combo = self.ui.mediumComboBox
        self._drives = removableDrives()
        combo.clear()
        combo.addItem(_("a folder of my own choice"))
        for name, _path, free in self._drives:
            combo.addItem(_("{name}, {free:.1f} GB free").format(name=name, free=free / BYTES_PER_GIGABYTE))
        combo.enabled = bool(self._drives)
        chosen = Path(self.module.parameters.outFolder) if self.module.parameters else Path()
        for row, (_name, path, _free) in enumerate(self._drives, 1):
            if path in chosen.parents:
                combo.currentIndex = row

    def _showPackage(self, case):
        ui = self.ui
        package = case.latest("package") if case else None
        files = package.files.items() if package else []
        rows = [(name, sizeText(one.bytes), (one.sha256[:12] + "\u2026", one.sha256)) for name, one in files]
        warning = warningText(case, package) if package else ""
        fillTable(ui.packageTable, [(warning,), *rows] if warning else rows)
        isApproved = bool(package) and package.facts["approved"]
        ui.approvalLabel.text = approvalText(isApproved) if package else ""
        ui.approvalLabel.styleSheet = f"color: {GOOD_COLOR if isApproved else BAD_COLOR}; font-weight: bold;"
        ui.packageCollapsibleButton.visible = package is not None

    def updateActions(self):
        parameters = self.module.parameters
        hasCase = self.module.case is not None
        self.ui.packageButton.enabled = bool(parameters and hasCase and isChosen(parameters.outFolder))
        self.ui.gateButton.enabled = hasCase

    # What the user does

    def onLookAgain(self):
        address = self.ui.storeLineEdit.text
        findings = self.module.runStep(
            lambda _session, _progress: self.module.logic.gateFindings(self.module.case, address), ""
        )
        if findings is not None:
            self._sayFindings(findings)

    def onMedium(self, row):
        if row > 0 and self.module.case:
            _name, path, _free = self._drives[row - 1]
            self.module.parameters.outFolder = path / f"{self.module.case.name}-package"

    def onMakePackage(self):
        module, folder = self.module, self.module.activeFolder()
        wishes = {
            "leaveOut": self.leftOut(),
            "requireApproved": self.ui.approvedCheckBox.checked,
            "storeAddress": self.ui.storeLineEdit.text,
        }
        outFolder = module.parameters.outFolder
        done = _("The package is saved and was read back.")
        findings = module.runStep(
            lambda session, progress: module.logic.makePackage(folder, session, outFolder, progress, **wishes), done
        )
        if findings:
            module.runner.say("\n".join([done, *(finding.message for finding in findings)]))


def _check(item, isChecked, mayChange=True):
    item.setFlags(qt.Qt.ItemIsUserCheckable | qt.Qt.ItemIsEnabled if mayChange else qt.Qt.ItemIsUserCheckable)
    item.setCheckState(qt.Qt.Checked if isChecked else qt.Qt.Unchecked)


def gateText(findings):
    """Return what the gate says in a sentence, and how it is shown."""
    if firstRejection(findings):
        return _("CLOSED: no package is made. Why, and what to do, stands below."), BAD_STYLE
    if any(one.severity == "warn" for one in findings):
        return _("OPEN, with care: what is said below will stand in the package."), DOUBT_STYLE
    return _("OPEN: nothing speaks against a package."), GOOD_STYLE


def approvalText(approved):
    """Return what a package's approval means for its use."""
    return _("Approved.") if approved else _("NOT APPROVED: for planning review only.")
