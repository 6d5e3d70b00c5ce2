"""The accuracy of a part in the 3D view: the part colored by how far it lies from what it was made from."""

import slicer
import vtk

from PlanningHubLib.Errors import GateRefused, InputRefused

from .Proof.DeviationMap import (
    ARRAY,
    CHANGED,
    FAR_INSIDE,
    FAR_OUTSIDE,
    FIGURES,
    INSIDE,
    OUTSIDE,
    SAME,
    SMALLEST_RANGE_MM,
)
from .SceneStage import MAP_ATTRIBUTE, addModel, clearStage, hideOthers, stagedValue


def showMap(case, scene, part):
    """Color a part in the scene, with a scale, and hide other surfaces; return its model node.

    :raises GateRefused: ``damaged-part``
    :raises InputRefused: ``no-map``: none is kept of very large parts and of those made by an older revision
    """
    damaged = case.damagedFiles(part)
    if damaged:
        raise GateRefused("damaged-part", f"{part.title} was changed outside the suite.", "Make it again.", damaged)
    if FIGURES not in part.files:
        raise InputRefused("no-map", f"No map is kept of {part.title}.", "Look at its picture, or make it again.")
    clearStage(scene)
    hideOthers(scene)
    polyData = _readRas(case.path(part, FIGURES))
    colors = _colors(scene, case, *rangeOf(part))
    colors.SetAttribute(MAP_ATTRIBUTE, part.id)
    name, content = f"{case.name} accuracy of {part.id}.{part.revision}", f"{case.caseId} map of {part.content}"
    node = addModel(scene, name, polyData, MAP_ATTRIBUTE, part.id, content)
    _display(node, colors, rangeOf(part)[0])
    return node


def shownMap(scene):
    """Return the ID of the part whose map the scene shows, empty text where it shows none."""
    return stagedValue(scene, MAP_ATTRIBUTE)


def rangeOf(part):
    """Return how far the scale reaches to both sides, and the tolerance or None; mm. As in the part's picture."""
    accuracy = part.facts.get("accuracy", {})
    toleranceMm = accuracy.get("toleranceMm")
    return (1.25 * toleranceMm if toleranceMm else max(SMALLEST_RANGE_MM, accuracy.get("maximumMm", 0))), toleranceMm


def _readRas(path):
    reader = vtk.vtkXMLPolyDataReader()
    reader.SetFileName(str(path))
    flip = vtk.vtkTransform()
    flip.Scale(-1, -1, 1)
    turned = vtk.vtkTransformPolyDataFilter()
    turned.SetTransform(flip)
    turned.SetInputConnection(reader.GetOutputPort())
    turned.Update()
    polyData = turned.GetOutput()
    polyData.GetFieldData().Initialize()
    return polyData


def _colors(scene, case, rangeMm, toleranceMm):
    function = vtk.vtkColorTransferFunction()
    limitMm = toleranceMm or rangeMm
    for valueMm, color in ((-limitMm, INSIDE), (0.0, SAME), (limitMm, OUTSIDE)):
        function.AddRGBPoint(valueMm, *color)
    if toleranceMm:
        for edgeMm, color in ((-rangeMm, FAR_INSIDE), (rangeMm, FAR_OUTSIDE)):
            function.AddRGBPoint(edgeMm, *color)
            function.AddRGBPoint(edgeMm * 0.8001, *color)
    function.SetNanColor(*CHANGED)
    node = scene.AddNewNodeByClass("vtkMRMLProceduralColorNode", f"{case.name} accuracy (mm)")
    node.SetAndObserveColorTransferFunction(function)
    return node


def _display(node, colors, rangeMm):
    display = node.GetDisplayNode()
    display.SetActiveScalar(ARRAY, vtk.vtkAssignAttribute.POINT_DATA)
    display.SetAndObserveColorNodeID(colors.GetID())
    display.SetScalarRangeFlag(display.UseManualScalarRange)
    display.SetScalarRange(-rangeMm, rangeMm)
    display.SetScalarVisibility(True)
    legend = slicer.vtkSlicerColorLogic.AddDefaultColorLegendDisplayNode(display)
    legend.SetTitleText("mm outside (+), inside (-)")
    legend.SetLabelFormat("%+.2f")
