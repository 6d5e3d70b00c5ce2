"""Simplification under a bound: no point of either surface may lie farther than this from the other.

The bound decides, not a triangle count. Decimators bound what they think the error is; here it is measured. A coarse
candidate that fails in few places keeps the fine triangles around these places and is tried again; one that fails
anyway is replaced by a finer one, in the end by the surface as it was.
"""

import dataclasses

import numpy
from scipy.spatial import cKDTree

from PlanningHubLib.Errors import InputRefused, UsageError
from PlanningHubLib.Progress import noProgress, part
from PlanningHubLib.Shapes.Deviation import Deviation, distancesToFineSurface, distancesToSurface, measured, samplesOf
from PlanningHubLib.Shapes.Manifolds import asSolid
from PlanningHubLib.Shapes.Mesh import Mesh, welded

# Below this many triangles nothing is gained.
FEWEST_TRIANGLES = 500
FIRST_FRACTION = 0.35
NEXT_FRACTION = 0.6
# With more points beyond the bound than these, patches would cover the surface: the candidate is too coarse.
PATCHABLE_FRACTION = 5e-4
SAMPLED_POINTS = 60_000
# Each time a candidate fails, the fine triangles stay this far around the places, and the rest gets this much finer.
PATCH_ROUNDS = 3
PATCH_MM = 2.5
PATCH_RADIUS_IN_BOUNDS = 8
EASING = 1.15


@dataclasses.dataclass(frozen=True, eq=False)
class Simplified:
    """A solid within the bound, and the measured deviation from the surface it came from."""

    mesh: Mesh
    deviation: Deviation


def simplified(mesh, maximumDeviationMm, progress=noProgress):
    """Return the coarsest solid found within a deviation of a closed surface.

    :param maximumDeviationMm: bound of the measured two-sided surface distance
    :raises UsageError: ``bad-deviation``
    :raises InputRefused: ``not-manifold``
    """
    if not 0.005 <= maximumDeviationMm <= 5:
        raise UsageError(
            "bad-deviation", f"A deviation of {maximumDeviationMm} mm cannot be kept.", "Choose 0.005 to 5 mm."
        )
    levels = _levels(mesh, maximumDeviationMm, part(progress, 0.0, 0.5))
    for number, level in enumerate(reversed(levels)):
        start, stop = (0.5 + 0.4 * share / len(levels) for share in (number, number + 1))
        found = _withinBound(mesh, level, levels[0], maximumDeviationMm, part(progress, start, stop))
        if found:
            return found
    progress(0.95, "Nothing simpler lies within the bound")
    solid = asSolid(mesh)
    return Simplified(solid, measured(mesh, solid))


def _levels(mesh, boundMm, progress):
    """Return ever coarser meshes, as (points, triangles), until samples say that the next one would be too coarse.

    The first is a solid and within the bound, seen from the surface: later ones take their patches from it.
    """
    surface = mesh.points.astype(numpy.float64), mesh.triangles
    if len(mesh.triangles) * FIRST_FRACTION < FEWEST_TRIANGLES:
        return []
    progress(0.0, f"Simplifying {len(mesh.triangles)} triangles")
    first = _withinBound(mesh, _decimated(*surface, FIRST_FRACTION), surface, boundMm, progress=noProgress, back=False)
    if first is None:
        return []
    levels = [(first.mesh.points.astype(numpy.float64), first.mesh.triangles)]
    sample = mesh.points[:: max(1, len(mesh.points) // SAMPLED_POINTS)]
    while len(levels[-1][1]) * NEXT_FRACTION > FEWEST_TRIANGLES:
        count = len(levels[-1][1])
        progress(1 - count / len(mesh.triangles), f"Simplifying {count} triangles")
        level = _decimated(*levels[-1], NEXT_FRACTION)
        if (distancesToSurface(sample, Mesh.fromArrays(*level)) > boundMm).mean() > PATCHABLE_FRACTION:
            break
        levels.append(level)
    return levels


def _decimated(points, triangles, fraction):
    """Return (points, triangles) with a fraction of the triangles; open borders stay as they are."""
    import fast_simplification

    return fast_simplification.simplify(
        points, triangles, target_count=int(len(triangles) * fraction), preserve_border=True
    )


def _withinBound(mesh, level, patchFrom, boundMm, progress, back=True):
    """Return what came of a level within the bound, patched from a finer level where need be, or None.

    :param back: also look from the level at the surface; without, the deviation stays open
    """
    places, triangleCount = numpy.zeros((0, 3)), len(level[1])
    for number in range(PATCH_ROUNDS + 1):
        progress(number / (PATCH_ROUNDS + 1), "Measuring the deviation")
        try:
            solid = asSolid(Mesh.fromArrays(*level))
        except InputRefused:
            return None
        distancesMm = distancesToSurface(mesh.points, solid)
        beyond = mesh.points[distancesMm > boundMm]
        if not len(beyond) and not back:
            return Simplified(solid, None)
        if not len(beyond):
            deviation = measured(mesh, solid, distancesMm)
            if deviation.maximumMm <= boundMm:
                return Simplified(solid, deviation)
            samples = samplesOf(solid)
            beyond = samples[distancesToFineSurface(samples, mesh) > boundMm]
        if number == PATCH_ROUNDS or len(beyond) > PATCHABLE_FRACTION * 4 * len(mesh.points):
            return None
        places = numpy.concatenate([places, beyond])
        progress((number + 0.7) / (PATCH_ROUNDS + 1), f"Keeping {len(places)} places as they were")
        level = _patched(patchFrom, places, boundMm, triangleCount * EASING ** (number + back))
    return None


def _patched(fine, places, boundMm, triangleCount):
    """Return the fine level simplified to a count, except around the places."""
    points, triangles = fine
    radiusMm = max(PATCH_RADIUS_IN_BOUNDS * boundMm, PATCH_MM)
    near = numpy.isfinite(cKDTree(places).query(points, distance_upper_bound=radiusMm, workers=-1)[0])
    kept = near[triangles].any(1)
    rest = triangles[~kept]
    if len(rest) < FEWEST_TRIANGLES:
        return fine
    used, restTriangles = numpy.unique(rest, return_inverse=True)
    fraction = min(1.0, triangleCount / len(triangles))
    restPoints, restTriangles = _decimated(points[used], restTriangles.reshape(-1, 3).astype(numpy.int32), fraction)
    allPoints = numpy.concatenate([points, restPoints])
    allTriangles = numpy.concatenate([triangles[kept], restTriangles + len(points)])
    allPoints, allTriangles = welded(allPoints, allTriangles)
    used, compact = numpy.unique(allTriangles, return_inverse=True)
    return allPoints[used], compact.reshape(-1, 3).astype(numpy.int32)
