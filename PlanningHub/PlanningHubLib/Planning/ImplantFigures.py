"""What a plate is measured by: gap to the bone, coverage of the hole, penetration, thickness, and what sticks out.

Measured on the finished meshes, not on the grid that they were made on.
"""

import dataclasses

import numpy
from scipy import ndimage

from ..Errors import Finding, InputRefused
from ..Shapes.Deviation import distancesToSurface
from ..Shapes.Manifolds import toManifold
from .Sampling import surfaceSamples

SAMPLES = 12_000
# Site defaults, no source. A printer and a milling machine hold a tenth or two.
GAP_TOLERANCE_MM, PENETRATION_TOLERANCE_MM, PROUD_TOLERANCE_MM = 0.15, 0.02, 0.3
# Wider than this a gap is no fitting gap anywhere.
OPEN_GAP_MM = 2.0
# At so many levels between the plate's rounded edges the rim of the bone is looked for.
RIM_LEVELS = 9
# Cosine to the outer surface's direction: faces that look more sideways than this are the plate's side wall.
SIDEWAYS = 0.5


@dataclasses.dataclass(frozen=True, eq=False)
class Requested:
    """What was asked of a plate, in mm."""

    thicknessMm: float
    clearanceMm: float
    rimMm: float


def measured(plate, bone, surface, requested):
    """Return the figures of a plate.

    :param plate: :class:`Mesh` RAS mm, as ``bone``
    :param surface: :class:`PlanningHubLib.Planning.ImplantSurface.Surface`
    """
    samples = surfaceSamples(plate, SAMPLES)
    maps, radiiMm = surface.seen(samples.points)
    outward = (samples.points - surface.center) / radiiMm[:, None]
    facing = numpy.einsum("ij,ij->i", samples.normals, outward)
    depthMm = surface.on(surface.radiiMm, maps, numpy.nan) - radiiMm
    boneMm = signedDistances(samples.points, bone)
    # The side wall between its two rounded edges.
    wall = (abs(facing) < SIDEWAYS) & (depthMm > requested.rimMm / 2)
    wall &= depthMm < requested.thicknessMm - requested.rimMm / 2
    if not wall.any():
        raise InputRefused("no-room", "The plate has no side wall.", "Take less clearance or a thinner rim.")
    gaps = _rimGaps(plate, bone, surface, requested)
    overlapMm3 = float((toManifold(plate) ^ toManifold(bone)).volume())
    p5, p50, p95 = (float(value) for value in numpy.percentile(gaps, (5, 50, 95)))
    return {
        "volumeMl": plate.volumeMl,
        "gapP5Mm": p5,
        "gapMedianMm": p50,
        "gapP95Mm": p95,
        "gapMaximumMm": float(gaps.max()),
        "gapMinimumMm": float(boneMm.min()),
        "wallGapP95Mm": float(numpy.percentile(boneMm[wall], 95)),
        "gapWithinTolerancePercent": 100 * float((gaps <= requested.clearanceMm + GAP_TOLERANCE_MM).mean()),
        "penetrationMaximumMm": float(max(0.0, -boneMm.min())),
        "overlapMm3": overlapMm3,
        "proudMaximumMm": float(max(0.0, -numpy.nanmin(depthMm))),
        **_thickness(plate, samples, facing, depthMm, surface, requested),
        **_coverage(plate, bone, surface, requested),
        "rimStepMinimumMm": float(surface.stepMm[surface.outsideMm == 0].min()),
        "rimStepMaximumMm": float(surface.stepMm[surface.outsideMm == 0].max()),
    }


def _rimGaps(plate, bone, surface, requested):
    """Return for each place (n,) along the whole rim of the hole the gap in mm from the bone there to the plate.

    The rim is the edge of the hole as seen from the cavity. At each level between the plate's rounded edges the bone
    nearest to it is looked for; the gap at a place is the least of its levels: bone is beveled, one level is next to
    the plate, the others are farther away, as the side wall's own figure says.
    """
    import igl

    hole = surface.outsideMm == 0
    edge = surface.points()[hole & ~ndimage.binary_erosion(hole)]
    inwards = surface.center - edge
    inwards /= numpy.linalg.norm(inwards, axis=1, keepdims=True)
    levelsMm = numpy.linspace(requested.rimMm / 2, requested.thicknessMm - requested.rimMm / 2, RIM_LEVELS)
    places = edge[:, None] + inwards[:, None] * levelsMm[None, :, None]
    rim = igl.point_mesh_squared_distance(
        places.reshape(-1, 3), bone.points.astype(float), bone.triangles.astype(numpy.int64)
    )[2]
    return signedDistances(rim, plate).reshape(places.shape[:2]).min(1)


def signedDistances(points, mesh):
    """Return the exact distance (n,) in mm of points to a closed mesh, negative inside."""
    import igl

    return igl.signed_distance(
        numpy.asarray(points, float), mesh.points.astype(float), mesh.triangles.astype(numpy.int64),
        sign_type=igl.SIGNED_DISTANCE_TYPE_FAST_WINDING_NUMBER,
    )[0]  # fmt: skip


def _thickness(plate, samples, facing, depthMm, surface, requested):
    """Return the figures of thickness: from the outer face to the nearest inner face, and that of the rim.

    The rim is what lies nearer to a side wall than the plate is thick; there bone bevels it.
    """
    outer = (facing > 0.8) & (depthMm < 0.25 * requested.thicknessMm)
    inner = facing < -SIDEWAYS
    inside = samples.points[outer] - 0.02 * samples.normals[outer]
    wallMesh = _facesOf(plate, surface, sideways=True)
    amid = distancesToSurface(inside, wallMesh) > requested.thicknessMm
    innerMesh = _facesOf(plate, surface, sideways=False)
    if not amid.any() or not inner.any() or not len(innerMesh.triangles):
        return {"thicknessMinimumMm": 0.0, "thicknessMeanMm": 0.0}
    thickMm = distancesToSurface(samples.points[outer][amid], innerMesh)
    return {"thicknessMinimumMm": float(thickMm.min()), "thicknessMeanMm": float(thickMm.mean())}


def _facesOf(plate, surface, sideways):
    centers = plate.points[plate.triangles].astype(float).mean(1)
    away = centers - surface.center
    facing = numpy.einsum("ij,ij->i", plate.normals(), away / numpy.linalg.norm(away, axis=1, keepdims=True))
    return plate.kept(abs(facing) < SIDEWAYS if sideways else facing < -SIDEWAYS)


def _coverage(plate, bone, surface, requested):
    """Return how much of the hole is covered, judged by places at half the plate's depth on rays through the hole.

    A place counts as covered in the plate, in bone, or in a gap between them whose width is the clearance within its
    tolerance; the gap at a place is the sum of its distances to both.
    """
    over = surface.hole
    points = surface.points()[over]
    outward = points - surface.center
    radiiMm = numpy.linalg.norm(outward, axis=1, keepdims=True)
    places = surface.center + outward * (1 - min(requested.thicknessMm, 4.0) / 2 / radiiMm)
    toPlate = numpy.maximum(signedDistances(places, plate), 0)
    toBone = numpy.maximum(signedDistances(places, bone), 0)
    gapMm = numpy.where((toPlate > 0) & (toBone > 0), toPlate + toBone, 0)
    cellMm2 = (radiiMm[:, 0] * (surface.angles[1] - surface.angles[0])) ** 2
    openMm2 = float(cellMm2[gapMm > OPEN_GAP_MM].sum())
    allowed = gapMm <= requested.clearanceMm + GAP_TOLERANCE_MM
    return {
        "defectAreaMm2": float(cellMm2.sum()),
        "coveredPercent": 100 * float(cellMm2[allowed].sum() / cellMm2.sum()),
        "uncoveredMm2": openMm2,
        "widestGapMm": float(gapMm.max()),
    }


def findings(figures, requested, template):
    """Return what a person has to know of a plate; what it must not do at all is rejected."""
    f = figures
    rules = (
        ("penetrates-bone", "reject", f["overlapMm3"] > 0 or f["penetrationMaximumMm"] > PENETRATION_TOLERANCE_MM,
         f"The plate reaches {f['penetrationMaximumMm']:.2f} mm into bone.", "Take more clearance."),
        ("defect-not-closed", "warn", f["uncoveredMm2"] > 0,
         f"{f['uncoveredMm2']:.0f} mm² of the defect stay open, up to {f['widestGapMm']:.1f} mm wide.",
         "See whether the template covers the defect and whether bone stands in the way in."),
        ("gap-too-wide", "warn", f["gapMaximumMm"] > requested.clearanceMm + GAP_TOLERANCE_MM,
         f"The bone's rim is up to {f['gapMaximumMm']:.2f} mm from the plate, not {requested.clearanceMm:g} mm; "
         f"{f['gapWithinTolerancePercent']:.0f} % of the rim is within {GAP_TOLERANCE_MM:g} mm of that.",
         "See where: overhanging bone keeps the plate off on its way in, and thin edges are cut back."),
        ("too-thin", "warn", f["thicknessMinimumMm"] < 0.8 * requested.thicknessMm,
         f"The plate is {f['thicknessMinimumMm']:.1f} mm thick at its thinnest place away from the rim.",
         "Take another template or less smoothing."),
        ("sticks-out", "warn", f["proudMaximumMm"] > PROUD_TOLERANCE_MM,
         f"The plate stands {f['proudMaximumMm']:.1f} mm above its outer surface.", "Look at the plate."),
        ("template-not-mirrored", "warn", not template.mirrored,
         f"{template.name} is no mirror image: the plate follows another shape than the patient's other side.",
         "See whether this template is meant."),
    )  # fmt: skip
    return tuple(
        Finding(code, severity, message, action) for code, severity, applies, message, action in rules if applies
    )
