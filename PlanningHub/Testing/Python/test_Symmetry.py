"""The symmetry plane: found where it is known, robust against what is on one side only, refused where there is none."""

import numpy
import pytest
from PlanMaking import boxMesh, carried
from SymmetryMaking import head, placed, realSkull, solidContext

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Shapes.Manifolds import fromManifold

STEP = {"do": "symmetry-plane", "name": "midplane", "bone": "skull"}
TURN, SHIFT = (9.0, 12.0, -14.0), (7.0, -30.0, 55.0)


def found(mesh, **step):
    carriedPlan = carried(solidContext(skull=mesh), {**STEP, **step})
    return carriedPlan.objects["midplane"], carriedPlan.results["midplane"]


def errors(plane, matrix, mesh):
    """Return the angle in degrees to the known plane, and its distance in mm at the middle of the body."""
    normal = matrix[:3, 0]
    middle = mesh.points.mean(0)
    angle = numpy.degrees(numpy.arcsin(numpy.linalg.norm(numpy.cross(plane.normalRas, normal))))
    onKnown = middle - ((middle - matrix[:3, 3]) @ normal) * normal
    return angle, abs(plane.heightsMm([onKnown])[0])


@pytest.mark.parametrize(
    ("oneSided", "noiseMm"),
    [({}, 0.0), ({"defect": True}, 0.0), ({"defect": True, "metal": True, "marker": True}, 0.3)],
)
def test_knownObliquePlaneIsFound(oneSided, noiseMm):
    mesh, matrix = placed(head(**oneSided), TURN, SHIFT, noiseMm)
    plane, result = found(mesh)
    angleDegrees, offsetMm = errors(plane, matrix, mesh)
    assert angleDegrees < 0.2
    assert offsetMm < 0.2
    assert plane.normalRas[0] > 0  # to the patient's right
    assert result.figures["residualMeanMm"] < 0.1 + noiseMm
    assert result.figures["keptPercent"] > 85
    exact = numpy.degrees(numpy.arccos(abs(matrix[0, 0])))
    assert result.figures["sagittalAngleDegrees"] == pytest.approx(exact, abs=0.2)
    assert not result.findings


def test_plainCentroidWouldMissIt():
    mesh, matrix = placed(head(defect=True, metal=True, marker=True), TURN, SHIFT)
    centroid = mesh.points.mean(0)
    assert abs((centroid - matrix[:3, 3]) @ matrix[:3, 0]) > 0.3


def test_planeCanBeTurnedAndShifted():
    mesh, _matrix = placed(head())
    plane, result = found(mesh, turnDegrees=[0, 0, 3], shiftMm=2)
    assert numpy.degrees(numpy.arctan2(plane.normalRas[1], plane.normalRas[0])) == pytest.approx(3, abs=0.05)
    middle = numpy.mean(mesh.boundsMm, 0)  # it is turned about its point nearest the middle
    assert plane.heightsMm([middle])[0] == pytest.approx(-2, abs=0.05)
    assert result.figures["residualMeanMm"] > 1  # a head of 2 mm to one side is 4 mm off when mirrored


def test_planePlacedByHandIsUsedAsItIsAndMeasured():
    mesh, _matrix = placed(head())
    steps = [
        {"do": "plane", "name": "by hand", "origin": [12, 0, 0], "normal": [-1, 0, 0]},
        {**STEP, "plane": "by hand"},
    ]
    carriedPlan = carried(solidContext(skull=mesh), *steps)
    plane, result = carriedPlan.objects["midplane"], carriedPlan.results["midplane"]
    assert plane.heightsMm([[12, 5, 5]])[0] == pytest.approx(0)
    assert plane.normalRas == pytest.approx([1, 0, 0])
    assert [finding.code for finding in result.findings] == ["not-symmetric"]


def oneHalf():
    return fromManifold(head().trim_by_plane((1, 0, 0), 5))


def test_oneSideIsRefused():
    with pytest.raises(InputRefused, match="^midplane: skull has no plane of symmetry") as refused:
        found(oneHalf())
    assert refused.value.code == "not-symmetric"


def test_moreThanAllowedIsRefused():
    mesh, _matrix = placed(head(defect=True), noiseMm=0.3)
    with pytest.raises(InputRefused, match=r"0\.\d mm off on average, more than 0\.05 mm"):
        found(mesh, maximumResidualMm=0.05)


def test_noSuchBoneIsRefused():
    with pytest.raises(InputRefused) as refused:
        carried(solidContext(box=boxMesh()), STEP)
    assert refused.value.code == "no-such-object"


def test_realSkullHasAPlane(skullFolder):
    """A head in a scanner: the plane within a few degrees of sagittal; the residual is what faces differ by."""
    mesh = realSkull(skullFolder)
    _plane, result = found(mesh)
    assert result.figures["residualMeanMm"] < 1.5
    assert result.figures["sagittalAngleDegrees"] < 5
    assert result.figures["keptPercent"] > 90
