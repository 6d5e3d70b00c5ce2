"""The scrub: what was verified once is verified again, and what is gone or rotten is sent again from the local copy.

A store loses things after it has proven to have them: disks rot, somebody deletes, a quota recycles the oldest
patients, an older copy of the whole store is put back. Nothing tells the workstation; only reading again does.
"""

import contextlib
import dataclasses
import datetime
import json

from PlanningHubLib import Files
from PlanningHubLib.Errors import InputRefused, PlanningError
from PlanningHubLib.Progress import noProgress, part

from ..Outbox.Drain import Drain
from ..Outbox.Exchange import looked
from ..Outbox.Outbox import DEAD_LETTER, FAILED, VERIFIED, WITHDRAWN
from ..Outbox.StandIns import StandIns, standInsAgain
from ..Stores.CentralStore import ABSENT, CONFLICT, DAMAGED, SAME, UNFIT, UNREACHED
from . import Selection
from .LocalCopies import LocalCopies
from .ScrubReport import LOST, REPAIRED, REPLACED, UNREPAIRED, WAITING, Missed, ScrubReport
from .Selection import MARK

CHUNK_ITEMS = 200
WRONG = (ABSENT, DAMAGED, CONFLICT)
BECAME = {VERIFIED: REPAIRED, FAILED: UNREPAIRED, DEAD_LETTER: UNREPAIRED, WITHDRAWN: UNREPAIRED}
CHANGED_MEANWHILE = ("entry-held", "wrong-transition")
SCRUBS = "scrubs"
# A scrub that was stopped longer ago than this starts anew.
RESUMED_WITHIN = datetime.timedelta(days=7)


@dataclasses.dataclass
class _Run:
    """One scrub under way: what the store should keep, and what it said of each SHA-256."""

    outbox: object
    store: object
    copies: LocalCopies
    everything: list
    answers: dict = dataclasses.field(default_factory=dict)
    bytesRead: int = 0
    unreached: str = ""

    def outcome(self, kept):
        answer = self.answers.get(kept.item.sha256)
        return answer.outcome if answer else None


def scrub(
    outbox, store, scrubDays, onlyDue=False, caseFolders=(), patienceSeconds=0.0, progress=noProgress, now=None
):  # fmt: skip
    """Verify again what a store should keep, repair it from local copies, and return a :class:`ScrubReport`.

    Whatever was read is marked in the register at once, so that a scrub that was cancelled or killed goes on where it
    stopped. Nothing in the store is overwritten or deleted.

    :param scrubDays: after how many days what was verified is due again
    :param onlyDue: leave alone what is not due yet
    :param caseFolders: cases whose receipts are believed too
    :param patienceSeconds: how long to wait for a store that fails while it is repaired
    :param now: aware time, the present one by default
    :raises InputRefused: as :func:`CentralSyncLib.Upkeep.Selection.fromReceipts`
    """
    now = now or datetime.datetime.now(datetime.UTC)
    started = datetime.datetime.now(datetime.UTC)
    run = _Run(outbox, store, LocalCopies(), Selection.registered(outbox, store.address))
    for folder in caseFolders:
        known = {kept.item.sha256 for kept in run.everything}
        run.everything += Selection.fromReceipts(folder, store.description, known)
    mark, since = _startMark(outbox, store.address, now)
    days = scrubDays if onlyDue else 0
    _check(run, [kept for kept in run.everything if Selection.isDue(kept, now, days, since)], part(progress, 0.0, 0.7))
    _check(run, _besideWhatIsGone(run), part(progress, 0.7, 0.8))
    missed = _repair(run, patienceSeconds, part(progress, 0.8, 0.95))
    recycled = _recycled(run, missed, part(progress, 0.95, 1.0))
    if not run.unreached:
        mark.unlink(missing_ok=True)
    progress(1.0, "Scrubbed")
    seconds = (datetime.datetime.now(datetime.UTC) - started).total_seconds()
    nextDue = Selection.nextDue(outbox, store.address, now, scrubDays)
    return _report(run, missed, recycled, started, seconds, since, nextDue)


def _report(run, missed, recycled, started, seconds, since, nextDue):
    outcomes = [answer.outcome for answer in run.answers.values()]
    return ScrubReport(
        store=run.store.description,
        started=Selection.textOf(started),
        seconds=seconds,
        resumedFrom=Selection.textOf(since) if since else "",
        registered=len(run.everything),
        checked=len(outcomes) - outcomes.count(UNREACHED),
        whole=outcomes.count(SAME),
        unfit=tuple(kept.name for kept in run.everything if run.outcome(kept) == UNFIT),
        bytesRead=run.bytesRead,
        unreached=run.unreached,
        missed=tuple(missed),
        gone=tuple(_goneTogether(run)),
        recycled=tuple(recycled),
        rolledBack=_looksRolledBack(run),
        listsGone=tuple(_listsGone(run)),
        nextDue=nextDue,
    )


def _check(run, due, progress):
    """Ask the store for everything that is due, series by series, and mark the register after each few."""
    chunks = list(_chunks(due))
    for number, chunk in enumerate(chunks):
        if run.unreached:
            return
        items = [dataclasses.replace(kept.item, opener=_opener(run, kept)) for kept in chunk]
        answers = looked(run.store, items, part(progress, number / len(chunks), (number + 1) / len(chunks)))
        run.answers.update(answers)
        run.bytesRead += sum(kept.item.bytes for kept in chunk if answers[kept.item.sha256].outcome in (SAME, DAMAGED))
        _mark(run, chunk, answers)
        silent = [one for one in answers.values() if one.outcome == UNREACHED]
        if silent:
            # A store that is away is not asked for ten thousand objects more.
            run.unreached = silent[0].reason
    progress(1.0, "Compared with the store")


def _opener(run, kept):
    return lambda: run.copies.open(kept)


def _mark(run, chunk, answers):
    for outcomes, state, reason in (((SAME,), VERIFIED, "read back again"), (WRONG, FAILED, "")):
        marked = [kept for kept in chunk if kept.entry and answers[kept.item.sha256].outcome in outcomes]
        if marked:
            reasons = [f"{MARK} {reason or inWords(answers[kept.item.sha256])}" for kept in marked]
            _markAll(run.outbox, [kept.entry for kept in marked], state, reasons)


def _markAll(outbox, entries, state, reasons):
    """Mark entries, but for those that somebody else is sending again just now."""
    try:
        outbox.mark(entries, state, reasons)
    except PlanningError as error:
        if error.code not in CHANGED_MEANWHILE:
            raise
        if len(entries) > 1:
            for entry, reason in zip(entries, reasons, strict=True):
                _markAll(outbox, [entry], state, [reason])


def inWords(answer):
    """Return what is wrong with an object that was verified once."""
    if answer.outcome == ABSENT:
        return "it was verified once, and the store no longer has it."
    return answer.reason or "the store's copy is no longer what was verified."


def _chunks(due):
    """Whole series together, since a store is asked for them in one answer, from ``CHUNK_ITEMS`` on in one go."""

    def series(kept):
        return kept.item.studyUid, kept.item.seriesUid

    chunk = []
    for kept in sorted(due, key=series):
        if len(chunk) >= CHUNK_ITEMS and (not kept.item.seriesUid or series(kept) != series(chunk[-1])):
            yield chunk
            chunk = []
        chunk.append(kept)
    if chunk:
        yield chunk


def _together(kept):
    """What disappears together: a study of an archive, a case of a store that keeps files."""
    return kept.item.studyUid or kept.caseId


def _besideWhatIsGone(run):
    """What is not due itself, but belongs to a study of which something is gone."""
    hit = {_together(kept) for kept in run.everything if run.outcome(kept) == ABSENT}
    return [kept for kept in run.everything if _together(kept) in hit and run.outcome(kept) is None]


def _goneTogether(run):
    """Yield the studies or cases of which the store has nothing any more: deleted, or recycled by a quota."""
    groups = {}
    for kept in run.everything:
        groups.setdefault(_together(kept), []).append(run.outcome(kept))
    return (group for group, outcomes in groups.items() if len(outcomes) > 1 and set(outcomes) == {ABSENT})


def _looksRolledBack(run):
    """Whether exactly the newest is missing, as after an older copy of the whole store was put back."""
    known = [(kept.entry.id, run.outcome(kept)) for kept in run.everything if kept.entry]
    gone = [number for number, outcome in known if outcome == ABSENT]
    there = [number for number, outcome in known if outcome == SAME]
    return len(gone) > 1 and bool(there) and min(gone) > max(there)


def _repair(run, patienceSeconds, progress):
    """Send what is wrong again from its local copy; return the list of :class:`Missed`."""
    missed, ids = [], {}
    for kept in run.everything:
        if run.outcome(kept) in WRONG:
            try:
                ids[kept] = _queue(run, kept)
            except PlanningError as error:
                state = LOST if error.code == "no-local-copy" else UNREPAIRED
                missed.append(_missed(run, kept, state, str(error)))
    if ids and not run.unreached:
        Drain(run.outbox, run.store).drain(list(ids.values()), patienceSeconds, progress)
    now = {entry.id: entry for entry in run.outbox.entries(ids=list(ids.values()))} if ids else {}
    standIns = StandIns(run.outbox.entries(run.store.address) if ids else [])
    for kept, number in ids.items():
        entry = now[number]
        state = BECAME.get(standIns.stateOf(entry), WAITING)
        isReplaced = state == REPAIRED and standIns.of(entry)
        missed.append(_missed(run, kept, REPLACED if isReplaced else state, entry.reason))
    return missed


def _recycled(run, missed, progress):
    """Return the studies that the store threw away while others were sent to it again: its quota does that."""
    if not any(one.state == REPAIRED for one in missed) or not any(True for _one in _goneTogether(run)):
        return []
    whole = {_together(kept): kept for kept in run.everything if run.outcome(kept) == SAME}
    answers = looked(run.store, [kept.item for kept in whole.values()], progress)
    gone = {study: kept for study, kept in whole.items() if answers[kept.item.sha256].outcome == ABSENT}
    # Marked, so that the next scrub looks at the whole study, due or not.
    _mark(run, list(gone.values()), answers)
    return list(gone)


def _queue(run, kept):
    """Return the ID of the entry under which something is sent again.

    :raises InputRefused: ``no-local-copy`` and what the outbox refuses
    """
    item = _again(run, kept)
    if item is None:
        raise InputRefused("no-local-copy", "No local copy of it is left.", "")
    replaces = {item.sha256: kept.entry.replaces} if kept.entry else {}
    return run.outbox.enqueue([item], run.store.address, kept.caseId, kept.caseFolder, replaces=replaces)[0]


def _again(run, kept):
    """Return what is sent again, with its content from here; None where no local copy is left."""
    item = run.copies.itemFor(kept)
    if item is None and kept.entry and kept.entry.replaces is not None:
        (original,) = run.outbox.entries(ids=[kept.entry.replaces])
        content = _again(run, Selection.keptOf(original))
        again = standInsAgain(run.outbox, original, content) if content else []
        item = next((one for one in again if one.sha256 == kept.item.sha256), None)
    return item


def _missed(run, kept, state, reason):
    return Missed(kept.item, kept.name, run.answers[kept.item.sha256], state, reason)


def _listsGone(run):
    """Yield the cases whose list of files is gone from a store that keeps whole cases."""
    if run.store.keepsWholeCase and not run.unreached:
        for caseId in sorted({kept.caseId for kept in run.everything if kept.caseId}):
            lists = run.store.snapshots(caseId)
            if not lists or run.store.readSnapshot(lists[-1]) is None:
                yield caseId


def _startMark(outbox, address, now):
    """Return the file that stands while a scrub of this store is unfinished, and when such a one began, or None."""
    mark = outbox.folder / SCRUBS / f"{Files.sha256Bytes(address.encode())[:32]}.json"
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        since = datetime.datetime.fromisoformat(json.loads(mark.read_bytes())["started"])
        if datetime.timedelta() <= now - since < RESUMED_WITHIN:
            return mark, since
    mark.parent.mkdir(mode=0o700, exist_ok=True)
    Files.writeAside(mark, json.dumps({"started": now.isoformat()}).encode())
    return mark, None
