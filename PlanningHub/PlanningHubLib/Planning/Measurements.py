"""Measurements: distances, angles, lengths, areas, volumes, thickness and extents, each with its kind and unit."""

import dataclasses
from collections.abc import Callable

import numpy
from scipy import spatial

from ..Errors import InputRefused
from . import Distances
from .Curves import curvePoints
from .Objects import Curve, Line, Placement, Plane, Points, Solid
from .Operation import NAME, POINT, Operation, Result

# The normal of a surface of voxels is taken over this much of it.
NORMAL_RADIUS_MM = 1.5
# Fine enough for a length to a hundredth of a millimetre.
POINTS_PER_SEGMENT = 50


@dataclasses.dataclass(frozen=True)
class Quantity:
    """What is measured.

    :param kind: its name as reports call it
    :param unit: UCUM code
    :param takes: what it needs, in words
    :param measure: ``measure(things, context, parameters)`` → figures; the first is the measurement itself
    """

    kind: str
    unit: str
    takes: str
    measure: Callable


def measure(parameters, context, _progress):
    """Measure one quantity on one or more objects and points."""
    quantity = QUANTITIES[parameters["quantity"]]
    things = [context.get(name) for name in parameters["objects"]]
    for thing in things[:]:
        # Points count one by one, in their order, as if each had been given.
        if isinstance(thing, Points):
            place = things.index(thing)
            things[place : place + 1] = list(thing.pointsRas)
    things += [numpy.array(point, float) for point in parameters["points"]]
    figures = quantity.measure(things, context, parameters)
    if figures is None:
        raise InputRefused(
            "cannot-measure",
            f"The {quantity.kind.lower()} takes {quantity.takes}.",
            "Give these, and nothing else.",
        )
    value = next(iter(figures.values()))
    row = {"name": parameters["name"], "kind": quantity.kind, "value": value, "unit": quantity.unit}
    return Result((), figures, {"Measurements": [row]})


def _are(things, *classes):
    """Tell whether things are of these classes, one each; a point is an array."""
    return len(things) == len(classes) and all(map(isinstance, things, classes))


_POINT = numpy.ndarray
_RANKS = (_POINT, Line, Plane, Solid)


def _distance(things, _context, _parameters):
    if _are(things, Line):
        return {"distanceMm": Distances.lengthAndDirection(things[0].startRas, things[0].endRas)[0]}
    if len(things) != 2 or not all(isinstance(thing, _RANKS) for thing in things):
        return None
    one, other = sorted(things, key=lambda thing: next(i for i, rank in enumerate(_RANKS) if isinstance(thing, rank)))
    found = _between(one, other)
    if found is None:
        return None
    distanceMm, place, otherPlace = found
    return {"distanceMm": float(distanceMm), "fromRas": list(map(float, place)), "toRas": list(map(float, otherPlace))}


def _between(one, other):
    """Return the distance of two things and the nearest place on each; None where there is no one distance."""
    if _are((one, other), _POINT, _POINT):
        return numpy.linalg.norm(other - one), one, other
    if _are((one, other), _POINT, Plane):
        height = other.heightsMm(one[None])[0]
        return abs(height), one, one - height * other.normalRas
    if _are((one, other), _POINT, Line):
        lengthMm, direction = Distances.lengthAndDirection(other.startRas, other.endRas)
        foot = other.startRas + numpy.clip((one - other.startRas) @ direction, 0, lengthMm) * direction
        return numpy.linalg.norm(foot - one), one, foot
    if _are((one, other), _POINT, Solid):
        search = Distances.searchOf(other.mesh)
        return search.signedMm(one)[0], one, search.nearest(one)[2][0]
    if _are((one, other), Line, Solid):
        nearest = Distances.nearestOfSegment(Distances.searchOf(other.mesh), one.startRas, one.endRas)
        direction = Distances.lengthAndDirection(one.startRas, one.endRas)[1]
        return nearest.distanceMm, one.startRas + nearest.alongMm * direction, nearest.placeRas
    if _are((one, other), Solid, Solid):
        return _betweenSolids(one, other)
    return None


def _betweenSolids(one, other):
    from ..Shapes.Manifolds import toManifold

    if not (toManifold(one.mesh) ^ toManifold(other.mesh)).is_empty():
        raise InputRefused(
            "solids-overlap", f"{one.name} and {other.name} overlap.", "Ask for their collision instead of a distance."
        )
    return Distances.nearestBetween(one.mesh, other.mesh)


def _angle(things, _context, _parameters):
    if _are(things, _POINT, _POINT, _POINT):
        return _degrees(_unit(things[0] - things[1]) @ _unit(things[2] - things[1]))
    if _are(things, Line, Line):
        one, other = (_unit(line.endRas - line.startRas) for line in things)
        return _degrees(one @ other)
    if _are(things, Plane, Plane):
        return _degrees(abs(things[0].normalRas @ things[1].normalRas))
    things = sorted(things, key=lambda thing: isinstance(thing, Plane))
    if _are(things, Line, Plane):
        across = abs(_unit(things[0].endRas - things[0].startRas) @ things[1].normalRas)
        return {"angleDegrees": 90.0 - _degrees(across)["angleDegrees"]}
    return None


def _unit(vector):
    lengthMm = numpy.linalg.norm(vector)
    if lengthMm < 1e-6:
        raise InputRefused("no-length", "Two points of the angle are one.", "Move one of them.")
    return vector / lengthMm


def _degrees(cosine):
    return {"angleDegrees": float(numpy.degrees(numpy.arccos(numpy.clip(cosine, -1, 1))))}


def _curveLength(things, _context, _parameters):
    if not _are(things, Curve):
        return None
    points = curvePoints(things[0], POINTS_PER_SEGMENT)
    return {"lengthMm": float(numpy.linalg.norm(numpy.diff(points, axis=0), axis=1).sum())}


def _area(things, _context, _parameters):
    """The area of a closed curve as seen along the direction from which it looks largest; exact for a flat one."""
    if not _are(things, Curve) or not things[0].closed:
        return None
    points = curvePoints(things[0], POINTS_PER_SEGMENT)
    points = points - points.mean(0)
    areaVector = numpy.cross(points[:-1], points[1:]).sum(0) / 2
    areaMm2 = float(numpy.linalg.norm(areaVector))
    if areaMm2 < 1e-6:
        raise InputRefused("no-area", f"{things[0].name} encloses nothing.", "Move its points.")
    return {"areaMm2": areaMm2, "notFlatMm": float(numpy.abs(points @ areaVector / areaMm2).max())}


def _volume(things, _context, _parameters):
    return {"volumeMl": things[0].mesh.volumeMl} if _are(things, Solid) else None


def _surfaceArea(things, _context, _parameters):
    return {"areaMm2": float(things[0].mesh.areasMm2().sum())} if _are(things, Solid) else None


def _thickness(things, _context, _parameters):
    """From the place of a surface that is nearest to a point, straight inwards to the next surface."""
    things = sorted(things, key=lambda thing: isinstance(thing, _POINT))
    if not _are(things, Solid, _POINT):
        return None
    mesh, search = things[0].mesh, Distances.searchOf(things[0].mesh)
    _distanceMm, triangles, places = search.nearest(things[1])
    normals = mesh.normals().astype(float)
    centers = mesh.points[mesh.triangles].mean(1)
    near = numpy.linalg.norm(centers - places[0], axis=1) <= NORMAL_RADIUS_MM
    near &= normals @ normals[triangles[0]] > 0.5
    near[triangles[0]] = True
    inwards = -_unit((normals * mesh.areasMm2()[:, None])[near].sum(0))
    size = float(numpy.linalg.norm(numpy.ptp(mesh.points, axis=0))) + 1
    through = Distances.insideIntervals(search, places[0] + 1e-3 * inwards, places[0] + size * inwards)
    thicknessMm = through[0][1] + 1e-3 if through else 0.0
    return {"thicknessMm": thicknessMm, "fromRas": places[0].tolist(), "directionRas": inwards.tolist()}


def _extents(things, context, parameters):
    """Longest diameter of a solid, and how far it reaches along R, A and S of the scan or of an anatomical frame."""
    if not _are(things, Solid):
        return None
    points = things[0].mesh.points.astype(float)
    corners = points[spatial.ConvexHull(points).vertices]
    # Some thousand corners at most: all pairs fit.
    apart = spatial.distance.pdist(corners)
    axes = context.get(parameters["frame"], Placement).matrix[:3, :3] if parameters["frame"] else numpy.eye(3)
    extents = numpy.ptp(corners @ axes, axis=0)
    return {"longestMm": float(apart.max()), **dict(zip(("rightMm", "anteriorMm", "superiorMm"), extents.tolist(),
                                                         strict=True))}  # fmt: skip


QUANTITIES = {
    "distance": Quantity(
        "Distance", "mm", "a line, two points, a point and a plane, line or solid, a line and a solid, or two solids",
        _distance,
    ),
    "angle": Quantity("Angle", "deg", "three points, two lines, two planes, or a line and a plane", _angle),
    "curve-length": Quantity("Length", "mm", "a curve", _curveLength),
    "area": Quantity("Area", "mm2", "a closed curve", _area),
    "volume": Quantity("Volume", "ml", "a solid", _volume),
    "surface-area": Quantity("Surface area", "mm2", "a solid", _surfaceArea),
    "thickness": Quantity("Thickness", "mm", "a solid and a point", _thickness),
    "extents": Quantity("Longest diameter", "mm", "a solid", _extents),
}  # fmt: skip

OPERATIONS = (
    Operation(
        "measure", "Measurement",
        {
            "quantity": {"enum": list(QUANTITIES), "title": "Quantity"},
            "objects": {
                "type": "array", "items": NAME, "default": [], "title": "Objects",
                "x-object": ["points", "line", "curve", "plane", "solid"],
                "description": "The points of a point list count one by one",
            },
            "points": {
                "type": "array", "items": POINT, "default": [], "title": "Points", "x-point": "positions",
                "description": "Points of this measurement alone, after those of the objects",
            },
            "frame": {
                "type": "string", "default": "", "x-object": "placement", "title": "Anatomical frame",
                "description": "For extents: along its axes instead of the scan's",
            },
        },
        ("quantity",), measure,
    ),
)  # fmt: skip
