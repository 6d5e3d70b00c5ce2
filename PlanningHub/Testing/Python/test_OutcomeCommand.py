"""``planninghub outcome``: figures as JSON and as a table, and its refusals by their exit codes."""

import json

import numpy
import pytest
from test_Outcome import ACHIEVED_SCREW, SCAN_MOTION, aPlannedCase, theScans, writeOutcome  # noqa: F401

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
    assert "registered on lower" in report and "upper advanced" in report and "outcome-1 revision 2" in report


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
