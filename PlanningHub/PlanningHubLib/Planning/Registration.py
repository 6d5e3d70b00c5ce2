"""Rigid registration of one surface to another by trimmed nearest points, in RAS mm.

What has no counterpart (a defect, an implant, what an operation took away) is left out by trimming: in each round only
the nearest share of the points counts. Points meet only faces that look their way, so that the two sides of a thin
wall are not taken for one another.
"""

import dataclasses

import numpy
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from ..Errors import InputRefused
from ..Shapes.Mesh import Mesh
from .Distances import SurfaceSearch

# Site defaults, no source: what is worse than a voxel of an ordinary CT is no fit of a bone to itself.
KEPT_SHARE, WORST_MEAN_MM = 0.7, 1.0
SAMPLES, COARSE_SAMPLES, COARSE_PLACES = 4000, 1500, 60_000
COARSE_ROUNDS, FINE_ROUNDS = 60, 40
# Below this (mm) a round moves nothing that counts: for the quick rounds, for the exact ones.
COARSE_SETTLED_MM, SETTLED_MM = 0.01, 1e-4
ALIKE = 0.5
# More than this is left after the quick rounds: the exact ones would take long, and mend nothing.
HOPELESS_MM = 4.0


@dataclasses.dataclass(frozen=True, eq=False)
class Registered:
    """A rigid fit.

    :param matrix: 4×4 from the moving surface to the fixed one, RAS mm
    :param meanMm, p95Mm: distances that are left of the kept samples
    :param keptShare: which share of the samples counts
    """

    matrix: numpy.ndarray
    meanMm: float
    p95Mm: float
    keptShare: float
    samples: int

    def asFacts(self):
        """Return the figures as JSON holds them."""
        return {
            "matrix": [round(float(value), 6) for value in self.matrix.reshape(-1)],
            "meanMm": round(self.meanMm, 3),
            "p95Mm": round(self.p95Mm, 3),
            "keptShare": self.keptShare,
            "samples": self.samples,
        }


class FixedSurface:
    """A mesh to register to: its search trees are built once."""

    def __init__(self, mesh):
        self.mesh = mesh
        self.search = SurfaceSearch(mesh)
        self.normals = mesh.normals().astype(float)
        places, self.coarseNormals = sampled(mesh, COARSE_PLACES)
        self.coarsePlaces = places
        self._tree = cKDTree(places)

    def coarse(self, points):
        """Return for points (n, 3) near places (n, 3) and their normals (n, 3): quick, to about the sampling."""
        index = self._tree.query(points, workers=-1)[1]
        return self.coarsePlaces[index], self.coarseNormals[index]

    def exact(self, points):
        """Return for points (n, 3) the nearest places (n, 3) and their normals (n, 3)."""
        _distances, triangles, places = self.search.nearest(points)
        return places, self.normals[triangles]


def sampled(mesh, count):
    """Return places (n, 3) spread evenly over a mesh by area and their normals (n, 3); always the same for a mesh."""
    areas = mesh.areasMm2()
    random = numpy.random.default_rng(0)
    chosen = numpy.searchsorted(numpy.cumsum(areas), (numpy.arange(count) + 0.5) / count * areas.sum())
    chosen = numpy.minimum(chosen, len(areas) - 1)
    one, two = random.random((2, count))
    over = one + two > 1
    one[over], two[over] = 1 - one[over], 1 - two[over]
    corners = mesh.points[mesh.triangles[chosen]].astype(float)
    places = (
        corners[:, 0] + one[:, None] * (corners[:, 1] - corners[:, 0]) + two[:, None] * (corners[:, 2] - corners[:, 0])
    )
    return places, mesh.normals()[chosen].astype(float)


def register(moving: Mesh, fixed: FixedSurface, starts=None, keptShare=KEPT_SHARE, leaveOut=None, coarse=True):
    """Return the :class:`Registered` of a mesh to a fixed surface: the best from several starts.

    :param starts: list of 4×4; by default one for each way to lay the two over each other without a turn
    :param leaveOut: function of points (n, 3) of the moving mesh: which of them do not count
    :param coarse: whether to look far first; without it only what is near a start is found
    """
    points, normals = sampled(moving, SAMPLES)
    if leaveOut is not None:
        counts = ~leaveOut(points)
        points, normals = points[counts], normals[counts]
    if len(points) < SAMPLES // 20:
        raise InputRefused(
            "registration-poor", "Too little of the bone is left to register on.", "Choose another bone."
        )
    best = None
    step = max(1, len(points) // COARSE_SAMPLES)
    for start in starts if starts is not None else _layingOver(points, fixed.coarsePlaces):
        matrix = start
        if coarse:
            few = points[::step], normals[::step]
            matrix = _rounds(*few, start, fixed.coarse, keptShare, COARSE_ROUNDS, COARSE_SETTLED_MM)
        meanMm = _left(points[::step], normals[::step], matrix, fixed.coarse, keptShare).mean()
        if best is None or meanMm < best[0]:
            best = meanMm, matrix
    if not best[0] <= HOPELESS_MM:
        return Registered(best[1], float(best[0]), float(best[0]), keptShare, len(points))
    matrix = _rounds(points, normals, best[1], fixed.exact, keptShare, FINE_ROUNDS, SETTLED_MM)
    leftMm = _left(points, normals, matrix, fixed.exact, keptShare)
    return Registered(matrix, float(leftMm.mean()), float(numpy.percentile(leftMm, 95)), keptShare, len(points))


def requireFit(registered, what, worstMeanMm=WORST_MEAN_MM):
    """Raise where a fit is no fit.

    :raises InputRefused: ``registration-poor``
    """
    if not registered.meanMm <= worstMeanMm:
        left = f"{registered.meanMm:.2f} mm are left on average" if numpy.isfinite(registered.meanMm) else "not at all"
        raise InputRefused(
            "registration-poor",
            f"{what} does not fit: {left}; {worstMeanMm:g} mm are allowed.",
            "See whether both scans show this bone, choose another bone or another threshold.",
        )


def _layingOver(points, places):
    """Return starts without a turn: centers, lowest and highest ends over each other."""
    for of in (numpy.mean, lambda all_, axis: (all_.min(axis) + all_.max(axis)) / 2, numpy.max, numpy.min):
        matrix = numpy.eye(4)
        matrix[:3, 3] = of(places, axis=0) - of(points, axis=0)
        yield matrix


def _moved(matrix, points):
    return points @ matrix[:3, :3].T + matrix[:3, 3]


def _pairs(points, normals, matrix, nearest, keptShare):
    """Return moved points, their places and the places' normals, of those that are kept."""
    moved = _moved(matrix, points)
    places, placeNormals = nearest(moved)
    distances = numpy.linalg.norm(places - moved, axis=1)
    isAlike = numpy.einsum("ij,ij->i", normals @ matrix[:3, :3].T, placeNormals) > ALIKE
    # One that looks another way is farther than any other.
    distances = numpy.where(isAlike, distances, numpy.inf)
    kept = numpy.argsort(distances, kind="stable")[: max(12, int(keptShare * len(points)))]
    return moved[kept], places[kept], placeNormals[kept], distances[kept]


def _left(points, normals, matrix, nearest, keptShare):
    return _pairs(points, normals, matrix, nearest, keptShare)[3]


def _rounds(points, normals, matrix, nearest, keptShare, rounds, settledMm):
    """Move step by step so that the points come to lie in the planes of their places (point to plane)."""
    for _round in range(rounds):
        moved, places, placeNormals, distances = _pairs(points, normals, matrix, nearest, keptShare)
        finite = numpy.isfinite(distances)
        if finite.sum() < len(finite) / 2:
            # Most look another way: from here on it would only drift.
            break
        center = moved.mean(0)
        arms = numpy.cross(moved - center, placeNormals)
        # Arms in millimetres over the size of the body, so that turns and shifts weigh alike.
        sizeMm = max(1.0, float(numpy.sqrt(((moved - center) ** 2).sum(1).mean())))
        equations = numpy.c_[arms / sizeMm, placeNormals][finite]
        wanted = numpy.einsum("ij,ij->i", places - moved, placeNormals)[finite]
        solution = numpy.linalg.lstsq(equations, wanted, rcond=1e-6)[0]
        turn, shift = solution[:3] / sizeMm, solution[3:]
        step = numpy.eye(4)
        step[:3, :3] = Rotation.from_rotvec(turn).as_matrix()
        step[:3, 3] = center + shift - step[:3, :3] @ center
        matrix = step @ matrix
        if numpy.linalg.norm(shift) < settledMm and numpy.linalg.norm(turn) * sizeMm < settledMm:
            break
    return matrix
