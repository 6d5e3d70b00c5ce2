"""Looking at a part from far away: what a viewer sees of it, how high it stands there and how thick it is."""

import dataclasses

import numpy

from PlanningHubLib.Planning.Solids import unit

from .ViewLoops import notBeyond, sidesOf

_MOST_STEPS = 64
_FINEST_MM, _COARSEST_MM = 0.4, 1.5
# Triangles and places that are looked at in one go.
_PAIRS = 1_000_000


@dataclasses.dataclass(frozen=True, eq=False)
class Frame:
    """A view onto a part: origin on its surface; right, up and normal (3,) of length 1, the normal to the viewer."""

    origin: numpy.ndarray
    right: numpy.ndarray
    up: numpy.ndarray
    normal: numpy.ndarray

    @classmethod
    def facing(cls, origin, normal, up=None):
        """Return the frame at a point; up is the patient's head, or on faces that look there the patient's front."""
        normal = unit(normal)
        for candidate in ((0, 0, 0) if up is None else up, (0, 0, 1), (0, -1, 0)):
            upwards = numpy.asarray(candidate, float) - numpy.dot(candidate, normal) * normal
            if numpy.linalg.norm(upwards) > 0.2:
                break
        up = unit(upwards)
        return cls(numpy.asarray(origin, float), numpy.cross(up, normal), up, normal)

    @property
    def axes(self):
        """Right, up and normal as rows (3, 3)."""
        return numpy.array([self.right, self.up, self.normal])

    def local(self, points):
        """Return points (n, 3) LPS as (right, up, height)."""
        return (numpy.asarray(points, float) - self.origin) @ self.axes.T

    def lps(self, points):
        """Return points (n, 3) of the frame in LPS."""
        return numpy.asarray(points, float) @ self.axes + self.origin

    def turned(self, degrees, center=(0.0, 0.0)):
        """Return the frame turned counter-clockwise as seen by the viewer, its origin moved along right and up."""
        cosine, sine = numpy.cos(numpy.radians(degrees)), numpy.sin(numpy.radians(degrees))
        origin = self.origin + center[0] * self.right + center[1] * self.up
        right = cosine * self.right + sine * self.up
        return Frame(origin, right, numpy.cross(self.normal, right), self.normal)


@dataclasses.dataclass(frozen=True, eq=False)
class View:
    """What a viewer sees who looks against a frame's normal, on a grid: nan where that is nothing.

    :param heightsMm: (n, m) over the frame's origin, first axis along right, second along up; the origin in the middle
    :param thicknessMm: (n, m) from there down to where the part ends
    :param steepness: (n, m) cosine between the surface's normal and the frame's
    """

    stepMm: float
    heightsMm: numpy.ndarray
    thicknessMm: numpy.ndarray
    steepness: numpy.ndarray


def viewOf(mesh, frame, halfWidthMm, halfHeightMm=None, stepMm=None):
    """Return the :class:`View` of a closed mesh about a frame's origin."""
    halfHeightMm = halfWidthMm if halfHeightMm is None else halfHeightMm
    stepMm = stepMm or float(numpy.clip(2 * halfWidthMm / _MOST_STEPS, _FINEST_MM, _COARSEST_MM))
    shape = tuple(2 * int(half / stepMm) + 1 for half in (halfWidthMm, halfHeightMm))
    reachMm = numpy.array(shape) / 2 * stepMm
    near = within(mesh, frame, -reachMm, reachMm)
    points = frame.local(near.points)
    # In steps from the first ray. Rays that run exactly through an edge would meet two triangles or none.
    points[:, :2] = points[:, :2] / stepMm + (numpy.array(shape) - 1) / 2 + (1.7e-4, 2.3e-4)
    corners = points[near.triangles]
    normals = numpy.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    # The grid is in steps, heights are in mm.
    normals *= (1, 1, stepMm)
    cosines = normals[:, 2] / numpy.maximum(numpy.linalg.norm(normals, axis=1), 1e-30)
    front, steepness = _highest(corners[cosines > 0], cosines[cosines > 0], shape)
    back, _ = _highest(corners[cosines < 0], cosines[cosines < 0], shape)
    return View(stepMm, front, front - back, steepness)


def within(mesh, frame, low, high):
    """Return the mesh of the triangles that may touch a rectangle: not all corners lie beyond the same side of it.

    :param low: (2,) mm along the frame's right and up, ``high`` alike
    """
    sides, which = numpy.empty(len(mesh.points), numpy.uint8), numpy.empty(len(mesh.triangles), bool)
    sidesOf(mesh.points, frame.origin, frame.axes, numpy.asarray(low, float), numpy.asarray(high, float), sides)
    notBeyond(mesh.triangles, sides, which)
    return mesh.kept(which)


def _highest(corners, values, shape):
    """Return the highest point of triangles at each place of a grid, and the value of the triangle there; else nan.

    :param corners: (n, 3, 3), x and y in steps of the grid
    :param values: (n,)
    """
    heights, chosen = numpy.full((2, shape[0] * shape[1]), numpy.nan)
    low = numpy.maximum(numpy.ceil(corners[..., :2].min(1)), 0).astype(int)
    high = numpy.minimum(numpy.floor(corners[..., :2].max(1)), numpy.array(shape) - 1).astype(int)
    sizes = numpy.maximum(high - low + 1, 0)
    ends = sizes.prod(1).cumsum()
    start = 0
    while start < len(corners):
        end = max(start + 1, int(numpy.searchsorted(ends, (ends[start - 1] if start else 0) + _PAIRS)))
        chunk = slice(start, end)
        places, owners, hits = _hits(corners[chunk], low[chunk], sizes[chunk], shape)
        order = hits.argsort(kind="stable")
        places, owners, hits = places[order], owners[order], hits[order]
        higher = ~(heights[places] >= hits)
        # Of several for one place the last counts: the highest.
        heights[places[higher]] = hits[higher]
        chosen[places[higher]] = values[chunk][owners[higher]]
        start = end
    return heights.reshape(shape), chosen.reshape(shape)


def _hits(corners, low, sizes, shape):
    """Return where on a grid triangles lie: the place's number, the triangle's, and the height there, each (k,)."""
    counts = sizes.prod(1)
    owners = numpy.repeat(numpy.arange(len(corners)), counts)
    inBox = numpy.arange(len(owners)) - numpy.repeat(counts.cumsum() - counts, counts)
    spots = numpy.stack(numpy.divmod(inBox, sizes[owners, 1]), 1) + low[owners]
    first, second, third = (corners[:, corner] for corner in range(3))
    one, other = (second - first)[owners], (third - first)[owners]
    offset = spots - first[owners, :2]
    area = one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]
    share = (offset[:, 0] * other[:, 1] - offset[:, 1] * other[:, 0]) / area
    otherShare = (one[:, 0] * offset[:, 1] - one[:, 1] * offset[:, 0]) / area
    inside = (share >= 0) & (otherShare >= 0) & (share + otherShare <= 1)
    hits = first[owners, 2] + share * one[:, 2] + otherShare * other[:, 2]
    return (spots[:, 0] * shape[1] + spots[:, 1])[inside], owners[inside], hits[inside]
