"""The plans of a case, and what they give side by side."""

from slicer.i18n import tr as _

from PlanningHubLib.Planning import Plan
from PlanningHubLib.Planning.Compare import compareVariants
from PlanningHubLib.Planning.Figures import valueText, words

from .CaseModuleWidget import fillTable
from .GovernancePanel import DOUBT_COLOR, GOOD_COLOR, tint


class PlanVariants:
    """Lists the newest revision of each plan of a case. Nothing is ranked.

    :param ui: the widgets of the plan's page
    """

    def __init__(self, ui):
        self._ui = ui
        self._plans, self._case = [], None
        ui.variantsCollapsibleButton.connect("contentsCollapsed(bool)", lambda _collapsed: self._showSideBySide())

    def show(self, case):
        """Show the plans of a case, or of none (None)."""
        ui = self._ui
        self._plans, self._case = Plan.variants(case) if case else [], case
        stale = [case.graph.isStale(plan) for plan in self._plans]
        rows = [
            (plan.title, str(plan.revision), _("stale") if isStale else _("current"))
            for plan, isStale in zip(self._plans, stale, strict=True)
        ]
        fillTable(ui.variantsTable, rows)
        for row, isStale in enumerate(stale):
            tint(ui.variantsTable, row, 2, DOUBT_COLOR if isStale else GOOD_COLOR)
        self._showSideBySide()

    def _showSideBySide(self):
        # Every file of every plan is read for it: not for nobody to see.
        isSeen = len(self._plans) > 1 and not self._ui.variantsCollapsibleButton.collapsed
        table = self._ui.compareTable
        table.visible = isSeen
        compared = compareVariants(self._case) if isSeen else {"variants": [], "rows": []}
        titles = [one["title"] for one in compared["variants"]]
        table.setColumnCount(1 + len(titles))
        table.setHorizontalHeaderLabels([_("Figure"), *titles])
        fillTable(table, [_row(row) for row in compared["rows"]], stretchedColumn=tuple(range(1 + len(titles))))

    def chosen(self):
        """Return the plan that is selected, or None."""
        row = self._ui.variantsTable.currentRow()
        return self._plans[row] if 0 <= row < len(self._plans) else None

    def update(self, panel, closed):
        """Enable what can be done now."""
        unchosen = "" if self.chosen() else _("Select a plan.")
        panel.allow(self._ui.openVariantButton, closed or unchosen)


def _row(row):
    figure = _("{step}: {figure}").format(step=row["step"], figure=words(row["figure"]))
    return (figure, *(valueText(row["figure"], value) for value in row["values"]))
