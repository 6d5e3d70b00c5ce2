"""Measurements against shapes of known distances, angles, areas, volumes and thickness (0.05 mm, 0.01 degrees)."""

import numpy
import pytest
from AnalyticShapes import ballMesh, contextOf, line, slab
from PlanMaking import aContext, ball, box, boxMesh, carried

from PlanningHubLib.Errors import InputRefused

TOLERANCE_MM = 0.05
ANGLES = numpy.linspace(0, 2 * numpy.pi, 16, endpoint=False)
CIRCLE = numpy.c_[25 * numpy.cos(ANGLES), 25 * numpy.sin(ANGLES), 0 * ANGLES + 7]


def measureStep(quantity, objects=(), points=(), **parameters):
    return {
        "do": "measure", "name": "measured", "quantity": quantity, "objects": list(objects),
        "points": [list(point) for point in points], **parameters,
    }  # fmt: skip


def measured(meshes, *steps):
    return carried(contextOf(meshes), *steps).results["measured"]


def plane(name, origin=(0, 0, 0), normal=(0, 0, 1)):
    return {"do": "plane", "name": name, "origin": list(origin), "normal": list(normal)}


def pointsStep(name, *points):
    return {"do": "points", "name": name, "points": [list(point) for point in points]}


def curve(name, points, closed):
    return {"do": "curve", "name": name, "points": numpy.asarray(points).tolist(), "closed": closed}


@pytest.mark.parametrize(
    ("objects", "points", "expectedMm"),
    [
        (["way"], [], 50),
        ([], [(0, 0, 0), (3, 4, 12)], 13),
        (["pair"], [], 13),
        (["level"], [(5, 5, -7)], 12),
        (["way"], [(10, 0, 0)], 10),
        (["ball"], [(0, 25, 0)], 5),
        (["ball"], [(0, 15, 0)], -5),
        (["aside", "ball"], [], 4),
        (["ball", "slab"], [], 2.5),
    ],
)
def test_distancesAreToTheNearestPlace(objects, points, expectedMm):
    meshes = {"ball": ballMesh(), "slab": slab(22.5, 30)}
    placed = [
        line("way", (0, 0, 0), (0, 30, 40)), line("aside", (24, -50, 0), (24, 50, 0)),
        plane("level", (0, 0, 5)), pointsStep("pair", (0, 0, 0), (3, 4, 12)),
    ]  # fmt: skip
    result = measured(meshes, *placed, measureStep("distance", objects, points))
    assert result.figures["distanceMm"] == pytest.approx(expectedMm, abs=TOLERANCE_MM)
    assert result.tables["Measurements"] == [
        {"name": "measured", "kind": "Distance", "unit": "mm", "value": result.figures["distanceMm"]}
    ]


def test_placesOfADistanceAreStated():
    figures = measured({"ball": ballMesh()}, measureStep("distance", ["ball"], [(0, 0, 30)])).figures
    assert figures["fromRas"] == pytest.approx([0, 0, 30])
    assert figures["toRas"] == pytest.approx([0, 0, 20], abs=TOLERANCE_MM)


@pytest.mark.parametrize(
    ("objects", "points", "expectedDegrees"),
    [
        ([], [(10, 0, 0), (0, 0, 0), (10, 10, 0)], 45),
        ([], [(10, 0, 0), (0, 0, 0), (-10, 10, 0)], 135),
        (["up", "oblique"], [], 30),
        (["oblique", "level"], [], 60),
        (["level", "tilted"], [], 20),
        (["level", "under"], [], 20),
    ],
)
def test_anglesAreInDegrees(objects, points, expectedDegrees):
    def leaning(degrees):
        return (0, numpy.sin(numpy.radians(degrees)), numpy.cos(numpy.radians(degrees)))

    placed = [
        line("up", (0, 0, 0), (0, 0, 30)), line("oblique", (5, 5, 5), 5 + 40 * numpy.array(leaning(30))),
        plane("level"), plane("tilted", normal=leaning(20)), plane("under", normal=-numpy.array(leaning(20))),
    ]  # fmt: skip
    figures = measured({}, *placed, measureStep("angle", objects, points)).figures
    assert figures == {"angleDegrees": pytest.approx(expectedDegrees, abs=0.01)}


def test_curvesAreMeasuredAsSlicerDrawsThem(aSession):
    closed, opened = curve("closed", CIRCLE, True), curve("open", CIRCLE, False)
    lengthMm = measured({}, closed, measureStep("curve-length", ["closed"])).figures["lengthMm"]
    node = aSession.scene.AddNewNodeByClass("vtkMRMLMarkupsClosedCurveNode")
    for point in CIRCLE:
        node.AddControlPointWorld(*point)
    # A cardinal spline of 16 points is 0.001 mm off its circle; Slicer's own points are farther apart.
    assert lengthMm == pytest.approx(2 * numpy.pi * 25, abs=TOLERANCE_MM)
    assert lengthMm == pytest.approx(node.GetCurveLengthWorld(), abs=0.1)
    openMm = measured({}, opened, measureStep("curve-length", ["open"])).figures["lengthMm"]
    assert openMm == pytest.approx(2 * numpy.pi * 25 * 15 / 16, abs=0.3)


def test_areaOfAClosedCurveIsThatOfItsCircle():
    figures = measured({}, curve("closed", CIRCLE, True), measureStep("area", ["closed"])).figures
    assert figures["areaMm2"] == pytest.approx(numpy.pi * 625, rel=1e-3)
    assert figures["notFlatMm"] == pytest.approx(0, abs=1e-3)


def test_areaOfABentCurveSaysHowFarFromFlatItIs():
    bent = CIRCLE + [0, 0, 1] * (3 * numpy.sin(2 * ANGLES))[:, None]
    figures = measured({}, curve("closed", bent, True), measureStep("area", ["closed"])).figures
    assert figures["areaMm2"] == pytest.approx(numpy.pi * 625, rel=1e-3)
    assert figures["notFlatMm"] == pytest.approx(3, abs=0.1)


def test_volumeAndSurfaceOfSolids():
    meshes = {"block": boxMesh((0, 0, 0), (10, 20, 30)), "ball": ballMesh()}
    assert measured(meshes, measureStep("volume", ["block"])).figures == {"volumeMl": pytest.approx(6)}
    assert measured(meshes, measureStep("surface-area", ["block"])).figures == {"areaMm2": pytest.approx(2200)}
    assert measured(meshes, measureStep("volume", ["ball"])).figures["volumeMl"] == pytest.approx(33.51, abs=0.02)


def test_thicknessIsStraightThroughTheWall():
    wall = boxMesh((-50, -50, 0), (50, 50, 6))
    for mesh, at, expectedMm in ((wall, (3, 4, 20), 6), (wall, (3, 4, -1), 6), (ballMesh(), (12, 15, 3), 40)):
        figures = measured({"wall": mesh}, measureStep("thickness", ["wall"], [at])).figures
        assert figures["thicknessMm"] == pytest.approx(expectedMm, abs=TOLERANCE_MM)


def test_thicknessOfAVoxelPlateIsGoodToAQuarterOfAVoxel(aSession):
    mask = box((60, 60, 60), (-20, -20, -3), (20, 20, 3))
    made = carried(aContext(aSession, {"plate": mask}), measureStep("thickness", ["plate"], [(2, 3, 9)]))
    # Voxels at −2.5 to 2.5 mm: 6 mm thick.
    assert made.results["measured"].figures["thicknessMm"] == pytest.approx(6, abs=0.25)


def test_extentsAreAlongTheScansOrAFramesAxes():
    turn = {"do": "placement", "name": "frame", "turnDegrees": [0, 0, 90]}
    meshes = {"block": boxMesh((0, 0, 0), (10, 20, 30))}
    figures = measured(meshes, measureStep("extents", ["block"])).figures
    assert [figures[name] for name in ("rightMm", "anteriorMm", "superiorMm")] == pytest.approx([10, 20, 30])
    assert figures["longestMm"] == pytest.approx(numpy.sqrt(1400), abs=1e-3)
    figures = measured(meshes, turn, measureStep("extents", ["block"], frame="frame")).figures
    assert [figures[name] for name in ("rightMm", "anteriorMm", "superiorMm")] == pytest.approx([20, 10, 30])


@pytest.mark.parametrize(
    ("step", "code"),
    [
        (measureStep("distance", ["ball"]), "cannot-measure"),
        (measureStep("angle", [], [(0, 0, 0), (1, 0, 0)]), "cannot-measure"),
        (measureStep("angle", [], [(0, 0, 0), (0, 0, 0), (1, 0, 0)]), "no-length"),
        (measureStep("curve-length", ["ball"]), "cannot-measure"),
        (measureStep("area", ["open"]), "cannot-measure"),
        (measureStep("volume", [], [(0, 0, 0)]), "cannot-measure"),
        (measureStep("distance", ["ball", "block"]), "solids-overlap"),
        (measureStep("volume", ["nothing"]), "no-such-object"),
        (measureStep("weight", ["ball"]), "bad-plan"),
    ],
)
def test_whatCannotBeMeasuredIsRefusedByName(step, code):
    meshes = {"ball": ballMesh(), "block": boxMesh()}
    with pytest.raises(InputRefused) as refused:
        measured(meshes, curve("open", CIRCLE, False), step)
    assert refused.value.code == code


def test_segmentIsASolid(aSession):
    made = carried(aContext(aSession, {"ball": ball()}), measureStep("volume", ["ball"]))
    assert made.results["measured"].figures["volumeMl"] == pytest.approx(33.5, rel=0.01)
