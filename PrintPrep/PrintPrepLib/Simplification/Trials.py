"""Is a simplified surface one that can be kept? Measured against the fine one, again only where it has changed."""

import dataclasses

import numpy

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Shapes.Between import FINEST_SHARE, NOWHERE, Bends, joined
from PlanningHubLib.Shapes.Checks import edgeNumbers, touchingPoints
from PlanningHubLib.Shapes.Deviation import (
    deviationOf,
    distancesToSurface,
    exactNearby,
    largestExact,
    measured,
    nearestPoints,
    nearestTriangles,
    nearSamples,
    samplesOf,
)
from PlanningHubLib.Shapes.Fans import Fans, distancesNear
from PlanningHubLib.Shapes.Manifolds import APART_MM, asSolid
from PlanningHubLib.Shapes.Mesh import alike, anyCorner

from ..Repair.SelfIntersections import selfIntersecting

# So few of the points are too coarse in the end.
FEW_SHARE = 1e-3
# Larger surfaces are those of masks, whose triangles are even.
EVEN_TRIANGLES = 200_000


class Trial:
    """What is known of a surface and what becomes of it, step by step: what was measured to a triangle that is still
    there holds.

    :param boundMm: what no distance may exceed
    """

    def __init__(self, mesh, boundMm):
        self._mesh, self._boundMm = mesh, boundMm
        self._candidate = None
        # From each fine point to the candidate, and the fine triangle that became the one measured to.
        self._forth = numpy.full(len(mesh.points), numpy.inf, numpy.float32)
        self._origins = numpy.zeros(len(mesh.points), numpy.int32)
        self._open = numpy.arange(len(mesh.points))
        # From the candidate's points, each under one of its fine points, and triangles, each under its fine triangle.
        self._backOfPoints = numpy.full(len(mesh.points), numpy.nan, numpy.float32)
        self._backOfTriangles = numpy.full(len(mesh.triangles), numpy.nan, numpy.float32)
        # On edges of both, under fine triangles and fine points; the points whose edges were not looked at yet.
        self._onCoarse = self._onFine = NOWHERE
        self._isUnseen = numpy.ones(len(mesh.points), bool)

    def changed(self, which):
        """Take note that points (n,) of the fine surface are merged otherwise from now on."""
        origins, isGone = self._candidate.origins, numpy.zeros(len(self._mesh.triangles), bool)
        isGone[origins] = anyCorner(which, self._mesh.triangles[origins])
        isOpen = isGone[self._origins] | which
        self._open = numpy.flatnonzero(isOpen)
        self._isUnseen |= isOpen
        self._backOfTriangles[isGone] = numpy.nan
        self._backOfPoints[which] = numpy.nan
        self._onCoarse = self._onCoarse.kept(~isGone[self._onCoarse.owners].any(1))
        self._onFine = self._onFine.kept(~isOpen[self._onFine.owners].any(1))

    def tooCoarse(self, candidate, isMerged):
        """Return which points (n,) of the fine surface were merged too far in a candidate.

        :param isMerged: which points (n,) were merged at all: flaws of the fine surface itself cannot be helped
        """
        isFirst, self._candidate = self._candidate is None, candidate
        triangles, indices = candidate.mesh.triangles, candidate.indices
        self._measureForth()
        canHelp = numpy.zeros(len(candidate.mesh.points), bool)
        canHelp[indices[isMerged]] = True
        found = self._around(numpy.flatnonzero(self._forth > self._boundMm))
        edges, uses = edgeNumbers(triangles)
        found[triangles[(uses[edges] > 2).reshape(-1, 3).any(1)]] = True
        found[touchingPoints(triangles, edges)] = True
        found &= canHelp
        # At first, so as not to come late, and once hardly anything else is left.
        if isFirst or found.sum() <= FEW_SHARE * len(found):
            isNew = numpy.isnan(self._backOfTriangles[candidate.origins])
            found[triangles[selfIntersecting(candidate.mesh, isNew)]] = True
            self._measureBack(isNew)
            back = self._back()
            found |= back[: len(found)] > self._boundMm
            found[triangles[back[len(found) :] > self._boundMm]] = True
            # What is replaced anyway is looked at when it is.
            isLeft = ~anyCorner(found & canHelp, triangles)
            found |= self._beyondBetween(isNew & isLeft, self._isUnseen & isLeft[self._nearest()], back)
        return (found & canHelp)[indices]

    def _around(self, points):
        """Return the candidate's points (k,) that fine points were merged into or measured to."""
        found = numpy.zeros(len(self._candidate.mesh.points), bool)
        found[self._candidate.indices[points]] = True
        found[self._candidate.indices[self._mesh.triangles[self._origins[points]]]] = True
        return found

    def _beyondBetween(self, isNew, isUnseen, back):
        """Return the candidate's points (k,) about edges that are beyond the bound.

        :param isNew: on edges of these triangles (m,) of the candidate, and of these fine points ``isUnseen`` (n,)
        """
        coarse, origins = self._candidate.mesh, self._candidate.origins
        split, limitMm = len(coarse.points), self._boundMm * (1 - FINEST_SHARE / 2)
        bends = Bends(self._mesh, coarse, self._forth, self._nearest(), back[:split], back[split:])
        onCoarse, onFine = bends.onCoarse(limitMm, isNew), bends.onFine(limitMm, isUnseen)
        self._isUnseen[isUnseen] = False
        found = self._around(onFine.beyond(limitMm).reshape(-1))
        found[coarse.triangles[onCoarse.beyond(limitMm)]] = True
        onCoarse = dataclasses.replace(onCoarse, owners=origins[onCoarse.owners])
        self._onCoarse, self._onFine = joined([self._onCoarse, onCoarse]), joined([self._onFine, onFine])
        return found

    def _nearest(self):
        """Return the candidate's triangle (n,) that each fine point was measured to."""
        numbers = numpy.zeros(len(self._mesh.triangles), numpy.int32)
        numbers[self._candidate.origins] = numpy.arange(len(self._candidate.origins), dtype=numpy.int32)
        return numbers[self._origins]

    def _measureForth(self):
        """Measure from the fine points whose distance is not known: bounded from above, exact beyond the bound."""
        coarse, indices = self._candidate.mesh, self._candidate.indices[self._open]
        points = self._mesh.points[self._open]
        distancesMm, triangles = Fans(coarse, indices).distances(points, indices)
        beyond = numpy.flatnonzero((distancesMm > self._boundMm) | (triangles < 0))
        if len(beyond):
            distancesMm[beyond], triangles[beyond] = nearestTriangles(points[beyond], coarse)
        self._forth[self._open], self._origins[self._open] = distancesMm, self._candidate.origins[triangles]

    def _measureBack(self, isNew):
        """Measure from the candidate's new triangles and points, in the same way."""
        coarse, indices, origins = self._candidate.mesh, self._candidate.indices, self._candidate.origins
        nearest = self._nearest()
        touched = numpy.zeros(len(coarse.points), bool)
        touched[coarse.triangles[isNew]] = True
        near = numpy.flatnonzero(touched[indices] | isNew[nearest])
        starts = nearSamples(self._mesh.points[near], coarse, indices[near], nearest[near])
        wanted = numpy.flatnonzero(numpy.concatenate([touched, isNew]))
        samples, starts = samplesOf(coarse)[wanted], near[starts[wanted]]
        distancesMm = distancesNear(samples, self._mesh, starts)[0]
        beyond = distancesMm > self._boundMm
        # Near even triangles hardly anything is taken for too far; to look closer would take longer than to go on.
        if beyond.any() and len(self._mesh.triangles) <= EVEN_TRIANGLES:
            distancesMm[beyond] = exactNearby(samples[beyond], distancesMm[beyond].max(), self._mesh)
        count = touched.sum()
        self._backOfPoints[self._representatives()[touched]] = distancesMm[:count]
        self._backOfTriangles[origins[isNew]] = distancesMm[count:]

    def _representatives(self):
        """Return for each of the candidate's points the last of the fine points that were merged into it."""
        found = numpy.zeros(len(self._candidate.mesh.points), numpy.int64)
        found[self._candidate.indices] = numpy.arange(len(self._candidate.indices))
        return found

    def _back(self):
        """Return the distances of all samples of the candidate, as :func:`PlanningHubLib.Shapes.Deviation.samplesOf`
        has them."""
        ofPoints = self._backOfPoints[self._representatives()]
        return numpy.concatenate([ofPoints, self._backOfTriangles[self._candidate.origins]])

    def finished(self):
        """Return the candidate as a solid, and its deviation, or None where it is none within the bound.

        :returns: mesh, :class:`PlanningHubLib.Shapes.Deviation.Deviation`
        """
        fine, coarse = self._mesh, self._candidate.mesh
        try:
            solid = asSolid(coarse)
        except InputRefused:
            return None
        if alike(coarse, solid):
            forth = largestExact(fine.points, self._forth, coarse)
            samples, split = samplesOf(coarse), len(coarse.points) + len(coarse.triangles)
            places = numpy.concatenate([samples, self._onCoarse.points])
            back = largestExact(places, numpy.concatenate([self._back(), self._onCoarse.distancesMm]), fine)
            onFine = self._onFine.kept(self._onFine.distancesMm > forth.max())
            onFine = dataclasses.replace(onFine, distancesMm=distancesToSurface(onFine.points, coarse))
            onEdges = joined([dataclasses.replace(self._onCoarse, distancesMm=back[split:]), onFine])
            deviation = deviationOf(fine, coarse, forth, back[:split], onEdges)
        else:
            # The kernel, or keeping apart what touches, has moved something.
            nearby = nearestPoints(coarse.points, solid.points)[self._candidate.indices]
            deviation = measured(fine, solid, nearby)
        return (solid, deviation) if deviation.maximumMm <= self._boundMm + APART_MM else None
