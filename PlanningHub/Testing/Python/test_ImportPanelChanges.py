"""What voids a check on the page of the import, and what a cancelled one leaves: nothing."""

import pydicom
import pytest
from ImportPages import GENERAL, checkFile, theCase, verdictOf, zipOf

from StandInHost.User import importing, message

pytestmark = pytest.mark.usefixtures("ownTemporaryFolder")


@pytest.mark.parametrize(
    "change",
    [
        ("sideComboBox", "right"),
        ("procedureComboBox", "Spine"),
        ("filePathLineEdit", "elsewhere.zip"),
        ("sourceKindComboBox", "Folder"),
    ],
)
def test_aChangeVoidsTheCheckAndRemovesWhatWasUnpacked(user, aScan, tmp_path, ownTemporaryFolder, change):
    home = checkFile(user, zipOf(aScan, tmp_path / "examination"))
    assert importing(home).importButton.enabled
    user.host.enter(getattr(importing(home), change[0]), change[1])
    assert verdictOf(home) == "" and not importing(home).importButton.enabled
    assert list(ownTemporaryFolder.iterdir()) == []


def test_aClosedSceneVoidsTheCheck(user, aScan, tmp_path, ownTemporaryFolder):
    home = checkFile(user, zipOf(aScan, tmp_path / "examination"))
    user.host.closeScene()
    assert verdictOf(home) == "" and list(ownTemporaryFolder.iterdir()) == []
    assert importing(home).filePathLineEdit.currentPath == "" and not importing(home).importButton.enabled


def test_aReloadedModuleLeavesNothingUnpacked(user, aScan, tmp_path, ownTemporaryFolder):
    checkFile(user, zipOf(aScan, tmp_path / "examination"))
    home = user.host.reloadModule("PlanningHub")
    assert list(ownTemporaryFolder.iterdir()) == [] and verdictOf(home) == ""


def test_goingToAnotherModuleAndBackKeepsTheCheck(user, aScan):
    home = user.check(aScan, procedure=GENERAL)
    user.show("PrintPrep")
    user.show("PlanningHub")
    assert verdictOf(home) == "ACCEPT" and importing(home).importButton.enabled


def test_whatChangedAfterTheCheckIsNotImported(user, aScan):
    home = user.check(aScan, procedure=GENERAL)
    path = sorted(aScan.iterdir())[20]
    image = pydicom.dcmread(path)
    image.PatientID = "SOMEBODY-ELSE"
    image.save_as(path)
    user.host.click(importing(home).importButton)
    assert "changed since they were checked" in message(home) and list(user.casesFolder.iterdir()) == []


@pytest.mark.parametrize("fraction", [0.01, 0.3, 0.6, 0.85])
def test_aCancelledCheckLeavesNothing(user, aScan, tmp_path, ownTemporaryFolder, fraction):
    path = zipOf(aScan, tmp_path / "examination")
    home = user.show("PlanningHub")
    done = user.cancelDuring(home, fraction)
    checkFile(user, path)
    assert done and message(home) == "Cancelled; nothing was stored."
    assert verdictOf(home) == "" and list(ownTemporaryFolder.iterdir()) == []
    user.host.click(importing(home).checkButton)
    assert verdictOf(home) == "ACCEPT"


def test_aCancelledImportKeepsTheCheck(user, aScan):
    home = user.check(aScan, procedure=GENERAL)
    done = user.cancelDuring(home, 0.5)
    user.host.click(importing(home).importButton)
    assert done and message(home).startswith("Cancelled") and list(user.casesFolder.iterdir()) == []
    user.host.click(importing(home).importButton)
    assert theCase(user).side == "left"
