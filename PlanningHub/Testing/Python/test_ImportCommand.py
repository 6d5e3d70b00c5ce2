"""Every verdict by command: its code in ``findings``, the contract's exit code, and nothing left behind.

``main`` is called in this process, which spares its start; what could end a process is also tried in one of its own.
"""

import json
import os
import stat
import subprocess
import sys
import tempfile
import zipfile

import numpy
import pydicom
import pytest
from CaseMaking import FAULT_CODES, asymmetricVoxels, childEnvironment, tree, writeSmallSeries
from HostileMaking import HOSTILE, UNSAFE_NAMES, zipped
from VerdictMaking import ALWAYS, headVoxels, metal, painted, shifted, vessels, writeEllipsoid, writeHead

from Phantom.DicomSeries import byPosition, uidFor
from Phantom.Faults import controls, damagedCopy, editAll, editHalf
from PlanningHubCommand.Main import main
from PlanningHubLib.Case import Case

SCREEN = "1.2.840.10008.5.1.4.1.1.7"


@pytest.fixture(autouse=True)
def aTemporaryPlace(tmp_path_factory, monkeypatch):
    """Whatever is unpacked is unpacked here, and is gone afterwards."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    assert list(folder.glob("planninghub-*")) == []


@pytest.fixture(scope="module")
def aTall(tmp_path_factory):
    """Eleven small slices, so that no fault leaves too few; only to be copied."""
    folder = tmp_path_factory.mktemp("tall") / "ct"
    writeSmallSeries(folder, numpy.repeat(asymmetricVoxels(), 2, axis=0)[:11])
    return folder


@pytest.fixture
def imported(tmp_path, capsys):
    """Run ``planninghub import``; return its exit code and JSON object. A refusal leaves nothing; a case verifies."""

    def run(source, *options):
        before, case = tree(tmp_path), tmp_path / "out" / "case"
        capsys.readouterr()
        exitCode = main(["import", str(source), "--case", str(case), "--json", *options])
        written = capsys.readouterr()
        assert "Traceback" not in written.err and len(written.out.splitlines()) == 1, written
        return exitCode, checked(json.loads(written.out), exitCode, case, before, tmp_path)

    return run


def checked(result, exitCode, case, before, folder):
    """Hold a result against the contract and against what lies on the disk."""
    assert result["exit_code"] == exitCode
    assert {"verdict", "findings", "series", "case"} <= set(result)
    assert (result["verdict"] == "reject") == (exitCode == 3) == (result["case"] is None)
    for one in result["findings"]:
        assert set(one) == {"code", "severity", "message", "action", "files"} and len(one["message"]) > 15
        assert one["severity"] == "info" or one["action"]
    for one in result["series"]:
        assert {"uid", "rank", "shape", "spacing_mm", "volume_checked"} <= set(one)
    after = tree(folder)
    assert {name: after.get(name) for name in before} == before
    if exitCode == 0:
        assert Case.open(case).verify() == []
    else:
        assert after == before
    return result


def severities(result):
    return {one["code"]: one["severity"] for one in result["findings"] if one["code"] not in ALWAYS}


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


# Hostile input

# What ended other readers: tried in a process of its own.
ENDING = ("deep", "deflateBomb")


@pytest.mark.parametrize("name", sorted(set(HOSTILE) - set(ENDING)))
def test_hostileFileBesideASeries(aTall, imported, tmp_path, name):
    make, code = HOSTILE[name]
    damagedCopy("perSliceSlope", aTall, tmp_path / "ct")
    (tmp_path / "ct" / "hostile.dcm").write_bytes(make())
    exitCode, result = imported(tmp_path / "ct")
    assert exitCode == 3 and severities(result) == {code: "reject"}
    (finding,) = result["findings"]
    assert finding["files"] == [str(tmp_path / "ct" / "hostile.dcm")]


@pytest.mark.parametrize("name", ENDING)
def test_hostileFileDoesNotEndTheProcess(aTall, tmp_path, ownHome, name):
    make, code = HOSTILE[name]
    damagedCopy("perSliceSlope", aTall, tmp_path / "ct")
    (tmp_path / "ct" / "hostile.dcm").write_bytes(make())
    before = tree(tmp_path)
    words = ["import", str(tmp_path / "ct"), "--case", str(tmp_path / "out" / "case"), "--json"]
    done = subprocess.run([sys.executable, "-m", "PlanningHubCommand", *words], capture_output=True, encoding="utf-8",
                          env=childEnvironment(PLANNINGHUB_HOME=str(ownHome)), timeout=120)  # fmt: skip
    assert done.returncode == 3 and "Traceback" not in done.stderr, done.stderr
    assert severities(json.loads(done.stdout)) == {code: "reject"}
    assert tree(tmp_path) == before


NOISE = numpy.random.default_rng(3).bytes(4000)
NOTHING = {"empty": b"", "zeros": b"\0" * 132, "start of a ZIP": b"PK", "random": NOISE}


@pytest.mark.parametrize("name", NOTHING)
def test_fileThatIsNothing(imported, tmp_path, name):
    (tmp_path / "ct.dcm").write_bytes(NOTHING[name])
    exitCode, result = imported(tmp_path / "ct.dcm")
    assert exitCode == 3 and set(severities(result)) <= {"no-dicom", "damaged-header"}


def test_emptyFilesBesideASeriesAreSaid(aTall, imported, tmp_path):
    damagedCopy("perSliceSlope", aTall, tmp_path / "ct")
    (tmp_path / "ct" / "empty.dcm").touch()
    exitCode, result = imported(tmp_path / "ct")
    assert exitCode == 0 and severities(result) == {"not-dicom": "info"}


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_linksOutOfTheFolder(aTall, imported, tmp_path):
    damagedCopy("perSliceSlope", aTall, tmp_path / "ct")
    (tmp_path / "ct" / "out.dcm").symlink_to(next(aTall.iterdir()))
    exitCode, result = imported(tmp_path / "ct")
    assert exitCode == 0 and severities(result) == {"link-not-followed": "warn"}


def appended(archive, name, content=b"text", attributes=0):
    entry = zipfile.ZipInfo(name)
    entry.external_attr = attributes
    with zipfile.ZipFile(archive, "a") as opened:
        opened.writestr(entry, content)


def bomb(archive):
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for number in range(3):
            opened.writestr(f"{number}.dcm", bytes(60 << 20))


def shortened(archive):
    archive.write_bytes(archive.read_bytes()[:-200])


def locked(archive):
    data = bytearray(archive.read_bytes())
    data[data.find(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(data)


ARCHIVES = {
    **{f"traversal {name}": (lambda archive, name=name: appended(archive, name), "zip-unsafe-path")
       for name in UNSAFE_NAMES},
    "link": (lambda archive: appended(archive, "link", "/etc/passwd", (stat.S_IFLNK | 0o777) << 16), "zip-link"),
    "bomb": (bomb, "zip-bomb"),
    "truncated": (shortened, "zip-damaged"),
    "locked": (locked, "zip-encrypted"),
    "without images": (lambda archive: zipfile.ZipFile(archive, "w").close(), "no-dicom"),
}  # fmt: skip


@pytest.mark.parametrize("name", ARCHIVES)
def test_archive(aTall, imported, tmp_path, name):
    change, code = ARCHIVES[name]
    change(zipped(tmp_path / "study.zip", aTall))
    exitCode, result = imported(tmp_path / "study.zip")
    assert exitCode == 3 and severities(result) == {code: "reject"}
    assert not list(tmp_path.rglob("outside*"))


def test_archiveThatIsAsItShouldBe(aTall, imported, tmp_path):
    archive = zipped(tmp_path / "study.zip", aTall)
    appended(archive, "more.zip", (tmp_path / "study.zip").read_bytes()[:500])
    exitCode, result = imported(archive)
    assert exitCode == 0 and severities(result) == {"nested-archive": "warn"}
