"""A case given back by a central store alone: every file by its hash, written aside, judged, and only then in place."""

import contextlib
import dataclasses
import os
import shutil
import threading
from pathlib import Path

from PlanningHubLib import Files, Signing
from PlanningHubLib.Approval import approvalLines
from PlanningHubLib.Audit import LOG_NAME
from PlanningHubLib.Case import Case
from PlanningHubLib.CaseFormat import FILE_NAME
from PlanningHubLib.Errors import Finding, InputRefused, StoreFailed, UsageError, VerificationFailed, firstRejection
from PlanningHubLib.Progress import noProgress, part
from PlanningHubLib.Requirements import ensure

from ..Stores.Parallel import Breaker, runAll
from . import AuditHead, CaseRecord
from .Kept import ContentLost, requireSafe

STAGING_PREFIX = ".restore-"
NAMED = 5
ENDING_SECONDS = 10


@dataclasses.dataclass(frozen=True)
class Restored:
    """A case that was given back.

    :param state: the :class:`.Kept.KeptState` that it is in
    :param states: all states that the store has of it
    :param fetched: how many contents came from the store now; the others lay there from an interrupted restore
    :param findings: what has to be said, such as that seals cannot be checked without the key
    """

    folder: Path
    state: object
    states: tuple
    bytes: int
    fetched: int
    approvals: tuple
    findings: tuple
    readOnly: bool

    def asDict(self):
        return {
            "case": str(self.folder), "caseId": self.state.caseId, "name": self.state.name, "at": self.state.lines,
            "when": self.state.when, "files": len(self.state.files), "bytes": self.bytes, "fetched": self.fetched,
            "approvals": list(self.approvals), "audit": {"lines": self.state.lines, "sha256": self.state.headSha256},
            "states": [{"at": one.lines, "when": one.when} for one in self.states], "read_only": self.readOnly,
            "findings": [finding.asDict() for finding in self.findings],
        }  # fmt: skip


def restoreCase(source, word, folder, at=None, readOnly=False, progress=noProgress):
    """Give a case back from a store alone and return the :class:`Restored`.

    Nothing but the store is needed: no outbox and no key. Where the store fails on the way, what has come lies aside,
    and the next restore to the same folder goes on from there; in every other case nothing is left.

    :param source: :class:`.Kept.CaseSource`
    :param word: the case's name, its ID, or the pseudonym of a patient with one case
    :param folder: a new or empty one
    :param at: number of audit lines of an older state; by default the newest
    :param readOnly: take the right to write from all files and folders
    :raises InputRefused: ``no-such-case``, ``several-cases``, ``restore-running``, ``already-there``,
        ``disk-full``, ``cannot-write``
    :raises UsageError: ``no-such-state``
    :raises StoreFailed: as the store's own trouble
    :raises VerificationFailed: ``content-lost``, naming each file; ``record-damaged``, ``record-unsafe``,
        ``restored-differs``, ``audit-differs-from-store``, ``approval-false``, and what :meth:`Case.verify` rejects
    """
    ensure("CentralSyncLib")
    folder = Path(folder).absolute()
    Files.requireFree(folder)
    caseId = _oneCase(source, word, part(progress, 0.0, 0.05))
    kept = source.states(caseId)
    state = _chosen(source, kept, caseId, at)
    requireSafe(state.files)
    with _staging(source, state, folder) as staging:
        fetched = _fetchAll(source, state, staging, part(progress, 0.05, 0.9))
        case, findings = _judged(source, staging, state, kept, at is not None, part(progress, 0.9, 0.99))
        approvals = tuple(approvalLines(case))
        size = sum(path.stat().st_size for path in staging.rglob("*") if path.is_file())
        _moveInPlace(staging, folder, readOnly)
    findings += [_doesNotHold(line) for line in approvals if not line["holds"]]
    progress(1.0, "Restored")
    return Restored(folder, state, kept.states, size, fetched, approvals, tuple(findings), readOnly)


# Which case, in which state


def _oneCase(source, word, progress):
    found = source.find(word, progress)
    if not found:
        raise InputRefused(
            "no-such-case",
            f"The {source.description} keeps no case {word}.",
            "Look for it with browse; what was never synced there, or by an older version only, is not there whole.",
        )
    if len(found) > 1:
        listed = ", ".join(f"{name} ({caseId})" for caseId, name in sorted(found.items(), key=lambda one: one[1]))
        raise InputRefused("several-cases", f"{word} means {len(found)} cases: {listed}.", "Name one by its ID.")
    return next(iter(found))


def _chosen(source, kept, caseId, at):
    known = ", ".join(f"{one.lines} ({one.when})" for one in kept.states) or "none"
    if not kept.states or (at is None and kept.newestDamaged):
        raise VerificationFailed(
            "record-damaged",
            f"The newest record of case {caseId} in the {source.description} cannot be read.",
            f"Have the store looked at; older states can be asked for by their number: {known}.",
        )
    states = [one for one in kept.states if at in (None, one.lines)]
    if not states:
        raise UsageError("no-such-state", f"There is no state {at} of the case.", f"The store keeps: {known}.")
    newest = states[-1]
    if any(one.lines == newest.lines and one.headSha256 != newest.headSha256 for one in states):
        raise _differs(f"The store keeps two different states of {newest.lines} audit lines.")
    return newest


def _differs(message):
    return VerificationFailed(
        "audit-differs-from-store",
        message,
        "One of the store's records was forged, or the case was rolled back and gone on with: have it looked at.",
    )


# Fetching


@contextlib.contextmanager
def _staging(source, state, folder):
    """Yield a folder beside the destination that outlives a failing store, and nothing else."""
    word = "\x1f".join([source.description, state.caseId, state.headSha256, folder.name])
    staging = folder.parent / f"{STAGING_PREFIX}{Files.sha256Bytes(word.encode())[:16]}"
    made = [one for one in folder.parents if not one.exists()]
    with Files.namedWriteErrors(folder):
        staging.mkdir(parents=True, exist_ok=True, mode=0o700)
    with Files.folderLock(staging) as free:
        if free is False:
            raise InputRefused("restore-running", f"{folder} is being restored to already.", "Wait until it is there.")
        try:
            with Files.namedWriteErrors(folder, onlyFullDisk=True):
                yield staging
        except StoreFailed:
            raise
        except BaseException:
            _remove(staging, made)
            raise


def _remove(staging, made):
    shutil.rmtree(staging, ignore_errors=True)
    Files.removeEmptyFolders(made)


def _fetchAll(source, state, staging, progress):
    """Bring every file into the staging folder; return how many contents came from the store now.

    :raises VerificationFailed: ``content-lost``
    """
    places = {}
    for name, digest in state.files.items():
        places.setdefault(digest, []).append(name)
    _removeOthers(staging, state.files)
    for name in state.files:
        (staging / name).parent.mkdir(parents=True, exist_ok=True)
    breaker, busy = Breaker(), threading.BoundedSemaphore(source.connections)

    def work(digest):
        """Whether it was fetched, and why it could not be."""
        path = staging / places[digest][0]
        with busy:
            breaker.raiseIfStopped()
            if path.is_file() and Files.sha256(path) == digest:
                return False, ""
            try:
                source.fetch(state, digest, path, breaker.raiseIfStopped)
                return True, ""
            except ContentLost as lost:
                return False, str(lost)

    try:
        results = runAll(places, work, source.connections, progress, "Reading from the store", breaker)
    except BaseException:
        # What still writes into the folder ends first: nothing may appear in it while it is removed.
        for _connection in range(source.connections):
            busy.acquire(timeout=ENDING_SECONDS)
        raise
    lost = {digest: why for digest, (_fetched, why) in zip(places, results, strict=True) if why}
    if lost:
        raise _lost([(name, why) for digest, why in lost.items() for name in places[digest]])
    for first, *others in places.values():
        for name in others:
            shutil.copyfile(staging / first, staging / name)
    return sum(fetched for fetched, _why in results)


def _removeOthers(staging, files):
    """Remove what an interrupted restore left that is no file of the case."""
    for path in staging.rglob("*"):
        if path.is_file() and path.relative_to(staging).as_posix() not in files:
            path.unlink()


def _lost(files):
    shown = "; ".join(f"{name}: {why}" for name, why in files[:NAMED])
    more = f"; and {len(files) - NAMED} more" if len(files) > NAMED else ""
    return VerificationFailed(
        "content-lost",
        f"The store does not give back {len(files)} files of the case. {shown}{more}.",
        "Nothing was written. Scrub the store from a workstation that has the case, or ask for an older state.",
        [name for name, _why in files],
    )


# Judging what came


def _judged(source, staging, state, kept, isChosen, progress):
    """Return the case in the staging folder and the findings on it, none of them rejecting.

    :param isChosen: whether a person named the state, so that records which disagree are said and do not refuse it
    """
    if not {FILE_NAME, LOG_NAME} <= state.files.keys():
        raise _unlike("it has no case.json or no audit log")
    case = Case.open(staging)
    _requireAsRecorded(case, state)
    findings = case.verify(progress)
    bad = firstRejection(findings)
    if bad:
        raise VerificationFailed(bad.code, bad.message, bad.action, bad.files)
    for approval in case.governance["approvals"]:
        if not Signing.isTrue(approval):
            words = f"The signature of {approval['id']} is false: the case was changed by hand."
            raise VerificationFailed("approval-false", words, "Treat the case as tampered with.")
    heads, unreadable = source.heads(case)
    known = [AuditHead.KeptHead(one.lines, one.headSha256, one.where) for one in kept.states]
    fault = AuditHead.faultOf(case, [one for one in (*heads, *known) if one.lines <= state.lines])
    if fault and not isChosen:
        raise _differs(fault)
    said = [Finding("audit-differs-from-store", "warn", fault, "Have the store's records looked at.")] if fault else []
    damaged = [_damagedRecords(kept.damaged)] if kept.damaged and not unreadable else []
    return case, [*findings, *unreadable, *damaged, *said]


def _requireAsRecorded(case, state):
    """
    :raises VerificationFailed: ``restored-differs``
    """
    if (case.caseId, case.name) != (state.caseId, state.name):
        raise _unlike("it is another case")
    if case.auditHead != {"lines": state.lines, "sha256": state.headSha256}:
        raise _unlike("its audit log ends elsewhere")
    if state.graph is not None and CaseRecord.graphOf(case) != state.graph:
        raise _unlike("its artefacts are others")
    listed = {name for name in state.files if "/" in name}
    own = {
        (case.artefactFolder(one) / name).relative_to(case.folder).as_posix()
        for one in case.artefacts
        for name in one.files
    }
    if own != listed:
        raise _unlike(f"files differ: {', '.join(sorted(own ^ listed)[:NAMED])}", sorted(own ^ listed))


def _unlike(why, files=()):
    return VerificationFailed(
        "restored-differs",
        f"What the store gave back is not what its record says: {why}.",
        "Nothing was written. Have the store looked at, or ask for an older state.",
        files,
    )


def _damagedRecords(count):
    words = f"{count} of the store's records of this case cannot be read."
    return Finding("store-list-damaged", "warn", words, "Have the store checked.")


def _doesNotHold(line):
    words = f"{line['id']} by {line['user']} does not hold here: {'; '.join(line['faults'])}."
    action = "Its signature is true. Where the users are not known here, bring site.json."
    return Finding("approval-does-not-hold", "warn", words, action)


# In place


def _moveInPlace(staging, folder, readOnly):
    if readOnly:
        for path in staging.rglob("*"):
            if path.is_file():
                path.chmod(0o444)
    with Files.namedWriteErrors(folder):
        Files.syncTree(staging)
        Files.requireFree(folder)
        if folder.exists():
            folder.rmdir()
        staging.chmod(0o755)
        os.rename(staging, folder)
        Files.fsyncFolder(folder.parent)
    if readOnly:
        for path in (folder, *folder.rglob("*")):
            if path.is_dir():
                path.chmod(0o555)
