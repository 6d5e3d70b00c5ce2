"""Each fault that keeps a part from being printed is found, and outside judges agree."""

import numpy
import pytest
from PartMaking import (
    LABEL,
    ballMesh,
    boxMesh,
    joined,
    manifoldStatus,
    readByTrimesh,
    withOneFlipped,
    withoutOneTriangle,
)

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Shapes import Checks
from PlanningHubLib.Shapes.Mesh import Mesh
from PrintPrepLib.Formats import Writers


def codes(mesh):
    return {finding.code for finding in Checks.meshFindings(mesh)}


def insideOut(mesh):
    return Mesh(mesh.points, numpy.ascontiguousarray(mesh.triangles[:, ::-1]))


def withADegenerateTriangle(mesh):
    return Mesh(mesh.points, numpy.concatenate([mesh.triangles, mesh.triangles[:1, [0, 0, 1]]]))


def twoBoxes(low):
    return joined(boxMesh(), boxMesh(low, numpy.array(low) + 1))


def test_soundMeshHasNoFindings():
    assert codes(boxMesh()) == codes(ballMesh()) == set()
    facts = Checks.meshFacts(boxMesh())
    assert (facts.pieces, facts.cavities) == (1, 0)
    assert facts.volumeMl == pytest.approx(0.001)


@pytest.mark.parametrize(
    ("mesh", "code"),
    [
        (withoutOneTriangle(boxMesh()), "open-surface"),
        (withOneFlipped(boxMesh()), "flipped-triangles"),
        (insideOut(boxMesh()), "inside-out"),
        (withADegenerateTriangle(boxMesh()), "degenerate-triangles"),
        (twoBoxes((1, 1, 0)), "not-manifold"),
        (twoBoxes((1, 1, 1)), "not-manifold"),
        (Mesh.fromArrays(numpy.zeros((0, 3)), numpy.zeros((0, 3))), "empty-mesh"),
        (Mesh(boxMesh().points * numpy.float32("nan"), boxMesh().triangles), "not-finite"),
        (twoBoxes((3, 0, 0)), "several-pieces"),
    ],
)
def test_faultIsFound(mesh, code):
    assert code in codes(mesh)
    if code == "several-pieces":
        assert Checks.requirePrintable(mesh)
    else:
        with pytest.raises(InputRefused):
            Checks.requirePrintable(mesh)


@pytest.mark.parametrize("damaged", [withoutOneTriangle, withOneFlipped])
def test_outsideJudgesAgree(damaged):
    sound, broken = ballMesh(), damaged(ballMesh())
    assert manifoldStatus(sound) == "NoError" != manifoldStatus(broken)
    for mesh, isSound in ((sound, True), (broken, False)):
        seen = readByTrimesh(Writers.stlBytes(mesh, LABEL), "stl")
        assert (seen.is_watertight and seen.is_winding_consistent) is isSound
        assert (not codes(mesh)) is isSound


def randomTriangles():
    """Open, crossing, touching, overused: whatever 30 points allow; one of them is of nearly half of all triangles."""
    triangles = numpy.random.default_rng(9).integers(0, 30, (200, 3)).astype(numpy.int32)
    triangles[:80, 0] = 7
    return triangles[(triangles != triangles[:, [1, 2, 0]]).all(1)]


@pytest.mark.parametrize("triangles", [randomTriangles(), ballMesh().triangles[5:], boxMesh().triangles])
def test_edgesAreNumberedInOrder(triangles):
    edges, uses = Checks.edgeNumbers(triangles)
    sides = numpy.sort(numpy.stack([triangles, triangles[:, [1, 2, 0]]], 2).reshape(-1, 2), axis=1)
    expected, counts = numpy.unique(sides, axis=0, return_counts=True)
    assert numpy.array_equal(expected[edges], sides) and numpy.array_equal(uses, counts)


@pytest.mark.parametrize("triangles", [randomTriangles(), randomTriangles()[90:110], ballMesh().triangles[::2]])
def test_pointsOfSeveralFansAreFound(triangles):
    """At each point, triangles are walked from one to the next over the edges that stand there."""
    expected = []
    for point in numpy.unique(triangles):
        left = {int(index) for index in numpy.flatnonzero((triangles == point).any(1))}
        fans = 0
        while left:
            fans, border = fans + 1, [left.pop()]
            while border:
                around = set(triangles[border.pop()].tolist()) - {int(point)}
                joined_ = {index for index in left if around & set(triangles[index].tolist())}
                left -= joined_
                border += joined_
        expected += [point] * (fans - 1)
    found = Checks.touchingPoints(triangles, Checks.edgeNumbers(triangles)[0])
    assert len(expected) and found.tolist() == expected


def test_factsOfABrokenMeshAreThoseCountedByHand():
    touching = withADegenerateTriangle(twoBoxes((1, 1, 0)))
    facts = Checks.meshFacts(joined(touching, withOneFlipped(ballMesh(12)), withoutOneTriangle(ballMesh(9))))
    # The triangle without area has an edge of no length, and one more that it runs along twice.
    assert (facts.openEdges, facts.overusedEdges, facts.flippedEdges, facts.degenerateTriangles) == (4, 2, 3, 1)
    assert (facts.touchingCorners, facts.pieces, facts.cavities) == (0, 3, 0)


def test_threePointsOnALineHaveNoArea():
    mesh = boxMesh()
    halfway = (mesh.points[mesh.triangles[0, 0]] + mesh.points[mesh.triangles[0, 1]]) / 2
    line = [*mesh.triangles[0, :2], len(mesh.points)]
    split = Mesh.fromArrays(numpy.vstack([mesh.points, halfway]), numpy.vstack([mesh.triangles, line]))
    assert Checks.meshFacts(split).degenerateTriangles == 1
