"""Structures found by a model, by command and on the page, here and by a server; reviewed before they count."""

import json

import pytest
from CaseMaking import BONE_HU, asymmetricVoxels, writeSite
from InferenceMaking import program
from PySide6.QtWidgets import QMessageBox

from PlanningHubCommand.Main import main
from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import GateRefused
from PlanningHubLib.Import import importSeries
from PlanningHubLib.Segmenting.ModelSegmentation import segmentByModel
from PlanningHubLib.Segmenting.SegmentReview import requireReviewed, reviewSegments
from Servers.SmallMonaiLabel import SmallMonaiLabel
from StandInHost.User import message

BONE_VOXELS = int((asymmetricVoxels() == BONE_HU).sum())


@pytest.fixture
def aSkullCase(aSeries, tmp_path):
    """Folder of a case of a small series, whose procedure names a skull."""
    importSeries(aSeries, tmp_path / "imported", side="right", procedure="cranioplasty")
    return tmp_path / "imported"


@pytest.fixture
def aProgram(ownHome, tmp_path, monkeypatch):
    """The stand-in for TotalSegmentator's program, named by the site."""
    path, _notes = program(tmp_path, monkeypatch)
    writeSite(ownHome, totalSegmentator=str(path))


@pytest.fixture
def aServer():
    with SmallMonaiLabel() as server:
        yield server


def command(capsys, *arguments):
    capsys.readouterr()
    exitCode = main([*map(str, arguments), "--json"])
    return exitCode, json.loads(capsys.readouterr().out)


def skullVoxels(folder):
    with Case.open(folder) as case:
        segmentation = case.require("segmentation")
        assert segmentation.facts["structures"]["Skull"]["needsReview"] is True
        return segmentation.facts["structures"]["Skull"]["voxels"]


def test_byCommandOnThisMachine(aSkullCase, aProgram, capsys):
    arguments = ("segment", "--case", aSkullCase, "--by", "totalsegmentator")
    exitCode, result = command(capsys, *arguments, "--structure", "Skull")
    assert exitCode == 0, result
    assert skullVoxels(aSkullCase) == BONE_VOXELS


def test_byCommandOnAServer(aSkullCase, aServer, capsys):
    arguments = ("segment", "--case", aSkullCase, "--by", aServer.address)
    exitCode, result = command(capsys, *arguments, "--structure", "Skull")
    assert (exitCode, result["findings"][0]["code"]) == (3, "several-models") and aServer.bodies == []
    exitCode, result = command(capsys, *arguments, "--structure", "Skull", "--model", "threshold")
    assert exitCode == 0, result
    assert skullVoxels(aSkullCase) == BONE_VOXELS
    with Case.open(aSkullCase) as case:
        assert case.governance["departures"][-1]["destination"] == f"inference server {aServer.address}"


def test_checkSaysInWordsWhatIsWrong(aSkullCase, aServer, capsys):
    exitCode, result = command(capsys, "segment", "--case", aSkullCase, "--by", aServer.address, "--check")
    assert exitCode == 0 and result["findings"][-1]["code"] == "server-ready"
    exitCode, result = command(capsys, "segment", "--case", aSkullCase, "--by", f"{aServer.address}/x", "--check")
    assert exitCode == 5 and result["findings"][0]["code"] == "not-monai-label"


def test_whatAModelFoundCountsOnceItIsReviewed(aSkullCase, aProgram, aSession):
    with Case.open(aSkullCase, writable=True) as case:
        segmentation = segmentByModel(case, aSession, ["Skull"])
        with pytest.raises(GateRefused) as refused:
            requireReviewed(case, segmentation)
        assert refused.value.code == "not-reviewed"
        reviewSegments(case, ["Skull"], "accepted", "seen in all slices")
        requireReviewed(case, segmentation)


def test_notInstalledIsSaidByName(aSkullCase, ownHome, capsys):
    writeSite(ownHome, totalSegmentator="/nowhere/TotalSegmentator")
    exitCode, result = command(capsys, "segment", "--case", aSkullCase, "--by", "totalsegmentator")
    assert exitCode == 3 and result["findings"][0]["code"] == "ai-not-installed"


def test_onThePage(turnTo, ownSite, aServer):
    writeSite(ownSite, inferenceServer=aServer.address)
    page = turnTo("SegmentationPanel")
    ui, host = page.ui, page.user.host
    host.enter(ui.engineComboBox, "Inference server")
    assert ui.serverLineEdit.text == aServer.address
    host.click(ui.checkButton)
    assert "is a MONAI Label server" in ui.networkLabel.text and aServer.bodies == []
    host.enter(ui.modelNameLineEdit, "threshold")
    host.answer(QMessageBox.StandardButton.Cancel)
    host.click(ui.modelButton)
    assert aServer.bodies == []
    host.answer(QMessageBox.StandardButton.Ok)
    host.click(ui.modelButton)
    assert "counts once it is reviewed" in message(page.home) and len(aServer.bodies) == 1
    row = next(row for row in page.rows("structuresTable") if row[0] == "Skull")
    assert (row[1], row[3]) == ("by a model", "needed")
