"""The page of the agreed views: taken from the 3D view, named, put in order, looked at again."""

import dataclasses

from slicer.i18n import tr as _

from ORExportLib.Views import caseViews
from PlanningHubLib.Errors import PlanningError
from PlanningHubLib.Planning.Plan import readPlan
from PlanningHubWidgets.CaseModuleWidget import fillTable
from PlanningHubWidgets.GovernancePanel import GovernancePanel, offer

NAME, CAPTION, STEP = range(3)


class ViewsPanel(GovernancePanel):
    """Every change is kept in the case at once."""

    def connectActions(self):
        ui = self.ui
        self._views, self._filling = (), False
        ui.takeButton.connect("clicked(bool)", self.onTake)
        ui.previewButton.connect("clicked(bool)", self.onPreview)
        ui.upButton.connect("clicked(bool)", lambda _checked=False: self.onMove(-1))
        ui.downButton.connect("clicked(bool)", lambda _checked=False: self.onMove(1))
        ui.deleteButton.connect("clicked(bool)", self.onDelete)
        ui.viewsTable.connect("itemSelectionChanged()", self.updateActions)
        ui.viewsTable.connect("itemChanged(QTableWidgetItem*)", self.onEdited)
        ui.nameLineEdit.connect("textChanged(QString)", lambda _text: self.updateActions())

    def forget(self):
        self.ui.nameLineEdit.text = self.ui.captionLineEdit.text = ""

    # What is shown

    def show(self, case):
        said = ""
        try:
            self._views = caseViews(case) if case else ()
        except PlanningError as error:
            self._views, said = (), str(error)
        if case and not self._views:
            said = said or _("None were agreed on: the package shows the usual ones for its procedure and side.")
        self.ui.viewsLabel.text = said
        self.ui.viewsLabel.visible = bool(said)
        offer(self.ui.stepComboBox, ["", *_stepNames(case)])
        self._showTable()

    def _showTable(self):
        table, row = self.ui.viewsTable, self.ui.viewsTable.currentRow()
        self._filling = True
        fillTable(table, [(view.name, view.caption, view.stepName or "") for view in self._views], (CAPTION,))
        table.setCurrentCell(min(row, len(self._views) - 1), 0)
        self._filling = False

    def _row(self):
        row = self.ui.viewsTable.currentRow()
        return row if 0 <= row < len(self._views) else None

    def updateActions(self):
        ui, row = self.ui, self._row()
        closed = self.noCaseReason(ui.viewsCollapsibleButton, ui.takeCollapsibleButton)
        none = closed or ("" if row is not None else _("Select a view."))
        self.allow(ui.previewButton, none)
        self.allow(ui.deleteButton, none)
        self.allow(ui.upButton, none or ("" if row else _("It is the first.")))
        self.allow(ui.downButton, none or ("" if row + 1 < len(self._views) else _("It is the last.")))
        self.allow(ui.takeButton, closed or ("" if ui.nameLineEdit.text.strip() else _("Give it a name.")))

    # What the user does

    def onTake(self):
        ui, logic = self.ui, self.module.logic
        wishes = ui.nameLineEdit.text, ui.stepComboBox.currentText or None, ui.captionLineEdit.text
        view = self.module.runStep(lambda _session, _progress: logic.takeView(self.module.case, *wishes), "")
        if view is not None and self._keep([*self._views, view], _("The view is kept.")):
            self.forget()
            ui.viewsTable.setCurrentCell(len(self._views) - 1, 0)

    def onPreview(self):
        view, case = self._views[self._row()], self.module.case
        self.module.runStep(lambda _session, _progress: self.module.logic.showView(case, view), "")

    def onMove(self, step):
        row, views = self._row(), list(self._views)
        views.insert(row + step, views.pop(row))
        if self._keep(views, _("The order is kept.")):
            self.ui.viewsTable.setCurrentCell(row + step, 0)

    def onDelete(self):
        views = list(self._views)
        del views[self._row()]
        self._keep(views, _("The view is deleted."))

    def onEdited(self, item):
        if self._filling:
            return
        row, text = item.row(), item.text().strip()
        fields = {NAME: {"name": text}, CAPTION: {"caption": text}, STEP: {"stepName": text or None}}
        views = list(self._views)
        views[row] = dataclasses.replace(views[row], **fields[item.column()])
        if not self._keep(views, _("The change is kept.")):
            self._showTable()

    def _keep(self, views, doneText):
        """Keep views; tell whether that was done."""
        folder, logic = self.module.activeFolder(), self.module.logic
        kept = self.module.runStep(lambda _session, _progress: logic.keepViews(folder, tuple(views)), doneText)
        return kept is not None


def _stepNames(case):
    plan = case.latest("plan") if case else None
    if plan is None or case.graph.isStale(plan):
        return []
    try:
        return [step["name"] for step in readPlan(case, plan)[0]["steps"]]
    except (OSError, ValueError, KeyError, TypeError):
        # A damaged plan is what the gate names.
        return []
