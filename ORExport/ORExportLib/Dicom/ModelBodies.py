"""Which surfaces of a case are DICOM models, and how fine.

The pieces of the parts are, byte for byte as they are made. So are the solids that the plan makes and that are no
anatomy, and the segments, where no part is made of them; these are for looking at, and made of no more than
``MOST_TRIANGLES``, so that a package of a whole skull stays small. The voxels are in the segmentation as they are.
"""

import dataclasses
import weakref

import numpy

from PlanningHubLib.Requirements import interruptsHeld

from ..PlanFiles import partOf

MOST_TRIANGLES = 100_000
# Of all bodies of an assembly together; each of them may have the smallest number.
MOST_OF_ASSEMBLY, LEAST_OF_BODY = 300_000, 20_000
# What no picture of a surface goes beyond; of each mesh, for as long as there is the mesh.
FINEST, _FINE = 300_000, weakref.WeakKeyDictionary()
SEGMENT = "segment"
ANATOMY = "anatomy"


def modelBodies(content):
    """Return the bodies that are models: the pieces, and the other :class:`ORExportLib.Content.Body`."""
    pieces = [body for body in content.bodies if body.part is not None]
    made = {partOf(body.part)["object"] for body in pieces}
    others = [
        body
        for body in content.bodies
        if body.part is None and body.name not in made and (body.origin == SEGMENT or body.role != ANATOMY)
    ]
    return pieces, [body for body in others if len(body.mesh.triangles)]


def coarse(mesh, mostTriangles=MOST_TRIANGLES):
    """Return a mesh of no more than so many triangles; the same mesh where it has no more."""
    if len(mesh.triangles) <= mostTriangles:
        return mesh
    return _simplified(_fine(mesh) if mostTriangles <= FINEST else mesh, mostTriangles)


def _fine(mesh):
    """A large mesh as fine as any picture of it: made once for all of them, as that takes longest."""
    if len(mesh.triangles) <= FINEST:
        return mesh
    if mesh not in _FINE:
        _FINE[mesh] = _simplified(mesh, FINEST)
    return _FINE[mesh]


def _simplified(mesh, mostTriangles):
    if len(mesh.triangles) <= mostTriangles:
        return mesh
    with interruptsHeld():
        import fast_simplification

    points, triangles = fast_simplification.simplify(
        mesh.points, mesh.triangles, target_count=int(mostTriangles), agg=5
    )
    return dataclasses.replace(
        mesh, points=numpy.ascontiguousarray(points, numpy.float32),
        triangles=numpy.ascontiguousarray(triangles, numpy.int32),
    )  # fmt: skip


def assemblyLimit(bodies):
    """Return how many triangles each of the bodies of an assembly may have."""
    return max(LEAST_OF_BODY, MOST_OF_ASSEMBLY // max(1, len(bodies)))
