"""MR as a planning volume: exact voxels, the same rules of geometry, and no rule that only makes sense in HU."""

import json

import numpy
import pydicom
import pytest
import SimpleITK
import slicer
from CaseMaking import ORIGIN_LPS, SPACING_MM, asymmetricVoxels, commit, rejections, tree, writeSmallSeries
from MrMaking import MR_IMAGE, mrVoxels, writeMr

from Phantom.DicomSeries import byPosition
from Phantom.Faults import editAll
from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import GateRefused, InputRefused
from PlanningHubLib.Import import examine, importSeries
from PlanningHubLib.Modality import modalityFindings
from PlanningHubLib.Procedures import findProcedure
from PlanningHubLib.Segmentation import segmentBone
from PlanningHubLib.Thumbnails import seriesThumbnail
from PlanningHubLib.Volumes import loadSource

# JPEG 2000's usual number of resolutions needs some pixels.
LARGE = mrVoxels().repeat(4, axis=1).repeat(4, axis=2)


def loaded(folder, session):
    case = Case.open(folder)
    return loadSource(case, session, case.require("source"))


def voxelsOf(folder, session):
    return slicer.util.arrayFromVolume(loaded(folder, session)).copy()


def bySimpleItk(paths):
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames([str(path) for path in paths])
    return reader.Execute()


def codes(findings):
    return {finding.code for finding in findings}


# Voxels and geometry


def test_mrIsExactAndInPlace(tmp_path, aSession):
    paths = writeMr(tmp_path / "mr")
    verdict = importSeries(tmp_path / "mr", tmp_path / "case", side="left")
    judge = bySimpleItk(paths)
    assert verdict.word == "accept" and codes(verdict.findings) == {"mr-not-judged"}
    assert verdict.voxelFacts is None and verdict.asDict()["series"][0]["modality"] == "MR"
    node = loaded(tmp_path / "case", aSession)
    assert numpy.array_equal(slicer.util.arrayFromVolume(node), SimpleITK.GetArrayFromImage(judge))
    assert numpy.array_equal(slicer.util.arrayFromVolume(node), mrVoxels())
    assert numpy.allclose(node.GetSpacing(), judge.GetSpacing()) and numpy.allclose(node.GetSpacing(), SPACING_MM)
    assert numpy.allclose(node.GetOrigin(), numpy.multiply(judge.GetOrigin(), (-1, -1, 1)))
    assert numpy.allclose(judge.GetOrigin(), ORIGIN_LPS)
    source = Case.open(tmp_path / "case").require("source")
    assert source.title == "MR series" and source.facts["modality"] == source.facts["planningModality"] == "MR"


def test_mrIsShownOverItsOwnRange(tmp_path, aSession):
    writeMr(tmp_path / "mr")
    importSeries(tmp_path / "mr", tmp_path / "case")
    display = loaded(tmp_path / "case", aSession).GetDisplayNode()
    low, high = display.GetWindowLevelMin(), display.GetWindowLevelMax()
    assert 80 <= low <= 100 and 695 <= high <= 710


def test_thumbnailOfMrShowsItsTissues(tmp_path):
    writeMr(tmp_path / "mr")
    data = seriesThumbnail(examine(tmp_path / "mr").chosen.geometry.headers)
    (tmp_path / "picture.png").write_bytes(data)
    shown = numpy.unique(SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / "picture.png"))))
    assert shown.min() == 0 and shown.max() == 255


def test_rescaleOfEachSliceIsApplied(tmp_path, aSession):
    def change(image, index):
        image.RescaleSlope, image.RescaleIntercept = f"{1.5 + index / 4}", f"{-index}"

    paths = writeMr(tmp_path / "mr", change=change)
    importSeries(tmp_path / "mr", tmp_path / "case")
    voxels, steps = voxelsOf(tmp_path / "case", aSession), numpy.arange(6)[:, None, None]
    assert numpy.array_equal(voxels, SimpleITK.GetArrayFromImage(bySimpleItk(paths)))
    assert numpy.array_equal(voxels, mrVoxels() * (1.5 + steps / 4) - steps)


@pytest.mark.parametrize("name", ["RLELossless", "JPEGLSLossless", "JPEG2000Lossless"])
@pytest.mark.parametrize("slope", [None, "2", "0.25"])
def test_compressedMrIsExact(tmp_path, aSession, name, slope):
    rescale = {"RescaleSlope": slope, "RescaleIntercept": slope and "-3"}
    for path in writeMr(tmp_path / "mr", LARGE, **rescale):
        image = pydicom.dcmread(path)
        image.compress(getattr(pydicom.uid, name))
        image.save_as(path)
    importSeries(tmp_path / "mr", tmp_path / "case")
    expected = LARGE if slope is None else LARGE * float(slope) - 3
    assert numpy.array_equal(voxelsOf(tmp_path / "case", aSession), expected)


@pytest.mark.parametrize("syntax", [pydicom.uid.ExplicitVRBigEndian, pydicom.uid.DeflatedExplicitVRLittleEndian])
def test_bigEndianAndDeflatedMrAreExact(tmp_path, aSession, syntax):
    for path in writeMr(tmp_path / "mr"):
        image = pydicom.dcmread(path)
        if not syntax.is_little_endian:
            image.PixelData = numpy.frombuffer(image.PixelData, "<u2").astype(">u2").tobytes()
        image.file_meta.TransferSyntaxUID = syntax
        encoding = {"implicit_vr": False, "little_endian": syntax.is_little_endian, "force_encoding": True}
        pydicom.filewriter.dcmwrite(path, image, **encoding)
    importSeries(tmp_path / "mr", tmp_path / "case")
    assert numpy.array_equal(voxelsOf(tmp_path / "case", aSession), mrVoxels())


def test_bitsBesideThoseStoredAreNoIntensity(tmp_path, aSession):
    """Old archives keep an overlay in the upper bits of each pixel."""
    overlaid = mrVoxels() | numpy.uint16(0x1000)
    writeMr(tmp_path / "mr", overlaid)
    importSeries(tmp_path / "mr", tmp_path / "case")
    assert numpy.array_equal(voxelsOf(tmp_path / "case", aSession), mrVoxels())


# Refusals


def half(image, _index):
    image.RescaleSlope = "2"


def mixed(image, index):
    if index == 2:
        image.SOPClassUID, image.Modality = "1.2.840.10008.5.1.4.1.1.2", "CT"
        image.RescaleSlope, image.RescaleIntercept = "1", "0"


def sheared(image, index):
    image.ImagePositionPatient[1] += index * 0.5


def uneven(image, index):
    image.ImagePositionPatient[2] += 0.4 * (index == 3)


def twice(image, index):
    image.ImagePositionPatient[2] -= SPACING_MM[2] * (index == 3)


def otherPatient(image, index):
    image.PatientID = "OTHER" if index == 1 else image.PatientID


def mosaic(image, _index):
    image.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]


def halfPixel(image, index):
    image.PixelSpacing = ["0.3", "0.4"] if index == 1 else image.PixelSpacing


@pytest.mark.parametrize(("change", "code"), [
    (half, "no-rescale"), (mixed, "two-modalities"), (sheared, "gantry-tilt"), (uneven, "non-uniform-spacing"),
    (twice, "duplicate-slice"), (otherPatient, "two-patients"), (halfPixel, "two-pixel-spacings"), (mosaic, "mosaic"),
])  # fmt: skip
def test_faultsOfMrAreRefusedByName(tmp_path, change, code):
    writeMr(tmp_path / "mr", change=change)
    for repair in (False, True):
        with pytest.raises(InputRefused) as refused:
            importSeries(tmp_path / "mr", tmp_path / "case", repair=repair)
        assert refused.value.code == code and "the repair" not in refused.value.action
    assert not (tmp_path / "case").exists()


# What is said of MR


def test_rulesInHuAreNotAppliedToMr(tmp_path, ownHome):
    """A rule for each figure in HU, all of them broken by these values if they were HU."""
    (ownHome / "procedures").mkdir(parents=True)
    above = {"warnAbove": 0, "rejectAbove": 0, "source": "site default, no source"}
    keys = ("metalFraction", "noiseHu", "borderFraction", "boneAtTopMm2", "boneAtBottomMm2", "axisAngleDegrees")
    imaging = {key: above for key in keys} | {
        "sliceSpacingMm": {"warnAbove": 9, "source": "site default, no source"},
        "kernel": {"wanted": ["bone"], "otherwise": "reject", "source": "site default, no source"},
        "contrast": {"rule": "required", "minimumHu": 900, "source": "site default, no source"},
    }
    values = {"format": "planninghub-procedure", "version": 1, "name": "all", "title": "All", "imaging": imaging}
    (ownHome / "procedures" / "all.json").write_text(json.dumps(values))
    bright = (mrVoxels() * 5 + 200).astype(numpy.uint16)
    writeMr(tmp_path / "mr", bright, ConvolutionKernel="SOFT")
    assert codes(examine(tmp_path / "mr", procedure="all").findings) == {"mr-not-judged"}
    writeSmallSeries(tmp_path / "ct", bright.astype(numpy.int16))
    assert {"no-contrast", "metal", "cut-at-top"} <= codes(examine(tmp_path / "ct", procedure="all").findings)


def test_rulesOfResolutionAndAgeHoldForMr(tmp_path):
    writeMr(tmp_path / "mr", change=lambda image, index: setattr(image, "ImagePositionPatient", [0, 0, 7.0 * index]))
    assert rejections(examine(tmp_path / "mr").findings) == ["slice-spacing"]
    writeMr(tmp_path / "old", StudyDate="20200101", AcquisitionDate="20200101")
    assert "scan-age" in codes(examine(tmp_path / "old").findings)


def test_distortionThatWasNotCorrectedIsSaid(tmp_path):
    writeMr(tmp_path / "mr", ImageType=["ORIGINAL", "PRIMARY", "M", "ND"])
    assert examine(tmp_path / "mr").word == "warn"
    assert "mr-distortion" in codes(examine(tmp_path / "mr").findings)


@pytest.mark.parametrize("procedure", ["cranioplasty", "orbit-midface", "mandible", "spine", "pelvis", "long-bone"])
def test_procedureOfBoneRefusesMr(tmp_path, procedure):
    writeMr(tmp_path / "mr")
    with pytest.raises(InputRefused) as refused:
        importSeries(tmp_path / "mr", tmp_path / "case", procedure=procedure)
    assert refused.value.code == "other-modality" and not (tmp_path / "case").exists()


@pytest.mark.parametrize("procedure", [None, "soft-tissue", "vessel"])
def test_otherProceduresTakeMr(tmp_path, procedure):
    writeMr(tmp_path / "mr")
    verdict = examine(tmp_path / "mr", procedure=procedure)
    assert "other-modality" not in codes(verdict.findings) and verdict.chosen.geometry is not None


def test_procedureOfMrRefusesCt(aSeries):
    checked = examine(aSeries).chosen
    procedure, _findings = findProcedure("cranioplasty")
    procedure.imaging["modalities"]["wanted"] = ["MR"]
    found = modalityFindings(checked.headers, checked.facts, procedure)
    assert [finding.code for finding in found] == ["other-modality"]


# Which series is taken


@pytest.fixture
def aStudy(tmp_path):
    """A CT and two MR series of one patient; the folder and the UIDs."""
    writeSmallSeries(tmp_path / "study" / "ct")
    uids = {}
    for name in ("t1", "t2"):
        uids[name] = str(pydicom.dcmread(writeMr(tmp_path / "study" / name)[0]).SeriesInstanceUID)
    return tmp_path / "study", uids


def test_ctIsTakenWithoutAskingBesideMr(aStudy):
    verdict = examine(aStudy[0])
    assert verdict.word == "accept" and verdict.chosen.facts.modality == "CT"
    assert [one.facts.modality for one in verdict.series] == ["CT", "MR", "MR"]
    finding = next(one for one in verdict.findings if one.code == "not-ct")
    assert finding.severity == "info" and finding.message.startswith("2 series") and "2 are MR" in finding.action


def test_mrBesideCtIsTakenByItsUid(aStudy, tmp_path, aSession):
    importSeries(aStudy[0], tmp_path / "case", seriesUid=aStudy[1]["t2"])
    assert Case.open(tmp_path / "case").require("source").facts["seriesUid"] == aStudy[1]["t2"]
    assert numpy.array_equal(voxelsOf(tmp_path / "case", aSession), mrVoxels())


def test_severalMrAreNeverGuessedAmong(aStudy):
    for path in (aStudy[0] / "ct").iterdir():
        path.unlink()
    verdict = examine(aStudy[0])
    assert rejections(verdict.findings) == ["several-series"]
    assert "2 MR volumes" in verdict.findings[0].message and "kernel" not in verdict.findings[0].message
    for path in (aStudy[0] / "t1").iterdir():
        path.unlink()
    assert examine(aStudy[0]).chosen.uid == aStudy[1]["t2"]


def test_mrDoesNotStandInForARefusedCt(aStudy):
    byPosition(aStudy[0] / "ct")[2].unlink()
    verdict = examine(aStudy[0])
    assert verdict.word == "reject" and verdict.chosen.facts.modality == "CT"


def test_mrOfAnotherPatientBesideCtIsAMixUp(aStudy):
    editAll(aStudy[0] / "t1", lambda image, *_rest: setattr(image, "PatientID", "OTHER"))
    assert "two-patients" in rejections(examine(aStudy[0]).findings)


def test_aNameWrittenOtherwiseBesideCtIsNoMixUp(aStudy):
    editAll(aStudy[0] / "t1", lambda image, *_rest: setattr(image, "PatientName", "PHANTOM^HEAD"))
    assert examine(aStudy[0]).chosen.facts.modality == "CT"


# The case


def test_oneCaseHasOneModality(aStudy, tmp_path):
    for first, second in (("ct", "t1"), ("t1", "ct")):
        folder = tmp_path / f"case-{first}"
        importSeries(aStudy[0] / first, folder)
        before = tree(folder)
        with pytest.raises(GateRefused) as refused:
            importSeries(aStudy[0] / second, folder)
        assert refused.value.code == "other-case-modality" and tree(folder) == before


def test_mrMayReplaceMrInACase(aStudy, tmp_path):
    importSeries(aStudy[0] / "t1", tmp_path / "case")
    importSeries(aStudy[0] / "t2", tmp_path / "case")
    assert Case.open(tmp_path / "case").latest("source").revision == 2


def test_stepsThatNeedHuRefuseMr(tmp_path, aSession):
    from ORExportLib.Package import requireInputs

    writeMr(tmp_path / "mr")
    importSeries(tmp_path / "mr", tmp_path / "case")
    with Case.open(tmp_path / "case", writable=True) as case:
        with pytest.raises(InputRefused) as refused:
            segmentBone(case, aSession)
        assert refused.value.code == "not-hu"
        segmentation = commit(case, "segmentation", parents=[case.require("source")])
        commit(case, "part", parents=[segmentation])
        with pytest.raises(InputRefused) as refused:
            requireInputs(case)
        assert refused.value.code == "not-hu"


def test_caseFromBeforeIsCt(anImportedCase, aSession, aSeries):
    """A case that does not say its modality is of a time when all were CT."""
    case = Case.open(anImportedCase)
    source = case.require("source")
    del source.facts["planningModality"]
    assert numpy.array_equal(slicer.util.arrayFromVolume(loadSource(case, aSession, source)), asymmetricVoxels())


def test_mrClassesAreWhatTheStandardSays():
    assert pydicom.uid.UID(MR_IMAGE).name == "MR Image Storage"
