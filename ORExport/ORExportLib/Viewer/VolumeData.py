"""The CT as the viewer's page holds it: on axes of the patient, with a bounded number of voxels, in one byte each."""

import dataclasses

import numpy
import SimpleITK

from .Chunks import byteChunk

MOST_VOXELS = 10_000_000
# The 256 values in HU that a voxel can have: 5 HU apart in soft tissue, 20 HU in bone, coarser in air and metal.
_RANGES_HU = ((-1024, -200, 40), (-200, 300, 100), (300, 1900, 80), (1900, 3071, 36))
LEVELS_HU = numpy.concatenate(
    [numpy.linspace(first, last, count, endpoint=last == _RANGES_HU[-1][1]) for first, last, count in _RANGES_HU]
).round()


@dataclasses.dataclass(frozen=True, eq=False)
class PageVolume:
    """Voxels (z, y, x) as indices of ``LEVELS_HU``, x to the left, y to the back, z to the head of the patient.

    :param originLps: center of the first voxel, mm
    :param spacingMm: along x, y, z
    :param sourceSpacingMm: of the scan along its columns, rows and slices
    """

    voxels: numpy.ndarray
    originLps: tuple
    spacingMm: tuple
    sourceSpacingMm: tuple

    @property
    def record(self):
        """What the page's record says of it."""
        return {
            "chunk": "volume",
            "size": list(self.voxels.shape[::-1]),
            "originLps": list(self.originLps),
            "spacingMm": list(self.spacingMm),
            "sourceSpacingMm": list(self.sourceSpacingMm),
            "levelsHu": [int(level) for level in LEVELS_HU],
        }

    @property
    def chunk(self):
        return byteChunk("volume", self.voxels)


def pageVolume(voxelsHu, ijkToLps, mostVoxels=MOST_VOXELS):
    """Return a scan as the page holds it: averaged where it is finer, interpolated where it is oblique.

    :param voxelsHu: array (slices, rows, columns)
    :param ijkToLps: array (4, 4), (column, row, slice) to LPS mm; may be oblique or sheared
    :returns: :class:`PageVolume`
    """
    matrix = numpy.asarray(ijkToLps, float)
    sourceSpacing = numpy.linalg.norm(matrix[:3, :3], axis=0)
    low, high = _bounds(matrix, voxelsHu.shape[::-1])
    finest = _spacingAlongAxes(matrix)
    spacing = _boundedSpacing(high - low, finest, mostVoxels)
    size = numpy.floor((high - low) / spacing + 1 + 1e-6).astype(int)
    averaged, shrunken = _averaged(voxelsHu, matrix, spacing)
    resampled = _resampled(averaged, shrunken, low, spacing, size)
    return PageVolume(_levels(resampled), *(tuple(map(float, one)) for one in (low, spacing, sourceSpacing)))


def _bounds(matrix, size):
    """Return the lowest and highest LPS coordinates of voxel centers."""
    corners = numpy.array([(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)]) * (numpy.array(size) - 1)
    places = corners @ matrix[:3, :3].T + matrix[:3, 3]
    return places.min(0), places.max(0)


def _spacingAlongAxes(matrix):
    """Return the scan's spacing along the patient's axes: that of the scan's axis nearest to each."""
    lengths = numpy.linalg.norm(matrix[:3, :3], axis=0)
    return lengths[numpy.abs(matrix[:3, :3] / lengths).argmax(1)]


def _boundedSpacing(extent, finest, mostVoxels):
    """Return the finest spacing of not more voxels than allowed, not finer than the scan's."""
    step = float(finest.min())
    while True:
        spacing = numpy.maximum(finest, step)
        if numpy.prod(numpy.floor(extent / spacing + 1 + 1e-6)) <= mostVoxels:
            return spacing
        step *= 1.02


def _averaged(voxels, matrix, spacing):
    """Average whole voxels where several fall into one of the page's; return the array and its matrix."""
    lengths = numpy.linalg.norm(matrix[:3, :3], axis=0)
    nearest = numpy.abs(matrix[:3, :3] / lengths).argmax(0)
    factors = [max(1, int(spacing[nearest[axis]] / lengths[axis] + 1e-6)) for axis in range(3)]
    if max(factors) == 1:
        return voxels, matrix
    image = SimpleITK.BinShrink(SimpleITK.GetImageFromArray(voxels), factors)
    shrunken = matrix.copy()
    shrunken[:3, :3] = matrix[:3, :3] * factors
    shrunken[:3, 3] = matrix[:3, :3] @ ((numpy.array(factors) - 1) / 2) + matrix[:3, 3]
    return SimpleITK.GetArrayFromImage(image), shrunken


def _resampled(voxels, matrix, low, spacing, size):
    """Return the voxels (z, y, x) at places of the page's grid; air where the scan has none."""
    # The scan stays in its own indices: so a sheared one needs no image that SimpleITK would refuse.
    image = SimpleITK.GetImageFromArray(voxels)
    toIndex = numpy.linalg.inv(matrix)
    transform = SimpleITK.AffineTransform(3)
    transform.SetMatrix(toIndex[:3, :3].reshape(-1).tolist())
    transform.SetTranslation(toIndex[:3, 3].tolist())
    # A hair inside: a place on the last slice is not lost to rounding.
    image = SimpleITK.ZeroFluxNeumannPad(image, [1] * 3, [1] * 3)
    resampler = SimpleITK.ResampleImageFilter()
    resampler.SetTransform(transform)
    resampler.SetOutputOrigin(low.tolist())
    resampler.SetOutputSpacing(spacing.tolist())
    resampler.SetSize(size.tolist())
    resampler.SetInterpolator(SimpleITK.sitkLinear)
    resampler.SetDefaultPixelValue(float(LEVELS_HU[0]))
    return SimpleITK.GetArrayFromImage(resampler.Execute(image))


def _levels(voxelsHu):
    """Return for each voxel the index of the nearest of ``LEVELS_HU``."""
    lowest, highest = int(LEVELS_HU[0]), int(LEVELS_HU[-1])
    middles = (LEVELS_HU[1:] + LEVELS_HU[:-1]) / 2
    table = numpy.searchsorted(middles, numpy.arange(lowest, highest + 1)).astype(numpy.uint8)
    return table[numpy.clip(numpy.round(voxelsHu), lowest, highest).astype(numpy.int32) - lowest]
