"""A case given back by a store alone: the same bytes, the same graph and approvals; or nothing, and every reason."""

import json
import os
import signal
import stat
import subprocess
import sys
import urllib.request

import pytest
from Pushing import pushVerified
from SmallCases import SURGEON, addArtefact, approveSmallCase, makePackage, makeSmallCase, treeOf, writeSite

from CentralSyncLib.Items import itemOf
from CentralSyncLib.Records import CaseFiles, CaseRecord
from CentralSyncLib.Records.Kept import KeptState, openCases
from CentralSyncLib.Records.RawData import headerOf
from CentralSyncLib.Records.Restore import restoreCase
from CentralSyncLib.Records.Wrapping import wrap
from CentralSyncLib.Stores.Addresses import openStore
from CentralSyncLib.Sync import syncCase
from PlanningHubLib.Case import Case
from PlanningHubLib.Consent import recordConsent
from PlanningHubLib.Errors import (
    Cancelled,
    InputRefused,
    StoreFailed,
    UsageError,
    VerificationFailed,
)
from Servers.LyingServer import LyingServer
from Servers.OrthancServer import OrthancServer, freePort, whyNoOrthanc


@pytest.fixture(scope="module")
def orthanc():
    if whyNoOrthanc():
        pytest.skip(whyNoOrthanc())
    with OrthancServer() as server:
        yield server


@pytest.fixture(params=["folder", "orthanc"])
def anAddress(request, tmp_path):
    return str(tmp_path / "store") if request.param == "folder" else request.getfixturevalue("orthanc").address


@pytest.fixture
def aCaseFolder(tmp_path, monkeypatch):
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "home"))
    return makeSmallCase(tmp_path / "case", procedure="cranioplasty", side="left")


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Go to an empty machine: no outbox, no key, no site."""

    def go():
        monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "empty"))

    return go


def sync(folder, address):
    with Case.open(folder, writable=True) as case:
        result = syncCase(case, openStore(address), patienceSeconds=0)
    assert result.problem() is None, result.problem()


def goOn(folder):
    """Make a second revision of part and package, so that the first ones are stale."""
    with Case.open(folder, writable=True) as case:
        part = addArtefact(case, "part", {"part.stl": b"other triangles"}, [case.latest("segmentation")])
        makePackage(case, [case.latest("source"), case.latest("segmentation"), part], seed=2)


def idOf(folder):
    return Case.open(folder).caseId


def restore(address, word, folder, **options):
    return restoreCase(openCases(address), word, folder, **options)


def codes(result):
    return {finding.code for finding in result.findings}


def leftovers(folder):
    return [path.name for path in folder.iterdir() if path.name.startswith((".restore", "back"))]


def test_theCaseComesBackByteForByteOnAnEmptyMachine(aCaseFolder, anAddress, elsewhere, tmp_path):
    writeSite()
    approveSmallCase(aCaseFolder)
    sync(aCaseFolder, anAddress)
    elsewhere()
    result = restore(anAddress, idOf(aCaseFolder), tmp_path / "back")
    assert treeOf(tmp_path / "back") == treeOf(aCaseFolder)
    one, other = Case.open(aCaseFolder), Case.open(tmp_path / "back")
    assert one.artefacts == other.artefacts and one.governance == other.governance
    assert codes(result) == {"audit-key-missing", "approval-does-not-hold"}, "what cannot be proven here is said"
    (approval,) = result.approvals
    assert approval["user"] == SURGEON.user and not approval["holds"]
    writeSite()
    again = restore(anAddress, one.name, tmp_path / "back2")
    assert again.approvals[0]["holds"] and codes(again) == {"audit-key-missing"}
    assert sorted(leftovers(tmp_path)) == ["back", "back2"]


def test_olderRevisionsComeToo_andAnOlderStateByItsNumber(aCaseFolder, anAddress, elsewhere, tmp_path):
    sync(aCaseFolder, anAddress)
    first = treeOf(aCaseFolder)
    lines = Case.open(aCaseFolder).auditHead["lines"]
    goOn(aCaseFolder)
    sync(aCaseFolder, anAddress)
    elsewhere()
    result = restore(anAddress, idOf(aCaseFolder), tmp_path / "back")
    assert treeOf(tmp_path / "back") == treeOf(aCaseFolder)
    assert [state.lines for state in result.states][0] == lines and len(result.states) == 2
    restore(anAddress, idOf(aCaseFolder), tmp_path / "older", at=lines)
    assert treeOf(tmp_path / "older") == first
    with pytest.raises(UsageError) as error:
        restore(anAddress, idOf(aCaseFolder), tmp_path / "other", at=1)
    assert error.value.code == "no-such-state" and str(lines) in error.value.action


def test_aPlanThatWasStaleBeforeItWasSentNeverShowsAsAnObject(aCaseFolder, orthanc, elsewhere, tmp_path):
    stale = aCaseFolder / "artefacts/package-1/r1/plan.dcm"
    goOn(aCaseFolder)
    sync(aCaseFolder, orthanc.address)
    stored = orthanc.storedBytes()
    assert (aCaseFolder / "artefacts/package-1/r2/plan.dcm").read_bytes() in stored
    assert stale.read_bytes() not in stored, "only wrapped"
    elsewhere()
    restore(orthanc.address, idOf(aCaseFolder), tmp_path / "back")
    assert treeOf(tmp_path / "back") == treeOf(aCaseFolder)


# What is not whole


def kept(address, name, folder):
    """The folder store's copy of a case's file."""
    return openStore(address).objectPath(CaseFiles.filesOf(Case.open(folder))[name])


def test_everyLostOrDamagedFileIsNamedAndNothingIsWritten(aCaseFolder, tmp_path, elsewhere):
    store = str(tmp_path / "store")
    sync(aCaseFolder, store)
    names = ["artefacts/part-1/r1/part.stl", "artefacts/source-1/r1/dicom/00002.dcm"]
    gone, rotten = (kept(store, name, aCaseFolder) for name in names)
    gone.unlink()
    rotten.write_bytes(rotten.read_bytes()[:-1] + b"x")
    elsewhere()
    with pytest.raises(VerificationFailed) as error:
        restore(store, idOf(aCaseFolder), tmp_path / "back")
    # The package holds a copy of the part.
    assert error.value.code == "content-lost"
    assert set(error.value.files) == {*names, "artefacts/package-1/r1/part.stl"}
    assert leftovers(tmp_path) == []


def test_objectsThatTheArchiveLostOrThatRotOnItsDiskAreNamed(aCaseFolder, orthanc, tmp_path, elsewhere):
    sync(aCaseFolder, orthanc.address)
    source, part = "artefacts/source-1/r1/dicom/00001.dcm", "artefacts/part-1/r1/part.stl"
    data = treeOf(aCaseFolder)[source]
    rot(orthanc, data)
    with Case.open(aCaseFolder) as case:
        wrapped = wrap(itemOf(aCaseFolder / part), headerOf(case))
    with orthanc.ask("/tools/lookup", wrapped.sopInstanceUid.encode()) as answer:
        (found,) = json.loads(answer.read())
    delete = urllib.request.Request(orthanc.url + found["Path"], method="DELETE")
    urllib.request.urlopen(delete, timeout=30).close()
    elsewhere()
    with pytest.raises(VerificationFailed) as error:
        restore(orthanc.address, idOf(aCaseFolder), tmp_path / "back")
    assert error.value.code == "content-lost" and leftovers(tmp_path) == []
    assert set(error.value.files) == {source, part, "artefacts/package-1/r1/part.stl"}


def test_whatAnotherObjectStandsInForComesBackAsItWas(aCaseFolder, orthanc, tmp_path, elsewhere):
    sync(aCaseFolder, orthanc.address)
    name = "artefacts/source-1/r1/dicom/00002.dcm"
    data = treeOf(aCaseFolder)[name]
    rot(orthanc, data)
    sync(aCaseFolder, orthanc.address)
    elsewhere()
    result = restore(orthanc.address, idOf(aCaseFolder), tmp_path / "back")
    assert treeOf(tmp_path / "back") == treeOf(aCaseFolder)
    kept = result.state.contents[result.state.files[name]]
    assert kept["wrapped"] and kept["replaces"] == itemOf(aCaseFolder / name).sopInstanceUid


def rot(orthanc, data):
    """Change the last byte of an object on the archive's disk."""
    paths = [path for path in (orthanc.folder / "storage").rglob("*") if path.is_file()]
    (rotten,) = (path for path in paths if path.stat().st_size == len(data) and path.read_bytes() == data)
    rotten.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    # Orthanc keeps what it read last in memory.
    orthanc.kill()
    orthanc.start()


def test_anArchiveThatRecodesGivesTheSameBytesBack(aCaseFolder, tmp_path):
    """It has no search: the record is read from what it keeps."""
    with LyingServer(read="recodes") as server:
        sync(aCaseFolder, server.address)
        (record,) = (data for data in server.kept.values() if b"CASE_RECORD" in data)
        values = CaseRecord.readRecord(record)
        state = KeptState("", "", 0, "", "", "", values["files"], values["contents"])
        source = openCases(server.address)
        for name, digest in values["files"].items():
            source.fetch(state, digest, tmp_path / "file", lambda: None)
            assert (tmp_path / "file").read_bytes() == treeOf(aCaseFolder)[name]


def test_aForgedOlderRecordIsFoundAndAPersonMayChoose(aCaseFolder, orthanc, tmp_path, elsewhere):
    sync(aCaseFolder, orthanc.address)
    newest = Case.open(aCaseFolder).auditHead["lines"]
    with Case.open(aCaseFolder) as case:
        header = headerOf(case)
        values = CaseRecord.recordValues(case, CaseFiles.filesOf(case), {}, header)
    values["auditHead"] = {"lines": newest - 2, "sha256": "0" * 64}
    (sent,) = pushVerified(openStore(orthanc.address), [CaseRecord.recordItem(values, header)])
    assert sent.state == "verified"
    elsewhere()
    with pytest.raises(VerificationFailed) as error:
        restore(orthanc.address, idOf(aCaseFolder), tmp_path / "back")
    assert error.value.code == "audit-differs-from-store" and leftovers(tmp_path) == []
    result = restore(orthanc.address, idOf(aCaseFolder), tmp_path / "back", at=newest)
    assert "audit-differs-from-store" in codes(result) and treeOf(tmp_path / "back") == treeOf(aCaseFolder)


def test_twoHistoriesOfOneLengthAreRefused(aCaseFolder, tmp_path, elsewhere):
    store = str(tmp_path / "store")
    sync(aCaseFolder, store)
    other = tmp_path / "other"
    other.mkdir()
    for name, data in treeOf(aCaseFolder).items():
        (other / name).parent.mkdir(parents=True, exist_ok=True)
        (other / name).write_bytes(data)
    for folder, scope in ((aCaseFolder, "teaching"), (other, "research")):
        with Case.open(folder, writable=True) as case:
            recordConsent(case, scope, "2026-01-31", "test 1")
            items = CaseFiles.caseItems(case, openStore(store))
            closing = CaseFiles.closingItems(case, openStore(store), items)
            results = pushVerified(openStore(store), [*items.all, *closing.all])
            assert CaseFiles.keepRecord(case, openStore(store), results, None) == []
    elsewhere()
    with pytest.raises(VerificationFailed) as error:
        restore(store, idOf(aCaseFolder), tmp_path / "back")
    assert error.value.code == "audit-differs-from-store"


def test_aListThatLeadsOutOfTheFolderIsRefused(aCaseFolder, tmp_path, elsewhere):
    store = openStore(str(tmp_path / "store"))
    sync(aCaseFolder, str(tmp_path / "store"))
    path = store.snapshots(idOf(aCaseFolder))[-1]
    values = store.readList(path)
    elsewhere()
    for name in ("../evil", "/evil", "artefacts/../../evil", "a\\evil", ".lock", "C:evil"):
        files = {**values["files"], name: values["files"]["case.json"]}
        path.write_text(json.dumps({**values, "files": files}))
        with pytest.raises(VerificationFailed) as error:
            restore(str(tmp_path / "store"), idOf(aCaseFolder), tmp_path / "back")
        assert error.value.code == "record-unsafe" and leftovers(tmp_path) == []
    extra = {**values["files"], "artefacts/part-1/r1/more.stl": values["files"]["case.json"]}
    path.write_text(json.dumps({**values, "files": extra}))
    with pytest.raises(VerificationFailed) as error:
        restore(str(tmp_path / "store"), idOf(aCaseFolder), tmp_path / "back")
    assert error.value.code == "restored-differs" and error.value.files == ["artefacts/part-1/r1/more.stl"]


def test_aNewestRecordThatCannotBeReadIsNotPassedOver(aCaseFolder, tmp_path, elsewhere):
    store = openStore(str(tmp_path / "store"))
    sync(aCaseFolder, str(tmp_path / "store"))
    lines = Case.open(aCaseFolder).auditHead["lines"]
    goOn(aCaseFolder)
    sync(aCaseFolder, str(tmp_path / "store"))
    store.snapshots(idOf(aCaseFolder))[-1].write_text("{")
    elsewhere()
    source = openCases(str(tmp_path / "store"))
    source.find = lambda word, progress: {idOf(aCaseFolder): ""}
    with pytest.raises(VerificationFailed) as error:
        restoreCase(source, "any", tmp_path / "back")
    assert error.value.code == "record-damaged" and str(lines) in error.value.action
    assert "store-list-damaged" in codes(restoreCase(source, "any", tmp_path / "back", at=lines))


# Which case, and where to


def test_neverGuessesWhichCase(aCaseFolder, anAddress, elsewhere, tmp_path):
    code = f"{hash(anAddress) & 0xFFFFFFFF:064x}"[::-1]
    first, second = (makeSmallCase(tmp_path / name, patientCode=code) for name in ("one", "two"))
    for folder in (first, second):
        sync(folder, anAddress)
    names = {Case.open(folder).name for folder in (first, second)}
    elsewhere()
    with pytest.raises(InputRefused) as error:
        restore(anAddress, next(iter(names)).rpartition("-")[0], tmp_path / "back")
    assert error.value.code == "several-cases" and all(name in error.value.message for name in names)
    with pytest.raises(InputRefused) as error:
        restore(anAddress, "PH-00000000-0000", tmp_path / "back")
    assert error.value.code == "no-such-case" and leftovers(tmp_path) == []
    assert restore(anAddress, Case.open(second).name, tmp_path / "back").state.caseId == idOf(second)


def test_nothingIsOverwritten_andAStoreThatIsNotThereIsSaid(aCaseFolder, tmp_path):
    sync(aCaseFolder, str(tmp_path / "store"))
    with pytest.raises(InputRefused) as error:
        restore(str(tmp_path / "store"), idOf(aCaseFolder), aCaseFolder)
    assert error.value.code == "already-there"
    for address in (str(tmp_path / "none"), f"dicomweb+http://127.0.0.1:{freePort()}/dicom-web"):
        with pytest.raises(StoreFailed):
            restore(address, "PH-00000000-0000", tmp_path / "back")


def test_aRestoreThatIsInterruptedGoesOnWhereItWas(aCaseFolder, anAddress, elsewhere, tmp_path):
    sync(aCaseFolder, anAddress)
    elsewhere()
    source = openCases(anAddress)
    source.connections, fetch, count = 1, source.fetch, []

    def failing(state, sha256, path, beforeChunk):
        count.append(sha256)
        if len(count) > 3:
            path.write_bytes(b"half")
            raise StoreFailed("connection-lost", "The store is gone.", "")
        fetch(state, sha256, path, beforeChunk)

    source.fetch = failing
    with pytest.raises(StoreFailed):
        restoreCase(source, idOf(aCaseFolder), tmp_path / "back")
    (aside,) = leftovers(tmp_path)
    assert aside.startswith(".restore-") and stat.S_IMODE((tmp_path / aside).stat().st_mode) == 0o700
    result = restore(anAddress, idOf(aCaseFolder), tmp_path / "back")
    contents = len(set(CaseFiles.filesOf(Case.open(aCaseFolder)).values()))
    assert result.fetched == contents - 3 and leftovers(tmp_path) == ["back"]
    assert treeOf(tmp_path / "back") == treeOf(aCaseFolder)


KILLED = """
import os, signal, sys
from CentralSyncLib.Records.Kept import openCases
from CentralSyncLib.Records.Restore import restoreCase
source = openCases(sys.argv[1])
fetch, source.connections, asked = source.fetch, 1, []
def killing(state, sha256, path, beforeChunk):
    asked.append(sha256)
    fetch(state, sha256, path, beforeChunk)
    if len(asked) == 5:
        path.write_bytes(b"half")
        os.kill(os.getpid(), signal.SIGKILL)
source.fetch = killing
restoreCase(source, sys.argv[2], sys.argv[3])
"""


def test_aRestoreThatIsKilledGoesOnWhereItWas(aCaseFolder, elsewhere, tmp_path):
    store, back = str(tmp_path / "store"), tmp_path / "back"
    sync(aCaseFolder, store)
    elsewhere()
    places = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", KILLED, store, idOf(aCaseFolder), back], env=places, timeout=120)
    assert done.returncode == -signal.SIGKILL and not back.exists() and len(leftovers(tmp_path)) == 1
    result = restore(store, idOf(aCaseFolder), back)
    contents = len(set(CaseFiles.filesOf(Case.open(aCaseFolder)).values()))
    assert result.fetched == contents - 4 and leftovers(tmp_path) == ["back"]
    assert treeOf(back) == treeOf(aCaseFolder)


def test_cancelledLeavesNothing(aCaseFolder, tmp_path):
    sync(aCaseFolder, str(tmp_path / "store"))

    def cancel(fraction, _text):
        if fraction > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        restore(str(tmp_path / "store"), idOf(aCaseFolder), tmp_path / "new" / "back", progress=cancel)
    assert leftovers(tmp_path) == [] and not (tmp_path / "new").exists()


def test_readOnlyTakesTheRightToWriteFromAll(aCaseFolder, tmp_path):
    sync(aCaseFolder, str(tmp_path / "store"))
    result = restore(str(tmp_path / "store"), idOf(aCaseFolder), tmp_path / "back", readOnly=True)
    assert result.asDict()["read_only"]
    paths = [tmp_path / "back", *(tmp_path / "back").rglob("*")]
    assert len(paths) > 12 and not any(path.stat().st_mode & 0o222 for path in paths)
    assert Case.open(tmp_path / "back").verify() == []
    for path in paths:
        path.chmod(0o755)
