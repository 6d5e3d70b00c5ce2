"""The surface encloses what was segmented, where it was segmented."""

import numpy
import pytest
import vtk
from PartMaking import (
    asymmetricMask,
    ballMask,
    centroidOfMaskRas,
    manifoldStatus,
    obliqueMatrix,
)

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Shapes import Checks, Surface, Threads


def test_ballHasItsVolumeAndRadius():
    matrix = numpy.diag([0.5, 0.5, 0.5, 1])
    mesh = Surface.maskSurface(ballMask(40, 90), matrix).mesh
    radii = numpy.linalg.norm(mesh.points - centroidOfMaskRas(ballMask(40, 90), matrix), axis=1)
    assert mesh.volumeMl == pytest.approx(4 / 3 * numpy.pi * 20**3 / 1000, rel=0.003)
    assert radii.mean() == pytest.approx(20, abs=0.03)
    assert abs(radii - 20).max() < 0.3


def test_smoothingDoesNotShrink():
    rough = Surface.maskSurface(ballMask(), numpy.eye(4), smoothingIterations=0)
    smooth = Surface.maskSurface(ballMask(), numpy.eye(4))
    assert smooth.mesh.volumeMl == pytest.approx(rough.mesh.volumeMl, rel=5e-4)
    assert rough.smoothingMaximumMm == 0 < smooth.smoothingMeanMm < smooth.smoothingMaximumMm < 0.6


def test_boxFillingItsGridIsClosed():
    surface = Surface.maskSurface(numpy.ones((20, 24, 30), numpy.uint8), numpy.eye(4), smoothingIterations=0)
    # The half-voxel border belongs to the voxels; only the edges are cut.
    assert surface.mesh.volumeMl == pytest.approx(surface.maskVolumeMl, rel=0.01)
    assert numpy.ptp(surface.mesh.points, axis=0) == pytest.approx([30, 24, 20], abs=1e-4)
    assert not Checks.meshFindings(surface.mesh)


@pytest.mark.parametrize("mirrored", [False, True])
def test_obliqueAndLeftHandedKeepPositionAndFaceOutwards(mirrored):
    mask, matrix = asymmetricMask(), obliqueMatrix(mirrored=mirrored)
    surface = Surface.maskSurface(mask, matrix)
    corners = surface.mesh.points[surface.mesh.triangles]
    volumes = numpy.einsum("ij,ij->i", corners[:, 0], numpy.cross(corners[:, 1], corners[:, 2])) / 6
    centroid = (corners.sum(1) / 4 * volumes[:, None]).sum(0) / volumes.sum()
    assert centroid == pytest.approx(centroidOfMaskRas(mask, matrix), abs=0.1)
    assert volumes.sum() / 1000 == pytest.approx(surface.maskVolumeMl, rel=0.03)
    assert not Checks.meshFindings(surface.mesh)


def test_eachVoxelArmLiesWhereItsVoxelsLie():
    mask, matrix = asymmetricMask(), obliqueMatrix()
    mesh = Surface.maskSurface(mask, matrix).mesh
    indices = numpy.argwhere(mask)[:, ::-1]
    voxels = (matrix[:3, :3] @ indices.T).T + matrix[:3, 3]
    for direction in numpy.concatenate([numpy.eye(3), -numpy.eye(3)]):
        farthestVoxel = (voxels @ direction).max()
        assert farthestVoxel < (mesh.points @ direction).max() < farthestVoxel + 0.9


@pytest.mark.parametrize("second", [(1, 1, 0), (1, 1, 1)])
def test_blocksThatTouchInAnEdgeOrACornerAreASolid(second):
    mask = numpy.zeros((24, 24, 24), numpy.uint8)
    mask[2:10, 2:10, 2:10] = 1
    mask[tuple(slice(2 + 8 * step, 10 + 8 * step) for step in second)] = 1
    mesh = Surface.maskSurface(mask, numpy.eye(4)).mesh
    assert not [finding for finding in Checks.meshFindings(mesh) if finding.severity == "reject"]
    assert manifoldStatus(mesh) == "NoError"


def test_randomVoxelsWithEveryKindOfContactAreASolid():
    mask = (numpy.random.default_rng(4).random((14, 14, 14)) < 0.5).astype(numpy.uint8)
    mesh = Surface.maskSurface(mask, numpy.eye(4), smoothingIterations=0).mesh
    assert not [finding for finding in Checks.meshFindings(mesh) if finding.severity == "reject"]


def test_specksAndVoidsBelowACubicMillimeterAreTakenAwayAndCounted():
    mask = ballMask()
    mask[16, 16, 16] = 0
    mask[1, 1, 1] = 1
    surface = Surface.maskSurface(mask, numpy.eye(4))
    assert surface.specks == 2
    assert 0 < surface.specksVolumeMl < 0.002
    assert Checks.meshFacts(surface.mesh).pieces == 1
    assert Checks.meshFacts(surface.mesh).cavities == 0


def test_largerVoidsStay():
    mask = ballMask()
    mask[14:18, 14:18, 14:18] = 0
    assert Checks.meshFacts(Surface.maskSurface(mask, numpy.eye(4)).mesh).cavities == 1


@pytest.mark.parametrize(
    ("mask", "matrix", "code"),
    [
        (numpy.zeros((4, 4, 4)), numpy.eye(4), "empty-segment"),
        (numpy.ones((4, 4, 4)), numpy.diag([1, 1, 0, 1]), "flat-geometry"),
        (numpy.ones((1, 1, 1)), numpy.eye(4) * [[0.5], [0.5], [0.5], [1]], "only-specks"),
    ],
)
def test_unusableMasksAreRefusedByName(mask, matrix, code):
    with pytest.raises(InputRefused) as refusal:
        Surface.maskSurface(mask, matrix)
    assert refusal.value.code == code


def test_threadsAreGivenBack():
    before = vtk.vtkSMPTools.GetBackend()
    with Threads.vtkThreads():
        assert vtk.vtkSMPTools.GetBackend() != "Sequential"
    assert vtk.vtkSMPTools.GetBackend() == before


def test_usersChoiceOfThreadsIsLeftAlone(monkeypatch):
    monkeypatch.setenv("VTK_SMP_BACKEND_IN_USE", "Sequential")
    before = vtk.vtkSMPTools.GetBackend()
    with Threads.vtkThreads():
        assert vtk.vtkSMPTools.GetBackend() == before
