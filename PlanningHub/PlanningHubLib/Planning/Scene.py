"""A plan in a scene: its document as a text node, and a node for every object, which the user may move by hand.

What was moved is found again by :func:`documentOf`; the text node and the markups are saved with the scene.
"""

import json

import numpy
import slicer
import vtk

from ..Nodes import removeNodes
from .Document import checked, encode
from .Models import addModel
from .Objects import Curve, Line, Placement, Plane, Points, Solid
from .Placing import matrixOf, numbered

OBJECT_ATTRIBUTE = "PlanningHub.planObject"
PLAN_ATTRIBUTE = "PlanningHub.plan"
# Less than this nobody moves by hand; more than what a saved scene loses of a number.
MOVED_MM = 1e-4
NODE_CLASSES = {
    Points: "vtkMRMLMarkupsFiducialNode",
    Line: "vtkMRMLMarkupsLineNode",
    Plane: "vtkMRMLMarkupsPlaneNode",
    Placement: "vtkMRMLLinearTransformNode",
}


def showPlan(session, case, document, objects=()):
    """Show a plan and its objects; nodes of what the plan no longer has are removed.

    :param objects: of :mod:`PlanningHubLib.Planning.Objects`
    :returns: name → node
    """
    textNode = planNode(session.scene) or session.scene.AddNewNodeByClass("vtkMRMLTextNode", "Plan")
    textNode.SetAttribute(PLAN_ATTRIBUTE, case.caseId)
    textNode.SetText(encode(checked(document)).decode())
    before = planNodes(session.scene)
    nodes = {thing.name: _show(session, thing, before.get(thing.name)) for thing in objects}
    removeNodes(session.scene, *[node for name, node in before.items() if nodes.get(name) is not node])
    return nodes


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

    :raises InputRefused: ``bad-plan``
    """
    node = planNode(scene)
    if node is None or node.GetAttribute(PLAN_ATTRIBUTE) != case.caseId:
        return None
    document = json.loads(node.GetText())
    nodes = planNodes(scene)
    for step in document["steps"]:
        if step["do"] in READERS and step["name"] in nodes:
            _takeOver(step, READERS[step["do"]](nodes[step["name"]]))
    return checked(document)


def _takeOver(step, seen):
    """Take over into a placing step what its node says, where it differs by more than saving can lose."""
    before = {**step, **_asNodesSayIt(step)}
    moved = {key: value for key, value in seen.items() if not _same(before[key], value)}
    step.update(moved)
    if "matrix" in moved:
        step.update(turnDegrees=[0, 0, 0], center=[0, 0, 0], shiftMm=[0, 0, 0])


def _asNodesSayIt(step):
    if step["do"] == "placement":
        return {"matrix": matrixOf(step).reshape(-1)}
    return {"normal": step["normal"] / numpy.linalg.norm(step["normal"])} if step["do"] == "plane" else {}


def _same(before, after):
    if len(before) != len(after) or (len(after) and isinstance(after[0], str)):
        return list(before) == list(after)
    return not len(after) or abs(numpy.array(before, float) - numpy.array(after, float)).max() <= MOVED_MM


def _show(session, thing, node):
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
    node.SetAttribute(OBJECT_ATTRIBUTE, thing.name)
    return node


def _className(thing):
    if isinstance(thing, Curve):
        return "vtkMRMLMarkupsClosedCurveNode" if thing.closed else "vtkMRMLMarkupsCurveNode"
    return NODE_CLASSES[type(thing)]


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


def _points(node):
    points = slicer.util.arrayFromMarkupsControlPoints(node, world=True)
    return points.tolist()


def _readPoints(node):
    labels = [node.GetNthControlPointLabel(index) for index in range(node.GetNumberOfControlPoints())]
    return {"points": _points(node), "labels": [] if labels == list(numbered(labels)) else labels}


def _readLine(node):
    points = _points(node)
    return {"start": points[0], "end": points[1]} if len(points) == 2 else {}


def _readPlane(node):
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
