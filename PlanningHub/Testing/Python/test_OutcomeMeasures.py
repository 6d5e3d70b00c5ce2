"""Achieved against planned: known errors of planes, fragments, implants and screws are found again."""

import numpy
import pytest
from AnalyticShapes import ballMesh
from PlanMaking import ball, box, boxMesh, gridMatrix, voxelCenters
from test_Registration import SHAPE, anUnevenBone, motion, movedMesh, surfaceOf

from PlanningHubLib.Planning.Objects import Plane, Solid
from PlanningHubLib.Planning.OutcomeMeasures import NotFound, PlannedCut, bodyRow, metalAxis, planeRow, screwRow
from PlanningHubLib.Shapes.Mesh import Mesh

KERF_MM = 1.0
# Of voxels of 1 mm: what a plane through a section of 30 mm is found to.
TOLERANCE_DEGREES, TOLERANCE_MM = 0.4, 0.15


def leaning(degrees):
    return numpy.array((numpy.sin(numpy.radians(degrees)), 0, numpy.cos(numpy.radians(degrees))))


def sawn(mask, normal, heightMm, kerfMm=KERF_MM, sides=(-1, 1)):
    """Return a mask without what a saw takes along a plane, and without what lies on a side that is not named."""
    right, anterior, superior = voxelCenters(SHAPE)
    heights = right * normal[0] + anterior * normal[1] + superior * normal[2] - heightMm
    kept = numpy.zeros(SHAPE, bool)
    for side in sides:
        kept |= heights * side >= kerfMm / 2
    return mask & kept


def plannedCut(degrees=0.0, heightMm=0.0, **cut):
    normal = leaning(degrees)
    return PlannedCut(Plane("cut", heightMm * normal, normal), surfaceOf(anUnevenBone()), KERF_MM, **cut)


@pytest.mark.parametrize(
    ("plannedDegrees", "achievedDegrees", "offsetMm"),
    # None along the voxels: there the face of a mask is off by up to half of one.
    [(4, 4, 0), (4, 4, 2.0), (0, 5, 0), (20, 12, 1.5), (33, 40, -3)],
)
@pytest.mark.parametrize("sides", [(-1, 1), (-1,), (1,)])
def test_errorOfACutIsFoundAgain(plannedDegrees, achievedDegrees, offsetMm, sides):
    cut = plannedCut(plannedDegrees, sides=sides)
    normal = leaning(achievedDegrees)
    # Through the middle of the section, off by so much along the planned normal.
    middle = sectionMiddle(cut)
    heightMm = (middle + offsetMm * cut.plane.normalRas) @ normal
    row = planeRow(cut, surfaceOf(sawn(anUnevenBone(), normal, heightMm, sides=sides)))
    assert row["angleDegrees"] == pytest.approx(abs(achievedDegrees - plannedDegrees), abs=TOLERANCE_DEGREES)
    assert row["offsetMm"] == pytest.approx(offsetMm, abs=TOLERANCE_MM)
    assert row["faces"] == len(sides)


def sectionMiddle(cut):
    from PlanningHubLib.Planning.Distances import SurfaceSearch
    from PlanningHubLib.Planning.OutcomeMeasures import _section

    return _section(cut.plane, cut.mesh, SurfaceSearch(cut.mesh)).mean(0)


def test_cutThatWasNotMadeIsNotFound():
    with pytest.raises(NotFound, match="no new face"):
        planeRow(plannedCut(), surfaceOf(anUnevenBone()))
    with pytest.raises(NotFound, match="does not meet"):
        planeRow(plannedCut(heightMm=80), surfaceOf(anUnevenBone()))


def test_errorOfAFragmentIsFoundAgain():
    planned = surfaceOf(sawn(anUnevenBone(), leaning(0), 4, sides=(1,)))
    rest = surfaceOf(sawn(anUnevenBone(), leaning(0), -10, sides=(-1,)))
    wanted = motion((2, -3, 4), (1.5, -1, 2))
    found = movedMesh(planned, wanted)
    after = Mesh.fromArrays(
        numpy.r_[rest.points, found.points], numpy.r_[rest.triangles, found.triangles + len(rest.points)]
    )
    row = bodyRow(Solid("flap", planned, "fragment", moved=True), after)
    center = planned.points.mean(0)
    assert row["translationMm"] == pytest.approx(wanted[:3, :3] @ center + wanted[:3, 3] - center, abs=0.05)
    assert row["rotationDegrees"] == pytest.approx([2, -3, 4], abs=0.1)
    assert row["fitMm"] < 0.05


def test_implantThatLiesDeeperIsSaidToBe():
    plate = boxMesh((-20, -15, 0), (20, 15, 4))
    row = bodyRow(Solid("plate", plate, "implant"), movedMesh(plate, motion((0, 0, 0), (0, 0, -1.2))))
    assert row["translationMm"] == pytest.approx([0, 0, -1.2], abs=0.05)
    assert row["maximumMm"] == pytest.approx(1.2, abs=0.05) and 0 < row["meanMm"] < 1.2


def test_bodyThatIsNotThereIsNotFound():
    plate = Solid("plate", boxMesh((-20, -15, 0), (20, 15, 4)), "implant")
    for after in (ballMesh(8, (0, 0, 2)), ballMesh(20, (90, 0, 0))):
        with pytest.raises(NotFound):
            bodyRow(plate, after)


def test_errorsOfAScrewAreThoseOfItsEnds():
    row = screwRow("screw", (0, 0, 0), (0, 0, 40), (numpy.array((3.0, 0, 1)), numpy.array((3.0, 4.0, 41))))
    assert row["entryDistanceMm"] == pytest.approx(numpy.sqrt(10))
    assert row["targetDistanceMm"] == pytest.approx(numpy.sqrt(26))
    assert row["angleDegrees"] == pytest.approx(numpy.degrees(numpy.arctan(0.1)))
    assert row["entryLateralMm"] == pytest.approx(3.0, abs=0.01)
    parallel = screwRow("screw", (0, 0, 0), (0, 0, 40), (numpy.array((2.0, 0, 5)), numpy.array((2.0, 0, 50))))
    assert (parallel["targetLateralMm"], parallel["angleDegrees"]) == (pytest.approx(2), 0)
    assert (parallel["plannedMm"], parallel["achievedMm"]) == (40, 45)


def rod(start, end, radiusMm=2.5):
    """Return the mask of a rod."""
    points = numpy.stack(voxelCenters(SHAPE), axis=-1)
    start, end = numpy.array(start, float), numpy.array(end, float)
    lengthMm = numpy.linalg.norm(end - start)
    direction = (end - start) / lengthMm
    along = (points - start) @ direction
    across = numpy.linalg.norm(points - start - along[..., None] * direction, axis=-1)
    return (across <= radiusMm) & (along >= 0) & (along <= lengthMm)


def test_axisOfAMetalScrewIsFound():
    start, end = (2, -1, -20), (6, 3, 22)
    metal = rod(start, end) | ball(SHAPE, 5, (25, 0, 0))
    entry, target = metalAxis(metal, gridMatrix(SHAPE), numpy.array((0, 0, -20)), numpy.array((3, 0, 22)))
    # Its ends to a voxel, its axis to a fraction of one.
    assert entry == pytest.approx(start, abs=1.0) and target == pytest.approx(end, abs=1.0)
    row = screwRow("screw", start, end, (entry, target))
    assert row["entryLateralMm"] < 0.15 and row["targetLateralMm"] < 0.15 and row["angleDegrees"] < 0.3
    with pytest.raises(NotFound, match="no metal"):
        metalAxis(box(SHAPE, (30, 30, 30), (40, 40, 40)), gridMatrix(SHAPE), numpy.zeros(3), numpy.array((0, 0, 30)))
