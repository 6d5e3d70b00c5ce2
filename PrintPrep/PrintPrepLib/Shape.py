"""What a part is made of: a segment's surface or a planned solid, with what an export has to say of it."""

import dataclasses

from PlanningHubLib.Errors import GateRefused, InputRefused
from PlanningHubLib.Nodes import removeNodes
from PlanningHubLib.Planning import Plan
from PlanningHubLib.Planning.Objects import Solid
from PlanningHubLib.Segmentation import loadSegmentation
from PlanningHubLib.Shapes import Surface
from PlanningHubLib.Shapes.Mesh import Mesh

# What has to fit bone or a drill.
FITTING_ROLES = ("implant", "guide")


@dataclasses.dataclass(frozen=True, eq=False)
class Shape:
    """What a part is made of.

    :param mesh: its surface, LPS mm
    :param flags: role, mirrored, modified, moved
    :param parents: the artefacts it comes from
    :param volumeMl: what the part's volume has to agree with: the segment's voxels or the planned solid
    :param surface: :class:`PlanningHubLib.Shapes.Surface.Surface` of a segment; None for a planned solid
    :param outwardsLps: direction (3,) away from the bone that an implant or guide fits; None where no step says it
    """

    name: str
    mesh: Mesh
    flags: dict
    parents: tuple
    volumeMl: float
    surface: object = None
    outwardsLps: tuple | None = None


def deliverable(case):
    """Return the name of the object that a case's current plan is for: its only implant or guide.

    Without any, it is the first segment, as the bone model that goes with the plan.

    :raises GateRefused: ``which-object``, where there are several: it is never guessed; ``no-plan``, ``stale-plan``
    """
    plan = case.require("plan")
    names = [name for name, solid in plan.facts["solids"].items() if solid["role"] in FITTING_ROLES]
    if len(names) > 1:
        raise GateRefused(
            "which-object",
            f"The plan {plan.title} has more than one implant or guide: {', '.join(names)}.",
            f"Name the one to make, such as {names[0]}.",
        )
    return names[0] if names else ""


def partObjects(case):
    """Return the names of what a part can be made of: the solids of the current plan; empty without one."""
    plan = case.latest("plan")
    if plan is None or case.state(plan, readFiles=False) != "current":
        return []
    return list(plan.facts["solids"])


def shapeOf(case, session, segmentation, objectName, progress):
    """Return the :class:`Shape` of an object by its name; None is the first segment, empty text that of the plan."""
    planned = objectName is not None and case.latest("plan") is not None
    plan = case.require("plan") if planned else None
    parents = (plan,) if planned else (segmentation,)
    if planned and objectName in plan.facts["solids"]:
        solid = Plan.readSolid(case, session, plan, objectName)
        return Shape(
            solid.name, solid.mesh.rasLpsSwapped(), solid.flags(), parents, solid.mesh.volumeMl,
            outwardsLps=_outwardsLps(case, plan, objectName),
        )  # fmt: skip
    node = loadSegmentation(case, session, segmentation)
    try:
        segmentId = _segmentId(node, objectName, plan)
        surface = Surface.segmentSurface(node, segmentId, progress)
        name = node.GetSegmentation().GetSegment(segmentId).GetName()
    finally:
        removeNodes(session.scene, node)
    anatomy = Solid(name, surface.mesh)
    mesh = surface.mesh.rasLpsSwapped()
    return Shape(name, mesh, anatomy.flags(), parents, surface.maskVolumeMl, dataclasses.replace(surface, mesh=mesh))


def _outwardsLps(case, plan, name):
    """Return the way out that the plan's step measured for a guide or an implant, or None."""
    for step in Plan.readPlan(case, plan)[1]["steps"]:
        found = step["figures"].get("outwardsRas") or step["figures"].get("insertionRas")
        if name in step["objects"] and found:
            return (-found[0], -found[1], found[2])
    return None


def _segmentId(node, name, plan):
    segmentation = node.GetSegmentation()
    ids = [segmentation.GetNthSegmentID(index) for index in range(segmentation.GetNumberOfSegments())]
    names = [segmentation.GetSegment(one).GetName() for one in ids]
    if name and name not in names:
        known = [*names, *(plan.facts["solids"] if plan else ())]
        raise InputRefused("no-such-object", f"The case has no {name}.", f"It has: {', '.join(known)}.")
    return ids[names.index(name)] if name else ids[0]
