"""Plans by command: carried out, listed, written to a file, refused by name; and a whole run from a plan file."""

import json

import pytest
from Consenting import CONSENT

from PlanningHubLib.Files import sha256
from PlanningHubLib.Planning.Document import newDocument

# LPS: 50 mm from a point of the head to another.
SCREW = {"do": "line", "name": "screw", "start": [60.0, -157.0, -801.0], "end": [30.0, -117.0, -801.0]}


@pytest.fixture
def planFile(tmp_path):
    def write(*steps, **document):
        path = tmp_path / "plan-file.json"
        path.write_text(json.dumps({**newDocument("access"), "frame": "LPS", "steps": list(steps), **document}))
        return path

    return write


@pytest.fixture(scope="module")
def aPlannedRun(command, smallHead, tmp_path_factory):
    """Folder and result of a run with a plan; not to be changed."""
    folder = tmp_path_factory.mktemp("planned")
    (folder / "plan.json").write_text(json.dumps({**newDocument("access"), "frame": "LPS", "steps": [SCREW]}))
    exitCode, result = command(
        "run", smallHead, "--out", folder / "out", "--plan", folder / "plan.json", "--side", "left", *CONSENT
    )
    assert exitCode == 0, result
    return folder / "out", result


def test_runCarriesOutThePlanAfterTheSegmentation(aPlannedRun):
    _out, result = aPlannedRun
    assert [step["name"] for step in result["steps"]] == ["import", "segment", "plan", "print", "package"]
    (step,) = result["plan"]["steps"]
    assert (step["name"], step["do"], step["figures"]) == ("screw", "line", {"lengthMm": 50.0})
    for made in result["steps"]:
        assert made["outputs"] and all(sha256(one["path"]) == one["sha256"] for one in made["outputs"])
    # The plan has no implant and no guide: its part is the bone, and belongs to the plan.
    assert result["facts"]["print"]["object"]["name"] == "Bone"


def test_stepsShowThePlanAndItsPackageHoldsIt(command, aPlannedRun):
    out, _result = aPlannedRun
    _exitCode, status = command("status", "--case", out / "case")
    assert [(one["kind"], one["state"]) for one in status["steps"]] == [
        ("source", "done"), ("segmentation", "done"), ("plan", "done"), ("part", "done"), ("package", "done"),
        ("receipt", "next"),
    ]  # fmt: skip
    exitCode, verified = command("verify", out / "package")
    assert exitCode == 0 and verified["ok"]


@pytest.fixture
def aSegmentedCase(command, smallHead, tmp_path):
    assert command("import", smallHead, "--case", tmp_path / "case", "--side", "left")[0] == 0
    assert command("segment", "--case", tmp_path / "case")[0] == 0
    return tmp_path / "case"


def test_planIsKeptListedAndWrittenAsItCounts(command, aSegmentedCase, planFile, tmp_path):
    exitCode, made = command("plan", "--case", aSegmentedCase, "--plan", planFile(SCREW))
    assert exitCode == 0 and made["id"] == "plan-1" and made["title"] == "access"
    assert made["intended_use"] == "planning" and made["findings"] == []
    # RAS inside: the signs of the first two have changed.
    assert made["objects"]["screw"]["startRas"] == [-60.0, 157.0, -801.0]
    exitCode, other = command("plan", "--case", aSegmentedCase, "--plan", planFile(SCREW, title="other"), "--list")
    assert [(one["title"], one["state"]) for one in other["plans"]] == [("access", "current"), ("other", "current")]

    exitCode, written = command("plan", "--case", aSegmentedCase, "--export", tmp_path / "written.json")
    assert exitCode == 0 and sha256(tmp_path / "written.json") == written["export"]["sha256"]
    document = json.loads((tmp_path / "written.json").read_text())
    assert (document["frame"], document["side"], document["steps"][0]["end"]) == ("RAS", "left", [-30.0, 117.0, -801.0])
    # What was written is the same plan.
    again = command("plan", "--case", aSegmentedCase, "--plan", tmp_path / "written.json")[1]
    assert (again["id"], again["revision"], again["content"]) == ("plan-2", 2, other["content"])


def test_planLeavesOnlyWithAConsent(command, aSegmentedCase, planFile, tmp_path):
    assert command("plan", "--case", aSegmentedCase, "--plan", planFile(SCREW))[0] == 0
    assert command("plan", "--case", aSegmentedCase, "--export", tmp_path / "first.json")[0] == 0
    left = command("consent", "--case", aSegmentedCase, "--scope", "treatment", "--withdraw")[1]["left"]
    assert [(one["purpose"], one["destination"]) for one in left] == [("plan-file", f"file {tmp_path / 'first.json'}")]
    exitCode, refused = command("plan", "--case", aSegmentedCase, "--export", tmp_path / "second.json")
    assert (exitCode, refused["findings"][0]["code"]) == (4, "no-consent")
    assert not (tmp_path / "second.json").exists()


@pytest.mark.parametrize(
    ("document", "exitCode", "code"),
    [
        ({"side": "right"}, 4, "other-side"),
        ({"steps": [{**SCREW, "end": SCREW["start"]}]}, 3, "no-length"),
        ({"steps": [{"do": "guess", "name": "x"}]}, 3, "bad-plan"),
    ],
)
def test_badPlanIsRefusedByNameAndKeepsNothing(command, aSegmentedCase, planFile, document, exitCode, code):
    found, result = command("plan", "--case", aSegmentedCase, "--plan", planFile(**{"steps": [SCREW], **document}))
    assert (found, result["findings"][0]["code"]) == (exitCode, code)
    assert command("plan", "--case", aSegmentedCase, "--list")[1]["plans"] == []


def test_nothingToDoIsWrongUsage(command, aSegmentedCase, tmp_path):
    assert command("plan", "--case", aSegmentedCase)[0] == 2
    assert command("plan", "--case", aSegmentedCase, "--export", tmp_path / "x.json")[1]["findings"][0]["code"] == (
        "no-plan"
    )


def test_runRefusesAPlanOfAnotherSideBeforeItBegins(command, smallHead, planFile, tmp_path):
    exitCode, result = command(
        "run", smallHead, "--out", tmp_path / "out", "--plan", planFile(SCREW, side="right"), "--side", "left"
    )
    assert (exitCode, result["findings"][0]["code"]) == (4, "other-side")
    assert not (tmp_path / "out").exists()
