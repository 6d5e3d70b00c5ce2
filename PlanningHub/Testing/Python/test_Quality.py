"""Figures of agreement and volume have the values that geometry gives, and those of a brute-force search."""

import math

import numpy
import pytest
from scipy import ndimage
from scipy.spatial import cKDTree
from test_Methods import aBall

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Segmenting import Quality

CUBES = (1.0, 1.0, 1.0)


def aBox(low, high, shape=(40, 40, 40)):
    mask = numpy.zeros(shape, numpy.uint8)
    mask[tuple(slice(first, last) for first, last in zip(low, high, strict=True))] = 1
    return mask


def test_sameMaskAgreesFully():
    ball = aBall(10, (0.5, 0.5, 1.0))
    found = Quality.compared(ball, ball, (0.5, 0.5, 1.0), 0.0)
    assert (found.dice, found.surfaceDice, found.hausdorff95Mm, found.meanDistanceMm) == (1, 1, 0, 0)
    assert found.volumeMl == found.referenceMl == pytest.approx(4 / 3 * math.pi, rel=0.01)


def test_shiftedBoxHasTheDiceOfItsOverlap():
    found = Quality.compared(aBox((5, 5, 5), (25, 25, 25)), aBox((10, 5, 5), (30, 25, 25)), CUBES, 1.0)
    assert found.dice == pytest.approx(0.75)
    assert found.hausdorff95Mm == pytest.approx(5.0)


@pytest.mark.parametrize("spacingMm", [(1.0, 1.0, 1.0), (0.5, 0.5, 1.0)])
def test_ballInABallIsApartByTheDifferenceOfRadii(spacingMm):
    outer, inner = aBall(15, spacingMm, 5), aBall(12, spacingMm, 8)
    found = Quality.compared(inner, outer, spacingMm, 2.0)
    assert found.hausdorff95Mm == pytest.approx(3, abs=max(spacingMm))
    assert found.meanDistanceMm == pytest.approx(3, abs=max(spacingMm) / 2)
    assert found.dice == pytest.approx(2 * 12**3 / (12**3 + 15**3), abs=0.01) and found.surfaceDice < 0.1
    assert Quality.compared(inner, outer, spacingMm, 3 + max(spacingMm)).surfaceDice == 1


def test_figuresAreThoseOfABruteForceSearch():
    random = numpy.random.default_rng(7)
    spacingMm = (0.7, 0.9, 2.0)
    masks = [ndimage.gaussian_filter(random.random((20, 24, 22)), 1.5) > 0.5 for _one in range(2)]
    found = Quality.compared(*masks, spacingMm, 1.0)
    points = [numpy.argwhere(mask & ~ndimage.binary_erosion(mask, border_value=1)) * spacingMm[::-1] for mask in masks]
    there, back = cKDTree(points[1]).query(points[0])[0], cKDTree(points[0]).query(points[1])[0]
    assert found.hausdorff95Mm == pytest.approx(max(numpy.percentile(there, 95), numpy.percentile(back, 95)), abs=1e-4)
    assert found.meanDistanceMm == pytest.approx((there.mean() + back.mean()) / 2, abs=1e-4)
    within = (there <= 1).sum() + (back <= 1).sum()
    assert found.surfaceDice == pytest.approx(within / (len(there) + len(back)))


def test_damageIsSeen():
    ball = aBall(12, CUBES)
    damaged = ball.copy()
    damaged[:, :, ball.shape[2] // 2 + 6 :] = 0
    found = Quality.compared(damaged, ball, CUBES, 1.0)
    assert found.dice < 0.95 and found.surfaceDice < 0.95 and found.hausdorff95Mm > 3


def test_whereTheScanEndsIsNoSurface():
    whole, part = aBox((0, 5, 5), (40, 25, 25)), aBox((0, 5, 5), (39, 25, 25))
    assert Quality.compared(whole, whole, CUBES, 0.0).surfaceDice == 1
    assert Quality.compared(part, whole, CUBES, 0.5).hausdorff95Mm >= 0


@pytest.mark.parametrize(
    "mask, reference, code",
    [
        (numpy.zeros((4, 4, 4)), numpy.ones((4, 4, 4)), "empty-segment"),
        (aBox((1, 1, 1), (3, 3, 3), (4, 4, 4)), numpy.zeros((4, 4, 4)), "empty-segment"),
        (numpy.ones((4, 4, 4)), numpy.ones((4, 4, 5)), "other-grid"),
        (numpy.ones((4, 4, 4)), numpy.ones((4, 4, 4)), "no-surface"),
    ],
)
def test_whatCannotBeComparedIsRefused(mask, reference, code):
    with pytest.raises(InputRefused) as refused:
        Quality.compared(mask, reference, CUBES, 1.0)
    assert refused.value.code == code


def test_largestClosedShell():
    """A box of 20 mm with a cavity, beside a small one: what the shell encloses counts, the cavity with it."""
    mask = aBox((5, 5, 5), (25, 25, 25)) | aBox((30, 30, 30), (36, 36, 36))
    mask[10:15, 10:15, 10:15] = 0
    matrix = numpy.diag([-1.0, -1.0, 1.0, 1.0])
    # Flying edges cut the corners of voxels: an eighth of a voxel at each edge.
    assert Quality.largestClosedShellMl(mask, matrix) == pytest.approx(8.0, rel=0.01)
    assert Quality.largestClosedShellMl(mask, numpy.diag([-2.0, -2.0, 2.0, 1.0])) == pytest.approx(64.0, rel=0.01)
    with pytest.raises(InputRefused):
        Quality.largestClosedShellMl(numpy.zeros_like(mask), matrix)
