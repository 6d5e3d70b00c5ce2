"""The print step: a segment or a planned object as a watertight part within a stated deviation, as STL and 3MF."""

import dataclasses
import re
import unicodedata

from PlanningHubLib import Requirements
from PlanningHubLib.Errors import GateRefused, InputRefused, firstRejection
from PlanningHubLib.Nodes import removeNodes
from PlanningHubLib.Planning import Plan
from PlanningHubLib.Planning.Objects import Solid
from PlanningHubLib.Progress import noProgress, part
from PlanningHubLib.Repair import repairFacts
from PlanningHubLib.Segmentation import loadSegmentation
from PlanningHubLib.Segmenting.SegmentReview import requireReviewed
from PlanningHubLib.Shapes import Checks, Surface
from PlanningHubLib.Shapes.Mesh import Mesh
from PlanningHubLib.Software import versions

from . import Simplify, Writers

DEFAULT_DEVIATION_MM = 0.25
# What has to fit bone or a drill moves less; site default, no source.
FITTING_DEVIATION_MM = 0.05
FITTING_ROLES = ("implant", "guide")
# Flying edges and smoothing round thin bone off: a real skull at 1 mm voxels loses 0.2 %. More than this is no longer
# the bone that was segmented.
MAXIMUM_VOLUME_DIFFERENCE_PERCENT = 2.0


@dataclasses.dataclass(frozen=True, eq=False)
class Shape:
    """What a part is made of.

    :param mesh: its surface, LPS mm
    :param flags: role, mirrored, modified, moved
    :param parents: the artefacts it comes from
    :param volumeMl: what the part's volume has to agree with: the segment's voxels or the planned solid
    :param surface: :class:`PlanningHubLib.Shapes.Surface.Surface` of a segment; None for a planned solid
    """

    name: str
    mesh: Mesh
    flags: dict
    parents: tuple
    volumeMl: float
    surface: object = None


def makePart(case, session, maximumDeviationMm=DEFAULT_DEVIATION_MM, objectName=None, progress=noProgress, user=None):
    """Make a printable part of the case's first segment, or of an object by its name.

    In a case with a plan, a name means a solid of its current plan or a segment, and the part belongs to that plan: it
    goes stale with it. Files ``<case>_<object>_<side>_part.stl`` and ``.3mf`` (the side only where the case states it),
    LPS mm. Each object is an artefact of its own.

    :param maximumDeviationMm: bound of the measured distance between the segment's smooth surface or the planned solid
        and the part; an implant or guide keeps ``FITTING_DEVIATION_MM`` where that is less
    :returns: artefact of kind ``part``; its facts hold ``object`` (name, role, mirrored, modified, moved),
        ``volumeMl``, ``triangles``, ``deviationMm`` (measured maximum)
    :raises GateRefused: ``no-…``, ``stale-…``, ``damaged-…`` for the segmentation and, with a name, the plan;
        ``not-reviewed``
    :raises InputRefused: ``no-such-object``, ``empty-segment``, ``not-manifold``, ``volume-differs``, ``cannot-write``,
        ``disk-full`` ...
    :raises UsageError: ``bad-deviation``
    """
    Requirements.ensure("PrintPrepLib")
    segmentation = case.require("segmentation")
    requireReviewed(case, segmentation)
    shape = _shape(case, session, segmentation, objectName, part(progress, 0.0, 0.35))
    boundMm = _bound(shape, maximumDeviationMm)
    with case.staging("part", partId(case, shape.name), user=user) as stage:
        simple = Simplify.simplified(shape.mesh, boundMm, part(progress, 0.35, 0.85))
        progress(0.87, "Checking")
        findings = Checks.requirePrintable(simple.mesh)
        requireSameVolume(simple.mesh.volumeMl, shape.volumeMl)
        progress(0.9, "Writing STL and 3MF")
        label = partLabel(case, shape, stage)
        Writers.writeStl(stage.folder / f"{label.name}.stl", simple.mesh, label)
        Writers.writeThreeMf(stage.folder / f"{label.name}.3mf", simple.mesh, label)
        progress(1.0, "Part written")
        return stage.commit(
            parents=shape.parents,
            parameters={"object": shape.name, "maximumDeviationMm": boundMm, **_smoothingParameters(shape)},
            facts={**partFacts(shape, simple, findings), **repairFacts(segmentation)},
            software=versions("slicer-core", "vtk", "manifold3d", "fast-simplification", "libigl", "lib3mf"),
            title="Printable part" if objectName is None else f"Printable part: {shape.name}",
        )


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


def partId(case, name):
    """Return the ID of the case's part of an object, or a new one."""
    parts = {one.id: one.parameters.get("object", name) for one in case.artefacts if one.kind == "part"}
    known = [one for one, itsName in parts.items() if itsName == name]
    return known[0] if known else f"part-{len(parts) + 1}"


def _shape(case, session, segmentation, objectName, progress):
    """Return the :class:`Shape` of an object by its name; None is the first segment, empty text that of the plan."""
    planned = objectName is not None and case.latest("plan") is not None
    plan = case.require("plan") if planned else None
    parents = (plan,) if planned else (segmentation,)
    if planned and objectName in plan.facts["solids"]:
        solid = Plan.readSolid(case, session, plan, objectName)
        return Shape(solid.name, solid.mesh.rasLpsSwapped(), solid.flags(), parents, solid.mesh.volumeMl)
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


def _segmentId(node, name, plan):
    segmentation = node.GetSegmentation()
    ids = [segmentation.GetNthSegmentID(index) for index in range(segmentation.GetNumberOfSegments())]
    names = [segmentation.GetSegment(one).GetName() for one in ids]
    if name and name not in names:
        known = [*names, *(plan.facts["solids"] if plan else ())]
        raise InputRefused("no-such-object", f"The case has no {name}.", f"It has: {', '.join(known)}.")
    return ids[names.index(name)] if name else ids[0]


def _bound(shape, maximumDeviationMm):
    if shape.flags["role"] in FITTING_ROLES:
        return min(maximumDeviationMm, FITTING_DEVIATION_MM)
    return maximumDeviationMm


def _smoothingParameters(shape):
    if shape.surface is None:
        return {}
    return {
        "smoothingIterations": Surface.SMOOTHING_ITERATIONS,
        "smoothingPassBand": Surface.SMOOTHING_PASS_BAND,
    }


def partLabel(case, shape, stage):
    """Return what the part's files say about it."""
    side = f"_{case.side}" if case.side else ""
    return Writers.PartLabel(
        name=f"{case.name}_{fileWord(shape.name)}{side}_part",
        caseName=case.name,
        partNumber=f"{stage.artefactId}.{stage.revision}",
        side=case.side,
        sourceContent=shape.parents[0].content,
    )


def fileWord(name):
    """Return a name as it stands in file names: small ASCII letters and digits, with hyphens between."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().casefold()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "object"


def requireSameVolume(partMl, wantedMl):
    """Refuse a part that is not as large as the segment or solid it came from.

    :raises InputRefused: ``volume-differs``
    """
    percent = 100 * (partMl - wantedMl) / wantedMl
    if abs(percent) > MAXIMUM_VOLUME_DIFFERENCE_PERCENT:
        raise InputRefused(
            "volume-differs",
            f"The part has {partMl:.2f} ml, what it was made from {wantedMl:.2f} ml ({percent:+.1f} %): "
            "that is thinner than the voxels, or the bound, can show.",
            "Segment thicker bone, scan with smaller voxels, or choose a smaller deviation.",
        )


def partFacts(shape, simple, findings):
    """Return the facts of a part artefact."""
    mesh, deviation = simple.mesh, simple.deviation
    return {
        "object": {"name": shape.name, **shape.flags},
        "volumeMl": round(mesh.volumeMl, 3),
        **_originFacts(shape),
        "triangles": len(mesh.triangles),
        "surfaceTriangles": len(shape.mesh.triangles),
        "boundsLpsMm": mesh.boundsMm,
        "watertight": firstRejection(findings) is None,
        "deviationMm": round(deviation.maximumMm, 4),
        "deviation": deviation.asFacts(),
        "findings": [finding.asDict() for finding in findings],
    }


def _originFacts(shape):
    """Return what there is to say of the segment, or of the planned solid, that a part was made from."""
    surface = shape.surface
    if surface is None:
        return {"plannedVolumeMl": round(shape.volumeMl, 3)}
    return {
        "segmentationVolumeMl": round(surface.maskVolumeMl, 3),
        "smoothingMeanMm": round(surface.smoothingMeanMm, 3),
        "smoothingMaximumMm": round(surface.smoothingMaximumMm, 3),
        "specksRemoved": surface.specks,
        "specksVolumeMl": round(surface.specksVolumeMl, 4),
    }
