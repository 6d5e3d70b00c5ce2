"""A triangle mesh as two arrays, in millimetres: RAS inside Slicer, LPS in what leaves."""

import dataclasses

import numpy
import vtk
from vtk.util import numpy_support

MM3_PER_ML = 1000.0


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

    @property
    def boundsMm(self):
        """The lowest and the highest coordinates, as two lists."""
        return [[round(float(value), 3) for value in ends] for ends in (self.points.min(0), self.points.max(0))]

    def kept(self, which):
        """Return the mesh of some of the triangles, with the points that they use.

        :param which: boolean array (m,)
        """
        triangles = self.triangles[which]
        used = numpy.zeros(len(self.points), bool)
        used[triangles.reshape(-1)] = True
        newIndex = numpy.cumsum(used, dtype=numpy.int32) - 1
        return Mesh(self.points[used], newIndex[triangles])

    def normals(self):
        """Return the triangles' unit normals (m, 3) float32; zero for a triangle without area."""
        crosses = _crosses(self)
        lengths = numpy.linalg.norm(crosses, axis=1, keepdims=True)
        return (crosses / numpy.where(lengths > 0, lengths, 1)).astype(numpy.float32)

    def areasMm2(self):
        """Return the triangles' areas (m,)."""
        return numpy.linalg.norm(_crosses(self), axis=1) / 2


def _crosses(mesh):
    first, second, third = (mesh.points[mesh.triangles[:, corner]].astype(numpy.float64) for corner in range(3))
    return numpy.cross(second - first, third - first)


def signedVolumesMm3(mesh):
    """Return each triangle's share (m,) of the enclosed volume (divergence theorem)."""
    center = mesh.points.mean(0) if len(mesh.points) else 0
    # Near the origin, single precision keeps its digits.
    points = mesh.points - center
    first, second, third = (points[mesh.triangles[:, corner]] for corner in range(3))
    return numpy.einsum("ij,ij->i", first, numpy.cross(second, third), dtype=numpy.float64) / 6


def weldedIndex(points):
    """Return a number (n,) for each point that points of exactly equal coordinates share."""
    return _uniqueRows(points)[1]


def welded(points, triangles):
    """Return (points, triangles) in which points of exactly equal coordinates are one point.

    :param points: array (n, 3) of float32 or float64
    """
    first, index = _uniqueRows(points)
    return points[first], index.astype(numpy.int32)[triangles]


def _uniqueRows(points):
    points = numpy.ascontiguousarray(points) + 0  # -0.0 and 0.0 are one coordinate
    rows = points.view(numpy.dtype((numpy.void, points.dtype.itemsize * 3))).reshape(-1)
    return numpy.unique(rows, return_index=True, return_inverse=True)[1:]
