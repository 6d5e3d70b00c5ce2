"""Carrying out a plan, and keeping it in the case.

A plan artefact holds ``plan.json`` (the document), ``results.json`` (what each step gave) and ``models/<name>.ply`` (in
LPS mm). Nothing in them depends on when or by whom the plan was carried out: equal plans have equal contents.
"""

import dataclasses
import json

import numpy

from ..Artefacts import Artefact
from ..Errors import GateRefused, InputRefused, firstRejection
from ..FastTrack import fastTrackFindings
from ..IntendedUse import intendedUse
from ..Procedures import findProcedure
from ..Progress import noProgress, part
from ..Repair import repairFacts
from ..Segmenting.SegmentReview import requireReviewed
from ..Shapes import Checks
from ..Software import versions
from .Context import KIND_OF_CLASS, Context
from .Document import OWN_KEYS, checked, encode
from .Models import readModel, writeModel
from .Objects import Placement, Solid
from .Operations import operations

DOCUMENT_FILE, RESULTS_FILE, MODELS_FOLDER = "plan.json", "results.json", "models"
FIGURE_DECIMALS = 4
# A ten-thousandth in a turn is hundredths of a millimeter far from the origin.
MATRIX_DECIMALS = 9
_ARRAYS = {"originRas", "normalRas", "pointsRas", "startRas", "endRas", "matrix"}


@dataclasses.dataclass(frozen=True, eq=False)
class Carried:
    """A plan that was carried out: the document as it counts, its objects, and step → what it gave.

    :param madeFrom: content of the segmentation that it was carried out on, where that is a case's
    """

    document: dict
    objects: dict
    results: dict
    madeFrom: str | None = None

    @property
    def findings(self):
        """All steps' findings, in their order."""
        return [finding for result in self.results.values() for finding in result.findings]

    @property
    def solids(self):
        return [thing for thing in self.objects.values() if isinstance(thing, Solid)]

    def asDict(self):
        """Return the content of ``results.json``; lengths in mm, volumes in ml, points in RAS mm."""
        return {
            "steps": [
                {
                    "name": name,
                    "objects": [thing.name for thing in result.objects],
                    "figures": rounded(result.figures),
                    "tables": rounded(result.tables),
                    "findings": [finding.asDict() for finding in result.findings],
                }
                for name, result in self.results.items()
            ],
            "objects": {name: _described(thing) for name, thing in self.objects.items()},
        }


def carryOut(document, context, progress=noProgress):
    """Carry out the steps of a plan, one after the other.

    :param document: as :func:`PlanningHubLib.Planning.Document.checked` takes it
    :param context: :class:`PlanningHubLib.Planning.Context.Context` without objects
    :returns: :class:`Carried`
    :raises InputRefused: ``bad-plan``; what the step's operation refuses, with the step's name before the message
    """
    document = checked(document)
    results = {}
    for number, step in enumerate(document["steps"]):
        title = operations()[step["do"]].title
        within = part(progress, number / len(document["steps"]), (number + 1) / len(document["steps"]))
        within(0.0, f"{title}: {step['name']}")
        results[step["name"]] = _step(step, context, within)
    return Carried(document, dict(context.objects), results, context.madeFrom)


def _step(step, context, progress):
    parameters = {key: value for key, value in step.items() if key not in OWN_KEYS}
    parameters["name"] = step["name"]
    try:
        result = operations()[step["do"]].run(parameters, context, progress)
        rejection = firstRejection(result.findings)
        if rejection:
            raise InputRefused(rejection.code, rejection.message, rejection.action, rejection.files)
        for thing in result.objects:
            if isinstance(thing, Solid):
                Checks.requirePrintable(thing.mesh)
            context.add(thing)
    except InputRefused as error:
        raise InputRefused(error.code, f"{step['name']}: {error.message}", error.action, error.files) from error
    return result


def makePlan(case, session, document, user=None, progress=noProgress):
    """Carry out a plan on a case's current source and segmentation, and keep it.

    A plan of the same title gets a new revision; another title is a variant beside it.

    :returns: artefact of kind ``plan``
    :raises GateRefused: ``no-…``, ``stale-…``, ``damaged-…``; ``other-side``, ``other-procedure``,
        ``other-frame-of-reference``, where the plan says that it is for something else
    :raises InputRefused: as :func:`carryOut`
    """
    document = forCase(checked(document), case)
    context = Context.ofCase(case, session, findProcedure(case.procedure)[0])
    try:
        return keepPlan(case, session, carryOut(document, context, part(progress, 0.05, 0.9)), user, progress)
    finally:
        context.close(session.scene)


def keepPlan(case, session, carried, user=None, progress=noProgress):
    """Keep a plan that was carried out on the case's current segmentation as an artefact.

    :raises GateRefused: as :func:`makePlan`; ``stale-plan`` where it was carried out on another segmentation
    """
    segmentation = case.require("segmentation")
    if carried.madeFrom not in (None, segmentation.content):
        raise GateRefused(
            "stale-plan", "The segmentation has changed since the plan was carried out.", "Carry it out again."
        )
    requireReviewed(case, segmentation)
    document = forCase(carried.document, case)
    findings = [*fastTrackFindings(case.governance["request"], document), *carried.findings]
    with case.staging("plan", planId(case, document["title"]), user=user) as stage:
        progress(0.92, "Saving the plan")
        (stage.folder / MODELS_FOLDER).mkdir()
        (stage.folder / DOCUMENT_FILE).write_bytes(encode(document))
        (stage.folder / RESULTS_FILE).write_bytes(encode(carried.asDict(), inOrder=True))
        for solid in carried.solids:
            writeModel(session, solid, stage.folder / MODELS_FOLDER / f"{solid.name}.ply")
        return stage.commit(
            parents=[segmentation],
            parameters={"title": document["title"], "intendedUse": document["intendedUse"]},
            facts={
                "steps": len(document["steps"]),
                "solids": {solid.name: {**solid.flags(), "volumeMl": round(solid.mesh.volumeMl, 3)}
                           for solid in carried.solids},
                "findings": [finding.asDict() for finding in findings],
                **repairFacts(segmentation),
            },
            software=versions("slicer-core", "vtk", "numpy", "scipy", "manifold3d", "libigl"),
            title=document["title"],
        )  # fmt: skip


def forCase(document, case):
    """Return a plan's document with the case's side, procedure and frame of reference.

    :raises GateRefused: ``other-side``, ``other-procedure``, ``other-frame-of-reference``
    """
    own = {
        "side": case.side,
        "procedure": case.procedure,
        "frameOfReferenceUid": case.require("source").facts.get("frameOfReferenceUid"),
        "intendedUse": intendedUse(case),
    }
    requireFits(document, own, f"the case {case.name}")
    return {**document, **own}


def requireFits(document, own, whose):
    """Refuse a plan that says that it is for something else.

    :param own: any of ``side``, ``procedure`` and ``frameOfReferenceUid``, as they are
    :param whose: what they are the facts of, in words
    :raises GateRefused: ``other-side``, ``other-procedure``, ``other-frame-of-reference``
    """
    codes = {
        "side": "other-side", "procedure": "other-procedure", "frameOfReferenceUid": "other-frame-of-reference",
        "intendedUse": "other-use",
    }  # fmt: skip
    for key, value in own.items():
        if document[key] not in (None, value):
            raise GateRefused(
                codes[key],
                f"The plan is for {document[key]}, {whose} for {value or 'none stated'}.",
                "Take the plan that belongs to this case.",
            )


def planId(case, title):
    """Return the ID of the case's plan of a title, or a new one."""
    plans = {one.id: one.parameters["title"] for one in case.artefacts if one.kind == "plan"}
    known = [one for one, itsTitle in plans.items() if itsTitle == title]
    return known[0] if known else f"plan-{len(plans) + 1}"


def variants(case):
    """Return the newest revision of each plan of a case, the one made last at the end."""
    newest = [one for one in case.artefacts if one.kind == "plan" and case.graph.current(one.id) == one]
    return newest


def readPlan(case, plan: Artefact):
    """Return a plan artefact's document and results, as its files hold them."""
    return tuple(json.loads(case.path(plan, name).read_bytes()) for name in (DOCUMENT_FILE, RESULTS_FILE))


def readSolid(case, session, plan, name):
    """Return a solid of a plan artefact as :class:`PlanningHubLib.Planning.Objects.Solid`, in RAS mm.

    :raises InputRefused: ``no-such-object``, ``cannot-read``
    """
    described = readPlan(case, plan)[1]["objects"].get(name)
    if described is None or described["kind"] != "solid":
        raise InputRefused("no-such-object", f"The plan {plan.title} has no solid {name}.", _solidNames(plan))
    flags = {key: described[key] for key in ("role", "mirrored", "modified", "moved")}
    mesh = readModel(session, case.path(plan, f"{MODELS_FOLDER}/{name}.ply"))
    return Solid(name, mesh, color=tuple(described["color"]), **flags)


def readObjects(case, session, plan, solids=True):
    """Return the objects of a plan artefact, in RAS mm.

    :param solids: without them only what its steps place
    :raises InputRefused: ``cannot-read``
    """
    described = readPlan(case, plan)[1]["objects"]
    return [
        readSolid(case, session, plan, name) if one["kind"] == "solid" else _thing(name, one)
        for name, one in described.items()
        if solids or one["kind"] != "solid"
    ]


def _thing(name, described):
    classOf = {kind: one for one, kind in KIND_OF_CLASS.items()}[described["kind"]]
    values = {key: numpy.array(value) if key in _ARRAYS else value for key, value in described.items() if key != "kind"}
    if "labels" in values:
        values["labels"] = tuple(values["labels"])
    return classOf(name, **values)


def _solidNames(plan):
    return f"It has: {', '.join(plan.facts['solids']) or 'none'}."


def _described(thing):
    kind = KIND_OF_CLASS[type(thing)]
    if isinstance(thing, Solid):
        own = {**thing.flags(), "color": thing.color, "volumeMl": thing.mesh.volumeMl}
        return {"kind": kind, **rounded(own), "triangles": len(thing.mesh.triangles)}
    if isinstance(thing, Placement):
        return {"kind": kind, "matrix": (numpy.round(thing.matrix, MATRIX_DECIMALS) + 0.0).tolist()}
    return {"kind": kind, **rounded({key: value for key, value in vars(thing).items() if key != "name"})}


def rounded(value):
    """Return figures as JSON holds them, numbers to a ten-thousandth."""
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [rounded(one) for one in value]
    return round(value, FIGURE_DECIMALS) + 0.0 if isinstance(value, float) else value
