"""A part of what was planned: the right object, within its bound of the planned solid, stale with its plan."""

import dataclasses

import numpy
import pytest
from PartMaking import ballMask, ballMesh, boxMesh, readByTrimesh
from test_Part import ALWAYS, aCase, addSegmentation, aSession, ownHome  # noqa: F401

from PlanningHubLib.Errors import GateRefused, InputRefused
from PlanningHubLib.Planning import Plan
from PlanningHubLib.Planning.Document import checked, newDocument
from PlanningHubLib.Planning.Objects import Solid
from PrintPrepLib import Part, Shape
from PrintPrepLib.Recipe import newRecipe

PLATE = Solid("Plate, left", boxMesh((10, 20, 30), (40, 50, 33)), role="implant", mirrored=True, modified=True)
GUIDE = Solid("Guide", boxMesh((0, 0, 0), (9, 9, 9)), role="guide", modified=True)
FRAGMENT = Solid("Fragment", ballMesh(), role="fragment", modified=True, moved=True)


@pytest.fixture
def aSegmentedCase(aCase, aSession):  # noqa: F811
    addSegmentation(aCase, aSession, ballMask(), numpy.eye(4))
    return aCase


def keep(case, session, *solids, title="plan"):
    """Keep a plan of these solids, as if its steps had made them."""
    carried = Plan.Carried(checked(newDocument(title)), {solid.name: solid for solid in solids}, {})
    return Plan.keepPlan(case, session, carried)


def test_partIsThePlannedObjectWithItsFlags(aSegmentedCase, aSession):  # noqa: F811
    plan = keep(aSegmentedCase, aSession, PLATE)
    part = Part.makePart(aSegmentedCase, aSession, newRecipe("Plate, left"))
    name = f"{aSegmentedCase.name}_plate-left_left_part-1.1"
    assert sorted(part.files) == sorted([f"{name}.3mf", f"{name}.stl", *ALWAYS])
    assert part.parents == (plan.link,)
    flags = {"role": "implant", "mirrored": True, "modified": True, "moved": False}
    assert part.facts["object"] == {"name": "Plate, left", **flags}
    # 30 × 30 × 3 mm, and LPS where the plan is RAS.
    seen = readByTrimesh(aSegmentedCase.path(part, f"{name}.stl").read_bytes(), "stl")
    assert seen.is_watertight and seen.volume == pytest.approx(2700)
    assert seen.bounds == pytest.approx(numpy.array([[-40, -50, 30], [-10, -20, 33]]))
    assert part.facts["plannedVolumeMl"] == part.facts["volumeMl"] == pytest.approx(2.7)


def test_whatHasToFitKeepsTheSmallerBound(aSegmentedCase, aSession):  # noqa: F811
    ball = dataclasses.replace(FRAGMENT, name="Ball guide", role="guide")
    keep(aSegmentedCase, aSession, FRAGMENT, ball)
    bounds = {}
    for name in ("Fragment", "Ball guide"):
        part = Part.makePart(aSegmentedCase, aSession, newRecipe(name))
        bounds[name] = part.parameters["maximumDeviationMm"]
        assert 0 <= part.facts["deviationMm"] <= bounds[name]
    assert bounds == {"Fragment": 0.25, "Ball guide": 0.05}
    closer = Part.makePart(aSegmentedCase, aSession, newRecipe("Ball guide", 0.02))
    assert closer.parameters["maximumDeviationMm"] == 0.02


def test_partGoesStaleWithItsPlan(aSegmentedCase, aSession):  # noqa: F811
    keep(aSegmentedCase, aSession, PLATE)
    part = Part.makePart(aSegmentedCase, aSession, newRecipe("Plate, left"))
    keep(aSegmentedCase, aSession, PLATE)
    assert aSegmentedCase.state(part) == "current", "an equal plan changes nothing"
    keep(aSegmentedCase, aSession, PLATE, title="a variant")
    assert aSegmentedCase.state(part) == "current", "nor does a variant beside it"
    moved = dataclasses.replace(PLATE, mesh=boxMesh((10, 20, 31), (40, 50, 34)))
    keep(aSegmentedCase, aSession, moved)
    assert aSegmentedCase.state(part) == "stale"


def test_eachObjectIsAPartOfItsOwn(aSegmentedCase, aSession):  # noqa: F811
    keep(aSegmentedCase, aSession, PLATE, GUIDE)
    made = [
        Part.makePart(aSegmentedCase, aSession, newRecipe(name)) for name in (None, "Guide", "Plate, left", "Guide")
    ]
    assert [(one.id, one.revision) for one in made] == [("part-1", 1), ("part-2", 1), ("part-3", 1), ("part-2", 2)]
    assert [aSegmentedCase.state(one) for one in made] == ["current", "stale", "current", "current"]
    assert [one.facts["object"]["name"] for one in made] == ["Bone", "Guide", "Plate, left", "Guide"]


def test_segmentByNameBelongsToThePlan(aSegmentedCase, aSession):  # noqa: F811
    before = Part.makePart(aSegmentedCase, aSession, newRecipe("Bone"))
    assert before.parents == (aSegmentedCase.latest("segmentation").link,)
    plan = keep(aSegmentedCase, aSession)
    assert Part.makePart(aSegmentedCase, aSession).parents == before.parents
    assert Part.makePart(aSegmentedCase, aSession, newRecipe("Bone")).parents == (plan.link,)


@pytest.mark.parametrize(
    ("solids", "name"), [((PLATE,), "Plate, left"), ((FRAGMENT, GUIDE), "Guide"), ((FRAGMENT,), ""), ((), "")]
)
def test_onlyOneImplantOrGuideIsWhatThePlanIsFor(aSegmentedCase, aSession, solids, name):  # noqa: F811
    keep(aSegmentedCase, aSession, *solids)
    assert Shape.deliverable(aSegmentedCase) == name


def test_severalAreNeverGuessed(aSegmentedCase, aSession):  # noqa: F811
    keep(aSegmentedCase, aSession, PLATE, GUIDE)
    with pytest.raises(GateRefused, match="Plate, left, Guide") as refusal:
        Shape.deliverable(aSegmentedCase)
    assert refusal.value.code == "which-object"


def test_unknownObjectAndStalePlanAreRefused(aSegmentedCase, aSession):  # noqa: F811
    keep(aSegmentedCase, aSession, PLATE)
    with pytest.raises(InputRefused, match="It has: Bone, Plate, left") as unknown:
        Part.makePart(aSegmentedCase, aSession, newRecipe("Screw"))
    addSegmentation(aSegmentedCase, aSession, ballMask(10), numpy.eye(4))
    with pytest.raises(GateRefused) as stale:
        Part.makePart(aSegmentedCase, aSession, newRecipe("Plate, left"))
    assert (unknown.value.code, stale.value.code) == ("no-such-object", "stale-plan")
    assert aSegmentedCase.latest("part") is None
