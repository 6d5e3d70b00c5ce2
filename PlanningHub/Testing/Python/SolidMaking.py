"""Solids of known size for the tests of a plan's operations, and a context that holds them."""

import manifold3d
import numpy

from PlanningHubLib.Planning.Context import Context
from PlanningHubLib.Planning.Objects import Solid
from PlanningHubLib.Shapes.Manifolds import fromManifold


def contextOf(**solids):
    """Return a context that holds solids, given as manifold3d.Manifold."""
    context = Context((10, 10, 10), numpy.eye(4))
    for name, manifold in solids.items():
        context.add(Solid(name, fromManifold(manifold)))
    return context


def aBall(radiusMm=20.0, center=(0, 0, 0), segments=256):
    """Return a ball; its volume is that of the true one to 0.1 %."""
    return manifold3d.Manifold.sphere(radiusMm, segments).translate(center)


def aBox(sizeMm, center=(0, 0, 0)):
    """Return a box about a center."""
    return manifold3d.Manifold.cube(tuple(map(float, sizeMm)), True).translate(center)


def aCylinder(lengthMm, radiusMm, segments=512):
    """Return a cylinder along S about the origin; its volume is that of the true one to 0.01 %."""
    return manifold3d.Manifold.cylinder(lengthMm, radiusMm, circular_segments=segments, center=True)


def plane(name, origin, normal, **more):
    """Return the step that places a plane."""
    return {"do": "plane", "name": name, "origin": list(origin), "normal": list(normal), **more}
