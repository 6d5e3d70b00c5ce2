"""The way in and out of manifold3d, the kernel that only knows closed, oriented 2-manifolds."""

import numpy

from ..Errors import InputRefused
from .Checks import requirePrintable
from .Mesh import Mesh, hasDoubles, weldedIndex

_INDEX = numpy.uint32
# Far above the digits of single precision and of the 3MF, far below any printer.
APART_MM = 0.002


def toManifold(mesh):
    """Return a manifold3d.Manifold of a mesh; corners that only touch are taken apart.

    :raises InputRefused: ``not-manifold``, saying why
    """
    import manifold3d

    manifold = manifold3d.Manifold(manifold3d.Mesh(numpy.ascontiguousarray(mesh.points), mesh.triangles.astype(_INDEX)))
    status = manifold.status()
    if status != manifold3d.Error.NoError or manifold.is_empty():
        reason = "nothing is left of it" if status == manifold3d.Error.NoError else status.name
        raise InputRefused(
            "not-manifold",
            f"The surface does not enclose a solid ({reason}).",
            "Segment again, or close and smooth the segment, so that no two parts touch in an edge only.",
        )
    return manifold


def fromManifold(manifold):
    """Return the mesh of a manifold3d.Manifold."""
    mesh = manifold.to_mesh()
    # Copies: manifold3d's own arrays are read-only, and it does not take these back.
    return Mesh.fromArrays(mesh.vert_properties[:, :3].copy(), mesh.tri_verts.astype(numpy.int32))


def asSolid(mesh):
    """Return the mesh as manifold3d's closed solid, which also stays one where equal points are welded.

    manifold3d takes apart what touches; STL has no indices, and its readers would weld it again. So what touches is
    also moved apart, by micrometers and inwards.

    :raises InputRefused: ``not-manifold`` and the codes of :func:`PlanningHubLib.Shapes.Checks.meshFindings`
    """
    return weldProof(fromManifold(toManifold(mesh)))


def weldProof(mesh):
    """Return a solid's mesh as one that also stays a solid where equal points are welded, as for :func:`asSolid`.

    :raises InputRefused: the codes of :func:`PlanningHubLib.Shapes.Checks.meshFindings`
    """
    if not hasDoubles(mesh.points):
        return mesh
    index = weldedIndex(mesh.points)
    doubles = numpy.bincount(index)[index] > 1
    apart = _movedInwards(mesh, doubles)
    requirePrintable(apart)
    return apart


def _movedInwards(mesh, which):
    triangles = mesh.triangles[which[mesh.triangles].any(1)]
    weights = numpy.zeros(mesh.points.shape)
    first, second, third = (mesh.points[triangles[:, corner]].astype(numpy.float64) for corner in range(3))
    for corner in range(3):
        numpy.add.at(weights, triangles[:, corner], numpy.cross(second - first, third - first))
    lengths = numpy.linalg.norm(weights, axis=1, keepdims=True)
    inwards = -weights / numpy.where(lengths > 0, lengths, 1)
    return Mesh.fromArrays(numpy.where(which[:, None], mesh.points + APART_MM * inwards, mesh.points), mesh.triangles)
