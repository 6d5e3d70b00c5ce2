"""Bodies of a plan, and a package's content with them, without a case."""

import types

import numpy
import slicer
from SmallSeries import asymmetricMask

from ORExportLib.Content import Body
from PlanningHubLib import Segments
from PlanningHubLib.Planning.Objects import Curve, Line, Placement, Plane, Points
from PlanningHubLib.Shapes import Surface

CASE_NAME = "PH-TEST2345-0001"
# Oblique, as a scan may lie: (column, row, slice) to RAS mm.
MATRIX = numpy.array([[-0.9, 0.2, 0.1, 40], [-0.2, -0.95, 0.3, -25.5], [0.1, 0.3, 1.4, -310.25], [0, 0, 0, 1]])
# A quarter of a turn about the long axis, and a shift; LPS mm.
MOTION_LPS = numpy.array([[0.0, -1, 0, 5], [1, 0, 0, -3], [0, 0, 1, 12], [0, 0, 0, 1]])


def aMesh(shiftMm=(0, 0, 0)):
    """An asymmetric solid, LPS mm."""
    mesh = Surface.maskSurface(asymmetricMask(), MATRIX).mesh.rasLpsSwapped()
    return type(mesh).fromArrays(mesh.points + numpy.float32(shiftMm), mesh.triangles)


def aBody(name, shiftMm=(0, 0, 0), **values):
    return Body(name, "solid", aMesh(shiftMm), **{"color": (0.9, 0.8, 0.6), **values})


def someBodies():
    return [
        aBody("Mandible", opacity=0.4, role="anatomy"),
        aBody("Ramus left", (60, 0, 0), role="fragment", color=(0.2, 0.6, 0.3), moved=True, modified=True,
              matrixLps=MOTION_LPS, stepName="Advance"),
        aBody("Plate 7/8 «Ø»", (0, 60, 0), role="implant", color=(0.1, 0.2, 0.8), mirrored=True, stepName="Plate"),
    ]  # fmt: skip


def someObjects():
    """Points, a line, a plane, curves and a motion, RAS mm, by their names."""
    things = [
        Points("Landmarks", numpy.array([[10.0, 20, 30], [-5, 6, 7]]), ("Nasion", "Sella")),
        Line("Screw 1", numpy.array([1.0, 2, 3]), numpy.array([11.0, 2, 3])),
        Plane("Osteotomy", numpy.array([1.0, 2, 3]), numpy.array([0.0, 0.6, 0.8]), 50.0),
        Curve("Margin", numpy.array([[0.0, 0, 0], [10, 0, 0], [10, 10, 5]]), True),
        Placement("Advance by 5", numpy.diag([1.0, 1, 1, 1]) + numpy.eye(4, k=3) * 5),
    ]
    return {thing.name: thing for thing in things}


def aSegmentation(session):
    """A segmentation node of the same solid, RAS."""
    node = Segments.addSegmentation(session, None, "Scan")
    matrix = slicer.util.vtkMatrixFromArray(MATRIX)
    Segments.addSegment(node, asymmetricMask(), matrix, "Bone", Segments.BONE_TERMINOLOGY, Segments.BONE_COLOR)
    return node


def aContent(bodies=None, approved=False, side="left", **more):
    """What the writers of models ask a package's content for."""
    first = types.SimpleNamespace(SeriesInstanceUID="1.2.3.4", StudyInstanceUID="1.2.3")
    making = types.SimpleNamespace(isApproved=approved, caseName=CASE_NAME)
    values = {
        "case": types.SimpleNamespace(name=CASE_NAME, procedure="Orthognathic surgery"), "making": making,
        "side": side, "intendedUse": "planning", "bodies": tuple(bodies or someBodies()), "objects": someObjects(),
        "source": types.SimpleNamespace(first=first, frameOfReferenceUid="1.2.3.5"),
    }  # fmt: skip
    return types.SimpleNamespace(**{**values, **more})
