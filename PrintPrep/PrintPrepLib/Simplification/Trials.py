"""Is a simplified surface one that can be kept? Measured against the fine one, again only where it has changed."""

import numpy

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Shapes.Between import FINEST_SHARE, Side, bends
from PlanningHubLib.Shapes.Checks import edgeNumbers, touchingPoints
from PlanningHubLib.Shapes.Deviation import measured, nearestPoints, nearSamples, samplesOf
from PlanningHubLib.Shapes.Manifolds import APART_MM, asSolid
from PlanningHubLib.Shapes.Mesh import alike, anyCorner
from PlanningHubLib.Shapes.Search import TriangleSearch

from ..Repair.SelfIntersections import selfIntersecting


class Trial:
    """What is known of a surface and what becomes of it, step by step: what was measured to a triangle that is still
    there holds.

    :param search: :class:`PlanningHubLib.Shapes.Search.TriangleSearch` of the fine surface
    :param boundMm: what no distance may exceed
    """

    def __init__(self, search, boundMm):
        self._mesh, self._search, self._boundMm = search.mesh, search, boundMm
        mesh = search.mesh
        self._candidate = None
        # From each fine point to the candidate, and the fine triangle that became the one measured to.
        self._forthMm = numpy.full(len(mesh.points), numpy.inf, numpy.float32)
        self._origins = numpy.zeros(len(mesh.points), numpy.int32)
        # The candidate's triangle that each fine one became, for those that are left.
        self._numbers = numpy.zeros(len(mesh.triangles), numpy.int32)
        # The fine points to measure from, and those whose edges were not looked at yet.
        self._isOpen = numpy.ones(len(mesh.points), bool)
        # From the candidate's points, each under its fine name, and the fine triangles measured to; from its
        # triangles, each under its fine triangle.
        self._backOfPoints = numpy.full(len(mesh.points), numpy.nan, numpy.float32)
        self._backTo = numpy.zeros(len(mesh.points), numpy.int32)
        self._backOfTriangles = numpy.full(len(mesh.triangles), numpy.nan, numpy.float32)

    def changed(self, which):
        """Take note that points (n,) of the fine surface are merged otherwise from now on."""
        origins = self._candidate.origins
        gone = origins[anyCorner(which, self._mesh.triangles[origins])]
        isGone = numpy.zeros(len(self._mesh.triangles), bool)
        isGone[gone] = True
        self._isOpen = isGone[self._origins] | which
        self._backOfTriangles[gone] = numpy.nan
        self._backOfPoints[which] = numpy.nan

    def tooCoarse(self, candidate, isMerged):
        """Return which points (n,) of the fine surface were merged too far in a candidate.

        :param isMerged: which points (n,) were merged at all: flaws of the fine surface itself cannot be helped
        """
        self._candidate = candidate
        triangles = candidate.mesh.triangles
        found = numpy.zeros(len(candidate.mesh.points), bool)
        edges, uses = edgeNumbers(triangles)
        found[triangles[(uses[edges] > 2).reshape(-1, 3).any(1)]] = True
        found[touchingPoints(triangles, edges)] = True
        isNew = numpy.isnan(self._backOfTriangles[candidate.origins])
        found[triangles[selfIntersecting(candidate.mesh, isNew)]] = True
        self._findBeyond(isNew, found)
        # All points that were merged into one are of the same level.
        return (found & isMerged[candidate.names])[candidate.indices]

    def _findBeyond(self, isNew, found):
        """Mark the candidate's points (k,) around what is beyond the bound, given its new triangles (m,)."""
        candidate, boundMm = self._candidate, self._boundMm
        triangles = candidate.mesh.triangles
        limitMm = boundMm * (1 - FINEST_SHARE / 2)
        forth = self._measuredForth()
        edges = forth.beyondOnEdges(self._mesh, limitMm, self._isOpen)[0]
        far = numpy.concatenate([numpy.flatnonzero(self._forthMm > boundMm), edges.reshape(-1)])
        found[candidate.indices[far]] = True
        found[triangles[forth.measuredTo[far]]] = True
        touched = numpy.zeros(len(found), bool)
        touched[triangles[isNew]] = True
        back = self._measuredBack(isNew, touched, forth.measuredTo)
        edges = back.beyondOnEdges(candidate.mesh, limitMm, touched, bends(forth, back, self._mesh))[0]
        isFar = back.distancesMm[: len(found)] > boundMm
        isFar[edges] = True
        found |= isFar
        found[triangles[back.distancesMm[len(found) :] > boundMm]] = True

    def _measuredForth(self):
        """Measure from the fine points whose distance is not known, and return the :class:`Side` of all."""
        candidate = self._candidate
        which = numpy.flatnonzero(self._isOpen)
        search = TriangleSearch(candidate.mesh, forMany=len(which) > len(candidate.mesh.triangles))
        self._forthMm[which], measuredTo = search.distances(
            self._mesh.points[which], candidate.indices[which], self._boundMm
        )
        self._origins[which] = candidate.origins[measuredTo]
        self._numbers[candidate.origins] = numpy.arange(len(candidate.origins), dtype=numpy.int32)
        return Side(search, self._forthMm, self._numbers[self._origins])

    def _measuredBack(self, isNew, touched, nearest):
        """Measure from the candidate's new triangles (m,) and their points, and return the :class:`Side` of all."""
        candidate, names = self._candidate, self._candidate.names
        wanted, samples = numpy.concatenate([touched, isNew]), samplesOf(candidate.mesh)
        hints = nearSamples(samples, self._mesh.points, candidate.mesh, candidate.indices, nearest, wanted)
        distancesMm, measuredTo = self._search.distances(samples[wanted], hints[wanted], self._boundMm)
        new = names[touched]
        self._backOfPoints[new], self._backTo[new] = distancesMm[: len(new)], measuredTo[: len(new)]
        self._backOfTriangles[candidate.origins[isNew]] = distancesMm[len(new) :]
        ofTriangles = self._backOfTriangles[candidate.origins]
        return Side(self._search, numpy.concatenate([self._backOfPoints[names], ofTriangles]), self._backTo[names])

    def finished(self):
        """Return the candidate as a solid, and its deviation, measured anew, or None where it is none within the bound.

        :returns: mesh, :class:`PlanningHubLib.Shapes.Deviation.Deviation`
        """
        coarse, nearby = self._candidate.mesh, self._candidate.indices
        try:
            solid = asSolid(coarse)
        except InputRefused:
            return None
        if not alike(coarse, solid):
            # The kernel, or keeping apart what touches, has moved something.
            coarse, nearby = solid, nearestPoints(coarse.points, solid.points)[nearby]
        deviation = measured(self._mesh, coarse, nearby, search=self._search)
        return (solid, deviation) if deviation.maximumMm <= self._boundMm + APART_MM else None
