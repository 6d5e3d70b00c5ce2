"""Walls and pins are as thick as they were made, and too thin ones are found at their place."""

import manifold3d
import numpy
import pytest
from PartMaking import boxMesh, joined

from PlanningHubLib.Shapes.Manifolds import fromManifold
from PrintPrepLib.Proof.InscribedBalls import BallFitter
from PrintPrepLib.Proof.SurfaceSamples import evenSamples
from PrintPrepLib.Proof.WallThickness import measuredWalls

Manifold = manifold3d.Manifold


def codes(findings):
    return [finding.code for finding in findings]


def test_evenSamplesStandForEqualAreas():
    """One large face of two triangles, and another of thousands, get as many samples."""
    mesh = joined(boxMesh((0, 0, 0), (10, 10, 0.001)), fromManifold(Manifold.cube((10, 10, 0.001)).refine(40)))
    samples = evenSamples(mesh, 0.5)
    first = (samples.triangles < 12).mean()
    assert first == pytest.approx(0.5, abs=0.001)
    assert samples.spacingMm == pytest.approx(numpy.sqrt(400 / len(samples.points)), rel=1e-3)
    bottom = samples.points[(samples.triangles < 12) & (samples.normals[:, 2] < -0.9)]
    counts = numpy.histogram2d(bottom[:, 0], bottom[:, 1], bins=5, range=[[0, 10], [0, 10]])[0]
    assert counts.min() > 0.8 * counts.mean() and counts.max() < 1.2 * counts.mean()


@pytest.mark.parametrize("thickMm", [0.3, 1.0, 2.5])
def test_plateIsAsThickAsItIsEverywhere(thickMm):
    """Near its edges too, where the side wall is nearer than the face opposite."""
    walls, findings = measuredWalls(boxMesh((0, 0, 0), (40, 30, thickMm)), 2.0, 0.2)
    assert walls["minimumMm"] == pytest.approx(thickMm, abs=0.01)
    assert walls["p1Mm"] == pytest.approx(thickMm, abs=0.01)
    assert codes(findings) == (["thin-wall"] if thickMm < 2 else [])
    faces = 100 * 2 * 1200 / (2 * 1200 + 2 * 70 * thickMm)
    assert walls["belowPercent"] == pytest.approx(faces if thickMm < 2 else 0, abs=1)


def test_shellIsAsThickFromBothSides():
    mesh = fromManifold(Manifold.sphere(20, 128) - Manifold.sphere(18.5, 128))
    samples = evenSamples(mesh, 1.0)
    widthsMm = BallFitter(mesh).balls(samples, 10).widthsMm
    assert numpy.isfinite(widthsMm).all()
    # The ball that touches the inside of a facet is as much smaller as facets of 1 mm are flat.
    assert numpy.abs(widthsMm - 1.5).max() < 0.05


def test_coneIsThinnerTowardsItsTip():
    angle = numpy.radians(10)
    mesh = fromManifold(Manifold.cylinder(40, 40 * numpy.tan(angle), 0, 128))
    samples = evenSamples(mesh, 1.0)
    side = samples.normals[:, 2] > -0.5
    balls = BallFitter(mesh).balls(samples, 30)
    expectedMm = 2 * (40 - samples.points[:, 2]) * numpy.tan(angle) / numpy.cos(angle)
    found = side & numpy.isfinite(balls.widthsMm)
    assert found.sum() > 0.8 * side.sum()
    assert numpy.abs(balls.widthsMm - expectedMm)[found].max() < 0.05


def test_wallsAgreeWithAnotherLibrary():
    """trimesh's own largest spheres, on a wedge-shaped tube."""
    import trimesh

    mesh = fromManifold(Manifold.cylinder(20, 10, 10, 96) - Manifold.cylinder(22, 9.5, 7, 96).translate((0, 0, -1)))
    samples = evenSamples(mesh, 2.0, fewest=300, most=300)
    away = (samples.points[:, 2] > 4) & (samples.points[:, 2] < 16) & (numpy.abs(samples.normals[:, 2]) < 0.5)
    ours = BallFitter(mesh).balls(samples, 10).widthsMm[away]
    other = trimesh.proximity.thickness(
        trimesh.Trimesh(mesh.points, mesh.triangles, process=False),
        samples.points[away], exterior=False, normals=samples.normals[away], method="max_sphere",
    )  # fmt: skip
    # Theirs is stopped by the neighboring facet where that bends inwards.
    assert numpy.median(numpy.abs(ours - other)) < 0.02 and (ours > other - 0.05).all()


def test_pinIsAFeatureAndAWallIsNone():
    """A pin of 0.8 mm is thin both ways; a wall of 0.8 mm is not."""
    base = Manifold.cube((20, 20, 5), True)
    withPin = fromManifold(base + Manifold.cylinder(10, 0.4, 0.4, 64))
    withWall = fromManifold(base + Manifold.cube((18, 0.8, 10)).translate((-9, -0.4, 0)))
    pin, ofPin = measuredWalls(withPin, 0.5, 1.0)
    wall, ofWall = measuredWalls(withWall, 1.0, 1.0)
    assert pin["featureMinimumMm"] == pytest.approx(0.8, abs=0.05) and codes(ofPin) == ["thin-feature"]
    x, y, z = pin["featureAtLpsMm"]
    assert numpy.hypot(x, y) < 0.41 and z > 2.4
    assert wall["featureMinimumMm"] is None and codes(ofWall) == ["thin-wall"]


def test_thinPlaceIsFoundWhereItIs():
    mesh = fromManifold(Manifold.cube((40, 30, 4)) - Manifold.cube((6, 6, 4)).translate((30, 20, 0.6)))
    walls, findings = measuredWalls(mesh, 1.0, 0.5)
    x, y, _z = walls["atLpsMm"]
    assert walls["minimumMm"] == pytest.approx(0.6, abs=0.01) and 30 <= x <= 36 and 20 <= y <= 26
    assert codes(findings) == ["thin-wall"] and "0.60 mm" in findings[0].message


def test_thickSolidHasNothingToSay():
    walls, findings = measuredWalls(boxMesh((0, 0, 0), (30, 30, 30)), 1.0, 1.0)
    assert walls["minimumMm"] is None and walls["belowPercent"] == 0 and not findings


def test_withoutAProcessNothingIsJudged():
    walls, findings = measuredWalls(boxMesh((0, 0, 0), (40, 30, 0.5)))
    assert walls["minimumMm"] == pytest.approx(0.5, abs=0.01) and walls["limitMm"] is None
    assert "belowPercent" not in walls and not findings
