"""What is wrong with the triangles of a surface, set right without moving it: one step after the other on arrays.

Points (n, 3) float64 in mm, triangles (m, 3) int64.
"""

import numpy
from scipy.sparse import coo_matrix, csgraph
from scipy.spatial import cKDTree

from PlanningHubLib.Shapes.Mesh import welded

_MOST_PASSES = 10


def finite(points, triangles):
    """Return the triangles whose points are numbers."""
    return triangles[numpy.isfinite(points).all(1)[triangles].all(1)]


def edgesOf(triangles, pointCount):
    """Return each edge (k, 2), each triangle's edges (m, 3) in it, from corner 0 to 1, 1 to 2, 2 to 0, and its uses."""
    starts, ends = triangles.reshape(-1), numpy.roll(triangles, -1, axis=1).reshape(-1)
    keys = numpy.minimum(starts, ends) * pointCount + numpy.maximum(starts, ends)
    unique, inverse, counts = numpy.unique(keys, return_inverse=True, return_counts=True)
    return numpy.c_[unique // pointCount, unique % pointCount], inverse.reshape(-1, 3), counts


def joined(points, triangles, weldMm):
    """Return (points, triangles) with equal points as one, and open borders that lie within a distance as one."""
    points, triangles = welded(points, triangles)
    triangles = triangles.astype(numpy.int64)
    if weldMm > 0 and len(triangles):
        edges, _ofTriangles, uses = edgesOf(triangles, len(points))
        border = numpy.unique(edges[uses == 1])
        pairs = border[cKDTree(points[border]).query_pairs(weldMm, output_type="ndarray")] if len(border) else border
        if len(pairs):
            same = coo_matrix((numpy.ones(len(pairs)), pairs.T), shape=(len(points),) * 2)
            labels = csgraph.connected_components(same, directed=False)[1]
            first = numpy.unique(labels, return_index=True)[1]
            points, triangles = points[first], labels[triangles].astype(numpy.int64)
    return points, withoutCollapsed(triangles)


def withoutCollapsed(triangles):
    """Return the triangles with three corners."""
    return triangles[(triangles != numpy.roll(triangles, 1, axis=1)).all(1)]


def withoutDoubles(triangles, pointCount):
    """Return each triangle once; two back to back go both where the surface is closed without them."""
    keys = numpy.sort(triangles, axis=1)
    _unique, first, inverse, counts = numpy.unique(
        keys, axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    inverse = inverse.reshape(-1)
    if counts.max(initial=1) == 1:
        return triangles
    keep = numpy.zeros(len(triangles), bool)
    keep[first] = True
    parity = _isEven(triangles) ^ _isEven(triangles[first])[inverse]
    opposite = (numpy.bincount(inverse, parity) > 0) & (counts == 2)
    _edges, ofTriangles, uses = edgesOf(triangles, pointCount)
    closedWithout = (uses[ofTriangles[first]] - 2 >= 2).all(1)
    keep[first[opposite & closedWithout]] = False
    return triangles[keep]


def _isEven(triangles):
    """Tell for triangles whether their corners are an even permutation of the sorted ones."""
    a, b, c = triangles.T
    return ((a < b).astype(int) + (b < c) + (a < c)) % 2 == 1


def withoutGaps(points, triangles, gapMm):
    """Return triangles split where points of other open borders lie on their own open edge (T-junctions)."""
    for _pass in range(_MOST_PASSES):
        edges, ofTriangles, uses = edgesOf(triangles, len(points))
        open_ = edges[uses == 1]
        if not len(open_):
            break
        found = _pointsOnEdges(points, open_, gapMm)
        if not found:
            break
        triangles = _split(points, triangles, ofTriangles, numpy.flatnonzero(uses == 1), open_, found)
    return triangles


def _pointsOnEdges(points, edges, gapMm):
    """Return edge's number → numbers of the points on it, in their order from its first to its second point."""
    border = numpy.unique(edges)
    starts, ends = points[edges[:, 0]], points[edges[:, 1]]
    lengths = numpy.linalg.norm(ends - starts, axis=1)
    near = cKDTree(points[border]).query_ball_point((starts + ends) / 2, lengths / 2 + gapMm)
    found = {}
    for number, candidates in enumerate(near):
        its = border[candidates]
        its = its[(its != edges[number, 0]) & (its != edges[number, 1])]
        if not len(its) or lengths[number] == 0:
            continue
        way = (ends[number] - starts[number]) / lengths[number]
        along = (points[its] - starts[number]) @ way
        off = numpy.linalg.norm(points[its] - starts[number] - along[:, None] * way, axis=1)
        on = (off <= gapMm) & (along > gapMm) & (along < lengths[number] - gapMm)
        if on.any():
            found[number] = its[on][numpy.argsort(along[on])]
    return found


def _split(points, triangles, ofTriangles, numbersOfOpen, open_, found):
    """Return the triangles with those split that have points on an edge; of each triangle one edge at a time."""
    owner = {}
    for triangle, corner in zip(*numpy.nonzero(numpy.isin(ofTriangles, numbersOfOpen[list(found)])), strict=True):
        owner.setdefault(triangle, corner)
    position = {number: index for index, number in enumerate(numbersOfOpen)}
    fans = []
    for triangle, corner in owner.items():
        index = position[ofTriangles[triangle, corner]]
        start, end, apex = (triangles[triangle, (corner + step) % 3] for step in range(3))
        between = found[index] if open_[index, 0] == start else found[index][::-1]
        chain = [start, *between, end]
        fans += [(one, other, apex) for one, other in zip(chain[:-1], chain[1:], strict=True)]
    kept = numpy.ones(len(triangles), bool)
    kept[list(owner)] = False
    return withoutCollapsed(numpy.concatenate([triangles[kept], numpy.array(fans, numpy.int64).reshape(-1, 3)]))


def withoutFins(points, triangles):
    """Return the surface without patches that stand out of it or divide its inside: what more than two sides meet in.

    Patches end at edges of more than two triangles. Where such an edge is left with an odd number, or a patch there has
    open edges, the smallest goes first; the largest of all stays.
    """
    for _pass in range(_MOST_PASSES):
        edges, ofTriangles, uses = edgesOf(triangles, len(points))
        if uses.max(initial=0) <= 2:
            break
        count, labels = patches(ofTriangles, uses)
        areas = numpy.bincount(labels, _areas(points, triangles), minlength=count)
        isOpen = numpy.bincount(labels, (uses[ofTriangles] == 1).any(1), minlength=count) > 0
        atOdd = ((uses[ofTriangles] > 2) & (uses[ofTriangles] % 2 == 1)).any(1)
        atMany = (uses[ofTriangles] > 2).any(1)
        isOdd = numpy.bincount(labels, atOdd, minlength=count) > 0
        isFin = (numpy.bincount(labels, atMany, minlength=count) > 0) & (isOpen | isOdd)
        isFin[areas.argmax()] = False
        if not isFin.any():
            break
        fins = numpy.flatnonzero(isFin)
        # Open ones are fins for certain, all at once; of walls inside one at a time.
        which = fins[isOpen[fins]] if isOpen[fins].any() else fins[[areas[fins].argmin()]]
        which = which[areas[which] < areas.max() / 2]
        if not len(which):
            break
        triangles = triangles[~numpy.isin(labels, which)]
    return triangles


def _areas(points, triangles):
    first, second, third = (points[triangles[:, corner]] for corner in range(3))
    return numpy.linalg.norm(numpy.cross(second - first, third - first), axis=1) / 2


def patches(ofTriangles, uses):
    """Return how many patches there are, joined across edges of two triangles, and each triangle's (m,)."""
    order = numpy.argsort(ofTriangles.reshape(-1), kind="stable")
    sortedEdges = ofTriangles.reshape(-1)[order]
    same = numpy.flatnonzero((sortedEdges[1:] == sortedEdges[:-1]) & (uses[sortedEdges[1:]] == 2))
    one, other = order[same] // 3, order[same + 1] // 3
    graph = coo_matrix((numpy.ones(len(one), numpy.int8), (one, other)), shape=(len(ofTriangles),) * 2)
    return csgraph.connected_components(graph, directed=False)


def oriented(points, triangles):
    """Return the triangles, in each patch all facing the way that most of its area did, and how many were turned."""
    import igl

    turned, labels = igl.bfs_orient(numpy.ascontiguousarray(triangles))
    turned, labels = numpy.asarray(turned, numpy.int64), numpy.asarray(labels).reshape(-1)
    changed = _isEven(turned) != _isEven(triangles)
    areas = _areas(points, triangles)
    against = numpy.bincount(labels, areas * changed) > numpy.bincount(labels, areas) / 2
    back = against[labels]
    turned[back] = turned[back][:, ::-1]
    return turned, int((changed ^ back).sum())
