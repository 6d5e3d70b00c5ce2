"""The map shows each place of the part where it is, in the color of its distance; equal parts give equal bytes."""

import hashlib

import numpy
import pytest
import vtk
from PartMaking import boxMesh
from test_Accuracy import WITHIN, lessThan, sphere, workOf
from vtk.util import numpy_support

from PlanningHubLib.Planning.Solids import boxAbout, cylinder
from PlanningHubLib.Shapes.Manifolds import fromManifold
from PrintPrepLib.Proof import Accuracy, DeviationMap
from PrintPrepLib.Proof.Painter import View, painted, textPicture

SIZE, TOP = DeviationMap.SIZE_PIXELS, 3 * DeviationMap.TEXT_PIXELS


@pytest.fixture(scope="module")
def aDentedProof():
    """A ball with a dent of 0.95 mm on its left and a part changed on purpose at its front."""
    ball = sphere(20)
    sides = cylinder((18, 0, 0), (18, 0, 0.001), 0.1), boxAbout((-4, -30, -4), (4, -19, 4))
    dented = lessThan(ball, cylinder((19, 0, 0), (25, 0, 0), 3.0), sides[1])
    return Accuracy.prove(workOf(ball, dented, intended=[fromManifold(sides[1])]), WITHIN)


def panel(picture, number):
    x = DeviationMap.MARGIN_PIXELS + number * (SIZE + DeviationMap.MARGIN_PIXELS)
    return picture[TOP : TOP + SIZE, x : x + SIZE].astype(int)


def readMap(path):
    reader = vtk.vtkXMLPolyDataReader()
    reader.SetFileName(str(path))
    reader.Update()
    return reader.GetOutput()


def test_sidesAreWhereAViewerSeesThem():
    """A box whose left end is marked: to the right as seen from the front, and near as seen from the left."""
    mesh = fromManifold(boxAbout((-30, -5, -10), (30, 5, 10)))
    isLeft = (mesh.points[:, 0] > 0).astype(float)

    def colors(values):
        return numpy.stack([values, 1 - values, 0 * values], axis=1)

    front = painted(mesh, isLeft, View(*DeviationMap.SIDES["anterior"], (0, 0, 0), 70), 100, colors).astype(int)
    assert front[50, 90, 0] > 200 > 60 > front[50, 10, 0] and front[50, 10, 1] > 200
    # 60 × 20 of 70 × 70 mm.
    covered = (front.sum(2) < 3 * 255).mean()
    assert covered == pytest.approx(60 * 20 / 70**2, abs=0.02)
    left = painted(mesh, isLeft, View(*DeviationMap.SIDES["left"], (0, 0, 0), 70), 100, colors).astype(int)
    right = painted(mesh, isLeft, View(*DeviationMap.SIDES["right"], (0, 0, 0), 70), 100, colors).astype(int)
    assert left[50, 50, 0] > 200 and right[50, 50, 1] > 200


def test_nearerSurfaceHidesTheOtherOne():
    near, far = boxMesh((-5, -20, -5), (5, -15, 5)), boxMesh((-20, 0, -20), (20, 5, 20))
    for first, second in ((near, far), (far, near)):
        points = numpy.concatenate([first.points, second.points])
        mesh = type(near).fromArrays(points, numpy.concatenate([first.triangles, second.triangles + len(first.points)]))
        picture = painted(
            mesh, (points[:, 1] < -10).astype(float), View(*DeviationMap.SIDES["anterior"], (0, 0, 0), 50), 50,
            lambda values: numpy.stack([values, 1 - values, 0 * values], axis=1),
        ).astype(int)  # fmt: skip
        assert picture[25, 25, 0] > 200 and picture[25, 8, 1] > 200


def test_dentIsBlueOnThePatientsLeftAndTheChangeIsGrey(aDentedProof):
    picture = DeviationMap.mapPicture(aDentedProof)
    front, left = panel(picture, 0), panel(picture, 1)
    # Beyond the tolerance of 0.3 mm inwards.
    middle = left[SIZE // 2 - 8 : SIZE // 2 + 8, SIZE // 2 - 8 : SIZE // 2 + 8].reshape(-1, 3).mean(0)
    assert middle[0] < 60 and min(middle[1:]) > 150
    changed = front[SIZE // 2, SIZE // 2]
    assert numpy.ptp(changed) < 3 and 120 < changed[0] < 170
    plain = left[SIZE // 2, SIZE // 2 + SIZE // 5]
    assert numpy.ptp(plain) < 12 and plain[0] > 180


def test_scaleShowsTheTolerance(aDentedProof):
    assert DeviationMap.scaleOf(aDentedProof) == (0.375, 0.3)
    assert textPicture("+0.30 mm", 16).min() < 50
    without = Accuracy.prove(workOf(sphere(20), sphere(20.4)))
    assert DeviationMap.scaleOf(without) == (pytest.approx(0.4, abs=0.01), None)


def test_figuresAreReadBackInLps(aDentedProof, tmp_path):
    DeviationMap.writeMap(tmp_path, aDentedProof)
    polyData = readMap(tmp_path / DeviationMap.FIGURES)
    assert polyData.GetFieldData().GetAbstractArray("SPACE").GetValue(0) == "LPS"
    points = numpy_support.vtk_to_numpy(polyData.GetPoints().GetData())
    values = numpy_support.vtk_to_numpy(polyData.GetPointData().GetArray(DeviationMap.ARRAY))
    assert polyData.GetNumberOfCells() == len(aDentedProof.mesh.triangles)
    dent = values < -0.5
    assert dent.any() and (points[dent, 0] > 18.9).all()
    assert numpy.isnan(values[(numpy.abs(points) < (3.9, 25, 3.9)).all(1) & (points[:, 1] < -18)]).all()


def test_equalPartsGiveEqualBytes(aDentedProof, tmp_path):
    hashes = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        DeviationMap.writeMap(tmp_path / name, aDentedProof)
        files = sorted((tmp_path / name).iterdir())
        hashes.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in files])
    assert hashes[0] == hashes[1] and len(hashes[0]) == 2


def test_tooLargeAMapIsLeftOutOfTheFigures(aDentedProof, tmp_path, monkeypatch):
    monkeypatch.setattr(DeviationMap, "MOST_POINTS", 100)
    DeviationMap.writeMap(tmp_path, aDentedProof)
    assert [path.name for path in tmp_path.iterdir()] == [DeviationMap.PICTURE]


def test_allChangedStillHasAPicture(tmp_path):
    plate = boxMesh((0, 0, 0), (40, 20, 4))
    proof = Accuracy.prove(workOf(plate, plate, intended=[boxMesh((-1, -1, -1), (41, 21, 5))]), WITHIN)
    DeviationMap.writeMap(tmp_path, proof)
    assert (tmp_path / DeviationMap.PICTURE).stat().st_size > 1000
