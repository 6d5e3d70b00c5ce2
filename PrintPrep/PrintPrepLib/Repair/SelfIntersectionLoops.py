"""The search for triangles that cross: in a tree of boxes over triangles in order of place, four to a box."""

import math

import numpy

from PlanningHubLib.Compiled import compiled

ALONG_MM = 1e-5
_BITS = 10
_FIRST_PAIRS = 64


@compiled
def orderAlongCurve(points, triangles):
    """Return an order (m,) int32 of triangles in which neighbors are close: by the interlaced bits of the middles of
    their boxes (Morton's curve)."""
    count = len(triangles)
    middles = numpy.empty((count, 3), numpy.float32)
    low, high = numpy.full(3, numpy.inf, numpy.float32), numpy.full(3, -numpy.inf, numpy.float32)
    for triangle in range(count):
        one, two, three = triangles[triangle]
        for axis in range(3):
            first, second, third = points[one, axis], points[two, axis], points[three, axis]
            middle = numpy.float32(min(first, second, third) + max(first, second, third))
            middles[triangle, axis] = middle
            low[axis], high[axis] = min(low[axis], middle), max(high[axis], middle)
    scale = numpy.float32(((1 << _BITS) - 1) / max((high - low).max(), 1e-30))
    codes = numpy.empty(count, numpy.uint32)
    used = numpy.zeros((3, 1 << _BITS), numpy.int32)
    mask = numpy.uint32((1 << _BITS) - 1)
    for triangle in range(count):
        code = numpy.uint32(0)
        for axis in range(3):
            cell = numpy.uint32((middles[triangle, axis] - low[axis]) * scale)
            # Two zeros between its bits.
            cell = (cell | cell << numpy.uint32(16)) & numpy.uint32(0x030000FF)
            cell = (cell | cell << numpy.uint32(8)) & numpy.uint32(0x0300F00F)
            cell = (cell | cell << numpy.uint32(4)) & numpy.uint32(0x030C30C3)
            cell = (cell | cell << numpy.uint32(2)) & numpy.uint32(0x09249249)
            code |= cell << numpy.uint32(axis)
        codes[triangle] = code
        for digit in range(3):
            used[digit, (code >> numpy.uint32(_BITS * digit)) & mask] += 1
    order, following = numpy.arange(count).astype(numpy.int32), numpy.empty(count, numpy.int32)
    for digit in range(3):
        places = used[digit]
        start = numpy.int32(0)
        for value in range(len(places)):
            start, places[value] = start + places[value], start
        for triangle in order:
            value = (codes[triangle] >> numpy.uint32(_BITS * digit)) & mask
            following[places[value]] = triangle
            places[value] += 1
        order, following = following, order
    return order


@compiled
def prepare(points, triangles, order, first, last, corners, numbers, planes, boxes):
    """Fill in what the search needs of some of the triangles, in their order along the curve.

    :param first, last: which places in the order
    :param corners: (m, 9) float64; their coordinates
    :param numbers: (m, 3) int32; their points
    :param planes: (m, 4) float64; normals, and their heights above zero
    :param boxes: (m, 6) float64; lowest and highest coordinates
    """
    for place in range(first, last):
        triangle = order[place]
        its = corners[place]
        for corner in range(3):
            point = triangles[triangle, corner]
            numbers[place, corner] = point
            for axis in range(3):
                its[3 * corner + axis] = points[point, axis]
        for axis in range(3):
            boxes[place, axis] = min(its[axis], its[3 + axis], its[6 + axis])
            boxes[place, 3 + axis] = max(its[axis], its[3 + axis], its[6 + axis])
        x, y, z = _cross(
            its[3] - its[0], its[4] - its[1], its[5] - its[2], its[6] - its[0], its[7] - its[1], its[8] - its[2]
        )
        planes[place, 0], planes[place, 1], planes[place, 2] = x, y, z
        planes[place, 3] = _dot(its[0], its[1], its[2], x, y, z)


@compiled
def boxesOfFours(boxes, starts):
    """Return the tree's boxes (k, 6), level by level from those of four triangles to that of all.

    :param boxes: (m, 6) of the triangles
    :param starts: where each level starts, and the last one ends
    """
    result = numpy.empty((starts[-1], 6))
    for level in range(len(starts) - 1):
        start = starts[level]
        below = boxes if level == 0 else result[starts[level - 1] : start]
        for node in range(starts[level + 1] - start):
            box = result[start + node]
            for axis in range(3):
                box[axis], box[3 + axis] = numpy.inf, -numpy.inf
            for child in range(4 * node, min(4 * node + 4, len(below))):
                for axis in range(3):
                    box[axis] = min(box[axis], below[child, axis])
                    box[3 + axis] = max(box[3 + axis], below[child, 3 + axis])
    return result


@compiled
def crossingPairs(first, last, isWanted, allWanted, boxes, tree, starts, corners, numbers, planes):
    """Return the pairs (k, 2) int32 of places in the order whose triangles cross, each pair once.

    :param first, last: which boxes of four triangles: one of each pair is a wanted one of these
    """
    found, pairs = 0, numpy.empty((_FIRST_PAIRS, 2), numpy.int32)
    around = numpy.empty((1, 6))
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
                        if _meet(corners, numbers, planes, one, other):
                            if found == len(pairs):
                                pairs = numpy.concatenate((pairs, numpy.empty_like(pairs)))
                            pairs[found, 0], pairs[found, 1] = one, other
                            found += 1
            # On to the next box, above where this was the last of four.
            node += 1
            while node % 4 == 0:
                level, node = level + 1, node // 4
    return pairs[:found].copy()


@compiled
def _overlap(ones, one, others, other):
    return (
        ones[one, 0] <= others[other, 3]
        and others[other, 0] <= ones[one, 3]
        and ones[one, 1] <= others[other, 4]
        and others[other, 1] <= ones[one, 4]
        and ones[one, 2] <= others[other, 5]
        and others[other, 2] <= ones[one, 5]
    )


@compiled
def _meet(corners, numbers, planes, one, other):
    shared = 0
    for first in range(3):
        for second in range(3):
            shared += numbers[one, first] == numbers[other, second]
    if shared > 1 or not (_reaches(corners, one, planes, other) and _reaches(corners, other, planes, one)):
        return False
    return _enters(corners, numbers, planes, one, other) or _enters(corners, numbers, planes, other, one)


@compiled
def _reaches(corners, one, planes, other):
    x, y, z, level = planes[other, 0], planes[other, 1], planes[other, 2], planes[other, 3]
    first = _dot(corners[one, 0], corners[one, 1], corners[one, 2], x, y, z) - level
    second = _dot(corners[one, 3], corners[one, 4], corners[one, 5], x, y, z) - level
    third = _dot(corners[one, 6], corners[one, 7], corners[one, 8], x, y, z) - level
    return max(first, second, third) >= 0 and min(first, second, third) <= 0


@compiled
def _enters(corners, numbers, planes, one, other):
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
