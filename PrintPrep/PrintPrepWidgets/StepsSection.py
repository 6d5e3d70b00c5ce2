"""The part of the page that shows and changes the steps of a recipe."""

from slicer.i18n import tr as _

from PlanningHubLib.Errors import PlanningError
from PlanningHubWidgets.CaseModuleWidget import fillTable
from PlanningHubWidgets.GovernancePanel import BAD_COLOR, tint
from PlanningHubWidgets.StepForm import StepForm
from PrintPrepLib import RecipeDraft
from PrintPrepLib.PartSteps import steps as stepKinds


class StepsSection:
    """Shows a draft's steps and the form of the selected one.

    :param panel: the :class:`.PartPanel.PartPanel` whose widgets these are
    """

    def __init__(self, panel):
        self._panel, self._ui, self._filling = panel, panel.ui, False
        ui = self._ui
        self._form = StepForm(ui.stepFieldsWidget, None, RecipeDraft.fieldsOf, axes="L  P  S")
        for kind in stepKinds().values():
            ui.stepComboBox.addItem(kind.title, kind.do)
        for button, function in (
            (ui.addStepButton, self.onAdd), (ui.stepUpButton, lambda: self.onShift(-1)),
            (ui.stepDownButton, lambda: self.onShift(1)), (ui.removeStepButton, self.onRemove),
            (ui.applyStepButton, self.onApply),
        ):  # fmt: skip
            button.connect("clicked(bool)", lambda _checked=False, function=function: function())
        ui.labelCheckBox.connect("clicked(bool)", self.onLabel)
        ui.stepsTable.connect("itemSelectionChanged()", self._onSelected)

    def show(self, steps, closed):
        """Show steps, and enable what can be done with them.

        :param closed: why nothing can, empty where a case is open
        """
        ui, allow = self._ui, self._panel.allow
        table, rows = ui.stepsTable, RecipeDraft.rowsOf(steps)
        row = min(max(self._row(), 0), len(rows) - 1)
        self._filling = True
        ui.labelCheckBox.checked = RecipeDraft.isLabelled(steps)
        fillTable(table, [(title, (text, problem or text)) for title, text, problem in rows], stretchedColumn=1)
        for number, (_title, _text, problem) in enumerate(rows):
            if problem:
                tint(table, number, 0, BAD_COLOR)
        table.setCurrentCell(row, 0)
        self._filling = False
        self._showForm(steps)
        allow(ui.addStepButton, closed)
        unchosen = closed or ("" if self._row() >= 0 else _("Select a step."))
        for button in (ui.stepUpButton, ui.stepDownButton, ui.removeStepButton, ui.applyStepButton):
            allow(button, unchosen)

    def _showForm(self, steps):
        row = self._row()
        case = self._panel.module.case
        names = [name for names in RecipeDraft.offeredObjects(case) for name in names] if case else []
        self._form.show(steps[row] if 0 <= row < len(steps) else None, dict.fromkeys(names))

    def _row(self):
        return self._ui.stepsTable.currentRow()

    def _steps(self):
        return self._panel.draft()["steps"]

    def _onSelected(self):
        if not self._filling:
            self._showForm(self._steps())

    def _take(self, steps, row=None):
        self._panel.module.runner.say("")
        self._panel.change("steps", steps)
        if row is not None:
            self._ui.stepsTable.setCurrentCell(row, 0)

    # What the user does

    def onLabel(self, checked=False):
        self._take(RecipeDraft.withLabel(self._steps(), checked))

    def onAdd(self):
        do = self._ui.stepComboBox.itemData(self._ui.stepComboBox.currentIndex)
        self._take(*RecipeDraft.withNewStep(self._steps(), do, self._row()))

    def onShift(self, by):
        self._take(*RecipeDraft.shifted(self._steps(), self._row(), by))

    def onRemove(self):
        row = self._row()
        self._take(RecipeDraft.withoutStep(self._steps(), row), max(row - 1, 0))

    def onApply(self):
        """Take over the form; what cannot be is said, and nothing changes."""
        row = self._row()
        try:
            steps = RecipeDraft.replaced(self._steps(), row, self._form.values())
        except PlanningError as error:
            self._panel.module.runner.complain(error)
            return
        self._take(steps, row)
