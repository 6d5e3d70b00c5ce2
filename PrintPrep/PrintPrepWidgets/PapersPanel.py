"""The page of a part's papers: what is entered by hand, the PDFs, and what keeps the part from being handed out."""

import qt
from slicer.i18n import tr as _

from PlanningHubLib.Errors import PlanningError
from PlanningHubWidgets.CaseModuleWidget import fillTable
from PlanningHubWidgets.GovernancePanel import BAD_STYLE, DOUBT_COLOR, DOUBT_STYLE, GOOD_STYLE, PLAIN_STYLE, tint
from PrintPrepLib.Papers.Papers import entriesOf
from PrintPrepLib.Papers.PapersFields import DATE, DURATION, changedValues, fieldRows
from PrintPrepLib.Papers.Release import releaseFaults, releaseRows
from PrintPrepLib.PartRecords import newestChild, partNumber

from .CopyChoice import CopyChoice
from .PartPage import PartPage, openFile

SHOWN_SUFFIXES = (".pdf", ".csv")


class PapersPanel(PartPage):
    """Enters the traveller's fields and makes the papers."""

    def connectPart(self):
        self._papers, self._entries, self._names, self._files = None, [], [], []
        self._fault, self._filling = "", False
        self.copies = CopyChoice(self, _("all copies"))
        self.ui.papersButton.connect("clicked(bool)", self.onPapers)
        self.ui.openButton.connect("clicked(bool)", self.onOpen)
        self.ui.filesTable.connect("itemSelectionChanged()", self.updateActions)

    # What is shown

    def showPart(self, case, part):
        ui = self.ui
        self.copies.show(case, part)
        self._papers = newestChild(case, "papers", part) if part else None
        self._fault, self._entries = "", []
        try:
            self._entries = entriesOf(case, part) if part else []
        except PlanningError as error:
            self._fault = str(error)
        self._showFields(part)
        self._files = [name for name in self._papers.files if name.endswith(SHOWN_SUFFIXES)] if self._papers else []
        fillTable(ui.filesTable, [(paperText(name), name) for name in self._files], stretchedColumn=1)
        ui.filesCollapsibleButton.visible = bool(self._files)
        ui.releaseCollapsibleButton.visible = part is not None
        if part:
            self._showRelease(case, part)
        if self._papers:
            self._showState(case)

    def _showFields(self, part):
        table, rows = self.ui.fieldsTable, fieldRows(self._entries, part, self.copies.meant()) if part else []
        self._names = [field.name for field, _value, _isMissing in rows]
        fillTable(table, [(sectionText(field.section), field.title, value) for field, value, _missing in rows],
                  stretchedColumn=(1, 2))  # fmt: skip
        for row, (field, _value, isMissing) in enumerate(rows):
            for column in (0, 1):
                table.item(row, column).setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable)
            table.item(row, 2).setToolTip(formText(field.kind))
            if isMissing:
                tint(table, row, 1, DOUBT_COLOR)
        missing = [field.title for field, _value, isMissing in rows if isMissing]
        text = _("The traveller still needs: {fields}.").format(fields="; ".join(missing)) if missing else ""
        self.ui.missingLabel.text = self._fault or text
        self.ui.missingLabel.styleSheet = BAD_STYLE if self._fault else DOUBT_STYLE
        self.ui.missingLabel.visible = bool(self._fault or text)

    def _showState(self, case):
        facts, state = self._papers.facts, case.state(self._papers, readFiles=False)
        words = [
            _("{papers}.").format(papers=partNumber(self._papers)),
            _("STALE: make them again.") if state != "current" else "",
            _("Approved.") if facts["approvals"] else _("They say NOT APPROVED on every page."),
            _("Missing in the statement: {fields}.").format(fields=", ".join(facts["statementMissing"]))
            if facts["statementMissing"] else "",
            _("Missing on the label: {fields}.").format(fields=", ".join(facts["labelMissing"]))
            if facts["labelMissing"] else "",
        ]  # fmt: skip
        self.ui.papersLabel.text = " ".join(filter(None, words))
        self.ui.papersLabel.styleSheet = DOUBT_STYLE if state != "current" else PLAIN_STYLE

    def _showRelease(self, case, part):
        ui = self.ui
        try:
            faults, rows = releaseFaults(case, part), releaseRows(case, part)
        except PlanningError as error:
            faults, rows = [str(error)], []
        ui.releaseLabel.text = "\n".join(faults) or _("Nothing is left to do: the part may be handed out.")
        ui.releaseLabel.styleSheet = DOUBT_STYLE if faults else GOOD_STYLE
        fillTable(ui.releaseTable, rows[:-1], stretchedColumn=(0, 1) if self.copies.isSeveral() else 1)

    def updateActions(self):
        ui = self.ui
        reason = self.noCaseReason(ui.fieldsCollapsibleButton, ui.filesCollapsibleButton) or self.noPartReason()
        self.allow(ui.papersButton, reason or self._fault)
        row = ui.filesTable.currentRow()
        self.allow(ui.openButton, reason or ("" if 0 <= row < len(self._files) else _("Select a paper.")))

    # What the user does

    def texts(self):
        """Return field's name → what stands in its cell."""
        return {name: self.ui.fieldsTable.item(row, 2).text() for row, name in enumerate(self._names)}

    def onPapers(self):
        folder, logic, part = self.module.activeFolder(), self.module.logic, self.chosen()
        values = changedValues(self.texts(), self._entries, part, self.copies.chosen())
        self.module.runStep(
            lambda session, progress: logic.makePapers(folder, part.id, values, progress),
            _("The papers are made."),
        )

    def onOpen(self):
        case, papers, name = self.module.case, self._papers, self._files[self.ui.filesTable.currentRow()]
        openFile(self.module, self.module.runStep(lambda *_given: self.module.logic.wholeFile(case, papers, name), ""))


def sectionText(section):
    """Return on which paper a field stands."""
    return {
        "traveller": _("Traveller"), "statement": _("Statement"), "label": _("Label"), "registry": _("Registry"),
    }[section]  # fmt: skip


def formText(kind):
    """Return how a field is entered."""
    return {DATE: _("A date such as 2026-01-31"), DURATION: _("Hours:minutes, such as 1:30")}.get(
        kind, _("Some words on one line; never the patient's name")
    )


def paperText(name):
    """Return which paper a file is."""
    words = {
        "job-ticket": _("Job ticket"), "traveller": _("Traveller"), "inspection-sheet": _("Inspection sheet"),
        "statement": _("Statement, a draft"), "label": _("Label"), "registry": _("Registry row"),
    }  # fmt: skip
    return words.get(name.rpartition("_")[2].rpartition(".")[0], name)
