"""One round of what was claimed from the queue: fresh objects together, then the suspects, each alone."""

import logging

from PlanningHubLib import Consent
from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import GateRefused, PlanningError
from PlanningHubLib.Progress import part

from .Backoff import MOST_ASKED_SECONDS, backoffSeconds
from .Entries import DEAD_LETTER, FAILED, QUEUED, SENT, SETTLED, VERIFIED
from .Exchange import (
    BROKEN_OFF,
    CORRUPT,
    FELL_SILENT,
    NOT_ASKED,
    OTHERS,
    PROVEN,
    REJECTED,
    TAKEN,
    UNSENDABLE,
    VANISHED,
    exchanged,
)
from .StandIns import MOST_GENERATIONS, StandIns, queueStandIns

PURPOSE = "hospital-store"
# Tries of an object alone: such that the store refused or fell silent at; such that failed while others arrived.
MOST_STRIKES = 4
MOST_TRIES = 10
STRIKES = {
    REJECTED: "Refused while it was sent alone: ",
    FELL_SILENT: "The store stopped answering while this object alone was being sent: ",
}
DOUBTFUL = (VANISHED, BROKEN_OFF)
# After so many in a row it is the store that keeps nothing; the next round begins with others.
MOST_DOUBTFUL = 3


class Round:
    """What becomes of entries that this process holds.

    :param breaker: :class:`.Backoff.Breaker` of the store
    """

    def __init__(self, outbox, store, breaker, timer, chance):
        self._outbox, self._store, self._breaker = outbox, store, breaker
        self._timer, self._chance = timer, chance
        self._held = {}
        self.settled = 0
        # Ids of what was queued on the way, to stand in for others.
        self.added = []
        self._differing = 0
        # Whether the store has proven in this round that it keeps what it is sent.
        self._hasKept = False

    def run(self, entries, progress):
        """Try the entries; afterwards each is settled or back in the queue.

        :raises Cancelled: as ``progress`` does; :meth:`release` gives back what is still held
        """
        self._held = {entry.id: entry for entry in entries}
        entries = self._permitted(entries)
        fresh = [entry for entry in entries if entry.attempts == 0]
        suspects = sorted((entry for entry in entries if entry.attempts), key=lambda entry: entry.attempts)
        if len(fresh) == 1:
            fresh, suspects = [], fresh + suspects
        split = len(fresh) / max(len(entries), 1)
        if fresh:
            self._together(fresh, part(progress, 0.0, split))
        doubtful = []
        for number, entry in enumerate(suspects):
            if self._breaker.isOpen or (len(doubtful) == MOST_DOUBTFUL and not self._hasKept):
                break
            share = (1 - split) / len(suspects)
            doubtful += self._alone(entry, part(progress, split + number * share, split + (number + 1) * share))
        self._putBack(doubtful)
        if self._hasKept and not self._breaker.isOpen:
            self._breaker.succeeded()
        self.release(self._breaker.reason)

    def release(self, reason):
        """Give back what is still held; it costs nothing."""
        self._giveBack([(entry, reason) for entry in self._held.values()])

    # Consent

    def _permitted(self, entries):
        """The entries that may leave: consent is asked for again where the case can be opened."""
        refusals = {case: _refusal(*case) for case in {(entry.caseFolder, entry.caseId) for entry in entries}}
        told = [(entry, refusals[entry.caseFolder, entry.caseId]) for entry in entries]
        self._settle([(entry, f"Nothing was sent. {refusal}") for entry, refusal in told if refusal], FAILED)
        return [entry for entry, refusal in told if not refusal]

    # Together and alone

    def _together(self, entries, progress):
        verdicts = self._exchanged(entries, progress)
        suspects = [one for one in verdicts if one[1].word in (*STRIKES, *DOUBTFUL)]
        unasked = [one for one in verdicts if one[1].word == NOT_ASKED]
        if not self._hasKept and verdicts and (suspects or len(unasked) == len(verdicts)):
            self._storeFailed(verdicts)
        # Which of them it was shows when each goes alone.
        self._postpone([(entry, verdict.reason) for entry, verdict in suspects], _asked(suspects))
        self._giveBack([(entry, verdict.reason) for entry, verdict in unasked], _asked(unasked))

    def _alone(self, entry, progress):
        """Try one object with nothing else on its way; return it where only the others can tell whose trouble it is."""
        verdicts = self._exchanged([entry], progress)
        if not verdicts:
            return []
        verdict = verdicts[0][1]
        if verdict.word in (NOT_ASKED, FELL_SILENT):
            self._storeFailed(verdicts)
        if verdict.word in STRIKES:
            self._strike(entry, verdict)
        if verdict.word == NOT_ASKED:
            self._giveBack([(entry, verdict.reason)], verdict.waitSeconds)
        return verdicts if verdict.word in DOUBTFUL else []

    def _strike(self, entry, verdict):
        """Count what speaks against the object itself, over restarts too."""
        sign = STRIKES[verdict.word]
        strikes = 1 + sum(reason.startswith(sign) for reason in self._reasonsSinceQueued(entry))
        if strikes >= MOST_STRIKES:
            self._giveUp(entry, verdict, strikes)
        else:
            wait = backoffSeconds(strikes, verdict.waitSeconds, self._chance)
            self._postpone([(entry, sign + verdict.reason)], wait)

    def _reasonsSinceQueued(self, entry):
        """The reasons of the transitions since the entry was last queued anew."""
        reasons = []
        for one in self._outbox.history(entry.id):
            reasons = [] if one["from_"] in SETTLED else reasons
            reasons.append(one["reason"])
        return reasons

    def _putBack(self, doubtful):
        """Put back what failed alone; where others arrived it is the object's own trouble, else the store's."""
        if doubtful and not self._hasKept:
            self._storeFailed(doubtful)
        for entry, verdict in doubtful:
            if not (self._hasKept or self._hasKeptSinceLastTry(entry)):
                self._giveBack([(entry, verdict.reason)], self._breaker.secondsLeft)
            elif entry.attempts + 1 >= MOST_TRIES:
                self._giveUp(entry, verdict, MOST_TRIES)
            else:
                wait = backoffSeconds(entry.attempts, verdict.waitSeconds, self._chance)
                self._postpone([(entry, verdict.reason)], wait)

    def _hasKeptSinceLastTry(self, entry):
        """Whether the store has proven to keep another object since this one was put back last."""
        last = max(one["when"] for one in self._outbox.history(entry.id) if one["to"] == QUEUED)
        return self._outbox.hasArrivedSince(self._store.address, last)

    # What becomes of them; each takes (entry, reason) pairs

    def _settle(self, told, state):
        self._leave(told, lambda entries, reasons: self._outbox.mark(entries, state, reasons))
        self.settled += len(told)

    def _giveUp(self, entry, verdict, tries):
        self._settle([(entry, f"Given up after {tries} tries alone. {verdict.reason}")], DEAD_LETTER)

    def _postpone(self, told, seconds):
        """Back into the queue, with one more attempt that speaks against the object."""
        due = self._timer.time() + seconds
        self._leave(told, lambda entries, reasons: self._outbox.postpone(entries, reasons, due))

    def _giveBack(self, told, seconds=0.0):
        """Back into the queue, at no cost."""
        due = self._timer.time() + seconds
        self._leave(told, lambda entries, reasons: self._outbox.mark(entries, QUEUED, reasons, due))

    def _leave(self, told, change):
        if told:
            entries, reasons = zip(*told, strict=True)
            change(list(entries), list(reasons))
            for entry in entries:
                del self._held[entry.id]

    def _storeFailed(self, verdicts):
        worst = max((verdict for _entry, verdict in verdicts), key=lambda verdict: verdict.waitSeconds)
        self._breaker.failed(worst.reason, worst.waitSeconds)

    # The exchange itself

    def _exchanged(self, entries, progress):
        """Try the entries once and settle what is decided; return (entry, verdict) of each that is not."""
        byDigest = {entry.sha256: entry for entry in entries}

        def beforeSending(missing):
            # On the disk before a byte leaves: what the store keeps later under this identity is known to be ours.
            leaving = [byDigest[item.sha256] for item in missing]
            self._outbox.mark(leaving, SENT, ["The store does not have it; sending it."] * len(leaving))

        items = [self._outbox.itemOf(entry) for entry in entries]
        verdicts = exchanged(self._store, items, progress, beforeSending)
        told = [(entry, verdicts[entry.sha256]) for entry in entries]
        proven = [(entry, verdict) for entry, verdict in told if verdict.word == PROVEN]
        self._hasKept = self._hasKept or any(verdict.wasSent for _entry, verdict in proven)
        self._settle([(entry, verdict.reason) for entry, verdict in proven], VERIFIED)
        # Asked again now and then, and never sent over.
        taken = [(entry, verdict.reason) for entry, verdict in told if verdict.word == TAKEN]
        self._giveBack(taken, MOST_ASKED_SECONDS)
        unsendable = [(entry, verdict.reason) for entry, verdict in told if verdict.word == UNSENDABLE]
        # Where it is the copy in the queue that rotted, that is the reason.
        self._settle([(entry, self._outbox.faultOf(entry) or reason) for entry, reason in unsendable], FAILED)
        for entry, verdict in told:
            if verdict.word in (OTHERS, CORRUPT):
                self._settleDiffering(entry, verdict)
        return [(entry, verdict) for entry, verdict in told if entry.id in self._held]

    def _settleDiffering(self, entry, verdict):
        """Have others stand in where the store keeps our own copy gone wrong; else it is a conflict."""
        ids = queueStandIns(self._outbox, entry, verdict.answer) if self._maySendStandIns(entry) else []
        self.added += ids
        reason = verdict.reason
        if ids:
            logging.warning("The store keeps a corrupt copy of %s; it is sent again as another.", entry.sopInstanceUid)
            reason = f"{verdict.reason} It is left as it is; {len(ids)} other objects stand in for it."
        self._settle([(entry, reason)], FAILED)

    def _maySendStandIns(self, entry):
        """Whether it is worth it: a store that keeps nothing as it was sent gets no more and more of it."""
        self._differing += 1
        generation = StandIns(self._outbox.standIns(self._store.address)).generationOf(entry)
        if self._hasKept or self._hasKeptSinceLastTry(entry):
            return generation < MOST_GENERATIONS
        return generation == 0 and self._differing <= MOST_DOUBTFUL


def _asked(verdicts):
    return max((verdict.waitSeconds for _entry, verdict in verdicts), default=0.0)


def _refusal(folder, caseId):
    """Why nothing of a case may leave any more; "" where it may, or where the case is gone and cannot be asked."""
    if not folder:
        return ""
    try:
        with Case.open(folder) as case:
            if case.caseId == caseId:
                Consent.requireConsent(case, PURPOSE)
    except GateRefused as error:
        return str(error) if error.code == "no-consent" else ""
    except (PlanningError, OSError):
        # Moved, removed or damaged since: what was queued was allowed to leave.
        return ""
    return ""
