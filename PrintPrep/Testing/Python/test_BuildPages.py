"""The page of builds: what is laid on plates, its picture, and the plate in the 3D view."""

import numpy
import pytest
from PrintPages import PrintPage

from PrintPrepLib.Production.Build import readBuild
from PrintPrepLib.SceneStage import MAP_ATTRIBUTE, PLATE_ATTRIBUTE
from StandInHost.User import sceneNodes


def staged(attribute=PLATE_ATTRIBUTE):
    return [node for node in sceneNodes() if node.IsA("vtkMRMLModelNode") and node.GetAttribute(attribute)]


def visible():
    models = [node for node in sceneNodes() if node.IsA("vtkMRMLModelNode") and not node.GetHideFromEditors()]
    return sorted(node.GetName() for node in models if node.GetDisplayVisibility())


def boundsOf(node):
    return numpy.array(node.GetPolyData().GetBounds()).reshape(3, 2)


@pytest.fixture
def aBuild(aGuide):
    """The page of a build with two plates of one part: twelve copies."""
    page = aGuide("BuildPanel")
    page.enter(slicingCheckBox=False, directionLineEdit="0, 0, 1")
    page.type("partsTable", 0, 3, "12")
    assert page.click("buildButton") == "The build is made."
    return page


def test_aBuildShowsItsPlates_andWhatDoesNotFitIsSaid(aGuide):
    page = aGuide("BuildPanel")
    page.enter(slicingCheckBox=False)
    assert page.click("buildButton") == "The build is made."
    build = page.case().latest("build")
    ((number, parts, height, *_more, asked),) = page.rows("platesTable")
    assert (number, parts, asked) == ("1", "Bracket", "not asked") and height.endswith(" mm")
    assert f"{build.facts['estimate']['hours']:.1f} h" in page.ui.buildLabel.text
    assert len(page.rows("orientationTable")) == 1 and page.ui.plateButton.enabled
    page.enter(directionLineEdit="up")
    assert page.click("buildButton") == "Upwards: enter three numbers."
    page.enter(directionLineEdit="0, 0, 1", profileComboBox="Titanium, by an external maker")
    assert "the maker lays out the plates" in page.click("buildButton")
    import qt

    page.user.host.act(page.ui.partsTable.item(0, 0).setCheckState, qt.Qt.Unchecked)
    assert page.whyNot("buildButton") == "Check a part."


def test_copiesAreTyped_andWhatIsNoNumberIsSaid(aGuide):
    page = aGuide("BuildPanel")
    page.enter(slicingCheckBox=False, directionLineEdit="0, 0, 1")
    for text, said in (("two", "two is no number of copies."), ("", "– is no number of copies."), ("0", "0 copies")):
        page.type("partsTable", 0, 3, text)
        assert said in page.click("buildButton") and page.case().latest("build") is None
    page.type("partsTable", 0, 3, "2")
    assert page.click("buildButton") == "The build is made."
    assert page.case().latest("build").parameters["copies"] == {"part-1": 2}
    assert page.rows("platesTable")[0][1] == "Bracket 1/2, Bracket 2/2"
    assert page.rows("partsTable")[0][3] == "2", "what was typed stays"


def test_platesArePagedThrough_eachWithItsPicture(aBuild):
    page, seen = aBuild, []
    assert [row[0] for row in page.rows("platesTable")] == ["1", "2"]
    assert page.whyNot("previousButton") == "This is the first plate."
    for _plate in range(2):
        picture = page.ui.plateLabel.pixmap
        seen.append(picture.toImage())
        assert picture.width() == 420 and picture.height() > 200
        assert page.ui.plateLabel.minimumHeight == picture.height(), "the layout leaves it room"
        page.user.host.act(page.ui.nextButton.click)
    assert seen[0] != seen[1] and page.whyNot("nextButton") == "This is the last plate."
    page.click("previousButton")
    assert page.ui.plateLabel.pixmap.toImage() == seen[0]
    case = page.case()
    plates = readBuild(case, case.latest("build"))["plates"]
    case.path(case.latest("build"), plates[1]["picture"]).write_bytes(b"something else")
    page.click("nextButton")
    assert "was changed outside the suite" in page.ui.plateLabel.text


def test_thePlateIsShownIn3D_asThePartsLieOnIt_andTakenAway(aBuild):
    page, before, nodes = aBuild, visible(), len(sceneNodes())
    page.click("showPlateButton")
    assert page.ui.showPlateButton.checked
    case = page.case()
    first, second = readBuild(case, case.latest("build"))["plates"]
    *parts, box = staged()
    assert visible() == sorted(node.GetName() for node in (*parts, box)), "nothing else is in the way"
    assert len(parts) == len(first["parts"])
    for node, row in zip(parts, first["parts"], strict=True):
        (left, front, low), (right, back, high) = row["boundsMm"]
        # The plate's front faces who stands before the patient: x is the scene's left, y its back.
        expected = [[100 - right, 100 - left], [62.5 - back, 62.5 - front], [low, high]]
        assert boundsOf(node) == pytest.approx(numpy.array(expected), abs=0.01)
    assert numpy.ptp(boundsOf(box), axis=1) == pytest.approx([200, 125, 210], abs=2.5), "Form 4"
    page.click("nextButton")
    assert len(staged()) == len(second["parts"]) + 1 and page.ui.showPlateButton.checked, "it follows the page"
    page.click("showPlateButton")
    assert staged() == [] and visible() == before and len(sceneNodes()) == nodes


def test_mapAndPlateTakeEachOthersPlace(aBuild):
    page = aBuild
    page.click("showPlateButton")
    result = PrintPage(page.user, "ResultPanel")
    result.click("mapButton")
    assert staged() == [] and len(staged(MAP_ATTRIBUTE)) == 1
    again = PrintPage(page.user, "BuildPanel")
    assert not again.ui.showPlateButton.checked
    again.click("showPlateButton")
    assert staged(MAP_ATTRIBUTE) == [] and len(staged()) > 1


def test_eachCopyHasItsOwnEntriesAndInspection(aGuide):
    page = aGuide("BuildPanel")
    page.enter(slicingCheckBox=False, directionLineEdit="0, 0, 1")
    page.type("partsTable", 0, 3, "2")
    page.click("buildButton")
    papers = PrintPage(page.user, "PapersPanel")
    assert papers.ui.copyComboBox.currentText == "all copies" and not papers.ui.copyComboBox.isHidden()
    row = papers.panel._names.index("cycle-number")
    papers.enter(copyComboBox="copy 2 of 2")
    papers.type("fieldsTable", row, 2, "C-102")
    assert papers.click("papersButton") == "The papers are made."
    assert papers.rows("fieldsTable")[row][2] == "C-102"
    papers.enter(copyComboBox="copy 1 of 2")
    assert papers.rows("fieldsTable")[row][2] == "", "it was entered for the other copy"
    assert "Copy 1 of 2: The printed part was not inspected." in papers.ui.releaseLabel.text
    inspection = PrintPage(page.user, "InspectionPanel")
    assert inspection.ui.copyComboBox.currentText == "copy 1 of 2", "one is always meant"
    inspection.click("inspectButton")
    for number, text in enumerate(("60.0", "40.0", "30.0")):
        inspection.type("dimensionsTable", number, 3, text)
    assert inspection.click("inspectButton") == "The printed part passes."
    inspection.enter(copyComboBox="copy 2 of 2")
    assert inspection.rows("dimensionsTable") == [], "the other copy was not read yet"
    assert page.case().latest("inspection").parameters["copy"] == 1
