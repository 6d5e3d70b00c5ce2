"""The package module as its user meets it: making, saving and verifying a package, and what is refused."""

import datetime
import hashlib
import json
import shutil

import pytest

from ORExportLib import ViewsInScene
from ORExportLib.Package import optionalContents
from ORExportLib.Verify import verifyPackage
from ORExportLib.Views import caseViews
from PlanningHubLib import VerdictHeaders
from PlanningHubLib.Case import Case
from PlanningHubLib.CaseView import showCaseInScene, shownNode
from PlanningHubLib.Consent import withdrawConsent
from PlanningHubLib.Session import Session
from StandInHost.Page import Page
from StandInHost.User import message, packing, tableTexts, tree, verifying

NOT_APPROVED = "NOT APPROVED: for planning review only."


@pytest.fixture(autouse=True)
def dayAfterTheScan(monkeypatch):
    """The head phantom's own time."""
    monkeypatch.setattr(VerdictHeaders, "today", lambda: datetime.date(2026, 1, 6))


@pytest.fixture
def printed(user, aCaseFolder):
    """Folder of a case with a part that is open."""
    folder = aCaseFolder("printed")
    user.open(folder)
    return folder


def hashes(folder):
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def makePackage(user, outFolder, isWhole=False):
    """Press the button; most tests need no more than what is always in a package."""
    widget = user.show("ORExport")
    widget.showPanel("PackagePanel")
    if not isWhole:
        leaveOut(user, packing(widget).contentsTable)
    user.host.enter(packing(widget).outPathLineEdit, outFolder)
    user.host.click(packing(widget).packageButton)
    return widget


def leaveOut(user, table):
    """Uncheck whatever can be; return the rows."""
    import qt

    optional = [row for row in range(table.rowCount) if table.item(row, 0).flags() & qt.Qt.ItemIsEnabled]
    for row in optional:
        user.host.act(table.item(row, 0).setCheckState, qt.Qt.Unchecked)
    return optional


def verify(user, folder):
    widget = user.show("ORExport")
    widget.showPanel("VerifyPanel")
    user.host.enter(verifying(widget).verifyPathLineEdit, folder)
    user.host.click(verifying(widget).verifyButton)
    return widget


@pytest.fixture
def aPackage(stages, tmp_path):
    """Folder of a saved package."""
    case = Case.open(stages["packaged"])
    return shutil.copytree(case.artefactFolder(case.latest("package")), tmp_path / "package")


def test_withoutACaseOnlyVerifyingIsOffered(user, aPackage):
    widget = user.show("ORExport")
    user.host.enter(packing(widget).outPathLineEdit, aPackage.parent / "out")
    assert widget.header.nameLabel.text == "No case is open" and message(widget) == ""
    assert not packing(widget).packageButton.enabled and not verifying(widget).verifyButton.enabled
    assert packing(widget).packageCollapsibleButton.isHidden() and packing(widget).gateLabel.text == ""
    user.host.enter(verifying(widget).verifyPathLineEdit, aPackage)
    assert verifying(widget).verifyButton.enabled


def test_thePackageIsSavedListedAndNotApproved(user, printed, tmp_path):
    widget = makePackage(user, tmp_path / "out", isWhole=True)
    assert message(widget) == "The package is saved and was read back."
    assert packing(widget).approvalLabel.text == NOT_APPROVED
    assert not packing(widget).packageCollapsibleButton.isHidden()
    assert "#a01010" in packing(widget).approvalLabel.styleSheet
    assert verifyPackage(tmp_path / "out") == [] and Case.open(printed).verify() == []
    table = packing(widget).packageTable
    listed = {table.item(row, 0).text(): table.item(row, 2).toolTip() for row in range(table.rowCount)}
    assert listed == hashes(tmp_path / "out") and len(listed) >= 7


def test_theWholeNameAndHashOfAFileCanBeRead(user, printed, tmp_path):
    table = packing(makePackage(user, tmp_path / "out")).packageTable
    assert all(table.item(row, 0).toolTip() == table.item(row, 0).text() for row in range(table.rowCount))
    assert all(len(table.item(row, 2).toolTip()) == 64 for row in range(table.rowCount))


@pytest.mark.parametrize("fraction", [0.01, 0.3, 0.6, 0.92])
def test_cancelledPackageLeavesTheCaseAsItWas(user, printed, tmp_path, fraction):
    from StandInHost.User import sceneNodes

    widget = user.show("ORExport")
    before, nodes = tree(printed), sceneNodes()
    done = user.cancelDuring(widget, fraction)
    makePackage(user, tmp_path / "out", isWhole=True)
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
    assert verifying(widget).verifyLabel.text == f"Every file is there and unchanged.\n{NOT_APPROVED}"


def test_aDamagedPackageMustNotBeUsed(user, aPackage):
    stl = next(aPackage.glob("*.stl"))
    stl.write_bytes(stl.read_bytes()[:-1] + b"x")
    widget = verify(user, aPackage)
    assert stl.name in message(widget) and "Do not use this package" in message(widget)
    assert verifying(widget).verifyLabel.text == "Do not use this package."
    table = verifying(widget).verifyTable
    assert tableTexts(table)[0][0] == "Stop" and stl.name in tableTexts(table)[0][1] and not table.isHidden()


def test_aVerdictIsOnlySaidOfThePackageItIsAbout(user, aPackage, tmp_path):
    widget = verify(user, aPackage)
    user.host.enter(verifying(widget).verifyPathLineEdit, tmp_path / "other")
    assert verifying(widget).verifyLabel.text == "Not verified."
    user.host.click(verifying(widget).verifyButton)
    assert "There is no folder" in message(widget) and verifying(widget).verifyLabel.text == "Not verified."


def test_cancelledVerifyingProvesNothing(user, aPackage):
    widget = user.show("ORExport")
    user.cancelDuring(widget, 0.1)
    verify(user, aPackage)
    assert message(widget) == "Cancelled; nothing is proven." and verifying(widget).verifyLabel.text == "Not verified."


def test_foldersComeBackWithTheScene_andGoWithIt(user, printed, aPackage, tmp_path):
    import slicer

    widget = verify(user, aPackage)
    user.host.enter(packing(widget).outPathLineEdit, tmp_path / "out")
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    user.host.closeScene()
    assert packing(widget).outPathLineEdit.currentPath == verifying(widget).verifyPathLineEdit.currentPath == ""
    assert message(widget) == "" and verifying(widget).verifyLabel.text == "Not verified."
    assert not packing(widget).packageButton.enabled
    user.host.act(slicer.util.loadScene, str(tmp_path / "scene.mrb"))
    assert packing(widget).outPathLineEdit.currentPath == str(tmp_path / "out")
    assert packing(widget).packageButton.enabled and widget.header.sideLabel.text == "LEFT"


def gate(widget):
    """What the gate says: its word, and code → how grave, as the table shows them."""
    table = packing(widget).gateTable
    rows = tableTexts(table)
    codes = [table.item(row, 1).toolTip().split(":")[0] for row in range(table.rowCount)]
    return packing(widget).gateLabel.text.split(",")[0].split(":")[0], dict(
        zip(codes, [row[0] for row in rows], strict=True)
    )


def test_theGateIsSaidBeforeAnythingIsMade(user, printed):
    widget = user.show("ORExport")
    word, findings = gate(widget)
    assert word == "OPEN" and findings["not-approved"] == "Look" and findings["newer-study-unknown"] == "Note"
    color = packing(widget).gateTable.item(0, 0).foreground().color().name()
    assert color == "#b45309"
    with Case.open(printed, writable=True) as case:
        withdrawConsent(case, "treatment")
    user.host.act(widget.refresh)
    word, findings = gate(widget)
    assert word == "CLOSED" and next(iter(findings)) == "no-consent" and findings["no-consent"] == "Stop"


def test_theGateSaysWhatIsMissing(user, aCaseFolder):
    user.open(aCaseFolder("segmented"))
    word, findings = gate(user.show("ORExport"))
    assert word == "CLOSED" and findings["no-part"] == "Stop"


def test_theArchiveIsAskedOnlyWhenTheUserSaysSo(user, printed, monkeypatch, tmp_path):
    from CentralSyncLib.Records import NewerStudies

    asked = []

    def newerStudies(address, patientId, _after):
        asked.append((address, patientId))
        return [{"studyUid": "1.2", "date": "2099-01-01", "modalities": ["CT"]}]

    monkeypatch.setattr(NewerStudies, "newerStudies", newerStudies)
    widget = user.show("ORExport")
    user.host.enter(packing(widget).storeLineEdit, "dicomweb+https://archive/rs")
    assert asked == []
    user.host.click(packing(widget).gateButton)
    assert len(asked) == 1 and asked[0][0] == "dicomweb+https://archive/rs"
    assert gate(widget)[1]["newer-study"] == "Look"
    makePackage(user, tmp_path / "out")
    assert len(asked) == 2 and '"newer-study"' in (tmp_path / "out" / "manifest.json").read_text()
    user.host.enter(verifying(widget).askStoreCheckBox, True)
    verify(user, tmp_path / "out")
    assert len(asked) == 3
    assert any("2099-01-01" in row[1] for row in tableTexts(verifying(widget).verifyTable))


def test_aPackageThatMustBeApprovedIsRefused(user, printed, tmp_path):
    widget = user.show("ORExport")
    user.host.enter(packing(widget).approvedCheckBox, True)
    makePackage(user, tmp_path / "out")
    assert "is not approved" in message(widget) and not (tmp_path / "out").exists()


def test_contentsCanBeLeftOut(user, printed, tmp_path):
    import qt

    table = packing(user.show("ORExport")).contentsTable
    optional = leaveOut(user, table)
    assert optional == list(range(len(optionalContents()))) and table.rowCount > len(optional)
    makePackage(user, tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["leftOut"] == sorted(optionalContents())
    assert table.item(optional[0], 0).checkState() == qt.Qt.Unchecked


def test_aRemovableMediumIsOffered(user, printed, tmp_path, monkeypatch):
    from ORExportWidgets import PackagePanel

    widget = user.show("ORExport")
    assert not packing(widget).mediumComboBox.enabled
    monkeypatch.setattr(PackagePanel, "removableDrives", lambda: [("STICK", tmp_path / "stick", 8.1e9)])
    user.host.act(widget.refresh)
    user.host.enter(packing(widget).mediumComboBox, "STICK, 8.1 GB free")
    name = Case.open(printed).name
    assert packing(widget).outPathLineEdit.currentPath == str(tmp_path / "stick" / f"{name}-package")
    user.host.act(widget.refresh)
    assert packing(widget).mediumComboBox.currentText == "STICK, 8.1 GB free"


def aCamera(position=(0, 500, 0)):
    import slicer

    camera = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLCameraNode")
    camera.SetPosition(*position)
    camera.SetFocalPoint(0, 0, 0)
    camera.SetViewUp(0, 0, 1)
    return camera


@pytest.fixture
def viewsPage(user, printed):
    user.show("ORExport")
    return Page(user, user.show("ORExport"), "ViewsPanel")


def take(page, name, caption=""):
    page.enter(nameLineEdit=name, captionLineEdit=caption)
    return page.click("takeButton")


def test_viewsAreTakenOrderedRenamedAndDeleted(viewsPage, printed, tmp_path):
    page = viewsPage
    assert "None were agreed on" in page.ui.viewsLabel.text and page.whyNot("takeButton") == "Give it a name."
    camera = aCamera()
    assert take(page, "Face", "Both eyes") == "The view is kept."
    camera.SetPosition(-500, 0, 0)
    take(page, "Left")
    assert page.rows("viewsTable") == [("Face", "Both eyes", ""), ("Left", "", "")]
    assert page.ui.nameLineEdit.text == "" and page.ui.viewsTable.currentRow() == 1
    face, left = caseViews(Case.open(printed))
    # RAS and LPS: who stands in front of the patient has the smaller P, who stands at the left the larger L.
    assert face.positionLps == (0.0, -500.0, 0.0) and left.positionLps == (500.0, 0.0, 0.0)
    assert page.click("upButton") == "The order is kept." and page.whyNot("upButton") == "It is the first."
    page.type("viewsTable", 0, 0, "From the left")
    assert [view.name for view in caseViews(Case.open(printed))] == ["From the left", "Face"]
    page.select("viewsTable", 1)
    page.click("previewButton")
    assert camera.GetPosition() == pytest.approx((0, 500, 0))
    assert page.click("deleteButton") == "The view is deleted."
    assert [view.name for view in caseViews(Case.open(printed))] == ["From the left"]
    assert Case.open(printed).verify() == []


def test_aViewNeedsANameOfItsOwnAnd3DView(viewsPage, printed):
    assert "There is no 3D view" in take(viewsPage, "Face")
    aCamera()
    take(viewsPage, "Face")
    assert "two are called" in take(viewsPage, "face") and len(caseViews(Case.open(printed))) == 1
    viewsPage.type("viewsTable", 0, 0, "")
    assert "cannot be used" in message(viewsPage.home) and viewsPage.rows("viewsTable")[0][0] == "Face"


def test_aViewKnowsWhatIsShown(viewsPage, printed, monkeypatch):
    import slicer

    # By default a part is called as the bone that it was made from.
    monkeypatch.setattr(ViewsInScene, "partOf", lambda _part: {"object": "Plate"})
    aCamera()
    take(viewsPage, "All")
    scene, case = slicer.mrmlScene, Case.open(printed)
    showCaseInScene(case, Session.start())
    part = shownNode(scene, case, "part")
    part.SetDisplayVisibility(False)
    take(viewsPage, "Without the part")
    everything, some = caseViews(Case.open(printed))
    assert everything.visible == () and some.visible == ("Bone",)
    part.SetDisplayVisibility(True)
    viewsPage.select("viewsTable", 1)
    viewsPage.click("previewButton")
    assert not part.GetDisplayVisibility()
