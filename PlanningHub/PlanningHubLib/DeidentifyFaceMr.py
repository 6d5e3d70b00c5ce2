"""Faces in an MR: skin with air before it on sections of a head's size, and its removal to a depth behind the skin.

MR has no Hounsfield units, and bone gives no signal: the body is told from the air by Otsu's threshold (Otsu 1979), and
whatever could be a head counts as one. A thigh may be taken for a head, a head for nothing else: the error that counts
is a face that goes out unseen. Arrays are [slice, row, column], without a unit.
"""

import dataclasses

import numpy
import SimpleITK
from scipy import ndimage

from .DeidentifyFace import DEEPEST_MM, SHORTEST_SKULL_MM, Oriented, closed, coarse, largest, longestRun

# A patch of a face in a small field holds this much; a head with its ears is narrower than this, a chest is not.
SMALLEST_SECTION_MM2, WIDEST_HEAD_MM = 4000.0, 260.0
LEAST_AIR_IN_FRONT = 0.3
# Scalp and skull together are hardly thinner: so much goes from the face everywhere, whatever lies below.
SHALLOWEST_MM = 10.0
# Dim skin lies below the threshold: what is so near before the body goes with it.
DIM_SKIN_MM = 4.0
# The brain keeps together when so much is taken from the surface of everything; nose, lips and ears are gone then.
OPENING_MM = 6.0
CLEFT_MM, SMOOTHING_MM = 12.0, 2.0
# Of tissue that is a body most is left when a voxel is taken from its surface; of noise nearly nothing is.
LEAST_SOLID = 0.5


@dataclasses.dataclass(frozen=True)
class Body:
    """What Otsu's threshold says of an MR: tissue lies above ``threshold``; ``air`` is what lies around it."""

    threshold: float
    air: float


def findBody(voxels, ijkToLps):
    """Return the :class:`Body` of a volume, or None where body and air cannot be told apart.

    :param voxels: array (slices, rows, columns)
    :param ijkToLps: 4x4, (column, row, slice) to LPS mm
    """
    oriented = Oriented.of(ijkToLps)
    sample, _spacing = coarse(oriented.view(voxels), oriented.spacingMm)
    if sample.min() == sample.max():
        return None
    otsu = SimpleITK.OtsuThresholdImageFilter()
    otsu.SetNumberOfHistogramBins(256)
    otsu.Execute(SimpleITK.GetImageFromArray(numpy.ascontiguousarray(sample, numpy.float32)))
    threshold = float(otsu.GetThreshold())
    tissue = sample > threshold
    # The border counts as tissue: a body that fills the field is solid, too.
    solid = ndimage.binary_erosion(tissue, border_value=1)
    if not tissue.any() or ndimage.binary_dilation(solid)[tissue].mean() < LEAST_SOLID:
        return None
    return Body(threshold, float(numpy.median(sample[~tissue])))


def faceVisible(voxels, ijkToLps, body):
    """Tell whether the volume shows skin that may be a face's, with air before it."""
    oriented = Oriented.of(ijkToLps)
    sample, spacing = coarse(oriented.view(voxels), oriented.spacingMm)
    tissue = largest(sample > body.threshold)
    levels = _headLevels(tissue, spacing)
    return bool(longestRun(levels) * spacing[0] >= SHORTEST_SKULL_MM and _airInFront(tissue[levels]))


def _headLevels(tissue, spacing):
    """Return per level whether the section is large enough for a face, and not too wide for a head."""
    levels = numpy.zeros(len(tissue), bool)
    for level, section in enumerate(tissue):
        columns = numpy.flatnonzero(section.any(axis=0))
        if len(columns):
            area = ndimage.binary_fill_holes(section).sum() * spacing[1] * spacing[2]
            width = (columns[-1] - columns[0] + 1) * spacing[2]
            levels[level] = area >= SMALLEST_SECTION_MM2 and width <= WIDEST_HEAD_MM
    return levels


def _airInFront(tissue):
    """Tell whether air stands between the front edge of the field and the skin, on a good part of the body's lines."""
    hit = tissue.any(axis=1)
    return bool((~tissue[:, :2].any(axis=1))[hit].mean() > LEAST_AIR_IN_FRONT)


def facialMask(voxels, ijkToLps, body):
    """Return the voxels to set to air, array of the volume's shape.

    Along each line from front to back, in the front half: from the skin to ``SHALLOWEST_MM`` behind it, and on to
    ``DEEPEST_MM`` before what keeps together as the brain does; with the air just before the skin, where its rim is.
    """
    oriented = Oriented.of(ijkToLps)
    view = oriented.view(voxels)
    tissue = largest(view > body.threshold)
    guarded = _guarded(view, oriented.spacingMm, body)
    levels = _headLevels(tissue, oriented.spacingMm)
    shallow, deep, rim = (
        max(1, round(depth / oriented.spacingMm[1])) for depth in (SHALLOWEST_MM, DEEPEST_MM, DIM_SKIN_MM)
    )
    front = _frontHalf(tissue[levels])
    removed = numpy.zeros(voxels.shape, bool)
    target = oriented.view(removed)
    before = numpy.zeros(tissue.shape, bool)
    for level in numpy.flatnonzero(levels):
        behindSkin = numpy.cumsum(numpy.maximum.accumulate(tissue[level], axis=0), axis=0)
        beforeGuard = ~numpy.maximum.accumulate(guarded[level], axis=0)
        reached = (behindSkin <= shallow) | ((behindSkin <= deep) & beforeGuard)
        nearSkin = numpy.roll(behindSkin, -rim, axis=0) > 0
        nearSkin[len(nearSkin) - rim :] = False
        target[level] = ((behindSkin > 0) & reached | (behindSkin == 0) & nearSkin) & front[:, None]
        before[level] = (behindSkin == 0) & front[:, None]
    target |= ndimage.binary_dilation(target, iterations=2) & before
    return removed


def _guarded(view, spacingMm, body):
    """Return what keeps together when ``OPENING_MM`` are taken from the surface of all tissue: the brain, above all."""
    sample, spacing = coarse(view, spacingMm)
    smooth = ndimage.gaussian_filter(sample.astype(numpy.float32), [SMOOTHING_MM / one for one in spacing])
    core = largest(ndimage.distance_transform_edt(smooth > body.threshold, sampling=spacing) > OPENING_MM)
    opened = ndimage.distance_transform_edt(~core, sampling=spacing) <= OPENING_MM if core.any() else core
    # Dark clefts, and voxels that noise took out, must not open a way into the brain.
    opened = closed(opened, max(1, round(CLEFT_MM / min(spacing))))
    for axis in range(3):
        opened = numpy.repeat(opened, round(spacing[axis] / spacingMm[axis]), axis)
    return opened[tuple(slice(size) for size in view.shape)]


def _frontHalf(tissue):
    rows = numpy.flatnonzero(tissue.any(axis=(0, 2)))
    middle = (rows[0] + rows[-1]) // 2 if len(rows) else 0
    return numpy.arange(tissue.shape[1]) < middle
