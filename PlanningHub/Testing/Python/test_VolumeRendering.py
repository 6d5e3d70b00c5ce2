"""The scan in 3D with one click: what its look lets be seen, by a real rendering; and the button on the page."""

import numpy
import pytest
import slicer
import vtk
import vtk.util.numpy_support
from PanelPages import Page
from PlanMaking import ball, gridMatrix
from StructureMaking import boneCase

from PlanningHubLib.Case import Case
from PlanningHubLib.CaseView import shownNode
from PlanningHubLib.Nodes import removeNodes
from PlanningHubLib.Session import Session
from PlanningHubLib.VolumeRendering import LOOKS, hideVolume, isVolumeShown, looksFor, showVolume

SHAPE = (60, 60, 60)


def scan(session, ballHu, aroundHu=0):
    """Return a volume node with a ball of an intensity in another."""
    voxels = numpy.where(ball(SHAPE, 15.0), ballHu, aroundHu).astype(numpy.int16)
    node = session.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "scan")
    slicer.util.updateVolumeFromArray(node, voxels)
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(gridMatrix(SHAPE)))
    node.CreateDefaultDisplayNodes()
    return node


def litShare(display):
    """Return the share of a picture's pixels that a ray caster lights with a display node's look."""
    mapper = vtk.vtkFixedPointVolumeRayCastMapper()
    mapper.SetInputData(display.GetVolumeNode().GetImageData())
    volume = vtk.vtkVolume()
    volume.SetMapper(mapper)
    volume.SetProperty(display.GetVolumePropertyNode().GetVolumeProperty())
    renderer, window = vtk.vtkRenderer(), vtk.vtkRenderWindow()
    renderer.AddVolume(volume)
    window.SetOffScreenRendering(1)
    window.SetSize(120, 120)
    window.AddRenderer(renderer)
    window.Render()
    grab = vtk.vtkWindowToImageFilter()
    grab.SetInput(window)
    grab.Update()
    pixels = vtk.util.numpy_support.vtk_to_numpy(grab.GetOutput().GetPointData().GetScalars())
    return float((pixels.max(1) > 30).mean())


@pytest.mark.parametrize("look, ballHu, aroundHu, isSeen", [
    ("bone", 600, 0, True), ("bone", 60, 0, False), ("vessels", 300, 0, True), ("vessels", 60, 0, False),
    ("skin", 20, -1000, True), ("skin", -700, -1000, False),
])  # fmt: skip
def test_aLookShowsItsIntensitiesAndNoOthers(aSession, look, ballHu, aroundHu, isSeen):
    share = litShare(showVolume(aSession, scan(aSession, ballHu, aroundHu), look))
    assert share > 0.02 if isSeen else share == 0


def test_anotherLookIsTheSameNodesAndHiddenIsHidden(aSession):
    node = scan(aSession, 600)
    before = aSession.scene.GetNumberOfNodes()
    display = showVolume(aSession, node, "skin")
    assert isVolumeShown(aSession, node) and not isVolumeShown(aSession, None)
    assert showVolume(aSession, node, "bone") is display
    assert display.GetVolumePropertyNode().GetScalarOpacity().GetValue(0) == 0
    hideVolume(aSession, node)
    assert not isVolumeShown(aSession, node)
    removeNodes(aSession.scene, node)
    assert aSession.scene.GetNumberOfNodes() < before, "nothing of it stays behind"


def test_looksFitTheScan(aSession):
    assert looksFor("CT", "cranioplasty")[0] == "bone" and looksFor("CT", "vessel")[0] == "vessels"
    assert set(looksFor("CT", "vessel")) == set(LOOKS) and looksFor("MR", "vessel") == ("window",)
    display = showVolume(aSession, scan(aSession, 600), "window")
    assert display.GetVisibility()


def test_oneClickShowsTheScanOfTheCase(user, ownSite):
    user.casesFolder.mkdir(exist_ok=True)
    folder = boneCase(user.casesFolder, ownSite)
    page = Page(user, user.open(folder), "SegmentationPanel")
    session, volume = Session.start(), shownNode(slicer.mrmlScene, Case.open(folder), "source")
    assert page.ui.lookComboBox.currentText == "Bone" and not isVolumeShown(session, volume)
    page.user.host.click(page.ui.volumeButton)
    assert isVolumeShown(session, volume) and page.ui.volumeButton.checked
    page.enter(lookComboBox="Skin")
    opacity = session.moduleLogic("VolumeRendering").GetFirstVolumeRenderingDisplayNode(volume)
    assert opacity.GetVolumePropertyNode().GetScalarOpacity().GetValue(0) > 0.4
    page.user.host.click(page.ui.volumeButton)
    assert not isVolumeShown(session, volume)
