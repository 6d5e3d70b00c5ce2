"""The segmentation step for the structures of a procedure: each by its method, or from a mask made elsewhere.

Structures of the case's segmentation that are not asked for anew stay in it as they are.
"""

import slicer

from ..Errors import Finding, InputRefused
from ..Modality import requireHu
from ..Nodes import removeNodes
from ..Procedures import findProcedure
from ..Progress import noProgress, part
from ..Repair import repairFacts
from ..Segmentation import FILE_NAME, ijkToRasOf, loadSegmentation
from ..Segments import segmentFacts
from ..Software import versions
from ..Volumes import loadSource, voxelVolumeMl
from . import Structures
from .Recipe import checkedMethod, findStructure
from .StructureNodes import Structure, saveStructures, structuresIn, withHistory


def segmentStructures(
    case, session, structures=None, seeds=None, methods=None, masks=None, provenance=None, findings=(),
    user=None, progress=noProgress,
):  # fmt: skip
    """Segment structures of the case's procedure and keep them as the case's segmentation, one segment each.

    :param structures: names of those to find by their methods; None for all that the procedure finds without being
        asked, or for none where there are ``masks``
    :param seeds: structure → points (n, 3) RAS mm that a person placed
    :param methods: structure → method instead of the procedure's
    :param masks: structure → array (slices, rows, columns) of 0 and 1 on the scan's voxels, made elsewhere
    :param provenance: JSON values that say where the masks come from; ``needsReview`` false in them says that nobody
        has to look at them before they count
    :param findings: of the masks, kept with those of the methods
    :returns: artefact of kind ``segmentation``; its facts hold per structure ``volumeMl``, ``voxels``,
        ``needsReview``, and ``findings``
    :raises GateRefused: ``no-source``, ``stale-source``, ``damaged-source``
    :raises InputRefused: ``no-such-structure``, ``no-method``, ``nothing-to-segment``, ``other-grid``, ``not-hu`` for
        the methods on MR; what :func:`PlanningHubLib.Segmenting.Recipe.findStructure` refuses
    """
    source = case.require("source")
    job = _Job(findProcedure(case.procedure)[0], seeds or {}, methods or {}, findings)
    names = job.names(structures, masks or {})
    if names:
        requireHu(source)
    progress(0.02, "Loading the series")
    volume = loadSource(case, session, source)
    try:
        voxels, matrix = slicer.util.arrayFromVolume(volume), slicer.util.arrayFromVTKMatrix(ijkToRasOf(volume))
        kept = keptStructures(case, session, source, voxels.shape, matrix, {*names, *(masks or {})})
        made = job.imported(masks or {}, provenance or {}, voxels.shape)
        others = {one.name: one.mask for one in [*kept, *made]}
        made += job.found(names, voxels, matrix, others, part(progress, 0.1, 0.9))
        progress(0.9, "Saving")
        return keep(case, session, source, volume, job.ordered([*kept, *made]), job.findings, "structures", user)
    finally:
        removeNodes(session.scene, volume)


class _Job:
    """What is asked for, held against the procedure; collects the findings."""

    def __init__(self, procedure, seeds, methods, findings=()):
        self.procedure = procedure
        self.seeds = {name: [[float(value) for value in point] for point in points] for name, points in seeds.items()}
        self.methods = methods
        self.findings = list(findings)

    def names(self, structures, masks):
        """Return the names of the structures to find by their methods, in the procedure's order."""
        for name in [*(structures or ()), *masks, *self.methods]:
            Structures.structureNamed(self.procedure, name)
        names = list(dict.fromkeys(structures or self.methods))
        if structures is None and not masks and not self.methods:
            names, lacking = Structures.automaticNames(self.procedure, self.seeds)
            self.findings += [_lacksPoints(name) for name in lacking]
        both = sorted({*names} & {*masks})
        if both:
            raise InputRefused("bad-method", f"{both[0]} is asked for twice: by method and mask.", "Leave one out.")
        if not names and not masks:
            raise InputRefused(
                "nothing-to-segment", f"{self.procedure.title} names nothing that is found without help.",
                "Name a structure and place points on it, or take a label file.",
            )  # fmt: skip
        return [one["name"] for one in self.procedure.structures if one["name"] in names]

    def method(self, name):
        """Return a structure's method with every default filled in."""
        method = self.methods.get(name) or Structures.structureNamed(self.procedure, name)["method"]
        if method is None:
            raise InputRefused(
                "no-method", f"{name} is not found by a program here.", "Segment it by hand, or take a label file."
            )
        return checkedMethod(method)

    def found(self, names, voxels, matrix, others, progress):
        """Return the structures found by their methods; each may use those before it."""
        made = []
        for number, (name, method) in enumerate([(name, self.method(name)) for name in names]):
            share = _named(part(progress, number / len(names), (number + 1) / len(names)), name)
            before = {**others, **{one.name: one.mask for one in made}}
            result = findStructure(voxels, matrix, method, self.seeds, before, share)
            points = {one: self.seeds[one] for one in Structures.seededNames(method) if one in self.seeds}
            parameters = {"origin": "method", "method": method, "seedsRas": points}
            figures = {key: round(float(value), 3) for key, value in result.figures.items() if key != "volumeMl"}
            made.append(self._structure(name, result.mask, parameters, figures=figures))
            self.findings += [
                Finding(one.code, one.severity, f"{name}: {one.message}", one.action) for one in result.findings
            ]
        return made

    def imported(self, masks, provenance, shape):
        """Return the structures whose masks were made elsewhere."""
        made = []
        for name, mask in masks.items():
            if mask.shape != tuple(shape):
                raise InputRefused(
                    "other-grid", f"The mask of {name} has {mask.shape} voxels, the scan {tuple(shape)}.",
                    "Take a mask that was made on this series.",
                )  # fmt: skip
            if not mask.any():
                raise InputRefused("empty-segment", f"The mask of {name} is empty.", "Check the label's number.")
            origin = "ai" if provenance.get("method") == "ai" else "mask"
            parameters = {"origin": origin, "provenance": provenance}
            needsReview = bool(provenance.get("needsReview", True))
            made.append(self._structure(name, (mask != 0).astype("uint8"), parameters, needsReview))
        return made

    def _structure(self, name, mask, parameters, needsReview=False, figures=None):
        structure = Structures.structureNamed(self.procedure, name)
        terminology, color = Structures.terminologyOf(structure), tuple(structure["color"])
        return Structure(name, mask, terminology, color, parameters, needsReview, figures or {})

    def ordered(self, structures):
        """Return structures in the procedure's order; those that it does not know come last."""
        order = [one["name"] for one in self.procedure.structures]
        return sorted(structures, key=lambda one: order.index(one.name) if one.name in order else len(order))


def _named(progress, name):
    return lambda fraction, text: progress(fraction, f"{name}: {text}")


def _lacksPoints(name):
    return Finding("needs-points", "info", f"{name} was left out: it needs points.", "Place points and segment it.")


def keptStructures(case, session, source, shape, matrix, without=()):
    """Return the structures of the case's segmentation that stay: none where it is of another source, or damaged.

    :param without: names of those that do not stay
    """
    segmentation = case.latest("segmentation")
    if segmentation is None or source.link not in segmentation.parents or case.state(segmentation) != "current":
        return []
    if set(segmentation.facts.get("structures", ())) <= set(without) and "structures" in segmentation.facts:
        return []
    node = loadSegmentation(case, session, segmentation)
    try:
        structures = structuresIn(node, shape, matrix)
        return [withHistory(one, segmentation) for one in structures if one.name not in without]
    finally:
        removeNodes(session.scene, node)


def masksFor(case, session, volume, name, method):
    """Return structure → mask of what the case has beside a structure, where its method takes away another one.

    :param volume: the case's source as vtkMRMLScalarVolumeNode
    """
    if not any(step["do"] == "subtract" for step in method["steps"]):
        return {}
    shape, matrix = slicer.util.arrayFromVolume(volume).shape, slicer.util.arrayFromVTKMatrix(ijkToRasOf(volume))
    return {one.name: one.mask for one in keptStructures(case, session, case.require("source"), shape, matrix, {name})}


def keep(case, session, source, volume, structures, findings, method, user, **more):
    """Commit structures as the case's segmentation; return the artefact.

    :param volume: the source's vtkMRMLScalarVolumeNode
    :param method: what the artefact says of how it was made
    :param more: further parameters of the artefact
    """
    procedure = findProcedure(case.procedure)[0]
    voxelMl = voxelVolumeMl(volume)
    with case.staging("segmentation", user=user) as stage:
        ids = saveStructures(session, volume, structures, stage.folder / FILE_NAME, f"{case.name} segmentation")
        facts = {
            one.name: {**segmentFacts(one.mask, ids[one.name], voxelMl, one.needsReview), "figures": one.figures}
            for one in structures
        }
        first = facts[structures[0].name]
        return stage.commit(
            parents=[source],
            parameters={
                "method": method,
                "procedure": procedure.asParameters(),
                "structures": {one.name: one.parameters for one in structures},
                **more,
            },
            facts={
                **{key: first[key] for key in ("segment", "voxels", "volumeMl")},
                "structures": facts,
                "findings": [one.asDict() for one in [*findings, *_limitFindings(procedure, facts)]],
                **repairFacts(source),
            },
            software=versions("slicer-core", "numpy", "scipy", "SimpleITK"),
            title="Segmentation",
        )


def _limitFindings(procedure, facts):
    for structure in procedure.structures:
        own = facts.get(structure["name"])
        fault = Structures.limitFault(structure, own["volumeMl"]) if own else None
        if fault:
            yield Finding("volume-outside-limits", "warn", fault, "Compare the segment with the slices.")
