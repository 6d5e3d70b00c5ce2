"""An outcome in the views: what was found lies where the operation put it, beside the plan, and is no part of it."""

import numpy
import pytest
import slicer
from PlanMaking import planOf
from test_Outcome import (  # noqa: F401
    ACHIEVED_CUT,
    ACHIEVED_MOVE,
    ACHIEVED_SCREW,
    PLANNED_MOVE,
    TOLERANCE_DEGREES,
    TOLERANCE_MM,
    aPlannedCase,
    heights,
    steps,
    theScans,
)

from PlanningHubLib.CaseView import showCaseInScene
from PlanningHubLib.Errors import GateRefused
from PlanningHubLib.Planning.Outcome import Wishes, compareOutcome
from PlanningHubLib.Planning.OutcomeScene import FOUND_COLOR, hideOutcome, keepOutcomeOf, outcomeNodes, showOutcome
from PlanningHubLib.Planning.Plan import makePlan
from PlanningHubLib.Planning.Scene import movedSteps, planNodes

# Of the turn's tolerance at the far end of the bone, and of its middle.
BODY_TOLERANCE_MM = 0.8


@pytest.fixture
def anOutcome(aPlannedCase, aSession, theScans):  # noqa: F811
    """An outcome of a case whose plan the scene shows."""
    outcome = compareOutcome(aPlannedCase, aSession, theScans / "after", Wishes(on="lower"))
    showCaseInScene(aPlannedCase, aSession)
    return outcome


def pointsOf(node):
    return slicer.util.arrayFromModelPoints(node).astype(float)


def test_whatWasFoundLiesWhereTheOperationPutIt(aPlannedCase, aSession, anOutcome):  # noqa: F811
    planned = planNodes(aSession.scene)
    nodes = {node.GetName(): node for node in showOutcome(aPlannedCase, aSession, anOutcome)}
    assert set(nodes) == {
        "upper advanced, planned", "upper advanced, found", "cut plane, found", "screw, found"
    }  # fmt: skip

    body, wanted = nodes["upper advanced, found"], ACHIEVED_MOVE @ numpy.linalg.inv(PLANNED_MOVE)
    before = pointsOf(planned["upper advanced"])
    far = numpy.linalg.norm(pointsOf(body) - (before @ wanted[:3, :3].T + wanted[:3, 3]), axis=1)
    assert far.max() < BODY_TOLERANCE_MM
    assert numpy.linalg.norm(pointsOf(body) - before, axis=1).max() > 2 * BODY_TOLERANCE_MM

    ends = slicer.util.arrayFromMarkupsControlPoints(nodes["screw, found"], world=True)
    axis = numpy.subtract(*reversed(ACHIEVED_SCREW)) / numpy.linalg.norm(numpy.subtract(*ACHIEVED_SCREW))
    besideMm = numpy.linalg.norm(numpy.cross(ends - ACHIEVED_SCREW[0], axis), axis=1)
    assert besideMm.max() < TOLERANCE_MM and numpy.linalg.norm(ends[0] - ACHIEVED_SCREW[0]) < 1.0

    plane = nodes["cut plane, found"]
    normal = numpy.array(plane.GetNormalWorld())
    degrees = numpy.degrees(numpy.arccos(normal @ (numpy.sin(numpy.radians(12)), 0, numpy.cos(numpy.radians(12)))))
    assert degrees < TOLERANCE_DEGREES and abs(heights(ACHIEVED_CUT, numpy.array(plane.GetOriginWorld()))) < 0.5


def test_itHasAColorOfItsOwnAndIsNoPartOfThePlan(aPlannedCase, aSession, anOutcome):  # noqa: F811
    before = planNodes(aSession.scene)
    nodes = {node.GetName(): node for node in showOutcome(aPlannedCase, aSession, anOutcome)}
    for name in ("upper advanced, found", "cut plane, found", "screw, found"):
        assert nodes[name].GetDisplayNode().GetColor() == pytest.approx(FOUND_COLOR)
    assert nodes["cut plane, found"].GetLocked() and nodes["screw, found"].GetLocked()
    outline, plan = nodes["upper advanced, planned"].GetDisplayNode(), before["upper advanced"].GetDisplayNode()
    assert outline.GetVisibility2D() and not outline.GetVisibility3D() and outline.GetColor() == plan.GetColor()
    assert planNodes(aSession.scene) == before and movedSteps(aSession.scene, aPlannedCase) == []

    again = showOutcome(aPlannedCase, aSession, anOutcome)
    assert outcomeNodes(aSession.scene) == again and keepOutcomeOf(aPlannedCase, aSession.scene, anOutcome)
    hideOutcome(aSession.scene)
    assert outcomeNodes(aSession.scene) == [] and planNodes(aSession.scene) == before


def test_besideAnotherPlanNothingIsShown(aPlannedCase, aSession, anOutcome):  # noqa: F811
    showOutcome(aPlannedCase, aSession, anOutcome)
    planNodes(aSession.scene)["cut plane"].SetOriginWorld(0, 0, 3)
    with pytest.raises(GateRefused) as refused:
        showOutcome(aPlannedCase, aSession, anOutcome)
    assert refused.value.code == "other-plan-shown"
    assert not keepOutcomeOf(aPlannedCase, aSession.scene, anOutcome) and outcomeNodes(aSession.scene) == []
    makePlan(aPlannedCase, aSession, planOf(*steps()[:2]))
    with pytest.raises(GateRefused) as refused:
        showOutcome(aPlannedCase, aSession, anOutcome)
    assert refused.value.code == "stale-outcome"
