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
