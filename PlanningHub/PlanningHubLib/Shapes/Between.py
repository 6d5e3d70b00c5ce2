"""Distances between two surfaces where corners and centers do not show them: along edges, where the surfaces bend.

On a ridge, or over a valley, one surface may lie farther from the other than at any corner. So edges are measured too,
in steps that are halved until nothing between two places can lie beyond a limit.
"""

import dataclasses

import numpy

from . import SearchLoops
from .Threads import inChunks

# Steps are halved down to this share of the limit, or of an edge.
FINEST_SHARE = 0.02
# Edges of so many triangles at a time.
_CHUNK = 100_000


@dataclasses.dataclass(frozen=True, eq=False)
class Side:
    """How far the points of a mesh lie from another one; the centers of its triangles may follow them.

    :param search: :class:`.Search.TriangleSearch` of the other mesh
    :param distancesMm: (n,) float32, not below the true ones
    :param measuredTo: (n,) int32, the other mesh's triangles
    """

    search: object
    distancesMm: numpy.ndarray
    measuredTo: numpy.ndarray

    def beyondOnEdges(self, mesh, limitMm, wanted=None, bent=None):
        """Return the edges (k, 2) of the closed mesh, as two points, on which a place beyond a limit was found, how far
        in mm (k,) these places lie from the other mesh, and the places (k, 3).

        Up to half of ``FINEST_SHARE`` beyond the limit may stay unseen.

        :param wanted: (n,) only edges with at least one of these points; None for all
        :param bent: function of edges (k, 2) and the limit that tells on which (k,) such a place may lie; None for all
        """
        wanted = numpy.ones(len(mesh.points), bool) if wanted is None else wanted
        # Where hardly anything lies apart, steps need not be much shorter than edges.
        finestMm = FINEST_SHARE * max(float(limitMm), mesh.meanEdgeMm)

        def inPart(part):
            edges = SearchLoops.edgesOf(
                mesh.triangles[part], wanted, mesh.points, self.distancesMm, self.measuredTo, float(limitMm)
            )
            edges = edges if bent is None else edges[bent(edges, float(limitMm))]
            farthestMm, farthest = numpy.zeros(len(edges)), numpy.zeros((len(edges), 3))
            SearchLoops.alongEdges(
                edges, mesh.points, self.distancesMm, self.measuredTo, float(limitMm), finestMm,
                self.search.layout, farthestMm, farthest,
            )  # fmt: skip
            isBeyond = farthestMm > 0
            return edges[isBeyond], farthestMm[isBeyond], farthest[isBeyond]

        found = [(numpy.zeros((0, 2), numpy.int32), numpy.zeros(0), numpy.zeros((0, 3)))]
        found += inChunks(inPart, len(mesh.triangles), min(_CHUNK, len(mesh.triangles) // 8 + 1))
        return tuple(numpy.concatenate(kind) for kind in zip(*found, strict=True))


def bends(forth, back, fine):
    """Return the function ``bent`` of :meth:`Side.beyondOnEdges` for the edges of a coarse mesh.

    :param forth: :class:`Side` of the fine mesh's points, and ``back`` of the coarse one's points and centers
    """
    layout = forth.search.layout
    count, triangles = len(layout.points), layout.triangles
    largestMm = numpy.full(len(triangles), -numpy.inf, numpy.float32)
    SearchLoops.largestTo(forth.distancesMm, forth.measuredTo, largestMm)
    largestMm[largestMm < 0] = numpy.inf
    numpy.maximum(largestMm, back.distancesMm[count:], out=largestMm)
    for corner in range(3):
        numpy.maximum(largestMm, back.distancesMm[triangles[:, corner]], out=largestMm)

    def bent(edges, limitMm):
        found = numpy.empty(len(edges), bool)
        SearchLoops.isBent(edges, layout, largestMm, fine.longestEdgeMm / 2, limitMm, found)
        return found

    return bent


def farthestOnEdges(fine, coarse, forth, back, limitMm):
    """Return how far in mm the farthest place on edges of two meshes lies, beyond a limit, and this place (3,); the
    limit and None where none lies beyond.

    :param forth: :class:`Side` of the fine mesh's points, and ``back`` of the coarse one's points and centers
    """
    sides = ((fine, forth, None), (coarse, back, bends(forth, back, fine)))
    place, wanted = None, [None, None]
    while True:
        beforeMm = limitMm
        for number, (mesh, side, bent) in enumerate(sides):
            edges, farthestMm, places = side.beyondOnEdges(mesh, beforeMm, wanted[number], bent)
            wanted[number] = numpy.zeros(len(mesh.points), bool)
            wanted[number][edges] = True
            if farthestMm.max(initial=0) > limitMm:
                limitMm, place = float(farthestMm.max()), places[farthestMm.argmax()]
        if limitMm == beforeMm:
            return limitMm, place
