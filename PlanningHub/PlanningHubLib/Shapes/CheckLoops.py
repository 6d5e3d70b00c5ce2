"""What the checks of a solid count, edge by edge and corner by corner."""

import math

import numpy

from ..Compiled import compiled


@compiled
def numberedEdges(corners):
    """Return what :func:`PlanningHubLib.Shapes.Checks.edgeNumbers` does.

    :param corners: (3 m,) points, those of each triangle after those of another
    """
    pointCount = 0
    for point in corners:
        pointCount = max(pointCount, point + 1)
    lowerPlaces, upperPlaces = numpy.zeros(pointCount + 1, numpy.int32), numpy.zeros(pointCount + 1, numpy.int32)
    for side in range(len(corners)):
        one, other = corners[side], corners[_following(side)]
        lowerPlaces[min(one, other) + 1] += 1
        upperPlaces[max(one, other) + 1] += 1
    for point in range(pointCount):
        lowerPlaces[point + 1] += lowerPlaces[point]
        upperPlaces[point + 1] += upperPlaces[point]
    # By the upper point, then by the lower one in that order: a hub of many edges takes no longer than others.
    byUpper = numpy.empty(len(corners), numpy.int32)
    for side in range(len(corners)):
        upper = max(corners[side], corners[_following(side)])
        byUpper[upperPlaces[upper]] = side
        upperPlaces[upper] += 1
    byLower = numpy.empty((len(corners), 2), numpy.int32)
    for side in byUpper:
        one, other = corners[side], corners[_following(side)]
        lower = min(one, other)
        byLower[lowerPlaces[lower], 0] = max(one, other)
        byLower[lowerPlaces[lower], 1] = side
        lowerPlaces[lower] += 1
    edges, uses = numpy.empty(len(corners), numpy.int32), numpy.empty(len(corners), numpy.int32)
    edge, place = -1, 0
    for lower in range(pointCount):
        before = -1
        while place < lowerPlaces[lower]:
            upper, side = byLower[place]
            if upper != before:
                edge, before = edge + 1, upper
                uses[edge] = 0
            uses[edge] += 1
            edges[side] = edge
            place += 1
    return edges, uses[: edge + 1].copy()


@compiled
def _following(side):
    return side + 1 if side % 3 < 2 else side - 2


@compiled
def flippedEdges(corners, edges, uses):
    """Return how many edges of two triangles are not used once each way."""
    forwards = numpy.zeros(len(uses), numpy.int32)
    for side in range(len(corners)):
        forwards[edges[side]] += corners[side] < corners[_following(side)]
    flipped = 0
    for edge in range(len(uses)):
        flipped += uses[edge] == 2 and forwards[edge] != 1
    return flipped


@compiled
def degenerateTriangles(points, triangles, leastMm2):
    """Return how many triangles have two corners in one point, or less than an area."""
    count = 0
    first, second = numpy.empty(3), numpy.empty(3)
    for one, two, three in triangles:
        for axis in range(3):
            first[axis] = numpy.float64(points[two, axis]) - numpy.float64(points[one, axis])
            second[axis] = numpy.float64(points[three, axis]) - numpy.float64(points[one, axis])
        x = first[1] * second[2] - first[2] * second[1]
        y = first[2] * second[0] - first[0] * second[2]
        z = first[0] * second[1] - first[1] * second[0]
        count += one == two or two == three or three == one or math.sqrt(x * x + y * y + z * z) / 2 < leastMm2
    return count


@compiled
def fanCounts(corners, edges):
    """Return how many fans of triangles stand at each point (n,), triangles of a common edge being of one fan."""
    parents = numpy.empty(len(corners), numpy.int32)
    pointCount = edgeCount = 0
    for side in range(len(corners)):
        parents[side] = side
        pointCount, edgeCount = max(pointCount, corners[side] + 1), max(edgeCount, edges[side] + 1)
    latest = numpy.full(edgeCount, -1, numpy.int32)
    for side in range(len(corners)):
        other = latest[edges[side]]
        latest[edges[side]] = side
        if other < 0:
            continue
        # Both triangles have both points of the edge: their corners there are of one fan.
        if corners[side] == corners[other]:
            _unite(parents, side, other)
            _unite(parents, _following(side), _following(other))
        else:
            _unite(parents, side, _following(other))
            _unite(parents, _following(side), other)
    fans = numpy.zeros(pointCount, numpy.int32)
    for side in range(len(corners)):
        if parents[side] == side:
            fans[corners[side]] += 1
    return fans


@compiled
def _unite(parents, one, other):
    while parents[one] != one:
        parents[one] = parents[parents[one]]
        one = parents[one]
    while parents[other] != other:
        parents[other] = parents[parents[other]]
        other = parents[other]
    if one < other:
        parents[other] = one
    else:
        parents[one] = other
