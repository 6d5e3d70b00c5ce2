"""Holes of a surface: found as loops of open edges, filled, and curved on as the surface around them.

Points (n, 3) float64 in mm, triangles (m, 3) int64, consistently oriented.
"""

import dataclasses

import numpy

# A loop of more edges than this is only filled in the plane: the best triangulation costs the cube of their number.
MOST_EDGES_IN_SPACE = 400
# Loops of fewer edges are too small to be curved.
FEWEST_CURVED_EDGES = 8
# A loop counts as flat that lies this close to its plane, as a fraction of its diameter; it is filled flat.
FLAT = 0.005


@dataclasses.dataclass(frozen=True, eq=False)
class Hole:
    """A closed loop of points, in the direction that its filling needs; (n,) numbers."""

    loop: numpy.ndarray
    diameterMm: float
    isFlat: bool


def findHoles(points, triangles):
    """Return the :class:`Hole` of each loop of open edges, the smallest first; loops that touch are told apart."""
    loops = _loops(_openEdges(triangles, len(points)))
    return sorted((_hole(points, loop) for loop in loops), key=lambda hole: hole.diameterMm)


def filled(points, triangles, holes):
    """Return (points, triangles) with holes filled.

    :raises ValueError: where a hole cannot be filled, with the reason
    """
    known = {tuple(edge) for edge in _sortedEdges(triangles, holes)}
    for hole in holes:
        newPoints, newTriangles = _filling(points, triangles, hole, known)
        known |= {
            tuple(sorted(edge)) for one in newTriangles.tolist() for edge in zip(one, one[1:] + one[:1], strict=True)
        }
        points = numpy.concatenate([points, newPoints])
        triangles = numpy.concatenate([triangles, newTriangles])
    return points, triangles


def _sortedEdges(triangles, holes):
    """Return the edges (n, 2) between points of holes, smaller number first."""
    if not holes:
        return []
    border = numpy.unique(numpy.concatenate([hole.loop for hole in holes]))
    pairs = numpy.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    pairs = pairs[numpy.isin(pairs, border).all(1)]
    return numpy.sort(pairs, axis=1).tolist()


def _openEdges(triangles, pointCount):
    """Return the edges (n, 2) that lack their opposite, in the direction of what would fill them."""
    starts, ends = triangles.reshape(-1), numpy.roll(triangles, -1, axis=1).reshape(-1)
    keys, opposite = starts * pointCount + ends, ends * pointCount + starts
    lonely = ~numpy.isin(keys, opposite)
    return numpy.c_[ends[lonely], starts[lonely]]


def _loops(edges):
    """Return simple loops (n,) of directed edges."""
    following = {}
    for start, end in edges.tolist():
        following.setdefault(start, []).append(end)
    loops = []
    while following:
        path = [next(iter(following))]
        place = {path[0]: 0}
        while path:
            ends = following.get(path[-1])
            if not ends:
                break
            end = ends.pop()
            if not ends:
                del following[path[-1]]
            if end in place:
                loops.append(numpy.array(path[place[end] :]))
                for one in path[place[end] + 1 :]:
                    del place[one]
                del path[place[end] + 1 :]
            else:
                place[end] = len(path)
                path.append(end)
    return [loop for loop in loops if len(loop) > 2]


def _hole(points, loop):
    corners = points[loop]
    center = corners.mean(0)
    diameterMm = 2 * float(numpy.linalg.norm(corners - center, axis=1).max())
    off = numpy.linalg.svd(corners - center, full_matrices=False)[2][2] @ (corners - center).T
    return Hole(loop, diameterMm, bool(abs(off).max() <= FLAT * diameterMm))


def _filling(points, triangles, hole, known):
    """Return new points, and triangles that may use them as if they followed the given points."""
    none = numpy.zeros((0, 3))
    if len(hole.loop) == 3:
        return none, hole.loop.reshape(1, 3)
    if not hole.isFlat and len(hole.loop) >= FEWEST_CURVED_EDGES:
        curved = _curved(points, triangles, hole)
        if curved is not None:
            return curved
    if len(hole.loop) > MOST_EDGES_IN_SPACE:
        flat = _inPlane(points[hole.loop], None)
        if flat is None:
            raise ValueError(f"a hole of {hole.diameterMm:.0f} mm with {len(hole.loop)} edges is folded")
        return none, hole.loop[flat[1]]
    return none, hole.loop[_smallest(points[hole.loop], hole.loop, known)]


def _smallest(corners, loop, known):
    """Return the triangles (n − 2, 3) of a loop of least area, without edges that the surface has already.

    The classic dynamic programme over all chords of the loop.
    """
    count = len(corners)
    cost = numpy.full((count, count), numpy.inf)
    split = numpy.zeros((count, count), int)
    cost[numpy.arange(count - 1), numpy.arange(1, count)] = 0
    for width in range(2, count):
        for first in range(count - width):
            last = first + width
            middles = numpy.arange(first + 1, last)
            if width < count - 1 and tuple(sorted((loop[first], loop[last]))) in known:
                continue
            crosses = numpy.cross(corners[middles] - corners[first], corners[last] - corners[first])
            sums = cost[first, middles] + cost[middles, last] + numpy.linalg.norm(crosses, axis=1)
            split[first, last] = middles[sums.argmin()]
            cost[first, last] = sums.min()
    if not numpy.isfinite(cost[0, count - 1]):
        raise ValueError(f"a hole of {count} edges has no filling that leaves the surface alone")
    found, todo = [], [(0, count - 1)]
    while todo:
        first, last = todo.pop()
        if last - first > 1:
            middle = split[first, last]
            found.append((first, middle, last))
            todo += [(first, middle), (middle, last)]
    return numpy.array(found)


def _curved(points, triangles, hole):
    """Return the filling of a hole that goes on in the curvature around it, or None where it is folded."""
    corners = points[hole.loop]
    spacingMm = float(numpy.linalg.norm(corners - numpy.roll(corners, 1, axis=0), axis=1).mean())
    flat = _inPlane(corners, spacingMm)
    if flat is None or not len(flat[0]):
        return None
    inner, its = flat
    newTriangles = numpy.concatenate([hole.loop, numpy.arange(len(inner)) + len(points)])[its]
    ring = triangles[_around(triangles, hole.loop, len(points))]
    local, numbers = numpy.unique(numpy.concatenate([ring, newTriangles]), return_inverse=True)
    faired = _faired(numpy.concatenate([points, inner])[local], numbers.reshape(-1, 3), local >= len(points))
    return None if faired is None else (faired, newTriangles)


def _around(triangles, loop, pointCount, rings=3):
    """Tell which triangles (m,) lie within some rings around a loop."""
    near = numpy.zeros(pointCount, bool)
    near[loop] = True
    for _ring in range(rings):
        which = near[triangles].any(1)
        near[triangles[which].reshape(-1)] = True
    return which


def _faired(points, triangles, isNew):
    """Return the new points (n, 3) of a thin plate that goes on where the others lie."""
    import igl

    fixed = numpy.flatnonzero(~isNew)
    try:
        found = igl.harmonic(
            numpy.ascontiguousarray(points), numpy.ascontiguousarray(triangles, numpy.int64), fixed.astype(numpy.int64),
            numpy.ascontiguousarray(points[fixed]), 2,
        )  # fmt: skip
    except (RuntimeError, ValueError):
        return None
    found = numpy.asarray(found)[isNew]
    sizeMm = numpy.ptp(points, axis=0).max()
    return found if numpy.isfinite(found).all() and abs(found - points[isNew]).max() < sizeMm else None


def _inPlane(corners, spacingMm):
    """Return points inside a loop, in its plane, and triangles of the loop's points and these; None where folded.

    :param spacingMm: how far apart the points inside are; None for none
    """
    import manifold3d
    from scipy.spatial import Delaunay

    center = corners.mean(0)
    axes = numpy.linalg.svd(corners - center, full_matrices=False)[2]
    flat = (corners - center) @ axes[:2].T
    areaMm2 = 0.5 * float(numpy.sum(flat[:, 0] * numpy.roll(flat[:, 1], -1) - flat[:, 1] * numpy.roll(flat[:, 0], -1)))
    if areaMm2 < 0:
        axes[1] *= -1
        flat = flat * (1, -1)
    section = manifold3d.CrossSection([flat.tolist()])
    if abs(section.area() - abs(areaMm2)) > 1e-6 * abs(areaMm2) or len(section.to_polygons()) != 1:
        return None
    if spacingMm is None:
        return numpy.zeros((0, 3)), numpy.asarray(manifold3d.triangulate([flat.tolist()]))
    inner = _gridWithin(flat, spacingMm)
    everything = numpy.concatenate([flat, inner])
    found = Delaunay(everything).simplices
    found = found[_isWithin(everything[found].mean(1), flat)]
    a, b, c = (everything[found[:, corner]] for corner in range(3))
    clockwise = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0] < 0
    found[clockwise] = found[clockwise][:, ::-1]
    return (center + inner @ axes[:2], found) if _keepsBorder(found, len(flat)) else None


def _keepsBorder(triangles, count):
    """Tell whether the open edges of triangles are just those of the loop of the first ``count`` points."""
    open_ = {(int(end), int(start)) for start, end in _openEdges(triangles, triangles.max() + 1)}
    return open_ == {(number, (number + 1) % count) for number in range(count)}


def _gridWithin(flat, spacingMm):
    """Return points (n, 2) of a hexagonal grid inside a polygon, not too close to its border."""
    from scipy.spatial import cKDTree

    low, high = flat.min(0), flat.max(0)
    rows = numpy.arange(low[1], high[1], spacingMm * numpy.sqrt(3) / 2)
    columns = numpy.arange(low[0], high[0] + spacingMm, spacingMm)
    grid = numpy.stack(numpy.meshgrid(columns, rows), -1)
    grid[1::2, :, 0] += spacingMm / 2
    grid = grid.reshape(-1, 2)
    grid = grid[_isWithin(grid, flat)]
    return grid[cKDTree(flat).query(grid)[0] > 0.7 * spacingMm] if len(grid) else grid


def _isWithin(places, flat):
    """Tell which places (n, 2) lie inside a polygon (by how often a ray to the right crosses it)."""
    inside = numpy.zeros(len(places), bool)
    x, y = places.T
    for (x1, y1), (x2, y2) in zip(flat, numpy.roll(flat, -1, axis=0), strict=True):
        if y1 != y2:
            inside ^= ((y1 > y) != (y2 > y)) & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
    return inside
