"""The pictures of the briefing: the part from two sides, and its outline on the CT it was made from."""

import vtk

from PlanningHubLib.Pictures import PicturesUnavailable, Studio
from PlanningHubLib.Segments import BONE_COLOR

from .Briefing import CELL_HEIGHT, CELL_WIDTH, Picture

PIXELS_PER_POINT = 3
SIZE = (CELL_WIDTH * PIXELS_PER_POINT, CELL_HEIGHT * PIXELS_PER_POINT)
OUTLINE_COLOR = (1.0, 0.1, 0.1)
# Direction, caption, and what is at the left and right edge for a viewer who stands there.
FRONT = ("anterior", "Part from the front", "R", "L")
FROM_LEFT = ("left", "Part from the patient's left", "A", "P")
FROM_RIGHT = ("right", "Part from the patient's right", "P", "A")


def viewsFor(side):
    """Return the two views of the part: from the front, and from the side that is operated on (else the left)."""
    return FRONT, FROM_RIGHT if side == "right" else FROM_LEFT


def takePictures(volumeNode, stl, side, folder, progress):
    """Take the pictures into a folder.

    :param volumeNode: the CT, vtkMRMLScalarVolumeNode
    :param stl: path of the part, LPS mm
    :param side: the case's side
    :returns: list of :class:`Picture`, and why it is empty where it is
    """
    surface = readStl(stl)
    try:
        with Studio() as studio:
            model = studio.addSurface(surface, "Part", BONE_COLOR)
            pictures = [_view(studio, view, folder, progress, index) for index, view in enumerate(viewsFor(side))]
            progress(0.6, "Picture of a slice")
            model.GetDisplayNode().SetColor(*OUTLINE_COLOR)
            return [*pictures, _slice(studio, volumeNode, surface, folder)], ""
    except PicturesUnavailable as error:
        return [], str(error)


def readStl(path):
    """Return the surface of an STL in LPS mm as vtkPolyData in RAS mm."""
    reader = vtk.vtkSTLReader()
    reader.SetFileName(str(path))
    toRas = vtk.vtkTransform()
    toRas.Scale(-1, -1, 1)
    transformer = vtk.vtkTransformPolyDataFilter()
    transformer.SetTransform(toRas)
    transformer.SetInputConnection(reader.GetOutputPort())
    transformer.Update()
    return transformer.GetOutput()


def _view(studio, view, folder, progress, index):
    direction, caption, leftLetter, rightLetter = view
    progress(0.3 * index, caption)
    path = folder / f"{direction}.png"
    studio.takeThreeD(path, direction, SIZE)
    return Picture(path, caption, leftLetter, rightLetter)


def _slice(studio, volumeNode, surface, folder):
    path = folder / "axial.png"
    middle = (surface.GetBounds()[4] + surface.GetBounds()[5]) / 2
    studio.takeSlice(studio.addVolume(volumeNode), path, "Axial", middle, SIZE)
    # The studio letters its slices itself.
    return Picture(path, f"CT with the part's outline, axial, S {middle:.1f} mm", "", "")
