"""The request: complete, of the case's own side, moving only along its states, with an estimate that owns up."""

import datetime
import json

import pytest
from ApprovalMaking import keyOf, writeSite
from CaseMaking import commit, commitChain, newCase

from PlanningHubLib import Approval, LeadTime, Request, Review
from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import GateRefused, PlanningError, UsageError
from PlanningHubLib.Prescription import readValue

PLATE = {"anatomy": "skull", "design": "patient-specific", "designReason": "defect across the midline"}
WAY = ("requested", "accepted", "planning", "review", "approved", "production")


def refusal(function, *arguments, **fields):
    with pytest.raises(PlanningError) as error:
        function(*arguments, **fields)
    return error.value.code


def aRequest(state="requested", entered="2026-03-01T00:00:00Z", surgeryDate=None):
    return {"surgeryDate": surgeryDate, "states": [{"state": state, "entered": entered, "left": None}]}


def at(day, hour=0):
    return datetime.datetime(2026, 3, day, hour, tzinfo=datetime.UTC)


@pytest.mark.parametrize("fields, code", [
    ({"anatomy": "skull"}, "request-incomplete"),
    ({**PLATE, "designReason": " "}, "request-incomplete"),
    ({**PLATE, "surgeryDate": "soon"}, "bad-surgery-date"),
    ({**PLATE, "urgency": "yesterday"}, "bad-governance"),
    ({**PLATE, "price": 1}, "unknown-field"),
    ({**PLATE, "side": "right"}, "other-side"),
    ({**PLATE, "procedure": "Osteotomy"}, "other-procedure"),
])  # fmt: skip
def test_badRequestsAreRefusedAndLeaveNothing(aCase, fields, code):
    assert refusal(Request.stateRequest, aCase, **fields) == code
    assert aCase.governance["request"] is None
    assert Case.open(aCase.folder).verify() == []


def test_requestGivesACaseItsSideOnceAndForAll(tmp_path):
    with newCase(tmp_path / "case") as case:
        Request.stateRequest(case, **PLATE, procedure="Cranioplasty", side="left")
        assert (case.side, case.procedure) == ("left", "Cranioplasty")
        assert refusal(Request.stateRequest, case, side="right") == "other-side"
    assert Case.open(tmp_path / "case").side == "left"


def test_everyStateHasItsClock(aCase):
    Request.stateRequest(aCase, **PLATE)
    for number, state in enumerate(("accepted", "planning", "review"), 1):
        Request.moveTo(aCase, state, now=f"2999-03-0{number}T00:00:00Z")
    clock = aCase.governance["request"]["states"]
    assert [one["state"] for one in clock] == ["requested", "accepted", "planning", "review"]
    assert all(one["left"] == after["entered"] for one, after in zip(clock, clock[1:], strict=False))
    assert clock[-1]["left"] is None
    assert refusal(Request.moveTo, aCase, "planning", now="2000-01-01T00:00:00Z") == "clock-backwards"


def test_statesAreNotSkipped(aCase):
    assert refusal(Request.moveTo, aCase, "accepted") == "no-request"
    Request.stateRequest(aCase, **PLATE)
    assert refusal(Request.moveTo, aCase, "delivered") == "state-not-next"
    assert refusal(Request.moveTo, aCase, "lost") == "unknown-state"


def test_approvedIsNotASayingButASignature(aCase):
    writeSite()
    commitChain(aCase)
    Request.stateRequest(aCase, **PLATE)
    for state in ("accepted", "planning", "review"):
        Request.moveTo(aCase, state)
    assert refusal(Request.moveTo, aCase, "approved") == "not-approved"
    Approval.approve(aCase, keyOf("anna"))
    Request.moveTo(aCase, "approved")


def test_everyStateLeadsSomewhereThatExists():
    for state in Request.states().values():
        assert set(state["next"]) <= set(Request.states())


# The estimate


def test_estimateAddsUpWhatIsLeft():
    found = LeadTime.estimate(aRequest("planning", surgeryDate="2026-03-12"), now=at(2))
    # Planning 3 days less 1 spent, review 1, approved 1, production 3.
    assert found.readyUtc == at(9) and found.marginDays == 3 and found.verdict == "in-time"
    assert [step for step, _days, _source in found.basis] == list(WAY[2:])
    assert LeadTime.estimate(aRequest("planning", surgeryDate="2026-03-08"), now=at(2)).verdict == "too-late"
    assert LeadTime.estimate(aRequest("planning"), now=at(2)).verdict == "no-surgery-date"


def test_ownCasesReplaceTheDefaultFromFiveOn():
    finished = [
        {"states": [{"state": "production", "entered": "2026-01-01T00:00:00Z", "left": f"2026-01-{day:02}T00:00:00Z"}]}
        for day in (2, 5, 11, 12, 31)
    ]
    for few, days in ((4, 3), (5, 10)):
        found = LeadTime.estimate(aRequest("production"), LeadTime.visitDays(finished[:few]), at(1))
        assert (found.readyUtc - at(1)).days == days
    assert "median of 5" in found.basis[0][2]


@pytest.mark.parametrize("request_, now, words", [
    (None, at(1), "no request"),
    (aRequest("planning"), at(8), "longer than its typical"),
    (aRequest("on-hold"), at(1), "on-hold"),
    (aRequest("rejected"), at(1), "rejected"),
    (aRequest("delivered"), at(1), "Nothing is left"),
    (aRequest("closed"), at(1), "Nothing is left"),
])  # fmt: skip
def test_saysNoEstimateWhereItCannot(request_, now, words):
    found = LeadTime.estimate(request_, now=now)
    assert found.verdict == "no-estimate" and found.readyUtc is None and words in found.reason
    assert json.loads(json.dumps(found.asDict()))["ready"] is None


# Comments and review


def test_commentStaysWithTheContentItWasPinnedTo(aCase):
    part = commitChain(aCase)["part"]
    made = Review.comment(aCase, "too thin here", (1.5, -20.25, 3.0), part)
    assert made["pointRasMm"] == [1.5, -20.25, 3.0] and not Review.isOutdated(aCase, made)
    commit(aCase, "part", b"other", [aCase.latest("segmentation")])
    assert Review.isOutdated(aCase, made)


def test_badCommentsAreRefused(aCase):
    part = commitChain(aCase)["part"]
    for text, point, artefact in ((" ", None, None), ("x", (1, 2), part), ("x", (1, 2, float("nan")), part),
                                  ("x", (1, 2, 3), None)):  # fmt: skip
        with pytest.raises(UsageError):
            Review.comment(aCase, text, point, artefact)
    assert aCase.governance["comments"] == []


def test_reviewIsNotAcceptedOverOpenCommentsOrChanges(aCase):
    made = commitChain(aCase)
    assert refusal(Review.closeReview, aCase, "accepted") == "no-review"
    Review.openReview(aCase, [made["part"]], ["anna"])
    with pytest.raises(GateRefused):
        Review.openReview(aCase, [made["part"]], ["anna"])
    Review.comment(aCase, "too thin")
    assert refusal(Review.closeReview, aCase, "accepted") == "comments-open"
    Review.resolve(aCase, "comment-1")
    commit(aCase, "part", b"other", [made["segmentation"]])
    assert refusal(Review.closeReview, aCase, "accepted") == "review-outdated"
    Review.closeReview(aCase, "changes", "thicker")
    assert Review.openReview(aCase, [aCase.latest("part")], ["anna"])["number"] == 2
    Review.closeReview(aCase, "accepted")
    assert [one["closed"]["verdict"] for one in aCase.governance["reviews"]] == ["changes", "accepted"]


def test_everyReviewerSaysWhatTheyThink_andOneAgainstIsEnough(aCase):
    made = commitChain(aCase)
    assert refusal(Review.giveVerdict, aCase, "anna", "accepted") == "no-review"
    Review.openReview(aCase, [made["part"]], ["anna", "bela"])
    assert refusal(Review.giveVerdict, aCase, "cleo", "accepted") == "not-a-reviewer"
    assert refusal(Review.giveVerdict, aCase, "anna", "perhaps") == "unknown-verdict"
    Review.giveVerdict(aCase, "anna", "changes", "too thin")
    assert refusal(Review.closeReview, aCase, "accepted") == "reviewer-disagrees"
    Review.giveVerdict(aCase, "anna", "accepted")
    (review,) = Case.open(aCase.folder).governance["reviews"]
    assert [one["verdict"] for one in review["verdicts"]] == ["changes", "accepted"]
    assert Review.verdicts(review)["anna"]["verdict"] == "accepted" and Review.verdicts(review)["bela"] is None
    Review.closeReview(aCase, "accepted")
    assert Case.open(aCase.folder).verify() == []


def test_theTimeInEachStateIsCounted_theLastOneToo():
    request = aRequest("planning", "2026-03-03T12:00:00Z")
    request["states"].insert(0, {"state": "requested", "entered": "2026-03-01T00:00:00Z",
                                 "left": "2026-03-03T12:00:00Z"})  # fmt: skip
    found = [(state, days) for state, days, _visit in LeadTime.timeInStates(request, at(4))]
    assert found == [("requested", 2.5), ("planning", 0.5)] and LeadTime.timeInStates(None) == []


@pytest.mark.parametrize("kind, text, value", [
    ("plate-thickness", "3,5", 3.5), ("dimension", "82", 82.0), ("screw-number", " 6 ", 6), ("material", "Ti", "Ti"),
])  # fmt: skip
def test_typedCharacteristicsAreRead(kind, text, value):
    assert readValue(kind, text) == value


def test_aLengthThatIsNoNumberIsRefused():
    assert refusal(readValue, "plate-thickness", "thin") == "bad-characteristic"
