"""A case's current volume, segmentation, part and plan as nodes of a scene, without loading anything twice."""

import vtk

from . import Segments
from .Nodes import removeNodes
from .Planning.PlanView import planToShow, showPlanToShow
from .Planning.Scene import planNodes
from .Progress import noProgress
from .Segmentation import loadSegmentation
from .Volumes import loadSource

CONTENT_ATTRIBUTE = "PlanningHub.content"
PART_COLOR = (0.93, 0.91, 0.85)
FADED_OPACITY = 0.375
SHOWN_CLASSES = ("vtkMRMLScalarVolumeNode", "vtkMRMLSegmentationNode", "vtkMRMLModelNode")


def showCaseInScene(case, session, progress=noProgress):
    """Load a case's current source, segmentation, part and plan; nodes of other cases or older content are removed.

    What is stale is not shown; of a plan, what its steps place stays, so that it can be carried out again. A plan that
    is being edited in the scene is left alone. Cancelled or failed, the scene shows what it showed before.

    :returns: volume, segmentation and model node, None where the case has none that is current
    """
    before = {node.GetAttribute(CONTENT_ATTRIBUTE): node for node in _shownNodes(session.scene)}
    loaders = {"source": loadSource, "segmentation": _loadWithSurface, "part": _loadPart}
    loaded, nodes = [], []
    try:
        for number, (kind, load) in enumerate(loaders.items()):
            progress(number / len(loaders), f"Showing the {kind}")
            artefact = case.latest(kind)
            isShown = artefact is not None and not case.graph.isStale(artefact)
            node = before.get(_mark(case, artefact)) if isShown else None
            if isShown and node is None:
                node = load(case, session, artefact)
                node.SetAttribute(CONTENT_ATTRIBUTE, _mark(case, artefact))
                loaded.append(node)
            nodes.append(node)
        plan = planToShow(case, session)
    except BaseException:
        removeNodes(session.scene, *loaded)
        raise
    removeNodes(session.scene, *[node for node in _shownNodes(session.scene) if node not in nodes])
    showPlanToShow(case, session, plan)
    if nodes[2] in loaded or plan is not None:
        _hideWhatThePartShows(case, session.scene, nodes[2])
    fadeBesidePlan(session.scene)
    return tuple(nodes)


def fadeBesidePlan(scene):
    """Let the segments be looked through where solids of a plan are shown: those lie in them, or are cut from them."""
    solids = [node for node in planNodes(scene).values() if node.IsA("vtkMRMLModelNode")]
    for node in _shownNodes(scene):
        if node.IsA("vtkMRMLSegmentationNode") and node.GetDisplayNode().GetOpacity3D() in (FADED_OPACITY, 1.0):
            node.GetDisplayNode().SetOpacity3D(FADED_OPACITY if solids else 1.0)


def _hideWhatThePartShows(case, scene, partNode):
    """Two surfaces in one place flicker: the part is shown, not the solid that it was made from."""
    name = case.latest("part").facts.get("object", {}).get("name") if partNode else None
    node = planNodes(scene).get(name)
    if node is not None:
        node.SetDisplayVisibility(False)


def shownSegmentNames(scene):
    """Return the names of the segments that the scene shows of a case."""
    nodes = [node for node in _shownNodes(scene) if node.IsA("vtkMRMLSegmentationNode")]
    segmentations = [node.GetSegmentation() for node in nodes]
    return [one.GetNthSegment(index).GetName() for one in segmentations for index in range(one.GetNumberOfSegments())]


def shownNode(scene, case, kind):
    """Return the node that shows a case's newest artefact of a kind, or None where the scene shows no such thing."""
    artefact = case.latest(kind)
    mark = _mark(case, artefact) if artefact else None
    return next((node for node in _shownNodes(scene) if node.GetAttribute(CONTENT_ATTRIBUTE) == mark), None)


def _mark(case, artefact):
    # With the case: two cases may be made from one series, and a node is named after its case.
    return f"{case.caseId} {artefact.content}"


def _loadWithSurface(case, session, artefact):
    node = loadSegmentation(case, session, artefact)
    node.CreateClosedSurfaceRepresentation()
    return node


def _loadPart(case, session, artefact):
    names = sorted(name for name in artefact.files if name.endswith(".stl"))
    node = session.scene.AddNewNodeByClass("vtkMRMLModelNode", f"{case.name} part")
    together = vtk.vtkAppendPolyData()
    for name in names:
        Segments.readNode(session, node, case.path(artefact, name))
        together.AddInputData(node.GetPolyData())
    if len(names) > 1:
        together.Update()
        node.SetAndObservePolyData(together.GetOutput())
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetColor(*PART_COLOR)
    return node


def _shownNodes(scene):
    for className in SHOWN_CLASSES:
        nodes = scene.GetNodesByClass(className)
        nodes.UnRegister(None)
        for index in range(nodes.GetNumberOfItems()):
            node = nodes.GetItemAsObject(index)
            if node.GetAttribute(CONTENT_ATTRIBUTE):
                yield node
