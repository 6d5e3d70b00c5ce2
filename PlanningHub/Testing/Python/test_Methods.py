"""Each method does to shapes of known size what it says, in millimeters, whatever the voxels are."""

import math

import numpy
import pytest
from scipy import ndimage

from PlanningHubLib import Masks
from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Segmenting import Islands, Morphology, Smoothing
from PlanningHubLib.Segmenting.Grid import spacingOf

SPACINGS = [(1.0, 1.0, 1.0), (0.5, 0.5, 0.5), (0.957, 0.957, 1.5), (0.7, 0.7, 2.0)]


def places(shape, spacingMm):
    """Return each voxel's distance in mm from the grid's center along slices, rows and columns."""
    return [
        mm * (index - (size - 1) / 2)
        for index, size, mm in zip(numpy.indices(shape), shape, reversed(spacingMm), strict=True)
    ]


def aBall(radiusMm, spacingMm, marginMm=10.0):
    shape = tuple(int(2 * (radiusMm + marginMm) / mm) + 1 for mm in reversed(spacingMm))
    return (sum(place**2 for place in places(shape, spacingMm)) <= radiusMm**2).astype(numpy.uint8)


def radiusOf(mask, spacingMm):
    """Return the radius of the ball that has a mask's volume."""
    return (mask.sum() * math.prod(spacingMm) * 3 / 4 / math.pi) ** (1 / 3)


@pytest.mark.parametrize("spacingMm", SPACINGS)
@pytest.mark.parametrize("radiusMm", [2.0, 5.0])
def test_ballGrowsAndShrinksByMillimeters(spacingMm, radiusMm):
    """The bias of half a voxel and less is corrected: within a fifth of the mean voxel size."""
    ball, toleranceMm = aBall(15, spacingMm), 0.2 * sum(spacingMm) / 3
    assert radiusOf(Morphology.grown(ball, radiusMm, spacingMm), spacingMm) == pytest.approx(
        15 + radiusMm, abs=toleranceMm
    )
    assert radiusOf(Morphology.shrunk(ball, radiusMm, spacingMm), spacingMm) == pytest.approx(
        15 - radiusMm, abs=toleranceMm
    )


def test_withoutTheCorrectionTheBallIsTooSmall(monkeypatch):
    monkeypatch.setattr(Morphology, "BIAS_VOXELS", 0.0)
    spacingMm = (0.7, 0.7, 2.0)
    grown = Morphology.grown(aBall(15, spacingMm), 5.0, spacingMm)
    assert radiusOf(grown, spacingMm) < 20 - 0.2 * sum(spacingMm) / 3


def bruteBall(radiusMm, spacingMm):
    radiusMm = Morphology.correctedMm(radiusMm, spacingMm)
    reach = [math.ceil(radiusMm / mm) for mm in reversed(spacingMm)]
    offsets = numpy.indices([2 * count + 1 for count in reach])
    squared = sum(((offset - count) * mm) ** 2
                  for offset, count, mm in zip(offsets, reach, reversed(spacingMm), strict=True))  # fmt: skip
    return squared <= radiusMm**2


@pytest.mark.parametrize("spacingMm", [(1.0, 1.0, 1.0), (0.8, 0.9, 2.5)])
@pytest.mark.parametrize("slices", [9, 150])
def test_distanceMapsDoWhatABallsKernelDoes(spacingMm, slices):
    """Also where a volume is cut into slabs, and at the border of the grid."""
    mask = (numpy.random.default_rng(3).random((slices, 24, 20)) < 0.02).astype(numpy.uint8)
    kernel, pad = bruteBall(2.6, spacingMm), 8
    padded = numpy.pad(mask, pad)
    inside = slice(pad, -pad)
    wide = ndimage.binary_dilation(padded, kernel)
    closed = ndimage.binary_erosion(wide, kernel)[inside, inside, inside]
    assert numpy.array_equal(Morphology.grown(mask, 2.6, spacingMm), wide[inside, inside, inside])
    assert numpy.array_equal(Morphology.closed(mask, 2.6, spacingMm), closed)
    dense = (ndimage.binary_dilation(mask, numpy.ones((5, 5, 5)))).astype(numpy.uint8)
    kept = ndimage.binary_erosion(dense, kernel, border_value=1)
    assert numpy.array_equal(Morphology.shrunk(dense, 2.6, spacingMm), kept)
    opened = ndimage.binary_dilation(kept, kernel) & (dense > 0)
    assert numpy.array_equal(Morphology.opened(dense, 2.6, spacingMm), opened)


@pytest.mark.parametrize("gapMm, bridged", [(3, True), (7, False)])
def test_closingBridgesGapsOfUpToTwiceItsRadius(gapMm, bridged):
    mask = numpy.ones((30, 30, 40), numpy.uint8)
    mask[:, :, 18 : 18 + gapMm] = 0
    closed = Morphology.closed(mask, 2.0, (1.0, 1.0, 1.0))
    assert bool(closed[15, 15, 19]) == bridged and (closed >= mask).all()


def test_openingTakesAwayWhatIsThin():
    mask = numpy.zeros((40, 40, 60), numpy.uint8)
    mask[10:30, 10:30, 10:30] = 1
    mask[19:21, 19:21, 30:55] = 1
    opened = Morphology.opened(mask, 3.0, (1.0, 1.0, 1.0))
    assert not opened[:, :, 36:].any() and opened[12:28, 12:28, 12:28].all()


def test_aFullGridStaysFull():
    full = numpy.ones((150, 8, 9), numpy.uint8)
    for change in (Morphology.grown, Morphology.shrunk, Morphology.closed, Morphology.opened):
        assert change(full, 3.0, (1.0, 1.0, 1.0)).all()
        assert not change(full ^ 1, 3.0, (1.0, 1.0, 1.0)).any()


def test_radiusThatReachesNoVoxelIsKnown():
    assert Morphology.isBelowVoxel(0.5, (1.0, 1.0, 3.0)) and not Morphology.isBelowVoxel(0.9, (1.0, 1.0, 3.0))


# Islands and holes


def hollowBoxes():
    """Boxes of 1000, 216 and 27 voxels; the first has a hole of 8 and one of 1 voxel."""
    mask = numpy.zeros((30, 30, 30), numpy.uint8)
    mask[2:12, 2:12, 2:12] = 1
    mask[15:21, 15:21, 15:21] = 1
    mask[25:28, 25:28, 25:28] = 1
    mask[4:6, 4:6, 4:6] = mask[9, 9, 9] = 0
    return mask


@pytest.mark.parametrize("count, minimum, voxels", [(1, 1, 991), (2, 1, 1207), (None, 28, 1207), (None, 1, 1234)])
def test_islandsByNumberAndSize(count, minimum, voxels):
    assert Islands.keptIslands(hollowBoxes(), count, minimum).sum() == voxels


def test_islandUnderAPoint():
    found = Islands.islandsAt(hollowBoxes(), numpy.array([[26, 26, 26]]))
    assert found.sum() == 27
    with pytest.raises(InputRefused, match="no voxels"):
        Islands.islandsAt(numpy.zeros((3, 3, 3), numpy.uint8), numpy.array([[1, 1, 1]]))


@pytest.mark.parametrize("density", [0.3, 0.6, 0.75])
@pytest.mark.parametrize("mostRunEnds", [0, 1])
def test_holesAreThoseOfScipy(density, mostRunEnds, monkeypatch):
    """By numbered voxels as by joined runs; also at the border of the grid."""
    monkeypatch.setattr(Masks, "MOST_RUN_ENDS", mostRunEnds)
    mask = (numpy.random.default_rng(6).random((14, 21, 33)) < density).astype(numpy.uint8)
    filled = ndimage.binary_fill_holes(mask)
    assert numpy.array_equal(Islands.filled(mask), filled)
    labels, count = ndimage.label(filled & (mask == 0))
    sizes = numpy.bincount(labels.reshape(-1))
    small = (mask > 0) | ((labels > 0) & (sizes[labels] <= 2))
    assert numpy.array_equal(Islands.filled(mask, 2), small) and Islands.filled(mask).dtype == numpy.uint8


@pytest.mark.parametrize("maximum, voxels", [(None, 1243), (8, 1243), (7, 1235), (0, 1234)])
def test_holesUpToASizeAreFilled(maximum, voxels):
    filled = Islands.filled(hollowBoxes(), maximum)
    assert filled.sum() == voxels
    if maximum is None:
        assert numpy.array_equal(filled, ndimage.binary_fill_holes(hollowBoxes()))


def test_aCanalIsFilledSliceBySliceOnly():
    tube = numpy.zeros((20, 20, 20), numpy.uint8)
    tube[:, 5:15, 5:15] = 1
    tube[:, 8:12, 8:12] = 0
    assert numpy.array_equal(Islands.filled(tube), tube)
    assert Islands.filledPerSlice(tube).sum() == 2000
    assert numpy.array_equal(Islands.filledPerSlice(tube, 15), tube) and Islands.filledPerSlice(tube, 16).sum() == 2000


# Smoothing


def test_smoothingKeepsAPlateOfTwoVoxels():
    plate = numpy.zeros((40, 40, 40), numpy.uint8)
    plate[19:21, 4:36, 4:36] = 1
    assert numpy.array_equal(Smoothing.smoothed(plate, 3.0, (1.0, 1.0, 1.0)), plate)


def test_smoothingKeepsAPlateOnAThickBone():
    bone = numpy.zeros((40, 40, 60), numpy.uint8)
    bone[10:30, 10:30, 4:24] = 1
    plate = numpy.zeros_like(bone)
    plate[19:21, 12:28, 24:56] = 1
    found = Smoothing.smoothed(bone | plate, 3.0, (1.0, 1.0, 1.0))
    assert (found & plate).sum() >= 0.95 * plate.sum()
    # A blur everywhere would have taken it.
    assert (Smoothing._blurred(bone | plate, 3.0, (1.0, 1.0, 1.0)) & plate).sum() < 0.5 * plate.sum()


def test_smoothingTakesRoughnessAndKeepsVolume():
    spacingMm, random = (1.0, 1.0, 1.0), numpy.random.default_rng(5)
    ball = aBall(15, spacingMm)
    rim = (Morphology.grown(ball, 1.0, spacingMm) ^ Morphology.shrunk(ball, 1.0, spacingMm)) > 0
    rough = numpy.where(rim & (random.random(ball.shape) < 0.3), ball ^ 1, ball).astype(numpy.uint8)
    found = Smoothing.smoothed(rough, 3.0, spacingMm)
    assert (found ^ ball).sum() < 0.5 * (rough ^ ball).sum()
    assert found.sum() == pytest.approx(ball.sum(), rel=0.03)


def test_shearedGridIsRefused():
    assert spacingOf(numpy.diag([-0.5, -0.5, 2.0, 1.0])) == (0.5, 0.5, 2.0)
    sheared = numpy.diag([-0.5, -0.5, 2.0, 1.0])
    sheared[1, 2] = 0.3
    for matrix, code in ((sheared, "sheared-geometry"), (numpy.diag([1.0, 0.0, 1.0, 1.0]), "flat-geometry")):
        with pytest.raises(InputRefused) as refused:
            spacingOf(matrix)
        assert refused.value.code == code
