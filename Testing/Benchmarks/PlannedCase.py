"""A case with a plan of a plate, a screw and landmarks around a part, as the whole package is timed on."""

import numpy
import vtk

from ORExportLib.Content import partFiles
from PlanningHubLib.Consent import recordConsent
from PlanningHubLib.Planning import Plan
from PlanningHubLib.Planning.Context import Context
from PlanningHubLib.Planning.Document import newDocument
from PlanningHubLib.Planning.Objects import Solid
from PlanningHubLib.Shapes.Mesh import Mesh

# Of the part's bounds, so that the plate is a plate and lies where the part is.
PLATE_SHARE = (0.35, 0.05, 0.35)
CONSENT_DAY = "2026-01-31"


def planThePart(case, session):
    """Give a case a plan and the part that it has already, of the segment, as one that belongs to that plan."""
    made = case.latest("part")
    stl, threeMf = (partFiles(case, made, suffix)[0] for suffix in (".stl", ".3mf"))
    name = made.facts.get("object", {"name": "Bone"})["name"]
    recordConsent(case, "treatment", CONSENT_DAY, "benchmark")
    low, high = boundsRas(stl)
    carried = Plan.carryOut({**newDocument("Plate of the benchmark"), "steps": steps(low, high)}, _context(case))
    plate = Solid("Plate", plateRas(low, high), role="implant", modified=True, color=(0.2, 0.4, 0.9))
    carried.objects[plate.name] = plate
    plan = Plan.keepPlan(case, session, carried)
    with case.staging("part", made.id) as stage:
        for path in (stl, threeMf):
            (stage.folder / path.name).write_bytes(path.read_bytes())
        flags = {"role": "anatomy", "mirrored": False, "modified": False, "moved": False}
        facts = {key: made.facts[key] for key in ("volumeMl", "triangles") if key in made.facts}
        stage.commit(
            parents=[plan], parameters=made.parameters, facts={**facts, "object": {"name": name, **flags}},
            title="Printable part",
        )  # fmt: skip


def _context(case):
    return Context((1, 1, 1), numpy.eye(4), side=case.side, madeFrom=case.require("segmentation").content)


def boundsRas(stl):
    """Return the lowest and highest RAS coordinates of an STL in LPS mm."""
    reader = vtk.vtkSTLReader()
    reader.SetFileName(str(stl))
    reader.Update()
    bounds = numpy.reshape(reader.GetOutput().GetBounds(), (3, 2)) * [[-1], [-1], [1]]
    return bounds.min(1), bounds.max(1)


def steps(low, high):
    """Return a screw, a trajectory's axis, landmarks and a cutting plane's place within bounds in RAS mm."""
    middle, half = (low + high) / 2, (high - low) / 2

    def place(*shares):
        return [round(float(value), 3) for value in middle + half * shares]

    return [
        {"do": "line", "name": "Screw", "start": place(0.1, 0.9, 0.1), "end": place(0.1, 0.6, 0.4)},
        {"do": "line", "name": "Approach", "start": place(0.5, 0.9, 0.5), "end": place(0.0, 0.0, 0.0)},
        {"do": "points", "name": "Landmarks", "points": [place(0.5, 0.5, 0.2), place(-0.5, 0.5, 0.2)]},
    ]


def plateRas(low, high):
    """Return an ellipsoid of 19 thousand triangles before the part, RAS mm."""
    sphere = vtk.vtkSphereSource()
    sphere.SetRadius(1.0)
    sphere.SetThetaResolution(98)
    sphere.SetPhiResolution(98)
    sphere.Update()
    unit, half = Mesh.fromPolyData(sphere.GetOutput()), (high - low) / 2
    points = unit.points * (half * PLATE_SHARE) + (low + high) / 2 + half * (0.1, 0.8, 0.2)
    return Mesh.fromArrays(points, unit.triangles)
