"""How two solids lie to each other: what they share, how deep, and how near they come. RAS mm."""

import dataclasses

import numpy
from scipy.spatial import cKDTree

from ..Shapes.Deviation import longestEdgeMm
from ..Shapes.Manifolds import fromManifold
from ..Shapes.Mesh import MM3_PER_ML
from .Solids import nearestPoints, signedDistancesMm

# The surface of what two solids share is measured at points this far apart, or a fortieth of its size.
SAMPLE_MM, SAMPLES_ACROSS = 0.5, 40
# Below a touch of single precision: no overlap.
TOUCH_MM3 = 1e-3


@dataclasses.dataclass(frozen=True)
class Contact:
    """Volume shared, ml; the depth of its deepest point below the nearer surface; the gap and a point at it, RAS."""

    overlapMl: float
    depthMm: float
    depthAtRas: object
    gapMm: float
    gapAtRas: object


def contactOf(one, other, oneManifold, otherManifold):
    """Return the :class:`Contact` of two closed meshes, given with their manifolds.

    The gap is exact. The depth is measured at points of the shared surface: how far the deepest one of one solid's
    surface lies inside the other; too small by no more than the half distance of the points.
    """
    overlap = oneManifold ^ otherManifold
    if not overlap.is_empty() and overlap.volume() > TOUCH_MM3:
        depthMm, at = _depth(overlap, one, other)
        return Contact(overlap.volume() / MM3_PER_ML, depthMm, at, 0.0, at)
    gapMm, at = _gap(one, other, oneManifold, otherManifold)
    return Contact(0.0, 0.0, None, gapMm, at)


def _depth(overlap, one, other):
    low, high = numpy.array(overlap.bounding_box()).reshape(2, 3)
    spacingMm = max(SAMPLE_MM, float((high - low).max()) / SAMPLES_ACROSS)
    points = fromManifold(overlap.refine_to_length(spacingMm)).points
    insideMm = numpy.maximum(-signedDistancesMm(one, points), -signedDistancesMm(other, points))
    deepest = int(insideMm.argmax())
    return float(max(insideMm[deepest], 0.0)), points[deepest].astype(float)


def _gap(one, other, oneManifold, otherManifold):
    """Return the smallest distance and the middle between two points that have it."""
    middles, distancesMm = [], []
    for mesh, points in ((one, other.points), (other, one.points)):
        near = _nearOnes(points, mesh)
        nearest = nearestPoints(mesh, near)[0]
        waysMm = numpy.linalg.norm(nearest - near, axis=1)
        middles.append((nearest + near)[waysMm.argmin()] / 2)
        distancesMm.append(float(waysMm.min()))
    upperMm = min(distancesMm)
    # Two edges may come nearer to each other than any corner comes to a triangle.
    gapMm = oneManifold.min_gap(otherManifold, upperMm * 1.001 + 1e-6)
    return min(upperMm, gapMm), middles[distancesMm.index(upperMm)]


def _nearOnes(points, mesh):
    """Return those points (n, 3) of which one is the nearest to a mesh."""
    distancesMm = cKDTree(mesh.points).query(points, workers=-1)[0]
    return points[distancesMm <= distancesMm.min() + longestEdgeMm(mesh)]
