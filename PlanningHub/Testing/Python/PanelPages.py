"""A page of the home module and the user's hands on it, for the tests of the pages of the governance."""

import shutil

import pytest

from PlanningHubLib.Case import Case
from StandInHost.User import message, sceneNodes, tableTexts

POINT = (12.5, -30.2, 41.0)


@pytest.fixture
def ownSite(user, stages, widgetHome, tmp_path, monkeypatch):
    """Settings of this test alone, with the key of the ready cases; its site has no users yet."""
    home = tmp_path / "settings"
    shutil.copytree(widgetHome, home)
    monkeypatch.setenv("PLANNINGHUB_HOME", str(home))
    return home


class Page:
    """A page of the home module, with the user's hands on it."""

    def __init__(self, user, home, name):
        self.user, self.home, self.panel = user, home, home.panel(name)
        self.ui = self.panel.ui
        home.showPanel(name)

    def click(self, name):
        self.user.host.click(getattr(self.ui, name))
        return message(self.home)

    def enter(self, **values):
        for name, value in values.items():
            self.user.host.enter(getattr(self.ui, name), value)

    def rows(self, table):
        return tableTexts(getattr(self.ui, table))

    def select(self, table, row):
        self.user.host.act(getattr(self.ui, table).setCurrentCell, row, 0)

    def color(self, table, row, column):
        return getattr(self.ui, table).item(row, column).foreground().color().name()

    def whyNot(self, name):
        button = getattr(self.ui, name)
        assert not button.enabled
        return button.toolTip


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
