"""The page of a part as its user meets it: what is chosen, what the verdict says of it, what comes of it."""

import json

import pytest
from PartMaking import boxMesh
from PrintPages import PrintPage, said, shown

from PlanningHubLib.Case import Case
from PrintPrepLib import RecipeDraft
from PrintPrepLib.Formats import Writers
from StandInHost.User import message

FORM, DURABLE, GUIDE = "SLA, Formlabs Form 4", "Durable, Formlabs", "Surgical Guide, Formlabs"


@pytest.fixture
def aPage(user, aCaseFolder):
    """The page of a segmented case."""
    user.open(aCaseFolder("segmented"))
    return PrintPage(user)


def stateGuide(page, material=GUIDE, degrees=121):
    page.enter(profileComboBox=FORM, materialComboBox=material, useComboBox="guide")
    page.enter(contactComboBox="open tissue or bone", methodComboBox="steam", temperatureSpinBox=degrees)


def draft(page):
    return page.panel.draft()


def test_whatIsStatedIsKeptAndNothingIsGuessed(aPage):
    begun = draft(aPage)
    assert {begun[key] for key in ("profile", "material", "use", "contact", "sterilisation")} == {None}
    assert aPage.ui.labelCheckBox.checked and [step["do"] for step in begun["steps"]] == ["label"]
    stateGuide(aPage)
    aPage.enter(deviationSpinBox=0.1, toleranceSpinBox=0.4, glbCheckBox=True)
    stated = draft(aPage)
    assert (stated["profile"], stated["material"]) == ("sla-form-4", "sla-formlabs-surgical-guide")
    assert (stated["use"], stated["contact"]) == ("guide", "tissue-or-bone")
    assert stated["sterilisation"] == {"method": "steam", "temperatureC": 121}
    assert (stated["maximumDeviationMm"], stated["toleranceMm"]) == (0.1, 0.4)
    assert stated["formats"] == ["stl", "3mf", "glb"]
    assert RecipeDraft.recipeOf(stated)["material"] == "sla-formlabs-surgical-guide"


def test_theVerdictFollowsEveryChange_andBlocksWithReasonAndSource(aPage):
    assert shown(aPage) == "READY" and aPage.ui.partButton.enabled
    aPage.enter(profileComboBox=FORM)
    assert shown(aPage) == "WITH CARE"
    stateGuide(aPage, DURABLE, 134)
    assert shown(aPage) == "BLOCKED" and said(aPage)[0][0] == "Stop"
    unsafe = next(text for _grave, text in said(aPage) if "steam at 134 °C" in text)
    assert "literature" in unsafe and "International Journal of Bioprinting" in unsafe
    assert aPage.whyNot("partButton") == aPage.whyNot("queueButton") == said(aPage)[0][1]
    stateGuide(aPage)
    assert shown(aPage) == "READY" and aPage.ui.partButton.enabled
    about = {(who, says) for who, cycle, says, _source in aPage.rows("sourcesTable") if cycle == "steam at 121 °C"}
    assert about == {("maker", "stands it"), ("literature", "stands it")}
    aPage.enter(temperatureSpinBox=0)
    assert shown(aPage) == "BLOCKED" and "Steam without its temperature" in said(aPage)[0][1]


def test_materialsOfTheProcessAreOffered_andAnOtherOneIsBlocked(aPage):
    combo = aPage.ui.materialComboBox
    aPage.enter(materialComboBox="PEEK, extruded, maker not stated", profileComboBox=FORM)
    assert "is a material for FDM" in said(aPage)[0][1] and shown(aPage) == "BLOCKED"
    offered = [combo.itemText(row) for row in range(combo.count)]
    assert GUIDE in offered and "PLA, Kimya" not in offered
    assert combo.itemData(combo.currentIndex) == "fdm-peek", "what was chosen is not changed unseen"


def test_anImplantNeedsAnExternalMaker(aPage):
    aPage.enter(profileComboBox=FORM, useComboBox="implant", contactComboBox="implanted")
    assert any("may not make implants here" in text for _grave, text in said(aPage)) and shown(aPage) == "BLOCKED"


def test_withoutALabelItIsSaid(aPage):
    aPage.enter(labelCheckBox=False)
    assert draft(aPage)["steps"] == []
    assert ("Note", "Nothing on the part says whose it is and which side it is for.") in said(aPage)
    aPage.enter(labelCheckBox=True)
    assert [step["do"] for step in draft(aPage)["steps"]] == ["label"]


def test_stepsAreAddedInTheirOrder_changedAndRemoved(aPage):
    for title in ("Split", "Smooth", "Hollow"):
        aPage.enter(stepComboBox=next(one for one in stepTitles(aPage) if one.startswith(title)))
        aPage.click("addStepButton")
    assert [step["do"] for step in draft(aPage)["steps"]] == ["smooth", "hollow", "split", "label"]
    aPage.select("stepsTable", 1)
    aPage.click("removeStepButton")
    aPage.select("stepsTable", 2)
    editors = aPage.panel.steps._form.editors
    aPage.user.host.enter(editors["heightMm"].edit, 5.0)
    assert aPage.click("applyStepButton") == ""
    assert [step["do"] for step in draft(aPage)["steps"]] == ["smooth", "split", "label"]
    assert draft(aPage)["steps"][2]["heightMm"] == 5.0
    aPage.select("stepsTable", 0)
    aPage.click("stepDownButton")
    assert shown(aPage) == "BLOCKED" and "behind one that changes the solid" in said(aPage)[0][1]


def stepTitles(page):
    combo = page.ui.stepComboBox
    return [combo.itemText(row) for row in range(combo.count)]


def test_aStepThatLacksSomethingBlocks(aPage):
    aPage.enter(stepComboBox=next(one for one in stepTitles(aPage) if "ffset" in one))
    aPage.click("addStepButton")
    assert [step["do"] for step in draft(aPage)["steps"]] == ["offset", "label"]
    assert shown(aPage) == "BLOCKED" and "still needs: Outwards" in said(aPage)[0][1]
    aPage.click("removeStepButton")
    assert shown(aPage) == "READY"
    aPage.enter(stepComboBox="Take a body away")
    aPage.click("addStepButton")
    assert "still needs: an object of the case" in said(aPage)[0][1]
    editor = aPage.panel.steps._form.editors["object"]
    assert editor.edit.findText("Bone") >= 0, "what the case has is offered"
    aPage.user.host.enter(editor.edit, "Bone")
    aPage.click("applyStepButton")
    assert shown(aPage) == "READY"


def test_aRecipeIsSavedAndLoadedAgain(aPage, tmp_path):
    stateGuide(aPage)
    stated = draft(aPage)
    aPage.user.host.answer(str(tmp_path / "recipe.json"))
    assert aPage.click("saveRecipeButton") == f"Saved: {tmp_path / 'recipe.json'}"
    assert json.loads((tmp_path / "recipe.json").read_text())["material"] == "sla-formlabs-surgical-guide"
    aPage.enter(materialComboBox="not stated", labelCheckBox=False)
    aPage.user.host.answer(str(tmp_path / "recipe.json"))
    assert aPage.click("loadRecipeButton") == "The recipe is loaded."
    assert RecipeDraft.recipeOf(draft(aPage)) == RecipeDraft.recipeOf(stated)
    (tmp_path / "bad.json").write_text('{"format": "planninghub-recipe", "version": 1, "material": 7}')
    aPage.user.host.answer(str(tmp_path / "bad.json"))
    assert "The recipe cannot be used" in aPage.click("loadRecipeButton")
    assert draft(aPage)["material"] == "sla-formlabs-surgical-guide"


def test_aModelFileIsAskedForUnitAndFrame(aPage, tmp_path):
    path = tmp_path / "tray.stl"
    Writers.writeStl(path, boxMesh((0, 0, 0), (40, 30, 20)), Writers.PartLabel("tray", "tray", "1"))
    aPage.enter(objectComboBox="Model file...")
    assert aPage.whyNot("partButton") == "No model file is chosen."
    aPage.enter(modelPathLineEdit=path)
    assert aPage.whyNot("partButton") == "Unit and frame of the model file are not stated."
    aPage.enter(unitComboBox="mm", frameComboBox="LPS")
    assert shown(aPage) != "BLOCKED"
    assert aPage.click("partButton") == "The part is made and checked."
    part = aPage.case().latest("part")
    assert part.facts["object"]["role"] == "device" and part.facts["modelFile"]["name"] == "tray.stl"
    assert part.facts["volumeMl"] == pytest.approx(24.0, abs=1.5), "the letters take a little"


def test_whatIsStatedComesBackWithTheScene(aPage, tmp_path):
    import slicer

    stateGuide(aPage)
    aPage.enter(deviationSpinBox=0.15)
    stated, host = draft(aPage), aPage.user.host
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    host.closeScene()
    assert aPage.ui.profileComboBox.currentText == "not stated" and not aPage.ui.partButton.enabled
    host.act(slicer.util.loadScene, str(tmp_path / "scene.mrb"))
    assert draft(aPage) == stated and aPage.ui.profileComboBox.currentText == FORM
    assert aPage.ui.temperatureSpinBox.value == 121 and shown(aPage) == "READY"


def test_whatIsStatedOfOnePatientIsNotTakenOverForAnother(aPage, smallHead):
    stateGuide(aPage)
    aPage.user.importSeries(smallHead, "right")
    aPage.user.show("PrintPrep")
    assert draft(aPage) == RecipeDraft.newDraft() and aPage.ui.useComboBox.currentText == "not stated"
    assert shown(aPage) == "BLOCKED" and said(aPage)[0][1] == "The case has no segmentation yet."


@pytest.mark.parametrize("kept", ["no JSON", "[]", '{"steps": 3}', '{"steps": [{"do": "melt"}]}', "null"])
def test_whatAnOtherProgramWroteIntoTheSceneIsNotTaken(kept):
    text = kept if kept == "no JSON" else json.dumps({"case": "C", "kept": json.loads(kept)})
    assert RecipeDraft.draftIn(text, "C") == RecipeDraft.newDraft()
    own = {**RecipeDraft.newDraft(), "material": "sls-pa12"}
    assert RecipeDraft.draftIn(RecipeDraft.textOf(own, "C"), "C") == own
    assert RecipeDraft.draftIn(RecipeDraft.textOf(own, "C"), "D") == RecipeDraft.newDraft()


def test_withoutACaseNothingCanBeStated(user):
    page = PrintPage(user)
    assert not page.ui.objectCollapsibleButton.enabled and page.whyNot("partButton") == "Open a case first."
    assert page.rows("findingsTable") == [] and page.ui.verdictLabel.text == ""


def test_whatTheMakingFindsOutIsSaidInWords(aPage):
    aPage.enter(toleranceSpinBox=0.02)
    assert shown(aPage) == "WITH CARE" and "the part may be refused" in said(aPage)[0][1]
    assert "more than the tolerance of 0.02 mm" in aPage.click("partButton")
    assert Case.open(aPage.home.activeFolder()).latest("part") is None
    assert message(aPage.home).startswith("The part lies")


def test_theLabelsPlaceIsClickedInTheViews_andCountsInLps(aPage):
    from PlanningHubLib.Planning import PointPicking
    from StandInHost.User import sceneNodes

    aPage.select("stepsTable", 0)
    editors = aPage.panel.steps._form.editors
    assert editors["point"].button.text == "Place in the views"
    aPage.user.host.enter(editors["normal"].edit, "0 0 1")
    aPage.user.host.click(editors["point"].button)
    assert message(aPage.home) == "Click on the part in the views."
    (node,) = [node for node in sceneNodes() if node.GetAttribute(PointPicking.ATTRIBUTE)]
    aPage.user.host.act(node.AddControlPoint, 11.0, -22.0, 33.0)
    assert editors["point"].edit.text.split() == ["-11.00", "22.00", "33.00"], "RAS was clicked, parts count in LPS"
    assert editors["normal"].edit.text == "", "what faced away elsewhere need not here"
    assert not [node for node in sceneNodes() if node.GetAttribute(PointPicking.ATTRIBUTE)]
    assert "point" not in draft(aPage)["steps"][0] or draft(aPage)["steps"][0]["point"] is None
    aPage.click("applyStepButton")
    (label,) = draft(aPage)["steps"]
    assert label["point"] == [-11.0, 22.0, 33.0] and label.get("normal") is None
    for do in ("Tag on a sprue", "QR code"):
        aPage.enter(stepComboBox=do)
        aPage.click("addStepButton")
        assert aPage.panel.steps._form.editors["point"].button.text == "Place in the views"


def test_aPlaceThatIsNeverClickedLeavesWithItsCase(aPage):
    from PlanningHubLib.Planning import PointPicking
    from StandInHost.User import sceneNodes

    aPage.select("stepsTable", 0)
    aPage.user.host.click(aPage.panel.steps._form.editors["point"].button)
    aPage.user.host.closeScene()
    assert not [node for node in sceneNodes() if node.GetAttribute(PointPicking.ATTRIBUTE)]
