"""The sync step: push, read back, compare; what is not proven is not done."""

import json

from PlanningHubLib import Consent, Files
from PlanningHubLib.Errors import Finding, StoreFailed
from PlanningHubLib.Locking import utcNow
from PlanningHubLib.Progress import noProgress, part
from PlanningHubLib.Requirements import ensure
from PlanningHubLib.Software import versions

from .Items import REQUIRED_KINDS, sentArtefacts
from .Records import AuditHead, CaseFiles
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
    items = CaseFiles.caseItems(case, store, part(progress, 0.0, 0.05))

    def recordDeparture():
        Consent.release(case, PURPOSE, store.description, parents, once=True)

    results = pushVerified(store, items.all, part(progress, 0.05, 1.0), recordDeparture)
    findings = tuple(Consent.treatmentFindings(case))
    current = SyncResult(tuple(results[: len(items.current)]), store.description)
    results += items.refused
    if not current.complete:
        return SyncResult(tuple(results), store.description, findings=findings)
    receipt = _currentReceipt(case, current) or _commitReceipt(case, parents, current)
    # From here on nothing can be cancelled: the receipt is in the case, and the rest is small.
    _heads, found = _comparedHeads(case, store)
    closing = CaseFiles.closingItems(case, store, items)
    results += [*pushVerified(store, closing.all), *closing.refused]

    def push(more):
        return pushVerified(store, more)

    results += CaseFiles.keepRecord(case, store, [items, closing], results, push)
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


def _comparedHeads(case, store):
    """Return the heads that the store had before this sync, and the findings of the comparison with them."""
    try:
        heads, findings = AuditHead.keptHeads(case, store)
    except StoreFailed as error:
        words = f"The audit log could not be held against what the store kept of it: {error.message}"
        return [], [Finding("audit-head-not-compared", "warn", words, "Sync again.")]
    return heads, [*findings, *AuditHead.differences(case, heads)]
