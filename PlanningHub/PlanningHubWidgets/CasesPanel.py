"""The page of the case list."""

from slicer.i18n import tr as _

from PlanningHubLib.CaseList import listCases

from .CaseHeader import sideText, stepTitles
from .CaseModuleWidget import fillTable, isChosen
from .Panel import Panel


class CasesPanel(Panel):
    """Lists the cases of a folder, and opens one."""

    def connectActions(self):
        self._listedFolder = None
        self.cases = []
        self.ui.openButton.connect("clicked(bool)", self.onOpen)
        self.ui.refreshButton.connect("clicked(bool)", self.onRefresh)
        self.ui.casesTable.connect("itemSelectionChanged()", self.updateActions)
        self.ui.casesTable.connect("cellDoubleClicked(int,int)", self.onOpen)

    def showCase(self, case):
        self._listCases()

    def updateActions(self):
        parameters = self.module.parameters
        if parameters and self._listedFolder != parameters.casesFolder:
            self._listCases()
        self.ui.openButton.enabled = self.ui.casesTable.currentRow() >= 0

    def _listCases(self):
        if self.module.parameters is None:
            return
        selected = self._selectedFolder()
        self._listedFolder = self.module.parameters.casesFolder
        self.cases = listCases(self._listedFolder) if isChosen(self._listedFolder) else []
        titles = stepTitles()
        rows = [
            (
                (case.name, case.folder),
                sideText(case.side),
                titles.get(case.nextKind, _("complete")),
                case.procedure or "",
            )
            for case in self.cases
        ]
        fillTable(self.ui.casesTable, rows, stretchedColumn=3)
        # A row that now holds another case must not stay selected.
        folders = [case.folder for case in self.cases]
        self.ui.casesTable.setCurrentCell(folders.index(selected) if selected in folders else -1, 0)

    def _selectedFolder(self):
        row = self.ui.casesTable.currentRow()
        return self.cases[row].folder if 0 <= row < len(self.cases) else None

    def onRefresh(self, _checked=False):
        self.module.refresh()

    def onOpen(self, *_position):
        folder = self._selectedFolder()
        if folder is None:
            return
        logic = self.module.logic
        self.module.runStep(lambda session, progress: logic.openCase(folder, session, progress), _("The case is open."))
