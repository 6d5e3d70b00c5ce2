"""The briefing's pictures: the patient's left and front are where the letters say."""

import numpy as np
import pytest
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from ORExportLib.Pages.BriefingPictures import SIZE, outlinePictures, takePictures
from PlanningHubLib.Pictures import PicturesUnavailable, requireRendering


@pytest.fixture
def aVolumeNode():
    import slicer

    node = slicer.vtkMRMLScalarVolumeNode()
    image = vtk.vtkImageData()
    image.SetDimensions(20, 20, 20)
    image.AllocateScalars(vtk.VTK_SHORT, 1)
    image.GetPointData().GetScalars().Fill(0)
    node.SetName("CT")
    node.SetAndObserveImageData(image)
    return node


def writeStl(path, *spheresLps):
    """Write spheres (center, radius in mm)."""
    append = vtk.vtkAppendPolyData()
    for center, radius in spheresLps:
        sphere = vtk.vtkSphereSource()
        sphere.SetCenter(center)
        sphere.SetRadius(radius)
        append.AddInputConnection(sphere.GetOutputPort())
    writer = vtk.vtkSTLWriter()
    writer.SetFileName(str(path))
    writer.SetInputConnection(append.GetOutputPort())
    writer.Write()
    return path


def endHeights(path):
    """Return how high the pictured object is at its left and at its right end, in pixels, on white."""
    reader = vtk.vtkPNGReader()
    reader.SetFileName(str(path))
    reader.Update()
    pixels = vtk_to_numpy(reader.GetOutput().GetPointData().GetScalars())[:, :3].reshape(SIZE[1], SIZE[0], 3)
    # The orientation marker stands in a corner, outside this band.
    band = (pixels.min(axis=2) < 250)[SIZE[1] // 3 : 2 * SIZE[1] // 3]
    columns = np.flatnonzero(band.any(axis=0))
    tenth = (columns[-1] - columns[0]) // 10
    return band[:, columns[0] + tenth].sum(), band[:, columns[-1] - tenth].sum()


# Case's side, picture, where the small end of the object is, and the letter that must stand there.
CASES = [("left", 0, (45, 0, 0), "L"), ("left", 1, (0, -45, 0), "A"), ("right", 1, (0, -45, 0), "A")]


@pytest.mark.parametrize("side, index, smallLps, letter", CASES)
def test_smallEndIsWhereTheLetterSays(tmp_path, side, index, smallLps, letter):
    try:
        requireRendering()
    except PicturesUnavailable as reason:
        pytest.skip(str(reason))
    stl = writeStl(tmp_path / "part.stl", ((0, 0, 0), 30), (smallLps, 8))
    pictures, reason = takePictures([stl], side, tmp_path)
    assert reason == "" and len(pictures) == 2
    left, right = endHeights(pictures[index].path)
    assert (pictures[index].rightLetter if right < left else pictures[index].leftLetter) == letter
    assert side in pictures[1].caption


def test_outlineOfThePartIsDrawnOnItsSlice(aVolumeNode, tmp_path):
    try:
        requireRendering()
    except PicturesUnavailable as reason:
        pytest.skip(str(reason))
    stl = writeStl(tmp_path / "part.stl", ((-10, -10, 10), 5))
    (picture,) = outlinePictures(aVolumeNode, [stl], tmp_path)
    assert "S 10.0 mm" in picture.caption
    reader = vtk.vtkPNGReader()
    reader.SetFileName(str(picture.path))
    reader.Update()
    pixels = vtk_to_numpy(reader.GetOutput().GetPointData().GetScalars())[:, :3].astype(int)
    assert ((pixels[:, 0] > 200) & (pixels[:, 1] < 80)).sum() > 300
