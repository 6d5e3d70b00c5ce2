"""The page of the case list: searched, filtered, sorted; opens a case."""

import qt
from slicer.i18n import tr as _

from PlanningHubLib.CaseList import findCases, listCases
from PlanningHubLib.Request import states

from .CaseHeader import sideText, stepTitles
from .CaseModuleWidget import fillTable, isChosen
from .Panel import Panel

# Nobody reads more lines than these; a search finds the others.
SHOWN_ROWS = 500
# Column → what it sorts by; the next step has no order.
SORT_OF_COLUMN = {0: "name", 1: "side", 3: "state", 4: "surgeryDate", 5: "procedure"}
URGENCY_MARKS = {"urgent": "!", "emergency": "!!"}


class CasesPanel(Panel):
    """Lists the cases of a folder. ``cases`` are those that are shown, in the order of the rows."""

    def connectActions(self):
        self._listedFolder = None
        self._all, self._found, self.cases = [], [], []
        self._sortColumn, self._descending, self._showsAll = 0, False, False
        self.ui.stateComboBox.addItem(_("All states"), None)
        self.ui.stateComboBox.addItem(_("No request"), "")
        for name in states():
            self.ui.stateComboBox.addItem(name, name)
        header = self.ui.casesTable.horizontalHeader()
        header.setSectionsClickable(True)
        header.setSortIndicatorShown(True)
        header.connect("sectionClicked(int)", self.onSort)
        self.ui.searchLineEdit.connect("textChanged(QString)", self.onFind)
        self.ui.stateComboBox.connect("currentIndexChanged(int)", self.onFind)
        self.ui.showAllButton.connect("clicked(bool)", self.onShowAll)
        self.ui.openButton.connect("clicked(bool)", self.onOpen)
        self.ui.refreshButton.connect("clicked(bool)", self.onRefresh)
        self.ui.casesTable.connect("itemSelectionChanged()", self._onSelected)
        self.ui.casesTable.connect("cellDoubleClicked(int,int)", self.onOpen)

    def showCase(self, case):
        self._listCases()

    def updateActions(self):
        parameters = self.module.parameters
        if parameters and self._listedFolder != parameters.casesFolder:
            self._listCases()
        self._onSelected()

    def forget(self):
        self.ui.searchLineEdit.text = ""

    def _onSelected(self):
        self.ui.openButton.enabled = self._selectedFolder() is not None

    def _listCases(self):
        if self.module.parameters is None:
            return
        self._listedFolder = self.module.parameters.casesFolder
        self._all = listCases(self._listedFolder) if isChosen(self._listedFolder) else []
        self._show()

    def _show(self):
        """Find, sort and show; a row that now holds another case does not stay selected."""
        selected = self._selectedFolder()
        state = self.ui.stateComboBox.itemData(self.ui.stateComboBox.currentIndex)
        wanted = {} if state is None else {"state": state}
        self._found = findCases(
            self._all, self.ui.searchLineEdit.text, SORT_OF_COLUMN[self._sortColumn], self._descending, **wanted
        )
        self.cases = self._found if self._showsAll else self._found[:SHOWN_ROWS]
        order = qt.Qt.DescendingOrder if self._descending else qt.Qt.AscendingOrder
        self.ui.casesTable.horizontalHeader().setSortIndicator(self._sortColumn, order)
        fillTable(self.ui.casesTable, list(map(_row, self.cases)), stretchedColumn=5, oneLine=True)
        folders = [case.folder for case in self.cases]
        self.ui.casesTable.setCurrentCell(folders.index(selected) if selected in folders else -1, 0)
        self._showCount()
        self._onSelected()

    def _showCount(self):
        shown, found = len(self.cases), len(self._found)
        self.ui.showAllButton.visible = shown < found
        if shown < found:
            text = _("{shown:,} of {found:,}: search to narrow").format(shown=shown, found=found)
        elif found < len(self._all):
            text = _("{found:,} of {all:,} cases match").format(found=found, all=len(self._all))
        else:
            text = _("{found:,} cases").format(found=found)
        self.ui.countLabel.text = text

    def _selectedFolder(self):
        row = self.ui.casesTable.currentRow()
        return self.cases[row].folder if 0 <= row < len(self.cases) else None

    def onFind(self, _changed=None):
        self._showsAll = False
        self._show()

    def onShowAll(self, _checked=False):
        self._showsAll = True
        self._show()

    def onSort(self, column):
        if column in SORT_OF_COLUMN:
            self._descending = column == self._sortColumn and not self._descending
            self._sortColumn = column
        self._show()

    def onRefresh(self, _checked=False):
        self.module.refresh()

    def onOpen(self, *_position):
        folder = self._selectedFolder()
        if folder is None:
            return
        logic = self.module.logic
        self.module.runStep(lambda session, progress: logic.openCase(folder, session, progress), _("The case is open."))


def _row(case):
    urgency, surgery = case.value("urgency"), case.value("surgeryDate")
    return (
        (case.name, case.folder),
        sideText(case.side),
        stepTitles().get(case.nextKind, _("complete")),
        case.state or "",
        (f"{surgery} {URGENCY_MARKS.get(urgency, '')}".strip(), f"{surgery} {urgency}".strip()),
        case.procedure or "",
    )
