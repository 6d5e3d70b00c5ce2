"""Ever coarser versions of a closed surface, each made of the one before by merging its points.

Every point of the fine surface knows its point on each level, so a surface can be put together of several levels:
coarse where that is exact enough, fine where it is not.
"""

import dataclasses

import numpy

from PlanningHubLib.Requirements import interruptsHeld
from PlanningHubLib.Shapes.Mesh import Mesh

from . import ClusterLoops
from .Clusters import clustered, contracted

# Below this many triangles nothing is gained.
FEWEST_TRIANGLES = 500
# Large levels are only on the way.
LARGE_TRIANGLES, LARGE_FRACTION = 300_000, 0.22
NEXT_FRACTION = 0.55
# Merging by cells moves points by a fraction of a cell, which has to be well within the bound, and is worth its while
# only where a cell holds several points.
CELL_IN_BOUNDS = 4.4
CELL_IN_EDGES = (1.8, 2.7)


@dataclasses.dataclass(frozen=True, eq=False)
class Level:
    """A coarser version of a surface.

    :param owners: for each point of the fine surface, the point (n,) of this level that it was merged into
    :param mesh: this level; triangles that lost their area are gone
    """

    owners: numpy.ndarray
    mesh: Mesh


@dataclasses.dataclass(frozen=True, eq=False)
class Candidate:
    """A surface put together of several levels.

    :param indices: for each point of the fine surface, the point (n,) of this one that it was merged into
    :param names: for each of its points, the first (k,) of the fine ones that were merged into it
    :param origins: for each triangle, the one (m,) of the fine surface that became it, in rising order
    """

    mesh: Mesh
    indices: numpy.ndarray
    names: numpy.ndarray
    origins: numpy.ndarray


def finest(mesh):
    """Return the surface itself as a level."""
    return Level(numpy.arange(len(mesh.points), dtype=numpy.int32), mesh)


def coarser(level, boundMm):
    """Return the next coarser level, or None where there is none."""
    count = len(level.mesh.triangles)
    merged = _merged(level.mesh, boundMm) if len(level.owners) == len(level.mesh.points) else None
    if merged:
        return merged
    count = int(count * (LARGE_FRACTION if count > LARGE_TRIANGLES else NEXT_FRACTION))
    if count < FEWEST_TRIANGLES:
        return None
    mesh, owners = decimated(level.mesh, count)
    if len(mesh.triangles) > 0.98 * len(level.mesh.triangles):
        return None
    return Level(owners[level.owners], mesh)


def _merged(mesh, boundMm):
    some = Mesh(mesh.points, mesh.triangles[::50])
    edgeMm = numpy.sqrt(some.areasMm2().mean() * 4 / numpy.sqrt(3))
    cellMm = min(CELL_IN_EDGES[1] * edgeMm, CELL_IN_BOUNDS * boundMm)
    if len(mesh.triangles) < LARGE_TRIANGLES or cellMm < CELL_IN_EDGES[0] * edgeMm:
        return None
    found = clustered(mesh, cellMm)
    return found and Level(*found)


def decimated(mesh, triangleCount):
    """Return the mesh with about so many triangles, and for each of its points the one (n,) that it was merged into.

    Open borders stay as they are.
    """
    with interruptsHeld():
        import fast_simplification

    points, triangles, merges = fast_simplification.simplify(
        mesh.points, mesh.triangles, target_count=triangleCount, preserve_border=True, return_collapses=True
    )
    into = numpy.arange(len(mesh.points), dtype=numpy.int32)
    into[merges[:, 1]] = merges[:, 0]
    while True:
        further = into[into]
        if numpy.array_equal(further, into):
            break
        into = further
    left = numpy.flatnonzero(into == numpy.arange(len(into)))
    owners = numpy.zeros(len(into), numpy.int32)
    owners[left] = numpy.arange(len(left))
    owners = owners[into]
    # A shell may be gone: what is left of it is a point without triangles, which the decimator leaves out.
    merged = contracted(mesh.triangles, owners)[0]
    leftPoints, used = mesh.points[left], numpy.zeros(len(left), bool)
    used[merged.reshape(-1)] = True
    leftPoints[used] = points
    return Mesh(leftPoints, merged), owners


class Assembly:
    """Surfaces put together of several levels.

    :param levels: from the finest on
    """

    def __init__(self, levels):
        self._triangles = levels[0].mesh.triangles
        self._points = numpy.concatenate([level.mesh.points for level in levels])
        starts = numpy.cumsum([0] + [len(level.mesh.points) for level in levels[:-1]], dtype=numpy.int32)
        self._owners = numpy.stack([level.owners + start for level, start in zip(levels, starts, strict=True)])

    def candidate(self, choice):
        """Return the :class:`Candidate` of which each point comes from a level of its own.

        :param choice: the level (n,) of each point of the finest; the same for all that a level merged
        """
        numbers, indices = numpy.full(len(self._points), -1, numpy.int32), numpy.empty(len(choice), numpy.int32)
        places, names = numpy.empty((2, len(self._points)), numpy.int32)
        count = ClusterLoops.chosen(choice, self._owners, numbers, indices, places, names)
        triangles, origins = contracted(self._triangles, indices)
        return Candidate(Mesh(self._points[places[:count]], triangles), indices, names[:count].copy(), origins)
