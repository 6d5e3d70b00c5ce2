"""The steps that place an object: points, lines, curves, planes and rigid motions, as a person set them."""

import numpy

from ..Errors import InputRefused
from .Objects import Curve, Line, Placement, Plane, Points
from .Operation import POINT, POINTS, Operation, Result

SHORTEST_MM = 1e-3


def numbered(points):
    """Return the labels of points that nobody named."""
    return tuple(str(number + 1) for number in range(len(points)))


def points(parameters, _context, _progress):
    """Place named points."""
    labels = tuple(parameters["labels"]) or numbered(parameters["points"])
    if len(labels) != len(parameters["points"]):
        raise InputRefused(
            "bad-plan", f"{parameters['name']} has {len(parameters['points'])} points and {len(labels)} labels.", ""
        )
    return Result((Points(parameters["name"], numpy.array(parameters["points"], float), labels),))


def line(parameters, _context, _progress):
    """Place a line from ``start`` to ``end``."""
    start, end = (numpy.array(parameters[key], float) for key in ("start", "end"))
    lengthMm = float(numpy.linalg.norm(end - start))
    if lengthMm < SHORTEST_MM:
        raise InputRefused("no-length", f"{parameters['name']} starts where it ends.", "Move one of its points.")
    return Result((Line(parameters["name"], start, end),), {"lengthMm": lengthMm})


def curve(parameters, _context, _progress):
    """Place a curve through control points."""
    return Result((Curve(parameters["name"], numpy.array(parameters["points"], float), parameters["closed"]),))


def plane(parameters, _context, _progress):
    """Place a plane by a point on it and its normal."""
    normal = numpy.array(parameters["normal"], float)
    length = numpy.linalg.norm(normal)
    if length < SHORTEST_MM:
        raise InputRefused("no-length", f"The normal of {parameters['name']} has no length.", "Give a direction.")
    return Result(
        (Plane(parameters["name"], numpy.array(parameters["origin"], float), normal / length, parameters["sizeMm"]),)
    )


def placement(parameters, _context, _progress):
    """Place a rigid motion, given as 16 numbers row by row or as turns about a center and a shift."""
    matrix = matrixOf(parameters)
    rotation = matrix[:3, :3]
    rigid = numpy.allclose(rotation @ rotation.T, numpy.eye(3), atol=1e-4) and numpy.linalg.det(rotation) > 0
    if not rigid or not numpy.allclose(matrix[3], (0, 0, 0, 1)):
        raise InputRefused(
            "not-rigid",
            f"{parameters['name']} would scale, shear or mirror.",
            "Give a rotation and a translation only.",
        )
    return Result((Placement(parameters["name"], matrix),))


def matrixOf(parameters):
    """Return the 4×4 matrix that the parameters of a placement say."""
    if parameters["matrix"]:
        return numpy.array(parameters["matrix"], float).reshape(4, 4)
    matrix = numpy.eye(4)
    for axis, degrees in enumerate(parameters["turnDegrees"]):
        one, other = [index for index in range(3) if index != axis]
        turn, angle = numpy.eye(4), numpy.radians(degrees) * (-1 if axis == 1 else 1)
        turn[one, one] = turn[other, other] = numpy.cos(angle)
        turn[other, one], turn[one, other] = numpy.sin(angle), -numpy.sin(angle)
        matrix = turn @ matrix
    center = numpy.array(parameters["center"], float)
    matrix[:3, 3] = center - matrix[:3, :3] @ center + parameters["shiftMm"]
    return matrix


_FRAMED_POINT = {**POINT, "x-point": "position"}
_FRAMED_DIRECTION = {**POINT, "x-point": "direction"}

OPERATIONS = (
    Operation(
        "points", "Points",
        {
            "points": {**POINTS, "title": "Points", "x-point": "positions"},
            "labels": {"type": "array", "items": {"type": "string"}, "default": []},
        },
        ("points",), points,
    ),
    Operation("line", "Line", {"start": _FRAMED_POINT, "end": _FRAMED_POINT}, ("start", "end"), line),
    Operation(
        "curve", "Curve",
        {
            "points": {**POINTS, "minItems": 2, "x-point": "positions"},
            "closed": {"type": "boolean", "default": False, "title": "Closed"},
        },
        ("points",), curve,
    ),
    Operation(
        "plane", "Plane",
        {
            "origin": _FRAMED_POINT,
            "normal": _FRAMED_DIRECTION,
            "sizeMm": {"type": "number", "exclusiveMinimum": 0, "default": 100.0, "title": "Size"},
        },
        ("origin", "normal"), plane,
    ),
    Operation(
        "placement", "Placement",
        {
            "matrix": {
                "type": "array", "items": {"type": "number"}, "default": [], "x-point": "matrix",
                "anyOf": [{"minItems": 16, "maxItems": 16}, {"maxItems": 0}],
            },
            "turnDegrees": {**POINT, "default": [0, 0, 0], "title": "Turn about R, A, S", "x-point": "direction"},
            "center": {**_FRAMED_POINT, "default": [0, 0, 0], "title": "Center of the turn"},
            "shiftMm": {**_FRAMED_DIRECTION, "default": [0, 0, 0], "title": "Shift"},
        },
        (), placement,
    ),
)  # fmt: skip
