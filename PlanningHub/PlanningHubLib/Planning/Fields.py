"""Distances on a voxel grid about a part of a solid, and the surfaces where they have a value. All in RAS mm."""

import dataclasses

import numpy
import vtk
from vtk.util import numpy_support

from ..Shapes.Manifolds import toManifold
from ..Shapes.Mesh import Mesh
from .Solids import meshOf, nothingLeft, signedDistancesMm

# Distances are measured at every third voxel first, and then where a surface may pass.
_STEP = 3
# Points that are measured at once: more take more memory, and are no faster.
_AT_ONCE = 500_000
# A value that is a surface's own would give triangles without area.
_OFF_MM = 1e-4


@dataclasses.dataclass(frozen=True, eq=False)
class Grid:
    """Cubic voxels: ``originRas`` (3,) of the first, ``axes`` (3, 3) of the frame as rows, ``shape`` (x, y, z)."""

    originRas: numpy.ndarray
    axes: numpy.ndarray
    spacingMm: float
    shape: tuple

    @classmethod
    def about(cls, points, axes, lowMm, highMm, spacingMm):
        """Return the grid that holds points (n, 3) and, in its own frame, margins (3,) below and above them."""
        own = numpy.asarray(points, float) @ axes.T
        low, high = own.min(0) - lowMm, own.max(0) + highMm
        shape = numpy.ceil((high - low) / spacingMm / _STEP).astype(int) * _STEP + 1
        return cls(low @ axes, axes, spacingMm, tuple(shape.tolist()))

    def pointsAt(self, indices):
        """Return the RAS points (n, 3) of voxel indices (n, 3)."""
        return self.originRas + (numpy.asarray(indices) * self.spacingMm) @ self.axes

    @property
    def corners(self):
        """The RAS points (8, 3) of its corners."""
        return self.pointsAt([[x * (self.shape[0] - 1), y * (self.shape[1] - 1), z * (self.shape[2] - 1)]
                              for x in (0, 1) for y in (0, 1) for z in (0, 1)])  # fmt: skip


def distanceField(mesh, grid, levelMm, isNeeded=None):
    """Return the signed distances (x, y, z) of a grid's voxels to a closed mesh, negative inside.

    They are exact where the surface of a level may pass, and interpolated elsewhere, on the right side of the level: a
    distance changes by no more than the way.

    :param isNeeded: takes interpolated distances and by how much they may be off, and returns for which voxels
        (x, y, z) the exact one counts; all without
    """
    values = interpolated(grid, lambda points: signedDistancesMm(mesh, points))
    offMm = _STEP * grid.spacingMm * numpy.sqrt(3)
    near = abs(values - levelMm) <= offMm
    if isNeeded:
        near &= isNeeded(values, offMm)
    places = numpy.flatnonzero(near)
    for start in range(0, len(places), _AT_ONCE):
        some = numpy.unravel_index(places[start : start + _AT_ONCE], grid.shape)
        values[some] = signedDistancesMm(mesh, grid.pointsAt(numpy.stack(some, 1)))
    return values


def _mostOffMm(grid):
    """Return by how much an interpolated distance may be off at each voxel (x, y, z), zero where it is measured.

    No more than the mean of the ways to the eight corners, by the weights that these have in it: below the root of the
    mean of their squares.
    """
    squares = (numpy.arange(size) % _STEP for size in grid.shape)
    x, y, z = ((one * (_STEP - one)).astype(numpy.float32) for one in squares)
    return numpy.float32(grid.spacingMm) * numpy.sqrt(x[:, None, None] + y[:, None] + z)


def interpolated(grid, valuesAt):
    """Return values (x, y, z) of a grid's voxels, between those that a function gives for every third point."""
    coarse = numpy.stack(numpy.meshgrid(*(numpy.arange(0, size, _STEP) for size in grid.shape), indexing="ij"), -1)
    values = valuesAt(grid.pointsAt(coarse.reshape(-1, 3))).reshape(coarse.shape[:3])
    for axis in range(3):
        values = _refined(values, axis)
    return values


def _refined(values, axis):
    """Return values with ``_STEP − 1`` linearly interpolated ones between each two along an axis."""
    values = numpy.moveaxis(values, axis, 0)
    fine = numpy.empty(((len(values) - 1) * _STEP + 1, *values.shape[1:]))
    fine[::_STEP] = values
    for part in range(1, _STEP):
        fine[part::_STEP] = ((_STEP - part) * values[:-1] + part * values[1:]) / _STEP
    return numpy.moveaxis(fine, 0, axis)


def surfaceOf(values, grid, levelMm=0.0):
    """Return the mesh about the voxels whose values (x, y, z) are below a level; closed at the grid's border."""
    values = numpy.where(abs(values - levelMm) < _OFF_MM, levelMm + _OFF_MM, values)
    padded = numpy.pad(values, 1, constant_values=levelMm + grid.spacingMm)
    image = vtk.vtkImageData()
    image.SetDimensions(*padded.shape)
    image.GetPointData().SetScalars(numpy_support.numpy_to_vtk(padded.transpose(2, 1, 0).reshape(-1), deep=True))
    contour = vtk.vtkFlyingEdges3D()
    contour.SetInputData(image)
    contour.SetValue(0, levelMm)
    contour.ComputeNormalsOff()
    contour.ComputeScalarsOff()
    contour.Update()
    mesh = Mesh.fromPolyData(contour.GetOutput())
    mesh = Mesh.fromArrays(grid.pointsAt(mesh.points.astype(float) - 1), mesh.triangles)
    return mesh if mesh.volumeMl >= 0 else Mesh.fromArrays(mesh.points, mesh.triangles[:, ::-1])


def offset(mesh, offsetMm, voxelMm=0.5):
    """Return the mesh of all that lies within a distance of a closed mesh, or, below zero, that deep inside it.

    Off by no more than a quarter of a voxel, except at edges and corners sharper than a voxel.

    :raises InputRefused: ``nothing-left``
    """
    marginMm = max(offsetMm, 0.0) + 2 * voxelMm
    grid = Grid.about(mesh.points, numpy.eye(3), marginMm, marginMm, voxelMm)
    ownOffMm = _mostOffMm(grid)

    def mayPass(aboutMm, _offMm):
        # The surface lies within a voxel of both ends of each edge that it cuts.
        return (ownOffMm > 0) & (abs(aboutMm - offsetMm) <= ownOffMm + grid.spacingMm)

    found = surfaceOf(distanceField(mesh, grid, offsetMm, mayPass), grid, offsetMm)
    if len(found.triangles) == 0:
        raise nothingLeft()
    return meshOf(toManifold(found))
