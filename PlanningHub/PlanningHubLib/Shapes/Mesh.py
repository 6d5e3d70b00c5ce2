"""A triangle mesh as two arrays, in millimetres: RAS inside Slicer, LPS in what leaves."""

import dataclasses
import functools

import numpy
import vtk
from vtk.util import numpy_support

from .MeshLoops import addToOwners, areasOf, haveCorner, longestSquared, markCorners, renumbered, volumesOf
from .RowLoops import anyTwice, inOrder, numberedRows, orderOfRows
from .Threads import inChunks

MM3_PER_ML = 1000.0
# Triangles of one call of a loop: of fewer another thread would take longer to start.
_AT_ONCE = 250_000


@dataclasses.dataclass(frozen=True, eq=False)
class Mesh:
    """Points (n, 3) float32 in mm, and triangles (m, 3) int32, counter-clockwise seen from outside."""

    points: numpy.ndarray
    triangles: numpy.ndarray

    @classmethod
    def fromArrays(cls, points, triangles):
        """Return a mesh of any arrays of these shapes."""
        return cls(
            numpy.ascontiguousarray(points, numpy.float32).reshape(-1, 3),
            numpy.ascontiguousarray(triangles, numpy.int32).reshape(-1, 3),
        )

    @classmethod
    def fromPolyData(cls, polyData):
        """Return the triangles of a vtkPolyData, in its own frame; it must hold triangles only."""
        if polyData.GetNumberOfPolys() == 0:
            return cls.fromArrays(numpy.zeros((0, 3)), numpy.zeros((0, 3)))
        points = numpy_support.vtk_to_numpy(polyData.GetPoints().GetData())
        return cls.fromArrays(points, numpy_support.vtk_to_numpy(polyData.GetPolys().GetConnectivityArray()))

    def toPolyData(self):
        """Return a vtkPolyData with its own copy of the arrays."""
        points = vtk.vtkPoints()
        points.SetData(numpy_support.numpy_to_vtk(self.points, deep=True))
        cells = vtk.vtkCellArray()
        connectivity = self.triangles.astype(numpy.int64).reshape(-1)
        cells.SetData(3, numpy_support.numpy_to_vtk(connectivity, deep=True, array_type=vtk.VTK_ID_TYPE))
        polyData = vtk.vtkPolyData()
        polyData.SetPoints(points)
        polyData.SetPolys(cells)
        return polyData

    def rasLpsSwapped(self):
        """Return a RAS mesh in LPS, or an LPS mesh in RAS: half a turn about the long axis."""
        return Mesh(self.points * numpy.array([-1, -1, 1], numpy.float32), self.triangles)

    @property
    def volumeMl(self):
        """The enclosed volume; negative where the triangles face inwards."""
        return float(signedVolumesMm3(self).sum()) / MM3_PER_ML

    @functools.cached_property
    def longestEdgeMm(self):
        """The length of the longest edge."""
        longest = inChunks(lambda part: longestSquared(self.points, self.triangles[part]), len(self.triangles))
        return float(numpy.sqrt(max(longest, default=0.0)))

    @functools.cached_property
    def meanEdgeMm(self):
        """The length of the edges if all triangles were alike and even, as those of a mask's surface are; some tell."""
        some = Mesh(self.points, self.triangles[:: max(1, len(self.triangles) // 50_000)])
        return float(numpy.sqrt(some.areasMm2().mean() * 4 / numpy.sqrt(3))) if len(self.triangles) else 0.0

    @functools.cached_property
    def extent(self):
        """The lowest and the highest coordinates (2, 3), float32."""
        # Axis by axis: along so short rows numpy takes ten times as long.
        axes = [self.points[:, axis] for axis in range(3)]
        return numpy.array([[axis.min() for axis in axes], [axis.max() for axis in axes]])

    @property
    def boundsMm(self):
        """The lowest and the highest coordinates, as two lists."""
        return [[round(float(value), 3) for value in ends] for ends in self.extent]

    def kept(self, which):
        """Return the mesh of some of the triangles, with the points that they use.

        :param which: boolean array (m,)
        """
        used, triangles = self.used(which)
        return Mesh(self.points.take(used, 0), triangles)

    def used(self, which):
        """Return the indices of the points that some of the triangles use, and these triangles by place in them.

        :param which: boolean array (m,)
        """
        isUsed = numpy.zeros(len(self.points), bool)
        markCorners(self.triangles, which, isUsed)
        triangles = numpy.empty((numpy.count_nonzero(which), 3), numpy.int32)
        renumbered(self.triangles, which, numpy.cumsum(isUsed, dtype=numpy.int32) - numpy.int32(1), triangles)
        return numpy.flatnonzero(isUsed), triangles

    def normals(self):
        """Return the triangles' unit normals (m, 3) float32; zero for a triangle without area."""

        def units(part):
            crosses = self.crosses(part)
            lengths = numpy.sqrt(numpy.einsum("ij,ij->i", crosses, crosses))[:, None]
            return (crosses / numpy.where(lengths > 0, lengths, 1)).astype(numpy.float32)

        return numpy.concatenate([numpy.zeros((0, 3), numpy.float32), *inChunks(units, len(self.triangles))])

    def areasMm2(self):
        """Return the triangles' areas (m,)."""
        return _ofEach(self, areasOf)

    def areasWithPoints(self):
        """Return the triangles' areas (m,) in mm², and the sums (n,) of those around each point."""
        areas = self.areasMm2()
        return areas, sumsByOwner(self.triangles, areas, len(self.points))

    def crosses(self, part, kind=numpy.float64):
        """Return normals (m, 3) twice as long as the areas of some of the triangles.

        :param part: slice of the triangles
        """
        corners = numpy.ascontiguousarray(self.triangles[part].T)
        one, other = [], []
        # Axis by axis: rows of three take twice as long.
        for axis in range(3):
            first, second, third = (self.points[:, axis][corner].astype(kind) for corner in corners)
            one.append(second - first)
            other.append(third - first)
        result = numpy.empty((len(corners[0]), 3), kind)
        for axis, (first, second) in enumerate(((1, 2), (2, 0), (0, 1))):
            numpy.subtract(one[first] * other[second], one[second] * other[first], out=result[:, axis])
        return result


def cross(one, other):
    """Return the cross products of the rows of two arrays (n, 3); numpy's own take three times as long."""
    result = numpy.empty_like(one)
    for axis, (first, second) in enumerate(((1, 2), (2, 0), (0, 1))):
        result[:, axis] = one[:, first] * other[:, second] - one[:, second] * other[:, first]
    return result


def anyCorner(which, triangles):
    """Return which triangles (m,) have at least one of some points for a corner.

    :param which: boolean array (n,) of the points
    """
    found = numpy.empty(len(triangles), bool)
    inChunks(lambda part: haveCorner(triangles[part], which, found[part]), len(triangles), _AT_ONCE)
    return found


def sumsByOwner(owners, values, count):
    """Return the sum (count,) or (count, k) of the values, (m,) or (m, k), that belong to each owner.

    :param owners: (m,) or, where a value belongs to several, (m, j)
    """
    owners, rows = (one[:, None] if one.ndim == 1 else one for one in (owners, values))
    sums = numpy.zeros((count, rows.shape[1]), values.dtype)
    addToOwners(owners, rows, sums)
    return sums.reshape(count, *values.shape[1:])


def _ofEach(mesh, loop, *more):
    """Return what a compiled loop fills in for each triangle (m,) of a mesh."""
    values = numpy.empty(len(mesh.triangles))
    inChunks(
        lambda part: loop(mesh.points, mesh.triangles, *more, values, part.start, part.stop), len(values), _AT_ONCE
    )
    return values


def signedVolumesMm3(mesh):
    """Return each triangle's share (m,) of the enclosed volume (divergence theorem)."""
    # Near the origin the shares are small, and their sum keeps its digits.
    center = numpy.asarray(mesh.extent, float).mean(0) if len(mesh.points) else numpy.zeros(3)
    return _ofEach(mesh, volumesOf, center)


def alike(one, other):
    """Return whether two meshes are of the same triangles, whatever the order of these and of the points."""
    if one.triangles.shape != other.triangles.shape or one.points.shape != other.points.shape:
        return False
    orders = [orderOfRows(_words(mesh.points)) for mesh in (one, other)]
    if not numpy.array_equal(one.points[orders[0]], other.points[orders[1]]):
        return False
    return numpy.array_equal(inOrder(one.triangles, orders[0]), inOrder(other.triangles, orders[1]))


def hasDoubles(points):
    """Return whether some of the points (n, 3) have exactly equal coordinates."""
    return anyTwice(_words(points))


def weldedIndex(points):
    """Return a number (n,) for each point that points of exactly equal coordinates share."""
    return _uniqueRows(points)[1]


def welded(points, triangles):
    """Return (points, triangles) in which points of exactly equal coordinates are one point.

    :param points: array (n, 3) of float32 or float64
    """
    first, index = _uniqueRows(points)
    return points[first], index[triangles]


def _uniqueRows(points):
    return numberedRows(_words(points))


def _words(points):
    """Return points as rows of uint32 whose order is that of the points' bytes in memory."""
    points = numpy.ascontiguousarray(points) + 0  # -0.0 and 0.0 are one coordinate
    return points.view(numpy.uint32).byteswap().reshape(len(points), points.dtype.itemsize * 3 // 4)
