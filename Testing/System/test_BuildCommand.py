"""Builds by command: a case's part on a plate of a printer, refused by name where it cannot be; tables with sources."""

import subprocess
import sys

import pytest
from Consenting import CONSENT

from PlanningHubLib.Files import sha256


@pytest.fixture(scope="module")
def aPrintedCase(command, smallHead, tmp_path_factory):
    """A case of the small head with its part; not to be changed but by builds."""
    out = tmp_path_factory.mktemp("built") / "out"
    exitCode, result = command("run", smallHead, "--out", out, "--side", "left", *CONSENT)
    assert exitCode == 0, result
    return out / "case"


def test_buildLaysThePartOnAPlate(command, aPrintedCase):
    exitCode, result = command("build", "--case", aPrintedCase, "--profile", "mjf-hp-4200")
    assert exitCode == 0, result
    (plate,) = result["plates"]
    (row,) = plate["parts"]
    assert row["part"] == "part-1" and row["partNumber"] == "part-1.1"
    assert plate["estimate"]["supportsMl"] == 0, "powder carries the part"
    if plate["slicer"]:
        assert plate["slicer"]["sound"] and plate["slicer"]["hours"] is None, "not its process"
    assert plate["estimate"]["hours"] == pytest.approx(10 + plate["heightMm"] / 30, abs=0.02)
    names = [path["path"].rpartition("/")[2] for path in result["outputs"]]
    assert sorted(names) == sorted(["build.json", plate["file"], plate["picture"]])
    assert all(sha256(one["path"]) == one["sha256"] for one in result["outputs"])
    (threeMf,) = [one["path"] for one in result["outputs"] if one["path"].endswith(".3mf")]
    assert plate["file"] in threeMf


def test_directionAndCopiesAreTaken(command, aPrintedCase):
    exitCode, result = command(
        "build", "--case", aPrintedCase, "--profile", "mjf-hp-4200", "--part", "part-1", "--direction", "0,0,1",
        "--copies", "part-1=2",
    )  # fmt: skip
    assert exitCode == 0, result
    rows = [row for plate in result["plates"] for row in plate["parts"]]
    assert [row["upLps"] for row in rows] == [[0, 0, 1]] * 2
    assert [(row["copy"], row["copies"]) for row in rows] == [(1, 2), (2, 2)]


@pytest.mark.parametrize(
    ("arguments", "expected", "code"),
    [
        ((), 3, "which-profile"),
        (("--profile", "sla-prusa-sl1s"), 3, "does-not-fit"),
        (("--profile", "external-titanium"), 3, "external-maker"),
        (("--profile", "mjf-hp-4200", "--part", "part-9"), 3, "no-such-part"),
        (("--profile", "mjf-hp-4200", "--direction", "up"), 2, "bad-direction"),
        (("--profile", "mjf-hp-4200", "--copies", "part-1"), 2, "bad-copies"),
        (("--profile", "mjf-hp-4200", "--copies", "part-9=2"), 2, "bad-copies"),
        (("--profile", "mjf-hp-4200", "--direction", "0,0,0"), 2, "bad-direction"),
    ],
)
def test_whatCannotBeBuiltIsRefusedByName(command, aPrintedCase, arguments, expected, code):
    before = (aPrintedCase / "case.json").read_bytes()
    exitCode, result = command("build", "--case", aPrintedCase, *arguments)
    assert exitCode == expected
    assert result["findings"][0]["code"] == code and result["findings"][0]["action"]
    assert (aPrintedCase / "case.json").read_bytes() == before


def test_aBuildIsNoStepAndTheCaseStaysSound(command, aPrintedCase):
    assert command("build", "--case", aPrintedCase, "--profile", "mjf-hp-4200")[0] == 0
    exitCode, verified = command("verify", aPrintedCase)
    assert exitCode == 0 and verified["ok"]
    _exitCode, status = command("status", "--case", aPrintedCase)
    assert "build" not in [one["kind"] for one in status["steps"]]


@pytest.mark.parametrize("name", ["profiles", "materials"])
def test_tablesStateTheirSources(command, name):
    exitCode, result = command(name)
    assert exitCode == 0
    rows = result[name]
    assert len(rows) > 5
    statements = [
        one for row in rows for one in (row["figures"].values() if name == "profiles" else row["rules"] + row["listed"])
    ]
    assert statements and all(one["source"] and one["date"] for one in statements)


def test_tablesAreReadableWithoutJson(command):
    """As a person sees them: one row for each rule, with who says it."""
    program = [sys.executable, "-m", "PlanningHubCommand", "materials"]
    done = subprocess.run(program, capture_output=True, encoding="utf-8", env=command.environment, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "sla-formlabs-surgical-guide" in done.stdout and "literature" in done.stdout
