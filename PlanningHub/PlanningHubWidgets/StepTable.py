"""The table of the steps of a method or a recipe, and the buttons that change them."""

from slicer.i18n import tr as _

from .CaseModuleWidget import fillTable
from .GovernancePanel import BAD_COLOR, tint


class StepTable:
    """Shows steps and says which one is selected.

    :param ui: holds the buttons ``addStepButton``, ``stepUpButton``, ``stepDownButton``, ``removeStepButton`` and
        ``applyStepButton``
    :param table: the table's widget
    :param actions: has ``onAdd()``, ``onShift(by)``, ``onRemove()``, ``onApply()``
    :param onSelected: called when the user selects a step
    """

    def __init__(self, ui, table, actions, onSelected):
        self._ui, self._table, self._onSelected, self._filling = ui, table, onSelected, False
        for button, function in (
            (ui.addStepButton, actions.onAdd), (ui.stepUpButton, lambda: actions.onShift(-1)),
            (ui.stepDownButton, lambda: actions.onShift(1)), (ui.removeStepButton, actions.onRemove),
            (ui.applyStepButton, actions.onApply),
        ):  # fmt: skip
            button.connect("clicked(bool)", lambda _checked=False, function=function: function())
        table.connect("itemSelectionChanged()", self._selected)

    @property
    def row(self):
        """The index of the selected step, -1 for none."""
        return self._table.currentRow()

    def select(self, row):
        """Select the step of an index."""
        self._table.setCurrentCell(row, 0)

    def show(self, rows):
        """Show (title, parameters in words, problem) of each step; the selection stays as far as it can."""
        row = min(max(self.row, 0), len(rows) - 1)
        self._filling = True
        fillTable(self._table, [(title, (text, problem or text)) for title, text, problem in rows], stretchedColumn=1)
        for number, (_title, _text, problem) in enumerate(rows):
            if problem:
                tint(self._table, number, 0, BAD_COLOR)
        self.select(row)
        self._filling = False

    def updateActions(self, allow, closed):
        """Enable what can be done.

        :param allow: ``allow(button, whyNot)``
        :param closed: why nothing can, empty where something can
        """
        ui = self._ui
        allow(ui.addStepButton, closed)
        unchosen = closed or ("" if self.row >= 0 else _("Select a step."))
        for button in (ui.stepUpButton, ui.stepDownButton, ui.removeStepButton, ui.applyStepButton):
            allow(button, unchosen)

    def _selected(self):
        if not self._filling:
            self._onSelected()
