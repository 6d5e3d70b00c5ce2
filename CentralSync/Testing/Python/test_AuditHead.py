"""The seven tamperings of an audit log, on a case that is in a store: each is found with the head kept there."""

import io
import shutil

import pydicom
import pytest
from Judges import dicomErrors
from Pushing import pushVerified
from Tampering import TAMPERINGS, rollBack

from CentralSyncLib.Items import itemOf
from CentralSyncLib.Records import CaseFiles, CaseRecord
from CentralSyncLib.Records.AuditHead import compareWithStore
from CentralSyncLib.Records.CaseFiles import filesOf
from CentralSyncLib.Records.RawData import headerOf
from CentralSyncLib.Stores.Addresses import openStore
from CentralSyncLib.Stores.FolderStore import FolderStore
from CentralSyncLib.Sync import syncCase
from PlanningHubLib.Case import Case
from PlanningHubLib.Consent import recordConsent
from PlanningHubLib.Errors import StoreFailed, VerificationFailed
from Servers.LyingServer import LyingServer
from Servers.OrthancServer import OrthancServer, freePort, whyNoOrthanc
from Servers.SmallDicom import writeSmallSeries


@pytest.fixture(scope="module")
def orthanc():
    if whyNoOrthanc():
        pytest.skip(whyNoOrthanc())
    with OrthancServer() as server:
        yield server


@pytest.fixture(params=["folder", "orthanc"])
def aStore(request, tmp_path):
    if request.param == "folder":
        return FolderStore(tmp_path / "store")
    return openStore(request.getfixturevalue("orthanc").address)


@pytest.fixture
def liar():
    with LyingServer() as server:
        yield server


@pytest.fixture
def aCaseFolder(tmp_path, monkeypatch):
    """Folder of a case with three slices and something for every other step."""
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "home"))
    with Case.create(tmp_path / "case", "5a" * 32) as case:
        recordConsent(case, "treatment", "2026-01-31", "test 1")
        parents = []
        for kind in ("source", "segmentation", "part", "package"):
            with case.staging(kind) as stage:
                if kind == "source":
                    writeSmallSeries(stage.folder / "dicom", 3, seed=int(case.caseId[:8], 16))
                (stage.folder / "file").write_text(kind)
                parents = [stage.commit(parents=parents)]
    return tmp_path / "case"


def sync(folder, store):
    with Case.open(folder, writable=True) as case:
        return syncCase(case, store, patienceSeconds=0)


@pytest.fixture
def aSyncedCase(aCaseFolder, aStore, tmp_path):
    """Folder of a case that was synced twice; the state before the second sync lies beside it as ``older``."""
    assert sync(aCaseFolder, aStore).complete
    shutil.copytree(aCaseFolder, tmp_path / "older")
    with Case.open(aCaseFolder, writable=True) as case:
        recordConsent(case, "teaching", "2026-01-31", "test 1")
    assert sync(aCaseFolder, aStore).problem() is None
    return aCaseFolder


def judge(folder, store):
    """What the folder alone shows, and what the store's head shows."""
    case = Case.open(folder)
    return (
        {finding.code for finding in case.verify() if finding.severity == "reject"},
        {finding.code for finding in compareWithStore(case, store) if finding.severity == "reject"},
    )


@pytest.mark.parametrize("tamper, aloneSees", TAMPERINGS.items())
def test_allSevenTamperingsAreFound(aSyncedCase, aStore, tamper, aloneSees):
    assert judge(aSyncedCase, aStore) == (set(), set())
    tamper(aSyncedCase)
    alone, withHead = judge(aSyncedCase, aStore)
    assert bool(alone) == aloneSees
    assert alone or withHead == {"audit-differs-from-store"}


def test_rolledBackAndGoneOnIsStillFound(aSyncedCase, aStore):
    """Going on from an older state, even past the old length, is another history than the store's."""
    rollBack(aSyncedCase)
    with Case.open(aSyncedCase, writable=True) as case:
        for number in range(6):
            recordConsent(case, "research", "2026-01-31", f"test {number}")
    assert judge(aSyncedCase, aStore) == (set(), {"audit-differs-from-store"})
    # A further sync adds to the store's heads and replaces none, and says what it found.
    problem = sync(aSyncedCase, aStore).problem()
    assert isinstance(problem, VerificationFailed) and problem.code == "audit-differs-from-store"
    assert judge(aSyncedCase, aStore)[1] == {"audit-differs-from-store"}


def test_caseThatWentOnHonestlyPasses(aSyncedCase, aStore):
    with Case.open(aSyncedCase, writable=True) as case:
        recordConsent(case, "research", "2026-01-31", "test 1")
        assert compareWithStore(case, aStore) == []


def test_storeWithoutAHeadSaysSo(aCaseFolder, tmp_path, liar):
    case = Case.open(aCaseFolder)
    for store in (FolderStore(tmp_path / "empty"), openStore(liar.address)):
        assert [finding.code for finding in compareWithStore(case, store)] == ["audit-head-not-kept"]
    with pytest.raises(StoreFailed):
        compareWithStore(case, openStore(f"dicomweb+http://127.0.0.1:{freePort()}/dicom-web"))


def test_rottenListOfTheStoreIsNamed(aCaseFolder, tmp_path):
    store = FolderStore(tmp_path / "store")
    sync(aCaseFolder, store)
    case = Case.open(aCaseFolder)
    path = store.snapshots(case.caseId)[0]
    path.chmod(0o644)
    path.write_text("{")
    assert [finding.code for finding in compareWithStore(case, store)] == ["store-list-damaged"]


# Records in a store of DICOM objects


def records(server):
    return [pydicom.dcmread(io.BytesIO(data)) for key, data in server.kept.items() if isRecord(data)]


def isRecord(data):
    return pydicom.dcmread(io.BytesIO(data)).get("ContentLabel") == CaseRecord.CONTENT_LABEL


def aRecord(case):
    """Item of a new record of a case that is in no store yet."""
    header = headerOf(case)
    return CaseRecord.recordItem(CaseRecord.recordValues(case, filesOf(case), {}, header), header)


def bytesOf(item):
    with item.open() as file:
        return file.read()


def test_everySyncThatHasNewsAddsARecord(aCaseFolder, liar):
    store = openStore(liar.address)
    first = sync(aCaseFolder, store)
    # Three slices; four files of the artefacts, the receipt, case.json and the log, wrapped; the record.
    assert (first.verified, len(liar.kept), len(records(liar))) == (11, 11, 1)
    assert first.items[-1].name == "record of the case" and first.problem() is None
    assert first.receipt.facts == {"verified": 7, "notSent": 0}, "the receipt is in the log whose head that is"
    sent = liar.sent()
    again = sync(aCaseFolder, store)
    assert liar.sent() == sent and again.problem() is None and again.findings == ()
    with Case.open(aCaseFolder, writable=True) as case:
        recordConsent(case, "teaching", "2026-01-31", "test 1")
    sync(aCaseFolder, store)
    assert [one.InstanceNumber for one in records(liar)] == sorted({one.InstanceNumber for one in records(liar)})
    assert len(records(liar)) == 2 and len({one.SeriesInstanceUID for one in records(liar)}) == 1


def test_theRecordIsARawDataObjectOfTheSameStudyAndSaysNoMoreOfThePatient(aCaseFolder, tmp_path):
    case = Case.open(aCaseFolder)
    path = tmp_path / "record.dcm"
    path.write_bytes(bytesOf(aRecord(case)))
    slices = sorted((aCaseFolder / "artefacts/source-1/r1/dicom").iterdir())
    record, first = pydicom.dcmread(path), pydicom.dcmread(slices[0])
    assert dicomErrors(path) == []
    for keyword in ("StudyInstanceUID", "PatientID", "PatientName"):
        assert record[keyword].value == first[keyword].value
    assert record.SeriesInstanceUID != first.SeriesInstanceUID
    values = CaseRecord.readRecord(path.read_bytes(), case.caseId)
    assert values["auditHead"] == case.auditHead
    assert "TEST" not in str(values) and "Test^Object" not in str(values), "nor does its content"
    del record.Modality
    record.save_as(path)
    assert any("Modality" in line for line in dicomErrors(path)), "the judge sees what is missing"


def test_aLaterVersionMayPutMoreIntoTheRecord_andAnEarlierOneLess(aCaseFolder, monkeypatch, liar):
    case = Case.open(aCaseFolder)
    values = CaseRecord.recordValues(case, filesOf(case), {}, headerOf(case))
    less = {name: values[name] for name in ("format", "caseId", "name", "when", "auditHead")} | {"version": 1}
    for other in (values | {"version": 3, "more": []}, less | {"case": values["case"]}):
        assert pushVerified(openStore(liar.address), [CaseRecord.recordItem(other, headerOf(case))])
    assert compareWithStore(case, openStore(liar.address)) == []


def damage(data):
    """Change a byte in the middle of the record's content."""
    middle = data.index(CaseRecord.PRIVATE_CREATOR.encode()) + 200
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


@pytest.mark.parametrize("change", [damage, lambda data: data[:200], lambda data: data[:-9] + b"x" * 9])
def test_aDamagedRecordIsNamedAndTheOthersCount(aCaseFolder, liar, change):
    store = openStore(liar.address)
    sync(aCaseFolder, store)
    with Case.open(aCaseFolder, writable=True) as case:
        recordConsent(case, "teaching", "2026-01-31", "test 1")
    sync(aCaseFolder, store)
    last = max(key for key, data in liar.kept.items() if isRecord(data))
    liar.kept[last] = change(liar.kept[last])
    assert [finding.code for finding in compareWithStore(Case.open(aCaseFolder), store)] == ["store-list-damaged"]


def test_aRecordOfAnotherCaseIsNotTaken(aCaseFolder):
    data = bytesOf(aRecord(Case.open(aCaseFolder)))
    with pytest.raises(CaseRecord.NotARecord):
        CaseRecord.readRecord(data, "another")


def test_theImagesSayWhereToLookWhateverIsStated(aCaseFolder):
    with Case.open(aCaseFolder, writable=True) as case:
        ((first, _series), *_others) = CaseRecord.recordSeriesOf(case)
        with case.staging("source") as stage:
            paths = writeSmallSeries(stage.folder / "dicom", 1, seed=1)
            second = itemOf(paths[0]).studyUid
            stage.commit(facts={"studyUid": "2.25.1"})
        assert list(dict(CaseRecord.recordSeriesOf(case))) == [first, "2.25.1", second]


def test_aLostRecordIsSentAgain(aCaseFolder, liar):
    store = openStore(liar.address)
    sync(aCaseFolder, store)
    for key in [key for key, data in liar.kept.items() if isRecord(data)]:
        del liar.kept[key]
    assert sync(aCaseFolder, store).problem() is None and len(records(liar)) == 1


def test_aRecordThatTheStoreDoesNotKeepWaits(aCaseFolder, liar):
    store = openStore(liar.address)
    pushVerified(store, CaseFiles.caseItems(Case.open(aCaseFolder), store).all)
    liar.send = "keepsNothing"
    result = sync(aCaseFolder, store)
    assert result.receipt and isinstance(result.problem(), StoreFailed)
    waiting = {item.name for item in result.items if item.state == "queued"}
    assert waiting == {"artefacts/receipt-1/r1/receipt.json", "audit.log", "case.json", "record of the case"}
