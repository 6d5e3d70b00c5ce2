"""The widget that all modules of the suite are: header on top, the module's actions, progress and messages below."""

import slicer
import vtk
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleWidget
from slicer.util import VTKObservationMixin

from PlanningHubLib.ActiveCase import activeCaseFolder, activeCaseNode
from PlanningHubLib.Case import Case, isCase
from PlanningHubLib.Errors import PlanningError

from .CaseHeader import CaseHeader
from .StepRunner import StepRunner


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
        self._guiTag = None

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
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self._onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self._onSceneChanged)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndImportEvent, self._onSceneChanged)
        self._connectParameters()
        self.refresh()

    def cleanup(self):
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

    def refresh(self):
        """Show the active case again as it is on disk."""
        self._observeActiveCase()
        case = None
        try:
            folder = self.activeFolder()
            if folder and isCase(folder):
                case = Case.open(folder)
            elif folder:
                self.runner.complain(PlanningError("no-case", f"{folder} holds no case any more."))
        except PlanningError as error:
            self.runner.complain(error)
        self.header.show(case)
        self.showCase(case)
        self.updateActions()

    def runStep(self, step, doneText):
        """Run ``step(session, progress)``, show the case anew, and return the result."""
        result = self.runner.run(step, doneText)
        self.refresh()
        return result

    def _observeActiveCase(self):
        node = activeCaseNode(slicer.mrmlScene)
        if node and not self.hasObserver(node, vtk.vtkCommand.ModifiedEvent, self._onActiveCaseModified):
            self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self._onActiveCaseModified)

    def _onActiveCaseModified(self, _caller=None, _event=None):
        if not self.runner.running:
            self.refresh()

    # The parameter node

    def _connectParameters(self):
        if self.parameters is None:
            self.parameters = self.logic.getParameterNode()
            self._guiTag = self.parameters.connectGui(self.ui)
            self.addObserver(self.parameters, vtk.vtkCommand.ModifiedEvent, self._onParametersModified)

    def _disconnectParameters(self):
        if self.parameters is not None:
            self.parameters.disconnectGui(self._guiTag)
            self.removeObserver(self.parameters, vtk.vtkCommand.ModifiedEvent, self._onParametersModified)
            self.parameters = None

    def _onParametersModified(self, _caller=None, _event=None):
        self.updateActions()

    def _onSceneStartClose(self, _caller=None, _event=None):
        self._disconnectParameters()

    def _onSceneChanged(self, _caller=None, _event=None):
        self._disconnectParameters()
        if self.parent.isEntered:
            self._connectParameters()
            self.refresh()


def fillTable(table, rows):
    """Fill a table widget with rows of text."""
    import qt

    table.setRowCount(len(rows))
    for rowNumber, row in enumerate(rows):
        for column, text in enumerate(row):
            table.setItem(rowNumber, column, qt.QTableWidgetItem(str(text)))
    table.resizeColumnsToContents()
