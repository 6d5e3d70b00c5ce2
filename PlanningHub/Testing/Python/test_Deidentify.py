"""De-identified copies: nothing planted comes out, and everything that planning needs does."""

import gzip
import json
import shutil
import zipfile

import numpy
import pydicom
import pytest
import SimpleITK
from CaseMaking import asymmetricVoxels, writeSmallSeries
from CopiedSeries import headers
from LeakSearch import leaks
from Planting import DATE, NUMBER, READ_AS_NUMBERS, UID_PART, WORD, WORDS, plantEverything, plantFile

from PlanningHubLib import Deidentify, DeidentifyCheck, DeidentifyRules
from PlanningHubLib.DeidentifyDataset import Cleaner
from PlanningHubLib.DeidentifyKeys import Mapping
from PlanningHubLib.Errors import InputRefused, UsageError, VerificationFailed
from PlanningHubLib.Secrets import KeyRing

PROFILES = DeidentifyRules.profileNames()


@pytest.fixture(scope="module")
def aPlantedFolder(tmp_path_factory):
    """A series in a folder named after the patient, with a word in every place of every file."""
    tmp_path = tmp_path_factory.mktemp("planted")
    folder = tmp_path / f"{WORD} ct"
    patient = {"patientId": f"{WORD}{NUMBER}", "patientName": f"{WORD}^Anna=漢字^{WORD}"}
    paths = writeSmallSeries(tmp_path / "plain", asymmetricVoxels()[:3], **patient)
    folder.mkdir()
    for number, path in enumerate(paths):
        dataset = pydicom.dcmread(path)
        assert plantEverything(dataset, depth=0 if number else 5) > 3500
        dataset.PatientBirthDate = DATE
        for keyword in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
            dataset[keyword].value = f"2.999.{UID_PART}.{keyword == 'SOPInstanceUID' and number + 1:d}.{len(keyword)}"
        plantFile(dataset, folder / f"{WORD}-{number}.dcm")
    (folder / f"{WORD}.log").write_text(f"log of {WORD}")
    (folder / f"{WORD}.pdf").write_bytes(b"%PDF-1.7 " + WORD.encode())
    (folder / "manifest.json").write_text(json.dumps({"patient": WORD}))
    assert {word for _file, word in leaks(folder, WORDS)} == set(WORDS)
    return folder


def volume(paths):
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames([str(path) for path in paths])
    return reader.Execute()


def sortedPaths(folder):
    found = [(float(pydicom.dcmread(path, specific_tags=["ImagePositionPatient"]).ImagePositionPatient[2]), path)
             for path in folder.rglob("*") if path.suffix == ".dcm"]  # fmt: skip
    return [path for _z, path in sorted(found)]


def assertSameVolume(left, right):
    assert numpy.array_equal(SimpleITK.GetArrayViewFromImage(left), SimpleITK.GetArrayViewFromImage(right))
    assert left.GetOrigin() == right.GetOrigin()
    assert left.GetSpacing() == right.GetSpacing()
    assert left.GetDirection() == right.GetDirection()


@pytest.mark.parametrize("profile", PROFILES)
def test_nothingPlantedComesOut(aPlantedFolder, tmp_path, profile):
    report = Deidentify.deidentify(aPlantedFolder, tmp_path / "out", profile)

    assert leaks(tmp_path / "out", WORDS) == []
    assert "private" in report["attributesDropped"]
    assert {"PatientComments", "OverlayData", "unknown"} & set(report["attributesDropped"])
    assert sum(one["count"] for one in report["leftOut"]) == 3
    # GDCM cannot read the planted files themselves.
    assertSameVolume(volume(sortedPaths(aPlantedFolder.parent / "plain")), volume(sortedPaths(tmp_path / "out")))


def test_wordsInPlaceOfNumbersAreDropped():
    from pydicom.dataelem import RawDataElement
    from pydicom.dataset import Dataset
    from pydicom.tag import Tag

    numbers = [keyword for keyword, (action, _why) in DeidentifyRules.rules()["attributes"].items()
               if action == "number"]  # fmt: skip
    assert {*READ_AS_NUMBERS} - {"TriggerTime"} <= {*numbers}
    dataset = Dataset()
    for keyword in {*numbers, *READ_AS_NUMBERS}:
        tag = Tag(keyword)
        for vr in ("LO", pydicom.datadict.dictionary_VR(tag).split(" or ")[0]):
            dataset[tag] = RawDataElement(tag, vr, 8, WORD.ljust(8).encode(), 0, False, True)
            cleaned = Cleaner(Mapping(KeyRing(b"k" * 32), "5a" * 32, DeidentifyRules.profileOf("research")))
            assert WORD.encode() not in str(cleaned.clean(dataset)).encode(), (keyword, vr)


@pytest.fixture(scope="module")
def aCopy(tmp_path_factory):
    """A copy of a small series; only to be copied."""
    folder = tmp_path_factory.mktemp("copy")
    writeSmallSeries(folder / "ct")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLANNINGHUB_HOME", str(folder / "home"))
        Deidentify.deidentify(folder / "ct", folder / "out", "treatment-partner")
    return folder / "out"


@pytest.mark.parametrize("place", ["text", "utf-16", "name", "zip", "gzip", "base64", "preamble", "header"])
def test_theSearchSeesALeakThatIsPlantedInTheCopy(aCopy, tmp_path, place):
    import base64

    out = tmp_path / "out"
    shutil.copytree(aCopy, out)
    assert leaks(out, WORDS) == []
    image = next((out / "dicom").iterdir())
    if place == "text":
        (out / "readme").write_text(f"made for {WORD}")
    elif place == "utf-16":
        (out / "readme").write_text(WORD, encoding="utf-16")
    elif place == "name":
        image.rename(image.with_name(f"{WORD}.dcm"))
    elif place == "zip":
        with zipfile.ZipFile(out / "part.3mf", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("3D/3dmodel.model", f"<model>{WORD}</model>")
    elif place == "gzip":
        (out / "mask.seg.nrrd").write_bytes(b"NRRD0004\n\n" + gzip.compress(WORD.encode()))
    elif place == "base64":
        text = base64.b64encode(f"a picture of {WORD}, long enough".encode()).decode()
        (out / "report.json").write_text(json.dumps({"data": text}))
    elif place == "preamble":
        image.write_bytes(WORD.encode().ljust(128) + image.read_bytes()[128:])
    else:
        dataset = pydicom.dcmread(image)
        dataset.ImageComments = WORD
        dataset.save_as(image)
    assert {word for _file, word in leaks(out, WORDS)} == {WORD}


def test_theGateRefusesACopyThatHoldsAnIdentifier(aSeries, tmp_path, monkeypatch):
    from PlanningHubLib import DeidentifyObjects

    def forgetful(dataset, path, save=DeidentifyObjects.save):
        dataset.ImageComments = "seen by Phantom, PHANTOM-1"
        save(dataset, path)

    monkeypatch.setattr(DeidentifyObjects, "save", forgetful)
    with pytest.raises(VerificationFailed) as error:
        Deidentify.deidentify(aSeries, tmp_path / "out", "research")
    assert error.value.code == "identity-left"
    assert "PHANTOM-1" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_theGateLooksIntoEveryKindOfFile(tmp_path):
    names = {"Lindqvist"}
    for name, data in (
        ("a.stl", b"Lindqvist".ljust(84)),
        ("a.seg.nrrd", b"NRRD0004\n# Lindqvist\n\n"),
        ("a.ply", b"ply\ncomment Lindqvist\nend_header\n"),
        ("a.json", b'{"name": "Lindqvist"}'),
        ("Lindqvist.stl", b"".ljust(84)),
        ("a.bin", "Lindqvist".encode("utf-16")),
    ):
        folder = tmp_path / name.replace("Lindqvist", "L")
        folder.mkdir()
        DeidentifyCheck.requireClean(folder, names)
        (folder / name).write_bytes(data)
        with pytest.raises(VerificationFailed):
            DeidentifyCheck.requireClean(folder, names)


@pytest.mark.parametrize(
    ("keyword", "value", "code"),
    [
        ("BurnedInAnnotation", "YES", "burned-in-text"),
        ("PatientID", "", "no-patient-id"),
        ("SOPInstanceUID", "", "missing-uid"),
        ("SOPClassUID", "1.2.840.10008.5.1.4.1.1.7", "nothing-to-copy"),
    ],
)
def test_whatIsRefused(aSeries, tmp_path, keyword, value, code):
    for path in aSeries.iterdir():
        dataset = pydicom.dcmread(path)
        setattr(dataset, keyword, value)
        dataset.save_as(path)
    with pytest.raises(InputRefused) as error:
        Deidentify.deidentify(aSeries, tmp_path / "out", "research")
    assert error.value.code == code
    assert not (tmp_path / "out").exists()


def test_imagesWithAPlanDrawnInAreLeftOutAndSaid(aSeries, tmp_path):
    for path in writeSmallSeries(aSeries / "derived", seed=7):
        dataset = pydicom.dcmread(path)
        dataset.ImageType, dataset.BurnedInAnnotation = ["DERIVED", "SECONDARY", "AXIAL"], "YES"
        dataset.save_as(path)
    before = sum(1 for path in aSeries.iterdir() if path.is_file())
    report = Deidentify.deidentify(aSeries, tmp_path / "out", "research")
    assert len(headers(tmp_path / "out")) == before
    assert any("plan drawn in" in str(one) for one in report["leftOut"])


def test_twoPatientsAreRefused(aSeries, tmp_path):
    writeSmallSeries(aSeries / "other", patientId="PHANTOM-2")
    with pytest.raises(InputRefused) as error:
        Deidentify.deidentify(aSeries, tmp_path / "out", "research")
    assert error.value.code == "two-patients"


def test_unknownProfile(aSeries, tmp_path):
    with pytest.raises(UsageError):
        Deidentify.deidentify(aSeries, tmp_path / "out", "everybody")


def test_anOverlayInUnusedBitsIsCleared(tmp_path):
    voxels = numpy.full((3, 16, 16), 40, numpy.int16)
    for path in writeSmallSeries(tmp_path / "ct", voxels):
        dataset = pydicom.dcmread(path)
        stored = numpy.full((16, 16), 1064, numpy.uint16)
        stored[::2] |= 0xF000
        dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 12, 11, 0
        dataset.PixelData = stored.tobytes() + WORD.encode()
        dataset.save_as(path)
    Deidentify.deidentify(tmp_path / "ct", tmp_path / "out", "research")
    assert all((header.pixel_array == 1064).all() for header in headers(tmp_path / "out"))
    assert leaks(tmp_path / "out", [WORD]) == []


def test_aCompressedStreamIsDecodedExactly(tmp_path):
    from pydicom.uid import JPEG2000Lossless, RLELossless

    aSeries = tmp_path / "ct"
    writeSmallSeries(aSeries, asymmetricVoxels((6, 64, 80)))
    before = volume(sortedPaths(aSeries))
    for number, path in enumerate(sorted(aSeries.iterdir())):
        dataset = pydicom.dcmread(path)
        dataset.compress(JPEG2000Lossless if number % 2 else RLELossless, generate_instance_uid=False)
        dataset.save_as(path)
    Deidentify.deidentify(aSeries, tmp_path / "out", "research")
    assertSameVolume(before, volume(sortedPaths(tmp_path / "out")))
    assert {one.file_meta.TransferSyntaxUID for one in headers(tmp_path / "out")} == {"1.2.840.10008.1.2.1"}


def test_textInTheImagesIsFound(tmp_path, aSeries):
    if shutil.which("tesseract") is None:
        pytest.skip("tesseract is not installed (Debian: tesseract-ocr)")
    from PIL import Image, ImageDraw, ImageFont

    from PlanningHubLib.DeidentifyText import burnedInText

    voxels = numpy.full((4, 256, 256), -1000, numpy.int16)
    voxels[:, 60:200, 60:200] = 40
    assert burnedInText(voxels) is False
    picture = Image.new("L", (256, 256))
    ImageDraw.Draw(picture).text((8, 8), "LINDQVIST ANNA", fill=255, font=ImageFont.load_default(20))
    voxels[:, numpy.asarray(picture) > 128] = 3000
    assert burnedInText(voxels) is True
    writeSmallSeries(tmp_path / "text", voxels)
    with pytest.raises(InputRefused) as error:
        Deidentify.deidentify(tmp_path / "text", tmp_path / "out", "treatment-partner")
    assert error.value.code == "burned-in-text"


def test_thatTextWasNotLookedForIsSaid(aSeries, tmp_path, monkeypatch):
    monkeypatch.setattr("PlanningHubLib.DeidentifyText.canLook", lambda: False)
    report = Deidentify.deidentify(aSeries, tmp_path / "out", "research")
    assert report["textInImages"] == "not looked for"
    assert "text-not-looked-for" in [finding["code"] for finding in report["findings"]]


def test_everyRuleNamesItsSource():
    from pydicom.datadict import tag_for_keyword

    for keyword, (action, source) in DeidentifyRules.rules()["attributes"].items():
        assert tag_for_keyword(keyword) is not None, keyword
        assert action
        assert "PS3" in source or "Table E.1-1" in source or "164.514" in source, keyword
