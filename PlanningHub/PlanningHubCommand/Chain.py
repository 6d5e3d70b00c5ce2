"""The steps of the command, one function each, and the whole chain with what each step took."""

import sys
import time
from pathlib import Path

from PlanningHubLib import Consent
from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import GateRefused, InputRefused
from PlanningHubLib.Import import importSeries
from PlanningHubLib.Session import Session
from PlanningHubLib.Site import Site

from .ArchiveOptions import credentialsOf, rememberWhatWorked
from .SegmentOptions import segmentCase


def makePart(caseFolder, maximumDeviationMm, progress):
    """Prepare a case's printable part."""
    from PrintPrepLib import Part

    with Session.start() as session, Case.open(caseFolder, writable=True) as case:
        return described(case, Part.makePart(case, session, maximumDeviationMm, progress=progress))


def makePackage(caseFolder, outFolder, progress, requireApproved=False):
    """Make a case's operating-room package and copy it to ``outFolder``."""
    from ORExportLib import Package

    refuseFilled(outFolder)
    with Session.start() as session, Case.open(caseFolder, writable=True) as case:
        package = Package.makePackage(case, session, progress=progress, requireApproved=requireApproved)
        Package.exportPackage(case, package, outFolder)
        result = described(case, package)
    folder = Path(outFolder).absolute()
    return {
        **result,
        "outputs": [outputOf(folder / name, record.sha256) for name, record in package.files.items()],
    }


def sync(caseFolder, storeAddress, progress):
    """Send a case to a central store; return the result of every item."""
    from CentralSyncLib import Stores, Sync

    with Case.open(caseFolder, writable=True) as case:
        return Sync.syncCase(case, Stores.openStore(storeAddress), progress=progress)


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
    """Run the whole chain: import, segment, print, package and, with a store, sync.

    :param options: namespace with seriesUid, side, procedure, scopes, consentDate, consentDocument, maximumDeviationMm,
        store, and those of :mod:`PlanningHubCommand.SegmentOptions`
    :returns: dictionary for the command's JSON; ``sync`` in it is None without a store
    :raises GateRefused: ``no-consent`` before anything is done, where the site records consent to treatment and it is
        not among the scopes
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
    chain = Chain(console)
    verdict = chain.step("import", lambda progress: _import(source, case, options, progress))
    with Case.open(case) as opened:
        chain.outputs(described(opened, opened.latest("source"))["outputs"])
        name, side = opened.name, opened.side
    facts = {}
    for stepName, function, arguments in (
        ("segment", segmentCase, (case, options)),
        ("print", makePart, (case, options.maximumDeviationMm)),
        ("package", makePackage, (case, package)),
    ):
        result = chain.step(stepName, function, *arguments)
        chain.outputs(result["outputs"])
        facts[stepName] = result["facts"]
    result = {
        "case": str(case), "name": name, "side": side, "package": str(package), **verdict.asDict(),
        "facts": facts, "sync": None, "steps": chain.steps,
    }  # fmt: skip
    if options.store:
        synced = chain.step("sync", sync, case, options.store)
        result["sync"] = synced
        if synced.receipt:
            with Case.open(case) as opened:
                chain.outputs(described(opened, synced.receipt)["outputs"])
    return result


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
