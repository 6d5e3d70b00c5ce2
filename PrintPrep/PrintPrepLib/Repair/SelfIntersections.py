"""Which triangles of a mesh pass through each other; neighbors only where they do so away from what they share."""

import numpy

from PlanningHubLib.Errors import Finding, InputRefused
from PlanningHubLib.Shapes.Mesh import cross, welded
from PlanningHubLib.Shapes.Threads import inChunks

# Beyond, the search takes longer than all other steps together.
SEARCHED_TRIANGLES = 500_000
ALONG_MM = 1e-5
_LEAF = 4


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
    pairs = _closePairs(points, triangles, numpy.ones(len(triangles), bool) if which is None else which)
    return _crossing(points, triangles, pairs) if len(pairs) else pairs


def _closePairs(points, triangles, which):
    """Return the pairs (n, 2) of triangles whose boxes overlap, without those that share an edge."""
    corners = points[triangles]
    low = numpy.minimum(numpy.minimum(corners[:, 0], corners[:, 1]), corners[:, 2])
    high = numpy.maximum(numpy.maximum(corners[:, 0], corners[:, 1]), corners[:, 2])
    order = _alongCurve((low + high) / 2)
    one = other = numpy.zeros(1, numpy.int64)
    for lows, highs, wanted in reversed(_boxes(low[order], high[order], which[order])[:-1]):
        one, other = _children(one, other, len(lows))
        overlap = wanted[one] | wanted[other]
        one, other = one[overlap], other[overlap]
        for axis in range(3):
            overlap = (lows[one, axis] <= highs[other, axis]) & (lows[other, axis] <= highs[one, axis])
            one, other = one[overlap], other[overlap]
    one, other = order[one[one < other]], order[other[one < other]]
    shared = numpy.zeros(len(one), numpy.uint8)
    for first in range(3):
        for second in range(3):
            shared += triangles[one, first] == triangles[other, second]
    return numpy.c_[one, other][shared < 2]


def _alongCurve(centers):
    """Return an order (n,) in which neighbors are close: by the interlaced bits of the coordinates (Morton's curve)."""
    span = numpy.ptp(centers, axis=0).max() or 1.0
    cells = ((centers - centers.min(0)) / span * 1023).astype(numpy.uint32)
    code = numpy.zeros(len(cells), numpy.uint32)
    for bit in range(10):
        for axis in range(3):
            code |= ((cells[:, axis] >> numpy.uint32(bit)) & numpy.uint32(1)) << numpy.uint32(3 * bit + axis)
    return numpy.argsort(code, kind="stable")


def _boxes(low, high, wanted):
    """Return boxes of ever more triangles, from one each to all, by fours, and whether they hold a wanted one."""
    levels = [(low, high, wanted)]
    while len(levels[-1][0]) > 1:
        starts = numpy.arange(0, len(levels[-1][0]), _LEAF)
        combined = zip((numpy.minimum, numpy.maximum, numpy.logical_or), levels[-1], strict=True)
        levels.append(tuple(combine.reduceat(values, starts) for combine, values in combined))
    return levels


def _children(one, other, count):
    """Return the pairs of children of pairs of boxes, each pair once."""
    step = numpy.arange(_LEAF)
    first = (one[:, None, None] * _LEAF + step[None, :, None]).repeat(_LEAF, 2).reshape(-1)
    second = (other[:, None, None] * _LEAF + step[None, None, :]).repeat(_LEAF, 1).reshape(-1)
    which = (first <= second) & (first < count) & (second < count)
    return first[which], second[which]


def _crossing(points, triangles, pairs):
    """Return those of the pairs of triangles that cross."""
    corners = points[triangles]
    normals = cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    levels = numpy.einsum("ij,ij->i", corners[:, 0], normals)

    def nearEachOther(part):
        one, other = pairs[part].T
        near = _planesCross(corners[one], normals[other], levels[other])
        near[near] = _planesCross(corners[other[near]], normals[one[near]], levels[one[near]])
        return pairs[part][near]

    pairs = numpy.concatenate(inChunks(nearEachOther, len(pairs)))
    one, other = triangles[pairs[:, 0]], triangles[pairs[:, 1]]
    crosses = numpy.zeros(len(pairs), bool)
    for first, second in ((one, other), (other, one)):
        for corner in range(3):
            start, end = first[:, corner], first[:, (corner + 1) % 3]
            # An edge that begins or ends in a corner of the other triangle meets it there.
            apart = ~crosses
            for its in second.T:
                apart &= (its != start) & (its != end)
            which = numpy.flatnonzero(apart)
            hits = _hits(points[start[which]], points[end[which]], points[second[which]])
            crosses[which[hits]] = True
    return pairs[crosses]


def _planesCross(corners, normals, levels):
    """Tell whether triangles (n, 3, 3) do not lie on one side of planes, each a normal and its height above zero."""
    heights = numpy.einsum("nij,nj->ni", corners, normals) - levels[:, None]
    return (heights.max(1) >= 0) & (heights.min(1) <= 0)


def _hits(start, end, corners):
    """Tell whether segments (n, 3) to (n, 3) pass through triangles (n, 3, 3)."""
    way = end - start
    volumes = [
        numpy.einsum("ij,ij->i", way, cross(corners[:, one] - start, corners[:, two] - start))
        for one, two in ((0, 1), (1, 2), (2, 0))
    ]
    normal = cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    before = numpy.einsum("ij,ij->i", start - corners[:, 0], normal)
    after = numpy.einsum("ij,ij->i", end - corners[:, 0], normal)
    inside = (numpy.min(volumes, axis=0) >= 0) | (numpy.max(volumes, axis=0) <= 0)
    # What runs along the plane as far as single precision can tell does not pass through it.
    reach = numpy.maximum(abs(before), abs(after))
    return inside & (before * after <= 0) & (reach > ALONG_MM * numpy.linalg.norm(normal, axis=1))
