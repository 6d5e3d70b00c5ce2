"""Combining, moving and colliding solids, against volumes, motions and distances that are known."""

import manifold3d
import numpy
import pytest
from PlanMaking import carried
from SolidMaking import aBall, aBox, aCylinder, contextOf

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Planning.Objects import Placement


def combined(how, *solids):
    names = [f"solid {number}" for number in range(len(solids))]
    context = contextOf(**dict(zip(names, solids, strict=True)))
    return carried(context, {"do": "combine", "name": "made", "how": how, "solids": names})


def moved(solid, *placements):
    steps = [{"do": "placement", "name": f"way {number}", **one} for number, one in enumerate(placements)]
    move = {"do": "move", "name": "moved", "solid": "bone", "by": [step["name"] for step in steps]}
    return carried(contextOf(bone=solid), *steps, move)


def collided(**solids):
    done = carried(contextOf(**solids), {"do": "collision", "name": "check", "solids": list(solids)})
    return done.results["check"].figures, done.results["check"].tables["Pairs"], done.findings


@pytest.mark.parametrize(
    ("how", "volumeMl"), [("union", 12.0), ("difference", 4.0), ("intersection", 4.0)]
)  # fmt: skip
def test_boxesCombineToWhatTheyAre(how, volumeMl):
    # Two of 20 × 20 × 20 mm, half overlapping.
    done = combined(how, aBox((20, 20, 20)), aBox((20, 20, 20), (10, 0, 0)))
    assert done.objects["made"].mesh.volumeMl == pytest.approx(volumeMl, rel=1e-6)
    assert done.objects["made"].modified and not done.findings


def test_threeAreSubtractedInTurn():
    done = combined("difference", aBox((20, 20, 20)), aBox((20, 20, 20), (15, 0, 0)), aBox((20, 20, 20), (-15, 0, 0)))
    assert done.objects["made"].mesh.volumeMl == pytest.approx(4.0, rel=1e-6)


def test_nothingLeftIsNoSuccess():
    for how, solids in (
        ("difference", (aBox((10, 10, 10)), aBox((20, 20, 20)))),
        ("intersection", (aBox((10, 10, 10)), aBox((10, 10, 10), (50, 0, 0)))),
    ):
        with pytest.raises(InputRefused, match="^made: Nothing is left") as refused:
            combined(how, *solids)
        assert refused.value.code == "nothing-left"


def test_subtractingWhatLiesElsewhereIsSaid():
    done = combined("difference", aBox((10, 10, 10)), aBox((10, 10, 10), (50, 0, 0)))
    assert [finding.code for finding in done.findings] == ["no-overlap"]
    done = combined("union", aBox((10, 10, 10)), aBox((10, 10, 10), (50, 0, 0)))
    assert [finding.code for finding in done.findings] == ["no-overlap", "several-pieces"]
    assert done.results["made"].figures["pieces"] == 2


def test_moveIsTheMotionThatWasGiven():
    done = moved(aBox((40, 30, 20), (10, 0, 0)), {"turnDegrees": [0, 0, 90], "shiftMm": [1, 2, 3]})
    bone, figures = done.objects["moved"], done.results["moved"].figures
    # The center (10, 0, 0) goes to (0, 10, 0), and by the shift to (1, 12, 3).
    assert bone.mesh.points.mean(0) == pytest.approx([1, 12, 3], abs=1e-4)
    assert numpy.ptp(bone.mesh.points, axis=0) == pytest.approx([30, 40, 20], abs=1e-4)
    assert figures["translationMm"] == pytest.approx([-9, 12, 3], abs=1e-4)
    assert figures["rotationDegrees"] == pytest.approx([0, 0, 90], abs=1e-4)
    assert bone.flags() == {"role": "anatomy", "mirrored": False, "modified": False, "moved": True}
    assert bone.mesh.volumeMl == pytest.approx(24, rel=1e-6)


def test_turnsAreThoseOfThePlacement():
    turns = [10.0, -20.0, 30.0]
    done = moved(aBox((40, 30, 20)), {"turnDegrees": turns, "center": [5, 6, 7]})
    assert done.results["moved"].figures["rotationDegrees"] == pytest.approx(turns, abs=1e-4)


def test_helicalAxisOfAScrewIsTheScrew():
    # 60° about an axis along A through (30, *, 10), and 4 mm along it.
    done = moved(aBox((40, 30, 20)), {"turnDegrees": [0, 60, 0], "center": [30, 0, 10], "shiftMm": [0, 4, 0]})
    figures = done.results["moved"].figures
    assert figures["angleDegrees"] == pytest.approx(60, abs=1e-4)
    assert figures["axisRas"] == pytest.approx([0, 1, 0], abs=1e-6)
    assert figures["alongAxisMm"] == pytest.approx(4, abs=1e-6)
    assert figures["axisPointRas"][[0, 2]] == pytest.approx([30, 10], abs=1e-3)
    # The corner (−20, ±15, ·) farthest from the axis goes around the chord and along.
    radiusMm = numpy.hypot(50, 20)
    assert figures["largestShiftMm"] == pytest.approx(numpy.hypot(radiusMm, 4), rel=1e-5)


def test_motionsAreCarriedOutInTheirOrder():
    turn, shift = {"turnDegrees": [0, 0, 90]}, {"shiftMm": [10, 0, 0]}
    one, other = (moved(aBox((4, 4, 4)), *order).objects["moved"].mesh for order in ((turn, shift), (shift, turn)))
    assert one.points.mean(0) == pytest.approx([10, 0, 0], abs=1e-5)
    assert other.points.mean(0) == pytest.approx([0, 10, 0], abs=1e-5)


def test_stayingIsSaid():
    done = moved(aBox((4, 4, 4)), {})
    assert [finding.code for finding in done.findings] == ["not-moved"]
    assert not done.objects["moved"].moved


@pytest.mark.parametrize("scale", [(-1, 1, 1), (1, 1, 1.01), (2, 0.5, 1)])
def test_whatIsNotRigidIsRefused(scale):
    context = contextOf(bone=aBox((4, 4, 4)))
    context.add(Placement("way", numpy.diag([*scale, 1.0])))
    with pytest.raises(InputRefused) as refused:
        carried(context, {"do": "move", "name": "moved", "solid": "bone", "by": ["way"]})
    assert refused.value.code == "not-rigid"


def test_boxesOverlapByWhatTheyShare():
    # 2 mm of a face of 20 × 20 mm.
    figures, _pairs, findings = collided(one=aBox((20, 20, 20)), other=aBox((20, 20, 20), (18, 0, 0)))
    assert figures["overlapVolumeMl"] == pytest.approx(0.8, rel=1e-5)
    assert figures["deepestPenetrationMm"] == pytest.approx(2, abs=1e-4)
    assert figures["nearestGapMm"] == 0
    assert [finding.code for finding in findings] == ["solids-overlap"]


def test_depthOfARodThroughAPlateIsThatOfItsSkin():
    # No corner of either lies in the other; the rod's skin lies inside the plate, half its thickness deep.
    figures, _pairs, _findings = collided(rod=aCylinder(60, 3), plate=aBox((60, 60, 8)))
    assert figures["overlapVolumeMl"] == pytest.approx(numpy.pi * 9 * 8 / 1000, rel=1e-3)
    assert figures["deepestPenetrationMm"] == pytest.approx(4, abs=0.25)


def test_ballsGapIsWhereTheyAreNearest():
    figures, _pairs, findings = collided(one=aBall(10), other=aBall(15, (0, 0, 30)))
    assert figures["nearestGapMm"] == pytest.approx(5, abs=0.01)
    assert figures["nearestGapAtRas"] == pytest.approx([0, 0, 12.5], abs=0.1)
    assert figures["deepestPenetrationMm"] == 0 and not findings
    assert "deepestPenetrationAtRas" not in figures


def test_gapOfCrossedEdgesIsThatOfTheEdges():
    # Two roofs, edge against edge at a right angle, 3 mm apart: no corner is near.
    roof = manifold3d.Manifold.hull_points(numpy.array(
        [[-50, -5, -5], [50, -5, -5], [-50, 5, -5], [50, 5, -5], [-50, 0, 0], [50, 0, 0]], float))  # fmt: skip
    figures, _pairs, _findings = collided(one=roof, other=roof.rotate((180, 0, 90)).translate((7, 0, 3)))
    assert figures["nearestGapMm"] == pytest.approx(3, abs=1e-3)


def test_eachTwoAreCompared():
    box = (10, 10, 10)
    figures, pairs, findings = collided(one=aBox(box), two=aBox(box, (12, 0, 0)), three=aBox(box, (21, 0, 0)))
    assert [(row["first"], row["second"]) for row in pairs] == [("one", "two"), ("one", "three"), ("two", "three")]
    assert [row["gapMm"] for row in pairs] == pytest.approx([2, 11, 0])
    assert figures["overlapVolumeMl"] == pytest.approx(0.1, rel=1e-5)
    assert len(findings) == 1 and "two and three" in findings[0].message
