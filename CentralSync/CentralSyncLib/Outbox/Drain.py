"""Empties the queue of one store: claim, look, send what is missing, read back, and only then call it verified.

Trouble with the store costs no object anything: the store is left alone for a while, and everything waits, for days
where it must. Trouble with an object is only what happens while that object goes alone, so whatever failed together
goes again one by one, last and with nothing else on its way: an object that brings the store down is found that way,
given up after a few tries, and stops nothing else.
"""

import dataclasses
import random
import time

from PlanningHubLib.Progress import noProgress, part

from .Backoff import Breaker
from .Entries import QUEUED, SENDING, SENT
from .Round import Round

CLAIMED_AT_ONCE = 500
SLEEP_SECONDS = 0.5
LOOK_SECONDS = 1.0


class Paused(Exception):
    """Somebody paused the queue while something was on its way."""


@dataclasses.dataclass(frozen=True)
class Drained:
    """How far it came.

    :param reason: why it stopped, in words, said of everything that still waits; empty where nothing does
    """

    reason: str = ""


class Drain:
    """The way from one outbox into one store.

    :param store: a :class:`CentralStore`; its ``address`` is the store's key in the outbox
    :param timer: has ``time()``, ``monotonic()`` and ``sleep(seconds)``
    :param chance: gives numbers from 0 to 1, for the jitter
    """

    def __init__(self, outbox, store, timer=time, chance=random.random):
        self._outbox, self._store = outbox, store
        self._timer, self._chance = timer, chance
        self._breaker = Breaker(timer, chance)
        self._lastLook = 0.0

    def drain(self, ids=None, patienceSeconds=0.0, progress=noProgress):
        """Send and prove what is due until all is settled, or the patience is over; return :class:`Drained`.

        :param ids: only these entries
        :param patienceSeconds: how long to wait in all for a store that fails and for objects whose time has not come
        :raises Cancelled: as ``progress`` does; what was claimed is back in the queue
        """
        end = self._timer.monotonic() + patienceSeconds
        while not self._outbox.isPaused(self._store.address):
            try:
                if not self._breaker.isOpen and self._round(ids, progress):
                    continue
            except Paused:
                break
            wait = self._secondsToNext(ids)
            if wait is None:
                return Drained()
            if self._timer.monotonic() + wait > end:
                return Drained(self._breaker.reason or "It is tried again later.")
            self._wait(wait, ids, progress)
        return Drained("The queue of this store is paused.")

    # Waiting

    def _waiting(self, ids):
        return self._outbox.entries(self._store.address, states=(QUEUED, SENDING, SENT), ids=ids)

    def _secondsToNext(self, ids):
        """Seconds until something can be tried; None when nothing waits any more."""
        waiting = self._waiting(ids)
        if not waiting:
            return None
        now = self._timer.time()
        # What another process holds may come free at any time.
        due = min(max(0.0, entry.due - now) if entry.state == QUEUED else LOOK_SECONDS for entry in waiting)
        return max(due, self._breaker.secondsLeft, 0.01)

    def _wait(self, seconds, ids, progress):
        end = self._timer.monotonic() + seconds
        while (left := end - self._timer.monotonic()) > 0:
            why = self._breaker.reason or "Something is tried again"
            progress(self._fraction(ids), f"Waiting {left:.0f} s: {why}")
            if self._outbox.isPaused(self._store.address):
                return
            self._timer.sleep(min(left, SLEEP_SECONDS))

    def _fraction(self, ids):
        if ids is None:
            return 0.0
        return 1 - len(self._waiting(ids)) / max(len(ids), 1)

    # One round

    def _round(self, ids, progress):
        """Try what is due; return whether anything was tried."""
        claimed = self._outbox.claim(self._store.address, CLAIMED_AT_ONCE, ids)
        if not claimed:
            return False
        progress = self._watched(ids, len(claimed), progress)
        one = Round(self._outbox, self._store, self._breaker, self._timer, self._chance)
        try:
            one.run(claimed, progress)
        except Paused:
            one.release("Paused while it was on its way.")
            raise
        except BaseException:
            one.release("Stopped while it was on its way.")
            raise
        return True

    def _watched(self, ids, count, progress):
        """The progress of one round as a part of the whole; a pause ends the round."""
        start = self._fraction(ids)
        whole = len(ids) if ids else count
        inner = part(progress, start, min(1.0, start + count / max(whole, 1)))

        def watched(fraction, text):
            inner(fraction, text)
            now = self._timer.monotonic()
            if now - self._lastLook >= LOOK_SECONDS:
                self._lastLook = now
                if self._outbox.isPaused(self._store.address):
                    raise Paused()

        return watched
