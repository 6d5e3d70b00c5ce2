"""The outbox: what is to be sent, kept on this workstation's disk until a store has proven that it keeps it.

Any number of threads and processes may use one at the same time. What a call has returned survives a kill at any
moment; entries that a process held when it ended go back into the queue.
"""

import contextlib
import time
from pathlib import Path

from PlanningHubLib.Errors import GateRefused, InputRefused, UsageError
from PlanningHubLib.Progress import noProgress, part
from PlanningHubLib.Requirements import ensure
from PlanningHubLib.Secrets import KeyRing

from ..Items import Item
from . import Opening, Owners, Transitions
from .Database import Database
from .Entries import (
    DEAD_LETTER,
    FAILED,
    FOLLOWING,
    HELD,
    NEEDS_NO_PAYLOAD,
    QUEUED,
    SENDING,
    SENT,
    TAKEN_AGAIN,
    VERIFIED,
    WITHDRAWN,
    Entry,
    entryOf,
    secondsOf,
    textOf,
)
from .Payloads import Payloads
from .Rows import (
    distinct,
    dueRows,
    foldersOf,
    hasArrivedSince,
    isPaused,
    newestRow,
    portions,
    rowFor,
    rowsOf,
    rowsWhere,
    standInRows,
    sumsOf,
)
from .Seals import Seals

__all__ = [
    "DEAD_LETTER", "FAILED", "QUEUED", "SENDING", "SENT", "VERIFIED", "WITHDRAWN", "Entry", "Outbox",
]  # fmt: skip

ENDED, CLOSED = "The process that was sending it ended.", "Sending was ended before it was through."


class Outbox:
    """The queue in a folder; a context manager.

    :param folder: created with mode 0700 where it is missing
    :param keyRing: :class:`PlanningHubLib.Secrets.KeyRing` of this installation
    :param clock: returns seconds since 1970
    :raises GateRefused: and InputRefused, as :func:`CentralSyncLib.Outbox.Opening.openOutbox`; every method may raise
        ``outbox-full``, ``outbox-unwritable``, ``outbox-unreadable``, ``outbox-busy`` or ``outbox-damaged``: then
        nothing of that call has been done
    """

    def __init__(self, folder, keyRing, clock=time.time):
        self.folder = Path(folder).absolute()
        self._seals = Seals(keyRing)
        self._payloads = Payloads(self.folder, self._seals)
        db, self._owner = Opening.openOutbox(self.folder, self._seals, self._payloads)
        self._database = Database(self.folder, db, self._seals, clock)
        try:
            with self._database.changing() as (db, recorder):
                self._takeBack(db, recorder)
        except BaseException:
            self.close()
            raise

    @classmethod
    def forThisWorkstation(cls):
        """Return this workstation's outbox.

        :raises GateRefused: and InputRefused, as the class; and those of the installation's key
        """
        ensure("CentralSyncLib")
        return cls(Opening.workstationFolder(), KeyRing.forThisInstallation())

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.close()

    def close(self):
        """Put back what is held, and end; a second call does nothing."""
        if self._database.isOpen:
            # Where that fails, whoever opens it next does it.
            with contextlib.suppress(InputRefused, GateRefused), self._database.changing() as (db, recorder):
                self._putBack(db, recorder, self._owner.name, CLOSED)
        self._database.close()
        self._owner.end(keepFile=not self._database.isSound)

    # Asking

    def entries(self, store=None, caseId=None, states=None, ids=None):
        """Return the entries that meet all that is given, in the order in which they were queued.

        With a ``caseId`` also those that were queued for another case first: ``caseId`` and ``caseFolder`` are then
        those of the case that was asked for.
        """
        with self._database.reading() as db:
            return self._entriesOf(rowsWhere(db, store, caseId, states, ids))

    def counts(self, store=None):
        """Return state → number of entries, only of states that there are."""
        with self._database.reading() as db:
            return sumsOf(db, "COUNT(*)", store)

    def bytesOf(self, store=None):
        """Return state → bytes of its entries, only of states that there are."""
        with self._database.reading() as db:
            return sumsOf(db, "SUM(bytes)", store)

    def newest(self, store, state):
        """Return the entry of a store that came into a state last, or None."""
        with self._database.reading() as db:
            row = newestRow(db, store, state)
        return entryOf(row, self._seals) if row else None

    def standIns(self, store):
        """Return the entries of a store that stand in for others (``replaces``), and those that they stand in for."""
        with self._database.reading() as db:
            return self._entriesOf(standInRows(db, store))

    def hasArrivedSince(self, store, when):
        """Whether something was sent to a store and then verified later than ``when`` (UTC ISO text, to the second)."""
        with self._database.reading() as db:
            return hasArrivedSince(db, store, secondsOf(when) + 1)

    def stores(self):
        """Return the addresses of all stores that ever had an entry."""
        with self._database.reading() as db:
            return distinct(db, "store")

    def history(self, entryId):
        """Return the transitions of an entry, oldest first: ``from_, to, reason, when, user, process``."""
        with self._database.reading() as db:
            return Transitions.historyOf(db, self._seals, entryId)

    def itemOf(self, entry):
        """Return the :class:`CentralSyncLib.Items.Item` of an entry; it opens the sealed payload."""
        return Item(
            sha256=entry.sha256, path=None, name=entry.name, kind=entry.kind, sopInstanceUid=entry.sopInstanceUid,
            seriesUid=entry.seriesUid, studyUid=entry.studyUid, bytes=entry.bytes,
            contentSha256=entry.contentSha256, opener=lambda: self._payloads.open(entry.sha256),
        )  # fmt: skip

    def faultOf(self, entry):
        """Read an entry's payload; return "" where it is whole, else what is wrong, beginning with its code."""
        return self._payloads.faultOf(entry.sha256, entry.bytes)

    # Queuing

    def enqueue(self, items, store, caseId="", caseFolder="", progress=noProgress, replaces=None):
        """Take items into the queue for a store; return the ids of their entries, in the order of the items.

        The contents are copied first, then all entries are made in one step. One that waits or is verified already is
        returned as it is; one that failed, was given up or withdrawn waits again. What happens to the sources
        afterwards does not matter.

        :param store: the normalised address, without secrets
        :param replaces: item's SHA-256 → id of the entry whose corrupt copy in the store it stands in for
        :raises InputRefused: ``source-changed``, ``source-missing``, ``source-unreadable``, ``disk-full``: nothing of
            it was taken
        """
        unique = {(item.sha256, item.sopInstanceUid): item for item in items}
        with self._database.reading() as db:
            wanted = {item.sha256: item for item in unique.values() if _needsPayload(rowFor(db, store, item))}
        lengths, report = {}, part(progress, 0.0, 0.95)
        try:
            while True:
                lengths |= self._payloads.keep(list(wanted.values()), report)
                ids, wanted = self._enter(unique, store, str(caseId), str(caseFolder), lengths, replaces or {})
                if not wanted:
                    break
                # Another process removed one that was there already, or the store's entry was settled meanwhile.
                report = noProgress
        except BaseException as error:
            code = getattr(error, "code", "")
            if code != "outbox-unreadable":
                # After a fault of the disk the entries may turn out to be there; the next opening knows.
                self._removeUnneeded({*lengths, *wanted})
            if code == "outbox-full":
                # For who queues, one and the same: a full disk.
                raise InputRefused("disk-full", error.message, error.action, error.files) from error
            raise
        progress(1.0, "In the queue")
        return [ids[item.sha256, item.sopInstanceUid] for item in items]

    def _enter(self, unique, store, caseId, caseFolder, lengths, replaces):
        """Make the entries; or return, with nothing made, the items whose contents are not there."""
        with self._database.changing() as (db, recorder):
            rows = {key: rowFor(db, store, item) for key, item in unique.items()}
            new = {key: unique[key] for key, row in rows.items() if _needsPayload(row)}
            missing = {item.sha256: item for item in new.values()
                       if item.sha256 not in lengths or not self._payloads.isKept(item.sha256)}  # fmt: skip
            if missing:
                return {}, missing
            ids = {key: row["id"] for key, row in rows.items() if row}
            said = {"caseId": caseId, "state": QUEUED, "reason": b"", "attempts": 0, "due": 0.0, "owner": None}
            for key, item in new.items():
                sealed = {name: self._seals.sealText(text) for name, text in
                          (("caseFolder", caseFolder), ("name", item.name))}  # fmt: skip
                if rows[key]:
                    recorder.change(rows[key], **said, **sealed)
                else:
                    ids[key] = recorder.add({
                        **said, **sealed, "store": store, "sha256": item.sha256, "kind": item.kind,
                        "sopInstanceUid": item.sopInstanceUid, "seriesUid": item.seriesUid, "studyUid": item.studyUid,
                        "bytes": lengths[item.sha256], "contentSha256": item.contentSha256,
                        "replaces": replaces.get(item.sha256), "setAt": recorder.now,
                    })  # fmt: skip
            sealed, known = self._seals.sealText(caseFolder), foldersOf(db, caseId)
            others = [one for one in ids.values()
                      if one not in known or textOf(known[one], self._seals) != caseFolder]  # fmt: skip
            recorder.addToCase(caseId, sealed, others)
            return ids, {}

    # Sending

    def claim(self, store, limit, ids=None):
        """Take up to ``limit`` entries of a store that are due; they are ``sending`` and this outbox's until marked.

        An entry whose payload is lost or cut off fails here, by name. Where sending is paused there are none.

        :param ids: only of these
        """
        wanted = None if ids is None else frozenset(ids)
        with self._database.changing() as (db, recorder):
            self._takeBack(db, recorder)
            if isPaused(db, store):
                return []
            claimed = []
            for row in dueRows(db, store, recorder.now, limit, wanted):
                fault = self._payloads.faultInLength(row["sha256"], row["bytes"])
                if fault:
                    recorder.change(row, state=FAILED, reason=self._seals.sealText(fault))
                else:
                    claimed.append(recorder.change(row, state=SENDING, reason=b"", owner=self._owner.name))
        return self._entriesOf(claimed)

    def _takeBack(self, db, recorder):
        """Put back into the queue what ended processes held."""
        for owner in distinct(db, "owner"):
            if owner != self._owner.name and not Owners.isAlive(self.folder, owner):
                self._putBack(db, recorder, owner, ENDED)

    def _putBack(self, db, recorder, owner, words):
        for row in db.execute("SELECT * FROM entries WHERE owner = ?", (owner,)).fetchall():
            recorder.change(row, state=QUEUED, reason=self._seals.sealText(words), due=0.0, owner=None)
        recorder.write()

    def mark(self, entries, state, reasons="", due=None):
        """Bring entries into a state, all or none; return them as they are then.

        :param reasons: one text for all, or one for each, or entry's id → text
        :param due: not to be tried before, in seconds since 1970; one for all, or one for each
        :raises GateRefused: ``entry-held`` where another process is sending one
        :raises UsageError: ``wrong-transition``
        """
        return self._mark(entries, state, reasons, due, 0)

    def postpone(self, entries, reasons, due):
        """Put entries back into the queue after trouble with these very objects; see :meth:`mark`."""
        return self._mark(entries, QUEUED, reasons, due, 1)

    def _mark(self, entries, state, reasons, due, moreAttempts):
        entries = list(entries)
        texts = Transitions.reasonsFor(entries, reasons)
        dues = list(due) if isinstance(due, (list, tuple)) else [due] * len(entries)
        with self._database.changing() as (db, recorder):
            rows = {row["id"]: row for row in rowsOf(db, [entry.id for entry in entries])}
            made = []
            for entry, text, when in zip(entries, texts, dues, strict=True):
                row = self._requireAllowed(rows.get(entry.id), entry, state)
                made.append(recorder.change(
                    row, state=state, reason=self._seals.sealText(text), due=0.0 if when is None else float(when),
                    attempts=row["attempts"] + moreAttempts, owner=self._owner.name if state in HELD else None,
                ))  # fmt: skip
        if state in NEEDS_NO_PAYLOAD:
            self._removeUnneeded({entry.sha256 for entry in entries})
        return self._entriesOf(made)

    def _requireAllowed(self, row, entry, state):
        if row is None or state not in FOLLOWING[row["state"]] or (state == SENDING and not row["owner"]):
            before = row["state"] if row else "not there"
            raise UsageError("wrong-transition", f"Entry {entry.id} is {before} and cannot become {state}.", "")
        if row["owner"] not in (None, self._owner.name) and Owners.isAlive(self.folder, row["owner"]):
            raise GateRefused(
                "entry-held", f"Entry {entry.id} is being sent by another process.", "Wait until that has ended."
            )
        return row

    def retry(self, ids):
        """Put entries that failed or were given up back into the queue at once, and those that wait for later too.

        :returns: the entries that wait now; one whose payload is gone stays as it is
        """
        with self._database.changing() as (db, recorder):
            rows = [row for row in rowsOf(db, ids) if row["state"] in (QUEUED, *TAKEN_AGAIN)]
            kept = [row for row in rows if self._payloads.isKept(row["sha256"])]
            text = self._seals.sealText("Tried again by a person.")
            made = [recorder.change(row, state=QUEUED, reason=text, due=0.0, attempts=0) for row in kept]
        return self._entriesOf(made)

    def withdraw(self, ids, reason):
        """Take entries out of the queue.

        :returns: the entries that are withdrawn now; what is verified, or being sent by another process, stays
        """
        with self._database.changing() as (db, recorder):
            rows = [row for row in rowsOf(db, ids) if WITHDRAWN in FOLLOWING[row["state"]]]
            mine = [row for row in rows if row["owner"] in (None, self._owner.name)]
            text = self._seals.sealText(reason)
            made = [recorder.change(row, state=WITHDRAWN, reason=text, owner=None, due=0.0) for row in mine]
        self._removeUnneeded({row["sha256"] for row in made})
        return self._entriesOf(made)

    def pause(self, store=None):
        """Let nothing be claimed for a store, or for any, until :meth:`resume`; every process heeds it."""
        with self._database.changing() as (db, _recorder):
            db.execute("INSERT OR IGNORE INTO pauses VALUES (?)", (store or "",))

    def resume(self, store=None):
        """Go on after :meth:`pause`; without a store, with all of them."""
        with self._database.changing() as (db, _recorder):
            db.execute("DELETE FROM pauses WHERE ? IN ('', store)", (store or "",))

    def isPaused(self, store=None):
        """Whether sending to a store (without one: to all) is paused."""
        with self._database.reading() as db:
            return isPaused(db, store or "")

    # Beneath

    def _removeUnneeded(self, hashes):
        """Remove payloads that no entry needs. Only after the commit: a failed one must not have cost a payload."""
        for some in portions(sorted(hashes)):
            # Nobody queues the same content meanwhile.
            with contextlib.suppress(InputRefused, GateRefused), self._database.locked() as db:
                self._payloads.remove(set(some) - Opening.neededOf(db, some))

    def _entriesOf(self, rows):
        return [entryOf(row, self._seals) for row in rows]


def _needsPayload(row):
    """Whether an item with that row, or None, is to be taken (again)."""
    return row is None or row["state"] in TAKEN_AGAIN
