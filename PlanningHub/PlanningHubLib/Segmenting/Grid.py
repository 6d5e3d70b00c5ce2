"""The voxel grid that a method works on: spacing, and the way from RAS mm to voxels."""

import numpy
import SimpleITK

from ..Errors import InputRefused

# Axes are held perpendicular up to here: a tenth of a millimeter in 100 mm.
MOST_SHEAR = 1e-3


def spacingOf(ijkToRas):
    """Return the voxel's size (column, row, slice) in mm.

    :param ijkToRas: 4×4, (column, row, slice) to RAS mm
    :raises InputRefused: ``flat-geometry``; ``sheared-geometry``: distances along its axes would not be distances
    """
    axes = numpy.asarray(ijkToRas, float)[:3, :3]
    spacingMm = numpy.linalg.norm(axes, axis=0)
    if not (spacingMm > 1e-6).all() or not numpy.isfinite(spacingMm).all():
        raise InputRefused("flat-geometry", "The voxels have no volume.", "Check the geometry of the series.")
    directions = axes / spacingMm
    if abs(directions.T @ directions - numpy.eye(3)).max() > MOST_SHEAR:
        raise InputRefused(
            "sheared-geometry", "The slices are sheared against each other.", "Import the series again and repair it."
        )
    return tuple(float(mm) for mm in spacingMm)


def voxelMl(spacingMm):
    """Return the volume of a voxel in ml."""
    return float(numpy.prod(spacingMm)) / 1000


def indicesOf(pointsRas, ijkToRas):
    """Return the nearest voxels of points (n, 3) RAS mm as integers (n, 3): slice, row, column; maybe off the grid."""
    points = numpy.asarray(pointsRas, float).reshape(-1, 3)
    homogeneous = numpy.c_[points, numpy.ones(len(points))]
    return numpy.rint((homogeneous @ numpy.linalg.inv(ijkToRas).T)[:, 2::-1]).astype(int)


def isOnGrid(indices, shape):
    """Tell for voxels (n, 3) whether each lies on a grid (slices, rows, columns)."""
    return ((indices >= 0) & (indices < numpy.asarray(shape))).all(1)


def imageOf(array, spacingMm):
    """Return an array (slices, rows, columns) as SimpleITK image in its own axes."""
    image = SimpleITK.GetImageFromArray(array)
    image.SetSpacing(spacingMm)
    return image
