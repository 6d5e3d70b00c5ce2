"""A cranioplasty as the tutorial does it, page by page; and a plan file on the page gives what the command gives."""

import json
import os
import shutil
from pathlib import Path

import numpy
import pytest
import slicer
from PanelPages import Page

from Phantom.TorsoCt import CT, TUMOR_LABEL, writeTorso, writeTorsoLabels
from PlanningHubCommand.Chain import makePlan
from PlanningHubLib.Case import Case
from PlanningHubLib.Planning import Plan, Scene
from PlanningHubLib.Planning.Document import readDocument
from PlanningHubLib.Progress import noProgress
from PlanningHubLib.Segmenting.SegmentReview import reviewSegments
from PlanningHubLib.Session import Session
from StandInHost.User import tableTexts

PROJECT = Path(__file__).resolve().parents[3]
LIVER_PLAN = PROJECT / "Testing" / "System" / "Plans" / "liver.json"
TORSO = {5: "Liver", 2: "Kidney right", 52: "Aorta", 63: "Inferior vena cava", TUMOR_LABEL: "Tumor"}


def edit(page, **values):
    for key, value in values.items():
        page.user.host.enter(page.panel._form.editors[key].edit, value)


def choose(page, table, name):
    page.select(table, [row[0] for row in page.rows(table)].index(name))


def figures(page):
    return dict(row for row in tableTexts(page.ui.figuresTable) if len(row) == 2)


@pytest.fixture
def aSkullPage(user, ownSite, smallHead):
    """The page of the plan of a head with a defect on the left, imported and segmented by hand of the user."""
    home = user.importSeries(smallHead, "left")
    page = Page(user, home, "SegmentationPanel")
    choose(page, "structuresTable", "Skull")
    assert page.click("segmentButton") == "Skull is segmented."
    return Page(user, home, "PlanPanel")


def test_plateFromImportToKeptPlan(aSkullPage):
    page = aSkullPage
    page.click("templateButton")
    names = [row[0] for row in page.rows("stepsTable")]
    assert names[:3] == ["Midplane", "Mirrored skull", "Plate"]
    # Which side is healthy is the surgeon's to say, and not the side of the operation.
    assert "Say from which side to mirror" in page.click("carryOutButton")
    choose(page, "stepsTable", "Mirrored skull")
    edit(page, **{"from": "left"})
    page.click("applyButton")
    assert "which is the side to operate on" in page.click("carryOutButton")
    edit(page, **{"from": "right"})
    page.click("applyButton")
    choose(page, "stepsTable", "Plate")
    edit(page, clearanceMm=1.0, thicknessMm=5.0)
    page.click("applyButton")
    assert page.click("carryOutButton") == "The plan is carried out; look at it, then keep it."
    choose(page, "stepsTable", "Plate")
    found = figures(page)
    assert found["overlap"] == "0.0 mm³" and found["penetration maximum"] == "0.00 mm"
    assert page.click("keepButton") == "The plan is kept."

    case = Case.open(page.home.activeFolder())
    plan = case.latest("plan")
    assert plan.facts["solids"]["Plate"]["mirrored"] and plan.facts["solids"]["Plate"]["role"] == "implant"
    document, results = Plan.readPlan(case, plan)
    step = next(one for one in document["steps"] if one["name"] == "Plate")
    assert (document["side"], step["clearanceMm"], step["thicknessMm"]) == ("left", 1.0, 5.0)
    made = next(one["figures"] for one in results["steps"] if one["name"] == "Plate")
    # RAS: the patient's left is where R is negative.
    assert made["defectCenterRas"][0] < -20
    assert made["thicknessMeanMm"] == pytest.approx(5, abs=0.2)
    assert made["gapMedianMm"] == pytest.approx(1, abs=0.15) and made["coveredPercent"] > 95
    plate = Scene.planNodes(slicer.mrmlScene)["Plate"]
    bounds = numpy.array(plate.GetPolyData().GetBounds()).reshape(3, 2)
    assert bounds[0].max() < 0 and numpy.prod(numpy.ptp(bounds, axis=1)) > 0
    assert case.verify() == []


def torsoData():
    folder = Path(os.environ.get("PLANNINGHUB_TEST_DATA") or PROJECT.parent / "shared" / "data")
    if not (folder / CT).exists():
        pytest.skip(f"no {CT} in {folder}; set PLANNINGHUB_TEST_DATA")
    return folder


def allowCoarsePixels(ownSite):
    """The site's own limits: the test's CT has voxels of 3 mm, which the shipped ones reject."""
    shipped = Path(Plan.__file__).parents[1] / "Procedures" / "soft-tissue.json"
    values = json.loads(shipped.read_text(encoding="utf-8"))
    del values["imaging"]["pixelSpacingMm"]["rejectAbove"]
    (ownSite / "procedures").mkdir(exist_ok=True)
    path = ownSite / "procedures" / "soft-tissue.json"
    path.write_text(json.dumps(values), encoding="utf-8")
    path.chmod(0o644)


@pytest.fixture
def aTorsoPage(user, ownSite, tmp_path):
    """The page of the plan of a torso with a planted tumor and reviewed segments."""
    data = torsoData()
    allowCoarsePixels(ownSite)
    writeTorsoLabels(tmp_path / "labels.nii.gz", data)
    home = user.importSeries(writeTorso(tmp_path / "torso", data), "right", "Soft-tissue organ")
    folder = home.activeFolder()
    home.logic.takeMask(folder, Session.start(), tmp_path / "labels.nii.gz", TORSO, noProgress)
    with Case.open(folder, writable=True) as case:
        reviewSegments(case, list(TORSO.values()), "accepted")
    user.host.act(home.refresh)
    return Page(user, home, "PlanPanel")


def test_planFileOnThePageGivesWhatTheCommandGives(aTorsoPage, tmp_path):
    page = aTorsoPage
    byCommand = shutil.copytree(page.home.activeFolder(), tmp_path / "by-command")
    page.user.host.answer(str(LIVER_PLAN))
    assert page.click("loadButton") == "The plan is loaded; carry it out."
    assert page.click("carryOutButton") == "The plan is carried out; look at it, then keep it."
    choose(page, "stepsTable", "Margin")
    reached = figures(page)["reached"]
    choose(page, "stepsTable", "Biopsy")
    assert figures(page)["nearest structure"] == "Inferior vena cava"
    assert page.click("keepButton") == "The plan is kept."
    made = makePlan(byCommand, readDocument(LIVER_PLAN), noProgress)
    assert Case.open(page.home.activeFolder()).latest("plan").content == made["content"]
    margin = next(one["figures"] for one in made["steps"] if one["name"] == "Margin")
    assert reached == f"{margin['reachedMm']:.2f} mm" and 5 < margin["reachedMm"] < 20
