"""Which entries stand in for one of which the store keeps a corrupt copy, and what that comes to."""

import datetime

from PlanningHubLib.Errors import Finding, PlanningError

from ..Stores.Replacement import isCorruptCopy, replacementsFor
from .Entries import FAILED, QUEUED, SENT, VERIFIED, WITHDRAWN

# A stand-in that arrives corrupt too is stood in for, and no more often than this.
MOST_GENERATIONS = 3


class StandIns:
    """The stand-ins among the entries of one store."""

    def __init__(self, entries):
        self._byId = {entry.id: entry for entry in entries}
        self._of = {}
        for entry in entries:
            if entry.replaces is not None:
                self._of.setdefault(entry.replaces, []).append(entry)

    def of(self, entry):
        """Return the entries that stand in for one, the same content first; none where nothing does.

        Of a stand-in that arrived corrupt itself, those that stand in for it.
        """
        found = []
        for one in self._of.get(entry.id, ()):
            found += self.of(one) or [one]
        return found

    def stateOf(self, entry):
        """Return the state of what the store has instead of an entry: verified only where all of it is."""
        states = {one.state for one in self.of(entry)}
        if not states or states & {FAILED, WITHDRAWN} or states - {VERIFIED, QUEUED, SENT, "sending"}:
            return entry.state
        return VERIFIED if states == {VERIFIED} else QUEUED

    def generationOf(self, entry):
        """Return 0 for what is no stand-in, 1 for a stand-in, 2 for a stand-in's stand-in."""
        generation = 0
        while entry and entry.replaces is not None:
            entry, generation = self._byId.get(entry.replaces), generation + 1
        return generation

    def alarms(self, entries):
        """Return ``store-copy-corrupt`` for each of the entries that others stand in for."""
        return [_alarm(entry) for entry in entries if self._of.get(entry.id)]


def _alarm(entry):
    return Finding(
        "store-copy-corrupt",
        "warn",
        f"The store keeps a corrupt copy of {entry.name}. It was left as it is and marked as rejected; the same "
        "content was sent under a new identity.",
        "Have the store and the way to it looked at: memory, disk, network.",
    )


def queueStandIns(outbox, entry, answer):
    """Queue what stands in for an entry where the store's copy is our own gone wrong; return the ids, or none.

    What was found decides, so that it gives the same objects after a kill: the entry's own history says when it left.

    :param answer: the store's :class:`CentralSyncLib.Stores.CentralStore.Answer`
    """
    history = outbox.history(entry.id)
    wasAbsent, wasVerified = (any(one["to"] == state for one in history) for state in (SENT, VERIFIED))
    if not answer or not isCorruptCopy(answer, wasAbsent, wasVerified):
        return []
    items = standInsAgain(outbox, entry, outbox.itemOf(entry))
    replaces = {item.sha256: entry.id for item in items}
    return outbox.enqueue(items, entry.store, entry.caseId, entry.caseFolder, replaces=replaces)


def standInsAgain(outbox, entry, item):
    """Return the items that stand in for an entry, the same whenever they are asked for; none where it cannot be.

    :param item: the entry's, with its content
    """
    left = next((one["when"] for one in outbox.history(entry.id) if one["to"] in (SENT, VERIFIED)), None)
    try:
        return replacementsFor(item, entry.caseId, datetime.datetime.fromisoformat(left)) if left else []
    except PlanningError:
        return []
