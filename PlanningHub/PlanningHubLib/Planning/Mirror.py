"""The healthy side of a bone mirrored onto the other side."""

import numpy

from ..Errors import Finding, InputRefused
from ..Shapes.Manifolds import asSolid, fromManifold, toManifold
from ..Shapes.Mesh import Mesh
from .Objects import Solid
from .Operation import COLOR, Operation, Result

MIRROR_COLOR = (0.55, 0.75, 0.9)
# Of a bone's volume on the far side of the plane: less is a matter of where the plane was fitted. Site default.
STRAY_SHARE = 0.02
OPPOSITE = {"left": "right", "right": "left"}


def mirror(parameters, context, _progress):
    """Mirror the part of a solid on one side of a plane onto the other side.

    Volume is kept exactly up to single precision, and the triangles keep facing outwards. The bone is cut at the plane;
    ``overlapMm`` takes some more of it.

    :raises InputRefused: ``mirror-of-midline``, ``wrong-side``, ``nothing-to-mirror``
    """
    solid, plane = context.solid(parameters["solid"]), context.plane(parameters["plane"])
    if context.side == "midline":
        raise _ofMidline(f"The case is on the midline: {solid.name} has no healthy side.")
    # RAS: what is higher along R lies towards the patient's right.
    towardsRight = plane.normalRas * (1 if plane.normalRas[0] >= 0 else -1)
    whole = toManifold(solid.mesh)
    halves = {
        side: whole.trim_by_plane(direction, float(direction @ plane.originRas) - parameters["overlapMm"])
        for side, direction in (("right", towardsRight), ("left", -towardsRight))
    }
    side = parameters["from"] or _onlySide(solid, plane, towardsRight)
    _requireOtherSide(side, context.side)
    if halves[side].is_empty() or halves[side].volume() <= 0:
        raise InputRefused(
            "nothing-to-mirror",
            f"{solid.name} has nothing on the {side} of {plane.name}.",
            f"Mirror from the {OPPOSITE[side]}, or move the plane.",
        )
    half = asSolid(fromManifold(halves[side]))
    mirrored = Solid(
        parameters["name"], _mirroredMesh(half, plane), "mirror", mirrored=not solid.mirrored, modified=True,
        moved=solid.moved, color=tuple(parameters["color"]),
    )  # fmt: skip
    figures = {
        "from": side,
        "to": OPPOSITE[side],
        "sourceVolumeMl": solid.mesh.volumeMl,
        "keptVolumeMl": half.volumeMl,
        "volumeMl": mirrored.mesh.volumeMl,
    }
    return Result((mirrored,), figures, findings=_findings(context.side, side))


def _mirroredMesh(mesh, plane):
    matrix = plane.mirrorMatrix()
    points = mesh.points.astype(numpy.float64) @ matrix[:3, :3].T + matrix[:3, 3]
    # A mirror image is inside out: the winding turns it back.
    return Mesh.fromArrays(points, mesh.triangles[:, ::-1])


def _onlySide(solid, plane, towardsRight):
    """Return the side on which a solid lies.

    :raises InputRefused: ``mirror-of-midline``, where it lies on both
    """
    right = toManifold(solid.mesh).trim_by_plane(towardsRight, float(towardsRight @ plane.originRas)).volume()
    rightShare = right / 1000 / solid.mesh.volumeMl
    if STRAY_SHARE < rightShare < 1 - STRAY_SHARE:
        raise _ofMidline(
            f"{solid.name} lies on both sides of {plane.name} "
            f"({100 * rightShare:.0f} % on the right, {100 - 100 * rightShare:.0f} % on the left)."
        )
    return "right" if rightShare > 0.5 else "left"


def _ofMidline(message):
    return InputRefused("mirror-of-midline", message, "Say from which side to mirror, or use a template instead.")


def _requireOtherSide(side, caseSide):
    if side == caseSide:
        raise InputRefused(
            "wrong-side",
            f"This would mirror the {side}, which is the side to operate on, onto the healthy {OPPOSITE[side]}.",
            f"Mirror from the {OPPOSITE[side]}.",
        )


def _findings(caseSide, side):
    if caseSide in OPPOSITE:
        return ()
    state = "on both sides" if caseSide == "bilateral" else "without a side"
    return (
        Finding(
            "side-not-checked",
            "warn",
            f"The case is {state}: nothing says that the {side} is the healthy one.",
            "See whether the right side was mirrored.",
        ),
    )


OPERATIONS = (
    Operation(
        "mirror", "Mirror",
        {
            "solid": {"type": "string", "minLength": 1, "x-object": "solid", "title": "Solid"},
            "plane": {"type": "string", "minLength": 1, "x-object": "plane", "title": "Plane of symmetry"},
            "from": {
                "enum": ["", "left", "right"], "default": "", "title": "Healthy side",
                "description": "The patient's side that is mirrored onto the other; needed where bone lies on both.",
            },
            "overlapMm": {
                "type": "number", "minimum": 0, "maximum": 30, "default": 0.0, "title": "Beyond the plane",
                "description": "How much of the bone beyond the plane is mirrored, too, for a defect near it.",
            },
            "color": {**COLOR, "default": list(MIRROR_COLOR), "title": "Color"},
        },
        ("solid", "plane"), mirror,
    ),
)  # fmt: skip
