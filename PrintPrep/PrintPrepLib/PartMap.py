"""The accuracy of a part in the 3D view: the part colored by how far it lies from what it was made from."""

import slicer
import vtk

from PlanningHubLib.CaseView import CONTENT_ATTRIBUTE
from PlanningHubLib.Errors import GateRefused, InputRefused
from PlanningHubLib.Nodes import removeNodes

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

MAP_ATTRIBUTE, HIDDEN_ATTRIBUTE = "PrintPrep.map", "PrintPrep.hiddenForMap"
HIDDEN_CLASSES = ("vtkMRMLModelNode", "vtkMRMLSegmentationNode")


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
    hideMap(scene)
    _hideOthers(scene)
    polyData = _readRas(case.path(part, FIGURES))
    colors = _colors(scene, case, *rangeOf(part))
    node = scene.AddNewNodeByClass("vtkMRMLModelNode", f"{case.name} accuracy of {part.id}.{part.revision}")
    for one in (node, colors):
        one.SetAttribute(MAP_ATTRIBUTE, part.id)
    # So that it leaves the scene with the case.
    node.SetAttribute(CONTENT_ATTRIBUTE, f"{case.caseId} map of {part.content}")
    node.SetAndObservePolyData(polyData)
    node.CreateDefaultDisplayNodes()
    _display(node, colors, rangeOf(part)[0])
    return node


def hideMap(scene):
    """Take the map out of the scene again, and show what it hid."""
    for node in _nodes(scene, "vtkMRMLDisplayableNode"):
        if node.GetAttribute(HIDDEN_ATTRIBUTE):
            node.RemoveAttribute(HIDDEN_ATTRIBUTE)
            node.GetDisplayNode().SetVisibility(True)
    removeNodes(scene, *[node for node in _nodes(scene, "vtkMRMLModelNode") if node.GetAttribute(MAP_ATTRIBUTE)])
    for node in _nodes(scene, "vtkMRMLProceduralColorNode"):
        if node.GetAttribute(MAP_ATTRIBUTE):
            scene.RemoveNode(node)


def shownMap(scene):
    """Return the ID of the part whose map the scene shows, empty text where it shows none."""
    found = [node.GetAttribute(MAP_ATTRIBUTE) for node in _nodes(scene, "vtkMRMLModelNode")]
    return next((one for one in found if one), "")


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


def _hideOthers(scene):
    for className in HIDDEN_CLASSES:
        for node in _nodes(scene, className):
            display = node.GetDisplayNode()
            if display is not None and display.GetVisibility() and not _isOfAView(node):
                display.SetVisibility(False)
                node.SetAttribute(HIDDEN_ATTRIBUTE, "yes")


def _isOfAView(node):
    """Slices are models too."""
    return node.GetHideFromEditors()


def _nodes(scene, className):
    found = scene.GetNodesByClass(className)
    found.UnRegister(None)
    return [found.GetItemAsObject(index) for index in range(found.GetNumberOfItems())]
