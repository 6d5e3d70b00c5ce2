"""The sync step: queue, push, read back, compare; what is not proven is not done."""

import json

from PlanningHubLib import Consent, Files
from PlanningHubLib.Errors import Finding, StoreFailed
from PlanningHubLib.Locking import utcNow
from PlanningHubLib.Progress import noProgress, part
from PlanningHubLib.Requirements import ensure
from PlanningHubLib.Site import Site
from PlanningHubLib.Software import versions

from . import Access
from .Fhir import Bundle
from .Items import REQUIRED_KINDS, sentArtefacts
from .Outbox.Outbox import Outbox
from .Outbox.Push import Push
from .Records import AuditHead, CaseFiles
from .Results import NOT_SENT, VERIFIED, SyncResult
from .Stores.Addresses import openStore
from .Upkeep.Retract import requireNotRetracted

RECEIPT_FORMAT = 1
PURPOSE = "hospital-store"
PATIENCE_SECONDS = 60.0


def syncCase(case, store, progress=noProgress, patienceSeconds=PATIENCE_SECONDS):
    """Bring the case's current artefacts into a store and prove it; return a :class:`SyncResult`.

    Everything goes through this workstation's outbox: what is not proven when the patience is over waits there, and
    goes on with the next sync or with the queue. When everything that the store takes is verified, a receipt is
    committed to the case, unless the newest one says the same already. A store that keeps whole cases also gets every
    other file of the case; a store of DICOM objects gets plain files wrapped. Either keeps the record of them all, and
    the audit log is held against the heads that it has kept before. The site's FHIR endpoint, where there is one, gets
    the metadata of a case that the store has whole.
    What leaves, and where to, is recorded in the case before it is queued. Cancelled, what has not been proven by then
    is withdrawn from the queue, and nothing else in the case changes.

    :param case: open for writing
    :param patienceSeconds: how long to wait in all for a store that fails
    :raises GateRefused: ``no-``, ``stale-``, ``damaged-`` or ``retracted-`` and the kind: such an artefact is never
        sent; ``no-consent``; ``role-missing``; those of the outbox
    :raises InputRefused: as :meth:`.Outbox.Outbox.Outbox.enqueue`
    :raises UsageError: as :func:`.Stores.Addresses.openStore` for the site's FHIR endpoint
    """
    ensure("CentralSyncLib")
    Access.require(store, "push")
    endpoint = _endpoint()
    parents = _gate(case)
    Consent.requireConsent(case, PURPOSE)
    progress(0.0, "Reading the case")
    items = CaseFiles.caseItems(case, store, part(progress, 0.0, 0.05))
    Consent.release(case, PURPOSE, store.description, parents, once=True)
    with Outbox.forThisWorkstation() as outbox:
        pushing = Push(outbox, store, case.caseId, case.folder, patienceSeconds)
        push = pushing.push
        results = push(items.all, part(progress, 0.05, 1.0))
        findings = tuple(Consent.treatmentFindings(case))
        current = SyncResult(tuple(results[: len(items.current)]), store.description)
        results += items.refused
        if not current.complete:
            return SyncResult(tuple(results), store.description, None, findings, tuple(pushing.alarms))
        receipt = _currentReceipt(case, current) or _commitReceipt(case, parents, current)
        # From here on nothing can be cancelled: the receipt is in the case, and the rest is small.
        if endpoint:
            # Before the case's own files are kept, which say so then.
            Consent.release(case, PURPOSE, endpoint.description, parents, once=True)
        findings += tuple(_comparedHeads(case, store))
        closing = CaseFiles.closingItems(case, store, items)
        results += [*push(closing.all), *closing.refused]
        results += CaseFiles.keepRecord(case, store, results, push)
        if endpoint:
            metadata = Bundle.itemFor(case, [*items.all, *closing.all])
            results += Push(outbox, endpoint, case.caseId, case.folder, patienceSeconds).push([metadata])
    return SyncResult(tuple(results), store.description, receipt, findings, tuple(pushing.alarms))


def _endpoint():
    address = Site.forThisInstallation().fhirEndpoint
    return openStore(address) if address else None


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
            {"sha256": item.sha256, "sopInstanceUid": item.sopInstanceUid, "name": item.name, "verifiedUtc": now,
             "contentSha256": item.fileSha256}
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
    """Return what has to be said of the audit log, held against the heads that the store kept before this sync."""
    try:
        heads, findings = AuditHead.keptHeads(case, store)
    except StoreFailed as error:
        words = f"The audit log could not be held against what the store kept of it: {error.message}"
        return [Finding("audit-head-not-compared", "warn", words, "Sync again.")]
    return [*findings, *AuditHead.differences(case, heads)]
