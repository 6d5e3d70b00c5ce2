"""The points by which structures are told apart, as markups of a scene: one node for each structure."""

import slicer

from ..Nodes import removeNodes
from ..PlaceMode import startPlaceMode, stopPlaceMode

SEEDS_ATTRIBUTE, CASE_ATTRIBUTE = "PlanningHub.seedsOf", "PlanningHub.seedsCase"
NODE_CLASS = "vtkMRMLMarkupsFiducialNode"


def startPlacing(session, case, name, color):
    """Let the user place points on a structure of a case, one click each, until stopped; returns the markups node."""
    node = seedNodes(session.scene).get(name) or _newNode(session.scene, case, name, color)
    startPlaceMode(session, node, isPersistent=True)
    return node


def stopPlacing(session):
    """Let clicks be clicks again."""
    stopPlaceMode(session)


def seedNodes(scene):
    """Return structure → markups node."""
    count = scene.GetNumberOfNodesByClass(NODE_CLASS)
    nodes = [scene.GetNthNodeByClass(index, NODE_CLASS) for index in range(count)]
    return {name: node for node in nodes if (name := node.GetAttribute(SEEDS_ATTRIBUTE))}


def seeds(scene):
    """Return structure → points (n, 3) RAS mm that were placed; structures without points are left out."""
    points = {}
    for name, node in seedNodes(scene).items():
        defined = [
            index for index in range(node.GetNumberOfControlPoints())
            if node.GetNthControlPointPositionStatus(index) == node.PositionDefined
        ]  # fmt: skip
        if defined:
            points[name] = slicer.util.arrayFromMarkupsControlPoints(node, world=True)[defined].tolist()
    return points


def forgetSeeds(scene, name):
    """Take the points of a structure out of a scene."""
    removeNodes(scene, seedNodes(scene).get(name))


def keepSeedsOf(scene, case):
    """Take the points of other cases than this one (None: of all) out of a scene: they lie on another patient."""
    caseId = case.caseId if case else None
    removeNodes(scene, *[node for node in seedNodes(scene).values() if node.GetAttribute(CASE_ATTRIBUTE) != caseId])


def _newNode(scene, case, name, color):
    node = scene.AddNewNodeByClass(NODE_CLASS, f"Points on {name}")
    node.SetAttribute(SEEDS_ATTRIBUTE, name)
    node.SetAttribute(CASE_ATTRIBUTE, case.caseId)
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetSelectedColor(*color)
    node.GetDisplayNode().SetPointLabelsVisibility(False)
    return node
