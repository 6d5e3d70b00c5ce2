"""Solids to put labels on, and measuring what stands on them without the code that put it there."""

import numpy

from PlanningHubLib.Shapes.Manifolds import fromManifold
from PlanningHubLib.Shapes.Mesh import Mesh
from PrintPrepLib.Marking.Views import Frame
from PrintPrepLib.PartSteps import steps
from PrintPrepLib.PartWork import PartIdentity, PartWork, Piece
from PrintPrepLib.Recipe import newRecipe
from PrintPrepLib.Shape import Shape

TEXT = "PH-7K2M9QXA-4T0B LEFT PART-1.2"
IDENTITY = PartIdentity("PH-7K2M9QXA-4T0B", "Plate", "part-1.2", "left", "0123456789abcdef" * 4)


def box(*sizeMm):
    import manifold3d

    return fromManifold(manifold3d.Manifold.cube(sizeMm, True))


def cylinder(lengthMm, radiusMm):
    import manifold3d

    return fromManifold(manifold3d.Manifold.cylinder(lengthMm, radiusMm, circular_segments=256, center=True))


def sphere(radiusMm):
    import manifold3d

    return fromManifold(manifold3d.Manifold.sphere(radiusMm, 256))


def workOn(mesh, role="anatomy", identity=IDENTITY, **more):
    flags = {"role": role, "mirrored": False, "modified": False, "moved": False}
    shape = Shape("Plate", mesh, flags, (), mesh.volumeMl, **more)
    return PartWork(shape, identity, None, surface=mesh, pieces=[Piece("", mesh)])


def carriedOut(work, **step):
    """Carry out one step as a recipe would, every default filled in; return what it says of its last label."""
    values = dict(newRecipe(steps=[step])["steps"][0])
    steps()[values.pop("do")].run(values, work, lambda fraction, text: None)
    return work.facts["label"][-1]


def frameOf(entry):
    return Frame.facing(entry["centerLps"], entry["normalLps"], entry["upLps"])


def codesOf(work):
    return [finding.code for finding in work.findings]


def mirrored(mesh):
    """A mesh mirrored from left to right, its triangles facing outwards."""
    return Mesh.fromArrays(mesh.points * (-1, 1, 1), mesh.triangles[:, ::-1])


def mirroredFrame(frame):
    """Where whoever looks at a mirrored mesh sees what stood at a frame, with the same side up."""
    flip = numpy.array([-1.0, 1.0, 1.0])
    return Frame.facing(frame.origin * flip, frame.normal * flip, frame.up * flip)


def profileAlong(mesh, frame, right, ups):
    """Heights in mm over a frame's origin of the first thing seen at places of the frame; by trimesh and embree."""
    import trimesh

    seen = trimesh.Trimesh(mesh.points, mesh.triangles, process=False)
    places = frame.lps([(right, up, 200.0) for up in ups])
    rays = numpy.repeat(-frame.normal[None], len(places), 0)
    found, owners, _triangles = seen.ray.intersects_location(places, rays, multiple_hits=False)
    heights = numpy.full(len(ups), numpy.nan)
    heights[owners] = frame.local(found)[:, 2]
    return heights
