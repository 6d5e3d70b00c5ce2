"""The step that cuts a solid along planes and curves, one after the other, and names what falls apart."""

import numpy

from ..Errors import Finding, InputRefused
from ..Shapes.Manifolds import fromManifold, weldProof
from ..Shapes.Mesh import MM3_PER_ML
from ..Shapes.Shells import SPECK_MM3, shellVolumesMm3
from .Blades import bladeOf
from .Objects import Curve, Plane
from .Operation import COLOR, NAME, POINT, Operation, Result
from .Solids import derived, manifoldOf, nothingLeft, pieces, roughMeshOf, signedDistancesMm

# Site defaults, no source.
KERF_MM, DEPTH_MM, SMALLEST_ML = 1.0, 20.0, 0.05
# How far a click may lie beside the fragment that it means.
NEAR_MM = 5.0
VOLUME_TOLERANCE = 0.001
# What a plane through a surface's own points leaves of it on one side.
NOTHING_MM3 = 1e-4
COLORS = (
    (0.93, 0.47, 0.36), (0.40, 0.65, 0.85), (0.52, 0.76, 0.44), (0.95, 0.75, 0.33), (0.67, 0.53, 0.79),
    (0.36, 0.73, 0.71), (0.85, 0.55, 0.65), (0.62, 0.62, 0.50),
)  # fmt: skip


def cut(parameters, context, progress):
    """Cut a solid; the volumes of fragments, kerf and what was left out add up to the solid's to 0.1 %.

    :raises InputRefused: ``cut-misses``, ``nothing-left``, ``no-kerf``, ``no-direction``, ``no-fragment-there``,
        ``same-fragment``, ``volume-lost``
    """
    solid = context.solid(parameters["solid"])
    parts, kerfMl, findings = [manifoldOf(solid)], 0.0, []
    count = _pieceCount(parts)
    for number, name in enumerate(parameters["by"]):
        progress(0.7 * number / len(parameters["by"]), f"Cutting along {name}")
        before = count
        parts, takenMl = _cutAlong(parts, context.get(name, Plane, Curve), parameters)
        kerfMl += takenMl
        count = _pieceCount(parts)
        if count <= before:
            findings.append(_notSeparated(name))
    progress(0.8, "Fragments")
    meshes, dropped = _fragments(parts, parameters["smallestMl"])
    fragments = _named(meshes, parameters, solid)
    kept = [fragment for fragment, keep in fragments if keep]
    if not kept:
        raise nothingLeft()
    figures = _figures(solid, fragments, kerfMl, dropped)
    findings += _dropped(dropped)
    table = [_row(fragment, keep) for fragment, keep in fragments]
    return Result(tuple(kept), figures, {"Fragments": table}, tuple(findings))


def _cutAlong(parts, cutter, parameters):
    """Return the parts after a cut, and the volume in ml that the blade took."""
    kerfMm, bounded = parameters["kerfMm"], parameters["bounded"]
    boxes = numpy.array([part.bounding_box() for part in parts])
    low, high = boxes[:, :3].min(0), boxes[:, 3:].max(0)
    if isinstance(cutter, Plane) and not bounded:
        left, takenMm3 = _halves(parts, cutter, kerfMm)
    else:
        blade = bladeOf(cutter, kerfMm, low, high, bounded, parameters["depthMm"], parameters["direction"])
        split = [part.split(blade) for part in parts]
        left = [outside for _inside, outside in split if not outside.is_empty()]
        takenMm3 = sum(inside.volume() for inside, _outside in split)
    if takenMm3 <= 0 and len(left) <= len(parts):
        raise InputRefused(
            "cut-misses", f"The cut along {cutter.name} does not meet the solid.", f"Move {cutter.name} into it."
        )
    left = [part for part in left if part.volume() > NOTHING_MM3]
    if not left:
        raise nothingLeft()
    return left, takenMm3 / MM3_PER_ML


def _halves(parts, plane, kerfMm):
    """Return what lies above and below a plane's blade, each on its own so that a cut without kerf stays one."""
    normal, heightMm = tuple(plane.normalRas.tolist()), float(plane.originRas @ plane.normalRas)
    left, takenMm3 = [], 0.0
    for part in parts:
        above, rest = part.split_by_plane(normal, heightMm + kerfMm / 2)
        blade, below = rest.split_by_plane(normal, heightMm - kerfMm / 2) if kerfMm else (None, rest)
        left += [half for half in (above, below) if not half.is_empty()]
        takenMm3 += blade.volume() if blade else 0.0
    return left, takenMm3


def _pieceCount(parts):
    return sum(int((shellVolumesMm3(fromManifold(part))[0] > SPECK_MM3).sum()) for part in parts)


def _fragments(parts, smallestMl):
    """Return the meshes of all pieces, the largest first, and the volumes in ml of the smaller ones left out."""
    found, dropped = [], []
    for part in parts:
        large, small = pieces(roughMeshOf(part), smallestMl)
        found += [weldProof(mesh) for mesh in large]
        dropped += small.tolist()
    return sorted(found, key=lambda mesh: -mesh.volumeMl), dropped


def _named(meshes, parameters, solid):
    """Return (fragment, whether it is kept) for each mesh, those that nobody named numbered."""
    wanted = {}
    for one in parameters["fragments"]:
        index = _fragmentAt(meshes, one)
        if index in wanted:
            raise InputRefused(
                "same-fragment", f"{one['name']} and {wanted[index]['name']} are one fragment.", "Move one's point."
            )
        wanted[index] = one
    named = []
    for number, mesh in enumerate(meshes):
        own = wanted.get(number, {"name": f"{parameters['name']} {number + 1}", "keep": True})
        color = own.get("color") or COLORS[number % len(COLORS)]
        named.append((derived(own["name"], mesh, [solid], "fragment", color), own["keep"]))
    return named


def _fragmentAt(meshes, wanted):
    distancesMm = [float(signedDistancesMm(mesh, [wanted["at"]])[0]) for mesh in meshes]
    nearest = int(numpy.argmin(distancesMm)) if meshes else None
    if nearest is None or distancesMm[nearest] > NEAR_MM:
        raise InputRefused(
            "no-fragment-there",
            f"No fragment lies within {NEAR_MM:.0f} mm of the point of {wanted['name']}.",
            "Move the point into the fragment that you mean.",
        )
    return nearest


def _figures(solid, fragments, kerfMl, dropped):
    figures = {
        "originalMl": solid.mesh.volumeMl,
        "fragmentsMl": sum(fragment.mesh.volumeMl for fragment, _keep in fragments),
        "kerfMl": kerfMl,
        "leftOutMl": sum(dropped),
        "fragments": len(fragments),
        "leftOut": len(dropped),
    }
    lostMl = figures["originalMl"] - figures["fragmentsMl"] - figures["kerfMl"] - figures["leftOutMl"]
    if abs(lostMl) > VOLUME_TOLERANCE * figures["originalMl"]:
        raise InputRefused(
            "volume-lost", f"{lostMl:.3f} ml are in no fragment.", "Close and smooth the segment, and cut again."
        )
    return {**figures, "volumeErrorPercent": 100 * abs(lostMl) / figures["originalMl"]}


def _row(fragment, keep):
    low, high = fragment.mesh.boundsMm
    return {
        "name": fragment.name,
        "volumeMl": fragment.mesh.volumeMl,
        "kept": keep,
        "centerRas": [(one + other) / 2 for one, other in zip(low, high, strict=True)],
    }


def _notSeparated(name):
    return Finding(
        "cut-does-not-separate",
        "warn",
        f"The cut along {name} meets the solid, but takes nothing apart.",
        "Let it reach farther, if a fragment was to come off.",
    )


def _dropped(dropped):
    if not dropped:
        return []
    return [
        Finding(
            "pieces-left-out", "info", f"{len(dropped)} small pieces of {sum(dropped):.3f} ml in all were left out."
        )
    ]


_FRAGMENT = {
    "type": "object",
    "required": ["name", "at"],
    "additionalProperties": False,
    "properties": {
        "name": {**NAME, "title": "Name"},
        "at": {**POINT, "title": "Point in it", "x-point": "position"},
        "keep": {"type": "boolean", "default": True, "title": "Keep"},
        "color": {**COLOR, "title": "Color"},
    },
}

OPERATIONS = (
    Operation(
        "cut", "Cut",
        {
            "solid": {"type": "string", "title": "Solid", "x-object": "solid"},
            "by": {
                "type": "array", "minItems": 1, "title": "Along", "items": {"type": "string"},
                "x-object": ["plane", "curve"], "description": "Planes and curves, in the order of the cuts",
            },
            "kerfMm": {
                "type": "number", "minimum": 0, "maximum": 10, "default": KERF_MM, "title": "Kerf",
                "description": "Thickness of the blade, half of it to each side; 0 for a plane only",
            },
            "bounded": {
                "type": "boolean", "default": False, "title": "Only as far as the plane is drawn",
                "description": "A plane cuts within half its size from its origin; otherwise through everything",
            },
            "depthMm": {
                "type": "number", "exclusiveMinimum": 0, "maximum": 500, "default": DEPTH_MM, "title": "Depth",
                "description": "How far the blade reaches to both sides of a curve",
            },
            "direction": {
                **POINT, "default": [0, 0, 0], "title": "Direction", "x-point": "direction",
                "description": "Of the blade along a curve; 0, 0, 0 for the normal of the curve's own plane",
            },
            "fragments": {
                "type": "array", "default": [], "items": _FRAGMENT, "title": "Fragments",
                "description": "Names for fragments by a point in each; the others are numbered, the largest first",
            },
            "smallestMl": {
                "type": "number", "minimum": 0, "default": SMALLEST_ML, "title": "Smallest fragment",
                "description": "Smaller pieces are left out, and counted",
            },
        },
        ("solid", "by"), cut,
    ),
)  # fmt: skip
