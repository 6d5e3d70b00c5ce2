"""What headsets, phones and web pages show: GLB and USDZ of the plan, large surfaces with fewer triangles."""

import dataclasses

from PlanningHubLib.Progress import part
from PlanningHubLib.Shapes.Deviation import distancesToSurface

from ..Dicom.ModelBodies import coarse
from . import GlbFile, UsdzFile
from .Shown import AID, labelOf, shownBodies

GLB, USDZ = "model-glb", "model-usdz"
ROLES = (GLB, USDZ)
FOLDER = "ar-vr"
# Site default, no source: what stand-alone headsets draw smoothly, of all surfaces together.
MOST_TRIANGLES = 300_000
# Enough to see where a surface was changed most; all points of a skull would take longer than all else.
MEASURED_POINTS = 20_000


def write(content, writer, progress):
    """Write the plan as GLB and USDZ.

    :param content: :class:`ORExportLib.Content.Content`
    :param writer: :class:`ORExportLib.Writer.Writer`
    :raises InputRefused: ``cannot-write``
    """
    wanted = [body for body in shownBodies(content) if body.role != AID]
    bodies, deviationMm = drawnBodies(wanted, part(progress, 0.0, 0.6))
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
    most, drawn, deviationMm = fairShare([len(body.mesh.triangles) for body in bodies], MOST_TRIANGLES), [], 0.0
    for number, body in enumerate(bodies):
        progress(number / len(bodies), f"Surface of {body.name}")
        mesh = coarse(body.mesh, most)
        if mesh is not body.mesh:
            points = body.mesh.points[:: max(1, len(body.mesh.points) // MEASURED_POINTS)]
            deviationMm = max(deviationMm, float(distancesToSurface(points, mesh).max()))
        drawn.append(dataclasses.replace(body, mesh=mesh))
    return drawn, deviationMm


def fairShare(counts, most):
    """Return the number to which each count is cut so that together they are no more than ``most``; the small stay."""
    left = most
    for done, count in enumerate(sorted(counts)):
        share = left // (len(counts) - done)
        if count > share:
            return share
        left -= count
    return max(counts, default=0)
