"""The host as a user meets it: modules load, buttons do things, scenes close, errors are seen."""

import pytest

from StandInHost import Host, StandInError, UnansweredModal

from .conftest import SAMPLE_MODULE


def test_startIsIdempotent(host):
    assert Host.start() is host


def test_productCodeFindsSlicer(host):
    import slicer

    from PlanningHubLib.Session import Session

    session = Session.start()
    assert session.insideSlicer
    assert session.scene is slicer.mrmlScene is slicer.app.mrmlScene()
    assert session.applicationLogic is slicer.app.applicationLogic()
    assert session.moduleLogic("Segmentations").GetMRMLScene() is slicer.mrmlScene


def test_stopLeavesSlicerCoreAsItIs_andStartsAgain(host):
    import sys

    import slicer

    host.loadModule(SAMPLE_MODULE)
    host.stop()
    assert not hasattr(slicer, "app") and not hasattr(slicer, "mrmlScene")
    assert "qt" not in sys.modules and "SampleModule" not in sys.modules
    assert Host.start().loadModule(SAMPLE_MODULE).ui.applyButton.text == "Count"


def test_moduleDescribesItself(sample):
    import slicer

    module = slicer.modules.samplemodule
    assert (module.title, module.categories) == ("Sample", ("Testing",))
    assert slicer.util.modulePath("SampleModule") == str(SAMPLE_MODULE)
    assert slicer.util.getModuleLogic("SampleModule") is sample.logic
    assert "SampleModule" in slicer.util.moduleNames()


def test_missingDependencyIsRefused(host, tmp_path):
    source = SAMPLE_MODULE.read_text().replace("SampleModule", "LonelyModule")
    source = source.replace('["Testing"]', '["Testing"]\n        self.parent.dependencies = ["NoSuchModule"]')
    folder = tmp_path / "LonelyModule"
    folder.mkdir()
    (folder / "LonelyModule.py").write_text(source)
    with pytest.raises(StandInError, match="depends on the module NoSuchModule"):
        host.loadModule(folder / "LonelyModule.py")


def test_misspeltModuleAttributeIsRefused(host, tmp_path):
    (tmp_path / "TypoModule.py").write_text(
        SAMPLE_MODULE.read_text().replace("SampleModule", "TypoModule").replace("parent.title", "parent.tilte")
    )
    with pytest.raises(AttributeError, match="tilte"):
        host.loadModule(tmp_path / "TypoModule.py")


def test_userCountsVoxels(host, sample, addVolume):
    applyButton = host.find(sample, "applyButton")
    assert not applyButton.enabled
    with pytest.raises(StandInError, match="disabled"):
        host.click(applyButton)
    addVolume()
    host.find(sample, "historyList").clear()
    assert applyButton.enabled and applyButton.toolTip == "Count voxels"
    host.enter(host.find(sample, "thresholdSlider"), 500.0)
    host.click(applyButton)
    assert host.find(sample, "resultLabel").text == "499 voxels"
    host.enter(host.find(sample, "invertBox"), True)
    host.click(applyButton)
    assert host.find(sample, "resultLabel").text == "501 voxels"
    assert host.find(sample, "historyList").count == 2


def test_userCannotDoWhatTheScreenDoesNotOffer(host, sample, addVolume):
    import slicer

    addVolume()
    model = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode", "Bone")
    with pytest.raises(StandInError, match="does not list"):
        host.enter(host.find(sample, "volumeSelector"), model)
    with pytest.raises(StandInError, match="does not offer None"):
        host.enter(host.find(sample, "volumeSelector"), None)
    with pytest.raises(StandInError, match="has no item 'fastest'"):
        host.enter(host.find(sample, "qualityBox"), "fastest")
    with pytest.raises(StandInError, match="no widget is called"):
        host.find(sample, "noSuchButton")


def test_shownErrorIsRecorded_otherOnesAreRaised(host, sample, addVolume):
    addVolume()
    host.enter(host.find(sample, "titleEdit"), "fail")
    host.click(host.find(sample, "applyButton"))
    assert host.errors == ["Counting failed.\n\nthe title says so"]
    with pytest.raises(ValueError, match="nobody catches this"):
        host.click(host.find(sample, "failButton"))


def test_observerErrorIsRaised(host, sample):
    import slicer

    def fail(*_arguments):
        raise KeyError("observer")

    tag = slicer.mrmlScene.AddObserver(slicer.mrmlScene.EndCloseEvent, fail)
    with pytest.raises(KeyError):
        host.closeScene()
    slicer.mrmlScene.RemoveObserver(tag)


def test_wrongWaitCursorIsNoticed(host):
    import qt

    with pytest.raises(StandInError, match="wait cursor"):
        host.act(qt.QApplication.setOverrideCursor, qt.Qt.WaitCursor)
    host.processEvents()


def test_questionNeedsAnAnswer(host, sample, addVolume):
    import qt

    addVolume()
    host.find(sample, "historyList").clear()
    host.click(host.find(sample, "applyButton"))
    with pytest.raises(UnansweredModal, match="Start anew"):
        host.click(host.find(sample, "questionButton"))
    host.answer(qt.QMessageBox.No)
    host.click(host.find(sample, "questionButton"))
    assert host.find(sample, "historyList").count == 1
    host.answer("Yes")
    host.click(host.find(sample, "questionButton"))
    assert host.find(sample, "historyList").count == 0


def test_fileDialogsGivePlainTexts(host, sample, tmp_path):
    import qt

    host.answer(tmp_path / "a.nrrd")
    assert sample.onAskFile() == str(tmp_path / "a.nrrd")
    host.answer([tmp_path / "a", tmp_path / "b"])
    assert qt.QFileDialog.getOpenFileNames(None, "Open") == (str(tmp_path / "a"), str(tmp_path / "b"))
    with pytest.raises(UnansweredModal):
        sample.onAskFile()
    ok = qt.BoolResult()
    host.answer("left")
    assert qt.QInputDialog.getText(None, "Side", "Which side", qt.QLineEdit.Normal, "", ok) == "left" and ok


def test_dialogIsDrivenByAFunction(host):
    import qt

    dialog = qt.QDialog()
    button = qt.QPushButton("OK", dialog)
    button.connect("clicked()", dialog.accept)
    host.answer(lambda shown: shown.findChild(qt.QPushButton).click())
    assert dialog.exec_() == qt.QDialog.Accepted


def test_closedSceneIsSurvived(host, sample, addVolume):
    addVolume()
    sample.parameters = None
    host.enter(host.find(sample, "titleEdit"), "before")
    host.closeScene()
    assert host.find(sample, "volumeSelector").currentNode() is None
    assert not host.find(sample, "applyButton").enabled
    assert host.find(sample, "titleEdit").text == ""
    addVolume("second")
    host.click(host.find(sample, "applyButton"))
    assert host.find(sample, "resultLabel").text == "699 voxels"


def test_reloadedModuleLivesOn(host, sample, addVolume):
    import slicer

    addVolume()
    reloaded = host.reloadModule("SampleModule")
    assert reloaded is not sample and slicer.modules.SampleModuleWidget is reloaded
    assert reloaded._parameterNode.inputVolume.GetName() == "CT"
    host.click(reloaded.ui.applyButton)
    assert reloaded.ui.resultLabel.text == "699 voxels"
    assert sample.Observations == []


def test_enterAndExitFollowTheSelector(host, sample, tmp_path):
    other = tmp_path / "OtherModule.py"
    other.write_text(
        "from slicer.ScriptedLoadableModule import *\n"
        "class OtherModule(ScriptedLoadableModule):\n    pass\n"
        "class OtherModuleWidget(ScriptedLoadableModuleWidget):\n    pass\n"
    )
    host.loadModule(other)
    assert sample._parameterNode is None and not sample.parent.isEntered
    host.selectModule("SampleModule")
    assert sample._parameterNode is not None and sample.parent.isEntered
    with pytest.raises(StandInError, match="no module 'Nowhere'"):
        host.selectModule("Nowhere")


def test_selfTestOfTheModuleRuns(host, sample):
    import slicer

    slicer.selfTests["SampleModule"]()


def test_settingsStayInATemporaryFile(host):
    import qt

    settings = qt.QSettings()
    settings.setValue("PlanningHub/casesFolder", "/cases")
    assert settings.fileName().startswith(host._application.temporaryPath)
    assert qt.QSettings().value("PlanningHub/casesFolder") == "/cases"


def test_packagesAreAskedForButNeverInstalled(host):
    import qt
    import slicer

    slicer.packaging.pip_ensure("numpy>=1.20")
    host.answer(qt.QMessageBox.Cancel)
    with pytest.raises(RuntimeError, match="declined"):
        slicer.packaging.pip_ensure("no-such-package-anywhere>=1")
    host.answer(qt.QMessageBox.Ok)
    with pytest.raises(StandInError, match="does not install"):
        slicer.packaging.pip_ensure("no-such-package-anywhere>=1")


def test_pictureShowsThePanel(host, sample, addVolume, tmp_path):
    from PIL import Image

    addVolume()
    host.click(host.find(sample, "applyButton"))
    path = host.grab(sample, tmp_path / "panel.png", size=(420, 900))
    with Image.open(path) as picture:
        assert picture.size == (420, 900)
        # Text and widgets, not one flat color; a folded section hides its contents.
        assert len(set(picture.convert("RGB").getcolors(420 * 900))) > 100
    assert not host.find(sample, "notesBrowser").visible


def test_foldedSectionUnfolds(host, sample):
    section = host.find(sample, "advancedButton")
    folded = []
    section.connect("contentsCollapsed(bool)", folded.append)
    host.click(section)
    assert section.collapsed is False and not host.find(sample, "notesBrowser").isHidden()
    section.collapsed = True
    assert host.find(sample, "notesBrowser").isHidden() and folded == [False, True]
