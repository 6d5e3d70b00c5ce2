"""The pictures of the briefing: the part from two sides, and its outline on the CT it was made from."""

import dataclasses

import vtk

from PlanningHubLib.Pictures import PicturesUnavailable, Studio
from PlanningHubLib.Segments import BONE_COLOR

from .Briefing import CELL_HEIGHT, CELL_WIDTH, Picture

PIXELS_PER_POINT = 3
SIZE = (CELL_WIDTH * PIXELS_PER_POINT, CELL_HEIGHT * PIXELS_PER_POINT)
OUTLINE_COLOR = (1.0, 0.1, 0.1)
# For a planned object that would look like the bone around it.
PLANNED_COLOR = (0.16, 0.5, 0.78)
# Direction, caption, and what is at the left and right edge for a viewer who stands there.
FRONT = ("anterior", "Part from the front", "R", "L")
FROM_LEFT = ("left", "Part from the patient's left", "A", "P")
FROM_RIGHT = ("right", "Part from the patient's right", "P", "A")


def viewsFor(side):
    """Return the two views of the part: from the front, and from the side that is operated on (else the left)."""
    return FRONT, FROM_RIGHT if side == "right" else FROM_LEFT


@dataclasses.dataclass(frozen=True, eq=False)
class Pictured:
    """What the pictures show.

    :param volumeNode: the CT, vtkMRMLScalarVolumeNode; None for no picture of a slice
    :param stls: paths of the part's pieces, LPS mm
    :param side: the case's side
    :param surroundings: (vtkPolyData in RAS mm, color) of what the part lies in
    :param color: the part's
    """

    volumeNode: object
    stls: list
    side: str | None
    surroundings: tuple = ()
    color: tuple = BONE_COLOR


def surfacesToShow(content):
    """Return the surroundings of planned parts, which are the segments, and the color of the part made last.

    :param content: :class:`ORExportLib.Content.Content`
    """
    piece = content.pieces[-1]
    if content.document is None or piece.name not in content.results["objects"]:
        return (), BONE_COLOR
    segments = [body for body in content.bodies if body.origin == "segment"]
    surroundings = tuple((body.mesh.rasLpsSwapped().toPolyData(), body.color) for body in segments)
    differences = [abs(one - other) for one, other in zip(piece.color, BONE_COLOR, strict=True)]
    return surroundings, piece.color if max(differences) > 0.1 else PLANNED_COLOR


def takePictures(pictured, folder, progress):
    """Take the pictures of a :class:`Pictured` into a folder.

    :returns: list of :class:`Picture`, and why it is empty where it is
    """
    surface = readStls(pictured.stls)
    try:
        with Studio() as studio:
            model = studio.addSurface(surface, "Part", pictured.color)
            for polyData, color in pictured.surroundings:
                around = studio.addSurface(polyData, "Surroundings", color)
                around.GetDisplayNode().SetVisibility2D(False)
            views = viewsFor(pictured.side)
            pictures = [_view(studio, view, folder, progress, index) for index, view in enumerate(views)]
            if pictured.volumeNode is None:
                return pictures, ""
            progress(0.6, "Picture of a slice")
            model.GetDisplayNode().SetColor(*OUTLINE_COLOR)
            return [*pictures, _slice(studio, pictured.volumeNode, surface, folder)], ""
    except PicturesUnavailable as error:
        return [], str(error)


def readStls(paths):
    """Return the surfaces of STL files in LPS mm as one vtkPolyData in RAS mm."""
    together = vtk.vtkAppendPolyData()
    for path in paths:
        together.AddInputData(readStl(path))
    together.Update()
    return together.GetOutput()


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
