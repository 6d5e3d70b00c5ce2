"""The nearest triangle, judged by another library; edges, by many places along them."""

import igl
import numpy
import pytest
from AnalyticShapes import ballMesh
from PlanMaking import boxMesh

from PlanningHubLib.Shapes import Deviation, SearchLoops
from PlanningHubLib.Shapes.Between import Side, bends, farthestOnEdges
from PlanningHubLib.Shapes.Mesh import Mesh
from PlanningHubLib.Shapes.Search import TriangleSearch, fansOf, nearestOf


def judged(points, mesh):
    squared = igl.point_mesh_squared_distance(
        numpy.asarray(points, float), mesh.points.astype(float), mesh.triangles.astype(numpy.int64)
    )[0]
    return numpy.sqrt(squared)


def crumpled(seed=1, count=3000):
    """Triangles of all sizes and directions, needles and doubled corners among them."""
    random = numpy.random.default_rng(seed)
    corners = random.uniform(-20, 20, (count, 1, 3)) + random.normal(size=(count, 3, 3)) * random.exponential(
        2, (count, 1, 1)
    )
    corners[::50, 2] = corners[::50, 1]
    return Mesh.fromArrays(corners.reshape(-1, 3), numpy.arange(3 * count).reshape(-1, 3))


MESHES = [crumpled(), ballMesh(), boxMesh((0, 0, 0), (80, 3, 40)), crumpled(2, 1), crumpled(3, 5)]


@pytest.mark.parametrize("mesh", MESHES)
def test_distancesAreThoseOfAnotherLibrary(mesh):
    random = numpy.random.default_rng(4)
    points = random.uniform(mesh.points.min(0) - 5, mesh.points.max(0) + 5, (4000, 3))
    search = TriangleSearch(mesh)
    exact = judged(points, mesh)
    for hints in (None, random.integers(-1, len(mesh.points), len(points))):
        distancesMm, triangles = search.distances(points, hints)
        assert distancesMm == pytest.approx(exact, abs=1e-5)
        for at in range(50):
            alone = Mesh(mesh.points, mesh.triangles[triangles[at : at + 1]])
            assert judged(points[at : at + 1], alone) == pytest.approx(exact[at : at + 1], abs=1e-5)


@pytest.mark.parametrize("forMany", [False, True])
def test_whatIsEnoughIsNeverBelowTheTrueDistance(forMany):
    mesh = ballMesh()
    random = numpy.random.default_rng(5)
    hints = random.integers(0, len(mesh.points), 5000)
    points = mesh.points[hints] + random.normal(size=(5000, 3)) * 0.5
    exact = judged(points, mesh)
    for enoughMm in (0.4, numpy.inf):
        distancesMm, triangles = TriangleSearch(mesh, forMany).distances(points, hints, enoughMm)
        assert (distancesMm >= exact - 1e-5).all() and (triangles >= 0).all()
        isFar = exact > enoughMm
        assert distancesMm[isFar] == pytest.approx(exact[isFar], abs=1e-5)
        assert numpy.mean(distancesMm - exact) < 0.005
        # Each is the distance to the triangle that is named, or above it.
        for at in range(50):
            alone = Mesh(mesh.points, mesh.triangles[triangles[at : at + 1]])
            assert judged(points[at : at + 1], alone) == pytest.approx(distancesMm[at : at + 1], abs=1e-5)


def test_anEmptyMeshIsInfinitelyFar():
    search = TriangleSearch(Mesh.fromArrays(numpy.zeros((0, 3)), numpy.zeros((0, 3))))
    distancesMm, triangles = search.distances([(0, 0, 0)])
    assert numpy.isinf(distancesMm).all() and (triangles == -1).all()


def test_pointsWithoutTrianglesAreNoHelpAndNoHarm():
    box = boxMesh()
    mesh = Mesh(numpy.concatenate([box.points, [[9, 9, 9]]]).astype(numpy.float32), box.triangles)
    assert TriangleSearch(mesh).distances([(0.5, 0.5, 3)], numpy.array([8]))[0] == pytest.approx([2])


def test_fansAreTheTrianglesOfEachPoint():
    mesh = ballMesh()
    starts, fans = fansOf(mesh.triangles, len(mesh.points))
    for point in (0, 7, len(mesh.points) - 1):
        found = fans[starts[point] : starts[point + 1]]
        assert list(found) == list(numpy.flatnonzero((mesh.triangles == point).any(1)))
    assert starts[-1] == mesh.triangles.size


def test_nearestOfWhatEachPlaceOwns():
    places = numpy.array([[0, 0, 0], [10, 0, 0], [20, 0, 0]])
    points = numpy.array([[3, 0, 0], [1, 0, 0], [11, 0, 0], [20, 0, 0]], numpy.float32)
    assert list(nearestOf(places, numpy.array([0, 0, 1, -1]), points)) == [1, 2, -1]
    assert list(nearestOf(places, numpy.array([0, 0, 1, -1]), points, numpy.array([False, True, True]))) == [-1, 2, -1]


def test_percentilesAreThoseOfTheWeight():
    random = numpy.random.default_rng(6)
    values, weights = random.exponential(0.1, 20_000).astype(numpy.float32), random.uniform(0, 3, 20_000)
    order = values.argsort()
    share = numpy.cumsum(weights[order]) / weights.sum()
    judgedMm = values[order][numpy.searchsorted(share, (0.95, 0.99))]
    found = Deviation.weightedPercentiles(values, weights, (95, 99))
    assert found == pytest.approx(judgedMm, abs=1e-4) and (found >= judgedMm - 1e-7).all()
    assert list(Deviation.weightedPercentiles(numpy.zeros(3), numpy.ones(3), (95, 99))) == [0, 0]


def roofs(angleDegrees):
    """Two closed prisms whose ridges cross: corners on the same places, tops split the other way."""
    height = 5 * numpy.tan(numpy.radians(angleDegrees))
    corners = numpy.array([[0, 0, height], [10, 0, 0], [10, 10, height], [0, 10, 0], [5, 5, -20]], numpy.float32)
    walls = [(1, 0, 4), (2, 1, 4), (3, 2, 4), (0, 3, 4)]
    tops = ([(0, 1, 3), (1, 2, 3)], [(0, 1, 2), (0, 2, 3)])
    return [Mesh(corners, numpy.array([*top, *walls], numpy.int32)) for top in tops]


@pytest.mark.parametrize("angleDegrees", [2, 10, 30])
def test_farthestPlaceOnEdgesIsFound(angleDegrees):
    one, other = roofs(angleDegrees)
    farthestMm = 0.0
    for mesh, its in ((one, other), (other, one)):
        ends = mesh.points[numpy.concatenate([mesh.triangles[:, pair] for pair in ((0, 1), (1, 2), (2, 0))])]
        share = numpy.linspace(0, 1, 1001)[:, None, None]
        farthestMm = max(farthestMm, judged((ends[:, 0] * (1 - share) + ends[:, 1] * share).reshape(-1, 3), its).max())
    sides = []
    for mesh, its in ((one, other), (other, one)):
        sides.append(Side(TriangleSearch(its), *TriangleSearch(its).distances(Deviation.samplesOf(mesh))))
    forth, back = sides
    forth = Side(forth.search, forth.distancesMm[: len(one.points)], forth.measuredTo[: len(one.points)])
    foundMm, place = farthestOnEdges(one, other, forth, back, 0.01)
    assert foundMm == pytest.approx(farthestMm, rel=0.03)
    assert max(judged([place], one)[0], judged([place], other)[0]) == pytest.approx(foundMm, abs=1e-5)
    # Beyond that there is nothing.
    assert farthestOnEdges(one, other, forth, back, farthestMm * 1.01) == (farthestMm * 1.01, None)


def test_edgesThatMayBeLeftOutAreNotBeyond():
    """No edge that counts as straight enough holds a place beyond the limit."""
    fine = ballMesh()
    coarse = ballMesh(parts=12)
    forth = Side(*_measured(fine.points, coarse))
    back = Side(*_measured(Deviation.samplesOf(coarse), fine))
    edges = SearchLoops.edgesOf(
        coarse.triangles, numpy.ones(len(coarse.points), bool), coarse.points, back.distancesMm,
        numpy.arange(len(coarse.points), dtype=numpy.int32), 0.0,
    )  # fmt: skip
    share = numpy.linspace(0, 1, 101)[:, None, None]
    ends = coarse.points[edges]
    along = (ends[None, :, 0] * (1 - share) + ends[None, :, 1] * share).reshape(-1, 3)
    largestMm = judged(along, fine).reshape(101, -1).max(0)
    bent, leftOut = bends(forth, back, fine), 0
    for limitMm in numpy.linspace(largestMm.min(), largestMm.max() * 1.5, 20):
        isBent = bent(edges, float(limitMm))
        assert isBent[largestMm > limitMm].all()
        leftOut += (~isBent).sum()
    assert leftOut > 0


def _measured(points, mesh):
    search = TriangleSearch(mesh)
    return search, *search.distances(points)
