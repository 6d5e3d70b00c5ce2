"""A page of the home module and the user's hands on it, for the tests of the pages of the governance."""

import shutil

import pytest

from PlanningHubLib.Case import Case
from StandInHost.Page import Page
from StandInHost.User import sceneNodes

POINT = (12.5, -30.2, 41.0)


@pytest.fixture
def ownSite(user, stages, widgetHome, tmp_path, monkeypatch):
    """Settings of this test alone, with the key of the ready cases; its site has no users yet."""
    home = tmp_path / "settings"
    shutil.copytree(widgetHome, home)
    monkeypatch.setenv("PLANNINGHUB_HOME", str(home))
    return home


@pytest.fixture
def turnTo(user, aCaseFolder, ownSite):
    """Opens a case of a stage and turns to a page."""

    def turn(name, stage="imported", folder=None):
        return Page(user, user.open(folder or aCaseFolder(stage)), name)

    return turn


def governance(page):
    case = Case.open(page.home.activeFolder())
    assert case.verify() == []
    return case.governance


def fillRequest(page, **values):
    page.enter(anatomyLineEdit="frontal bone", designComboBox="patient-specific", **values)
    page.enter(designReasonLineEdit="across the midline")


def place(page, point=POINT):
    page.click("placeButton")
    (node,) = (one for one in sceneNodes() if one.GetAttribute("PlanningHub.commentPoint") == "placed")
    page.user.host.act(node.AddControlPoint, *point)
