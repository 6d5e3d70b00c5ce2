"""The process is killed at every system call on the outbox: what was acknowledged is there, and all can be read."""

import contextlib
import json
import os
import shutil
import signal

import pytest
from KillPoints import runKilled, straceMissing, sweepSystemCalls, systemCallsOf, traced, writesOf
from OutboxMaking import KEYS, STORE, assertSound, contentOf, itemsIn, makeItems, openOutbox, payloadNames, runInChild

from CentralSyncLib.Outbox.Outbox import FAILED, QUEUED, SENT, VERIFIED, WITHDRAWN, Outbox

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that can fork a process"),
]
# How far an entry has come; a kill may lose a step that was not acknowledged, never one that was.
ORDER = {QUEUED: 0, SENT: 0, FAILED: 1, VERIFIED: 2, WITHDRAWN: 2}


@pytest.fixture
def strace():
    reason = straceMissing()
    if reason:
        pytest.skip(reason)


@pytest.fixture
def places(tmp_path):
    """Returns a new folder with the sources of three items at each call."""
    numbers = iter(range(1_000_000))

    def prepare():
        place = tmp_path / f"place{next(numbers)}"
        place.mkdir()
        makeItems(place / "files")
        return place

    return prepare


def useOutbox(place):
    """Everything that changes an outbox, each step acknowledged once its call has returned."""
    items = itemsIn(place / "files")

    def acknowledge(entries, state):
        note(place / "acknowledged", [[entry.sha256 for entry in entries], state])

    with Outbox(place / "outbox", KEYS) as outbox:
        outbox.enqueue(items, STORE, "case-1", "/cases/one")
        acknowledge(items, QUEUED)
        entries = outbox.claim(STORE, 3)
        outbox.mark(entries, SENT, "sent")
        acknowledge(outbox.mark(entries[:1], VERIFIED), VERIFIED)
        acknowledge(outbox.mark(entries[1:2], FAILED, "conflict"), FAILED)
        acknowledge(outbox.withdraw([entries[2].id], "cancelled"), WITHDRAWN)


def note(path, value):
    """Append a line by a system call that is not swept."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    os.pwritev(descriptor, [json.dumps(value).encode() + b"\n"], os.fstat(descriptor).st_size)
    os.close(descriptor)


def acknowledged(place):
    """SHA-256 → the last state that was acknowledged."""
    return {sha256: state for hashes, state in notes(place / "acknowledged") for sha256 in hashes}


def notes(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def checkAfterKill(place, where):
    said = acknowledged(place)
    with openOutbox(place / "outbox") as outbox:
        entries = {entry.sha256: entry for entry in outbox.entries()}
        # All of a queuing or nothing.
        assert len(entries) in (0, 3), where
        for sha256, state in said.items():
            assert ORDER[entries[sha256].state] >= ORDER[state], where
        for entry in entries.values():
            assert entry.state in ORDER and entry.state != SENT, f"{entry.state} {where}"
            if entry.state in (QUEUED, FAILED):
                contentOf(outbox, entry)
        assertSound(place / "outbox")
        # It works on: the rest is delivered, each once, and nothing is left.
        outbox.enqueue(itemsIn(place / "files"), STORE)
        waiting = outbox.claim(STORE, 9)
        assert len(waiting) == 3 - sum(entry.state == VERIFIED for entry in entries.values()), where
        outbox.mark(waiting, VERIFIED)
        assert outbox.counts() == {VERIFIED: 3}, where
    assertSound(place / "outbox")
    assert payloadNames(place / "outbox") == set(), where
    assert not list((place / "outbox" / "owners").iterdir()), where


def test_killAtEverySystemCall(strace, places, tmp_path):
    counts, kills = sweepSystemCalls(places, useOutbox, checkAfterKill, tmp_path / "strace.log")
    assert kills == sum(counts.values()) >= 60
    assert {"fsync", "rename", "mkdir", "pwrite64", "fdatasync", "unlink"} <= set(counts)
    print(kills, "kills", counts)


@pytest.fixture
def left(tmp_path):
    """Returns a copy, at each call, of an outbox whose process was killed: entries held, files half written."""

    def useAndDie():
        outbox = openOutbox(tmp_path / "original" / "outbox")
        outbox.enqueue(makeItems(tmp_path / "original" / "files"), STORE)
        outbox.mark(outbox.claim(STORE, 1), VERIFIED)
        outbox.claim(STORE, 1)
        os.kill(os.getpid(), signal.SIGKILL)

    (tmp_path / "original").mkdir()
    assert runInChild(useAndDie) == -signal.SIGKILL
    payloads = tmp_path / "original" / "outbox" / "payloads"
    folder = next(payloads.iterdir())
    (folder / ".aside-0123").write_bytes(b"half")
    (folder / ("0" * 62)).write_bytes(b"of no entry")
    numbers = iter(range(1_000_000))

    def prepare():
        place = tmp_path / f"place{next(numbers)}"
        shutil.copytree(tmp_path / "original", place)
        return place

    return prepare


def test_killAtEverySystemCallWhileClearingUpAfterAKill(strace, left, tmp_path):
    def check(place, where):
        with openOutbox(place / "outbox") as outbox:
            assert outbox.counts() == {VERIFIED: 1, QUEUED: 2}, where
            assert all(contentOf(outbox, entry) for entry in outbox.entries(states=QUEUED))
        assertSound(place / "outbox")

    def reopen(place):
        openOutbox(place / "outbox").close()

    counts, kills = sweepSystemCalls(left, reopen, check, tmp_path / "strace.log")
    assert kills == sum(counts.values()) >= 15
    assert {"unlink", "pwrite64", "fdatasync"} <= set(counts)
    print(kills, "kills", counts)


# What a disk answers that is full, or breaks.
FAULTS = {
    "write": "ENOSPC", "pwrite64": "ENOSPC", "ftruncate": "ENOSPC", "mkdir": "ENOSPC", "rename": "EIO",
    "fsync": "EIO", "fdatasync": "EIO", "unlink": "EIO",
}  # fmt: skip
NAMES = {"outbox-full", "outbox-unreadable", "disk-full", "cannot-write"}


def test_faultOfTheDiskIsNamedAndLosesNothing(strace, places, tmp_path):
    """Not killed: the call fails, as on a full or breaking disk."""

    def use(place):
        try:
            useOutbox(place)
        except BaseException as error:
            note(place / "raised", getattr(error, "code", repr(error)))

    log, raised, first = tmp_path / "strace.log", [], places()
    for name, count in systemCallsOf(lambda: use(first), log).items():
        # Most writes are pages of the database, one like the other.
        for number in range(1, count + 1, 3 if name == "pwrite64" else 1):
            place = places()
            fault = ("-e", f"inject={name}:error={FAULTS[name]}:when={number}")
            assert traced(lambda place=place: use(place), fault, log) == 0
            where = f"{FAULTS[name]} at system call {name}, {number} of {count}"
            raised += notes(place / "raised")
            assert set(raised) <= NAMES, f"{raised[-1]} after {where}"
            checkAfterKill(place, where)
    assert {"outbox-full", "outbox-unreadable", "disk-full"} <= set(raised)
    print({name: raised.count(name) for name in sorted(set(raised))})


def test_killAtEverySecondWriteWhileManyAreSealedByThreads(tmp_path):
    """Seen from Python, where threads are counted together; the database is not seen, which the sweep above kills."""
    items = makeItems(tmp_path / "files", 8)

    def queue(folder):
        with openOutbox(folder) as outbox:
            outbox.enqueue(items, STORE)

    writes = writesOf(lambda: queue(tmp_path / "counted"))
    assert writes.count("replace") > 8 < writes.count("fsync")
    for number in range(1, len(writes) + 1, 2):
        folder = tmp_path / f"outbox{number}"
        assert runKilled(lambda folder=folder: queue(folder), number, "before" if number % 4 == 1 else "after")
        with openOutbox(folder) as outbox:
            assert len(outbox.entries()) in (0, 8)
            assertSound(folder)
            outbox.enqueue(items, STORE)
            assert all(contentOf(outbox, entry) for entry in outbox.claim(STORE, 99))
        assertSound(folder)


def test_sweepSeesAnOutboxWhoseStepsAreNotWhole(strace, places, tmp_path, monkeypatch):
    """The sweep itself is able to fail."""

    def withOutbox():
        place = places()
        openOutbox(place / "outbox").close()
        return place

    monkeypatch.setattr("CentralSyncLib.Outbox.Schema.transaction", lambda db: contextlib.nullcontext())
    with pytest.raises(AssertionError):
        sweepSystemCalls(withOutbox, useOutbox, checkAfterKill, tmp_path / "strace.log")
