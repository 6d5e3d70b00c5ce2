"""Anatomical coordinate systems: origin and axes from landmarks, as a procedure defines them."""

import numpy

from ..Errors import Finding, InputRefused
from .Objects import Placement, Points
from .Operation import NAME, Operation, Result

AXES = ("R", "A", "S")
# A click is off by a millimetre: over less than this, an axis is off by many degrees.
SHORTEST_MM, SMALLEST_DEGREES = 5.0, 10.0


def anatomicalFrame(parameters, context, _progress):
    """Make a frame from landmarks: a placement from its coordinates to RAS mm, and the landmarks in it."""
    landmarks = _landmarks(context, parameters["landmarks"])
    definition = parameters["definition"] or _ofProcedure(context)
    matrix, betweenDegrees = frameMatrix(definition, landmarks)
    rows = [{"landmark": name, **_coordinates(matrix, point)} for name, point in landmarks.items()]
    used = {name for axis in definition["axes"] for end in ("from", "to") for name in axis[end]}
    figures = {
        "originRas": matrix[:3, 3].tolist(),
        "betweenAxesDegrees": betweenDegrees,
        "offPlaneMm": _offPlaneMm(definition, landmarks, matrix, used),
        **{f"{name}ToScanDegrees": _degrees(matrix[axis, axis]) for axis, name in enumerate(AXES)},
    }
    return Result((Placement(parameters["name"], matrix),), figures, {"Landmarks": rows}, tuple(_findings(matrix)))


def frameMatrix(definition, landmarks):
    """Return the 4×4 matrix from a frame to RAS mm, and the angle in degrees between its two axes as clicked.

    :param definition: ``origin``, a list of landmarks whose mean it is, and two ``axes``, each ``axis`` (R, A or S),
        ``from`` and ``to`` (lists of landmarks, from mean to mean). The first axis is kept, the second turned in their
        plane until it is perpendicular, the third makes them right-handed
    :param landmarks: name → (3,) RAS mm
    :raises InputRefused: ``no-landmark``, ``degenerate-frame``
    """
    (first, firstVector), (second, secondVector) = (
        (AXES.index(axis["axis"]), _mean(landmarks, axis["to"]) - _mean(landmarks, axis["from"]))
        for axis in definition["axes"]
    )
    lengths = [float(numpy.linalg.norm(vector)) for vector in (firstVector, secondVector)]
    if first == second or min(lengths) < SHORTEST_MM:
        raise _degenerate(f"its landmarks lie within {min(lengths):.1f} mm")
    cosine = firstVector @ secondVector / (lengths[0] * lengths[1])
    betweenDegrees = _degrees(cosine)
    if not SMALLEST_DEGREES <= betweenDegrees <= 180 - SMALLEST_DEGREES:
        raise _degenerate(f"its two axes are {betweenDegrees:.1f} degrees apart")
    third = 3 - first - second
    matrix = numpy.eye(4)
    matrix[:3, first] = firstVector / lengths[0]
    upright = secondVector - (secondVector @ matrix[:3, first]) * matrix[:3, first]
    matrix[:3, second] = upright / numpy.linalg.norm(upright)
    matrix[:3, third] = numpy.cross(matrix[:3, (third + 1) % 3], matrix[:3, (third + 2) % 3])
    matrix[:3, 3] = _mean(landmarks, definition["origin"])
    return matrix, betweenDegrees


def inFrame(matrix, pointsRas):
    """Return points (n, 3) RAS mm in the coordinates of a frame, mm along its R, A and S."""
    return (numpy.asarray(pointsRas, float) - matrix[:3, 3]) @ matrix[:3, :3]


def _landmarks(context, names):
    found = {}
    for name in names:
        points = context.get(name, Points)
        labels = points.labels if len(points.labels) == len(points.pointsRas) else ()
        # A list of one point without labels is the landmark itself.
        if len(points.pointsRas) == 1 and labels in ((), ("1",)):
            labels = (name,)
        for label, point in zip(labels, points.pointsRas, strict=False):
            if label in found:
                raise InputRefused("landmark-twice", f"There are two landmarks {label}.", "Rename or remove one.")
            found[label] = numpy.asarray(point, float)
    return found


def _ofProcedure(context):
    definition = context.procedure.values.get("coordinateSystem") if context.procedure else None
    if definition is None:
        raise InputRefused(
            "no-coordinate-system", "The procedure defines no anatomical coordinate system.", "State one in the step."
        )
    return definition


def _mean(landmarks, names):
    absent = [name for name in names if name not in landmarks]
    if absent:
        known = ", ".join(landmarks) or "none"
        raise InputRefused("no-landmark", f"There is no landmark {', '.join(absent)}.", f"Placed are: {known}.")
    return numpy.mean([landmarks[name] for name in names], axis=0)


def _degenerate(why):
    return InputRefused(
        "degenerate-frame", f"The anatomical frame has no safe axes: {why}.", "Place the landmarks farther apart."
    )


def _degrees(cosine):
    return float(numpy.degrees(numpy.arccos(numpy.clip(cosine, -1, 1))))


def _coordinates(matrix, point):
    return dict(zip(("rightMm", "anteriorMm", "superiorMm"), inFrame(matrix, point[None])[0].tolist(), strict=True))


def _offPlaneMm(definition, landmarks, matrix, used):
    """Return how far the landmarks of the axes lie off their plane at most: four never lie in one."""
    third = 3 - sum(AXES.index(axis["axis"]) for axis in definition["axes"])
    heights = inFrame(matrix, [landmarks[name] for name in sorted(used)])[:, third]
    return float(numpy.abs(heights - heights.mean()).max())


def _findings(matrix):
    for axis, name in enumerate(AXES):
        if matrix[axis, axis] < 0:
            yield Finding(
                "frame-turned", "warn",
                f"The {name} axis of the anatomical frame points against that of the scan.",
                "See whether landmarks were confused, of left and right or of front and back.",
            )  # fmt: skip


_LANDMARKS = {"type": "array", "items": NAME, "minItems": 1, "uniqueItems": True}
_AXIS = {
    "type": "object",
    "required": ["axis", "from", "to"],
    "additionalProperties": False,
    "properties": {"axis": {"enum": list(AXES)}, "from": _LANDMARKS, "to": _LANDMARKS},
}
_DEFINITION = {
    "type": "object", "default": {}, "title": "Definition", "additionalProperties": False,
    "description": "Origin and two axes, as in a procedure's coordinateSystem; empty for the procedure's own",
    "properties": {
        "name": NAME, "source": {"type": "string"}, "origin": _LANDMARKS,
        "axes": {"type": "array", "items": _AXIS, "minItems": 2, "maxItems": 2},
    },
    "dependentRequired": {"origin": ["axes"], "axes": ["origin"], "name": ["axes"], "source": ["axes"]},
}  # fmt: skip

OPERATIONS = (
    Operation(
        "anatomical-frame", "Anatomical frame",
        {
            "landmarks": {
                "type": "array", "items": NAME, "minItems": 1, "x-object": "points", "title": "Landmarks",
                "description": "Point lists whose labels are the landmarks' names, or single points of these names",
            },
            "definition": _DEFINITION,
        },
        ("landmarks",), anatomicalFrame,
    ),
)  # fmt: skip
