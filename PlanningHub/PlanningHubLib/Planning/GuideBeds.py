"""Where a guide sits: the part of the bone under it, a patch of even thickness on it, and the space it must leave.

All in RAS mm. A guide is put on and lifted off along one direction. So the space that it must leave is the bone with
its clearance and all that lies behind it, seen along that direction: what would grip under an edge is no part of it.
"""

import dataclasses

import numpy
from scipy.spatial import cKDTree

from ..Errors import InputRefused
from ..Shapes.Manifolds import fromManifold, toManifold
from .Fields import Grid, distanceField, interpolated, surfaceOf
from .Solids import axesAlong, nearestOn, unit, within

VOXEL_MM = 0.4
# Above, voxels get larger: some 50 MB for each field of distances.
VOXELS = 6e6
# How far a point for a guide may lie beside the bone.
OFF_BONE_MM = 5.0
# The bone about a point whose direction counts as outwards there.
_NORMALS_MM = 5.0
_ALONG_MM = 0.5
# The bone under a point of a guide may be as steep as 78°.
_FACING = 0.2


@dataclasses.dataclass(frozen=True, eq=False)
class Bed:
    """A place for a guide.

    :param pointsRas: (n, 3) on the bone, in their order
    :param outwards: (3,) of length 1, from the bone to where the guide comes from
    :param bone: manifold3d.Manifold of the whole bone
    :param patch: manifold of the patch and all the bone under it
    :param kept: manifold of what the guide must leave
    :param body: manifold of the patch itself
    :param voxelMm: the grid that it was made on
    """

    pointsRas: numpy.ndarray
    outwards: numpy.ndarray
    bone: object
    patch: object
    kept: object
    body: object
    voxelMm: float


def pointsOn(bone, points, name):
    """Return the points (n, 3) of a bone's manifold nearest to given ones, and the normals (n, 3) about them.

    :raises InputRefused: ``points-off-bone``
    """
    around = within(bone, points, 2 * _NORMALS_MM)
    if around.is_empty():
        raise _offBone(name)
    mesh = fromManifold(around)
    _distancesMm, nearest, normals = nearestOn(mesh, points)
    if numpy.linalg.norm(nearest - points, axis=1).max() > OFF_BONE_MM:
        raise _offBone(name)
    return nearest, numpy.array([_normalAbout(mesh, *one) for one in zip(nearest, normals, strict=True)])


def outwardsOf(normals, direction):
    """Return the direction (3,) from which a guide is put on: the one given, or else the bone's mean normal.

    :raises InputRefused: ``wrong-direction``
    """
    mean = normals.mean(0)
    if numpy.linalg.norm(direction) > 0:
        mean, normals = unit(direction), numpy.concatenate([normals, [mean]])
    if numpy.linalg.norm(mean) == 0 or (normals @ unit(mean)).min() < _FACING:
        raise InputRefused(
            "wrong-direction",
            "The bone does not face where the guide would come from.",
            "Give the direction from the bone to where the guide comes from, or place its points on one side.",
        )
    return unit(mean)


def _offBone(name):
    return InputRefused(
        "points-off-bone",
        f"{name} lies more than {OFF_BONE_MM:.0f} mm off the bone.",
        "Place it on the bone.",
    )


def _normalAbout(mesh, point, normal):
    """Return the mean normal of the triangles about a point that face as the surface does there."""
    faces, areas = mesh.normals(), mesh.areasMm2()
    near = numpy.linalg.norm(mesh.points[mesh.triangles].mean(1) - point, axis=1) < _NORMALS_MM
    near &= faces @ normal > 0
    mean = areas[near] @ faces[near]
    return unit(mean) if numpy.linalg.norm(mean) > 0 else normal


def bedOf(bone, points, outwards, parameters, heightMm):
    """Return the :class:`Bed` about points on a bone.

    :param bone: manifold of the whole bone
    :param points: (n, 3) on it, in the order in which the patch connects them
    :param parameters: ``clearanceMm``, ``thicknessMm`` and ``extentMm`` of the patch, ``wallMm`` of what stands on it
    :param heightMm: how far parts of the guide may stand above the patch
    """
    clearanceMm, thicknessMm, extentMm = (parameters[key] for key in ("clearanceMm", "thicknessMm", "extentMm"))
    outerMm = clearanceMm + thicknessMm
    sideMm = extentMm + outerMm
    low, high = (sideMm, sideMm, sideMm), (sideMm, sideMm, sideMm + heightMm)
    axes = axesAlong(outwards)
    grid = Grid.about(points, axes, low, high, VOXEL_MM)
    voxels = float(numpy.prod(grid.shape))
    if voxels > VOXELS:
        grid = Grid.about(points, axes, low, high, VOXEL_MM * (voxels / VOXELS) ** (1 / 3))
    mesh = fromManifold(within(bone, grid.corners, outerMm + 3 * grid.spacingMm))
    along = cKDTree(_along(points))
    beyondMm = interpolated(grid, lambda places: along.query(places, workers=-1)[0]) - extentMm
    reached = beyondMm < parameters["wallMm"] + 2
    distancesMm = distanceField(
        mesh, grid, clearanceMm, lambda aboutMm, offMm: reached & (_openMm(aboutMm) > clearanceMm - 2 * offMm)
    )
    patch = numpy.maximum(distancesMm - outerMm, beyondMm)
    openMm = _openMm(distancesMm)
    whole, kept = toManifold(surfaceOf(patch, grid)), toManifold(surfaceOf(openMm, grid, clearanceMm))
    return Bed(points, outwards, bone, whole, kept, whole - kept, grid.spacingMm)


def _openMm(distancesMm):
    """Return how near a voxel (x, y, z) and all those before it come to the bone, seen from where the guide comes."""
    return numpy.minimum.accumulate(distancesMm[:, :, ::-1], axis=2)[:, :, ::-1]


def _along(points):
    """Return points (n, 3) every half millimeter on the way from the first to the last."""
    ways = [numpy.asarray(points[:1], float)]
    for start, end in zip(points[:-1], points[1:], strict=True):
        count = max(int(numpy.ceil(numpy.linalg.norm(end - start) / _ALONG_MM)), 1)
        ways.append(start + numpy.linspace(0, 1, count + 1)[1:, None] * (end - start))
    return numpy.concatenate(ways)
