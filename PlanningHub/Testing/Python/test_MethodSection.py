"""The steps of a method as they are changed on the page of the segmentation."""

import json

import pytest
import slicer
from PanelPages import Page
from StructureMaking import boneCase
from test_SegmentationPanel import case, choose

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Segmenting import MethodEditing
from PlanningHubLib.Segmenting.Methods import STEPS
from PlanningHubLib.Segmenting.Preview import previewNode
from PlanningHubLib.Segmenting.Recipe import checkedMethod


@pytest.fixture
def page(user, ownSite):
    """The page, with a case of two bones open on it."""
    user.casesFolder.mkdir(exist_ok=True)
    folder = boneCase(user.casesFolder, ownSite)
    page = Page(user, user.open(folder), "SegmentationPanel")
    page.folder = folder
    return page


def steps(page):
    return [one[0] for one in page.rows("methodStepsTable")]


def add(page, title, after=None):
    if after is not None:
        page.select("methodStepsTable", after)
    page.enter(methodStepComboBox=title)
    return page.click("addStepButton")


def field(page, key):
    return page.panel._methods._form.editors[key].edit


def enter(page, **values):
    for key, value in values.items():
        page.user.host.enter(field(page, key), value)
    return page.click("applyStepButton")


def methodMade(page, name="Large bone"):
    return case(page).latest("segmentation").parameters["structures"][name]["method"]["steps"]


def test_addedStepIsPreviewedAndSegmented(page):
    assert page.rows("methodStepsTable") == [
        ("Threshold", "minimum 300 HU, maximum 2000 HU"), ("Largest island", ""),
    ]  # fmt: skip
    add(page, "Holes filled", after=1)
    assert steps(page)[-1] == "Holes filled" and page.ui.methodStepsTable.currentRow() == 2
    assert enter(page, maximumMl=0.5) == ""
    page.click("previewButton")
    assert previewNode(slicer.mrmlScene) is not None
    page.enter(thresholdSliderWidget=500)
    assert page.rows("methodStepsTable")[0][1].startswith("minimum 500")
    assert page.click("segmentButton") == "Large bone is segmented."
    made = methodMade(page)
    assert [one["do"] for one in made] == ["threshold", "largest-island", "fill-holes"]
    assert made[0]["minimumHu"] == 500 and made[2] == {"do": "fill-holes", "maximumMl": 0.5, "perSlice": False}


def test_stepsAreMovedRemovedAndTakenBack(page):
    assert page.whyNot("ownMethodButton") == "It is the procedure's."
    add(page, "Largest islands", after=0)
    enter(page, count=2)
    page.click("stepDownButton")
    assert steps(page) == ["Threshold", "Largest island", "Largest islands"]
    page.click("stepUpButton")
    page.click("stepUpButton")
    assert steps(page)[0] == "Largest islands"
    assert "Begin the method with a threshold" in page.click("previewButton")
    page.click("stepDownButton")
    page.select("methodStepsTable", 2)
    page.click("removeStepButton")
    page.click("segmentButton")
    assert methodMade(page)[1] == {"do": "keep-islands", "count": 2, "minimumMl": 0}
    # Large bone 4 × 10 × 6, small bone 3 × 4 × 5.
    assert case(page).latest("segmentation").facts["structures"]["Large bone"]["voxels"] == 300
    page.click("ownMethodButton")
    assert steps(page) == ["Threshold", "Largest island"] and page.ui.thresholdSliderWidget.value == 300


def test_incompleteStepIsNamedAndBadValueRefused(page):
    add(page, "Closing", after=0)
    assert "needs either radiusMm or voxels" in page.ui.methodProblemLabel.text
    assert "needs either radiusMm or voxels" in page.whyNot("segmentButton")
    assert "needs either radiusMm or voxels" in enter(page, radiusMm=1.5, voxels=2)
    assert page.rows("methodStepsTable")[1] == ("Closing", "")
    # What was refused stays in the form.
    assert enter(page, voxels=0) == "" and page.ui.closingSpinBox.value == 1.5
    page.enter(closingSpinBox=2.5)
    assert field(page, "radiusMm").value == 2.5 and page.ui.methodProblemLabel.isHidden()
    add(page, "Crop")
    assert page.ui.methodProblemLabel.text == "Step 3 (Crop) still needs: Lower corner, Upper corner."
    assert "enter three numbers" in enter(page, lowRas="1 2", highRas="9 9 9")


def test_handStructureTakesAMethodAndSubtracts(page):
    page.click("segmentButton")
    choose(page, "Organ")
    assert page.whyNot("previewButton") == "No program finds it here: segment it by hand."
    add(page, "Threshold")
    assert page.ui.methodProblemLabel.text == "Step 1 (Threshold) still needs: Lowest intensity."
    enter(page, minimumHu=1000.5)
    assert page.ui.thresholdSliderWidget.isHidden(), "the slider holds whole numbers only"
    add(page, "Without another structure")
    enter(page, structure="Large bone")
    assert "Nothing is kept yet" in page.click("previewButton")
    assert page.click("segmentButton") == "Organ is segmented."
    assert methodMade(page, "Organ")[0]["minimumHu"] == 1000.5


def test_sceneBringsTheMethodBack(page, tmp_path):
    add(page, "Growing", after=1)
    enter(page, radiusMm=1.5)
    (tmp_path / "saved").mkdir()
    path = str(tmp_path / "saved" / "scene.mrb")
    assert slicer.util.saveScene(path)
    page.user.host.closeScene()
    assert steps(page) == []
    page.user.host.act(slicer.util.loadScene, path)
    assert page.rows("methodStepsTable")[2] == ("Growing", "radius 1.50 mm")
    page.home.parameters.methodsJson = "{"
    page.user.host.act(page.home.refresh)
    assert "cannot be read" in page.whyNot("segmentButton")
    page.click("ownMethodButton")
    assert steps(page) == ["Threshold", "Largest island"] and page.ui.segmentButton.enabled


def test_anotherCaseBeginsWithTheProcedures(page, ownSite):
    page.enter(thresholdSliderWidget=700)
    add(page, "Growing", after=1)
    other = boneCase(page.user.casesFolder, ownSite, "other", patientId="OTHER-1")
    page.user.open(other)
    assert steps(page) == ["Threshold", "Largest island"] and page.ui.thresholdSliderWidget.value == 300


def test_withoutACaseNoStepIsOffered(user, ownSite):
    page = Page(user, user.show("PlanningHub"), "SegmentationPanel")
    for name in ("addStepButton", "stepUpButton", "removeStepButton", "applyStepButton", "ownMethodButton"):
        assert page.whyNot(name) == "Open a case first."


@pytest.mark.parametrize("kind", STEPS, ids=lambda kind: kind.do)
def test_everyStepHasFieldsAndIsComplete(kind):
    method = MethodEditing.withNewStep(None, kind.do, -1, "Skull")
    fields = MethodEditing.fieldsOf(kind.do)
    assert [one.key for one in fields if one.kind == "json"] == []
    assert {one.key for one in fields} == set(kind.parameters) and all(one.title for one in fields)
    if MethodEditing.problemIn(method) == "":
        checkedMethod(method)
    else:
        assert kind.required or kind.do == "closing"
        with pytest.raises(InputRefused):
            checkedMethod(method)


def test_damagedTextIsRefused():
    good = MethodEditing.textOf({"Skull": {"steps": [{"do": "largest-island"}]}}, "a")
    assert MethodEditing.methodsIn(good, "a") == json.loads(good)["methods"]
    assert MethodEditing.methodsIn(good, "b") is None and MethodEditing.methodsIn("", "a") is None
    for bad in ("{", "[]", "{}", good.replace('"do"', '"d"'), good.replace('"steps"', '"step"'), '"x"'):
        with pytest.raises(InputRefused, match="cannot be read"):
            MethodEditing.methodsIn(bad, "a")
