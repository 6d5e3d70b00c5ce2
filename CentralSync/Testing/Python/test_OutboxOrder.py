"""What a power cut may find: file, name, folder and then entry reach the disk in this order, and go in the other."""

import os
from pathlib import Path

import pytest
from OutboxMaking import STORE, makeItems, openOutbox

from CentralSyncLib.Outbox import Schema
from CentralSyncLib.Outbox.Outbox import VERIFIED

pytestmark = pytest.mark.skipif(
    not os.path.isdir("/proc/self/fd"), reason="asks the system which file a descriptor is of"
)


@pytest.fixture
def events(monkeypatch):
    """List of (what, path) that grows with every fsync, rename, unlink and commit; of renames the new path."""
    events, connect = [], Schema.connect

    def watch(owner, name, pathOf):
        call = getattr(owner, name)

        def watched(*arguments, **named):
            result = call(*arguments, **named)
            events.append((name, str(pathOf(arguments))))
            return result

        monkeypatch.setattr(owner, name, watched)

    def connected(path):
        db = connect(path)
        db.set_trace_callback(lambda statement: statement == "COMMIT" and events.append(("commit", "")))
        return db

    watch(os, "fsync", lambda arguments: os.readlink(f"/proc/self/fd/{arguments[0]}"))
    watch(os, "replace", lambda arguments: arguments[1])
    watch(Path, "unlink", lambda arguments: arguments[0])
    monkeypatch.setattr(Schema, "connect", connected)
    return events


@pytest.mark.parametrize("count", [2, 12])
def test_payloadIsOnTheDiskBeforeItsEntryIs(tmp_path, events, count):
    with openOutbox(tmp_path / "outbox") as outbox:
        items = makeItems(tmp_path / "files", count)
        events.clear()
        outbox.enqueue(items, STORE)
    entered, payloads = events.index(("commit", "")), tmp_path / "outbox" / "payloads"
    assert events.index(("fsync", str(payloads))) < entered
    for item in items:
        folder = payloads / item.sha256[:2]
        renamed = events.index(("replace", str(folder / item.sha256[2:])))
        assert events.index(("fsync", str(folder)), renamed) < entered
    # Each file was forced to the disk under its first name, before it got the one that counts.
    kinds = [(what, Path(path).name.startswith(".aside-")) for what, path in events[:entered]]
    assert kinds.count(("fsync", True)) == count == [what for what, _aside in kinds].count("replace")
    first = next(number for number, (what, _aside) in enumerate(kinds) if what == "replace")
    assert ("fsync", True) in kinds[:first]


def test_payloadGoesOnlyAfterItsEntryIsVerified(tmp_path, events):
    with openOutbox(tmp_path / "outbox") as outbox:
        outbox.enqueue(makeItems(tmp_path / "files"), STORE)
        claimed = outbox.claim(STORE, 9)
        events.clear()
        outbox.mark(claimed, VERIFIED)
        assert [what for what, _path in events] == ["commit", "unlink", "unlink", "unlink", "commit"]


def test_commitIsOnTheDiskWhenItReturns(tmp_path):
    openOutbox(tmp_path / "outbox").close()
    db = Schema.connect(tmp_path / "outbox" / "outbox.sqlite")
    asked = [db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "journal_mode")]
    db.close()
    assert asked == [2, "wal"], "FULL, and a log that is written ahead"
