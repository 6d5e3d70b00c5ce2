from pathlib import Path
from typing import Annotated

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import Choice, WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
)

from PlanningHubLib import Import, Segmentation
from PlanningHubLib.ActiveCase import activeCaseFolder, setActiveCaseFolder
from PlanningHubLib.Case import SIDES, Case
from PlanningHubLib.CaseList import listCases
from PlanningHubLib.CaseView import showCaseInScene
from PlanningHubLib.Progress import noProgress
from PlanningHubLib.Steps import STEP_KINDS, stepStates
from PlanningHubWidgets.CaseHeader import StepBar, sideText, stepTitles
from PlanningHubWidgets.CaseModuleWidget import CaseModuleWidget, fillTable, isChosen

NO_SIDE = "choose a side"
MODULE_OF_STEP = {"part": "PrintPrep", "package": "ORExport", "receipt": "CentralSync"}


class PlanningHub(ScriptedLoadableModule):
    """Home of the suite: cases, import, segmentation."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Planning Hub")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Surgical Planning")]
        self.parent.dependencies = []
        self.parent.contributors = ["Planning Hub developers"]
        self.parent.helpText = _("""
Make a case from a patient's CT, segment the bone, and see at a glance which steps are done, stale or next.
The other modules of the suite act on the case that is open here.
""")
        self.parent.acknowledgementText = _("Built on 3D Slicer. Not for diagnosis; not a cleared medical device.")


@parameterNodeWrapper
class PlanningHubParameterNode:
    """What the user chose; saved with the scene.

    casesFolder - The folder that holds the cases, one folder each.
    sourceFolder - The folder of the CT to import.
    """

    casesFolder: Path
    sourceFolder: Path
    seriesUid: str = ""
    side: Annotated[str, Choice([NO_SIDE, *SIDES])] = NO_SIDE
    procedure: str = ""
    thresholdHu: Annotated[float, WithinRange(100, 1500)] = Segmentation.DEFAULT_THRESHOLD_HU
    closingVoxels: Annotated[int, WithinRange(0, 5)] = 1


class PlanningHubWidget(CaseModuleWidget):
    """Case list, import, segmentation and the bar of steps."""

    def createLogic(self):
        return PlanningHubLogic()

    def connectActions(self):
        self.stepBar = StepBar(self.ui.stepsFrame, STEP_KINDS, self.onStep)
        self.ui.openButton.connect("clicked(bool)", self.onOpen)
        self.ui.refreshButton.connect("clicked(bool)", self.onRefresh)
        self.ui.importButton.connect("clicked(bool)", self.onImport)
        self.ui.segmentButton.connect("clicked(bool)", self.onSegment)
        self.ui.casesTable.connect("itemSelectionChanged()", self.updateActions)
        self.ui.casesTable.connect("cellDoubleClicked(int,int)", self.onOpen)
        self._listedFolder = None
        self._cases = []

    def showCase(self, case):
        self.stepBar.show(stepStates(case) if case else {})
        segmentation = case.latest("segmentation") if case else None
        self.ui.segmentationLabel.text = (
            _("Bone: {volume:.1f} ml at {threshold:.0f} HU and above.").format(
                volume=segmentation.facts["volumeMl"], threshold=segmentation.parameters["thresholdHu"]
            )
            if segmentation
            else _("No segmentation yet.")
        )
        self._listCases()

    def updateActions(self):
        parameters = self.parameters
        if parameters and self._listedFolder != parameters.casesFolder:
            self._listCases()
        ready = parameters is not None and isChosen(parameters.casesFolder) and isChosen(parameters.sourceFolder)
        self.ui.importButton.enabled = ready and parameters.side != NO_SIDE
        self.ui.segmentButton.enabled = self.case is not None
        self.ui.openButton.enabled = self.ui.casesTable.currentRow() >= 0

    def _listCases(self):
        if self.parameters is None:
            return
        selected = self._selectedFolder()
        self._listedFolder = self.parameters.casesFolder
        self._cases = listCases(self._listedFolder) if isChosen(self._listedFolder) else []
        titles = stepTitles()
        rows = [
            (
                (case.name, case.folder),
                sideText(case.side),
                titles.get(case.nextKind, _("complete")),
                case.procedure or "",
            )
            for case in self._cases
        ]
        fillTable(self.ui.casesTable, rows, stretchedColumn=3)
        # A row that now holds another case must not stay selected.
        folders = [case.folder for case in self._cases]
        self.ui.casesTable.setCurrentCell(folders.index(selected) if selected in folders else -1, 0)

    def _selectedFolder(self):
        row = self.ui.casesTable.currentRow()
        return self._cases[row].folder if 0 <= row < len(self._cases) else None

    def onRefresh(self, _checked=False):
        self.refresh()

    def onStep(self, kind):
        if kind in MODULE_OF_STEP:
            slicer.util.selectModule(MODULE_OF_STEP[kind])
            return
        self.ui.importCollapsibleButton.collapsed = kind != "source"
        self.ui.segmentCollapsibleButton.collapsed = kind != "segmentation"

    def onOpen(self, *_position):
        folder = self._selectedFolder()
        if folder is None:
            return
        self.runStep(lambda session, progress: self.logic.openCase(folder, session, progress), _("The case is open."))

    def onImport(self):
        parameters = self.parameters
        folder = self.runStep(
            lambda session, progress: self.logic.importCase(
                parameters.sourceFolder,
                parameters.casesFolder,
                parameters.side,
                parameters.procedure,
                parameters.seriesUid,
                session,
                progress,
            ),
            _("The series was checked and is now a case."),
        )
        if folder:
            self.logic.forgetImport(parameters)

    def onSegment(self):
        parameters, folder = self.parameters, self.activeFolder()
        self.runStep(
            lambda session, progress: self.logic.segment(
                folder, session, parameters.thresholdHu, parameters.closingVoxels, progress
            ),
            _("The bone is segmented."),
        )


class PlanningHubLogic(ScriptedLoadableModuleLogic):
    """Binds the steps of PlanningHubLib to Slicer's scene."""

    def getParameterNode(self):
        return PlanningHubParameterNode(super().getParameterNode())

    def openCase(self, folder, session, progress):
        """Make the case in a folder the active one and show it."""
        with Case.open(folder) as case:
            showCaseInScene(case, session, progress)
        setActiveCaseFolder(session.scene, folder)

    def importCase(self, source, casesFolder, side, procedure, seriesUid, session, progress):
        """Import a CT into a new case below ``casesFolder``, open it and return its folder."""
        folder = Import.importIntoNewFolder(
            source, casesFolder, seriesUid or None, side, procedure or None, progress=progress
        )
        # The case is there: from here on nothing can be cancelled.
        self.openCase(folder, session, noProgress)
        return folder

    def forgetImport(self, parameters):
        """Empty what belongs to one patient: no side for the next one, and no path of a scan in a saved scene."""
        parameters.sourceFolder, parameters.seriesUid, parameters.procedure = Path(), "", ""
        parameters.side = NO_SIDE

    def segment(self, folder, session, thresholdHu, closingVoxels, progress):
        """Segment the bone of the case in a folder and show it."""
        with Case.open(folder, writable=True) as case:
            Segmentation.segmentBone(case, session, thresholdHu, closingVoxels, progress=progress)
            showCaseInScene(case, session)


class PlanningHubTest(ScriptedLoadableModuleTest):
    """The module's own test inside Slicer: loads, shows no case, survives a scene close."""

    def runTest(self):
        self.setUp()
        self.test_noCase()

    def setUp(self):
        slicer.mrmlScene.Clear()

    def test_noCase(self):
        widget = slicer.util.getModuleWidget("PlanningHub")
        widget.refresh()
        self.assertEqual(activeCaseFolder(slicer.mrmlScene), "")
        self.assertFalse(widget.ui.segmentButton.enabled)
        slicer.mrmlScene.Clear()
        self.assertEqual(activeCaseFolder(slicer.mrmlScene), "")
