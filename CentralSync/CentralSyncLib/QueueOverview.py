"""What waits or needs a person, in lines that a person reads: one for an artefact's objects, not one for each."""

import dataclasses

from .Outbox.Entries import VERIFIED, WITHDRAWN


@dataclasses.dataclass(frozen=True)
class QueueLine:
    """Objects of one artefact that share store, state and reason.

    :param what: the artefact's ID, or the name of what is none's
    :param caseFolder: where the case lay when it was queued
    :param nextTry: seconds since 1970 from which one of them is tried again; 0 for at once
    :param ids: of their entries
    """

    what: str
    caseFolder: str
    store: str
    state: str
    reason: str
    nextTry: float
    ids: tuple


def queueLines(entries):
    """Return the :class:`QueueLine` list of what is neither verified nor withdrawn, in the order of queuing."""
    groups = {}
    for entry in entries:
        if entry.state not in (VERIFIED, WITHDRAWN):
            key = entry.name.partition("/")[0], entry.caseFolder, entry.store, entry.state, entry.reason
            groups.setdefault(key, []).append(entry)
    return [
        QueueLine(*key, min(entry.due for entry in group), tuple(entry.id for entry in group))
        for key, group in groups.items()
    ]
