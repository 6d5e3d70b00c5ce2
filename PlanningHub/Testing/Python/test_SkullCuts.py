"""Cuts and a cutting guide on the real skull, kept as a plan of its case."""

import numpy
import pytest
from PlanMaking import planOf
from SolidMaking import plane

from PlanningHubLib.Case import Case
from PlanningHubLib.Import import importSeries
from PlanningHubLib.Planning import Plan
from PlanningHubLib.Planning.Context import Context
from PlanningHubLib.Planning.Objects import Plane
from PlanningHubLib.Planning.Solids import unit
from PlanningHubLib.Segmentation import segmentBone
from PlanningHubLib.Shapes.Checks import meshFacts

# On the left side of the head, where the bone is whole.
SEAT = [[-55.8, 24.7, 116.6], [-62.3, -0.4, 116.8], [-65.7, -25.1, 117.0]]
STEPS = (
    plane("front", SEAT[0], (0.1, 1, 0.25)),
    plane("back", SEAT[2], (0, 1, -0.2)),
    {"do": "points", "name": "seat", "points": SEAT},
    {"do": "line", "name": "pin", "start": [-64.5, 7.2, 123.3], "end": [-50.5, 7.2, 118.3]},
    {"do": "cut", "name": "cut", "solid": "Bone", "by": ["front", "back"], "kerfMm": 1.0},
    {"do": "cutting-guide", "name": "guide", "bone": "Bone", "planes": ["front", "back"], "about": ["seat"],
     "fixation": ["pin"], "extentMm": 14, "bladeMm": 1.0},
)  # fmt: skip


@pytest.fixture
def aSkullCase(tmp_path, skullFolder, aSession):
    importSeries(skullFolder, tmp_path / "skull", side="right")
    with Case.open(tmp_path / "skull", writable=True) as case:
        segmentBone(case, aSession)
        yield case


def voxelsMl(case, session):
    """Return the volumes of the bone's voxels behind, between and before the blades of 1 mm."""
    context = Context.ofCase(case, session)
    voxels = context.mask("Bone")
    context.close(session.scene)
    slices, rows, columns = numpy.nonzero(voxels.mask)
    places = numpy.c_[columns, rows, slices, numpy.ones(len(slices))] @ voxels.ijkToRas[:3].T
    front, back = (Plane(one["name"], numpy.array(one["origin"]), unit(one["normal"])).heightsMm(places)
                   for one in STEPS[:2])  # fmt: skip
    counts = [(back < -0.5).sum(), ((back > 0.5) & (front < -0.5)).sum(), (front > 0.5).sum()]
    return [count * numpy.prod(voxels.spacingMm) / 1000 for count in counts]


@pytest.mark.slow
def test_skullIsCutAndItsGuideFits(aSkullCase, aSession):
    plan = Plan.makePlan(aSkullCase, aSession, planOf(*STEPS))
    steps = {step["name"]: step for step in Plan.readPlan(aSkullCase, plan)[1]["steps"]}
    cut, guide = steps["cut"], steps["guide"]
    assert cut["figures"]["volumeErrorPercent"] < 0.1
    largest = [row["volumeMl"] for row in cut["tables"]["Fragments"][:3]]
    assert largest == pytest.approx(voxelsMl(aSkullCase, aSession), rel=0.01)
    # 91 mm from the front to the back of the guide, some 28 mm wide.
    assert guide["figures"]["contactAreaMm2"] == pytest.approx(2000, abs=100)
    assert guide["figures"]["boneOverlapMm3"] == 0
    assert 0.2 < guide["figures"]["nearestToBoneMm"] <= 0.3
    assert [row["bladeInGuideMm3"] for row in guide["tables"]["Slots"]] == [0, 0]
    facts = meshFacts(Plan.readSolid(aSkullCase, aSession, plan, "guide").mesh)
    assert (facts.openEdges, facts.pieces, facts.cavities) == (0, 1, 0)
    moved = plane("front", SEAT[0], (0.1, 1, 0.2))
    other = Plan.makePlan(aSkullCase, aSession, planOf(moved, *STEPS[1:4], STEPS[5]))
    assert (other.id, other.revision) == (plan.id, 2)
    assert aSkullCase.require("plan") == other and other.content != plan.content
