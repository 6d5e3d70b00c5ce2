"""Where surfaces and lines meet the slices of a series, exactly, and which pixels that are.

Everything here counts in indices: (column, row, slice) of a point, pixel centers at whole numbers. A section is a row
(slice, column, row, column, row) of its two ends.
"""

import numpy

# Points of voxel models lie exactly on slices; a ten-thousandth of a slice beside them every triangle is cut cleanly.
NUDGE = 1e-4
# Dashes that go on in every direction: 3 of 5 squares of this many pixels.
DASH_PIXELS = 3
EMPTY = numpy.zeros((0, 5))


def meshSections(points, triangles, sliceCount):
    """Return the sections (n, 5) of a surface with every slice.

    :param points: (n, 3) indices
    """
    points = numpy.asarray(points, float) - (0, 0, NUDGE)
    heights = points[:, 2][triangles]
    triangle, slices = _crossed(heights.min(1), heights.max(1), sliceCount)
    corners, above = triangles[triangle], heights[triangle] > slices[:, None]
    one = above.sum(1) == 1
    # The corner that lies alone on its side of the slice: both of its edges are cut.
    alone = numpy.where(one, above.argmax(1), (~above).argmax(1))
    cut = ~(above.all(1) | (~above).all(1))
    rows, corners, alone = slices[cut], corners[cut], alone[cut]
    order = numpy.arange(len(rows))
    tip = points[corners[order, alone]]
    ends = []
    for step in (1, 2):
        other = points[corners[order, (alone + step) % 3]]
        share = (rows - tip[:, 2]) / (other[:, 2] - tip[:, 2])
        ends.append(tip[:, :2] + share[:, None] * (other - tip)[:, :2])
    return numpy.column_stack([rows, *ends]) if len(rows) else EMPTY


def _crossed(lowest, highest, sliceCount):
    """Return (which, slice) for every whole number between the lowest and the highest of each."""
    first = numpy.maximum(numpy.ceil(lowest), 0).astype(int)
    last = numpy.minimum(numpy.floor(highest), sliceCount - 1).astype(int)
    counts = numpy.maximum(last - first + 1, 0)
    which = numpy.repeat(numpy.arange(len(counts)), counts)
    starts = numpy.cumsum(counts) - counts
    return which, first[which] + numpy.arange(len(which)) - starts[which]


def lineSections(points, sliceCount):
    """Return the sections (n, 5) of a line through points (n, 3): on each slice what is nearest to it."""
    points = numpy.asarray(points, float)
    starts, ends = points[:-1], points[1:]
    heights = numpy.column_stack([starts[:, 2], ends[:, 2]])
    piece, slices = _crossed(heights.min(1) - 0.5, heights.max(1) + 0.5, sliceCount)
    start, way = starts[piece], (ends - starts)[piece]
    rise = numpy.where(way[:, 2] == 0, 1.0, way[:, 2])
    shares = numpy.sort(((slices[:, None] + (-0.5, 0.5)) - start[:, 2:]) / rise[:, None], axis=1)
    shares = numpy.where(way[:, 2:] == 0, (0.0, 1.0), shares.clip(0, 1))
    both = [start[:, :2] + shares[:, [side]] * way[:, :2] for side in (0, 1)]
    return numpy.column_stack([slices, *both])


def ringSections(slices, centers, radius, corners=24):
    """Return the sections (n, 5) of rings around centers (n, 2) on slices (n,)."""
    turns = numpy.linspace(0, 2 * numpy.pi, corners + 1)
    ring = radius * numpy.column_stack([numpy.cos(turns), numpy.sin(turns)])
    around = numpy.asarray(centers, float).reshape(-1, 1, 2) + ring
    rows = numpy.repeat(numpy.asarray(slices, float), corners)
    return numpy.column_stack([rows, around[:, :-1].reshape(-1, 2), around[:, 1:].reshape(-1, 2)])


def sectionPixels(sections, shape, dashed=False):
    """Return the pixels (n, 3) int32 of sections, each once: slice, row, column, in this order.

    :param shape: slices, rows, columns
    """
    lengths = numpy.abs(sections[:, 3:5] - sections[:, 1:3]).max(1, initial=0)
    counts = numpy.ceil(2 * lengths).astype(int) + 1
    which = numpy.repeat(numpy.arange(len(sections)), counts)
    starts = numpy.cumsum(counts) - counts
    share = (numpy.arange(len(which)) - starts[which]) / numpy.maximum(counts - 1, 1)[which]
    ends = sections[which]
    places = numpy.rint(ends[:, 1:3] + share[:, None] * (ends[:, 3:5] - ends[:, 1:3])).astype(numpy.int64)
    return _unique(ends[:, 0].astype(numpy.int64), places[:, 1], places[:, 0], shape, dashed)


def _unique(slices, rows, columns, shape, dashed):
    inside = (rows >= 0) & (rows < shape[1]) & (columns >= 0) & (columns < shape[2])
    if dashed:
        inside &= ((rows // DASH_PIXELS) + 3 * (columns // DASH_PIXELS)) % 5 < 3
    return eachOnce(numpy.ravel_multi_index((slices[inside], rows[inside], columns[inside]), shape), shape)


def eachOnce(flat, shape):
    """Return the pixels (n, 3) int32 of flat indices, sorted, each once."""
    # numpy's own unique hashes first, which takes several times as long.
    flat = numpy.sort(flat)
    flat = flat[numpy.diff(flat, prepend=-1) > 0]
    return numpy.column_stack(numpy.unravel_index(flat, shape)).astype(numpy.int32)


def insidePixels(sections, shape, wanted):
    """Return the pixels (n, 3) int32 within the closed outlines of sections.

    :param wanted: function of rows (n, 1) and columns (1, m) that says which pixels (n, m) to return
    """
    if not len(sections):
        return numpy.zeros((0, 3), numpy.int32)
    slices, rows, columns = _entries(sections)
    low = numpy.array([slices.min(initial=shape[0]), rows.min(initial=shape[1])])
    counts = numpy.array([slices.max(initial=0), rows.max(initial=0)]) + 1 - low
    if (counts < 1).any():
        return numpy.zeros((0, 3), numpy.int32)
    crossings = numpy.zeros((*counts, shape[2] + 1), numpy.uint8)
    numpy.add.at(crossings, (slices - low[0], rows - low[1], columns.clip(0, shape[2])), 1)
    inside = numpy.cumsum(crossings, axis=2, dtype=numpy.uint8)[:, :, :-1] & 1
    inside &= wanted(numpy.arange(counts[1])[:, None] + low[1], numpy.arange(shape[2])[None])
    found = numpy.argwhere(inside).astype(numpy.int32) + numpy.array([*low, 0], numpy.int32)
    return found[(found[:, 1] >= 0) & (found[:, 1] < shape[1])]


def _entries(sections):
    """Return slice, row and column of the first pixel behind every crossing of an outline with a row of pixels."""
    slices, x0, y0, x1, y1 = sections.T
    low, high = numpy.minimum(y0, y1), numpy.maximum(y0, y1)
    first, last = numpy.ceil(low).astype(int), numpy.ceil(high).astype(int)
    counts = last - first
    which = numpy.repeat(numpy.arange(len(sections)), counts)
    rows = first[which] + numpy.arange(len(which)) - (numpy.cumsum(counts) - counts)[which]
    share = (rows - y0[which]) / (y1 - y0)[which]
    columns = numpy.ceil(x0[which] + share * (x1 - x0)[which]).astype(int)
    return slices[which].astype(int), rows, columns
