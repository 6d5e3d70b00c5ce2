"""The pictures of a package's views: what the plan looks like, with case, side and approval burned in."""

import dataclasses
import tempfile
from pathlib import Path

import numpy
import vtk
from vtk.util import numpy_support

from PlanningHubLib.Errors import Finding
from PlanningHubLib.Pictures import PicturesUnavailable, Studio

from .BurnedText import caseWords, stateWords, textBlock
from .Content import PIECE, SEGMENT
from .Dicom.ModelBodies import FINEST, coarse
from .Dicom.MovedFrames import objectName
from .Dicom.SliceMarks import isPlanned
from .Views import View, aim

SIZE = (1200, 900)
BAND_PIXELS, TEXT_PIXELS, NAME_PIXELS, LETTER_PIXELS = 44, 26, 18, 34
APPROVED_COLOR, WARNING_COLOR, QUIET_COLOR = (0, 96, 43), (176, 0, 32), (32, 32, 32)
# Where in a line of text the middle of capital letters is, in its size.
CAPITALS_MIDDLE = 0.52
WHITE, BLACK = (255, 255, 255), (0, 0, 0)
# Names of what is shown stand beside it, up to so many.
MOST_NAMES = 12
# Toward where each axis of LPS grows, and where it falls.
LETTERS = (("L", "R"), ("P", "A"), ("S", "I"))
# A direction that leans toward another one by more than this is named by both.
LEANING = 0.4


@dataclasses.dataclass(frozen=True, eq=False)
class ViewPicture:
    """A view's picture: pixels (rows, columns, 3) of bytes, the same as a PNG, and the bodies that it shows."""

    view: View
    pixels: numpy.ndarray
    png: bytes
    shown: tuple


def viewPictures(content, progress):
    """Return the :class:`ViewPicture` of each view of a package; they are taken once, and none is no failure.

    Where nothing can be rendered, ``content`` gets the finding ``no-pictures`` instead.

    :param content: :class:`ORExportLib.Content.Content`
    """
    if content.pictures is None:
        try:
            content.pictures = tuple(_taken(content, progress))
        except PicturesUnavailable as error:
            content.pictures = ()
            content.findings.append(
                Finding("no-pictures", "warn", f"No pictures were taken of the views: {error}",
                        "Make the package on a machine that can render.")
            )  # fmt: skip
    return content.pictures


def _taken(content, progress):
    with Studio() as studio, tempfile.TemporaryDirectory(prefix="planninghub-") as folder:
        models = [(body, _model(studio, body)) for body in content.bodies]
        for number, view in enumerate(content.views):
            progress(number / len(content.views), f"View: {view.name}")
            shown = shownBodies(content.bodies, view)
            for body, model in models:
                model.GetDisplayNode().SetVisibility(body in shown)
            path = Path(folder) / "view.png"
            studio.takeThreeD(path, size=SIZE, aim=lambda camera, view=view: aim(camera, view))
            pixels = labeled(readPng(path), view, shown, content)
            yield ViewPicture(view, pixels, pngBytes(pixels), tuple(shown))


def _model(studio, body):
    # Finer than the pixels are, and drawn many times as fast as the surface of a whole skull.
    mesh = coarse(body.mesh, FINEST)
    return studio.addSurface(mesh.rasLpsSwapped().toPolyData(), body.name, body.color, body.opacity)


def shownBodies(bodies, view):
    """Return the bodies that a view shows.

    A view that names none shows the anatomy and what the plan makes of it. A piece of a part lies where the plan's own
    object lies, or the segment: it is shown where that is not.
    """
    shown = [body for body in bodies if view.shows(body.name) and (view.visible or _isShownAnyway(body))]
    wholes = {body.name for body in shown if body.origin != PIECE}
    return [body for body in shown if body.origin != PIECE or objectName(body) not in wholes]


def _isShownAnyway(body):
    return body.origin in (SEGMENT, PIECE) or isPlanned(body)


def edgeLetters(view):
    """Return the patient's directions at the left, right, upper and lower edge of a view, such as ``R`` or ``RA``."""
    toward = numpy.subtract(view.focalPointLps, view.positionLps)
    right = numpy.cross(toward, view.viewUpLps)
    up = numpy.cross(right, toward)
    return tuple(_direction(way) for way in (-right, right, up, -up))


def _direction(way):
    way = way / numpy.linalg.norm(way)
    axes = sorted(range(3), key=lambda axis: -abs(way[axis]))
    return "".join(LETTERS[axis][int(way[axis] < 0)] for axis in axes[:2] if abs(way[axis]) > LEANING)


def labeled(pixels, view, shown, content):
    """Return a picture (rows, columns, 3) with everything burned in that has to be on it."""
    pixels = pixels.copy()
    rows, columns, _three = pixels.shape
    state = stateWords(content.making, content.intendedUse)
    band = APPROVED_COLOR if state == "APPROVED" else WARNING_COLOR
    pixels[:BAND_PIXELS], pixels[-BAND_PIXELS:] = band, QUIET_COLOR
    _letter(pixels, state, 8, BAND_PIXELS // 2, color=WHITE)
    _letter(pixels, caseWords(content.making, content.side), columns - 8, BAND_PIXELS // 2, 1.0, WHITE)
    _letter(pixels, view.caption or view.name, 8, rows - BAND_PIXELS // 2, color=WHITE)
    left, right, upper, lower = edgeLetters(view)
    _letter(pixels, left, 10, rows // 2, size=LETTER_PIXELS)
    _letter(pixels, right, columns - 10, rows // 2, 1.0, size=LETTER_PIXELS)
    _letter(pixels, upper, columns // 2, BAND_PIXELS + LETTER_PIXELS, 0.5, size=LETTER_PIXELS)
    _letter(pixels, lower, columns // 2, rows - BAND_PIXELS - LETTER_PIXELS, 0.5, size=LETTER_PIXELS)
    _names(pixels, shown)
    return pixels


def _names(pixels, shown):
    """Write the names of the bodies, each beside a square of its color, above the lower left corner."""
    lines = [(body.name, body.color) for body in shown]
    if len(lines) > MOST_NAMES:
        lines = [*lines[: MOST_NAMES - 1], (f"and {len(lines) - MOST_NAMES + 1} more", (1, 1, 1))]
    for number, (name, color) in enumerate(reversed(lines)):
        middle = pixels.shape[0] - BAND_PIXELS - 18 - number * (NAME_PIXELS + 8)
        half = NAME_PIXELS // 2
        pixels[middle - half - 1 : middle + half + 1, 11 : 13 + 2 * half] = BLACK
        pixels[middle - half : middle + half, 12 : 12 + 2 * half] = numpy.rint(numpy.array(color) * 255)
        _letter(pixels, name, 18 + 2 * half, middle, size=NAME_PIXELS)


def _letter(pixels, text, x, middle, share=0.0, color=BLACK, size=TEXT_PIXELS):
    """Write a line; ``x`` is where its left edge stands, its right one for a share of 1."""
    if not text:
        return
    block = textBlock([text], size, int(pixels.shape[1] * 0.6))
    left = int(min(max(x - share * block.shape[1], 0), pixels.shape[1] - block.shape[1]))
    part = pixels[middle - round(CAPITALS_MIDDLE * size) :, left:][: len(block), : block.shape[1]]
    cover = block[: len(part), :, None]
    part[...] = numpy.rint(part * (1 - cover) + numpy.array(color) * cover)


def readPng(path):
    """Return the pixels (rows, columns, 3) of a PNG."""
    reader = vtk.vtkPNGReader()
    reader.SetFileName(str(path))
    reader.Update()
    image = reader.GetOutput()
    columns, rows, _one = image.GetDimensions()
    # VTK begins at the bottom, images begin at the top.
    return numpy_support.vtk_to_numpy(image.GetPointData().GetScalars()).reshape(rows, columns, -1)[::-1, :, :3]


def pngBytes(pixels):
    """Return pixels (rows, columns, 3) as a PNG."""
    rows, columns, _three = pixels.shape
    image = vtk.vtkImageData()
    image.SetDimensions(columns, rows, 1)
    values = numpy.ascontiguousarray(pixels[::-1]).reshape(-1, 3)
    image.GetPointData().SetScalars(numpy_support.numpy_to_vtk(values, deep=True))
    writer = vtk.vtkPNGWriter()
    writer.SetWriteToMemory(True)
    writer.SetInputData(image)
    writer.Write()
    return numpy_support.vtk_to_numpy(writer.GetResult()).tobytes()
