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

from .Deviation import Deviation, distancesToFineSurface, distancesToSurface, measured, samplesOf
from .Manifolds import asSolid
from .Mesh import Mesh, welded

# Below this many triangles nothing is gained.
FEWEST_TRIANGLES = 500
FIRST_FRACTION = 0.35
NEXT_FRACTION = 0.6
# With more points beyond the bound than these, patches would cover the surface: the candidate is too coarse.
PATCHABLE_FRACTION = 5e-4
SAMPLED_POINTS = 60_000
# How far the fine triangles stay around a place beyond the bound, in bounds; and never below mm.
PATCH_RADII_IN_BOUNDS = (6, 16)
SMALLEST_PATCH_MM = 1.5


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
        patchFrom = levels[0] if level is not levels[0] else None
        found = _withinBound(mesh, level, patchFrom, maximumDeviationMm, part(progress, 0.5 + number / 20, 0.9))
        if found:
            return found
    progress(0.95, "Nothing simpler lies within the bound")
    solid = asSolid(mesh)
    return Simplified(solid, measured(mesh, solid))


def _levels(mesh, boundMm, progress):
    """Return ever coarser meshes, as (points, triangles), until samples say that the next one would be too coarse."""
    levels = []
    level = mesh.points.astype(numpy.float64), mesh.triangles
    step = max(1, len(mesh.points) // SAMPLED_POINTS)
    fraction = FIRST_FRACTION
    while len(level[1]) * fraction > FEWEST_TRIANGLES:
        progress(0.8 * (1 - len(level[1]) / len(mesh.triangles)), f"Simplifying {len(level[1])} triangles")
        level = _decimated(*level, fraction)
        distancesMm = distancesToSurface(mesh.points[::step], Mesh.fromArrays(*level))
        if (distancesMm > boundMm).mean() > PATCHABLE_FRACTION:
            break
        levels.append(level)
        fraction = NEXT_FRACTION
    return levels


def _decimated(points, triangles, fraction):
    """Return (points, triangles) with a fraction of the triangles; open borders stay as they are."""
    import fast_simplification

    return fast_simplification.simplify(
        points, triangles, target_count=int(len(triangles) * fraction), preserve_border=True
    )


def _withinBound(mesh, level, patchFrom, boundMm, progress):
    """Return what came of a level within the bound, patched from a finer level where need be, or None."""
    places = numpy.zeros((0, 3))
    for radiusInBounds in (*PATCH_RADII_IN_BOUNDS, None):
        progress(0.0, "Measuring the deviation")
        try:
            solid = asSolid(Mesh.fromArrays(*level))
        except InputRefused:
            return None
        distancesMm = distancesToSurface(mesh.points, solid)
        beyond = mesh.points[distancesMm > boundMm]
        if not len(beyond):
            deviation = measured(mesh, solid, distancesMm, progress)
            if deviation.maximumMm <= boundMm:
                return Simplified(solid, deviation)
            samples = samplesOf(solid)
            beyond = samples[distancesToFineSurface(samples, mesh) > boundMm]
        if radiusInBounds is None or patchFrom is None or len(beyond) > PATCHABLE_FRACTION * 4 * len(mesh.points):
            return None
        places = numpy.concatenate([places, beyond])
        radiusMm = max(radiusInBounds * boundMm, SMALLEST_PATCH_MM)
        progress(0.5, f"Keeping {len(places)} places as they were")
        level = _patched(patchFrom, places, radiusMm, len(level[1]))
    return None


def _patched(fine, places, radiusMm, triangleCount):
    """Return the fine level simplified to a count, except within a radius of the places."""
    points, triangles = fine
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
