"""What a blade takes away: along a plane, or along a curve through a depth. All in RAS mm."""

import numpy

from ..Errors import InputRefused
from .Curves import curvePoints
from .Objects import Plane
from .Solids import axesAlong, boxAbout, framed, unit

THINNEST_MM = 0.05
# Of a post at each end of a piece of a curve; two of its corners span the blade's width.
_POST_CORNERS = 16
_DISK_SEGMENTS = 128
_PARALLEL = 1e-6


def bladeOf(cutter, kerfMm, low, high, bounded=False, depthMm=0.0, direction=(0, 0, 0)):
    """Return the manifold of the space that a blade takes.

    :param cutter: :class:`Plane` or :class:`Curve`
    :param kerfMm: thickness of the blade, half of it to each side
    :param low: lowest corner (3,) of what is cut, and ``high`` its highest: how far an unbounded plane has to reach
    :param bounded: a plane reaches half its size from its origin only
    :param depthMm: how far the blade reaches to both sides of a curve
    :param direction: of the blade along a curve; without length, the normal of the curve's own plane
    :raises InputRefused: ``no-kerf``, ``no-direction``
    """
    if kerfMm < THINNEST_MM:
        raise InputRefused(
            "no-kerf", f"A cut along {cutter.name} needs a blade of {THINNEST_MM} mm at least.", "Give a kerf."
        )
    if not isinstance(cutter, Plane):
        return _alongCurve(cutter, kerfMm, depthMm, _directionOf(cutter, direction))
    return _disk(cutter, kerfMm) if bounded else slab(cutter, kerfMm, low, high)


def slab(plane, thicknessMm, low, high):
    """Return the manifold of all within half a thickness of a plane that may meet the box of two corners."""
    reachMm = float(numpy.linalg.norm(numpy.maximum(abs(high - plane.originRas), abs(low - plane.originRas)))) + 1.0
    size = numpy.array([reachMm, reachMm, thicknessMm / 2])
    return framed(boxAbout(-size, size), plane.originRas, axesAlong(plane.normalRas))


def _disk(plane, thicknessMm):
    import manifold3d

    disk = manifold3d.Manifold.cylinder(thicknessMm, plane.sizeMm / 2, circular_segments=_DISK_SEGMENTS, center=True)
    return framed(disk, plane.originRas, axesAlong(plane.normalRas))


def _directionOf(curve, direction):
    if numpy.linalg.norm(direction) > 0:
        return unit(direction)
    offsets = curve.pointsRas - curve.pointsRas.mean(0)
    sizes, axes = numpy.linalg.svd(offsets, full_matrices=True)[1:]
    if len(sizes) < 2 or sizes[1] < 1e-3 * sizes[0]:
        raise InputRefused(
            "no-direction", f"{curve.name} is straight: it has no plane of its own.", "Give the blade's direction."
        )
    return axes[2]


def _alongCurve(curve, kerfMm, depthMm, direction):
    import manifold3d

    points = curvePoints(curve)
    hulls = [
        manifold3d.Manifold.hull_points(_ofSegment(start, end, kerfMm / 2, depthMm, direction))
        for start, end in zip(points[:-1], points[1:], strict=True)
        if numpy.linalg.norm(end - start) > _PARALLEL
    ]
    return manifold3d.Manifold.batch_boolean(hulls, manifold3d.OpType.Add)


def _ofSegment(start, end, halfKerfMm, depthMm, direction):
    """Return the corners (n, 3) of two round posts, one at each end of a segment."""
    across = numpy.cross(direction, end - start)
    across = unit(across) if numpy.linalg.norm(across) > _PARALLEL else axesAlong(direction)[0]
    along = numpy.cross(across, direction)
    angles = 2 * numpy.pi * numpy.arange(_POST_CORNERS)[:, None] / _POST_CORNERS
    ring = halfKerfMm * (numpy.cos(angles) * across + numpy.sin(angles) * along)
    ends = [point + sign * depthMm * direction for point in (start, end) for sign in (-1, 1)]
    return numpy.concatenate([ring + end for end in ends])
