"""Rows of words in order, and equal ones found, in time that grows with their number only."""

import numpy

from ..Compiled import compiled

_BITS = 11
_DIGITS = 3


@compiled
def orderOfRows(rows):
    """Return the order (n,) int32 of rows (n, k) of uint32 by their words, first to last; equal rows keep theirs."""
    count, width = rows.shape
    order = numpy.empty(count, numpy.int32)
    for row in range(count):
        order[row] = row
    used = numpy.zeros((width * _DIGITS, 1 << _BITS), numpy.int32)
    mask = numpy.uint32((1 << _BITS) - 1)
    for row in range(count):
        for word in range(width):
            value = rows[row, word]
            for digit in range(_DIGITS):
                used[word * _DIGITS + digit, (value >> numpy.uint32(_BITS * digit)) & mask] += 1
    following = numpy.empty(count, numpy.int32)
    # From the last digit to the first, each time keeping the order so far (radix sort).
    for word in range(width - 1, -1, -1):
        for digit in range(_DIGITS):
            shift = numpy.uint32(_BITS * digit)
            places = used[word * _DIGITS + digit]
            if count == 0 or places[(rows[0, word] >> shift) & mask] == count:
                continue
            start = numpy.int32(0)
            for value in range(len(places)):
                start, places[value] = start + places[value], start
            for row in order:
                value = (rows[row, word] >> shift) & mask
                following[places[value]] = row
                places[value] += 1
            order, following = following, order
    return order


@compiled
def numberedRows(rows):
    """Return the first of each kind of equal rows (k,) int32, in order of the rows, and each row's kind (n,) int32."""
    order = orderOfRows(rows)
    index = numpy.empty(len(rows), numpy.int32)
    first = numpy.empty(len(rows), numpy.int32)
    kinds = 0
    for place in range(len(order)):
        row = order[place]
        isNew = place == 0
        if not isNew:
            before = order[place - 1]
            for word in range(rows.shape[1]):
                isNew |= rows[row, word] != rows[before, word]
        if isNew:
            first[kinds] = row
            kinds += 1
        index[row] = kinds - 1
    return first[:kinds].copy(), index


@compiled
def anyTwice(rows):
    """Return whether some rows (n, k) of uint32 are equal."""
    size = 4
    while size < 2 * len(rows):
        size *= 2
    # Each row at the first free place from the one that its words tell.
    taken = numpy.full(size, -1, numpy.int32)
    for row in range(len(rows)):
        mixed = numpy.uint64(0)
        for word in range(rows.shape[1]):
            mixed = (mixed ^ rows[row, word]) * numpy.uint64(0x9E3779B97F4A7C15)
            mixed ^= mixed >> numpy.uint64(32)
        place = mixed & numpy.uint64(size - 1)
        while taken[place] >= 0:
            isSame = True
            for word in range(rows.shape[1]):
                isSame &= rows[row, word] == rows[taken[place], word]
            if isSame:
                return True
            place = (place + numpy.uint64(1)) & numpy.uint64(size - 1)
        taken[place] = row
    return False


@compiled
def inOrder(triangles, order):
    """Return triangles (m, 3) uint32 in an order that only depends on that of their points.

    Each begins with its first point, or the first of two.

    :param order: (n,) the points, first to last
    """
    ranks = numpy.empty(len(order), numpy.uint32)
    for rank in range(len(order)):
        ranks[order[rank]] = rank
    rows = numpy.empty((len(triangles), 3), numpy.uint32)
    for row in range(len(rows)):
        one, two, three = ranks[triangles[row, 0]], ranks[triangles[row, 1]], ranks[triangles[row, 2]]
        if two < one and two <= three:
            one, two, three = two, three, one
        elif three <= one:
            one, two, three = three, one, two
        rows[row, 0], rows[row, 1], rows[row, 2] = one, two, three
    return rows[orderOfRows(rows)]
