"""Implicit solids: signed distances in millimetres (negative inside), evaluated only near each solid."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

farMm = np.float32(60.0)
Point = Sequence[float]


@dataclass(frozen=True)
class Solid:
    """One implicit solid: bounds (low, high corners, mm) and distance(x, y, z) -> mm, negative inside."""

    low: tuple[float, float, float]
    high: tuple[float, float, float]
    distance: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def grown(solid: Solid, byMm: float) -> Solid:
    """The solid with byMm added all round (taken off when negative)."""
    low, high = (tuple(np.add(corner, sign * byMm)) for corner, sign in ((solid.low, -1), (solid.high, 1)))
    return Solid(low, high, lambda x, y, z: solid.distance(x, y, z) - np.float32(byMm))


def limited(solid: Solid, limit: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]) -> Solid:
    """The part of the solid where limit(x, y, z), a distance in mm, is negative."""
    return Solid(solid.low, solid.high, lambda x, y, z: np.maximum(solid.distance(x, y, z), limit(x, y, z)))


def ellipsoid(centre: Point, radii: Point) -> Solid:
    """Axis-parallel ellipsoid; the distance is first-order exact near the surface."""
    c, r = np.asarray(centre, np.float32), np.asarray(radii, np.float32)

    def distance(x, y, z):
        squared = [((axis - c[i]) / r[i]) ** 2 for i, axis in enumerate((x, y, z))]
        k0 = np.sqrt(squared[0] + squared[1] + squared[2])
        k1 = np.sqrt(squared[0] / r[0] ** 2 + squared[1] / r[1] ** 2 + squared[2] / r[2] ** 2)
        return k0 * (k0 - 1) / np.maximum(k1, 1e-3)

    return Solid(tuple(c - r), tuple(c + r), distance)


def capsule(
    start: Point, end: Point, startRadius: float, endRadius: float | None = None, squash: Point = (1.0, 1.0, 1.0)
) -> Solid:
    """Segment with a radius that may taper; squash scales the thickness along each axis."""
    endRadius = startRadius if endRadius is None else endRadius
    s = np.asarray(squash, np.float32)
    a, b = np.asarray(start, np.float32), np.asarray(end, np.float32)
    axis = (b - a) / s
    length2 = max(float(axis @ axis), 1e-6)

    def distance(x, y, z):
        px, py, pz = (x - a[0]) / s[0], (y - a[1]) / s[1], (z - a[2]) / s[2]
        t = np.clip((px * axis[0] + py * axis[1] + pz * axis[2]) / np.float32(length2), 0, 1)
        d2 = (px - t * axis[0]) ** 2 + (py - t * axis[1]) ** 2 + (pz - t * axis[2]) ** 2
        return (np.sqrt(d2) - (startRadius + t * np.float32(endRadius - startRadius))) * s.min()

    reach = max(startRadius, endRadius) * s
    return Solid(tuple(np.minimum(a, b) - reach), tuple(np.maximum(a, b) + reach), distance)


def path(
    points: Sequence[Point], radii: float | Sequence[float], squash: Point = (1.0, 1.0, 1.0), between: int = 4
) -> Solid:
    """Rounded rod along a smooth curve through the points; radii is one value or one per point."""
    knots = np.arange(len(points))
    steps = np.linspace(0, len(points) - 1, (len(points) - 1) * between + 1)
    curve = CubicSpline(knots, np.asarray(points, float))(steps)
    radius = np.interp(steps, knots, np.broadcast_to(radii, len(points)))
    rods = [capsule(curve[i], curve[i + 1], radius[i], radius[i + 1], squash) for i in range(len(steps) - 1)]

    def distance(x, y, z):
        nearest = rods[0].distance(x, y, z)
        for rod in rods[1:]:
            np.minimum(nearest, rod.distance(x, y, z), out=nearest)
        return nearest

    return Solid(tuple(np.min([r.low for r in rods], 0)), tuple(np.max([r.high for r in rods], 0)), distance)


def box(centre: Point, halfSize: Point, roundingMm: float = 0.0) -> Solid:
    """Axis-parallel box with rounded edges, exact distance outside."""
    c, h = np.asarray(centre, np.float32), np.asarray(halfSize, np.float32) - np.float32(roundingMm)

    def distance(x, y, z):
        q = [np.abs(axis - c[i]) - h[i] for i, axis in enumerate((x, y, z))]
        outside = np.sqrt(sum(np.maximum(v, 0) ** 2 for v in q))
        return outside + np.minimum(np.maximum(np.maximum(q[0], q[1]), q[2]), 0) - np.float32(roundingMm)

    return Solid(tuple(c - h - roundingMm), tuple(c + h + roundingMm), distance)


def polylineDistance(u: np.ndarray, v: np.ndarray, points: Sequence[Sequence[float]]) -> np.ndarray:
    """Distance in the plane from every (u, v) of a broadcast grid to an open polyline."""
    best = None
    for (au, av), (bu, bv) in zip(points[:-1], points[1:], strict=True):
        du, dv = bu - au, bv - av
        t = np.clip(((u - au) * du + (v - av) * dv) / (du * du + dv * dv), 0, 1)
        d2 = (u - au - t * du) ** 2 + (v - av - t * dv) ** 2
        best = d2 if best is None else np.minimum(best, d2)
    return np.sqrt(best).astype(np.float32)


def polygonDistance(u: np.ndarray, v: np.ndarray, points: Sequence[Sequence[float]]) -> np.ndarray:
    """Signed distance in the plane (negative inside) to a closed polygon."""
    closed = [*points, points[0]]
    inside = np.zeros(np.broadcast_shapes(u.shape, v.shape), bool)
    for (au, av), (bu, bv) in zip(closed[:-1], closed[1:], strict=True):
        if av != bv:
            inside ^= ((av > v) != (bv > v)) & (u < (bu - au) * (v - av) / (bv - av) + au)
    return np.where(inside, -1, 1).astype(np.float32) * polylineDistance(u, v, closed)


def smoothMinimum(a: np.ndarray, b: np.ndarray, blendMm: float) -> np.ndarray:
    """Minimum of two distances with a rounded seam of about blendMm."""
    if blendMm <= 0:
        return np.minimum(a, b)
    h = np.maximum(blendMm - np.abs(a - b), 0)
    return np.minimum(a, b) - h * h * np.float32(0.25 / blendMm)


class Grid:
    """Voxel centres as broadcastable float32 axes; array order [slice, row, column]."""

    def __init__(self, x: np.ndarray, y: np.ndarray, z: np.ndarray):
        self.x, self.y, self.z = (np.asarray(axis, np.float32) for axis in (x, y, z))
        self.shape = (len(z), len(y), len(x))
        self.axes = (self.x[None, None, :], self.y[None, :, None], self.z[:, None, None])

    def window(self, low: Point, high: Point) -> tuple[slice, slice, slice]:
        """Index ranges [slice, row, column] of the voxels inside two corners in mm."""
        ranges = [
            slice(int(np.searchsorted(axis, a)), int(np.searchsorted(axis, b, "right")))
            for axis, a, b in zip((self.x, self.y, self.z), low, high, strict=True)
        ]
        return ranges[2], ranges[1], ranges[0]

    def within(self, where: tuple[slice, slice, slice]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The three broadcastable axes cut to a window."""
        return self.axes[0][..., where[2]], self.axes[1][:, where[1]], self.axes[2][where[0]]


class Field:
    """A distance field on a grid (mm, negative inside), built by joining and carving solids."""

    reachMm = 4.0

    def __init__(self, grid: Grid, values: np.ndarray | None = None):
        self.grid = grid
        self.values = np.full(grid.shape, farMm, np.float32) if values is None else values

    def _visit(self, solids: Solid | Iterable[Solid], blendMm: float, combine) -> Field:
        for solid in [solids] if isinstance(solids, Solid) else solids:
            margin = blendMm + self.reachMm
            where = self.grid.window(np.subtract(solid.low, margin), np.add(solid.high, margin))
            part = self.values[where]
            if part.size:
                part[...] = combine(part, solid.distance(*self.grid.within(where)))
        return self

    def join(self, solids: Solid | Iterable[Solid], blendMm: float = 0.0) -> Field:
        """Add solids, with a rounded seam of blendMm."""
        return self._visit(solids, blendMm, lambda old, new: smoothMinimum(old, new, blendMm))

    def carve(self, solids: Solid | Iterable[Solid], blendMm: float = 0.0) -> Field:
        """Take solids away."""
        return self._visit(solids, blendMm, lambda old, new: -smoothMinimum(-old, new, blendMm))
