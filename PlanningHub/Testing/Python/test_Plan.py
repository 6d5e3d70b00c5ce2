"""The plan: its document, what it is bound to, and that a scene gives back the plan it was given."""

import json

import numpy
import pytest
import slicer
from CaseMaking import newCase
from PlanMaking import boxMesh, planOf

from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import GateRefused, InputRefused
from PlanningHubLib.Planning import Plan
from PlanningHubLib.Planning.Context import Context
from PlanningHubLib.Planning.Document import checked, encode, readDocument
from PlanningHubLib.Planning.Objects import Plane, Solid
from PlanningHubLib.Planning.Scene import documentOf, planNodes, showPlan
from PlanningHubLib.Segmentation import segmentBone

PLACED = (
    {"do": "points", "name": "landmarks", "points": [[1, 2, 3], [4.5, 5, 6]]},
    {"do": "line", "name": "screw", "start": [0, 0, 0], "end": [0, 30, 40]},
    {"do": "curve", "name": "osteotomy", "points": [[0, 0, 0], [10, 0, 0], [10, 10, 0]], "closed": True},
    {"do": "plane", "name": "cut", "origin": [1, 2, 3], "normal": [0, 3, 4]},
    {"do": "placement", "name": "advance", "turnDegrees": [0, 0, 90], "center": [10, 0, 0], "shiftMm": [0, 0, 5]},
)


@pytest.fixture
def aPlannedCase(anImportedCase, aSession):
    """A small case with a segmentation, open for writing."""
    with Case.open(anImportedCase, writable=True) as case:
        segmentBone(case, aSession, closingVoxels=0)
        yield case


def carriedOut(*steps, **document):
    return Plan.carryOut(planOf(*steps, **document), Context((10, 10, 10), numpy.eye(4)))


def test_placedObjectsLieWhereTheyWerePlaced():
    carried = carriedOut(*PLACED)
    assert carried.results["screw"].figures == {"lengthMm": pytest.approx(50)}
    assert carried.objects["cut"].normalRas == pytest.approx([0, 0.6, 0.8])
    # A quarter turn about S takes R to A: (10, 0, 0) stays, (11, 0, 0) goes to (10, 1, 0), all 5 mm up.
    moved = carried.objects["advance"].matrix @ [11, 0, 0, 1]
    assert moved == pytest.approx([10, 1, 5, 1])


def test_planInLpsIsTheSamePlan():
    steps = [
        {"do": "line", "name": "screw", "start": [0.0, 0.0, 0.0], "end": [0.0, -30.0, 40.0]},
        {"do": "plane", "name": "cut", "origin": [-1, -2, 3], "normal": [0, -3, 4]},
        {"do": "placement", "name": "advance", "turnDegrees": [0, 0, 90], "center": [-10, 0, 0], "shiftMm": [0, 0, 5]},
        {"do": "placement", "name": "flip", "matrix": numpy.diag([1, -1, -1, 1]).reshape(-1).tolist()},
    ]
    ras = carriedOut(*PLACED[1:2], *PLACED[3:])
    lps = carriedOut(*steps, frame="LPS")
    assert lps.objects["screw"].endRas == pytest.approx(ras.objects["screw"].endRas)
    assert lps.objects["cut"].heightsMm([[7, 8, 9]]) == pytest.approx(ras.objects["cut"].heightsMm([[7, 8, 9]]))
    assert lps.objects["advance"].matrix == pytest.approx(ras.objects["advance"].matrix)
    assert lps.objects["flip"].matrix == pytest.approx(numpy.diag([1, -1, -1, 1]))


def test_checkedTwiceIsCheckedOnce():
    once = checked(planOf(*PLACED))
    assert encode(checked(once)) == encode(once)
    assert once["steps"][3]["sizeMm"] == 100  # a default is stated


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"frame": "mm"}, "frame"),
        ({"steps": [{"do": "guess", "name": "a"}]}, "'guess'"),
        ({"steps": [{"do": "line", "name": "a", "start": [0, 0, 0]}]}, "'end' is a required"),
        ({"steps": [{"do": "line", "name": "a", "start": [0, 0], "end": [0, 0, 0]}]}, "start"),
        ({"steps": [{"do": "line", "name": "a/b", "start": [0, 0, 0], "end": [1, 0, 0]}]}, "name"),
        ({"steps": [PLACED[1], PLACED[1]]}, "two steps are called screw"),
        ({"steps": [{**PLACED[1], "color": "red"}]}, "'color' was unexpected"),
    ],
)
def test_badPlanIsRefusedByName(change, reason):
    with pytest.raises(InputRefused, match=reason) as refused:
        checked(planOf(**change))
    assert refused.value.code == "bad-plan"


def test_noFileAndNoJsonAreRefused(tmp_path):
    (tmp_path / "plan.json").write_text("{")
    for name, code in (("none.json", "cannot-read"), ("plan.json", "bad-plan")):
        with pytest.raises(InputRefused) as refused:
            readDocument(tmp_path / name)
        assert refused.value.code == code


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ({"do": "line", "name": "a", "start": [1, 1, 1], "end": [1, 1, 1]}, "no-length"),
        ({"do": "plane", "name": "a", "origin": [1, 1, 1], "normal": [0, 0, 0]}, "no-length"),
        ({"do": "placement", "name": "a", "matrix": [-1, *[0] * 4, 1, *[0] * 4, 1, *[0] * 4, 1]}, "not-rigid"),
        ({"do": "points", "name": "a", "points": [[0, 0, 0]], "labels": ["x", "y"]}, "bad-plan"),
    ],
)
def test_whatCannotBePlacedIsRefusedWithItsName(step, code):
    with pytest.raises(InputRefused, match="^a: ") as refused:
        carriedOut(step)
    assert refused.value.code == code


def test_planIsKeptWithWhatItIsFor(aPlannedCase, aSession):
    plan = Plan.makePlan(aPlannedCase, aSession, planOf(*PLACED))
    document, results = Plan.readPlan(aPlannedCase, plan)
    assert aPlannedCase.require("plan") == plan
    assert plan.parents == (aPlannedCase.latest("segmentation").link,)
    assert document["side"] == aPlannedCase.side
    assert document["frameOfReferenceUid"] == aPlannedCase.latest("source").facts["frameOfReferenceUid"]
    assert results["steps"][1]["figures"] == {"lengthMm": 50.0}


def test_equalPlansHaveEqualContents(aPlannedCase, aSession):
    first = Plan.makePlan(aPlannedCase, aSession, planOf(*PLACED))
    again = Plan.makePlan(aPlannedCase, aSession, json.loads(encode(checked(planOf(*PLACED)))))
    assert (again.id, again.revision, again.content) == (first.id, 2, first.content)


def test_anotherTitleIsAVariantBesideIt(aPlannedCase, aSession):
    Plan.makePlan(aPlannedCase, aSession, planOf(*PLACED, title="one"))
    Plan.makePlan(aPlannedCase, aSession, planOf(*PLACED, title="other"))
    Plan.makePlan(aPlannedCase, aSession, planOf(*PLACED[:2], title="one"))
    assert [(one.id, one.title, one.revision) for one in Plan.variants(aPlannedCase)] == [
        ("plan-2", "other", 1), ("plan-1", "one", 2),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("side", "left", "other-side"),
        ("procedure", "mandible", "other-procedure"),
        ("frameOfReferenceUid", "1.2.3", "other-frame-of-reference"),
    ],
)
def test_planForSomethingElseIsRefused(aPlannedCase, aSession, key, value, code):
    with pytest.raises(GateRefused) as refused:
        Plan.makePlan(aPlannedCase, aSession, planOf(*PLACED, **{key: value}))
    assert refused.value.code == code
    assert aPlannedCase.latest("plan") is None


def test_solidComesBackFromTheCaseWhereItWas(aPlannedCase, aSession):
    document = checked(planOf(*PLACED))
    solid = Solid("plate", boxMesh((10, 20, 30), (12, 23, 34)), role="implant", mirrored=True, color=(0.2, 0.4, 0.6))
    carried = Plan.Carried(document, {"plate": solid}, {})
    plan = Plan.keepPlan(aPlannedCase, aSession, carried)
    found = Plan.readSolid(aPlannedCase, aSession, plan, "plate")
    assert found.mesh.boundsMm == [[10, 20, 30], [12, 23, 34]]
    assert found.mesh.volumeMl == pytest.approx(0.024)
    assert (found.flags(), found.color) == (solid.flags(), solid.color)
    with pytest.raises(InputRefused, match="It has: plate"):
        Plan.readSolid(aPlannedCase, aSession, plan, "guide")


def test_sceneSavedAndReopenedGivesTheSamePlan(tmp_path, aSession):
    with newCase(tmp_path / "own") as case:
        carried = carriedOut(*PLACED)
        showPlan(aSession, case, carried.document, carried.objects.values())
        aSession.scene.SetURL(str(tmp_path / "scene.mrml"))
        for node in planNodes(aSession.scene).values():
            storage = node.CreateDefaultStorageNode()
            aSession.scene.AddNode(storage)
            node.SetAndObserveStorageNodeID(storage.GetID())
            storage.SetFileName(
                str(tmp_path / f"{node.GetName()}{'.tfm' if node.IsA('vtkMRMLTransformNode') else '.mrk.json'}")
            )
            assert storage.WriteData(node)
        assert aSession.scene.Commit()
        aSession.scene.Clear(1)
        assert documentOf(aSession.scene, case) is None
        aSession.scene.SetURL(str(tmp_path / "scene.mrml"))
        assert aSession.scene.Connect()
        assert set(planNodes(aSession.scene)) == {step["name"] for step in PLACED}
        assert documentOf(aSession.scene, case) == carried.document


def test_whatIsMovedByHandIsInThePlan(tmp_path, aSession):
    with newCase(tmp_path / "own") as case, newCase(tmp_path / "other") as other:
        carried = carriedOut(*PLACED)
        nodes = showPlan(aSession, case, carried.document, carried.objects.values())
        nodes["cut"].SetOriginWorld(1, 2, 8)
        nodes["screw"].SetNthControlPointPositionWorld(1, 0, 0, 60)
        matrix = numpy.eye(4)
        matrix[2, 3] = 7
        nodes["advance"].SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
        moved = Plan.carryOut(documentOf(aSession.scene, case), Context((10, 10, 10), numpy.eye(4)))
        assert isinstance(moved.objects["cut"], Plane) and moved.objects["cut"].originRas == pytest.approx([1, 2, 8])
        assert moved.results["screw"].figures == {"lengthMm": pytest.approx(60)}
        assert moved.objects["advance"].matrix == pytest.approx(matrix)
        assert documentOf(aSession.scene, other) is None
