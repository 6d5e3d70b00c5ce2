"""What the print pages put into the scene for a look, in place of what it showed; it goes again without a trace."""

from PlanningHubLib.CaseView import CONTENT_ATTRIBUTE
from PlanningHubLib.Nodes import removeNodes

MAP_ATTRIBUTE, PLATE_ATTRIBUTE = "PrintPrep.map", "PrintPrep.plate"
HIDDEN_ATTRIBUTE = "PrintPrep.hiddenForMap"
STAGED_CLASSES = ("vtkMRMLModelNode", "vtkMRMLProceduralColorNode")
HIDDEN_CLASSES = ("vtkMRMLModelNode", "vtkMRMLSegmentationNode")


def hideOthers(scene):
    """Hide the surfaces that are shown, and remember which."""
    for className in HIDDEN_CLASSES:
        for node in nodesOf(scene, className):
            display = node.GetDisplayNode()
            if display is not None and display.GetVisibility() and not _isOfAView(node):
                display.SetVisibility(False)
                node.SetAttribute(HIDDEN_ATTRIBUTE, "yes")


def clearStage(scene):
    """Take what was put into the scene for a look out of it again, and show what that hid."""
    for node in nodesOf(scene, "vtkMRMLDisplayableNode"):
        if node.GetAttribute(HIDDEN_ATTRIBUTE):
            node.RemoveAttribute(HIDDEN_ATTRIBUTE)
            node.GetDisplayNode().SetVisibility(True)
    models, colors = ([node for node in nodesOf(scene, name) if _isStaged(node)] for name in STAGED_CLASSES)
    removeNodes(scene, *models)
    for node in colors:
        scene.RemoveNode(node)


def _isStaged(node):
    return any(node.GetAttribute(one) for one in (MAP_ATTRIBUTE, PLATE_ATTRIBUTE))


def addModel(scene, name, polyData, attribute, value, content):
    """Return a new model node with its display, in RAS mm.

    :param attribute: by which it is found again, with its value
    :param content: what it shows, with the case's ID: so it leaves the scene with the case
    """
    node = scene.AddNewNodeByClass("vtkMRMLModelNode", name)
    node.SetAttribute(attribute, value)
    node.SetAttribute(CONTENT_ATTRIBUTE, content)
    node.SetAndObservePolyData(polyData)
    node.CreateDefaultDisplayNodes()
    return node


def stagedValue(scene, attribute):
    """Return the attribute's value of what the scene shows, empty text where it shows no such thing."""
    found = [node.GetAttribute(attribute) for node in nodesOf(scene, "vtkMRMLModelNode")]
    return next((one for one in found if one), "")


def nodesOf(scene, className):
    """Return the nodes of a class."""
    found = scene.GetNodesByClass(className)
    found.UnRegister(None)
    return [found.GetItemAsObject(index) for index in range(found.GetNumberOfItems())]


def _isOfAView(node):
    """Slices are models too."""
    return node.GetHideFromEditors()
