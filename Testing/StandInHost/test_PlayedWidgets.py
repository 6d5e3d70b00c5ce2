"""The played widgets behave as the real ones: nodes, paths, numbers."""

import pytest


@pytest.fixture
def selector(host):
    """A node selector for models on the scene."""
    import slicer

    widget = slicer.qMRMLNodeComboBox()
    widget.nodeTypes = ["vtkMRMLModelNode"]
    widget.noneEnabled = True
    widget.setMRMLScene(slicer.mrmlScene)
    return widget


def addModel(name):
    import slicer

    return slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode", name)


def test_selectorFollowsTheScene(selector):
    import slicer

    seen = []
    selector.currentNodeChanged.connect(seen.append)
    first, second = addModel("first"), addModel("second")
    assert selector.nodeCount() == 2 and selector.currentNode() is None
    selector.setCurrentNode(second)
    assert selector.currentNodeID == second.GetID() and seen == [second]
    second.SetName("renamed")
    assert selector._standInBox.currentText == "renamed"
    slicer.mrmlScene.RemoveNode(second)
    assert selector.currentNode() is first
    slicer.mrmlScene.Clear(0)
    assert selector.nodeCount() == 0 and selector.currentNode() is None and seen[-1] is None


def test_selectorWithoutNoneTakesTheFirstNode(selector):
    selector.noneEnabled = False
    assert selector.currentNode() is None
    first = addModel("first")
    addModel("second")
    assert selector.currentNode() is first


def test_selectorListsWhatItIsAskedTo(selector):
    import slicer

    addModel("shown")
    hidden = addModel("hidden")
    hidden.SetHideFromEditors(1)
    hidden.Modified()
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode", "text")
    assert selector.nodeCount() == 1
    selector.showHidden = True
    assert selector.nodeCount() == 2
    selector.addAttribute("vtkMRMLModelNode", "PlanningHub.Part")
    assert selector.nodeCount() == 0
    hidden.SetAttribute("PlanningHub.Part", "1")
    assert selector.nodeFromIndex(0) is hidden


def test_selectorWaitsForTheEndOfABatch(selector):
    import slicer

    slicer.mrmlScene.StartState(slicer.mrmlScene.BatchProcessState)
    addModel("inside")
    assert selector.nodeCount() == 0
    slicer.mrmlScene.EndState(slicer.mrmlScene.BatchProcessState)
    assert selector.nodeCount() == 1


def test_selectorRemembersWhatWasAskedWithoutAScene(host):
    import slicer

    node = addModel("Bone")
    widget = slicer.qMRMLNodeComboBox()
    widget.nodeTypes = ["vtkMRMLModelNode"]
    widget.noneEnabled = True
    assert not widget.enabled
    widget.setCurrentNodeID(node.GetID())
    assert widget.currentNode() is None
    widget.setMRMLScene(slicer.mrmlScene)
    assert widget.enabled and widget.currentNode() is node


def test_selectorAddsAndRemoves(selector):
    added = selector.addNode()
    assert selector.currentNode() is added and selector.addNode("vtkMRMLTextNode") is None
    selector.removeCurrentNode()
    assert selector.nodeCount() == 0


def test_selectorDiesWithoutATrace(selector):
    selector.delete()
    addModel("later")


def test_segmentSelector(host):
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Segmentation")
    boneId = node.GetSegmentation().AddEmptySegment("", "Bone")
    widget = slicer.qMRMLSegmentSelectorWidget()
    widget.setMRMLScene(slicer.mrmlScene)
    assert (widget.currentNode(), widget.currentSegmentID()) == (node, boneId)
    table = slicer.qMRMLSegmentsTableView()
    table.setSegmentationNode(node)
    assert table.segmentCount() == 1


def test_pathLineEdit(host, tmp_path):
    import ctk

    edit, seen = ctk.ctkPathLineEdit(), []
    edit.filters = ctk.ctkPathLineEdit.Dirs
    edit.connect("currentPathChanged(QString)", seen.append)
    edit.currentPath = str(tmp_path)
    edit.currentPath = str(tmp_path)
    host.answer(tmp_path / "b")
    edit.browse()
    assert seen == [str(tmp_path), str(tmp_path / "b")] and edit.currentPath == str(tmp_path / "b")
    edit.settingKey = "PlanningHub/paths"
    edit.addCurrentPathToHistory()
    other = ctk.ctkPathLineEdit()
    other.settingKey = "PlanningHub/paths"
    other.retrieveHistory()
    assert other.comboBox().itemText(0) == str(tmp_path / "b")


def test_directoryButton(host, tmp_path):
    import ctk

    button, seen = ctk.ctkDirectoryButton(), []
    button.connect("directoryChanged(QString)", seen.append)
    button.directory = str(tmp_path)
    button.directory = str(tmp_path)
    assert seen == [str(tmp_path)] and button.directory == str(tmp_path)


def test_sliderWidgetHoldsItsLimits(host):
    import ctk

    slider, seen = ctk.ctkSliderWidget(), []
    slider.connect("valueChanged(double)", seen.append)
    slider.minimum, slider.maximum, slider.decimals = -1000, 3000, 0
    slider.value = 300
    slider.value = 9999
    assert seen == [300, 3000] and slider.value == 3000


def test_rangeWidgetKeepsItsOrder(host):
    import ctk

    widget = ctk.ctkRangeWidget()
    widget.setRange(-1000, 3000)
    widget.setValues(200, 1500)
    assert (widget.minimumValue, widget.maximumValue) == (200, 1500)
    widget.minimumValue = 2000
    assert (widget.minimumValue, widget.maximumValue) == (2000, 2000)


def test_checkableComboBox(host):
    import ctk
    import qt

    box, seen = ctk.ctkCheckableComboBox(), []
    box.addItems(["a", "b"])
    box.connect("checkedIndexesChanged()", lambda: seen.append(1))
    box.setCheckState(box.model().index(1, 0), qt.Qt.Checked)
    assert [each.row() for each in box.checkedIndexes()] == [1] and seen
