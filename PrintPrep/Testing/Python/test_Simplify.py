"""No part lies farther from its surface than the bound says, by an independent measurement."""

import numpy
import pytest
from PartMaking import (
    LABEL,
    asymmetricMask,
    ballMesh,
    boxMesh,
    joined,
    obliqueMatrix,
    readByTrimesh,
    withOneFlipped,
    withoutOneTriangle,
)

from PlanningHubLib.Errors import Cancelled, InputRefused, UsageError
from PlanningHubLib.Shapes import Checks, Deviation, Manifolds, Surface
from PlanningHubLib.Shapes.Mesh import Mesh, welded
from PrintPrepLib.Formats import Writers
from PrintPrepLib.Simplification import Levels, Simplify


def trimeshDistances(mesh, points):
    """Exact distances by another library."""
    import trimesh

    other = trimesh.Trimesh(mesh.points, mesh.triangles, process=False)
    return trimesh.proximity.closest_point(other, points)[1]


def denseSamples(mesh, count=15_000):
    import trimesh

    return trimesh.sample.sample_surface(trimesh.Trimesh(mesh.points, mesh.triangles, process=False), count, seed=3)[0]


@pytest.mark.parametrize("boundMm", [0.05, 0.25])
def test_boundHoldsByAnotherLibrary(boundMm):
    fine = Surface.maskSurface(asymmetricMask(), obliqueMatrix()).mesh
    simple = Simplify.simplified(fine, boundMm)
    forth = trimeshDistances(simple.mesh, numpy.concatenate([fine.points, denseSamples(fine)]))
    back = trimeshDistances(fine, denseSamples(simple.mesh))
    assert max(forth.max(), back.max()) <= boundMm + 0.02
    assert simple.deviation.maximumMm <= boundMm
    assert len(simple.mesh.triangles) < len(fine.triangles)


def test_figuresAgreeWithAnotherLibrary():
    fine = ballMesh(14)
    simple = Simplify.simplified(fine, 0.2)
    forth = trimeshDistances(simple.mesh, denseSamples(fine, 30_000))
    back = trimeshDistances(fine, denseSamples(simple.mesh, 30_000))
    figures = simple.deviation
    assert figures.maximumMm == pytest.approx(max(forth.max(), back.max()), abs=0.02)
    assert figures.meanMm == pytest.approx(max(forth.mean(), back.mean()), abs=0.02)
    for percent, figure in ((95, figures.p95Mm), (99, figures.p99Mm)):
        assert figure == pytest.approx(max(numpy.percentile(forth, percent), numpy.percentile(back, percent)), abs=0.02)


def test_signedDistancesAgreeWithAnotherLibrary():
    """Inside is negative; trimesh calls it positive."""
    import trimesh

    solid = ballMesh()
    points = numpy.random.default_rng(2).uniform(solid.points.min(0) - 3, solid.points.max(0) + 3, (500, 3))
    other = -trimesh.proximity.signed_distance(trimesh.Trimesh(solid.points, solid.triangles, process=False), points)
    assert (other < 0).sum() > 50
    assert Deviation.signedDistances(points, solid) == pytest.approx(other, abs=1e-4)


def test_signedDistancesOfABoxAreThoseOfItsFaces():
    solid = boxMesh((0, 0, 0), (10, 20, 30))
    found = Deviation.signedDistances([(5, 10, 15), (5, 10, 31), (-3, -4, 5), (13, 24, 30), (1, 2, 3)], solid)
    assert found == pytest.approx([-5, 1, 5, 5, -1], abs=1e-6)


def test_deviationFindsTheDisplacedPlace():
    fine = ballMesh()
    points = fine.points.copy()
    top = points[:, 2].argmax()
    points[top, 2] += 1.5
    found = Deviation.measured(fine, Mesh(points, fine.triangles))
    assert found.maximumMm == pytest.approx(1.5, abs=0.02)
    assert numpy.linalg.norm(numpy.array(found.maximumAtMm) - points[top]) < 0.1


def test_deviationSeesBothDirections():
    """A fin that only the simplified mesh has is as far as it stands out."""
    fine = ballMesh()
    withFin = joined(fine, Mesh(fine.points[:3] + numpy.float32(40), numpy.array([[0, 1, 2]], numpy.int32)))
    assert Deviation.measured(fine, withFin).maximumMm > 20
    assert Deviation.measured(withFin, fine).maximumMm > 20


def test_boundDecidesNotACount():
    fine = ballMesh(14)
    counts = [len(Simplify.simplified(fine, boundMm).mesh.triangles) for boundMm in (0.01, 0.1, 0.5)]
    assert counts[0] > counts[1] >= counts[2]


def test_decimatorThatLiesIsNotBelieved(monkeypatch):
    """A candidate beyond the bound is not accepted, whatever the decimator did; the surface itself is."""
    fine = ballMesh()
    honest = Levels.decimated

    def shrinking(mesh, triangleCount):
        level, owners = honest(mesh, triangleCount)
        return Mesh(level.points * numpy.float32(0.95), level.triangles), owners

    monkeypatch.setattr(Levels, "decimated", shrinking)
    monkeypatch.setattr(Simplify, "BEYOND_FRACTION", 1.0)
    simple = Simplify.simplified(fine, 0.1)
    assert simple.deviation.maximumMm <= 0.1
    assert simple.mesh.volumeMl == pytest.approx(fine.volumeMl, rel=1e-4)


def test_simplifyingKeepsTheVolume():
    fine = ballMesh(14)
    assert Simplify.simplified(fine, 0.25).mesh.volumeMl == pytest.approx(fine.volumeMl, rel=0.01)


def test_openSurfaceIsRefusedByName():
    with pytest.raises(InputRefused) as refusal:
        Simplify.simplified(withoutOneTriangle(ballMesh()), 0.1)
    assert refusal.value.code == "not-manifold"


def test_flippedTriangleIsMendedOrRefused():
    """Simplification may take the triangle away; what comes out is a solid, or nothing does."""
    fine = ballMesh()
    try:
        solid = Simplify.simplified(withOneFlipped(fine), 0.1).mesh
    except InputRefused as refusal:
        assert refusal.code == "not-manifold"
        return
    assert not Checks.meshFindings(solid)
    assert solid.volumeMl == pytest.approx(fine.volumeMl, rel=0.005)


def test_cubesThatShareAnEdgeBecomeTwoSolidsApart():
    """Readers of STL weld: only a gap, of micrometers, keeps the shared edge from being one of four triangles."""
    touching = joined(boxMesh((0, 0, 0), (9, 9, 9)), boxMesh((9, 9, 0), (18, 18, 9)))
    for mesh in (touching, Mesh.fromArrays(*welded(touching.points, touching.triangles))):
        assert not readByTrimesh(Writers.stlBytes(mesh, LABEL), "stl").is_watertight
        solid = Simplify.simplified(mesh, 0.1).mesh
        seen = readByTrimesh(Writers.stlBytes(solid, LABEL), "stl")
        assert seen.is_watertight and seen.is_winding_consistent and seen.body_count == 2
        assert solid.volumeMl == pytest.approx(2 * 0.729, rel=1e-3)


def test_soundBoxIsASolid():
    assert Manifolds.asSolid(boxMesh()).volumeMl == pytest.approx(0.001)


@pytest.mark.parametrize("boundMm", [0, -1, 100, float("nan")])
def test_boundThatCannotBeKeptIsRefused(boundMm):
    with pytest.raises(UsageError) as refusal:
        Simplify.simplified(boxMesh(), boundMm)
    assert refusal.value.code == "bad-deviation"


def test_cancelGoesThrough():
    def cancel(_fraction, _text):
        raise Cancelled

    with pytest.raises(Cancelled):
        Simplify.simplified(ballMesh(), 0.1, cancel)


@pytest.mark.parametrize(("spacingMm", "boundMm"), [((0.5, 0.5, 0.7), 0.1), ((0.4, 0.4, 0.4), 0.25)])
def test_boundHoldsBetweenCornersAndOnEdges(monkeypatch, spacingMm, boundMm):
    """Judged at many places of every triangle of both surfaces, by another library; by the way of large meshes too."""
    fine = Surface.maskSurface(asymmetricMask(), obliqueMatrix(spacingMm)).mesh
    for large in (False, True):
        if large:
            monkeypatch.setattr(Levels, "LARGE_TRIANGLES", 1000)
            monkeypatch.setattr(Deviation, "_ALL_EXACT", 0)
        simple = Simplify.simplified(fine, boundMm)
        forth = trimeshDistances(simple.mesh, placesOnAll(fine, 3))
        back = trimeshDistances(fine, placesOnAll(simple.mesh, 8))
        assert max(forth.max(), back.max()) <= boundMm
        assert simple.deviation.maximumMm <= boundMm
        assert max(forth.max(), back.max()) <= simple.deviation.maximumMm + 0.02 * boundMm


def placesOnAll(mesh, steps):
    """Places on a grid over each triangle, its corners and edges included."""
    grid = [(one, other, steps - one - other) for one in range(steps + 1) for other in range(steps + 1 - one)]
    return numpy.einsum("gk,tkd->tgd", numpy.array(grid) / steps, mesh.points[mesh.triangles].astype(float)).reshape(
        -1, 3
    )


def test_edgeThatCrossesAValleyIsMeasured():
    """The same four corners, the square between them split the other way: corners and centers hide how far apart."""
    corners = numpy.array([[0, 0, 1], [10, 0, 0], [10, 10, 1], [0, 10, 0], [5, 5, -20]], numpy.float32)
    walls = [(1, 0, 4), (2, 1, 4), (3, 2, 4), (0, 3, 4)]
    valley = Mesh(corners, numpy.array([(0, 1, 3), (1, 2, 3), *walls], numpy.int32))
    ridge = Mesh(corners, numpy.array([(0, 1, 2), (0, 2, 3), *walls], numpy.int32))
    samples = Deviation.distancesToSurface(Deviation.samplesOf(ridge), valley).max()
    judged = max(
        trimeshDistances(valley, placesOnAll(ridge, 40)).max(), trimeshDistances(ridge, placesOnAll(valley, 40)).max()
    )
    assert judged > samples + 0.2
    assert Deviation.measured(valley, ridge).maximumMm == pytest.approx(judged, abs=0.02)
