"""Which triangles of a mesh pass through each other; neighbors only where they do so away from what they share."""

import numpy

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Shapes.Mesh import Mesh, welded
from PlanningHubLib.Shapes.Search import treeOf
from PlanningHubLib.Shapes.Threads import inChunks

from . import SelfIntersectionLoops as Loops

_CHUNK = 1000


def requireNone(mesh):
    """Refuse a part that passes through itself.

    :raises InputRefused: ``self-intersections``
    """
    pairs = selfIntersecting(mesh)
    if not len(pairs):
        return
    place = mesh.points[mesh.triangles[pairs[0, 0], 0]]
    raise InputRefused(
        "self-intersections",
        "The surface passes through itself in {} places, first at LPS {:.1f}, {:.1f}, {:.1f} mm.".format(
            len(pairs), *place
        ),
        "Add a repair step, or choose a smaller deviation.",
    )


def selfIntersecting(mesh, which=None):
    """Return the pairs (n, 2) of triangles of a mesh that cross or touch without sharing the place.

    Triangles without a common corner must not touch; those with one must not meet elsewhere. Two that share an edge
    only ever meet there, or lie folded onto each other, which counts as no crossing.

    :param which: only pairs with at least one of these triangles (m,) are looked for; None for all
    """
    if len(mesh.triangles) < 2:
        return numpy.zeros((0, 2), numpy.int64)
    # Corners of equal coordinates are one, whatever their numbers.
    mesh = Mesh.fromArrays(*welded(mesh.points, mesh.triangles))
    points, triangles = mesh.points, mesh.triangles
    tree = treeOf(mesh)
    order, sizes = tree["order"], tree["sizes"]
    boxes = numpy.empty((len(order), 6), points.dtype)
    inChunks(lambda part: Loops.fillBoxes(points, triangles, order, part.start, part.stop, boxes), len(order))
    tree, starts = numpy.hstack([tree["low"], tree["high"]]), numpy.cumsum([0, *sizes])
    isWanted = numpy.ones(len(order), bool) if which is None else which[order]
    search = (points, points.mean(0), triangles, order, boxes, tree, starts, isWanted, bool(isWanted.all()))
    found = inChunks(lambda part: Loops.crossingPairs(*search, part.start, part.stop), int(sizes[0]), _CHUNK)
    return numpy.concatenate(found)
