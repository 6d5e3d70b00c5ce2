"""The page of the segmentation as its user meets it: structures, preview, points, the hand, files and reviews."""

import numpy
import pytest
import slicer
from CaseMaking import tree
from PanelPages import Page
from StructureMaking import boneCase, masksOf, onSmallBone
from test_HandEdits import paint
from test_LabelFiles import imageOf, organMap, written

from PlanningHubLib.Case import Case
from PlanningHubLib.Segmenting.Preview import previewNode
from PlanningHubLib.Session import Session
from PlanningHubLib.Volumes import readGeometry
from StandInHost.User import printing, sceneNodes


@pytest.fixture
def page(user, ownSite, tmp_path):
    """The page, with a case of two bones open on it."""
    (user.casesFolder).mkdir(exist_ok=True)
    folder = boneCase(user.casesFolder, ownSite)
    page = Page(user, user.open(folder), "SegmentationPanel")
    page.folder = folder
    return page


def choose(page, name):
    page.select("structuresTable", [row[0] for row in page.rows("structuresTable")].index(name))


def row(page, name):
    return next(one[1:] for one in page.rows("structuresTable") if one[0] == name)


def case(page):
    return Case.open(page.folder)


def placePoints(page, points):
    page.user.host.act(setattr, page.ui.placeButton, "checked", True)
    (node,) = (one for one in sceneNodes() if one.GetAttribute("PlanningHub.seedsOf"))
    for point in points:
        page.user.host.act(node.AddControlPoint, *point)
    page.user.host.act(setattr, page.ui.placeButton, "checked", False)
    return node


def shown(page):
    from PlanningHubLib.CaseView import shownNode

    return shownNode(slicer.mrmlScene, case(page), "segmentation")


def paintByHand(page, name, voxel=(0, 0, 0)):
    """Paint a voxel while another module is in front, as with the Segment Editor; then come back."""
    page.user.show("PrintPrep")
    paint(page.folder, Session.start(), shown(page), name, voxel)
    page.user.show("PlanningHub")


def test_structuresOfTheProcedureAreListed(page):
    assert page.rows("structuresTable") == [
        ("Large bone", "not yet", "", ""),
        ("Small bone", "needs points", "", ""),
        ("Metal", "not yet", "", ""),
        ("Rest", "not yet", "", ""),
        ("Organ", "by hand or file", "", ""),
    ]
    assert page.home.parameters.structure == "Large bone" and page.ui.closingSpinBox.isHidden()
    choose(page, "Metal")
    assert page.home.parameters.thresholdHu == 2500 and page.ui.thresholdSliderWidget.value == 2500
    choose(page, "Organ")
    assert page.ui.thresholdSliderWidget.isHidden()
    assert page.whyNot("segmentButton") == "No program finds it here: segment it by hand."


def test_previewKeepsNothing(page):
    before = tree(page.folder)
    page.enter(thresholdSliderWidget=500)
    assert page.click("previewButton") == "This is what it would be: Large bone. Nothing is kept yet."
    node = previewNode(slicer.mrmlScene)
    assert node.GetName() == "Preview of Large bone" and tree(page.folder) == before
    assert page.click("segmentButton") == "Large bone is segmented."
    assert previewNode(slicer.mrmlScene) is None
    made = case(page).latest("segmentation").parameters["structures"]["Large bone"]
    assert made["method"]["steps"][0]["minimumHu"] == 500
    assert row(page, "Large bone") == ("segmented", "0.2", "")
    assert page.ui.segmentationLabel.text == "Large bone: 0.2 ml at 500 HU and above."


def test_pointsAreClickedAndKeptInTheCase(page):
    choose(page, "Small bone")
    assert page.whyNot("segmentButton") == "Place points on: Small bone."
    node = placePoints(page, onSmallBone(page.folder))
    assert node.GetName() == "Points on Small bone"
    assert page.click("segmentButton") == "Small bone is segmented."
    made = case(page).latest("segmentation").parameters["structures"]["Small bone"]
    assert numpy.allclose(made["seedsRas"]["Small bone"], onSmallBone(page.folder))
    page.click("clearButton")
    assert page.whyNot("segmentButton") == "Place points on: Small bone."


def test_allThatNeedsNobody(page):
    assert page.click("templateButton") == "The structures are segmented."
    assert [one[1] for one in page.rows("structuresTable")][:2] == ["segmented", "needs points"]
    assert "Small bone was left out: it needs points." in page.ui.segmentationLabel.text


def test_whatTheHandChangedIsNoticedAndKept(page):
    page.click("segmentButton")
    assert page.ui.editsLabel.isHidden() and page.whyNot("keepButton") == "Nothing was changed by hand."
    paintByHand(page, "Large bone")
    assert page.ui.editsLabel.text == "By hand, not kept yet: changed: Large bone."
    assert row(page, "Large bone")[0] == "changed by hand"
    assert page.whyNot("segmentButton") == "Keep or discard first what was changed by hand."
    assert "are kept" in page.click("keepButton")
    assert case(page).latest("segmentation").parameters["method"] == "hand"
    assert row(page, "Large bone")[0] == "by hand" and page.ui.editsLabel.isHidden()
    assert masksOf(page.folder, Session.start())["Large bone"][0, 0, 0]


def test_whatTheHandChangedIsDiscarded(page):
    page.click("segmentButton")
    before = tree(page.folder)
    paintByHand(page, "Large bone")
    assert page.click("discardButton") == "The segmentation is shown as it is kept."
    assert tree(page.folder) == before and page.ui.editsLabel.isHidden()
    assert len([node for node in sceneNodes() if node.IsA("vtkMRMLSegmentationNode")]) == 1


def test_theButtonLeadsToTheSegmentEditor(page, monkeypatch):
    page.click("segmentButton")
    shownModules = []
    monkeypatch.setattr(slicer.util, "selectModule", shownModules.append)
    page.click("editorButton")
    assert shownModules == ["SegmentEditor"]


def test_maskFromAFileCountsOnceItIsReviewed(page, tmp_path):
    geometry = readGeometry(case(page), case(page).latest("source"))
    path = written(tmp_path, imageOf(organMap(), geometry))
    choose(page, "Organ")
    assert page.whyNot("maskButton") == "Choose a file."
    page.enter(maskPathLineEdit=path, labelSpinBox=4)
    assert "has no label 4" in page.click("maskButton") and case(page).latest("segmentation") is None
    page.enter(labelSpinBox=5)
    assert "counts once it is reviewed" in page.click("maskButton")
    assert row(page, "Organ")[0] == "from a file" and row(page, "Organ")[2] == "needed"
    part = page.user.show("PrintPrep")
    assert "nobody has reviewed Organ" in printing(part).partButton.toolTip
    page.user.show("PlanningHub")
    page.enter(segmentVerdictComboBox="changes needed")
    assert page.whyNot("reviewButton") == "Say what has to change."
    page.enter(segmentVerdictComboBox="accepted", segmentCommentLineEdit="whole organ")
    assert page.click("reviewButton") == "The verdict is recorded."
    assert row(page, "Organ")[2] == "accepted" and page.ui.segmentCommentLineEdit.text == ""
    assert page.ui.reviewLabel.text.startswith("accepted by ") and page.ui.reviewLabel.text.endswith(": whole organ")


def test_anotherCaseBringsNoPointsAndNoPreview(page, ownSite):
    choose(page, "Small bone")
    placePoints(page, onSmallBone(page.folder))
    page.click("previewButton")
    other = boneCase(page.user.casesFolder, ownSite, "other", patientId="OTHER-1")
    page.user.open(other)
    assert previewNode(slicer.mrmlScene) is None
    assert not [node for node in sceneNodes() if node.GetAttribute("PlanningHub.seedsOf")]


def test_savedSceneBringsPointsAndPreviewBack(page, tmp_path):
    choose(page, "Small bone")
    placePoints(page, onSmallBone(page.folder))
    page.click("previewButton")
    (tmp_path / "saved").mkdir()
    path = str(tmp_path / "saved" / "scene.mrb")
    assert slicer.util.saveScene(path)
    page.user.host.closeScene()
    page.user.host.act(slicer.util.loadScene, path)
    assert page.home.parameters.structure == "Small bone" and page.ui.segmentButton.enabled
    assert previewNode(slicer.mrmlScene) is not None
    assert page.click("segmentButton") == "Small bone is segmented."


def test_procedureThatCannotBeUsedIsNamed(page, ownSite):
    path = ownSite / "procedures" / "test-bones.json"
    path.write_text("{")
    page.user.host.act(page.home.refresh)
    assert page.rows("structuresTable") == [] and "cannot be used" in page.ui.hintLabel.text
    assert "cannot be used" in page.whyNot("segmentButton")


def test_withoutACaseNothingIsOffered(user, ownSite):
    page = Page(user, user.show("PlanningHub"), "SegmentationPanel")
    assert page.rows("structuresTable") == []
    for name in ("segmentButton", "previewButton", "templateButton", "keepButton", "reviewButton", "maskButton"):
        assert page.whyNot(name) == "Open a case first."
