"""The steps of the command, one function each, and the whole chain with what each step took."""

import sys
import time
from pathlib import Path

from PlanningHubLib import Consent
from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import GateRefused, InputRefused
from PlanningHubLib.Import import importSeries
from PlanningHubLib.IntendedUse import stateUse
from PlanningHubLib.Planning import Plan
from PlanningHubLib.Planning.Document import readDocument
from PlanningHubLib.Planning.Editing import segmentsOf
from PlanningHubLib.Procedures import findProcedure
from PlanningHubLib.Progress import part
from PlanningHubLib.Segmentation import SEGMENT_NAME
from PlanningHubLib.Session import Session
from PlanningHubLib.Site import Site

from .ArchiveOptions import credentialsOf, rememberWhatWorked
from .PartOptions import recipeOf
from .SegmentOptions import segmentCase


def makePlan(caseFolder, document, progress):
    """Carry out a plan on a case and keep it; return it as :func:`describedPlan` does."""
    with Session.start() as session, Case.open(caseFolder, writable=True) as case:
        return describedPlan(case, Plan.makePlan(case, session, document, progress=progress))


def describedPlan(case, plan):
    """Return a plan as the command shows it: what each step gave, findings and objects beside what others have."""
    document, results = Plan.readPlan(case, plan)
    does = {step["name"]: step["do"] for step in document["steps"]}
    return {
        **described(case, plan),
        "title": document["title"],
        "intended_use": document["intendedUse"],
        "steps": [{**step, "do": does[step["name"]]} for step in results["steps"]],
        "objects": results["objects"],
        "findings": plan.facts["findings"],
    }


def makePart(caseFolder, recipe, progress):
    """Prepare a case's printable part by a recipe."""
    from PrintPrepLib import Part

    with Session.start() as session, Case.open(caseFolder, writable=True) as case:
        return described(case, Part.makePart(case, session, recipe, progress))


def plannedPart(caseFolder, recipe, progress):
    """Prepare the part that a case's plan is for: the object that was named, else the one that the plan has to make."""
    from PrintPrepLib import Shape

    if recipe["object"] is None and recipe["model"] is None:
        with Case.open(caseFolder) as case:
            recipe = {**recipe, "object": Shape.deliverable(case)}
    return makePart(caseFolder, recipe, progress)


def makePackage(caseFolder, outFolder, progress, requireApproved=False, leaveOut=(), viewsFile=None, newerStudies=None):
    """Make a case's operating-room package and copy it to ``outFolder``; its findings are the gate's.

    :param viewsFile: file of views that become the case's agreed ones, or None
    """
    from ORExportLib import Package, Views

    refuseFilled(outFolder)
    views = Views.readViews(viewsFile) if viewsFile else ()
    with Session.start() as session, Case.open(caseFolder, writable=True) as case:
        package = Package.makePackage(
            case, session, progress=part(progress, 0.0, 0.9), requireApproved=requireApproved, leaveOut=leaveOut,
            views=views, newerStudies=newerStudies,
        )  # fmt: skip
        if views and views != Views.caseViews(case):
            Views.keepViews(case, views)
        Package.exportPackage(case, package, outFolder, part(progress, 0.9, 1.0))
        result = {**described(case, package), "findings": package.facts["findings"]}
    folder = Path(outFolder).absolute()
    return {
        **result,
        "outputs": [outputOf(folder / name, record.sha256) for name, record in package.files.items()],
    }


def sync(caseFolder, storeAddress, waitSeconds, progress):
    """Send a case to a central store; return the result of every item.

    :param waitSeconds: how long to try a store that fails
    """
    from CentralSyncLib import Sync
    from CentralSyncLib.Stores import Addresses

    store = Addresses.openStore(storeAddress)
    with Case.open(caseFolder, writable=True) as case:
        return Sync.syncCase(case, store, progress, waitSeconds)


def described(case, artefact):
    """Return an artefact as the command shows it."""
    return {
        "id": artefact.id,
        "revision": artefact.revision,
        "content": artefact.content,
        "facts": artefact.facts,
        "outputs": [outputOf(case.path(artefact, name), record.sha256) for name, record in artefact.files.items()],
    }


def outputOf(path, sha256):
    return {"path": str(path), "sha256": sha256}


def refuseFilled(folder):
    """Refuse a folder that already holds something, before any work is done.

    :raises InputRefused: ``already-there``
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputRefused(
            "already-there", f"{folder} exists and is not an empty folder.", "Choose another folder or remove it."
        )


class Chain:
    """Runs steps one after another and records what each took.

    ``steps`` holds, per step, its name, seconds, ``peak_mib`` (the process's highest memory so far) and outputs.
    """

    def __init__(self, console):
        self._console = console
        self.steps = []

    def step(self, name, function, *arguments):
        """Run one step with a progress callable as its last argument and return its result."""
        started = time.monotonic()
        result = function(*arguments, self._console.progress(name))
        seconds = time.monotonic() - started
        self._console.say(f"{name}: done in {seconds:.1f} s")
        self.steps.append({"name": name, "seconds": round(seconds, 3), "peak_mib": peakMib(), "outputs": []})
        return result

    def outputs(self, outputs):
        """Record the files that the last step made."""
        self.steps[-1]["outputs"] = outputs


def peakMib():
    """Return the highest memory of this process so far in MiB, or None where the system does not say."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024), 1)


def runChain(source, outFolder, options, console):
    """Run the whole chain: import, segment (what a plan file uses), plan, then print, package and, with a store, sync.

    :param options: namespace with seriesUid, side, procedure, scopes, consentDate, consentDocument, plan, store, and
        those of :mod:`PlanningHubCommand.SegmentOptions` and :mod:`PlanningHubCommand.PartOptions`
    :returns: dictionary for the command's JSON; ``sync`` in it is None without a store
    :raises InputRefused: ``bad-plan``, ``bad-recipe``, before anything is done
    :raises GateRefused: before anything is done: ``other-side``, ``other-procedure`` for a plan of something else;
        ``no-consent``, where the site records consent to treatment and it is not among the scopes
    """
    checkConsents(options)
    if "treatment" not in options.scopes and Site.forThisInstallation().recordsTreatmentConsent:
        raise GateRefused(
            "no-consent",
            "The chain ends in a package that leaves the case, and there is no consent of scope treatment.",
            "When the patient has signed, add: --consent treatment --consent-date DATE --consent-document VERSION",
        )
    case, package = Path(outFolder) / "case", Path(outFolder) / "package"
    refuseFilled(case)
    refuseFilled(package)
    document = readDocument(Path(options.plan)) if options.plan else None
    if document:
        Plan.requireFits(document, {"side": options.side, "procedure": options.procedure}, "this run")
        options.structures = options.structures or _structuresFor(document, options)
    recipe = recipeOf(options)
    chain = Chain(console)
    verdict = chain.step("import", lambda progress: _import(source, case, options, progress))
    with Case.open(case) as opened:
        chain.outputs(described(opened, opened.latest("source"))["outputs"])
        name, side = opened.name, opened.side
    if document:
        with Case.open(case, writable=True) as opened:
            stateUse(opened, document["intendedUse"])
    facts, plan = {}, None
    for stepName, function, arguments in (
        ("segment", segmentCase, (case, options)),
        *([("plan", makePlan, (case, document))] if document else []),
        ("print", plannedPart if document else makePart, (case, recipe)),
        ("package", makePackage, (case, package)),
    ):
        result = chain.step(stepName, function, *arguments)
        chain.outputs(result["outputs"])
        facts[stepName] = result["facts"]
        plan = result if stepName == "plan" else plan
    said = verdict.asDict()
    # The last step's result is the package's: what it has to say belongs to the whole chain.
    said["findings"] = [*said["findings"], *(plan["findings"] if plan else ()), *result["findings"]]
    if plan:
        plan = {key: plan[key] for key in ("id", "title", "intended_use", "content", "steps", "findings")}
    result = {
        "case": str(case), "name": name, "side": side, "package": str(package), **said,
        "facts": facts, "plan": plan, "sync": None, "steps": chain.steps,
    }  # fmt: skip
    if options.store:
        synced = chain.step("sync", sync, case, options.store, options.waitSeconds)
        result["sync"] = synced
        if synced.receipt:
            with Case.open(case) as opened:
                chain.outputs(described(opened, synced.receipt)["outputs"])
    return result


def _structuresFor(document, options):
    """Return the procedure's structures that a plan uses, where the options do not say what is segmented."""
    if options.template or options.mask or options.thresholdHu is not None or options.closingVoxels is not None:
        return []
    known = [structure["name"] for structure in findProcedure(options.procedure)[0].structures]
    return [name for name in segmentsOf(document) if name in known and name != SEGMENT_NAME]


def _import(source, case, options, progress):
    credentials = credentialsOf(options)
    verdict = importSeries(
        source, case, options.seriesUid, options.side, options.procedure, progress=progress, repair=options.repair,
        reference=options.reference, patientId=options.patientId, credentials=credentials,
    )  # fmt: skip
    rememberWhatWorked(options, credentials)
    recordConsents(case, options)
    return verdict


def checkConsents(options):
    """Check the consents that the options state, before a long step begins.

    :raises UsageError: ``bad-consent-date``, ``no-consent-document``
    """
    for scope in options.scopes:
        Consent.checkConsent(scope, options.consentDate, options.consentDocument)


def recordConsents(caseFolder, options):
    """Record the consents that the options state."""
    if options.scopes:
        with Case.open(caseFolder, writable=True) as case:
            for scope in options.scopes:
                Consent.recordConsent(case, scope, options.consentDate, options.consentDocument)
