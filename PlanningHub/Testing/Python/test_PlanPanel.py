"""The page of the plan as its user meets it: steps made, placed, carried out, kept, changed, compared, reopened."""

import json

import numpy
import pytest
from CaseMaking import newCase
from PanelPages import Page

from PlanningHubLib.Case import Case
from PlanningHubLib.Consent import withdrawConsent
from PlanningHubLib.Import import importSeries
from PlanningHubLib.Planning import Plan, Scene
from PlanningHubLib.Planning.Document import newDocument
from PlanningHubLib.Segmentation import segmentBone
from PlanningHubLib.Session import Session
from StandInHost.User import printed, printing, sceneNodes, tableTexts

DOUBT, GOOD, BAD = "#b45309", "#15803d", "#a01010"


@pytest.fixture
def aPage(turnTo):
    """The page of the plan, of a segmented case."""
    return turnTo("PlanPanel", "segmented")


def center():
    """Return the middle of the bone in the scene, RAS mm."""
    (node,) = (one for one in sceneNodes() if one.IsA("vtkMRMLSegmentationNode"))
    bounds = [0.0] * 6
    node.GetRASBounds(bounds)
    return numpy.array([(bounds[0] + bounds[1]) / 2, (bounds[2] + bounds[3]) / 2, (bounds[4] + bounds[5]) / 2])


def case(page):
    return Case.open(page.home.activeFolder())


def edit(page, key, value):
    """Type a value into the field of a parameter."""
    page.user.host.enter(page.panel._form.editors[key].edit, value)


def step(page, operation, name, **values):
    """Add a step, fill in its form and apply it."""
    page.enter(operationComboBox=operation)
    page.click("addButton")
    page.enter(nameLineEdit=name)
    for key, value in values.items():
        edit(page, key, value)
    page.click("applyButton")


def typed(point):
    return "  ".join(f"{value:.3f}" for value in point)


def cutInHalves(page):
    """A plan of a plane through the bone and a cut along it."""
    page.click("emptyButton")
    step(page, "Plane", "midway", origin=typed(center()), normal="0 0 1")
    step(page, "Cut", "halves", solid="Bone", by="midway")


def test_withoutACaseNothingCanBeDone(user, ownSite):
    home = user.show("PlanningHub")
    page = Page(user, home, "PlanPanel")
    assert not page.ui.planCollapsibleButton.enabled and page.rows("stepsTable") == []
    for name in ("emptyButton", "carryOutButton", "keepButton", "addButton"):
        assert page.whyNot(name)


def test_planIsMadeCarriedOutAndKept(aPage):
    page = aPage
    assert page.whyNot("addButton") == "Start a plan first." and page.home.stepBar.buttons["plan"].text
    cutInHalves(page)
    assert [row[:2] for row in page.rows("stepsTable")] == [("midway", "Plane"), ("halves", "Cut")]
    assert page.whyNot("keepButton") == "Carry it out as it is now."
    assert page.click("carryOutButton") == "The plan is carried out; look at it, then keep it."
    assert case(page).latest("plan") is None, "nothing is kept yet"
    solids = [name for name, node in Scene.planNodes(scene()).items() if node.IsA("vtkMRMLModelNode")]
    assert len(solids) >= 2 and page.color("stepsTable", 1, 2) in (GOOD, DOUBT)
    assert any("ml" in row[-1] for row in page.rows("figuresTable"))
    page.enter(titleLineEdit="Osteotomy")
    assert page.click("keepButton") == "The plan is kept."
    plan = case(page).latest("plan")
    assert (plan.title, plan.parameters["intendedUse"]) == ("Osteotomy", "planning")
    assert set(plan.facts["solids"]) == set(solids)
    assert sum(one["volumeMl"] for one in plan.facts["solids"].values()) == pytest.approx(
        case(page).latest("segmentation").facts["volumeMl"], rel=0.05
    )
    assert page.ui.planLabel.text == "From Osteotomy, revision 1." and case(page).verify() == []


def scene():
    import slicer

    return slicer.mrmlScene


def test_incompleteStepSaysWhatItNeeds(aPage):
    page = aPage
    page.click("emptyButton")
    page.enter(operationComboBox="Cut")
    page.click("addButton")
    assert page.rows("stepsTable") == [("Cut", "Cut", "Still needs: Solid, Along.")]
    assert page.color("stepsTable", 0, 2) == BAD and page.ui.problemLabel.text == "Still needs: Solid, Along."
    assert page.whyNot("carryOutButton") == "Complete these steps: Cut."
    edit(page, "direction", "1 2")
    assert page.click("applyButton") == "Direction: enter three numbers."
    assert page.rows("stepsTable")[0][2].startswith("Still needs")


def test_whatMissesIsRefusedByNameAndNothingIsKept(aPage):
    page = aPage
    page.click("emptyButton")
    step(page, "Plane", "aside", origin="900 900 900", normal="0 0 1")
    step(page, "Cut", "halves", solid="Bone", by="aside")
    assert page.click("carryOutButton").startswith("halves: ")
    assert case(page).latest("plan") is None and page.whyNot("keepButton")


def test_pointsAreClickedInTheViews(aPage):
    page = aPage
    page.click("emptyButton")
    page.enter(operationComboBox="Line")
    page.click("addButton")
    assert page.rows("stepsTable")[0][2] == "Still needs: Start, End."
    page.click("placeButton")
    node = Scene.planNodes(scene())["Line"]
    page.user.host.act(node.AddControlPoint, 0, 0, 0)
    page.user.host.act(node.AddControlPoint, 0, 30, 40)
    page.click("carryOutButton")
    assert page.rows("stepsTable") == [("Line", "Line", "length 50.00 mm")]
    page.user.host.act(node.SetNthControlPointPosition, 1, 0, 0, 60)
    assert page.rows("stepsTable")[0][2] == "moved by hand" and page.color("stepsTable", 0, 2) == DOUBT
    assert page.ui.movedLabel.text == "Placed or moved by hand since it was carried out: Line."
    assert page.whyNot("keepButton") == "Carry it out as it is now."
    page.click("carryOutButton")
    assert page.rows("stepsTable")[0][2] == "length 60.00 mm" and page.ui.movedLabel.isHidden()


def test_pointOfAFieldIsClicked(aPage):
    page = aPage
    page.click("emptyButton")
    page.enter(operationComboBox="Plane")
    page.click("addButton")
    page.user.host.click(page.panel._form.editors["origin"].button)
    (node,) = (one for one in sceneNodes() if one.GetAttribute("PlanningHub.planPoint"))
    page.user.host.act(node.AddControlPoint, 1, 2, 3)
    assert page.panel._form.editors["origin"].get() == [1, 2, 3]
    assert not [one for one in sceneNodes() if one.GetAttribute("PlanningHub.planPoint")]


def test_stepsAreMovedRenamedAndRemoved(aPage):
    page = aPage
    cutInHalves(page)
    page.select("stepsTable", 0)
    page.enter(nameLineEdit="osteotomy")
    page.click("applyButton")
    page.select("stepsTable", 1)
    assert page.panel._form.values()["by"] == ["osteotomy"]
    page.click("upButton")
    assert [row[0] for row in page.rows("stepsTable")] == ["halves", "osteotomy"]
    assert page.click("carryOutButton").startswith("halves: The plan has no osteotomy.")
    page.click("downButton")
    page.click("removeButton")
    assert [row[0] for row in page.rows("stepsTable")] == ["osteotomy"]
    page.click("removeButton")
    assert page.rows("stepsTable") == [] and Scene.planNodes(scene()) == {}


def test_cancelLeavesTheCaseAsItWas(aPage):
    page = aPage
    cutInHalves(page)
    done = page.user.cancelDuring(page.home, 0.1)
    assert page.click("carryOutButton") == "Cancelled; the case is as it was." and done
    assert case(page).latest("plan") is None and page.whyNot("keepButton")


def test_risksAndChecklistAreKeptWithThePlan(aPage):
    page, host = aPage, aPage.user.host
    page.click("emptyButton")
    page.ui.listsCollapsibleButton.collapsed = False
    page.click("addRiskButton")
    for column, text in enumerate(("Nerve below the cut", "Nerve", "2,5 mm", "Retract it")):
        host.act(page.ui.risksTable.item(0, column).setText, text)
    page.click("addCheckButton")
    host.act(page.ui.checklistTable.item(0, 1).setText, "Side marked")
    import qt

    host.act(page.ui.checklistTable.item(0, 0).setCheckState, qt.Qt.Checked)
    draft = Scene.draftOf(scene(), case(page))
    assert draft["risks"] == [
        {"text": "Nerve below the cut", "structure": "Nerve", "minimumMm": 2.5, "mitigation": "Retract it"}
    ]
    assert draft["checklist"] == [{"text": "Side marked", "done": True}]
    host.act(page.ui.risksTable.setCurrentCell, 0, 0)
    page.click("removeRiskButton")
    assert Scene.draftOf(scene(), case(page))["risks"] == []


def test_variantsStandSideBySide(aPage):
    page = aPage
    cutInHalves(page)
    page.click("carryOutButton")
    page.click("keepButton")
    page.select("stepsTable", 0)
    edit(page, "origin", typed(center() + (0, 0, 10)))
    page.click("applyButton")
    page.enter(titleLineEdit="Higher")
    assert page.rows("stepsTable")[1][2] == "not carried out"
    page.click("carryOutButton")
    page.click("keepButton")
    page.ui.variantsCollapsibleButton.collapsed = False
    assert page.rows("variantsTable") == [("Plan", "1", "current"), ("Higher", "1", "current")]
    compared = {row[0]: row[1:] for row in page.rows("compareTable")}
    volumes = next(values for name, values in compared.items() if name.startswith("halves 1: volume"))
    assert volumes[0] != volumes[1] and all(value.endswith(" ml") for value in volumes)
    page.select("variantsTable", 0)
    page.click("openVariantButton")
    assert page.ui.titleLineEdit.text == "Plan" and page.ui.planLabel.text == "From Plan, revision 1."


def test_planFileIsSavedAndLoaded(aPage, tmp_path):
    page = aPage
    page.click("emptyButton")
    step(page, "Line", "screw", start="0 0 0", end="0 30 40")
    page.user.host.answer(str(tmp_path / "saved.json"))
    assert page.click("saveButton") == "The plan is saved."
    saved = json.loads((tmp_path / "saved.json").read_text())
    assert saved["steps"][0]["end"] == [0, 30, 40] and saved["side"] == "left"
    page.click("emptyButton")
    page.user.host.answer(str(tmp_path / "saved.json"))
    assert page.click("loadButton") == "The plan is loaded; carry it out."
    assert [row[0] for row in page.rows("stepsTable")] == ["screw"]
    (tmp_path / "other.json").write_text(json.dumps({**newDocument("other"), "side": "right"}))
    page.user.host.answer(str(tmp_path / "other.json"))
    assert page.click("loadButton").startswith("The plan is for right")
    assert [row[0] for row in page.rows("stepsTable")] == ["screw"], "what was shown stays"
    with Case.open(page.home.activeFolder(), writable=True) as case:
        (left,) = withdrawConsent(case, "treatment")
    assert left["purpose"] == "plan-file" and left["destination"] == f"file {tmp_path / 'saved.json'}"
    page.user.host.answer(str(tmp_path / "again.json"))
    assert "has no consent of scope treatment" in page.click("saveButton") and not (tmp_path / "again.json").exists()


def test_procedureGivesTheSteps(aPage):
    page = aPage
    page.click("templateButton")
    names = [one["name"] for one in case(page) and Scene.draftOf(scene(), case(page))["steps"]]
    assert [row[0] for row in page.rows("stepsTable")] == names


def test_sceneSavedAndReopenedGivesTheSamePlan(aPage, tmp_path):
    import slicer

    page, host = aPage, aPage.user.host
    cutInHalves(page)
    page.click("carryOutButton")
    page.click("keepButton")
    content = case(page).latest("plan").content
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    host.closeScene()
    assert page.rows("stepsTable") == [] and Scene.planNode(scene()) is None
    host.act(slicer.util.loadScene, str(tmp_path / "scene.mrb"))
    assert [row[0] for row in page.rows("stepsTable")] == ["midway", "halves"]
    assert {"midway", "halves 1", "halves 2"} <= set(Scene.planNodes(scene()))
    assert page.ui.movedLabel.isHidden(), "saving moves nothing"
    page.click("carryOutButton")
    page.click("keepButton")
    plan = case(page).latest("plan")
    assert (plan.revision, plan.content) == (2, content)


@pytest.mark.slow
def test_realCranioplastyByHand(user, ownSite, skullFolder):
    folder = user.casesFolder / "skull"
    importSeries(skullFolder, folder, side="right")
    with Case.open(folder, writable=True) as writable:
        segmentBone(writable, Session.start())
    page = Page(user, user.open(folder), "PlanPanel")
    page.click("emptyButton")
    step(page, "Symmetry plane", "Midplane", bone="Bone")
    values = {"solid": "Bone", "plane": "Midplane", "from": "left"}
    step(page, "Mirror", "Mirrored skull", **values)
    step(page, "Cranioplasty plate", "Plate", bone="Bone", template="Mirrored skull")
    page.enter(titleLineEdit="Cranioplasty")
    assert page.click("carryOutButton") == "The plan is carried out; look at it, then keep it."
    assert page.click("keepButton") == "The plan is kept."
    solids = case(page).latest("plan").facts["solids"]
    assert (solids["Plate"]["role"], solids["Plate"]["mirrored"]) == ("implant", True)
    assert {"Midplane", "Mirrored skull", "Plate"} == set(Scene.planNodes(scene()))
    widget = user.show("PrintPrep")
    user.host.enter(printing(widget).objectComboBox, "Plate (plan)")
    user.host.click(printing(widget).partButton)
    rows = dict(row for row in tableTexts(printed(widget).partTable) if len(row) == 2)
    assert rows["Object"] == "Plate" and rows["Watertight"] == "yes"
    assert (
        case(page).latest("part").facts["object"]["mirrored"]
        and not Scene.planNodes(scene())["Plate"].GetDisplayVisibility()
    ), "the part is shown in its place"


def test_planOfOneCaseIsNotShownOfAnother(aPage):
    page = aPage
    cutInHalves(page)
    with newCase(page.user.casesFolder / "other") as other:
        folder = other.folder
    page.user.open(folder)
    assert page.rows("stepsTable") == [] and page.ui.titleLineEdit.text == "" and Scene.planNode(scene()) is None
    assert tableTexts(page.ui.variantsTable) == []
    assert Plan.variants(case(page)) == []
