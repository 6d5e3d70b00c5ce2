"""One content on its way to one store, and the states it can be in."""

import dataclasses
import datetime

QUEUED, SENDING, SENT, VERIFIED = "queued", "sending", "sent", "verified"
FAILED, DEAD_LETTER, WITHDRAWN = "failed", "dead-letter", "withdrawn"
STATES = (QUEUED, SENDING, SENT, VERIFIED, FAILED, DEAD_LETTER, WITHDRAWN)
# Held by the process that sends.
HELD = (SENDING, SENT)
# Nothing more happens without a person, or a new sync.
SETTLED = (VERIFIED, FAILED, DEAD_LETTER, WITHDRAWN)
# Queued anew when they are synced again, or a person says so.
TAKEN_AGAIN = (FAILED, DEAD_LETTER, WITHDRAWN)
# Failed ones keep their payload too, so that a retry needs no case.
NEEDS_NO_PAYLOAD = (VERIFIED, WITHDRAWN)
NEEDS_PAYLOAD = tuple(state for state in STATES if state not in NEEDS_NO_PAYLOAD)

_FROM_HELD = (QUEUED, SENT, VERIFIED, FAILED, DEAD_LETTER, WITHDRAWN)
# What may follow; "" is before the entry was there. What is verified may be found lost later (scrub), and there again.
FOLLOWING = {
    "": (QUEUED,),
    QUEUED: (QUEUED, SENDING, FAILED, DEAD_LETTER, WITHDRAWN),
    SENDING: _FROM_HELD,
    SENT: (SENDING, *_FROM_HELD),
    VERIFIED: (VERIFIED, QUEUED, FAILED),
    FAILED: (FAILED, QUEUED, VERIFIED, WITHDRAWN),
    DEAD_LETTER: (FAILED, QUEUED, WITHDRAWN),
    WITHDRAWN: (QUEUED,),
}


@dataclasses.dataclass(frozen=True)
class Entry:
    """One row of the outbox.

    :param store: the store's normalised address, without secrets
    :param sha256: of the content that is sent; ``bytes`` its length
    :param caseFolder: where the case lay when it was queued; "" where that is not known
    :param reason: why it is in this state, in words
    :param attempts: how often trouble with this very object has put it back
    :param due: before which it is not tried, in seconds since 1970; 0 for at once
    :param changed: when it came into this state, UTC, ISO 8601
    :param contentSha256: of the plain file where the content is one wrapped in a DICOM object, else ""
    :param replaces: id of the entry whose corrupt copy in the store this one stands in for, or None
    """

    id: int
    store: str
    caseId: str
    caseFolder: str
    sha256: str
    name: str
    kind: str
    sopInstanceUid: str
    seriesUid: str
    studyUid: str
    bytes: int
    state: str
    reason: str
    attempts: int
    due: float
    changed: str
    contentSha256: str = ""
    replaces: int | None = None


_PLAIN = ("id", "store", "caseId", "sha256", "kind", "sopInstanceUid", "seriesUid", "studyUid", "bytes", "state",
          "attempts", "due", "contentSha256", "replaces")  # fmt: skip
_SEALED = ("caseFolder", "name", "reason")


def entryOf(row, seals):
    """Return the :class:`Entry` of a row; a text that was changed on the disk holds nothing else up."""
    values = {name: row[name] for name in _PLAIN}
    sealed = {name: textOf(row[name], seals) for name in _SEALED}
    return Entry(**values, **sealed, changed=utcText(row["setAt"]))


def textOf(sealed, seals):
    """Return a sealed text, or words in its place where it was changed."""
    try:
        return seals.openText(sealed)
    except ValueError:
        return "(unreadable: changed on the disk)"


def utcText(seconds):
    """Return seconds since 1970 as ISO 8601 text in UTC, to the second."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def secondsOf(utcText):
    """Return the seconds since 1970 of :func:`utcText`'s text."""
    return datetime.datetime.fromisoformat(utcText).timestamp()
