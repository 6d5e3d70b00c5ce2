"""The page of parts that wait to be made."""

from slicer.i18n import tr as _

from PlanningHubWidgets.CaseModuleWidget import fillTable
from PlanningHubWidgets.GovernancePanel import BAD_COLOR, FADED_COLOR, GOOD_COLOR, GovernancePanel, tint
from PrintPrepLib.PartQueue import FAILED, MADE, WAITING, entryName, newEntry
from PrintPrepLib.RecipeDraft import keptIn, textOf

COLORS = {WAITING: FADED_COLOR, MADE: GOOD_COLOR, FAILED: BAD_COLOR}


class QueuePanel(GovernancePanel):
    """Shows the queue that the parameter node keeps for the open case, and works through it."""

    def connectActions(self):
        ui = self.ui
        for button, function in (
            (ui.runButton, self.onRun), (ui.againButton, self.onAgain), (ui.removeButton, self.onRemove),
            (ui.emptyButton, lambda: self._take([])),
        ):  # fmt: skip
            button.connect("clicked(bool)", lambda _checked=False, function=function: function())
        ui.queueTable.connect("itemSelectionChanged()", self._onSelected)
        self._filling = False

    def show(self, case):
        """All is shown by :meth:`updateActions`: the queue is a parameter."""

    def updateActions(self):
        ui, entries = self.ui, self.entries()
        row = min(max(ui.queueTable.currentRow(), 0), len(entries) - 1)
        self._filling = True
        fillTable(ui.queueTable, [entryRow(entry) for entry in entries], stretchedColumn=2)
        for number, entry in enumerate(entries):
            tint(ui.queueTable, number, 2, COLORS[entry["state"]])
        ui.queueTable.setCurrentCell(row, 0)
        self._filling = False
        self._allow()

    def _allow(self):
        ui, entries, row = self.ui, self.entries(), self.ui.queueTable.currentRow()
        closed = self.noCaseReason() or ("" if entries else _("Nothing is in the queue."))
        waits = any(entry["state"] == WAITING for entry in entries)
        self.allow(ui.runButton, closed or ("" if waits else _("Nothing waits.")))
        isFailed = 0 <= row < len(entries) and entries[row]["state"] == FAILED
        self.allow(ui.againButton, closed or ("" if isFailed else _("Select a part that failed.")))
        self.allow(ui.removeButton, closed)
        self.allow(ui.emptyButton, closed)

    def _onSelected(self):
        if not self._filling:
            self._allow()

    def entries(self):
        """Return the queue of the open case."""
        parameters, case = self.module.parameters, self.module.case
        return (keptIn(parameters.queueJson, case.caseId) if parameters and case else None) or []

    def _take(self, entries):
        self.module.parameters.queueJson = textOf(entries, self.module.case.caseId)

    def add(self, recipe):
        """Let a recipe wait for its turn."""
        self._take([*self.entries(), newEntry(recipe)])

    def onRemove(self):
        row = self.ui.queueTable.currentRow()
        self._take([entry for number, entry in enumerate(self.entries()) if number != row])

    def onAgain(self):
        row = self.ui.queueTable.currentRow()
        self._take([{**entry, **({"state": WAITING, "text": ""} if number == row else {})}
                    for number, entry in enumerate(self.entries())])  # fmt: skip

    def onRun(self):
        folder, logic, entries = self.module.activeFolder(), self.module.logic, self.entries()

        def tell(number, state, text):
            entries[number] = {**entries[number], "state": state, "text": text}

        counts = self.module.runStep(
            lambda session, progress: logic.makeAll(folder, session, list(entries), tell, progress),
            "",
            _("Cancelled; the parts that were made before are kept."),
        )
        if self.module.case is not None:
            self._take(entries)
        if counts is not None:
            self.module.runner.say(_("{made} made, {failed} failed.").format(made=counts[0], failed=counts[1]))


def entryRow(entry):
    """Return object, process and state of a queued part."""
    recipe = entry["recipe"]
    state = {WAITING: _("waits"), MADE: _("made: {text}"), FAILED: _("failed: {text}")}[entry["state"]]
    return (entryName(entry) or _("Bone, as segmented"), recipe["profile"] or "", state.format(text=entry["text"]))
