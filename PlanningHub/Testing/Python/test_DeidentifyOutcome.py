"""The outcome in a copy of a case: every figure of the comparison, the copied plan's names, and no word beside them."""

import ast
import contextlib
import copy
import csv
import dataclasses
import functools
import inspect
import json
import re
import shutil
from collections import Counter

import pytest
from CopiedSeries import headers
from Judges import run
from LeakSearch import contains, leaks
from PlanMaking import planOf
from Planting import WORD
from test_Outcome import steps as plainSteps
from test_Outcome import theScans, writeOutcome  # noqa: F401
from test_Registration import motion

from Phantom import DicomSeries
from PlanningHubLib import Consent, Deidentify, DeidentifyOutcomes, DeidentifyPlans
from PlanningHubLib import DeidentifyRules as Rules
from PlanningHubLib.Case import Case
from PlanningHubLib.DeidentifyOutcomes import FILE_KINDS, NO_WORDS, SCAN_UIDS, copiedOutcome
from PlanningHubLib.DeidentifyPlans import WITHOUT_WORDS
from PlanningHubLib.Errors import Finding, GateRefused, InputRefused, VerificationFailed
from PlanningHubLib.Import import importSeries
from PlanningHubLib.Planning import Outcome, OutcomeMeasures
from PlanningHubLib.Planning.Plan import makePlan, readPlan
from PlanningHubLib.Segmentation import segmentBone
from PlanningHubLib.Session import Session

FIGURE = re.compile(r"-?\d+\.\d\d\b")


def steps():
    """Return the steps of a plan, every name with a word in it; one body and one way are nowhere to be found."""
    found = [
        *plainSteps(),
        {"do": "placement", "name": "aside", "matrix": motion((0, 88, 0), (5, 0, 18)).reshape(-1).tolist()},
        {"do": "move", "name": "nowhere", "solid": "upper", "by": ["aside"]},
        {"do": "line", "name": "bare axis", "start": [14, -14, -20], "end": [14, 8, -20]},
        {"do": "trajectory", "name": "bare screw", "line": "bare axis", "diameterMm": 2.0},
    ]
    text = json.dumps(found)
    for name in {step["name"] for step in found} | {"upper", "lower"}:
        text = text.replace(f'"{name}"', f'"{name} of {WORD}"')
    return json.loads(text)


@pytest.fixture(scope="module")
def theComparedCase(theScans, tmp_path_factory):  # noqa: F811
    """Folder with a ``home`` and a ``case`` with an outcome, a word wherever there can be one; only to be copied."""
    folder = tmp_path_factory.mktemp("compared")
    with pytest.MonkeyPatch.context() as patch, Session.start() as session:
        useHome(patch, folder)
        for keyword in ("SeriesDescription", "StudyDescription", "ManufacturerModelName"):
            patch.setitem(DicomSeries.fixedAttributes, keyword, f"{WORD} {keyword}")
        writeOutcome(folder / WORD)
        patch.setattr(Outcome, "readAfter", plantedAfter)
        importSeries(theScans / "before", folder / "case", side="right")
        with Case.open(folder / "case", writable=True) as case:
            segmentBone(case, session, closingVoxels=0)
            makePlan(case, session, planOf(*steps(), title=WORD))
            Outcome.compareOutcome(case, session, folder / WORD, Outcome.Wishes(on=f"lower of {WORD}"))
            for scope in Consent.SCOPES:
                Consent.recordConsent(case, scope, "2026-01-31", "test 1")
    return folder


def useHome(patch, folder):
    patch.setenv("PLANNINGHUB_HOME", str(folder / "home"))
    patch.setenv("XDG_STATE_HOME", str(folder / "state"))


def plantedAfter(case, postop, *arguments, readAfter=Outcome.readAfter):
    after = readAfter(case, postop, *arguments)
    planted = Finding("gantry-tilt-repaired", "warn", f"{WORD} was tilted.", f"Ask {WORD}.", (postop,))
    return dataclasses.replace(after, findings=(planted,))


@pytest.fixture
def aCase(theComparedCase, tmp_path, monkeypatch):
    """Folder of a case with an outcome."""
    useHome(monkeypatch, theComparedCase)
    return shutil.copytree(theComparedCase / "case", tmp_path / "case")


def copied(folder, out):
    """Return the report of a copy, and the folder of its outcome."""
    report = Deidentify.deidentify(folder, out, "research", "Institute")
    return report, next((out / "outcomes").iterdir())


def original(folder):
    """Return the values of a case's outcome, and the folder that it lies in."""
    with Case.open(folder) as case:
        path = case.path(case.require("outcome"), Outcome.RESULT_FILE)
    return json.loads(path.read_text()), path.parent


def filesWithWords(folder):
    """Return the names of files that hold the word; of a page, in what a reader shows."""
    found = {name for name, _word in leaks(folder, [WORD])}
    pages = {path.relative_to(folder).as_posix() for path in folder.rglob("*.pdf") if contains(shown(path), WORD)}
    return found | pages


def shown(path):
    return (run("pdftotext", "-layout", path, "-") + run("pdfinfo", path)).encode()


def test_noWordOfTheOutcomeIsInItsCopy(aCase, tmp_path):
    values, folder = original(aCase)
    assert filesWithWords(folder) == set(FILE_KINDS)
    assert any(WORD in one["reason"] for one in values["notFound"]) and WORD in values["findings"][0]["message"]
    report, out = copied(aCase, tmp_path / "out")
    assert {path.name for path in out.iterdir()} == set(FILE_KINDS)
    assert filesWithWords(tmp_path / "out") == set()
    assert "outcome of the case" not in {one["what"] for one in report["leftOut"]}
    told = json.loads((out / "outcome.json").read_text())
    assert told["plan"]["title"] == "Plan 1" and told["registration"]["on"] == "Fragment 2"
    assert [one["body"] for one in told["bodies"]] == ["Move 1"]
    assert {(one["name"], one["reason"]) for one in told["notFound"]} == {
        ("Move 2", NO_WORDS), ("Trajectory 2", "there is no metal around the planned axis")
    }  # fmt: skip
    assert told["findings"] == [
        {"code": "gantry-tilt-repaired", "severity": "warn", "message": WITHOUT_WORDS, "action": "", "files": []}
    ]
    text = shown(out / "report.pdf").decode()
    assert f"{report['pseudonym']} (de-identified copy), side right, plan Plan 1." in text


def test_everyFigureIsThatOfTheCase(aCase, tmp_path):
    _report, out = copied(aCase, tmp_path / "out")
    values, folder = original(aCase)
    told = json.loads((out / "outcome.json").read_text())
    with Case.open(aCase) as case:
        document, _results = readPlan(case, case.require("plan"))
    ofCopy = json.loads(next((tmp_path / "out/plans").rglob("plan.json")).read_text())
    names = {f"lower of {WORD}": "Fragment 2"}
    names |= {one["name"]: other["name"] for one, other in zip(document["steps"], ofCopy["steps"], strict=True)}

    def renamed(row):
        return {key: names.get(value, value) if isinstance(value, str) else value for key, value in row.items()}

    assert told["registration"] == renamed(values["registration"]) and len(told["registration"]["matrix"]) == 16
    for kind in ("planes", "bodies", "trajectories"):
        assert told[kind] == [renamed(row) for row in values[kind]] != []
    assert told["scan"].keys() == values["scan"].keys() - {"voxelsSha256"}
    assert all(told["scan"][key] == value for key, value in values["scan"].items()
               if key not in (*SCAN_UIDS, "voxelsSha256"))  # fmt: skip
    rows, before = (list(csv.reader((at / "outcome.csv").read_text().splitlines())) for at in (out, folder))
    assert sorted(row for row in rows if row[0] != "notFound") == sorted(
        [names.get(text, text) for text in row] for row in before if row[0] != "notFound"
    )
    numbers, wanted = (Counter(FIGURE.findall(shown(at / "report.pdf").decode())) for at in (out, folder))
    # The reason that is not told holds figures.
    assert numbers <= wanted and wanted.total() - numbers.total() <= 1 and numbers.total() > 20


def test_itIsListedWithItsPlanAndLeadsBackWithTheKeyOnly(aCase, theComparedCase, tmp_path):
    report, out = copied(aCase, tmp_path / "out")
    told, (values, _folder) = json.loads((out / "outcome.json").read_text()), original(aCase)
    made = {one["name"]: one for one in json.loads((tmp_path / "out/manifest.json").read_text())["artefacts"]}
    assert made["outcome-1"]["parents"] == ["plan-1"]
    assert {one["path"]: one["kind"] for one in made["outcome-1"]["files"]} == {
        (out / name).relative_to(tmp_path / "out").as_posix(): kind for name, kind in FILE_KINDS.items()
    }
    assert told["plan"] == {"id": "plan-1", "title": "Plan 1", "content": made["plan-1"]["content"]}
    with Case.open(aCase, writable=True) as case:
        (departure,) = Consent.departures(case, "research")
        assert case.require("outcome").id in [one["id"] for one in departure["artefacts"]]
        uids = Deidentify.reidentify(case, report["pseudonym"], "Institute", "test")["uids"]
    assert {uids[told["scan"][key]] for key in SCAN_UIDS} == {values["scan"][key] for key in SCAN_UIDS}
    Deidentify.deidentify(theComparedCase / WORD, tmp_path / "after", "research", "Institute")
    scan = headers(tmp_path / "after")[0]
    assert [told["scan"][key] for key in SCAN_UIDS] == [
        scan.StudyInstanceUID, scan.SeriesInstanceUID, scan.FrameOfReferenceUID
    ]  # fmt: skip
    words = [values["scan"][key] for key in (*SCAN_UIDS, "voxelsSha256")] + [values["plan"]["content"]]
    assert leaks(tmp_path / "out", words) == []


def test_aWordThatStaysIsSeenInAllThreeFiles(aCase, tmp_path, monkeypatch):
    monkeypatch.setattr(DeidentifyOutcomes, "copiedOutcome", lambda values, _names, _words: copy.deepcopy(values))
    _report, out = copied(aCase, tmp_path / "out")
    assert filesWithWords(out) == set(FILE_KINDS)


def test_aUidThatStaysIsSeenBeforeTheCopyCounts(aCase, tmp_path, monkeypatch):
    monkeypatch.setattr(DeidentifyOutcomes, "copiedUid", lambda _copy, uid: uid)
    with pytest.raises(VerificationFailed) as refused:
        copied(aCase, tmp_path / "out")
    assert refused.value.code == "identity-left" and not (tmp_path / "out").exists()


def test_whatDoesNotHoldIsLeftOutOrRefused(aCase, tmp_path, aSession, monkeypatch):
    def refuse(*_arguments):
        raise InputRefused("bad-plan", "It is too large.")

    with monkeypatch.context() as patch:
        patch.setattr(DeidentifyPlans, "copiedDocument", refuse)
        report = Deidentify.deidentify(aCase, tmp_path / "planless", "research")
    left = {one["what"]: one["reason"] for one in report["leftOut"]}
    assert left["outcome of the case"] == "The plan that it is of is left out."
    path = original(aCase)[1] / "report.pdf"
    data = path.read_bytes()
    path.write_bytes(data + b" ")
    with pytest.raises(GateRefused) as refused:
        Deidentify.deidentify(aCase, tmp_path / "damaged", "research")
    assert refused.value.code == "damaged-outcome"
    path.write_bytes(data)
    with Case.open(aCase, writable=True) as case:
        makePlan(case, aSession, planOf(*steps()[:2], title=WORD))
    report = Deidentify.deidentify(aCase, tmp_path / "stale", "research")
    assert {one["what"]: one["reason"] for one in report["leftOut"]}["outcome of the case"] == "it is stale"
    assert not (tmp_path / "planless/outcomes").exists() and not (tmp_path / "stale/outcomes").exists()


def places(value, path=()):
    """Yield the path to every text and every key of a value."""
    for key, one in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, key)
        yield from places(one, (*path, key))


def taken(values, tell):
    """Return the places of an outcome at which a planted word comes through, and how many there were."""
    found, count = [], 0
    for path in list(places(values)):
        for plant in (plantValue, plantKey):
            planted = copy.deepcopy(values)
            holder = functools.reduce(lambda one, key: one[key], path[:-1], planted)
            if plant(holder, path[-1]):
                count += 1
                # A text in the place of a name, or beside the figures: the outcome stays out.
                with contextlib.suppress(InputRefused):
                    found += [path] if WORD in json.dumps(tell(planted)) else []
    return found, count


def test_noTextAnywhereInAnOutcomeIsTaken(theComparedCase):
    values, _folder = original(theComparedCase / "case")
    names = {f"{name} of {WORD}": name for name in
             ("lower", "cut plane", "upper advanced", "nowhere", "screw", "bare screw")}  # fmt: skip
    found, count = taken(values, lambda planted: copiedOutcome(planted, names, ()))
    assert found == [] and count > 100
    assert len(taken(values, lambda planted: planted)[0]) == count


def plantValue(holder, key):
    if isinstance(holder[key], (dict, list)):
        return False
    holder[key] = f"{WORD} {key}"
    return True


def plantKey(holder, key):
    if isinstance(holder, dict):
        holder[f"{WORD} {key}"] = holder.get(key)
    return isinstance(holder, dict)


def test_everyReasonOfTheSuiteMayStay():
    calls = [node for node in ast.walk(ast.parse(inspect.getsource(OutcomeMeasures)))
             if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "NotFound"]  # fmt: skip
    reasons = {call.args[0].value for call in calls if isinstance(call.args[0], ast.Constant)}
    assert len(calls) == len(reasons) + 1 and reasons == set(Rules.rules()["plan"]["words"]["reason"])
