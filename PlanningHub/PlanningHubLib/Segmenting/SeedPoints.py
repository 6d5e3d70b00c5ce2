"""The points by which structures are told apart, as markups of a scene: one node for each structure."""

import slicer

from ..Nodes import removeNodes

SEEDS_ATTRIBUTE = "PlanningHub.seedsOf"
NODE_CLASS = "vtkMRMLMarkupsFiducialNode"


def startPlacing(session, name, color):
    """Let the user place points on a structure, one click each, until he stops; returns the markups node."""
    node = seedNodes(session.scene).get(name) or _newNode(session.scene, name, color)
    selection = session.applicationLogic.GetSelectionNode()
    selection.SetReferenceActivePlaceNodeClassName(NODE_CLASS)
    selection.SetActivePlaceNodeID(node.GetID())
    interaction = session.applicationLogic.GetInteractionNode()
    interaction.SetPlaceModePersistence(1)
    interaction.SetCurrentInteractionMode(interaction.Place)
    return node


def stopPlacing(session):
    """Let clicks be clicks again."""
    interaction = session.applicationLogic.GetInteractionNode()
    interaction.SetCurrentInteractionMode(interaction.ViewTransform)


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


def showSeeds(session, points, colors):
    """Show points that were placed before, such as those of the case's segmentation.

    :param points: structure → points (n, 3) RAS mm
    :param colors: structure → red, green, blue
    """
    forgetSeeds(session.scene)
    for name, places in points.items():
        node = _newNode(session.scene, name, colors.get(name, (1.0, 0.4, 0.2)))
        for place in places:
            node.AddControlPointWorld(place)


def forgetSeeds(scene, *names):
    """Take the points of structures out of a scene; of all where none is named."""
    nodes = seedNodes(scene)
    removeNodes(scene, *[node for name, node in nodes.items() if name in (names or nodes)])


def _newNode(scene, name, color):
    node = scene.AddNewNodeByClass(NODE_CLASS, f"Points on {name}")
    node.SetAttribute(SEEDS_ATTRIBUTE, name)
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetSelectedColor(*color)
    node.GetDisplayNode().SetPointLabelsVisibility(False)
    return node
