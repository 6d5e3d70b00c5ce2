"""Bodies of known size as fine meshes, and contexts that hold them, for the tests of what measures."""

import numpy
import vtk
from PlanMaking import boxMesh, gridMatrix

from PlanningHubLib.Planning.Context import Context
from PlanningHubLib.Planning.Objects import Solid
from PlanningHubLib.Procedures import Procedure
from PlanningHubLib.Shapes.Mesh import Mesh

# A ball of 20 mm in this many parts around lies 0.003 mm within its sphere at most.
PARTS = 200


def ballMesh(radiusMm=20.0, centerRas=(0, 0, 0), parts=PARTS):
    """Return a fine mesh whose points lie on a sphere."""
    sphere = vtk.vtkSphereSource()
    sphere.SetRadius(radiusMm)
    sphere.SetThetaResolution(parts)
    sphere.SetPhiResolution(parts)
    sphere.Update()
    mesh = Mesh.fromPolyData(sphere.GetOutput())
    return Mesh.fromArrays(mesh.points + numpy.array(centerRas), mesh.triangles)


def contextOf(meshes, riskStructures=None, coordinateSystem=None, **context):
    """Return the context of a scan of 200 mm about the RAS origin that holds solids: name → mesh."""
    procedure = None
    if riskStructures or coordinateSystem:
        values = {"riskStructures": riskStructures or []}
        if coordinateSystem:
            values["coordinateSystem"] = coordinateSystem
        procedure = Procedure("test", values, "site", "0" * 64)
    made = Context((100, 100, 100), gridMatrix((100, 100, 100), 2.0), procedure=procedure, **context)
    for name, mesh in meshes.items():
        made.add(Solid(name, mesh))
    return made


def line(name, start, end):
    return {"do": "line", "name": name, "start": list(start), "end": list(end)}


def codes(findings):
    """Return (code, severity) of each finding."""
    return [(finding.code, finding.severity) for finding in findings]


def slab(lowMm, highMm, halfMm=50):
    """Return a box across S from one height to another."""
    return boxMesh((-halfMm, -halfMm, lowMm), (halfMm, halfMm, highMm))
