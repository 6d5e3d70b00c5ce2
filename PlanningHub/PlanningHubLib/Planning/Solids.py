"""Solids for the kernel and back: pieces with their cavities, what is made of what, and exact distances, all RAS mm."""

import numpy

from ..Errors import InputRefused
from ..Shapes.Manifolds import fromManifold, toManifold, weldProof
from ..Shapes.Mesh import MM3_PER_ML
from ..Shapes.Shells import shellVolumesMm3, withoutSpecks
from .Objects import Solid

# A triangle of less area may lose it in the single precision of files.
NEEDLE_MM2, SIMPLIFIED_MM = 1e-9, 1e-4
# A ball of this volume is 0.6 mm thick.
FILM_MM3 = 0.1


def manifoldOf(solid):
    """Return the manifold3d.Manifold of a :class:`Solid`.

    :raises InputRefused: ``not-manifold``, naming the solid
    """
    try:
        return toManifold(solid.mesh)
    except InputRefused as error:
        raise InputRefused(error.code, f"{solid.name}: {error.message}", error.action) from error


def meshOf(manifold):
    """Return the mesh of what the kernel made, as a solid also where its equal points are welded.

    :raises InputRefused: ``nothing-left``, and the codes of :func:`PlanningHubLib.Shapes.Checks.meshFindings`
    """
    return weldProof(roughMeshOf(manifold))


def roughMeshOf(manifold):
    """Return the mesh of what the kernel made, without needles; pieces of it may still touch.

    :raises InputRefused: ``nothing-left``
    """
    # Where two surfaces ran along each other, films without thickness stay between them.
    mesh = withoutSpecks(fromManifold(manifold), FILM_MM3)[0]
    if not len(mesh.triangles):
        raise nothingLeft()
    if (mesh.areasMm2() < NEEDLE_MM2).any():
        # Points that the kernel's double precision tells apart fall together; taken back as they are, it joins them.
        mesh = fromManifold(toManifold(mesh).simplify(SIMPLIFIED_MM))
    return mesh


def nothingLeft():
    """Return the error of an operation that leaves nothing."""
    return InputRefused("nothing-left", "Nothing is left of it.", "Check where the objects lie.")


def derived(name, mesh, sources, role, color=None, modified=True, moved=False):
    """Return the :class:`Solid` that was made of others; what holds for one of them holds for it.

    :param sources: solids that it was made of; the first gives the color
    """
    return Solid(
        name,
        mesh,
        role=role,
        mirrored=any(source.mirrored for source in sources),
        modified=modified or any(source.modified for source in sources),
        moved=moved or any(source.moved for source in sources),
        color=tuple(color or sources[0].color),
    )


def pieces(mesh, smallestMl=0.0):
    """Return the separate pieces of a solid, each with the cavities inside it, the largest first.

    :param smallestMl: pieces below are left out
    :returns: list of :class:`Mesh`, and the volumes (n,) in ml of those left out
    """
    volumesMm3, labels = shellVolumesMm3(mesh)
    homes = _homes(mesh, volumesMm3, labels)
    pieceMl = numpy.bincount(homes, volumesMm3, minlength=len(volumesMm3)) / MM3_PER_ML
    shells = numpy.flatnonzero(volumesMm3 > 0)
    large = shells[pieceMl[shells] >= smallestMl]
    owners = homes[labels]
    found = [mesh.kept(owners == shell) for shell in large[numpy.argsort(-pieceMl[large], kind="stable")]]
    return found, pieceMl[shells[pieceMl[shells] < smallestMl]]


def _homes(mesh, volumesMm3, labels):
    """Return for each shell the shell (n,) that it belongs to: a cavity to the smallest piece around it."""
    homes = numpy.arange(len(volumesMm3))
    cavities = numpy.flatnonzero(volumesMm3 <= 0)
    if not len(cavities):
        return homes
    low, high, some = _bounds(mesh, labels)
    outer = volumesMm3 > 0
    for cavity in cavities:
        around = numpy.flatnonzero(outer & (low <= low[cavity]).all(1) & (high >= high[cavity]).all(1))
        smallestFirst = around[numpy.argsort(volumesMm3[around])]
        inside = (shell for shell in smallestFirst[:-1] if isInside(mesh.kept(labels == shell), some[cavity]))
        homes[cavity] = next(inside, smallestFirst[-1] if len(smallestFirst) else cavity)
    return homes


def _bounds(mesh, labels):
    """Return each shell's lowest and highest corner and one of its points, three (n, 3)."""
    order = numpy.argsort(labels, kind="stable")
    starts = numpy.searchsorted(labels[order], numpy.arange(labels.max() + 1))
    corners = mesh.points[mesh.triangles[order]]
    return (
        numpy.minimum.reduceat(corners.min(1), starts),
        numpy.maximum.reduceat(corners.max(1), starts),
        corners[starts, 0],
    )


def isInside(mesh, point):
    """Tell whether a point (3,) lies inside a closed mesh."""
    return float(signedDistancesMm(mesh, [point])[0]) < 0


def signedDistancesMm(mesh, points):
    """Return the exact distance (n,) of points to a closed mesh, negative inside."""
    return nearestOn(mesh, points)[0]


def nearestOn(mesh, points):
    """Return the signed distances (n,) of points to a closed mesh, its nearest points and its normals there (n, 3)."""
    import igl

    points = numpy.ascontiguousarray(points, numpy.float64).reshape(-1, 3)
    arrays = mesh.points.astype(numpy.float64), mesh.triangles.astype(numpy.int64)
    squared, triangles, nearest = igl.point_mesh_squared_distance(points, *arrays)
    # The side by winding: needles where surfaces met have no normal that it could be taken from.
    outside = numpy.asarray(igl.fast_winding_number(*arrays, points)).reshape(-1) < 0.5
    return numpy.sqrt(squared) * numpy.where(outside, 1, -1), nearest, mesh.normals()[triangles]


def boxAbout(low, high):
    """Return the manifold of a box between two corners (3,)."""
    import manifold3d

    size = numpy.asarray(high, float) - low
    return manifold3d.Manifold.cube(tuple(size.tolist())).translate(tuple(numpy.asarray(low, float).tolist()))


def within(manifold, points, marginMm):
    """Return the part of a manifold in the box about points (n, 3) and a margin; it may be empty."""
    points = numpy.asarray(points, float)
    return manifold ^ boxAbout(points.min(0) - marginMm, points.max(0) + marginMm)


def framed(manifold, origin, axes):
    """Return a manifold that was made in a frame of its own.

    :param origin: (3,) RAS mm of the frame's zero
    :param axes: (3, 3), its x, y and z as rows; of length 1, right-handed
    """
    return manifold.transform(numpy.c_[numpy.asarray(axes, float).T, numpy.asarray(origin, float)])


def axesAlong(direction, towards=(0.0, 0.0, 1.0)):
    """Return right-handed axes (3, 3) as rows, z along a direction, y as far as can be towards another."""
    z = unit(direction)
    for candidate in (towards, (0, 1, 0), (1, 0, 0)):
        y = numpy.asarray(candidate, float) - numpy.dot(candidate, z) * z
        if numpy.linalg.norm(y) > 0.1 * numpy.linalg.norm(candidate):
            break
    y = unit(y)
    return numpy.array([numpy.cross(y, z), y, z])


def unit(vector):
    """Return a vector (3,) of length 1."""
    vector = numpy.asarray(vector, float)
    return vector / numpy.linalg.norm(vector)


def cylinder(start, end, radiusMm, segments=64):
    """Return the manifold of a cylinder from a point to another, its flat sides touching the true one from outside."""
    import manifold3d

    lengthMm = float(numpy.linalg.norm(numpy.subtract(end, start)))
    circumscribedMm = radiusMm / float(numpy.cos(numpy.pi / segments))
    return framed(
        manifold3d.Manifold.cylinder(lengthMm, circumscribedMm, circular_segments=segments),
        start,
        axesAlong(numpy.subtract(end, start)),
    )
