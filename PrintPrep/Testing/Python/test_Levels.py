"""Coarser levels are the surface with points merged; the ways for large meshes are as true as those for small ones."""

import numpy
import pytest
from PartMaking import asymmetricMask, ballMesh, boxMesh, joined, obliqueMatrix, withoutOneTriangle
from test_Simplify import placesOnAll

from PlanningHubLib.Shapes import Checks, Deviation, Manifolds, Surface
from PlanningHubLib.Shapes.Mesh import Mesh
from PrintPrepLib.Repair import SelfIntersections
from PrintPrepLib.Simplification import Clusters, Levels, Simplify


@pytest.fixture
def aLargeMesh(monkeypatch):
    """Small meshes take the ways of large ones: cells are merged, distances are bounded before they are exact."""
    monkeypatch.setattr(Levels, "LARGE_TRIANGLES", 1000)
    monkeypatch.setattr(Deviation, "_ALL_EXACT", 0)


def exactDistances(mesh, points):
    import trimesh

    return trimesh.proximity.closest_point(trimesh.Trimesh(mesh.points, mesh.triangles, process=False), points)[1]


def sheetMask():
    """A sheet of two voxels with a rim, and a hole through it."""
    mask = numpy.zeros((12, 60, 60), numpy.uint8)
    mask[5:7, 4:56, 4:56] = 1
    mask[3:9, 4:56, 4:8] = 1
    mask[5:7, 25:35, 25:35] = 0
    return mask


def genus(mesh):
    return Manifolds.toManifold(mesh).genus()


@pytest.mark.parametrize("boundMm", [0.1, 0.3])
def test_theWayOfLargeMeshesKeepsTheBoundByAnotherLibrary(aLargeMesh, boundMm):
    fine = Surface.maskSurface(asymmetricMask(), obliqueMatrix((0.5, 0.5, 0.7))).mesh
    simple = Simplify.simplified(fine, boundMm)
    forth, back = exactDistances(simple.mesh, fine.points), exactDistances(fine, Deviation.samplesOf(simple.mesh))
    onAll = exactDistances(simple.mesh, placesOnAll(fine, 3)), exactDistances(fine, placesOnAll(simple.mesh, 8))
    assert simple.deviation.maximumMm == pytest.approx(max(one.max() for one in onAll), abs=0.005)
    assert simple.deviation.maximumMm <= boundMm
    assert simple.deviation.meanMm == pytest.approx(max(forth.mean(), back.mean()), abs=0.02)
    assert not Checks.meshFindings(simple.mesh) and not len(SelfIntersections.selfIntersecting(simple.mesh))
    assert len(simple.mesh.triangles) < len(fine.triangles) / 2


def test_thinSheetOfOneMillimeterStays(aLargeMesh):
    fine = Surface.maskSurface(sheetMask(), numpy.diag([0.5, 0.5, 0.5, 1.0])).mesh
    solid = Simplify.simplified(fine, 0.25).mesh
    assert solid.volumeMl == pytest.approx(fine.volumeMl, rel=0.04)
    assert genus(solid) == genus(fine) == 1
    assert Checks.meshFacts(solid).pieces == 1
    assert not len(SelfIntersections.selfIntersecting(solid))


def test_surfaceThatPassesThroughItselfStaysAsItIsThere(aLargeMesh):
    """What simplification did not do it cannot help: the rest becomes simpler, and the check of the part refuses it."""
    one = ballMesh(10)
    fine = joined(one, Mesh(one.points + numpy.float32(9), one.triangles))
    assert len(SelfIntersections.selfIntersecting(fine))
    solid = Simplify.simplified(fine, 0.2).mesh
    assert len(solid.triangles) < 0.7 * len(fine.triangles)
    assert solid.volumeMl == pytest.approx(fine.volumeMl, rel=0.01)


def test_mergedCellsAreTheSurfaceWithPointsMerged():
    fine = Surface.maskSurface(sheetMask(), numpy.diag([0.5, 0.5, 0.5, 1.0])).mesh
    owners, merged = Clusters.clustered(fine, 1.2)
    assert len(merged.triangles) < len(fine.triangles) / 2
    assert set(owners) == set(range(len(merged.points)))
    assert numpy.linalg.norm(merged.points[owners] - fine.points, axis=1).max() < 1.2 * 3**0.5
    assert numpy.array_equal(Clusters.contracted(fine.triangles, owners)[0], merged.triangles)
    assert genus(merged) == genus(fine)


def test_decimationTellsWhereEachPointWent():
    fine = joined(ballMesh(10), Mesh(ballMesh(3).points + numpy.float32(40), ballMesh(3).triangles))
    coarse, owners = Levels.decimated(fine, 200)
    assert len(coarse.triangles) <= 220
    assert numpy.linalg.norm(coarse.points[owners] - fine.points, axis=1).max() < 6
    assert Manifolds.toManifold(coarse).volume() > 0


def test_surfaceOfSeveralLevelsIsOneSolid():
    fine = ballMesh(14)
    levels = [Levels.finest(fine)]
    levels.append(Levels.coarser(levels[-1], 0.2))
    # All points that the level merged go with one of them.
    first = numpy.zeros(len(levels[1].mesh.points), numpy.int64)
    first[levels[1].owners] = numpy.arange(len(fine.points))
    choice = (fine.points[first[levels[1].owners], 2] > fine.points[:, 2].mean()).astype(numpy.int8)
    candidate = Levels.Assembly(levels).candidate(choice)
    assert len(levels[1].mesh.triangles) < len(candidate.mesh.triangles) < len(fine.triangles)
    assert Manifolds.asSolid(candidate.mesh).volumeMl == pytest.approx(fine.volumeMl, rel=0.02)
    assert numpy.array_equal(candidate.indices[fine.triangles[candidate.origins]], candidate.mesh.triangles)
    assert numpy.array_equal(numpy.unique(candidate.indices, return_index=True)[1], candidate.names)


def test_closedMeansEveryEdgeBothWays():
    fine = ballMesh()
    assert Clusters.isClosed(fine)
    assert not Clusters.isClosed(withoutOneTriangle(fine))
    assert Clusters.clustered(withoutOneTriangle(fine), 4.0) is None


def test_signedDistancesToLongTrianglesAreNotTooLarge(aLargeMesh):
    solid = boxMesh((0, 0, 0), (80, 3, 40))
    x, z = (axis.reshape(-1) for axis in numpy.meshgrid(numpy.linspace(1, 79, 40), numpy.linspace(1, 39, 20)))
    points = numpy.stack([x, numpy.full(x.shape, 3.2), z], 1)
    assert Deviation.signedDistancesOfMany(points, solid) == pytest.approx(0.2, abs=1e-5)
