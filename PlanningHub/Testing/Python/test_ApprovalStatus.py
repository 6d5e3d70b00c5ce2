"""How far an approval is: what it covers, how many must still sign, what is locked, why a signature does not hold."""

import pytest
from ApprovalMaking import keyOf, writeSite
from CaseMaking import commit, commitChain, newCase

from PlanningHubLib import Approval
from PlanningHubLib.ApprovalStatus import approvalStatus, requireApprovable
from PlanningHubLib.Errors import GateRefused


@pytest.fixture(autouse=True)
def aSite(ownHome):
    return writeSite()


@pytest.fixture
def aTumorCase(tmp_path):
    """Two must sign for its part."""
    with newCase(tmp_path / "case", side="left", procedure="Tumor") as case:
        yield case


def summary(case):
    found = approvalStatus(case)
    return found.word, found.signatures, found.needed


def test_withoutAPartThereIsNothingToApprove(aTumorCase):
    assert summary(aTumorCase) == ("open", 0, 1)
    with pytest.raises(GateRefused) as error:
        requireApprovable(approvalStatus(aTumorCase))
    assert error.value.code == "no-plan"


def test_twoSignaturesMakeItApproved_reopeningVoidsBoth(aTumorCase):
    made = commitChain(aTumorCase)
    assert summary(aTumorCase) == ("open", 0, 2)
    assert {artefact.id: state for artefact, state in approvalStatus(aTumorCase).covered} == {
        made[kind].id: "current" for kind in ("source", "segmentation", "part")
    }
    requireApprovable(approvalStatus(aTumorCase))
    Approval.approve(aTumorCase, keyOf("anna"))
    assert summary(aTumorCase) == ("pending", 1, 2) and approvalStatus(aTumorCase).locked
    Approval.approve(aTumorCase, keyOf("bela"))
    assert summary(aTumorCase) == ("approved", 2, 2)
    Approval.reopen(aTumorCase, keyOf("anna"), "screw moved")
    found = approvalStatus(aTumorCase)
    assert summary(aTumorCase) == ("open", 0, 2) and [one["voided"] for one in found.lines] == [True, True]
    assert "screw moved" in found.lines[0]["faults"][0]


def test_whatChangedAfterTheSignatureIsSeen(aTumorCase):
    made = commitChain(aTumorCase)
    Approval.approve(aTumorCase, keyOf("anna"))
    aTumorCase.path(made["segmentation"], "note.txt").write_text("x")
    found = approvalStatus(aTumorCase)
    states = {artefact.kind: state for artefact, state in found.covered}
    assert states == {"source": "current", "segmentation": "damaged", "part": "stale"}
    assert (found.word, found.signatures) == ("invalid", 0) and "segmentation-1" in str(found.lines[0]["faults"])
    with pytest.raises(GateRefused) as error:
        requireApprovable(found)
    assert error.value.code == "damaged-part"


def test_aSignatureOfSomebodyTheSiteNoLongerKnowsCountsForNothing(aTumorCase):
    commitChain(aTumorCase)
    Approval.approve(aTumorCase, keyOf("bela"))
    writeSite({"anna": ["surgeon"]})
    assert summary(aTumorCase) == ("invalid", 0, 2)


def test_staleIsNotApprovable(aTumorCase):
    made = commitChain(aTumorCase)
    commit(aTumorCase, "segmentation", b"other", [made["source"]])
    with pytest.raises(GateRefused) as error:
        requireApprovable(approvalStatus(aTumorCase))
    assert error.value.code == "stale-part"
