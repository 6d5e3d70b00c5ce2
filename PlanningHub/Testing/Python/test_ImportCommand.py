"""Every verdict by command: its code in ``findings``, the contract's exit code, and nothing left behind.

``main`` is called in this process, which spares its start; what could end a process is also tried in one of its own.
"""

import json

import numpy
import pydicom
import pytest
from CaseMaking import FAULT_CODES, tree, writeSmallSeries
from ImportCalls import severities
from VerdictMaking import writeEllipsoid

from Phantom.DicomSeries import byPosition, uidFor
from Phantom.Faults import controls, damagedCopy, editAll, editHalf
from PlanningHubCommand.Main import main

pytestmark = pytest.mark.usefixtures("aTemporaryPlace")

SCREEN = "1.2.840.10008.5.1.4.1.1.7"


# The fifteen geometry and identity faults, and the four controls


@pytest.mark.parametrize("fault", FAULT_CODES)
def test_fault(aTall, imported, tmp_path, fault):
    exitCode, result = imported(damagedCopy(fault, aTall, tmp_path / "ct"))
    assert exitCode == 3 and severities(result)[FAULT_CODES[fault]] == "reject"


def test_localizerIsSplitOff(aTall, imported, tmp_path):
    exitCode, result = imported(damagedCopy("localizerInside", aTall, tmp_path / "ct"))
    assert (exitCode, result["verdict"], severities(result)) == (0, "accept", {"series-split": "info"})


@pytest.mark.parametrize("control", controls)
def test_control(aTall, imported, tmp_path, control):
    exitCode, result = imported(damagedCopy(control, aTall, tmp_path / "ct"))
    said = {"implausible-thickness": "info"} if control == "lyingSliceThickness" else {}
    assert (exitCode, result["verdict"], severities(result)) == (0, "accept", said)


# Header by header
OTHERS = {
    "no-patient-id": lambda image: setattr(image, "PatientID", ""),
    "missing-uid": lambda image: setattr(image, "StudyInstanceUID", ""),
    "no-frame-of-reference": lambda image: setattr(image, "FrameOfReferenceUID", ""),
    "zero-slope": lambda image: setattr(image, "RescaleSlope", "0"),
    "localizer": lambda image: setattr(image, "ImageType", ["ORIGINAL", "PRIMARY", "LOCALIZER"]),
    "no-ct": lambda image: setattr(image, "SOPClassUID", SCREEN),
    "absurd-size": lambda image: compressed(image, Rows=65535, Columns=65535),
    "cannot-decode": lambda image: compressed(image, PixelData=pydicom.encaps.encapsulate([b"\xff\xd8" + bytes(200)])),
    "unknown-transfer-syntax": lambda image: asVideo(image),
}
HALVES = {
    "two-studies": lambda image: setattr(image, "StudyInstanceUID", uidFor("another study")),
    "two-sizes": lambda image: setattr(image, "Rows", image.Rows - 1),
}


def compressed(image, **attributes):
    image.compress(pydicom.uid.RLELossless)
    for keyword, value in attributes.items():
        setattr(image, keyword, value)


def asVideo(image):
    compressed(image)
    image.file_meta.TransferSyntaxUID = pydicom.uid.MPEG2MPML


@pytest.mark.parametrize("code", [*OTHERS, *HALVES])
def test_seriesThatCannotBeUsed(imported, tmp_path, code):
    writeSmallSeries(tmp_path / "ct")
    if code in HALVES:
        editHalf(tmp_path / "ct", HALVES[code])
    else:
        editAll(tmp_path / "ct", lambda image, *_rest: OTHERS[code](image))
    exitCode, result = imported(tmp_path / "ct")
    assert exitCode == 3 and severities(result)[code] == "reject"


# Several series


@pytest.fixture
def twoSeries(tmp_path):
    """A folder with two usable series of one examination."""
    study = {"studyUid": "2.25.8", "frameOfReferenceUid": "2.25.9"}
    writeSmallSeries(tmp_path / "study" / "a", seriesUid="2.25.1", **study)
    writeSmallSeries(tmp_path / "study" / "b", seed=21, seriesUid="2.25.2", **study)
    return tmp_path / "study"


def test_severalSeriesAreListedInOrderAndNeverGuessed(imported, twoSeries):
    exitCode, result = imported(twoSeries)
    assert exitCode == 3 and severities(result) == {"several-series": "reject"}
    assert [one["rank"] for one in result["series"]] == [1, 2]
    assert {one["uid"] for one in result["series"]} == {"2.25.1", "2.25.2"}
    assert all(one["volume_checked"] and one["shape"] == [6, 20, 24] for one in result["series"])
    exitCode, result = imported(twoSeries, "--series", "2.25.3")
    assert exitCode == 3 and severities(result) == {"no-such-series": "reject"}
    exitCode, result = imported(twoSeries, "--series", "2.25.2")
    assert exitCode == 0 and result["chosen"] == "2.25.2" and severities(result) == {}


def test_seriesOfTwoPatientsInOneFolder(imported, twoSeries):
    editAll(twoSeries / "b", lambda image, *_rest: setattr(image, "PatientID", "PHANTOM-2"))
    exitCode, result = imported(twoSeries)
    assert exitCode == 3 and severities(result) == {"two-patients": "reject"}


def test_refusedSeriesBesideTheUsableOne(imported, twoSeries):
    byPosition(twoSeries / "b")[3].unlink()
    exitCode, result = imported(twoSeries)
    assert exitCode == 0 and severities(result) == {"other-series-refused": "warn"}


def test_phasesInOneSeriesAreSplit(imported, twoSeries):
    def change(image, *_rest):
        image.SeriesInstanceUID, image.AcquisitionNumber = "2.25.1", 2
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = uidFor("b", image.SOPInstanceUID)

    editAll(twoSeries / "a", lambda image, *_rest: setattr(image, "AcquisitionNumber", 1))
    editAll(twoSeries / "b", change)
    exitCode, result = imported(twoSeries)
    assert exitCode == 3 and {"series-split", "several-series"} == set(severities(result))
    assert {one["uid"] for one in result["series"]} == {"2.25.1#1", "2.25.1#2"}
    assert imported(twoSeries, "--series", "2.25.1#2")[0] == 0


def test_otherObjectsBesideTheSeriesAreSaid(imported, twoSeries):
    editAll(twoSeries / "b", lambda image, *_rest: setattr(image, "SOPClassUID", SCREEN))
    (twoSeries / "letter.txt").write_text("A letter.")
    exitCode, result = imported(twoSeries)
    assert exitCode == 0 and severities(result) == {"not-ct": "info", "not-dicom": "info"}


def test_otherPatientOrSideNeverGetsIntoACase(aTall, tmp_path, capsys):
    """Two gates, exit code 4: nothing is wrong with the series."""
    writeSmallSeries(tmp_path / "other", patientId="PHANTOM-2")
    words = ["--case", str(tmp_path / "case"), "--json"]
    assert main(["import", str(aTall), *words, "--side", "left"]) == 0
    before = tree(tmp_path / "case")
    refused = [(tmp_path / "other", [], "other-patient"), (aTall, ["--side", "right"], "other-side")]
    for source, options, code in refused:
        capsys.readouterr()
        assert main(["import", str(source), *words, *options]) == 4
        assert code in severities(json.loads(capsys.readouterr().out))
        assert tree(tmp_path / "case") == before


# Repair
UNEVEN = numpy.r_[numpy.arange(12) * 1.5, 17.25 + numpy.arange(12) * 1.5]
REPAIRS = {"gantry-tilt": (12.0, None), "non-uniform-spacing": (0.0, UNEVEN)}


@pytest.mark.parametrize("code", REPAIRS)
def test_repairOnlyWhenAgreedTo(imported, tmp_path, code):
    degrees, heights = REPAIRS[code]
    writeEllipsoid(tmp_path / "ct", degrees, heights, shape=(24, 60, 66), spacingMm=(1.4, 1.4, 1.5))
    exitCode, result = imported(tmp_path / "ct")
    assert exitCode == 3 and severities(result)[code] == "reject"
    exitCode, result = imported(tmp_path / "ct", "--repair")
    assert (exitCode, result["verdict"], severities(result)[f"{code}-repaired"]) == (0, "warn", "warn")
    assert code not in severities(result)


def test_missingSlicesAreNeverMadeUp(aTall, imported, tmp_path):
    exitCode, result = imported(damagedCopy("missingSlice", aTall, tmp_path / "ct"), "--repair")
    assert exitCode == 3 and severities(result)["missing-slice"] == "reject"
