"""What others or a program made counts only once a person has reviewed it, voxel for voxel."""

import numpy
import pytest
from CaseMaking import tree
from StructureMaking import SHAPE, boneCase, segmented
from test_HandEdits import paint

from PlanningHubLib import Approval
from PlanningHubLib.Case import Case
from PlanningHubLib.CaseView import showCaseInScene
from PlanningHubLib.Errors import GateRefused, UsageError
from PlanningHubLib.Planning.Document import newDocument
from PlanningHubLib.Planning.Plan import makePlan
from PlanningHubLib.Segmenting.HandEdits import keepHandEdits
from PlanningHubLib.Segmenting.SegmentReview import lastVerdict, requireReviewed, reviewFaults, reviewSegments

ORGAN = numpy.zeros(SHAPE, bool)
ORGAN[1:5, 4:14, 13:20] = True


@pytest.fixture
def aMaskedCase(tmp_path, ownHome, aSession):
    """Folder of a case with a bone by its method and an organ by a mask made elsewhere."""
    folder = boneCase(tmp_path, ownHome)
    segmented(folder, aSession, ["Large bone"], masks={"Organ": ORGAN}, provenance={"model": "test"})
    return folder


def reviewed(folder, *arguments):
    with Case.open(folder, writable=True) as case:
        return reviewSegments(case, *arguments)


def faultsOf(folder):
    case = Case.open(folder)
    return reviewFaults(case, case.latest("segmentation"))


def planIn(folder, session):
    with Case.open(folder, writable=True) as case:
        return makePlan(case, session, newDocument("test"))


def partIn(folder, session):
    from PrintPrepLib.Part import makePart

    with Case.open(folder, writable=True) as case:
        return makePart(case, session)


def approvalIn(folder, _session):
    with Case.open(folder, writable=True) as case:
        return Approval.approve(case, None, "segmentation")


@pytest.mark.parametrize("step", [planIn, partIn, approvalIn])
def test_withoutAReviewNothingIsMadeOfIt(aMaskedCase, aSession, step):
    before = tree(aMaskedCase)
    with pytest.raises(GateRefused) as refused:
        step(aMaskedCase, aSession)
    assert refused.value.code == "not-reviewed" and "Organ" in refused.value.message
    assert "Large bone" not in refused.value.message
    assert tree(aMaskedCase) == before


def test_onceAcceptedItCounts(aMaskedCase, aSession):
    assert reviewed(aMaskedCase, ["Organ"], "accepted", "", "Reader") == ["Organ"]
    assert faultsOf(aMaskedCase) == [] and planIn(aMaskedCase, aSession).kind == "plan"


def test_wantedChangesHoldUpWhatNeedsNoReview(aMaskedCase, aSession):
    reviewed(aMaskedCase, ["Organ"], "accepted")
    reviewed(aMaskedCase, ["Large bone"], "changes", "the rim is cut off", "Reader")
    assert faultsOf(aMaskedCase) == ["Reader asked for changes to Large bone: the rim is cut off"]
    with pytest.raises(GateRefused) as refused:
        partIn(aMaskedCase, aSession)
    assert refused.value.code == "not-reviewed"
    reviewed(aMaskedCase, ["Large bone"], "accepted")
    assert faultsOf(aMaskedCase) == []


def test_verdictIsOfTheVoxelsThatWereSeen(aMaskedCase, aSession):
    reviewed(aMaskedCase, None, "accepted", "", "Reader")
    segmented(aMaskedCase, aSession, ["Metal"])
    assert faultsOf(aMaskedCase) == [], "another segment says nothing of this one"
    other = ORGAN.copy()
    other[5, 19, 23] = True
    segmented(aMaskedCase, aSession, masks={"Organ": other})
    assert len(faultsOf(aMaskedCase)) == 1 and "Organ" in faultsOf(aMaskedCase)[0]
    case = Case.open(aMaskedCase)
    segmentation = case.latest("segmentation")
    assert lastVerdict(case, segmentation, "Organ") is None
    assert lastVerdict(case, segmentation, "Large bone")["who"] == "Reader"


def test_reviewIsKeptInTheCaseAndItsLog(aMaskedCase):
    reviewed(aMaskedCase, ["Organ"], "accepted", "liver and gall bladder", "Reader")
    case = Case.open(aMaskedCase)
    segmentation = case.latest("segmentation")
    kept = case.governance["segmentReviews"]
    assert [(one["segment"], one["verdict"], one["who"], one["comment"]) for one in kept] == [
        ("Organ", "accepted", "Reader", "liver and gall bladder")
    ]
    assert kept[0]["artefact"] == {"id": segmentation.id, "content": segmentation.content}
    assert case.verify() == []
    assert "segments-reviewed" in (aMaskedCase / "audit.log").read_text()


@pytest.mark.parametrize(
    "code, arguments",
    [
        ("unknown-verdict", (None, "fine")),
        ("no-comment", (None, "changes", " ")),
        ("no-such-structure", (["Knee"], "accepted")),
    ],
)
def test_badReviewIsRefused(aMaskedCase, code, arguments):
    before = tree(aMaskedCase)
    with pytest.raises(UsageError) as refused:
        reviewed(aMaskedCase, *arguments)
    assert refused.value.code == code and tree(aMaskedCase) == before


def test_caseWithoutSegmentationHasNothingToReview(aCase):
    with pytest.raises(GateRefused) as refused:
        reviewSegments(aCase, None, "accepted")
    assert refused.value.code == "no-segmentation"


def test_otherKindsNeedNoReview(aChain, aCase):
    for artefact in aChain.values():
        requireReviewed(aCase, artefact)


def test_whatAHandChangedOfItStillNeedsAReview(aMaskedCase, aSession):
    reviewed(aMaskedCase, None, "accepted")
    with Case.open(aMaskedCase, writable=True) as case:
        node = showCaseInScene(case, aSession)[1]
        paint(aMaskedCase, aSession, node, "Organ", (0, 0, 0))
        facts = keepHandEdits(case, aSession, node).facts["structures"]
    assert {name: one["needsReview"] for name, one in facts.items()} == {"Large bone": False, "Organ": True}
    assert len(faultsOf(aMaskedCase)) == 1 and "Organ" in faultsOf(aMaskedCase)[0]
