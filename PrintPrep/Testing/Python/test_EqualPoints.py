"""Points of equal coordinates are found, and meshes of the same triangles are alike whatever their order."""

import numpy
import pytest
from PartMaking import ballMesh

from PlanningHubLib.Shapes.Mesh import Mesh, alike, hasDoubles, welded, weldedIndex


def pointsWithDoubles(kind):
    random = numpy.random.default_rng(4)
    points = random.normal(size=(400, 3)).astype(kind) * 100
    points[:40, 0], points[:60, 2] = 1.5, -2.25
    points[300:] = points[random.integers(0, 300, 100)]
    points[0], points[399] = (0.0, 3, -0.0), (-0.0, 3, 0.0)
    return points[random.permutation(400)]


@pytest.mark.parametrize("kind", [numpy.float32, numpy.float64])
def test_equalPointsAreOne(kind):
    points = pointsWithDoubles(kind)
    triangles = numpy.random.default_rng(5).integers(0, 400, (700, 3)).astype(numpy.int32)
    expected = numpy.unique(points + 0, axis=0)
    unique, index = welded(points, triangles)
    assert numpy.array_equal(numpy.unique(unique, axis=0), expected) and len(unique) == len(expected)
    assert numpy.array_equal(unique[index], points[triangles]) and index.dtype == numpy.int32
    numbers = weldedIndex(points)
    assert numpy.array_equal(unique[numbers], points) and set(numbers) == set(range(len(expected)))


def test_orderOfWeldedPointsIsThatOfTheirBytes():
    """Files and records are made in that order: it must not depend on how the points came."""
    points = pointsWithDoubles(numpy.float32)
    unique = welded(points, numpy.zeros((0, 3), numpy.int32))[0] + 0
    rows = [row.tobytes() for row in unique]
    assert rows == sorted(rows)
    other = welded(points[::-1], numpy.zeros((0, 3), numpy.int32))[0]
    assert numpy.array_equal(unique, other)


def test_oneDoubleIsSeen():
    points = numpy.random.default_rng(6).normal(size=(5000, 3)).astype(numpy.float32)
    points[:, 0], points[:, 1] = 7, numpy.round(points[:, 1])
    points[:, 2] += numpy.arange(5000)
    assert not hasDoubles(points) and not hasDoubles(points[:0]) and not hasDoubles(points[:1])
    for index in range(0, 4999, 13):
        assert hasDoubles(numpy.concatenate([points, points[index : index + 1]]))
    assert hasDoubles(numpy.array([[0.0, 1, 2], [-0.0, 1, 2]], numpy.float32))
    assert not hasDoubles(numpy.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]], numpy.float32))


def shuffled(mesh):
    random = numpy.random.default_rng(7)
    points, triangles = random.permutation(len(mesh.points)), random.permutation(len(mesh.triangles))
    places = numpy.argsort(points)
    turned = numpy.stack([numpy.roll(places[row], turn) for turn, row in enumerate(mesh.triangles[triangles])])
    return Mesh.fromArrays(mesh.points[points], turned)


def withTwoCornersEqual(mesh):
    triangles = mesh.triangles.copy()
    triangles[:20, 1], triangles[20:40, 2] = triangles[:20, 0], triangles[20:40, 0]
    return Mesh(mesh.points, triangles)


@pytest.mark.parametrize("mesh", [ballMesh(), withTwoCornersEqual(ballMesh())])
def test_orderMakesNoDifference(mesh):
    assert alike(mesh, mesh) and alike(mesh, shuffled(mesh)) and alike(shuffled(mesh), mesh)


def test_otherTrianglesAreNotAlike():
    mesh = ballMesh()
    moved, turned, fewer = mesh.points.copy(), mesh.triangles.copy(), mesh.triangles[1:]
    moved[5, 2] += numpy.float32(1e-4)
    turned[7] = turned[7][::-1]
    for points, triangles in ((moved, mesh.triangles), (mesh.points, turned), (mesh.points, fewer)):
        assert not alike(mesh, shuffled(Mesh(points, triangles)))
    assert not alike(*[Mesh(mesh.points * numpy.float32("nan"), mesh.triangles)] * 2)
