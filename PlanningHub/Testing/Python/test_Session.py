"""The headless session stands in for Slicer's own, quietly; inside Slicer its scene is used and left alone."""

import subprocess
import sys
import types
from pathlib import Path

import pytest
import slicer
from CaseMaking import childEnvironment

from PlanningHubLib.ActiveCase import activeCaseFolder, activeCaseNode, setActiveCaseFolder
from PlanningHubLib.Session import MODULE_LOGICS, Session, buildHeadlessSession
from PlanningHubLib.Software import versions

NODE_CLASSES = [
    "vtkMRMLScalarVolumeNode", "vtkMRMLSegmentationNode", "vtkMRMLModelNode", "vtkMRMLTableNode", "vtkMRMLTextNode",
    "vtkMRMLLinearTransformNode", "vtkMRMLMarkupsFiducialNode", "vtkMRMLMarkupsPlaneNode", "vtkMRMLScriptedModuleNode",
    "vtkMRMLViewNode", "vtkMRMLSliceNode",
]  # fmt: skip

# Two sessions one after the other and two at once, each with nodes in it.
SESSIONS = """
import numpy
from PlanningHubLib.Session import Session
from PlanningHubLib.Volumes import addVolume
from PlanningHubLib.Segments import addSegmentation

def fill(session):
    volume = addVolume(session, numpy.zeros((3, 4, 5), numpy.int16), numpy.eye(4), "volume")
    addSegmentation(session, volume, "segmentation")

for _time in range(2):
    with Session.start() as session:
        fill(session)
first, second = Session.start(), Session.start()
fill(first), fill(second)
assert first.scene is not second.scene
first.close()
assert second.scene.GetFirstNodeByName("volume")
second.close()
second.close()
print("done")
"""


def test_headlessSessionHasSceneAndLogics(aSession):
    assert not aSession.insideSlicer and aSession.scene.GetNumberOfNodes() > 0
    for moduleName, className in MODULE_LOGICS.items():
        logic = aSession.moduleLogic(moduleName)
        assert logic is not None and logic.IsA(className)
        assert logic.GetMRMLScene() is aSession.scene
    assert aSession.applicationLogic.GetMRMLScene() is aSession.scene


@pytest.mark.parametrize("className", NODE_CLASSES)
def test_sceneKnowsTheNodes(aSession, className):
    node = aSession.scene.AddNewNodeByClass(className, "a node")
    assert node is not None and node.GetScene() is aSession.scene


def test_sceneIsSavedAndLoaded(aSession, tmp_path):
    setActiveCaseFolder(aSession.scene, "/cases/one")
    aSession.scene.SetURL(str(tmp_path / "scene.mrml"))
    assert aSession.scene.Commit()
    with Session.start() as other:
        other.scene.SetURL(str(tmp_path / "scene.mrml"))
        assert other.scene.Connect()
        assert activeCaseFolder(other.scene) == "/cases/one"


def test_sessionsCloseWithoutAWord():
    """No VTK error or warning and no leak is reported up to the end of the process."""
    command = [sys.executable, "-c", SESSIONS]
    outcome = subprocess.run(command, capture_output=True, text=True, env=childEnvironment())
    assert (outcome.returncode, outcome.stdout, outcome.stderr) == (0, "done\n", "")


def test_closedSessionLeavesNoFolder():
    session = buildHeadlessSession()
    folder = Path(session.scene.GetRootDirectory())
    assert folder.is_dir()
    session.close()
    assert not folder.exists() and session.scene is None
    session.close()


@pytest.fixture
def insideSlicer(monkeypatch):
    """What the Slicer application adds to the package, on a scene of its own; returns that scene."""
    with Session.start() as host:
        application = types.SimpleNamespace(applicationLogic=lambda: host.applicationLogic, applicationVersion="5.12.3")
        monkeypatch.setattr(slicer, "app", application, raising=False)
        monkeypatch.setattr(slicer, "mrmlScene", host.scene, raising=False)
        yield host.scene
        monkeypatch.undo()


def test_insideSlicerItsSceneIsUsedAndLeftAlone(insideSlicer):
    insideSlicer.AddNewNodeByClass("vtkMRMLTextNode", "the user's own")
    count = insideSlicer.GetNumberOfNodes()
    with Session.start() as session:
        assert session.insideSlicer and session.scene is insideSlicer
        assert session.moduleLogic("Segmentations").IsA("vtkSlicerSegmentationsModuleLogic")
    session.close()
    assert insideSlicer.GetNumberOfNodes() == count and insideSlicer.GetFirstNodeByName("the user's own")
    assert session.scene is insideSlicer


def test_insideSlicerWithoutASceneItIsHeadless(monkeypatch):
    """As in a process that has the application's package but not the application."""
    monkeypatch.setattr(slicer, "app", None, raising=False)
    with Session.start() as session:
        assert not session.insideSlicer


def test_versionsSayWhatDidTheWork(monkeypatch):
    found = versions("numpy", "slicer-core", "no-such-package")
    assert set(found) == {"Planning Hub", "Python", "numpy", "slicer-core", "no-such-package"}
    assert found["no-such-package"] == "unknown" and found["slicer-core"][0].isdigit()


def test_activeCaseIsOneNodeOfTheScene(aSession):
    assert activeCaseFolder(aSession.scene) == "" and activeCaseNode(aSession.scene) is None
    setActiveCaseFolder(aSession.scene, Path("/cases/one"))
    node = activeCaseNode(aSession.scene)
    setActiveCaseFolder(aSession.scene, "/cases/two")
    assert activeCaseNode(aSession.scene) is node and activeCaseFolder(aSession.scene) == "/cases/two"
    setActiveCaseFolder(aSession.scene, None)
    assert activeCaseFolder(aSession.scene) == ""
    aSession.scene.Clear(0)
    assert activeCaseFolder(aSession.scene) == "" or activeCaseNode(aSession.scene) is node
