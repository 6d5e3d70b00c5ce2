"""Is a scan good enough, by command: each code of the limits, with its exit code."""

import numpy
import pytest
from CaseMaking import writeSmallSeries
from ImportCalls import severities
from VerdictMaking import ALWAYS, headVoxels, metal, painted, shifted, vessels, writeHead

from Phantom.Faults import editAll

pytestmark = pytest.mark.usefixtures("aTemporaryPlace")

# Is it good enough: one row for each code. Head, procedure, what is found, the verdict's exit code.
CRANIOPLASTY = {
    "slice-spacing": ({"spacingMm": (0.5, 0.5, 1.2)}, "warn"),
    "slice-thickness": ({"SliceThickness": "2"}, "warn"),
    "implausible-thickness": ({"SliceThickness": "9"}, "info"),
    "slice-gap": ({"SliceThickness": "0.5"}, "warn"),
    "pixel-spacing": ({"spacingMm": (2.6, 2.6, 1.0)}, "reject"),
    "kernel": ({"ConvolutionKernel": "SOFT", "Manufacturer": "GE MEDICAL SYSTEMS"}, "warn"),
    "unknown-kernel": ({"ConvolutionKernel": "QQ"}, "info"),
    "scan-age": ({"StudyDate": "20250101", "AcquisitionDate": "20250101"}, "warn"),
    "no-scan-date": ({"StudyDate": "", "AcquisitionDate": ""}, "warn"),
    "scan-date-in-future": ({"StudyDate": "20260305", "AcquisitionDate": "20260305"}, "warn"),
    "tilt-not-in-geometry": ({"GantryDetectorTilt": "12"}, "warn"),
    "other-laterality": ({"Laterality": "R"}, "reject"),
    "laterality-in-words": ({"SeriesDescription": "Head RIGHT 0.6"}, "warn"),
    "truncated-body": ({"voxels": lambda: painted(shifted)}, "warn"),
    "cut-at-top": ({"voxels": lambda: headVoxels()[:-9]}, "warn"),
    "metal": ({"voxels": lambda: painted(metal)}, "warn"),
    "noise": ({"voxels": lambda: headVoxels(noiseHu=90.0)}, "warn"),
    "contrast": ({"voxels": lambda: vessels(320), "ContrastBolusAgent": "IOMERON"}, "warn"),
}
VESSEL = {
    "contrast-not-stated": ({"voxels": lambda: vessels(320)}, "warn"),
    "weak-contrast": ({"voxels": lambda: vessels(110), "ContrastBolusAgent": "IOMERON"}, "warn"),
    "no-contrast": ({"voxels": lambda: vessels(60)}, "reject"),
}
QUALITY = [("cranioplasty", code) for code in CRANIOPLASTY] + [("vessel", code) for code in VESSEL]


@pytest.mark.parametrize(("procedure", "code"), QUALITY)
def test_quality(imported, tmp_path, procedure, code):
    head, severity = {**CRANIOPLASTY, **VESSEL}[code]
    head = {name: value() if callable(value) else value for name, value in head.items()}
    writeHead(tmp_path / "ct", **head)
    exitCode, result = imported(tmp_path / "ct", "--procedure", procedure, "--side", "left")
    assert severities(result)[code] == severity
    assert exitCode == (3 if severity == "reject" else 0)
    # What the head lacks for every reader: the field of view and what it covers.
    assert result["verdict"] == ("reject" if severity == "reject" else "warn")


def test_headWithoutFaultsHasOnlyWhatItsSizeBrings(imported, tmp_path):
    exitCode, result = imported(writeHead(tmp_path / "ct"), "--procedure", "cranioplasty", "--side", "left")
    assert exitCode == 0 and severities(result) == {}
    assert {one["code"] for one in result["findings"]} == ALWAYS == {"field-of-view", "coverage"}


@pytest.mark.parametrize(
    ("side", "coded", "code", "exitCode"),
    [("left", "LR", "mixed-laterality", 3), ("bilateral", "LL", "one-side-only", 0), ("left", "LL", None, 0)],
)
def test_codedSide(imported, tmp_path, side, coded, code, exitCode):
    writeSmallSeries(tmp_path / "ct")
    editAll(tmp_path / "ct", lambda image, index, _count: setattr(image, "Laterality", coded[index % 2]))
    given, result = imported(tmp_path / "ct", "--side", side)
    assert given == exitCode and list(severities(result)) == ([code] if code else [])


def test_slicesThatAreNotAxial(imported, tmp_path):
    writeSmallSeries(tmp_path / "ct", directionLps=numpy.eye(3)[:, [1, 2, 0]])
    exitCode, result = imported(tmp_path / "ct")
    assert exitCode == 0 and severities(result)["not-axial"] == "warn"


def test_procedureThatHasNoLimitsGetsTheGeneralOnes(aTall, imported):
    exitCode, result = imported(aTall, "--procedure", "Plate for a skull")
    assert exitCode == 0 and severities(result) == {"general-limits": "info"}
    assert result["procedure"]["name"] == "general"


def test_procedureOfTheSiteThatIsWrong(aTall, imported, ownHome):
    (ownHome / "procedures").mkdir(parents=True)
    (ownHome / "procedures" / "ours.json").write_text("{")
    exitCode, result = imported(aTall, "--procedure", "ours")
    assert exitCode == 3 and severities(result) == {"bad-procedure": "reject"}
