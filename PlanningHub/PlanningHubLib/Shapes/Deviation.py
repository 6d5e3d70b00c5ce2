"""How far two surfaces lie apart, measured in both directions, in mm."""

import dataclasses

import numpy
from scipy import ndimage
from scipy.spatial import cKDTree

from ..Progress import noProgress
from .Between import NOWHERE, Bends, joined
from .Fans import Fans, distancesNear
from .Mesh import cross, sumsByOwner
from .Threads import inChunks

_ALL_EXACT = 200_000
# Nothing but the surface of a mask is so large, and its triangles are even.
_ALL_SIGNED_EXACT = 600_000
# The largest distances, which decide, are exact.
EXACT_PERCENT = 0.2
# A grid that marks where something is has no more cells along an axis than these.
_MOST_CELLS = 256


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
    return nearestTriangles(points, mesh)[0]


def nearestTriangles(points, mesh):
    """Return the exact distance (n,) in mm of each point to a mesh, and which triangle (n,) is the nearest."""
    import igl

    squared, triangles, _places = igl.point_mesh_squared_distance(
        numpy.asarray(points, numpy.float64), mesh.points.astype(numpy.float64), mesh.triangles.astype(numpy.int64)
    )
    return numpy.sqrt(squared), triangles


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
    """Return what :func:`signedDistances` does; of a mesh as large as a mask's surface only the largest are exact.

    The others are measured to the triangles around the nearest point of the mesh, as :func:`distancesToFineSurface`
    does, and take the side of the triangle found. Where triangles meet sharply that may be the wrong one: there they
    are exact too.
    """
    points = numpy.asarray(points, numpy.float64)
    if len(mesh.triangles) <= _ALL_SIGNED_EXACT:
        return signedDistances(points, mesh)
    nearest = nearestPoints(points, mesh.points)
    distancesMm, triangles = Fans(mesh, nearest).distances(points, nearest)
    sides = numpy.concatenate(inChunks(lambda at: _heights(points[at], mesh, triangles[at]) >= 0, len(points)))
    unsure = (distancesMm >= numpy.percentile(distancesMm, 99)) | _meetsSharply(mesh)[triangles]
    distancesMm = numpy.where(sides, distancesMm, -distancesMm).astype(numpy.float64)
    _makeExact(distancesMm, unsure, points, mesh)
    # Of long triangles, many more are taken for far too far.
    _makeExact(distancesMm, ~unsure & (numpy.abs(distancesMm) > numpy.abs(distancesMm[unsure]).max()), points, mesh)
    return distancesMm


def _makeExact(distancesMm, unsure, points, mesh):
    """Replace some signed distances, not below the true ones, by the exact ones."""
    which = numpy.flatnonzero(unsure)
    if len(which):
        isNear = _near(points[which], numpy.abs(distancesMm[which]).max(), mesh)
        distancesMm[which] = signedDistances(points[which], mesh.kept(isNear[mesh.triangles].any(1)))


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


def distancesToFineSurface(points, mesh):
    """Return for each point its distance (n,) in mm to a fine mesh: the largest exact, the others bounded.

    A search tree of three million triangles takes seconds to build. So each point is first measured to the triangles
    around the nearest point of the mesh: never below the true distance, and hardly above where triangles are even, as
    those of a mask's surface are. The largest ``EXACT_PERCENT``, which decide, are then measured exactly, and whatever
    else was taken for larger than these are. Of a mesh that is not so large everything is exact: it may have long
    triangles.
    """
    points = numpy.asarray(points, numpy.float64)
    if len(mesh.triangles) <= _ALL_EXACT:
        return distancesToSurface(points, mesh)
    return largestExact(points, distancesAroundNearest(points, mesh), mesh)


def largestExact(points, distancesMm, mesh):
    """Return upper bounds of distances, changed in place, of which the largest are exact."""
    if not len(points):
        return distancesMm
    largest = distancesMm >= numpy.percentile(distancesMm, 100 - EXACT_PERCENT)
    distancesMm[largest] = exactNearby(points[largest], distancesMm[largest].max(), mesh)
    larger = ~largest & (distancesMm > distancesMm[largest].max())
    if larger.any():
        distancesMm[larger] = exactNearby(points[larger], distancesMm[larger].max(), mesh)
    return distancesMm


def exactNearby(points, farthestMm, mesh):
    """Return the exact distances (n,) of points of which none lies farther than that from the mesh."""
    if not len(points) or len(mesh.triangles) <= _ALL_EXACT:
        return distancesToSurface(points, mesh)
    return distancesToSurface(points, mesh.kept(_near(points, farthestMm, mesh)[mesh.triangles].any(1)))


def _near(points, farthestMm, mesh):
    """Return which points (n,) of a mesh may belong to the triangles nearest to points no farther off than that."""
    edgeMm = mesh.longestEdgeMm
    near = numpy.flatnonzero(_marked(mesh.points, points, farthestMm + edgeMm))
    nearestMm = cKDTree(mesh.points[near]).query(points, workers=-1)[0]
    reachMm = min(farthestMm, nearestMm.max()) + edgeMm
    isNear = numpy.zeros(len(mesh.points), bool)
    isNear[near] = numpy.isfinite(cKDTree(points).query(mesh.points[near], distance_upper_bound=reachMm, workers=-1)[0])
    return isNear


def _marked(points, places, reachMm):
    """Return which points (n,) lie within a reach of any of the places, and some that lie up to 3.5 times as far."""
    low, high = numpy.minimum(points.min(0), places.min(0)), numpy.maximum(points.max(0), places.max(0))
    cellMm = max(reachMm * 1.001, (high - low).max() / _MOST_CELLS)

    def cells(some):
        return tuple(((some - low) / cellMm).astype(numpy.int32).T)

    marks = numpy.zeros([int(size) + 1 for size in (high - low) / cellMm], bool)
    marks[cells(places)] = True
    marks = ndimage.binary_dilation(marks, numpy.ones((3, 3, 3), bool))
    return numpy.concatenate(inChunks(lambda part: marks[cells(points[part])], len(points)))


def distancesAroundNearest(points, mesh):
    """Return for each point its distance (n,) in mm to the triangles around the nearest point of a fine mesh."""
    nearest = nearestPoints(points, mesh.points)
    return distancesNear(points, mesh, nearest)[0].astype(numpy.float64)


def nearestPoints(points, others):
    """Return the index (n,) of the nearest of other points to each point."""
    tree = cKDTree(others, leafsize=32, balanced_tree=False, compact_nodes=False)
    return tree.query(points, workers=-1)[1]


def samplesOf(mesh):
    """Return all points and all triangle centers of a mesh, (n, 3) float64."""
    points = mesh.points.astype(numpy.float64)
    centers = (points[mesh.triangles[:, 0]] + points[mesh.triangles[:, 1]] + points[mesh.triangles[:, 2]]) / 3
    return numpy.concatenate([points, centers])


def areaWeights(mesh, ofPoints=1 / 12, ofCenters=3 / 4):
    """Return the area (n,) that each of :func:`samplesOf` stands for, given the shares of corners and center.

    As they are, sums of samples are exact for what is quadratic on each triangle.
    """
    areas = mesh.areasMm2()
    perPoint = sumsByOwner(mesh.triangles, areas, len(mesh.points))
    return numpy.concatenate([perPoint * ofPoints, areas * ofCenters])


def weightedPercentiles(values, weights, percents):
    """Return the values below which the given percents of the whole weight lie."""
    order = values.argsort()
    share = numpy.cumsum(weights[order])
    places = numpy.searchsorted(share, numpy.asarray(percents) / 100 * share[-1])
    return values[order][numpy.minimum(places, len(values) - 1)]


def measured(fine, coarse, nearby=None, progress=noProgress):
    """Return the :class:`Deviation` between a fine surface and what was made of it.

    From all points of the fine mesh (their spacing is the voxels'), from all points and triangle centers of the coarse
    mesh, and from edges of both where these may lie farther off than any of them (see :mod:`.Between`).

    :param nearby: for each point of the fine mesh, a point (n,) of the coarse one near it, where that is known
    """
    forth, nearest, back = _bothWays(fine, coarse, nearby, progress)
    split = len(coarse.points)
    bends = Bends(fine, coarse, forth, nearest, back[:split], back[split:])
    onEdges = _farthestOnEdges(bends, fine, max(forth.max(), back.max()))
    return deviationOf(fine, coarse, forth, back, onEdges)


def _bothWays(fine, coarse, nearby, progress):
    """Return the distances in mm of the fine mesh's points to the coarse mesh, the triangles (n,) measured to, and the
    distances of the coarse one's samples back, as :func:`samplesOf` has them.

    Of large meshes the largest ``EXACT_PERCENT`` are exact, the others are as far as triangles near by: never less than
    the true distance, and in the mean micrometers more.
    """
    if len(fine.triangles) <= _ALL_EXACT:
        return *nearestTriangles(fine.points, coarse), distancesToSurface(samplesOf(coarse), fine)
    if nearby is None:
        nearby = nearestPoints(fine.points, coarse.points)
    forth, triangles = Fans(coarse).distances(fine.points, nearby)
    progress(0.5, "Measuring the deviation")
    back = distancesBack(fine, coarse, nearby, triangles)
    missing = numpy.flatnonzero(triangles < 0)
    if len(missing):
        triangles[missing] = nearestTriangles(fine.points[missing], coarse)[1]
    return largestExact(fine.points, forth, coarse), triangles, back


def _farthestOnEdges(bends, fine, limitMm):
    """Return :class:`.Between.Places` on edges beyond a limit, the farthest of all among them."""
    found = [NOWHERE]
    while True:
        onCoarse, onFine = (
            one.kept(one.distancesMm > limitMm) for one in (bends.onCoarse(limitMm), bends.onFine(limitMm))
        )
        if len(onCoarse.points):
            exactMm = exactNearby(onCoarse.points, onCoarse.distancesMm.max(), fine)
            onCoarse = dataclasses.replace(onCoarse, distancesMm=exactMm)
        found += [onCoarse, onFine]
        farthestMm = max(one.distancesMm.max(initial=limitMm) for one in found)
        if farthestMm <= limitMm:
            return joined(found)
        limitMm = farthestMm


def distancesBack(fine, coarse, nearby, triangles):
    """Return the distances of the coarse mesh's samples to the fine mesh, as :func:`measured` describes.

    :param nearby: for each point of the fine mesh, a point (n,) of the coarse one near it
    :param triangles: and a triangle (n,) near it, or -1
    """
    samples = samplesOf(coarse)
    if len(fine.triangles) <= _ALL_EXACT:
        return distancesToSurface(samples, fine)
    starts = nearSamples(fine.points, coarse, nearby, triangles)
    missing = numpy.flatnonzero(starts < 0)
    if len(missing):
        starts[missing] = nearestPoints(samples[missing], fine.points)
    return largestExact(samples, distancesNear(samples, fine, starts)[0], fine)


def nearSamples(points, coarse, nearby, triangles):
    """Return for each of :func:`samplesOf` a coarse mesh the index of one of the fine points near it, or -1.

    :param points: (n, 3); other parameters as for :func:`distancesBack`
    """
    samples, count = samplesOf(coarse), len(coarse.points)
    ofPoints = _nearestOf(points, samples[:count], nearby)
    ofCenters = _nearestOf(points, samples[count:], triangles)
    missing = numpy.flatnonzero(ofCenters < 0)
    ofCenters[missing] = ofPoints[coarse.triangles[missing, 0]]
    return numpy.concatenate([ofPoints, ofCenters])


def _nearestOf(points, places, owners):
    """Return for each place the nearest (m,) of the points (n, 3) that it owns, -1 for a place without any."""
    squared = numpy.concatenate(
        inChunks(lambda part: ((points[part] - places[owners[part]]) ** 2).sum(1), len(points))
    )  # fmt: skip
    squared[owners < 0] = numpy.inf
    least = numpy.full(len(places), numpy.inf)
    numpy.minimum.at(least, owners, squared)
    found = numpy.full(len(places), -1)
    which = numpy.flatnonzero(numpy.isfinite(squared) & (squared == least[owners]))
    found[owners[which]] = which
    return found


def deviationOf(fine, coarse, forth, back, onEdges=NOWHERE):
    """Return the :class:`Deviation` that follows from distances both ways, as :func:`measured` takes them.

    Mean and percentiles are over area, not over samples.

    :param onEdges: :class:`.Between.Places` that only the maximum may come from
    """
    samples = samplesOf(coarse)
    directions = (
        (forth, fine.points, areaWeights(fine, 1 / 3, 0)[: len(fine.points)]),
        (back, samples, areaWeights(coarse)),
    )
    means = [numpy.average(distances, weights=weights) for distances, _places, weights in directions]
    tails = [weightedPercentiles(distances, weights, (95, 99)) for distances, _places, weights in directions]
    sides = [(forth, fine.points), (back, samples), (onEdges.distancesMm, onEdges.points)]
    farthest, places = max(sides, key=lambda side: side[0].max(initial=0))
    return Deviation(
        meanMm=float(max(means)),
        p95Mm=float(max(tail[0] for tail in tails)),
        p99Mm=float(max(tail[1] for tail in tails)),
        maximumMm=float(farthest.max()),
        maximumAtMm=tuple(float(value) for value in places[farthest.argmax()]),
        samples=sum(len(distances) for distances, _places in sides),
    )
