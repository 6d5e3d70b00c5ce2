"""The search for triangles that cross: in a tree of boxes over triangles in order of place, four to a box."""

import math

import numpy

from PlanningHubLib.Compiled import compiled

ALONG_MM = 1e-5
_FIRST_PAIRS = 64


@compiled
def fillBoxes(points, triangles, order, first, last, boxes):
    """Fill in the lowest and highest coordinates (m, 6) of some of the triangles, in their order along the curve.

    :param first, last: which places in the order
    """
    for place in range(first, last):
        one, two, three = triangles[order[place]]
        for axis in range(3):
            boxes[place, axis] = min(points[one, axis], points[two, axis], points[three, axis])
            boxes[place, 3 + axis] = max(points[one, axis], points[two, axis], points[three, axis])


@compiled
def crossingPairs(points, middle, triangles, order, boxes, tree, starts, isWanted, allWanted, first, last):
    """Return the pairs (k, 2) int32 of triangles that cross, each pair once.

    :param middle: (3,); what is taken off the points, for the sake of digits
    :param boxes: (m, 6) of the triangles in their order, ``tree`` (k, 6) of fours of them, of fours of these, to that
        of all, and ``starts`` says where each level starts, and the last one ends
    :param isWanted: (m,) in that order; one of each pair is a wanted one
    :param first, last: which boxes of four triangles hold that one
    """
    found, pairs = 0, numpy.empty((_FIRST_PAIRS, 2), numpy.int32)
    around = numpy.empty((1, 6), boxes.dtype)
    corners, planes, numbers = numpy.empty((2, 9)), numpy.empty((2, 4)), numpy.empty((2, 3), triangles.dtype)
    levels = len(starts) - 1
    for block in range(first, last):
        around[0, :3], around[0, 3:] = numpy.inf, -numpy.inf
        for one in range(4 * block, min(4 * block + 4, len(boxes))):
            if isWanted[one]:
                for axis in range(3):
                    around[0, axis] = min(around[0, axis], boxes[one, axis])
                    around[0, 3 + axis] = max(around[0, 3 + axis], boxes[one, 3 + axis])
        if around[0, 0] > around[0, 3]:
            continue
        # Where all are wanted, the boxes before have found this one themselves.
        level, node = (0, block) if allWanted else (levels - 1, 0)
        while level < levels:
            if node < starts[level + 1] - starts[level] and _overlap(around, 0, tree, starts[level] + node):
                if level > 0:
                    level, node = level - 1, 4 * node
                    continue
                for other in range(4 * node, min(4 * node + 4, len(boxes))):
                    if not _overlap(around, 0, boxes, other):
                        continue
                    for one in range(4 * block, min(4 * block + 4, len(boxes))):
                        isOnce = one < other or (one > other and not isWanted[other])
                        if not (isOnce and isWanted[one] and _overlap(boxes, one, boxes, other)):
                            continue
                        if _sharedCorners(triangles, order[one], order[other]) > 1:
                            continue
                        _take(points, middle, triangles, order[one], corners, planes, numbers, 0)
                        _take(points, middle, triangles, order[other], corners, planes, numbers, 1)
                        if _meet(corners, planes, numbers):
                            if found == len(pairs):
                                pairs = numpy.concatenate((pairs, numpy.empty_like(pairs)))
                            pairs[found, 0], pairs[found, 1] = order[one], order[other]
                            found += 1
            # On to the next box, above where this was the last of four.
            node += 1
            while node % 4 == 0:
                level, node = level + 1, node // 4
    return pairs[:found].copy()


@compiled
def _overlap(ones, one, others, other):
    # All six at once: a processor guesses wrong what comes of each.
    return (
        (ones[one, 0] <= others[other, 3])
        & (others[other, 0] <= ones[one, 3])
        & (ones[one, 1] <= others[other, 4])
        & (others[other, 1] <= ones[one, 4])
        & (ones[one, 2] <= others[other, 5])
        & (others[other, 2] <= ones[one, 5])
    )


@compiled
def _sharedCorners(triangles, one, other):
    shared = 0
    for first in range(3):
        for second in range(3):
            shared += triangles[one, first] == triangles[other, second]
    return shared


@compiled
def _take(points, middle, triangles, triangle, corners, planes, numbers, place):
    its = corners[place]
    for corner in range(3):
        number = triangles[triangle, corner]
        numbers[place, corner] = number
        for axis in range(3):
            its[3 * corner + axis] = numpy.float64(points[number, axis]) - numpy.float64(middle[axis])
    x, y, z = _cross(
        its[3] - its[0], its[4] - its[1], its[5] - its[2], its[6] - its[0], its[7] - its[1], its[8] - its[2]
    )
    planes[place, 0], planes[place, 1], planes[place, 2] = x, y, z
    planes[place, 3] = _dot(its[0], its[1], its[2], x, y, z)


@compiled
def _meet(corners, planes, numbers):
    if not (_reaches(corners, 0, planes, 1) and _reaches(corners, 1, planes, 0)):
        return False
    return _enters(corners, planes, numbers, 0, 1) or _enters(corners, planes, numbers, 1, 0)


@compiled
def _reaches(corners, one, planes, other):
    x, y, z, level = planes[other, 0], planes[other, 1], planes[other, 2], planes[other, 3]
    first = _dot(corners[one, 0], corners[one, 1], corners[one, 2], x, y, z) - level
    second = _dot(corners[one, 3], corners[one, 4], corners[one, 5], x, y, z) - level
    third = _dot(corners[one, 6], corners[one, 7], corners[one, 8], x, y, z) - level
    return ((first >= 0) | (second >= 0) | (third >= 0)) & ((first <= 0) | (second <= 0) | (third <= 0))


@compiled
def _enters(corners, planes, numbers, one, other):
    """Tell whether an edge of a triangle passes through another one."""
    for corner in range(3):
        following = (corner + 1) % 3
        # An edge that begins or ends in a corner of the other triangle meets it there.
        apart = True
        for its in range(3):
            number = numbers[other, its]
            apart &= number != numbers[one, corner] and number != numbers[one, following]
        if apart and _hits(corners, planes, one, 3 * corner, 3 * following, other):
            return True
    return False


@compiled
def _hits(corners, planes, one, start, end, other):
    x, y, z = corners[one, start], corners[one, start + 1], corners[one, start + 2]
    endX, endY, endZ = corners[one, end], corners[one, end + 1], corners[one, end + 2]
    firstX, firstY, firstZ = corners[other, 0], corners[other, 1], corners[other, 2]
    normalX, normalY, normalZ = planes[other, 0], planes[other, 1], planes[other, 2]
    before = _dot(x - firstX, y - firstY, z - firstZ, normalX, normalY, normalZ)
    after = _dot(endX - firstX, endY - firstY, endZ - firstZ, normalX, normalY, normalZ)
    # What runs along the plane as far as single precision can tell does not pass through it.
    length = math.sqrt(normalX * normalX + normalY * normalY + normalZ * normalZ)
    if before * after > 0 or max(abs(before), abs(after)) <= ALONG_MM * length:
        return False
    firstX, firstY, firstZ = firstX - x, firstY - y, firstZ - z
    secondX, secondY, secondZ = corners[other, 3] - x, corners[other, 4] - y, corners[other, 5] - z
    thirdX, thirdY, thirdZ = corners[other, 6] - x, corners[other, 7] - y, corners[other, 8] - z
    wayX, wayY, wayZ = endX - x, endY - y, endZ - z
    crossX, crossY, crossZ = _cross(firstX, firstY, firstZ, secondX, secondY, secondZ)
    one_ = _dot(wayX, wayY, wayZ, crossX, crossY, crossZ)
    crossX, crossY, crossZ = _cross(secondX, secondY, secondZ, thirdX, thirdY, thirdZ)
    two = _dot(wayX, wayY, wayZ, crossX, crossY, crossZ)
    crossX, crossY, crossZ = _cross(thirdX, thirdY, thirdZ, firstX, firstY, firstZ)
    three = _dot(wayX, wayY, wayZ, crossX, crossY, crossZ)
    return min(one_, two, three) >= 0 or max(one_, two, three) <= 0


@compiled
def _cross(x, y, z, otherX, otherY, otherZ):
    return y * otherZ - z * otherY, z * otherX - x * otherZ, x * otherY - y * otherX


@compiled
def _dot(x, y, z, otherX, otherY, otherZ):
    return x * otherX + z * otherZ + y * otherY
