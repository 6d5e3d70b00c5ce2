"""Distances between two surfaces where corners and centers do not show them: along edges, where the surfaces bend.

On a ridge, or over a valley, one surface may lie farther from the other than at any corner. So edges are measured too,
in steps that are halved until nothing between two places can lie beyond a limit: from place to place, a distance
changes by no more than the way. Edges are left out where the distances on both sides are so small, and the surface
bends so little, that it cannot be.
"""

import dataclasses

import numpy

from .Mesh import Mesh, allAlike, anyCorner

# Steps are halved down to this share of the limit, or of an edge.
FINEST_SHARE = 0.02
# A straight way between the two sides of a bend passes by it at half its length times the tangent of half the angle.
# The longest ways across are those between points of the fine surface; its longest edges are longer than the mean.
REACH_IN_EDGES = 0.6
# Up to so many triangles, those of the fine surface may be long.
LONG_TRIANGLES = 200_000


@dataclasses.dataclass(frozen=True, eq=False)
class Places:
    """Places on a surface, and how far they lie from the other one.

    :param points: (n, 3) mm
    :param distancesMm: (n,)
    :param owners: (n, 2) the two triangles, or the two points, between which each lies
    """

    points: numpy.ndarray
    distancesMm: numpy.ndarray
    owners: numpy.ndarray

    def kept(self, which):
        """Return some of the places (n,)."""
        return Places(self.points[which], self.distancesMm[which], self.owners[which])

    def beyond(self, limitMm):
        """Return the owners (k, 2) of places beyond a limit."""
        return self.owners[self.distancesMm > limitMm]


NOWHERE = Places(numpy.zeros((0, 3)), numpy.zeros(0), numpy.zeros((0, 2), numpy.int32))


class Bends:
    """Two surfaces, one made of the other, and what is known of their distances.

    :param fine: its points were measured to ``nearest`` (n,), triangles of ``coarse``; ``forthMm`` (n,)
    :param backOfPoints: (k,) and ``backOfCenters`` (m,): distances of the coarse surface's points and centers
    """

    def __init__(self, fine, coarse, forthMm, nearest, backOfPoints, backOfCenters):
        self._fine, self._coarse = fine, coarse
        self._forthMm, self._nearest = forthMm, nearest
        self._backOfPoints, self._backOfCenters = backOfPoints, backOfCenters
        self._normals, self._edges = coarse.normals(), _pairedEdges(coarse.triangles)
        # The mean edge of triangles that are much alike, as those of a mask's surface are: some tell it.
        step = max(1, len(fine.triangles) // 50_000)
        areasMm2 = Mesh(fine.points, fine.triangles[::step]).areasMm2()
        self._edgeMm = float(numpy.sqrt(areasMm2.mean() * 4 / numpy.sqrt(3)))
        self._isSmall = len(fine.triangles) <= LONG_TRIANGLES
        # How far from a bend the places that are measured on both sides of it may lie.
        self._reachMm = fine.longestEdgeMm if self._isSmall else REACH_IN_EDGES * self._edgeMm

    def onCoarse(self, limitMm, isNew=None):
        """Return :class:`Places` on edges of the coarse surface, between pairs of its triangles.

        Of large surfaces they are measured to the triangles that lie below: never less than the true distance.

        :param isNew: edges of these triangles (m,) only; None for all
        """
        edges = self._edges if isNew is None else self._edges.kept(isNew[self._edges.triangles].any(1))
        bendMm = self._reachMm * _bends(self._normals, edges.triangles)
        edges = edges.kept(self._largestMm(edges.triangles).max(1) + bendMm > limitMm)
        ends, endsMm = self._coarse.points[edges.ends], self._backOfPoints[edges.ends]
        which = _mayHide(ends, endsMm, limitMm)
        ends, endsMm, triangles = ends[which], endsMm[which], edges.triangles[which]
        below = numpy.zeros(len(self._normals), bool)
        below[triangles] = True
        near = self._fine
        if not self._isSmall:
            # Below an edge are the triangles that reach from one side of it to the other.
            near = near.kept(anyCorner(below[self._nearest], near.triangles) & ~allAlike(self._nearest, near.triangles))
        distances = Distance(near if len(near.triangles) else self._fine)
        places = alongEdges(ends, endsMm, distances, limitMm, self._finestMm(limitMm))
        return Places(places.points, places.distancesMm, triangles[places.owners])

    def onFine(self, limitMm, isNew=None):
        """Return :class:`Places` on edges of the fine surface, between pairs of its points; measured in the same way.

        :param isNew: edges of these points (n,) only; None for all
        """
        points, nearest, triangles = self._fine.points, self._nearest, self._fine.triangles
        if isNew is not None:
            triangles = triangles[anyCorner(isNew, triangles)]
        isNear = self._forthMm + self._reachMm * self._bendsAround()[nearest] > limitMm
        triangles = triangles[anyCorner(isNear, triangles)]
        starts, ends = triangles.reshape(-1), triangles[:, [1, 2, 0]].reshape(-1)
        # Each edge once. Between two places above one triangle nothing is farther than they are.
        which = (starts < ends) & (nearest[starts] != nearest[ends])
        edges = numpy.stack([starts[which], ends[which]], 1)
        bendMm = REACH_IN_EDGES * _lengthsMm(points[edges]) * _bends(self._normals, nearest[edges])
        edges = edges[self._forthMm[edges].max(1) + bendMm > limitMm]
        near = self._coarse
        if not self._isSmall:
            below = numpy.zeros(len(near.points), bool)
            below[near.triangles[nearest[edges]]] = True
            near = near.kept(anyCorner(below, near.triangles))
        finestMm = self._finestMm(limitMm)
        places = alongEdges(points[edges], self._forthMm[edges], Distance(near), limitMm, finestMm)
        return Places(places.points, places.distancesMm, edges[places.owners])

    def _largestMm(self, triangles):
        """Return the largest distances (n, 2) known on some coarse triangles or to them; infinite where none is."""
        wanted = numpy.zeros(len(self._normals), bool)
        wanted[triangles] = True
        forth = numpy.full(len(wanted), -numpy.inf)
        which = wanted[self._nearest]
        numpy.maximum.at(forth, self._nearest[which], self._forthMm[which])
        forth[forth < 0] = numpy.inf
        ofPoints = [self._backOfPoints[self._coarse.triangles[:, corner]] for corner in range(3)]
        return numpy.maximum.reduce([forth, self._backOfCenters, *ofPoints])[triangles]

    def _finestMm(self, limitMm):
        # Where hardly anything lies apart, steps need not be much shorter than edges.
        return max(FINEST_SHARE * limitMm, FINEST_SHARE * self._edgeMm)

    def _bendsAround(self):
        """Return for each coarse triangle (m,) how much the surface bends in it and its neighbors at the most."""
        ofPoints = numpy.zeros(len(self._coarse.points))
        bends = _bends(self._normals, self._edges.triangles)
        for end in (0, 1):
            numpy.maximum.at(ofPoints, self._edges.ends[:, end], bends)
        return ofPoints[self._coarse.triangles].max(1)


def joined(parts):
    """Return several :class:`Places` as one."""
    names = [field.name for field in dataclasses.fields(Places)]
    return Places(*(numpy.concatenate([getattr(one, name) for one in parts]) for name in names))


class Distance:
    """The exact distance (n,) in mm of points (n, 3) to a mesh, for many questions."""

    def __init__(self, mesh):
        self._mesh = mesh.points.astype(numpy.float64), mesh.triangles.astype(numpy.int64)
        self._tree = None

    def __call__(self, points):
        import igl

        if self._tree is None:
            self._tree = igl.AABB()
            self._tree.init(*self._mesh)
        squared = self._tree.squared_distance(*self._mesh, numpy.ascontiguousarray(points, numpy.float64))[0]
        return numpy.sqrt(squared).reshape(-1)


def alongEdges(ends, endsMm, distances, limitMm, finestMm):
    """Return :class:`Places` on edges, so dense that none of an edge is beyond a limit if none of its places is.

    :param ends: (n, 2, 3) mm
    :param endsMm: distances (n, 2) there, not below the true ones
    :param distances: function of points (k, 3) to their distances (k,) in mm
    :param finestMm: shorter steps are not halved: half as much beyond the limit may stay unseen
    :returns: places whose owners are the edges' indices (k,)
    """
    ends, owners = ends.astype(numpy.float64), numpy.arange(len(ends))
    isBeyond = numpy.zeros(len(ends), bool)
    found = [(numpy.zeros((0, 3)), numpy.zeros(0), owners[:0])]
    while True:
        which = _mayHide(ends, endsMm, limitMm) & (_lengthsMm(ends) > finestMm) & ~isBeyond[owners]
        if not which.any():
            return Places(*(numpy.concatenate(kind) for kind in zip(*found, strict=True)))
        ends, endsMm, owners = ends[which], endsMm[which], owners[which]
        middles = ends.mean(1)
        middlesMm = distances(middles)
        found.append((middles, middlesMm, owners))
        isBeyond[owners[middlesMm > limitMm]] = True
        ends = numpy.stack([ends[:, 0], middles, middles, ends[:, 1]], 1).reshape(-1, 2, 3)
        endsMm = numpy.stack([endsMm[:, 0], middlesMm, middlesMm, endsMm[:, 1]], 1).reshape(-1, 2)
        owners = owners.repeat(2)


def _mayHide(ends, endsMm, limitMm):
    """Tell on which edges (n, 2, 3), given the distances (n, 2) at their ends, a place may lie beyond a limit."""
    return endsMm.sum(1) + _lengthsMm(ends) > 2 * limitMm


def _lengthsMm(ends):
    ways = ends[:, 1] - ends[:, 0]
    return numpy.sqrt(numpy.einsum("ij,ij->i", ways, ways))


@dataclasses.dataclass(frozen=True, eq=False)
class _Edges:
    """Edges as pairs (n, 2) of points, and the pairs (n, 2) of triangles that share them."""

    ends: numpy.ndarray
    triangles: numpy.ndarray

    def kept(self, which):
        return _Edges(self.ends[which], self.triangles[which])


def _pairedEdges(triangles):
    """Return the :class:`_Edges` that two triangles share."""
    starts, ends = triangles.reshape(-1), triangles[:, [1, 2, 0]].reshape(-1)
    keys = numpy.minimum(starts, ends).astype(numpy.int64) << 32 | numpy.maximum(starts, ends)
    order = numpy.argsort(keys)
    same = numpy.flatnonzero(keys[order][1:] == keys[order][:-1])
    one, other = order[same], order[same + 1]
    return _Edges(numpy.stack([starts[one], ends[one]], 1), numpy.stack([one, other], 1) // 3)


def _bends(normals, pairs):
    """Return the tangents (n,) of half the angles between the normals of pairs (n, 2) of triangles."""
    cosines = numpy.einsum("ij,ij->i", normals[pairs[:, 0]], normals[pairs[:, 1]]).astype(numpy.float64)
    cosines = numpy.clip(cosines, -0.999999, 1)
    return numpy.sqrt((1 - cosines) / (1 + cosines))
