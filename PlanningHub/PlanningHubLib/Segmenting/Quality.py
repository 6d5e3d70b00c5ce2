"""How well a mask agrees with a reference, and how large it is. Both lie on one grid.

A mask's surface is its voxels with a face to the outside; where the scan itself ends, there is no surface.
"""

import dataclasses

import numpy
import SimpleITK
from scipy import ndimage

from .. import Masks
from ..Errors import InputRefused
from ..Shapes.Checks import requirePrintable
from ..Shapes.Shells import shellVolumesMm3
from ..Shapes.Surface import maskSurface
from .Grid import imageOf, voxelMl


@dataclasses.dataclass(frozen=True)
class Agreement:
    """Agreement of a mask with a reference.

    ``dice``: twice the common volume by the sum of both. ``surfaceDice``: the part of both surfaces that lies within
    the tolerance of the other (S. Nikolov et al., 2018, by counts of surface voxels). ``hausdorff95Mm``: 95 % of either
    surface lie at most this far from the other; the worse side counts. ``meanDistanceMm``: from surface to surface, the
    mean of both sides.
    """

    dice: float
    surfaceDice: float
    toleranceMm: float
    hausdorff95Mm: float
    meanDistanceMm: float
    volumeMl: float
    referenceMl: float


def compared(mask, reference, spacingMm, toleranceMm):
    """Return the :class:`Agreement` of a mask with a reference.

    :param mask: array (slices, rows, columns), 0 and not 0; ``reference`` likewise
    :param spacingMm: (column, row, slice)
    :param toleranceMm: what counts as the same surface
    :raises InputRefused: ``other-grid``; ``empty-segment``: nothing can be said about one that is empty
    """
    if mask.shape != reference.shape:
        raise InputRefused("other-grid", "Mask and reference have different voxels.", "Resample one of them.")
    mask, reference = ((one != 0).astype(numpy.uint8) for one in (mask, reference))
    extents = Masks.bounds(mask), Masks.bounds(reference)
    for name, extent in zip(("mask", "reference"), extents, strict=True):
        if extent is None:
            raise InputRefused("empty-segment", f"The {name} has no voxels.", "Choose another segment.")
    surfaces = [_surface(one) for one in (mask, reference)]
    inside = tuple(slice(min(one[0], other[0]), max(one[1], other[1]) + 1) for one, other in zip(*extents, strict=True))
    there, back = (_distancesMm(*(one[inside] for one in pair), spacingMm) for pair in (surfaces, surfaces[::-1]))
    common, both = numpy.count_nonzero(mask & reference), numpy.count_nonzero(mask) + numpy.count_nonzero(reference)
    within = numpy.count_nonzero(there <= toleranceMm) + numpy.count_nonzero(back <= toleranceMm)
    return Agreement(
        dice=2 * common / both,
        surfaceDice=within / (len(there) + len(back)),
        toleranceMm=toleranceMm,
        hausdorff95Mm=float(max(numpy.percentile(there, 95), numpy.percentile(back, 95))),
        meanDistanceMm=float((there.mean() + back.mean()) / 2),
        volumeMl=volumeMl(mask, spacingMm),
        referenceMl=volumeMl(reference, spacingMm),
    )


def volumeMl(mask, spacingMm):
    """Return a mask's volume in ml."""
    return int(numpy.count_nonzero(mask)) * voxelMl(spacingMm)


def largestClosedShellMl(mask, ijkToRas):
    """Return in ml what the largest closed shell of a mask's surface encloses, its cavities included.

    :raises InputRefused: ``empty-segment``, ``open-surface``, ``not-manifold``, ...
    """
    mesh = maskSurface(mask, ijkToRas, smoothingIterations=0).mesh
    requirePrintable(mesh)
    return float(shellVolumesMm3(mesh)[0].max()) / 1000


def _surface(mask):
    cross = ndimage.generate_binary_structure(3, 1)
    surface = mask & ~ndimage.binary_erosion(mask, cross, border_value=1)
    if not surface.any():
        raise InputRefused("no-surface", "The mask fills the scan: it has no surface.", "Choose another segment.")
    return surface.astype(numpy.uint8)


def _distancesMm(surface, other, spacingMm):
    """Return how far each voxel of a surface lies from the other surface."""
    distance = SimpleITK.SignedMaurerDistanceMap(imageOf(other, spacingMm), False, False, True)
    # A surface's own voxels have the distance 0 or, inside of a thick spot, below.
    return numpy.maximum(SimpleITK.GetArrayViewFromImage(distance)[surface > 0], 0)
