"""The case of a guide whose recipe states all that papers need, open in the print module."""

import shutil

import pytest
from InspectionMaking import bracketMesh
from PapersMaking import statedCase
from PrintPages import PrintPage

from PlanningHubLib.Case import Case
from PlanningHubLib.Import import importSeries
from PlanningHubLib.Segmentation import segmentBone
from PlanningHubLib.Session import Session


@pytest.fixture
def ownSite(user, widgetHome, tmp_path, monkeypatch):
    """Settings of this test alone."""
    home = tmp_path / "settings"
    if widgetHome.is_dir():
        shutil.copytree(widgetHome, home)
    monkeypatch.setenv("PLANNINGHUB_HOME", str(home))


@pytest.fixture
def aGuide(user, ownSite, smallHead):
    """Opens the case of a guide, an L of 60 × 40 × 30 mm, whose recipe states all that papers need."""
    folder = user.casesFolder / "guide"
    importSeries(smallHead, folder, side="left", procedure="general")
    with Case.open(folder, writable=True) as case:
        segmentBone(case, Session.start())
        statedCase(case, Session.start(), bracketMesh())
    user.open(folder)
    return lambda name: PrintPage(user, name)
