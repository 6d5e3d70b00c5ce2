"""The head of the audit log, kept elsewhere: what the central store kept of a case, held against the case here.

A case, its log and its files rolled back together, or forged together, are whole in themselves; only a head kept
elsewhere shows them. A folder store keeps ``case.json`` with every sync, and with it the head of that moment.
"""

import dataclasses
import json

from PlanningHubLib.Audit import LOG_NAME, sha256Bytes
from PlanningHubLib.CaseFormat import FILE_NAME
from PlanningHubLib.Errors import Finding
from PlanningHubLib.Files import sha256

from . import CaseRecord


@dataclasses.dataclass(frozen=True)
class KeptHead:
    """The number of audit lines and the SHA-256 of the last one, as a store kept them; ``name`` says where."""

    lines: int
    sha256: str
    name: str


def compareWithStore(case, store):
    """Hold the case's audit log against every head that a store has kept of it.

    :returns: list of findings: ``audit-differs-from-store`` (reject) where the log here lacks what the store has seen,
        ``store-list-damaged`` (warn), ``audit-head-not-kept`` (warn) where the store has none to compare with
    :raises StoreFailed: a DICOMweb store cannot be asked
    """
    heads, findings = keptHeads(case, store)
    if not heads and not findings:
        return [_notKept(f"{store.description} has never kept the audit log's head of case {case.name}.")]
    return [*findings, *differences(case, heads)]


def differences(case, heads):
    """Return ``audit-differs-from-store`` for the first head that the case's audit log does not go on from."""
    fault = faultOf(case, heads)
    return [_differs(fault, case.folder / LOG_NAME)] if fault else []


def faultOf(case, heads):
    """Return in words the first head that the case's audit log does not go on from, or None."""
    lines = _linesOf(case)
    return next(filter(None, (_fault(lines, head) for head in heads)), None)


def keptHeads(case, store):
    """Return the heads that a store kept of a case, oldest first, and findings on what cannot be read.

    :raises StoreFailed: a DICOMweb store cannot be asked
    """
    return _headsInLists(case.caseId, store) if store.keepsWholeCase else _headsInRecords(case, store)


def _headsInLists(caseId, store):
    heads, findings = [], []
    for path in store.snapshots(caseId):
        try:
            digest = store.readSnapshot(path)[FILE_NAME]
            kept = store.objectPath(digest)
            if sha256(kept) != digest:
                raise ValueError("rotten")
            audit = json.loads(kept.read_bytes())["audit"]
            heads.append(KeptHead(int(audit["lines"]), sha256Bytes(audit["last"].encode()), f"list {path.name}"))
        except (OSError, ValueError, KeyError, TypeError):
            words = f"The store's list {path.name} of this case, or its case.json, cannot be read."
            findings.append(Finding("store-list-damaged", "warn", words, "Have the store checked.", (path,)))
    return heads, findings


def _headsInRecords(case, store):
    heads, damaged = [], 0
    for study, series in CaseRecord.recordSeriesOf(case):
        for data in store.readSeries(study, series):
            try:
                values = CaseRecord.readRecord(data, case.caseId)
                head = values["auditHead"]
                heads.append(KeptHead(int(head["lines"]), str(head["sha256"]), f"record of {values['when']}"))
            except (CaseRecord.NotARecord, KeyError, TypeError, ValueError):
                damaged += 1
    words = f"{damaged} of the store's records of this case cannot be read."
    findings = [Finding("store-list-damaged", "warn", words, "Have the store checked.")] if damaged else []
    return sorted(heads, key=lambda head: head.lines), findings


def _linesOf(case):
    """The SHA-256 of each audit line; the committed last one counts although it may not be in the log yet."""
    try:
        lines = (case.folder / LOG_NAME).read_bytes().split(b"\n")[:-1]
    except OSError:
        lines = []
    hashes = [sha256Bytes(line) for line in lines]
    head = case.auditHead
    if len(hashes) == head["lines"] - 1:
        hashes.append(head["sha256"])
    return hashes


def _fault(lines, head):
    if len(lines) < head.lines:
        return f"The audit log has {len(lines)} lines; the store has seen {head.lines} of them ({head.name})."
    if head.lines < 1 or lines[head.lines - 1] != head.sha256:
        return f"Line {head.lines} of the audit log is not the one that the store has seen ({head.name})."
    return None


def _differs(message, path):
    return Finding(
        "audit-differs-from-store",
        "reject",
        message,
        "The case here was rolled back or forged: restore it from the central store.",
        (path,),
    )


def _notKept(message):
    return Finding("audit-head-not-kept", "warn", message, "Compare with a store that the case was synced to.")
