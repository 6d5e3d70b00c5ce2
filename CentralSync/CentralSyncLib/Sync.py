"""The sync step: queue, push, read back, compare; what is not proven is not done."""

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
from .Outbox.Outbox import Outbox
from .Outbox.Push import Push
from .Records import AuditHead, CaseRecord
from .Results import FAILED, NOT_SENT, QUEUED, VERIFIED, ItemResult, SyncResult
from .Upkeep.Retract import requireNotRetracted

RECEIPT_FORMAT = 1
PURPOSE = "hospital-store"
PATIENCE_SECONDS = 60.0
CHANGED = "The file in the case is no longer what was recorded; it was not sent."


def syncCase(case, store, progress=noProgress, patienceSeconds=PATIENCE_SECONDS):
    """Bring the case's current artefacts into a store and prove it; return a :class:`SyncResult`.

    Everything goes through this workstation's outbox: what is not proven when the patience is over waits there, and
    goes on with the next sync or with the queue. When everything that the store takes is verified, a receipt is
    committed to the case, unless the newest one says the same already. A store that keeps whole cases also gets every
    other file of the case and the list of all, a DICOMweb store the head of the audit log; the log is held against the
    heads that either has kept before.
    What leaves, and where to, is recorded in the case before it is queued. Cancelled, what has not been proven by then
    is withdrawn from the queue, and nothing else in the case changes.

    :param case: open for writing
    :param patienceSeconds: how long to wait in all for a store that fails
    :raises GateRefused: ``no-``, ``stale-``, ``damaged-`` or ``retracted-`` and the kind: such an artefact is never
        sent; ``no-consent``; those of the outbox
    :raises InputRefused: as :meth:`.Outbox.Outbox.Outbox.enqueue`
    """
    ensure("CentralSyncLib")
    parents = _gate(case)
    Consent.requireConsent(case, PURPOSE)
    progress(0.0, "Reading the case")
    items = itemsOf(case)
    older, rotten = _olderItems(case, items) if store.keepsWholeCase else ([], [])
    Consent.release(case, PURPOSE, store.description, parents, once=True)
    with Outbox.forThisWorkstation() as outbox:
        push = Push(outbox, store, case.caseId, case.folder, patienceSeconds).push
        results = push([*items, *older], part(progress, 0.02, 1.0))
        findings = tuple(Consent.treatmentFindings(case))
        current = SyncResult(tuple(results[: len(items)]), store.description)
        results += rotten
        if not current.complete:
            return SyncResult(tuple(results), store.description, findings=findings)
        receipt = _currentReceipt(case, current) or _commitReceipt(case, parents, current)
        # From here on nothing can be cancelled: the receipt is in the case, and the rest is small.
        heads, found = _comparedHeads(case, store)
        if store.keepsWholeCase:
            results += _keepRecords(case, store, results, push)
        else:
            results += _keepHead(case, heads, push)
    findings += tuple(found)
    return SyncResult(tuple(results), store.description, receipt, findings)


def _gate(case):
    """The artefacts to send, each whole and current; the package is looked at first, since its message says most."""
    for kind in reversed(REQUIRED_KINDS):
        case.require(kind)
    current = [case.requireCurrent(one) for one in sentArtefacts(case)]
    requireNotRetracted(case, current)
    return current


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
    """Items for the files of older revisions, which only a store that keeps whole cases gets, and results of others."""
    known = {item.sha256 for item in items}
    found, rotten = {}, []
    for artefact in case.artefacts:
        for name, record in artefact.files.items():
            path = case.path(artefact, name)
            if record.sha256 in known | found.keys() or not path.is_file():
                continue
            label = f"{artefact.folderName}/{name}"
            if Files.sha256(path) == record.sha256:
                found[record.sha256] = itemOf(path, label, record.sha256)
            else:
                rotten.append(ItemResult(record.sha256, "", label, FAILED, CHANGED))
    return list(found.values()), rotten


def _comparedHeads(case, store):
    """Return the heads that the store had before this sync, and the findings of the comparison with them."""
    try:
        heads, findings = AuditHead.keptHeads(case, store)
    except StoreFailed as error:
        words = f"The audit log could not be held against what the store kept of it: {error.message}"
        return [], [Finding("audit-head-not-compared", "warn", words, "Sync again.")]
    return heads, [*findings, *AuditHead.differences(case, heads)]


def _keepHead(case, heads, push):
    """Send the audit log's head as a DICOM object, unless the store has it; return its result."""
    head = case.auditHead
    if any((one.lines, one.sha256) == (head["lines"], head["sha256"]) for one in heads):
        return []
    with tempfile.TemporaryDirectory(prefix="planninghub-") as folder:
        return push([CaseRecord.writeRecord(case, Path(folder))])


def _keepRecords(case, store, results, push):
    """Send ``case.json``, the audit log and the receipt, then the list of the case's files; return their results."""
    files = _filesOf(case)
    tried = {result.sha256 for result in results}
    rest = {sha256: name for name, sha256 in files.items() if sha256 not in tried and (case.folder / name).is_file()}
    records = push([itemOf(case.folder / name, name, sha256) for sha256, name in rest.items()])
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
