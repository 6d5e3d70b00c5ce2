"""An outcome in a scene: what was found after the operation, beside the plan that is shown there.

The plan's objects stay as they are. What was found has one color of its own; in the slices, where the surface of a
solid of the plan is not shown, its outline is.
"""

import dataclasses

import numpy

from ..Errors import GateRefused
from ..Nodes import removeNodes
from ..Shapes.Mesh import Mesh
from .Objects import Line, Plane
from .OutcomeView import planOf, readOutcome
from .Plan import readPlan, readSolid
from .Scene import draftOf, keptContent, nodeOf

# The content of the outcome that a node belongs to.
OUTCOME_ATTRIBUTE = "PlanningHub.outcome"
FOUND_COLOR = (1.0, 0.0, 0.85)
OUTLINE_PIXELS = 2


def showOutcome(case, session, artefact):
    """Show what an outcome found: bodies as they lie, cut planes, axes of trajectories. It cannot be moved by hand.

    :returns: the new nodes; those of an outcome that was shown before are gone
    :raises GateRefused: ``stale-outcome``, ``damaged-outcome``, ``other-plan-shown``, ``outcome-without-places``
    """
    case.requireCurrent(artefact)
    plan = planOf(case, artefact)
    if not isPlanInScene(case, session.scene, plan):
        raise GateRefused(
            "other-plan-shown",
            f"The views do not show the plan {plan.title} as it is kept.",
            "Open it on the page Plan.",
        )
    solids, found = _things(case, session, plan, *readOutcome(case, artefact))
    hideOutcome(session.scene)
    nodes = [_outline(session, dataclasses.replace(one, name=f"{one.name}, planned")) for one in solids]
    nodes += [_found(session, one) for one in found]
    for node in nodes:
        node.SetAttribute(OUTCOME_ATTRIBUTE, artefact.content)
    return nodes


def hideOutcome(scene):
    """Take what an outcome found out of a scene."""
    removeNodes(scene, *outcomeNodes(scene))


def keepOutcomeOf(case, scene, artefact):
    """Take out of a scene what is not of an outcome (None for none), or lies beside another plan than its own.

    :returns: whether the outcome is shown
    """
    nodes = outcomeNodes(scene)
    isKept = bool(nodes) and artefact is not None and isPlanInScene(case, scene, planOf(case, artefact))
    isKept = isKept and all(node.GetAttribute(OUTCOME_ATTRIBUTE) == artefact.content for node in nodes)
    if not isKept:
        removeNodes(scene, *nodes)
    return isKept


def outcomeNodes(scene):
    """Return the nodes that show an outcome."""
    count = scene.GetNumberOfNodesByClass("vtkMRMLDisplayableNode")
    nodes = [scene.GetNthNodeByClass(index, "vtkMRMLDisplayableNode") for index in range(count)]
    return [node for node in nodes if node.GetAttribute(OUTCOME_ATTRIBUTE)]


def isPlanInScene(case, scene, plan):
    """Tell whether a scene shows a plan as it is kept: neither another one nor one that is being edited."""
    return keptContent(scene) == plan.content and draftOf(scene, case) == readPlan(case, plan)[0]


def _things(case, session, plan, values, objects):
    """Return the planned solids, and what was found of them and of planes and lines, in RAS mm of the plan."""
    planes, ways = values["planes"], values["trajectories"]
    if not all("achievedOriginRas" in row for row in planes) or not all("achievedRas" in row for row in ways):
        raise GateRefused(
            "outcome-without-places", "This outcome does not say where things were found.", "Compare again."
        )
    solids = [readSolid(case, session, plan, row["body"]) for row in values["bodies"]]
    found = [_moved(solid, row) for solid, row in zip(solids, values["bodies"], strict=True)]
    for row in planes:
        place = numpy.array(row["achievedOriginRas"]), numpy.array(row["achievedNormalRas"])
        found.append(Plane(row["plane"], *place, objects[row["plane"]]["sizeMm"]))
    found += [Line(row["trajectory"], *numpy.array(row["achievedRas"])) for row in ways]
    return solids, [dataclasses.replace(one, name=f"{one.name}, found") for one in found]


def _moved(solid, row):
    """Return a planned solid where it was found; turn and shift are those of ``Moving.motionFigures``."""
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_euler("xyz", row["rotationDegrees"], degrees=True).as_matrix()
    center = solid.mesh.points.mean(0, dtype=float)
    points = (solid.mesh.points - center) @ turn.T + center + row["translationMm"]
    return dataclasses.replace(solid, mesh=Mesh.fromArrays(points, solid.mesh.triangles), color=FOUND_COLOR)


def _outline(session, solid):
    """Show a solid in the slices alone: in the 3D views the plan's own node is in the same place."""
    node = nodeOf(session, solid)
    node.GetDisplayNode().SetVisibility3D(False)
    _outlined(node.GetDisplayNode())
    return node


def _found(session, thing):
    node = nodeOf(session, thing)
    display = node.GetDisplayNode()
    display.SetColor(*FOUND_COLOR)
    if node.IsA("vtkMRMLModelNode"):
        _outlined(display)
    else:
        display.SetSelectedColor(*FOUND_COLOR)
        node.SetLocked(True)
    return node


def _outlined(display):
    display.SetVisibility2D(True)
    display.SetSliceIntersectionThickness(OUTLINE_PIXELS)
