"""What a case is for: stated once, kept in the audit log, and nothing but planning is ever approved."""

import json

import pytest
from ApprovalMaking import keyOf, writeSite
from CaseMaking import commitChain
from PlanMaking import planOf

from PlanningHubLib import Approval
from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import GateRefused, UsageError
from PlanningHubLib.IntendedUse import intendedUse, isForTreatment, stateUse
from PlanningHubLib.Planning.Plan import forCase


def test_aCaseIsForPlanningUntilSomebodySaysOtherwise(aCase):
    assert intendedUse(aCase) == "planning" and isForTreatment(aCase)
    stateUse(aCase, "education")
    with Case.open(aCase.folder) as again:
        assert intendedUse(again) == "education" and not isForTreatment(again)
    last = json.loads((aCase.folder / "audit.log").read_text().splitlines()[-1])
    assert "use-stated" in json.dumps(last)


def test_unknownUseIsRefused(aCase):
    with pytest.raises(UsageError) as refused:
        stateUse(aCase, "diagnosis")
    assert refused.value.code == "unknown-use"


def test_whatIsForEducationIsNotApproved(aCase):
    writeSite()
    commitChain(aCase)
    stateUse(aCase, "education")
    with pytest.raises(GateRefused) as refused:
        Approval.approve(aCase, keyOf("anna"), "part")
    assert refused.value.code == "not-for-treatment"


def test_whatIsApprovedForPlanningStaysForPlanning(aCase):
    writeSite()
    commitChain(aCase)
    Approval.approve(aCase, keyOf("anna"), "part")
    with pytest.raises(GateRefused) as refused:
        stateUse(aCase, "education")
    assert refused.value.code == "approved-locked" and isForTreatment(aCase)
    stateUse(aCase, "planning")


def test_planForAnotherUseIsRefused(aChain, aCase):
    with pytest.raises(GateRefused) as refused:
        forCase(planOf(intendedUse="education"), aCase)
    assert refused.value.code == "other-use"
    stateUse(aCase, "education")
    assert forCase(planOf(intendedUse="education"), aCase)["intendedUse"] == "education"
