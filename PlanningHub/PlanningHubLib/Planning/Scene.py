"""A plan in a scene: its document as a text node, and a node for every object, which the user may move by hand.

What was moved is found again by :func:`draftOf`; the text node and the markups are saved with the scene. While a plan
is being edited, its steps may lack parameters: a draft.
"""

import json

import numpy
import slicer
import vtk

from ..Errors import InputRefused
from ..Nodes import removeNodes
from ..PlaceMode import startPlaceMode
from .Document import checked, encode
from .Editing import PLACED, completed
from .Models import addModel
from .Objects import Curve, Line, Placement, Plane, Points, Solid
from .Operations import operations
from .Placing import matrixOf, numbered

OBJECT_ATTRIBUTE = "PlanningHub.planObject"
PLAN_ATTRIBUTE = "PlanningHub.plan"
# The content of the plan artefact that a scene's plan was taken from or kept as.
KEPT_ATTRIBUTE = "PlanningHub.planContent"
_STILL = {"matrix": [], "turnDegrees": [0, 0, 0], "center": [0, 0, 0], "shiftMm": [0, 0, 0]}
# Less than this nobody moves by hand; more than what a saved scene loses of a number.
MOVED_MM = 1e-4
NODE_CLASSES = {
    Points: "vtkMRMLMarkupsFiducialNode",
    Line: "vtkMRMLMarkupsLineNode",
    Plane: "vtkMRMLMarkupsPlaneNode",
    Placement: "vtkMRMLLinearTransformNode",
}


def showPlan(session, case, document, objects=(), kept=None):
    """Show a plan and its objects; nodes of what the plan no longer has are removed.

    :param objects: of :mod:`PlanningHubLib.Planning.Objects`
    :param kept: content of the plan's artefact, where it is one
    :returns: name → node
    """
    _setText(session.scene, case, checked(document), kept)
    before = planNodes(session.scene)
    nodes = {thing.name: _show(session, thing, before.get(thing.name)) for thing in objects}
    removeNodes(session.scene, *[node for name, node in before.items() if nodes.get(name) is not node])
    return nodes


def showDraft(session, case, draft, kept=None):
    """Show a plan that is being edited: what its steps place is where they say, solids stay until it is carried out.

    :param kept: content of the plan's artefact, empty text for a new plan; None for the same as before
    :returns: name → node
    """
    _setText(session.scene, case, draft, kept)
    before = planNodes(session.scene)
    placed = {}
    for step in draft["steps"]:
        for thing in _placed(step):
            placed[thing.name] = _show(session, thing, before.get(thing.name))
    names = {step["name"] for step in draft["steps"]}
    gone = [name for name, node in before.items() if name not in names and not node.IsA("vtkMRMLModelNode")]
    replacedNodes = [name for name, node in placed.items() if before.get(name) not in (None, node)]
    removeNodes(session.scene, *[before[name] for name in (*gone, *replacedNodes)])
    return {**before, **placed}


def startPlacing(session, step):
    """Let the user place the points of a placing step in the views; returns its markups node, with no point in it yet.

    :param step: of operation ``points``, ``line``, ``curve`` or ``plane``
    """
    nodes, className = planNodes(session.scene), _classOfStep(step)
    node = nodes.get(step["name"])
    if node is not None and node.GetClassName() != className:
        removeNodes(session.scene, node)
        node = None
    node = node or session.scene.AddNewNodeByClass(className, step["name"])
    node.CreateDefaultDisplayNodes()
    node.SetAttribute(OBJECT_ATTRIBUTE, step["name"])
    node.RemoveAllControlPoints()
    # A list of points ends when the user says so; the others know how many points they have.
    startPlaceMode(session, node, isPersistent=step["do"] in ("points", "curve"))
    return node


def _setText(scene, case, values, kept=None):
    node = planNode(scene) or scene.AddNewNodeByClass("vtkMRMLTextNode", "Plan")
    if kept is not None or node.GetAttribute(PLAN_ATTRIBUTE) != case.caseId:
        node.SetAttribute(KEPT_ATTRIBUTE, kept or "")
    node.SetAttribute(PLAN_ATTRIBUTE, case.caseId)
    text = encode(values).decode()
    if node.GetText() != text:
        node.SetText(text)


def _placed(step):
    """Return the objects of a placing step that has all it needs; of others, none."""
    if step["do"] not in PLACED:
        return ()
    try:
        return operations()[step["do"]].run(completed(step), None, None).objects
    except InputRefused:
        return ()


def hidePlan(scene):
    """Take a plan and all its nodes out of a scene."""
    removeNodes(scene, *planNodes(scene).values())
    node = planNode(scene)
    if node:
        scene.RemoveNode(node)


def planNode(scene):
    """Return the text node that holds the plan, or None."""
    return next((node for node in _nodes(scene, "vtkMRMLTextNode") if node.GetAttribute(PLAN_ATTRIBUTE)), None)


def planNodes(scene):
    """Return object name → node."""
    found = {}
    for className in ("vtkMRMLDisplayableNode", "vtkMRMLTransformNode"):
        found |= {name: node for node in _nodes(scene, className) if (name := node.GetAttribute(OBJECT_ATTRIBUTE))}
    return found


def documentOf(scene, case):
    """Return the plan of a case that a scene holds, with what was moved by hand where it is now; None without one.

    :raises InputRefused: ``bad-plan``, also where a step still lacks something
    """
    draft = draftOf(scene, case)
    return None if draft is None else checked(draft)


def draftOf(scene, case):
    """Return the plan of a case as :func:`documentOf` does, but unchecked: its steps may still lack something."""
    node = planNode(scene)
    if node is None or node.GetAttribute(PLAN_ATTRIBUTE) != case.caseId:
        return None
    draft = json.loads(node.GetText())
    nodes = planNodes(scene)
    for step in draft["steps"]:
        if step["do"] in READERS and step["name"] in nodes:
            _takeOver(step, READERS[step["do"]](nodes[step["name"]]))
    return draft


def movedSteps(scene, case):
    """Return the names of the steps that were moved by hand since their plan was shown."""
    draft = draftOf(scene, case)
    if draft is None:
        return []
    shown = json.loads(planNode(scene).GetText())
    return [now["name"] for now, then in zip(draft["steps"], shown["steps"], strict=True) if now != then]


def keptContent(scene):
    """Return the content of the plan artefact that a scene's plan was taken from or kept as, empty text for none."""
    node = planNode(scene)
    return (node.GetAttribute(KEPT_ATTRIBUTE) or "") if node else ""


def _takeOver(step, seen):
    """Take over into a placing step what its node says, where it differs by more than saving can lose."""
    before = {**step, **_asNodesSayIt(step)}
    moved = {key: value for key, value in seen.items() if not _same(before.get(key), value)}
    step.update(moved)
    if "matrix" in moved:
        step.update(turnDegrees=[0, 0, 0], center=[0, 0, 0], shiftMm=[0, 0, 0])


def _asNodesSayIt(step):
    if step["do"] == "placement":
        return {"matrix": matrixOf({**_STILL, **step}).reshape(-1)}
    if step["do"] == "plane" and step.get("normal") and any(step["normal"]):
        return {"normal": step["normal"] / numpy.linalg.norm(step["normal"])}
    return {}


def _same(before, after):
    # A step that was not placed yet has nothing, as a node without points has.
    if before is None:
        return not len(after)
    if len(before) != len(after) or (len(after) and isinstance(after[0], str)):
        return list(before) == list(after)
    return not len(after) or abs(numpy.array(before, float) - numpy.array(after, float)).max() <= MOVED_MM


def nodeOf(session, thing, node=None):
    """Return the node that shows an object: a given one where it fits, else a new one, which is not the plan's yet."""
    className = "vtkMRMLModelNode" if isinstance(thing, Solid) else _className(thing)
    if node is not None and node.GetClassName() != className:
        node = None
    if isinstance(thing, Solid):
        node = node or addModel(session, thing)
        node.SetAndObservePolyData(thing.mesh.toPolyData())
        node.GetDisplayNode().SetColor(*thing.color)
    else:
        node = node or session.scene.AddNewNodeByClass(className, thing.name)
        if node.IsA("vtkMRMLDisplayableNode"):
            node.CreateDefaultDisplayNodes()
        _fill(node, thing)
    return node


def _show(session, thing, node):
    node = nodeOf(session, thing, node)
    node.SetAttribute(OBJECT_ATTRIBUTE, thing.name)
    return node


def _className(thing):
    if isinstance(thing, Curve):
        return _curveClass(thing.closed)
    return NODE_CLASSES[type(thing)]


def _classOfStep(step):
    if step["do"] == "curve":
        return _curveClass(step.get("closed"))
    return {"points": NODE_CLASSES[Points], "line": NODE_CLASSES[Line], "plane": NODE_CLASSES[Plane]}[step["do"]]


def _curveClass(closed):
    return "vtkMRMLMarkupsClosedCurveNode" if closed else "vtkMRMLMarkupsCurveNode"


def _fill(node, thing):
    if isinstance(thing, Placement):
        node.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(thing.matrix))
    elif isinstance(thing, Plane):
        node.SetPlaneType(node.PlaneTypePointNormal)
        node.SetSizeMode(node.SizeModeAbsolute)
        node.SetOriginWorld(thing.originRas)
        node.SetNormalWorld(thing.normalRas)
        node.SetSize(thing.sizeMm, thing.sizeMm)
    else:
        points = [thing.startRas, thing.endRas] if isinstance(thing, Line) else thing.pointsRas
        labels = getattr(thing, "labels", ())
        node.RemoveAllControlPoints()
        for number, point in enumerate(points):
            node.AddControlPointWorld(vtk.vtkVector3d(*point), labels[number] if labels else "")


def _defined(node):
    """Return the indices of the points that were set: the one under the mouse is not yet."""
    count = node.GetNumberOfControlPoints()
    return [index for index in range(count) if node.GetNthControlPointPositionStatus(index) == node.PositionDefined]


def _points(node):
    return slicer.util.arrayFromMarkupsControlPoints(node, world=True)[_defined(node)].tolist()


def _readPoints(node):
    labels = [node.GetNthControlPointLabel(index) for index in _defined(node)]
    return {"points": _points(node), "labels": [] if labels == list(numbered(labels)) else labels}


def _readLine(node):
    points = _points(node)
    return {"start": points[0], "end": points[1]} if len(points) == 2 else {}


def _readPlane(node):
    if not node.GetIsPlaneValid():
        return {}
    return {"origin": list(node.GetOriginWorld()), "normal": list(node.GetNormalWorld())}


def _readPlacement(node):
    matrix = vtk.vtkMatrix4x4()
    node.GetMatrixTransformToWorld(matrix)
    return {"matrix": slicer.util.arrayFromVTKMatrix(matrix).reshape(-1).tolist()}


READERS = {
    "points": _readPoints,
    "line": _readLine,
    "curve": lambda node: {"points": _points(node)},
    "plane": _readPlane,
    "placement": _readPlacement,
}


def _nodes(scene, className):
    count = scene.GetNumberOfNodesByClass(className)
    return [scene.GetNthNodeByClass(index, className) for index in range(count)]
