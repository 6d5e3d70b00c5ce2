"""Rigid registration: known motions are found again, with a part gone and a thing added; strangers are refused."""

import numpy
import pytest
from PlanMaking import ball, box, boxMesh, gridMatrix

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Planning.Placing import matrixOf
from PlanningHubLib.Planning.Registration import FixedSurface, register, requireFit
from PlanningHubLib.Shapes.Mesh import Mesh
from PlanningHubLib.Shapes.Surface import maskSurface

SHAPE = (90, 90, 90)


def motion(degrees, shiftMm):
    return matrixOf({"matrix": [], "turnDegrees": degrees, "center": [0, 0, 0], "shiftMm": shiftMm})


def anUnevenBone():
    """Return the mask of a body that no turn maps onto itself."""
    bone = box(SHAPE, (-20, -12, -30), (14, 10, 26)) | ball(SHAPE, 14, (16, 6, 22))
    return bone | ball(SHAPE, 9, (-18, -12, -24)) & ~ball(SHAPE, 7, (0, 12, 0))


def surfaceOf(mask):
    return maskSurface(mask.astype(numpy.uint8), gridMatrix(SHAPE)).mesh


def movedMesh(mesh, matrix):
    return Mesh.fromArrays(mesh.points @ matrix[:3, :3].T + matrix[:3, 3], mesh.triangles)


def errors(found, wanted):
    """Return degrees and mm (at the origin) between two rigid motions."""
    difference = found @ numpy.linalg.inv(wanted)
    cosine = (numpy.trace(difference[:3, :3]) - 1) / 2
    return float(numpy.degrees(numpy.arccos(min(1.0, cosine)))), float(numpy.linalg.norm(difference[:3, 3]))


@pytest.mark.parametrize("shiftMm", [(0, 0, 0), (40, -25, 150)])
def test_knownMotionIsFoundAgain(shiftMm):
    bone = surfaceOf(anUnevenBone())
    wanted = motion((10, -6, 14), shiftMm)
    found = register(bone, FixedSurface(movedMesh(bone, wanted)))
    assert errors(found.matrix, wanted) == (pytest.approx(0, abs=0.01), pytest.approx(0, abs=0.01))
    assert found.meanMm < 0.01


def test_whatIsGoneAndWhatIsNewDoesNotMoveTheRest():
    bone = anUnevenBone()
    after = (bone & ~box(SHAPE, (2, -40, 14), (40, 40, 40))) | ball(SHAPE, 6, (-30, 20, 10))
    wanted = motion((5, 8, -7), (12, 3, -20))
    found = register(surfaceOf(bone), FixedSurface(movedMesh(surfaceOf(after), wanted)))
    degrees, shiftMm = errors(found.matrix, wanted)
    assert degrees < 0.1 and shiftMm < 0.1
    requireFit(found, "The bone")


def test_regionLeftOutDoesNotCount():
    bone = anUnevenBone()
    # The upper half slips by 3 mm: without being left out it drags the fit along.
    upper = box(SHAPE, (-60, -60, 2), (60, 60, 60))
    slipped = (bone & ~upper) | numpy.roll(bone & upper, 3, axis=2)
    fixed = FixedSurface(surfaceOf(slipped))
    still = register(surfaceOf(bone), fixed, leaveOut=lambda points: points[:, 2] > 0)
    assert errors(still.matrix, numpy.eye(4))[1] < 0.1
    with pytest.raises(InputRefused) as refused:
        register(surfaceOf(bone), fixed, leaveOut=lambda points: points[:, 2] > -90)
    assert refused.value.code == "registration-poor"


def test_anotherBoneIsRefused():
    found = register(surfaceOf(anUnevenBone()), FixedSurface(boxMesh((-60, -9, -9), (60, 9, 9))))
    with pytest.raises(InputRefused) as refused:
        requireFit(found, "The bone")
    assert refused.value.code == "registration-poor"
