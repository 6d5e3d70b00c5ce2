"""Where letters can stand on a part: on a face that is found, the largest and least curved, or on one that is chosen.

A face is good where it is seen from outside along its whole normal, is nowhere steep, has no steps, and is thick
enough for what is cut into it. All in LPS mm.
"""

import dataclasses

import numpy
from scipy.spatial import cKDTree

from PlanningHubLib.Planning.Solids import unit

from .Views import Frame, viewOf

# Site defaults, no source. Steeper than this, letters are distorted, and their depth is not what it is said to be.
STEEPEST_DEGREES = 35.0
MARGIN_MM = 1.0
# What fits bone has its letters on the side that faces away from it.
OUTWARDS_DEGREES = 60.0
# A step between neighboring places that is no slope.
_STEP_MM = 0.15
# A longer line is broken before it is looked for on a part.
_FARTHEST_MM = 60.0
_SAMPLES, _SEEDS, _TRIED = 8000, 160, 8
_NEARBY_MM, _CLOSELY_MM = 6.0, 0.4
_TURNS_DEGREES = (0, 15, -15, 30, -30, 45, -45, 60, -60, 75, -75, 90)


@dataclasses.dataclass(frozen=True)
class Wish:
    """What is to stand on a face.

    :param extents: (width, height) of each way to lay it out, for a size of 1 mm
    :param sizeMm: the size wanted; ``leastMm``: the smallest that will do
    :param depthMm: how deep it is cut in, ``leastDepthMm``: how deep at least; both 0 for what is raised
    :param wallMm: what has to be left below it
    """

    extents: tuple
    sizeMm: float
    leastMm: float
    depthMm: float
    leastDepthMm: float
    wallMm: float
    steepestDegrees: float = STEEPEST_DEGREES

    def depthFor(self, thicknessMm):
        """Return how deep can be cut into a wall: never more than half of it (site default, no source)."""
        return min(self.depthMm, thicknessMm / 2, thicknessMm - self.wallMm)

    @property
    def thicknessMm(self):
        return max(self.depthMm + self.wallMm, 2 * self.depthMm)

    @property
    def leastThicknessMm(self):
        return max(self.leastDepthMm + self.wallMm, 2 * self.leastDepthMm)


@dataclasses.dataclass(frozen=True, eq=False)
class Face:
    """A place for letters: frame centered on it, which layout of a :class:`Wish`, at what size and depth."""

    frame: Frame
    layout: int
    sizeMm: float
    depthMm: float

    def isBetterThan(self, other):
        """Tell whether it holds larger letters than another (None: no face), or as large ones that are deeper."""
        rank = (round(self.sizeMm, 2), round(self.depthMm, 2))
        return other is None or rank > (round(other.sizeMm, 2), round(other.depthMm, 2))


def findFace(mesh, wish, outwards=None, up=None):
    """Return the :class:`Face` of a part that holds a :class:`Wish` best, or None.

    :param outwards: (3,) away from what the part fits; None: any side will do
    """
    best = None
    for origin, normal in _candidates(mesh, wish, outwards):
        face = faceAt(mesh, Frame.facing(origin, normal, up), wish)
        if face and face.isBetterThan(best):
            best = face
            if isAsWished(face, wish):
                break
    return best


def isAsWished(face, wish):
    """Tell whether a face holds a wish in its full size and depth."""
    return face.sizeMm >= wish.sizeMm - 1e-6 and face.depthMm >= wish.depthMm - 1e-6


def faceAt(mesh, frame, wish, mayMove=True):
    """Return the best :class:`Face` about a frame, or None.

    :param mayMove: without, what is wished stands centered on the frame and upright in it
    """
    reachMm = _reachMm(wish) + MARGIN_MM
    farthestMm = float(numpy.linalg.norm(numpy.abs(numpy.array(mesh.boundsMm) - frame.origin).max(0)))
    view = viewOf(mesh, frame, min(reachMm, farthestMm + 1))
    sound = _sound(view, wish.steepestDegrees)
    best = None
    for thicknessMm in (wish.thicknessMm, wish.leastThicknessMm):
        mask = sound & (view.thicknessMm >= thicknessMm)
        for degrees in _TURNS_DEGREES if mayMove else (0,):
            face = _bestIn(mask, view, frame, degrees, wish, mayMove)
            if face and face.isBetterThan(best):
                best = face
            if best and isAsWished(best, wish):
                return _asThickAs(mesh, best, wish)
    return _asThickAs(mesh, best, wish) if best else None


def _asThickAs(mesh, face, wish):
    """Return a face with the depth that its wall allows, looked at closely, or None where that is too little."""
    if not wish.depthMm:
        return face
    half = (numpy.array(wish.extents[face.layout]) * face.sizeMm / 2 + MARGIN_MM / 2).tolist()
    thinnestMm = float(viewOf(mesh, face.frame, *half, stepMm=_CLOSELY_MM).thicknessMm.min())
    depthMm = wish.depthFor(thinnestMm)
    return dataclasses.replace(face, depthMm=depthMm) if depthMm >= wish.leastDepthMm else None


def _reachMm(wish):
    """Return how far a face can matter to a wish: half the diagonal of its widest layout, within reason."""
    return min(max(float(numpy.hypot(*extent)) for extent in wish.extents) * wish.sizeMm / 2, _FARTHEST_MM)


def _sound(view, steepestDegrees):
    """Return where a view (n, n) shows a surface that is nowhere steep and has no steps."""
    sound = view.steepness >= numpy.cos(numpy.radians(steepestDegrees))
    limitMm = view.stepMm * numpy.tan(numpy.radians(steepestDegrees)) + _STEP_MM
    for axis in (0, 1):
        smooth = numpy.abs(numpy.diff(view.heightsMm, axis=axis)) <= limitMm
        edge = [(1, 0) if one == axis else (0, 0) for one in (0, 1)]
        sound &= numpy.pad(smooth, edge, constant_values=True)
        sound &= numpy.pad(smooth, [pair[::-1] for pair in edge], constant_values=True)
    return sound


def _bestIn(mask, view, frame, degrees, wish, mayMove):
    """Return the largest :class:`Face` that a mask (n, n) holds at an angle, or None."""
    least = min(numpy.prod(numpy.array(extent) * wish.leastMm + 2 * MARGIN_MM) for extent in wish.extents)
    if mask.sum() * view.stepMm**2 < least:
        return None
    turned, indices = _turned(mask, degrees)
    sums = numpy.pad(turned.astype(numpy.int32).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    best = None
    for layout, extent in enumerate(wish.extents):
        sizeMm, window = _largest(sums, numpy.array(extent), view.stepMm, wish, mayMove)
        if window is None or (best and sizeMm <= best.sizeMm + 1e-6):
            continue
        inside = tuple(index[window] for index in indices)
        depthMm = wish.depthFor(float(view.thicknessMm[inside].min())) if wish.depthMm else 0.0
        middle = numpy.array([(one.start + one.stop - 1) / 2 for one in window]) - (numpy.array(mask.shape) - 1) / 2
        place = frame.turned(degrees)
        best = Face(_onSurface(place, middle * view.stepMm, view, frame), layout, sizeMm, depthMm)
    return best


def _turned(mask, degrees):
    """Return a mask (n, n) as seen in a turned frame, and the two index arrays that it was taken with."""
    middle = (numpy.array(mask.shape) - 1) / 2
    cosine, sine = numpy.cos(numpy.radians(degrees)), numpy.sin(numpy.radians(degrees))
    x, y = numpy.indices(mask.shape) - middle[:, None, None]
    columns = numpy.rint(cosine * x - sine * y + middle[0]).astype(int)
    rows = numpy.rint(sine * x + cosine * y + middle[1]).astype(int)
    inside = (columns >= 0) & (columns < mask.shape[0]) & (rows >= 0) & (rows < mask.shape[1])
    columns, rows = (numpy.clip(one, 0, size - 1) for one, size in zip((columns, rows), mask.shape, strict=True))
    return mask[columns, rows] & inside, (columns, rows)


def _largest(sums, extent, stepMm, wish, mayMove):
    """Return the largest size that fits, and its window as two slices; (0, None) where the smallest does not."""
    lowMm, highMm = wish.leastMm, wish.sizeMm
    window = _windowOf(sums, extent * highMm, stepMm, mayMove)
    if window is not None:
        return highMm, window
    window = _windowOf(sums, extent * lowMm, stepMm, mayMove)
    if window is None:
        return 0.0, None
    while highMm - lowMm > 0.05:
        middleMm = (lowMm + highMm) / 2
        found = _windowOf(sums, extent * middleMm, stepMm, mayMove)
        lowMm, highMm, window = (middleMm, highMm, found) if found is not None else (lowMm, middleMm, window)
    return lowMm, window


def _windowOf(sums, sizeMm, stepMm, mayMove):
    """Return where a rectangle with its margin lies wholly in a mask, as far inside as can be, or None.

    :param sums: (n + 1, n + 1), the mask's sums over all to the lower left
    """
    shape = numpy.array(sums.shape) - 1
    # One ray more than there are steps.
    columns, rows = (numpy.ceil((sizeMm + 2 * MARGIN_MM) / stepMm) + 1).astype(int)
    if columns > shape[0] or rows > shape[1]:
        return None
    counts = sums[columns:, rows:] - sums[:-columns, rows:] - sums[columns:, :-rows] + sums[:-columns, :-rows]
    fits = counts == columns * rows
    middle = (shape - (columns, rows)) // 2
    if mayMove and fits.any():
        places = numpy.argwhere(fits)
        middle = places[((places - places.mean(0)) ** 2).sum(1).argmin()]
    if not fits[tuple(middle)]:
        return None
    return slice(middle[0], middle[0] + columns), slice(middle[1], middle[1] + rows)


def _onSurface(turned, offsetMm, view, frame):
    """Return a turned frame moved along its right and up, with its origin back on the surface."""
    moved = turned.turned(0, offsetMm)
    right, up, _height = frame.local(moved.origin[None])[0]
    column, row = (int(round(one / view.stepMm + (size - 1) / 2))
                   for one, size in zip((right, up), view.heightsMm.shape, strict=True))  # fmt: skip
    return dataclasses.replace(moved, origin=moved.origin + view.heightsMm[column, row] * frame.normal)


def _candidates(mesh, wish, outwards):
    """Return (origin, normal) of places where a part seems flattest over the largest area, the best first."""
    points, normals = surfaceSamples(mesh, _SAMPLES)
    reachMm = _reachMm(wish)
    tree, places = cKDTree(points), []
    for seed in range(0, len(points), max(1, len(points) // _SEEDS)):
        near = tree.query_ball_point(points[seed], _NEARBY_MM)
        alike = normals[near][normals[near] @ normals[seed] > 0.7]
        normal = unit(alike.sum(0))
        if outwards is not None and normal @ outwards < numpy.cos(numpy.radians(OUTWARDS_DEGREES)):
            continue
        around = numpy.array(tree.query_ball_point(points[seed], reachMm))
        flat = around[normals[around] @ normal > numpy.cos(numpy.radians(wish.steepestDegrees))]
        heights = (points[flat] - points[seed]) @ normal
        flat = flat[numpy.abs(heights) < max(reachMm / 3, 1.0)]
        if len(flat):
            places.append((len(flat), points[seed], normal, points[flat].mean(0)))
    return _apart(sorted(places, key=lambda place: -place[0]))


def _apart(places):
    """Return (origin, normal) of the best places, none of which is much like another; the origin above their middle."""
    found = []
    for _count, seed, normal, middle in places:
        origin = middle + ((seed - middle) @ normal) * normal
        if all(normal @ other < 0.94 or numpy.linalg.norm(origin - place) > 10 for place, other in found):
            found.append((origin, normal))
        if len(found) == _TRIED:
            break
    return found


def surfaceSamples(mesh, count):
    """Return points (n, 3) spread evenly over a mesh's area, in no order, and the normals there; always the same."""
    areas = mesh.areasMm2().cumsum()
    # Steps of the golden ratio spread evenly, wherever one stops.
    shares = (numpy.arange(count)[:, None] * (0.6180339887498949, 0.7548776662466927, 0.5698402909980532) + 0.5) % 1
    triangles = numpy.minimum(numpy.searchsorted(areas, shares[:, 0] * areas[-1]), len(areas) - 1)
    first, second = numpy.sqrt(shares[:, 1:2]), shares[:, 2:3]
    corners = mesh.points[mesh.triangles[triangles]].astype(float)
    points = (1 - first) * corners[:, 0] + first * (1 - second) * corners[:, 1] + first * second * corners[:, 2]
    return points, mesh.normals()[triangles].astype(float)
