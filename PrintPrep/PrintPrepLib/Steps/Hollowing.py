"""The step that leaves a wall and takes the inside away, with holes to drain what stays in it."""

import numpy

from PlanningHubLib.Errors import Finding, InputRefused
from PlanningHubLib.Planning.Solids import cylinder, nearestOn, pieces
from PlanningHubLib.Shapes.Deviation import distancesToSurface
from PlanningHubLib.Shapes.Manifolds import fromManifold, toManifold
from PlanningHubLib.Shapes.Shells import shellVolumesMm3

from ..PartWork import SOLID, PartStep
from .Offsetting import offsetBy
from .StepShapes import LENGTH, POINT, changed, direction, onlyPiece

PARAMETERS = {
    "wallMm": {**LENGTH, "default": 2.0, "title": "Wall"},
    "holeDiameterMm": {**LENGTH, "default": 4.0, "title": "Drain hole"},
    "holesEach": {
        "type": "number", "multipleOf": 1, "minimum": 1, "maximum": 20, "default": 2, "title": "Holes of each cavity"
    },
    "holes": {
        "type": "array",
        "default": [],
        "title": "Where the holes are",
        "description": "Instead of those found: a point on the outside and the direction inwards",
        "items": {
            "type": "object", "required": ["pointLps", "directionLps"], "additionalProperties": False,
            "properties": {"pointLps": POINT, "directionLps": POINT},
        },
    },
    "sealed": {
        "type": "boolean", "default": False, "title": "Leave it closed",
        "description": "No holes: resin or powder stays inside, and it cannot be cleaned",
    },
}  # fmt: skip


def _run(parameters, work, progress):
    mesh, wallMm = onlyPiece(work, "Hollowing").mesh, parameters["wallMm"]
    diameterMm = parameters["holeDiameterMm"]
    body = toManifold(mesh)
    try:
        inner = offsetBy(mesh, -wallMm, progress)[0]
    except InputRefused as error:
        text = f"Nothing of the part is thicker than two walls of {wallMm} mm."
        raise InputRefused("nothing-to-hollow", text, "Choose a thinner wall.") from error
    # What a hole's own length would fill is no cavity worth a hole.
    cavities = pieces(inner, smallestMl=diameterMm**3 / 1000)[0]
    if not cavities:
        raise InputRefused("nothing-to-hollow", "What could be hollowed is smaller than its holes.", "")
    drills = [] if parameters["sealed"] else _drills(parameters, mesh, cavities)
    hollow = body
    for cavity in cavities:
        hollow -= toManifold(cavity)
    for drill in drills:
        hollow -= drill
    progress(0.9, "Checking that it drains")
    changed(work, hollow, "Hollowing")
    closed = int((shellVolumesMm3(work.pieces[0].mesh)[0] < 0).sum())
    if closed and not parameters["sealed"]:
        raise InputRefused("cannot-drain", f"{closed} cavities have no hole.", "State the holes, or fewer cavities.")
    work.intended += [*cavities, *map(fromManifold, drills)]
    work.facts["hollow"] = {
        "wallMm": wallMm, "holes": len(drills), "holeDiameterMm": diameterMm, "cavities": len(cavities),
        "cavityMl": round(sum(cavity.volumeMl for cavity in cavities), 3),
    }  # fmt: skip
    if parameters["sealed"]:
        text = "The part is hollow and closed: what is inside stays, and it cannot be cleaned."
        work.findings.append(Finding("sealed-cavity", "warn", text, "Add drain holes."))


def _drills(parameters, mesh, cavities):
    """Return the cylinders that drain the cavities."""
    radiusMm, wallMm = parameters["holeDiameterMm"] / 2, parameters["wallMm"]
    if parameters["holes"]:
        found = []
        for hole in parameters["holes"]:
            way, start = direction(hole["directionLps"], "A hole"), numpy.array(hole["pointLps"], float)
            found.append(cylinder(start - way * radiusMm, start + way * (wallMm + 2 * radiusMm), radiusMm))
        return found
    return [
        _shortest(mesh, cavity, place, radiusMm)
        for cavity in cavities
        for place in _apart(cavity, mesh, wallMm, int(parameters["holesEach"]), radiusMm)
    ]


def _apart(cavity, mesh, wallMm, count, radiusMm):
    """Return points (n, 3) of a cavity where its wall is no thicker than elsewhere, far from each other.

    The first is the lowest (most inferior): what flows, flows out there.
    """
    points = cavity.points.astype(float)
    points = points[distancesToSurface(points, mesh) < wallMm * 1.1]
    if not len(points):
        return []
    chosen = [points[:, 2].argmin()]
    while len(chosen) < count:
        far = numpy.min([numpy.linalg.norm(points - points[one], axis=1) for one in chosen], axis=0)
        if far.max() < 4 * radiusMm:
            break
        chosen.append(far.argmax())
    return points[chosen]


def _shortest(mesh, cavity, place, radiusMm):
    """Return the cylinder from inside a cavity through the wall on the shortest way from a place."""
    _distances, nearest, _normals = nearestOn(mesh, [place])
    way = direction(nearest[0] - place, "The wall")
    return cylinder(place - way * 2 * radiusMm, nearest[0] + way * 2 * radiusMm, radiusMm)


STEPS = (PartStep("hollow", "Hollow", SOLID, PARAMETERS, (), _run),)
