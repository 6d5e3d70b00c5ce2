"""Points of a closed surface merged cell by cell of a grid: a first, quick step where voxels are finer than needed."""

import numpy

from PlanningHubLib.Shapes.Mesh import Mesh, anyCorner
from PlanningHubLib.Shapes.MeshLoops import patchesOf
from PlanningHubLib.Shapes.Search import fansOf
from PlanningHubLib.Shapes.Threads import inChunks

from . import ClusterLoops

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
    labels, characteristics = patchesOf(mesh.triangles, _cells(mesh, cellMm))
    sound, normals = characteristics == 1, ClusterLoops.normalsOf(mesh.points, mesh.triangles)
    count, triangles = len(sound), mesh.triangles
    points, directions = ClusterLoops.placed(mesh.points, normals, labels, count, MIDDLE_WEIGHT)
    # Patches first, then the points as they were.
    allPoints, allNormals = numpy.concatenate([points, mesh.points]), numpy.concatenate([directions, normals])
    owners = numpy.where(sound[labels], labels, numpy.arange(count, count + len(labels), dtype=numpy.int32))
    for _round in range(ROUNDS):
        bad = _spoiled(allPoints, contracted(triangles, owners)[0], allNormals)[:count]
        if not bad.any():
            break
        single = bad[labels] & (owners < count)
        owners[single] = count + numpy.flatnonzero(single)
        # Only there has anything changed.
        triangles = mesh.triangles[anyCorner(single, mesh.triangles)]
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
        corners, which = ClusterLoops.contracted(triangles[part], owners)
        return corners, which + numpy.int32(part.start)

    found = [(numpy.zeros((0, 3), numpy.int32), numpy.zeros(0, numpy.int32)), *inChunks(left, len(triangles))]
    return tuple(numpy.concatenate(kind) for kind in zip(*found, strict=True))


def isClosed(mesh):
    """Return whether each edge is used as often in one direction as in the other."""
    balances = inChunks(lambda part: ClusterLoops.balance(mesh.triangles[part]), len(mesh.triangles))
    # An edge and the same edge the other way add up to zero; others practically never do.
    return sum(int(balance) for balance in balances) % 2**64 == 0


def _cells(mesh, cellMm):
    """Return the number (n,) of the cell that each point lies in."""
    (low, high), cells = mesh.extent, numpy.empty(len(mesh.points), numpy.int64)
    columns, rows, _slices = ((high - low) / cellMm).astype(int) + 2
    inChunks(
        lambda part: ClusterLoops.cellsOf(mesh.points[part], low, cellMm, columns, rows, cells[part]), len(cells)
    )
    return cells


def _spoiled(points, triangles, normals):
    """Return which points (n,) stand on a triangle that is turned over, or on an edge of more than two triangles."""
    bad = numpy.zeros(len(points), bool)
    arguments = points, triangles, normals, *fansOf(triangles, len(points)), bad
    inChunks(lambda part: ClusterLoops.markSpoiled(*arguments, part.start, part.stop), len(triangles))
    return bad
