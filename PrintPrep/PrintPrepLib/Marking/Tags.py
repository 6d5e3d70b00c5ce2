"""A tag on a sprue: a small plate beside a part, with what does not fit on the part, on a neck that breaks. LPS mm."""

import dataclasses

import numpy
from scipy.spatial import cKDTree

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Planning.Solids import axesAlong, cylinder, framed, unit

from .Faces import OUTWARDS_DEGREES, surfaceSamples
from .Views import Frame, viewOf

# Site defaults, no source.
NECK_MM, NECK_RADIUS_MM, FOOT_RADIUS_MM = 4.0, 1.5, 0.75
EDGE_MM, LEAST_PLATE_MM = 2.0, 2.5
_SUNK_MM, _APART_MM = 1.0, 1.0
_SAMPLES, _SEEDS, _SPINS, _CHECKED = 4000, 80, 8, 12


@dataclasses.dataclass(frozen=True, eq=False)
class Tag:
    """A tag's place: ``frame`` on the middle of its face, where its neck stands on the part, and its solid."""

    frame: Frame
    footLps: numpy.ndarray
    solid: object


def tagFor(mesh, solid, sizeMm, thicknessMm, outwards=None, foot=None):
    """Return the :class:`Tag` that makes the part's box grow least and touches it with its neck only.

    :param solid: the manifold3d.Manifold of the mesh
    :param sizeMm: (width, height) of what is to stand on it
    :param outwards: (3,) away from what the part fits; None: any side will do
    :param foot: (point, normal) to put it on, or None
    :raises InputRefused: ``no-place-for-tag``
    """
    plateMm = numpy.array([*(numpy.array(sizeMm) + 2 * EDGE_MM), max(thicknessMm, LEAST_PLATE_MM)])
    points, normals = surfaceSamples(mesh, _SAMPLES)
    feet = [foot] if foot else _feet(points, normals, outwards)
    points = numpy.concatenate([points, mesh.points[:: max(1, len(mesh.points) // _SAMPLES)]])
    places = sorted(_places(feet, plateMm, mesh, points), key=lambda place: place[0])
    for _growth, point, normal, axes, middle in places[:_CHECKED]:
        tag = _tag(mesh, solid, point, normal, axes, middle, plateMm)
        if tag:
            return tag
    raise InputRefused(
        "no-place-for-tag", "There is no place for a tag on the part.", "Choose a point and a direction for its neck."
    )


def _feet(points, normals, outwards):
    """Return (point, normal) of places where the surface is even enough for a neck."""
    tree, found = cKDTree(points), []
    for seed in range(0, len(points), max(1, len(points) // _SEEDS)):
        around = normals[tree.query(points[seed], 6)[1]]
        if outwards is not None and normals[seed] @ outwards < numpy.cos(numpy.radians(OUTWARDS_DEGREES)):
            continue
        if (around @ normals[seed]).min() > 0.7:
            found.append((points[seed], normals[seed]))
    return found


def _places(feet, plateMm, mesh, points):
    """Yield (mm³ of the box about all, foot, direction, plate's axes, plate's middle) where nothing is in the way."""
    low, high = numpy.array(mesh.boundsMm)
    corners = numpy.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)]) * plateMm
    for point, normal in feet:
        normal = unit(normal)
        base = axesAlong(normal)
        for spin in range(_SPINS):
            angle = 2 * numpy.pi * spin / _SPINS
            side = numpy.cos(angle) * base[0] + numpy.sin(angle) * base[1]
            # The neck meets the middle of the plate's lower edge, or of its left edge.
            for axes, lengthMm in (
                (numpy.array([side, normal, numpy.cross(side, normal)]), plateMm[1]),
                (numpy.array([normal, side, numpy.cross(normal, side)]), plateMm[0]),
            ):
                middle = point + (NECK_MM + lengthMm / 2) * normal
                if (numpy.abs((points - middle) @ axes.T) < plateMm / 2 + _APART_MM).all(1).any():
                    continue
                places = corners @ axes + middle
                size = numpy.maximum(high, places.max(0)) - numpy.minimum(low, places.min(0))
                yield float(size.prod()), point, normal, axes, middle


def _tag(mesh, solid, point, normal, axes, middle, plateMm):
    """Return a :class:`Tag`, or None where it would touch the part beside its foot."""
    import manifold3d

    wallMm = float(viewOf(mesh, Frame.facing(point, normal), 0.1, stepMm=0.1).thicknessMm[1, 1])
    if not wallMm > 0.5:
        return None
    plate = framed(manifold3d.Manifold.cube(tuple(plateMm.tolist()), True), middle, axes)
    end = point + (NECK_MM + _SUNK_MM) * normal
    foot = _cone(point - min(_SUNK_MM, wallMm / 2) * normal, end)
    above = cylinder(point + _SUNK_MM * normal, end, NECK_RADIUS_MM)
    if not ((plate + above) ^ solid).is_empty():
        return None
    frame = Frame(middle + plateMm[2] / 2 * axes[2], axes[0], axes[1], axes[2])
    return Tag(frame, point, plate + foot)


def _cone(start, end):
    """Return the neck: thinnest where it breaks off the part."""
    import manifold3d

    lengthMm = float(numpy.linalg.norm(end - start))
    cone = manifold3d.Manifold.cylinder(lengthMm, FOOT_RADIUS_MM, NECK_RADIUS_MM, circular_segments=32)
    return framed(cone, start, axesAlong(end - start))
