"""Variants of a plan side by side."""

import pytest
from PlanMaking import planOf

from PlanningHubLib.Case import Case
from PlanningHubLib.Planning.Compare import compareVariants
from PlanningHubLib.Planning.Plan import makePlan
from PlanningHubLib.Segmentation import SEGMENT_NAME, segmentBone


def screwPlan(title, shiftMm, diameterMm=1.0, **more):
    """Return a plan of one screw beside the bone of the small case."""
    return planOf(
        {"do": "line", "name": "way", "start": [30 - shiftMm, -26, -408], "end": [30 - shiftMm, -30, -404]},
        {"do": "trajectory", "name": "screw", "line": "way", "diameterMm": diameterMm, "risks": [SEGMENT_NAME]},
        *more.pop("steps", []),
        title=title,
        **more,
    )


def test_variantsStandSideBySide(anImportedCase, aSession):
    extra = {"do": "measure", "name": "bone", "quantity": "volume", "objects": [SEGMENT_NAME]}
    with Case.open(anImportedCase, writable=True) as case:
        segmentBone(case, aSession, closingVoxels=0)
        makePlan(case, aSession, screwPlan("near", 1.5))
        makePlan(case, aSession, screwPlan("far", 0.0, 2.0, steps=[extra]))
        compared = compareVariants(case)
    assert [(one["title"], one["intendedUse"], one["state"]) for one in compared["variants"]] == [
        ("near", "planning", "current"), ("far", "planning", "current"),
    ]  # fmt: skip
    rows = {(row["step"], row["figure"]): row["values"] for row in compared["rows"]}
    assert rows["screw", "diameterMm"] == [1.0, 2.0]
    near, far = rows["screw", "nearestMm"]
    # 1.5 mm farther away, and half a millimetre nearer for its thickness.
    assert far - near == pytest.approx(1.0, abs=0.1)
    assert rows["bone", "volumeMl"][0] is None and rows["bone", "volumeMl"][1] > 0
    assert rows["screw", "volumeMl"][1] > rows["screw", "volumeMl"][0]


def test_caseWithoutAPlanHasNothingToCompare(aCase):
    assert compareVariants(aCase) == {"variants": [], "rows": []}
