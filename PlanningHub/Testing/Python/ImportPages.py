"""The page of the import as its user fills it in."""

import shutil
import tempfile
from pathlib import Path

import pytest
from VerdictMaking import writeHead

from PlanningHubLib.Case import Case
from StandInHost.User import importing

FILE, ARCHIVE = "File: ZIP, DICOMDIR or DICOM", "Hospital archive (DICOMweb)"
GENERAL = "General planning"


@pytest.fixture
def ownTemporaryFolder(tmp_path, monkeypatch):
    """What is unpacked lands where the tests see it."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def aScan(tmp_path):
    """A scan that is good enough for general planning."""
    return writeHead(tmp_path / "ct")


def verdictOf(home):
    """The word that is shown, empty where no verdict is."""
    ui = importing(home)
    return "" if ui.resultWidget.isHidden() else ui.verdictLabel.text.split("</b>")[0].split(">")[-1]


def theCase(user):
    (folder,) = user.casesFolder.iterdir()
    case = Case.open(folder)
    assert case.verify() == []
    return case


def fill(user, kind, **fields):
    home = user.show("PlanningHub")
    user.host.enter(importing(home).sourceKindComboBox, kind)
    for name, value in fields.items():
        user.host.enter(getattr(importing(home), name), value)
    user.host.enter(importing(home).procedureComboBox, GENERAL)
    user.host.enter(importing(home).sideComboBox, "left")
    return home


def checkFile(user, path):
    home = fill(user, FILE, filePathLineEdit=path)
    user.host.click(importing(home).checkButton)
    return home


def zipOf(folder, path):
    return Path(shutil.make_archive(str(path), "zip", folder))
