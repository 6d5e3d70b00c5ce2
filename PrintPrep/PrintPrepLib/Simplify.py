"""Simplification under a bound: no point of either surface may lie farther than this from the other.

The bound decides, not a triangle count. Decimators bound what they think the error is; here it is measured. A coarse
version that fails in few places is made finer around these places, level by level, until it holds everywhere; in the
end by the surface as it was.
"""

import dataclasses

import numpy

from PlanningHubLib.Errors import InputRefused, UsageError
from PlanningHubLib.Progress import noProgress, part
from PlanningHubLib.Shapes.Deviation import (
    Deviation,
    deviationOf,
    distancesBack,
    largestExact,
    measured,
    nearestPoints,
    nearestTriangles,
)
from PlanningHubLib.Shapes.Fans import Fans
from PlanningHubLib.Shapes.Manifolds import APART_MM, asSolid
from PlanningHubLib.Shapes.Mesh import Mesh, alike

from .Clusters import crowdedEdges
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
    levels = _levels(mesh, maximumDeviationMm, part(progress, 0.0, 0.6))
    while len(levels) > 1:
        found = _refined(mesh, levels, maximumDeviationMm, part(progress, 0.6, 0.95))
        if found:
            return found
        levels = levels[:-1]
    progress(0.95, "Nothing simpler lies within the bound")
    solid = asSolid(mesh)
    return Simplified(solid, measured(mesh, solid))


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


def _refined(mesh, levels, boundMm, progress):
    """Return what comes of the coarsest level, made finer where it is beyond the bound; None if that is no solid."""
    choice = numpy.full(len(mesh.points), len(levels) - 1, numpy.int8)
    trial = _Trial(mesh, boundMm - APART_MM)
    for number in range(ROUNDS):
        progress(number / ROUNDS, "Measuring the deviation")
        tooCoarse = trial.tooCoarse(assembled(levels, choice))
        if not tooCoarse.any():
            return trial.finished()
        tooCoarse &= choice > 0
        if not tooCoarse.any():
            return None
        # Ever larger steps: what is beyond the bound once more is a small place.
        choice[tooCoarse] = numpy.maximum(choice[tooCoarse] - 1 - number // 2, 0)
        trial.changed(tooCoarse)
    return None


class _Trial:
    """The measured distances between a surface and what becomes of it, step by step.

    What was measured to a triangle that is still there holds.
    """

    def __init__(self, mesh, boundMm):
        self._mesh, self._boundMm = mesh, boundMm
        self._forth = numpy.full(len(mesh.points), numpy.inf, numpy.float32)
        # The fine triangle that became the coarse one measured to.
        self._origins = numpy.zeros(len(mesh.points), numpy.int32)
        self._open = numpy.arange(len(mesh.points))
        self._back, self._candidate = None, None

    def changed(self, which):
        """Take note that points (n,) of the fine surface were merged otherwise."""
        gone = which[self._mesh.triangles[self._origins]].any(1) | which
        self._open = numpy.flatnonzero(gone)

    def tooCoarse(self, candidate):
        """Return which points (n,) of the fine surface were merged too far in a candidate."""
        isFirst, self._candidate = self._candidate is None, candidate
        coarse, indices = candidate.mesh, candidate.indices
        self._measure()
        beyond = self._forth > self._boundMm
        found = numpy.zeros(len(coarse.points), bool)
        found[indices[beyond]] = True
        found[indices[self._mesh.triangles[self._origins[beyond]]]] = True
        found[crowdedEdges(coarse.triangles).reshape(-1)] = True
        # Back at first, so as not to come late, and at last.
        if isFirst or not found.any():
            triangles = numpy.searchsorted(candidate.origins, self._origins)
            self._back = distancesBack(self._mesh, coarse, indices, triangles)
            found |= self._back[: len(found)] > self._boundMm
            found[coarse.triangles[self._back[len(found) :] > self._boundMm]] = True
        return found[indices]

    def _measure(self):
        """Measure from the fine points whose distance is not known: bounded from above, exact beyond the bound."""
        coarse, indices = self._candidate.mesh, self._candidate.indices[self._open]
        points = self._mesh.points[self._open]
        distancesMm, triangles = Fans(coarse, indices).distances(points, indices)
        beyond = numpy.flatnonzero((distancesMm > self._boundMm) | (triangles < 0))
        distancesMm[beyond], triangles[beyond] = nearestTriangles(points[beyond], coarse)
        self._forth[self._open], self._origins[self._open] = distancesMm, self._candidate.origins[triangles]

    def finished(self):
        """Return the candidate as a solid, measured, or None where it is none within the bound."""
        coarse = self._candidate.mesh
        try:
            solid = asSolid(coarse)
        except InputRefused:
            return None
        if alike(coarse, solid):
            forth = largestExact(self._mesh.points, self._forth, solid)
            return Simplified(solid, deviationOf(self._mesh, coarse, forth, self._back))
        nearby = nearestPoints(coarse.points, solid.points)[self._candidate.indices]
        deviation = measured(self._mesh, solid, nearby)
        return Simplified(solid, deviation) if deviation.maximumMm <= self._boundMm + APART_MM else None
