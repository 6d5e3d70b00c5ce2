"""A cranioplasty as the tutorial does it, page by page; and a plan file on the page gives what the command gives."""

import numpy
import pytest
import slicer
from PanelPages import Page

from PlanningHubLib.Case import Case
from PlanningHubLib.Planning import Plan, Scene
from StandInHost.User import tableTexts


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
