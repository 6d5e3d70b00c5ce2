"""How far two surfaces lie apart, measured in both directions, in mm."""

import dataclasses

import numpy
from scipy.spatial import cKDTree

from ..Progress import noProgress
from .Between import Side, farthestOnEdges
from .Mesh import anyCorner, cross, sumsByOwner
from .Search import TriangleSearch, nearestOf
from .Threads import inChunks

# Of surfaces of more triangles not all distances are exact, only the largest, which decide.
_ALL_EXACT = 200_000
_EXACT_SHARE = 0.002
# So many distances take longer to measure than to find out which triangles meet sharply.
_ALL_SIGNED_EXACT = 600_000


@dataclasses.dataclass(frozen=True)
class Deviation:
    """Unsigned surface distance, each figure the larger of the two directions; the place in the meshes' frame.

    The maximum is exact for the places measured; of large surfaces, mean and percentiles may be micrometers too large,
    never too small.
    """

    meanMm: float
    p95Mm: float
    p99Mm: float
    maximumMm: float
    maximumAtMm: tuple
    samples: int

    def asFacts(self):
        """Return the figures, rounded to a micrometre, for an artefact's facts."""
        facts = {name: round(getattr(self, name), 3) for name in ("meanMm", "p95Mm", "p99Mm", "maximumMm")}
        return {**facts, "maximumAtMm": [round(value, 2) for value in self.maximumAtMm], "samples": self.samples}


def distancesToSurface(points, mesh):
    """Return the exact distance (n,) in mm of each point to the nearest triangle of a mesh."""
    import igl

    squared = igl.point_mesh_squared_distance(
        numpy.asarray(points, numpy.float64), mesh.points.astype(numpy.float64), mesh.triangles.astype(numpy.int64)
    )[0]
    return numpy.sqrt(squared)


def signedDistances(points, mesh):
    """Return the exact distance (n,) in mm of each point to the surface of a solid: negative inside, positive outside.

    The sign is that of the angle-weighted pseudonormal at the nearest place (Baerentzen and Aanaes 2005), which is
    right for a closed surface that does not cut itself.
    """
    import igl

    return igl.signed_distance(
        numpy.asarray(points, numpy.float64),
        mesh.points.astype(numpy.float64),
        mesh.triangles.astype(numpy.int64),
        igl.SIGNED_DISTANCE_TYPE_PSEUDONORMAL,
    )[0]


def signedDistancesOfMany(points, mesh):
    """Return what :func:`signedDistances` does, in less time for a mesh as large as a mask's surface.

    Most points take the side of the triangle found. Where triangles meet sharply that may be the wrong one: there the
    pseudonormal decides.
    """
    points = numpy.asarray(points, numpy.float64)
    if len(mesh.triangles) <= _ALL_SIGNED_EXACT:
        return signedDistances(points, mesh)
    distancesMm, triangles = TriangleSearch(mesh).distances(points)
    sides = numpy.concatenate(inChunks(lambda at: _heights(points[at], mesh, triangles[at]) >= 0, len(points)))
    distancesMm = numpy.where(sides, distancesMm, -distancesMm).astype(numpy.float64)
    unsure = numpy.flatnonzero(_meetsSharply(mesh)[triangles])
    if len(unsure):
        # The nearest triangle is among these, and all that share a corner with it.
        corners = numpy.zeros(len(mesh.points), bool)
        corners[mesh.triangles[triangles[unsure]]] = True
        distancesMm[unsure] = signedDistances(points[unsure], mesh.kept(anyCorner(corners, mesh.triangles)))
    return distancesMm


def _heights(points, mesh, triangles):
    """Return products with the normals that tell on which side of their triangles points (n, 3) lie."""
    first, second, third = (mesh.points[mesh.triangles[triangles, corner]].astype(numpy.float64) for corner in range(3))
    return numpy.einsum("ij,ij->i", points - first, cross(second - first, third - first))


def _meetsSharply(mesh):
    """Return which triangles (m,) have a corner at which triangles may meet at more than a right angle."""
    normals = mesh.normals()
    sums = sumsByOwner(mesh.triangles, normals, len(mesh.points))
    lengths = numpy.linalg.norm(sums, axis=1)
    sharp = numpy.zeros(len(mesh.points), bool)
    for corner in range(3):
        at = mesh.triangles[:, corner]
        # Normals within half a right angle of their mean are within a right angle of each other.
        apart = numpy.einsum("ij,ij->i", normals, sums[at]) < numpy.sqrt(0.5) * lengths[at]
        sharp[at[apart]] = True
    return sharp[mesh.triangles].any(1)


def nearestPoints(points, others):
    """Return the index (n,) of the nearest of other points to each point."""
    tree = cKDTree(others, leafsize=32, balanced_tree=False, compact_nodes=False)
    return tree.query(points, workers=-1)[1]


def samplesOf(mesh):
    """Return all points and all triangle centers of a mesh, (n, 3) float64."""
    points = mesh.points.astype(numpy.float64)
    centers = (points[mesh.triangles[:, 0]] + points[mesh.triangles[:, 1]] + points[mesh.triangles[:, 2]]) / 3
    return numpy.concatenate([points, centers])


def areaWeights(mesh):
    """Return the area (n,) in mm² that each of :func:`samplesOf` stands for: corners 1/12 of a triangle, centers 3/4.

    With these, sums of samples are exact for what is quadratic on each triangle.
    """
    areas, perPoint = mesh.areasWithPoints()
    return numpy.concatenate([perPoint / 12, areas * 3 / 4])


def pointWeights(mesh):
    """Return the area (n,) in mm² that each point of a mesh stands for."""
    return mesh.areasWithPoints()[1] / 3


def weightedPercentiles(values, weights, percents):
    """Return the values below which the given percents of the whole weight lie; too large by up to 1/65 536 of the
    largest value, to sort nothing.

    :param values: (n,) none below zero
    """
    step = max(float(values.max()), 1e-9) / 65536
    share = numpy.cumsum(numpy.bincount(numpy.ceil(values / step).astype(numpy.int32), weights))
    return numpy.searchsorted(share, numpy.asarray(percents) / 100 * share[-1]) * step


def measured(fine, coarse, nearby=None, progress=noProgress, search=None):
    """Return the :class:`Deviation` between a fine surface and what was made of it.

    From all points of the fine mesh (their spacing is the voxels'), from all points and triangle centers of the coarse
    mesh, and from edges of both where these may lie farther off than any of them (see :mod:`.Between`). Mean and
    percentiles are over area, not over samples.

    :param nearby: for each point of the fine mesh, a point (n,) of the coarse one near it, where that is known
    :param search: :class:`.Search.TriangleSearch` of the fine mesh, where there is one
    """
    nearby = nearestPoints(fine.points, coarse.points) if nearby is None else nearby
    isExact = len(fine.triangles) <= _ALL_EXACT
    forth = _side(fine.points, TriangleSearch(coarse, forMany=not isExact), nearby, isExact)
    progress(0.5, "Measuring the deviation")
    samples = samplesOf(coarse)
    starts = nearSamples(samples, fine.points, coarse, nearby, forth.measuredTo)
    back = _side(samples, search or TriangleSearch(fine), starts, isExact)
    farthestMm, places = max(
        ((one.distancesMm, places) for one, places in ((forth, fine.points), (back, samples))),
        key=lambda one: one[0].max(),
    )
    place = places[farthestMm.argmax()]
    maximumMm, onEdge = farthestOnEdges(fine, coarse, forth, back, float(farthestMm.max()))
    figures = [
        (one.distancesMm, weights)
        for one, weights in ((forth, pointWeights(fine)), (back, areaWeights(coarse)))
    ]
    tails = [weightedPercentiles(distancesMm, weights, (95, 99)) for distancesMm, weights in figures]
    return Deviation(
        meanMm=float(max(numpy.average(distancesMm, weights=weights) for distancesMm, weights in figures)),
        p95Mm=float(max(tail[0] for tail in tails)),
        p99Mm=float(max(tail[1] for tail in tails)),
        maximumMm=maximumMm,
        maximumAtMm=tuple(float(value) for value in (place if onEdge is None else onEdge)),
        samples=len(fine.points) + len(samples),
    )


def _side(places, search, hints, isExact):
    """Return the :class:`.Between.Side` of places (n, 3): of many, only the largest distances are exact."""
    distancesMm, measuredTo = search.distances(places, hints, 0.0 if isExact else numpy.inf)
    if not isExact:
        # Those that were taken for the farthest, then what else was taken for farther than they are.
        least = float(numpy.quantile(distancesMm, 1 - _EXACT_SHARE))
        for _look in range(2):
            which = numpy.flatnonzero(distancesMm > least)
            distancesMm[which], measuredTo[which] = search.distances(places[which], hints[which])
            least = float(distancesMm[which].max(initial=0))
    return Side(search, distancesMm, measuredTo)


def nearSamples(samples, points, coarse, nearby, triangles, wanted=None):
    """Return for each of :func:`samplesOf` a coarse mesh the index of one of some points (n, 3) near it, or -1.

    :param nearby: (n,) the coarse mesh's point near each of the points, and ``triangles`` (n,) its triangle
    :param wanted: only these samples, -1 for others; None for all
    """
    count = len(coarse.points)
    wanted = numpy.ones(len(samples), bool) if wanted is None else wanted
    ofPoints = nearestOf(samples[:count], nearby, points, wanted[:count])
    ofCenters = nearestOf(samples[count:], triangles, points, wanted[count:])
    return numpy.concatenate([ofPoints, numpy.where(ofCenters < 0, ofPoints[coarse.triangles[:, 0]], ofCenters)])
