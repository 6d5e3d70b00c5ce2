"""What the Segment Editor changes is noticed, kept as a new revision, and makes stale what was made before."""

import numpy
import pytest
import slicer
from CaseMaking import commit
from StructureMaking import boneCase, masksOf, onSmallBone, segmented

from PlanningHubLib import Segments
from PlanningHubLib.Case import Case
from PlanningHubLib.CaseView import showCaseInScene
from PlanningHubLib.Errors import GateRefused, InputRefused
from PlanningHubLib.Segmentation import segmentBone
from PlanningHubLib.Segmenting.HandEdits import handEdits, keepHandEdits
from PlanningHubLib.Volumes import readGeometry


@pytest.fixture
def aShownCase(tmp_path, ownHome, aSession):
    """Folder of a case with two bones, and the node that shows them."""
    folder = boneCase(tmp_path, ownHome)
    segmented(folder, aSession, seeds={"Small bone": onSmallBone(folder)})
    return folder, showCaseInScene(Case.open(folder), aSession)[1]


def editsOf(folder, session, node):
    case = Case.open(folder)
    geometry = readGeometry(case, case.latest("source"))
    return handEdits(case, session, node, geometry.shape, geometry.ijkToRas)


def idOf(node, name):
    return node.GetSegmentation().GetSegmentIdBySegmentName(name)


def paint(folder, session, node, name, voxel, erase=False):
    """Paint one voxel of a segment, or wipe it, through the Segment Editor's own logic."""
    case = Case.open(folder)
    geometry = readGeometry(case, case.latest("source"))
    mask = numpy.zeros(geometry.shape, numpy.uint8)
    mask[voxel] = 1
    logic = slicer.vtkSlicerSegmentEditorLogic()
    logic.SetMRMLScene(session.scene)
    editor = session.scene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
    editor.SetAndObserveSegmentationNode(node)
    editor.SetSelectedSegmentID(idOf(node, name))
    editor.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedEverywhere)
    logic.SetSegmentEditorNode(editor)
    extent = [(0, size - 1) for size in mask.shape]
    image = Segments._orientedImage(mask, extent, slicer.util.vtkMatrixFromArray(geometry.ijkToRas))
    mode = logic.ModificationModeRemove if erase else logic.ModificationModeAdd
    logic.UpdateReferenceGeometryImage()
    logic.ModifySegmentByLabelmap(node, idOf(node, name), image, mode, True, True)
    session.scene.RemoveNode(editor)


def test_nothingChangedIsNothing(aShownCase, aSession):
    folder, node = aShownCase
    assert not editsOf(folder, aSession, node)
    node.CreateClosedSurfaceRepresentation()
    assert not editsOf(folder, aSession, node)
    with Case.open(folder, writable=True) as case, pytest.raises(GateRefused) as refused:
        keepHandEdits(case, aSession, node)
    assert refused.value.code == "nothing-changed"


@pytest.mark.parametrize("erase, voxel", [(False, (0, 0, 0)), (True, (2, 6, 15))])
def test_oneVoxelIsNoticed(aShownCase, aSession, erase, voxel):
    folder, node = aShownCase
    paint(folder, aSession, node, "Small bone", voxel, erase)
    edits = editsOf(folder, aSession, node)
    assert (edits.changed, edits.added, edits.removed) == (("Small bone",), (), ())


def test_newRenamedAndRemovedSegmentsAreNoticed(aShownCase, aSession):
    folder, node = aShownCase
    segmentation = node.GetSegmentation()
    segmentation.GetSegment(idOf(node, "Small bone")).SetName("Ossicle")
    copied = slicer.vtkSegment()
    copied.DeepCopy(segmentation.GetSegment(idOf(node, "Large bone")))
    copied.SetName("Copy")
    segmentation.AddSegment(copied)
    segmentation.RemoveSegment(idOf(node, "Large bone"))
    edits = editsOf(folder, aSession, node)
    assert set(edits.added) == {"Ossicle", "Copy"} and set(edits.removed) == {"Small bone", "Large bone"}


def test_keptEditIsANewRevisionAndMakesStale(aShownCase, aSession):
    folder, node = aShownCase
    with Case.open(folder, writable=True) as case:
        part = commit(case, "part", parents=[case.latest("segmentation")])
    before = masksOf(folder, aSession)
    paint(folder, aSession, node, "Small bone", (5, 19, 23))
    with Case.open(folder, writable=True) as case:
        artefact = keepHandEdits(case, aSession, node, user="Editor")
        assert case.state(part) == "stale"
    assert (artefact.revision, artefact.who, artefact.parameters["method"]) == (2, "Editor", "hand")
    assert artefact.parameters["edits"] == {"changed": ["Small bone"], "added": [], "removed": []}
    made = artefact.parameters["structures"]
    assert made["Large bone"]["origin"] == "method"
    assert made["Small bone"]["origin"] == "hand" and made["Small bone"]["before"]["seedsRas"]
    after = masksOf(folder, aSession)
    assert numpy.array_equal(after["Large bone"], before["Large bone"])
    assert after["Small bone"].sum() == before["Small bone"].sum() + 1 and after["Small bone"][5, 19, 23]
    voxels = artefact.facts["structures"]["Small bone"]["voxels"]
    assert voxels == after["Small bone"].sum()


def test_shownAgainNothingIsChanged(aShownCase, aSession):
    folder, node = aShownCase
    paint(folder, aSession, node, "Small bone", (0, 0, 0))
    with Case.open(folder, writable=True) as case:
        keepHandEdits(case, aSession, node)
        node = showCaseInScene(case, aSession)[1]
    assert not editsOf(folder, aSession, node)


def test_emptiedSegmentIsTakenAway(aShownCase, aSession):
    folder, node = aShownCase
    for voxel in numpy.argwhere(masksOf(folder, aSession)["Small bone"]):
        paint(folder, aSession, node, "Small bone", tuple(voxel), erase=True)
    assert editsOf(folder, aSession, node).removed == ("Small bone",)
    with Case.open(folder, writable=True) as case:
        assert list(keepHandEdits(case, aSession, node).facts["structures"]) == ["Large bone"]


def test_movedNodeAndTwoNamesAreRefused(aShownCase, aSession):
    folder, node = aShownCase
    node.GetSegmentation().GetSegment(idOf(node, "Small bone")).SetName("Large bone")
    with pytest.raises(InputRefused) as refused:
        editsOf(folder, aSession, node)
    assert refused.value.code == "name-taken"
    transform = aSession.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    node.SetAndObserveTransformNodeID(transform.GetID())
    with pytest.raises(InputRefused) as refused:
        editsOf(folder, aSession, node)
    assert refused.value.code == "other-grid"


def test_segmentationOfAnOlderSuiteIsCompared(tmp_path, ownHome, aSession):
    """What an artefact does not state is read from its file."""
    folder = boneCase(tmp_path, ownHome)
    with Case.open(folder, writable=True) as case:
        artefact = segmentBone(case, aSession, closingVoxels=0)
        del artefact.facts["structures"]
        node = showCaseInScene(case, aSession)[1]
        geometry = readGeometry(case, case.latest("source"))
        assert not handEdits(case, aSession, node, geometry.shape, geometry.ijkToRas)
        paint(folder, aSession, node, "Bone", (0, 0, 0))
        assert handEdits(case, aSession, node, geometry.shape, geometry.ijkToRas).changed == ("Bone",)
