"""The page that gives a case back from the store alone."""

from slicer.i18n import tr as _

from PlanningHubWidgets.CaseHeader import sideText
from PlanningHubWidgets.CaseModuleWidget import fillTable, isChosen, sizeText
from PlanningHubWidgets.GovernancePanel import empty
from PlanningHubWidgets.Panel import Panel

ROW_PIXELS = 26


class RestorePanel(Panel):
    """Lists the cases of the store. ``cases`` are those that are shown, in the order of the rows."""

    def connectActions(self):
        self._address = ""
        self.cases = []
        for kind, title in kindTexts().items():
            self.ui.kindComboBox.addItem(title, kind)
        self.ui.searchButton.connect("clicked(bool)", self.onSearch)
        self.ui.restoreButton.connect("clicked(bool)", self.onRestore)
        self.ui.casesTable.connect("itemSelectionChanged()", self._onSelected)

    def forget(self):
        ui = self.ui
        empty(ui.patientLineEdit, ui.procedureLineEdit, ui.sinceLineEdit, ui.untilLineEdit)
        ui.kindComboBox.currentIndex = 0
        self._show([], "")

    def showCase(self, case):
        pass

    def updateActions(self):
        if self.module.address() != self._address:
            self._address = self.module.address()
            self._show([], "")
        parameters = self.module.parameters
        self.ui.searchButton.enabled = bool(self._address)
        isReady = bool(parameters) and isChosen(parameters.restoreFolder) and self._selected() is not None
        self.ui.restoreButton.enabled = isReady

    def _onSelected(self):
        case = self._selected()
        self.ui.caseLabel.text = caseText(case) if case else ""
        self.updateActions()

    def _selected(self):
        row = self.ui.casesTable.currentRow()
        return self.cases[row] if 0 <= row < len(self.cases) else None

    def _show(self, cases, text):
        self.cases = cases
        fillTable(self.ui.casesTable, [caseRow(case) for case in cases], stretchedColumn=1, rowPixels=ROW_PIXELS)
        self.ui.casesTable.setCurrentCell(-1, 0)
        self.ui.casesLabel.text = text

    # What the user does

    def onSearch(self):
        ui, module, address, login = self.ui, self.module, self._address, self.module.login()
        words = [edit.text.strip() for edit in
                 (ui.patientLineEdit, ui.procedureLineEdit, ui.sinceLineEdit, ui.untilLineEdit)]  # fmt: skip
        words.append(ui.kindComboBox.itemData(ui.kindComboBox.currentIndex))
        found = module.runStep(lambda _session, progress: module.logic.browse(address, *words, progress, login), "")
        if found is not None:
            cases, findings = found
            text = _("Cases found: {count:,}.").format(count=len(cases))
            self._show(cases, " ".join([text, *(one.message for one in findings)]))
            self.updateActions()

    def onRestore(self):
        module, address, caseId = self.module, self._address, self._selected().caseId
        folder, readOnly, login = module.parameters.restoreFolder, self.ui.readOnlyCheckBox.checked, module.login()
        restored = module.runStep(
            lambda session, progress: module.logic.restore(address, caseId, folder, readOnly, session, progress, login),
            "",
            _("Cancelled; no case was made."),
        )
        if restored is not None:
            text = _("The case is back: every file has its hash, and the audit log is the one that the store has seen.")
            module.runner.say("\n".join([text, *(finding.message for finding in restored.findings)]))


def kindTexts():
    """Return kind of artefact that a case may be searched by → what it is called; empty for any."""
    return {
        "": _("anything"),
        "segmentation": _("a segmentation"),
        "plan": _("a plan"),
        "part": _("a printable part"),
        "package": _("an operating-room package"),
        "inspection": _("an inspected part"),
        "outcome": _("an outcome"),
        "external": _("a partner's answer"),
    }


def caseRow(case):
    """Return the cells of a case that a store keeps."""
    name, procedure = (case.name, case.caseId), case.procedure or "-"
    return name, procedure, sideText(case.side), case.created[:10], sizeText(case.bytes)


def caseText(case):
    """Return what else the store says of a case."""
    lines = [
        _("Approvals stood in it; whether they hold is judged when it is restored.")
        if case.approvals else _("Nothing in it was approved.")
    ]  # fmt: skip
    if case.superseded:
        text = _("Older revisions that newer ones have taken the place of: {count}.")
        lines.append(text.format(count=case.superseded))
    return "\n".join(lines)
