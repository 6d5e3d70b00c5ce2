"""Cutting guides on bones of known shape: how they sit and come off, that a blade goes through, what is refused."""

import manifold3d
import numpy
import pytest
from PlanMaking import carried
from SolidMaking import aBall, aBox, contextOf, plane

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Planning import GuideBodies
from PlanningHubLib.Planning.Fields import offset
from PlanningHubLib.Planning.GuideBeds import bedOf
from PlanningHubLib.Planning.Objects import Solid
from PlanningHubLib.Planning.Solids import signedDistancesMm
from PlanningHubLib.Shapes.Checks import meshFacts
from PlanningHubLib.Shapes.Manifolds import fromManifold, toManifold

PLATE = aBox((100, 100, 20))
CUT = plane("cut", (0, 0, 10), (1, 0, 0))
GUIDE = {"do": "cutting-guide", "name": "guide", "bone": "bone", "planes": ["cut"]}
PIN = {"do": "line", "name": "pin", "start": [8, 2, 16], "end": [8, 2, 0]}


def guided(bone, *placed, **parameters):
    """Return the guide, its figures and its tables."""
    done = carried(contextOf(bone=bone), *placed, {**GUIDE, **parameters})
    return done.objects["guide"], done.results["guide"]


def blade(thicknessMm, lengthMm=20.0):
    """Return a blade in the plane R = 0, as it goes through the guide of ``CUT``."""
    return aBox((thicknessMm, lengthMm, 60), (0, 0, 20))


def inTheWayMm3(guide, thing):
    return (toManifold(guide.mesh) ^ thing).volume()


def test_guideOnAPlateLiesOnWhatItsExtentSays():
    guide, result = guided(PLATE, CUT)
    # A disk of 15 mm without the slot: 1.2 mm wide, and 4 mm short of the edge at both ends.
    assert result.figures["contactAreaMm2"] == pytest.approx(numpy.pi * 15**2 - 1.2 * 22, rel=0.01)
    assert result.figures["nearestToBoneMm"] == pytest.approx(0.3, abs=0.01)
    assert result.figures["contactGapMm"] == pytest.approx(0.3, abs=0.01)
    assert result.figures["boneOverlapMm3"] == 0
    assert guide.mesh.points[:, 2].max() == pytest.approx(10 + 0.3 + 4 + 6, abs=0.02)
    assert guide.flags() == {"role": "guide", "mirrored": False, "modified": True, "moved": False}
    facts = meshFacts(guide.mesh)
    assert (facts.openEdges, facts.pieces, facts.cavities) == (0, 1, 0)


def test_bladeGoesThroughAndAThickerOneDoesNot():
    guide, result = guided(PLATE, CUT, bladeMm=1.0, slotClearanceMm=0.2)
    (row,) = result.tables["Slots"]
    assert inTheWayMm3(guide, blade(1.0)) == 0
    assert inTheWayMm3(guide, blade(1.3)) == pytest.approx(2 * 0.05 * 20 * 10, rel=0.02)
    assert inTheWayMm3(guide, blade(1.0, 30.0)) > 10  # the bridges
    # The patch of 4 mm and the flange of 6 mm lead the blade; 0.2 mm over 10 mm let it tilt by 1.15°.
    assert row["guidanceMm"] == pytest.approx(10, abs=0.02)
    assert row["bladeTiltDegrees"] == pytest.approx(1.146, abs=0.01)
    assert row["lengthMm"] == pytest.approx(22, abs=0.1)


def test_obliqueBladeGoesThroughToo():
    normal = numpy.array([1, 0.3, 0.5])
    guide, _result = guided(aBall(60, segments=96), plane("cut", (0, 0, 60), normal), extentMm=18)
    normal = normal / numpy.linalg.norm(normal)
    heights = (guide.mesh.points - (0, 0, 60)) @ normal
    # No corner lies in the blade, but for those of the bridges at the ends.
    inBlade = guide.mesh.points[abs(heights) < 0.5]
    along = numpy.cross(normal, (0, 0, 1))
    assert len(inBlade) and (abs(inBlade @ along / numpy.linalg.norm(along)) > 10).all()


def test_patchHasTheThicknessAndLeavesTheClearance():
    bone = aBall(60, segments=160)
    guide, result = guided(bone, CUT | {"origin": [0, 0, 60]}, flangeMm=0, thicknessMm=3, clearanceMm=0.5)
    distancesMm = numpy.linalg.norm(guide.mesh.points, axis=1) - 60
    assert distancesMm.min() == pytest.approx(0.5, abs=0.03)
    assert distancesMm.max() == pytest.approx(3.5, abs=0.05)
    assert result.figures["nearestToBoneMm"] == pytest.approx(distancesMm.min(), abs=0.03)


def test_guideOverAnEdgeComesOff():
    # Beyond the equator of a ball of 12 mm; an even shell there would hold it.
    guide, result = guided(aBall(12, segments=64), plane("cut", (0, 0, 12), (1, 0, 0)), extentMm=22, flangeMm=0)
    below = guide.mesh.points[guide.mesh.points[:, 2] < 0]
    assert len(below) and numpy.hypot(below[:, 0], below[:, 1]).min() > 12
    assert result.figures["boneOverlapMm3"] == 0


@pytest.fixture
def aBed():
    parameters = {"clearanceMm": 0.3, "thicknessMm": 3.0, "extentMm": 22.0, "wallMm": 2.0}
    return bedOf(aBall(12, segments=64), numpy.array([[0.0, 0, 12]]), numpy.array([0.0, 0, 1]), parameters, 0.0)


def test_shellThatGripsIsRefused(aBed):
    shell = aBall(15, segments=64) - aBall(12.3, segments=64) - aBox((60, 60, 30), (0, 0, -22))
    with pytest.raises(InputRefused) as refused:
        GuideBodies.fitFigures(Solid("guide", fromManifold(shell)), aBed, 0.3)
    assert refused.value.code == "guide-grips"


def test_guideInTheBoneIsRefused(aBed):
    sunk = fromManifold(aBed.body.translate((0, 0, -0.4)))
    with pytest.raises(InputRefused) as refused:
        GuideBodies.fitFigures(Solid("guide", sunk), aBed, 0.3)
    assert refused.value.code == "guide-in-bone"
    assert GuideBodies.fitFigures(Solid("guide", fromManifold(aBed.body)), aBed, 0.3)["boneOverlapMm3"] == 0


def test_pinGoesThroughItsHoleInAWall():
    guide, result = guided(PLATE, CUT, PIN, fixation=["pin"], holeMm=2.0)
    pin = manifold3d.Manifold.cylinder(60, 0.999, circular_segments=64, center=True).translate((8, 2, 10))
    wall = manifold3d.Manifold.cylinder(60, 1.2, circular_segments=64, center=True).translate((8, 2, 10)) - pin
    assert inTheWayMm3(guide, pin) == 0
    assert inTheWayMm3(guide, wall) == pytest.approx(numpy.pi * (1.2**2 - 1.0**2) * 4.5, rel=0.03)
    assert result.tables["Fixation"][0]["depthMm"] == pytest.approx(10)


def test_holeInASlotIsSaid():
    _guide, result = guided(PLATE, CUT, PIN | {"start": [0, 2, 16], "end": [0, 2, 0]}, fixation=["pin"])
    assert [finding.code for finding in result.findings] == ["hole-meets-slot"]


def test_smallGuideIsSaid():
    _guide, result = guided(PLATE, CUT, extentMm=8, bridgeMm=2)
    assert [finding.code for finding in result.findings] == ["small-contact"]


def test_twoSlotsAndAPatchAlongPoints():
    seat = {"do": "points", "name": "seat", "points": [[-20, 0, 10], [20, 0, 10]]}
    planes = plane("cut", (-20, 0, 10), (1, 0, 0)), plane("other", (20, 0, 10), (1, 0, 0.3))
    guide, result = guided(PLATE, *planes, seat, planes=["cut", "other"], about=["seat"], extentMm=12)
    assert [row["plane"] for row in result.tables["Slots"]] == ["cut", "other"]
    assert numpy.ptp(guide.mesh.points[:, 0]) == pytest.approx(40 + 24, abs=0.1)


def test_movedPlaneMakesAnotherGuideAndTheSamePlaneTheSame():
    meshes = [guided(PLATE, CUT | {"origin": [shift, 0, 10]}, extentMm=10)[0].mesh for shift in (0.0, 0.0, 0.1)]
    contents = [(mesh.points.tobytes(), mesh.triangles.tobytes()) for mesh in meshes]
    assert contents[0] == contents[1] != contents[2]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"planes": ["off"]}, "points-off-bone"),
        ({"planes": ["flat"]}, "plane-too-flat"),
        ({"planes": ["cut", "far"], "about": ["cut"]}, "plane-misses-guide"),
        ({"bridgeMm": 13}, "slot-too-short"),
        ({"planes": ["beside"], "about": ["edge"]}, "slot-misses-bone"),
        ({"direction": [0, 0, -1]}, "wrong-direction"),
        ({"about": ["sides"]}, "wrong-direction"),
        ({"fixation": ["past"]}, "line-misses-bone"),
        ({"fixation": ["under"]}, "line-from-behind"),
        ({"fixation": ["far pin"]}, "guide-in-pieces"),
        ({"planes": ["edge"]}, "other-kind-of-object"),
    ],
)
def test_whatMakesNoGuideIsRefusedByName(change, code):
    steps = (
        CUT,
        plane("off", (0, 0, 30), (1, 0, 0)),
        plane("flat", (0, 0, 10), (0.1, 0, 1)),
        plane("far", (40, 0, 10), (1, 0, 0)),
        plane("beside", (52, 0, 10), (1, 0, 0)),
        {"do": "points", "name": "edge", "points": [[46, 0, 10]]},
        {"do": "points", "name": "sides", "points": [[0, 0, 10], [0, 0, -10]]},
        {"do": "line", "name": "past", "start": [80, 0, 30], "end": [80, 0, 0]},
        {"do": "line", "name": "under", "start": [5, 0, -20], "end": [5, 0, 0]},
        {"do": "line", "name": "far pin", "start": [40, 0, 20], "end": [40, 0, 0]},
    )
    with pytest.raises(InputRefused, match="^guide: ") as refused:
        guided(PLATE, *steps, **change)
    assert refused.value.code == code


def test_offsetIsTheDistanceOnBothSides():
    ball = fromManifold(aBall(20, segments=128))
    for offsetMm in (3.0, -3.0):
        made = offset(ball, offsetMm, voxelMm=1.0)
        assert numpy.linalg.norm(made.points, axis=1) == pytest.approx(20 + offsetMm, abs=0.08)
        assert abs(signedDistancesMm(ball, made.points) - offsetMm).max() < 0.08
    with pytest.raises(InputRefused) as refused:
        offset(ball, -25.0, voxelMm=1.0)
    assert refused.value.code == "nothing-left"
