"""De-identified copies by command: a whole case, planted words in its derived objects, a real face, outside judges."""

import datetime
import itertools
import json
import shutil
import struct
import zipfile

import highdicom
import numpy
import pydicom
import pytest
import SimpleITK
from Judges import dicomErrors, entityErrors, run, threeMfMesh
from LeakSearch import leaks

from PlanningHubLib.Case import Case
from PlanningHubLib.DeidentifyKeys import Mapping
from PlanningHubLib.DeidentifyRules import profileOf
from PlanningHubLib.Files import sha256
from PlanningHubLib.Secrets import KeyRing

WORD = "Qzleak"
PARTNER, STUDY_DATE = "Westerveld", "20260105"


def volume(paths):
    def place(path):
        return float(pydicom.dcmread(path, specific_tags=["ImagePositionPatient"]).ImagePositionPatient[2])

    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames([str(path) for path in sorted(paths, key=place)])
    return reader.Execute()


def images(folder):
    return sorted((folder / "dicom").glob("*-CT1-*.dcm"))


def partnerFor(keyRing, patientCode, texts, word):
    """Return a recipient whose copy has a word only where it was left: nothing made of texts happens to hold it.

    Dates and UIDs of a copy are keyed by its recipient: for one in 3,650, the day of a test is moved onto the study's.

    :param texts: (VR, text) of the dates and UIDs of a case
    """
    for number in itertools.count(1):
        mapping = Mapping(keyRing, patientCode, profileOf("treatment-partner"), f"{PARTNER} {number}")
        made = [mapping.uid(text) if vr == "UI" else mapping.date(text[:8]) or "" for vr, text in texts]
        if not any(word in text for text in made):
            return mapping.recipient


def datesAndUids(folder):
    """Return (VR, text) of all dates and UIDs in the DICOM objects of a folder."""
    headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in folder.rglob("*.dcm")]
    elements = [one for header in headers for one in header.iterall() if one.VR in ("DA", "DT", "UI")]
    return {(one.VR, str(text)) for one in elements for text in (one.value if one.VM > 1 else [one.value])}


def test_theDayOfTheTestIsNotMovedOntoTheDayOfTheStudy():
    keyRing, code = KeyRing(b"k" * 32), "5a" * 32
    shift = Mapping(keyRing, code, profileOf("treatment-partner"), f"{PARTNER} 1").shiftDays
    day = datetime.datetime.strptime(STUDY_DATE, "%Y%m%d") + datetime.timedelta(days=shift)
    assert partnerFor(keyRing, code, {("DA", f"{day:%Y%m%d}")}, STUDY_DATE) == f"{PARTNER} 2"
    assert partnerFor(keyRing, code, {("DT", f"{day:%Y%m%d}101112"), ("DA", "")}, STUDY_DATE) == f"{PARTNER} 2"
    assert partnerFor(keyRing, code, {("DA", STUDY_DATE)}, STUDY_DATE) == f"{PARTNER} 1"


@pytest.fixture(scope="module")
def aCopiedCase(command, aPackagedCase, tmp_path_factory):
    """A packaged case and its copy for a partner in the treatment, faces and all."""
    folder = tmp_path_factory.mktemp("deidentified")
    shutil.copytree(aPackagedCase, folder / "source")
    with pytest.MonkeyPatch.context() as patch, Case.open(folder / "source" / "case") as case:
        for name in ("PLANNINGHUB_HOME", "XDG_STATE_HOME"):
            patch.setenv(name, command.environment[name])
        keyRing = KeyRing.forThisInstallation(create=False)
        recipient = partnerFor(keyRing, case.patientCode, datesAndUids(case.folder), STUDY_DATE)
    arguments = ("--out", folder / "out", "--profile", "treatment-partner", "--recipient", recipient)
    exitCode, result = command("deidentify", folder / "source" / "case", *arguments)
    assert (exitCode, result["findings"][0]["code"]) == (4, "no-consent")
    assert not (folder / "out").exists()
    signed = ("--scope", "manufacturer", "--date", "2026-01-31", "--document", "test 1")
    exitCode, result = command("consent", "--case", folder / "source" / "case", *signed)
    assert exitCode == 0, result
    exitCode, result = command("deidentify", folder / "source" / "case", *arguments)
    assert exitCode == 0, result
    assert "face-visible" in [finding["code"] for finding in result["findings"]]
    return folder / "source" / "case", folder / "out"


def test_theWholeCaseSatisfiesTheJudges(aCopiedCase):
    case, out = aCopiedCase
    objects = sorted((out / "dicom").glob("*.dcm"))
    assert {path.name.split("-")[3] for path in objects} == {"CT1", "segmentation", "model", "briefing", "report"}
    for path in [*images(out)[:1], *(path for path in objects if "-CT1-" not in path.name)]:
        assert dicomErrors(path) == []
    assert entityErrors(objects) == []
    before = volume((case / "artefacts/source-1/r1/dicom").iterdir())
    after = volume(images(out))
    assert numpy.array_equal(SimpleITK.GetArrayViewFromImage(before), SimpleITK.GetArrayViewFromImage(after))
    assert (before.GetOrigin(), before.GetSpacing(), before.GetDirection()) == (
        after.GetOrigin(), after.GetSpacing(), after.GetDirection()
    )  # fmt: skip


def test_theCopyHasAManifestOfItsOwn(aCopiedCase):
    case, out = aCopiedCase
    manifest, report = (json.loads((out / name).read_text()) for name in ("manifest.json", "report.json"))
    assert (manifest["pseudonym"], manifest["side"]) == (report["pseudonym"], "left")
    made = {one["name"]: one for one in manifest["artefacts"]}
    assert {name: one["parents"] for name, one in made.items()} == {
        "source-1": [], "segmentation-1": ["source-1"], "part-1": ["segmentation-1"],
        "package-1": ["source-1", "segmentation-1", "part-1"],
    }  # fmt: skip
    listed = {file["path"]: file["sha256"] for one in made.values() for file in one["files"]}
    there = {path.relative_to(out).as_posix(): sha256(path) for path in out.rglob("*") if path.is_file()}
    assert listed == {name: digest for name, digest in there.items() if name not in ("manifest.json", "report.json")}
    assert {file["kind"] for file in made["source-1"]["files"]} == {"ct"}
    assert {file["kind"] for file in made["part-1"]["files"]} == {"stl", "3mf"}
    assert {file["kind"] for file in made["package-1"]["files"]} == {
        "segmentation", "model", "report", "pdf", "document"
    }
    assert manifest["documents"] == manifest["approvals"] == []
    assert there["manifest.json"] in [file["sha256"] for file in report["files"] if file["kind"] == "manifest"]
    values = json.loads((case / "case.json").read_text())
    originals = {record["sha256"] for one in values["artefacts"] for record in one["files"].values()}
    text = (out / "manifest.json").read_text()
    assert not [one for one in (*originals, values["caseId"], values["name"]) if one in text]


def test_whatIsLeftOutIsNamedWithItsReason(aCopiedCase):
    _case, out = aCopiedCase
    left = {one["what"]: one["reason"] for one in json.loads((out / "report.json").read_text())["leftOut"]}
    assert {"manifest", "audit log and case file"} <= set(left)
    assert not [path for path in out.rglob("*") if path.suffix == ".log"]


def test_theBriefingIsDrawnAnewWithPicturesOfTheCopy(aCopiedCase):
    case, out = aCopiedCase
    (path,) = (out / "documents").iterdir()
    report = json.loads((out / "report.json").read_text())
    text = run("pdftotext", "-layout", path, "-")
    assert all(words in text for words in (report["pseudonym"], "LEFT", "DE-IDENTIFIED COPY", "Part volume"))
    assert "No syntax or stream encoding errors" in run("qpdf", "--check", path)
    assert len(run("pdfimages", "-list", path).splitlines()) - 2 >= 2
    with Case.open(case) as opened:
        assert opened.name not in text + run("pdfinfo", path)


def test_referencesOfTheCopyResolve(aCopiedCase):
    _case, out = aCopiedCase
    uids = {str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID) for path in images(out)}
    segmentation = highdicom.seg.segread(next((out / "dicom").glob("*-segmentation-*.dcm")))
    referenced = {str(uid) for _study, _series, uid in segmentation.get_source_image_uids()}
    assert referenced and referenced <= uids
    first = pydicom.dcmread(images(out)[0], stop_before_pixels=True)
    assert segmentation.FrameOfReferenceUID == first.FrameOfReferenceUID
    assert segmentation.StudyInstanceUID == first.StudyInstanceUID
    assert segmentation.segmented_property_types[0].value == "272673000"
    model = pydicom.dcmread(next((out / "dicom").glob("*-model-*.dcm")))
    sources = {str(item.ReferencedSOPInstanceUID) for item in model.SourceInstanceSequence}
    assert sources == uids | {str(segmentation.SOPInstanceUID)}


def test_shapesOfTheCopyAreTheShapesOfTheCase(aCopiedCase):
    case, out = aCopiedCase
    part = next((case / "artefacts/part-1").iterdir())
    before, after = (next(folder.glob("*.stl")).read_bytes() for folder in (part, out / "shapes"))
    assert before[80:] == after[80:]
    assert after.startswith(b"SPACE=LPS UNIT=mm  ")
    pointsBefore, trianglesBefore, _ = threeMfMesh(next(part.glob("*.3mf")))
    points, triangles, warnings = threeMfMesh(next((out / "shapes").glob("*.3mf")))
    assert warnings == []
    assert numpy.array_equal(points, pointsBefore) and numpy.array_equal(triangles, trianglesBefore)
    nrrd = [next(folder.glob("*.seg.nrrd")) for folder in (case / "artefacts/segmentation-1/r1", out / "shapes")]
    masks = [SimpleITK.ReadImage(str(path)) for path in nrrd]
    assert masks[0].GetOrigin() == masks[1].GetOrigin() and masks[0].GetSpacing() == masks[1].GetSpacing()
    assert numpy.array_equal(*map(SimpleITK.GetArrayViewFromImage, masks))
    assert masks[1].GetMetaData("Segment0_Name") == "Bone structure 1"


def test_theCaseLeavesNoTraceInTheCopy(aCopiedCase, command):
    case, out = aCopiedCase
    first = pydicom.dcmread(next((case / "artefacts/source-1/r1/dicom").iterdir()), stop_before_pixels=True)
    _, status = command("status", "--case", case)
    words = [status["name"], first.PatientID, "PHANTOM", "Phantom", first.StudyInstanceUID, first.SOPInstanceUID,
             first.FrameOfReferenceUID, STUDY_DATE, PARTNER]  # fmt: skip
    assert leaks(out, [str(word) for word in words]) == []
    assert command("verify", case)[0] == 0


@pytest.fixture
def aPlantedPackage(aPackagedCase, tmp_path):
    """Slices and derived objects of a case in a folder, with words wherever a person can write some."""
    folder = tmp_path / WORD
    shutil.copytree(aPackagedCase / "case/artefacts/source-1/r1/dicom", folder / "ct")
    for name in ("part", "segmentation", "model"):
        (folder / name).mkdir()
    package = aPackagedCase / "package"
    plantStl(next(package.glob("*-part.stl")).read_bytes(), folder / f"part/{WORD}.stl")
    plantThreeMf(next(package.glob("*-part.3mf")), folder / f"part/{WORD}.3mf")
    nrrd = next((aPackagedCase / "case/artefacts/segmentation-1").rglob("*.seg.nrrd")).read_bytes()
    planted = nrrd.replace(b"Segment0_Name:=Bone", f"Segment0_Name:={WORD}\n# {WORD}\nOwner:={WORD}".encode())
    (folder / f"segmentation/{WORD}.seg.nrrd").write_bytes(planted)
    plantSegmentation(pydicom.dcmread(next(package.glob("*-segmentation.dcm"))), folder / "segmentation/a.dcm")
    model = pydicom.dcmread(next(package.glob("*-part.dcm")))
    stl = bytearray(model.EncapsulatedDocument)
    stl[10 : 10 + len(WORD)] = WORD.encode()
    model.EncapsulatedDocument, model.DocumentTitle = bytes(stl), f"{WORD} jaw"
    model.ContentDescription = model.SeriesDescription = WORD
    model.save_as(folder / "model/a.dcm")
    shutil.copy(next(package.glob("*-briefing.dcm")), folder / f"{WORD}.dcm")
    (folder / "outbox.log").write_text(WORD)
    return folder


def plantStl(data, path):
    records = bytearray(data)
    records[10 : 10 + len(WORD)] = WORD.encode()
    for number in range(len(WORD) // 2):
        # Two bytes that belong to nobody follow each triangle.
        struct.pack_into("2s", records, 84 + 50 * number + 48, WORD[2 * number : 2 * number + 2].encode())
    path.write_bytes(records)


def plantThreeMf(source, path):
    with zipfile.ZipFile(source) as archive, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as planted:
        for entry in archive.infolist():
            text = archive.read(entry)
            if entry.filename.endswith(".model"):
                text = text.replace(b"<resources>", f'<metadata name="Title">{WORD}</metadata><resources>'.encode())
                text = text.replace(b'name="', f'name="{WORD} '.encode())
            planted.writestr(entry.filename, text)
        planted.writestr(f"Metadata/{WORD}.txt", WORD)
        planted.comment = WORD.encode()


def plantSegmentation(dataset, path):
    segment = dataset.SegmentSequence[0]
    segment.SegmentLabel = segment.SegmentDescription = segment.SegmentAlgorithmName = WORD
    segment.TrackingID, segment.TrackingUID = WORD, "1.2.3"
    segment.SegmentedPropertyTypeCodeSequence[0].CodeMeaning = WORD
    dataset.ContentLabel, dataset.ContentDescription, dataset.ContentCreatorName = WORD.upper(), WORD, WORD
    dataset.save_as(path)


# Defaced, research takes the same paths as treatment-partner.
@pytest.mark.parametrize("profile", ["treatment-partner", "teaching"])
def test_nothingPlantedInDerivedObjectsComesOut(command, aPlantedPackage, tmp_path, profile):
    found = {name.split(".")[-1] for name, _word in leaks(aPlantedPackage, [WORD])}
    assert {"stl", "3mf", "nrrd", "dcm", "log"} <= found
    arguments = ("--out", tmp_path / "out", "--profile", profile, "--deface")
    exitCode, result = command("deidentify", aPlantedPackage, *arguments)
    assert exitCode == 0, result
    assert {record["kind"] for record in result["files"]} == {"ct", "segmentation", "model", "stl", "3mf", "seg.nrrd"}
    assert leaks(tmp_path / "out", [WORD]) == []
    stl = next((tmp_path / "out/shapes").glob("*.stl")).read_bytes()
    records = numpy.frombuffer(stl, "V48, <u2", offset=84)
    assert not records["f1"].any()
    for path in (tmp_path / "out/dicom").glob("*-[sm]*.dcm"):
        assert dicomErrors(path) == []


def test_aReportKeepsItsMeasurementsAndItsReferences(command, aPackagedCase, tmp_path):
    folder = tmp_path / "source"
    shutil.copytree(aPackagedCase / "case/artefacts/source-1/r1/dicom", folder)
    segmentation = next((aPackagedCase / "package").glob("*-segmentation.dcm"))
    shutil.copy(segmentation, folder)
    report = measurementReport(pydicom.dcmread(segmentation), pydicom.dcmread(next(folder.iterdir())))
    report.save_as(folder / "report.dcm")
    errors = dicomErrors(folder / "report.dcm")

    exitCode, result = command("deidentify", folder, "--out", tmp_path / "out", "--profile", "research", "--deface")

    assert exitCode == 0, result
    path = next((tmp_path / "out/dicom").glob("*-report-1.dcm"))
    assert set(dicomErrors(path)) <= set(errors)
    copied = highdicom.sr.srread(path)
    assert leaks(tmp_path / "out", [WORD]) == []
    text = str(copied)
    assert "12.5" in text
    newUid = pydicom.dcmread(next((tmp_path / "out/dicom").glob("*-segmentation-1.dcm"))).SOPInstanceUID
    assert newUid in text


def measurementReport(segmentation, image):
    """Return a TID 1500 report of one volume, measured on the segmentation, with words in it."""
    from highdicom import sr
    from pydicom.sr.codedict import codes

    segment = sr.ReferencedSegment(
        sop_class_uid=segmentation.SOPClassUID, sop_instance_uid=segmentation.SOPInstanceUID, segment_number=1,
        source_series=sr.SourceSeriesForSegmentation(image.SeriesInstanceUID),
    )  # fmt: skip
    group = sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(uid=highdicom.UID(), identifier=WORD),
        referenced_segment=segment, finding_type=codes.SCT.Bone,
        measurements=[sr.Measurement(codes.SCT.Volume, 12.5, codes.UCUM.CubicMillimeter)],
    )  # fmt: skip
    observer = sr.ObserverContext(codes.DCM.Person, sr.PersonObserverIdentifyingAttributes(name=f"{WORD}^Observer"))
    content = sr.MeasurementReport(
        sr.ObservationContext(observer_person_context=observer), codes.LN.CTUnspecifiedBodyRegion
        if hasattr(codes, "LN") else codes.SCT.ComputedTomography, [group],
    )  # fmt: skip
    return sr.Comprehensive3DSR(
        evidence=[segmentation, image], content=content[0], series_instance_uid=highdicom.UID(), series_number=77,
        sop_instance_uid=highdicom.UID(), instance_number=1, manufacturer=WORD, is_complete=True, is_verified=True,
        verifying_observer_name=f"{WORD}^Verifier", verifying_organization=WORD, series_description=WORD,
    )  # fmt: skip


@pytest.mark.slow
def test_aRealFaceIsRefusedAndRemoved(command, testData, tmp_path):
    source = testData("ct_skull_defect")
    exitCode, result = command("deidentify", source, "--out", tmp_path / "refused", "--profile", "teaching")
    assert exitCode == 4
    assert result["findings"][0]["code"] == "face-visible"
    assert not (tmp_path / "refused").exists()

    exitCode, result = command("deidentify", source, "--out", tmp_path / "out", "--profile", "teaching", "--deface")

    assert exitCode == 0, result
    assert "113102" in result["methodCodes"]
    header = pydicom.dcmread(images(tmp_path / "out")[0], stop_before_pixels=True)
    assert header.ImageType[0] == "DERIVED" and header.RecognizableVisualFeatures == "NO"
    before, after = volume(source.glob("*.dcm")), volume(images(tmp_path / "out"))
    assert (before.GetOrigin(), before.GetSpacing(), before.GetDirection()) == (
        after.GetOrigin(), after.GetSpacing(), after.GetDirection()
    )  # fmt: skip
    one, other = SimpleITK.GetArrayFromImage(before), SimpleITK.GetArrayFromImage(after)
    changed = one != other
    assert (other[changed] == -1000).all()
    # Bone, the back half and the brain behind the defect are as they were.
    assert one[changed].max() < 300
    assert not changed[:, middleOfTheSkull(before) :].any()
    assert 0.02 < changed.mean() < 0.06
    # The tip of the nose is gone: the foremost tissue now lies nearer to the bone.
    assert foremostRow(one) + 20 < foremostRow(other)
    words = ["Example", "MRN-0051", "ACC-0051", "General Hospital", "20120914", "ProMED", "19700101"]
    assert leaks(tmp_path / "out", words) == []


def middleOfTheSkull(image):
    """Return the middle row of the largest piece of bone: the head rest is as dense, but apart from it."""
    pieces = SimpleITK.RelabelComponent(SimpleITK.ConnectedComponent(image >= 300))
    shapes = SimpleITK.LabelShapeStatisticsImageFilter()
    shapes.Execute(pieces)
    _x, first, _z, _width, height, _depth = shapes.GetBoundingBox(1)
    return first + (height - 1) // 2


def foremostRow(voxels):
    """Return the first row that holds tissue worth a square centimetre in the middle of the face."""
    tissue = (voxels[:40, :, 100:156] > -300).sum(axis=(0, 2))
    return int(numpy.flatnonzero(tissue > 70)[0])


def test_usage(command, tmp_path):
    assert command("deidentify", tmp_path, "--out", tmp_path / "out", "--profile", "friends")[0] == 2
    assert command("deidentify", tmp_path / "none", "--out", tmp_path / "out", "--profile", "research")[0] == 3
