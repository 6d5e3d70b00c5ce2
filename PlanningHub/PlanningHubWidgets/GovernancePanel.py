"""What the pages of the case's governance have in common: a change of the active case, and buttons that say why not."""

import qt
from slicer.i18n import tr as _

from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import PlanningError
from PlanningHubLib.Site import Site

from .Panel import Panel

GOOD_STYLE = "color: #14532d; background: #eaf6ec; padding: 4px;"
BAD_STYLE = "color: #a01010; background: #fdecea; padding: 4px;"
DOUBT_STYLE = "color: #7c3f06; background: #fdf3e2; padding: 4px;"
PLAIN_STYLE = "color: #374151; background: #eef0f3; padding: 4px;"
GOOD_COLOR, BAD_COLOR, DOUBT_COLOR, FADED_COLOR = "#15803d", "#a01010", "#b45309", "#6b7280"


class GovernancePanel(Panel):
    """A page that shows and changes what ``case.json`` says of a case beside its artefacts.

    Nothing that is entered here goes into the parameter node: it would be saved with the scene. A panel overrides
    :meth:`show`, and empties its fields in :meth:`forget`.
    """

    def __init__(self, module, page):
        self._toolTips = {}
        self._shownFolder = None
        super().__init__(module, page)

    def show(self, case):
        """Show a case, or none; what was entered for another one has been emptied."""
        raise NotImplementedError

    def showCase(self, case):
        folder = case.folder if case else None
        if folder != self._shownFolder:
            self._shownFolder = folder
            self.forget()
        self.show(case)

    def change(self, doneText, function, *arguments, **named):
        """Run ``function(case, …)`` on the active case, open for writing; tell whether that was done."""
        folder = self.module.activeFolder()

        def step(_session, _progress):
            with Case.open(folder, writable=True) as case:
                function(case, *arguments, **named)
            return True

        return bool(self.module.runStep(step, doneText))

    def allow(self, button, reason=""):
        """Enable a button, or disable it with the reason as its tool tip."""
        own = self._toolTips.setdefault(button.objectName, button.toolTip)
        button.enabled = not reason
        button.toolTip = reason or own

    def isInFront(self):
        """Tell whether this is the page that the user sees."""
        panels = getattr(self.module, "panels", ())
        return self in panels and self.module.ui.pagesTabWidget.currentIndex == panels.index(self)

    def noCaseReason(self, *sections):
        """Return why nothing can be done where no case is open, else empty text; then sections are enabled."""
        for section in sections:
            section.enabled = self.module.case is not None
        return "" if self.module.case else _("Open a case first.")


def empty(*edits):
    """Empty line edits, together with what they could undo."""
    for edit in edits:
        edit.text = ""


def siteUsers():
    """Return the names of the site's users, and why there are none or they cannot be told."""
    try:
        site = Site.forThisInstallation()
        names = [user["name"] for user in site.asDict()["users"]]
    except PlanningError as error:
        return [], str(error)
    return names, "" if names else _("No user is entered in {path}.").format(path=site.path)


def offer(comboBox, texts):
    """Fill a combo box anew and keep what is chosen or entered, where that is still offered or may be entered."""
    chosen = comboBox.currentText
    comboBox.clear()
    comboBox.addItems([str(text) for text in texts])
    if comboBox.editable:
        comboBox.currentText = chosen
    else:
        comboBox.currentIndex = max(0, comboBox.findText(chosen))


def tint(table, row, column, color):
    """Color the text of a table's cell."""
    table.item(row, column).setForeground(qt.QBrush(qt.QColor(color)))


def timeText(utc):
    """Return a time of a record, UTC, as a table shows it."""
    return utc[:16].replace("T", " ")
