"""The package module as its user meets it: making, saving and verifying a package, and what is refused."""

import hashlib
import shutil

import pytest

from ORExportLib.Verify import verifyPackage
from PlanningHubLib.Case import Case
from StandInHost.User import message, tableTexts, tree

NOT_APPROVED = "NOT APPROVED: for planning review only."


@pytest.fixture
def printed(user, aCaseFolder):
    """Folder of a case with a part that is open."""
    folder = aCaseFolder("printed")
    user.open(folder)
    return folder


def makePackage(user, outFolder):
    widget = user.show("ORExport")
    user.host.enter(widget.ui.outPathLineEdit, outFolder)
    user.host.click(widget.ui.packageButton)
    return widget


def verify(user, folder):
    widget = user.show("ORExport")
    user.host.enter(widget.ui.verifyPathLineEdit, folder)
    user.host.click(widget.ui.verifyButton)
    return widget


@pytest.fixture
def aPackage(stages, tmp_path):
    """Folder of a saved package."""
    case = Case.open(stages["packaged"])
    return shutil.copytree(case.artefactFolder(case.latest("package")), tmp_path / "package")


def test_withoutACaseOnlyVerifyingIsOffered(user, aPackage):
    widget = user.show("ORExport")
    user.host.enter(widget.ui.outPathLineEdit, aPackage.parent / "out")
    assert widget.header.nameLabel.text == "No case is open" and message(widget) == ""
    assert not widget.ui.packageButton.enabled and not widget.ui.verifyButton.enabled
    assert tableTexts(widget.ui.packageTable) == [] and widget.ui.approvalLabel.isHidden()
    user.host.enter(widget.ui.verifyPathLineEdit, aPackage)
    assert widget.ui.verifyButton.enabled


def test_thePackageIsSavedListedAndNotApproved(user, printed, tmp_path):
    widget = makePackage(user, tmp_path / "out")
    assert message(widget) == "The package is saved and was read back."
    assert widget.ui.approvalLabel.text == NOT_APPROVED and not widget.ui.approvalLabel.isHidden()
    assert "#a01010" in widget.ui.approvalLabel.styleSheet
    assert verifyPackage(tmp_path / "out") == [] and Case.open(printed).verify() == []
    table = widget.ui.packageTable
    listed = {table.item(row, 0).text(): table.item(row, 2).toolTip() for row in range(table.rowCount)}
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    saved = {
        path.relative_to(tmp_path / "out").as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }
    assert listed == saved and len(saved) >= 7


def test_theWholeNameAndHashOfAFileCanBeRead(user, printed, tmp_path):
    table = makePackage(user, tmp_path / "out").ui.packageTable
    assert all(table.item(row, 0).toolTip() == table.item(row, 0).text() for row in range(table.rowCount))
    assert all(len(table.item(row, 2).toolTip()) == 64 for row in range(table.rowCount))


@pytest.mark.parametrize("fraction", [0.01, 0.3, 0.6, 0.92])
def test_cancelledPackageLeavesTheCaseAsItWas(user, printed, tmp_path, fraction):
    from StandInHost.User import sceneNodes

    widget = user.show("ORExport")
    before, nodes = tree(printed), sceneNodes()
    done = user.cancelDuring(widget, fraction)
    makePackage(user, tmp_path / "out")
    assert done and message(widget) == "Cancelled; the case is as it was."
    assert tree(printed) == before and not (tmp_path / "out").exists() and sceneNodes() == nodes


def test_aDamagedPartIsRefused(user, printed, tmp_path):
    stl = next(printed.rglob("*.stl"))
    stl.write_bytes(stl.read_bytes()[:-1] + b"x")
    before = tree(printed)
    widget = makePackage(user, tmp_path / "out")
    assert "was changed outside the suite" in message(widget) and "Make the part again." in message(widget)
    assert tree(printed) == before and not (tmp_path / "out").exists()


def test_aCaseWithoutPartSaysWhatIsMissing(user, aCaseFolder, tmp_path):
    user.open(aCaseFolder("segmented"))
    assert message(makePackage(user, tmp_path / "out")) == "The case has no part yet. Make the part first."


def test_anOccupiedFolderIsRefusedBeforeAnythingIsMade(user, printed, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "other.txt").write_text("somebody's")
    before = tree(printed)
    widget = makePackage(user, tmp_path / "out")
    assert message(widget) == f"{tmp_path / 'out'} exists and is not an empty folder. Choose another folder."
    assert tree(printed) == before and tree(tmp_path / "out") == {"other.txt": b"somebody's"}


def test_aPlaceThatCannotBeWrittenIsNamed(user, printed, tmp_path):
    (tmp_path / "occupied").write_text("a file, not a folder")
    widget = makePackage(user, tmp_path / "occupied" / "out")
    assert str(tmp_path / "occupied") in message(widget) and "cannot be written" in message(widget)


def test_aGoodPackageIsCalledWhole_andStillNotApproved(user, aPackage):
    widget = verify(user, aPackage)
    assert message(widget) == "The package is what was recorded."
    assert widget.ui.verifyLabel.text == f"Every file is there and unchanged.\n{NOT_APPROVED}"


def test_aDamagedPackageMustNotBeUsed(user, aPackage):
    stl = next(aPackage.glob("*.stl"))
    stl.write_bytes(stl.read_bytes()[:-1] + b"x")
    widget = verify(user, aPackage)
    assert stl.name in message(widget) and "Do not use this package" in message(widget)
    assert widget.ui.verifyLabel.text.startswith("Do not use this package.\nreject: ")


def test_aVerdictIsOnlySaidOfThePackageItIsAbout(user, aPackage, tmp_path):
    widget = verify(user, aPackage)
    user.host.enter(widget.ui.verifyPathLineEdit, tmp_path / "other")
    assert widget.ui.verifyLabel.text == "Not verified."
    user.host.click(widget.ui.verifyButton)
    assert "There is no folder" in message(widget) and widget.ui.verifyLabel.text == "Not verified."


def test_cancelledVerifyingProvesNothing(user, aPackage):
    widget = user.show("ORExport")
    user.cancelDuring(widget, 0.1)
    verify(user, aPackage)
    assert message(widget) == "Cancelled; nothing is proven." and widget.ui.verifyLabel.text == "Not verified."


def test_foldersComeBackWithTheScene_andGoWithIt(user, printed, aPackage, tmp_path):
    import slicer

    widget = verify(user, aPackage)
    user.host.enter(widget.ui.outPathLineEdit, tmp_path / "out")
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    user.host.closeScene()
    assert widget.ui.outPathLineEdit.currentPath == widget.ui.verifyPathLineEdit.currentPath == ""
    assert message(widget) == "" and widget.ui.verifyLabel.text == "Not verified."
    assert not widget.ui.packageButton.enabled
    user.host.act(slicer.util.loadScene, str(tmp_path / "scene.mrb"))
    assert widget.ui.outPathLineEdit.currentPath == str(tmp_path / "out")
    assert widget.ui.packageButton.enabled and widget.header.sideLabel.text == "LEFT"
