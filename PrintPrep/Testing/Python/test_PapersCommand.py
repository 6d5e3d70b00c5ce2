"""``planninghub papers`` and ``planninghub inspect``: results as JSON and for a person, and their exit codes."""

import json

import pytest
from InspectionMaking import bracketMesh, fine, scanned, writeScan
from PapersMaking import TRAVELLER, statedCase
from test_Part import aCase, aSession, ownHome  # noqa: F401
from test_ScanCompare import mirrored

from PlanningHubCommand.Main import main

DIMENSIONS = {"frame": "LPS", "dimensions": [{"name": "length", "kind": "extent", "direction": [1, 0, 0]}]}


@pytest.fixture
def aFolder(aCase, aSession):  # noqa: F811
    statedCase(aCase, aSession)
    aCase.close()
    return aCase.folder


def command(capsys, name, folder, *options):
    exitCode = main([name, "--case", str(folder), "--json", *map(str, options)])
    return exitCode, json.loads(capsys.readouterr().out)


def test_papersAreMadeAndFilledIn(capsys, aFolder, tmp_path):
    (tmp_path / "fill.json").write_text(json.dumps({**TRAVELLER, "lot": "old"}))
    exitCode, result = command(capsys, "papers", aFolder, "--fill", tmp_path / "fill.json", "--set", "lot=LOT = 9")
    assert (exitCode, result["id"], result["approved"], result["releasable"]) == (0, "papers-1", False, False)
    assert result["release_faults"] == ["part-1.1 is not approved.", "The printed part was not inspected."]
    (path,) = [one["path"] for one in result["outputs"] if one["path"].endswith("papers.json")]
    (sheet,) = json.load(open(path, "rb"))["traveller"]["sheets"]
    fields = {one["field"]: one["value"] for one in sheet["fields"]}
    assert fields["lot"] == "LOT = 9" and fields["machine"] == TRAVELLER["machine"]
    # For a person.
    assert main(["papers", "--case", str(aFolder)]) == 0 and main(["verify", str(aFolder)]) == 0
    report = capsys.readouterr().out
    assert "papers-1 revision 2, NOT APPROVED" in report and "not to be released: part-1.1 is not approved." in report
    assert "missing in the statement: Conformity" in report


def test_dimensionsAreChosenReadAndFail(capsys, aFolder, tmp_path):
    (tmp_path / "dimensions.json").write_text(json.dumps(DIMENSIONS))
    exitCode, result = command(capsys, "inspect", aFolder, "--dimensions", tmp_path / "dimensions.json")
    assert (exitCode, result["verdict"]) == (0, "open")
    exitCode, result = command(capsys, "inspect", aFolder, "--measured", "length=60,1", "--instrument", "caliper")
    assert (exitCode, result["verdict"]) == (0, "pass")
    exitCode, result = command(capsys, "inspect", aFolder, "--measured", "length=60.3")
    assert (exitCode, result["verdict"], result["revision"]) == (6, "fail", 3)
    assert main(["inspect", "--case", str(aFolder), "--tolerance-mm", "0.5", "--measured", "length=60.3"]) == 0
    assert "length" in capsys.readouterr().out


def test_scanIsJudged(capsys, aFolder, tmp_path):
    path = writeScan(tmp_path / "scan.stl", scanned(fine(bracketMesh(), 2.0)), 0.1)
    exitCode, result = command(capsys, "inspect", aFolder, "--scan", path, "--unit", "cm")
    assert (exitCode, result["verdict"], result["facts"]["coveragePercent"]) == (0, "pass", 100.0)
    longer = writeScan(tmp_path / "longer.stl", scanned(fine(bracketMesh(61.5), 2.0)))
    assert main(["inspect", "--case", str(aFolder), "--scan", str(longer), "--unit", "mm"]) == 6
    assert "The scan lies 1.5" in capsys.readouterr().err
    mirror = writeScan(tmp_path / "mirror.stl", mirrored(scanned(fine(bracketMesh(), 2.0))))
    exitCode, result = command(capsys, "inspect", aFolder, "--scan", mirror, "--unit", "mm")
    assert (exitCode, result["findings"][0]["code"]) == (4, "mirrored-scan")


@pytest.mark.parametrize(("name", "options", "wanted"), [
    ("papers", ("--set", "lot"), (2, "usage")),
    ("papers", ("--set", "colour=red"), (2, "no-such-field")),
    ("papers", ("--part", "part-7"), (4, "which-part")),
    ("papers", ("--fill", "none.json"), (3, "cannot-read")),
    ("inspect", ("--unit", "mm"), (2, "usage")),
    ("inspect", ("--scan", "none.stl"), (2, "unit-not-stated")),
    ("inspect", ("--scan", "none.stl", "--unit", "mm"), (3, "cannot-read")),
    ("inspect", ("--scan", "none.stl", "--unit", "mm", "--measured", "a=1"), (2, "usage")),
    ("inspect", ("--measured", "extent x=wide"), (2, "bad-measure")),
    ("inspect", ("--measured", "width=1"), (2, "no-such-dimension")),
    ("inspect", ("--dimensions", "none.json"), (3, "cannot-read")),
])  # fmt: skip
def test_refusalsHaveTheirExitCodes(capsys, aFolder, name, options, wanted):
    exitCode, result = command(capsys, name, aFolder, *options)
    assert (exitCode, result["findings"][0]["code"]) == wanted
