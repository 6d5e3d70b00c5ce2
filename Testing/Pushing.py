"""Pushes items into a store without an outbox: what one try comes to, for tests and times of stores."""

from CentralSyncLib.Outbox.Exchange import BROKEN_OFF, FELL_SILENT, NOT_ASKED, PROVEN, exchanged
from CentralSyncLib.Results import FAILED, NOT_SENT, QUEUED, VERIFIED, ItemResult
from PlanningHubLib.Progress import noProgress

STATES = {PROVEN: VERIFIED, NOT_ASKED: QUEUED, FELL_SILENT: QUEUED, BROKEN_OFF: QUEUED}


def pushVerified(store, items, progress=noProgress):
    """Bring items into a store in one try; return an ``ItemResult`` for each, in their order.

    ``queued`` is what may go better at another time, ``failed`` what the store does not keep although it answers.
    """
    declined = {item.sha256: reason for item in items if (reason := store.declines(item))}
    verdicts = exchanged(store, [item for item in items if item.sha256 not in declined], progress)
    results = []
    for item in items:
        state, reason = NOT_SENT, declined.get(item.sha256)
        if item.sha256 not in declined:
            verdict = verdicts[item.sha256]
            state, reason = STATES.get(verdict.word, FAILED), verdict.reason
        identity = item.contentSha256, None, item.seriesUid, item.studyUid, item.bytes
        results.append(ItemResult(item.sha256, item.sopInstanceUid, item.name, state, reason, *identity))
    return results
