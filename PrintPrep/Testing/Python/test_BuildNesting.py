"""Parts side by side: none overlaps, all lie on the plate, judged by the kernel and by another library."""

import itertools

import manifold3d
import numpy
import pytest
import trimesh

from PlanningHubLib.Errors import VerificationFailed
from PlanningHubLib.Shapes.Manifolds import fromManifold, toManifold
from PlanningHubLib.Shapes.Mesh import Mesh
from PrintPrepLib.Production import BuildNesting, BuildSampling

CUBE = manifold3d.Manifold.cube


def box(*size):
    return fromManifold(CUBE([float(one) for one in size]))


def frame():
    """A square ring of 100 mm with a hole of 80 mm: room for others inside."""
    return fromManifold(CUBE([100, 100, 10]) - CUBE([80, 80, 10]).translate([10, 10, 0]))


def laid(meshes, placements):
    """Return plate → list of (index, mesh as it lies)."""
    plates = {}
    for place in placements:
        mesh, _matrix = BuildNesting.turned(meshes[place.index], place.quarters)
        moved = Mesh.fromArrays(mesh.points + numpy.array([*place.cornerMm, 0]), mesh.triangles)
        plates.setdefault(place.plate, []).append((place.index, moved))
    return plates


def requireSound(plates, plateMm, spacingMm):
    for own in plates.values():
        for _index, mesh in own:
            assert (mesh.points[:, :2].min(0) >= -1e-3).all()
            assert (mesh.points[:, :2].max(0) <= numpy.array(plateMm) + 1e-3).all()
        for (_one, first), (_other, second) in itertools.combinations(own, 2):
            assert (toManifold(first) ^ toManifold(second)).volume() == 0
            assert toManifold(first).min_gap(toManifold(second), 2 * spacingMm + 1) >= spacingMm - 0.01


def test_thirtyBoxesLieApart():
    sizes = numpy.random.default_rng(1).integers(10, 60, (30, 2))
    meshes = [box(width, depth, 10) for width, depth in sizes]
    placements = BuildNesting.nested(meshes, (200, 200), 6.0)
    assert [one.index for one in placements] == list(range(30))
    plates = laid(meshes, placements)
    requireSound(plates, (200, 200), 6.0)
    assert len(plates) == 2, "their area with the gaps is 1.3 plates"
    for own in plates.values():
        gapMm = BuildNesting.requireApart([mesh for _index, mesh in own], [str(index) for index, _mesh in own], 6.0)
        assert 6.0 - 0.01 <= gapMm < 12
        # Another library agrees: nothing lies inside of anything else.
        solids = [trimesh.Trimesh(mesh.points, mesh.triangles, process=True) for _index, mesh in own]
        for one, other in itertools.permutations(solids, 2):
            assert not one.contains(other.vertices).any()


def test_partsLieInEachOthersBays():
    meshes = [frame(), box(60, 60, 10)]
    placements = BuildNesting.nested(meshes, (110, 110), 5.0)
    assert {one.plate for one in placements} == {0}, "the box lies inside of the frame"
    requireSound(laid(meshes, placements), (110, 110), 5.0)


def test_whatFitsOnlyAfterAQuarterTurnIsTurned():
    meshes = [box(40, 150, 5), box(40, 150, 5)]
    placements = BuildNesting.nested(meshes, (160, 90), 5.0)
    assert {one.plate for one in placements} == {0}
    assert all(one.quarters % 2 for one in placements)
    requireSound(laid(meshes, placements), (160, 90), 5.0)


def test_aPartAsLargeAsThePlateLiesAlone():
    meshes = [box(127, 80, 5), box(5, 5, 5), box(126.7, 79.6, 5)]
    placements = BuildNesting.nested(meshes, (127, 80), 3.0)
    assert len({one.plate for one in placements}) == 3
    requireSound(laid(meshes, placements), (127, 80), 3.0)


def test_theGroupLiesInTheMiddle():
    (place,) = BuildNesting.nested([box(20, 10, 5)], (100, 100), 3.0)
    size = (10, 20) if place.quarters % 2 else (20, 10)
    assert place.cornerMm == pytest.approx([(100 - one) / 2 for one in size])


def test_partsThatTouchAreSeen():
    """The measure itself fails where it should: moved nearer, the kernel says so."""
    first, second = box(10, 10, 10), box(10, 10, 10)
    for shiftMm in (5.0, 10.0, 12.9):
        moved = Mesh.fromArrays(second.points + numpy.array([shiftMm, 0, 0]), second.triangles)
        with pytest.raises(VerificationFailed) as refusal:
            BuildNesting.requireApart([first, moved], ["one", "other"], 3.0)
        assert refusal.value.code == "parts-too-near" and "other" in refusal.value.message
    moved = Mesh.fromArrays(second.points + numpy.array([13.0, 0, 0]), second.triangles)
    assert BuildNesting.requireApart([first, moved], ["one", "other"], 3.0) == pytest.approx(3.0)


def test_aSilhouetteIsWhatIsSeenFromAbove():
    mesh = frame()
    mask = BuildSampling.silhouette(mesh.points[:, :2][mesh.triangles], 1.0)
    assert mask.shape == (100, 100)
    # The walls of the hole stand on a border of cells: these count as covered.
    assert 0 <= mask.sum() - (100 * 100 - 80 * 80) <= 4 * 80
    assert not mask[50, 50] and mask[5, 50] and mask[50, 95]


def test_smallTrianglesCoverTheSameSurface():
    corners = numpy.array([[[0, 0, 0], [30, 0, 0], [0, 40, 0]]], float)
    small = BuildSampling.subdivided(corners, 1.0)
    areas = numpy.linalg.norm(numpy.cross(small[:, 1] - small[:, 0], small[:, 2] - small[:, 0]), axis=1) / 2
    assert areas.sum() == pytest.approx(600, rel=1e-5)
    assert numpy.linalg.norm(small - numpy.roll(small, -1, axis=1), axis=2).max() <= 1.0
