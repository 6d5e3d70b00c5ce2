"""Which cases a store keeps: searched at a folder and at an archive, with the same answers."""

import datetime
import json

import pytest
from Pushing import pushVerified
from SmallCases import addArtefact, approveSmallCase, makeSmallCase, writeSite

from CentralSyncLib.Records import CaseRecord
from CentralSyncLib.Records.Browse import browse
from CentralSyncLib.Records.CaseFiles import filesOf
from CentralSyncLib.Records.FolderCases import FolderCases
from CentralSyncLib.Records.Kept import openCases
from CentralSyncLib.Records.RawData import headerOf
from CentralSyncLib.Records.Restore import restoreCase
from CentralSyncLib.Stores.Addresses import openStore
from CentralSyncLib.Stores.FolderStore import FolderStore
from CentralSyncLib.Sync import syncCase
from PlanningHubLib.Case import Case
from PlanningHubLib.CaseFormat import FILE_NAME
from PlanningHubLib.Errors import InputRefused, StoreFailed, UsageError
from PlanningHubLib.Secrets import homeFolder
from Servers.OrthancServer import OrthancServer, freePort, whyNoOrthanc

TODAY = datetime.datetime.now(datetime.UTC).date()


@pytest.fixture(scope="module")
def orthanc():
    if whyNoOrthanc():
        pytest.skip(whyNoOrthanc())
    with OrthancServer() as server:
        yield server


def sync(folder, address):
    with Case.open(folder, writable=True) as case:
        assert syncCase(case, openStore(address), patienceSeconds=0).problem() is None
    return Case.open(folder)


@pytest.fixture(scope="module", params=["folder", "orthanc"])
def aStoreOfThree(request, tmp_path_factory):
    """(address, two cases of one patient and one of another); the second is approved and has an outcome."""
    folder = tmp_path_factory.mktemp("three")
    address = str(folder / "store") if request.param == "folder" else request.getfixturevalue("orthanc").address
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLANNINGHUB_HOME", str(folder / "home"))
        writeSite()
        stated = [("5a" * 32, "Cranioplasty, left temporal"), ("5a" * 32, None), ("a5" * 32, "Mandible")]
        paths = [makeSmallCase(folder / f"case{number}", *one, side="left") for number, one in enumerate(stated)]
        approveSmallCase(paths[1])
        with Case.open(paths[1], writable=True) as case:
            addArtefact(case, "outcome", {"outcome.json": b"{}"}, [case.latest("part")])
        yield address, [sync(path, address) for path in paths]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "other"))


def find(address, **wanted):
    cases, findings = browse(openCases(address), **wanted)
    assert findings == []
    return {case.name for case in cases}


def test_searchesByPatientProcedureDateAndType(aStoreOfThree):
    address, (first, second, third) = aStoreOfThree
    everything = {first.name, second.name, third.name}
    day = datetime.timedelta(days=1)
    pseudonym = first.name.rpartition("-")[0]
    for wanted, found in (
        ({}, everything),
        ({"patient": pseudonym}, {first.name, second.name}),
        ({"patient": pseudonym.lower()}, {first.name, second.name}),
        ({"patient": "a5" * 32}, {third.name}),
        ({"patient": second.name}, {second.name}),
        ({"patient": second.caseId}, {second.name}),
        ({"patient": "PH-00000000"}, set()),
        ({"procedure": "TEMPORAL cranio"}, {first.name}),
        ({"procedure": "hip"}, set()),
        ({"since": TODAY.isoformat()}, everything),
        ({"since": (TODAY + day).isoformat()}, set()),
        ({"until": (TODAY - day).isoformat()}, set()),
        ({"since": (TODAY - day).isoformat(), "until": (TODAY + day).isoformat()}, everything),
        ({"kind": "outcome"}, {second.name}),
        ({"kind": "part", "patient": "a5" * 32}, {third.name}),
    ):
        # The first time from the records, the second time from what was kept of them.
        assert find(address, **wanted) == find(address, **wanted) == found, wanted


def test_saysOfEachCaseWhatItIs(aStoreOfThree):
    address, (_first, second, _third) = aStoreOfThree
    ((case,), _findings) = browse(openCases(address), second.name)
    values = case.asDict()
    size = values.pop("size")
    assert values == {
        "caseId": second.caseId,
        "name": second.name,
        "patientCode": "5a" * 32,
        "procedure": None,
        "side": "left",
        "date": second.created[:10],
        "kinds": ["outcome", "package", "part", "receipt", "segmentation", "source"],
        "approved": True,
        "superseded": 0,
    }
    onDisk = {path.read_bytes() for path in second.folder.rglob("*") if path.is_file() and path.name != ".lock"}
    assert size == sum(map(len, onDisk))


def test_recordsThatCannotBeReadAreSaid_andThoseOfVersionOnePassedOver(tmp_path, orthanc):
    with Case.open(makeSmallCase(tmp_path / "case")) as case:
        header = headerOf(case)
        values = CaseRecord.recordValues(case, filesOf(case), {}, header)
    senseless = {**values, "case": None, "auditHead": {"lines": 99, "sha256": "0" * 64}}
    pushVerified(openStore(orthanc.address), [CaseRecord.recordItem(values | {"version": 1}, header)])
    assert browse(openCases(orthanc.address), case.name) == ([], [])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CaseRecord, "json", Senseless(json, senseless))
        pushVerified(openStore(orthanc.address), [CaseRecord.recordItem(values, header)])
    cases, findings = browse(openCases(orthanc.address), case.name)
    assert cases == [] and [finding.code for finding in findings] == ["store-list-damaged"]
    assert case.name in findings[0].message
    with pytest.raises(InputRefused):
        restoreCase(openCases(orthanc.address), case.name, tmp_path / "back")


class Senseless:
    """Writes other values than it is given."""

    def __init__(self, real, values):
        self._real, self._values = real, values

    def dumps(self, _values, **options):
        return self._real.dumps(self._values, **options)

    def __getattr__(self, name):
        return getattr(self._real, name)


def test_whatIsKeptOfAListIsOnlyACache(aStoreOfThree):
    address, cases = aStoreOfThree
    everything = {case.name for case in cases}
    assert find(address) == everything
    (cache,) = homeFolder().glob("store-list-*.json")
    for damaged in (b"", b"[]", b'{"format": "1 0", "cases": 7}', cache.read_bytes().replace(b'"kinds"', b'"kindz"')):
        cache.write_bytes(damaged)
        assert find(address) == everything


def test_aCaseThatChangedIsReadAnew(tmp_path):
    store, folder = str(tmp_path / "store"), makeSmallCase(tmp_path / "case")
    sync(folder, store)
    assert find(store, kind="outcome") == set()
    with Case.open(folder, writable=True) as case:
        addArtefact(case, "outcome", {"outcome.json": b"{}"}, [case.latest("part")])
    assert find(store, kind="outcome") == set(), "the store does not know it yet"
    assert {sync(folder, store).name} == find(store, kind="outcome")


def test_anOlderListWithoutARecordIsReadFromTheCase(tmp_path):
    store, folder = str(tmp_path / "store"), makeSmallCase(tmp_path / "case", procedure="Mandible")
    case = sync(folder, store)
    path = FolderStore(store).snapshots(case.caseId)[-1]
    values = FolderStore(store).readList(path)
    newer = browse(openCases(store))[0][0]
    del values["record"]
    path.write_text(json.dumps(values))
    ((older,), findings) = browse(openCases(store))
    assert findings == [] and older.asDict() | {"size": None} == newer.asDict() | {"size": None}
    kept = FolderStore(store).objectPath(values["files"][FILE_NAME])
    kept.write_bytes(kept.read_bytes()[:-9])
    next(homeFolder().glob("store-list-*.json")).unlink()
    cases, findings = browse(openCases(store))
    assert cases == [] and [finding.code for finding in findings] == ["store-list-damaged"]


def test_wrongWordsAndAbsentStoresAreNamed(tmp_path):
    source = openCases(str(tmp_path / "none"))
    for wanted, code in (({"since": "31.1.2026"}, "bad-date"), ({"kind": "plans"}, "unknown-kind")):
        with pytest.raises(UsageError) as error:
            browse(source, **wanted)
        assert error.value.code == code
    for address in (str(tmp_path / "none"), f"dicomweb+http://127.0.0.1:{freePort()}/dicom-web"):
        with pytest.raises(StoreFailed):
            browse(openCases(address))
    with pytest.raises(UsageError) as error:
        openCases("dicom://ARCHIVE@127.0.0.1:104")
    assert error.value.code == "store-gives-nothing-back"


def test_aListReadsOneFileOfEachCase_andNoneTheNextTime(tmp_path, monkeypatch):
    store, folder = FolderStore(tmp_path / "store"), makeSmallCase(tmp_path / "case")
    case = sync(folder, str(tmp_path / "store"))
    values = store.readList(store.snapshots(case.caseId)[-1])
    for number in range(40):
        caseId = f"{number:08d}"
        (store.folder / "cases" / caseId).mkdir()
        record = {**values["record"], "caseId": caseId}
        document = {**values, "caseId": caseId, "record": record}
        (store.folder / "cases" / caseId / "1.json").write_text(json.dumps(document))
    reads = []
    read = FolderStore.readList
    monkeypatch.setattr(FolderStore, "readList", lambda self, path: reads.append(path) or read(self, path))
    assert len(browse(FolderCases(store))[0]) == len(reads) == 41
    assert len(browse(FolderCases(store))[0]) == len(reads) == 41
