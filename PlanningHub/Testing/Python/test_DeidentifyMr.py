"""De-identified copies of MR: bit-exact but for faces that are removed, with what planning needs."""

import json

import numpy
import pydicom
import pytest
import SimpleITK
from CaseMaking import writeSmallSeries
from LeakSearch import leaks
from MrMaking import MR_ATTRIBUTES, headMr, mrVoxels, noiseVoxels, writeHeadMr, writeMr
from Planting import WORD, WORDS, plantEverything, plantFile
from scipy import ndimage

from PlanningHubLib import Consent, Deidentify, DeidentifyText
from PlanningHubLib import DeidentifyFaceMr as FaceMr
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


def test_whereBodyAndAirCannotBeToldApartMrIsRefused(tmp_path):
    writeMr(tmp_path / "mr", noiseVoxels())
    report = Deidentify.deidentify(tmp_path / "mr", tmp_path / "out", "treatment-partner")
    assert "face-not-judged" in codes(report) and report["faces"] == "not judged"
    assert all("RecognizableVisualFeatures" not in image for image in images(tmp_path / "out"))
    for profile, deface in (("research", False), ("teaching", False), ("treatment-partner", True)):
        with pytest.raises(GateRefused) as refused:
            Deidentify.deidentify(tmp_path / "mr", tmp_path / "other", profile, deface=deface)
        assert refused.value.code == "face-not-judged" and "MR" in refused.value.message
        assert not (tmp_path / "other").exists()


def test_anMrWithAMissingSliceIsNotJudged(tmp_path):
    writeMr(tmp_path / "mr")[2].unlink()
    with pytest.raises(GateRefused) as refused:
        Deidentify.deidentify(tmp_path / "mr", tmp_path / "out", "research")
    assert refused.value.code == "face-not-judged"


def test_anMrWithoutAFaceGoesOut(tmp_path):
    writeMr(tmp_path / "mr", LARGE)
    report = Deidentify.deidentify(tmp_path / "mr", tmp_path / "out", "research", deface=True)
    assert report["faces"] == "none found" and not codes(report) & {"face-removed", "face-visible"}
    assert {image.RecognizableVisualFeatures for image in images(tmp_path / "out")} == {"NO"}


@pytest.mark.slow
def test_aFaceInMrIsFoundAndRemoved(tmp_path):
    writeHeadMr(tmp_path / "mr")
    report = Deidentify.deidentify(tmp_path / "mr", tmp_path / "partner", "treatment-partner")
    assert report["faces"] == "visible" and "face-visible" in codes(report)
    with pytest.raises(GateRefused) as refused:
        Deidentify.deidentify(tmp_path / "mr", tmp_path / "out", "research")
    assert refused.value.code == "face-visible" and not (tmp_path / "out").exists()

    report = Deidentify.deidentify(tmp_path / "mr", tmp_path / "out", "research", deface=True)

    assert report["faces"] == "removed" and "113102" in report["methodCodes"]
    copies = images(tmp_path / "out")
    assert {(image.RecognizableVisualFeatures, image.ImageType[0]) for image in copies} == {("NO", "DERIVED")}
    before, after = (SimpleITK.GetArrayFromImage(volume(tmp_path / name)) for name in ("mr", "out"))
    changed = before != after
    assert len(numpy.unique(after[changed])) == 1 and after[changed][0] < 30, "air, as around the head"
    _voxels, phantom, matrix = headMr()
    assert not changed[:, changed.shape[1] * 6 // 10 :].any(), "the back of the head is as it was"
    assert (changed & inSkull(phantom.voxelsHu)).sum() < 0.01 * inSkull(phantom.voxelsHu).sum(), "so is the brain"
    # Nose, lips and chin: the foremost tissue of each level of the face lies at least a centimetre further back.
    face = slice(10, 30)
    gone = (foremost(after[face]) - foremost(before[face])) * matrix[1, 1]
    assert gone.min() >= 10 and gone.max() >= 25


def inSkull(voxelsHu):
    """Return the voxels deep within the closed bone of each level."""
    cavity = numpy.zeros(voxelsHu.shape, bool)
    for level, section in enumerate(voxelsHu):
        closed = ndimage.binary_closing(section >= 300, iterations=8)
        cavity[level] = ndimage.binary_fill_holes(closed) & (section < 300)
    cavity[:27] = False
    return ndimage.binary_erosion(cavity, iterations=2)


def foremost(voxels):
    """Return per level the first row with tissue in the middle columns."""
    middle = voxels[:, :, 44:52] > 250
    return middle.any(axis=2).argmax(axis=1)


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 1, 0), (1, 0, 2)], ids=["axial", "sagittal", "coronal"])
def test_theFaceIsTheSameHoweverTheSlicesLie(axes):
    voxels, _phantom, matrix = headMr()
    body = FaceMr.findBody(voxels, matrix)
    wanted = FaceMr.facialMask(voxels, matrix, body).transpose(axes)
    turned = matrix[:, [*(2 - axis for axis in axes[::-1]), 3]]
    assert FaceMr.faceVisible(voxels.transpose(axes), turned, body)
    assert numpy.array_equal(FaceMr.facialMask(voxels.transpose(axes), turned, body), wanted)


def test_aChestIsNoHead():
    y, x = numpy.mgrid[-100:100:4, -200:200:4]
    section = numpy.where((x / 170) ** 2 + (y / 90) ** 2 < 1, 500, 5)
    voxels = numpy.repeat(section[None], 20, axis=0).astype(numpy.uint16)
    matrix = numpy.diag([4.0, 4.0, 4.0, 1.0])
    assert FaceMr.faceVisible(voxels, matrix, FaceMr.findBody(voxels, matrix)) is False


def test_aCtWithoutAFaceDoesNotSpeakForTheMr(tmp_path):
    writeSmallSeries(tmp_path / "both" / "ct")
    writeMr(tmp_path / "both" / "mr", noiseVoxels())
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
