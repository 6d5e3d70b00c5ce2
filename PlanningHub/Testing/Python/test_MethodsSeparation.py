"""Structures that touch are taken apart from a few points: the known truth of shapes, and what points may not be."""

import numpy
import pytest

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Segmenting.Quality import compared
from PlanningHubLib.Segmenting.Separation import separate

SPACING_MM = (1.0, 1.0, 1.5)


def joint(gapHu=450, noiseHu=40):
    """A ball with a bright shell and dim marrow in a socket; between them a gap that partial volume has filled."""
    slices, rows, columns = numpy.indices((50, 70, 70))
    distanceMm = numpy.sqrt(((slices - 25) * 1.5) ** 2 + (rows - 35) ** 2 + (columns - 35) ** 2)
    voxelsHu = numpy.full(distanceMm.shape, 40.0)
    socket = (distanceMm > 21) & (distanceMm <= 28) & (slices > 22)
    head = distanceMm <= 19
    voxelsHu[socket] = 900
    voxelsHu[(distanceMm > 19) & (distanceMm <= 21) & (slices > 22)] = gapHu
    voxelsHu[head] = 900
    voxelsHu[distanceMm <= 15] = 320
    voxelsHu += numpy.random.default_rng(9).normal(0, noiseHu, voxelsHu.shape)
    return voxelsHu.astype(numpy.int16), head, socket


@pytest.mark.parametrize("headPoint", [(25, 35, 35), (25, 35, 18), (20, 30, 40)])
def test_headAndSocketPartAtTheGap(headPoint):
    """The point on the head may lie in dim marrow or on the cortex."""
    voxelsHu, head, socket = joint()
    mask = (voxelsHu >= 200).astype(numpy.uint8)
    seeds = {"Head": numpy.array([headPoint]), "Socket": numpy.array([(41, 35, 35)])}
    found = separate(voxelsHu, mask, seeds, SPACING_MM)
    for label, truth in ((1, head), (2, socket)):
        agreement = compared(found.labels == label, truth, SPACING_MM, 2.0)
        assert agreement.dice > 0.9 and agreement.surfaceDice > 0.95
    assert (mask & (found.labels == 0)).sum() * 0.0015 == pytest.approx(found.withoutPointMl)


def test_withoutTheGapTheyCannotBeTold():
    voxelsHu, head, _socket = joint(gapHu=1000)
    mask = (voxelsHu >= 200).astype(numpy.uint8)
    seeds = {"Head": numpy.array([(25, 35, 35)]), "Socket": numpy.array([(41, 35, 35)])}
    assert compared(separate(voxelsHu, mask, seeds, SPACING_MM).labels == 1, head, SPACING_MM, 2.0).dice < 0.9


def test_aRowOfBlocksIsDividedHalfWay():
    """No gap at all: the nearest point decides, along the bone."""
    voxelsHu = numpy.full((60, 20, 20), 300, numpy.int16)
    seeds = {
        "one": numpy.array([(10, 10, 10)]),
        "two": numpy.array([(30, 10, 10)]),
        "three": numpy.array([(50, 10, 10)]),
    }
    labels = separate(voxelsHu, numpy.ones((60, 20, 20), numpy.uint8), seeds, SPACING_MM, "nearest").labels
    for label, low, high in ((1, 0, 20), (2, 20, 40), (3, 40, 60)):
        truth = numpy.zeros_like(labels)
        truth[low:high] = 1
        assert compared((labels == label).astype(numpy.uint8), truth, SPACING_MM, 2.0).dice > 0.97


@pytest.mark.parametrize("rule", ["darkest-gap", "nearest"])
def test_islandsWithoutAPointAreLeftOut(rule):
    mask = numpy.zeros((20, 20, 40), numpy.uint8)
    mask[5:10, 5:10, 2:20] = mask[12:18, 12:18, 25:35] = 1
    seeds = {"one": numpy.array([(7, 7, 4)]), "two": numpy.array([(7, 7, 17)])}
    found = separate(mask.astype(numpy.int16) * 500, mask, seeds, (1.0, 1.0, 1.0), rule)
    assert found.withoutPointMl == pytest.approx(0.36) and not found.labels[12:18].any()
    assert set(numpy.unique(found.labels)) == {0, 1, 2} and "without-point" in [one.code for one in found.findings]


@pytest.mark.parametrize(
    "seeds, code",
    [
        ({"one": [(7, 7, 4)]}, "too-few-structures"),
        ({"one": [(7, 7, 4)], "two": [(0, 0, 39)]}, "seeds-in-air"),
        ({"one": [(7, 7, 4)], "two": [(7, 7, 4)]}, "seeds-at-one-place"),
    ],
)
def test_pointsThatCannotBeUsedAreRefused(seeds, code):
    mask = numpy.zeros((20, 20, 40), numpy.uint8)
    mask[5:10, 5:10, 2:20] = 1
    with pytest.raises(InputRefused) as refused:
        separate(
            mask.astype(numpy.int16), mask, {name: numpy.array(points) for name, points in seeds.items()}, SPACING_MM
        )
    assert refused.value.code == code


def test_aPointBesideTheBoneIsTakenToIt():
    mask = numpy.zeros((20, 20, 40), numpy.uint8)
    mask[5:10, 5:10, 2:20] = 1
    seeds = {"one": numpy.array([(7, 3, 4)]), "two": numpy.array([(7, 12, 17)])}
    labels = separate(mask.astype(numpy.int16), mask, seeds, (1.0, 1.0, 1.0), "nearest").labels
    assert labels[7, 7, 4] == 1 and labels[7, 7, 17] == 2
