"""The step that splits a part at planes, with pins and sockets that fit with the process's clearance."""

import numpy

from PlanningHubLib.Errors import Finding, InputRefused
from PlanningHubLib.Planning.Solids import cylinder, framed, meshOf, signedDistancesMm
from PlanningHubLib.Shapes.Manifolds import fromManifold, toManifold

from ..PartWork import SOLID, PartStep, Piece
from .StepShapes import LENGTH, POINT, SEGMENTS, axesFor, direction, onlyPiece

# Of what is left around a socket; site default, no source.
WALL_MM = 1.0
# The slab about a plane in which faces count as cut ones.
CUT_MM = 0.1

PARAMETERS = {
    "planes": {
        "type": "array",
        "default": [],
        "title": "Planes",
        "items": {
            "type": "object", "required": ["pointLps", "normalLps"], "additionalProperties": False,
            "properties": {"pointLps": POINT, "normalLps": POINT},
        },
    },
    "halvesAlong": {
        "enum": ["left-right", "front-back", "up-down", None], "default": None, "title": "Halves",
        "description": "Instead of planes: one plane through the middle",
    },
    "pins": {"type": "number", "multipleOf": 1, "minimum": 0, "maximum": 20, "default": 2, "title": "Pins of each cut"},
    "pinDiameterMm": {**LENGTH, "default": 4.0, "title": "Pin diameter"},
    "pinLengthMm": {**LENGTH, "default": 8.0, "title": "Pin length", "description": "Half of it stands out"},
    "clearanceMm": {
        "type": ["number", "null"], "minimum": 0, "maximum": 2, "default": None, "title": "Clearance",
        "description": "Gap all around a pin; without, that of the profile",
    },
}  # fmt: skip
_AXES = {"left-right": (1, 0, 0), "front-back": (0, 1, 0), "up-down": (0, 0, 1)}


def _run(parameters, work, progress):
    mesh = onlyPiece(work, "A split").mesh
    planes = _planes(parameters, mesh)
    clearanceMm = _clearance(parameters, work) if parameters["pins"] else 0.0
    bodies, cuts = [toManifold(mesh)], []
    for number, (point, normal) in enumerate(planes):
        progress(0.8 * number / len(planes), f"Cut {number + 1}")
        halves = []
        for body in bodies:
            made = _cut(body, point, normal, parameters, clearanceMm, work)
            halves += made[0]
            cuts += made[1]
        bodies = halves
    work.pieces = [Piece(str(number), meshOf(body)) for number, body in enumerate(bodies, 1)]
    if len(work.pieces) < 2:
        raise InputRefused("nothing-changed", "No plane cuts the part.", "Check where the planes lie.")
    work.facts["split"] = {"clearanceMm": clearanceMm, "pieces": len(work.pieces), "cuts": cuts}


def _planes(parameters, mesh):
    if bool(parameters["planes"]) is (parameters["halvesAlong"] is not None):
        raise InputRefused("which-plane", "The split states no plane, or both ways.", "State planes or halvesAlong.")
    if parameters["planes"]:
        return [(numpy.array(one["pointLps"], float), direction(one["normalLps"], "A plane"))
                for one in parameters["planes"]]  # fmt: skip
    middle = (mesh.points.min(0).astype(float) + mesh.points.max(0)) / 2
    return [(middle, numpy.array(_AXES[parameters["halvesAlong"]], float))]


def _clearance(parameters, work):
    if parameters["clearanceMm"] is not None:
        return parameters["clearanceMm"]
    if work.profile is None:
        text = "The clearance between pins and sockets is that of the process, and no process is stated."
        raise InputRefused("no-clearance", text, "State a profile, or the clearance.")
    return float(work.profile.clearanceMm["fit"])


def _cut(body, point, normal, parameters, clearanceMm, work):
    """Return the bodies that a plane leaves of one, that below it with pins, and what the cut is."""
    upper, lower = body.split_by_plane(tuple(normal.tolist()), float(normal @ point))
    if upper.is_empty() or lower.is_empty() or min(upper.volume(), lower.volume()) < 1e-3:
        return [body], []
    axes = axesFor(normal)
    own = body.transform(numpy.c_[axes, -axes @ point])
    section = own.slice(0.0)
    slab = framed(section.offset(CUT_MM).extrude(2 * CUT_MM).translate((0, 0, -CUT_MM)), point, axes)
    work.intended.append(fromManifold(slab))
    places = _places(body, section, point, axes, parameters, clearanceMm) if parameters["pins"] else []
    radiusMm, halfMm = parameters["pinDiameterMm"] / 2, parameters["pinLengthMm"] / 2
    for place in places:
        # A pin's facets lie inside its circle, a socket's outside: the clearance holds all around.
        pin = _within(place - normal * halfMm, place + normal * halfMm, radiusMm)
        socket = cylinder(place - normal * CUT_MM, place + normal * (halfMm + clearanceMm), radiusMm + clearanceMm)
        lower, upper = lower + pin, upper - socket
        work.intended += [fromManifold(pin), fromManifold(socket)]
    asked = int(parameters["pins"])
    if len(places) < asked:
        text = f"Only {len(places)} of {asked} pins have room in a cut of {section.area():.0f} mm²."
        work.findings.append(Finding("fewer-pins", "warn", text, "Choose smaller pins, or another plane."))
    cut = {"pointLps": _rounded(point), "normalLps": _rounded(normal), "areaMm2": round(section.area(), 2),
           "pinsLps": [_rounded(place) for place in places]}  # fmt: skip
    return [lower, upper], [cut]


def _within(start, end, radiusMm):
    """Return a cylinder whose edges lie on the true one."""
    return cylinder(start, end, radiusMm * float(numpy.cos(numpy.pi / SEGMENTS)), SEGMENTS)


def _rounded(vector):
    return [round(float(value), 4) for value in vector]


def _places(body, section, point, axes, parameters, clearanceMm):
    """Return points (n, 3) on a cut with room for a pin and its socket, as far apart as can be.

    There is room where all along the pin's axis the surface is farther than the socket's radius and a wall.

    :raises InputRefused: ``no-room-for-pins``
    """
    import manifold3d

    radiusMm = parameters["pinDiameterMm"] / 2 + clearanceMm
    depthMm = parameters["pinLengthMm"] / 2 + clearanceMm
    inner = section.offset(-(radiusMm + WALL_MM), manifold3d.JoinType.Round)
    candidates = numpy.zeros((0, 3))
    if not inner.is_empty():
        flat = _sampled(inner, radiusMm)
        candidates = point + flat @ axes[:2]
        mesh = fromManifold(body)
        for depth in numpy.linspace(-depthMm, depthMm, 9):
            distancesMm = signedDistancesMm(mesh, candidates + depth * axes[2])
            candidates = candidates[distancesMm <= -(radiusMm + WALL_MM)]
            if not len(candidates):
                break
    if not len(candidates):
        raise InputRefused(
            "no-room-for-pins",
            f"No place of a cut of {section.area():.0f} mm² has room for a pin of "
            f"{parameters['pinDiameterMm']} × {parameters['pinLengthMm']} mm.",
            "Choose smaller pins, none, or another plane.",
        )
    return _farApart(candidates, int(parameters["pins"]), 2 * (radiusMm + WALL_MM))


def _sampled(section, stepMm):
    """Return points (n, 2) on a grid and at the corners of a cross-section."""
    low, high = numpy.array(section.bounds()).reshape(2, 2)
    stepMm = max(min(stepMm, float(max(high - low)) / 4), float(max(high - low)) / 60)
    axes = [numpy.arange(low[axis], high[axis] + stepMm / 2, stepMm) for axis in (0, 1)]
    grid = numpy.stack(numpy.meshgrid(*axes), -1).reshape(-1, 2)
    return numpy.concatenate([grid, *(numpy.asarray(one) for one in section.to_polygons())])


def _farApart(candidates, count, apartMm):
    """Return some of the points, the first two as far apart as can be, the others from these."""
    center = candidates.mean(0)
    chosen = [int(numpy.linalg.norm(candidates - center, axis=1).argmax())]
    if count == 1:
        return candidates[[int(numpy.linalg.norm(candidates - center, axis=1).argmin())]]
    while len(chosen) < count:
        far = numpy.min([numpy.linalg.norm(candidates - candidates[one], axis=1) for one in chosen], axis=0)
        if far.max() < apartMm:
            break
        chosen.append(int(far.argmax()))
    return candidates[chosen]


STEPS = (PartStep("split", "Split", SOLID, PARAMETERS, (), _run),)
