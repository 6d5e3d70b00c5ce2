"""Plans edited by hand: fields from schemas, drafts in a scene, and what a scene shows of a case's plans."""

import pytest
from PlanMaking import planOf
from test_Plan import PLACED, aPlannedCase  # noqa: F401

from PlanningHubLib.CaseView import showCaseInScene
from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Planning import Editing, Plan, Scene
from PlanningHubLib.Planning.Document import checked, newDocument
from PlanningHubLib.Planning.Operations import operations
from PlanningHubLib.Procedures import Procedure
from PlanningHubLib.Segmentation import segmentBone

CUT = {"do": "cut", "name": "halves", "solid": "Bone", "by": ["cut"]}
# Through the small case's bone.
PLANE = {"do": "plane", "name": "cut", "origin": [28.0, -28.0, -406.0], "normal": [0.0, 1.0, 0.0]}


@pytest.mark.parametrize("do", operations())
def test_everyParameterHasAFieldThatCanAskForIt(do):
    fields = {field.key: field for field in Editing.fieldsOf(do)}
    operation = operations()[do]
    assert set(fields) == set(operation.parameters)
    assert {key for key, field in fields.items() if field.required} == set(operation.required)
    for key, field in fields.items():
        assert field.title and field.minimum <= field.maximum
        if key.endswith("Mm") and field.kind == Editing.NUMBER:
            assert field.unit == " mm"


def test_stepSaysWhatItStillNeeds():
    draft = newDocument("test")
    step = Editing.newStep(draft, "cut")
    assert Editing.problemOf(step) == "Still needs: Solid, Along."
    assert Editing.problemOf({**step, "solid": "Bone", "by": ["cut"]}) == ""
    assert "kerf" in Editing.problemOf({**step, "solid": "Bone", "by": ["cut"], "kerfMm": -1}).casefold()
    assert Editing.problemOf({"do": "guess", "name": "x"}) == "There is no operation guess."
    assert Editing.newStep(Editing.withStep(draft, step), "cut")["name"] == f"{step['name']} 2"


def test_stepsAreMovedRemovedAndRenamedWithTheirUsers():
    draft = planOf(PLANE, CUT)
    assert Editing.usersOf(draft, "cut") == ["halves"]
    renamed = Editing.replaced(draft, "cut", {**PLANE, "name": "osteotomy"})
    assert [step["name"] for step in renamed["steps"]] == ["osteotomy", "halves"]
    assert renamed["steps"][1]["by"] == ["osteotomy"] and draft["steps"][1]["by"] == ["cut"]
    assert [step["name"] for step in Editing.shifted(draft, "halves", -1)["steps"]] == ["halves", "cut"]
    assert Editing.shifted(draft, "cut", -1)["steps"] == draft["steps"]
    assert [step["name"] for step in Editing.withoutStep(draft, "cut")["steps"]] == ["halves"]
    with pytest.raises(InputRefused, match="There is a cut already"):
        Editing.replaced(draft, "halves", {**CUT, "name": "cut"})


def test_procedureGivesADraft():
    values = {
        "planSteps": [{"do": "plane", "name": "Cut", "description": "Below the tumor"}],
        "risks": [{"text": "Nerve", "structure": "Nerve"}], "checklist": ["Side marked"],
    }  # fmt: skip
    draft = Editing.startedFrom(Procedure("test", values, "site", ""), "Osteotomy", "left")
    assert draft["steps"] == [{"do": "plane", "name": "Cut", "comment": "Below the tumor"}]
    assert Editing.problemOf(draft["steps"][0]) == "Still needs: Origin, Normal."
    complete = Editing.replaced(draft, "Cut", {**draft["steps"][0], "origin": [0, 0, 0], "normal": [0, 0, 1]})
    assert checked(complete)["checklist"] == [{"text": "Side marked", "done": False}]


def test_resultsHoldUpToTheFirstChange(aPlannedCase, aSession):  # noqa: F811
    plan = Plan.makePlan(aPlannedCase, aSession, planOf(PLANE, CUT, PLACED[1]))
    document, results = Plan.readPlan(aPlannedCase, plan)
    assert list(Editing.stillHolds(document, document, results)) == ["cut", "halves", "screw"]
    noted = Editing.replaced(document, "halves", {**document["steps"][1], "comment": "slowly"})
    assert list(Editing.stillHolds(noted, document, results)) == ["cut", "halves", "screw"]
    changed = Editing.replaced(document, "halves", {**document["steps"][1], "kerfMm": 0.0})
    assert list(Editing.stillHolds(changed, document, results)) == ["cut"]
    offered = Editing.offered(document, ["Bone"], results, "screw")
    assert offered["Bone"] == "solid" and offered["cut"] == "plane" and "halves" not in offered
    assert set(plan.facts["solids"]) <= set(offered)


def test_draftWithoutPointsIsPlacedInTheScene(aPlannedCase, aSession):  # noqa: F811
    steps = [{"do": do, "name": do} for do in ("points", "line", "curve", "plane")]
    draft = {**newDocument("test"), "steps": steps}
    nodes = Scene.showDraft(aSession, aPlannedCase, draft)
    assert nodes == {} and Scene.draftOf(aSession.scene, aPlannedCase) == draft
    for number, step in enumerate(steps):
        node = Scene.startPlacing(aSession, step)
        assert Scene.draftOf(aSession.scene, aPlannedCase)["steps"][number] == step, "nothing is placed yet"
        if step["do"] == "plane":
            node.SetOrigin(1, 2, 3)
            node.SetNormal(0, 0, 1)
        else:
            node.AddControlPoint(1, 2, 3)
            node.AddControlPoint(4, 5, 6)
    document = Scene.documentOf(aSession.scene, aPlannedCase)
    assert [step.get("points") or step.get("start") or step.get("origin") for step in document["steps"]] == [
        [[1, 2, 3], [4, 5, 6]], [1, 2, 3], [[1, 2, 3], [4, 5, 6]], [1, 2, 3],
    ]  # fmt: skip
    assert Scene.movedSteps(aSession.scene, aPlannedCase) == ["points", "line", "curve", "plane"]
    Scene.showDraft(aSession, aPlannedCase, document)
    assert Scene.movedSteps(aSession.scene, aPlannedCase) == []
    Scene.showDraft(aSession, aPlannedCase, Editing.withoutStep(document, "line"))
    assert set(Scene.planNodes(aSession.scene)) == {"points", "curve", "plane"}


def test_openedCaseShowsItsPlanAndAnotherCaseTakesItAway(aPlannedCase, aSession, tmp_path):  # noqa: F811
    plan = Plan.makePlan(aPlannedCase, aSession, planOf(PLANE, CUT))
    showCaseInScene(aPlannedCase, aSession)
    nodes = Scene.planNodes(aSession.scene)
    assert set(nodes) == {"cut", *plan.facts["solids"]} and len(nodes) >= 2
    assert Scene.keptContent(aSession.scene) == plan.content
    nodes["cut"].SetOriginWorld(28, -27, -406)
    showCaseInScene(aPlannedCase, aSession)
    assert Scene.planNodes(aSession.scene) == nodes, "nothing is loaded twice"
    assert Scene.movedSteps(aSession.scene, aPlannedCase) == ["cut"], "what was moved stays moved"

    from CaseMaking import newCase

    with newCase(tmp_path / "other") as other:
        showCaseInScene(other, aSession)
    assert Scene.planNode(aSession.scene) is None and Scene.planNodes(aSession.scene) == {}


def test_stalePlanShowsOnlyWhatItsStepsPlace(aPlannedCase, aSession):  # noqa: F811
    Plan.makePlan(aPlannedCase, aSession, planOf(PLANE, CUT))
    showCaseInScene(aPlannedCase, aSession)
    segmentBone(aPlannedCase, aSession, thresholdHu=30)
    showCaseInScene(aPlannedCase, aSession)
    stale = aPlannedCase.state(aPlannedCase.latest("plan")) == "stale"
    assert stale and set(Scene.planNodes(aSession.scene)) == {"cut"}
    again = Plan.makePlan(aPlannedCase, aSession, Scene.documentOf(aSession.scene, aPlannedCase))
    showCaseInScene(aPlannedCase, aSession)
    assert set(again.facts["solids"]) < set(Scene.planNodes(aSession.scene))
