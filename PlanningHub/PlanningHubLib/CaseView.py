"""A case's current volume and segmentation as nodes of a scene, without loading anything twice."""

from . import Segments
from .Nodes import removeNodes
from .Progress import noProgress
from .Segmentation import loadSegmentation
from .Volumes import loadSource

CONTENT_ATTRIBUTE = "PlanningHub.content"
# Parts go with the segmentation they were made from: showing a case removes those of other content.
SHOWN_CLASSES = ("vtkMRMLScalarVolumeNode", "vtkMRMLSegmentationNode", "vtkMRMLModelNode")


def showCaseInScene(case, session, progress=noProgress):
    """Load a case's current source and segmentation; nodes of other cases or older content are removed.

    Cancelled or failed, the scene shows what it showed before.

    :returns: volume node and segmentation node, None where the case has none
    """
    before = {node.GetAttribute(CONTENT_ATTRIBUTE): node for node in _shownNodes(session.scene, SHOWN_CLASSES)}
    loaders, loaded, nodes = {"source": loadSource, "segmentation": _loadWithSurface}, [], []
    try:
        for number, (kind, load) in enumerate(loaders.items()):
            progress(0.5 * number, f"Showing the {kind}")
            artefact = case.latest(kind)
            node = before.get(_mark(case, artefact)) if artefact else None
            if artefact and node is None:
                node = load(case, session, artefact)
                node.SetAttribute(CONTENT_ATTRIBUTE, _mark(case, artefact))
                loaded.append(node)
            nodes.append(node)
    except BaseException:
        removeNodes(session.scene, *loaded)
        raise
    removeNodes(session.scene, *[node for node in _shownNodes(session.scene, SHOWN_CLASSES) if node not in nodes])
    return tuple(nodes)


def showModel(case, session, artefact, fileName, color):
    """Load an artefact's surface file (STL in LPS mm) as a model node, in place of any older one of that artefact.

    :param color: red, green, blue from 0 to 1
    :returns: vtkMRMLModelNode
    """
    removeNodes(session.scene, *_shownNodes(session.scene, ["vtkMRMLModelNode"]))
    node = session.scene.AddNewNodeByClass("vtkMRMLModelNode", case.name + " " + artefact.title)
    Segments.readNode(session, node, case.path(artefact, fileName))
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetColor(*color)
    node.SetAttribute(CONTENT_ATTRIBUTE, _mark(case, artefact))
    return node


def _mark(case, artefact):
    # With the case: two cases may be made from one series, and a node is named after its case.
    return f"{case.caseId} {artefact.content}"


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
