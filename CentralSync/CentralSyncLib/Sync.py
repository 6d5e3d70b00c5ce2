"""The sync step: push, read back, compare; what is not proven is not done."""

import json
import tempfile
from pathlib import Path

from PlanningHubLib import Consent, Files
from PlanningHubLib.Errors import Finding, StoreFailed
from PlanningHubLib.Locking import utcNow
from PlanningHubLib.Progress import noProgress, part
from PlanningHubLib.Requirements import ensure
from PlanningHubLib.Software import versions

from .Items import REQUIRED_KINDS, itemOf, itemsOf, sentArtefacts
from .Records import AuditHead, CaseRecord
from .Results import FAILED, NOT_SENT, QUEUED, VERIFIED, ItemResult, SyncResult
from .Stores.CentralStore import ABSENT, CONFLICT, DAMAGED, REFUSED, SAME, UNFIT, UNREACHED

RECEIPT_FORMAT = 1


PURPOSE = "hospital-store"


def pushVerified(store, items, progress=noProgress, beforeSending=lambda: None):
    """Bring items into a store and prove it; return an :class:`ItemResult` for each, in their order.

    What the store keeps already is not sent again. An item is verified only when its bytes, read back from the store,
    have its SHA-256. ``beforeSending`` is called once, before the first item leaves. Trouble with the store becomes
    states and reasons; only ``Cancelled`` is raised.
    """
    declined = {item.sha256: reason for item in items if (reason := store.declines(item))}
    accepted = [item for item in items if item.sha256 not in declined]
    before = store.check(accepted, part(progress, 0.0, 0.2))
    missing = [item for item in accepted if before[item.sha256].outcome in (ABSENT, DAMAGED)]
    if missing:
        beforeSending()
    sent = store.send(missing, part(progress, 0.2, 0.6)) if missing else {}
    after = store.check(missing, part(progress, 0.6, 1.0)) if missing else {}
    progress(1.0, "Compared with the store")
    results = []
    for item in items:
        state, reason = NOT_SENT, declined.get(item.sha256)
        if item.sha256 not in declined:
            state, reason = _judge(*(answers.get(item.sha256) for answers in (before, sent, after)))
        results.append(ItemResult(item.sha256, item.sopInstanceUid, item.name, state, reason))
    return results


def _judge(before, sent, after):
    """State and reason of one item from what the store said before, at and after the sending."""
    if sent is None:
        if before.outcome == CONFLICT:
            return FAILED, f"Conflict, nothing was sent: {before.reason}"
        return {SAME: VERIFIED, UNFIT: FAILED, UNREACHED: QUEUED}[before.outcome], before.reason
    if after.outcome == SAME:
        return VERIFIED, sent.reason if before.outcome == DAMAGED else ""
    if after.outcome in (CONFLICT, DAMAGED):
        return FAILED, f"Sent, but the store does not keep what was sent. {after.reason}"
    if sent.outcome in (REFUSED, UNFIT):
        return FAILED, sent.reason
    if sent.outcome == UNREACHED:
        return QUEUED, sent.reason
    if after.outcome == UNREACHED:
        return QUEUED, f"Sent, but it could not be read back: {after.reason}"
    return FAILED, f"{sent.reason} Read back, the store does not keep it.".strip()


def syncCase(case, store, progress=noProgress):
    """Bring the case's current artefacts into a store and prove it; return a :class:`SyncResult`.

    When everything that the store takes is verified, a receipt is committed to the case, unless the newest one says
    the same already. A store that keeps whole cases also gets every other file of the case and the list of all, a
    DICOMweb store the head of the audit log; the log is held against the heads that either has kept before.
    What leaves, and where to, is recorded in the case before the first file leaves; cancelled or failed, nothing else
    in the case changes.

    :param case: open for writing
    :raises GateRefused: ``no-``, ``stale-`` or ``damaged-`` and the kind: such an artefact is never sent;
        ``no-consent``
    """
    ensure("CentralSyncLib")
    parents = _gate(case)
    Consent.requireConsent(case, PURPOSE)
    progress(0.0, "Reading the case")
    items = itemsOf(case)
    older = _olderItems(case, items) if store.keepsWholeCase else []

    def recordDeparture():
        Consent.release(case, PURPOSE, store.description, parents, once=True)

    results = pushVerified(store, items + older, part(progress, 0.02, 1.0), recordDeparture)
    findings = tuple(Consent.treatmentFindings(case))
    current = SyncResult(tuple(results[: len(items)]), store.description)
    if not current.complete:
        return SyncResult(tuple(results), store.description, findings=findings)
    receipt = _currentReceipt(case, current) or _commitReceipt(case, parents, current)
    # From here on nothing can be cancelled: the receipt is in the case, and the rest is small.
    heads, found = _comparedHeads(case, store)
    if store.keepsWholeCase:
        results += _keepRecords(case, store, results)
    else:
        results += _keepHead(case, store, heads)
    findings += tuple(found)
    return SyncResult(tuple(results), store.description, receipt, findings)


def _gate(case):
    """The artefacts to send, each whole and current; the package is looked at first, since its message says most."""
    for kind in reversed(REQUIRED_KINDS):
        case.require(kind)
    return [case.requireCurrent(one) for one in sentArtefacts(case)]


def _statement(result):
    """What a receipt says, without the times."""
    return {
        "store": result.store,
        "verified": sorted([item.sha256, item.sopInstanceUid] for item in result.items if item.state == VERIFIED),
    }


def _currentReceipt(case, result):
    """The case's newest receipt when it is current and says the same."""
    receipt = case.latest("receipt")
    if receipt is None or case.state(receipt) != "current":
        return None
    document = json.loads(case.path(receipt, "receipt.json").read_text(encoding="utf-8"))
    said = {
        "store": document["store"],
        "verified": sorted([item["sha256"], item["sopInstanceUid"]] for item in document["items"]),
    }
    return receipt if said == _statement(result) else None


def _commitReceipt(case, parents, result):
    now = utcNow()
    document = {
        "format": RECEIPT_FORMAT,
        "caseId": case.caseId,
        "store": result.store,
        "items": [
            {"sha256": item.sha256, "sopInstanceUid": item.sopInstanceUid, "name": item.name, "verifiedUtc": now}
            for item in result.items
            if item.state == VERIFIED
        ],
        "notSent": [{"sha256": item.sha256, "name": item.name} for item in result.items if item.state == NOT_SENT],
    }
    with case.staging("receipt") as stage:
        Files.writeAside(stage.folder / "receipt.json", json.dumps(document, indent=1).encode())
        return stage.commit(
            parents=parents,
            parameters={"store": result.store},
            facts={"verified": result.verified, "notSent": result.notSent},
            software=versions("requests", "pydicom"),
        )


def _olderItems(case, items):
    """Items for the files of older revisions, which only a store that keeps whole cases gets."""
    known = {item.sha256 for item in items}
    found = {}
    for artefact in case.artefacts:
        for name, record in artefact.files.items():
            path = case.path(artefact, name)
            if record.sha256 not in known | found.keys() and path.is_file():
                found[record.sha256] = itemOf(path, f"{artefact.folderName}/{name}", record.sha256)
    return list(found.values())


def _comparedHeads(case, store):
    """Return the heads that the store had before this sync, and the findings of the comparison with them."""
    try:
        heads, findings = AuditHead.keptHeads(case, store)
    except StoreFailed as error:
        words = f"The audit log could not be held against what the store kept of it: {error.message}"
        return [], [Finding("audit-head-not-compared", "warn", words, "Sync again.")]
    return heads, [*findings, *AuditHead.differences(case, heads)]


def _keepHead(case, store, heads):
    """Send the audit log's head as a DICOM object, unless the store has it; return its result."""
    head = case.auditHead
    if any((one.lines, one.sha256) == (head["lines"], head["sha256"]) for one in heads):
        return []
    with tempfile.TemporaryDirectory(prefix="planninghub-") as folder:
        return pushVerified(store, [CaseRecord.writeRecord(case, Path(folder))])


def _keepRecords(case, store, results):
    """Send ``case.json``, the audit log and the receipt, then the list of the case's files; return their results."""
    files = _filesOf(case)
    tried = {result.sha256 for result in results}
    rest = {sha256: name for name, sha256 in files.items() if sha256 not in tried and (case.folder / name).is_file()}
    records = pushVerified(store, [itemOf(case.folder / name, name, sha256) for sha256, name in rest.items()])
    kept = {result.sha256 for result in [*results, *records] if result.state == VERIFIED}
    for name, sha256 in files.items():
        if sha256 not in kept and sha256 not in tried and sha256 not in rest:
            records.append(ItemResult(sha256, "", name, FAILED, "The file is missing from the case."))
    try:
        # What the store does not have is reported above; the list names what can be given back.
        store.keepSnapshot(case.caseId, {name: sha256 for name, sha256 in files.items() if sha256 in kept})
    except StoreFailed as error:
        digest = Files.sha256Bytes(repr(sorted(files.items())).encode())
        records.append(ItemResult(digest, "", "list of the case's files", QUEUED, str(error)))
    return records


def _filesOf(case):
    """Path within the case → SHA-256 of every file of every revision, of ``case.json`` and of the audit log."""
    files = {}
    for artefact in case.artefacts:
        for name, record in artefact.files.items():
            # A source that the case only refers to comes back from the store as one that it holds.
            files[(case.artefactFolder(artefact) / name).relative_to(case.folder).as_posix()] = record.sha256
    for path in sorted(case.folder.iterdir()):
        # Hidden files are the lock and what a killed writer left aside.
        if path.is_file() and not path.name.startswith("."):
            files[path.name] = Files.sha256(path)
    return files
