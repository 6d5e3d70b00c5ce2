"""The operated side as a picture: a head or a body from the front, drawn in lines, with the side filled and lettered.

It shows the side and nothing else; where on that side no picture of this kind can say.
"""

HEAD, BODY = "head", "body"
# Procedures that are shown on a head.
ON_HEAD = frozenset({"cranioplasty", "orbit-midface", "mandible"})
MARK_COLOR, PLAIN_COLOR, LINE_COLOR = "#0b4fa0", "#e4e4e4", "#222222"
# Share of the picture's width that is marked about the midline.
MIDLINE_SHARE = 0.14
LINE_WIDTH = 1.2
# Shapes as shares of a square, y up: (x, y, width, height) of ellipses, with a radius at the corners of rounded boxes.
_HEAD_SHAPES = (
    ("box", 0.41, 0.02, 0.18, 0.3, 0.04), ("box", 0.14, -0.14, 0.72, 0.26, 0.12),
    ("ellipse", 0.2, 0.46, 0.09, 0.17, 0), ("ellipse", 0.71, 0.46, 0.09, 0.17, 0),
    ("ellipse", 0.24, 0.18, 0.52, 0.76, 0),
)  # fmt: skip
_BODY_SHAPES = (
    ("box", 0.455, 0.7, 0.09, 0.14, 0.02), ("ellipse", 0.415, 0.77, 0.17, 0.22, 0),
    ("box", 0.27, 0.36, 0.085, 0.37, 0.042), ("box", 0.645, 0.36, 0.085, 0.37, 0.042),
    ("box", 0.37, 0.01, 0.115, 0.45, 0.05), ("box", 0.515, 0.01, 0.115, 0.45, 0.05),
    ("box", 0.33, 0.58, 0.34, 0.15, 0.06), ("box", 0.365, 0.36, 0.27, 0.36, 0.05),
)  # fmt: skip
# Centers and radii of the eyes, and the ends of nose and mouth: only a face says from which side one looks.
_FACES = {
    HEAD: (((0.405, 0.585, 0.028), (0.595, 0.585, 0.028)), ((0.5, 0.56, 0.5, 0.45), (0.43, 0.345, 0.57, 0.345))),
    BODY: (((0.465, 0.895, 0.012), (0.535, 0.895, 0.012)), ((0.475, 0.825, 0.525, 0.825),)),
}
_SHARES = {
    "right": ((0.0, 0.5),), "left": ((0.5, 0.5),), "bilateral": ((0.0, 1.0),),
    "midline": ((0.5 - MIDLINE_SHARE / 2, MIDLINE_SHARE),),
}  # fmt: skip
# Which letters are marked, from the viewer's left.
_MARKED = {"right": "R", "left": "L", "bilateral": "RL"}


def regionOf(procedureName):
    """Return whether a procedure is shown on a head or on a body."""
    return HEAD if procedureName in ON_HEAD else BODY


def drawFigure(canvas, font, region, side, x, y, size):
    """Draw a figure into a square; the patient faces the viewer, so the right side is at the viewer's left.

    :param canvas: reportlab canvas; ``font`` is the name of a bold one
    :param region: ``HEAD`` or ``BODY``
    :param side: left, right, bilateral, midline, or None for no mark
    :param x: and ``y`` of the lower left corner, in points, as ``size``
    """
    shapes = _HEAD_SHAPES if region == HEAD else _BODY_SHAPES
    canvas.saveState()
    _clip(canvas, x, y, size, size)
    canvas.setStrokeColor(LINE_COLOR)
    canvas.setLineWidth(2 * LINE_WIDTH)
    _drawShapes(canvas, shapes, x, y, size, stroke=1, fill=0)
    canvas.setFillColor(PLAIN_COLOR)
    _drawShapes(canvas, shapes, x, y, size, stroke=0, fill=1)
    for start, share in _SHARES.get(side, ()):
        canvas.saveState()
        _clip(canvas, x + start * size, y, share * size, size)
        canvas.setFillColor(MARK_COLOR)
        _drawShapes(canvas, shapes, x, y, size, stroke=0, fill=1)
        canvas.restoreState()
    _drawFace(canvas, region, x, y, size)
    canvas.restoreState()
    for letter, share in (("R", 0.08), ("L", 0.92)):
        _drawLetter(canvas, font, letter, letter in _MARKED.get(side, ""), x + share * size, y + 0.86 * size, size)


def _clip(canvas, x, y, width, height):
    path = canvas.beginPath()
    path.rect(x, y, width, height)
    canvas.clipPath(path, stroke=0)


def _drawShapes(canvas, shapes, x, y, size, stroke, fill):
    for kind, left, low, width, height, radius in shapes:
        place = x + left * size, y + low * size
        if kind == "ellipse":
            canvas.ellipse(
                *place, place[0] + width * size, place[1] + height * size, stroke=stroke, fill=fill
            )  # fmt: skip
        else:
            canvas.roundRect(*place, width * size, height * size, radius * size, stroke=stroke, fill=fill)


def _drawFace(canvas, region, x, y, size):
    eyes, lines = _FACES[region]
    canvas.setFillColor("white")
    canvas.setStrokeColor(LINE_COLOR)
    canvas.setLineWidth(0.7 * LINE_WIDTH)
    for centerX, centerY, radius in eyes:
        canvas.circle(x + centerX * size, y + centerY * size, radius * size, stroke=1, fill=1)
    canvas.setStrokeColor("white")
    canvas.setLineWidth(2 * LINE_WIDTH)
    for ends in lines:
        canvas.line(*(origin + share * size for origin, share in zip((x, y, x, y), ends, strict=True)))
    canvas.setStrokeColor(LINE_COLOR)
    canvas.setLineWidth(0.7 * LINE_WIDTH)
    for ends in lines:
        canvas.line(*(origin + share * size for origin, share in zip((x, y, x, y), ends, strict=True)))


def _drawLetter(canvas, font, letter, isMarked, x, y, size):
    canvas.setStrokeColor(MARK_COLOR if isMarked else LINE_COLOR)
    canvas.setFillColor(MARK_COLOR if isMarked else "white")
    canvas.setLineWidth(LINE_WIDTH)
    canvas.circle(x, y, 0.08 * size, stroke=1, fill=1)
    canvas.setFillColor("white" if isMarked else LINE_COLOR)
    canvas.setFont(font, 0.11 * size)
    canvas.drawCentredString(x, y - 0.04 * size, letter)
