"""Repair: a tilted or unevenly spaced ellipsoid comes out as large and where it is; downstream everything says so."""

import json
import shutil

import Judges
import numpy
import pydicom
import pytest
import slicer
from CaseMaking import SPACING_MM, asymmetricVoxels, tree, writeSmallSeries
from VerdictMaking import ELLIPSOID, ELLIPSOID_ML, writeEllipsoid

from Phantom.DicomSeries import byPosition, writeSeries
from Phantom.Faults import controls, damagedCopy, faults
from PlanningHubCommand.Main import main
from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Import import examine, importSeries
from PlanningHubLib.Segmentation import ijkToRasOf
from PlanningHubLib.Volumes import loadSource, seriesPaths

RNG = numpy.random.default_rng(1)
UNEVEN = numpy.cumsum(RNG.uniform(1.2, 1.8, 60))
HALF_SLICE = numpy.r_[numpy.arange(30) * 1.5, 45.75 + numpy.arange(30) * 1.5]
CASES = {
    "tilt": (12.0, None, ["gantry-tilt-repaired"]),
    "tilted the other way": (-20.0, None, ["gantry-tilt-repaired"]),
    "uneven": (0.0, UNEVEN, ["non-uniform-spacing-repaired"]),
    "half a slice": (0.0, HALF_SLICE, ["non-uniform-spacing-repaired"]),
    "both": (15.0, UNEVEN, ["gantry-tilt-repaired", "non-uniform-spacing-repaired"]),
}


def measured(folder, session):
    """Return volume in ml and centre in LPS mm of what reaches half of the ellipsoid's intensity."""
    case = Case.open(folder)
    node = loadSource(case, session, case.require("source"))
    mask = slicer.util.arrayFromVolume(node) >= 520
    centre = slicer.util.arrayFromVTKMatrix(ijkToRasOf(node)) @ [*numpy.argwhere(mask).mean(axis=0)[::-1], 1]
    return mask.sum() * numpy.prod(node.GetSpacing()) / 1000, centre[:3] * [-1, -1, 1]


@pytest.mark.parametrize("name", CASES)
def test_repairedVolumeIsRightAndInPlace(tmp_path, aSession, name):
    degrees, heights, codes = CASES[name]
    writeEllipsoid(tmp_path / "ct", degrees, heights)
    verdict = importSeries(tmp_path / "ct", tmp_path / "case", repair=True)
    assert verdict.word == "warn"
    assert [one.code for one in verdict.findings if one.code.endswith("-repaired")] == codes
    volumeMl, centre = measured(tmp_path / "case", aSession)
    assert volumeMl == pytest.approx(ELLIPSOID_ML, rel=0.01)
    assert numpy.linalg.norm(centre - ELLIPSOID["centre"]) < 0.4


def test_withoutRepairTheSameVolumeWouldBeElsewhere(tmp_path):
    """The test can see a fault: read as if it were uniform, the sheared stack is off by more than its tolerance."""
    writeEllipsoid(tmp_path / "ct", 12.0)
    images = [pydicom.dcmread(path) for path in byPosition(tmp_path / "ct")]
    mask = numpy.stack([image.pixel_array for image in images]) - 1024 >= 520
    slices, rows, columns = numpy.argwhere(mask).mean(axis=0)
    first = images[0]
    cosines = numpy.array(first.ImageOrientationPatient, float)
    normal = numpy.cross(cosines[:3], cosines[3:])
    place = numpy.array(first.ImagePositionPatient, float) + 0.8 * (columns * cosines[:3] + rows * cosines[3:])
    assert numpy.linalg.norm(place + slices * 1.5 * numpy.cos(numpy.radians(12)) * normal - ELLIPSOID["centre"]) > 5


def test_scannedFilesAreKeptAndTheRepairIsASeriesOfItsOwn(tmp_path):
    writeEllipsoid(tmp_path / "ct", 12.0)
    importSeries(tmp_path / "ct", tmp_path / "case", repair=True)
    case = Case.open(tmp_path / "case")
    source = case.require("source")
    scanned = [case.path(source, name).read_bytes() for name in source.files if name.startswith("dicom/")]
    assert scanned == [path.read_bytes() for path in byPosition(tmp_path / "ct")]
    first = pydicom.dcmread(byPosition(tmp_path / "ct")[0])
    repaired = [pydicom.dcmread(path) for path in seriesPaths(case, source)]
    assert {image.SeriesInstanceUID for image in repaired} == {source.facts["seriesUid"]} != {first.SeriesInstanceUID}
    assert source.facts["repair"]["scannedSeriesUid"] == first.SeriesInstanceUID == source.parameters["seriesUid"]
    assert source.facts["repair"]["faults"] == ["gantry-tilt"] and source.parameters["repair"] is True
    assert source.facts["repair"]["tiltDegrees"] == pytest.approx(12, abs=0.01)
    assert len({image.SOPInstanceUID for image in repaired}) == len(repaired) == 60
    known = {pydicom.dcmread(path).SOPInstanceUID for path in byPosition(tmp_path / "ct")}
    for image in repaired:
        assert list(image.ImageType[:2]) == ["DERIVED", "SECONDARY"] and "gantry-tilt" in image.DerivationDescription
        assert {one.ReferencedSOPInstanceUID for one in image.SourceImageSequence} <= known
        assert (image.FrameOfReferenceUID, image.PatientID) == (first.FrameOfReferenceUID, first.PatientID)


@pytest.mark.parametrize("name", ["tilt", "both"])
def test_repairedSeriesSatisfiesTheValidator(tmp_path, name):
    degrees, heights, _codes = CASES[name]
    writeEllipsoid(tmp_path / "ct", degrees, heights)
    importSeries(tmp_path / "ct", tmp_path / "case", repair=True)
    case = Case.open(tmp_path / "case")
    paths = seriesPaths(case, case.latest("source"))
    assert [Judges.dicomErrors(path) for path in (paths[0], paths[30], paths[-1])] == [[], [], []]
    assert Judges.entityErrors([*paths, *byPosition(tmp_path / "ct")]) == []
    # The judge sees a fault.
    image = pydicom.dcmread(paths[0])
    del image.FrameOfReferenceUID
    image.save_as(tmp_path / "damaged.dcm")
    assert Judges.dicomErrors(tmp_path / "damaged.dcm")


def test_sameRepairGivesTheSameBytes(tmp_path):
    writeEllipsoid(tmp_path / "ct", 12.0, shape=(12, 40, 40))
    for name in ("one", "two"):
        importSeries(tmp_path / "ct", tmp_path / name, repair=True)
    contents = [Case.open(tmp_path / name).latest("source").content for name in ("one", "two")]
    assert contents[0] == contents[1]


def test_realHeadersSurviveTheRepair(skullFolder, tmp_path):
    """Every second and third slice of a real scan moved: other makers' attributes, and still no error."""
    folder = tmp_path / "ct"
    folder.mkdir()
    for index, path in enumerate(byPosition(skullFolder)[:24]):
        image = pydicom.dcmread(path)
        image.ImagePositionPatient = [*image.ImagePositionPatient[:2], str(float(index) * 1.5 + 0.4 * (index % 3 == 1))]
        image.add_new(0x00090010, "LO", "A MAKER")
        image.add_new(0x00091001, "LO", "private")
        image.add_new("PixelPaddingValue", "SS", -2000)
        image.save_as(folder / path.name)
    importSeries(folder, tmp_path / "case", repair=True)
    case = Case.open(tmp_path / "case")
    paths = seriesPaths(case, case.latest("source"))
    assert [Judges.dicomErrors(path) for path in (paths[0], paths[-1])] == [[], []]
    assert not [element for element in pydicom.dcmread(paths[0]) if element.tag.is_private]


# What is not repaired


def refused(folder, tmp_path, code, words=""):
    (tmp_path / "out").mkdir(exist_ok=True)
    with pytest.raises(InputRefused) as error:
        importSeries(folder, tmp_path / "out" / "case", repair=True)
    assert error.value.code == code and words in str(error.value)
    assert tree(tmp_path / "out") == {}


def test_withoutTheUsersAgreementNothingIsRepaired(tmp_path):
    writeEllipsoid(tmp_path / "ct", 12.0, shape=(12, 40, 40))
    verdict = examine(tmp_path / "ct")
    assert verdict.word == "reject" and verdict.chosen.repair is None
    assert "agree to the repair" in verdict.findings[0].action


MENDED = {"gantryTilt", "nonUniformSpacing", "localizerInside"}


@pytest.mark.parametrize("fault", [name for name in faults if name not in MENDED])
def test_otherFaultsAreRefusedWithRepairToo(tmp_path, fault):
    writeSmallSeries(tmp_path / "tall", numpy.repeat(asymmetricVoxels(), 2, axis=0)[:11])
    without = examineOrError(damagedCopy(fault, tmp_path / "tall", tmp_path / "damaged"))
    (tmp_path / "out").mkdir()
    with pytest.raises(InputRefused) as error:
        importSeries(tmp_path / "damaged", tmp_path / "out" / "case", repair=True)
    assert error.value.code == without and tree(tmp_path / "out") == {}


def examineOrError(folder):
    try:
        examine(folder).raiseRejection()
    except InputRefused as error:
        return error.code


def test_aGapIsNotFilled(tmp_path):
    heights = numpy.r_[numpy.arange(30) * 1.5, 47.0 + numpy.arange(30) * 1.5] + numpy.r_[numpy.zeros(59), 0.3]
    writeEllipsoid(tmp_path / "ct", 0.0, heights)
    refused(tmp_path / "ct", tmp_path, "non-uniform-spacing", "missing")


def test_moreTiltThanAGantryHasIsNotRepaired(tmp_path):
    writeEllipsoid(tmp_path / "ct", 35.0)
    refused(tmp_path / "ct", tmp_path, "gantry-tilt", "35.0 degrees")


def test_aPatientWhoMovedIsNotRepaired(tmp_path):
    def shift(index):
        return 4.0 if index > 30 else 0.0

    writeEllipsoid(tmp_path / "ct")
    for index, path in enumerate(byPosition(tmp_path / "ct")):
        image = pydicom.dcmread(path)
        x, *rest = image.ImagePositionPatient
        image.ImagePositionPatient = [str(float(x) + shift(index)), *rest]
        image.save_as(path)
    refused(tmp_path / "ct", tmp_path, "gantry-tilt", "moved")


@pytest.mark.parametrize("control", controls)
def test_controlsHaveTheRightVolume(tmp_path, aSession, control):
    voxels = numpy.full((30, 40, 44), -1000, numpy.int16)
    voxels[8:20, 10:25, 12:33] = 900
    writeSeries(tmp_path / "plain", voxels, SPACING_MM, (3.0, 4.0, 5.0))
    verdict = importSeries(damagedCopy(control, tmp_path / "plain", tmp_path / "odd"), tmp_path / "case", repair=True)
    assert verdict.word == "accept" and verdict.chosen.repair is None
    volumeMl, centre = measured(tmp_path / "case", aSession)
    assert volumeMl == pytest.approx(12 * 15 * 21 * numpy.prod(SPACING_MM) / 1000, rel=0.01)
    expected = numpy.array([3.0, 4.0, 5.0]) + numpy.array([22.0, 17.0, 13.5]) * SPACING_MM
    assert numpy.linalg.norm(centre - expected) < 0.01


# The whole chain on a repaired series


def test_everythingMadeOfARepairedSeriesSaysSo(tmp_path, capsys):
    writeEllipsoid(tmp_path / "ct", 12.0)
    command = ["run", str(tmp_path / "ct"), "--out", str(tmp_path / "out"), "--side", "left", "--json"]
    assert main(command) == 3
    assert "gantry-tilt" in {one["code"] for one in json.loads(capsys.readouterr().out)["findings"]}
    shutil.rmtree(tmp_path / "out", ignore_errors=True)
    assert main([*command, "--repair"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert "gantry-tilt-repaired" in {one["code"] for one in result["findings"]}
    case = Case.open(tmp_path / "out" / "case")
    source = case.latest("source")
    for kind in ("segmentation", "part", "package"):
        assert case.latest(kind).facts["repair"] == source.facts["repair"]
    package = {path.name.partition("-")[2][-40:]: path for path in (tmp_path / "out" / "package").iterdir()}
    segmentation = pydicom.dcmread(next(path for name, path in package.items() if name.endswith("segmentation.dcm")))
    series = segmentation.ReferencedSeriesSequence[0]
    assert series.SeriesInstanceUID == source.facts["seriesUid"]
    images = {pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID for path in seriesPaths(case, source)}
    assert {one.ReferencedSOPInstanceUID for one in series.ReferencedInstanceSequence} <= images
    text = Judges.run("pdftotext", next(path for name, path in package.items() if name.endswith("briefing.pdf")), "-")
    assert "resampled: gantry tilt 12.0" in text
