"""An outbox for tests, with items, a clock that can jump, and what must hold after any trouble."""

import contextlib
import hashlib
import os
import sqlite3

from CentralSyncLib.Items import Item
from CentralSyncLib.Outbox.Entries import NEEDS_NO_PAYLOAD
from CentralSyncLib.Outbox.Outbox import Outbox
from CentralSyncLib.Outbox.Verify import verifyOutbox
from PlanningHubLib.Secrets import KeyRing

KEYS = KeyRing(b"k" * 32)
STORE, OTHER_STORE = "dicomweb+https://archive.example/dicom-web", "/srv/store"
NOON = 1_800_000_000.0


class Clock:
    """Seconds since 1970, as the test says."""

    def __init__(self, now=NOON):
        self.now = now

    def __call__(self):
        return self.now


def openOutbox(folder, clock=None, keys=KEYS):
    return Outbox(folder, keys, **({"clock": clock} if clock else {}))


def makeItems(folder, count=3, size=2000, name="scan"):
    """Write files with contents of their own and return their items."""
    folder.mkdir(exist_ok=True)
    return [makeItem(folder / f"{name}-{number}.bin", f"{name} {number} ".encode() * (size // 8 + 1), f"2.25.{number}")
            for number in range(1, count + 1)]  # fmt: skip


def makeItem(path, data, uid=""):
    path.write_bytes(data)
    return _item(path, data, uid)


def itemsIn(folder):
    """The items of :func:`makeItems`, of which nothing is written."""
    return [_item(path, path.read_bytes(), f"2.25.{number}") for number, path in enumerate(sorted(folder.iterdir()), 1)]


def _item(path, data, uid):
    return Item(hashlib.sha256(data).hexdigest(), path, f"source-1/{path.name}", sopInstanceUid=uid, bytes=len(data))


def contentOf(outbox, entry):
    """The plain bytes of what waits, compared with their hash."""
    with outbox.itemOf(entry).open() as file:
        data = file.read()
    assert hashlib.sha256(data).hexdigest() == entry.sha256
    return data


def assertSound(folder, keys=KEYS):
    """Database whole, chain true, every payload that is needed there and readable, and nothing besides."""
    assert verifyOutbox(folder, keys) == []
    db = sqlite3.connect(folder / "outbox.sqlite")
    try:
        marks = ", ".join("?" * len(NEEDS_NO_PAYLOAD))
        needed = db.execute(f"SELECT sha256 FROM entries WHERE state NOT IN ({marks})", NEEDS_NO_PAYLOAD)
        assert payloadNames(folder) == {row[0] for row in needed}
    finally:
        db.close()


def payloadNames(folder):
    """What lies in the folder of payloads, by folder and name."""
    return {path.parent.name + path.name for path in (folder / "payloads").glob("*/*")}


def runInChild(action):
    """Run an action in a forked child that ends without cleaning up; return its exit code, negative for a signal."""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            action()
            os._exit(0)
        os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
