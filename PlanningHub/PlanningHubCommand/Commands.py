"""The commands: each takes the parsed options and returns (JSON values, report for a person, exit code)."""

from pathlib import Path

from PlanningHubLib.Approval import approvalLines
from PlanningHubLib.Artefacts import KINDS
from PlanningHubLib.Case import Case, isCase
from PlanningHubLib.CaseList import findCases, listCases
from PlanningHubLib.Consent import consentLines
from PlanningHubLib.Errors import (
    InputRefused,
    PlanningError,
    StoreFailed,
    VerificationFailed,
    firstRejection,
)
from PlanningHubLib.Import import examine, importVerdict
from PlanningHubLib.Planning.OutcomeView import outcomeLines
from PlanningHubLib.RescanRequest import writeRescanRequest
from PlanningHubLib.Secrets import KeyRing
from PlanningHubLib.Steps import stepStates

from . import Chain
from .ArchiveOptions import credentialsOf, rememberWhatWorked
from .Console import findingLines, resultReport, table
from .Exchanging import exchangeText
from .Packing import newerStudiesOf, saidOfPackage
from .PartOptions import recipeOf
from .SegmentOptions import checkServer, reviewCase, segmentCase, segmentReport, segmentWithModel

# Findings that are no warning, and yet nobody may overlook.
SAID_ALOUD = ("treatment-consent-elsewhere",)


def run(options, console):
    result = Chain.runChain(options.source, options.out, options, console)
    synced = result["sync"]
    result["sync"] = synced.asDict() if synced else None
    return result, _runReport(result), _syncExitCode(synced) if synced else 0


def importSource(options, console):
    progress = console.progress("import")
    values = {"verdict": "reject", "findings": [], "series": [], "case": None}
    Chain.checkConsents(options)
    try:
        credentials = credentialsOf(options)
        verdict = examine(
            options.source, options.seriesUid, progress, options.procedure, options.side, options.repair,
            options.reference, options.patientId, credentials,
        )  # fmt: skip
        rememberWhatWorked(options, credentials)
        values.update(verdict.asDict())
        if options.rescanRequest:
            writeRescanRequest(Path(options.rescanRequest), verdict, options.side)
            values["rescan_request"] = options.rescanRequest
        importVerdict(
            verdict, options.case, options.side, options.procedure, progress=progress, reference=options.reference
        )
        Chain.recordConsents(options.case, options)
    except PlanningError as error:
        if error.code not in {finding["code"] for finding in values["findings"]}:
            values["findings"].append(error.asFinding().asDict())
        error.result = {**values, "verdict": "reject"}
        raise
    values["case"] = options.case
    lines = [f"{verdict.word}: {len(verdict.chosen.headers)} slices in case {options.case}"]
    lines += [f"  {finding.severity} {finding.code}: {finding.message}" for finding in verdict.findings]
    return values, "\n".join(lines), 0


def segment(options, console):
    if options.review:
        values = reviewCase(options.case, options)
        left = "; ".join(values["faults"]) or "nothing"
        return values, f"{values['verdict']}: {', '.join(values['reviewed'])}\nStill to be reviewed: {left}", 0
    if options.check:
        return checkServer(options)
    progress = console.progress("segment")
    result = segmentWithModel(options, progress) if options.by else segmentCase(options.case, options, progress)
    return result, "\n".join([resultReport(result), *segmentReport(result["facts"])]), 0


def makePart(options, console):
    result = Chain.makePart(options.case, recipeOf(options), console.progress("print"))
    return result, resultReport(result), 0


def sync(options, console):
    result = Chain.sync(options.case, options.store, options.waitSeconds, console.progress("sync"))
    return result.asDict(), syncReport(result.asDict()), _syncExitCode(result)


def _syncExitCode(result):
    problem = result.problem()
    return problem.exitCode if problem else 0


def syncReport(values):
    lines = [f"verified {values['verified']}, failed {values['failed']}, queued {values['queued']}"]
    wrong = [item for item in values["items"] if item["state"] in ("failed", "queued")]
    lines += [f"  {item['state']}: {item['name']}: {item['reason']}" for item in wrong[:10]]
    return "\n".join(lines + findingLines([*values["alarms"], *values["findings"]]))


def deidentify(options, console):
    from ORExportLib.CopyDocuments import copyDocuments
    from PlanningHubLib.Deidentify import deidentify as makeCopy

    report = makeCopy(
        options.source, options.out, options.profile, options.recipient, options.deface,
        progress=console.progress("deidentify"), documents=copyDocuments(),
    )  # fmt: skip
    lines = [f"{len(report['files'])} files for {report['pseudonym']} in {options.out}, profile {report['profile']}"]
    lines += [f"  {finding['severity']} {finding['code']}: {finding['message']}" for finding in report["findings"]]
    return {"out": str(options.out), **report}, "\n".join(lines), 0


def verify(options, console):
    folder = Path(options.folder)
    findings, what = _verifyFolder(folder, console.progress("verify"), options.store)
    exitCode = VerificationFailed.exitCode
    if options.store and what == "case":
        try:
            findings += _compareWithStore(folder, options.store)
        except StoreFailed as error:
            # What the folder alone shows is said all the same.
            exitCode = exitCode if firstRejection(findings) else error.exitCode
            findings.append(error.asFinding())
    bad = firstRejection(findings)
    values = {"what": what, "ok": bad is None, "findings": [finding.asDict() for finding in findings]}
    if what == "package" and bad is None:
        values |= saidOfPackage(folder)
    lines = [f"{what} {folder}: " + ("verified" if bad is None else "NOT verified")]
    lines += [f"  {finding.severity} {finding.code}: {finding.message}" for finding in findings]
    return values, "\n".join(lines), exitCode if bad else 0


def _compareWithStore(folder, address):
    from CentralSyncLib.Records import AuditHead
    from CentralSyncLib.Stores import Addresses

    with Case.open(folder.parent if folder.is_file() else folder) as case:
        return AuditHead.compareWithStore(case, Addresses.openStore(address))


def _verifyFolder(folder, progress, store):
    from PlanningHubLib.Audit import LOG_NAME

    if folder.name == LOG_NAME and folder.is_file():
        folder = folder.parent
    if isCase(folder):
        with Case.open(folder) as case:
            return case.verify(progress), "case"
    from ORExportLib import Verify

    if Verify.isPackage(folder):
        return Verify.verifyPackage(folder, progress, newerStudiesOf(store)), "package"
    from CentralSyncLib.Outbox.Opening import isOutbox
    from CentralSyncLib.Outbox.Verify import verifyOutbox

    if isOutbox(folder):
        return verifyOutbox(folder, KeyRing.forThisInstallation(create=False), progress), "outbox"
    raise InputRefused(
        "nothing-to-verify",
        f"{folder} is neither a case, a package nor an outbox.",
        "Choose the folder of a case, a package or an outbox.",
    )


def status(options, console):
    if options.case:
        with Case.open(options.case) as case:
            values = _caseStatus(case)
        return values, _caseReport(values), 0
    root = Path(options.root)
    if not root.is_dir():
        raise InputRefused("no-source", f"{root} is not a folder.", "Choose the folder that holds the cases.")
    listed = listCases(root, console.progress("status"))
    wanted = {"state": options.state} if options.state else {}
    cases = [_listedStatus(one, listed) for one in findCases(listed, options.search, options.sort, **wanted)]
    rows = [["case", "side", "next", "state", "surgery", "folder"]]
    rows += [
        [one["name"], one["side"] or "not stated", one["next"] or "-", one["state"] or "-", one["surgery_date"] or "-",
         one["folder"]]
        for one in cases
    ]  # fmt: skip
    return {"cases": cases}, table(rows), 0


def _listedStatus(case, listed):
    request = case.request or {}
    return {
        "folder": str(case.folder),
        "name": case.name,
        "side": case.side,
        "procedure": case.procedure,
        "created": case.created,
        "steps": [{"kind": kind, "state": case.states[kind]} for kind in KINDS if kind in case.states],
        "next": case.nextKind,
        "state": case.state,
        "surgery_date": request.get("surgeryDate"),
        "urgency": request.get("urgency"),
        "assigned_to": request.get("assignedTo"),
        "consent": list(case.consents),
    }


def _caseStatus(case):
    from CentralSyncLib.Exchange.Overview import exchangeLines

    states = stepStates(case)
    return {
        "folder": str(case.folder),
        "name": case.name,
        "side": case.side,
        "procedure": case.procedure,
        "created": case.created,
        "steps": [{"kind": kind, "state": states[kind]} for kind in KINDS if kind in states],
        "next": next((kind for kind, state in states.items() if state == "next"), None),
        "consent": consentLines(case),
        "approvals": approvalLines(case),
        "outcomes": outcomeLines(case),
        "exchanges": exchangeLines(case),
        "reports": case.governance["reports"],
        "request": case.governance["request"],
        "audit": case.auditHead,
    }


def _caseReport(values):
    rows = [["step", "state"], *([step["kind"], step["state"]] for step in values["steps"])]
    head = f"{values['name']}  side: {values['side'] or 'NOT STATED'}  procedure: {values['procedure'] or '-'}"
    consents = ", ".join(f"{scope} {state}" for scope, state in values["consent"].items() if state != "none")
    lines = [head, table(rows), f"consent: {consents or 'none'}"]
    for one in values["approvals"]:
        verdict = "holds" if one["holds"] else f"does NOT hold: {'; '.join(one['faults'])}"
        lines.append(f"{one['id']} of {one['target']} by {one['user']} ({one['role']}), {one['when']}: {verdict}")
    for one in values["outcomes"]:
        counts = f"{one['found']} found, {one['notFound']} not found"
        lines.append(f"{one['id']} revision {one['revision']} ({one['state']}): {one['title']}, {counts}")
    lines += [exchangeText(values["exchanges"])] if values["exchanges"] else []
    lines += [f"REPORTED by {one['who']}, {one['when']}: {one['text']}" for one in values["reports"]]
    return "\n".join(lines)


def _runReport(result):
    rows = [["step", "seconds", "peak MiB", "result"]]
    results = _resultTexts(result)
    rows += [
        [step["name"], f"{step['seconds']:.1f}", step["peak_mib"], results.get(step["name"], "")]
        for step in result["steps"]
    ]
    rows.append(["total", f"{sum(step['seconds'] for step in result['steps']):.1f}", "", ""])
    files = [["SHA-256", "file"]]
    files += [
        [output["sha256"][:16], output["path"]]
        for step in result["steps"]
        if step["name"] != "import"
        for output in step["outputs"]
    ]
    title = f"Case {result['name']}, side {result['side'] or 'NOT STATED'}"
    where = f"Look at {result['package']} (start with the PDF); the case is {result['case']}."
    warnings = [f"{'warning' if one['severity'] == 'warn' else 'note'} {one['code']}: {one['message']} {one['action']}"
                for one in result["findings"] if one["severity"] == "warn" or one["code"] in SAID_ALOUD]  # fmt: skip
    parts = [title, "\n".join(warnings), table(rows, rightAligned=(1, 2)), table(files), where]
    return "\n\n".join(text for text in parts if text)


def _chosen(result):
    return next(series for series in result["series"] if series["uid"] == result["chosen"])


def _resultTexts(result):
    segmentation, part = result["facts"]["segment"], result["facts"]["print"]
    deviation = f"off by {part['deviationMm']:.3f} mm at most"
    texts = {
        "import": f"{_chosen(result)['shape']} voxels, {result['verdict']}",
        "segment": ", ".join(f"{name} {one['volumeMl']:.1f} ml" for name, one in segmentation["structures"].items()),
        "print": f"{part['object']['name']}: {part['volumeMl']:.1f} ml, {part['triangles']:,} triangles, {deviation}",
        "package": f"{result['facts']['package']['files']} files, checked",
    }
    if result["plan"]:
        texts["plan"] = f"{result['plan']['title']}: {len(result['plan']['steps'])} steps"
    if result["sync"]:
        texts["sync"] = f"{result['sync']['verified']} verified, {result['sync']['failed']} failed, " \
            f"{result['sync']['queued']} queued"  # fmt: skip
    return texts
