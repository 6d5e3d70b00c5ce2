"""A plan between page and case: started, read, carried out and shown in a scene, kept, and written to a file."""

import dataclasses

from .. import Consent
from ..Case import Case
from ..CaseView import fadeBesidePlan, showCaseInScene
from ..Errors import UsageError
from ..FastTrack import fastTrackOf
from ..Files import writeAside
from ..IntendedUse import intendedUse
from ..Procedures import findProcedure
from ..Progress import part
from .Context import Context
from .Document import checked, encode, readDocument
from .Editing import parametersOf, startedFrom
from .Plan import carryOut, forCase, keepPlan, readObjects, readPlan
from .Scene import showPlan


def startedForCase(case, title):
    """Return the draft that the case's procedure gives.

    :raises InputRefused: ``bad-procedure``, ``cannot-read``
    """
    track = fastTrackOf(case.governance["request"])
    draft = startedFrom(findProcedure(case.procedure)[0], title, case.side, case.procedure, track)
    return {**draft, "intendedUse": intendedUse(case)}


def readForCase(folder, path):
    """Return the document in a plan file, as the case in a folder takes it.

    :raises InputRefused: ``cannot-read``, ``bad-plan``
    :raises GateRefused: ``other-side``, ``other-procedure``, ``other-frame-of-reference``
    """
    with Case.open(folder) as case:
        return forCase(readDocument(path), case)


def writeDraft(folder, draft, path):
    """Write a plan of the case in a folder to a file, complete and in RAS mm; return its path.

    :raises InputRefused: ``bad-plan`` where a step lacks something; ``cannot-write``, ``disk-full``
    :raises GateRefused: ``no-consent``
    """
    data = encode(checked(draft))
    with Case.open(folder, writable=True) as case:
        Consent.release(case, "plan-file", f"file {path.absolute()}", [])
    writeAside(path, data)
    return path


def carryOutForCase(folder, session, draft, progress):
    """Carry out a plan on the case in a folder and show its objects.

    :returns: :class:`PlanningHubLib.Planning.Plan.Carried`
    :raises GateRefused: as :func:`PlanningHubLib.Planning.Plan.makePlan`
    :raises InputRefused: as :func:`PlanningHubLib.Planning.Plan.carryOut`
    """
    with Case.open(folder) as case:
        # What the case is for may have been stated after the plan was begun.
        document = forCase({**checked(draft), "intendedUse": intendedUse(case)}, case)
        context = Context.ofCase(case, session, findProcedure(case.procedure)[0])
        try:
            carried = carryOut(document, context, part(progress, 0.05, 1.0))
        finally:
            context.close(session.scene)
        showPlan(session, case, carried.document, carried.objects.values())
        fadeBesidePlan(session.scene)
        return carried


def keepForCase(folder, session, carried, draft, progress):
    """Keep a plan that was carried out, with title, lists and notes as its draft says now; return the artefact.

    :raises UsageError: ``not-carried-out`` where the draft's steps are others
    :raises GateRefused: as :func:`PlanningHubLib.Planning.Plan.keepPlan`
    """
    document = {**checked(draft), "intendedUse": carried.document["intendedUse"]}
    if [_plain(step) for step in document["steps"]] != [_plain(step) for step in carried.document["steps"]]:
        raise UsageError("not-carried-out", "The plan was changed since it was carried out.", "Carry it out again.")
    with Case.open(folder, writable=True) as case:
        plan = keepPlan(case, session, dataclasses.replace(carried, document=document), progress=progress)
        showPlan(session, case, readPlan(case, plan)[0], carried.objects.values(), plan.content)
        showCaseInScene(case, session)
        return plan


def showVariant(folder, session, planId):
    """Show a plan of the case in a folder; of a stale one only what its steps place."""
    with Case.open(folder) as case:
        plan = case.graph.current(planId)
        objects = readObjects(case, session, plan, solids=not case.graph.isStale(plan))
        showPlan(session, case, readPlan(case, plan)[0], objects, plan.content)
        fadeBesidePlan(session.scene)


def _plain(step):
    return {"do": step["do"], "name": step["name"], **parametersOf(step)}
