"""Items through the outbox into a store, as one push that somebody waits for."""

import dataclasses
import time

from PlanningHubLib.Errors import Cancelled
from PlanningHubLib.Progress import noProgress, part

from ..Results import FAILED as SHOWN_FAILED
from ..Results import NOT_SENT, ItemResult
from ..Results import QUEUED as SHOWN_QUEUED
from ..Results import VERIFIED as SHOWN_VERIFIED
from ..Stores.CentralStore import SAME, UNREACHED
from .Drain import Drain
from .Entries import DEAD_LETTER, FAILED, QUEUED, SENDING, SENT, VERIFIED, WITHDRAWN
from .StandIns import StandIns

SHOWN = {
    VERIFIED: SHOWN_VERIFIED, FAILED: SHOWN_FAILED, DEAD_LETTER: SHOWN_FAILED, WITHDRAWN: SHOWN_FAILED,
    QUEUED: SHOWN_QUEUED, SENDING: SHOWN_QUEUED, SENT: SHOWN_QUEUED,
}  # fmt: skip
GONE = "Verified before, and not in the store any more."
ONE_UID = "Two files of the case have this SOP Instance UID and different content; neither is sent."


class Push:
    """One push to one store; :meth:`push` may be called for several groups of items.

    :param caseFolder: where consent can be asked for again before something leaves later
    :param patienceSeconds: how long in all, from now, to wait for a store that fails
    """

    def __init__(self, outbox, store, caseId="", caseFolder="", patienceSeconds=0.0, timer=time):
        self._outbox, self._store, self._timer = outbox, store, timer
        self._drain = Drain(outbox, store, timer)
        self._case = (caseId, str(caseFolder))
        self._end = timer.monotonic() + patienceSeconds
        # Findings ``store-copy-corrupt`` of what was pushed.
        self.alarms = []

    @property
    def _patience(self):
        return max(0.0, self._end - self._timer.monotonic())

    def push(self, items, progress=noProgress):
        """Queue the items, send and prove them; return an :class:`ItemResult` for each, in their order.

        Of an item that others stand in for, that of the stand-in; those of what came along with it are the last ones.

        :raises Cancelled: as ``progress`` does; what has not been proven by then is withdrawn from the queue
        :raises InputRefused: as :meth:`.Outbox.Outbox.enqueue`: nothing of it is sent
        """
        declined = {item.sha256: (NOT_SENT, why) for item in items if (why := self._store.declines(item))}
        refused = _twins(items) | declined
        wanted = [item for item in items if item.sha256 not in refused]
        ids = self._outbox.enqueue(wanted, self._store.address, *self._case, part(progress, 0.0, 0.1))
        try:
            unasked = self._lookAgain(wanted, ids, part(progress, 0.1, 0.2))
            drained = self._drain.drain(ids, self._patience, part(progress, 0.2, 1.0))
        except (Cancelled, KeyboardInterrupt):
            self._outbox.withdraw(ids, "Cancelled; what had left by then may be in the store.")
            raise
        return self._results(items, refused, ids, unasked, drained.reason)

    def _results(self, items, refused, ids, unasked, waits):
        """The result of each item; what stands in for it takes its place, and what came along comes last."""
        entries = {entry.sha256: entry for entry in self._outbox.entries(ids=ids)}
        standIns = StandIns(self._outbox.standIns(self._store.address))
        self.alarms += standIns.alarms(entries.values())
        results, along = [], []
        for item in items:
            if item.sha256 in refused:
                results.append(_result(item, *refused[item.sha256]))
            elif item.sha256 in unasked:
                results.append(_result(item, SHOWN_QUEUED, unasked[item.sha256]))
            else:
                entry = entries[item.sha256]
                first, *others = [_shown(one, waits) for one in standIns.of(entry) or [entry]]
                if first.sha256 != entry.sha256:
                    first = dataclasses.replace(
                        first, state=SHOWN[standIns.stateOf(entry)], reason=entry.reason,
                        replaces=(entry.sha256, entry.sopInstanceUid),
                    )  # fmt: skip
                results.append(first)
                along += others
        return results + along

    def _lookAgain(self, items, ids, progress):
        """Look whether the store still has what was verified before; what is lost is queued again.

        :returns: SHA-256 → why it could not be asked
        """
        verified = {entry.sha256: entry for entry in self._outbox.entries(states=VERIFIED, ids=ids)}
        again = [item for item in items if item.sha256 in verified]
        if not again:
            return {}
        answers = self._drain.look(again, self._patience, progress)
        lost = [item for item in again if answers[item.sha256].outcome not in (SAME, UNREACHED)]
        if lost:
            reasons = [f"{GONE} {answers[item.sha256].reason}".strip() for item in lost]
            self._outbox.mark([verified[item.sha256] for item in lost], FAILED, reasons)
            self._outbox.enqueue(lost, self._store.address, *self._case)
        return {item.sha256: answers[item.sha256].reason for item in again
                if answers[item.sha256].outcome == UNREACHED}  # fmt: skip


def _result(item, state, reason):
    """The result of an item or of an entry."""
    return ItemResult(
        item.sha256, item.sopInstanceUid, item.name, state, reason, item.contentSha256, None, item.seriesUid,
        item.studyUid, item.bytes,
    )  # fmt: skip


def _shown(entry, waits):
    state = SHOWN[entry.state]
    return _result(entry, state, entry.reason or (waits if state == SHOWN_QUEUED else ""))


def _twins(items):
    """Items of one SOP Instance UID and different content: no store can keep both."""
    byUid = {}
    for item in items:
        if item.sopInstanceUid:
            byUid.setdefault(item.sopInstanceUid, set()).add(item.sha256)
    return {sha256: (SHOWN_FAILED, ONE_UID) for same in byUid.values() if len(same) > 1 for sha256 in same}
