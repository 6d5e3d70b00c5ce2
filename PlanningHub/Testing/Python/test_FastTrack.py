"""The fast track of urgent requests: what the template leaves out is left out and said, and its times are its own."""

import copy
import datetime

import pytest

from PlanningHubLib import LeadTime
from PlanningHubLib.FastTrack import fastTrackFindings, fastTrackOf
from PlanningHubLib.Planning.Editing import startedFrom
from PlanningHubLib.ProcedureRules import faultOf
from PlanningHubLib.Procedures import readProcedure


def stated(state="requested", **fields):
    visit = {"state": state, "entered": "2026-03-01T00:00:00Z", "left": None}
    return {"surgeryDate": None, "states": [visit], **fields}


def at(day):
    return datetime.datetime(2026, 3, day, tzinfo=datetime.UTC)


def test_urgentCasesAreCountedApartAndOnTheFastTrack():
    elective = [{"states": [{"state": "planning", "entered": "2026-01-01T00:00:00Z", "left": "2026-01-21T00:00:00Z"}]}]
    visits = LeadTime.visitDays(elective * 5)
    urgent = stated("planning", urgency="urgent", procedure="cranioplasty", surgeryDate="2026-03-05")
    found = LeadTime.estimate(urgent, visits, at(1))
    # Planning 1 day, review and approval a quarter each, production 1; elective cases took 20 days to plan.
    assert (found.readyUtc - at(1)).total_seconds() / 86400 == 2.5 and found.verdict == "in-time"
    assert {source for _step, _days, source in found.basis[1:]} == {"default of the fast track"}
    assert LeadTime.estimate({**urgent, "urgency": "elective"}, visits, at(1)).verdict == "too-late"
    # A procedure without a fast track has the default times, however urgent.
    assert (LeadTime.estimate({**urgent, "procedure": "spine"}, visits, at(1)).readyUtc - at(1)).days == 8


def test_theFastTrackLeavesOutWhatTheTemplateNamesAndSaysSo():
    urgent = stated(urgency="emergency", procedure="cranioplasty")
    track = fastTrackOf(urgent)
    draft = startedFrom(readProcedure("cranioplasty"), "Plate", "right", track=track)
    assert [step["name"] for step in draft["steps"]] == ["Midplane", "Mirrored skull", "Plate"]
    assert draft["checklist"][0]["text"].startswith("FAST TRACK (emergency): the plan leaves out Size of the plate")
    (finding,) = fastTrackFindings(urgent, draft)
    assert (finding.code, finding.severity) == ("fast-track", "warn") and "Volume of the plate" in finding.message
    whole = startedFrom(readProcedure("cranioplasty"), "Plate", "right")
    assert len(whole["steps"]) == 5 and not fastTrackFindings(urgent, whole)
    assert fastTrackOf(stated(procedure="cranioplasty")) is None and fastTrackOf(None) is None


@pytest.mark.parametrize(
    "leavesOut, words", [("Nothing", "no step Nothing"), ("Plate", "which Size of the plate needs")]
)
def test_aFastTrackThatDoesNotFitIsRefused(leavesOut, words):
    values = copy.deepcopy(readProcedure("cranioplasty").values)
    assert faultOf(values) is None
    values["fastTrack"]["leavesOut"] = [leavesOut]
    assert words in faultOf(values)
