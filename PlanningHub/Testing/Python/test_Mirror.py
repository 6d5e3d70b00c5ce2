"""Mirroring: the right side of the body, the volume, the handedness; and what is refused."""

import numpy
import pytest
from PlanMaking import boxMesh, carried
from SymmetryMaking import head, placed, solidContext

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Shapes.Checks import meshFindings
from PlanningHubLib.Shapes.Manifolds import fromManifold, toManifold
from PlanningHubLib.Shapes.Mesh import Mesh

PLANE = {"do": "plane", "name": "midplane", "origin": [10, 0, 0], "normal": [-1, 0, 0]}
STEP = {"do": "mirror", "name": "image", "solid": "bone", "plane": "midplane"}


def mirrored(mesh, side="right", plane=PLANE, **step):
    carriedPlan = carried(solidContext(side, bone=mesh), plane, {**STEP, **step})
    return carriedPlan.objects["image"], carriedPlan.results["image"]


def glove():
    """A box with a thumb towards A and a finger towards S, at its own R end: no turn brings it onto its image."""
    import manifold3d

    parts = [
        boxMesh((-40, 0, 0), (-10, 20, 10)),
        boxMesh((-40, 20, 0), (-34, 30, 4)),
        boxMesh((-40, 0, 10), (-36, 5, 40)),
    ]
    return fromManifold(manifold3d.Manifold.batch_boolean([toManifold(part) for part in parts], manifold3d.OpType.Add))


def test_boxOnTheLeftComesToTheRight():
    solid, result = mirrored(boxMesh((-40, 2, 3), (-10, 22, 13)), **{"from": "left"})
    assert solid.mesh.boundsMm == [[30, 2, 3], [60, 22, 13]]
    assert solid.mesh.volumeMl == pytest.approx(6, rel=1e-6)
    assert solid.flags() == {"role": "mirror", "mirrored": True, "modified": True, "moved": False}
    assert (result.figures["from"], result.figures["to"]) == ("left", "right")
    assert not result.findings


def test_obliquePlaneMirrorsPointsExactly():
    plane = {**PLANE, "origin": [5, 2, 1], "normal": [-1, 0.2, 0.1]}
    solid, _result = mirrored(boxMesh((-40, 2, 3), (-10, 22, 13)), plane=plane)
    normal = numpy.array(plane["normal"]) / numpy.linalg.norm(plane["normal"])
    corner = numpy.array([-40, 22, 13.0])
    expected = corner - 2 * ((corner - plane["origin"]) @ normal) * normal
    assert numpy.linalg.norm(solid.mesh.points - expected, axis=1).min() < 1e-4


def test_imageIsTheOtherHandAndFacesOutwards():
    solid, result = mirrored(glove())
    points = solid.mesh.points * numpy.array([-1, 1, 1]) + numpy.array([20, 0, 0])
    assert not [one for one in meshFindings(solid.mesh) if one.severity == "reject"]
    assert solid.mesh.volumeMl == pytest.approx(result.figures["sourceVolumeMl"], rel=1e-6)
    # Turned back by hand it is the glove itself; moments of third order tell the two hands apart.
    again = toManifold(Mesh.fromArrays(points, solid.mesh.triangles[:, ::-1]))
    assert (again ^ toManifold(glove())).volume() == pytest.approx(toManifold(glove()).volume(), rel=1e-5)
    assert handedness(solid.mesh) == pytest.approx(-handedness(glove()), rel=1e-3)
    assert abs(handedness(glove())) > 1


def handedness(mesh):
    """Return a number that changes its sign, and only that, when a body is mirrored: of thumb, finger and far end."""
    points = mesh.points.astype(float)
    thumb, finger = points[points[:, 1].argmax()], points[points[:, 2].argmax()]
    far = points[abs(points[:, 0] - thumb[0]).argmax()]
    return (
        numpy.sign(numpy.linalg.det([thumb * (0, 1, 0), finger * (0, 0, 1), (far - thumb) * (1, 0, 0)]))
        * abs(far - thumb)[0]
    )


def test_onlyTheHealthyHalfIsKept():
    mesh, _matrix = placed(head(defect=True), shiftMm=(10, 0, 0))
    solid, result = mirrored(mesh, **{"from": "left"})
    assert solid.mesh.points[:, 0].min() == pytest.approx(10, abs=1e-3)
    assert result.figures["volumeMl"] == pytest.approx(result.figures["keptVolumeMl"], rel=1e-5)
    whole = placed(head())[0].volumeMl
    assert solid.mesh.volumeMl == pytest.approx(whole / 2, rel=1e-3)
    wider, _result = mirrored(mesh, **{"from": "left", "overlapMm": 5})
    assert wider.mesh.points[:, 0].min() == pytest.approx(5, abs=1e-3)


def test_defectSideIsNotMirroredOntoTheHealthyOne():
    mesh, _matrix = placed(head(defect=True), shiftMm=(10, 0, 0))
    with pytest.raises(InputRefused, match="side to operate on, onto the healthy left") as refused:
        mirrored(mesh, **{"from": "right"})
    assert refused.value.code == "wrong-side"
    with pytest.raises(InputRefused) as refused:  # the side is where the bone lies, where nobody says it
        mirrored(boxMesh((20, 0, 0), (30, 9, 9)))
    assert refused.value.code == "wrong-side"


@pytest.mark.parametrize(
    ("mesh", "side", "step", "code"),
    [
        (boxMesh((0, 0, 0), (20, 9, 9)), "right", {}, "mirror-of-midline"),
        (boxMesh((-9, 0, 0), (0, 9, 9)), "midline", {"from": "left"}, "mirror-of-midline"),
        (boxMesh((20, 0, 0), (30, 9, 9)), "right", {"from": "left"}, "nothing-to-mirror"),
        (boxMesh((-9, 0, 0), (0, 9, 9)), "right", {"solid": "no"}, "no-such-object"),
        (boxMesh((-9, 0, 0), (0, 9, 9)), "right", {"from": "healthy"}, "bad-plan"),
    ],
)
def test_whatCannotBeMirroredIsRefused(mesh, side, step, code):
    with pytest.raises(InputRefused) as refused:
        mirrored(mesh, side, **step)
    assert refused.value.code == code


@pytest.mark.parametrize("side", [None, "bilateral"])
def test_caseWithoutASideIsAFinding(side):
    _solid, result = mirrored(boxMesh((-9, 0, 0), (0, 9, 9)), side)
    assert [finding.code for finding in result.findings] == ["side-not-checked"]


def test_imageOfAnImageIsNotMirrored():
    steps = [PLANE, STEP, {**STEP, "name": "back", "solid": "image"}]
    carriedPlan = carried(solidContext(None, bone=boxMesh((-9, 0, 0), (0, 9, 9))), *steps)
    assert carriedPlan.objects["back"].flags()["mirrored"] is False
    assert carriedPlan.objects["back"].mesh.boundsMm == [[-9, 0, 0], [0, 9, 9]]
