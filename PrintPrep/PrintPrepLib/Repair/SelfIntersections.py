"""Which triangles of a mesh pass through each other; neighbors only where they do so away from what they share."""

import numpy

from PlanningHubLib.Errors import Finding, InputRefused
from PlanningHubLib.Shapes.Mesh import welded
from PlanningHubLib.Shapes.Threads import inChunks

from . import SelfIntersectionLoops as Loops

# Beyond, the search takes longer than all other steps together.
SEARCHED_TRIANGLES = 500_000


def requireNone(mesh):
    """Return the findings about a part without self-intersections: that it was too large to be searched, or none.

    :raises InputRefused: ``self-intersections``
    """
    if len(mesh.triangles) > SEARCHED_TRIANGLES:
        text = f"Self-intersections were not searched for among {len(mesh.triangles)} triangles."
        return [Finding("self-intersections-not-searched", "info", text, "Choose a larger deviation.")]
    pairs = selfIntersecting(mesh)
    if not len(pairs):
        return []
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
    points, triangles = welded(mesh.points, mesh.triangles)
    points = points.astype(numpy.float64) - points.mean(0)
    order = Loops.orderAlongCurve(points, triangles)
    corners, planes, boxes = (numpy.empty((len(order), width)) for width in (9, 4, 6))
    numbers = numpy.empty((len(order), 3), numpy.int32)

    def prepare(part):
        Loops.prepare(points, triangles, order, part.start, part.stop, corners, numbers, planes, boxes)

    inChunks(prepare, len(order))
    starts = [0]
    count = len(order)
    while count > 1:
        count = -(-count // 4)
        starts.append(starts[-1] + count)
    tree = Loops.boxesOfFours(boxes, numpy.array(starts))
    isWanted = numpy.ones(len(order), bool) if which is None else which[order]
    allWanted = bool(isWanted.all())

    def pairs(part):
        return Loops.crossingPairs(
            part.start, part.stop, isWanted, allWanted, boxes, tree, numpy.array(starts), corners, numbers, planes
        )

    return order[numpy.concatenate(inChunks(pairs, starts[1], 1000))]
