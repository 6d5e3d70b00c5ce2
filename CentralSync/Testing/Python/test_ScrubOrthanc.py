"""The scrub against a real Orthanc that loses things: rot on its disk, deletion, its quota, an older copy of it."""

import shutil
import urllib.request

import pytest
from UpkeepFixtures import Upkeep, codes, makeCase

from CentralSyncLib.Items import itemsOf
from CentralSyncLib.Outbox.Outbox import VERIFIED, Outbox
from CentralSyncLib.Records.Wrapping import NotWrapped, unwrap
from CentralSyncLib.Stores.Addresses import openStore
from CentralSyncLib.Sync import syncCase
from CentralSyncLib.Upkeep.Scrub import scrub
from PlanningHubLib.Secrets import KeyRing
from Servers.OrthancServer import OrthancServer, whyNoOrthanc

pytestmark = pytest.mark.skipif(bool(whyNoOrthanc()), reason=whyNoOrthanc() or "Orthanc is there")


@pytest.fixture
def cases(tmp_path, monkeypatch):
    """Make a case of another patient and study for each number."""
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "home"))
    made = []

    def make(number):
        made.append(makeCase(tmp_path / f"case{number}", number, f"PATIENT{number}"))
        return made[-1]

    yield make
    for case in made:
        case.close()


@pytest.fixture
def outbox(tmp_path, cases):
    with Outbox(tmp_path / "outbox", KeyRing.forThisInstallation()) as outbox:
        yield outbox


# Else it answers from its memory what is no longer on its disk.
READS_ITS_DISK = {"MaximumStorageCacheSize": 0}


def send(orthanc, outbox, case):
    """Send the images of a case and prove them."""
    upkeep = Upkeep(openStore(orthanc.address), outbox, case)
    items = [item for item in itemsOf(case) if item.kind == "dicom"]
    assert {entry.state for entry in upkeep.push(items)} == {VERIFIED} and len(items) == 3
    return upkeep


def storedFile(orthanc, item):
    """The file in Orthanc's own folder that holds an object."""
    data = item.open().read()
    (path,) = [path for path in (orthanc.folder / "storage").rglob("*") if path.is_file() and path.read_bytes() == data]
    return path


def test_rotOnItsDiskIsFound(cases, outbox):
    with OrthancServer(settings=READS_ITS_DISK) as orthanc:
        upkeep = send(orthanc, outbox, cases(1))
        path = storedFile(orthanc, itemsOf(upkeep.case)[1])
        data = bytearray(path.read_bytes())
        data[-100] ^= 4
        path.write_bytes(data)
        report = upkeep.scrub()
        (missed,) = report.missed
        assert missed.name == "source-1/dicom/00002.dcm" and missed.asDict()["found"] == "other content"
        assert "store-copy-corrupt" in codes(report) and path.read_bytes() == data, "never overwritten"
        assert missed.state == "replaced" and report.exitCode == 0 and codes(report) == ["store-copy-corrupt"]
        # The same content under a new identity, the very bytes in another, and the note that rejects the rotten copy.
        good = itemsOf(upkeep.case)[1].open().read()
        assert len(orthanc.instances()) == 6 and good in map(unwrapped, orthanc.storedBytes())
        assert upkeep.scrub().findings == [], "the stand-ins are what is looked at from now on"
        for identifier in orthanc.instances()[3:]:
            delete = urllib.request.Request(f"{orthanc.url}/instances/{identifier}", method="DELETE")
            urllib.request.urlopen(delete, timeout=30).close()
        report = upkeep.scrub()
        assert report.exitCode == 0 and len(orthanc.instances()) == 6, "made again from the case, the same"


def unwrapped(data):
    try:
        return unwrap(data)[1]
    except NotWrapped:
        return b""


def test_aFileThatIsGoneFromItsDiskIsNotTakenForKept(cases, outbox):
    with OrthancServer(settings=READS_ITS_DISK) as orthanc:
        upkeep = send(orthanc, outbox, cases(1))
        storedFile(orthanc, itemsOf(upkeep.case)[1]).unlink()
        report = upkeep.scrub()
        assert report.exitCode != 0 or report.missed, codes(report)
        assert report.whole == 2


def test_whatWasDeletedThereIsSentAgain(cases, outbox):
    with OrthancServer() as orthanc:
        upkeep = send(orthanc, outbox, cases(1))
        identifier = orthanc.instances()[0]
        delete = urllib.request.Request(f"{orthanc.url}/instances/{identifier}", method="DELETE")
        urllib.request.urlopen(delete, timeout=30).close()
        assert len(orthanc.instances()) == 2
        report = upkeep.scrub()
        assert report.count("repaired") == 1 and report.exitCode == 0 and codes(report) == ["store-object-missing"]
        assert identifier in orthanc.instances() and upkeep.scrub().findings == []


def test_aQuotaThatRecyclesPatientsIsNamed_andNothingIsTakenForKept(cases, outbox):
    with OrthancServer(settings={"MaximumPatientCount": 1}) as orthanc:
        first = send(orthanc, outbox, cases(1))
        send(orthanc, outbox, cases(2))
        assert len(orthanc.instances()) == 3, "the older patient is gone, and nobody was told"
        report = first.scrub()
        assert report.count("repaired") == 3 and len(report.gone) == 1 and len(report.recycled) == 1
        assert codes(report)[0] == "store-recycles" and "store-study-gone" in codes(report) and report.exitCode == 6
        # Only what is marked is due, and with it its study.
        assert len(first.scrub(onlyDue=True).missed) == 3


def test_anOlderCopyOfItsStorageIsRecognized_andWhatIsMissingIsSentAgain(cases, outbox, tmp_path):
    with OrthancServer(storage=makeFolder(tmp_path / "orthanc")) as orthanc:
        upkeep = send(orthanc, outbox, cases(1))
        orthanc.kill()
        shutil.copytree(orthanc.folder / "storage", tmp_path / "backup")
        orthanc.start()
        send(orthanc, outbox, cases(2))
        orthanc.kill()
        shutil.rmtree(orthanc.folder / "storage")
        shutil.copytree(tmp_path / "backup", orthanc.folder / "storage")
        orthanc.start()
        report = upkeep.scrub()
        assert report.count("repaired") == 3 and report.exitCode == 0
        assert {"store-rolled-back", "store-study-gone"} <= set(codes(report))
        assert len(orthanc.instances()) == 6 and upkeep.scrub().findings == []


def test_aWholeCaseComesBackAsItWas_wrappedFilesToo_andTheNextSyncMakesItsRecordAnew(cases, tmp_path):
    case = cases(1)
    with OrthancServer() as orthanc:
        store = openStore(orthanc.address)
        assert syncCase(case, store).complete
        before = sorted(orthanc.storedBytes())
        for identifier in orthanc.instances():
            delete = urllib.request.Request(f"{orthanc.url}/instances/{identifier}", method="DELETE")
            urllib.request.urlopen(delete, timeout=30).close()
        with Outbox.forThisWorkstation() as outbox:
            report = scrub(outbox, store, 30)
            assert [one.name for one in report.missed if one.state == "lost"] == ["record of the case"]
            assert report.count("repaired") == len(before) - 1 and report.exitCode == 6
            assert set(orthanc.storedBytes()) < set(before)
            assert syncCase(case, store).complete
            report = scrub(outbox, store, 30)
            assert report.exitCode == 0 and report.findings == [] and report.checked == len(before)


def makeFolder(path):
    path.mkdir()
    return path


def test_anOrthancThatIsDownCostsNothing(cases, outbox):
    with OrthancServer() as orthanc:
        upkeep = send(orthanc, outbox, cases(1))
        orthanc.kill()
        report = upkeep.scrub()
        assert report.exitCode == 5 and codes(report) == ["scrub-unfinished"]
        assert {entry.state for entry in outbox.entries()} == {VERIFIED}
