"""One point that the user clicks in the views for a parameter of a step; its node is not saved with the scene."""

from ..Nodes import removeNodes
from ..PlaceMode import startPlaceMode

ATTRIBUTE = "PlanningHub.planPoint"
NODE_CLASS = "vtkMRMLMarkupsFiducialNode"


def startPicking(session):
    """Let the user click one point; returns the markups node that it goes to, with no point in it yet."""
    forgetPicked(session.scene)
    node = session.scene.AddNewNodeByClass(NODE_CLASS, "Point of the plan")
    node.SetAttribute(ATTRIBUTE, "1")
    node.SetSaveWithScene(False)
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetSaveWithScene(False)
    startPlaceMode(session, node)
    return node


def pickedPoint(scene):
    """Return the point that was clicked, three numbers in mm, RAS; None where there is none yet."""
    for node in _nodes(scene):
        for index in range(node.GetNumberOfControlPoints()):
            if node.GetNthControlPointPositionStatus(index) == node.PositionDefined:
                point = [0.0, 0.0, 0.0]
                node.GetNthControlPointPositionWorld(index, point)
                return point
    return None


def forgetPicked(scene):
    """Take the point out of the scene."""
    removeNodes(scene, *_nodes(scene))


def _nodes(scene):
    nodes = (scene.GetNthNodeByClass(index, NODE_CLASS) for index in range(scene.GetNumberOfNodesByClass(NODE_CLASS)))
    return [node for node in nodes if node.GetAttribute(ATTRIBUTE)]
