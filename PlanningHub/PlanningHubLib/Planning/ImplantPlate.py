"""The body of a plate: what lies under its outer surface, as deep as it is thick, and clear of the bone all around.

Signed distances on a fine grid whose third axis is the way in: what the bone would stop on that way is left out.
"""

import numpy
import vtk
from scipy import ndimage
from vtk.util import numpy_support

from ..Errors import InputRefused
from ..Progress import noProgress
from ..Shapes.Manifolds import asSolid, fromManifold, toManifold
from ..Shapes.Mesh import Mesh
from ..Shapes.Threads import vtkThreads
from .ImplantDefect import occupied, perpendiculars

GRID_MM = 0.5
# Beyond the hole as seen from inside: bone may be beveled outwards.
BEYOND_MM = 4.5
ABOVE_MM, BELOW_MM = 5.0, 1.5
FAR_MM = 50.0
# What a surface on the grid loses where bone has edges: measured, so that the clearance is kept on average.
GRID_LOSS_MM = 0.04
# What is simplified away stays far below the clearance.
SIMPLIFY_MM = 0.01


def plateMesh(surface, boneMesh, thicknessMm, clearanceMm, rimMm, progress=noProgress):
    """Return the plate as a watertight :class:`Mesh` in RAS mm, in one piece.

    :param surface: :class:`PlanningHubLib.Planning.ImplantSurface.Surface`
    :param rimMm: nowhere thinner than this; its edges are rounded with half of it
    :raises InputRefused: ``no-room``, where clearance and thickness leave nothing
    """
    grid = _Grid(surface, thicknessMm)
    progress(0.1, "Depth")
    depthMm = grid.depths(surface, thicknessMm)
    progress(0.3, "Distance to the bone")
    # Rounding looks deeper into the clearance by its radius; voxels are a millimeter wide of the truth.
    boneMm = grid.boneDistances(boneMesh, depthMm, thicknessMm, clearanceMm + rimMm / 2 + 1)
    # The bone that lies above a place, or would come to lie above it while the plate goes in.
    waysMm = numpy.flip(numpy.minimum.accumulate(numpy.flip(boneMm, 2), 2), 2)
    field = numpy.maximum.reduce(
        [-depthMm, depthMm - thicknessMm, clearanceMm + GRID_LOSS_MM - waysMm, grid.outsideMm - BEYOND_MM]
    )
    progress(0.7, "Rounding")
    field = _rounded(field.astype(numpy.float32), rimMm / 2, grid)
    progress(0.9, "Surface")
    mesh = _inRas(_contour(field), grid)
    return _largest(mesh)


def insertion(surface):
    """Return the direction (3,) out of which a plate goes in: the mean normal of its surface over the hole."""
    triangles = surface.mesh()
    over = (surface.outsideMm == 0)[:-1, :-1].reshape(-1)
    normals = triangles.normals() * triangles.areasMm2()[:, None]
    mean = normals[numpy.tile(over, 2)].astype(float).sum(0)
    return mean / numpy.linalg.norm(mean)


class _Grid:
    """Points (u, v, w) on a grid whose w is the way out, and where they lie under the surface and outside the hole."""

    def __init__(self, surface, thicknessMm):
        axis = insertion(surface)
        self.frame = numpy.vstack([perpendiculars(axis), axis])
        wanted = surface.points()[surface.outsideMm < BEYOND_MM + 5] - surface.center
        local = wanted @ self.frame.T
        low = local.min(0) - (3, 3, thicknessMm + 3)
        high = local.max(0) + (3, 3, ABOVE_MM)
        self.shape = tuple(numpy.ceil((high - low) / GRID_MM).astype(int) + 1)
        self.origin = surface.center + low @ self.frame
        places = numpy.indices(self.shape, numpy.float32).reshape(3, -1).T * GRID_MM
        self.points = places @ self.frame + self.origin
        maps, radiiMm = surface.seen(self.points)
        outer = surface.on(surface.radiiMm, maps, numpy.nan)
        self.outsideMm = surface.on(surface.outsideMm, maps, FAR_MM).reshape(self.shape)
        self.roughDepthMm = numpy.nan_to_num(outer - radiiMm, nan=-FAR_MM).reshape(self.shape)

    def depths(self, surface, thicknessMm):
        """Return how deep each point lies under the surface: exact where the plate may be."""
        import igl

        rough = self.roughDepthMm
        near = (rough > -BELOW_MM) & (rough < 1.5 * thicknessMm + BELOW_MM) & (self.outsideMm < BEYOND_MM + 1)
        mesh = surface.mesh()
        squared = igl.point_mesh_squared_distance(
            self.points[near.reshape(-1)], mesh.points.astype(float), mesh.triangles.astype(numpy.int64)
        )[0]
        depths = rough.copy()
        depths[near] = numpy.copysign(numpy.sqrt(squared), rough[near])
        return depths

    def boneDistances(self, boneMesh, depthMm, thicknessMm, reachMm):
        """Return the signed distances to bone: exact within a reach where the plate may be or come from, else rough."""
        import igl

        low, high = self.points.min(0) - 5, self.points.max(0) + 5
        rough = occupied(boneMesh, low, high)
        signed = ndimage.distance_transform_edt(~rough.filled) - ndimage.distance_transform_edt(rough.filled)
        index = (self.points - low).T
        distances = ndimage.map_coordinates(signed.astype(numpy.float32), index, order=1).reshape(self.shape)
        near = (depthMm > -ABOVE_MM) & (depthMm < thicknessMm + BELOW_MM) & (abs(distances) < reachMm)
        near &= self.outsideMm < FAR_MM
        distances[near] = igl.signed_distance(
            self.points[near.reshape(-1)],
            boneMesh.points.astype(float),
            boneMesh.triangles.astype(numpy.int64),
            sign_type=igl.SIGNED_DISTANCE_TYPE_PSEUDONORMAL,
        )[0]
        return distances


def _rounded(field, radiusMm, grid):
    """Return the field opened with a ball: thin parts go, edges become round.

    The field is the largest of true distances, so what is deeper than the radius is where the ball's center may be.
    """
    import igl

    labels, count = ndimage.label(field < -radiusMm)
    if not count:
        raise InputRefused(
            "no-room", "Clearance and rim leave nothing of the plate.", "Take less clearance or a thinner rim."
        )
    # Of separate pieces the one over the hole counts; what is left over bone elsewhere is none.
    largest = numpy.bincount(labels[(labels > 0)]).argmax()
    eroded = numpy.where((labels == largest) | (labels == 0), field + radiusMm, 1.0).astype(numpy.float32)
    centers = _contour(eroded)
    near = (field < GRID_MM * 2) & (eroded < radiusMm + 4 * GRID_MM)
    opened = numpy.full(field.shape, FAR_MM, numpy.float32)
    places = numpy.argwhere(near).astype(float) * GRID_MM
    squared = igl.point_mesh_squared_distance(
        places, centers.points.astype(float), centers.triangles.astype(numpy.int64)
    )[0]
    opened[near] = numpy.where(eroded[near] < 0, -1, 1) * numpy.sqrt(squared) - radiusMm
    return numpy.maximum(opened, field)


def _contour(field):
    """Return the closed surface at level zero of a field that is negative inside, in grid mm."""
    padded = numpy.pad(field, 1, constant_values=1.0)
    image = vtk.vtkImageData()
    image.SetExtent([bound for size in field.shape for bound in (-1, size)])
    image.SetSpacing(GRID_MM, GRID_MM, GRID_MM)
    values = numpy.ascontiguousarray(-padded.transpose(2, 1, 0)).reshape(-1)
    image.GetPointData().SetScalars(numpy_support.numpy_to_vtk(values))
    contour = vtk.vtkFlyingEdges3D()
    contour.SetInputData(image)
    contour.SetValue(0, 0.0)
    contour.ComputeNormalsOff()
    contour.ComputeScalarsOff()
    with vtkThreads():
        contour.Update()
    return Mesh.fromPolyData(contour.GetOutput())


def _inRas(mesh, grid):
    return Mesh.fromArrays(mesh.points.astype(float) @ grid.frame + grid.origin, mesh.triangles)


def _largest(mesh):
    pieces = toManifold(mesh).simplify(SIMPLIFY_MM).decompose()
    return asSolid(fromManifold(max(pieces, key=lambda piece: piece.volume())))
