"""The steps that move a solid rigidly, and that tell where solids run into each other. RAS mm."""

import itertools

import numpy

from ..Errors import Finding, InputRefused
from ..Shapes.Manifolds import weldProof
from ..Shapes.Mesh import Mesh
from .Contacts import contactOf
from .Objects import Placement
from .Operation import Operation, Result
from .Solids import derived, manifoldOf

RIGID_TOLERANCE = 1e-4
# What no eye and no saw would notice.
STILL_MM, STILL_DEGREES = 1e-3, 1e-3
# Site defaults, no source: what voxels and smoothing leave where two fragments of one bone touch.
OVERLAP_ML = 0.01


def move(parameters, context, _progress):
    """Move a solid by one or more placements, the first one first.

    :raises InputRefused: ``not-rigid``
    """
    solid = context.solid(parameters["solid"])
    matrix = numpy.eye(4)
    for name in parameters["by"]:
        matrix = _rigid(context.get(name, Placement)) @ matrix
    points = solid.mesh.points.astype(float) @ matrix[:3, :3].T + matrix[:3, 3]
    figures = motionFigures(matrix, solid.mesh)
    still = figures["largestShiftMm"] < STILL_MM
    findings = [Finding("not-moved", "warn", f"{solid.name} stays where it is.", "Set the placement.")] if still else []
    mesh = weldProof(Mesh.fromArrays(points, solid.mesh.triangles))
    made = derived(parameters["name"], mesh, [solid], solid.role, modified=False, moved=not still)
    return Result((made,), figures, {}, tuple(findings))


def _rigid(placement):
    matrix = numpy.asarray(placement.matrix, float)
    turn = matrix[:3, :3]
    rigid = numpy.allclose(turn @ turn.T, numpy.eye(3), atol=RIGID_TOLERANCE) and numpy.linalg.det(turn) > 0
    if not rigid or not numpy.allclose(matrix[3], (0, 0, 0, 1)):
        raise InputRefused(
            "not-rigid", f"{placement.name} would scale, shear or mirror.", "Give a rotation and a translation only."
        )
    return matrix


def motionFigures(matrix, mesh):
    """Return what a rigid motion does to a mesh: shifts in mm, turns in degrees, axes and points in RAS.

    ``translationMm`` is the way of the mean of the mesh's points along R, A, S. ``rotationDegrees`` are right-handed
    turns about the fixed axes R, then A, then S. The helical axis is the one about which one turn, and along which one
    shift, does the same (Chasles' theorem); it is left out where there is no turn.
    """
    from scipy.spatial.transform import Rotation

    turn, shift = matrix[:3, :3], matrix[:3, 3]
    center = mesh.points.mean(0, dtype=float)
    translationMm = turn @ center + shift - center
    rotation = Rotation.from_matrix(turn)
    angleDegrees = float(numpy.degrees(rotation.magnitude()))
    waysMm = numpy.linalg.norm(mesh.points @ turn.T + shift - mesh.points, axis=1)
    figures = {
        "translationMm": translationMm,
        "distanceMm": float(numpy.linalg.norm(translationMm)),
        "rotationDegrees": rotation.as_euler("xyz", degrees=True),
        "angleDegrees": angleDegrees,
        "largestShiftMm": float(waysMm.max()),
        "largestShiftAtRas": mesh.points[waysMm.argmax()].astype(float),
    }
    if angleDegrees < STILL_DEGREES:
        return figures
    axis = rotation.as_rotvec() / rotation.magnitude()
    alongMm = float(shift @ axis)
    # The point of the axis that is nearest to the center; along the axis, the equation says nothing.
    offset = numpy.linalg.lstsq(numpy.eye(3) - turn, translationMm - alongMm * axis, rcond=1e-9)[0]
    return {**figures, "axisRas": axis, "axisPointRas": center + offset, "alongAxisMm": alongMm}


def collision(parameters, context, progress):
    """Tell for each two of several solids how much they overlap, how deep, and how near they come to each other."""
    solids = [context.solid(name) for name in parameters["solids"]]
    manifolds = {solid.name: manifoldOf(solid) for solid in solids}
    pairs = list(itertools.combinations(solids, 2))
    rows = []
    for number, (one, other) in enumerate(pairs):
        progress(number / len(pairs), f"{one.name} and {other.name}")
        contact = contactOf(one.mesh, other.mesh, manifolds[one.name], manifolds[other.name])
        rows.append({"first": one.name, "second": other.name, **vars(contact)})
    deepest, nearest = max(rows, key=lambda row: row["depthMm"]), min(rows, key=lambda row: row["gapMm"])
    figures = {
        "overlapVolumeMl": sum(row["overlapMl"] for row in rows),
        "deepestPenetrationMm": deepest["depthMm"],
        "nearestGapMm": nearest["gapMm"],
        "nearestGapAtRas": nearest["gapAtRas"],
    }
    if deepest["depthMm"] > 0:
        figures["deepestPenetrationAtRas"] = deepest["depthAtRas"]
    return Result((), figures, {"Pairs": rows}, tuple(_overlaps(rows, parameters["toleranceMl"])))


def _overlaps(rows, toleranceMl):
    for row in rows:
        if row["overlapMl"] > toleranceMl:
            yield Finding(
                "solids-overlap",
                "warn",
                f"{row['first']} and {row['second']} overlap by {row['overlapMl']:.3f} ml, "
                f"{row['depthMm']:.2f} mm deep.",
                "Move one of them, or cut it.",
            )


OPERATIONS = (
    Operation(
        "move", "Move",
        {
            "solid": {"type": "string", "title": "Solid", "x-object": "solid"},
            "by": {
                "type": "array", "minItems": 1, "items": {"type": "string"}, "title": "Placements",
                "x-object": "placement", "description": "Rigid motions, carried out in this order",
            },
        },
        ("solid", "by"), move,
    ),
    Operation(
        "collision", "Collision",
        {
            "solids": {
                "type": "array", "minItems": 2, "items": {"type": "string"}, "title": "Solids", "x-object": "solid",
            },
            "toleranceMl": {
                "type": "number", "minimum": 0, "default": OVERLAP_ML, "title": "Overlap without a finding",
                "description": "Site default, no source",
            },
        },
        ("solids",), collision,
    ),
)  # fmt: skip
