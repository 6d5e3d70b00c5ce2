"""What is drawn of a plan lies where slices meet it, to the pixel; compared with what geometry says it should be."""

import numpy as np
import pytest
from SmallContent import PLANE_NORMAL_LPS, RADIUS_MM, SHAPE, SmallContent, aBall
from SmallSeries import AXIAL, OBLIQUE, SPACING_MM

from ORExportLib.Dicom.SliceMarks import planMarks
from ORExportLib.Dicom.SliceSections import lineSections, meshSections, sectionPixels
from PlanningHubLib.Planning.Objects import Curve, Plane

SPACING = np.array(SPACING_MM)


@pytest.fixture(params=[AXIAL, OBLIQUE], ids=["axial", "oblique"])
def aContent(request, tmp_path, aMaking):
    return SmallContent(tmp_path / "ct", aMaking, request.param)


def marksOf(content):
    return {mark.name: mark for mark in planMarks(content)}


def fromMiddleMm(pixels, middle):
    """Distances along columns, rows and slices of pixels (slice, row, column) from an index (column, row, slice)."""
    return (pixels[:, ::-1] - np.array(middle)) * SPACING


def test_onlyWhatIsPlannedIsDrawn(aContent):
    kinds = {name: mark.kind for name, mark in marksOf(aContent).items()}
    assert kinds == {
        "Plate": "implant", "Jaw": "fragment, moved", "Cut": "cut", "Screw": "line", "Landmarks": "points"
    }  # fmt: skip


def test_outlineIsTheSectionOfTheBall(aContent):
    ball = aBall("Ball", aContent.place(70, 60, 3), role="fragment")
    aContent.bodies = (ball,)
    pixels = marksOf(aContent)["Ball"].pixels
    heightsMm = np.abs(fromMiddleMm(pixels, (70, 60, 3))[:, 2])
    assert set(pixels[:, 0]) == set(range(SHAPE[0])) and heightsMm.max() < RADIUS_MM
    distancesMm = np.linalg.norm(fromMiddleMm(pixels, (70, 60, 3)), axis=1)
    # Half a pixel's diagonal, and what the flat triangles cut off.
    assert np.abs(distancesMm - RADIUS_MM).max() < np.hypot(*SPACING_MM[:2]) / 2 + 0.03
    # All around: no gap in the outline.
    offsets = fromMiddleMm(pixels[pixels[:, 0] == 3], (70, 60, 3))
    turns = np.sort(np.degrees(np.arctan2(offsets[:, 1], offsets[:, 0])))
    assert np.diff(turns, append=turns[0] + 360).max() < 4


def test_implantIsHatchedInsideAndNowhereElse(aContent):
    pixels = marksOf(aContent)["Plate"].pixels
    distancesMm = np.linalg.norm(fromMiddleMm(pixels, (70, 60, 3)), axis=1)
    assert distancesMm.max() < RADIUS_MM + 0.6
    inside = pixels[distancesMm < RADIUS_MM - 1]
    assert (inside[:, 1:].sum(1) % 8 == 0).all()
    ball = np.linalg.norm(fromMiddleMm(np.argwhere(np.ones(SHAPE)), (70, 60, 3)), axis=1) < RADIUS_MM - 1
    wanted = ball.sum() / 8
    assert abs(len(inside) - wanted) < 0.03 * wanted


def test_cutIsALineOnEverySliceThatItsDiscMeets(aContent):
    pixels = marksOf(aContent)["Cut"].pixels
    offsets = fromMiddleMm(pixels, (70, 60, 3))
    assert np.abs(offsets @ PLANE_NORMAL_LPS).max() < np.hypot(*SPACING_MM[:2]) / 2 + 1e-3
    assert np.linalg.norm(offsets, axis=1).max() < 25.5 and set(pixels[:, 0]) == set(range(SHAPE[0]))
    length = np.ptp(offsets[pixels[:, 0] == 3] @ (-0.6, 0.8, 0))
    assert 47 < length < 51
    # Dashed: some of the way only.
    whole = 50 / min(SPACING_MM[:2])
    assert 0.4 * whole < (pixels[:, 0] == 3).sum() < 0.85 * whole


def test_cutAlongTheSlicesIsARingOnTheNearestOne(aContent):
    normal = aContent.along(np.array([0, 0, 1.0]))
    plane = Plane("Cut", aContent.place(70, 60, 2.3) * (-1, -1, 1), normal * (-1, -1, 1), 30.0)
    aContent.objects = {"Cut": plane}
    pixels = marksOf(aContent)["Cut"].pixels
    assert set(pixels[:, 0]) == {2}
    distancesMm = np.linalg.norm(fromMiddleMm(pixels, (70, 60, 2)), axis=1)
    assert np.abs(distancesMm - 15).max() < 0.6


def test_trajectoryPassesEachSliceWhereItCrossesIt(aContent):
    pixels = marksOf(aContent)["Screw"].pixels
    assert set(pixels[:, 0]) == {1, 2, 3, 4, 5}
    for number in range(1, 6):
        share = (number - 1) / 4
        there = pixels[pixels[:, 0] == number][:, ::-1]
        middle = there.min(0)[:2] + np.ptp(there, axis=0)[:2] / 2
        assert np.abs(middle - (100 + 3 * share, 20 + 6 * share)).max() <= 0.75
        assert (np.abs(there[:, :2] - np.rint([100 + 3 * share, 20 + 6 * share])).max(1) <= 1).any()


def test_lineWithinASliceIsDrawnAlongIt(aContent):
    sections = lineSections([(10, 10, 3), (50, 40, 3), (50, 40, 5)], SHAPE[0])
    pixels = sectionPixels(sections, SHAPE)
    onSlice = pixels[pixels[:, 0] == 3]
    assert onSlice[:, 2].min() == 10 and onSlice[:, 2].max() == 50
    assert np.abs((onSlice[:, 1] - 10) / 30 - (onSlice[:, 2] - 10) / 40).max() < 0.03
    assert {tuple(one) for one in pixels[pixels[:, 0] > 3]} == {(4, 40, 50), (5, 40, 50)}


def test_pointIsARingOnTheNearestSlice(aContent):
    pixels = marksOf(aContent)["Landmarks"].pixels
    assert set(pixels[:, 0]) == {2} and (2, 90, 20) in {tuple(one) for one in pixels}
    ring = pixels[np.abs(pixels[:, 1:] - (90, 20)).max(1) > 0]
    assert len(ring) > 8 and np.abs(np.linalg.norm(ring[:, 1:] - (90, 20), axis=1) - 3).max() < 1


def test_curveIsDrawnThroughItsPoints(aContent):
    points = np.array([aContent.place(30, 20, 3), aContent.place(60, 30, 3), aContent.place(90, 20, 3)])
    aContent.objects = {"Rim": Curve("Rim", points * (-1, -1, 1))}
    pixels = {tuple(one) for one in marksOf(aContent)["Rim"].pixels}
    assert {(3, 20, 30), (3, 30, 60), (3, 20, 90)} <= pixels


def test_cornersThatLieOnASliceLeaveNoGap():
    """A cube whose faces and corners lie exactly on slices, as surfaces of voxels do."""
    points = np.array([(x, y, z) for x in (2, 8) for y in (2, 8) for z in (1, 3)], float)
    faces = [(0, 1, 3), (0, 3, 2), (4, 6, 7), (4, 7, 5), (0, 4, 5), (0, 5, 1), (2, 3, 7), (2, 7, 6), (1, 5, 7),
             (1, 7, 3), (0, 2, 6), (0, 6, 4)]  # fmt: skip
    pixels = sectionPixels(meshSections(points, np.array(faces), 5), (5, 12, 12))
    border = {
        (row, column) for row in range(2, 9) for column in range(2, 9) if 2 in (row, column) or 8 in (row, column)
    }
    for number in set(pixels[:, 0]):
        assert {tuple(one[1:]) for one in pixels if one[0] == number} == border
    assert 2 in pixels[:, 0] and len(set(pixels[:, 0])) == 2


def test_whatLiesOutsideTheImagesIsNotDrawn(aContent):
    aContent.bodies = (aBall("Far", aContent.place(-200, 60, 3), role="implant"),
                       aBall("Half", aContent.place(0, 60, 3), role="implant"))  # fmt: skip
    aContent.objects = {}
    marks = marksOf(aContent)
    assert set(marks) == {"Half"} and marks["Half"].pixels.min() >= 0
