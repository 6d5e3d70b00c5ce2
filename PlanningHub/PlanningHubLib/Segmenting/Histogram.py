"""A bone threshold from a volume's own histogram, by Otsu's rule or at the valley between soft tissue and bone."""

import numpy
import SimpleITK

from ..Errors import InputRefused

# Above water: soft tissue and bone, without fat, lung and air.
FROM_HU, TO_HU = 0, 3000
# Rows and columns of a slice are sampled evenly down to about this many voxels: enough for every bin.
MOST_VOXELS = 8_000_000
BIN_HU, SMOOTHING_HU = 5, 25
# A valley is one only where bone rises again by this much, and by more than counting alone may give.
VALLEY_RISE, VALLEY_SIGMAS = 0.05, 5.0


def otsuThresholdHu(voxelsHu, mask=None):
    """Return the threshold between soft tissue and bone that makes both most alike within (N. Otsu, 1979).

    Only voxels from 0 to 3000 HU count, so that the size of the table, of the lungs or of the air around does not.

    :param mask: where to look; None for everywhere
    :raises InputRefused: ``no-valley``, where there is nothing to divide
    """
    values = _values(voxelsHu, mask)
    if len(values) < 100 or values.min() == values.max():
        raise _noValley("There is nothing above water in the scan.")
    image = SimpleITK.GetImageFromArray(values.astype(numpy.float32).reshape(1, 1, -1))
    otsu = SimpleITK.OtsuMultipleThresholdsImageFilter()
    otsu.SetNumberOfThresholds(1)
    otsu.SetNumberOfHistogramBins(256)
    otsu.Execute(image)
    return float(otsu.GetThresholds()[0])


def valleyThresholdHu(voxelsHu, minimumHu, maximumHu, mask=None):
    """Return where the smoothed histogram is lowest before it rises from soft tissue to bone.

    :param minimumHu: lowest and highest that it may be
    :raises InputRefused: ``no-valley``, where bone has no peak of its own: thin or porous bone, thick slices
    """
    edges = numpy.arange(FROM_HU, TO_HU + BIN_HU, BIN_HU)
    counts, _edges = numpy.histogram(_values(voxelsHu, mask), edges)
    smooth = _smoothed(counts.astype(float))
    centers = edges[:-1] + BIN_HU / 2
    allowed = numpy.flatnonzero((centers >= minimumHu) & (centers <= maximumHu))
    if not len(allowed):
        raise InputRefused("bad-method", "No threshold is allowed.", "Correct the limits.")
    lowest = _firstValley(smooth, allowed)
    if lowest is None:
        raise _noValley(f"The histogram has no valley between {minimumHu:g} and {maximumHu:g} HU.")
    return float(centers[lowest])


def _firstValley(smooth, allowed):
    """Return the lowest bin before the counts first rise again, None where they do not within what is allowed."""
    lowest = allowed[0]
    for index in range(allowed[0], len(smooth)):
        if smooth[index] < smooth[lowest]:
            lowest = index
        # Neighboring bins are averaged: so many voxels more stand behind each value.
        noise = numpy.sqrt(max(smooth[lowest], 1) * BIN_HU / (2 * SMOOTHING_HU))
        if smooth[index] - smooth[lowest] > max(VALLEY_RISE * smooth[lowest], VALLEY_SIGMAS * noise):
            return lowest if allowed[0] < lowest <= allowed[-1] else None
    return None


def _values(voxelsHu, mask):
    slices, rows, columns = voxelsHu.shape
    step = max(1, int(numpy.ceil((slices * rows * columns / MOST_VOXELS) ** 0.5)))
    sample = voxelsHu[:, ::step, ::step]
    inside = (sample >= FROM_HU) & (sample <= TO_HU)
    if mask is not None:
        inside &= mask[:, ::step, ::step] > 0
    return sample[inside]


def _smoothed(counts):
    reach = int(3 * SMOOTHING_HU / BIN_HU)
    kernel = numpy.exp(-((numpy.arange(-reach, reach + 1) * BIN_HU / SMOOTHING_HU) ** 2) / 2)
    return numpy.convolve(numpy.pad(counts, reach, mode="edge"), kernel / kernel.sum(), mode="valid")


def _noValley(text):
    return InputRefused("no-valley", text, "Use a fixed threshold, or Otsu's rule.")
