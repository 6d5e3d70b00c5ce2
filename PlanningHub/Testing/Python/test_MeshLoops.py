"""Shells, kept triangles and smoothing as compiled loops give what scipy, numpy and VTK give."""

import numpy
import pytest
from scipy.sparse import coo_matrix, csgraph

from PlanningHubLib.Shapes import Shells, Surface
from PlanningHubLib.Shapes.Mesh import Mesh, signedVolumesMm3
from PlanningHubLib.Shapes.MeshLoops import patchesOf

# One step of single precision, at the coordinates of the tests' surfaces.
STEP_MM = 2**-21


def soup(points=900, triangles=300):
    """Return triangles at random: many shells, and points that none of them uses."""
    rng = numpy.random.default_rng(3)
    return Mesh.fromArrays(rng.random((points, 3)), rng.integers(0, points, (triangles, 3)))


def sponge():
    """Return the surface of voxels at random, a vtkPolyData within 8 mm of the origin."""
    mask = numpy.zeros((14, 15, 16), bool)
    mask[2:-2, 2:-2, 2:-2] = numpy.random.default_rng(3).random((10, 11, 12)) < 0.6
    return Surface._flyingEdges(mask, (0.4, 0.5, 0.3))


def sharedEdge():
    """Return two tetrahedra that share an edge, of four triangles."""
    points = [[0, 0, 0], [0, 0, 1], [1, 0, 0.5], [0, 1, 0.5], [-1, 0, 0.5], [0, -1, 0.5]]
    one = numpy.array([[0, 1, 3], [0, 3, 2], [0, 2, 1], [1, 2, 3]])
    return Mesh.fromArrays(points, numpy.concatenate([one, numpy.array([0, 1, 4, 5])[one]])).toPolyData()


def openTube():
    """Return a tube without ends, of uneven thickness."""
    angles = numpy.linspace(0, 2 * numpy.pi, 24, endpoint=False)
    ring = numpy.stack([numpy.cos(angles), numpy.sin(angles), 0 * angles], 1)
    points = numpy.concatenate([ring + [0, 0, 0.3 * level] for level in range(6)])
    points *= 1 + 0.2 * numpy.random.default_rng(3).random((144, 1))
    here, there = numpy.arange(120), numpy.arange(120) // 24 * 24 + (numpy.arange(120) + 1) % 24
    triangles = [*zip(here, there, here + 24, strict=True), *zip(there, there + 24, here + 24, strict=True)]
    return Mesh.fromArrays(points, triangles).toPolyData()


def test_shellsAreThoseThatScipyFinds():
    mesh = soup()
    ends = (mesh.triangles[:, [0, 1, 2]].reshape(-1), mesh.triangles[:, [1, 2, 0]].reshape(-1))
    links = coo_matrix((numpy.ones(len(ends[0])), ends), shape=(len(mesh.points),) * 2)
    parts = csgraph.connected_components(links, directed=False)[1][mesh.triangles[:, 0]]
    _parts, first, same = numpy.unique(parts, return_index=True, return_inverse=True)
    count, labels = Shells.shellLabels(mesh)
    assert count == len(first) > 10
    assert numpy.array_equal(first[same], numpy.unique(labels, return_index=True)[1][labels]), "in order of their first"


def edgesWithin(mesh, cells):
    """Return the edges (k, 2) between points of one cell, and the patch of each point by scipy."""
    edges = numpy.unique(numpy.sort(mesh.triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1), axis=0)
    edges = edges[cells[edges[:, 0]] == cells[edges[:, 1]]]
    links = coo_matrix((numpy.ones(len(edges)), edges.T), shape=(len(mesh.points),) * 2)
    return edges, csgraph.connected_components(links, directed=False)[1]


@pytest.mark.parametrize("make", [soup, lambda: Mesh.fromPolyData(sponge())])
def test_patchesAreThoseThatScipyFinds(make):
    mesh = make()
    cells = (mesh.points[:, 2] * 2).astype(numpy.int64)
    parts = edgesWithin(mesh, cells)[1]
    labels, characteristics = patchesOf(mesh.triangles, cells)
    count = parts.max() + 1
    assert len(numpy.unique(labels * count + parts)) == count == len(characteristics)


def test_patchesKnowWhatIsADisc():
    mesh = Mesh.fromPolyData(sponge())
    cells = (mesh.points[:, 2] / 2).astype(numpy.int64)
    edges = edgesWithin(mesh, cells)[0]
    labels, characteristics = patchesOf(mesh.triangles, cells)
    whole = labels[mesh.triangles[(cells[mesh.triangles] == cells[mesh.triangles[:, :1]]).all(1), 0]]
    ofEach = (numpy.bincount(one, minlength=len(characteristics)) for one in (labels, labels[edges[:, 0]], whole))
    points, lines, faces = ofEach
    assert numpy.array_equal(characteristics, points - lines + faces)
    assert {1, 2} < set(characteristics.tolist()) and characteristics.min() < 0, "discs, shells and what has holes"


def test_areasAndVolumesAreThoseOfCrossProducts():
    mesh = soup()
    corners = mesh.points[mesh.triangles].astype(float)
    crosses = numpy.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    areas, ofPoints = mesh.areasWithPoints()
    assert areas == pytest.approx(numpy.linalg.norm(crosses, axis=1) / 2)
    assert ofPoints == pytest.approx(numpy.bincount(mesh.triangles.ravel(), areas.repeat(3), len(mesh.points)))
    center = mesh.points.min(0) / 2 + mesh.points.max(0) / 2
    volumes = numpy.einsum("ij,ij->i", corners[:, 0] - center, crosses) / 6
    assert signedVolumesMm3(mesh) == pytest.approx(volumes, abs=1e-6)
    assert numpy.ptp(volumes) > 0.01


def test_keptMeshHasThePointsItUsesInTheirOrder():
    mesh = soup()
    which = numpy.arange(len(mesh.triangles)) % 5 < 2
    kept = mesh.kept(which)
    used = numpy.unique(mesh.triangles[which])
    assert len(used) < len(mesh.points) and numpy.array_equal(kept.points, mesh.points[used])
    assert numpy.array_equal(used[kept.triangles], mesh.triangles[which])
    assert mesh.kept(numpy.zeros(len(which), bool)).points.shape == (0, 3)


def test_specksGoWithTheirPointsAndLooseOnes():
    sizes = (5.0, 0.4, 3.0, 0.1)
    corners = numpy.concatenate([size * numpy.eye(4)[:, :3] + 10 * place for place, size in enumerate(sizes)])
    triangles = numpy.array([[0, 1, 2], [0, 3, 1], [1, 3, 2], [0, 2, 3]])
    mesh = Mesh.fromArrays(corners, numpy.concatenate([triangles + 4 * place for place in range(4)]))
    kept, volumesMm3 = Shells.withoutSpecks(Mesh(numpy.concatenate([mesh.points, mesh.points]), mesh.triangles))
    assert abs(volumesMm3) == pytest.approx([0.4**3 / 6, 0.1**3 / 6], rel=1e-4)
    assert numpy.array_equal(kept.points, corners[[0, 1, 2, 3, 8, 9, 10, 11]].astype(numpy.float32))


@pytest.mark.parametrize(("iterations", "passBand"), [(1, 0.05), (3, 0.3), (5, 0.3), (20, 0.05), (20, 1), (50, 0.1)])
def test_smoothingIsThatOfVtk(iterations, passBand, monkeypatch):
    rough = sponge()
    by = Surface._points(Surface._lowPassedByVtk(rough, iterations, passBand))
    monkeypatch.setattr(Surface, "_lowPassedByVtk", None)
    ours = Surface._points(Surface.lowPassed(rough, iterations, passBand))
    assert abs(ours - by).max() <= 3 * STEP_MM and (ours != by).mean() < 0.03
    assert abs(ours - Surface._points(rough)).max() > 100 * STEP_MM


@pytest.mark.parametrize("make", [sharedEdge, openTube])
def test_openAndSharedEdgesAreSmoothedByVtk(make):
    rough = make()
    by = Surface._points(Surface._lowPassedByVtk(rough, 20, 0.05))
    assert numpy.array_equal(Surface._points(Surface.lowPassed(rough, 20, 0.05)), by)
    assert not numpy.array_equal(by, Surface._points(rough)), "some points move"


def test_pointsOfNoTriangleMoveAsLittleAsWithVtk():
    mesh = Mesh.fromPolyData(sponge())
    loose = Mesh(numpy.concatenate([mesh.points, [[1, 2, 3]]], dtype=numpy.float32), mesh.triangles).toPolyData()
    by = Surface._points(Surface._lowPassedByVtk(loose, 20, 0.05))
    assert abs(Surface._points(Surface.lowPassed(loose, 20, 0.05)) - by).max() <= 3 * STEP_MM


def test_areasOfNeedlesKeepTheirDigits():
    random = numpy.random.default_rng(0)
    start, way = random.uniform(50, 150, (1000, 3)), random.normal(size=(1000, 3))
    corners = numpy.stack([start, start + 10 * way, start + 5 * way + random.normal(size=(1000, 3)) * 1e-4], 1)
    mesh = Mesh.fromArrays(corners.reshape(-1, 3), numpy.arange(3000).reshape(-1, 3))
    one, two, three = mesh.points.astype(float).reshape(-1, 3, 3).transpose(1, 0, 2)
    judged = numpy.linalg.norm(numpy.cross(two - one, three - one), axis=1) / 2
    areas, ofPoints = mesh.areasWithPoints()
    assert areas == pytest.approx(judged, rel=1e-12) and ofPoints == pytest.approx(judged.repeat(3), rel=1e-12)
    longest = max(numpy.linalg.norm(edge, axis=1).max() for edge in (two - one, three - two, one - three))
    assert mesh.longestEdgeMm == pytest.approx(longest, rel=1e-12)
    assert (mesh.extent == [mesh.points.min(0), mesh.points.max(0)]).all()
