"""A case's current volume and segmentation as nodes of a scene, without loading anything twice."""

from . import Segments
from .Progress import noProgress
from .Segmentation import loadSegmentation
from .Volumes import loadSource

CONTENT_ATTRIBUTE = "PlanningHub.content"
# Parts go with the segmentation they were made from: showing a case removes those of other content.
SHOWN_CLASSES = ("vtkMRMLScalarVolumeNode", "vtkMRMLSegmentationNode", "vtkMRMLModelNode")


def showCaseInScene(case, session, progress=noProgress):
    """Load a case's current source and segmentation; nodes of other cases or older content are removed.

    :returns: volume node and segmentation node, None where the case has none
    """
    wanted = {"source": case.latest("source"), "segmentation": case.latest("segmentation")}
    contents = {artefact.content for artefact in wanted.values() if artefact}
    shown = {}
    for node in list(_shownNodes(session.scene, SHOWN_CLASSES)):
        content = node.GetAttribute(CONTENT_ATTRIBUTE)
        if content in contents:
            shown[content] = node
        else:
            session.scene.RemoveNode(node)
    loaders = {"source": loadSource, "segmentation": _loadWithSurface}
    nodes = []
    for number, (kind, artefact) in enumerate(wanted.items()):
        progress(0.5 + 0.25 * number, f"Showing the {kind}")
        if artefact and artefact.content not in shown:
            shown[artefact.content] = loaders[kind](case, session, artefact)
            shown[artefact.content].SetAttribute(CONTENT_ATTRIBUTE, artefact.content)
        nodes.append(shown[artefact.content] if artefact else None)
    return tuple(nodes)


def showModel(case, session, artefact, fileName, color):
    """Load an artefact's surface file (STL in LPS mm) as a model node, in place of any older one of that artefact.

    :param color: red, green, blue from 0 to 1
    :returns: vtkMRMLModelNode
    """
    for node in list(_shownNodes(session.scene, ["vtkMRMLModelNode"])):
        session.scene.RemoveNode(node)
    node = session.scene.AddNewNodeByClass("vtkMRMLModelNode", case.name + " " + artefact.title)
    Segments.readNode(session, node, case.path(artefact, fileName))
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetColor(*color)
    node.SetAttribute(CONTENT_ATTRIBUTE, artefact.content)
    return node


def _loadWithSurface(case, session, artefact):
    node = loadSegmentation(case, session, artefact)
    node.CreateClosedSurfaceRepresentation()
    return node


def _shownNodes(scene, classNames):
    for className in classNames:
        nodes = scene.GetNodesByClass(className)
        nodes.UnRegister(None)
        for index in range(nodes.GetNumberOfItems()):
            node = nodes.GetItemAsObject(index)
            if node.GetAttribute(CONTENT_ATTRIBUTE):
                yield node
