"""Letters as outlines in mm: bold, a little condensed, in the font that the pages are printed in."""

import dataclasses
import functools
import itertools
import re

import numpy

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.PageFonts import fontFile

# Bold strokes survive printing; narrower letters stay larger where the text has to fit.
CONDENSED = 0.8
# Distance of base lines over the height of capitals.
LINE_PITCH = 1.5
# The thinnest stroke of a letter over the height of capitals, measured on this font.
STROKE = 0.19
MOST_LINES = 6
_STEPS_PER_CURVE = 5
# Outlines keep their corners to this; slicers leave out finer detail too.
_FINEST_MM = 0.02


@dataclasses.dataclass(frozen=True)
class Layout:
    """A text broken into lines, with its extent for capitals of 1 mm."""

    lines: tuple
    width: float
    height: float


def layouts(text):
    """Return the :class:`Layout` of a text for each number of lines, each with its widest line as short as can be.

    Lines end at spaces and behind hyphens.

    :raises InputRefused: ``no-letters``, where nothing is left to write or the font lacks a character
    """
    words = re.findall(r"[^\s-]*-+|[^\s-]+|\s+", " ".join(text.split()))
    requireLetters(text)
    units = []
    for word in words:
        if word.isspace():
            units[-1] += " "
        else:
            units.append(word)
    found = []
    for count in range(1, min(len(units), MOST_LINES) + 1):
        choices = itertools.combinations(range(1, len(units)), count - 1)
        found.append(min((_layout(units, ends) for ends in choices), key=lambda one: one.width))
    return found


def requireLetters(text):
    """Refuse a text that cannot be written.

    :raises InputRefused: ``no-letters``
    """
    missing = sorted({character for character in text if not character.isspace() and ord(character) not in _font()[1]})
    if missing or not text.strip():
        raise InputRefused(
            "no-letters",
            f"The font has no letter for {', '.join(missing)}." if missing else "The label has no text.",
            "Change the text of the label.",
        )


def outline(layout, heightMm):
    """Return a layout as a manifold3d.CrossSection in mm, to be read from +z with y up, its extent centered on zero.

    :param heightMm: height of capitals
    """
    section = _unscaled(layout.lines)
    left, bottom, right, top = section.bounds()
    section = section.translate((-(left + right) / 2, -(bottom + top) / 2))
    return section.scale((heightMm, heightMm)).simplify(_FINEST_MM)


def _layout(units, ends):
    edges = (0, *ends, len(units))
    lines = tuple("".join(units[start:end]).strip() for start, end in itertools.pairwise(edges))
    widths = [sum(_advance(character) for character in line) for line in lines]
    return Layout(lines, max(widths), 1 + LINE_PITCH * (len(lines) - 1) + 0.35 * any(_descends(lines[-1])))


def _descends(line):
    return [character for character in line if _glyph(character)[2] < -0.05]


@functools.lru_cache(maxsize=64)
def _unscaled(lines):
    import manifold3d

    contours = []
    for number, line in enumerate(lines):
        atX = -sum(_advance(character) for character in line) / 2
        for character in line:
            contours += [contour + (atX, -LINE_PITCH * number) for contour in _glyph(character)[0]]
            atX += _advance(character)
    return manifold3d.CrossSection([contour.tolist() for contour in contours], manifold3d.FillRule.NonZero)


def _advance(character):
    return _glyph(character)[1]


@functools.cache
def _glyph(character):
    """Return a character's contours (n, 2), its advance and its lowest y, capitals being 1 high."""
    from fontTools.pens.recordingPen import DecomposingRecordingPen

    glyphs, characters, capital = _font()
    name = characters.get(ord(character), characters[ord(" ")])
    pen = DecomposingRecordingPen(glyphs)
    glyphs[name].draw(pen)
    scale = numpy.array([CONDENSED, 1.0]) / capital
    contours = [contour * scale for contour in _flattened(pen.value)]
    lowest = min((float(contour[:, 1].min()) for contour in contours), default=0.0)
    return contours, glyphs[name].width * CONDENSED / capital, lowest


@functools.cache
def _font():
    """Return the font's glyphs, its character → glyph name, and the height of its capital H."""
    from fontTools.pens.boundsPen import BoundsPen
    from fontTools.ttLib import TTFont

    font = TTFont(fontFile("Bold"), lazy=True)
    glyphs, characters = font.getGlyphSet(), font.getBestCmap()
    pen = BoundsPen(glyphs)
    glyphs[characters[ord("H")]].draw(pen)
    return glyphs, characters, pen.bounds[3]


def _flattened(recording):
    """Return the closed contours (n, 2) of what a pen recorded, its quadratic curves as short lines."""
    from fontTools.pens.basePen import decomposeQuadraticSegment

    contours = []
    for operator, points in recording:
        if operator == "moveTo":
            contours.append([points[0]])
        elif operator == "lineTo":
            contours[-1].append(points[0])
        elif operator == "qCurveTo":
            if points[-1] is None:
                # A contour without a point on the curve: TrueType implies one between two others.
                start = tuple((one + other) / 2 for one, other in zip(points[-2], points[0], strict=True))
                contours.append([start])
                points = (*points[:-1], start)
            for middle, end in decomposeQuadraticSegment(points):
                contours[-1] += _curve(contours[-1][-1], middle, end)
    return [numpy.array(contour, float) for contour in contours if len(contour) > 2]


def _curve(start, middle, end):
    share = numpy.linspace(0, 1, _STEPS_PER_CURVE + 1)[1:, None]
    start, middle, end = (numpy.array(point, float) for point in (start, middle, end))
    points = (1 - share) ** 2 * start + 2 * share * (1 - share) * middle + share**2 * end
    return [tuple(point) for point in points.tolist()]
