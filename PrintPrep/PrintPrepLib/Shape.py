"""What a part is made of: a segment's surface or a planned solid, with what an export has to say of it."""

import dataclasses

from PlanningHubLib.Errors import GateRefused, InputRefused
from PlanningHubLib.Nodes import removeNodes
from PlanningHubLib.Planning import Plan
from PlanningHubLib.Planning.Objects import BONE_COLOR, Solid
from PlanningHubLib.Received import ReceivedModel, receivedModel
from PlanningHubLib.Segmentation import loadSegmentation
from PlanningHubLib.Shapes import Surface
from PlanningHubLib.Shapes.Mesh import Mesh

from .Formats.ModelFile import ModelFile, readModelFile

# What has to fit bone or a drill.
FITTING_ROLES = ("implant", "guide")


@dataclasses.dataclass(frozen=True, eq=False)
class Shape:
    """What a part is made of.

    :param mesh: its surface, LPS mm
    :param flags: role, mirrored, modified, moved
    :param parents: the artefacts it comes from
    :param volumeMl: what the part's volume has to agree with: the segment's voxels or the planned solid; a model file
        may be open, so that only what its surface steps leave has a volume: None
    :param surface: :class:`PlanningHubLib.Shapes.Surface.Surface` of a segment; None for a planned solid or a file
    :param color: red, green, blue from 0 to 1
    :param file: the :class:`PrintPrepLib.Formats.ModelFile.ModelFile` that it came from, or None
    :param received: :class:`PlanningHubLib.Received.ReceivedModel` where a partner sent the file, or None
    :param outwardsLps: direction (3,) away from the bone that an implant or guide fits; None where no step says it
    """

    name: str
    mesh: Mesh
    flags: dict
    parents: tuple
    volumeMl: float | None
    surface: object = None
    color: tuple = BONE_COLOR
    file: ModelFile | None = None
    received: ReceivedModel | None = None
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


def shapeOf(case, session, segmentation, objectName, progress):
    """Return the :class:`Shape` of an object by its name; None is the first segment, empty text that of the plan."""
    planned = objectName is not None and case.latest("plan") is not None
    plan = case.require("plan") if planned else None
    parents = (plan,) if planned else (segmentation,)
    if planned and objectName in plan.facts["solids"]:
        solid = Plan.readSolid(case, session, plan, objectName)
        mesh, outwards = solid.mesh.rasLpsSwapped(), _outwardsLps(case, plan, objectName)
        return Shape(
            solid.name, mesh, solid.flags(), parents, mesh.volumeMl, color=solid.color, outwardsLps=outwards
        )  # fmt: skip
    node = loadSegmentation(case, session, segmentation)
    try:
        segmentId = _segmentId(node, objectName, plan)
        surface = Surface.segmentSurface(node, segmentId, progress)
        segment = node.GetSegmentation().GetSegment(segmentId)
        name, color = segment.GetName(), tuple(segment.GetColor())
    finally:
        removeNodes(session.scene, node)
    anatomy = Solid(name, surface.mesh)
    surface = surface.rasLpsSwapped()
    return Shape(name, surface.mesh, anatomy.flags(), parents, surface.maskVolumeMl, surface, color)


def fileShape(case, segmentation, objectName, model):
    """Return the :class:`Shape` of a model file, as the recipe's ``model`` describes it: a device, not as scanned.

    :param objectName: what to call it; the file's name without
    :raises InputRefused: as :func:`PrintPrepLib.Formats.ModelFile.readModelFile`; ``no-such-model``, and
        ``model-differs`` where a recipe states another unit or frame than the partner did
    :raises GateRefused: ``stale-external``, ``damaged-external`` where it is of what a partner sent
    """
    received = receivedModel(case, model["artefact"], model["file"]) if model["artefact"] else None
    file = _readReceived(received, model) if received else readModelFile(
        model["file"], model["unit"], model["frame"], model["sha256"]
    )  # fmt: skip
    parent = case.require("plan") if case.latest("plan") else segmentation
    parents = (parent, received.artefact) if received else (parent,)
    name = objectName or file.name.rpartition(".")[0]
    solid = Solid(name, file.mesh, role=roleOfReceived(received), modified=True)
    return Shape(name, file.mesh, solid.flags(), parents, None, file=file, received=received)


def roleOfReceived(received):
    """Return the role of a model file: what a partner sent as implant or guide has to fit as one planned here."""
    return received.kind if received and received.kind in FITTING_ROLES else "device"


def _readReceived(received, model):
    stated = {key: value for key in ("unit", "frame", "sha256") if (value := model[key])}
    if any(getattr(received, key) != value for key, value in stated.items()):
        raise InputRefused("model-differs", f"{model['file']} is not as the recipe says: the partner stated "
                           f"{received.unit or 'its own unit'} and {received.frame}.",
                           "Leave unit and frame out of the recipe.", [received.path])  # fmt: skip
    return readModelFile(received.path, received.unit, received.frame, received.sha256)


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
