"""Empties the queue of one store: claim, look, send what is missing, read back, and only then call it verified.

Trouble with the store costs no object anything: the store is left alone for a while, and everything waits, for days
where it must. Trouble with an object is only what happens while that object goes alone, so whatever failed together
goes again one by one, last and with nothing else on its way: an object that brings the store down is found that way,
given up after a few tries, and stops nothing else.
"""

import dataclasses
import math
import random
import time

from PlanningHubLib.Progress import noProgress, part

from ..Stores.CentralStore import UNREACHED
from .Backoff import Breaker
from .Entries import QUEUED, SENDING, SENT
from .Exchange import looked
from .Round import Round

CLAIMED_AT_ONCE = 500
SLEEP_SECONDS = 0.5
LOOK_SECONDS = 1.0
SHORTEST_SECONDS = 0.01
WAITING = (QUEUED, SENDING, SENT)


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
        self._settled, self._total = 0, 1

    def drain(self, ids=None, patienceSeconds=0.0, progress=noProgress):
        """Send and prove what is due until all is settled, or the patience is over; return :class:`Drained`.

        :param ids: only these entries
        :param patienceSeconds: how long to wait in all for a store that fails and for objects whose time has not come
        :raises Cancelled: as ``progress`` does; what was claimed is back in the queue
        """
        end = self._timer.monotonic() + patienceSeconds
        # What stands in for one of them is added.
        ids = None if ids is None else list(ids)
        self._begin(ids)
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
            self._wait(wait, progress)
        return Drained("The queue of this store is paused.")

    def _begin(self, ids):
        counts = self._outbox.counts(self._store.address)
        self._total = max(1, len(ids) if ids is not None else sum(counts.get(state, 0) for state in WAITING))
        self._settled = 0

    def look(self, items, patienceSeconds=0.0, progress=noProgress):
        """Return what the store says of items that need no sending, from SHA-256 to ``Answer``; it is waited for."""
        end = self._timer.monotonic() + patienceSeconds
        while True:
            answers = looked(self._store, items, progress)
            silent = [answer for answer in answers.values() if answer.outcome == UNREACHED]
            if not silent:
                self._breaker.succeeded()
                return answers
            self._breaker.failed(silent[0].reason, max(answer.waitSeconds for answer in silent))
            if self._timer.monotonic() + self._breaker.secondsLeft > end:
                return answers
            self._wait(self._breaker.secondsLeft, progress)

    # Waiting

    def _secondsToNext(self, ids):
        """Seconds until something can be tried; None when nothing waits any more."""
        waiting = self._outbox.entries(self._store.address, states=WAITING, ids=ids)
        if not waiting:
            return None
        now = self._timer.time()
        # What another process holds may come free at any time.
        due = min(max(0.0, entry.due - now) if entry.state == QUEUED else LOOK_SECONDS for entry in waiting)
        return max(due, self._breaker.secondsLeft, SHORTEST_SECONDS)

    def _wait(self, seconds, progress):
        end = self._timer.monotonic() + seconds
        while (left := end - self._timer.monotonic()) > 0:
            why = self._breaker.reason or "some of it is tried again then."
            progress(self._fraction, f"Waiting {math.ceil(left)} s: {why}")
            if self._outbox.isPaused(self._store.address):
                return
            self._timer.sleep(min(left, SLEEP_SECONDS))

    @property
    def _fraction(self):
        return min(1.0, self._settled / self._total)

    # One round

    def _round(self, ids, progress):
        """Try what is due; return whether anything was tried."""
        claimed = self._outbox.claim(self._store.address, CLAIMED_AT_ONCE, ids)
        if not claimed:
            return False
        one = Round(self._outbox, self._store, self._breaker, self._timer, self._chance)
        try:
            one.run(claimed, self._watched(len(claimed), progress))
        except Paused:
            one.release("Paused while it was on its way.")
            raise
        except BaseException:
            one.release("Stopped while it was on its way.")
            raise
        finally:
            self._settled += one.settled
        if ids is not None:
            ids += one.added
            self._total = max(1, len(ids))
        return True

    def _watched(self, count, progress):
        """The progress of one round as a part of the whole; a pause ends the round."""
        inner = part(progress, self._fraction, min(1.0, self._fraction + count / self._total))

        def watched(fraction, text):
            inner(fraction, text)
            now = self._timer.monotonic()
            if now - self._lastLook >= LOOK_SECONDS:
                self._lastLook = now
                if self._outbox.isPaused(self._store.address):
                    raise Paused()

        return watched
