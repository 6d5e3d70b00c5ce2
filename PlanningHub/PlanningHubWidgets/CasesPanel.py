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
ROW_PIXELS = 38
# Column → what a click on its title sorts by; the next step has no order.
SORT_OF_COLUMN = {0: "name", 1: "side", 3: "state", 4: "surgeryDate"}


class CasesPanel(Panel):
    """Lists the cases of a folder. ``cases`` are those that are shown, in the order of the rows."""

    def connectActions(self):
        self._listedFolder = None
        self._kept = {}
        self._all, self._found, self.cases, self._shown = [], [], [], []
        self._showsAll = False
        self.ui.stateComboBox.addItem(_("All states"), None)
        self.ui.stateComboBox.addItem(_("No request"), "")
        for name in states():
            self.ui.stateComboBox.addItem(name, name)
        for key, title in sortTitles().items():
            self.ui.sortComboBox.addItem(title, key)
        header = self.ui.casesTable.horizontalHeader()
        header.setSectionsClickable(True)
        header.connect("sectionClicked(int)", self.onSort)
        self.ui.searchLineEdit.connect("textChanged(QString)", self.onFind)
        self.ui.stateComboBox.connect("currentIndexChanged(int)", self.onFind)
        self.ui.sortComboBox.connect("currentIndexChanged(int)", self._show)
        self.ui.descendingCheckBox.connect("toggled(bool)", self._show)
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
        # A forgotten filter would hide cases from the next user.
        self.ui.searchLineEdit.text = ""
        self.ui.stateComboBox.setCurrentIndex(0)
        self.ui.sortComboBox.setCurrentIndex(0)
        self.ui.descendingCheckBox.checked = False

    def _onSelected(self):
        self.ui.openButton.enabled = self._selectedFolder() is not None

    def _listCases(self):
        if self.module.parameters is None:
            return
        if self._listedFolder != self.module.parameters.casesFolder:
            self._listedFolder, self._kept = self.module.parameters.casesFolder, {}
        self._all = listCases(self._listedFolder, kept=self._kept) if isChosen(self._listedFolder) else []
        self._show()

    def _show(self, _changed=None):
        """Find, sort and show; a row that now holds another case does not stay selected."""
        selected = self._selectedFolder()
        state = self.ui.stateComboBox.itemData(self.ui.stateComboBox.currentIndex)
        wanted = {} if state is None else {"state": state}
        self._found = findCases(
            self._all, self.ui.searchLineEdit.text, self._sortKey(), self.ui.descendingCheckBox.checked, **wanted
        )
        self.cases = self._found if self._showsAll else self._found[:SHOWN_ROWS]
        self._showSorting()
        if self.cases != self._shown:
            titles = stepTitles()
            fillTable(self.ui.casesTable, [_row(case, titles) for case in self.cases], rowPixels=ROW_PIXELS)
            self._shown = self.cases
        folders = [case.folder for case in self.cases]
        self.ui.casesTable.setCurrentCell(folders.index(selected) if selected in folders else -1, 0)
        self._showCount()
        self._onSelected()

    def _sortKey(self):
        return self.ui.sortComboBox.itemData(self.ui.sortComboBox.currentIndex)

    def _showSorting(self):
        header, key = self.ui.casesTable.horizontalHeader(), self._sortKey()
        column = next((column for column, sorted_ in SORT_OF_COLUMN.items() if sorted_ == key), -1)
        order = qt.Qt.DescendingOrder if self.ui.descendingCheckBox.checked else qt.Qt.AscendingOrder
        header.setSortIndicatorShown(column >= 0)
        header.setSortIndicator(column, order)

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
        """Sort by the column whose title was clicked, the other way round where it is already."""
        key = SORT_OF_COLUMN.get(column)
        isSorted = key == self._sortKey()
        if key:
            self.ui.sortComboBox.setCurrentIndex(self.ui.sortComboBox.findData(key))
            self.ui.descendingCheckBox.checked = isSorted and not self.ui.descendingCheckBox.checked
        self._showSorting()

    def onRefresh(self, _checked=False):
        self.module.refresh()

    def onOpen(self, *_position):
        folder = self._selectedFolder()
        if folder is None:
            return
        logic = self.module.logic
        self.module.runStep(lambda session, progress: logic.openCase(folder, session, progress), _("The case is open."))


def sortTitles():
    """Return what the list can be sorted by → what it is called."""
    return {
        "name": _("case"),
        "procedure": _("procedure"),
        "side": _("side"),
        "state": _("state of the request"),
        "surgeryDate": _("date of the surgery"),
        "urgency": _("urgency"),
        "department": _("department"),
        "assignedTo": _("who has it"),
        "created": _("date of the case"),
    }


def _row(case, titles):
    return (
        (f"{case.name}\n{case.procedure or ''}", case.folder),
        _("BOTH") if case.side == "bilateral" else sideText(case.side),
        titles.get(case.nextKind, _("complete")),
        case.state or "",
        f"{case.value('surgeryDate')}\n{case.value('urgency')}".strip(),
    )
