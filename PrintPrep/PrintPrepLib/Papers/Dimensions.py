"""Nominal dimensions chosen on a part: what a caliper or gauge should read, measured on the part's mesh itself.

Points and directions are in LPS mm, as in the part's files. A picked point is moved onto the surface first.
"""

import json

import numpy

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Planning.Distances import searchOf
from PlanningHubLib.Planning.Document import rounded
from PlanningHubLib.SchemaCheck import schemaFault

DISTANCE, DIAMETER, EXTENT = "distance", "diameter", "extent"
POINTS_OF = {DISTANCE: 2, DIAMETER: 3, EXTENT: 0}
_VECTOR = {"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 3}
_POSITIVE = {"type": "number", "exclusiveMinimum": 0}
SCHEMA = {
    "type": "object", "required": ["frame", "dimensions"], "additionalProperties": False,
    "properties": {
        "frame": {"enum": ["LPS", "RAS"]},
        "dimensions": {
            "type": "array", "minItems": 1, "maxItems": 100,
            "items": {
                "type": "object", "required": ["name", "kind"], "additionalProperties": False,
                "properties": {
                    "name": {"type": "string", "minLength": 1, "maxLength": 60},
                    "kind": {"enum": [DISTANCE, DIAMETER, EXTENT]},
                    "points": {"type": "array", "items": _VECTOR},
                    "direction": _VECTOR,
                    "toleranceMm": _POSITIVE,
                    "measuredMm": {**_POSITIVE, "description": "What was read on the printed part"},
                },
            },
        },
    },
}  # fmt: skip
AXES = {"extent x": (1, 0, 0), "extent y": (0, 1, 0), "extent z": (0, 0, 1)}
# Site defaults, no source: a pick farther away was not meant for this part; a hole that is less round is none.
FARTHEST_PICK_MM, ROUND_MM = 2.0, 0.2
_RAYS = 90
# How far a circle is looked for from the plane of the three points, along its axis, in parts of its radius.
_DEPTHS = (0.0, 0.05, -0.05, 0.15, -0.15, 0.3, -0.3)


def readDimensions(path):
    """Read the dimensions of a file, with the measured values where it has them.

    :returns: list of dictionaries; points and directions in LPS
    :raises InputRefused: ``cannot-read``, ``bad-dimensions``
    """
    try:
        values = json.loads(path.read_bytes())
    except OSError as error:
        raise InputRefused("cannot-read", f"{path} cannot be read: {error.strerror}.", "", [path]) from error
    except ValueError as error:
        raise _bad(f"{path.name} is no JSON: {error}") from error
    return checkedDimensions(values)


def checkedDimensions(values):
    """Return the dimensions of a document (see ``SCHEMA``), its points in LPS.

    :raises InputRefused: ``bad-dimensions``
    """
    fault = schemaFault(values, SCHEMA)
    if fault:
        raise _bad(": ".join(fault))
    toLps = numpy.array((-1, -1, 1) if values["frame"] == "RAS" else (1, 1, 1), float)
    dimensions = [_checked(one, toLps) for one in values["dimensions"]]
    names = [one["name"] for one in dimensions]
    if len(set(names)) != len(names):
        raise _bad("two dimensions share a name")
    return rounded(dimensions)


def _checked(one, toLps):
    points, direction = one.get("points", []), one.get("direction")
    if len(points) != POINTS_OF[one["kind"]] or (one["kind"] == EXTENT) != (direction is not None):
        raise _bad(f"{one['name']}: a distance needs two points, a diameter three on the rim, an extent a direction")
    if direction is not None and not numpy.linalg.norm(direction) > 0:
        raise _bad(f"{one['name']}: the direction has no length")
    made = {**one, "points": [(numpy.array(point) * toLps).tolist() for point in points]}
    return {**made, "direction": (numpy.array(direction) * toLps).tolist()} if direction is not None else made


def extents():
    """Return the dimensions of a part for which none were chosen: its extents along the axes of its files."""
    return [{"name": name, "kind": EXTENT, "points": [], "direction": list(axis)} for name, axis in AXES.items()]


def measuredOn(dimension, mesh):
    """Return a dimension with its nominal value on a part's mesh: ``nominalMm``, and the points on the surface.

    :raises InputRefused: ``point-off-the-part``, ``not-round``, ``no-length``
    """
    points = [_onSurface(dimension["name"], point, mesh) for point in dimension["points"]]
    measure = {DISTANCE: _distance, DIAMETER: _diameter, EXTENT: _extent}[dimension["kind"]]
    nominalMm = measure(dimension, points, mesh)
    if not nominalMm > 0:
        raise InputRefused("no-length", f"{dimension['name']} has no length on the part.", "Choose other points.")
    return {**dimension, "points": [numpy.round(one, 4).tolist() for one in points], "nominalMm": round(nominalMm, 4)}


def _onSurface(name, point, mesh):
    distancesMm, _triangles, places = searchOf(mesh).nearest(point)
    if distancesMm[0] > FARTHEST_PICK_MM:
        raise InputRefused(
            "point-off-the-part",
            f"A point of {name} lies {distancesMm[0]:.1f} mm off the part.",
            "Choose points on the part as it is in its files (LPS mm).",
        )
    return places[0]


def _distance(_dimension, points, _mesh):
    return float(numpy.linalg.norm(points[1] - points[0]))


def _extent(dimension, _points, mesh):
    direction = numpy.array(dimension["direction"], float)
    along = mesh.points.astype(float) @ (direction / numpy.linalg.norm(direction))
    return float(along.max() - along.min())


def _diameter(dimension, points, mesh):
    """Return the diameter of the circle that the wall around three points of a rim makes, by least squares."""
    center, axis, radiusMm = _circleThrough(*points)
    best = None
    for depth in _DEPTHS:
        fit = _fittedCircle(mesh, center + depth * radiusMm * axis, axis, radiusMm)
        if fit is not None and (best is None or fit[1] < best[1]):
            best = fit
    if best is None or best[1] > ROUND_MM:
        raise InputRefused(
            "not-round",
            f"No round wall lies around the points of {dimension['name']}.",
            "Choose three points spread over the rim of one hole or pin.",
        )
    return best[0]


def _circleThrough(first, second, third):
    one, two = second - first, third - first
    axis = numpy.cross(one, two)
    squared = axis @ axis
    if squared < 1e-6 * (one @ one) * (two @ two):
        raise InputRefused("not-round", "The three points lie on a line.", "Spread them over the rim.")
    center = first + ((two @ two) * numpy.cross(axis, one) + (one @ one) * numpy.cross(two, axis)) / (2 * squared)
    return center, axis / numpy.sqrt(squared), float(numpy.linalg.norm(first - center))


def _fittedCircle(mesh, center, axis, radiusMm):
    """Return diameter and largest residual in mm of the wall that rays from a center meet, or None."""
    across = numpy.cross(axis, (1.0, 0, 0) if abs(axis[0]) < 0.8 else (0, 1.0, 0))
    across /= numpy.linalg.norm(across)
    angles = 2 * numpy.pi * numpy.arange(_RAYS) / _RAYS
    flat = numpy.c_[numpy.cos(angles), numpy.sin(angles)]
    reaches = [
        searchOf(mesh).crossings(center, center + 2 * radiusMm * (one * across + two * numpy.cross(axis, across)))
        for one, two in flat
    ]
    if not all(len(reach) for reach in reaches):
        return None
    places = flat * [[reach[numpy.abs(reach - radiusMm).argmin()]] for reach in reaches]
    # x² + y² = 2ax + 2by + c: linear in the center (a, b) and in what the radius follows from.
    equations = numpy.c_[2 * places, numpy.ones(_RAYS)]
    a, b, c = numpy.linalg.lstsq(equations, (places**2).sum(1), rcond=None)[0]
    fittedMm = numpy.sqrt(c + a * a + b * b)
    residual = numpy.abs(numpy.hypot(places[:, 0] - a, places[:, 1] - b) - fittedMm).max()
    return 2 * float(fittedMm), float(residual)


def _bad(reason):
    return InputRefused("bad-dimensions", f"The dimensions cannot be used: {reason}.", "Correct them.")
