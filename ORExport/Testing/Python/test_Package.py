"""The package step: whole, gated, exported and verified; every damage named."""

import json
import shutil
from pathlib import Path

import pydicom
import pytest
from Judges import dicomErrors, entityErrors, run
from SmallSeries import addPart, tetrahedronStl

from ORExportLib import Manifest
from ORExportLib.Dicom.Predecessors import documentBefore
from ORExportLib.Package import exportPackage, makePackage, optionalContents
from ORExportLib.Verify import OBJECT_NAMES, isPackage, verifyPackage
from ORExportLib.VerifyFiles import ALWAYS
from PlanningHubLib.Errors import Cancelled, GateRefused, InputRefused, VerificationFailed
from PlanningHubLib.Segmentation import segmentBone

# What is the same in every package.
LEAN = optionalContents()


@pytest.fixture
def exported(packageOnce, tmp_path):
    """A package outside its case, to be damaged."""
    return Path(shutil.copytree(packageOnce[0], tmp_path / "usb"))


def codes(folder):
    return {finding.code for finding in verifyPackage(folder)}


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def forge(folder, change):
    """Change the manifest and give it a fitting hash again, as a clumsy tool or a forger would."""
    path = folder / Manifest.FILE_NAME
    values = json.loads(path.read_bytes())
    change(values)
    path.write_bytes(Manifest.encode(values))


def recordOf(values, role):
    return next(record for record in values["files"] if record["role"] == role)


def replaceFile(folder, role, data):
    """Replace a file and its record in the manifest, so that only its content can give it away."""

    def change(values):
        record = recordOf(values, role)
        (folder / record["path"]).write_bytes(data)
        record.update(Manifest.fileRecord(folder / record["path"], role))

    forge(folder, change)


def changeObject(folder, role, **changes):
    values = json.loads((folder / Manifest.FILE_NAME).read_bytes())
    path = folder / recordOf(values, role)["path"]
    dataset = pydicom.dcmread(path)
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    dataset.save_as(path)
    replaceFile(folder, role, path.read_bytes())


def test_packageIsWholeAndJudgesAgree(packageOnce):
    exported, caseName, slices = packageOnce
    assert verifyPackage(exported) == []
    objects = sorted(exported.glob("*.dcm"))
    assert len(objects) >= len(OBJECT_NAMES)
    assert all(dicomErrors(path) == [] for path in objects)
    assert entityErrors([*objects, *slices]) == []
    assert "No syntax or stream encoding errors" in run("qpdf", "--check", next(exported.glob("*.pdf")))
    assert all(path.name.startswith(f"{caseName}-NOT-APPROVED-") for path in files(exported) if path.suffix != ".json")


def test_everyPieceOfAPartIsInThePackage(aReadyCase, aSession, withoutPictures, tmp_path):
    addPart(aReadyCase, pieces=("_1", "_2"))
    exported = exportPackage(aReadyCase, makePackage(aReadyCase, aSession, leaveOut=LEAN), tmp_path / "out")
    assert verifyPackage(exported) == []
    name = f"{aReadyCase.name}-NOT-APPROVED"
    for number in (1, 2):
        path = exported / f"{name}-part-{number}.dcm"
        stl = (exported / f"{name}-part-{number}.stl").read_bytes()
        assert stl == tetrahedronStl() and dicomErrors(path) == []
        assert pydicom.dcmread(path).EncapsulatedDocument[: len(stl)] == stl
    # The second piece is held to what holds for the first.
    replaceFile(exported, "model-stl:2", tetrahedronStl().replace(b"LPS", b"RAS"))
    assert codes(exported) == {"document-differs"}
    forge(exported, lambda values: values["files"].remove(recordOf(values, "model-stl:2")))
    (exported / f"{name}-part-2.stl").unlink()
    assert codes(exported) == {"package-incomplete"}


def test_manifestSaysWhatItWasMadeFrom(aReadyCase, aSession, withoutPictures, tmp_path):
    exported = exportPackage(aReadyCase, makePackage(aReadyCase, aSession, leaveOut=LEAN), tmp_path / "out")
    values = json.loads((exported / Manifest.FILE_NAME).read_bytes())
    assert values["case"] == {
        "id": aReadyCase.caseId,
        "code": aReadyCase.name,
        "side": "left",
        "procedure": "Cranioplasty",
    }
    assert values["approved"] is False
    contents = {record["id"]: record["content"] for record in values["artefacts"]}
    assert contents == {
        artefact.id: artefact.content for artefact in aReadyCase.artefacts if artefact.kind != "package"
    }
    assert {record["role"] for record in values["files"]} >= set(ALWAYS)
    assert recordOf(values, "model-dicom")["sopClassUid"] == "1.2.840.10008.5.1.4.1.1.104.3"


def test_packageHangsOnSourceSegmentationAndPart(aReadyCase, aSession, withoutPictures):
    package = makePackage(aReadyCase, aSession, leaveOut=LEAN)
    assert {parent.id for parent in package.parents} == {"source-1", "segmentation-1", "part-1"}
    assert aReadyCase.state(package) == "current"
    addPart(aReadyCase, tetrahedronStl()[:-1] + b"\1")
    assert aReadyCase.state(package) == "stale"


def test_anyFlippedByteNamesItsFile(exported):
    for original in files(exported):
        data = original.read_bytes()
        for place in sorted({0, len(data) // 3, len(data) - 1}):
            original.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
            named = {str(file) for finding in verifyPackage(exported) for file in finding.files}
            assert named == {str(original)}, (original.name, place)
        original.write_bytes(data)
    assert verifyPackage(exported) == []


def test_anyByteOfTheManifestCounts(exported):
    path = exported / Manifest.FILE_NAME
    data = path.read_bytes()
    # Its first bytes and its last, and every twentieth between them.
    for place in sorted({*range(300), *range(0, len(data), 20), *range(len(data) - 100, len(data))}):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.raises(VerificationFailed) as failed:
            Manifest.readManifest(exported)
        assert failed.value.files == [str(path)], place


def test_namesMissingExtraAndTruncatedFiles(exported):
    missing, truncated = files(exported)[1], files(exported)[2]
    missing.unlink()
    truncated.write_bytes(truncated.read_bytes()[:-1])
    (exported / "sub").mkdir()
    (exported / "sub" / "notes.txt").write_text("x")
    found = {finding.code: finding.files for finding in verifyPackage(exported)}
    assert found == {
        "file-missing": (missing,), "file-changed": (truncated,), "file-extra": (exported / "sub" / "notes.txt",)
    }  # fmt: skip


def test_refusesLinks(exported, tmp_path):
    linked = files(exported)[1]
    shutil.move(linked, tmp_path / "elsewhere")
    linked.symlink_to(tmp_path / "elsewhere")
    (exported / "folder").symlink_to(tmp_path)
    assert codes(exported) == {"link-in-package", "file-extra"}


@pytest.mark.parametrize(
    "path", ["../secret", "/etc/passwd", "a/../../b", "C:\\x", "a\\..\\b", "manifest.json", "", "./a", 7]
)
def test_refusesPathsThatLeadElsewhere(exported, path):
    forge(exported, lambda values: values["files"][0].update(path=path))
    assert codes(exported) == {"unsafe-path"}


@pytest.mark.parametrize("data, code", [
    (b"", "manifest-unreadable"), (b"[]", "manifest-unreadable"), (b"\xff\xfe", "manifest-unreadable"),
    (b"[" * 100000, "manifest-unreadable"), (b'{"version": 5}', "package-too-new"), (b"{}", "manifest-changed"),
    (b'{"a": "\\ud800"}', "manifest-changed"), (b'{"a": ' + b"[" * 900 + b"]" * 900 + b"}", "manifest-changed"),
    (Manifest.encode({}), "manifest-invalid"), (Manifest.encode({"files": [1, {"path": "a"}]}), "manifest-invalid"),
])  # fmt: skip
def test_namesABadManifest(exported, data, code):
    (exported / Manifest.FILE_NAME).write_bytes(data)
    assert codes(exported) == {code}


def test_namesAMissingManifestAndFolder(exported, tmp_path):
    (exported / Manifest.FILE_NAME).unlink()
    assert isPackage(exported) and not isPackage(tmp_path)
    assert codes(exported) == {"manifest-missing"}
    with pytest.raises(InputRefused):
        verifyPackage(tmp_path / "nowhere")


FOREIGN = {"PatientID": "P2", "PatientName": "Doe^Ji", "StudyInstanceUID": "1.2.3", "FrameOfReferenceUID": "1.2.3"}


@pytest.mark.parametrize("keyword, value", FOREIGN.items())
def test_namesAForeignModel(exported, keyword, value):
    changeObject(exported, "model-dicom", **{keyword: value})
    assert codes(exported) == {"identity-differs"}


def test_namesAnObjectForTheOtherSide(exported):
    changeObject(exported, "briefing-dicom", ImageLaterality="R")
    assert codes(exported) == {"side-differs"}


def test_namesAnotherObjectThanListed(exported):
    changeObject(exported, "segmentation-dicom", SOPInstanceUID="1.2.3")
    assert codes(exported) == {"identity-differs"}


def test_namesAModelThatIsNotThePart(exported):
    replaceFile(exported, "model-stl", tetrahedronStl()[:-1] + b"\1")
    assert codes(exported) == {"document-differs"}


def test_namesSomethingThatIsNoDicom(exported):
    replaceFile(exported, "segmentation-dicom", b"not DICOM")
    assert codes(exported) == {"dicom-unreadable"}


def test_namesAnIncompletePackageAndAForeignName(exported):
    def change(values):
        record = recordOf(values, "model-3mf")
        (exported / record["path"]).unlink()
        values["files"].remove(record)

    forge(exported, change)
    assert codes(exported) == {"package-incomplete"}
    forge(exported, lambda values: values["case"].update(code="PH-OTHER"))
    assert "case-code-differs" in codes(exported)


def test_refusesAStalePart(aReadyCase, aSession):
    segmentBone(aReadyCase, aSession, thresholdHu=1025, closingVoxels=0)
    with pytest.raises(GateRefused) as refused:
        makePackage(aReadyCase, aSession, leaveOut=LEAN)
    assert refused.value.code == "stale-part"
    assert aReadyCase.latest("package") is None


def test_refusesAPartOfAnotherSegmentation(aReadyCase, aSession):
    segmentation = aReadyCase.latest("segmentation")
    with aReadyCase.staging("segmentation", artefactId="segmentation-2") as stage:
        (stage.folder / "other.txt").write_text("x")
        stage.commit(parents=[aReadyCase.latest("source")])
    assert aReadyCase.state(segmentation) == "current"
    with pytest.raises(GateRefused) as refused:
        makePackage(aReadyCase, aSession, leaveOut=LEAN)
    assert refused.value.code == "stale-part"


def test_refusesADamagedPart(aReadyCase, aSession):
    part = aReadyCase.latest("part")
    path = aReadyCase.path(part, f"{aReadyCase.name}.stl")
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(GateRefused) as refused:
        makePackage(aReadyCase, aSession, leaveOut=LEAN)
    assert refused.value.code == "damaged-part"


def test_cancellingAnywhereLeavesNothing(aReadyCase, aSession, withoutPictures):
    before = sorted(aReadyCase.folder.rglob("*"))
    steps = []
    makeCountable(aReadyCase, aSession, steps, None)
    count = len(steps)
    assert count > 5
    after = sorted(aReadyCase.folder.rglob("*"))
    # Some fifteen places, the first and the last among them.
    for stop in sorted({*range(0, count, max(1, count // 13)), count - 1}):
        with pytest.raises(Cancelled):
            makeCountable(aReadyCase, aSession, [], stop)
        assert sorted(aReadyCase.folder.rglob("*")) == after
        assert aSession.scene.GetNumberOfNodesByClass("vtkMRMLVolumeNode") == 0
    assert len(after) > len(before)


def makeCountable(case, session, steps, stop):
    def progress(fraction, text):
        if len(steps) == stop:
            raise Cancelled
        assert 0.0 <= fraction <= 1.0
        steps.append((fraction, text))

    makePackage(case, session, progress=progress)
    assert [fraction for fraction, _text in steps] == sorted(fraction for fraction, _text in steps)


def test_exportNeedsAnEmptyPlaceAndVerifiesTheCopy(aReadyCase, aSession, withoutPictures, tmp_path):
    package = makePackage(aReadyCase, aSession, leaveOut=LEAN)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("x")
    with pytest.raises(InputRefused) as refused:
        exportPackage(aReadyCase, package, tmp_path / "full")
    assert refused.value.code == "already-there"
    path = aReadyCase.path(package, f"{aReadyCase.name}-NOT-APPROVED-part.stl")
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(VerificationFailed) as failed:
        exportPackage(aReadyCase, package, tmp_path / "out")
    assert failed.value.code == "file-changed"
    assert not (tmp_path / "out").exists() and len(list(tmp_path.glob(".aside-*"))) == 0


def test_saysWhyThereAreNoPictures(aReadyCase, aSession, withoutPictures, tmp_path):
    out = exportPackage(aReadyCase, makePackage(aReadyCase, aSession, leaveOut=LEAN), tmp_path / "out")
    said = "Pictures unavailable: No pictures were taken of the views: no OpenGL here"
    assert said in run("pdftotext", "-layout", next(out.glob("*.pdf")), "-")


def test_fullDiskIsNamedAndLeavesNothing(aReadyCase, aSession, withoutPictures):
    resource = pytest.importorskip("resource")
    before = sorted(aReadyCase.folder.rglob("*"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, limits[1]))
    try:
        with pytest.raises(InputRefused) as refused:
            makePackage(aReadyCase, aSession, leaveOut=LEAN)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert refused.value.code == "disk-full"
    assert sorted(aReadyCase.folder.rglob("*")) == before


def test_aNewerPackagesDocumentsNameThoseBefore(aReadyCase, aSession, withoutPictures, tmp_path):
    """The first package replaces nothing; of the next, each document that was in the first names it."""
    read = []
    for number in range(2):
        package = makePackage(aReadyCase, aSession, leaveOut=LEAN)
        (name,) = [name for name in package.files if name.endswith("briefing.dcm")]
        read.append(pydicom.dcmread(aReadyCase.path(package, name)))
        assert dicomErrors(aReadyCase.path(package, name)) == [], number
    first, second = read
    assert "PredecessorDocumentsSequence" not in first
    (series,) = second.PredecessorDocumentsSequence[0].ReferencedSeriesSequence
    assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == first.SOPInstanceUID != second.SOPInstanceUID
    assert documentBefore(aReadyCase, "briefing-dicom").SOPInstanceUID == second.SOPInstanceUID
    assert documentBefore(aReadyCase, "no-such-role") is None
