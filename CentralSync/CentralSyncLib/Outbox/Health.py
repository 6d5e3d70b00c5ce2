"""How a store's queue stands: what waits since when, what was proven last, what needs a person."""

import dataclasses
import datetime

from .Entries import DEAD_LETTER, FAILED, QUEUED, SENDING, SENT, SETTLED, STATES, VERIFIED

WAITING = (QUEUED, SENDING, SENT)
NEEDS_A_PERSON = (FAILED, DEAD_LETTER)
METRICS = {
    "items": ("gauge", "Objects in the outbox of this workstation."),
    "bytes": ("gauge", "Bytes of the objects in the outbox of this workstation."),
    "oldest_waiting_seconds": ("gauge", "How long the oldest object that is not settled has waited."),
    "last_verified_timestamp_seconds": ("gauge", "When an object was last proven to be in the store."),
    "paused": ("gauge", "Whether sending to the store is paused."),
    "alarms": ("gauge", "Objects of which the store kept a corrupt copy."),
}


@dataclasses.dataclass(frozen=True)
class StoreHealth:
    """The queue of one store; times are UTC, ISO 8601, None where there is none.

    :param counts: state → number of entries, ``bytes`` state → their bytes; both hold every state
    :param oldestWaiting: since when the oldest entry that is not settled has waited
    :param nextTry: seconds since 1970 from which something is tried again, 0 for at once, None where nothing waits
    :param reason: why the entry that was tried last still waits
    :param alarms: how many objects the store kept a corrupt copy of
    """

    store: str
    paused: bool
    counts: dict
    bytes: dict
    oldestWaiting: str | None
    lastVerified: str | None
    nextTry: float | None
    reason: str
    alarms: int

    @property
    def waiting(self):
        return sum(self.counts[state] for state in WAITING)

    @property
    def failed(self):
        return sum(self.counts[state] for state in NEEDS_A_PERSON)


def healthOf(outbox, store):
    """Return the :class:`StoreHealth` of one store, from the outbox alone; nothing is connected."""
    waiting = outbox.entries(store, states=WAITING)
    counts, sizes, proven = outbox.counts(store), outbox.bytesOf(store), outbox.newest(store, VERIFIED)
    tried = [entry for entry in waiting if entry.reason]
    return StoreHealth(
        store=store,
        paused=outbox.isPaused(store),
        counts={state: counts.get(state, 0) for state in STATES},
        bytes={state: sizes.get(state, 0) for state in STATES},
        oldestWaiting=min((_queuedSince(outbox, entry) for entry in waiting), default=None),
        lastVerified=proven.changed if proven else None,
        nextTry=min((entry.due for entry in waiting), default=None),
        reason=max(tried, key=lambda entry: entry.changed).reason if tried else "",
        alarms=len({entry.replaces for entry in outbox.standIns(store)} - {None}),
    )


def _queuedSince(outbox, entry):
    """When an entry was last queued anew; tries put it back without that."""
    history = outbox.history(entry.id)
    return next(one["when"] for one in reversed(history) if not one["from_"] or one["from_"] in SETTLED)


def metricsText(healths, now):
    """Return the figures in the text format of Prometheus; no name, no path and no identifier of a patient is in it.

    :param now: seconds since 1970
    """
    lines = []
    for name, (kind, text) in METRICS.items():
        full = f"planninghub_outbox_{name}"
        lines += [f"# HELP {full} {text}", f"# TYPE {full} {kind}"]
        for health in healths:
            lines += [f"{full}{{{labels}}} {value:.15g}" for labels, value in _samples(name, health, now)]
    return "\n".join(lines) + "\n"


def _samples(name, health, now):
    label = f'store="{_escaped(health.store)}"'
    if name in ("items", "bytes"):
        figures = health.counts if name == "items" else health.bytes
        return [(f'{label},state="{state}"', figures[state]) for state in STATES]
    oldest, last = _seconds(health.oldestWaiting), _seconds(health.lastVerified)
    value = {
        "oldest_waiting_seconds": max(0.0, now - oldest) if oldest else 0.0,
        "last_verified_timestamp_seconds": last or 0.0,
        "paused": float(health.paused),
        "alarms": float(health.alarms),
    }[name]
    return [(label, value)]


def _escaped(text):
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _seconds(utcText):
    return datetime.datetime.fromisoformat(utcText).timestamp() if utcText else None
