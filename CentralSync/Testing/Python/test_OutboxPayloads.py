"""What waits is sealed, is what was queued whatever happens to its source, and is never sent when it is rotten."""

import io
import os
import shutil

import pydicom
import pytest
from LeakSearch import leaks
from OutboxMaking import KEYS, NOON, STORE, contentOf, makeItem, makeItems, openOutbox, payloadNames
from pydicom.data import get_testdata_file

from CentralSyncLib.Items import Item, itemOf
from CentralSyncLib.Outbox.Drain import Drain
from CentralSyncLib.Outbox.Outbox import FAILED, QUEUED, VERIFIED
from CentralSyncLib.Stores.CentralStore import SENT, UNFIT
from CentralSyncLib.Stores.FolderStore import FolderStore
from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Progress import noProgress
from PlanningHubLib.Secrets import KeyRing

PATIENT, SECRET = "Plantedname^Erika", "planted-token-4711"


@pytest.fixture
def outbox(tmp_path):
    with openOutbox(tmp_path / "outbox") as outbox:
        yield outbox


@pytest.fixture
def items(tmp_path):
    return makeItems(tmp_path / "files")


def refusal(outbox, items):
    with pytest.raises(InputRefused) as caught:
        outbox.enqueue(items, STORE)
    assert caught.value.action and caught.value.files
    assert outbox.entries() == [] and payloadNames(outbox.folder) == set()
    return caught.value.code


def test_sourceChangedSinceItWasListedIsRefusedWithAllTheOthers(outbox, items):
    items[1].path.write_bytes(b"another content")
    assert refusal(outbox, items) == "source-changed"


def test_sourceThatGrewIsRefused(outbox, items):
    with open(items[2].path, "ab") as file:
        file.write(b"more")
    assert refusal(outbox, items) == "source-changed"


def test_sourceThatIsGoneIsRefused(outbox, items):
    items[1].path.unlink()
    assert refusal(outbox, items) == "source-missing"


def test_sourceThatCannotBeReadIsRefused(outbox, items):
    class Failing(io.RawIOBase):
        def readable(self):
            return True

        def readinto(self, _buffer):
            raise OSError(5, "Input/output error")

    bad = Item("0" * 64, None, "bad", opener=Failing)
    assert refusal(outbox, [*items, bad]) == "source-unreadable"


def test_manyWithABadOneAmongThemLeaveNothing(outbox, tmp_path):
    items = makeItems(tmp_path / "many", 60)
    items[30].path.write_bytes(b"another content")
    assert refusal(outbox, items) == "source-changed"


def test_whatHappensToTheSourceAfterwardsDoesNotMatter(outbox, items, tmp_path):
    contents = [item.path.read_bytes() for item in items]
    outbox.enqueue(items, STORE)
    items[0].path.write_bytes(b"changed")
    items[1].path.unlink()
    shutil.rmtree(tmp_path / "files")
    assert [contentOf(outbox, entry) for entry in outbox.claim(STORE, 9)] == contents


def test_lengthIsThatOfTheContent(outbox, tmp_path):
    """An item whose length was not known beforehand."""
    item = makeItem(tmp_path / "one.bin", b"x" * 12345)
    unknown = Item(item.sha256, item.path, item.name)
    outbox.enqueue([unknown, makeItem(tmp_path / "empty.bin", b"")], STORE)
    entries = outbox.entries()
    assert [entry.bytes for entry in entries] == [12345, 0] and contentOf(outbox, entries[1]) == b""


def test_dicomObjectIsReadFromTheQueue(outbox):
    item = itemOf(get_testdata_file("CT_small.dcm"))
    outbox.enqueue([item], STORE)
    (entry,) = outbox.claim(STORE, 9)
    waiting = outbox.itemOf(entry)
    assert (waiting.kind, waiting.sopInstanceUid, waiting.studyUid) == ("dicom", item.sopInstanceUid, item.studyUid)
    with waiting.open() as file:
        read, original = pydicom.dcmread(file), pydicom.dcmread(item.path)
    assert read == original and read.PixelData == original.PixelData


def test_anyPlaceInItCanBeRead(outbox, tmp_path):
    data = os.urandom(3_000_017)
    outbox.enqueue([makeItem(tmp_path / "large.bin", data)], STORE)
    with outbox.itemOf(outbox.entries()[0]).open() as file:
        for place, length in ((0, 5), (1, 31), (2_999_990, 100), (15, 17), (1 << 20, 1 << 20), (16, 16), (7, 1)):
            assert file.seek(place) == place and file.read(length) == data[place : place + length]
        assert file.seek(-10, os.SEEK_END) == len(data) - 10 and file.read() == data[-10:]
        assert file.seek(0) == 0 and file.read() == data and file.read() == b""


def test_everyPayloadIsSealedAnew(outbox, tmp_path):
    """The same content twice gives other bytes on the disk; and none of its own."""
    item = makeItem(tmp_path / "one.bin", b"plain text " * 1000)
    seen = set()
    for _ in range(2):
        (number,) = outbox.enqueue([item], STORE)
        (path,) = (outbox.folder / "payloads").glob("*/*")
        seen.add(path.read_bytes())
        assert b"plain" not in path.read_bytes() and path.stat().st_size == 16 + item.bytes
        outbox.withdraw([number], "again")
    assert len(seen) == 2


def plantedItem(folder):
    dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    dataset.PatientName, dataset.PatientComments = PATIENT, SECRET
    folder.mkdir(parents=True)
    dataset.save_as(folder / f"{PATIENT}.dcm")
    return itemOf(folder / f"{PATIENT}.dcm", f"source-1/{PATIENT}.dcm")


def test_folderHoldsNeitherNameNorSecretWhileEntriesWait(outbox, tmp_path):
    item = plantedItem(tmp_path / "case" / PATIENT)
    assert leaks(tmp_path / "case", [PATIENT, SECRET]), "they are in what is queued"
    outbox.enqueue([item], STORE, "case-1", str(item.path.parent))
    outbox.postpone(outbox.claim(STORE, 9), f"the store said: {PATIENT} {SECRET}", NOON)
    (entry,) = outbox.entries()
    assert PATIENT in entry.name and PATIENT in entry.caseFolder and SECRET in entry.reason
    assert {"outbox.sqlite", "outbox.sqlite-wal"} <= {path.name for path in outbox.folder.iterdir()}
    assert leaks(outbox.folder, [PATIENT, PATIENT.split("^")[0], SECRET, KEYS._masterKey.decode()]) == []


def test_searchItselfFindsWhatIsNotSealed(outbox, tmp_path):
    item = plantedItem(tmp_path / "case")
    outbox.enqueue([item], f"/srv/{SECRET}")
    assert {word for _name, word in leaks(outbox.folder, [SECRET])} == {SECRET}


def rot(path):
    data = bytearray(path.read_bytes())
    data[50] ^= 4
    path.write_bytes(data)


def cutOff(path):
    os.truncate(path, path.stat().st_size - 1)


def cutToNothing(path):
    os.truncate(path, 5)


def test_rottenPayloadIsNeverDeliveredAndNamed(outbox, items, tmp_path):
    outbox.enqueue(items, STORE)
    claimed = outbox.claim(STORE, 9)
    rot(outbox.folder / "payloads" / claimed[1].sha256[:2] / claimed[1].sha256[2:])
    store = FolderStore(tmp_path / "store")
    answers = store.send([outbox.itemOf(entry) for entry in claimed], noProgress)
    assert [answers[entry.sha256].outcome for entry in claimed] == [SENT, UNFIT, SENT]
    assert [outbox.faultOf(entry).split(":")[0] for entry in claimed] == ["", "payload-damaged", ""]


def test_drainedRottenPayloadFailsItsEntryByNameAndNoOther(outbox, items, tmp_path):
    store = FolderStore(tmp_path / "store")
    ids = outbox.enqueue(items, store.address)
    rot(outbox.folder / "payloads" / items[1].sha256[:2] / items[1].sha256[2:])
    Drain(outbox, store).drain(ids)
    states = [(entry.state, entry.reason.split(":")[0]) for entry in outbox.entries()]
    assert states == [(VERIFIED, ""), (FAILED, "payload-damaged"), (VERIFIED, "")]
    assert not store.objectPath(items[1].sha256).exists()


@pytest.mark.parametrize(
    ("damage", "code"), [(os.remove, "payload-missing"), (cutOff, "payload-damaged"), (cutToNothing, "payload-damaged")]
)
def test_lostOrCutPayloadFailsByNameAndHoldsUpNobody(outbox, items, damage, code):
    ids = outbox.enqueue(items, STORE)
    damage(outbox.folder / "payloads" / items[0].sha256[:2] / items[0].sha256[2:])
    assert [entry.id for entry in outbox.claim(STORE, 9)] == ids[1:]
    (failed,) = outbox.entries(ids=ids[:1])
    assert failed.state == FAILED and failed.reason.startswith(code) and "Sync its case again" in failed.reason
    assert outbox.faultOf(failed).startswith(code)
    # The case has it still.
    outbox.enqueue(items[:1], STORE)
    assert contentOf(outbox, outbox.claim(STORE, 9)[0]) == items[0].path.read_bytes()


def test_retryOfWhatHasNoPayloadLeavesItAsItIs(outbox, items):
    ids = outbox.enqueue(items, STORE)
    outbox.mark(outbox.claim(STORE, 9), FAILED, "conflict")
    (outbox.folder / "payloads" / items[0].sha256[:2] / items[0].sha256[2:]).unlink()
    assert [entry.id for entry in outbox.retry(ids)] == ids[1:]
    assert [entry.state for entry in outbox.entries()] == [FAILED, QUEUED, QUEUED]


def test_payloadThatAnotherProcessRemovesMeanwhileIsKeptAnew(outbox, items, monkeypatch):
    """Removed between the copying and the entries, as a process does that settles the last entry of another store."""
    enter, removed = outbox._enter, []

    def removeFirst(*arguments):
        if not removed:
            removed.extend(payloadNames(outbox.folder))
            outbox._payloads.remove(removed)
        return enter(*arguments)

    monkeypatch.setattr(outbox, "_enter", removeFirst)
    outbox.enqueue(items, STORE)
    assert len(removed) == 3
    assert all(contentOf(outbox, entry) for entry in outbox.claim(STORE, 9))


def test_anotherKeyReadsNothing(outbox, items, tmp_path):
    outbox.enqueue(items, STORE)
    with openOutbox(tmp_path / "other", keys=KeyRing(b"another" * 5)) as other:
        shutil.copytree(outbox.folder / "payloads", other.folder / "payloads")
        assert other._payloads.faultOf(items[0].sha256, items[0].bytes).startswith("payload-damaged")


def test_verifiedLeavesNothingBehind(outbox, items):
    outbox.enqueue(items, STORE)
    outbox.mark(outbox.claim(STORE, 9), VERIFIED)
    assert [path for path in (outbox.folder / "payloads").rglob("*") if path.is_file()] == []
