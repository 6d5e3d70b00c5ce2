"""A disk that is full: nothing is taken half, nothing that was acknowledged is lost, and all goes on with new space."""

import os
import shutil
import subprocess

import pytest
from OutboxMaking import STORE, assertSound, contentOf, makeItems, openOutbox, payloadNames

from CentralSyncLib.Outbox.Outbox import QUEUED, SENDING, VERIFIED
from PlanningHubLib.Errors import InputRefused

DISK_BYTES = 4 << 20


@pytest.fixture
def disk(tmp_path):
    """A file system of its own with four megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "none", str(folder)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("file systems may not be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill(disk, leave=0):
    """Take all space but so many bytes."""
    with open(disk / "ballast", "ab", buffering=0) as file:
        free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        file.write(b"\0" * max(free - leave, 0))
    assert os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize <= leave


def test_queuingIsRefusedWholeAndWorksOnceThereIsSpace(disk, tmp_path):
    with openOutbox(disk / "outbox") as outbox:
        small = makeItems(tmp_path / "small", 3)
        ids = outbox.enqueue(small, STORE)
        before = payloadNames(outbox.folder)
        large = makeItems(tmp_path / "large", 12, 600_000, "large")
        with pytest.raises(InputRefused) as caught:
            outbox.enqueue(large, STORE)
        assert caught.value.code == "disk-full" and caught.value.action
        assert [entry.id for entry in outbox.entries()] == ids and payloadNames(outbox.folder) == before
        assertSound(outbox.folder)
        # What fits is taken as before.
        outbox.enqueue(large[:3], STORE)
        assert len(outbox.claim(STORE, 9)) == 6
    assertSound(disk / "outbox")


@pytest.mark.parametrize("left", [0, 8192, 40_000, 80_000])
def test_queuingWithSpaceForThePayloadsOnlyIsRefusedWhole(disk, tmp_path, left):
    """The database is what finds no place."""
    with openOutbox(disk / "outbox") as outbox:
        ids = outbox.enqueue(makeItems(tmp_path / "small", 3), STORE)
        fill(disk, left)
        try:
            more = outbox.enqueue(makeItems(tmp_path / "more", 40, 100, "more"), STORE)
        except InputRefused as error:
            assert error.code == "disk-full"
            more = []
        assert [entry.id for entry in outbox.entries()] == [*ids, *more]
        assertSound(outbox.folder)
    assert left or not more


def test_markingIsRefusedByNameAndNothingAcknowledgedIsLost(disk, tmp_path):
    items = makeItems(tmp_path / "files", 200, 100)
    done, refused = [], None
    with openOutbox(disk / "outbox") as outbox:
        outbox.enqueue(items, STORE)
        fill(disk)
        # Until the log of the database cannot grow any more; what fits in it is acknowledged.
        try:
            while claimed := outbox.claim(STORE, 20):
                done += [entry.id for entry in outbox.mark(claimed, VERIFIED)]
        except InputRefused as error:
            refused = error
        assert refused.code == "outbox-full" and refused.action
        verified = [entry.id for entry in outbox.entries(states=VERIFIED)]
        assert verified == done and len(done) < 200
        assert set(outbox.counts()) <= {VERIFIED, SENDING, QUEUED}
        assert all(contentOf(outbox, entry) for entry in outbox.entries(states=[QUEUED, SENDING]))
        (disk / "ballast").unlink()
        outbox.mark(outbox.entries(states=SENDING), VERIFIED)
        while claimed := outbox.claim(STORE, 20):
            outbox.mark(claimed, VERIFIED)
        assert outbox.counts() == {VERIFIED: 200}
    assertSound(disk / "outbox")
    assert payloadNames(disk / "outbox") == set()


def test_whatWasHeldWhenTheDiskWasFullWaitsAtTheNextOpening(disk, tmp_path):
    with openOutbox(disk / "outbox") as outbox:
        outbox.enqueue(makeItems(tmp_path / "files", 5), STORE)
        outbox.claim(STORE, 3)
        fill(disk)
        with pytest.raises(InputRefused):
            for _ in range(50):
                outbox.mark(outbox.claim(STORE, 1), QUEUED, "a reason " * 2000)
    (disk / "ballast").unlink()
    with openOutbox(disk / "outbox") as outbox:
        assert outbox.counts() == {QUEUED: 5}
        assert all(contentOf(outbox, entry) for entry in outbox.claim(STORE, 9))
    assertSound(disk / "outbox")


def test_openingOnAFullDiskIsNamedAndLosesNothing(disk, tmp_path):
    with openOutbox(disk / "outbox") as outbox:
        outbox.enqueue(makeItems(tmp_path / "files"), STORE)
    fill(disk)
    for folder in ("outbox", "new"):
        with pytest.raises(InputRefused) as caught:
            openOutbox(disk / folder)
        assert caught.value.code == "outbox-full"
    (disk / "ballast").unlink()
    assertSound(disk / "outbox")
    openOutbox(disk / "new").close()
