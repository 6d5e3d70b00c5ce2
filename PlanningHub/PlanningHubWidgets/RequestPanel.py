"""The page of the request: what is asked for, in which state it is and since when, and whether it will be in time."""

from slicer.i18n import tr as _

from PlanningHubLib import LeadTime, Request
from PlanningHubLib.CaseList import listCases, siteVisits
from PlanningHubLib.FastTrack import fastTrackOf
from PlanningHubLib.IntendedUse import USES, intendedUse, stateUse
from PlanningHubLib.Procedures import procedureNames

from .CaseHeader import sideText, useTexts
from .CaseModuleWidget import fillTable
from .GovernancePanel import (
    BAD_STYLE,
    DOUBT_STYLE,
    GOOD_STYLE,
    PLAIN_STYLE,
    GovernancePanel,
    empty,
    offer,
    siteUsers,
    timeText,
)

STYLE_OF_VERDICT = {"in-time": GOOD_STYLE, "too-late": BAD_STYLE, "no-estimate": DOUBT_STYLE}


class RequestPanel(GovernancePanel):
    """States the request of the active case and moves it from state to state."""

    def connectActions(self):
        self._shownFields = None
        self._visits = None
        self._lines = {
            "anatomy": self.ui.anatomyLineEdit,
            "indication": self.ui.indicationLineEdit,
            "designReason": self.ui.designReasonLineEdit,
            "department": self.ui.departmentLineEdit,
            "surgeryDate": self.ui.surgeryDateLineEdit,
        }
        self.ui.procedureComboBox.addItems(list(procedureNames()))
        self.ui.designComboBox.addItems([_("choose"), _("standard"), _("patient-specific")])
        self.ui.urgencyComboBox.addItems([_("elective"), _("urgent"), _("emergency")])
        self.ui.useComboBox.addItems(list(useTexts().values()))
        self.ui.useComboBox.connect("activated(int)", self.onUse)
        self.ui.stateRequestButton.connect("clicked(bool)", self.onStateRequest)
        self.ui.moveButton.connect("clicked(bool)", self.onMove)
        self.ui.assignButton.connect("clicked(bool)", self.onAssign)
        self.ui.designComboBox.connect("currentIndexChanged(int)", self.updateActions)

    def forget(self):
        empty(*self._lines.values(), self.ui.moveNoteLineEdit)
        self.ui.procedureComboBox.currentText = ""
        self.ui.assigneeComboBox.currentText = ""
        self.ui.designComboBox.currentIndex = self.ui.urgencyComboBox.currentIndex = 0
        self._shownFields = self._visits = None

    def show(self, case):
        request = case.governance["request"] if case else None
        fields = {name: request[name] for name in Request.FIELDS} if request else {}
        if fields != self._shownFields:
            self._shownFields = fields
            self._showFields(fields)
        self._fixProcedure(case)
        self.ui.useComboBox.currentIndex = USES.index(intendedUse(case)) if case else 0
        self.ui.sideLabel.text = sideText(case.side) if case else ""
        self._showClock(request)
        self._showLeadTime(case, request)
        offer(self.ui.assigneeComboBox, siteUsers()[0])
        if request and request["assignedTo"]:
            self.ui.assigneeComboBox.currentText = request["assignedTo"]

    def _showFields(self, fields):
        if not fields:
            return
        for name, edit in self._lines.items():
            edit.text = fields[name] or ""
        self.ui.designComboBox.currentIndex = 1 + Request.DESIGNS.index(fields["design"])
        self.ui.urgencyComboBox.currentIndex = Request.URGENCIES.index(fields["urgency"])
        self.ui.procedureComboBox.currentText = fields["procedure"]

    def _fixProcedure(self, case):
        self.ui.procedureComboBox.enabled = not (case and case.procedure)
        if case and case.procedure:
            self.ui.procedureComboBox.currentText = case.procedure

    def _showClock(self, request):
        state = Request.currentState(request)
        self.ui.stateLabel.text = stateText(state) if state else _("No request is stated yet.")
        rows = [clockRow(*one) for one in reversed(LeadTime.timeInStates(request))]
        fillTable(self.ui.clockTable, rows, stretchedColumn=3)
        following = Request.states()[state]["next"] if state else ()
        self._following = list(following)
        self.ui.nextStateComboBox.clear()
        self.ui.nextStateComboBox.addItems([stateText(name) for name in following])

    def _showLeadTime(self, case, request):
        self.ui.leadTimeLabel.visible = request is not None
        if request is None:
            return
        if self._visits is None:
            self._visits = siteVisits(listCases(case.folder.parent))
        estimate = LeadTime.estimate(request, self._visits)
        texts = [fastTrackText(fastTrackOf(request)), leadTimeText(estimate, request["surgeryDate"])]
        self.ui.leadTimeLabel.text = "\n".join(filter(None, texts))
        self.ui.leadTimeLabel.styleSheet = STYLE_OF_VERDICT.get(estimate.verdict, PLAIN_STYLE)
        basis = [f"{stateText(name)}: {days:.1f} d ({source})" for name, days, source in estimate.basis]
        self.ui.leadTimeLabel.toolTip = "\n".join(basis)

    def updateActions(self):
        closed = self.noCaseReason(self.ui.requestCollapsibleButton, self.ui.stateCollapsibleButton)
        self.ui.useComboBox.enabled = not closed
        request = self.module.case.governance["request"] if self.module.case else None
        self.ui.designReasonLineEdit.enabled = self.ui.designComboBox.currentIndex == 2
        unstated = closed or ("" if request else _("Save a request first."))
        self.allow(self.ui.stateRequestButton, closed)
        self.allow(self.ui.assignButton, unstated)
        self.allow(self.ui.moveButton, unstated or ("" if self._following else _("This is the last state.")))

    def onStateRequest(self):
        fields = {name: edit.text.strip() for name, edit in self._lines.items()}
        fields["surgeryDate"] = fields["surgeryDate"] or None
        fields["procedure"] = self.ui.procedureComboBox.currentText.strip()
        fields["design"] = (None, *Request.DESIGNS)[self.ui.designComboBox.currentIndex]
        fields["urgency"] = Request.URGENCIES[self.ui.urgencyComboBox.currentIndex]
        self.change(_("The request is saved."), Request.stateRequest, **fields)

    def onUse(self, index):
        use = USES[index]
        done = _("The case is for {use} now.").format(use=useTexts()[use])
        if not self.change(done, stateUse, use):
            self.showCase(self.module.case)

    def onMove(self):
        state = self._following[self.ui.nextStateComboBox.currentIndex]
        done = _("The request is {state} now.").format(state=stateText(state))
        if self.change(done, Request.moveTo, state, self.ui.moveNoteLineEdit.text.strip()):
            empty(self.ui.moveNoteLineEdit)

    def onAssign(self):
        person = self.ui.assigneeComboBox.currentText.strip() or None
        self.change(_("Saved who has the request."), Request.assign, person)


def clockRow(state, days, visit):
    """Return a visit to a state as a row of the table."""
    return stateText(state), timeText(visit["entered"]), f"{days:.1f}", (visit["who"], visit["note"] or visit["who"])


def stateText(state):
    """Return what a request's state is called."""
    return {
        "requested": _("requested"),
        "accepted": _("accepted"),
        "planning": _("in planning"),
        "review": _("in review"),
        "approved": _("approved"),
        "production": _("in production"),
        "delivered": _("delivered"),
        "operated": _("operated"),
        "follow-up": _("in follow-up"),
        "closed": _("closed"),
        "on-hold": _("on hold"),
        "rejected": _("rejected"),
    }.get(state, state)


def fastTrackText(track):
    """Return what a request's fast track leaves out, in words; empty without one."""
    if track is None:
        return ""
    return _("FAST TRACK: a new plan leaves out {steps}.").format(steps=", ".join(track.leavesOut))


def leadTimeText(estimate, surgeryDate):
    """Return a lead-time estimate in words that promise nothing."""
    if estimate.readyUtc is None:
        return _("No estimate. {reason}").format(reason=estimate.reason)
    ready = estimate.readyUtc.date().isoformat()
    if estimate.marginDays is None:
        return _("Ready about {ready}, if this is an ordinary case. No surgery date is stated.").format(ready=ready)
    texts = {
        "in-time": _("In time: ready about {ready}, {days:.1f} days before the operation on {surgery}, "
                     "if this is an ordinary case."),
        "too-late": _("TOO LATE: ready about {ready}, {days:.1f} days late for the operation on {surgery}, "
                      "even if this is an ordinary case."),
    }  # fmt: skip
    return texts[estimate.verdict].format(ready=ready, days=abs(estimate.marginDays), surgery=surgeryDate)
