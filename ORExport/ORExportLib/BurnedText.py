"""Text of any script as pixels, for what is burned into images; drawn with FreeType, so it needs no OpenGL."""

import functools
import io

import numpy

from PlanningHubLib.PageFonts import lineAndFont

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
    """Return the coverage (rows, columns) from 0 to 1 of a line of text; a character that no font has is a box.

    All lines of one size are equally high, but for scripts that are higher than Latin.
    """
    from PIL import Image, ImageDraw

    line, file = lineAndFont(text)
    font = _font(file, sizePixels)
    left, top, right, bottom = font.getbbox(line or " ")
    above = max(0, -top)
    image = Image.new("L", (max(1, right - left), above + max(sum(font.getmetrics()), bottom)))
    ImageDraw.Draw(image).text((-left, above), line, fill=255, font=font)
    coverage = numpy.asarray(image) / 255.0
    coverage.setflags(write=False)
    return coverage


@functools.lru_cache(16)
def _font(file, sizePixels):
    from PIL import ImageFont

    source = io.BytesIO(file) if isinstance(file, bytes) else str(file)
    return ImageFont.truetype(source, sizePixels, layout_engine=ImageFont.Layout.BASIC)


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
