"""The folder store: what it says it keeps is there, whole, whatever happened while it was written."""

import json
import os
import resource
import signal

import pytest
from Pushing import pushVerified
from SmallDisks import resized, smallDisk

from CentralSyncLib.Items import itemOf
from CentralSyncLib.Results import FAILED, QUEUED, VERIFIED
from CentralSyncLib.Stores import FolderStore as FolderStoreModule
from CentralSyncLib.Stores.FolderStore import FolderStore
from PlanningHubLib.Errors import Cancelled, StoreFailed
from PlanningHubLib.Files import sha256

CASE_ID = "0f8fad5b-d9cb-469f-a165-70867728950e"
linuxOnly = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@pytest.fixture
def items(tmp_path):
    return makeItems(tmp_path / "files")


@pytest.fixture
def store(tmp_path):
    return FolderStore(tmp_path / "store")


def makeItems(folder, count=3, size=20_000):
    folder.mkdir()
    for number in range(count):
        (folder / f"{number}.bin").write_bytes(bytes([number]) * size)
    return [itemOf(path) for path in sorted(folder.iterdir())]


def states(results):
    return {result.state for result in results}


def wrongObjects(store):
    """The objects whose name is not the hash of their content."""
    objects = [path for path in (store.folder / "objects").glob("*/*") if path.is_file()]
    return [path for path in objects if path.parent.name + path.name != sha256(path)]


def test_contentsAreKeptUnderTheirHash(store, items):
    assert states(pushVerified(store, items)) == {VERIFIED}
    for item in items:
        kept = store.folder / "objects" / item.sha256[:2] / item.sha256[2:]
        assert kept.read_bytes() == item.path.read_bytes()
    assert not list((store.folder / "incoming").iterdir())


def test_sameContentTwiceIsStoredOnceAndNotWrittenAgain(store, items, tmp_path):
    twin = tmp_path / "twin.bin"
    twin.write_bytes(items[0].path.read_bytes())
    pushVerified(store, items)
    written = store.objectPath(items[0].sha256).stat().st_mtime_ns
    assert states(pushVerified(store, [itemOf(twin), *items])) == {VERIFIED}
    assert store.objectPath(items[0].sha256).stat().st_mtime_ns == written
    assert len(list((store.folder / "objects").glob("*/*"))) == 3


def test_bitRotIsFoundSetAsideAndReplaced(store, items, caplog):
    pushVerified(store, items)
    rotten = store.objectPath(items[1].sha256)
    data = bytearray(rotten.read_bytes())
    data[100] ^= 1
    rotten.write_bytes(data)
    results = pushVerified(store, items)
    assert states(results) == {VERIFIED} and "damaged copy was found" in results[1].reason
    assert "damaged copy" in caplog.text
    assert rotten.read_bytes() == items[1].path.read_bytes()
    (kept,) = (store.folder / "damaged").iterdir()
    assert kept.read_bytes() == data


def test_whatTheDiskDoesNotKeepIsNotVerified(store, items, monkeypatch):
    """A disk that flips a bit after the writing: the name is right, the content is not."""
    replace = os.replace

    def rot(source, target):
        data = bytearray(source.read_bytes())
        data[7] ^= 8
        source.write_bytes(data)
        replace(source, target)

    monkeypatch.setattr(os, "replace", rot)
    results = pushVerified(store, items)
    assert states(results) == {FAILED} and "does not keep what was sent" in results[0].reason


def test_changedFileIsNotStored(store, items):
    items[0].path.write_bytes(b"other")
    items[1].path.unlink()
    results = pushVerified(store, items)
    assert [result.state for result in results] == [FAILED, FAILED, VERIFIED]
    assert not wrongObjects(store) and len(list((store.folder / "objects").glob("*/*"))) == 1


def test_cancelLeavesNoWrongObject(store, items):
    def cancel(fraction, text):
        if "Writing" in text:
            raise Cancelled()

    with pytest.raises(Cancelled):
        pushVerified(store, items, cancel)
    assert not wrongObjects(store)


# Killed at every write


def inChild(work):
    """Run ``work`` in a forked process and return its exit code."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def dieAtStep(number):
    """Make this process die in the ``number``-th step that changes the disk; a write is torn in the middle."""
    left = [number]

    def counted(function):
        def call(*arguments, **options):
            left[0] -= 1
            if left[0] == 0:
                os._exit(9)
            return function(*arguments, **options)

        return call

    for name in ("replace", "rename", "fsync", "link", "mkdir", "unlink"):
        setattr(os, name, counted(getattr(os, name)))

    def tornOpen(path, mode="r", *arguments, **options):
        file = open(path, mode, *arguments, **options)
        return TornFile(file, left) if "w" in mode else file

    FolderStoreModule.open = tornOpen


class TornFile:
    def __init__(self, file, left):
        self._file, self._left = file, left

    def write(self, data):
        self._left[0] -= 1
        if self._left[0] == 0:
            self._file.write(data[: len(data) // 2])
            self._file.flush()
            os._exit(9)
        return self._file.write(data)

    def __getattr__(self, name):
        return getattr(self._file, name)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._file.close()


@linuxOnly
@pytest.mark.parametrize("rotten", [False, True], ids=["empty store", "a rotten object to replace"])
def test_killedAtAnyStepNothingWrongIsKept(tmp_path, rotten):
    items = makeItems(tmp_path / "files")
    files = {f"files/{item.name}": item.sha256 for item in items}
    step, code = 0, 9
    while code == 9:
        step += 1
        store = FolderStore(tmp_path / f"store{step}", connections=1)
        if rotten:
            pushVerified(store, items[:1])
            store.objectPath(items[0].sha256).write_bytes(b"rotten")

        def work(store=store, step=step):
            dieAtStep(step)
            pushVerified(store, items)
            store.keepSnapshot(CASE_ID, files)

        code = inChild(work)
        # The one object that rotted before may still be there; it is found and replaced below.
        assert {path.read_bytes() for path in wrongObjects(store)} <= ({b"rotten"} if rotten else set())
        for path in store.snapshots(CASE_ID):
            assert store.readSnapshot(path) == files and not wrongObjects(store)
        assert states(pushVerified(store, items)) == {VERIFIED} and not wrongObjects(store)
        assert store.readSnapshot(store.keepSnapshot(CASE_ID, files)) == files
    assert code == 0 and step > 20


# Stores that cannot be written


def test_fullStoreQueuesAndCompletesOnceThereIsSpace(tmp_path):
    items = makeItems(tmp_path / "files", count=6, size=40_000)
    with smallDisk(tmp_path / "disk", "size=150k") as disk:
        store = FolderStore(disk / "store", connections=1)
        results = pushVerified(store, items)
        assert states(results) == {VERIFIED, QUEUED} and not wrongObjects(store)
        assert "no space left" in results[-1].reason and "Free some space" in results[-1].reason
        assert not list((store.folder / "incoming").iterdir())
        with pytest.raises(StoreFailed) as caught:
            store.put(items[-1])
        assert caught.value.code == "store-full" and caught.value.exitCode == 5
        resized(disk, "size=1m")
        assert states(pushVerified(store, items)) == {VERIFIED}


@linuxOnly
def test_fileSizeLimitCountsAsFull(tmp_path, items):
    store = FolderStore(tmp_path / "store")

    def work():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        results = pushVerified(store, items)
        os._exit(7 if states(results) == {QUEUED} and "no space left" in results[0].reason else 1)

    assert inChild(work) == 7
    assert not wrongObjects(store)


def test_readOnlyStoreIsNamed(tmp_path, items):
    with smallDisk(tmp_path / "disk", "size=1m") as disk:
        store = FolderStore(disk / "store")
        pushVerified(store, items[:1])
        resized(disk, "ro")
        results = pushVerified(store, items)
        assert [result.state for result in results] == [VERIFIED, QUEUED, QUEUED]
        assert "cannot be read or written" in results[1].reason and "Ask who runs the store" in results[1].reason
        with pytest.raises(StoreFailed) as caught:
            store.put(items[1])
        assert caught.value.code == "store-unwritable"
        with pytest.raises(StoreFailed):
            store.keepSnapshot(CASE_ID, {"a": items[0].sha256})


def test_shareThatIsNotMountedIsNotMadeUp(tmp_path, items):
    store = FolderStore(tmp_path / "share" / "store")
    results = pushVerified(store, items)
    assert states(results) == {QUEUED} and "Mount the network share" in results[0].reason
    assert not (tmp_path / "share").exists()


def test_fileInTheStoresPlaceIsNamed(tmp_path, items):
    (tmp_path / "store").write_text("no folder")
    assert states(pushVerified(FolderStore(tmp_path / "store"), items)) == {QUEUED}
    assert (tmp_path / "store").read_text() == "no folder"


# Snapshots


def test_snapshotNamesEveryFileOnceAndIsWrittenAgainOnlyWhenItDiffers(store, items):
    pushVerified(store, items)
    files = {"case.json": items[0].sha256, "audit.log": items[1].sha256}
    first = store.keepSnapshot(CASE_ID, files)
    assert first == store.folder / "cases" / CASE_ID / "1.json"
    assert store.keepSnapshot(CASE_ID, dict(reversed(files.items()))) == first
    second = store.keepSnapshot(CASE_ID, {**files, "b": items[2].sha256})
    assert second.name == "2.json" and json.loads(first.read_text())["files"] == files


def test_snapshotOfContentsThatAreNotThereIsRefused(store, items):
    pushVerified(store, items[:1])
    with pytest.raises(StoreFailed) as caught:
        store.keepSnapshot(CASE_ID, {"a": items[0].sha256, "b": items[1].sha256})
    assert caught.value.code == "snapshot-incomplete" and caught.value.files == ["b"]
    assert store.snapshots(CASE_ID) == []
