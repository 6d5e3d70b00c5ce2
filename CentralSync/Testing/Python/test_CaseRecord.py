"""What the record says of a case: files and how to get them back, the three groups of metadata, how long to keep it."""

import jsonschema
import pydicom
import pytest
from Judges import dicomErrors
from SmallCases import SURGEON, addArtefact, approveSmallCase, makePackage, makeSmallCase, writeSite

from CentralSyncLib.Items import itemOf
from CentralSyncLib.Records import CaseFiles, CaseRecord, Metadata
from CentralSyncLib.Records.RawData import headerOf
from CentralSyncLib.Results import FAILED, QUEUED, VERIFIED, ItemResult
from CentralSyncLib.Stores.Addresses import openStore
from CentralSyncLib.Stores.FolderStore import FolderStore
from CentralSyncLib.Sync import syncCase
from PlanningHubLib.Case import Case
from PlanningHubLib.Consent import recordConsent
from PlanningHubLib.Errors import StoreFailed, VerificationFailed
from PlanningHubLib.Request import stateRequest
from Servers.LyingServer import LyingServer


@pytest.fixture
def aCase(tmp_path, monkeypatch):
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "home"))
    with Case.open(makeSmallCase(tmp_path / "case", procedure="Mandible", side="left"), writable=True) as case:
        yield case


@pytest.fixture
def liar():
    with LyingServer() as server:
        yield server


def valuesOf(case):
    return CaseRecord.recordValues(case, CaseFiles.filesOf(case), {}, headerOf(case))


def records(server):
    return [CaseRecord.readRecord(data) for data in server.kept.values() if b"CASE_RECORD" in data]


def sync(case, store):
    return syncCase(case, store, patienceSeconds=0)


def test_namesEveryFileOfEveryRevisionAndWhereTheStoreHasIt(aCase, liar):
    sync(aCase, openStore(liar.address))
    part = addArtefact(aCase, "part", {"part.stl": b"other"}, [aCase.latest("segmentation")])
    makePackage(aCase, [aCase.latest("source"), aCase.latest("segmentation"), part], seed=2)
    assert sync(aCase, openStore(liar.address)).problem() is None
    older, newest = sorted(records(liar), key=lambda one: one["auditHead"]["lines"])
    onDisk = {path.relative_to(aCase.folder).as_posix() for path in aCase.folder.rglob("*") if path.is_file()}
    assert set(newest["files"]) == onDisk - {".lock", ".holder"} and len(newest["files"]) > len(older["files"])
    assert set(newest["contents"]) == set(newest["files"].values())
    plans = [newest["contents"][newest["files"][f"artefacts/package-1/r{revision}/plan.dcm"]] for revision in (1, 2)]
    assert [one["wrapped"] for one in plans] == [False, False], "the first one was current when it was sent"
    assert newest["contents"][newest["files"]["case.json"]]["wrapped"]
    for kept in newest["contents"].values():
        assert (kept["studyUid"], kept["seriesUid"], kept["sopInstanceUid"]) in liar.kept
    assert newest["superseded"] == [
        {"id": name, "revision": 1, "by": 2} for name in ("part-1", "package-1", "receipt-1")
    ]
    manifest = aCase.latest("package").files["manifest.json"].sha256
    assert newest["manifest"] == manifest and newest["auditHead"] == aCase.auditHead


def test_hasGraphApprovalsAndMetadata_andFitsItsSchema(aCase, tmp_path):
    writeSite()
    stateRequest(aCase, anatomy="mandible", design="standard", indication="tumor", surgeryDate="2026-12-01")
    aCase.close()
    approveSmallCase(aCase.folder)
    with Case.open(aCase.folder) as case:
        values = valuesOf(case)
    jsonschema.validate(values, CaseRecord._schema())
    assert [one["id"] for one in values["graph"]] == ["source-1", "segmentation-1", "part-1", "package-1"]
    assert values["approvals"][0]["statement"]["user"] == SURGEON.user and values["case"]["approvals"] == 1
    assert values["metadata"]["clinical"] == {
        "ageBand": None, "diagnosis": "tumor", "procedure": "Mandible", "anatomy": "mandible", "side": "left",
    }  # fmt: skip
    assert values["retention"]["until"] == "2036-12-01"
    (tmp_path / "record.dcm").write_bytes(CaseRecord.recordItem(values, headerOf(case)).open().read())
    assert dicomErrors(tmp_path / "record.dcm") == []


@pytest.mark.parametrize(
    "image, band",
    [
        ({"PatientAge": "045Y"}, "40-49"),
        ({"PatientAge": "009M"}, "0-9"),
        ({"PatientAge": "089Y"}, "80-89"),
        ({"PatientAge": "090Y"}, "90+"),
        ({"PatientBirthDate": "19800630", "StudyDate": "20200629"}, "30-39"),
        ({"PatientBirthDate": "19800630", "StudyDate": "20200630"}, "40-49"),
        ({"PatientBirthDate": "20300101", "StudyDate": "20200630"}, None),
        ({"PatientBirthDate": "19800630"}, None),
        ({"PatientAge": "old"}, None),
        ({}, None),
    ],
)
def test_ageIsABandAndNeverABirthDate(image, band):
    dataset = pydicom.Dataset()
    with pydicom.config.disable_value_validation():
        for keyword, value in image.items():
            setattr(dataset, keyword, value)
    assert Metadata.ageBand(dataset) == band


def test_sizeAccuracyAndMaterialOfTheParts(aCase):
    facts = {
        "object": {"name": "Plate", "role": "implant"},
        "boundsLpsMm": [[-10, -20, -30], [10.5, 0, 1]],
        "volumeMl": 3.25,
        "deviationMm": 0.02,
        "accuracy": {"maximumMm": 0.31, "toleranceMm": 0.5},
    }
    recipe = {"use": "implant", "material": "peek", "contact": "implanted"}
    addArtefact(aCase, "part", {"part.stl": b"plate"}, [aCase.latest("segmentation")], facts=facts, parameters=recipe)
    values = valuesOf(aCase)
    assert values["metadata"]["model"]["parts"] == [
        {"id": "part-1", "name": "Plate", "role": "implant", "use": "implant", "material": "peek",
         "sizeMm": [20.5, 20, 31], "volumeMl": 3.25, "largestDeviationMm": 0.31, "toleranceMm": 0.5}
    ]  # fmt: skip
    assert (values["retention"]["class"], values["retention"]["years"]) == ("implantable", 15)


def test_onceImplantableStaysIt_andEverythingElseIsKeptTenYears(aCase):
    assert Metadata.retentionOf(aCase)["years"] == 10
    segmentation = aCase.latest("segmentation")
    addArtefact(aCase, "part", {"part.stl": b"a"}, [segmentation], parameters={"contact": "implanted"})
    addArtefact(aCase, "part", {"part.stl": b"b"}, [segmentation], parameters={"use": "model"})
    assert Metadata.retentionOf(aCase)["years"] == 15
    assert Metadata._yearsLater("2024-02-29", 10) == "2034-03-01"


def test_aPlannedImplantCountsToo(aCase):
    addArtefact(aCase, "plan", {"plan.json": b"{}"}, facts={"solids": {"Plate": {"role": "implant", "volumeMl": 1}}})
    assert Metadata.retentionOf(aCase)["class"] == "implantable"


def test_whatDoesNotFitTheSchemaIsNeverSent(aCase, liar):
    addArtefact(aCase, "part", {"part.stl": b"c"}, [aCase.latest("segmentation")], facts={"volumeMl": "much"})
    makePackage(aCase, [aCase.latest(kind) for kind in ("source", "segmentation", "part")])
    with pytest.raises(VerificationFailed) as error:
        valuesOf(aCase)
    assert error.value.code == "record-unfit" and "volumeMl" in error.value.message
    result = sync(aCase, openStore(liar.address))
    assert [item.name for item in result.items if item.state == FAILED] == [CaseFiles.LIST_NAME]
    assert records(liar) == []


def test_manyFilesMakeNoLargeRecord_andWhatUnfoldsWithoutEndIsNone(aCase, monkeypatch):
    values = valuesOf(aCase)
    for number in range(5000):
        digest = f"{number:064x}"
        values["files"][f"artefacts/source-1/r1/dicom/{number:05d}.dcm"] = digest
        values["contents"][digest] = {
            "bytes": 500_000, "wrapped": False, "sha256": digest, "sopInstanceUid": f"1.2.3.{number}",
            "seriesUid": "1.2.4", "studyUid": "1.2.5",
        }  # fmt: skip
    item = CaseRecord.recordItem(values, headerOf(aCase))
    assert item.bytes < len(str(values)) / 4
    data = item.open().read()
    assert CaseRecord.readRecord(data, aCase.caseId) == values
    monkeypatch.setattr(CaseRecord, "MOST_BYTES", 100_000)
    with pytest.raises(CaseRecord.NotARecord):
        CaseRecord.readRecord(data, aCase.caseId)


def test_aRecordOfVersionOneIsRead(aCase, monkeypatch):
    """Its JSON is not deflated."""
    monkeypatch.setattr(CaseRecord.zlib, "compress", lambda data, _level: data)
    values = valuesOf(aCase)
    first = {name: values[name] for name in ("format", "caseId", "name", "when", "auditHead", "case")} | {"version": 1}
    data = CaseRecord.recordItem(first, headerOf(aCase)).open().read()
    assert b'"auditHead"' in data and CaseRecord.readRecord(data, aCase.caseId) == first


def test_isSentAgainOnlyWhenItSaysSomethingElse(aCase, liar):
    store, pushed = openStore(liar.address), []

    def keep():
        results = [ItemResult(digest, "1.2", "", VERIFIED, seriesUid="1.3", studyUid="1.4")
                   for digest in CaseFiles.filesOf(aCase).values()]  # fmt: skip
        CaseFiles.keepRecord(aCase, store, results, lambda items: pushed.extend(items) or [])
        for item in pushed:
            liar.kept[item.studyUid, item.seriesUid, item.sopInstanceUid] = item.open().read()

    keep()
    keep()
    assert len(pushed) == 1
    recordConsent(aCase, "research", "2026-01-31", "test 1")
    keep()
    assert len(pushed) == 2 and len({item.seriesUid for item in pushed}) == 1


def test_aStoreThatCannotBeAskedLeavesItWaiting(aCase, liar):
    store = openStore(liar.address)

    def unreachable(*_uids):
        raise StoreFailed("store-unreachable", "Nobody is there.", "")

    store.readSeries = unreachable
    (result,) = CaseFiles.keepRecord(aCase, store, [], None)
    assert (result.state, result.name) == (QUEUED, CaseFiles.LIST_NAME)


def test_aFolderStoreKeepsItWithItsList(aCase, tmp_path):
    store = FolderStore(tmp_path / "store")
    assert sync(aCase, store).problem() is None
    values = store.readList(store.snapshots(aCase.caseId)[-1])
    assert values["record"]["metadata"]["clinical"]["procedure"] == "Mandible"
    assert "files" not in values["record"] and "contents" not in values["record"]
    jsonschema.validate({**values["record"], "files": values["files"], "contents": {}}, CaseRecord._schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**values["record"], "files": {"case.json": "x"}, "contents": {}}, CaseRecord._schema())


def test_olderFilesThatAreNotWhatWasRecordedAreNamed(aCase, liar):
    package = aCase.latest("package")
    makePackage(aCase, [aCase.latest(kind) for kind in ("source", "segmentation", "part")], seed=3)
    path = aCase.path(package, "summary.pdf")
    path.write_bytes(b"changed")
    (refused,) = CaseFiles.caseItems(aCase, openStore(liar.address)).refused
    assert (refused.name, refused.reason) == ("package-1/r1/summary.pdf", CaseFiles.CHANGED)
    path.unlink()
    (refused,) = CaseFiles.caseItems(aCase, openStore(liar.address)).refused
    assert refused.reason == CaseFiles.MISSING


def test_aDicomFileWithoutAnIdentityGoesWrapped(aCase, liar):
    path = aCase.path(aCase.latest("package"), "plan.dcm")
    dataset = pydicom.dcmread(path)
    del dataset.SeriesInstanceUID
    bare = aCase.folder.parent / "bare"
    dataset.save_as(bare)
    source = [aCase.latest(kind) for kind in ("source", "segmentation", "part")]
    addArtefact(aCase, "package", {"bare.dcm": bare.read_bytes(), "manifest.json": b"{}"}, source)
    items = {item.name: item for item in CaseFiles.caseItems(aCase, openStore(liar.address)).current}
    assert items["package-1/bare.dcm"].contentSha256 == itemOf(bare).sha256
    assert items["source-1/dicom/00001.dcm"].contentSha256 == ""
