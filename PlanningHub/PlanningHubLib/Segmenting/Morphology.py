"""Growing, shrinking, closing and opening of masks by millimeters, on distance maps, so that voxels of any shape do.

A mask's voxels are points here, and the surface lies somewhere between the last one inside and the first one outside.
A ball's radius between these points therefore comes out too short: by 0.1 to 0.35 voxels, measured on spheres of 15 mm
with voxels from 0.5 mm cubes to 1 × 1 × 3 mm. A quarter of the mean voxel size is added to every radius for it.
"""

import math

import numpy
import SimpleITK

from .. import Masks
from .Grid import imageOf

BIAS_VOXELS = 0.25
# Distances that are equal to the radius count as within, whatever single precision makes of them.
EPSILON_MM = 1e-4
SLAB_SLICES = 64


def correctedMm(radiusMm, spacingMm):
    """Return the radius between voxel centers that moves a surface by a radius, see above."""
    return radiusMm + BIAS_VOXELS * sum(spacingMm) / 3


def isBelowVoxel(radiusMm, spacingMm):
    """Tell whether a radius is too small to reach a next voxel in any direction: nothing would happen."""
    return correctedMm(radiusMm, spacingMm) < min(spacingMm)


def grown(mask, radiusMm, spacingMm):
    """Return the mask grown by a radius in every direction.

    :param mask: array (slices, rows, columns) of 0 and 1
    :param spacingMm: (column, row, slice)
    """
    return _inBox(mask, radiusMm, spacingMm, lambda part: _reached(part, radiusMm, spacingMm))


def shrunk(mask, radiusMm, spacingMm):
    """Return the mask shrunk by a radius; not from the border of the grid, behind which it may go on."""
    return _inBox(mask, 0, spacingMm, lambda part: _kept(part, radiusMm, spacingMm))


def closed(mask, radiusMm, spacingMm):
    """Return the closing with a ball: gaps narrower than twice the radius are bridged; no voxel is lost."""

    def close(part):
        return _kept(_reached(part, radiusMm, spacingMm), radiusMm, spacingMm)

    return _inBox(mask, radiusMm, spacingMm, close, margin=True)


def opened(mask, radiusMm, spacingMm):
    """Return the opening with a ball: what is thinner than twice the radius goes; no voxel is added."""

    def open_(part):
        return _reached(_kept(part, radiusMm, spacingMm), radiusMm, spacingMm) & part

    return _inBox(mask, 0, spacingMm, open_)


def distanceMm(mask, spacingMm):
    """Return each voxel's distance to the nearest voxel of the mask between their centers, float32; 0 in the mask."""
    signed = SimpleITK.SignedMaurerDistanceMap(imageOf(mask, spacingMm), False, False, True)
    return numpy.maximum(SimpleITK.GetArrayViewFromImage(signed), 0)


def _reached(mask, radiusMm, spacingMm):
    return _within(mask, correctedMm(radiusMm, spacingMm), spacingMm)


def _kept(mask, radiusMm, spacingMm):
    return _within(mask ^ 1, correctedMm(radiusMm, spacingMm), spacingMm) ^ 1


def _within(mask, radiusMm, spacingMm):
    """Return the mask of the voxels with one of the mask's within a radius, in slabs: a distance map needs memory."""
    if not mask.any():
        return numpy.zeros_like(mask)
    overlap = math.ceil(radiusMm / spacingMm[2])
    size = max(SLAB_SLICES, 2 * overlap)
    result = numpy.zeros_like(mask)
    for first in range(0, len(mask), size):
        start = max(0, first - overlap)
        slab = mask[start : first + size + overlap]
        if slab.any():
            squared = SimpleITK.SignedMaurerDistanceMap(imageOf(slab, spacingMm), False, True, True)
            near = SimpleITK.GetArrayViewFromImage(squared) <= (radiusMm + EPSILON_MM) ** 2
            # In a slab that is all mask there is no border to measure from.
            near |= slab > 0
            result[first : first + size] = near[first - start : first - start + size]
    return result


def _inBox(mask, radiusMm, spacingMm, change, margin=False):
    """Apply a change to the part of the mask that holds something, and as much around it as may change.

    :param margin: also beyond the border of the grid, as empty, so that the border itself changes nothing
    """
    extent = Masks.bounds(mask)
    if extent is None:
        return mask.copy()
    reachMm = correctedMm(radiusMm, spacingMm)
    reach = [math.ceil(reachMm / mm) + 1 if radiusMm else 1 for mm in reversed(spacingMm)]
    low = [first - more for (first, _last), more in zip(extent, reach, strict=True)]
    high = [last + 1 + more for (_first, last), more in zip(extent, reach, strict=True)]
    inside = tuple(
        slice(max(0, start), min(stop, size)) for start, stop, size in zip(low, high, mask.shape, strict=True)
    )
    part = mask[inside]
    beyond = [(0, 0)] * 3
    if margin:
        beyond = [
            (max(0, -start), max(0, stop - size)) for start, stop, size in zip(low, high, mask.shape, strict=True)
        ]
        part = numpy.pad(part, beyond)
    changed = change(part)
    result = numpy.zeros_like(mask)
    ends = zip(beyond, changed.shape, strict=True)
    result[inside] = changed[tuple(slice(before, size - after) for (before, after), size in ends)]
    return result
