"""Exact distances to a closed surface in RAS mm: of points, of a segment, and where a segment runs inside."""

import dataclasses
import functools
import weakref

import numpy

from ..Shapes.Deviation import samplesOf

# How close the nearest point of a segment is found; far below a voxel.
SEGMENT_TOLERANCE_MM = 0.005
_FIRST_PIECES = 64
_SEARCHES = weakref.WeakKeyDictionary()


class SurfaceSearch:
    """A closed mesh that can be asked for distances again and again: each search tree is built once, when needed.

    :param mesh: :class:`PlanningHubLib.Shapes.Mesh.Mesh`, its frame is that of all points here
    """

    def __init__(self, mesh):
        self._points = mesh.points.astype(numpy.float64)
        self._triangles = mesh.triangles.astype(numpy.int64)

    @functools.cached_property
    def _tree(self):
        import igl

        tree = igl.AABB()
        tree.init(self._points, self._triangles)
        return tree

    @functools.cached_property
    def _winding(self):
        import igl

        tree = igl.FastWindingNumberBVH()
        tree.init(self._points, self._triangles)
        return tree

    def nearest(self, points):
        """Return for points (n, 3) the distances (n,) in mm, the triangles (n,) and the places (n, 3) on the mesh."""
        squared, triangles, places = self._tree.squared_distance(self._points, self._triangles, _asPoints(points))
        return numpy.sqrt(squared), triangles.astype(int), places

    def isInside(self, points):
        """Tell for points (n, 3) whether each lies within the mesh."""
        return numpy.asarray(self._winding.winding_number(_asPoints(points))) > 0.5

    def signedMm(self, points):
        """Return the distances (n,) of points (n, 3), negative within the mesh."""
        return numpy.where(self.isInside(points), -1.0, 1.0) * self.nearest(points)[0]

    def crossings(self, start, end):
        """Return in ascending order how far from the start, in mm, the segment goes through the surface."""
        lengthMm, direction = lengthAndDirection(start, end)
        hits = self._tree.intersect_ray(self._points, self._triangles, _asPoints(start), _asPoints(direction))
        return numpy.unique([alongMm for _triangle, alongMm, _u, _v in hits[0] if 0 < alongMm < lengthMm])


def searchOf(mesh):
    """Return the :class:`SurfaceSearch` of a mesh, the same one as long as the mesh lives.

    The trees of a bone of a million triangles take seconds to build, and a plan has many screws.
    """
    if mesh not in _SEARCHES:
        _SEARCHES[mesh] = SurfaceSearch(mesh)
    return _SEARCHES[mesh]


@dataclasses.dataclass(frozen=True)
class Nearest:
    """Where a segment is nearest to a surface, or deepest in it.

    :param distanceMm: negative within
    :param alongMm: how far from the segment's start
    :param placeRas: the surface's nearest point
    """

    distanceMm: float
    alongMm: float
    placeRas: tuple


def lengthAndDirection(start, end):
    """Return the length in mm and the unit direction (3,) from one point to another."""
    difference = numpy.asarray(end, float) - numpy.asarray(start, float)
    lengthMm = float(numpy.linalg.norm(difference))
    return lengthMm, difference / lengthMm


def nearestOfSegment(search, start, end):
    """Return the :class:`Nearest` of a segment to a :class:`SurfaceSearch`, to :data:`SEGMENT_TOLERANCE_MM`.

    A distance changes by no more than one walks, so between two points it cannot fall below half of what their
    distances and the way between them leave; pieces that cannot hold the least are not divided again.
    """
    lengthMm, direction = lengthAndDirection(start, end)
    along = numpy.linspace(0, lengthMm, _FIRST_PIECES + 1)
    distancesMm = search.signedMm(start + along[:, None] * direction)
    while True:
        least = (distancesMm[:-1] + distancesMm[1:] - numpy.diff(along)) / 2
        open_ = numpy.flatnonzero(least < distancesMm.min() - SEGMENT_TOLERANCE_MM)
        if not len(open_):
            break
        middles = (along[open_] + along[open_ + 1]) / 2
        along = numpy.insert(along, open_ + 1, middles)
        distancesMm = numpy.insert(distancesMm, open_ + 1, search.signedMm(start + middles[:, None] * direction))
    best = int(distancesMm.argmin())
    place = search.nearest(start + along[best] * direction)[2][0]
    return Nearest(float(distancesMm[best]), float(along[best]), tuple(place))


def insideIntervals(search, start, end):
    """Return where a segment runs within a mesh: list of (from, to) in mm from its start."""
    lengthMm, direction = lengthAndDirection(start, end)
    bounds = numpy.concatenate([[0.0], search.crossings(start, end), [lengthMm]])
    middles = (bounds[:-1] + bounds[1:]) / 2
    inside = search.isInside(start + middles[:, None] * direction)
    return [(float(bounds[index]), float(bounds[index + 1])) for index in numpy.flatnonzero(inside)]


def nearestBetween(mesh, other):
    """Return the distance in mm between two meshes that do not overlap, and the nearest place on each.

    Measured from all points and triangle centers of each to the other: exact where the meshes are fine.
    """
    best = None
    for one, two, isTurned in ((mesh, other, False), (other, mesh, True)):
        samples = samplesOf(one)
        distancesMm, _triangles, places = searchOf(two).nearest(samples)
        index = int(distancesMm.argmin())
        if best is None or distancesMm[index] < best[0]:
            ends = (samples[index], places[index])
            best = float(distancesMm[index]), *(ends[::-1] if isTurned else ends)
    return best


def _asPoints(points):
    return numpy.ascontiguousarray(numpy.asarray(points, numpy.float64).reshape(-1, 3))
