"""Trajectories: lengths, angles, distances and passages against balls and boxes of known size (0.05 mm)."""

import numpy
import pytest
from AnalyticShapes import ballMesh, codes, contextOf, line, slab
from PlanMaking import aContext, ball, boxMesh, carried

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Planning.Distances import SurfaceSearch, nearestBetween, nearestOfSegment
from PlanningHubLib.Shapes.Checks import meshFacts

TOLERANCE_MM = 0.05
# Passes the ball of 20 mm about the origin at 25 mm, nearest 40 mm from the entry.
BESIDE = line("way", (25, -40, 0), (25, 50, 0))


def screw(**parameters):
    return {"do": "trajectory", "name": "screw", "line": "way", "diameterMm": 4.0, **parameters}


def riskOf(structure="ball", **rule):
    return [{"structure": structure, "source": "the test", **rule}]


def test_distanceIsFromTheWholeCylinder():
    made = carried(contextOf({"ball": ballMesh()}), BESIDE, screw(risks=["ball"]))
    figures, row = made.results["screw"].figures, made.results["screw"].tables["Distances to structures at risk"][0]
    assert figures["lengthMm"] == pytest.approx(90)
    assert (figures["nearestStructure"], figures["nearestMm"]) == ("ball", pytest.approx(3.0, abs=TOLERANCE_MM))
    assert row["alongMm"] == pytest.approx(40, abs=0.5)
    assert row["placeRas"] == pytest.approx([20, 0, 0], abs=0.5)
    assert made.findings == []


def test_nearestPlaceMayBeBetweenTheFirstSamplesAndAtAnEnd():
    search = SurfaceSearch(ballMesh())
    for entry, target, expectedMm in (
        ((-80, 21.3, 7.7), (90, 21.3, 7.7), numpy.hypot(21.3, 7.7) - 20),
        ((0, 0, 60), (0, 0, 22.5), 2.5),
        ((0, 0, 60), (0, 0, 5.0), -15.0),
    ):
        assert nearestOfSegment(search, entry, target).distanceMm == pytest.approx(expectedMm, abs=TOLERANCE_MM)


def test_wayAlongAFlatFaceIsMeasured():
    assert nearestOfSegment(SurfaceSearch(slab(-5, 0)), (-40, 0, 3), (40, 0, 3)).distanceMm == pytest.approx(3)


def test_anglesAreToTheScansAndToTheFramesPlanes():
    # 30 degrees up from the axial plane, within the sagittal one.
    end = (0, 50 * numpy.cos(numpy.radians(30)), 50 * numpy.sin(numpy.radians(30)))
    turned = {"do": "placement", "name": "frame", "turnDegrees": [30, 0, 0]}
    made = carried(contextOf({}), line("way", (0, 0, 0), end), turned, screw(frame="frame"))
    figures = made.results["screw"].figures
    assert [figures[f"angleTo{plane}Degrees"] for plane in ("Sagittal", "Coronal", "Axial")] == pytest.approx(
        [0, 60, 30], abs=1e-4
    )
    assert figures["angleToFrameAxialDegrees"] == pytest.approx(0, abs=1e-4)
    assert figures["angleToFrameCoronalDegrees"] == pytest.approx(90, abs=1e-2)


@pytest.mark.parametrize(
    ("rule", "findings"),
    [
        ({"minimumMm": 2.9, "warnMm": 2.95}, []),
        ({"minimumMm": 2.0, "warnMm": 3.1}, [("risk-too-close", "warn")]),
        ({"warnMm": 3.1}, [("risk-too-close", "warn")]),
        ({"minimumMm": 3.1}, [("risk-too-close", "reject")]),
    ],
)
def test_limitsOfTheProcedureHold(rule, findings):
    context = contextOf({"ball": ballMesh()}, riskOf(**rule))
    if findings and findings[0][1] == "reject":
        with pytest.raises(InputRefused, match="3.0 mm of ball.*3.1 mm are asked for") as refused:
            carried(context, BESIDE, screw())
        assert refused.value.code == "risk-too-close" and "the test" in refused.value.action
    else:
        assert codes(carried(context, BESIDE, screw()).findings) == findings


def test_plansOwnSafetyDistanceWarns():
    made = carried(contextOf({"ball": ballMesh()}), BESIDE, screw(risks=["ball"], safetyMm=5.0))
    assert codes(made.findings) == [("risk-too-close", "warn")]
    assert made.results["screw"].tables["Distances to structures at risk"][0]["source"].startswith("the plan's own")
    assert made.objects["screw"].color != carried(contextOf({}), BESIDE, screw()).objects["screw"].color


def test_wayIntoAStructureAtRiskSaysHowDeep():
    made = carried(contextOf({"ball": ballMesh()}), line("way", (0, 0, 50), (0, 0, 15)), screw(risks=["ball"]))
    assert codes(made.findings) == [("enters-structure", "warn")]
    assert made.results["screw"].figures["nearestMm"] == pytest.approx(-7, abs=TOLERANCE_MM)


def test_riskThatNobodySegmentedIsNamed():
    context = contextOf({"ball": ballMesh()}, [*riskOf(), *riskOf("dura")])
    made = carried(context, BESIDE, screw())
    assert codes(made.findings) == [("risk-not-segmented", "warn")] and "dura" in made.findings[0].message
    with pytest.raises(InputRefused) as refused:
        carried(contextOf({}), BESIDE, screw(risks=["dura"]))
    assert refused.value.code == "no-such-object"


def test_lengthWithinBoneIsWhatTheAxisRunsThrough():
    # 30 degrees off the slabs' normal: 10 mm and 6 mm thick, 8 mm apart.
    end = numpy.array((0, numpy.tan(numpy.radians(30)) * 80, -40))
    context = contextOf({"near": slab(10, 20), "far": slab(-4, 2), "hit": ballMesh(5, (0, 0, 90))})
    way = line("way", (0, 0, 40), end)
    made = carried(context, way, screw(through=["near", "far", "hit"]))
    figures, rows = made.results["screw"].figures, made.results["screw"].tables["Passages"]
    perMm = 1 / numpy.cos(numpy.radians(30))
    assert figures["insideMm near"] == pytest.approx(10 * perMm, abs=TOLERANCE_MM)
    assert figures["insideMm far"] == pytest.approx(6 * perMm, abs=TOLERANCE_MM)
    assert rows[0]["fromMm"] == pytest.approx(20 * perMm, abs=TOLERANCE_MM)
    assert codes(made.findings) == [("structure-missed", "warn")]
    assert made.results["screw"].tables["Trajectory"][0] == {
        "name": "screw", "diameterMm": 4.0, "lengthMm": pytest.approx(80 * perMm), "structure": "near",
        "insideMm": pytest.approx(10 * perMm, abs=TOLERANCE_MM),
    }  # fmt: skip


def test_screwThatBreaksOutOfBoneSaysHowFar():
    # The axis lies 1.5 mm below the box's upper face: a radius of 2 mm stands out by 0.5 mm, one of 1 mm does not.
    context = contextOf({"bone": boxMesh((-20, -20, -20), (20, 20, 1.5))})
    made = carried(
        context, line("way", (-30, 0, 0), (15, 0, 0)), screw(through=["bone"]),
        {**screw(through=["bone"]), "name": "thin", "diameterMm": 2.0},
    )  # fmt: skip
    breachesMm = [made.results[name].tables["Passages"][0]["breachMm"] for name in ("screw", "thin")]
    assert breachesMm == pytest.approx([0.5, 0], abs=TOLERANCE_MM)


def test_cylinderLiesOnItsAxis():
    made = carried(contextOf({}), line("way", (0, -20, 10), (0, 20, 10)), screw(diameterMm=6.0))
    solid = made.objects["screw"]
    assert (solid.role, solid.mirrored, solid.moved) == ("device", False, False)
    assert solid.mesh.boundsMm == [pytest.approx([-3, -20, 7], abs=0.01), pytest.approx([3, 20, 13], abs=0.01)]
    # A prism of 64 sides about its cylinder has 0.08 % more.
    assert solid.mesh.volumeMl == pytest.approx(numpy.pi * 9 * 40 / 1000, rel=0.002)
    assert meshFacts(solid.mesh).pieces == 1


def test_wayOutOfTheScanIsRefused():
    with pytest.raises(InputRefused, match="^screw: way leaves") as refused:
        carried(contextOf({}), line("way", (0, 0, 0), (0, 0, 120)), screw())
    assert refused.value.code == "trajectory-outside-volume"


def test_segmentOfVoxelsIsMeasuredToAVoxel(aSession):
    made = carried(aContext(aSession, {"ball": ball()}), line("way", (25, -25, 0), (25, 25, 0)), screw(risks=["ball"]))
    assert made.results["screw"].figures["nearestMm"] == pytest.approx(3.0, abs=0.5)


def test_approachesStandSideBySide():
    context = contextOf({"ball": ballMesh(), "bone": slab(30, 40)}, riskOf(minimumMm=10.0, warnMm=20.0))
    steps = [line("high", (0, 45, 50), (0, 45, 0)), line("low", (25, 0, 50), (25, 0, 0))]
    made = carried(
        context, *steps,
        {"do": "approaches", "name": "compared", "lines": ["high", "low"], "diameterMm": 2.0, "through": ["bone"]},
    )  # fmt: skip
    figures, rows = made.results["compared"].figures, made.results["compared"].tables["Approaches"]
    assert figures["lines"] == ["high", "low"] and figures["nearestMm"] == pytest.approx([24, 4], abs=TOLERANCE_MM)
    assert [row["insideMm bone"] for row in rows] == pytest.approx([10, 10])
    # Neither stops the plan, and neither is called the better one.
    assert codes(made.findings) == [("risk-too-close", "warn")]
    assert "low" in made.findings[0].message


def test_twoSurfacesAreApartByTheirGap():
    distanceMm, one, other = nearestBetween(ballMesh(), slab(22.5, 30))
    assert distanceMm == pytest.approx(2.5, abs=TOLERANCE_MM)
    assert (one[2], other[2]) == (pytest.approx(20, abs=0.01), pytest.approx(22.5))
