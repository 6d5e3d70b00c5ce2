"""Ten thousand items: the work grows as the items do. Counted are operations; times are only printed."""

import contextlib
import os
import time

import pytest
from OutboxMaking import STORE, makeItems, openOutbox

from CentralSyncLib.Outbox import Schema
from CentralSyncLib.Outbox.Outbox import QUEUED, SENT, VERIFIED

OPERATIONS = ("statements", "instructions", "syncs")
# SQLite tells after so many instructions of its own.
INSTRUCTIONS = 100


class Counted:
    """Counts what SQLite and the operating system are asked, step by step."""

    def __init__(self, monkeypatch):
        self.statements = self.instructions = self.syncs = 0
        self.steps, self.seconds = {}, {}
        connect, fsync = Schema.connect, os.fsync

        def connected(path):
            db = connect(path)
            db.set_trace_callback(lambda _statement: self._add("statements", 1))
            db.set_progress_handler(lambda: self._add("instructions", INSTRUCTIONS), INSTRUCTIONS)
            return db

        def synced(descriptor):
            self._add("syncs", 1)
            fsync(descriptor)

        monkeypatch.setattr(Schema, "connect", connected)
        monkeypatch.setattr(os, "fsync", synced)

    def _add(self, name, number):
        setattr(self, name, getattr(self, name) + number)

    @contextlib.contextmanager
    def step(self, name):
        before = {one: getattr(self, one) for one in OPERATIONS}
        start = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - start
        self.steps[name] = {one: getattr(self, one) - before[one] for one in OPERATIONS}


def useOutbox(folder, items, counted):
    """Enqueue, queue again, list, and drain in batches of forty; half of the items wait for long meanwhile."""
    with openOutbox(folder / "outbox") as outbox:
        with counted.step("enqueue"):
            ids = outbox.enqueue(items, STORE)
        with counted.step("enqueue again"):
            assert outbox.enqueue(items, STORE) == ids
        with counted.step("list"):
            assert len(outbox.entries(STORE)) == len(items)
        later = outbox.claim(STORE, len(items) // 2)
        outbox.postpone(later, "busy", time.time() + 3600)
        with counted.step("claim"):
            batches = list(iter(lambda: outbox.claim(STORE, 40), []))
        with counted.step("mark"):
            for batch in batches:
                outbox.mark(batch, SENT)
                outbox.mark(batch, VERIFIED)
        outbox.retry(entry.id for entry in later)
        with counted.step("drain"):
            while batch := outbox.claim(STORE, 40, set(ids)):
                outbox.mark(batch, VERIFIED)
        assert outbox.counts() == {VERIFIED: len(items)}
        with counted.step("ask"):
            assert outbox.newest(STORE, VERIFIED).state == VERIFIED and outbox.standIns(STORE) == []
            assert not outbox.hasArrivedSince(STORE, "2100-01-01T00:00:00Z") and outbox.stores() == [STORE]
            assert outbox.entries(STORE, states=[QUEUED, SENT]) == [] == outbox.claim(STORE, 40)


@pytest.mark.slow
def test_tenThousandItemsTakeTenTimesTheWorkOfAThousand(tmp_path, monkeypatch):
    runs = []
    for count in (1000, 10_000):
        (tmp_path / str(count)).mkdir()
        items = makeItems(tmp_path / str(count) / "files", count, 100)
        with monkeypatch.context() as patch:
            runs.append(Counted(patch))
            useOutbox(tmp_path / str(count), items, runs[-1])
    for name in runs[0].steps:
        few, many = (run.steps[name] for run in runs)
        print(f"{name:15} {runs[1].seconds[name]:6.2f} s  {many}")
        assert many["statements"] > 0
        for operation in few:
            # Payloads lie in 256 folders, each of which is forced to the disk once.
            assert many[operation] <= 11 * few[operation] + 300, f"{name}: {operation} {few} {many}"
    # What each push asks does not depend on how much was sent in the years before.
    assert runs[1].steps["ask"]["instructions"] <= 3 * runs[0].steps["ask"]["instructions"]
    # One commit for all that is queued; one for each batch.
    assert runs[1].steps["enqueue"]["syncs"] <= 10_000 + 600
    assert runs[1].steps["list"]["statements"] == 1


def test_countingSeesWorkThatGrowsFaster(tmp_path, monkeypatch):
    """Without its indices the claims of the same outbox read every row each time."""
    counts = {}
    for number in (50, 500):
        for indexed in (True, False):
            folder = tmp_path / f"{number}{indexed}"
            folder.mkdir()
            items = makeItems(folder / "files", number, 100)
            with openOutbox(folder / "outbox") as outbox:
                outbox.enqueue(items, STORE)
            with monkeypatch.context() as patch:
                counted = Counted(patch)
                with openOutbox(folder / "outbox") as outbox, counted.step("claim"):
                    if not indexed:
                        with outbox._database.changing() as (db, _recorder):
                            db.execute("DROP INDEX entriesByState")
                    while outbox.claim(STORE, 10):
                        pass
            counts[number, indexed] = counted.steps["claim"]["instructions"]
    assert counts[500, True] <= 12 * counts[50, True]
    assert counts[500, False] > 12 * counts[50, False]
