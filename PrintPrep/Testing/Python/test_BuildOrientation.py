"""How parts stand: analytic shapes whose best way to stand is known, and printers that they do or do not fit."""

import dataclasses

import manifold3d
import numpy
import pytest

from PlanningHubLib.Errors import Cancelled, InputRefused, UsageError
from PlanningHubLib.Shapes.Manifolds import fromManifold
from PrintPrepLib.Production import BuildEstimates, BuildOrientation, Profiles

CUBE = manifold3d.Manifold.cube


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path))


@pytest.fixture
def fdm():
    return Profiles.find("fdm-generic")


def angleBracket():
    """Two legs of 60 × 20 × 10 mm: flat on its side it is 20 mm high, stands on 1100 mm² and needs no support."""
    return fromManifold(CUBE([60, 20, 10]) + CUBE([10, 20, 60]))


def table():
    """A top of 100 × 100 × 5 mm on a leg of 10 × 10 × 50 mm: best upside down."""
    return fromManifold(CUBE([100, 100, 5]).translate([0, 0, 50]) + CUBE([10, 10, 50]).translate([45, 45, 0]))


def along(oriented, axis):
    return float(oriented.directionLps @ axis)


def test_aBracketLiesOnItsSide(fdm):
    oriented = BuildOrientation.orient(angleBracket(), fdm)
    assert abs(along(oriented, (0, 1, 0))) == pytest.approx(1)
    assert oriented.figures["heightMm"] == pytest.approx(20, abs=1e-3)
    assert oriented.figures["overhangMm2"] == pytest.approx(0, abs=1e-3)
    assert oriented.figures["insideMm"] > 5
    assert oriented.candidates > 100


@pytest.mark.parametrize("turn", [(0, 0, 1), (0.3, -0.5, 0.8), (-1, 0.2, 0.1)])
def test_aTableStandsOnItsTopHoweverItComes(fdm, turn):
    """The result is the part's, not the frame's: turned parts end the same way up, and are never mirrored."""
    mesh = table()
    turn = BuildOrientation.uprightRotation(numpy.array(turn) / numpy.linalg.norm(turn))
    mesh = dataclasses.replace(mesh, points=(mesh.points @ turn.T).astype(numpy.float32))
    oriented = BuildOrientation.orient(mesh, fdm)
    assert along(oriented, turn @ (0, 0, -1)) == pytest.approx(1, abs=1e-3)
    assert oriented.figures["overhangMm2"] == pytest.approx(0, abs=0.1)
    assert numpy.linalg.det(oriented.rotation) == pytest.approx(1)


def test_theCriticalFaceStaysOffSupportsAndPlate(fdm):
    mesh = angleBracket()
    for side in (1, -1):
        critical = mesh.normals()[:, 1] * side > 0.9
        oriented = BuildOrientation.orient(mesh, fdm, critical)
        assert along(oriented, (0, side, 0)) == pytest.approx(1), "the critical face looks up"
        assert oriented.figures["criticalMm2"] == pytest.approx(0, abs=1e-3)
        down = BuildOrientation.orient(mesh, fdm, critical, direction=(0, -side, 0))
        assert down.figures["criticalMm2"] == pytest.approx(1100, rel=1e-3)
        assert down.figures["score"] > oriented.figures["score"] + 1


def test_overhangIsTheAreaThatLeansFurtherThanTheProcessCarries(fdm):
    upright = BuildOrientation.orient(table(), fdm, direction=(0, 0, 1))
    assert upright.figures["overhangMm2"] == pytest.approx(100 * 100 - 10 * 10, rel=1e-3)
    assert upright.figures["standsOnMm2"] == pytest.approx(100, rel=1e-3)
    assert upright.figures["insideMm"] == pytest.approx(5, abs=1e-2)
    jetted = BuildOrientation.orient(table(), Profiles.find("polyjet-objet500"), direction=(0, 0, 1))
    assert jetted.figures["overhangMm2"] == pytest.approx(9900, rel=1e-3)


def test_powderCarriesAPartSoOnlyItsHeightCounts():
    sintered = BuildOrientation.orient(table(), Profiles.find("sls-generic"), direction=(0, 0, 1))
    assert sintered.figures["overhangMm2"] == 0
    flat = BuildOrientation.orient(fromManifold(CUBE([20, 50, 100])), Profiles.find("sls-generic"))
    assert flat.figures["heightMm"] == pytest.approx(20, abs=1e-3)


@pytest.mark.parametrize(
    ("size", "heightMm"),
    [((200, 200, 200), 200), ((265, 5, 5), 5), ((320, 5, 5), None)],
    ids=["exactly", "across the plate", "across the room"],
)
def test_whatFitsOnlyTurnedIsTurned(fdm, size, heightMm):
    mesh = fromManifold(CUBE(list(map(float, size))))
    oriented = BuildOrientation.orient(mesh, fdm)
    extents = numpy.ptp(mesh.points @ oriented.rotation.T, axis=0)
    assert (extents <= numpy.array(fdm.buildVolumeMm) + 1e-3).all()
    if heightMm:
        assert oriented.figures["heightMm"] == pytest.approx(heightMm, abs=1e-3)
    else:
        assert oriented.passedOver > 0, "flat it would be too long"


def test_whatDoesNotFitIsRefusedWithByHowMuch(fdm):
    with pytest.raises(InputRefused) as refusal:
        BuildOrientation.orient(fromManifold(CUBE([230.0, 230, 230])), fdm)
    assert refusal.value.code == "does-not-fit"
    assert "30.0 mm too large" in refusal.value.message
    with pytest.raises(InputRefused, match="too large"):
        BuildOrientation.orient(fromManifold(CUBE([10.0, 10, 250])), fdm, direction=(0, 0, 1))


def test_aPersonsDirectionIsTaken(fdm):
    oriented = BuildOrientation.orient(angleBracket(), fdm, direction=(0, 0, -7))
    assert along(oriented, (0, 0, -1)) == pytest.approx(1)
    assert oriented.candidates == 1
    for bad in ((0, 0, 0), (1, 2), (1, 2, float("nan"))):
        with pytest.raises(UsageError) as refusal:
            BuildOrientation.orient(angleBracket(), fdm, direction=bad)
        assert refusal.value.code == "bad-direction"


def test_equalPartsStandAlike(fdm):
    one, other = (BuildOrientation.orient(angleBracket(), fdm) for _ in range(2))
    assert (one.rotation == other.rotation).all() and one.figures == other.figures


def test_orientingCanBeCancelled(fdm):
    def cancel(_fraction, _text):
        raise Cancelled

    with pytest.raises(Cancelled):
        BuildOrientation.orient(angleBracket(), fdm, progress=cancel)


def test_supportRoomEndsAtTheNextFace():
    assert BuildEstimates.supportRoomMl(table(), 45) == pytest.approx(9900 * 50 / 1000, rel=0.01)
    above = fromManifold(
        CUBE([100, 100, 5]).translate([0, 0, 50]) + CUBE([10, 10, 50]).translate([45, 45, 0]) + CUBE([100, 100, 10])
    )
    assert BuildEstimates.supportRoomMl(above, 45) == pytest.approx(9900 * 40 / 1000, rel=0.01)
    assert BuildEstimates.supportRoomMl(above, None) == 0
    assert BuildEstimates.supportRoomMl(fromManifold(CUBE([30.0, 30, 30])), 0) == pytest.approx(0, abs=1e-6)
    ball = fromManifold(manifold3d.Manifold.sphere(20, 128))
    # Below the lower half: a cylinder of radius and height 20 mm less half a ball.
    expected = (numpy.pi * 20**3 - 2 / 3 * numpy.pi * 20**3) / 1000
    assert BuildEstimates.supportRoomMl(ball, 0) == pytest.approx(expected, rel=0.02)


def test_theEstimateFollowsItsModel(fdm):
    estimate = BuildEstimates.plateEstimate(fdm, partsMl=100, supportRoomMl=20, heightMm=50)
    assert estimate["supportsMl"] == pytest.approx(20 * 0.15)
    assert estimate["hours"] == pytest.approx(0.25 + 103 / 10)
    assert estimate["cost"] == pytest.approx(103 * 0.04 + 10.55 * 2, abs=0.01)
    resin = BuildEstimates.plateEstimate(Profiles.find("sla-form-4"), 100, 20, 50)
    assert resin["hours"] == pytest.approx(0.5 + 50 / 40)
