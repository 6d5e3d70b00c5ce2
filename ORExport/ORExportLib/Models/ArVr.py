"""What headsets, phones and web pages show: GLB and USDZ of the plan, large surfaces with fewer triangles."""

import dataclasses

from PlanningHubLib.Progress import part
from PlanningHubLib.Shapes.Deviation import distancesToSurface

from ..Dicom.ModelBodies import assemblyLimit, coarse
from . import GlbFile, UsdzFile
from .Shown import labelOf, shownBodies

GLB, USDZ = "model-glb", "model-usdz"
ROLES = (GLB, USDZ)
FOLDER = "ar-vr"
# Enough to see where a surface was changed most; all points of a skull would take longer than all else.
MEASURED_POINTS = 20_000


def write(content, writer, progress):
    """Write the plan as GLB and USDZ.

    :param content: :class:`ORExportLib.Content.Content`
    :param writer: :class:`ORExportLib.Writer.Writer`
    :raises InputRefused: ``cannot-write``
    """
    bodies, deviationMm = drawnBodies(shownBodies(content), part(progress, 0.0, 0.6))
    label = dataclasses.replace(labelOf(content), deviationMm=deviationMm)
    progress(0.6, "GLB")
    writer.bytes(GlbFile.glbBytes(bodies, label), f"{FOLDER}/plan.glb", GLB)
    progress(0.7, "USDZ")
    writer.bytes(UsdzFile.usdzBytes(bodies, label), f"{FOLDER}/plan.usdz", USDZ)
    progress(1.0, "GLB and USDZ")


def drawnBodies(bodies, progress):
    """Return the bodies with no more triangles than a headset draws, and how far their surfaces moved at most, in mm.

    The distance is measured at no more than ``MEASURED_POINTS`` points of each body.
    """
    most, drawn, deviationMm = assemblyLimit(bodies), [], 0.0
    for number, body in enumerate(bodies):
        progress(number / len(bodies), f"Surface of {body.name}")
        mesh = coarse(body.mesh, most)
        if mesh is not body.mesh:
            points = body.mesh.points[:: max(1, len(body.mesh.points) // MEASURED_POINTS)]
            deviationMm = max(deviationMm, float(distancesToSurface(points, mesh).max()))
        drawn.append(dataclasses.replace(body, mesh=mesh))
    return drawn, deviationMm
