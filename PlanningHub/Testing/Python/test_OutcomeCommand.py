"""``planninghub outcome``: figures as JSON and as a table, and its refusals by their exit codes."""

import json

import numpy
import pydicom
import pytest
from test_Outcome import ACHIEVED_SCREW, SCAN_MOTION, SHAPE, aPlannedCase, theScans, writeOutcome  # noqa: F401

from Phantom.DicomSeries import byPosition
from PlanningHubCommand.Main import main


@pytest.fixture
def aCaseFolder(aPlannedCase):  # noqa: F811
    folder = aPlannedCase.folder
    aPlannedCase.close()
    return folder


def outcome(capsys, folder, postop, *options):
    exitCode = main(["outcome", "--case", str(folder), "--postop", str(postop), "--json", *map(str, options)])
    return exitCode, json.loads(capsys.readouterr().out)


def test_figuresAndFilesAreInTheResult(capsys, aCaseFolder, theScans, tmp_path):  # noqa: F811
    moved = [(SCAN_MOTION @ [*point, 1])[:3] * (-1, -1, 1) for point in ACHIEVED_SCREW]
    values = {"frame": "LPS", "trajectories": {"screw": numpy.array(moved).tolist()}}
    (tmp_path / "points.json").write_text(json.dumps(values))
    exitCode, result = outcome(capsys, aCaseFolder, theScans / "after", "--achieved", tmp_path / "points.json")
    assert (exitCode, result["id"]) == (0, "outcome-1")
    assert {path["path"].rsplit("/", 1)[1] for path in result["outputs"]} == {
        "outcome.json", "outcome.csv", "report.pdf",
    }  # fmt: skip
    (screw,) = result["trajectories"]
    assert screw["from"] == "given" and screw["entryDistanceMm"] == pytest.approx(numpy.hypot(1, 1), abs=0.3)
    # For a person.
    assert main(["outcome", "--case", str(aCaseFolder), "--postop", str(theScans / "after"), "--on", "lower"]) == 0
    report = capsys.readouterr().out
    assert main(["status", "--case", str(aCaseFolder)]) == 0 and main(["verify", str(aCaseFolder)]) == 0
    status = capsys.readouterr().out
    assert "outcome-1 revision 2 (current): Outcome of test, 3 found, 0 not found" in status
    assert "outcome-1 revision 1 (stale)" in status
    assert "registered on lower" in report and "upper advanced" in report and "outcome-1 revision 2" in report


def writeTiltedOutcome(folder, tiltDegrees=10.0):
    """Write what a scanner with a tilted gantry would see after the operation; the table moves along the body."""
    angle = numpy.radians(tiltDegrees)
    row, column = numpy.array([1.0, 0, 0]), numpy.array([0, numpy.cos(angle), -numpy.sin(angle)])
    places = numpy.array([-44.5, -44.5, -44.5]) + numpy.outer(numpy.arange(SHAPE[0]), [0, 0, 1.0])
    slices, rows, columns = numpy.indices(SHAPE)
    points = places[slices] + columns[..., None] * row + rows[..., None] * column
    writeOutcome(folder, points * (-1, -1, 1))
    for path, place in zip(byPosition(folder), places, strict=True):
        image = pydicom.dcmread(path)
        image.ImagePositionPatient = [f"{value:.6f}" for value in place]
        image.ImageOrientationPatient = [f"{value:.10f}" for value in (*row, *column)]
        image.GantryDetectorTilt = str(tiltDegrees)
        image.save_as(path)
    return folder


def test_tiltedGantryIsRepairedOnlyWhereTheUserAgrees(capsys, aCaseFolder, tmp_path):
    tilted = writeTiltedOutcome(tmp_path / "tilted")
    exitCode, result = outcome(capsys, aCaseFolder, tilted)
    assert (exitCode, result["findings"][0]["code"]) == (3, "gantry-tilt")
    exitCode, result = outcome(capsys, aCaseFolder, tilted, "--repair")
    assert exitCode == 0 and result["scan"]["repaired"]
    assert "gantry-tilt-repaired" in {one["code"] for one in result["findings"]}
    (screw,) = result["trajectories"]
    # As without the tilt; sheared by 10 degrees over 90 mm, the points would be off by up to 8 mm.
    assert screw["entryLateralMm"] == pytest.approx(numpy.hypot(1, 1), abs=0.4)
    assert screw["angleDegrees"] == pytest.approx(numpy.degrees(numpy.arctan(0.5 / 22)), abs=1.0)


def test_refusalsHaveTheirExitCodes(capsys, aCaseFolder, theScans, tmp_path):  # noqa: F811
    stranger = writeOutcome(tmp_path / "stranger", patientId="SOMEONE-ELSE")
    (tmp_path / "points.json").write_text('{"frame": "LPS", "trajectories": {"screw": [[1, 2, 3]]}}')
    for postop, options, wanted in (
        (stranger, (), (4, "other-patient")),
        (theScans / "before", (), (3, "same-series")),
        (theScans / "after", ("--on", "nothing"), (3, "no-such-object")),
        (theScans / "after", ("--achieved", tmp_path / "points.json"), (3, "bad-points")),
        (theScans / "after", ("--achieved", tmp_path / "none.json"), (3, "cannot-read")),
    ):
        exitCode, result = outcome(capsys, aCaseFolder, postop, *options)
        assert (exitCode, result["findings"][0]["code"]) == wanted
