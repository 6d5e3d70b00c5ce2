"""The pages of the print module and the user's hands on them."""

import shutil

from PlanningHubLib.Case import Case
from StandInHost.Page import Page


class PrintPage(Page):
    """A page of the print module, by the name of its panel."""

    def __init__(self, user, name="PartPanel"):
        super().__init__(user, user.show("PrintPrep"), name)

    def case(self):
        return Case.open(self.home.activeFolder())


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
