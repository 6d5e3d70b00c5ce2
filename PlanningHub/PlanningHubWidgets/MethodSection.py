"""The part of the segmentation's page that shows and changes the method of the selected structure, step by step."""

from slicer.i18n import tr as _

from PlanningHubLib.Errors import PlanningError
from PlanningHubLib.Segmenting import MethodEditing, Preview
from PlanningHubLib.Segmenting.Methods import STEPS

from .StepForm import StepForm
from .StepTable import StepTable


class MethodSection:
    """Keeps what was changed in the parameter node, for the open case alone; slider and box act on top of it.

    :param panel: the :class:`.SegmentationPanel.SegmentationPanel` whose widgets these are
    """

    def __init__(self, panel):
        self._panel, self._ui, self._fault = panel, panel.ui, ""
        ui = self._ui
        self._form = StepForm(ui.methodFieldsWidget, None, MethodEditing.fieldsOf)
        for kind in STEPS:
            ui.methodStepComboBox.addItem(kind.title, kind.do)
        self._table = StepTable(ui, ui.methodStepsTable, self, self._showForm)
        ui.ownMethodButton.connect("clicked(bool)", lambda _checked=False: self.onOwn())

    def show(self, case):
        """Take the methods that were changed for this case; those of another one are dropped."""
        parameters, self._fault = self._panel.module.parameters, ""
        if case is None or parameters is None:
            return
        try:
            isOther = MethodEditing.methodsIn(parameters.methodsJson, case.caseId) is None
        except PlanningError as error:
            isOther, self._fault = False, str(error)
        if isOther:
            parameters.methodsJson = MethodEditing.textOf({}, case.caseId)
            if self._panel.chosen():
                self.match()

    def match(self):
        """Set slider and box to the method of the selected structure."""
        threshold, closing, _unit = self._showControls()
        parameters = self._panel.module.parameters
        if threshold is not None:
            parameters.thresholdHu = threshold
        if closing is not None:
            parameters.closing = closing

    def showChosen(self):
        """Show the controls of the selected structure."""
        self._showControls()

    def _showControls(self):
        ui = self._ui
        threshold, closing, unit = MethodEditing.controlsOf(self._kept(self._panel.chosen()))
        for widgets, value in (((ui.thresholdLabel, ui.thresholdSliderWidget), threshold),
                               ((ui.closingLabel, ui.closingSpinBox), closing)):  # fmt: skip
            for widget in widgets:
                widget.visible = value is not None
        # Before a value comes: the box would round it, and so change the parameter.
        ui.closingSpinBox.decimals = 0 if unit == "voxels" else 1
        ui.closingSpinBox.suffix = _(" voxels") if unit == "voxels" else _(" mm")
        return threshold, closing, unit

    def _changed(self):
        module = self._panel.module
        if self._fault or module.parameters is None or module.case is None:
            return {}
        return MethodEditing.methodsIn(module.parameters.methodsJson, module.case.caseId) or {}

    def _kept(self, structure):
        return self._changed().get(structure["name"], structure["method"]) if structure else None

    def method(self, structure):
        """Return the method of a structure of the procedure as it would be carried out; None where there is none."""
        method, parameters = self._kept(structure), self._panel.module.parameters
        if method and parameters is not None and structure["name"] == parameters.structure:
            threshold, closing, _unit = MethodEditing.controlsOf(method)
            method = Preview.withParameters(
                method, None if threshold is None else parameters.thresholdHu,
                None if closing is None else parameters.closing,
            )  # fmt: skip
        return method if method and method["steps"] else None

    def problem(self):
        """Return why the selected structure's method cannot be carried out, empty text where it can."""
        return self._fault or MethodEditing.problemIn(self.method(self._panel.chosen()))

    def updateActions(self, closed):
        """Show the steps as they are now, and enable what can be done.

        :param closed: why nothing can, empty where a structure of the procedure is selected
        """
        ui, allow, structure = self._ui, self._panel.allow, self._panel.chosen()
        self._showSteps()
        self._table.updateActions(allow, closed or self._fault)
        isOwn = not self._fault and (structure is None or self.method(structure) == structure["method"])
        allow(ui.ownMethodButton, closed or (_("It is the procedure's.") if isOwn else ""))
        ui.methodProblemLabel.text = self.problem()
        ui.methodProblemLabel.visible = bool(ui.methodProblemLabel.text)

    def _showSteps(self):
        self._table.show(MethodEditing.rowsOf(self._chosenMethod()))
        self._showForm()

    def _showForm(self):
        method, row = self._chosenMethod(), self._table.row
        step = method["steps"][row] if method and row >= 0 else None
        self._form.show(step, {one["name"]: "structure" for one in self._panel.structures} if step else {})

    def _chosenMethod(self):
        structure = self._panel.chosen()
        return self.method(structure) if structure else None

    # What the user does

    def _take(self, method, row=0):
        """Keep a method of the selected structure, the procedure's for None, and select a step."""
        module, name = self._panel.module, self._panel.chosen()["name"]
        methods = {key: value for key, value in self._changed().items() if key != name}
        self._fault = ""
        if method is not None:
            methods[name] = method
        module.runner.say("")
        module.parameters.methodsJson = MethodEditing.textOf(methods, module.case.caseId)
        self.match()
        self._panel.showChosen()
        self._panel.updateActions()
        self._table.select(row)

    def onAdd(self):
        row = self._table.row
        do = self._ui.methodStepComboBox.itemData(self._ui.methodStepComboBox.currentIndex)
        name = self._panel.chosen()["name"]
        self._take(MethodEditing.withNewStep(self._chosenMethod(), do, row, name), row + 1)

    def onShift(self, by):
        self._take(*MethodEditing.shifted(self._chosenMethod(), self._table.row, by))

    def onRemove(self):
        row = self._table.row
        self._take(MethodEditing.withoutStep(self._chosenMethod(), row), max(row - 1, 0))

    def onApply(self):
        """Take over the form; what cannot be is said, and nothing changes."""
        row = self._table.row
        try:
            method = MethodEditing.replaced(self._chosenMethod(), row, self._form.values())
        except PlanningError as error:
            self._panel.module.runner.complain(error)
            return
        self._take(method, row)

    def onOwn(self):
        self._take(None)
