"""Runs the queue of a workstation: every store in turn, then the receipts of the cases that became whole."""

import time

from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import Finding, PlanningError
from PlanningHubLib.Progress import noProgress, part

from ..Items import itemsOf
from ..Stores.Addresses import openStore
from ..Sync import syncCase
from .Drain import Drain
from .Entries import VERIFIED
from .Health import WAITING
from .StandIns import StandIns


def runQueue(outbox, stores, patienceSeconds=0.0, progress=noProgress):
    """Send and prove what waits for the stores; return (state, entry) of each that waited, and findings.

    The state is that of what stands in for an entry, where others do; then a finding ``store-copy-corrupt`` says so.
    Trouble with one store or case is a finding and stops no other. A case that became whole gets its receipt, where its
    folder is known and nothing else has come into it since.

    :raises Cancelled: as ``progress`` does; what was under way is back in the queue
    """
    end = time.monotonic() + patienceSeconds
    after, findings = [], []
    for number, address in enumerate(stores):
        share = part(progress, number / len(stores), (number + 1) / len(stores))
        ids = [entry.id for entry in outbox.entries(address, states=WAITING)]
        if not ids:
            continue
        try:
            store = openStore(address)
            left = max(0.0, end - time.monotonic())
            drained = Drain(outbox, store).drain(ids, left, part(share, 0.0, 0.8))
            if drained.reason:
                findings.append(Finding("store-waits", "warn", f"{store.description}: {drained.reason}"))
        except PlanningError as error:
            findings.append(Finding(error.code, "warn", error.message, error.action))
            store = None
        entries, standIns = outbox.entries(ids=ids), StandIns(outbox.standIns(address))
        after += [(standIns.stateOf(entry), entry) for entry in entries]
        findings += standIns.alarms(entries)
        if store:
            findings += _completeCases(outbox, store, entries, part(share, 0.8, 1.0))
    return after, findings


def _completeCases(outbox, store, entries, progress):
    """Write the receipts of the cases of which nothing waits any more; return what has to be said."""
    findings = []
    for folder, caseId in sorted({(entry.caseFolder, entry.caseId) for entry in entries if entry.caseFolder}):
        there = outbox.entries(store.address, caseId=caseId)
        if not any(entry.state in WAITING for entry in there):
            findings += _completeCase(folder, caseId, store, there, progress)
    return findings


def _completeCase(folder, caseId, store, entries, progress):
    standIns = StandIns(entries)
    verified = {entry.contentSha256 or entry.sha256 for entry in entries if standIns.stateOf(entry) == VERIFIED}
    try:
        with Case.open(folder, writable=True) as case:
            # What has come into the case since was never chosen to be sent.
            if case.caseId != caseId or not {item.sha256 for item in itemsOf(case)} <= verified:
                return []
            return list(syncCase(case, store, progress, patienceSeconds=0.0).findings)
    except (PlanningError, OSError) as error:
        words = f"All of the case in {folder} is in the store, but its receipt could not be written: {error}"
        return [Finding("receipt-not-written", "warn", words, "Sync the case again.")]
