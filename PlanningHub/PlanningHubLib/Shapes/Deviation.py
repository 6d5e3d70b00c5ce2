"""How far two surfaces lie apart, measured in both directions, in mm."""

import concurrent.futures
import dataclasses
import os

import numpy
from scipy.spatial import cKDTree

from ..Progress import noProgress

_CHUNK = 50_000
_ALL_EXACT = 200_000


@dataclasses.dataclass(frozen=True)
class Deviation:
    """Unsigned surface distance, each figure the larger of the two directions; the place in the meshes' frame."""

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

    The sign is that of the angle-weighted pseudonormal at the nearest place (Baerentzen and Aanaes 2005), which is right
    for a closed surface that does not cut itself.
    """
    import igl

    return igl.signed_distance(
        numpy.asarray(points, numpy.float64),
        mesh.points.astype(numpy.float64),
        mesh.triangles.astype(numpy.int64),
        igl.SIGNED_DISTANCE_TYPE_PSEUDONORMAL,
    )[0]


def distancesToFineSurface(points, mesh):
    """Return for each point its distance (n,) in mm to a fine mesh: the largest hundredth exact, the others bounded.

    A search tree of three million triangles takes seconds to build. So each point is first measured to the triangles
    around the nearest point of the mesh: never below the true distance, and hardly above where triangles are even, as
    those of a mask's surface are. The largest hundredth, which decides, is then measured exactly, and whatever else was
    taken for larger than these are. Of a mesh that is not so large everything is exact: it may have long triangles.
    """
    points = numpy.asarray(points, numpy.float64)
    if len(mesh.triangles) <= _ALL_EXACT:
        return distancesToSurface(points, mesh)
    distancesMm = distancesAroundNearest(points, mesh)
    largest = distancesMm >= numpy.percentile(distancesMm, 99)
    distancesMm[largest] = _exactNearby(points[largest], distancesMm[largest].max(), mesh)
    larger = ~largest & (distancesMm > distancesMm[largest].max())
    if larger.any():
        distancesMm[larger] = _exactNearby(points[larger], distancesMm[larger].max(), mesh)
    return distancesMm


def _exactNearby(points, farthestMm, mesh):
    """Return the exact distances (n,) of points of which none lies farther than that from the mesh."""
    reachMm = farthestMm + longestEdgeMm(mesh)
    near = numpy.isfinite(cKDTree(points).query(mesh.points, distance_upper_bound=reachMm, workers=-1)[0])
    return distancesToSurface(points, mesh.kept(near[mesh.triangles].any(1)))


def longestEdgeMm(mesh):
    """Return the length of the longest edge of a mesh."""
    corners = [mesh.points[mesh.triangles[:, corner]] for corner in range(3)]
    return max(numpy.linalg.norm(corners[one] - corners[one - 1], axis=1).max() for one in range(3))


def distancesAroundNearest(points, mesh):
    """Return for each point its distance (n,) in mm to the triangles around the nearest point of a fine mesh."""
    tree = cKDTree(mesh.points, leafsize=32, balanced_tree=False, compact_nodes=False)
    nearest = tree.query(points, workers=-1)[1]
    triangles, starts, counts = _trianglesAround(mesh, nearest)

    def chunk(first):
        inChunk = nearest[first : first + _CHUNK]
        perPoint = counts[inChunk]
        owner = numpy.repeat(numpy.arange(len(inChunk)), perPoint)
        # Position of each pair within its own point's list of triangles.
        inList = numpy.arange(len(owner)) - numpy.repeat(numpy.cumsum(perPoint) - perPoint, perPoint)
        pair = triangles[starts[inChunk][owner] + inList]
        squared = _squaredDistances(points[first : first + _CHUNK][owner], mesh.points, mesh.triangles[pair])
        return numpy.minimum.reduceat(squared, numpy.flatnonzero(inList == 0))

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return numpy.sqrt(numpy.concatenate(list(pool.map(chunk, range(0, len(points), _CHUNK)))))


def _trianglesAround(mesh, pointIndices):
    """Return triangles sorted by point, and each point's start and count in that list; only for the given points."""
    wanted = numpy.zeros(len(mesh.points), bool)
    wanted[pointIndices] = True
    corners = mesh.triangles.reshape(-1)
    chosen = numpy.flatnonzero(wanted[corners])
    owners = corners[chosen]
    counts = numpy.bincount(owners, minlength=len(mesh.points))
    triangles = chosen[numpy.argsort(owners, kind="stable")] // 3
    return triangles, numpy.cumsum(counts) - counts, counts


def _squaredDistances(points, meshPoints, triangles):
    """Return the squared distance (n,) of each point (n, 3) to its own triangle (n, 3)."""
    first, second, third = (meshPoints[triangles[:, corner]].astype(numpy.float64) for corner in range(3))
    normal = numpy.cross(second - first, third - first)
    normalSquared = numpy.einsum("ij,ij->i", normal, normal)
    squared = numpy.full(len(points), numpy.inf)
    inside = normalSquared > 0
    for start, end in ((first, second), (second, third), (third, first)):
        edge, offset = end - start, points - start
        length = numpy.einsum("ij,ij->i", edge, edge)
        along = numpy.einsum("ij,ij->i", offset, edge) / numpy.where(length > 0, length, 1)
        toEdge = offset - numpy.clip(along, 0, 1)[:, None] * edge
        squared = numpy.minimum(squared, numpy.einsum("ij,ij->i", toEdge, toEdge))
        inside &= numpy.einsum("ij,ij->i", numpy.cross(edge, offset), normal) >= 0
    height = numpy.einsum("ij,ij->i", points - first, normal)
    toPlane = height * height / numpy.where(normalSquared > 0, normalSquared, 1)
    return numpy.where(inside, toPlane, squared)


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
    perPoint = numpy.bincount(mesh.triangles.reshape(-1), numpy.repeat(areas, 3), minlength=len(mesh.points))
    return numpy.concatenate([perPoint * ofPoints, areas * ofCenters])


def weightedPercentiles(values, weights, percents):
    """Return the values below which the given percents of the whole weight lie."""
    order = values.argsort()
    share = numpy.cumsum(weights[order])
    places = numpy.searchsorted(share, numpy.asarray(percents) / 100 * share[-1])
    return values[order][numpy.minimum(places, len(values) - 1)]


def measured(fine, coarse, fineDistances=None, progress=noProgress):
    """Return the :class:`Deviation` between a fine surface and what was made of it.

    Measured from all points of the fine mesh (their spacing is the voxels') exactly, and back from all points and all
    triangle centers of the coarse mesh as :func:`distancesToFineSurface` says. Mean and percentiles are over area, not
    over samples.

    :param fineDistances: the distances of the fine mesh's points, where they are known already
    """
    if fineDistances is None:
        fineDistances = distancesToSurface(fine.points, coarse)
    progress(0.5, "Measuring the deviation")
    samples = samplesOf(coarse)
    backDistances = distancesToFineSurface(samples, fine)
    directions = (
        (fineDistances, fine.points, areaWeights(fine, 1 / 3, 0)[: len(fine.points)]),
        (backDistances, samples, areaWeights(coarse)),
    )
    means = [numpy.average(distances, weights=weights) for distances, _places, weights in directions]
    tails = [weightedPercentiles(distances, weights, (95, 99)) for distances, _places, weights in directions]
    farthest, places, _weightsMm2 = max(directions, key=lambda direction: direction[0].max())
    return Deviation(
        meanMm=float(max(means)),
        p95Mm=float(max(tail[0] for tail in tails)),
        p99Mm=float(max(tail[1] for tail in tails)),
        maximumMm=float(farthest.max()),
        maximumAtMm=tuple(float(value) for value in places[farthest.argmax()]),
        samples=len(fineDistances) + len(backDistances),
    )
