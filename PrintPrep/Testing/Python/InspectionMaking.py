"""Cases with a part of known shape, and scans of it, for the tests of inspection and papers."""

import numpy
from PartMaking import ballMask
from scipy.spatial.transform import Rotation
from test_Part import addSegmentation

from PlanningHubLib.Planning import Plan
from PlanningHubLib.Planning.Document import checked, newDocument
from PlanningHubLib.Planning.Objects import Solid
from PlanningHubLib.Shapes.Manifolds import fromManifold
from PlanningHubLib.Shapes.Mesh import Mesh
from PrintPrepLib import Part
from PrintPrepLib.Formats import Writers
from PrintPrepLib.Recipe import newRecipe

HOLE_MM, LENGTH_MM = 6.0, 60.0
PAPERS = {"profile": "Generic SLA", "material": "Surgical Guide", "use": "guide", "contact": "tissue-or-bone"}


def bracketMesh(lengthMm=LENGTH_MM):
    """A bracket like no mirror image of itself: an L of three arms with a hole of 6 mm through the longest; mm."""
    import manifold3d

    cube = manifold3d.Manifold.cube
    body = cube((lengthMm, 20, 8)) + cube((12, 20, 30)) + cube((12, 40, 8)) + cube((8, 6, 18)).translate((40, 0, 0))
    hole = manifold3d.Manifold.cylinder(20, HOLE_MM / 2, circular_segments=128).translate((25, 10, -5))
    return fromManifold(body - hole)


def partCase(case, session, mesh=None, name="Bracket", **recipe):
    """Keep a plan of one guide and its part; return the part. RAS here is LPS in the part's files."""
    if case.latest("segmentation") is None:
        addSegmentation(case, session, ballMask(), numpy.eye(4))
    solids = getattr(case, "testSolids", {})
    solids[name] = Solid(name, (bracketMesh() if mesh is None else mesh).rasLpsSwapped(), role="guide", modified=True)
    case.testSolids = solids
    Plan.keepPlan(case, session, Plan.Carried(checked(newDocument("plan")), dict(solids), {}))
    return Part.makePart(case, session, newRecipe(name, **{"toleranceMm": 0.25, **recipe}))


def fine(mesh, edgeMm=1.0):
    """Return a mesh in triangles as small as a scanner's."""
    import manifold3d

    solid = manifold3d.Manifold(manifold3d.Mesh(mesh.points, mesh.triangles.astype(numpy.uint32)))
    return fromManifold(solid.refine_to_length(edgeMm))


def scanned(mesh, noiseMm=0.05, turnDegrees=(140, -35, 70), shiftMm=(120, -40, 333), seed=1):
    """Return what a scanner makes of a part: turned, moved, noisy along each axis."""
    random = numpy.random.default_rng(seed)
    turn = Rotation.from_euler("xyz", turnDegrees, degrees=True).as_matrix()
    points = mesh.points + random.normal(0, noiseMm / numpy.sqrt(3), mesh.points.shape)
    return Mesh.fromArrays(points @ turn.T + shiftMm, mesh.triangles)


def writeScan(path, mesh, scale=1.0):
    Writers.writeStl(path, Mesh.fromArrays(mesh.points * scale, mesh.triangles), Writers.PartLabel("s", "s", "s"))
    return path
