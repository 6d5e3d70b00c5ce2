"""Parts that belong together are those of one plan, as it is now; they are approved together."""

import pytest
from ApprovalMaking import keyOf, writeSite
from CaseMaking import commit

from PlanningHubLib import Approval
from PlanningHubLib.PartsTogether import partsTogether, planOf


@pytest.fixture
def aPlanned(aCase):
    """A case with a plan; its segmentation and plan."""
    source = commit(aCase, "source")
    segmentation = commit(aCase, "segmentation", parents=[source])
    return segmentation, commit(aCase, "plan", parents=[segmentation])


def addPart(case, partId, parent, content=b"triangles"):
    with case.staging("part", partId) as stage:
        (stage.folder / "part.stl").write_bytes(content + partId.encode())
        return stage.commit(parents=[parent])


def ids(case):
    return tuple([one.id for one in found] for found in partsTogether(case))


def test_withoutPartsThereAreNone(aCase, aPlanned):
    assert ids(aCase) == ([], [])


def test_partsOfOnePlanBelongTogether_andThoseOfSegmentsOrOtherPlansDoNot(aCase, aPlanned):
    segmentation, plan = aPlanned
    addPart(aCase, "part-1", segmentation)
    plate, guide = addPart(aCase, "part-2", plan), addPart(aCase, "part-3", plan)
    assert ids(aCase) == (["part-2", "part-3"], [])
    assert planOf(aCase, plate) == planOf(aCase, guide) == plan.id
    with aCase.staging("plan", "plan-2") as stage:
        (stage.folder / "plan.json").write_bytes(b"another variant")
        variant = stage.commit(parents=[segmentation])
    addPart(aCase, "part-4", variant)
    assert ids(aCase) == (["part-4"], [])
    addPart(aCase, "part-1", segmentation, b"again")
    assert ids(aCase) == (["part-1"], []) and planOf(aCase, aCase.graph.current("part-1")) is None


def test_aStalePartOfThePlanIsSaid_andTheNewestIsAlwaysAmongThem(aCase, aPlanned):
    segmentation, plan = aPlanned
    addPart(aCase, "part-1", plan)
    addPart(aCase, "part-2", plan)
    newer = commit(aCase, "plan", b"changed", [segmentation])
    assert ids(aCase) == (["part-2"], ["part-1"])
    addPart(aCase, "part-2", newer)
    assert ids(aCase) == (["part-2"], ["part-1"])
    addPart(aCase, "part-1", newer)
    assert ids(aCase) == (["part-2", "part-1"], [])


def test_theyAreApprovedTogether_andOneMoreIsNot(aCase, aPlanned, ownHome):
    writeSite()
    segmentation, plan = aPlanned
    plate, guide = addPart(aCase, "part-1", plan), addPart(aCase, "part-2", plan)
    above = [aCase.latest("source"), segmentation, plan]
    covered = Approval.approve(aCase, keyOf("anna"))["statement"]["artefacts"]
    assert {one["id"] for one in covered} == {"source-1", "segmentation-1", "plan-1", "part-1", "part-2"}
    assert Approval.holding(aCase, [*above, plate, guide])
    more = addPart(aCase, "part-3", plan)
    assert Approval.holding(aCase, [*above, plate, guide]) and not Approval.holding(aCase, [*above, plate, guide, more])
