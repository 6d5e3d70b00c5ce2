"""The widget that all modules of the suite are: header on top, the module's actions, progress and messages below."""

import qt
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleWidget
from slicer.util import VTKObservationMixin

from PlanningHubLib.ActiveCase import activeCaseFolder, activeCaseNode
from PlanningHubLib.Case import Case, isCase
from PlanningHubLib.Errors import PlanningError
from PlanningHubLib.SeenFiles import SeenFiles

from .CaseHeader import CaseHeader
from .StepRunner import ERROR_STYLE, StepRunner


class CaseModuleWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """A module widget that acts on the active case.

    A module overrides :meth:`createLogic`, :meth:`connectActions`, :meth:`showCase` and :meth:`updateActions`.
    """

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self.runner = None
        self.parameters = None
        self.case = None
        self._shownFolder = ""
        self._pathWidgets = []
        self._guiTags = []
        self._seenFiles = SeenFiles()

    def createLogic(self):
        """Return the module's logic."""
        raise NotImplementedError

    def connectActions(self):
        """Connect the module's own buttons."""
        raise NotImplementedError

    def showCase(self, case):
        """Show what the module has to say of a case, or of none (None)."""
        raise NotImplementedError

    def updateActions(self):
        """Enable what can be done now."""
        raise NotImplementedError

    def guis(self):
        """Return all widget collections that hold widgets of the parameter node."""
        return [self.ui]

    def forget(self):
        """Let go of what was entered or prepared and is not in the parameter node."""

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath(f"UI/{self.moduleName}.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.header = CaseHeader(self.ui.caseHeaderFrame)
        self.runner = StepRunner(self.ui)
        self.logic = self.createLogic()
        self.connectActions()
        self._pathWidgets = slicer.util.findChildren(uiWidget, className="ctkPathLineEdit")
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self._onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self._onSceneChanged)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndImportEvent, self._onSceneChanged)
        self._connectParameters()
        self.refresh()

    def cleanup(self):
        if self.runner:
            self.runner.cancel()
            self.forget()
        self._disconnectParameters()
        self.removeObservers()

    def enter(self):
        self._connectParameters()
        self.refresh()

    def exit(self):
        self._disconnectParameters()

    # The active case

    def activeFolder(self):
        """Return the active case's folder as text, or empty text."""
        return activeCaseFolder(slicer.mrmlScene)

    def refresh(self, keepMessage=False):
        """Show the active case again as it is on disk; what was said of another one is not kept."""
        self._observeActiveCase()
        folder = self.activeFolder()
        if folder != self._shownFolder and not keepMessage:
            self.runner.say("")
        self._shownFolder = folder
        self.case = self._openForReading(folder)
        self.header.show(self.case)
        self.showCase(self.case)
        self.updateActions()

    def _openForReading(self, folder):
        if not folder:
            return None
        try:
            if isCase(folder):
                case = Case.open(folder)
                # A refresh must not read gigabytes; every step opens the case anew and reads all it needs.
                case.digestOf = self._seenFiles.sha256
                return case
            self.runner.say(_("There is no case in {folder} any more.").format(folder=folder), ERROR_STYLE)
        except PlanningError as error:
            self.runner.complain(error)
        return None

    def runStep(self, step, doneText, cancelledText=None):
        """Run ``step(session, progress)``, show the case anew, and return the result."""
        result = self.runner.run(step, doneText, cancelledText)
        if not self.runner.running:
            self.refresh(keepMessage=True)
        return result

    def _observeActiveCase(self):
        node = activeCaseNode(slicer.mrmlScene)
        if node and not self.hasObserver(node, vtk.vtkCommand.ModifiedEvent, self._onActiveCaseModified):
            self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self._onActiveCaseModified)

    def _onActiveCaseModified(self, _caller=None, _event=None):
        # A module that is not shown is refreshed when it is entered.
        if self.parent.isEntered and not self.runner.running:
            self.refresh()

    # The parameter node

    def _connectParameters(self):
        if self.parameters is None:
            self.parameters = self.logic.getParameterNode()
            self._guiTags = [self.parameters.connectGui(ui) for ui in self.guis()]
            self.addObserver(self.parameters, vtk.vtkCommand.ModifiedEvent, self._onParametersModified)
            self._blankEmptyPaths()

    def _disconnectParameters(self):
        if self.parameters is not None:
            for tag in self._guiTags:
                self.parameters.disconnectGui(tag)
            self.removeObserver(self.parameters, vtk.vtkCommand.ModifiedEvent, self._onParametersModified)
            self.parameters = None

    def _onParametersModified(self, _caller=None, _event=None):
        self._blankEmptyPaths()
        self.updateActions()

    def _blankEmptyPaths(self):
        # An empty path parameter reads back as ".", which looks like a choice.
        for widget in self._pathWidgets:
            if widget.currentPath == ".":
                widget.currentPath = ""

    def _onSceneStartClose(self, _caller=None, _event=None):
        self.runner.cancel()
        self.runner.say("")
        self._disconnectParameters()
        self.forget()

    def _onSceneChanged(self, _caller=None, _event=None):
        self._disconnectParameters()
        if self.parent.isEntered:
            self._connectParameters()
            self.refresh()


def fillTable(table, rows, stretchedColumn=0, rowPixels=None):
    """Fill a table widget; a cell is its text, or its text and a longer tool tip. A row of one cell spans the table.

    :param stretchedColumn: the one that takes the room that is left, or several that share it; text that does not fit
        is elided in the middle
    :param rowPixels: height of all rows, for thousands of them: then no row has to be measured
    """
    table.clearSpans()
    table.clearContents()
    vertical, header = table.verticalHeader(), table.horizontalHeader()
    # Measured while it is filled, each new cell would measure all rows again.
    vertical.setSectionResizeMode(qt.QHeaderView.Fixed)
    header.setSectionResizeMode(qt.QHeaderView.Fixed)
    if rowPixels is not None:
        vertical.setDefaultSectionSize(rowPixels)
    table.setRowCount(len(rows))
    for rowNumber, row in enumerate(rows):
        if len(row) == 1:
            table.setSpan(rowNumber, 0, 1, table.columnCount)
        for column, cell in enumerate(row):
            text, toolTip = cell if isinstance(cell, tuple) else (cell, cell)
            item = qt.QTableWidgetItem(str(text))
            item.setToolTip(str(toolTip))
            table.setItem(rowNumber, column, item)
    stretchedColumns = stretchedColumn if isinstance(stretchedColumn, tuple) else (stretchedColumn,)
    for column in range(table.columnCount):
        stretched = column in stretchedColumns
        header.setSectionResizeMode(column, qt.QHeaderView.Stretch if stretched else qt.QHeaderView.ResizeToContents)
    if rowPixels is None:
        vertical.setSectionResizeMode(qt.QHeaderView.ResizeToContents)


def sizeText(byteCount):
    """Return a number of bytes (None for not recorded) as a user reads it."""
    if byteCount is None:
        return _("not recorded")
    if byteCount < 100_000:
        return _("{size:.1f} kB").format(size=byteCount / 1e3)
    return _("{size:.1f} MB").format(size=byteCount / 1e6)


def isChosen(path):
    """Tell whether a path parameter holds anything: an empty one reads back as the current folder."""
    return path is not None and str(path) not in ("", ".")
