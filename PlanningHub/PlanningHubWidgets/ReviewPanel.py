"""The page of the review: comments pinned to points, and rounds in which reviewers give their verdicts."""

from slicer.i18n import tr as _

from PlanningHubLib import Review, ReviewPoints
from PlanningHubLib.Session import Session

from .CaseModuleWidget import fillTable
from .GovernancePanel import (
    BAD_COLOR,
    DOUBT_COLOR,
    FADED_COLOR,
    GOOD_COLOR,
    GovernancePanel,
    empty,
    offer,
    timeText,
    tint,
)

OUTDATED, OPEN, RESOLVED = "outdated", "open", "resolved"
COLOR_OF_STATE = {OUTDATED: DOUBT_COLOR, OPEN: BAD_COLOR, RESOLVED: FADED_COLOR}


class ReviewPanel(GovernancePanel):
    """Adds and resolves comments, opens and closes rounds of review."""

    def connectActions(self):
        ui = self.ui
        self._comments, self._reviewable, self._round, self._filling = [], [], None, False
        for comboBox in (ui.verdictComboBox, ui.closeComboBox):
            comboBox.addItems([verdictText(verdict) for verdict in Review.VERDICTS])
        ui.addButton.connect("clicked(bool)", self.onAdd)
        ui.resolveButton.connect("clicked(bool)", self.onResolve)
        ui.placeButton.connect("clicked(bool)", self.onPlace)
        ui.openButton.connect("clicked(bool)", self.onOpen)
        ui.giveButton.connect("clicked(bool)", self.onGive)
        ui.closeButton.connect("clicked(bool)", self.onClose)
        ui.commentsTable.connect("itemSelectionChanged()", self.onSelected)
        ui.commentTextEdit.connect("textChanged()", self.updateActions)
        ui.pinCheckBox.connect("toggled(bool)", self.updateActions)
        ui.aboutComboBox.connect("currentIndexChanged(int)", self.updateActions)
        ui.reviewersLineEdit.connect("textChanged(QString)", self.updateActions)

    def forget(self):
        self.ui.commentTextEdit.plainText = ""
        self.ui.pinCheckBox.checked = False
        self.ui.verdictComboBox.currentIndex = self.ui.closeComboBox.currentIndex = 0
        empty(self.ui.reviewersLineEdit, self.ui.noteLineEdit)
        ReviewPoints.forgetPoints(Session.start())

    def show(self, case):
        self._showComments(case)
        self._reviewable = Review.reviewable(case) if case else []
        offer(self.ui.aboutComboBox, [_("the whole case"), *(artefactText(one) for one in self._reviewable)])
        rounds = case.governance["reviews"] if case else []
        self._round = rounds[-1] if rounds else None
        self._showRound()

    def _showComments(self, case):
        chosen = self._chosenComment()
        self._comments = list(reversed(case.governance["comments"])) if case else []
        states = [stateOf(case, one) for one in self._comments]
        rows = [
            (one["id"].removeprefix("comment-"), (one["text"], one["text"]), one["who"], stateText(state))
            for one, state in zip(self._comments, states, strict=True)
        ]
        self._filling = True
        fillTable(self.ui.commentsTable, rows, stretchedColumn=1)
        for row, state in enumerate(states):
            tint(self.ui.commentsTable, row, 3, COLOR_OF_STATE[state])
        ids = [one["id"] for one in self._comments]
        self.ui.commentsTable.setCurrentCell(ids.index(chosen["id"]) if chosen and chosen["id"] in ids else -1, 0)
        self._filling = False
        self._showChosen()

    def _showRound(self):
        review = self._round
        self.ui.roundLabel.text = roundText(review)
        given = Review.verdicts(review) if review else {}
        rows = [
            (name, verdictText(one["verdict"]) if one else _("none yet"), one["note"] if one else "")
            for name, one in given.items()
        ]
        fillTable(self.ui.verdictsTable, rows, stretchedColumn=2)
        for row, one in enumerate(given.values()):
            if one:
                tint(self.ui.verdictsTable, row, 1, GOOD_COLOR if one["verdict"] == "accepted" else BAD_COLOR)
        offer(self.ui.reviewerComboBox, given if self._isOpen() else [])

    def _isOpen(self):
        return self._round is not None and self._round["closed"] is None

    def updateActions(self):
        ui = self.ui
        closed = self.noCaseReason(ui.commentsCollapsibleButton, ui.roundCollapsibleButton)
        point = ReviewPoints.placedPoint(Session.start()) if self.module.case else None
        ui.pinCheckBox.text = pointText(point) if point else _("none placed")
        ui.pinCheckBox.enabled = point is not None
        ui.pinCheckBox.checked = ui.pinCheckBox.checked and point is not None
        self.allow(ui.placeButton, closed)
        unwritten = "" if ui.commentTextEdit.plainText.strip() else _("Write the comment.")
        onNothing = ui.pinCheckBox.checked and ui.aboutComboBox.currentIndex == 0
        self.allow(ui.addButton, closed or unwritten or (_("Choose what the point is on.") if onNothing else ""))
        chosen = self._chosenComment()
        unresolved = chosen is not None and not chosen["resolved"]
        self.allow(ui.resolveButton, closed or ("" if unresolved else _("Select a comment that is open.")))
        noRound = closed or ("" if self._isOpen() else _("No round is open."))
        unnamed = "" if self._named() else _("Name the reviewers.")
        unmade = "" if self._reviewable else _("There is nothing to review yet.")
        still = _("Close the open round first.") if self._isOpen() else ""
        self.allow(ui.openButton, closed or still or unmade or unnamed)
        self.allow(ui.giveButton, noRound)
        self.allow(ui.closeButton, noRound)

    def _named(self):
        return list(dict.fromkeys(filter(None, (one.strip() for one in self.ui.reviewersLineEdit.text.split(",")))))

    def _chosenComment(self):
        row = self.ui.commentsTable.currentRow()
        return self._comments[row] if 0 <= row < len(self._comments) else None

    # What the user does

    def onSelected(self):
        if not self._filling:
            self._showChosen()
            self.updateActions()

    def _showChosen(self):
        chosen = self._chosenComment()
        self.ui.commentLabel.visible = chosen is not None
        self.ui.commentLabel.text = commentText(chosen) if chosen else ""
        ReviewPoints.showPoint(Session.start(), chosen)

    def onPlace(self):
        node = ReviewPoints.startPlacing(Session.start())
        if not self.module.hasObserver(node, node.PointPositionDefinedEvent, self._onPlaced):
            self.module.addObserver(node, node.PointPositionDefinedEvent, self._onPlaced)
        self.updateActions()

    def _onPlaced(self, _caller=None, _event=None):
        self.updateActions()
        self.ui.pinCheckBox.checked = True
        if self.ui.aboutComboBox.currentIndex == 0:
            # What was made last is what is looked at.
            self.ui.aboutComboBox.currentIndex = len(self._reviewable)

    def onAdd(self):
        ui = self.ui
        point = ReviewPoints.placedPoint(Session.start()) if ui.pinCheckBox.checked else None
        about = (None, *self._reviewable)[ui.aboutComboBox.currentIndex]
        if self.change(_("The comment is added."), Review.comment, ui.commentTextEdit.plainText, point, about):
            ui.commentTextEdit.plainText = ""
            ReviewPoints.forgetPoints(Session.start(), ReviewPoints.PLACED)
            ui.pinCheckBox.checked = False
            self.updateActions()

    def onResolve(self):
        self.change(_("The comment is resolved."), Review.resolve, self._chosenComment()["id"])

    def onOpen(self):
        if self.change(_("A round of review is open."), Review.openReview, self._reviewable, self._named()):
            empty(self.ui.reviewersLineEdit)

    def onGive(self):
        ui = self.ui
        verdict, note = Review.VERDICTS[ui.verdictComboBox.currentIndex], ui.noteLineEdit.text.strip()
        reviewer = ui.reviewerComboBox.currentText
        if self.change(_("The verdict is recorded."), Review.giveVerdict, reviewer, verdict, note):
            empty(ui.noteLineEdit)

    def onClose(self):
        verdict, note = Review.VERDICTS[self.ui.closeComboBox.currentIndex], self.ui.noteLineEdit.text.strip()
        if self.change(_("The round is closed."), Review.closeReview, verdict, note):
            empty(self.ui.noteLineEdit)


def stateOf(case, comment):
    """Return the state of a comment; outdated where what it is pinned to has changed since."""
    if comment["resolved"]:
        return RESOLVED
    return OUTDATED if Review.isOutdated(case, comment) else OPEN


def stateText(state):
    """Return what a comment's state is called."""
    return {OUTDATED: _("open, changed since"), OPEN: _("open"), RESOLVED: _("resolved")}[state]


def verdictText(verdict):
    """Return what a verdict is called."""
    return {"accepted": _("accepted"), "changes": _("changes needed")}.get(verdict, verdict)


def artefactText(artefact):
    """Return an artefact as it is called here."""
    return _("{title}, revision {revision}").format(title=artefact.title, revision=artefact.revision)


def pointText(point):
    """Return a point in mm, RAS, in words."""
    return _("R {0:.1f}  A {1:.1f}  S {2:.1f} mm").format(*point)


def commentText(comment):
    """Return a whole comment as it is shown below the list."""
    about = [comment["artefact"]["id"]] if comment["artefact"] else []
    about += [pointText(comment["pointRasMm"])] if comment["pointRasMm"] else []
    head = _("{who}, {when}").format(who=comment["who"], when=timeText(comment["when"]))
    return "\n".join([", ".join([head, *about]), comment["text"]])


def roundText(review):
    """Return which round there is, and whether it is open."""
    if review is None:
        return _("No round of review yet.")
    if review["closed"] is None:
        text = _("Round {number} is open since {when}.")
        return text.format(number=review["number"], when=timeText(review["opened"]))
    return _("Round {number}: {verdict}, closed by {who}.").format(
        number=review["number"], verdict=verdictText(review["closed"]["verdict"]), who=review["closed"]["who"]
    )
