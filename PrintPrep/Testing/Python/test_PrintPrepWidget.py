"""The print module as its user meets it: one button, the part in the scene, its figures, and what is refused."""

import pytest

from PlanningHubLib.Case import Case
from StandInHost.User import message, printed, printing, sceneNodes, tableTexts, tree


@pytest.fixture
def segmented(user, aCaseFolder):
    """Folder of a segmented case that is open."""
    folder = aCaseFolder("segmented")
    user.open(folder)
    return folder


def makePart(user):
    widget = user.show("PrintPrep")
    user.host.click(printing(widget).partButton)
    return widget


def test_withoutACaseThereIsNothingToDo(user):
    widget = user.show("PrintPrep")
    assert widget.header.nameLabel.text == "No case is open" and message(widget) == ""
    assert not printing(widget).partButton.enabled and tableTexts(printed(widget).partTable) == []


def test_thePartIsMadeShownAndDescribed(user, segmented):
    import trimesh

    widget = user.show("PrintPrep")
    assert widget.header.sideLabel.text == "LEFT"
    user.host.enter(printing(widget).deviationSpinBox, 0.3)
    user.host.click(printing(widget).partButton)
    assert message(widget) == "The part is made and checked."
    case = Case.open(segmented)
    part = case.latest("part")
    assert case.verify() == [] and part.parameters["maximumDeviationMm"] == 0.3
    rows = dict(tableTexts(printed(widget).partTable))
    mesh = trimesh.load_mesh(case.path(part, next(name for name in part.files if name.endswith(".stl"))))
    assert mesh.is_watertight
    assert rows["Volume"].startswith(f"{mesh.volume / 1000:.1f} ml") and rows["Watertight"] == "yes"
    assert rows["Triangles"].startswith(f"{len(mesh.faces):,} of ")
    largestMm, unit = rows["Largest deviation"].split()[:2]
    assert unit == "mm" and 0 <= float(largestMm) <= 0.3 and "bound 0.30 mm" in rows["Largest deviation"]


@pytest.mark.slow
def test_thePartLiesOnTheBoneInTheScene(user, segmented):
    widget = makePart(user)
    (model,) = (node for node in sceneNodes() if node.IsA("vtkMRMLModelNode"))
    (segmentation,) = (node for node in sceneNodes() if node.IsA("vtkMRMLSegmentationNode"))
    boneMm, partMm = [0.0] * 6, [0.0] * 6
    segmentation.GetRASBounds(boneMm)
    model.GetRASBounds(partMm)
    voxelMm = max(Case.open(segmented).latest("source").facts["spacingMm"])
    assert partMm == pytest.approx(boneMm, abs=voxelMm)
    count = len(sceneNodes())
    user.host.click(printing(widget).partButton)
    assert len(sceneNodes()) == count, "nodes pile up"


@pytest.mark.parametrize("fraction", [0.05, 0.4, 0.86])
def test_cancelledPartLeavesTheCaseAsItWas(user, segmented, fraction):
    widget = user.show("PrintPrep")
    before, nodes = tree(segmented), sceneNodes()
    done = user.cancelDuring(widget, fraction)
    user.host.click(printing(widget).partButton)
    assert done and message(widget) == "Cancelled; the case is as it was."
    assert tree(segmented) == before and sceneNodes() == nodes and tableTexts(printed(widget).partTable) == []


def test_aCaseWithoutBoneSaysWhatIsMissing(user, aCaseFolder):
    user.open(aCaseFolder("imported"))
    widget = user.show("PrintPrep")
    assert not printing(widget).partButton.enabled
    assert printing(widget).partButton.toolTip == "The case has no segmentation yet."
    assert tableTexts(printing(widget).findingsTable)[0] == (
        "Stop",
        "The case has no segmentation yet.",
        "Make it first.",
    )


def test_aDamagedSegmentationIsRefused(user, segmented):
    path = next(segmented.rglob("*.seg.nrrd"))
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    before = tree(segmented)
    assert "was changed outside the suite" in message(makePart(user)) and tree(segmented) == before


def test_boundAndFiguresComeBackWithTheScene(user, aCaseFolder, tmp_path):
    import slicer

    user.open(aCaseFolder("printed"))
    widget = user.show("PrintPrep")
    user.host.enter(printing(widget).deviationSpinBox, 0.4)
    rows = tableTexts(printed(widget).partTable)
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    user.host.closeScene()
    assert printing(widget).deviationSpinBox.value == 0.25 and tableTexts(printed(widget).partTable) == []
    assert not printing(widget).partButton.enabled and message(widget) == ""
    user.host.act(slicer.util.loadScene, str(tmp_path / "scene.mrb"))
    assert printing(widget).deviationSpinBox.value == 0.4 and tableTexts(printed(widget).partTable) == rows


def test_whatWasSaidOfOneCaseIsNotSaidOfAnother(user, segmented, aCaseFolder):
    next(segmented.rglob("*.seg.nrrd")).unlink()
    widget = makePart(user)
    assert message(widget) != ""
    user.open(aCaseFolder("imported", "other"))
    user.show("PrintPrep")
    assert message(widget) == "" and tableTexts(printed(widget).partTable) == []


def test_longTextsCanBeReadInFull(user, aCaseFolder):
    user.open(aCaseFolder("printed"))
    table = printed(user.show("PrintPrep")).partTable
    for row in range(table.rowCount):
        assert table.item(row, 1).toolTip() == table.item(row, 1).text()
