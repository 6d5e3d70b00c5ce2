"""Operations on masks give the voxels that scipy and SimpleITK give, at the borders too."""

import numpy
import pytest
import SimpleITK
from scipy import ndimage

from PlanningHubLib import Masks

SHAPES = [(12, 17, 23), (9, 16, 32), (5, 8, 7), (3, 40, 9), (1, 20, 20)]
CUBE = {radius: numpy.ones((2 * radius + 1,) * 3, bool) for radius in (1, 2, 3, 8, 9)}


def randomMask(shape, density, seed=0):
    return (numpy.random.default_rng(seed).random(shape) < density).astype(numpy.uint8)


def closedByScipy(mask, radius):
    """Closing as if the volume had no border."""
    padded = numpy.pad(mask, 2 * radius)
    inside = slice(2 * radius, -2 * radius)
    return ndimage.binary_closing(padded, CUBE[radius])[inside, inside, inside].astype(numpy.uint8)


def closedBySimpleItk(mask, radius):
    image = SimpleITK.ConstantPad(SimpleITK.GetImageFromArray(mask), [2 * radius] * 3, [2 * radius] * 3, 0)
    image = SimpleITK.BinaryMorphologicalClosing(image, [radius] * 3, SimpleITK.sitkBox, 1)
    return SimpleITK.GetArrayFromImage(SimpleITK.Crop(image, [2 * radius] * 3, [2 * radius] * 3))


def assertMask(found, like):
    assert found.dtype == numpy.uint8 and found.shape == like.shape and found.flags.c_contiguous
    assert set(numpy.unique(found)) <= {0, 1}


@pytest.mark.parametrize("threshold", [-1000, 0, 300, 301])
def test_thresholdIncludesItsOwnValue(threshold):
    voxels = numpy.array([[[-1001, -1000, -1, 0, 299, 300, 301, 3000]]], numpy.int16)
    assert numpy.array_equal(Masks.thresholded(voxels, threshold), (voxels >= threshold).astype(numpy.uint8))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("density", [0.05, 0.2, 0.31, 0.4, 0.7])
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("mostRunEnds", [0, 1])
def test_largestIslandIsThatOfScipyAndSimpleItk(shape, density, seed, mostRunEnds, monkeypatch):
    """By numbered voxels as by joined runs."""
    monkeypatch.setattr(Masks, "MOST_RUN_ENDS", mostRunEnds)
    mask = randomMask(shape, density, seed)
    labels, count = ndimage.label(mask)
    sizes = numpy.bincount(labels.reshape(-1))[1:]
    found = Masks.largestIsland(mask)
    assertMask(found, mask)
    assert found.sum() == sizes.max()
    (label,) = set(labels[found > 0])
    assert numpy.array_equal(found, labels == label)
    ordered = SimpleITK.RelabelComponent(SimpleITK.ConnectedComponent(SimpleITK.GetImageFromArray(mask)))
    reference = SimpleITK.GetArrayFromImage(ordered) == 1
    assert reference.sum() == found.sum()
    assert label == sizes.argmax() + 1, "of equal ones the first"
    if (sizes == sizes.max()).sum() == 1:
        assert numpy.array_equal(found, reference)


def test_moreIslandsThanAByteCanCount():
    mask = numpy.zeros((40, 40, 40), numpy.uint8)
    mask[::2, ::2, ::2] = 1
    mask[30:33, 30:33, 30:33] = 1
    assert ndimage.label(mask)[1] > 5000
    found = Masks.largestIsland(mask)
    assert numpy.array_equal(found, ndimage.label(mask)[0] == ndimage.label(mask)[0][31, 31, 31])


def test_islandsThatTouchAtCornersAreApart():
    mask = numpy.zeros((4, 4, 4), numpy.uint8)
    mask[0, 0, 0] = mask[1, 1, 1] = mask[1, 1, 2] = 1
    assert Masks.largestIsland(mask).sum() == 2


@pytest.mark.parametrize("value", [0, 1])
def test_emptyAndFullMasksStayAsTheyAre(value):
    mask = numpy.full((4, 5, 6), value, numpy.uint8)
    assert numpy.array_equal(Masks.largestIsland(mask), mask)
    for radius in (1, 2):
        assert numpy.array_equal(Masks.closed(mask, radius), mask)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("radius", [1, 2, 3])
@pytest.mark.parametrize("density", [0.02, 0.1, 0.3, 0.6])
def test_closingIsThatOfScipyAndSimpleItk(shape, radius, density):
    mask = randomMask(shape, density, radius)
    before = mask.copy()
    found = Masks.closed(mask, radius)
    assertMask(found, mask)
    assert numpy.array_equal(mask, before)
    assert numpy.array_equal(found, closedByScipy(mask, radius))
    assert numpy.array_equal(found, closedBySimpleItk(mask, radius))
    assert (found >= mask).all()


@pytest.mark.parametrize("radius", [8, 9])
def test_closingOfManyVoxelsIsThatOfScipy(radius):
    mask = randomMask((6, 30, 41), 0.003, radius)
    assert numpy.array_equal(Masks.closed(mask, radius), closedByScipy(mask, radius))


@pytest.mark.parametrize("corner", list(numpy.ndindex(2, 2, 2)))
@pytest.mark.parametrize("radius", [1, 2])
def test_closingKeepsWhatTouchesTheBorder(corner, radius):
    """Two voxels at the very corner with a gap between them: the gap closes, nothing else changes."""
    mask = numpy.zeros((7, 9, 11), numpy.uint8)
    at = tuple(-1 if end else 0 for end in corner)
    inward = [-1 if end else 1 for end in corner]
    for axis in range(3):
        place = list(at)
        place[axis] += inward[axis] * 2
        mask[tuple(place)] = 1
    mask[at] = 1
    assert numpy.array_equal(Masks.closed(mask, radius), closedByScipy(mask, radius))


def test_closingOfNothingIsTheMask():
    mask = randomMask((5, 6, 7), 0.3)
    assert numpy.array_equal(Masks.closed(mask, 0), mask)


def test_boundsAreTheFirstAndLastFilledPlanes():
    mask = numpy.zeros((8, 9, 10), numpy.uint8)
    assert Masks.bounds(mask) is None
    mask[2, 3, 9] = mask[5, 0, 4] = 1
    assert Masks.bounds(mask) == ((2, 5), (0, 3), (4, 9))
