"""The pictures of the briefing: the part from two sides, and its outline on the CT it was made from."""

import vtk

from PlanningHubLib.Pictures import PicturesUnavailable, Studio
from PlanningHubLib.Segments import BONE_COLOR

from ..Content import readStlLps
from .Briefing import Picture

SIZE = (800, 600)
OUTLINE_COLOR = (1.0, 0.1, 0.1)
# Direction, caption, and what is at the left and right edge for a viewer who stands there.
FRONT = ("anterior", "Part from the front", "R", "L")
FROM_LEFT = ("left", "Part from the patient's left", "A", "P")
FROM_RIGHT = ("right", "Part from the patient's right", "P", "A")


def viewsFor(side):
    """Return the two views of the part: from the front, and from the side that is operated on (else the left)."""
    return FRONT, FROM_RIGHT if side == "right" else FROM_LEFT


def takePictures(stls, side, folder):
    """Take the two views of a part alone into a folder.

    :param stls: paths of the part's pieces, LPS mm
    :param side: the case's side
    :returns: list of :class:`ORExportLib.Pages.Briefing.Picture`, and why it is empty where it is
    """
    try:
        with Studio() as studio:
            studio.addSurface(readStls(stls), "Part", BONE_COLOR)
            return [_view(studio, view, folder) for view in viewsFor(side)], ""
    except PicturesUnavailable as error:
        return [], str(error)


def outlinePictures(volumeNode, stls, folder):
    """Take the picture of the CT with the outline of parts into a folder; return it in a list, empty without OpenGL.

    :param volumeNode: vtkMRMLScalarVolumeNode
    :param stls: paths of the parts' pieces, LPS mm
    """
    surface = readStls(stls)
    try:
        with Studio() as studio:
            studio.addSurface(surface, "Part", OUTLINE_COLOR)
            return [_slice(studio, volumeNode, surface, folder)]
    except PicturesUnavailable:
        return []


def readStls(paths):
    """Return the surfaces of STL files in LPS mm as one vtkPolyData in RAS mm."""
    together = vtk.vtkAppendPolyData()
    for path in paths:
        together.AddInputData(readStlLps(path).rasLpsSwapped().toPolyData())
    together.Update()
    return together.GetOutput()


def _view(studio, view, folder):
    direction, caption, leftLetter, rightLetter = view
    path = folder / f"{direction}.png"
    studio.takeThreeD(path, direction, SIZE)
    return Picture(path, caption, leftLetter, rightLetter)


def _slice(studio, volumeNode, surface, folder):
    path = folder / "axial.png"
    middle = (surface.GetBounds()[4] + surface.GetBounds()[5]) / 2
    studio.takeSlice(studio.addVolume(volumeNode), path, "Axial", middle, SIZE)
    # The studio letters its slices itself.
    return Picture(path, f"CT with the part's outline, axial, S {middle:.1f} mm", "", "")
