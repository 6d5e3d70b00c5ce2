"""A small scripted module for the tests of the stand-in host: it counts the voxels above a threshold."""

import pathlib
from enum import Enum
from typing import Annotated

import qt
import slicer
import vtk
from slicer import vtkMRMLScalarVolumeNode
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import Choice, Default, WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin


class Direction(Enum):
    """Which side of the threshold counts."""

    Above = "above"
    Below = "below"


@parameterNodeWrapper
class SampleModuleParameterNode:
    """What the panel shows and the scene keeps."""

    inputVolume: vtkMRMLScalarVolumeNode
    mask: vtkMRMLScalarVolumeNode | None
    thresholdHu: Annotated[float, WithinRange(-1000, 3000)] = 300.0
    invert: bool
    title: str
    folder: pathlib.Path
    direction: Direction
    quality: Annotated[str, Choice(["fast", "fine"]), Default("fine")]
    names: list[str]


class SampleModule(ScriptedLoadableModule):
    """Module shell."""

    def __init__(self, parent):
        super().__init__(parent)
        self.parent.title = _("Sample")
        self.parent.categories = ["Testing"]
        self.parent.contributors = ["PlanningHub"]


class SampleModuleWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """Module panel."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self._parameterNode = None
        self._guiTag = None

    def setup(self):
        super().setup()
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/SampleModule.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = SampleModuleLogic()
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self.onSceneEndClose)
        self.ui.applyButton.connect("clicked(bool)", self.onApply)
        self.ui.questionButton.connect("clicked()", self.onQuestion)
        self.ui.failButton.connect("clicked()", self.onFail)
        self.initializeParameterNode()

    def cleanup(self):
        self.removeObservers()

    def enter(self):
        self.initializeParameterNode()

    def exit(self):
        self.setParameterNode(None)

    def onSceneStartClose(self, caller, event):
        self.setParameterNode(None)

    def onSceneEndClose(self, caller, event):
        if self.parent.isEntered:
            self.initializeParameterNode()

    def initializeParameterNode(self):
        self.setParameterNode(self.logic.getParameterNode())

    def setParameterNode(self, parameterNode):
        if self._parameterNode is not None:
            self._parameterNode.disconnectGui(self._guiTag)
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.checkCanApply)
        self._parameterNode = parameterNode
        if self._parameterNode is not None:
            self._guiTag = self._parameterNode.connectGui(self.ui)
            self.addObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.checkCanApply)
            self.checkCanApply()

    def checkCanApply(self, caller=None, event=None):
        self.ui.applyButton.enabled = self._parameterNode.inputVolume is not None
        self.ui.applyButton.toolTip = _("Count voxels") if self.ui.applyButton.enabled else _("Choose a volume")

    def onApply(self):
        with slicer.util.tryWithErrorDisplay(_("Counting failed."), waitCursor=True):
            count = self.logic.count(self._parameterNode)
            self.ui.resultLabel.text = _("{count} voxels").format(count=count)
            self.ui.historyList.addItem(self.ui.resultLabel.text)

    def onQuestion(self):
        if slicer.util.confirmYesNoDisplay(_("Start anew?")):
            self.ui.resultLabel.text = ""
            self.ui.historyList.clear()

    def onFail(self):
        raise ValueError("nobody catches this")

    def onAskFile(self):
        return qt.QFileDialog.getOpenFileName(None, _("Open"))


class SampleModuleLogic(ScriptedLoadableModuleLogic):
    """Module logic."""

    def getParameterNode(self):
        return SampleModuleParameterNode(super().getParameterNode())

    def count(self, parameters):
        """Number of voxels above, or below, the threshold."""
        if parameters.title == "fail":
            raise RuntimeError("the title says so")
        array = slicer.util.arrayFromVolume(parameters.inputVolume)
        isCounted = array > parameters.thresholdHu
        return int((~isCounted if parameters.invert else isCounted).sum())


class SampleModuleTest(ScriptedLoadableModuleTest):
    """Self-test."""

    def test_startsWithoutVolume(self):
        self.delayDisplay("No volume")
        self.assertIsNone(SampleModuleLogic().getParameterNode().inputVolume)
