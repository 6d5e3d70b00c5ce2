"""The page on which a printed part is inspected: dimensions that are read, and a scan of it."""

from pathlib import Path

import qt
from slicer.i18n import tr as _

from PlanningHubLib.Planning.Figures import numberOf
from PlanningHubWidgets.CaseModuleWidget import fillTable, isChosen
from PlanningHubWidgets.GovernancePanel import (
    BAD_COLOR,
    BAD_STYLE,
    DOUBT_STYLE,
    FADED_COLOR,
    GOOD_COLOR,
    GOOD_STYLE,
    tint,
)
from PlanningHubWidgets.StepRunner import DONE_STYLE, ERROR_STYLE
from PrintPrepLib.Papers.Inspection import FAIL, MEASURED, OPEN, PASS, SCANNED, partToleranceMm, readings
from PrintPrepLib.Papers.PapersContent import inspectionsOf
from PrintPrepLib.Papers.ScanCompare import UNITS_MM

from .CopyChoice import CopyChoice
from .PartPage import PartPage, openFile
from .PartPanel import chosen, fill

COLORS = {PASS: GOOD_COLOR, FAIL: BAD_COLOR, OPEN: FADED_COLOR}
STYLES = {PASS: GOOD_STYLE, FAIL: BAD_STYLE, OPEN: DOUBT_STYLE}


class InspectionPanel(PartPage):
    """Enters what was read on the printed part, and compares a scan of it."""

    def connectPart(self):
        ui = self.ui
        self._made, self._picture = {}, ""
        self.copies = CopyChoice(self)
        fill(ui.unitComboBox, [("", _("not stated")), *((one, one) for one in UNITS_MM)])
        ui.unitComboBox.connect("activated(int)", self._onInput)
        for path in (ui.dimensionsPathLineEdit, ui.scanPathLineEdit):
            path.connect("currentPathChanged(QString)", self._onInput)
        ui.toleranceSpinBox.connect("valueChanged(double)", self._onInput)
        ui.inspectButton.connect("clicked(bool)", self.onInspect)
        ui.scanButton.connect("clicked(bool)", self.onScan)
        ui.scanPictureButton.connect("clicked(bool)", self.onPicture)

    def forget(self):
        ui = self.ui
        ui.dimensionsPathLineEdit.currentPath = ui.scanPathLineEdit.currentPath = ""
        ui.unitComboBox.currentIndex = 0
        ui.toleranceSpinBox.value = 0
        ui.instrumentLineEdit.text = ""

    # What is shown

    def showPart(self, case, part):
        ui = self.ui
        self.copies.show(case, part)
        made = inspectionsOf(case, part, self.copies.chosen()) if part else {}
        self._made = {method: one for method, one in made.items() if not case.damagedFiles(one)}
        damaged = [one.title for one in made.values() if one not in self._made.values()]
        self._showReadings(case)
        scan = self._made.get(SCANNED)
        fillTable(ui.scanTable, scanRows(scan.facts) if scan else [], stretchedColumn=1)
        self._picture = next((name for name in scan.files if name.endswith(".png")), "") if scan else ""
        verdict = verdictOf(self._made.values())
        ui.releaseLabel.text = "\n".join([verdictText(verdict), *damagedTexts(damaged)])
        ui.releaseLabel.styleSheet = BAD_STYLE if damaged else STYLES[verdict]
        ui.releaseLabel.visible = bool(made)

    def _showReadings(self, case):
        table, measured = self.ui.dimensionsTable, self._made.get(MEASURED)
        rows = readings(case, measured) if measured else []
        fillTable(table, [(*row[:3], row[3].removesuffix(" mm"), wordOf(row[4])) for row in rows])
        for number, row in enumerate(rows):
            for column in (0, 1, 2, 4):
                table.item(number, column).setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable)
            tint(table, number, 4, COLORS[row[4]])
        if measured and not self.ui.instrumentLineEdit.text:
            self.ui.instrumentLineEdit.text = measured.facts["instrument"]

    def updateActions(self):
        ui, part = self.ui, self.chosen()
        reason = self.noCaseReason(ui.dimensionsCollapsibleButton, ui.scanCollapsibleButton) or self.noPartReason()
        if not reason and partToleranceMm(part) is None and not ui.toleranceSpinBox.value:
            reason = _("Neither recipe nor procedure says how far the part may be off: state a tolerance.")
        self.allow(ui.inspectButton, reason)
        ui.inspectButton.text = _("Keep what was read") if MEASURED in self._made else _("Measure the nominal values")
        unstated = "" if isChosen(ui.scanPathLineEdit.currentPath) else _("Choose the scan.")
        unstated = unstated or ("" if chosen(ui.unitComboBox) else _("State the scan's unit."))
        self.allow(ui.scanButton, reason or unstated)
        self.allow(ui.scanPictureButton, "" if self._picture else _("There is none."))

    def _onInput(self, _changed=None):
        self.module.updateActions()

    # What the user does

    def measured(self):
        """Return dimension's name → what was entered for it; a number where it is one."""
        table, found = self.ui.dimensionsTable, {}
        for row in range(table.rowCount):
            text = table.item(row, 3).text().strip()
            if text:
                number = numberOf(text)
                found[table.item(row, 0).text()] = text if number is None else number
        return found

    def onInspect(self):
        ui, folder, logic, part = self.ui, self.module.activeFolder(), self.module.logic, self.chosen()
        path = ui.dimensionsPathLineEdit.currentPath
        path = Path(path) if isChosen(path) else None
        # Other dimensions are chosen: what stands in the table is of the earlier ones.
        measured = {} if path else self.measured()
        wishes = (
            self.copies.chosen(),
            path,
            measured,
            ui.toleranceSpinBox.value or None,
            ui.instrumentLineEdit.text.strip() or None,
        )
        made = self.module.runStep(
            lambda *_given: logic.inspectMeasured(folder, part.id, *wishes), _("It is kept; enter what you read.")
        )
        if made is not None:
            ui.dimensionsPathLineEdit.currentPath = ""
            self._sayVerdict(made.facts["verdict"])

    def onScan(self):
        ui, folder, logic, part = self.ui, self.module.activeFolder(), self.module.logic, self.chosen()
        wishes = (
            self.copies.chosen(),
            Path(ui.scanPathLineEdit.currentPath),
            chosen(ui.unitComboBox),
            ui.toleranceSpinBox.value or None,
        )
        made = self.module.runStep(lambda _session, progress: logic.inspectScan(folder, part.id, *wishes, progress), "")
        if made is not None:
            ui.scanPathLineEdit.currentPath = ""
            self._sayVerdict(made.facts["verdict"])

    def _sayVerdict(self, verdict):
        self.module.runner.say(verdictText(verdict), ERROR_STYLE if verdict == FAIL else DONE_STYLE)

    def onPicture(self):
        case, scan, name = self.module.case, self._made[SCANNED], self._picture
        openFile(self.module, self.module.runStep(lambda *_given: self.module.logic.wholeFile(case, scan, name), ""))


def scanRows(facts):
    """Return (name, value) rows of what a scan shows."""
    millimetres = _("{mm:.3f} mm")
    return [
        (_("Verdict"), wordOf(facts["verdict"])),
        (_("Off on average"), millimetres.format(mm=facts["meanAbsoluteMm"])),
        (_("Off at 95 %"), millimetres.format(mm=facts["p95Mm"])),
        (_("Farthest off"), millimetres.format(mm=facts["maximumMm"])),
        (_("Seen"), _("{percent:.0f} % of the part's surface").format(percent=facts["coveragePercent"])),
        *((_("Why"), reason) for reason in facts["reasons"]),
        *((_("Note"), finding["message"]) for finding in facts["findings"]),
    ]


def verdictOf(inspections):
    """Return the worst verdict of inspections."""
    verdicts = {one.facts["verdict"] for one in inspections}
    return FAIL if FAIL in verdicts else OPEN if OPEN in verdicts or not verdicts else PASS


def wordOf(verdict):
    """Return what a verdict is called."""
    return {PASS: _("pass"), FAIL: _("FAIL"), OPEN: _("open")}[verdict]


def verdictText(verdict):
    """Return what a verdict means."""
    return {
        PASS: _("The printed part passes."),
        FAIL: _("The printed part FAILS: do not hand it out."),
        OPEN: _("The inspection is not complete yet."),
    }[verdict]


def damagedTexts(titles):
    """Return in words which inspections were changed outside the suite."""
    return [_("{title} was changed outside the suite.").format(title=title) for title in titles]
