"""The home module as its user meets it: cases, import, segmentation, the bar of steps, and the whole chain."""

import subprocess
import sys

import pytest
from CaseMaking import childEnvironment

from Phantom.Faults import damagedCopy
from PlanningHubLib.Case import Case
from StandInHost.User import (
    barTexts,
    bone,
    cases,
    importing,
    message,
    packing,
    printed,
    printing,
    sceneNodes,
    sending,
    tableTexts,
    tree,
)

DONE, STALE, NEXT, OPEN, DAMAGED, LEFT_OUT = "\u2713", "\u26a0", "\u25b6", "\u2022", "\u2717", "\u2013"


@pytest.fixture
def home(user):
    return user.show("PlanningHub")


def marks(widget):
    return "".join(barTexts(widget).values())


def segmentWith(user, home, thresholdHu):
    user.host.enter(bone(home).thresholdSliderWidget, thresholdHu)
    user.host.click(bone(home).segmentButton)


def boneMlOnDisk(case):
    """The volume in ml of what a reader that is not ours finds in the case's segmentation file."""
    import SimpleITK

    image = SimpleITK.ReadImage(str(case.path(case.latest("segmentation"), "segmentation.seg.nrrd")))
    voxelMl = image.GetSpacing()[0] * image.GetSpacing()[1] * image.GetSpacing()[2] / 1000
    return int((SimpleITK.GetArrayViewFromImage(image) > 0).sum()) * voxelMl


def test_withoutACaseThereIsNothingToDo(home):
    assert home.header.nameLabel.text == "No case is open"
    assert home.header.sideLabel.isHidden() and message(home) == ""
    buttons = (cases(home).openButton, importing(home).importButton, bone(home).segmentButton)
    for button in (*buttons, *home.stepBar.buttons.values()):
        assert not button.enabled
    assert home.ui.progressBar.isHidden() and home.ui.cancelButton.isHidden()
    assert tableTexts(cases(home).casesTable) == [] and importing(home).sourcePathLineEdit.currentPath == ""


def test_sideIsNeverGuessed(user, home, smallHead):
    user.host.enter(importing(home).sourcePathLineEdit, smallHead)
    assert home.parameters.side == "choose a side" and not importing(home).checkButton.enabled
    user.host.enter(importing(home).sideComboBox, "midline")
    assert importing(home).checkButton.enabled and not importing(home).importButton.enabled
    user.host.enter(importing(home).sideComboBox, "choose a side")
    assert not importing(home).checkButton.enabled


def test_aCtBecomesACaseAndItsBoneIsSegmented(user, smallHead):
    home = user.importSeries(smallHead, "left", "Cranioplasty")
    assert message(home) == "The series was checked and is now a case."
    (folder,) = user.casesFolder.iterdir()
    assert (home.header.nameLabel.text, home.header.sideLabel.text) == (folder.name, "LEFT")
    assert home.header.procedureLabel.text == "cranioplasty"
    assert tableTexts(cases(home).casesTable) == [(f"{folder.name}\ncranioplasty", "LEFT", "Bone", "", "")]
    assert marks(home) == DONE + NEXT + OPEN * 4
    segmentWith(user, home, 350)
    case = Case.open(folder)
    assert case.verify() == [] and case.side == "left"
    volumeMl = boneMlOnDisk(case)
    # The phantom's whole bone is larger: the mandible is an island of its own.
    assert 600 < volumeMl < 1100
    assert bone(home).segmentationLabel.text.splitlines()[0] == f"Skull: {volumeMl:.1f} ml at 350 HU and above."
    assert tableTexts(cases(home).casesTable)[0][2] == "Plan" and marks(home) == DONE * 2 + NEXT + OPEN * 3


def test_theNextPatientStartsFromAnEmptyForm(user, smallHead):
    home = user.importSeries(smallHead, "left", "Cranioplasty")
    assert importing(home).sideComboBox.currentText == "choose a side" and not importing(home).importButton.enabled
    assert importing(home).sourcePathLineEdit.currentPath == importing(home).procedureComboBox.currentText == ""
    assert importing(home).resultWidget.isHidden() and not importing(home).checkButton.enabled


def test_fourModulesFromCtToStore_andWhatChangesMakesTheRestStale(user, smallHead, tmp_path):
    home = user.importSeries(smallHead, "left")
    user.host.click(bone(home).segmentButton)
    prepare = user.show("PrintPrep")
    user.host.click(printing(prepare).partButton)
    export = user.show("ORExport")
    user.host.enter(packing(export).outPathLineEdit, tmp_path / "package")
    user.host.click(packing(export).packageButton)
    sync = user.show("CentralSync")
    user.host.enter(sync.ui.storeLineEdit, str(tmp_path / "store"))
    user.host.click(sending(sync).sendButton)
    for widget in (prepare, export, sync):
        assert widget.header.sideLabel.text == "LEFT"
    home = user.show("PlanningHub")
    (folder,) = user.casesFolder.iterdir()
    case = Case.open(folder)
    assert case.verify() == [] and case.latest("receipt").facts["verified"] > 60
    assert marks(home) == DONE * 2 + LEFT_OUT + DONE * 3 and tableTexts(cases(home).casesTable)[0][2] == "complete"

    segmentWith(user, home, 500)
    assert marks(home) == DONE * 2 + LEFT_OUT + STALE * 3
    assert boneMlOnDisk(Case.open(folder)) < boneMlOnDisk(case)
    user.show("PrintPrep")
    assert printed(prepare).stateLabel.text.startswith("Stale: ")
    user.show("ORExport")
    assert tableTexts(packing(export).packageTable)[0][0].startswith("Stale: ")
    user.host.enter(packing(export).outPathLineEdit, tmp_path / "second")
    user.host.click(packing(export).packageButton)
    assert "is stale: what it was made from has changed since" in message(export)
    assert not (tmp_path / "second").exists()


def test_aDamagedFileIsSeenInTheBar(user, aCaseFolder):
    folder = aCaseFolder("printed")
    stl = next(folder.rglob("*.stl"))
    stl.write_bytes(stl.read_bytes()[:-1] + b"x")
    assert marks(user.open(folder)) == DONE * 2 + LEFT_OUT + DAMAGED + OPEN * 2


@pytest.mark.parametrize("fault", ["emptyFolder", "textFile"])
def test_aFolderWithoutImagesIsRefusedInWords(user, smallHead, tmp_path, fault):
    home = user.check(damagedCopy(fault, smallHead, tmp_path / "ct"))
    assert "DICOM" in message(home) and "bug" not in message(home)
    assert importing(home).resultWidget.isHidden() and not importing(home).importButton.enabled
    # What was entered stays, to be corrected.
    assert importing(home).sideComboBox.currentText == "left" and importing(home).checkButton.enabled


def test_aPlaceThatCannotBeWrittenIsNamed(user, smallHead, tmp_path):
    home = user.check(smallHead)
    (tmp_path / "occupied").write_text("a file, not a folder")
    user.host.enter(cases(home).casesPathLineEdit, tmp_path / "occupied")
    user.host.click(importing(home).importButton)
    assert str(tmp_path / "occupied") in message(home) and "cannot be written" in message(home)


def test_cancelledImportLeavesNoCase(user, smallHead):
    home = user.check(smallHead)
    assert user.cancelDuring(home, 0.7) == []
    user.host.click(importing(home).importButton)
    assert message(home) == "Cancelled; the case is as it was."
    assert list(user.casesFolder.iterdir()) == [] and home.header.nameLabel.text == "No case is open"


@pytest.mark.parametrize("fraction", [0.01, 0.2, 0.7, 0.9])
def test_cancelledSegmentationLeavesTheCaseAsItWas(user, aCaseFolder, fraction):
    folder = aCaseFolder("segmented")
    home = user.open(folder)
    before, nodes = tree(folder), sceneNodes()
    done = user.cancelDuring(home, fraction)
    segmentWith(user, home, 500)
    assert done and message(home) == "Cancelled; the case is as it was."
    assert tree(folder) == before and sceneNodes() == nodes
    assert home.ui.actionsWidget.enabled and home.ui.progressBar.isHidden()
    user.host.click(bone(home).segmentButton)
    assert message(home) == "Skull is segmented."


def test_cancelledOpeningStaysWithTheFirstPatient(user, aCaseFolder):
    first, second = aCaseFolder("segmented", "first"), aCaseFolder("imported", "second")
    home = user.open(first)
    nodes = sceneNodes()
    user.cancelDuring(home, 0.4)
    user.open(second)
    assert message(home).startswith("Cancelled")
    assert home.activeFolder() == str(first) and sceneNodes() == nodes


def test_oneStepAtATime(user, aCaseFolder):
    import slicer

    folder = aCaseFolder("segmented")
    home = user.open(folder)
    seen = {}

    def meddle():
        ui = home.ui
        seen["locked"] = not ui.actionsWidget.enabled and not bone(home).segmentButton.isEnabled()
        seen["progress"] = (ui.progressBar.isHidden(), ui.cancelButton.isHidden(), ui.progressBar.text != "")
        home.panel("SegmentationPanel").onSegment()
        slicer.util.selectModule("PrintPrep")
        other = slicer.util.getModuleWidget("PrintPrep")
        printing(other).partButton.click()
        seen["other"] = message(other)

    user.during(home, meddle, 0.2)
    segmentWith(user, home, 500)
    assert seen["locked"] and seen["progress"] == (False, False, True)
    assert seen["other"] == "Another step is still running. Wait for it, or cancel it there."
    case = Case.open(folder)
    assert case.latest("segmentation").revision == 2 and case.latest("part") is None
    assert message(home) == "Skull is segmented." and home.ui.actionsWidget.enabled


def test_sceneClosedInTheMiddleCancels(user, aCaseFolder):
    import slicer

    folder = aCaseFolder("segmented")
    home = user.open(folder)
    before = tree(folder)
    user.during(home, lambda: slicer.mrmlScene.Clear(0), 0.2)
    segmentWith(user, home, 500)
    assert message(home).startswith("Cancelled") and tree(folder) == before
    assert home.header.nameLabel.text == "No case is open"


def test_reloadedInTheMiddleCancels(user, aCaseFolder):
    import slicer

    folder = aCaseFolder("segmented")
    home = user.open(folder)
    before = tree(folder)
    user.during(home, lambda: slicer.util.reloadScriptedModule("PlanningHub"), 0.2)
    segmentWith(user, home, 500)
    assert tree(folder) == before
    home = user.show("PlanningHub")
    segmentWith(user, home, 500)
    assert message(home) == "Skull is segmented."


def test_closedSceneForgetsTheCaseAndTheMessage(user, aCaseFolder):
    home = user.open(aCaseFolder("segmented"))
    assert message(home) == "The case is open."
    user.host.closeScene()
    assert home.header.nameLabel.text == "No case is open" and message(home) == ""
    assert home.activeFolder() == "" and not bone(home).segmentButton.enabled and marks(home) == OPEN * 6
    assert bone(home).segmentationLabel.text == "No segmentation yet."


@pytest.mark.parametrize("suffix", ["mrb", "mrml"])
def test_savedSceneBringsTheCaseAndTheChoicesBack(user, aCaseFolder, tmp_path, suffix):
    import slicer

    home = user.open(aCaseFolder("segmented"))
    name = home.header.nameLabel.text
    user.host.enter(bone(home).thresholdSliderWidget, 420)
    (tmp_path / "saved").mkdir()
    path = str(tmp_path / "saved" / f"scene.{suffix}")
    assert slicer.util.saveScene(path)
    user.host.closeScene()
    assert bone(home).thresholdSliderWidget.value == 300
    user.host.act(slicer.util.loadScene, path)
    assert bone(home).thresholdSliderWidget.value == 420 and home.header.nameLabel.text == name
    assert cases(home).casesPathLineEdit.currentPath == str(user.casesFolder)
    assert bone(home).segmentButton.enabled and marks(home) == DONE * 2 + NEXT + OPEN * 3
    user.host.click(bone(home).segmentButton)
    assert message(home) == "Skull is segmented."
    assert len([node for node in sceneNodes() if node.IsA("vtkMRMLSegmentationNode")]) == 1


def test_reloadedModuleShowsTheSameCase(user, aCaseFolder):
    home = user.open(aCaseFolder("segmented"))
    name = home.header.nameLabel.text
    user.host.enter(bone(home).thresholdSliderWidget, 420)
    reloaded = user.host.reloadModule("PlanningHub")
    assert reloaded is not home and reloaded.header.nameLabel.text == name
    assert bone(reloaded).thresholdSliderWidget.value == 420 and bone(reloaded).segmentButton.enabled
    assert home.Observations == []


def test_theBarLeadsToTheModules(user, aCaseFolder):
    import slicer

    home = user.open(aCaseFolder("packaged"))
    for kind, name in (("part", "PrintPrep"), ("package", "ORExport"), ("receipt", "CentralSync")):
        user.host.click(home.stepBar.buttons[kind])
        assert slicer.util.selectedModule() == name and home.parameters is None
        user.show("PlanningHub")
    user.host.click(home.stepBar.buttons["segmentation"])
    assert home.ui.pagesTabWidget.tabText(home.ui.pagesTabWidget.currentIndex) == "Segmentation"
    user.host.click(home.stepBar.buttons["source"])
    assert home.ui.pagesTabWidget.tabText(home.ui.pagesTabWidget.currentIndex) == "Import"


def test_aCaseDeletedUnderOurFeetIsNamedAndNothingIsOffered(user, aCaseFolder):
    import shutil

    folder = aCaseFolder("segmented")
    home = user.open(folder)
    shutil.rmtree(folder)
    user.host.click(bone(home).segmentButton)
    assert str(folder) in message(home) and home.header.nameLabel.text == "No case is open"
    assert not bone(home).segmentButton.enabled and marks(home) == OPEN * 6
    other = user.show("PrintPrep")
    assert message(other) == f"There is no case in {folder} any more." and not printing(other).partButton.enabled


def test_aCaseHeldElsewhereNamesTheHolder(user, aCaseFolder):
    folder = aCaseFolder("segmented")
    home = user.open(folder)
    program = "import sys\nfrom PlanningHubLib.Case import Case\nwith Case.open(sys.argv[1], writable=True):\n"
    program += "    print('held', flush=True)\n    sys.stdin.read()\n"
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=childEnvironment(), encoding="utf-8",
    )  # fmt: skip
    try:
        assert holder.stdout.readline() == "held\n"
        before = tree(folder)
        user.host.click(bone(home).segmentButton)
        assert "is open for writing by" in message(home) and f"process {holder.pid}" in message(home)
        assert tree(folder) == before
    finally:
        holder.communicate("")
    user.host.click(bone(home).segmentButton)
    assert message(home) == "Skull is segmented."


def test_nothingOfTheFirstPatientStaysInTheScene(user, aCaseFolder, smallHead):
    first = aCaseFolder("printed", "first")
    user.open(first)
    count = len(sceneNodes())
    user.host.click(printing(user.show("PrintPrep")).partButton)
    assert any(node.IsA("vtkMRMLModelNode") for node in sceneNodes())
    home = user.importSeries(smallHead, "right")
    firstName = Case.open(first).name
    second = home.case
    assert second.name != firstName and home.header.sideLabel.text == "RIGHT"
    assert not any(node.IsA("vtkMRMLModelNode") or node.IsA("vtkMRMLSegmentationNode") for node in sceneNodes())
    texts = [str(node) for node in sceneNodes()]
    assert not any(firstName in text or str(first) in text for text in texts)
    (volume,) = (node for node in sceneNodes() if node.IsA("vtkMRMLScalarVolumeNode"))
    assert volume.GetName().startswith(second.name)
    user.open(first)
    assert len(sceneNodes()) == count, "nodes pile up"


def test_theSceneHoldsNoPatientData(user, smallHead):
    home = user.importSeries(smallHead, "left", "Cranioplasty")
    user.host.click(bone(home).segmentButton)
    (folder,) = user.casesFolder.iterdir()
    facts = Case.open(folder).latest("source").facts
    secrets = ("PHANTOM-1", "Phantom^Head", smallHead.name, facts["studyUid"], facts["seriesUid"])
    found = [secret for secret in secrets for node in sceneNodes() if secret in str(node)]
    assert found == []


def test_selectionFollowsTheCase_notItsRow(user, aCaseFolder):
    second = aCaseFolder("imported", "b")
    home = user.open(second)
    aCaseFolder("segmented", "a")
    user.host.click(cases(home).refreshButton)
    assert [row[2] for row in tableTexts(cases(home).casesTable)] == ["Plan", "Bone"]
    assert cases(home).casesTable.currentRow() == 1
    (second / "case.json").unlink()
    user.host.click(cases(home).refreshButton)
    assert cases(home).casesTable.currentRow() == -1 and not cases(home).openButton.enabled


def test_anUnreadableCaseIsListedAndRefused(user, aCaseFolder):
    folder = aCaseFolder("imported")
    (folder / "case.json").write_text("{")
    home = user.open(folder)
    assert tableTexts(cases(home).casesTable)[0][0].startswith("[") and message(home) != ""
    assert home.header.nameLabel.text == "No case is open"


def test_unknownErrorsAreShownAsBugs(user, aCaseFolder, monkeypatch):
    home = user.open(aCaseFolder("imported"))
    monkeypatch.setattr("PlanningHubLib.Segmenting.StructureSegmentation.findStructure", lambda *_arguments: 1 / 0)
    user.host.click(bone(home).segmentButton)
    assert message(home) == "This is a bug; please report it: division by zero" and home.ui.actionsWidget.enabled


def test_percentSignsOfATextAreShown(home):
    def step(_session, progress):
        progress(0.5, "at 50%p of 100 %")
        return home.ui.progressBar.text

    assert home.runner.run(step, "").replace("\u2060", "") == "at 50%p of 100 %"


def test_moduleTestsOfItsOwnPass(user):
    import slicer

    for name in ("PlanningHub", "PrintPrep", "ORExport", "CentralSync"):
        slicer.selfTests[name]()


def test_aModuleTestOfItsOwnCanFail(user, monkeypatch):
    import slicer

    widget = slicer.util.getModuleWidget("PrintPrep")
    monkeypatch.setattr(widget, "updateActions", lambda: setattr(printing(widget).partButton, "enabled", True))
    with pytest.raises(AssertionError):
        slicer.selfTests["PrintPrep"]()
