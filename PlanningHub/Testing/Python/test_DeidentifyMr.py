"""De-identified copies of MR: bit-exact, with what planning needs, and faces never called absent."""

import json

import numpy
import pydicom
import pytest
import SimpleITK
from CaseMaking import writeSmallSeries
from LeakSearch import leaks
from MrMaking import MR_ATTRIBUTES, mrVoxels, writeMr
from Planting import WORD, WORDS, plantEverything, plantFile

from PlanningHubLib import Consent, Deidentify, DeidentifyText
from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import GateRefused, InputRefused
from PlanningHubLib.Import import examine, importSeries

KEPT = {
    "ScanningSequence", "SequenceVariant", "ScanOptions", "MRAcquisitionType", "RepetitionTime", "EchoTime",
    "InversionTime", "FlipAngle", "MagneticFieldStrength", "EchoTrainLength", "NumberOfAverages", "PixelBandwidth",
    "ImagedNucleus", "AcquisitionMatrix", "Modality", "ImageType",
}  # fmt: skip
LARGE = mrVoxels().repeat(4, axis=1).repeat(4, axis=2)


def images(folder):
    found = [pydicom.dcmread(path) for path in folder.rglob("*.dcm")]
    return sorted(found, key=lambda one: float(one.ImagePositionPatient[2]))


def volume(folder):
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames([one.filename for one in images(folder)])
    return reader.Execute()


def assertSameVolume(left, right):
    assert numpy.array_equal(SimpleITK.GetArrayViewFromImage(left), SimpleITK.GetArrayViewFromImage(right))
    assert left.GetOrigin() == right.GetOrigin() and left.GetSpacing() == right.GetSpacing()
    assert left.GetDirection() == right.GetDirection()


def codes(report):
    return {finding["code"] for finding in report["findings"]}


@pytest.mark.parametrize("syntax", [None, "RLELossless", "JPEGLSLossless", "JPEG2000Lossless"])
@pytest.mark.parametrize("slope", [None, "1.7"])
def test_copyOfMrIsBitExactAndKeepsWhatPlanningNeeds(tmp_path, syntax, slope):
    writeMr(tmp_path / "mr", LARGE, RescaleSlope=slope, RescaleIntercept=slope and "-2", PatientComments="Anna")
    before = [(image.PixelData, image) for image in images(tmp_path / "mr")]
    for _data, image in before:
        if syntax:
            image.compress(getattr(pydicom.uid, syntax))
            image.save_as(image.filename)
    judge = volume(tmp_path / "mr")
    Deidentify.deidentify(tmp_path / "mr", tmp_path / "out", "treatment-partner")
    copies = images(tmp_path / "out")
    assertSameVolume(judge, volume(tmp_path / "out"))
    for (data, original), image in zip(before, copies, strict=True):
        assert image.PixelData == data and "PatientComments" not in image
        assert image.get("RescaleSlope") == original.get("RescaleSlope")
        assert {keyword for keyword in KEPT if image.get(keyword) != original.get(keyword)} == set()
        assert {keyword for keyword in MR_ATTRIBUTES if keyword not in image} == {"StudyDescription",
                                                                                  "SeriesDescription"}  # fmt: skip
    assert {path.name.split("-")[-2][:2] for path in (tmp_path / "out" / "dicom").iterdir()} == {"MR"}
    verdict = examine(tmp_path / "out" / "dicom")
    assert verdict.word != "reject" and verdict.chosen.facts.modality == "MR"


def test_nothingPlantedInMrComesOut(tmp_path):
    folder = tmp_path / f"{WORD} mr"
    folder.mkdir()
    for number, path in enumerate(writeMr(tmp_path / "plain", mrVoxels()[:3])):
        dataset = pydicom.dcmread(path)
        plantEverything(dataset, depth=0 if number else 5)
        dataset.PatientID = f"{WORD}1"
        plantFile(dataset, folder / f"{WORD}-{number}.dcm")
    Deidentify.deidentify(folder, tmp_path / "out", "treatment-partner")
    assert leaks(tmp_path / "out", WORDS) == []
    assertSameVolume(volume(tmp_path / "plain"), volume(tmp_path / "out"))


def test_whetherMrShowsAFaceIsNotJudged(tmp_path):
    writeMr(tmp_path / "mr")
    report = Deidentify.deidentify(tmp_path / "mr", tmp_path / "out", "treatment-partner")
    assert "face-not-judged" in codes(report) and report["faces"] == "not judged"
    assert all("RecognizableVisualFeatures" not in image for image in images(tmp_path / "out"))
    for profile, deface in (("research", False), ("teaching", False), ("treatment-partner", True)):
        with pytest.raises(GateRefused) as refused:
            Deidentify.deidentify(tmp_path / "mr", tmp_path / "other", profile, deface=deface)
        assert refused.value.code == "face-not-judged" and "MR" in refused.value.message
        assert not (tmp_path / "other").exists()


def test_aCtWithoutAFaceDoesNotSpeakForTheMr(tmp_path):
    writeSmallSeries(tmp_path / "both" / "ct")
    writeMr(tmp_path / "both" / "mr")
    report = Deidentify.deidentify(tmp_path / "both", tmp_path / "out", "treatment-partner")
    assert report["faces"] == "not judged"
    assert {image.Modality: image.get("RecognizableVisualFeatures") for image in images(tmp_path / "out")} == {
        "CT": None, "MR": None}  # fmt: skip


@pytest.mark.skipif(not DeidentifyText.canLook(), reason="no tesseract")
def test_textInMrIsFound(tmp_path):
    from PIL import Image, ImageDraw, ImageFont

    voxels = numpy.full((6, 128, 256), 20, numpy.uint16)
    picture = Image.new("L", (256, 128))
    ImageDraw.Draw(picture).text((20, 40), "SMITH ANNA", fill=255, font=ImageFont.load_default(32))
    voxels[:, numpy.array(picture) > 128] = 900
    writeMr(tmp_path / "mr", voxels)
    with pytest.raises(InputRefused) as refused:
        Deidentify.deidentify(tmp_path / "mr", tmp_path / "out", "treatment-partner")
    assert refused.value.code == "burned-in-text"


def test_caseOfMrIsCopiedWithConsent(tmp_path):
    writeMr(tmp_path / "mr")
    importSeries(tmp_path / "mr", tmp_path / "case")
    with Case.open(tmp_path / "case", writable=True) as case:
        Consent.recordConsent(case, "manufacturer", "2026-01-31", "test 1")
    Deidentify.deidentify(tmp_path / "case", tmp_path / "out", "treatment-partner")
    assertSameVolume(volume(tmp_path / "mr"), volume(tmp_path / "out"))
    assert json.loads((tmp_path / "out" / "report.json").read_text())["consent"].endswith("manufacturer")
