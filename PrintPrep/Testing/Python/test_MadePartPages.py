"""The pages of parts that are made, as their user meets them: result and map, queue, papers, inspection."""

import numpy
import pytest
from InspectionMaking import bracketMesh, fine, scanned, writeScan
from PapersMaking import TRAVELLER, approve
from PrintPages import PrintPage
from vtk.util import numpy_support

from PlanningHubLib.Case import Case
from PrintPrepLib.Proof.DeviationMap import ARRAY
from PrintPrepLib.SceneStage import MAP_ATTRIBUTE
from StandInHost.User import message, sceneNodes, tree


def mapNodes(className="vtkMRMLModelNode"):
    return [node for node in sceneNodes() if node.IsA(className) and node.GetAttribute(MAP_ATTRIBUTE)]


def visible():
    models = [node for node in sceneNodes() if node.IsA("vtkMRMLModelNode") and not node.GetHideFromEditors()]
    return sorted(node.GetName() for node in models if node.GetDisplayVisibility())


# Result


def test_theFiguresSayAccuracyAndWhatEachStepTook(user, aCaseFolder):
    user.open(aCaseFolder("printed"))
    page = PrintPage(user, "ResultPanel")
    rows, facts = dict(page.rows("partTable")), page.case().latest("part").facts
    assert rows["Accuracy"].startswith("within 0.5 mm of the segmentation (procedure cranioplasty")
    assert f"largest {facts['accuracy']['maximumMm']:.3f} mm" in rows["Distance"]
    budget = {step: (mean, largest) for step, mean, largest in page.rows("budgetTable")}
    assert set(budget) == {"segmentation voxel", "smoothing", "simplification", "all steps, measured"}
    assert budget["simplification"][1] == f"{facts['budget'][2]['maximumMm']:.3f} mm"
    assert any("whose it is" in text for _grave, text, _action in page.rows("findingsTable"))


def test_theDeviationMapIsShownWithItsScaleAndTakenBack(user, aCaseFolder):
    import slicer

    user.open(aCaseFolder("printed"))
    page = PrintPage(user, "ResultPanel")
    before, nodes = visible(), len(sceneNodes())
    page.click("mapButton")
    assert "colored by how far it lies off" in message(page.home) and page.ui.mapButton.checked
    (node,) = mapNodes()
    display, facts = node.GetDisplayNode(), page.case().latest("part").facts
    assert visible() == [node.GetName()], "nothing hides the map"
    assert display.GetScalarVisibility() and display.GetActiveScalarName() == ARRAY
    assert display.GetScalarRange() == pytest.approx((-0.625, 0.625)), "a quarter more than the tolerance"
    shownMm = numpy_support.vtk_to_numpy(node.GetPolyData().GetPointData().GetArray(ARRAY))
    assert numpy.nanmax(numpy.abs(shownMm)) == pytest.approx(facts["accuracy"]["maximumMm"], abs=0.05)
    low, high = numpy.array(facts["boundsLpsMm"])
    boundsRas = numpy.array(node.GetPolyData().GetBounds()).reshape(3, 2)
    assert boundsRas[0] == pytest.approx([-high[0], -low[0]], abs=0.01), "the scene is RAS"
    assert boundsRas[2] == pytest.approx([low[2], high[2]], abs=0.01)
    colors = display.GetColorNode().GetColorTransferFunction()
    assert colors.GetColor(0.4)[0] > colors.GetColor(0.4)[2] and colors.GetColor(-0.4)[2] > colors.GetColor(-0.4)[0]
    legend = slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(display)
    assert legend is not None and legend.GetVisibility()
    page.click("mapButton")
    assert mapNodes() == [] and visible() == before and len(sceneNodes()) == nodes


def test_theMapLeavesWithItsCase_andAPartWithoutOneSaysSo(user, aCaseFolder):
    folder = aCaseFolder("printed")
    user.open(folder)
    page = PrintPage(user, "ResultPanel")
    page.click("mapButton")
    user.open(aCaseFolder("imported", "other"))
    assert mapNodes() == []
    user.open(folder)
    next(folder.rglob("accuracy.vtp")).write_bytes(b"something else")
    page = PrintPage(user, "ResultPanel")
    assert "was changed outside the suite" in page.click("mapButton") and mapNodes() == []
    assert not page.ui.mapButton.checked


def test_withoutAPartTheOtherPagesSayWhatIsMissing(user, aCaseFolder):
    user.open(aCaseFolder("segmented"))
    for name, button in (("ResultPanel", "mapButton"), ("BuildPanel", "buildButton"), ("PapersPanel", "papersButton"),
                         ("InspectionPanel", "inspectButton")):  # fmt: skip
        assert PrintPage(user, name).whyNot(button) == "Make a part first."
    user.host.closeScene()
    assert PrintPage(user, "PapersPanel").whyNot("papersButton") == "Open a case first."


# Queue


@pytest.mark.slow
def test_whatGoesWrongWithOnePartDoesNotStopTheOthers(user, aCaseFolder, tmp_path):
    import slicer

    user.open(aCaseFolder("segmented"))
    part = PrintPage(user)
    part.enter(labelCheckBox=False, toleranceSpinBox=0.02)
    assert part.click("queueButton") == "It waits in the queue."
    part.enter(toleranceSpinBox=0.5)
    part.click("queueButton")
    page = PrintPage(user, "QueuePanel")
    assert [row[2] for row in page.rows("queueTable")] == ["waits", "waits"]
    assert page.click("runButton") == "1 made, 1 failed."
    failed, made = (row[2] for row in page.rows("queueTable"))
    assert failed.startswith("failed: The part lies") and made == "made: part-1.1"
    assert page.whyNot("runButton") == "Nothing waits." and page.case().verify() == []
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    user.host.closeScene()
    assert page.rows("queueTable") == []
    user.host.act(slicer.util.loadScene, str(tmp_path / "scene.mrb"))
    assert [row[2] for row in page.rows("queueTable")] == [failed, made]
    page.select("queueTable", 0)
    page.click("againButton")
    assert page.rows("queueTable")[0][2] == "waits"
    page.click("emptyButton")
    assert page.rows("queueTable") == [] and page.whyNot("runButton") == "Nothing is in the queue."


def test_aCancelledQueueKeepsWhatWaits(user, aCaseFolder):
    folder = aCaseFolder("segmented")
    user.open(folder)
    part = PrintPage(user)
    part.enter(labelCheckBox=False)
    part.click("queueButton")
    page, before = PrintPage(user, "QueuePanel"), tree(folder)
    done = user.cancelDuring(page.home, 0.4)
    assert page.click("runButton") == "Cancelled; the parts that were made before are kept." and done
    assert tree(folder) == before and page.rows("queueTable")[0][2] == "waits"


# Papers, inspection


def test_papersAreFilledIn_andWhatIsLeftToDoIsNamed(aGuide):
    page = aGuide("PapersPanel")
    assert page.ui.missingLabel.text.startswith("The traveller still needs: Machine")
    page.type("fieldsTable", 0, 2, TRAVELLER["machine"])
    assert page.click("papersButton") == "The papers are made."
    papers = page.case().latest("papers")
    assert {name for name, _file in page.rows("filesTable")} >= {"Job ticket", "Traveller", "Inspection sheet", "Label"}
    assert "NOT APPROVED" in page.ui.papersLabel.text and "machine" not in papers.facts["travellerMissing"]
    assert "part-1.1 is not approved." in page.ui.releaseLabel.text
    assert "The traveller does not say: Lot of the material." in page.ui.releaseLabel.text
    for row, name in enumerate(page.panel._names):
        if name in TRAVELLER:
            page.type("fieldsTable", row, 2, TRAVELLER[name])
    page.click("papersButton")
    assert page.case().latest("papers").facts["travellerMissing"] == [] and page.ui.missingLabel.isHidden()
    assert "The printed part was not inspected." in page.ui.releaseLabel.text


def test_aBadEntryIsRefusedInWordsAndKeepsNothing(aGuide):
    page = aGuide("PapersPanel")
    row = page.panel._names.index("printed")
    page.type("fieldsTable", row, 2, "yesterday")
    before = tree(page.home.activeFolder())
    assert "Enter a date not in the future, such as 2026-01-31." in page.click("papersButton")
    assert tree(page.home.activeFolder()) == before


def test_papersOfAPartThatDoesNotStateItsUseAreRefused(user, aCaseFolder):
    user.open(aCaseFolder("printed"))
    page = PrintPage(user, "PapersPanel")
    assert "names no process and no material" in page.click("papersButton")
    assert page.case().latest("papers") is None


def test_whatWasReadIsJudged_andAFailureIsPlain(aGuide):
    page = aGuide("InspectionPanel")
    assert page.ui.inspectButton.text == "Measure the nominal values"
    assert page.click("inspectButton") == "The inspection is not complete yet."
    assert [row[:3] for row in page.rows("dimensionsTable")] == [
        (f"extent {axis}", f"{mm}.00 mm", "±0.25 mm") for axis, mm in (("x", 60), ("y", 40), ("z", 30))
    ]
    page.enter(instrumentLineEdit="caliper 7")
    for row, text in enumerate(("60,1", "39.9", "31")):
        page.type("dimensionsTable", row, 3, text)
    assert page.click("inspectButton") == "The printed part FAILS: do not hand it out."
    assert [row[4] for row in page.rows("dimensionsTable")] == ["pass", "pass", "FAIL"]
    page.type("dimensionsTable", 2, 3, "30.1")
    assert page.click("inspectButton") == "The printed part passes."
    facts = page.case().latest("inspection").facts
    assert facts["verdict"] == "pass" and facts["instrument"] == "caliper 7"
    page.type("dimensionsTable", 2, 3, "long")
    assert "is no length in mm" in page.click("inspectButton")


def test_aScanIsCompared_itsUnitAskedFor(aGuide, tmp_path):
    page = aGuide("InspectionPanel")
    path = writeScan(tmp_path / "scan.stl", scanned(fine(bracketMesh())))
    assert page.whyNot("scanButton") == "Choose the scan."
    page.enter(scanPathLineEdit=path)
    assert page.whyNot("scanButton") == "State the scan's unit."
    page.enter(unitComboBox="inch")
    assert "scan" in page.click("scanButton")
    assert page.case().latest("inspection") is None
    page.enter(unitComboBox="mm")
    assert page.click("scanButton") == "The printed part passes."
    rows = dict(page.rows("scanTable"))
    assert rows["Verdict"] == "pass" and float(rows["Off on average"].split()[0]) < 0.1


def test_anApprovedInspectedPartMayBeHandedOut(aGuide):
    inspection = aGuide("InspectionPanel")
    inspection.click("inspectButton")
    for row, text in enumerate(("60.0", "40.0", "30.0")):
        inspection.type("dimensionsTable", row, 3, text)
    inspection.click("inspectButton")
    with Case.open(inspection.home.activeFolder(), writable=True) as case:
        approve(case)
    page = aGuide("PapersPanel")
    for row, name in enumerate(page.panel._names):
        if name in TRAVELLER:
            page.type("fieldsTable", row, 2, TRAVELLER[name])
    page.click("papersButton")
    assert page.ui.releaseLabel.text == "Nothing is left to do: the part may be handed out."
