"""The part of the page that shows and changes the steps of a recipe."""

from PlanningHubLib.Errors import PlanningError
from PlanningHubWidgets.StepForm import StepForm
from PlanningHubWidgets.StepTable import StepTable
from PrintPrepLib import RecipeDraft
from PrintPrepLib.PartSteps import steps as stepKinds


class StepsSection:
    """Shows a draft's steps and the form of the selected one.

    :param panel: the :class:`.PartPanel.PartPanel` whose widgets these are
    """

    def __init__(self, panel):
        self._panel, self._ui = panel, panel.ui
        ui = self._ui
        self._form = StepForm(ui.stepFieldsWidget, None, RecipeDraft.fieldsOf, axes="L  P  S")
        for kind in stepKinds().values():
            ui.stepComboBox.addItem(kind.title, kind.do)
        self._table = StepTable(ui, ui.stepsTable, self, lambda: self._showForm(self._steps()))
        ui.labelCheckBox.connect("clicked(bool)", self.onLabel)

    def show(self, steps, closed):
        """Show steps, and enable what can be done with them.

        :param closed: why nothing can, empty where a case is open
        """
        self._ui.labelCheckBox.checked = RecipeDraft.isLabelled(steps)
        self._table.show(RecipeDraft.rowsOf(steps))
        self._showForm(steps)
        self._table.updateActions(self._panel.allow, closed)

    def _showForm(self, steps):
        row = self._table.row
        case = self._panel.module.case
        names = [name for names in RecipeDraft.offeredObjects(case) for name in names] if case else []
        self._form.show(steps[row] if 0 <= row < len(steps) else None, dict.fromkeys(names))

    def _steps(self):
        return self._panel.draft()["steps"]

    def _take(self, steps, row=None):
        self._panel.module.runner.say("")
        self._panel.change("steps", steps)
        if row is not None:
            self._table.select(row)

    # What the user does

    def onLabel(self, checked=False):
        self._take(RecipeDraft.withLabel(self._steps(), checked))

    def onAdd(self):
        do = self._ui.stepComboBox.itemData(self._ui.stepComboBox.currentIndex)
        self._take(*RecipeDraft.withNewStep(self._steps(), do, self._table.row))

    def onShift(self, by):
        self._take(*RecipeDraft.shifted(self._steps(), self._table.row, by))

    def onRemove(self):
        row = self._table.row
        self._take(RecipeDraft.withoutStep(self._steps(), row), max(row - 1, 0))

    def onApply(self):
        """Take over the form; what cannot be is said, and nothing changes."""
        row = self._table.row
        try:
            steps = RecipeDraft.replaced(self._steps(), row, self._form.values())
        except PlanningError as error:
            self._panel.module.runner.complain(error)
            return
        self._take(steps, row)
