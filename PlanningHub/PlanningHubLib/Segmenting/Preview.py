"""What a method would give, shown in the scene before it is kept."""

import slicer

from .. import Segments
from ..Nodes import removeNodes
from ..Procedures import findProcedure
from ..Progress import noProgress
from ..Segmentation import ijkToRasOf
from . import Structures
from .Recipe import findStructure

PREVIEW_ATTRIBUTE = "PlanningHub.preview"
PREVIEW_COLOR = (0.1, 0.85, 0.35)


def showPreview(case, session, volume, name, method, seeds=None, others=None, progress=noProgress):
    """Show what a method gives for a structure of the case's procedure; an earlier preview goes.

    :param volume: the case's source as vtkMRMLScalarVolumeNode
    :param method: as :func:`PlanningHubLib.Segmenting.Recipe.findStructure` takes it
    :param seeds: structure → points (n, 3) RAS mm
    :param others: structure → mask
    :returns: the node, and :class:`PlanningHubLib.Segmenting.Recipe.Found`
    """
    structure = Structures.structureNamed(findProcedure(case.procedure)[0], name)
    matrix = ijkToRasOf(volume)
    found = findStructure(
        slicer.util.arrayFromVolume(volume), slicer.util.arrayFromVTKMatrix(matrix), method, seeds, others, progress
    )
    removePreview(session.scene)
    node = Segments.addSegmentation(session, volume, f"Preview of {name}")
    node.SetAttribute(PREVIEW_ATTRIBUTE, case.caseId)
    Segments.addSegment(node, found.mask, matrix, name, Structures.terminologyOf(structure), PREVIEW_COLOR)
    return node, found


def previewNode(scene):
    """Return the node of the preview, or None."""
    count = scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode")
    nodes = (scene.GetNthNodeByClass(index, "vtkMRMLSegmentationNode") for index in range(count))
    return next((node for node in nodes if node.GetAttribute(PREVIEW_ATTRIBUTE)), None)


def removePreview(scene, keepOf=None):
    """Take the preview out of a scene, unless it is of the case to be kept."""
    node = previewNode(scene)
    if node and not (keepOf and node.GetAttribute(PREVIEW_ATTRIBUTE) == keepOf.caseId):
        removeNodes(scene, node)


def withParameters(method, thresholdHu=None, closing=None):
    """Return a method whose first threshold has another lowest intensity (HU) and whose first closing another size.

    :param closing: radius in mm, or in voxels where the method says voxels; 0 takes the step out
    """
    steps, first = [], _firstSteps(method)
    for step in method["steps"]:
        if step is first.get("threshold") and thresholdHu is not None:
            step = {**step, "minimumHu": thresholdHu}
        if step is first.get("closing") and closing is not None:
            unit = "voxels" if "voxels" in step else "radiusMm"
            step = {**step, unit: int(closing) if unit == "voxels" else closing} if closing else None
        steps += [step] if step else []
    return {"steps": steps}


def parametersIn(method):
    """Return the lowest intensity (HU) of a method's first threshold, its first closing and that closing's unit.

    None where it has no such step.
    """
    steps = _firstSteps(method or {"steps": []})
    closing = steps.get("closing", {})
    unit = "voxels" if "voxels" in closing else "mm"
    radius = closing.get("voxels", closing.get("radiusMm"))
    return steps.get("threshold", {}).get("minimumHu"), radius, unit if radius is not None else None


def _firstSteps(method):
    return {step["do"]: step for step in reversed(method["steps"])}
