"""Parameter nodes: typed, validated, bound to widgets, and in the scene file as a real Slicer writes them."""

import enum
import pathlib
from typing import Annotated

import pytest


class Side(enum.Enum):
    Left = 1
    Right = 2


@pytest.fixture
def makeParameters(host):
    """Builds a wrapper class from annotations and defaults, on a new or a given node."""
    import slicer
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    def make(annotations, node=None, **values):
        class_ = parameterNodeWrapper(type("Parameters", (), {"__annotations__": annotations, **values}))
        return class_(node or slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode", "Parameters"))

    return make


def texts(parameters):
    """The texts in the node, by name."""
    node = parameters.parameterNode
    return {name: node.GetParameter(name) for name in node.GetParameterNames()}


def test_valuesAreTextsOfTheNode(makeParameters):
    parameters = makeParameters(
        {"flag": bool, "count": int, "size": float, "title": str, "folder": pathlib.Path, "side": Side},
        size=0.25,
    )
    assert texts(parameters) == {
        "flag": "False",
        "count": "0",
        "size": "0.25",
        "title": "",
        "folder": ".",
        "side": "Left",
    }
    parameters.flag, parameters.count, parameters.side = True, 3, Side.Right
    parameters.folder = pathlib.Path("/cases/a")
    written = texts(parameters)
    assert (written["flag"], written["count"], written["side"], written["folder"]) == ("True", "3", "Right", "/cases/a")


def test_listsTuplesAndUnionsAreStoredItemByItem(makeParameters):
    parameters = makeParameters({"names": list[str], "pair": tuple[int, str], "maybe": int | None})
    parameters.names = ["a", "b"]
    parameters.names.append("c")
    del parameters.names[0]
    parameters.pair = (4, "mm")
    assert parameters.maybe is None
    assert texts(parameters) == {
        "names.0": "b",
        "names.1": "c",
        "names.len": "2",
        "pair.0": "4",
        "pair.1": "mm",
        "maybe.1": "True",
    }
    parameters.maybe = 7
    assert texts(parameters)["maybe.0"] == "7" and "maybe.1" not in texts(parameters)
    with pytest.raises(TypeError):
        parameters.names = ["a", 5]
    assert list(parameters.names) == ["b", "c"]


def test_nodesAreReferences(makeParameters, addVolume):
    import slicer

    parameters = makeParameters({"volume": slicer.vtkMRMLScalarVolumeNode, "model": slicer.vtkMRMLModelNode | None})
    assert parameters.volume is None and parameters.model is None
    parameters.volume = addVolume()
    assert parameters.parameterNode.GetNodeReference("volume").GetName() == "CT"
    with pytest.raises(TypeError):
        parameters.volume = slicer.vtkMRMLModelNode()
    slicer.mrmlScene.RemoveNode(parameters.volume)
    assert parameters.volume is None


def test_validatorsRefuse_andTheOldValueStays(makeParameters):
    from slicer.parameterNodeWrapper import Choice, Default, Exclude, Maximum, Minimum, WithinRange

    parameters = makeParameters(
        {
            "hu": Annotated[float, WithinRange(-1000, 3000), Default(300.0)],
            "low": Annotated[int, Minimum(1), Default(1)],
            "high": Annotated[int, Maximum(9)],
            "side": Annotated[str, Choice(["left", "right"]), Default("left")],
            "code": Annotated[str, Exclude(["x"])],
        }
    )
    for name, wrong, kind in (
        ("hu", 4000.0, ValueError),
        ("hu", "300", TypeError),
        ("hu", None, ValueError),
        ("low", 0, ValueError),
        ("high", 10, ValueError),
        ("side", "up", ValueError),
        ("code", "x", ValueError),
    ):
        before = parameters.getValue(name)
        with pytest.raises(kind):
            setattr(parameters, name, wrong)
        assert parameters.getValue(name) == before
    assert parameters.default("hu").value == 300.0 and parameters.isCached("hu")


def test_defaultMustBeValid_typeMustBeKnown_nameMustBeFree(makeParameters):
    from slicer.parameterNodeWrapper import WithinRange

    with pytest.raises(ValueError):
        makeParameters({"hu": Annotated[float, WithinRange(100, 200)]})
    with pytest.raises(TypeError, match="Unable to create a serializer"):
        makeParameters({"thing": object})
    with pytest.raises(ValueError, match="reserved name"):
        makeParameters({"default": int})
    with pytest.raises(ValueError, match="Cannot find a param"):
        makeParameters({"hu": float}).getValue("uh")


def test_twoWrappersOfOneNodeAgree(makeParameters):
    first = makeParameters({"hu": float})
    second = makeParameters({"hu": float}, node=first.parameterNode)
    first.hu = 5.0
    assert second.hu == 5.0


def test_modifiedOncePerChange(makeParameters):
    import vtk

    parameters, seen = makeParameters({"names": list[str]}), []
    parameters.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_arguments: seen.append(list(parameters.names)))
    parameters.names = ["a", "b", "c"]
    assert seen == [["a", "b", "c"]]


def test_widgetsAndParametersFollowEachOther(host, sample, addVolume):
    parameters = sample._parameterNode
    volume = addVolume()
    for name, value, parameter, expected in (
        ("thresholdSlider", 500.0, "thresholdHu", 500.0),
        ("titleEdit", "Left hip", "title", "Left hip"),
        ("folderEdit", "/cases", "folder", pathlib.Path("/cases")),
        ("directionBox", "Below", "direction", type(parameters.direction).Below),
        ("qualityBox", "fast", "quality", "fast"),
        ("invertBox", True, "invert", True),
        ("maskSelector", volume, "mask", volume),
    ):
        assert parameters.getValue(parameter) != expected
        host.enter(host.find(sample, name), value)
        assert parameters.getValue(parameter) == expected
    parameters.thresholdHu, parameters.title, parameters.mask = 250.0, "Right hip", None
    assert sample.ui.thresholdSlider.value == 250.0 and sample.ui.titleEdit.text == "Right hip"
    assert sample.ui.maskSelector.currentNode() is None
    assert (sample.ui.thresholdSlider.minimum, sample.ui.thresholdSlider.maximum) == (-1000, 3000)


def test_disconnectedWidgetsAreLeftAlone(host, sample):
    parameters = sample._parameterNode
    sample.setParameterNode(None)
    host.enter(host.find(sample, "titleEdit"), "unbound")
    assert parameters.title != "unbound"
    parameters.title = "quiet"
    assert host.find(sample, "titleEdit").text == "unbound"


def test_unknownParameterNameFails(host, makeParameters):
    import qt

    panel = qt.QWidget()
    edit = qt.QLineEdit(panel)
    edit.setProperty("SlicerParameterName", "titel")
    with pytest.raises(ValueError, match="titel"):
        makeParameters({"title": str}).connectGui(panel)
    edit.setProperty("SlicerParameterName", "title")
    makeParameters({"title": str}).connectGui(panel)


def test_widgetWithoutConnectorFails(host, makeParameters):
    import ctk
    import qt
    import slicer
    from slicer.parameterNodeWrapper import WithinRange

    class OwnLineEdit(qt.QLineEdit):
        pass

    for annotated, widget in (
        (str, qt.QTextBrowser()),
        (str, OwnLineEdit()),
        (float, qt.QSpinBox()),
        (int, qt.QLineEdit()),
        (bool, qt.QToolButton()),
        (float, ctk.ctkSliderWidget()),
        (str, qt.QComboBox()),
        (slicer.vtkMRMLModelNode, qt.QComboBox()),
    ):
        with pytest.raises(RuntimeError):
            makeParameters({"value": annotated}).connectParametersToGui({"value": widget})
    limited = Annotated[float, WithinRange(0, 10)]
    makeParameters({"value": limited}).connectParametersToGui({"value": ctk.ctkSliderWidget()})


@pytest.mark.parametrize("ending", ["mrml", "mrb"])
def test_savedSceneRestoresTheModule(host, sample, addVolume, tmp_path, ending):
    import slicer

    addVolume()
    parameters = sample._parameterNode
    parameters.title, parameters.thresholdHu, parameters.names = "Left <hip> & more", 450.0, ["a", "b"]
    parameters.direction, parameters.folder = type(parameters.direction).Below, pathlib.Path("/cases/ä b")
    path = tmp_path / f"scene.{ending}"
    assert slicer.util.saveScene(str(path), {})
    host.closeScene()
    assert sample._parameterNode.title == ""
    host.act(slicer.util.loadScene, str(path), {})
    restored = host.reloadModule("SampleModule")._parameterNode
    assert (restored.title, restored.thresholdHu, list(restored.names)) == ("Left <hip> & more", 450.0, ["a", "b"])
    assert (restored.direction.name, restored.folder) == ("Below", pathlib.Path("/cases/ä b"))
    assert restored.inputVolume.GetName() == "CT"
    assert host.find(host.widget("SampleModule"), "thresholdSlider").value == 450.0
