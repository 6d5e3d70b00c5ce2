"""De-identified copies of multi-frame CT and MR: frame by frame what they were, and no word more."""

import Judges
import numpy
import pydicom
import pytest
from CaseMaking import writeSmallSeries
from LeakSearch import leaks
from MrMaking import mrVoxels, writeFrames, writeMr
from Planting import WORD, WORDS, plantEverything, plantFile

from Phantom.EnhancedCt import writeEnhanced
from PlanningHubLib import Consent, Deidentify
from PlanningHubLib.Case import Case
from PlanningHubLib.DicomScan import readHeaders
from PlanningHubLib.Errors import GateRefused
from PlanningHubLib.Import import examine, importSeries
from PlanningHubLib.Segmentation import segmentBone
from PlanningHubLib.SeriesGeometry import checkSeries
from PlanningHubLib.SeriesSplit import splitSeries
from PlanningHubLib.SliceHeader import ScannedSeries
from PlanningHubLib.Volumes import readSlices


def geometryOf(paths):
    return checkSeries(ScannedSeries("any", readHeaders(paths)))[0]


def copied(folder):
    return sorted((folder / "dicom").glob("*-CT*.dcm")) + sorted((folder / "dicom").glob("*-MR*.dcm"))


def assertSameVolume(left, right):
    before, after = geometryOf(left), geometryOf(right)
    assert numpy.array_equal(before.ijkToLps, after.ijkToLps) and before.shape == after.shape
    assert numpy.array_equal(readSlices(before.headers), readSlices(after.headers))


@pytest.fixture
def anEnhancedCt(tmp_path):
    paths = writeSmallSeries(tmp_path / "single")
    return writeEnhanced(paths, tmp_path / "source" / "ct.dcm", order=[3, 0, 5, 1, 4, 2])


@pytest.fixture(autouse=True)
def aSourceFolder(tmp_path):
    (tmp_path / "source").mkdir()


@pytest.mark.parametrize(("syntax", "profile"), [
    (None, "treatment-partner"), ("RLELossless", "teaching"), ("JPEGLSLossless", "treatment-partner")
])  # fmt: skip
def test_copyIsBitExactFrameByFrame(anEnhancedCt, tmp_path, syntax, profile):
    image = pydicom.dcmread(anEnhancedCt)
    data = image.PixelData
    if syntax:
        image.compress(getattr(pydicom.uid, syntax))
        image.save_as(anEnhancedCt)
    report = Deidentify.deidentify(tmp_path / "source", tmp_path / "out", profile)
    (path,) = copied(tmp_path / "out")
    copy = pydicom.dcmread(path)
    assert copy.PixelData == data and copy.NumberOfFrames == 6 and report["leftOut"] == []
    assertSameVolume([anEnhancedCt], [path])
    assert copy.SOPInstanceUID != image.SOPInstanceUID and copy.PatientName == report["pseudonym"]
    assert list(copy.ImageType) == list(image.ImageType)
    assert examine(path).word != "reject"
    assert set(Judges.dicomErrors(path)) <= set(Judges.dicomErrors(anEnhancedCt)), "no new error"


def test_copyOfMultiFrameMrIsBitExact(tmp_path):
    source = writeFrames(tmp_path / "source" / "mr.dcm", writeMr(tmp_path / "single", mrVoxels()))
    Deidentify.deidentify(tmp_path / "source", tmp_path / "out", "treatment-partner")
    (path,) = copied(tmp_path / "out")
    assertSameVolume([source or tmp_path / "source" / "mr.dcm"], [path])


def test_nothingPlantedInFramesComesOut(anEnhancedCt, tmp_path):
    whole = pydicom.dcmread(anEnhancedCt)
    kept = {name: whole[name] for name in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")}
    plantEverything(whole, depth=0)
    for element in kept.values():
        whole.add(element)
    for number, frame in enumerate(whole.PerFrameFunctionalGroupsSequence):
        content = pydicom.Dataset()
        content.FrameComments, content.FrameLabel, content.StackID = f"{WORD} {number}", WORD, WORD
        frame.FrameContentSequence = [content]
        frame.add_new(0x00091010, "LO", WORD)
        frame.PlanePositionSequence[0].add_new(0x00091010, "LO", WORD)
        frame.UnassignedPerFrameConvertedAttributesSequence = [pydicom.Dataset()]
        frame.UnassignedPerFrameConvertedAttributesSequence[0].PatientName = WORD
    whole.PatientID = f"{WORD}1"
    (tmp_path / WORD).mkdir()
    plantFile(whole, tmp_path / WORD / f"{WORD}.dcm")
    assert leaks(tmp_path / WORD, [WORD])
    Deidentify.deidentify(tmp_path / WORD, tmp_path / "out", "treatment-partner")
    assert leaks(tmp_path / "out", WORDS) == []
    assertSameVolume([anEnhancedCt], copied(tmp_path / "out"))


@pytest.mark.slow
def test_aFaceIsTakenFromFramesAsFromSlices(tmp_path, smallHead):
    paths = sorted(smallHead.iterdir())
    whole = writeEnhanced(paths, tmp_path / "source" / "head.dcm")
    with pytest.raises(GateRefused) as refused:
        Deidentify.deidentify(tmp_path / "source", tmp_path / "out", "research")
    assert refused.value.code == "face-visible"
    Deidentify.deidentify(tmp_path / "source", tmp_path / "frames", "research", deface=True)
    Deidentify.deidentify(smallHead, tmp_path / "slices", "research", deface=True)
    assertSameVolume(copied(tmp_path / "slices"), copied(tmp_path / "frames"))
    before, after = (readSlices(geometryOf(found).headers) for found in ([whole], copied(tmp_path / "frames")))
    assert (before != after).any() and (after[before != after] == -1000).all()
    copy = pydicom.dcmread(copied(tmp_path / "frames")[0])
    assert copy.RecognizableVisualFeatures == "NO" and copy.ImageType[0] == "DERIVED"


def phasesOf(path):
    """Return the voxels of each phase of a file."""
    parts, _findings = splitSeries(ScannedSeries("any", readHeaders([path])))
    return [readSlices(checkSeries(one)[0].headers) for one in parts]


@pytest.mark.slow
def test_eachPhaseOfAFileIsJudgedForItself(tmp_path, smallHead):
    source = writeEnhanced(sorted(smallHead.iterdir()), tmp_path / "source" / "head.dcm", phases=2)
    with pytest.raises(GateRefused) as refused:
        Deidentify.deidentify(tmp_path / "source", tmp_path / "out", "research")
    assert refused.value.code == "face-visible"
    Deidentify.deidentify(tmp_path / "source", tmp_path / "out", "research", deface=True)
    (copy,) = copied(tmp_path / "out")
    assert len(phasesOf(copy)) == 2
    for before, after in zip(phasesOf(source), phasesOf(copy), strict=True):
        assert 0.005 < (before != after).mean() < 0.2 and (after[before != after] == -1000).all()
    assert pydicom.dcmread(copy).RecognizableVisualFeatures == "NO"


@pytest.mark.slow
def test_phasesWithoutAFaceGoOut(tmp_path):
    writeEnhanced(writeSmallSeries(tmp_path / "single"), tmp_path / "source" / "ct.dcm", phases=2)
    report = Deidentify.deidentify(tmp_path / "source", tmp_path / "out", "research")
    assert report["faces"] == "none found"


def test_aPhaseThatLacksAFrameLeavesTheWholeOpen(tmp_path):
    source = writeEnhanced(writeSmallSeries(tmp_path / "single"), tmp_path / "source" / "ct.dcm", phases=2)
    whole = pydicom.dcmread(source)
    del whole.PerFrameFunctionalGroupsSequence[2]
    whole.NumberOfFrames -= 1
    whole.save_as(source)
    with pytest.raises(GateRefused) as refused:
        Deidentify.deidentify(tmp_path / "source", tmp_path / "out", "research")
    assert refused.value.code == "face-not-judged"


@pytest.mark.slow
def test_aCaseOfOneFileIsCopiedWithItsSegmentation(anEnhancedCt, tmp_path, aSession):
    importSeries(anEnhancedCt, tmp_path / "case", side="left")
    with Case.open(tmp_path / "case", writable=True) as case:
        segmentBone(case, aSession)
        Consent.recordConsent(case, "manufacturer", "2026-01-31", "test 1")
    report = Deidentify.deidentify(tmp_path / "case", tmp_path / "out", "treatment-partner")
    assertSameVolume([anEnhancedCt], copied(tmp_path / "out"))
    assert "seg.nrrd" in {one["kind"] for one in report["files"]}
