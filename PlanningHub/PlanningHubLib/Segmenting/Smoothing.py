"""Smoothing of a mask that leaves what is thinner than the kernel as it is: orbital floors, sinus walls."""

import numpy
import SimpleITK

from . import Morphology
from .Grid import imageOf


def smoothed(mask, radiusMm, spacingMm):
    """Return the mask with its surface smoothed wherever it is thicker than twice a radius.

    A Gaussian of half the radius, cut at one half, smooths; near what the kernel's ball does not fit into, nothing
    changes.

    :param mask: array (slices, rows, columns) of 0 and 1
    :param spacingMm: (column, row, slice)
    """
    result = _blurred(mask, radiusMm / 2, spacingMm)
    # Of the blurred mask: roughness would let no ball fit in.
    thick = Morphology.opened(result, radiusMm, spacingMm)
    rimMm = max(radiusMm / 2, *spacingMm)
    thin = mask & (Morphology.grown(thick, rimMm, spacingMm) ^ 1)
    keep = Morphology.grown(thin, radiusMm, spacingMm)
    return numpy.where(keep, mask, result)


def _blurred(mask, sigmaMm, spacingMm):
    # Beyond the border of the grid the structure is taken to go on as it is there.
    image = SimpleITK.Cast(imageOf(mask, spacingMm), SimpleITK.sitkFloat32)
    blurred = SimpleITK.DiscreteGaussian(image, sigmaMm**2, 64, 0.01, True)
    return (SimpleITK.GetArrayViewFromImage(blurred) >= 0.5).view(numpy.uint8)
