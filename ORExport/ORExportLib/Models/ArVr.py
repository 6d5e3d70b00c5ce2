"""What headsets, phones and web pages show: GLB and USDZ of the plan."""

from . import GlbFile, UsdzFile
from .Shown import labelOf, shownBodies

GLB, USDZ = "model-glb", "model-usdz"
ROLES = (GLB, USDZ)
FOLDER = "ar-vr"


def write(content, writer, progress):
    """Write the plan as GLB and USDZ.

    :param content: :class:`ORExportLib.Content.Content`
    :param writer: :class:`ORExportLib.Writer.Writer`
    :raises InputRefused: ``cannot-write``
    """
    bodies, label = shownBodies(content), labelOf(content)
    progress(0.0, "GLB")
    writer.bytes(GlbFile.glbBytes(bodies, label), f"{FOLDER}/plan.glb", GLB)
    progress(0.5, "USDZ")
    writer.bytes(UsdzFile.usdzBytes(bodies, label), f"{FOLDER}/plan.usdz", USDZ)
    progress(1.0, "GLB and USDZ")
