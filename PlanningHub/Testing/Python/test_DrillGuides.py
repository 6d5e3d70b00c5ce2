"""Drill guides on bones of known shape: the drill goes through, stops where it should, and what is refused."""

import manifold3d
import numpy
import pytest
from PlanMaking import carried
from SolidMaking import aBox, contextOf

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Planning.Solids import cylinder
from PlanningHubLib.Shapes.Checks import meshFacts
from PlanningHubLib.Shapes.Manifolds import toManifold

PLATE = aBox((100, 100, 30))
STRAIGHT = {"do": "line", "name": "straight", "start": [10, 0, 25], "end": [10, 0, -5]}
OBLIQUE = {"do": "line", "name": "oblique", "start": [-14, 0, 25], "end": [-6, 0, 5]}
GUIDE = {"do": "drill-guide", "name": "guide", "bone": "bone", "lines": ["straight", "oblique"], "extentMm": 10}


def guided(*lines, **parameters):
    done = carried(contextOf(bone=PLATE), *(lines or (STRAIGHT, OBLIQUE)), {**GUIDE, **parameters})
    return done.objects["guide"], done.results["guide"]


def drillInGuideMm3(guide, line, diameterMm):
    start, end = numpy.array(line["start"], float), numpy.array(line["end"], float)
    drill = cylinder(end, start + (start - end), diameterMm / 2)
    return (toManifold(guide.mesh) ^ drill).volume()


def test_drillGoesThroughAndAThickerOneDoesNot():
    guide, result = guided(drillMm=2.5, drillClearanceMm=0.2)
    for line in (STRAIGHT, OBLIQUE):
        assert drillInGuideMm3(guide, line, 2.5) == 0
        assert drillInGuideMm3(guide, line, 2.9) > 5
    facts = meshFacts(guide.mesh)
    assert (facts.openEdges, facts.pieces) == (0, 1)
    assert result.figures["boneOverlapMm3"] == 0
    assert result.figures["nearestToBoneMm"] == pytest.approx(0.3, abs=0.01)


def test_rowsSayWhereTheLinesEnter():
    _guide, result = guided()
    straight, oblique = result.tables["Sleeves"]
    assert straight["entryRas"] == pytest.approx([10, 0, 15])
    assert straight["depthMm"] == pytest.approx(20)
    # 10 mm of height on a way that goes 8 mm aside for each 20 mm down.
    assert oblique["entryRas"] == pytest.approx([-10, 0, 15])
    assert oblique["depthMm"] == pytest.approx(numpy.hypot(10, 4))
    assert oblique["tiltDegrees"] == pytest.approx(numpy.degrees(numpy.arctan2(8, 20)), abs=0.01)


def test_sleeveEndsWhereTheDrillStops():
    guide, result = guided(STRAIGHT, lines=["straight"], drillLengthMm=34)
    # The tip at S = −5 mm, the stop 34 mm above.
    assert guide.mesh.points[:, 2].max() == pytest.approx(29, abs=0.01)
    assert result.tables["Sleeves"][0]["stopToTargetMm"] == pytest.approx(34)
    low, _result = guided(STRAIGHT, lines=["straight"], heightMm=8)
    assert low.mesh.points[:, 2].max() == pytest.approx(15 + 0.3 + 8, abs=0.01)


def test_wallStandsAroundTheBore():
    guide, _result = guided(STRAIGHT, lines=["straight"], wallMm=2, heightMm=12)
    inner, outer = (manifold3d.Manifold.cylinder(5, radiusMm, circular_segments=128).translate((10, 0, 21))
                    for radiusMm in (1.36, 3.34))  # fmt: skip
    wall = outer - inner
    assert (toManifold(guide.mesh) ^ wall).volume() == pytest.approx(wall.volume(), rel=1e-3)


def test_crossingWaysAreSaid():
    lines = STRAIGHT, OBLIQUE | {"start": [8, 0, 25], "end": [14, 0, 5]}
    assert [finding.code for finding in guided(*lines)[1].findings] == ["sleeves-cross"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"drillLengthMm": 24}, "drill-too-short"),
        ({"lines": ["past"]}, "line-misses-bone"),
        ({"lines": ["straight", "under"]}, "wrong-direction"),
        ({"lines": ["straight"], "about": ["off"]}, "points-off-bone"),
        ({"lines": ["straight", "straight up"], "direction": [0, 0, -1]}, "wrong-direction"),
    ],
)
def test_whatMakesNoGuideIsRefusedByName(change, code):
    lines = (
        STRAIGHT,
        OBLIQUE,
        {"do": "line", "name": "past", "start": [80, 0, 30], "end": [80, 0, 0]},
        {"do": "line", "name": "under", "start": [5, 0, -25], "end": [5, 0, 0]},
        {"do": "line", "name": "straight up", "start": [10, 20, 25], "end": [10, 20, 5]},
        {"do": "points", "name": "off", "points": [[0, 0, 30]]},
    )
    with pytest.raises(InputRefused, match="^guide: ") as refused:
        guided(*lines, **change)
    assert refused.value.code == code
