"""What all guides have in common: made of parts that add and parts that take away, and then measured on the bone."""

import dataclasses

import numpy

from ..Errors import Finding, InputRefused
from ..Shapes.Manifolds import fromManifold, toManifold, weldProof
from .Curves import curvePoints
from .GuideBeds import outwardsOf, pointsOn
from .Objects import Curve, Points
from .Operation import POINT
from .Solids import cylinder, derived, nearestOn, pieces, roughMeshOf, signedDistancesMm, unit, within

GUIDE_COLOR = (0.30, 0.62, 0.78)
# What falls off a guide's edge may be left out; more is a guide in pieces.
CRUMB_ML = 0.05
# The part of the guide's surface this near to its clearance lies on the bone.
CONTACT_MM = 0.3
# Single precision of two surfaces: no overlap.
OVERLAP_MM3 = 1e-2
LIFTS_MM = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
# Site default, no source: a square of 15 mm.
SMALL_CONTACT_MM2 = 225.0
# How far outside its first point a line is followed to find the bone.
_BEFORE_MM = 30.0
# Surfaces that face each other, at less than 60°.
_FACING = 0.5
# How far a cylinder starts inside the bone, which is taken away again.
_SUNK_MM = 2.0

BODY_PARAMETERS = {
    "bone": {"type": "string", "title": "Bone", "x-object": "solid"},
    "direction": {
        **POINT, "default": [0, 0, 0], "title": "Put on from", "x-point": "direction",
        "description": "From the bone to where the guide comes from; 0, 0, 0 for the normal of the bone at its points",
    },
    "clearanceMm": {
        "type": "number", "minimum": 0.05, "maximum": 3, "default": 0.3, "title": "Clearance",
        "description": "Gap between guide and bone; site default, no source",
    },
    "thicknessMm": {
        "type": "number", "minimum": 1, "maximum": 20, "default": 4.0, "title": "Thickness",
        "description": "Of the patch on the bone; site default, no source",
    },
    "extentMm": {
        "type": "number", "minimum": 3, "maximum": 80, "default": 15.0, "title": "Extent",
        "description": "How far the patch reaches from its points, and from the way between them",
    },
    "wallMm": {
        "type": "number", "minimum": 0.5, "maximum": 20, "default": 2.5, "title": "Wall",
        "description": "Thickness of the walls about slots, holes and sleeves; site default, no source",
    },
}  # fmt: skip


@dataclasses.dataclass(frozen=True, eq=False)
class Shaft:
    """A line on its way into a bone: where it enters, and the direction (3,) from there outwards. RAS mm."""

    name: str
    entryRas: numpy.ndarray
    outwards: numpy.ndarray
    depthMm: float

    def cylinder(self, radiusMm, topMm, bottomMm=-_SUNK_MM):
        """Return the manifold of a cylinder about it, between heights over the entry."""
        return cylinder(self.entryRas + bottomMm * self.outwards, self.entryRas + topMm * self.outwards, radiusMm)


def shaftOf(line, bone):
    """Return the :class:`Shaft` of a line, which runs from outside a bone's manifold into it.

    :raises InputRefused: ``line-misses-bone``
    """
    outwards = unit(line.startRas - line.endRas)
    above = line.startRas + _BEFORE_MM * outwards
    entries = [
        numpy.array(hit.position)
        for hit in bone.ray_cast(tuple(above.tolist()), tuple(line.endRas.tolist()))
        if numpy.dot(hit.normal, outwards) > 0
    ]
    if not entries:
        raise InputRefused(
            "line-misses-bone",
            f"{line.name} does not enter the bone.",
            "Let it start outside the bone and end where the drill is to end.",
        )
    entry = min(entries, key=lambda point: float(numpy.linalg.norm(point - line.startRas)))
    return Shaft(line.name, entry, outwards, float(numpy.linalg.norm(line.endRas - entry)))


def seatOf(bone, points, name, direction):
    """Return the points (n, 3) of a bone under given ones, and the direction from which a guide is put on there.

    :raises InputRefused: ``points-off-bone``, ``wrong-direction``
    """
    onBone, normals = pointsOn(bone, numpy.asarray(points, float), name)
    return onBone, outwardsOf(normals, numpy.array(direction, float))


def requireFromOutside(shafts, outwards):
    """Refuse lines that a guide would have to come from behind for.

    :raises InputRefused: ``line-from-behind``
    """
    for shaft in shafts:
        if shaft.outwards @ outwards <= 0:
            raise InputRefused(
                "line-from-behind", f"{shaft.name} enters from behind the guide.", "Swap its points, or move it."
            )


def guideOf(name, bed, bone, added, taken):
    """Return a guide: the patch and the parts added, without the bone and the parts taken away; and what fell off.

    :param added: manifolds that join the patch, such as flanges and sleeves
    :param taken: manifolds of slots and holes
    :returns: :class:`Solid` and the volume in ml of crumbs left out
    :raises InputRefused: ``guide-in-pieces``, ``nothing-left``
    """
    import manifold3d

    body = manifold3d.Manifold.batch_boolean([bed.patch, *added], manifold3d.OpType.Add) - bed.kept
    found, _none = pieces(roughMeshOf(manifold3d.Manifold.batch_boolean([body, *taken], manifold3d.OpType.Subtract)))
    crumbsMl = sum(mesh.volumeMl for mesh in found[1:])
    if crumbsMl > CRUMB_ML:
        raise InputRefused(
            "guide-in-pieces",
            f"The guide falls into {len(found)} pieces; the largest has {found[0].volumeMl:.2f} ml.",
            "Enlarge its extent or the bridges beside its slots, or move its points nearer to each other.",
        )
    return derived(name, weldProof(found[0]), [bone], "guide", GUIDE_COLOR), crumbsMl


def fitFigures(guide, bed, clearanceMm):
    """Return how a guide sits: measured between the guide and the bone themselves, not on the grid it was made on.

    :returns: volume, contact area and mean gap there, the nearest that guide and bone come (negative: one lies inside
        the other), the volume that they share
    :raises InputRefused: ``guide-in-bone``; ``guide-grips``, where it cannot be lifted off
    """
    mesh, manifold = guide.mesh, toManifold(guide.mesh)
    lifted = mesh.points + LIFTS_MM[-1] * bed.outwards
    bone = within(bed.bone, numpy.concatenate([mesh.points, lifted]), clearanceMm + 2)
    overlapMm3 = sharedMm3(manifold, bone)
    if overlapMm3 > OVERLAP_MM3:
        raise InputRefused("guide-in-bone", f"The guide shares {overlapMm3:.3f} mm³ with the bone.", _MORE_CLEARANCE)
    for liftMm in LIFTS_MM:
        if sharedMm3(manifold.translate(tuple((liftMm * bed.outwards).tolist())), bone) > OVERLAP_MM3:
            raise InputRefused("guide-grips", f"Lifted by {liftMm} mm, the guide meets the bone.", _MORE_CLEARANCE)
    boneMesh, areasMm2 = fromManifold(bone), mesh.areasMm2()
    gapsMm, _nearest, boneNormals = nearestOn(boneMesh, mesh.points[mesh.triangles].mean(1, dtype=float))
    facing = numpy.einsum("ij,ij->i", mesh.normals(), boneNormals) < -_FACING
    contact = facing & (gapsMm < clearanceMm + CONTACT_MM)
    return {
        "volumeMl": mesh.volumeMl,
        "contactAreaMm2": float(areasMm2[contact].sum()),
        "contactGapMm": float(numpy.average(gapsMm[contact], weights=areasMm2[contact])) if contact.any() else None,
        "nearestToBoneMm": _nearestMm(mesh, boneMesh),
        "boneOverlapMm3": overlapMm3,
        "outwardsRas": bed.outwards,
        "voxelMm": bed.voxelMm,
    }


_MORE_CLEARANCE = "Give more clearance, or another direction to put it on from."


def _nearestMm(mesh, bone):
    low, high = numpy.array(mesh.boundsMm)
    around = bone.points[((bone.points > low - 1) & (bone.points < high + 1)).all(1)]
    nearestMm = float(signedDistancesMm(bone, mesh.points).min())
    return min(nearestMm, float(signedDistancesMm(mesh, around).min())) if len(around) else nearestMm


def fitFindings(figures):
    """Return the findings about how a guide sits."""
    if figures["contactAreaMm2"] >= SMALL_CONTACT_MM2:
        return []
    message = f"The guide lies on {figures['contactAreaMm2']:.0f} mm² of bone only."
    return [Finding("small-contact", "warn", message, "Enlarge its extent.")]


def sharedMm3(one, other):
    """Return the volume in mm³ that two manifolds share."""
    shared = one ^ other
    return 0.0 if shared.is_empty() else max(float(shared.volume()), 0.0)


def pointsOf(thing):
    """Return the points (n, 3) that an object gives a guide: those of points and curves, a plane's origin."""
    if isinstance(thing, Points):
        return thing.pointsRas
    return curvePoints(thing) if isinstance(thing, Curve) else thing.originRas[None]
