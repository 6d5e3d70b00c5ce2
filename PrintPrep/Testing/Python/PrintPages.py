"""The pages of the print module and the user's hands on them."""

import shutil

from PlanningHubLib.Case import Case
from StandInHost.User import message, tableTexts


class PrintPage:
    """A page of the print module, by the name of its panel."""

    def __init__(self, user, name="PartPanel"):
        self.user, self.widget = user, user.show("PrintPrep")
        self.panel = self.widget.panel(name)
        self.ui = self.panel.ui
        self.widget.showPanel(name)

    def click(self, name):
        self.user.host.click(getattr(self.ui, name))
        return message(self.widget)

    def enter(self, **values):
        for name, value in values.items():
            self.user.host.enter(getattr(self.ui, name), value)

    def rows(self, table):
        return tableTexts(getattr(self.ui, table))

    def select(self, table, row):
        self.user.host.act(getattr(self.ui, table).setCurrentCell, row, 0)

    def type(self, table, row, column, text):
        self.user.host.act(getattr(self.ui, table).item(row, column).setText, text)

    def color(self, table, row, column):
        return getattr(self.ui, table).item(row, column).foreground().color().name()

    def whyNot(self, name):
        button = getattr(self.ui, name)
        assert not button.enabled
        return button.toolTip

    def case(self):
        return Case.open(self.widget.activeFolder())


def openCopy(user, folder, name="copy"):
    """Open a copy of a case; returns its folder."""
    copy = shutil.copytree(folder, user.casesFolder / name)
    user.open(copy)
    return copy


def shown(page):
    """Return the verdict's word, and code by severity of what it says."""
    return page.ui.verdictLabel.text.split(">")[1].split("<")[0]


def said(page, table="findingsTable"):
    """Return (how grave, what) of each finding."""
    return [row[:2] for row in page.rows(table)]
