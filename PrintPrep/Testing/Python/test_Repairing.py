"""Damaged meshes become the solid that they were, or are refused by name."""

import DamagedMeshes
import numpy
import pytest
from MeshJudges import requireSound, selfIntersectingFaces, trimeshOf

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Shapes.Mesh import Mesh
from PrintPrepLib.Repair.SelfIntersections import requireNone, selfIntersecting
from PrintPrepLib.Steps.Repairing import repaired

REFUSED = {"halfABall": "hole-too-large", "oneSheet": "cannot-repair", "nothingFinite": "cannot-repair"}
SLOW = {"crossedInOneShell"}


@pytest.mark.parametrize(
    "maker",
    [pytest.param(one, marks=pytest.mark.slow if one.__name__ in SLOW else ()) for one in DamagedMeshes.MAKERS],
    ids=lambda maker: maker.__name__,
)
def test_damagedMeshIsRepairedOrRefusedByName(maker):
    mesh, volumeMm3 = maker()
    assert not isSolid(mesh), "the damage is none"
    if volumeMm3 is None:
        with pytest.raises(InputRefused) as refusal:
            repaired(mesh)
        assert refusal.value.code == REFUSED[maker.__name__]
        return
    solid, facts = repaired(mesh)
    requireSound(solid)
    assert trimeshOf(solid).volume == pytest.approx(volumeMm3, rel=0.005)
    assert facts["volumeMl"] == pytest.approx(volumeMm3 / 1000, rel=0.005)


def isSolid(mesh):
    """Tell whether a mesh is sound as it is: closed, wound outwards, in one piece, without crossings."""
    seen = trimeshOf(mesh)
    isSoup = len(seen.vertices) < len(mesh.points)
    one = seen.is_watertight and seen.is_winding_consistent and seen.volume > 0 and seen.body_count == 1
    return one and not isSoup and mesh.areasMm2().min() > 1e-9 and not selfIntersectingFaces(mesh)


def test_soundSolidStaysWhatItIs():
    mesh, volumeMm3 = DamagedMeshes.box()
    solid, facts = repaired(mesh)
    assert len(solid.triangles) == len(mesh.triangles) and solid.volumeMl == pytest.approx(volumeMm3 / 1000)
    assert not any(facts[name] for name in ("doubles", "gaps", "fins", "turned", "holes", "specks"))


def test_cavityIsKeptOrFilled():
    mesh, _volume = DamagedMeshes.innerShell()
    whole = DamagedMeshes.ball()[1] / 1000
    assert repaired(mesh)[0].volumeMl < whole - 2
    filled, facts = repaired(mesh, fillVoids=True)
    assert filled.volumeMl == pytest.approx(whole, rel=1e-4) and facts["voids"] == 1


def test_largeHoleIsFilledOnlyWhereThatIsAsked():
    """A quarter of a ball's height away: what is filled in goes on in the ball's curvature."""
    mesh, volumeMm3 = DamagedMeshes.largeHole()
    with pytest.raises(InputRefused) as refusal:
        ring = numpy.random.default_rng(1).normal(size=mesh.points.shape) * 0.15
        repaired(Mesh.fromArrays(mesh.points + ring, mesh.triangles), largestHoleMm=10)
    assert refusal.value.code == "hole-too-large"
    solid, _facts = repaired(mesh)
    assert solid.points[:, 2].max() == pytest.approx(20, abs=0.15), "flat, the top would lie at 18.4 mm"
    assert solid.volumeMl == pytest.approx(volumeMm3 / 1000, rel=0.002)


@pytest.mark.parametrize("name", ["crossedBalls", "foldedTriangles"])
def test_crossingsAreFoundAsAnotherLibraryFindsThem(name):
    mesh = getattr(DamagedMeshes, name)()[0]
    found = len(numpy.unique(selfIntersecting(mesh)))
    assert found > 0 and found == pytest.approx(selfIntersectingFaces(mesh), rel=0.1)
    with pytest.raises(InputRefused) as refusal:
        requireNone(mesh)
    assert refusal.value.code == "self-intersections"


@pytest.mark.parametrize("name", ["ball", "box"])
def test_soundSolidsHaveNoCrossings(name):
    mesh = getattr(DamagedMeshes, name)()[0]
    assert selfIntersectingFaces(mesh) == 0 and len(selfIntersecting(mesh)) == 0
    requireNone(mesh)
