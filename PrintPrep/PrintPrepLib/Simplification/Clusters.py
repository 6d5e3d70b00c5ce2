"""Points of a closed surface merged cell by cell of a grid: a first, quick step where voxels are finer than needed."""

import numpy
from scipy.sparse import coo_matrix, csgraph

from PlanningHubLib.Shapes.Mesh import Mesh, cross, sumsByOwner
from PlanningHubLib.Shapes.Threads import inChunks

# How much a merged point is drawn to the middle of its points rather than to their planes.
MIDDLE_WEIGHT = 0.03
ROUNDS = 6


def clustered(mesh, cellMm):
    """Return owners (n,) and mesh: the connected points of each cell as one point, nearest to all their planes.

    What cannot be merged without turning a triangle over, closing a hole or letting more than two triangles meet stays
    as it is. None for a surface that is not closed.
    """
    if not isClosed(mesh):
        return None
    labels, sound = _patches(mesh, cellMm)
    normals = _normals(mesh)
    points, directions = _placed(mesh, normals, labels, len(sound))
    count, triangles = len(sound), mesh.triangles
    # Patches first, then the points as they were.
    allPoints, allNormals = numpy.concatenate([points, mesh.points]), numpy.concatenate([directions, normals])
    single = numpy.flatnonzero(~sound[labels])
    owners = labels.astype(numpy.int32)
    owners[single] = count + single
    for _round in range(ROUNDS):
        bad = _spoiled(allPoints, contracted(triangles, owners)[0], allNormals)[:count]
        if not bad.any():
            break
        single = bad[labels] & (owners < count)
        owners[single] = count + numpy.flatnonzero(single)
        # Only there has anything changed.
        triangles = mesh.triangles[single[mesh.triangles].any(1)]
    used = numpy.zeros(len(allPoints), bool)
    used[owners] = True
    newIndex = numpy.cumsum(used, dtype=numpy.int32) - 1
    owners = newIndex[owners]
    return owners, Mesh(allPoints[used], contracted(mesh.triangles, owners)[0])


def contracted(triangles, owners):
    """Return the triangles with other points for their corners, and which they were.

    Those with two corners in one are gone.
    """

    def left(part):
        corners = owners[triangles[part]]
        which = (corners[:, 0] != corners[:, 1]) & (corners[:, 1] != corners[:, 2]) & (corners[:, 2] != corners[:, 0])
        return corners[which], numpy.flatnonzero(which).astype(numpy.int32) + numpy.int32(part.start)

    found = [(numpy.zeros((0, 3), owners.dtype), numpy.zeros(0, numpy.int32)), *inChunks(left, len(triangles))]
    return tuple(numpy.concatenate(kind) for kind in zip(*found, strict=True))


def isClosed(mesh):
    """Return whether each edge is used as often in one direction as in the other."""
    random = numpy.random.default_rng(0).integers(0, 2**63, (2, len(mesh.points)), numpy.uint64)
    one, other = random

    def balance(part):
        first, second, third = (mesh.triangles[part, corner] for corner in range(3))
        total = 0
        for start, end in ((first, second), (second, third), (third, first)):
            # Modulo 2**64, an edge and the same edge the other way add up to zero; others practically never do.
            total += int((one[start] * other[end] - one[end] * other[start]).sum())
        return total

    return sum(inChunks(balance, len(mesh.triangles))) % 2**64 == 0


def _patches(mesh, cellMm):
    """Return the number (n,) of each point's patch, the connected points of a cell, and which patches are discs."""
    cells = ((mesh.points - mesh.points.min(0)) * numpy.float32(1 / cellMm)).astype(numpy.int64)
    columns, rows, _slices = cells.max(0) + 1
    keys = (cells[:, 2] * rows + cells[:, 1]) * columns + cells[:, 0]

    def within(part):
        triangles = mesh.triangles[part]
        inCell = keys[triangles]
        edges = []
        for one, other in ((0, 1), (1, 2), (2, 0)):
            # Of a closed surface, each edge is seen once from either side.
            which = (inCell[:, one] == inCell[:, other]) & (triangles[:, one] < triangles[:, other])
            edges.append(triangles[which][:, [one, other]])
        whole = (inCell[:, 0] == inCell[:, 1]) & (inCell[:, 1] == inCell[:, 2])
        return numpy.concatenate(edges), triangles[whole, 0]

    edges, faces = (numpy.concatenate(kind) for kind in zip(*inChunks(within, len(mesh.triangles)), strict=True))
    size = len(mesh.points)
    graph = coo_matrix((numpy.ones(len(edges), numpy.int8), (edges[:, 0], edges[:, 1])), shape=(size, size))
    count, labels = csgraph.connected_components(graph.tocsr(), directed=False)
    # Euler's characteristic: points less edges plus triangles is one for a disc; rings, tubes and shells have others.
    points, lines, areas = (numpy.bincount(labels[what], minlength=count) for what in (..., edges[:, 0], faces))
    return labels, points - lines + areas == 1


def _normals(mesh):
    """Return a normal (n, 3) for each point, as long as twice the area of the triangles around it."""
    crosses = inChunks(lambda part: mesh.crosses(part, numpy.float32), len(mesh.triangles))
    return sumsByOwner(mesh.triangles, numpy.concatenate(crosses), len(mesh.points))


def _placed(mesh, normals, labels, count):
    """Return for each patch the point nearest to the planes of its points (least squares), and its normal."""
    sizes = numpy.bincount(labels, minlength=count)[:, None]
    middles = sumsByOwner(labels, mesh.points, count) / sizes.astype(numpy.float32)
    lengths = numpy.sqrt(numpy.einsum("ij,ij->i", normals, normals))
    units = normals / numpy.where(lengths > 0, lengths, 1)[:, None]
    heights = numpy.einsum("ij,ij->i", mesh.points - middles[labels], units)
    pairs = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
    products = [units[:, one] * units[:, other] for one, other in pairs]
    sums = sumsByOwner(labels, numpy.column_stack([*products, units * heights[:, None]]), count)
    matrices = sums[:, [0, 1, 2, 1, 3, 4, 2, 4, 5]].reshape(-1, 3, 3) + MIDDLE_WEIGHT * sizes[:, :, None] * numpy.eye(3)
    moves = numpy.linalg.solve(matrices.astype(numpy.float64), sums[:, 6:, None].astype(numpy.float64))[:, :, 0]
    return (middles + moves).astype(numpy.float32), sumsByOwner(labels, normals, count)


def _spoiled(points, triangles, normals):
    """Return which points (n,) stand on a triangle that is turned over, or on an edge of more than two triangles."""

    def turned(part):
        first, second, third = (points[triangles[part, corner]] for corner in range(3))
        crosses = cross(second - first, third - first)
        alike = [numpy.einsum("ij,ij->i", crosses, normals[triangles[part, corner]]) for corner in range(3)]
        return numpy.min(alike, 0) < 0

    bad = numpy.zeros(len(points), bool)
    bad[triangles[numpy.concatenate(inChunks(turned, len(triangles)))].reshape(-1)] = True
    bad[crowdedEdges(triangles).reshape(-1)] = True
    return bad


def crowdedEdges(triangles):
    """Return the edges (k, 2), as two points, in which more than two triangles meet."""
    starts, ends = triangles.reshape(-1), triangles[:, [1, 2, 0]].reshape(-1)
    edges = numpy.sort(numpy.minimum(starts, ends).astype(numpy.int64) << 32 | numpy.maximum(starts, ends))
    crowded = edges[2:][edges[2:] == edges[:-2]]
    return numpy.stack([crowded >> 32, crowded & 0xFFFFFFFF], 1)
