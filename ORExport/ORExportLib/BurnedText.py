"""Text as pixels, for what is burned into images; drawn with FreeType, so it needs no OpenGL."""

import functools
import unicodedata

import numpy
import vtk
from vtk.util import numpy_support

from PlanningHubLib.PageFonts import fontFile

UNPRINTABLE = "□"
# Scripts that run from right to left or need shaping cannot be drawn letter after letter.
UNFIT_DIRECTIONS = frozenset({"R", "AL", "AN", "RLE", "RLO", "RLI"})
UNFIT_CATEGORIES = frozenset({"Mn", "Mc", "Me", "Cf", "Cc"})
SIDE_WORDS = {"left": "LEFT", "right": "RIGHT", "bilateral": "BOTH SIDES", "midline": "MIDLINE"}
USE_WORDS = {"education": "FOR EDUCATION", "quality": "FOR QUALITY ASSURANCE"}


def stateWords(making, intendedUse="planning"):
    """Return what every image says first: whether it is approved, or that it is not for treatment."""
    return USE_WORDS.get(intendedUse) or ("APPROVED" if making.isApproved else "NOT APPROVED")


def caseWords(making, side):
    """Return the case's code and the side in words."""
    return f"{making.caseName}  {SIDE_WORDS.get(side, 'SIDE NOT STATED')}"


@functools.lru_cache(512)
def textPixels(text, sizePixels):
    """Return the coverage (rows, columns) from 0 to 1 of a line of text; characters that cannot be drawn are boxes.

    All lines of one size are equally high.
    """
    style = vtk.vtkTextProperty()
    style.SetFontFamily(vtk.VTK_FONT_FILE)
    style.SetFontFile(str(fontFile("Bold")))
    style.SetFontSize(sizePixels)
    style.SetColor(1, 1, 1)
    renderer, image, size = vtk.vtkTextRenderer.GetInstance(), vtk.vtkImageData(), [0, 0]
    box = [0, 0, 0, 0]
    renderer.GetBoundingBox(style, "ÅgÇj|", box, 72, vtk.vtkTextRenderer.FreeType)
    height = box[3] - box[2] + 1
    renderer.RenderString(style, drawable(text), image, size, 72, vtk.vtkTextRenderer.FreeType)
    columns, rows, _one = image.GetDimensions()
    alpha = numpy_support.vtk_to_numpy(image.GetPointData().GetScalars()).reshape(rows, columns, -1)[:, :, 3]
    # VTK begins at the bottom, images begin at the top.
    drawn = alpha[: size[1], : size[0]][::-1] / 255.0
    line = numpy.zeros((max(height, len(drawn)), drawn.shape[1]))
    line[: len(drawn)] = drawn
    line.setflags(write=False)
    return line


def drawable(text):
    """Return text on one line, in which a character that could be drawn wrongly is a box."""
    composed = unicodedata.normalize("NFC", " ".join(str(text).split()))
    return "".join(character if _isPlain(character) else UNPRINTABLE for character in composed) or " "


def _isPlain(character):
    return (
        ord(character) in _charactersOfTheFont()
        and unicodedata.bidirectional(character) not in UNFIT_DIRECTIONS
        and unicodedata.category(character) not in UNFIT_CATEGORIES
    )


@functools.cache
def _charactersOfTheFont():
    from fontTools.ttLib import TTFont

    with TTFont(fontFile("Bold"), lazy=True) as font:
        return frozenset(font.getBestCmap())


def textBlock(lines, sizePixels, widthPixels):
    """Return the coverage (rows, columns) from 0 to 1 of lines below each other, with a margin around them.

    :param widthPixels: the text gets smaller until its widest line fits
    """
    rendered = [textPixels(line, sizePixels) for line in lines]
    widest = max(line.shape[1] for line in rendered)
    margin = max(1, sizePixels // 4)
    if widest + 2 * margin > widthPixels and sizePixels > 4:
        smaller = min(sizePixels - 1, int(sizePixels * (widthPixels - 2) / (widest + 2 * margin)))
        return textBlock(lines, max(4, smaller), widthPixels)
    block = numpy.zeros((sum(len(line) for line in rendered) + 2 * margin, widest + 2 * margin))
    top = margin
    for line in rendered:
        block[top : top + len(line), margin : margin + line.shape[1]] = line
        top += len(line)
    return block
