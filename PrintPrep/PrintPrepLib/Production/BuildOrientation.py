"""How a part stands on the plate: directions judged by stated criteria, the best one that fits is taken.

Criteria: height; area that rests on supports; area of the critical face (a guide's bone side, an implant's inner side)
that looks down, be it onto supports or onto the plate; and how safely it stands. Powder carries a part: there, only the
height counts. The weights are site defaults, without a source.
"""

import dataclasses
import math

import numpy

from PlanningHubLib.Errors import InputRefused, UsageError
from PlanningHubLib.Progress import noProgress

WEIGHTS = {"height": 1.0, "overhang": 2.0, "critical": 4.0, "stability": 1.0}
# A part stands safely where its center of mass lies this share of its height inside of what it stands on.
SAFE_SHARE = 0.25
GRID_DIRECTIONS = 150
HULL_FACES = 60
# What lies lower rests on the plate.
RESTING_MM = 0.2
RESTING_COSINE = math.cos(math.radians(8))
TURN_DEGREES = 0.5
_CHUNK = 20_000


@dataclasses.dataclass(frozen=True, eq=False)
class Oriented:
    """A part's way to stand.

    :param directionLps: unit vector that points up on the plate
    :param rotation: array (3, 3), LPS to the plate's axes, its turn about the vertical included
    :param figures: ``heightMm``, ``overhangMm2``, ``criticalMm2`` (None without a critical face), ``standsOnMm2``,
        ``insideMm`` (how far the center of mass lies inside of what it stands on; below zero it tips), ``score`` (low
        is good)
    :param candidates: how many directions were judged; ``passedOver``: how many better ones did not fit
    """

    directionLps: numpy.ndarray
    rotation: numpy.ndarray
    figures: dict
    candidates: int
    passedOver: int


def orient(mesh, profile, critical=None, direction=None, progress=noProgress):
    """Return the :class:`Oriented` of a part for a printer.

    :param mesh: LPS mm
    :param critical: boolean array (m,), the triangles that supports must stay off, or None
    :param direction: vector in LPS that has to point up; None to look for the best
    :raises InputRefused: ``does-not-fit``, by how much
    :raises UsageError: ``bad-direction``
    """
    hull = _Hull(mesh)
    directions = _asked(direction) if direction is not None else candidates(hull)
    rows = judged(mesh, hull, directions, profile, critical, progress)
    least = None
    for number, index in enumerate(sorted(range(len(rows)), key=lambda one: (rows[one]["score"], one))):
        upright = uprightRotation(directions[index])
        points = hull.points @ upright.T
        over, degrees = overflow(points, profile.buildVolumeMm)
        if over <= 0:
            rotation = turnAbout(degrees) @ upright
            return Oriented(directions[index], rotation, rows[index], len(directions), number)
        least = min(least or (over, points), (over, points), key=lambda one: one[0])
    raise _tooLarge(least, profile)


def _tooLarge(least, profile):
    size = " × ".join(f"{one:.1f}" for one in least[1].max(0) - least[1].min(0))
    room = " × ".join(f"{one:g}" for one in profile.buildVolumeMm)
    return InputRefused(
        "does-not-fit",
        f"The part ({size} mm) does not fit {profile.title} ({room} mm): in its best position it is "
        f"{least[0]:.1f} mm too large.",
        "Split the part, or choose a larger printer.",
    )


def _asked(direction):
    vector = numpy.asarray(direction, float)
    length = numpy.linalg.norm(vector)
    if vector.shape != (3,) or not numpy.isfinite(length) or length < 1e-6:
        raise UsageError("bad-direction", f"{direction} is no direction.", "Give three numbers in LPS, such as 0,0,1.")
    return vector[None] / length


class _Hull:
    """The convex hull of a part: its corners, and its faces by area."""

    def __init__(self, mesh):
        from scipy.spatial import ConvexHull

        points = mesh.points.astype(float)
        hull = ConvexHull(points)
        self.points = points[hull.vertices]
        corners = points[hull.simplices]
        areas = numpy.linalg.norm(numpy.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
        normals, which = numpy.unique(hull.equations[:, :3].round(3), axis=0, return_inverse=True)
        sums = numpy.bincount(which.reshape(-1), areas, minlength=len(normals))
        self.faceNormals = normals[numpy.argsort(-sums, kind="stable")][:HULL_FACES]


def candidates(hull):
    """Return unit vectors (k, 3) that may point up: the largest faces of the hull down, the axes, and an even grid."""
    index = numpy.arange(GRID_DIRECTIONS) + 0.5
    heights = 1 - 2 * index / GRID_DIRECTIONS
    turns = numpy.pi * (1 + 5**0.5) * index
    rings = numpy.sqrt(1 - heights**2)
    grid = numpy.stack([rings * numpy.cos(turns), rings * numpy.sin(turns), heights], axis=1)
    axes = numpy.concatenate([numpy.eye(3)[::-1], -numpy.eye(3)[::-1]])
    found = numpy.concatenate([-hull.faceNormals, axes, grid])
    found /= numpy.linalg.norm(found, axis=1, keepdims=True)
    kept = []
    for one in found:
        if not kept or (numpy.array(kept) @ one).max() < 0.9999:
            kept.append(one)
    return numpy.array(kept)


def judged(mesh, hull, directions, profile, critical=None, progress=noProgress):
    """Return the figures of each direction, with its score."""
    rows = _areas(mesh, hull, directions, profile, critical, progress)
    center = _centerOfMass(mesh)
    for row, direction in zip(rows, directions, strict=True):
        row["standsOnMm2"], row["insideMm"] = _standing(hull.points, center, uprightRotation(direction))
    tallest = max(row["heightMm"] for row in rows)
    area = float(mesh.areasMm2().sum())
    criticalArea = float(mesh.areasMm2()[critical].sum()) if critical is not None else 1.0
    for row in rows:
        terms = {"height": row["heightMm"] / tallest}
        if profile.overhangAngleDegrees is not None:
            terms["overhang"] = row["overhangMm2"] / area
            terms["critical"] = (row["criticalMm2"] or 0.0) / criticalArea
            terms["stability"] = 1 - min(max(row["insideMm"] / row["heightMm"] / SAFE_SHARE, 0.0), 1.0)
        row["score"] = sum(WEIGHTS[name] * value for name, value in terms.items())
    return [{key: None if one is None else round(float(one), 4) for key, one in row.items()} for row in rows]


def _areas(mesh, hull, directions, profile, critical, progress):
    """Return rows with ``heightMm``, ``overhangMm2`` and ``criticalMm2``."""
    along = hull.points @ directions.T
    lowest, highest = along.min(0), along.max(0)
    angle = profile.overhangAngleDegrees
    steep = math.sin(math.radians(angle)) if angle is not None else 2.0
    overhang, onCritical = numpy.zeros(len(directions)), numpy.zeros(len(directions))
    normals, areas = mesh.normals(), mesh.areasMm2()
    up = directions.T.astype(numpy.float32)
    for start in range(0, len(areas), _CHUNK):
        progress(start / len(areas), "Judging the orientation")
        part = slice(start, start + _CHUNK)
        down = -(normals[part] @ up)
        leaning = down > steep + 1e-4
        heights = mesh.points[mesh.triangles[part]].mean(1) @ up - lowest
        resting = (heights < RESTING_MM) & (down > RESTING_COSINE)
        overhang += areas[part] @ (leaning & ~resting)
        if critical is not None:
            onCritical += areas[part] @ ((leaning | resting) & critical[part, None])
    return [
        {"heightMm": top - bottom, "overhangMm2": one, "criticalMm2": None if critical is None else other}
        for bottom, top, one, other in zip(lowest, highest, overhang, onCritical, strict=True)
    ]


def _centerOfMass(mesh):
    middle = mesh.points.mean(0, dtype=float)
    corners = mesh.points[mesh.triangles].astype(float) - middle
    volumes = numpy.einsum("ij,ij->i", corners[:, 0], numpy.cross(corners[:, 1], corners[:, 2]))
    return middle + (volumes[:, None] * corners.sum(1)).sum(0) / (4 * volumes.sum())


def _standing(hullPoints, center, upright):
    """Return the area (mm²) of what a part stands on, and how far inside of it (mm) its center of mass lies."""
    from scipy.spatial import ConvexHull, QhullError

    points = hullPoints @ upright.T
    foot = points[points[:, 2] < points[:, 2].min() + RESTING_MM, :2]
    place = (upright @ center)[:2]
    try:
        hull = ConvexHull(foot)
    except (QhullError, ValueError):
        return 0.0, -float(numpy.linalg.norm(foot - place, axis=1).min())
    return float(hull.volume), -float((hull.equations[:, :2] @ place + hull.equations[:, 2]).max())


def uprightRotation(direction):
    """Return the rotation (3, 3) that turns a unit vector into the vertical by the shortest way."""
    axis = numpy.cross(direction, (0.0, 0.0, 1.0))
    sine, cosine = numpy.linalg.norm(axis), float(direction[2])
    if sine < 1e-9:
        return numpy.eye(3) if cosine > 0 else numpy.diag([1.0, -1.0, -1.0])
    x, y, z = axis / sine
    cross = numpy.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return numpy.eye(3) + sine * cross + (1 - cosine) * cross @ cross


def turnAbout(degrees):
    """Return the rotation (3, 3) about the vertical."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return numpy.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1.0]])


def overflow(points, volumeMm):
    """Return by how much (mm, zero or less where it fits) a part is too large, and the turn (degrees) that it takes.

    Of the turns with which it fits, the one with the smallest rectangle around it.

    :param points: corners (n, 3) of its hull, upright, mm
    """
    from scipy.spatial import ConvexHull

    flat = points[:, :2]
    flat = flat[ConvexHull(flat).vertices]
    edges = numpy.roll(flat, -1, axis=0) - flat
    alongEdges = -numpy.degrees(numpy.arctan2(edges[:, 1], edges[:, 0]))
    turns = numpy.unique(
        numpy.concatenate([numpy.arange(0, 180, TURN_DEGREES), alongEdges % 180, (alongEdges + 90) % 180]).round(6)
    )
    radians = numpy.radians(turns)
    cosines, sines = numpy.cos(radians), numpy.sin(radians)
    widths = numpy.ptp(numpy.outer(flat[:, 0], cosines) - numpy.outer(flat[:, 1], sines), axis=0)
    depths = numpy.ptp(numpy.outer(flat[:, 0], sines) + numpy.outer(flat[:, 1], cosines), axis=0)
    over = numpy.maximum(widths - volumeMm[0], depths - volumeMm[1])
    # A tenth of a micrometer is the rounding of single precision.
    fits = numpy.flatnonzero(over <= 1e-4)
    best = fits[numpy.argmin((widths * depths)[fits].round(3))] if len(fits) else int(over.argmin())
    tooHigh = numpy.ptp(points[:, 2]) - volumeMm[2]
    most = max(float(over[best]), float(tooHigh))
    return (0.0 if most <= 1e-4 else most), float(turns[best])
