"""Simplification under a bound: no point of either surface may lie farther than this from the other.

The bound decides, not a triangle count. Decimators bound what they think the error is; here it is measured. A coarse
version that fails in few places is made finer around these places, level by level, until it holds everywhere; in the
end by the surface as it was.
"""

import dataclasses

import numpy

from PlanningHubLib.Errors import InputRefused, UsageError
from PlanningHubLib.Progress import noProgress, part
from PlanningHubLib.Shapes.Deviation import Deviation, bothWays, deviationOf, nearestPoints, nearestTriangles
from PlanningHubLib.Shapes.Fans import Fans
from PlanningHubLib.Shapes.Manifolds import asSolid
from PlanningHubLib.Shapes.Mesh import Mesh

from .Levels import assembled, coarser, finest

# With more points beyond the bound than these, a level is too coarse: most of it would have to be replaced.
BEYOND_FRACTION = 0.01
SAMPLED_POINTS = 20_000
ROUNDS = 12


@dataclasses.dataclass(frozen=True, eq=False)
class Simplified:
    """A solid within the bound, and the measured deviation from the surface it came from."""

    mesh: Mesh
    deviation: Deviation


def simplified(mesh, maximumDeviationMm, progress=noProgress):
    """Return a solid with few triangles within a deviation of a closed surface.

    :param maximumDeviationMm: bound of the measured two-sided surface distance
    :raises UsageError: ``bad-deviation``
    :raises InputRefused: ``not-manifold``
    """
    if not 0.005 <= maximumDeviationMm <= 5:
        raise UsageError(
            "bad-deviation", f"A deviation of {maximumDeviationMm} mm cannot be kept.", "Choose 0.005 to 5 mm."
        )
    levels = _levels(mesh, maximumDeviationMm, part(progress, 0.0, 0.5))
    choice = numpy.full(len(mesh.points), len(levels) - 1, numpy.int8)
    for number in range(ROUNDS):
        share = part(progress, 1 - 0.5 * 0.7**number, 1 - 0.5 * 0.7 ** (number + 1))
        share(0.0, "Measuring the deviation")
        found, isCoarse = _measured(mesh, levels, choice, maximumDeviationMm, share)
        if found:
            return found
        if not choice.any():
            break
        choice[isCoarse & (choice > 0)] -= 1
    progress(0.95, "Nothing simpler lies within the bound")
    solid = asSolid(mesh)
    return Simplified(solid, deviationOf(mesh, solid, *bothWays(mesh, solid)))


def _levels(mesh, boundMm, progress):
    """Return ever coarser levels of the surface, until samples say that the next one would be too coarse."""
    levels = [finest(mesh)]
    sample = numpy.arange(0, len(mesh.points), max(1, len(mesh.points) // SAMPLED_POINTS))
    while True:
        count = len(levels[-1].mesh.triangles)
        progress(1 - count / max(1, len(mesh.triangles)), f"Simplifying {count} triangles")
        level = coarser(levels[-1], boundMm)
        if level is None:
            return levels
        nearby = level.owners[sample]
        distancesMm = Fans(level.mesh, nearby).distances(mesh.points[sample], nearby)[0]
        if (distancesMm > boundMm).mean() > BEYOND_FRACTION:
            return levels
        levels.append(level)


def _measured(mesh, levels, choice, boundMm, progress):
    """Return what levels make as one solid where it lies within the bound, or None and where (n,) it is too coarse."""
    candidate, indices = assembled(levels, choice)
    try:
        solid = asSolid(candidate)
    except InputRefused:
        if not choice.any():
            raise
        return None, numpy.ones(len(choice), bool)
    inSolid = nearestPoints(candidate.points, solid.points)
    forth, back = bothWays(mesh, solid, inSolid[indices], progress)
    deviation = deviationOf(mesh, solid, forth, back)
    if deviation.maximumMm <= boundMm:
        return Simplified(solid, deviation), None
    beyond = forth > boundMm
    tooCoarse = numpy.zeros(len(solid.points), bool)
    tooCoarse[inSolid[indices[beyond]]] = True
    tooCoarse[solid.triangles[nearestTriangles(mesh.points[beyond], solid)]] = True
    count = len(solid.points)
    tooCoarse |= back[:count] > boundMm
    tooCoarse[solid.triangles[back[count:] > boundMm]] = True
    return None, tooCoarse[inSolid][indices]
