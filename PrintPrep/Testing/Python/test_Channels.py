"""Cavities and holes of known sizes are found, and those that cannot be cleaned are told from those that can."""

import manifold3d
import numpy
import pytest
from PartMaking import boxMesh

from PlanningHubLib.Shapes.Manifolds import fromManifold
from PrintPrepLib.PartWork import Piece
from PrintPrepLib.Proof.Channels import measuredChannels

Manifold = manifold3d.Manifold
BLOCK = Manifold.cube((40, 30, 20))


def drilled(solid, diameterMm, at=(20, 15, -5), lengthMm=40, turn=(0, 0, 0)):
    return solid - Manifold.cylinder(lengthMm, diameterMm / 2, diameterMm / 2, 64).rotate(turn).translate(at)


def channelsOf(*solids):
    return measuredChannels([Piece(f"P{index}", fromManifold(solid)) for index, solid in enumerate(solids)])


def codes(findings):
    return [finding.code for finding in findings]


@pytest.mark.parametrize(
    "diameterMm, turn, at, lengthMm, narrow",
    [
        (2, (0, 0, 0), (20, 15, -5), 20, True),
        (3.9, (0, 0, 0), (20, 15, -5), 20, True),
        (4.2, (0, 0, 0), (20, 15, -5), 20, False),
        (2, (90, 0, 0), (20, 35, 10), 30, True),
    ],
)
def test_holeThroughABlockHasItsWidthAndLength(diameterMm, turn, at, lengthMm, narrow):
    channels, findings = channelsOf(drilled(BLOCK, diameterMm, at, turn=turn))
    (hole,) = channels["narrowestHoles"]
    assert (hole["kind"], hole["openings"], hole["narrow"], hole["piece"]) == ("through", 2, narrow, "P0")
    assert hole["diameterMm"] == pytest.approx(diameterMm, abs=0.05)
    assert hole["lengthMm"] == pytest.approx(lengthMm, abs=0.3)
    assert codes(findings) == (["narrow-channel"] if narrow else [])


def test_wideHoleIsNoChannel():
    channels, findings = channelsOf(drilled(BLOCK, 8))
    assert channels["holes"] == 0 and not findings


@pytest.mark.parametrize("depthMm, narrow", [(12, True), (2.4, False), (1, None)])
def test_blindHoleIsReachedFromOneEndOnly(depthMm, narrow):
    """Of 3 mm; deeper than it is wide, it counts; shallow ones are not even holes."""
    channels, findings = channelsOf(drilled(BLOCK, 3, (20, 15, 20 - depthMm)))
    if narrow is None:
        assert channels["holes"] == 0
        return
    (hole,) = channels["narrowestHoles"]
    assert (hole["kind"], hole["narrow"]) == ("blind", narrow)
    assert hole["lengthMm"] == pytest.approx(depthMm, abs=0.5)
    assert hole["atLpsMm"] == pytest.approx([20, 15, 20], abs=0.01)
    assert codes(findings) == (["narrow-channel"] if narrow else [])


def test_slotOfASawIsAsWideAndDeepAsItIs():
    (hole,) = channelsOf(Manifold.cube((40, 30, 8)) - Manifold.cube((20, 1.2, 20)).translate((10, 15, -5)))[0][
        "narrowestHoles"
    ]
    assert hole["diameterMm"] == pytest.approx(1.2, abs=0.01) and hole["lengthMm"] == pytest.approx(8, abs=0.3)


def test_closedCavityIsFoundWithItsVolume():
    channels, findings = channelsOf(BLOCK - Manifold.sphere(5, 128).translate((10, 15, 10)))
    (cavity,) = channels["largestCavities"]
    assert cavity["volumeMl"] == pytest.approx(4 / 3 * numpy.pi * 0.125, rel=0.005)
    assert cavity["centerLpsMm"] == pytest.approx([10, 15, 10], abs=0.01)
    assert codes(findings) == ["closed-cavity"] and channels["holes"] == 0


def test_hollowWithOneDrainIsNoCavityButCannotBeCleaned():
    hollow = BLOCK - Manifold.cube((34, 24, 14)).translate((3, 3, 3))
    assert codes(channelsOf(hollow)[1]) == ["closed-cavity"]
    channels, findings = channelsOf(drilled(hollow, 3, lengthMm=10))
    (hole,) = channels["narrowestHoles"]
    assert channels["cavities"] == 0 and codes(findings) == ["narrow-channel"]
    # To the farthest corner of the hollow: 17, 12 and 17 mm, less the drain's radius.
    assert (hole["kind"], hole["diameterMm"]) == ("blind", 3) and 24 < hole["lengthMm"] < 28


def test_channelsThatCrossAreOneSystemWithAllItsOpenings():
    crossed = drilled(drilled(BLOCK, 2), 2, (-5, 15, 10), 60, (0, 90, 0))
    (hole,) = channelsOf(crossed)[0]["narrowestHoles"]
    assert hole["openings"] == 4 and hole["narrow"]


def test_eachPieceIsLookedAtByItself():
    """The gap between two pieces is no slot: they are printed apart."""
    beside = BLOCK.translate((40.3, 0, 0))
    assert channelsOf(BLOCK, beside)[0]["holes"] == 0
    assert channelsOf(BLOCK, drilled(beside, 2, (60, 15, -5)))[0]["narrowestHoles"][0]["piece"] == "P1"


def test_plainSolidsHaveNone():
    for mesh in (boxMesh((0, 0, 0), (40, 3, 30)), fromManifold(Manifold.sphere(10, 64))):
        channels, findings = measuredChannels([Piece("", mesh)])
        assert (channels["cavities"], channels["holes"], findings) == (0, 0, [])
