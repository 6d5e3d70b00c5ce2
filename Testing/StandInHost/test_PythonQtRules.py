"""Where PythonQt is strict the stand-in is: each rule is seen to refuse, and to let the right thing through."""

import pytest

from StandInHost import StandInError

from .conftest import SAMPLE_MODULE

UI_TEXT = (SAMPLE_MODULE.parent / "Resources" / "UI" / "SampleModule.ui").read_text()


@pytest.fixture
def loadUi(host, tmp_path):
    """Loads .ui text through slicer.util."""
    import slicer

    def load(text):
        path = tmp_path / "a.ui"
        path.write_text(text)
        return slicer.util.loadUI(str(path))

    return load


def test_propertiesAreAttributes(host):
    import qt

    label = qt.QLabel("one")
    label.text = "two"
    label.toolTip = "tip"
    label.alignment = qt.Qt.AlignRight | qt.Qt.AlignTop
    assert (label.text, label.toolTip, label.alignment) == ("two", "tip", qt.Qt.AlignRight | qt.Qt.AlignTop)
    label.setText("three")
    assert label.text == "three"
    with pytest.raises(TypeError):
        label.text()
    assert type(label) is qt.QLabel


def test_valuesOfManyWidgets(host):
    import qt

    spin = qt.QDoubleSpinBox()
    spin.maximum, spin.decimals, spin.value = 500, 1, 12.34
    assert spin.value == 12.3
    slider = qt.QSlider()
    slider.orientation, slider.value = qt.Qt.Horizontal, 7
    assert (slider.orientation, slider.value) == (qt.Qt.Horizontal, 7)
    box = qt.QComboBox()
    box.addItems(["a", "b"])
    box.currentText = "b"
    assert (box.currentIndex, box.count) == (1, 2)
    table = qt.QTableWidget(2, 3)
    table.rowCount = 5
    assert (table.rowCount, table.columnCount) == (5, 3)
    bar = qt.QProgressBar()
    bar.maximum, bar.value = 10, 4
    assert bar.value == 4


@pytest.mark.parametrize("name", ["txt", "toolTipp", "bold"])
def test_unknownAttributeIsRefused(host, name):
    import qt

    with pytest.raises(AttributeError, match=name):
        setattr(qt.QLabel(), name, 1)
    with pytest.raises(AttributeError):
        getattr(qt.QLabel(), name)


def test_unknownAttributeIsRefusedOnPlayedClasses(host):
    import ctk
    import slicer

    for widget, name in (
        (ctk.ctkCollapsibleButton(), "colapsed"),
        (ctk.ctkPathLineEdit(), "path"),
        (slicer.qMRMLNodeComboBox(), "nodeType"),
        (slicer.app, "mrmlscene"),
    ):
        with pytest.raises(AttributeError, match=name):
            setattr(widget, name, "x")


def test_methodsThatPythonQtDoesNotShowAreMissing(host):
    import ctk
    import slicer

    assert not hasattr(slicer.qMRMLNodeComboBox(), "setNodeTypes")
    assert not hasattr(ctk.ctkSliderWidget(), "setRange")
    assert not hasattr(ctk.ctkCollapsibleButton(), "setCollapsed")
    assert not hasattr(ctk.ctkPathLineEdit(), "setFilters")


def test_methodAndReadOnlyPropertyCannotBeOverwritten(host):
    import qt

    with pytest.raises(AttributeError, match="can not be overwritten"):
        qt.QLabel().setText = print
    with pytest.raises(AttributeError, match="not writable"):
        qt.QLabel().width = 3


def test_wrongTypeIsRefused(host):
    import qt
    import slicer

    with pytest.raises(AttributeError, match="does not accept"):
        qt.QDoubleSpinBox().value = "much"
    with pytest.raises(AttributeError, match="does not accept"):
        slicer.qMRMLNodeComboBox().nodeTypes = "vtkMRMLModelNode"


def test_pythonSubclassMayHaveItsOwnAttributes(host):
    import qt

    class Panel(qt.QWidget):
        def __init__(self):
            super().__init__()
            self.caseFolder = "x"
            self.windowTitle = "Panel"

    panel = Panel()
    assert (panel.caseFolder, panel.windowTitle, panel.className()) == ("x", "Panel", "QWidget")


def test_nameIsObjectName_andDynamicPropertiesAreAttributes(host):
    import qt

    button = qt.QPushButton("Go")
    button.name = "goButton"
    assert button.objectName == button.name == "goButton"
    button.setProperty("caseState", "stale")
    assert button.caseState == "stale"
    button.caseState = "done"
    assert button.property("caseState") == "done"


def test_signalsBySignature_withArgumentsCutToTheCallable(host):
    import qt

    button = qt.QPushButton("Go")
    button.checkable = True
    seen = []
    button.connect("clicked(bool)", lambda: seen.append("none"))
    button.connect("clicked(bool)", lambda checked: seen.append(checked))
    button.connect("clicked(bool)", lambda *arguments: seen.append(arguments))
    button.connect("clicked()", lambda *arguments: seen.append(arguments))
    button.clicked.connect(lambda: seen.append("direct"))
    button.click()
    assert seen == ["none", True, (True,), (), "direct"]


def test_connectionsEnd(host):
    import qt

    button, seen = qt.QPushButton("Go"), []
    button.connect("clicked(bool)", seen.append)
    assert button.disconnect("clicked(bool)", seen.append)
    assert not button.disconnect("clicked(bool)", seen.append)
    button.click()
    assert seen == []


@pytest.mark.parametrize("signature", ["clicked(int)", "clicked", "click()", "pushed()"])
def test_unknownSignalIsRefused(host, signature):
    import qt

    with pytest.raises(AttributeError, match="signal"):
        qt.QPushButton("Go").connect(signature, print)


def test_signalsOfPlayedClassesHaveTheirCppSignatures(host):
    import slicer

    selector, seen = slicer.qMRMLNodeComboBox(), []
    selector.nodeTypes = ["vtkMRMLModelNode"]
    selector.setMRMLScene(slicer.mrmlScene)
    selector.connect("currentNodeChanged(vtkMRMLNode*)", lambda node: seen.append(node))
    selector.connect("currentNodeChanged(bool)", lambda valid: seen.append(valid))
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode", "Bone")
    assert seen == [node, True]
    for wrong in ("currentNodeChanged(PyObject)", "currentNodeChanged()", "nodeChanged(vtkMRMLNode*)"):
        with pytest.raises(AttributeError, match="signal"):
            selector.connect(wrong, print)


def test_qtHasNothingThatOnlyPySideHas(host):
    import qt

    assert not hasattr(qt, "Signal") and not hasattr(qt, "Slot") and not hasattr(qt, "Property")
    assert qt.QSizePolicy.Expanding and qt.Qt.Horizontal and qt.QUiLoader and qt.QTimer.singleShot


def test_uiFileLoads(host, loadUi):
    import ctk
    import qt
    import slicer

    root = loadUi(UI_TEXT)
    assert type(root) is slicer.qMRMLWidget
    ui = slicer.util.childWidgetVariables(root)
    assert ui.volumeSelector.nodeTypes == ("vtkMRMLScalarVolumeNode",) and ui.volumeSelector.addEnabled is False
    assert ui.folderEdit.filters == ctk.ctkPathLineEdit.Dirs | ctk.ctkPathLineEdit.Writable
    assert ui.thresholdSlider.property("SlicerParameterName") == "thresholdHu"
    assert ui.advancedButton.collapsed is True and type(ui.radiusSpin) is qt.QDoubleSpinBox


def test_uiFileWithUnknownClassFails(loadUi):
    with pytest.raises(StandInError, match="unknown widget class.*ctkPathEditor"):
        loadUi(UI_TEXT.replace('class="ctkPathLineEdit"', 'class="ctkPathEditor"'))


def test_uiFileWithUnknownPropertyFails(loadUi):
    with pytest.raises(StandInError, match="has no property 'noneAllowed'"):
        loadUi(UI_TEXT.replace('name="noneEnabled"', 'name="noneAllowed"'))
    with pytest.raises(StandInError, match="has no property 'txt'"):
        loadUi(UI_TEXT.replace('<property name="text"><string>Fail', '<property name="txt"><string>Fail'))


def test_uiFileWithWrongConnectionFails(loadUi):
    with pytest.raises(StandInError, match="mrmlSceneChange"):
        loadUi(UI_TEXT.replace("mrmlSceneChanged(vtk", "mrmlSceneChange(vtk", 1))
    with pytest.raises(StandInError, match="has no slot 'setScene"):
        loadUi(UI_TEXT.replace("<slot>setMRMLScene", "<slot>setScene", 1))
    with pytest.raises(StandInError, match="no object is called 'volumeBox'"):
        loadUi(UI_TEXT.replace("<receiver>volumeSelector", "<receiver>volumeBox"))


def test_missingSceneConnectionLeavesTheSelectorEmpty(loadUi, addVolume):
    import slicer

    addVolume()
    start = UI_TEXT.index("  <connection>")
    end = UI_TEXT.index("</connection>") + len("</connection>\n")
    ui = {}
    for name, text in (("whole", UI_TEXT), ("cut", UI_TEXT[:start] + UI_TEXT[end:])):
        root = loadUi(text)
        root.setMRMLScene(slicer.mrmlScene)
        ui[name] = slicer.util.childWidgetVariables(root)
        ui[name].root = root
    assert ui["whole"].volumeSelector.currentNode().GetName() == "CT"
    assert ui["cut"].volumeSelector.mrmlScene() is None and ui["cut"].volumeSelector.nodeCount() == 0
    assert not ui["cut"].volumeSelector.enabled and ui["cut"].maskSelector.enabled


def test_missingUiFileFails(host):
    import slicer

    with pytest.raises(RuntimeError, match="file not found"):
        slicer.util.loadUI("nowhere.ui")


def test_messageBoxFunctionsAreRecorded(host):
    import qt

    qt.QMessageBox.critical(None, "Title", "It broke")
    assert host.errors == ["It broke"]
