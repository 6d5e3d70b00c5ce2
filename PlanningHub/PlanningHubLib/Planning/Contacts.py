"""How two solids lie to each other: what they share, how deep, and how near they come. RAS mm."""

import dataclasses

import numpy
from scipy.spatial import cKDTree

from ..Shapes.Manifolds import fromManifold
from ..Shapes.Mesh import MM3_PER_ML
from .Solids import nearestOn, signedDistancesMm

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
    few, many = sorted((one, other), key=lambda mesh: len(mesh.points))
    apartMm = cKDTree(many.points).query(few.points, workers=-1)[0]
    # The nearest point of one has a corner of the other's nearest triangle within the length of an edge.
    ofFew = few.points[apartMm <= apartMm.min() + many.longestEdgeMm]
    ofMany = _within(many.points, few, float(apartMm.min()) + few.longestEdgeMm)
    found = []
    for mesh, points in ((many, ofFew), (few, ofMany)):
        distancesMm, nearest, _normals = nearestOn(mesh, points)
        best = abs(distancesMm).argmin()
        found.append((float(abs(distancesMm[best])), (nearest[best] + points[best]) / 2))
    upperMm, middle = min(found, key=lambda one: one[0])
    # Two edges may come nearer to each other than any corner comes to a triangle.
    gapMm = oneManifold.min_gap(otherManifold, upperMm * 1.001 + 1e-6)
    return min(upperMm, gapMm), middle


def _within(points, mesh, reachMm):
    """Return those points (n, 3) that lie within a reach of a mesh's points."""
    # Of points far away, a search tree looks at all it has.
    boxed = ((points >= mesh.points.min(0) - reachMm) & (points <= mesh.points.max(0) + reachMm)).all(1)
    near = cKDTree(mesh.points).query(points[boxed], distance_upper_bound=reachMm * 1.001, workers=-1)[0]
    return points[boxed][numpy.isfinite(near)]
