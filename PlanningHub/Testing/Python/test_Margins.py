"""Resection margins of a ball in a block, whose distances, areas and volumes are known (0.05 mm, 1 %)."""

import numpy
import pytest
from AnalyticShapes import ballMesh, codes, contextOf
from PlanMaking import aContext, ball, boxMesh, carried

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Planning.Distances import SurfaceSearch
from PlanningHubLib.Planning.Margins import marginSurface
from PlanningHubLib.Progress import noProgress
from PlanningHubLib.Shapes.Checks import meshFacts

TOLERANCE_MM = 0.05
RADIUS_MM = 10.0
TUMOUR = {"tumour": ballMesh(RADIUS_MM)}


def marginStep(**parameters):
    return {"do": "margin", "name": "margin", "structure": "tumour", "marginMm": 5.0, **parameters}


def planeAt(name, rightMm, normal=(1, 0, 0)):
    return {"do": "plane", "name": name, "origin": [rightMm, 0, 0], "normal": list(normal)}


def figuresOf(meshes, *steps, **parameters):
    made = carried(contextOf({**TUMOUR, **meshes}), *steps, marginStep(**parameters))
    return made.results["margin"].figures, made.findings


@pytest.mark.parametrize(("marginMm", "spacingMm"), [(5.0, 1.0), (1.0, 1.0), (12.0, 0.7)])
def test_surfaceOfAMarginLiesAtItsDistance(marginMm, spacingMm):
    mesh, _spacingMm = marginSurface(TUMOUR["tumour"], marginMm, spacingMm, noProgress)
    assert numpy.linalg.norm(mesh.points, axis=1) == pytest.approx(RADIUS_MM + marginMm, abs=TOLERANCE_MM)
    assert mesh.volumeMl == pytest.approx(4 / 3 * numpy.pi * (RADIUS_MM + marginMm) ** 3 / 1000, rel=0.01)
    assert (meshFacts(mesh).pieces, meshFacts(mesh).cavities) == (1, 0)


def test_surfaceOfAMarginGoesAroundAThinStructure():
    # Thinner than the grid: no point of the grid needs to lie within.
    plate = boxMesh((-10.1, -10.1, 0.3), (10.1, 10.1, 0.6))
    mesh, _spacingMm = marginSurface(plate, 4.0, 1.0, noProgress)
    assert SurfaceSearch(plate).nearest(mesh.points)[0] == pytest.approx(4.0, abs=0.15)
    assert meshFacts(mesh).pieces == 1


def test_largeStructureGetsACoarserGrid():
    mesh, spacingMm = marginSurface(ballMesh(60.0), 5.0, 0.5, noProgress)
    assert 0.9 < spacingMm < 1
    assert numpy.linalg.norm(mesh.points, axis=1) == pytest.approx(65, abs=TOLERANCE_MM)


def test_marginIsAnObjectOfThePlan():
    made = carried(contextOf(TUMOUR), marginStep())
    assert made.objects["margin"].role == "margin"
    figures = made.results["margin"].figures
    assert figures["structureMl"] == pytest.approx(4 / 3 * numpy.pi, rel=0.01)
    assert figures["withMarginMl"] == pytest.approx(4 / 3 * numpy.pi * 1.5**3, rel=0.01)
    assert "reachedMm" not in figures


def test_blockAroundATumourReachesItsLeastDistance():
    # The block's nearest face lies 12 mm from the ball's center, the others farther than the wanted margin.
    figures, findings = figuresOf({"block": boxMesh((-40, -40, -40), (12, 40, 40))}, resection=["block"])
    assert figures["reachedMm"] == pytest.approx(2.0, abs=TOLERANCE_MM)
    assert figures["nearestOnStructureRas"] == pytest.approx([10, 0, 0], abs=0.5)
    assert figures["nearestOnCutRas"] == pytest.approx([12, 0, 0], abs=0.5)
    # A cap of height h has the share h / (2 r) of a sphere: all beyond 7 mm lies within 5 mm of the face.
    assert figures["belowShare"] == pytest.approx(0.15, abs=0.005)
    assert figures["leftMl"] == pytest.approx(0, abs=1e-6)
    assert codes(findings) == [("margin-not-reached", "warn")]
    assert "2.0 mm" in findings[0].message and "15.0 %" in findings[0].message


def test_marginThatIsReachedIsNoFinding():
    figures, findings = figuresOf({"block": boxMesh((-40, -40, -40), (15.5, 40, 40))}, resection=["block"])
    assert figures["reachedMm"] == pytest.approx(5.5, abs=TOLERANCE_MM)
    assert figures["belowShare"] == 0 and findings == []


def test_resectionThatLeavesTumourSaysSo():
    figures, findings = figuresOf({"block": boxMesh((-40, -40, -40), (4, 40, 40))}, resection=["block"])
    assert figures["reachedMm"] == pytest.approx(-6, abs=TOLERANCE_MM)
    # A cap of 6 mm of a ball of 10 mm: π h² (3 r − h) / 3.
    assert figures["leftMl"] == pytest.approx(numpy.pi * 36 * (30 - 6) / 3 / 1000, rel=0.01)
    assert codes(findings) == [("structure-not-removed", "warn")]


def test_planesOfACutGiveTheSameMargin():
    steps = [planeAt("right", 12), planeAt("left", -14, (-1, 0, 0))]
    figures, findings = figuresOf({}, *steps, planes=["right", "left"])
    assert figures["reachedMm"] == pytest.approx(2.0, abs=TOLERANCE_MM)
    # Caps of 3 mm and of 1 mm.
    assert figures["belowShare"] == pytest.approx(0.2, abs=0.005)
    assert codes(findings) == [("margin-not-reached", "warn")]


def test_piecesSideBySideAreOneResection():
    halves = {"one": boxMesh((-40, -40, -40), (0, 40, 40)), "other": boxMesh((0, -40, -40), (16, 40, 40))}
    figures, findings = figuresOf(halves, resection=["one", "other"])
    assert figures["reachedMm"] == pytest.approx(6.0, abs=TOLERANCE_MM) and findings == []


def test_organsOwnSurfaceIsNoCut():
    # The organ's surface lies 1 mm beside the ball, the cut 8 mm on the other side of it.
    organ, piece = boxMesh((-60, -60, -60), (11, 60, 60)), boxMesh((-18, -60, -60), (11, 60, 60))
    figures, findings = figuresOf({"organ": organ, "piece": piece}, resection=["piece"], organ="organ")
    assert figures["reachedMm"] == pytest.approx(8.0, abs=TOLERANCE_MM) and findings == []
    withoutOrgan, _findings = figuresOf({"organ": organ, "piece": piece}, resection=["piece"])
    assert withoutOrgan["reachedMm"] == pytest.approx(1.0, abs=TOLERANCE_MM)
    with pytest.raises(InputRefused) as refused:
        figuresOf({"organ": organ}, resection=["organ"], organ="organ")
    assert refused.value.code == "no-cut-face"


def test_segmentOfVoxelsHasItsMargin(aSession):
    made = carried(
        aContext(aSession, {"tumour": ball(radiusMm=RADIUS_MM)}), planeAt("cut", 14), marginStep(planes=["cut"])
    )
    assert made.results["margin"].figures["reachedMm"] == pytest.approx(4.0, abs=0.5)
