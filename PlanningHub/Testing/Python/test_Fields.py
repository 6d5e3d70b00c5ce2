"""Offsets on a grid: only where the surface may pass are distances measured, and the result is the same."""

import manifold3d
import numpy
import pytest

from PlanningHubLib.Planning import Fields
from PlanningHubLib.Planning.Solids import meshOf, signedDistancesMm
from PlanningHubLib.Shapes.Manifolds import fromManifold, toManifold


def spiky():
    """Two balls and a thin plate that runs through both."""
    ball = manifold3d.Manifold.sphere(5, 48)
    plate = manifold3d.Manifold.cube((20, 8, 0.8), True).rotate((10, 20, 30))
    return fromManifold(ball + ball.translate((7, 1, 2)) + plate)


@pytest.mark.parametrize("offsetMm", [0.5, 2.0, -0.3])
def test_offsetIsThatOfAllVoxelsMeasured(offsetMm, monkeypatch):
    mesh, counts = spiky(), []

    def counted(solid, points):
        counts.append(len(points))
        return signedDistancesMm(solid, points)

    monkeypatch.setattr(Fields, "signedDistancesMm", counted)
    found = Fields.offset(mesh, offsetMm, 0.4)
    marginMm = max(offsetMm, 0) + 0.8
    grid = Fields.Grid.about(mesh.points, numpy.eye(3), marginMm, marginMm, 0.4)
    everywhere = numpy.argwhere(numpy.ones(grid.shape, bool))
    values = signedDistancesMm(mesh, grid.pointsAt(everywhere)).reshape(grid.shape)
    wanted = meshOf(toManifold(Fields.surfaceOf(values, grid, offsetMm)))
    assert numpy.array_equal(found.triangles, wanted.triangles)
    assert numpy.abs(found.points - wanted.points).max() < 1e-5
    assert sum(counts) < 0.7 * len(everywhere), "not all voxels are measured"


def test_interpolatedDistancesAreNeverOffByMoreThanSaid():
    mesh = spiky()
    grid = Fields.Grid.about(mesh.points, numpy.eye(3), 1.0, 1.0, 0.5)
    about = Fields.interpolated(grid, lambda points: signedDistancesMm(mesh, points))
    exact = signedDistancesMm(mesh, grid.pointsAt(numpy.argwhere(numpy.ones(grid.shape, bool)))).reshape(grid.shape)
    most = Fields._mostOffMm(grid)
    assert (numpy.abs(about - exact) <= most + 1e-6).all()
    assert (numpy.abs(about - exact) > 0.5 * most)[most > 0].any(), "the bound is not far from what happens"
