"""The page of the queue: what this workstation still has to send, why it waits, and what a person can do about it."""

import datetime
from pathlib import Path

from slicer.i18n import tr as _

from CentralSyncLib.Outbox.Entries import DEAD_LETTER, FAILED, QUEUED
from CentralSyncLib.Outbox.Health import NEEDS_A_PERSON
from PlanningHubLib.Errors import PlanningError
from PlanningHubWidgets.CaseModuleWidget import fillTable
from PlanningHubWidgets.GovernancePanel import BAD_COLOR, BAD_STYLE, DOUBT_STYLE, GOOD_STYLE, PLAIN_STYLE, tint
from PlanningHubWidgets.Panel import Panel
from PlanningHubWidgets.StepRunner import ERROR_STYLE

from .StateTexts import stateTexts

AGAIN = (QUEUED, FAILED, DEAD_LETTER)


class OutboxPanel(Panel):
    """Shows the queue of every store; what is verified is not in it any more."""

    def connectActions(self):
        self._lines, self._healths = [], []
        ui = self.ui
        ui.runButton.connect("clicked(bool)", self.onRun)
        ui.pauseButton.connect("clicked(bool)", self.onPause)
        ui.retryButton.connect("clicked(bool)", self.onRetry)
        ui.withdrawButton.connect("clicked(bool)", self.onWithdraw)
        ui.queueTable.connect("itemSelectionChanged()", self._onSelected)

    def showCase(self, case):
        if self.module.isInFront(self):
            self._read()

    def updateActions(self):
        hasQueue = bool(self._healths)
        self.ui.runButton.enabled = hasQueue and any(one.waiting for one in self._healths) and not self._isPaused()
        self.ui.pauseButton.enabled = hasQueue
        self._onSelected()

    def _isPaused(self):
        return any(one.paused for one in self._healths)

    def _read(self):
        ui = self.ui
        try:
            self._lines, self._healths = self.module.logic.queue()
            text, style = queueText(self._healths)
        except PlanningError as error:
            self._lines, self._healths, text, style = [], [], str(error), BAD_STYLE
        ui.queueLabel.text, ui.queueLabel.styleSheet = text, style
        ui.pauseButton.text = _("Go on") if self._isPaused() else _("Pause")
        states = stateTexts()
        rows = [
            ((line.what, line.store), (Path(line.caseFolder).name, line.caseFolder), len(line.ids),
             (states[line.state], line.reason))
            for line in self._lines
        ]  # fmt: skip
        fillTable(ui.queueTable, rows, stretchedColumn=(0, 1))
        for row, line in enumerate(self._lines):
            if line.state in NEEDS_A_PERSON:
                tint(ui.queueTable, row, 3, BAD_COLOR)
        ui.queueTable.setCurrentCell(0 if rows else -1, 0)
        self.updateActions()

    def _selected(self):
        row = self.ui.queueTable.currentRow()
        return self._lines[row] if 0 <= row < len(self._lines) else None

    def _onSelected(self):
        line = self._selected()
        self.ui.reasonLabel.text = lineText(line) if line else ""
        self.ui.retryButton.enabled = bool(line) and line.state in AGAIN
        self.ui.withdrawButton.enabled = bool(line) and line.state in AGAIN

    # What the user does

    def onRun(self):
        module = self.module
        result = module.runStep(
            lambda _session, progress: module.logic.runQueue(progress),
            "",
            _("Stopped; what had not been proven by then waits in the queue."),
        )
        if result is None:
            return
        entries, findings = result
        waiting = sum(state in AGAIN for state, _entry in entries)
        if waiting:
            text = _("{count} objects are not in their store yet.").format(count=waiting)
            module.runner.say("\n".join([text, *(finding.message for finding in findings)]), ERROR_STYLE)
        else:
            text = _("Nothing waits any more: {count} objects were sent, read back and equal.")
            module.runner.say("\n".join([text.format(count=len(entries)), *(one.message for one in findings)]))

    def onPause(self):
        isPaused = not self._isPaused()
        text = _("Nothing is sent from this workstation until you go on.") if isPaused else _("Sending goes on.")
        self.module.runStep(lambda _session, _progress: self.module.logic.pauseQueue(isPaused), text)

    def onRetry(self):
        self._change(self.module.logic.retry, _("{count} objects are tried again with the next sending."))

    def onWithdraw(self):
        self._change(self.module.logic.withdraw, _("{count} objects are out of the queue; they are not sent."))

    def _change(self, function, text):
        ids = self._selected().ids
        changed = self.module.runStep(lambda _session, _progress: function(ids), "")
        if changed is not None:
            self.module.runner.say(text.format(count=len(changed)))


def queueText(healths):
    """Return how the queue stands in a sentence, and how it is shown."""
    if not healths:
        return _("Nothing was ever queued on this workstation."), PLAIN_STYLE
    waiting, failed = sum(one.waiting for one in healths), sum(one.failed for one in healths)
    if any(one.paused for one in healths):
        return _("PAUSED. {waiting} objects wait.").format(waiting=waiting), DOUBT_STYLE
    if failed:
        text = _("{failed} objects need a person; {waiting} wait.").format(failed=failed, waiting=waiting)
        return text, BAD_STYLE
    if waiting:
        return _("{waiting} objects wait to be sent.").format(waiting=waiting), DOUBT_STYLE
    return _("Nothing waits, and nothing needs a person."), GOOD_STYLE


def lineText(line):
    """Return what is to be said of a line: to which store, why, and when it is tried again."""
    text = _("To {store}. {reason}").format(store=line.store, reason=line.reason or _("Not tried yet."))
    if line.state == QUEUED and line.nextTry:
        time = datetime.datetime.fromtimestamp(line.nextTry).strftime("%H:%M")
        text += " " + _("Tried again from {time} on.").format(time=time)
    return text
