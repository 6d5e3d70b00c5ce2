"""Steps on solids against bodies whose volumes and distances are known."""

import types

import numpy
import pytest
from DamagedMeshes import ball, box, moved
from MeshJudges import requireSound, trimeshOf
from StepMaking import carriedOut, workOf

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Shapes.Shells import shellVolumesMm3

SLA = types.SimpleNamespace(clearanceMm={"fit": 0.2, "slot": 0.4})


def fineBall(radiusMm=12.0):
    return ball(radiusMm, 128)[0]


def refused(code, mesh, do, **parameters):
    work = workOf(mesh)
    with pytest.raises(InputRefused) as refusal:
        carriedOut(work, do, **parameters)
    assert refusal.value.code == code


def test_smoothingKeepsTheVolumeAndSaysWhatItMoved():
    rough = fineBall(10)
    noise = numpy.random.default_rng(2).normal(size=rough.points.shape) * 0.05
    work = workOf(type(rough).fromArrays(rough.points + noise, rough.triangles))
    carriedOut(work, "smooth", iterations=30)
    off = numpy.linalg.norm(work.surface.points, axis=1) - 10
    assert off.std() < 0.03 and abs(off.mean()) < 0.01
    assert work.surface.volumeMl == pytest.approx(rough.volumeMl, rel=0.003)
    (row,) = work.budget
    assert 0.01 < row["meanMm"] < 0.1 < row["maximumMm"] < 0.4


@pytest.mark.parametrize("offsetMm", [1.0, -1.5])
def test_offsetOfABallHasItsRadius(offsetMm):
    work = carriedOut(workOf(fineBall()), "offset", offsetMm=offsetMm)
    mesh = work.pieces[0].mesh
    requireSound(mesh)
    radii = numpy.linalg.norm(mesh.points, axis=1)
    assert abs(radii - (12 + offsetMm)).max() < 0.04
    assert mesh.volumeMl == pytest.approx(4 / 3 * numpy.pi * (12 + offsetMm) ** 3 / 1000, rel=0.005)
    assert work.offsetMm == offsetMm and work.budget[0]["step"] == "offset" and work.budget[0]["maximumMm"] < 0.05


def test_offsetOfABoxIsItsRoundedBox():
    """Steiner's formula: V + A·d + edges' quarter cylinders + corners' ball."""
    a, b, c, d = 30.0, 20.0, 10.0, 1.0
    mesh = carriedOut(workOf(box((a, b, c))[0]), "offset", offsetMm=d).pieces[0].mesh
    wanted = a * b * c + 2 * (a * b + b * c + a * c) * d + numpy.pi * d**2 * (a + b + c) + 4 / 3 * numpy.pi * d**3
    assert mesh.volumeMl * 1000 == pytest.approx(wanted, rel=0.002)
    assert mesh.boundsMm == [pytest.approx([-d, -d, -d], abs=0.02), pytest.approx([a + d, b + d, c + d], abs=0.02)]
    requireSound(mesh)


def test_offsetThatLeavesNothingIsRefused():
    refused("nothing-left", box()[0], "offset", offsetMm=-6)


def test_hollowBallHasItsWallAndDrains():
    work = carriedOut(workOf(fineBall()), "hollow", wallMm=3, holeDiameterMm=4)
    mesh = work.pieces[0].mesh
    requireSound(mesh)
    wall = 4 / 3 * numpy.pi * (12**3 - 9**3) / 1000
    # Each hole takes a cylinder through the wall.
    assert mesh.volumeMl == pytest.approx(wall - 2 * numpy.pi * 4 * 3 / 1000, rel=0.015)
    assert (shellVolumesMm3(mesh)[0] > 0).all(), "no closed cavity is left"
    inside = numpy.linalg.norm(mesh.points, axis=1) < 10
    assert abs(numpy.linalg.norm(mesh.points[inside], axis=1) - 9).max() < 0.1
    assert trimeshOf(mesh).euler_number == 2 - 2 * 1, "two holes make it a ring"
    assert work.facts["hollow"]["holes"] == 2 and len(work.intended) == 3


def test_sealedIsSaidAndStatedHolesAreWhereTheyAreStated():
    sealed = carriedOut(workOf(fineBall()), "hollow", wallMm=3, sealed=True)
    assert (shellVolumesMm3(sealed.pieces[0].mesh)[0] < 0).sum() == 1
    assert [one.code for one in sealed.findings] == ["sealed-cavity"]
    hole = {"pointLps": [0, 0, 12], "directionLps": [0, 0, -1]}
    mesh = carriedOut(workOf(fineBall()), "hollow", wallMm=3, holes=[hole]).pieces[0].mesh
    rim = mesh.points[(mesh.points[:, 2] > 6) & (numpy.linalg.norm(mesh.points[:, :2], axis=1) < 3)]
    assert len(rim) and numpy.linalg.norm(rim[:, :2], axis=1).min() == pytest.approx(2, abs=0.02)


def test_holeThatMissesTheCavityIsRefused():
    hole = {"pointLps": [0, 0, 40], "directionLps": [0, 0, 1]}
    refused("cannot-drain", fineBall(), "hollow", wallMm=3, holes=[hole])
    refused("nothing-to-hollow", box()[0], "hollow", wallMm=5.5)


def test_unionAndDifferenceHaveTheirVolumes():
    plate = box((30, 20, 10))[0]
    other = moved(box((10, 10, 10))[0], (5, 5, 5))
    together = carriedOut(workOf(plate, Block=other), "union", object="Block").pieces[0].mesh
    apart = carriedOut(workOf(plate, Block=other), "subtract", object="Block").pieces[0].mesh
    assert together.volumeMl == pytest.approx(6.5) and apart.volumeMl == pytest.approx(5.5)
    for mesh in (together, apart):
        requireSound(mesh)


@pytest.mark.parametrize(
    ("primitive", "takenMm3"),
    [
        ({"shape": "box", "sizeMm": [10, 10, 10], "centerLps": [15, 10, 10]}, 500),
        ({"shape": "cylinder", "sizeMm": [6, 40], "centerLps": [15, 10, 5]}, numpy.pi * 9 * 10),
        ({"shape": "sphere", "sizeMm": [8], "centerLps": [15, 10, 5]}, 4 / 3 * numpy.pi * 64),
    ],
)
def test_primitivesTakeTheirVolume(primitive, takenMm3):
    work = carriedOut(workOf(box()[0]), "subtract", primitive=primitive)
    assert (6 - work.pieces[0].mesh.volumeMl) * 1000 == pytest.approx(takenMm3, rel=0.005)
    assert work.intended[0].volumeMl > 0


def test_whatDoesNotTouchIsRefused():
    far = {"shape": "box", "sizeMm": [5, 5, 5], "centerLps": [100, 0, 0]}
    refused("do-not-touch", box()[0], "union", primitive=far)
    refused("nothing-changed", box()[0], "subtract", primitive=far)
    refused("which-object", box()[0], "union")
    refused("bad-size", box()[0], "union", primitive={**far, "shape": "sphere"})
    around = {"shape": "box", "sizeMm": [90, 90, 90], "centerLps": [15, 10, 5]}
    refused("nothing-left", box()[0], "subtract", primitive=around)
    film = {"shape": "box", "sizeMm": [90, 90, 90], "centerLps": [15, 10, 9.9999 - 45]}
    refused("nothing-left", box()[0], "subtract", primitive=film)


def test_halvesFitWithPinsInsideAndTheClearanceAllAround():
    mesh = box((60, 30, 30))[0]
    work = carriedOut(workOf(mesh, profile=SLA), "split", halvesAlong="left-right", pins=2)
    assert [piece.name for piece in work.pieces] == ["1", "2"]
    lower, upper = (piece.mesh for piece in work.pieces)
    for half in (lower, upper):
        requireSound(half)
    pinMm3, socketMm3 = numpy.pi * 2**2 * 4, numpy.pi * 2.2**2 * 4.2
    assert lower.volumeMl * 1000 == pytest.approx(27000 + 2 * pinMm3, rel=2e-4)
    assert upper.volumeMl * 1000 == pytest.approx(27000 - 2 * socketMm3, rel=2e-4)
    # No pin sticks out, no half is in the other, and between pin and socket there is the clearance.
    assert lower.boundsMm[1] == pytest.approx([34, 30, 30]) and lower.boundsMm[0] == pytest.approx([0, 0, 0])
    import trimesh

    pins = lower.points[lower.points[:, 0] > 30.5]
    away = trimesh.proximity.signed_distance(trimeshOf(upper), pins)
    assert away.max() == pytest.approx(-0.2, abs=0.01)
    assert work.facts["split"]["clearanceMm"] == 0.2
    assert len(work.intended) == 5 and not work.findings


def test_everyPlaneCutsEveryPieceAndPinsHaveRoom():
    planes = [{"pointLps": [20, 0, 0], "normalLps": [1, 0, 0]}, {"pointLps": [0, 0, 15], "normalLps": [0, 0.2, 1]}]
    work = carriedOut(workOf(box((60, 40, 40))[0]), "split", planes=planes, clearanceMm=0.3, pins=1)
    assert len(work.pieces) == 4
    for piece in work.pieces:
        requireSound(piece.mesh)
        assert numpy.array(piece.mesh.boundsMm[0]).min() >= -1e-4
        assert (numpy.array(piece.mesh.boundsMm[1]) <= numpy.array([60, 40, 40]) + 1e-4).all()
    assert sum(len(cut["pinsLps"]) for cut in work.facts["split"]["cuts"]) == 3


def test_splitWithoutRoomClearanceOrPlaneIsRefused():
    thin = box((60, 30, 4))[0]
    refused("no-room-for-pins", thin, "split", halvesAlong="left-right", clearanceMm=0.2)
    refused("no-clearance", thin, "split", halvesAlong="left-right")
    refused("which-plane", thin, "split")
    refused("nothing-changed", thin, "split", pins=0, planes=[{"pointLps": [99, 0, 0], "normalLps": [1, 0, 0]}])
    refused("no-direction", thin, "split", pins=0, planes=[{"pointLps": [0, 0, 0], "normalLps": [0, 0, 0]}])
    assert len(carriedOut(workOf(thin), "split", halvesAlong="left-right", pins=0).pieces) == 2


def test_fewerPinsAreSaid():
    work = carriedOut(workOf(box((60, 14, 14))[0]), "split", halvesAlong="left-right", pins=6, clearanceMm=0.2)
    assert [one.code for one in work.findings] == ["fewer-pins"]


def test_splitPartTakesNoFurtherBody():
    work = carriedOut(workOf(box((60, 30, 30))[0]), "split", halvesAlong="left-right", clearanceMm=0.2)
    with pytest.raises(InputRefused) as refusal:
        carriedOut(work, "offset", offsetMm=1)
    assert refusal.value.code == "split-already"


def test_plateUnderABall():
    mesh = carriedOut(workOf(fineBall()), "base", heightMm=4, marginMm=3, sinkMm=2).pieces[0].mesh
    requireSound(mesh)
    assert mesh.boundsMm[0][2] == pytest.approx(-14, abs=0.01)
    radiusMm = numpy.sqrt(12**2 - 10**2) + 3
    foot = mesh.points[abs(mesh.points[:, 2] + 14) < 0.01]
    assert numpy.linalg.norm(foot[:, :2], axis=1).max() == pytest.approx(radiusMm, abs=0.05)
    capMm3 = numpy.pi * 2**2 * (3 * 12 - 2) / 3
    wanted = 4 / 3 * numpy.pi * 12**3 + numpy.pi * radiusMm**2 * 4 - capMm3
    assert mesh.volumeMl * 1000 == pytest.approx(wanted, rel=0.003)


def test_rodsHoldAPlateAnyWayUp():
    work = carriedOut(workOf(box((60, 40, 20))[0]), "base", kind="rods", downLps=[0, 1, 0], gapMm=8, rodDiameterMm=6)
    mesh = work.pieces[0].mesh
    requireSound(mesh)
    assert mesh.boundsMm[1][1] == pytest.approx(40 + 8 + 4, abs=0.01)
    plateMl = work.facts["base"]["addedMl"] - 3 * numpy.pi * 9 * 8 / 1000
    assert len(shellVolumesMm3(mesh)[0]) == 1 and plateMl > 0
