"""Volumes cropped to a box and resampled to cubes of a size; every voxel's place in RAS mm stays what it was."""

import numpy
import SimpleITK

from ..Errors import InputRefused
from .Grid import spacingOf

MOST_VOXELS = 2**31
# Of a mask between two grids: even, so that half is exact.
FULL = 200


def boxMask(shape, ijkToRas, lowRas, highRas):
    """Return the mask of the voxels whose centers lie in a box along the patient's axes, its faces included.

    :param shape: (slices, rows, columns)
    :param lowRas: corner in mm with the lowest coordinates; ``highRas`` the opposite one
    :raises InputRefused: ``bad-box``; ``box-outside``: no voxel lies in it
    """
    low, high = _corners(lowRas, highRas)
    inside = numpy.ones(shape, bool)
    columns, rows, slices = (numpy.arange(size) for size in reversed(shape))
    for axis in range(3):
        a, b, c, origin = numpy.asarray(ijkToRas, float)[axis]
        places = a * columns + (b * rows)[:, None] + (c * slices)[:, None, None] + origin
        inside &= (places >= low[axis] - 1e-6) & (places <= high[axis] + 1e-6)
    if not inside.any():
        raise InputRefused("box-outside", "No voxel of the scan lies in the box.", "Move or enlarge the box.")
    return inside.view(numpy.uint8)


def cropped(voxels, ijkToRas, lowRas, highRas):
    """Return the smallest block of voxels that holds those in a box, and the block's own 4×4 to RAS mm."""
    inside = boxMask(voxels.shape, ijkToRas, lowRas, highRas)
    first, last = numpy.argwhere(inside).min(0), numpy.argwhere(inside).max(0)
    matrix = numpy.array(ijkToRas, float)
    matrix[:3, 3] += matrix[:3, :3] @ first[::-1]
    return voxels[tuple(slice(low, high + 1) for low, high in zip(first, last, strict=True))].copy(), matrix


def resampled(voxels, ijkToRas, spacingMm, isMask=False):
    """Return a volume on a grid of cubes along the same axes that covers the same field, and its 4×4 to RAS mm.

    :param spacingMm: the cubes' side
    :param isMask: of a mask the nearest voxel counts, of intensities a line between neighbors
    :raises InputRefused: ``bad-spacing``, ``sheared-geometry``
    """
    old = spacingOf(ijkToRas)
    size = [max(1, int(numpy.ceil(count * mm / spacingMm - 1e-6)))
            for count, mm in zip(reversed(voxels.shape), old, strict=True)] if spacingMm > 0 else [0]  # fmt: skip
    if not 0 < numpy.prod(size, dtype=float) <= MOST_VOXELS:
        raise InputRefused("bad-spacing", f"Voxels of {spacingMm:g} mm cannot be made.", "Choose another size.")
    image = SimpleITK.GetImageFromArray(voxels)
    image.SetSpacing(old)
    # In the array's own axes: both grids begin at the same corner of the first voxel.
    origin = [(spacingMm - mm) / 2 for mm in old]
    kind = SimpleITK.sitkNearestNeighbor if isMask else SimpleITK.sitkLinear
    edge = 0 if isMask else float(voxels.min())
    image = SimpleITK.Resample(image, size, SimpleITK.Transform(), kind, origin, [spacingMm] * 3,
                               (1, 0, 0, 0, 1, 0, 0, 0, 1), edge)  # fmt: skip
    matrix = numpy.array(ijkToRas, float)
    directions = matrix[:3, :3] / old
    matrix[:3, 3] += directions @ origin
    matrix[:3, :3] = directions * spacingMm
    return SimpleITK.GetArrayFromImage(image), matrix


def maskOnGrid(mask, ijkToRas, shape, gridToRas):
    """Return a mask on another grid along the same axes that covers the same field: what is more than half inside.

    :param shape: (slices, rows, columns) of the other grid; ``gridToRas`` its 4×4 to RAS mm
    """
    image = SimpleITK.GetImageFromArray(mask * numpy.uint8(FULL))
    image.SetSpacing(spacingOf(ijkToRas))
    axes = numpy.asarray(gridToRas, float)[:3, :3] / spacingOf(gridToRas)
    origin = axes.T @ (numpy.asarray(gridToRas, float)[:3, 3] - numpy.asarray(ijkToRas, float)[:3, 3])
    image = SimpleITK.Resample(image, shape[::-1], SimpleITK.Transform(), SimpleITK.sitkLinear, origin.tolist(),
                               spacingOf(gridToRas), (1, 0, 0, 0, 1, 0, 0, 0, 1), 0)  # fmt: skip
    return (SimpleITK.GetArrayViewFromImage(image) >= FULL // 2).view(numpy.uint8)


def _corners(lowRas, highRas):
    low, high = numpy.asarray(lowRas, float), numpy.asarray(highRas, float)
    if low.shape != (3,) or high.shape != (3,) or not (low < high).all():
        raise InputRefused("bad-box", "A corner of the box is not below the other.", "Give the lower corner first.")
    return low, high
