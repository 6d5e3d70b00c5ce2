"""What of a case the 3D view shows, by the names that bodies of a package have."""

from PlanningHubLib.CaseView import shownNode
from PlanningHubLib.Planning.Scene import planNodes

from .PlanFiles import partOf
from .Views import applyToCamera


def visibleNames(case, scene):
    """Return the names of the bodies that a scene shows; empty where it shows all, as a view holds them."""
    shown = {}
    for name, isVisible, _set in _bodies(case, scene):
        # A planned solid and the part that was made of it are one body.
        shown[name] = shown.get(name, False) or isVisible
    return () if all(shown.values()) else tuple(name for name, isVisible in shown.items() if isVisible)


def showView(view, case, scene, cameraNode):
    """Let a scene and its camera show a view."""
    if view.visible:
        for name, _isVisible, setVisible in _bodies(case, scene):
            setVisible(view.shows(name))
    applyToCamera(view, cameraNode)


def _bodies(case, scene):
    """Yield (name, whether it is visible, function that shows or hides it)."""
    segmentation = shownNode(scene, case, "segmentation")
    if segmentation is not None:
        yield from _segments(segmentation)
    partNode = shownNode(scene, case, "part")
    pieces = _pieceNames(case) if partNode is not None else []
    for name, node in planNodes(scene).items():
        # Two surfaces in one place flicker: of these the part alone is shown.
        if node.IsA("vtkMRMLModelNode") and not (pieces and name == _objectName(case)):
            yield name, bool(node.GetDisplayVisibility()), node.SetDisplayVisibility
    for name in pieces:
        yield name, bool(partNode.GetDisplayVisibility()), partNode.SetDisplayVisibility


def _segments(node):
    display, segmentation = node.GetDisplayNode(), node.GetSegmentation()
    for index in range(segmentation.GetNumberOfSegments()):
        segmentId = segmentation.GetNthSegmentID(index)
        isVisible = display.GetVisibility() and display.GetSegmentVisibility(segmentId)
        yield (
            segmentation.GetSegment(segmentId).GetName(),
            bool(isVisible),
            lambda value, segmentId=segmentId: display.SetSegmentVisibility(segmentId, value),
        )


def _objectName(case):
    return partOf(case.latest("part"))["object"]


def _pieceNames(case):
    count = sum(name.lower().endswith(".stl") for name in case.latest("part").files)
    name = _objectName(case)
    return [name] if count == 1 else [f"{name} {number}" for number in range(1, count + 1)]
