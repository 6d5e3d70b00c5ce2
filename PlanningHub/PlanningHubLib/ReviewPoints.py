"""The points of comments in a scene: the one placed last, and the one that a comment is pinned to.

The nodes hold no word of a comment, only its number, and are not saved with the scene.
"""

from .Nodes import removeNodes
from .PlaceMode import startPlaceMode

ATTRIBUTE = "PlanningHub.commentPoint"
PLACED, SHOWN = "placed", "shown"
NODE_CLASS = "vtkMRMLMarkupsFiducialNode"
SHOWN_COLOR = (0.86, 0.15, 0.15)


def startPlacing(session):
    """Let the user place one point in a view; returns the markups node that it goes to, with no point in it yet."""
    node = _node(session.scene, PLACED)
    node.RemoveAllControlPoints()
    startPlaceMode(session, node)
    return node


def placedPoint(session):
    """Return the point placed last in the active markups node, three numbers in mm, RAS; None where there is none."""
    selection = session.applicationLogic.GetSelectionNode()
    node = session.scene.GetNodeByID(selection.GetActivePlaceNodeID() or "") if selection else None
    if node is None or not node.IsA("vtkMRMLMarkupsNode") or node.GetAttribute(ATTRIBUTE) == SHOWN:
        return None
    defined = [
        index for index in range(node.GetNumberOfControlPoints())
        if node.GetNthControlPointPositionStatus(index) == node.PositionDefined
    ]  # fmt: skip
    if not defined:
        return None
    point = [0.0, 0.0, 0.0]
    node.GetNthControlPointPositionWorld(defined[-1], point)
    return point


def showPoint(session, comment):
    """Show the point of a comment in the views, and jump all slices to it; returns its node, None without a point."""
    if comment is None or comment["pointRasMm"] is None:
        forgetPoints(session, SHOWN)
        return None
    node = _node(session.scene, SHOWN)
    node.RemoveAllControlPoints()
    node.AddControlPointWorld(comment["pointRasMm"], comment["id"])
    node.SetLocked(True)
    for index in range(session.scene.GetNumberOfNodesByClass("vtkMRMLSliceNode")):
        session.scene.GetNthNodeByClass(index, "vtkMRMLSliceNode").JumpSliceByCentering(*comment["pointRasMm"])
    return node


def forgetPoints(session, *which):
    """Take the points of comments out of the scene: those of another case say nothing of this one."""
    for index in reversed(range(session.scene.GetNumberOfNodesByClass(NODE_CLASS))):
        node = session.scene.GetNthNodeByClass(index, NODE_CLASS)
        if node.GetAttribute(ATTRIBUTE) in (which or (PLACED, SHOWN)):
            removeNodes(session.scene, node)


def _node(scene, which):
    for index in range(scene.GetNumberOfNodesByClass(NODE_CLASS)):
        node = scene.GetNthNodeByClass(index, NODE_CLASS)
        if node.GetAttribute(ATTRIBUTE) == which:
            return node
    node = scene.AddNewNodeByClass(NODE_CLASS, "Comment")
    node.SetAttribute(ATTRIBUTE, which)
    node.SetSaveWithScene(False)
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetSaveWithScene(False)
    node.GetDisplayNode().SetSelectedColor(*SHOWN_COLOR)
    return node
