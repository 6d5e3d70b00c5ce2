"""A part is written with its proof, and not at all where it lies too far from what it was made from."""

import dataclasses

import numpy
import pytest
from PartMaking import asymmetricMask, ballMask, boxMesh, obliqueMatrix
from test_Part import aCase, addSegmentation, aSession, filesBelow, ownHome  # noqa: F401
from test_PlannedPart import PLATE, keep

from PlanningHubLib.Errors import GateRefused
from PlanningHubLib.Planning.Objects import Solid
from PrintPrepLib import Part
from PrintPrepLib.Production import Profiles
from PrintPrepLib.Recipe import newRecipe

HALF_VOXEL_MM = numpy.sqrt(0.7**2 + 0.8**2 + 1.1**2) / 2


@pytest.fixture
def aSegmentedCase(aCase, aSession):  # noqa: F811
    addSegmentation(aCase, aSession, asymmetricMask(), obliqueMatrix())
    return aCase


def codes(part):
    return [finding["code"] for finding in part.facts["findings"]]


def test_partOfASegmentStatesItsBudgetAndItsProof(aSegmentedCase, aSession):  # noqa: F811
    part = Part.makePart(aSegmentedCase, aSession)
    accuracy = part.facts["accuracy"]
    assert (accuracy["reference"], accuracy["verdict"], accuracy["toleranceMm"]) == ("segmentation", "within", 1.0)
    assert accuracy["toleranceSource"].startswith("procedure general")
    # Two measurements of one distance: from all corners, both ways.
    assert accuracy["maximumMm"] == pytest.approx(part.facts["deviationMm"], abs=0.02)
    assert accuracy["maximumMm"] <= 0.25 and accuracy["voxels"]["measuredTo"] == "part"
    budget = {row["step"]: row["maximumMm"] for row in part.facts["budget"]}
    assert list(budget) == ["segmentation voxel", "smoothing", "simplification", "all steps, measured"]
    assert budget["segmentation voxel"] == pytest.approx(HALF_VOXEL_MM, abs=1e-3)
    assert budget["all steps, measured"] <= budget["smoothing"] + budget["simplification"]


def test_partBeyondItsToleranceIsNotMade(aCase, aSession):  # noqa: F811
    addSegmentation(aCase, aSession, ballMask(), numpy.eye(4))
    before = filesBelow(aCase.folder)
    with pytest.raises(GateRefused, match="tolerance of 0.02 mm") as refusal:
        Part.makePart(aCase, aSession, newRecipe(toleranceMm=0.02))
    assert refusal.value.code == "out-of-tolerance" and refusal.value.exitCode == 4
    assert aCase.latest("part") is None and filesBelow(aCase.folder) == before


def test_whatStepsChangeOnPurposeIsNotHeldAgainstThePart(aSegmentedCase, aSession):  # noqa: F811
    keep(aSegmentedCase, aSession, dataclasses.replace(PLATE, mesh=boxMesh((10, 20, 30), (60, 50, 36))))
    ball = {"shape": "sphere", "centerLps": [-35, -35, 36], "sizeMm": [10]}
    recipe = newRecipe("Plate, left", steps=[{"do": "subtract", "primitive": ball}])
    part = Part.makePart(aSegmentedCase, aSession, recipe)
    accuracy = part.facts["accuracy"]
    assert (accuracy["reference"], accuracy["toleranceMm"]) == ("planned solid", 0.3)
    assert accuracy["maximumMm"] < 0.06 and 90 < accuracy["measuredPercent"] < 100


def test_offsetIsMeasuredFromItsNominalSurface(aSegmentedCase, aSession):  # noqa: F811
    keep(aSegmentedCase, aSession, Solid("Model", boxMesh((0, 0, 0), (30, 20, 10)), role="anatomy"))
    part = Part.makePart(aSegmentedCase, aSession, newRecipe("Model", steps=[{"do": "offset", "offsetMm": 1.0}]))
    accuracy = part.facts["accuracy"]
    assert accuracy["nominalOffsetMm"] == 1.0 and accuracy["maximumMm"] < 0.1
    assert part.facts["boundsLpsMm"][1][2] == pytest.approx(11, abs=0.05)


def test_wallsAreJudgedByTheProcessAndHolesByTheirShape(aSegmentedCase, aSession):  # noqa: F811
    thin = Solid("Model", boxMesh((0, 0, 0), (30, 20, 0.4)), role="anatomy")
    block = Solid("Block", boxMesh((0, 0, 0), (30, 20, 20)), role="anatomy")
    keep(aSegmentedCase, aSession, thin, block)
    profile = Profiles.names()[0]
    sheet = Part.makePart(aSegmentedCase, aSession, newRecipe("Model", profile=profile))
    assert sheet.facts["walls"]["minimumMm"] == pytest.approx(0.4, abs=0.02)
    assert sheet.facts["walls"]["limitMm"] == Profiles.find(profile).minimumWallMm
    assert "thin-wall" in codes(sheet)
    assert "thin-wall" not in codes(Part.makePart(aSegmentedCase, aSession, newRecipe("Model")))
    bore = {"shape": "cylinder", "centerLps": [-15, -10, 10], "sizeMm": [2, 40]}
    drilled = Part.makePart(
        aSegmentedCase, aSession, newRecipe("Block", steps=[{"do": "subtract", "primitive": bore}])
    )  # fmt: skip
    (hole,) = drilled.facts["channels"]["narrowestHoles"]
    assert hole["diameterMm"] == pytest.approx(2, abs=0.05) and "narrow-channel" in codes(drilled)
