"""The commands package and verify as a batch machine uses them: options, findings, exit codes."""

import json

import pytest
from SmallSeries import addPart, tetrahedronStl

from CentralSyncLib.Records import NewerStudies
from ORExportLib.Views import View, caseViews, encode
from PlanningHubCommand.Main import main
from PlanningHubLib.Case import Case

FRONT = View("Front", (0.0, -300.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, 1.0))
EVERYTHING = ("assembly", "derived-ct", "views", "ar-vr", "navigation", "viewer")


@pytest.fixture
def aCase(aReadyCase, withoutPictures):
    """Folder of a case that nobody has open."""
    aReadyCase.close()
    return aReadyCase.folder


@pytest.fixture
def ask(capsys):
    def ask(*arguments):
        exitCode = main([*map(str, arguments), "--json"])
        values = json.loads(capsys.readouterr().out)
        assert values["exit_code"] == exitCode
        return exitCode, values, [one["code"] for one in values["findings"]]

    return ask


def leavingOut(names):
    return [word for name in names for word in ("--leave-out", name)]


def test_packageSaysWhatTheGateFound_andVerifySaysItAgain(aCase, ask, tmp_path):
    views = tmp_path / "views.json"
    views.write_bytes(encode((FRONT,)))
    exitCode, made, codes = ask(
        "package", "--case", aCase, "--out", tmp_path / "out", "--views", views, *leavingOut(EVERYTHING)
    )
    assert exitCode == 0 and {"not-approved", "newer-study-unknown"} <= set(codes)
    assert caseViews(Case.open(aCase)) == (FRONT,)
    assert all((tmp_path / "out").rglob(output["path"].rpartition("/")[2]) for output in made["outputs"])
    exitCode, said, codes = ask("verify", tmp_path / "out")
    assert (exitCode, said["ok"], said["approved"], codes) == (0, True, False, [])
    assert said["scan_date"] == "2024-01-02" and said["left_out"] == sorted(EVERYTHING)
    assert "not-approved" in {one["code"] for one in said["gate"]} and said["intended_use"] == "planning"


def test_theStoreIsAskedByBoth(aCase, ask, tmp_path, monkeypatch):
    newer = {"studyUid": "1.2", "date": "2024-03-01", "modalities": ["CT"]}
    monkeypatch.setattr(NewerStudies, "newerStudies", lambda *_given: [newer])
    store = "dicomweb+https://archive/rs"
    _code, _made, codes = ask(
        "package", "--case", aCase, "--out", tmp_path / "out", "--store", store, *leavingOut(EVERYTHING)
    )
    assert "newer-study" in codes
    assert ask("verify", tmp_path / "out", "--store", store)[::2] == (0, ["newer-study"])
    # A folder keeps no index of patients, and that is said.
    monkeypatch.undo()
    exitCode, _said, codes = ask("verify", tmp_path / "out", "--store", tmp_path)
    assert exitCode == 0 and "newer-study-unknown" in codes


@pytest.mark.parametrize("arguments, exitCode, code", [
    (["--leave-out", "everything"], 2, "unknown-content"), (["--views", "nowhere.json"], 3, "cannot-read"),
    (["--approved"], 4, "not-approved"), (["--store", "ftp://host"], 2, "unknown-store"),
])  # fmt: skip
def test_refusalsLeaveNothing(aCase, ask, tmp_path, arguments, exitCode, code):
    before = Case.open(aCase).auditHead
    found, _values, codes = ask("package", "--case", aCase, "--out", tmp_path / "out", *arguments)
    assert (found, codes[0]) == (exitCode, code)
    assert not (tmp_path / "out").exists() and Case.open(aCase).auditHead == before


def test_theGateRefusesWithAllItsFindings(aCase, ask, tmp_path):
    with Case.open(aCase, writable=True) as case:
        addPart(case, b"SPACE=LPS CASE=PH-ABCDEFGH-2345".ljust(80) + tetrahedronStl()[80:])
    exitCode, _values, codes = ask("package", "--case", aCase, "--out", tmp_path / "out")
    assert (exitCode, codes[0]) == (4, "patient-differs") and "not-approved" in codes
    assert not (tmp_path / "out").exists()


def test_aDamagedPackageEndsWithSix(aCase, ask, tmp_path):
    ask("package", "--case", aCase, "--out", tmp_path / "out", *leavingOut(EVERYTHING))
    stl = next((tmp_path / "out").glob("*.stl"))
    stl.write_bytes(stl.read_bytes()[:-1] + b"x")
    exitCode, said, codes = ask("verify", tmp_path / "out")
    assert (exitCode, said["ok"], codes[0]) == (6, False, "file-changed") and "approved" not in said
