"""The real slicer.util loads, saves and exports through the stand-in's IO manager."""

import numpy
import pytest


@pytest.fixture
def aCube(host):
    """A model: a cube from 0 to 10 mm, off to the left (R negative)."""
    import slicer
    import vtk

    source = vtk.vtkCubeSource()
    source.SetBounds(-30, -20, 0, 10, 0, 10)
    source.Update()
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode", "Cube")
    node.SetAndObservePolyData(source.GetOutput())
    return node


def test_volumeComesBack(host, addVolume, tmp_path):
    import slicer

    volume = addVolume()
    volume.SetSpacing(0.5, 0.5, 2)
    assert slicer.util.saveNode(volume, str(tmp_path / "ct.nrrd"), {})
    loaded = slicer.util.loadVolume(str(tmp_path / "ct.nrrd"), {})
    assert loaded.GetSpacing() == (0.5, 0.5, 2)
    assert numpy.array_equal(slicer.util.arrayFromVolume(loaded), slicer.util.arrayFromVolume(volume))


@pytest.mark.parametrize("ending", ["stl", "obj", "ply", "vtp"])
def test_modelKeepsItsSide(host, aCube, tmp_path, ending):
    import slicer

    path = str(tmp_path / f"cube.{ending}")
    assert slicer.util.exportNode(aCube, path, {})
    assert aCube.GetStorageNode() is None
    loaded = slicer.util.loadModel(path)
    bounds = [0.0] * 6
    loaded.GetRASBounds(bounds)
    assert numpy.allclose(bounds, (-30, -20, 0, 10, 0, 10), atol=1e-5)


def test_exportHardensTheTransform(host, aCube, tmp_path):
    import slicer

    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Shift")
    matrix = slicer.util.arrayFromTransformMatrix(transform).copy()
    matrix[0, 3] = 5
    slicer.util.updateTransformMatrixFromArray(transform, matrix)
    aCube.SetAndObserveTransformNodeID(transform.GetID())
    assert slicer.util.exportNode(aCube, str(tmp_path / "cube.stl"), {}, world=True)
    bounds = [0.0] * 6
    slicer.util.loadModel(str(tmp_path / "cube.stl")).GetRASBounds(bounds)
    assert bounds[:2] == [-25, -15]


def test_otherNodesComeBack(host, tmp_path):
    import slicer

    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Segmentation")
    segmentation.GetSegmentation().AddEmptySegment("", "Bone")
    markups = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Points")
    markups.AddControlPoint(1, 2, 3)
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Move")
    text = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode", "Note")
    text.SetText("left")
    for node, name in ((markups, "p.mrk.json"), (transform, "t.h5"), (text, "n.txt")):
        assert slicer.util.saveNode(node, str(tmp_path / name), {}), name
    assert slicer.util.loadMarkups(str(tmp_path / "p.mrk.json")).GetNthControlPointPosition(0) == (1, 2, 3)
    assert slicer.util.loadTransform(str(tmp_path / "t.h5")).IsA("vtkMRMLTransformNode")
    assert slicer.util.loadText(str(tmp_path / "n.txt")).GetText() == "left"


def test_missingFileIsAnError(host, tmp_path):
    import slicer

    with pytest.raises(RuntimeError, match="Failed to load"):
        slicer.util.loadVolume(str(tmp_path / "nothing.nrrd"), {})
