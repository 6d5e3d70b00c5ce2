"""The part of the page that says at every change whether a part may be made, why not, and by whose word."""

import html

from slicer.i18n import tr as _

from PlanningHubLib.Errors import PlanningError
from PlanningHubWidgets.CaseModuleWidget import fillTable
from PlanningHubWidgets.Findings import showFindings
from PlanningHubWidgets.VerdictView import WORD_STYLES
from PrintPrepLib.PartVerdict import BLOCKED, CARE, READY, judged, sourceRows, wordOf

STYLES = {BLOCKED: WORD_STYLES["reject"], CARE: WORD_STYLES["warn"], READY: WORD_STYLES["accept"]}


class VerdictSection:
    """Fills verdict, findings and sources.

    :param ui: ``verdictLabel``, ``findingsTable``, ``sourcesTable``, ``sourcesCollapsibleButton``
    """

    def __init__(self, ui):
        self._ui = ui

    def clear(self):
        """Say nothing: no case is open."""
        self._ui.verdictLabel.text = ""
        showFindings(self._ui.findingsTable, [])
        self._ui.sourcesCollapsibleButton.visible = False

    def show(self, case, draft):
        """Judge a draft; return why the part must not be made, empty text where it may be."""
        ui, findings = self._ui, judged(case, draft)
        word = wordOf(findings)
        title, sentence = verdictTexts(word)
        ui.verdictLabel.styleSheet = f"{STYLES[word]} padding: 6px;"
        ui.verdictLabel.text = f'<b style="font-size: 15px">{html.escape(title)}</b><br>{html.escape(sentence)}'
        showFindings(ui.findingsTable, [one.asDict() for one in findings])
        try:
            rows = [(who, about, says, (f"{source}, {date}", f"{source}, {date}"))
                    for who, about, says, source, date in sourceRows(draft)]  # fmt: skip
        except PlanningError:
            # The verdict names the file that cannot be read.
            rows = []
        ui.sourcesCollapsibleButton.visible = bool(rows)
        fillTable(ui.sourcesTable, rows, stretchedColumn=(1, 3))
        return findings[0].message if word == BLOCKED else ""


def verdictTexts(word):
    """Return a verdict's word and what it means, in a sentence."""
    return {
        BLOCKED: (_("BLOCKED"), _("The part is not made like this. Why, and what to do, stands below.")),
        CARE: (_("WITH CARE"), _("The part can be made. Read first what is said below.")),
        READY: (
            _("READY"),
            _("Nothing that is stated speaks against making it. The part itself is checked as it is made."),
        ),
    }[word]
