"""Crossing triangles are those that a search of all pairs finds, by another formula."""

import itertools

import numpy
import pytest
from PartMaking import boxMesh, joined

from PlanningHubLib.Shapes.Mesh import Mesh
from PrintPrepLib.Repair import SelfIntersections
from PrintPrepLib.Repair.SelfIntersections import selfIntersecting


def randomTriangles(count, seed):
    """Triangles of all sizes; many share corners, a third of these by their coordinates only."""
    random = numpy.random.default_rng(seed)
    points = random.normal(size=(2 * count // 3 + 6, 3)) * random.uniform(0.1, 1, (2 * count // 3 + 6, 1))
    same = numpy.arange(len(points)) % (2 * len(points) // 3)
    triangles = random.integers(0, len(points), (4 * count, 3))
    isWhole = (same[triangles] != same[triangles[:, [1, 2, 0]]]).all(1)
    mesh = Mesh.fromArrays(points[same], triangles[isWhole][:count])
    assert len(mesh.triangles) == count
    return mesh


def meet(one, other):
    """Tell whether an edge of a triangle (3, 3), away from the corners of another one, passes through that one."""
    for start, end in ((0, 1), (1, 2), (2, 0)):
        if any((one[index] == corner).all() for index in (start, end) for corner in other):
            continue
        ways = numpy.stack([other[1] - other[0], other[2] - other[0], one[start] - one[end]], 1)
        u, v, along = numpy.linalg.solve(ways, one[start] - other[0])
        if u >= 0 and v >= 0 and u + v <= 1 and 0 <= along <= 1:
            return True
    return False


def allPairs(mesh):
    corners = mesh.points[mesh.triangles].astype(numpy.float64)
    found = set()
    for one, other in itertools.combinations(range(len(corners)), 2):
        shared = sum((first == second).all() for first in corners[one] for second in corners[other])
        if shared < 2 and (meet(corners[one], corners[other]) or meet(corners[other], corners[one])):
            found.add((one, other))
    return found


def asSet(pairs):
    found = {(min(pair), max(pair)) for pair in pairs.tolist()}
    assert len(found) == len(pairs), "each pair once"
    return found


@pytest.mark.parametrize("count", [2, 5, 17, 65, 220])
def test_pairsAreThoseOfASearchOfAllPairs(count, monkeypatch):
    monkeypatch.setattr(SelfIntersections, "_CHUNK", 3)
    mesh = randomTriangles(count, 2)
    expected = allPairs(mesh)
    assert asSet(selfIntersecting(mesh)) == expected and (count < 17) <= (not expected or count > 2)
    for share in (0, 0.05, 0.5, 1):
        which = numpy.random.default_rng(count).random(count) < share
        assert asSet(selfIntersecting(mesh, which)) == {pair for pair in expected if which[list(pair)].any()}


def test_whatIsSharedIsNoCrossing():
    box = boxMesh()
    apart = joined(boxMesh(), boxMesh((1, 1, 0), (2, 2, 1)), boxMesh((1, 0, 0), (2, 1, 1)))
    assert not len(selfIntersecting(box)) and not len(selfIntersecting(apart))
    assert len(selfIntersecting(joined(box, boxMesh((0.5, 0.25, -0.5), (1.5, 0.5, 0.5)))))


def test_pointsThatAreNoNumbersCrossNothing():
    mesh = randomTriangles(65, 2)
    points = mesh.points.copy()
    points[mesh.triangles[0]] = numpy.nan
    assert not len(selfIntersecting(Mesh(points, mesh.triangles)))
    assert selfIntersecting(Mesh(points, mesh.triangles[:1])).shape == (0, 2)
