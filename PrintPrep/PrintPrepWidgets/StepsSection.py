"""The part of the page that shows and changes the steps of a recipe."""

from slicer.i18n import tr as _

from PlanningHubLib.Errors import PlanningError
from PlanningHubLib.Planning import PointPicking
from PlanningHubLib.Session import Session
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
        self._form = StepForm(ui.stepFieldsWidget, self.onPick, RecipeDraft.fieldsOf, axes="L  P  S")
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
        for editor in self._form.editors.values():
            if editor.field.isPosition:
                editor.button.text = _("Place in the views")

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

    def onPick(self, editor):
        """Let the user click the point of a field; views are in RAS, parts count in LPS."""
        module, session = self._panel.module, Session.start()
        # On a plate, the part does not lie where it belongs.
        module.logic.clearStage(session)
        node = PointPicking.startPicking(session)

        def onPicked(_caller=None, _event=None):
            point = PointPicking.pickedPoint(session.scene)
            if point is not None:
                editor.take([-point[0], -point[1], point[2]])
                PointPicking.forgetPicked(session.scene)
                if "normal" in self._form.editors:
                    # What faced away at another place need not do so here.
                    self._form.editors["normal"].set(None)
                module.runner.say(_("Apply the step to take the place over."))

        module.addObserver(node, node.PointPositionDefinedEvent, onPicked)
        module.runner.say(_("Click on the part in the views."))

    def onApply(self):
        """Take over the form; what cannot be is said, and nothing changes."""
        row = self._table.row
        try:
            steps = RecipeDraft.replaced(self._steps(), row, self._form.values())
        except PlanningError as error:
            self._panel.module.runner.complain(error)
            return
        self._take(steps, row)
