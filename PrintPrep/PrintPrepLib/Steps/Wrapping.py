"""The surface around all that a damaged surface encloses: where the winding number says inside, on a grid."""

import numpy

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Planning.Fields import Grid, distanceField, surfaceOf
from PlanningHubLib.Planning.Solids import FILM_MM3
from PlanningHubLib.Shapes.Deviation import distancesToSurface, samplesOf
from PlanningHubLib.Shapes.Manifolds import fromManifold, toManifold
from PlanningHubLib.Shapes.Shells import withoutSpecks

# Each million takes a second or more; finer than this shows nothing that could be printed.
MOST_VOXELS = 2_000_000
FINEST_MM = 0.1
# A surface through a voxel's corner gives needles: it keeps this fraction of a voxel away.
OFF_VOXELS = 0.03


def wrapped(mesh):
    """Return the solid of all points that a surface winds around, whatever passes through whatever.

    Off by up to half a voxel at edges; the voxel is as fine as memory allows.

    :returns: :class:`PlanningHubLib.Shapes.Mesh.Mesh` and the voxel in mm
    :raises InputRefused: ``cannot-repair``
    """
    sizeMm = numpy.ptp(mesh.points.astype(float), axis=0)
    voxelMm = max(FINEST_MM, float(numpy.prod(numpy.maximum(sizeMm, sizeMm.max() / 50)) / MOST_VOXELS) ** (1 / 3))
    # Turned, so that no voxel lies in a plane of the surface.
    axes = _turned()
    grid = Grid.about(mesh.points, axes, 3 * voxelMm, 3 * voxelMm, voxelMm)
    values, offMm = distanceField(mesh, grid, 0.0), OFF_VOXELS * voxelMm
    values = numpy.where(abs(values) < offMm, numpy.copysign(offMm, values), values)
    found = surfaceOf(values, grid)
    if not len(found.triangles):
        raise InputRefused("cannot-repair", "The surface encloses nothing.", "Make the model again.")
    return fromManifold(toManifold(withoutSpecks(found, FILM_MM3)[0])), voxelMm


def _turned():
    a, b = 0.31, 0.17
    aboutX = numpy.array([[1, 0, 0], [0, numpy.cos(a), -numpy.sin(a)], [0, numpy.sin(a), numpy.cos(a)]])
    aboutZ = numpy.array([[numpy.cos(b), -numpy.sin(b), 0], [numpy.sin(b), numpy.cos(b), 0], [0, 0, 1]])
    return aboutZ @ aboutX


def standsOffMm(solid, mesh):
    """Return how far (n,) samples of a wrapped solid lie from the surface that it was made around."""
    return distancesToSurface(samplesOf(solid), mesh)
