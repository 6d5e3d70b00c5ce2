"""The triangles around each point of a mesh, and how far other points lie above these: fast, never too small."""

import numpy
from scipy.sparse import csr_matrix

from .Mesh import cross
from .Threads import inChunks

# How many times a point beside a whole fan is taken to the fan that it is nearer to.
_FURTHER = 3
# Which points, in percent, are worth a second look.
_FARTHEST_PERCENT = 3


class Fans:
    """The fan of triangles around points of a mesh, laid out for many questions.

    :param which: index of the points (in any order, also repeatedly) whose fans are wanted; None for all
    """

    def __init__(self, mesh, which=None):
        self._mesh = mesh
        corners, numbers = mesh.triangles.reshape(-1), None
        if which is not None:
            wanted = numpy.zeros(len(mesh.points), bool)
            wanted[which] = True
            numbers = numpy.flatnonzero(wanted[corners]).astype(numpy.int32)
            corners = corners[numbers]
        order, self._starts = _byPoint(corners, len(mesh.points))
        self._corners = order if numbers is None else numbers[order]
        self._frames = None

    def distances(self, points, nearby):
        """Return the distance (n,) of each point to the fan of a point near it, and the triangle (n,) it is from.

        Only this fan is looked at: the distance is never below the true one to the mesh, and hardly above where the
        fan is right below the point. A point whose fan is empty has the triangle -1 and the distance to its center.

        :param points: (n, 3) in mm
        :param nearby: (n,) index of a point of the mesh near each
        """
        if self._frames is None:
            self._frames = numpy.concatenate(
                [numpy.zeros((0, 3, 3), numpy.float32), *inChunks(self._framesOf, len(self._corners))]
            )
        found = inChunks(lambda part: self._distances(points[part], nearby[part]), len(points))
        found.append((numpy.zeros(0, numpy.float32), numpy.zeros(0, numpy.int32)))
        return tuple(numpy.concatenate(kind) for kind in zip(*found, strict=True))

    def _framesOf(self, part):
        """Return for each corner the rows whose products with an offset are its two coordinates and the height."""
        corner = self._corners[part]
        triangles, first = self._mesh.triangles[corner // 3], corner % 3
        rows = numpy.arange(len(corner))
        points = self._mesh.points
        origin = points[triangles[rows, first]].astype(numpy.float64)
        one = points[triangles[rows, (first + 1) % 3]] - origin
        other = points[triangles[rows, (first + 2) % 3]] - origin
        normal = cross(one, other)
        squared = numpy.einsum("ij,ij->i", normal, normal)[:, None]
        with numpy.errstate(divide="ignore", invalid="ignore"):
            # A triangle without area gives no numbers, and nothing lies above it.
            frames = [cross(other, normal) / squared, cross(normal, one) / squared, normal / numpy.sqrt(squared)]
        return numpy.stack(frames, 1).astype(numpy.float32)

    def _distances(self, points, nearby, further=_FURTHER):
        offsets = (points - self._mesh.points[nearby]).astype(numpy.float32)
        distancesMm = numpy.sqrt(numpy.einsum("ij,ij->i", offsets, offsets))
        found = numpy.full(len(points), -1, numpy.int32)
        place, ends = self._starts[nearby].copy(), self._starts[nearby + 1]
        beside = numpy.flatnonzero(place < ends)
        while len(beside):
            at = place[beside]
            along, across, height = numpy.einsum("nij,nj->in", self._frames[at], offsets[beside])
            above = (along >= 0) & (across >= 0) & (along + across <= 1)
            distancesMm[beside[above]] = numpy.abs(height[above])
            found[beside[above]] = self._corners[at[above]] // 3
            beside = beside[~above]
            place[beside] += 1
            beside = beside[place[beside] < ends[beside]]
        left = numpy.flatnonzero((found < 0) & (self._starts[nearby] < ends))
        if len(left):
            distancesMm[left], found[left] = self._besideAll(points[left], nearby[left])
            if further:
                self._further(points, nearby, left, distancesMm, found, further - 1)
        return distancesMm, found

    def _further(self, points, nearby, left, distancesMm, found, further):
        """Look at the fan around the nearest corner of the triangle found, for the points left; keep what is nearer."""
        corners = self._mesh.triangles[found[left]]
        offsets = self._mesh.points[corners] - points[left, None]
        nearest = corners[numpy.arange(len(left)), numpy.einsum("nij,nij->ni", offsets, offsets).argmin(1)]
        moved = nearest != nearby[left]
        left, nearest = left[moved], nearest[moved]
        newMm, newFound = self._distances(points[left], nearest, further)
        nearer = (newMm < distancesMm[left]) & (newFound >= 0)
        distancesMm[left[nearer]], found[left[nearer]] = newMm[nearer], newFound[nearer]

    def _besideAll(self, points, nearby):
        """Return the distance to the nearest edge or triangle of the fan, and the triangle."""
        counts = self._starts[nearby + 1] - self._starts[nearby]
        ends = numpy.cumsum(counts)
        owner = numpy.repeat(numpy.arange(len(points)), counts)
        triangles = self._corners[numpy.arange(ends[-1]) + (self._starts[nearby] - ends + counts)[owner]] // 3
        squared = squaredDistances(points[owner], self._mesh.points, self._mesh.triangles[triangles])
        nearest = numpy.minimum.reduceat(squared, ends - counts)
        found = numpy.empty(len(points), numpy.int32)
        which = squared == nearest[owner]
        found[owner[which]] = triangles[which]
        return numpy.sqrt(nearest), found


def distancesNear(points, mesh, nearby):
    """Return what :meth:`Fans.distances` gives, without the fans of other points than these; for large meshes."""
    distancesMm, found = Fans(mesh, nearby).distances(points, nearby)
    if not len(points):
        return distancesMm, found
    for _look in range(_FURTHER):
        far = numpy.flatnonzero(distancesMm >= numpy.percentile(distancesMm, 100 - _FARTHEST_PERCENT))
        corners = mesh.triangles[found[far]]
        offsets = mesh.points[corners] - points[far, None]
        nearest = corners[numpy.arange(len(far)), numpy.einsum("nij,nij->ni", offsets, offsets).argmin(1)]
        newMm, newFound = Fans(mesh, nearest).distances(points[far], nearest)
        nearer = newMm < distancesMm[far]
        distancesMm[far[nearer]], found[far[nearer]] = newMm[nearer], newFound[nearer]
    return distancesMm, found


def squaredDistances(points, meshPoints, triangles):
    """Return the squared distance (n,) of each point (n, 3) to its own triangle (n, 3)."""
    first, second, third = (meshPoints[triangles[:, corner]].astype(numpy.float64) for corner in range(3))
    normal = cross(second - first, third - first)
    normalSquared = numpy.einsum("ij,ij->i", normal, normal)
    squared = numpy.full(len(points), numpy.inf)
    inside = normalSquared > 0
    for start, end in ((first, second), (second, third), (third, first)):
        edge, offset = end - start, points - start
        length = numpy.einsum("ij,ij->i", edge, edge)
        along = numpy.einsum("ij,ij->i", offset, edge) / numpy.where(length > 0, length, 1)
        toEdge = offset - numpy.clip(along, 0, 1)[:, None] * edge
        squared = numpy.minimum(squared, numpy.einsum("ij,ij->i", toEdge, toEdge))
        inside &= numpy.einsum("ij,ij->i", cross(edge, offset), normal) >= 0
    height = numpy.einsum("ij,ij->i", points - first, normal)
    toPlane = height * height / numpy.where(normalSquared > 0, normalSquared, 1)
    return numpy.where(inside, toPlane, squared)


def _byPoint(corners, pointCount):
    """Return the numbers of the corners sorted by the points that they stand on, and where each point's begin."""
    # Turning a sparse matrix around is a counting sort.
    ones = csr_matrix(
        (numpy.ones(len(corners), numpy.int8), corners, numpy.arange(len(corners) + 1)), (len(corners), pointCount)
    )
    turned = ones.tocsc()
    return turned.indices, turned.indptr
