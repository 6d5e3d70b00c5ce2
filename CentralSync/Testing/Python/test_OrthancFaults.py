"""What happens to a real Orthanc while it is pushed to: nothing that was called verified is lost unnoticed.

Time goes only while the drain waits, so days of waiting take no time.
"""

import io
import shutil
from pathlib import Path

import pydicom
import pytest
from SmallDisks import resized, smallDisk

from CentralSyncLib.Items import itemOf
from CentralSyncLib.Outbox.Outbox import VERIFIED, Outbox
from CentralSyncLib.Outbox.Push import Push
from CentralSyncLib.Records.Wrapping import NotWrapped, unwrap
from CentralSyncLib.Results import QUEUED as SHOWN_QUEUED
from CentralSyncLib.Results import VERIFIED as SHOWN_VERIFIED
from CentralSyncLib.Stores.Addresses import openStore
from CentralSyncLib.Stores.Http import TimeLimits
from CentralSyncLib.Stores.Settings import StoreSettings
from PlanningHubLib.Files import sha256Bytes
from PlanningHubLib.Secrets import KeyRing
from Servers.OrthancServer import OrthancServer, dicomWebPlugin, pluginFolders, whyNoOrthanc
from Servers.Postgres import Postgres, whyNoPostgres
from Servers.SmallDicom import writeSmallSeries

pytestmark = pytest.mark.skipif(bool(whyNoOrthanc()), reason=whyNoOrthanc() or "Orthanc is there")
A_DAY = 24 * 3600.0


class Timer:
    """A clock that goes only when somebody sleeps."""

    def __init__(self):
        self.now = 1_800_000_000.0

    def time(self):
        return self.now

    monotonic = time

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def outbox(tmp_path):
    timer = Timer()
    with Outbox(tmp_path / "outbox", KeyRing(b"k" * 32), timer.time) as made:
        made.timer = timer
        yield made


@pytest.fixture
def items(tmp_path):
    return [itemOf(path) for path in writeSmallSeries(tmp_path / "series", 40, kilobytes=16, seed=31)]


def storeOf(orthanc):
    store = openStore("", settings=StoreSettings(orthanc.address, connections=2))
    store._http.limits = TimeLimits(connectSeconds=5, silenceSeconds=3)
    return store


def pushed(outbox, store, items, patienceSeconds=0.0):
    """SHA-256 → state of every item."""
    results = Push(outbox, store, patienceSeconds=patienceSeconds, timer=outbox.timer).push(items)
    assert all(result.reason for result in results if result.state == SHOWN_QUEUED)
    return {result.sha256: result.state for result in results}


def digests(orthanc):
    return [sha256Bytes(data) for data in orthanc.storedBytes()]


def assertNothingLost(outbox, store, orthanc):
    """What the outbox calls verified is what Orthanc has, read behind the DICOMweb service; nothing is there twice."""
    kept = digests(orthanc)
    verified = {entry.sha256 for entry in outbox.entries(store=store.address, states=[VERIFIED])}
    assert verified <= set(kept) and len(kept) == len(set(kept))
    return verified


def assertAllArrive(outbox, store, orthanc, items):
    assert set(pushed(outbox, store, items, A_DAY).values()) == {SHOWN_VERIFIED}
    assert assertNothingLost(outbox, store, orthanc) == {item.sha256 for item in items}
    assert len(digests(orthanc)) == len(items)


@pytest.mark.parametrize("moment", ["in the body", "between batches", "while reading back"])
def test_killedInTheMiddle(outbox, items, moment):
    with OrthancServer() as orthanc:
        store = storeOf(orthanc)
        killAt(moment, orthanc, store)
        states = pushed(outbox, store, items)
        assert SHOWN_QUEUED in states.values()
        orthanc.start()
        assertNothingLost(outbox, store, orthanc)
        assertAllArrive(outbox, storeOf(orthanc), orthanc, items)


def killAt(moment, orthanc, store):
    """Have the server killed once, at a moment of the next push."""
    left = {"in the body": 200_000, "between batches": 2, "while reading back": 1}
    place, name = {
        "in the body": (store._bandwidth, "take"),
        "between batches": (store, "_sendBatch"),
        "while reading back": (store, "_checkSeries"),
    }[moment]
    function = getattr(place, name)

    def counted(first, *arguments, **keywords):
        # The first reading back is of an empty store.
        isCounted = moment != "while reading back" or orthanc.instances()
        left[moment] -= (first if moment == "in the body" else 1) if isCounted and left[moment] > 0 else 0
        if left[moment] <= 0 and name in vars(place):
            delattr(place, name)
            orthanc.kill()
        return function(first, *arguments, **keywords)

    setattr(place, name, counted)


def test_diskThatIsFull(outbox, items, tmp_path):
    with (
        smallDisk(tmp_path / "disk", "size=300k") as disk,
        OrthancServer(settings={"StorageDirectory": str(disk)}) as orthanc,
    ):
        store = storeOf(orthanc)
        pushed(outbox, store, items)
        verified = assertNothingLost(outbox, store, orthanc)
        assert 0 < len(verified) < len(items)
        resized(disk, "size=4m")
        assertAllArrive(outbox, store, orthanc, items)


@pytest.mark.slow
@pytest.mark.skipif(bool(whyNoPostgres()), reason=whyNoPostgres() or "PostgreSQL is there")
def test_indexDatabaseThatIsStopped(outbox, items):
    plugin = next(Path(folder, "libOrthancPostgreSQLIndex.so") for folder in pluginFolders
                  if Path(folder, "libOrthancPostgreSQLIndex.so").exists())  # fmt: skip
    with Postgres() as database:
        settings = {"Plugins": [str(dicomWebPlugin()), str(plugin)], "PostgreSQL": database.orthancSettings}
        with OrthancServer(settings=settings) as orthanc:
            store = storeOf(orthanc)
            assertAllArrive(outbox, store, orthanc, items[:10])
            database.stop()
            states = pushed(outbox, store, items[10:])
            assert set(states.values()) == {SHOWN_QUEUED}
            database.start()
            # This Orthanc does not look for its database again by itself.
            orthanc.kill()
            orthanc.start()
            assertAllArrive(outbox, store, orthanc, items)


def test_indexThatIsLost(outbox, items):
    with OrthancServer() as orthanc:
        store = storeOf(orthanc)
        assertAllArrive(outbox, store, orthanc, items)
        orthanc.kill()
        for path in (orthanc.folder / "storage").glob("index*"):
            path.unlink()
        orthanc.start()
        assert orthanc.instances() == []
        assertAllArrive(outbox, store, orthanc, items)
        assertNoticed(outbox, items)


def test_olderCopyOfTheStoreIsNoticedByTheNextSync(outbox, items, tmp_path):
    with OrthancServer() as orthanc:
        store = storeOf(orthanc)
        assertAllArrive(outbox, store, orthanc, items[:10])
        orthanc.kill()
        shutil.copytree(orthanc.folder / "storage", tmp_path / "older")
        orthanc.start()
        assertAllArrive(outbox, store, orthanc, items)
        orthanc.kill()
        shutil.rmtree(orthanc.folder / "storage")
        shutil.copytree(tmp_path / "older", orthanc.folder / "storage")
        orthanc.start()
        assert len(orthanc.instances()) == 10
        with pytest.raises(AssertionError):
            assertNothingLost(outbox, store, orthanc)
        assertAllArrive(outbox, store, orthanc, items)
        assertNoticed(outbox, items[10:])
        assert not any("not in the store any more" in reason for reason in reasonsOf(outbox, items[0]))


def test_objectThatRotsOnTheStoresDiskIsStoodInFor(outbox, items, tmp_path):
    items = items[:4]
    with OrthancServer() as orthanc:
        store = storeOf(orthanc)
        assertAllArrive(outbox, store, orthanc, items)
        # Orthanc answers from memory what it has just stored; a restart makes it read its disk.
        orthanc.kill()
        original = items[1].path.read_bytes()
        stored = [path for path in (orthanc.folder / "storage").rglob("*") if path.is_file()]
        (rotten,) = [path for path in stored if path.read_bytes() == original]
        rotten.write_bytes(original[:-9] + bytes([original[-9] ^ 4]) + original[-8:])
        orthanc.start()
        push = Push(outbox, store, patienceSeconds=A_DAY, timer=outbox.timer)
        results = push.push(items)
        assert {result.state for result in results} == {SHOWN_VERIFIED} and len(results) == 6
        assert results[1].replaces == (items[1].sha256, items[1].sopInstanceUid)
        assert [alarm.code for alarm in push.alarms] == ["store-copy-corrupt"]
        kept = orthanc.storedBytes()
        # The rotten copy is where it was; beside it stand its content, its bytes, and a note that rejects it.
        assert len(kept) == 7 and rotten.read_bytes() in kept and original not in kept
        assert original in [unwrapped(data) for data in kept]
        rejected = [str(one.get("CurrentRequestedProcedureEvidenceSequence", "")) for one in map(parsed, kept)]
        assert sum(items[1].sopInstanceUid in text for text in rejected) == 1


def parsed(data):
    return pydicom.dcmread(io.BytesIO(data))


def unwrapped(data):
    try:
        return unwrap(data)[1]
    except NotWrapped:
        return None


def test_patientThatAQuotaRecycledIsNoticedByTheNextSync(outbox, items, tmp_path):
    others = [asPatient(item, "OTHER", tmp_path) for item in items[:3]]
    with OrthancServer(settings={"MaximumPatientCount": 1}) as orthanc:
        store = storeOf(orthanc)
        assertAllArrive(outbox, store, orthanc, items)
        assert set(pushed(outbox, store, others, A_DAY).values()) == {SHOWN_VERIFIED}
        assert len(orthanc.instances()) == 3
        assert set(pushed(outbox, store, items, A_DAY).values()) == {SHOWN_VERIFIED}
        assertNoticed(outbox, items)
        pushed(outbox, store, others, A_DAY)
        assertNoticed(outbox, others)


def asPatient(item, patientId, folder):
    from pydicom.uid import generate_uid

    dataset = pydicom.dcmread(item.path)
    dataset.PatientID = patientId
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        setattr(dataset, keyword, generate_uid(entropy_srcs=[patientId, str(dataset.get(keyword))]))
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    path = folder / f"{patientId}-{dataset.InstanceNumber}.dcm"
    dataset.save_as(path)
    return itemOf(path)


def reasonsOf(outbox, item):
    return [
        one["reason"]
        for entry in outbox.entries()
        if entry.sha256 == item.sha256
        for one in outbox.history(entry.id)
    ]


def assertNoticed(outbox, items):
    for item in items:
        assert any("not in the store any more" in reason for reason in reasonsOf(outbox, item))
