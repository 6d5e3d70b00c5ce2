"""The sync step on a case: what is pushed, what the receipt says, and what a refused or cancelled sync leaves."""

import json
import shutil

import pytest

from CentralSyncLib.Items import itemsOf
from CentralSyncLib.Results import FAILED, QUEUED, VERIFIED
from CentralSyncLib.Stores.Addresses import openStore
from CentralSyncLib.Stores.FolderStore import FolderStore
from CentralSyncLib.Sync import syncCase
from PlanningHubLib.Case import Case
from PlanningHubLib.Consent import departures, recordConsent, recordElsewhere, withdrawConsent
from PlanningHubLib.Errors import Cancelled, GateRefused, StoreFailed, VerificationFailed
from PlanningHubLib.Files import sha256
from Servers.LyingServer import LyingServer
from Servers.OrthancServer import OrthancServer, freePort, whyNoOrthanc
from Servers.SmallDicom import writeSmallSeries


@pytest.fixture
def aCase(tmp_path, monkeypatch):
    """A case with three slices, and a package of one DICOM object, a PDF and a copy of the part."""
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "home"))
    with Case.create(tmp_path / "case", "5a" * 32) as case:
        recordConsent(case, "treatment", "2026-01-31", "test 1")
        with case.staging("source") as stage:
            writeSmallSeries(stage.folder / "dicom", 3)
            source = stage.commit()
        segmentation = commit(case, "segmentation", [source], {"bone.seg.nrrd": b"labels"})
        part = commit(case, "part", [segmentation], {"part.stl": b"triangles"})
        with case.staging("package") as stage:
            shutil.move(writeSmallSeries(stage.folder, 1, seed=1)[0], stage.folder / "segmentation.dcm")
            (stage.folder / "summary.pdf").write_bytes(b"%PDF")
            (stage.folder / "part.stl").write_bytes(b"triangles")
            stage.commit(parents=[source, segmentation, part])
        yield case


@pytest.fixture
def folderStore(tmp_path):
    return FolderStore(tmp_path / "store")


def commit(case, kind, parents, files):
    with case.staging(kind) as stage:
        for name, data in files.items():
            (stage.folder / name).write_bytes(data)
        return stage.commit(parents=parents)


def treeOf(folder):
    return {str(path.relative_to(folder)): sha256(path) for path in folder.rglob("*") if path.is_file()}


def receiptOf(case):
    return json.loads(case.path(case.latest("receipt"), "receipt.json").read_text())


def test_itemsAreTheCurrentFilesEachContentOnce(aCase):
    items = {item.name: item for item in itemsOf(aCase)}
    assert set(items) == {
        *(f"source-1/dicom/{number:05d}.dcm" for number in (1, 2, 3)),
        "segmentation-1/bone.seg.nrrd",
        "part-1/part.stl",
        "package-1/segmentation.dcm",
        "package-1/summary.pdf",
    }
    assert {item.kind for name, item in items.items() if name.endswith(".dcm")} == {"dicom"}
    for item in (item for item in items.values() if item.kind == "dicom"):
        assert item.studyUid and item.seriesUid and item.sopInstanceUid
    assert items["part-1/part.stl"].kind == "plain"


def test_withoutARecordNothingIsSent_andOneThatIsKeptElsewhereIsSaid(aCase, folderStore):
    assert syncCase(aCase, folderStore).asDict()["findings"] == []
    governance = aCase.governance
    aCase.changeGovernance({**governance, "consents": []}, "consent-recorded", {})
    with pytest.raises(GateRefused) as error:
        syncCase(aCase, folderStore)
    assert error.value.code == "no-consent"
    recordElsewhere(aCase)
    (said,) = syncCase(aCase, folderStore).asDict()["findings"]
    assert (said["code"], said["severity"]) == ("treatment-consent-elsewhere", "info")
    assert "site.json" in said["action"]


def test_folderStoreAloneGivesTheCaseBack(aCase, folderStore, tmp_path):
    part = aCase.latest("part")
    commit(aCase, "receipt", [part], {"receipt.json": b'{"store": "another", "items": []}'})
    result = syncCase(aCase, folderStore)
    assert result.complete and result.problem() is None and result.receipt.id == "receipt-1"
    (snapshot,) = folderStore.snapshots(aCase.caseId)
    restored = tmp_path / "restored"
    for name, digest in folderStore.readSnapshot(snapshot).items():
        (restored / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(folderStore.objectPath(digest), restored / name)
    wanted = {name: digest for name, digest in treeOf(aCase.folder).items() if not name.startswith(".")}
    assert treeOf(restored) == wanted and {"case.json", "audit.log"} < set(wanted)
    with Case.open(restored) as case:
        assert case.verify() == [] and case.state(case.latest("receipt")) == "current"


def test_receiptNamesEveryVerifiedItem(aCase, folderStore):
    syncCase(aCase, folderStore)
    receipt = receiptOf(aCase)
    assert receipt["store"] == folderStore.description and receipt["caseId"] == aCase.caseId
    assert {item["sha256"] for item in receipt["items"]} == {item.sha256 for item in itemsOf(aCase)}
    assert all(item["verifiedUtc"].endswith("Z") for item in receipt["items"])
    parents = [link.id for link in aCase.latest("receipt").parents]
    assert parents == ["source-1", "segmentation-1", "part-1", "package-1"]
    commit(aCase, "part", [aCase.latest("segmentation")], {"part.stl": b"other triangles"})
    assert aCase.state(aCase.latest("receipt")) == "stale"


def test_secondSyncVerifiesAndChangesNothing(aCase, folderStore):
    syncCase(aCase, folderStore)
    caseBefore, storeBefore = treeOf(aCase.folder), treeOf(folderStore.folder)
    folderStore.put = None
    result = syncCase(aCase, folderStore)
    assert result.complete and result.receipt.revision == 1
    assert treeOf(aCase.folder) == caseBefore and treeOf(folderStore.folder) == storeBefore


def test_dicomWebStoreGetsTheWholeCase_plainFilesWrapped(aCase):
    with LyingServer() as server:
        result = syncCase(aCase, openStore(server.address))
        # Four objects and three files, then the receipt, case.json, the audit log and the record of all.
        assert (result.verified, result.notSent, result.failed, result.queued) == (11, 0, 0, 0)
        assert result.problem() is None and len(server.kept) == 11
        items = receiptOf(aCase)["items"]
        assert len(items) == 7 and receiptOf(aCase)["notSent"] == []
        assert {item["contentSha256"] for item in items} == {item.sha256 for item in itemsOf(aCase)}
        assert {item["name"] for item in items if item["contentSha256"] != item["sha256"]} == {
            "segmentation-1/bone.seg.nrrd",
            "part-1/part.stl",
            "package-1/summary.pdf",
        }
        sent = server.sent()
        again = syncCase(aCase, openStore(server.address))
        assert again.complete and again.receipt.revision == 1 and server.sent() == sent


@pytest.mark.skipif(bool(whyNoOrthanc()), reason=whyNoOrthanc() or "Orthanc is there")
def test_caseReachesARealOrthanc(aCase):
    with OrthancServer() as orthanc:
        result = syncCase(aCase, openStore(orthanc.address))
        assert result.verified == len(orthanc.instances()) == 11 and result.complete


def test_asDictIsTheCommandsContract(aCase):
    with LyingServer(send="keepsNothing") as server:
        values = json.loads(json.dumps(syncCase(aCase, openStore(server.address), patienceSeconds=0).asDict()))
    # A store that takes everything and keeps nothing may be full: it is tried again.
    assert (values["verified"], values["failed"], values["queued"], values["not_sent"]) == (0, 0, 7, 0)
    assert values["receipt"] is None
    for item in values["items"]:
        assert {"sha256", "sop_instance_uid", "name", "state", "reason", "content_sha256"} == set(item)
        assert item["reason"]


def test_lyingStoreGivesNoReceiptAndExitCode6(aCase):
    with LyingServer(send="flipsBit") as server:
        before = treeOf(aCase.folder / "artefacts")
        result = syncCase(aCase, openStore(server.address))
        problem = result.problem()
        assert isinstance(problem, VerificationFailed) and problem.exitCode == 6
        # Of seven objects; three were stood in for, and where nothing arrives whole no more of it is sent.
        assert len({item.fileSha256 for item in result.items} & {item.sha256 for item in itemsOf(aCase)}) == 7
        assert len(problem.files) == 7 + 3 * 2 and len(server.kept) == 7 + 3 * 3 and len(result.alarms) == 3
        assert result.receipt is None and treeOf(aCase.folder / "artefacts") == before
        assert [one["proven"] for one in departures(aCase)] == [False]
        assert {item.state for item in result.items} == {FAILED}


def test_deadStoreQueuesAndExitCode5(aCase):
    before = treeOf(aCase.folder / "artefacts")
    store = openStore(f"dicomweb+http://127.0.0.1:{freePort()}/dicom-web")
    result = syncCase(aCase, store, patienceSeconds=0)
    problem = result.problem()
    assert isinstance(problem, StoreFailed) and problem.exitCode == 5 and "cannot be reached" in problem.message
    assert {item.state for item in result.items} == {QUEUED}
    # What waits may leave later, when nobody has the case open: so it is recorded already.
    assert [one["destination"] for one in departures(aCase)] == [store.description]
    assert treeOf(aCase.folder / "artefacts") == before


def test_stalePackageIsNeverPushed(aCase, folderStore):
    commit(aCase, "part", [aCase.latest("segmentation")], {"part.stl": b"other triangles"})
    with pytest.raises(GateRefused) as caught:
        syncCase(aCase, folderStore)
    assert caught.value.code == "stale-package" and not folderStore.folder.exists()


def test_damagedPackageIsNeverPushed(aCase, folderStore):
    aCase.path(aCase.latest("package"), "summary.pdf").write_bytes(b"%PDF changed")
    with pytest.raises(GateRefused) as caught:
        syncCase(aCase, folderStore)
    assert caught.value.code == "damaged-package" and not folderStore.folder.exists()


def test_cancelAtAnyMomentLeavesNothingButWhatHasLeft(aCase, tmp_path):
    before = treeOf(aCase.folder / "artefacts")
    number = 0
    while aCase.latest("receipt") is None:
        number += 1
        assert treeOf(aCase.folder / "artefacts") == before
        store = FolderStore(tmp_path / f"store{number}", connections=1)
        cancelled = _cancelAt(number)
        try:
            result = syncCase(aCase, store, cancelled)
        except Cancelled:
            recorded = store.description in {one["destination"] for one in departures(aCase)}
            assert recorded or not list(store.folder.glob("objects/*/*"))
            continue
        assert result.complete
    assert number > 4


def _cancelAt(number):
    left = [number]

    def progress(fraction, text):
        assert 0 <= fraction <= 1 and text
        left[0] -= 1
        if left[0] == 0:
            raise Cancelled()

    return progress


def test_damagedOlderRevisionIsNamedAndStopsNothing(aCase, folderStore):
    first = aCase.latest("part")
    part = commit(aCase, "part", [aCase.latest("segmentation")], {"part.stl": b"other triangles"})
    parents = [aCase.latest("source"), aCase.latest("segmentation"), part]
    commit(aCase, "package", parents, {"summary.pdf": b"%PDF new"})
    aCase.path(first, "part.stl").write_bytes(b"rotten")
    result = syncCase(aCase, folderStore)
    (failed,) = [item for item in result.items if item.state == FAILED]
    assert failed.name == "part-1/r1/part.stl" and result.receipt and isinstance(result.problem(), VerificationFailed)
    (snapshot,) = folderStore.snapshots(aCase.caseId)
    assert "artefacts/part-1/r2/part.stl" in folderStore.readSnapshot(snapshot)
    assert {item.state for item in result.items} == {VERIFIED, FAILED}


def test_withoutConsentNothingLeaves(aCase, folderStore):
    withdrawConsent(aCase, "treatment")
    recordConsent(aCase, "teaching", "2026-01-31", "test 1")
    before = treeOf(aCase.folder)
    with pytest.raises(GateRefused) as caught:
        syncCase(aCase, folderStore)
    assert caught.value.code == "no-consent"
    assert "treatment" in caught.value.message and "withdrawn" in caught.value.message
    assert not folderStore.folder.exists() and treeOf(aCase.folder) == before


def test_withdrawalListsTheStoreOnceAndAsProven(aCase, folderStore):
    syncCase(aCase, folderStore)
    syncCase(aCase, folderStore)
    (left,) = withdrawConsent(aCase, "treatment")
    assert left["destination"] == folderStore.description and left["proven"]
    assert {one["id"] for one in left["artefacts"]} == {"source-1", "segmentation-1", "part-1", "package-1"}


def test_outcomeThatHoldsIsSentAndVerified(aCase, folderStore):
    plan = commit(aCase, "plan", [aCase.latest("segmentation")], {"plan.json": b"{}"})
    first = syncCase(aCase, folderStore).receipt
    outcome = commit(aCase, "outcome", [plan], {"outcome.json": b'{"planes": []}', "report.pdf": b"%PDF-1.4 outcome"})
    result = syncCase(aCase, folderStore)
    sent = {item.name: item for item in result.items}
    for name in ("outcome.json", "report.pdf"):
        assert sent[f"outcome-1/{name}"].state == VERIFIED
        assert sent[f"outcome-1/{name}"].sha256 == outcome.files[name].sha256
    assert result.receipt.revision == first.revision + 1 and outcome.link in result.receipt.parents
    aCase.path(outcome, "outcome.json").write_bytes(b"[]")
    with pytest.raises(GateRefused) as refusal:
        syncCase(aCase, folderStore)
    assert refusal.value.code == "damaged-outcome"


def test_staleOutcomeIsNotSentAsCurrentAndStopsNothing(aCase, folderStore):
    segmentation = aCase.latest("segmentation")
    plan = commit(aCase, "plan", [segmentation], {"plan.json": b"{}"})
    outcome = commit(aCase, "outcome", [plan], {"outcome.json": b'{"planes": []}'})
    commit(aCase, "plan", [segmentation], {"plan.json": b"changed"})
    assert aCase.state(outcome) == "stale"
    result = syncCase(aCase, folderStore)
    assert result.complete and outcome.link not in result.receipt.parents
    assert not [item.name for item in result.items if item.name.startswith("outcome-1/outcome")]


def test_planOfThePackageIsSentWithIt(aCase, folderStore):
    plan = commit(aCase, "plan", [aCase.latest("segmentation")], {"plan.json": b"{}", "results.json": b"[]"})
    source, segmentation = aCase.latest("source"), aCase.latest("segmentation")
    part = commit(aCase, "part", [plan], {"part.stl": b"plate"})
    with aCase.staging("package") as stage:
        (stage.folder / "summary.pdf").write_bytes(b"%PDF")
        stage.commit(parents=[source, segmentation, plan, part])
    result = syncCase(aCase, folderStore)
    assert {"plan-1/plan.json", "plan-1/results.json"} <= {item.name for item in result.items if item.state == VERIFIED}
    assert plan.link in aCase.latest("receipt").parents
    commit(aCase, "plan", [segmentation], {"plan.json": b"changed"})
    with pytest.raises(GateRefused) as refusal:
        syncCase(aCase, folderStore)
    assert refusal.value.code == "stale-package"


def test_everyPartOfThePlanAndItsPapersGoAlongWhileTheyHold(aCase, folderStore):
    segmentation = aCase.latest("segmentation")
    with aCase.staging("part", "part-2") as stage:
        (stage.folder / "guide.stl").write_bytes(b"guide")
        guide = stage.commit(parents=[segmentation])
    papers = commit(aCase, "papers", [guide], {"ticket.pdf": b"%PDF ticket"})
    sent = {item.name for item in syncCase(aCase, folderStore).items}
    assert {"part-1/part.stl", "part-2/guide.stl", "papers-1/ticket.pdf"} <= sent
    with aCase.staging("part", "part-2") as stage:
        (stage.folder / "guide.stl").write_bytes(b"another guide")
        stage.commit(parents=[segmentation])
    assert aCase.state(papers) == "stale"
    assert "papers-1/ticket.pdf" not in {item.name for item in itemsOf(aCase)}
