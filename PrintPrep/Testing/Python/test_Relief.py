"""Cutting along a surface that folds over: what is cut is a solid that does not pass through itself."""

import manifold3d
import numpy
import pytest
from PartMaking import manifoldStatus

from PlanningHubLib.Planning.Solids import meshOf
from PlanningHubLib.Shapes.Manifolds import fromManifold, toManifold
from PrintPrepLib.Marking.Relief import cutter, raiser
from PrintPrepLib.Marking.Views import Frame, within
from PrintPrepLib.Repair.SelfIntersections import selfIntersecting

DEPTH_MM, HEIGHT_MM, SIDE_MM = 2.0, 1.0, 12.0


def creased(leanMm):
    """A block of 20 × 20 × 10 mm in a grid of about 1 mm; a point of its upper side is raised, and leans to the right.

    Beyond 1 mm the small triangles to its right look downwards.
    """

    def bent(point):
        x, y, z = point
        isTop = abs(x) < 0.1 and abs(y) < 0.1 and z > 4.9
        return (x + leanMm, y, z + 0.6) if isTop else point

    return fromManifold(manifold3d.Manifold.cube((20, 20, 10), True).refine(20).warp(bent))


@pytest.mark.parametrize("leanMm", [0.0, 1.05, 1.7])
@pytest.mark.parametrize("make", [cutter, raiser])
def test_aCreaseThatLeansOverIsCutAsTheRest(make, leanMm):
    mesh = creased(leanMm)
    assert not len(selfIntersecting(mesh))
    section = manifold3d.CrossSection.square((SIDE_MM, SIDE_MM), True)
    amountMm = DEPTH_MM if make is cutter else HEIGHT_MM
    tool = make(mesh, Frame.facing((0, 0, 5), (0, 0, 1), (0, 1, 0)), section, amountMm)
    solid = toManifold(mesh)
    result = meshOf(solid - tool if make is cutter else solid + tool)
    assert manifoldStatus(result) == "NoError"
    assert not len(selfIntersecting(fromManifold(tool))) and not len(selfIntersecting(result))
    # A surface moved along one direction takes its area times the way; what lies below the crease is not counted twice.
    changedMm3 = 1000 * abs(result.volumeMl - mesh.volumeMl)
    assert changedMm3 == pytest.approx(SIDE_MM**2 * amountMm, rel=0.01)


def test_trianglesNearARectangleAreThoseNotBeyondOneOfItsSides():
    mesh = creased(0.0)
    frame = Frame.facing((3, 2, 5), (0.2, 0.3, 1), (0, 1, 0))
    low, high = numpy.array([-1.5, -2.0]), numpy.array([2.5, 0.5])
    flat = frame.local(mesh.points)[mesh.triangles][..., :2]
    isNear = ~((flat < low).all(1) | (flat > high).all(1)).any(1)
    assert 10 < isNear.sum() < len(isNear) / 10
    near, expected = within(mesh, frame, low, high), mesh.kept(isNear)
    assert numpy.array_equal(near.points, expected.points) and numpy.array_equal(near.triangles, expected.triangles)
