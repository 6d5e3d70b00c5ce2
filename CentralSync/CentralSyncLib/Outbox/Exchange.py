"""Look, send what is missing, read back: what one exchange with a store comes to, for each object."""

import dataclasses

from PlanningHubLib.Progress import noProgress, part

from ..Stores.CentralStore import ABSENT, CONFLICT, DAMAGED, REFUSED, SAME, SENT, UNFIT, UNREACHED, Answer

PROVEN = "proven"  # read back, the store gives exactly what was sent
CORRUPT = "corrupt"  # the store did not have it, it was sent, and the store keeps something else now
OTHERS = "others"  # the store keeps something else that was not sent now
UNSENDABLE = "unsendable"  # the object itself cannot be kept there, or is no longer what was recorded
REJECTED = "rejected"  # the store said no to this very object
VANISHED = "vanished"  # the store said it took it, and does not give it back
BROKEN_OFF = "broken-off"  # the sending failed; the store answers, and does not have it
FELL_SILENT = "fell-silent"  # the store answered before, and no more after it was sent this
TAKEN = "taken"  # the store says that it has it, and cannot give it back: never a proof
NOT_ASKED = "not-asked"  # the store could not be asked, and nothing left

# Another answer than before may be the network's doing; it counts when it comes this often.
CONFLICT_READS = 4
SILENCE_READS = 3
HIDDEN = "The store keeps something under this SOP Instance UID in another series, and does not give this one back."


@dataclasses.dataclass(frozen=True)
class Verdict:
    """One of this file's words about one object, and the reason for a person.

    :param waitSeconds: how long the store asks to be left alone
    :param wasSent: whether it left in this exchange, or a part of it
    :param answer: what the store said last of what it keeps
    """

    word: str
    reason: str = ""
    waitSeconds: float = 0.0
    wasSent: bool = False
    answer: Answer | None = None


def exchanged(store, items, progress=noProgress, beforeSending=lambda missing: None):
    """Bring items into a store, as far as one try does; return a dictionary from SHA-256 to :class:`Verdict`.

    What the store keeps already is not sent. Trouble with the store becomes a verdict.

    :param beforeSending: called with the items that leave, before the first byte of them
    :raises Cancelled: as ``progress`` does
    """
    before = looked(store, items, part(progress, 0.0, 0.2))
    missing = [item for item in items if before[item.sha256].outcome in (ABSENT, DAMAGED)]
    sent, after = {}, {}
    if missing:
        beforeSending(missing)
        sent = store.send(missing, part(progress, 0.2, 0.6))
        after = looked(store, missing, part(progress, 0.6, 1.0))
        if len(missing) == 1:
            after = _silenceConfirmed(store, missing, after, progress)
            after = _hidden(store, missing[0], sent, after)
    progress(1.0, "Compared with the store")
    return {item.sha256: _verdict(*(answers.get(item.sha256) for answers in (before, sent, after))) for item in items}


def looked(store, items, progress):
    """Return what the store says it keeps; that it keeps something else only where it is read again and again."""
    answers = store.check(items, progress)
    for _again in range(CONFLICT_READS - 1):
        doubtful = [item for item in items if answers[item.sha256].outcome == CONFLICT]
        if doubtful:
            answers = {**answers, **store.check(doubtful, _still(progress))}
    return answers


def _silenceConfirmed(store, items, answers, progress):
    for _again in range(SILENCE_READS - 1):
        if any(answer.outcome == UNREACHED for answer in answers.values()):
            answers = looked(store, items, _still(progress))
    return answers


def _hidden(store, item, sent, answers):
    """Say of an object that vanishes because a damaged copy of it lies in another series that this is a conflict."""
    vanished = (sent[item.sha256].outcome, answers[item.sha256].outcome) == (SENT, ABSENT)
    if vanished and store.keepsElsewhere(item):
        return {item.sha256: Answer(CONFLICT, HIDDEN, looksDamaged=True)}
    return answers


def _still(progress):
    return lambda fraction, text: progress(1.0, text)


def _verdict(before, sent, after):
    answers = [answer for answer in (before, sent, after) if answer]
    word, reason = _judged(before, sent, after) if sent else _untouched(before)
    return Verdict(word, reason, max(answer.waitSeconds for answer in answers), bool(sent), after or before)


def _untouched(before):
    if before.outcome == CONFLICT:
        return OTHERS, f"Conflict, nothing was sent: {before.reason}"
    words = {SAME: PROVEN, SENT: TAKEN, UNFIT: UNSENDABLE, UNREACHED: NOT_ASKED}
    return words[before.outcome], before.reason


def _judged(before, sent, after):
    if after.outcome == SAME:
        return PROVEN, sent.reason if before.outcome == DAMAGED else after.reason
    if after.outcome == SENT:
        return TAKEN, after.reason
    if after.outcome == CONFLICT:
        return CORRUPT, f"Sent, but the store does not keep what was sent. {after.reason}"
    if sent.outcome == UNFIT:
        return UNSENDABLE, sent.reason
    if sent.outcome == REFUSED:
        return REJECTED, sent.reason
    if after.outcome == UNREACHED:
        why = sent.reason if sent.outcome == UNREACHED else f"Sent, but it could not be read back: {after.reason}"
        return FELL_SILENT, why
    if sent.outcome == UNREACHED:
        return BROKEN_OFF, sent.reason
    if after.outcome == DAMAGED:
        return VANISHED, f"Sent, but the store does not keep what was sent. {after.reason}"
    return VANISHED, f"{sent.reason} Read back, the store does not keep it.".strip()
