"""The one list of a case's numbers: every figure of the plan with its unit, its place in LPS, and what it is of."""

import numpy
import pytest

from ORExportLib.Measurements import kindOf, measurementsOf, unitCode
from PlanningHubLib.Planning.Document import checked, newDocument
from PlanningHubLib.Planning.Figures import figureLines

LINE = {"do": "line", "name": "Needle", "start": [170, 172, 148], "end": [98, 164, 151]}
OTHER = {"do": "line", "name": "Other needle", "start": [98, 250, 148], "end": [98, 164, 151]}
STEPS = [
    LINE, OTHER,
    {"do": "trajectory", "name": "Biopsy", "line": "Needle", "diameterMm": 2.0},
    {"do": "approaches", "name": "Ways in", "lines": ["Needle", "Other needle"], "diameterMm": 2.0},
    {"do": "margin", "name": "Margin", "structure": "Tumor", "marginMm": 10},
    {"do": "placement", "name": "Advance", "shiftMm": [0, 5, 0]},
    {"do": "move", "name": "Jaw", "solid": "Mandible", "by": ["Advance"]},
    {"do": "measure", "name": "Gap", "quantity": "distance", "objects": ["Jaw", "Tumor"]},
    {"do": "measure", "name": "Bend", "quantity": "angle", "points": [[1, 0, 0], [0, 0, 0], [0, 1, 0]]},
]  # fmt: skip
FIGURES = {
    "Needle": {"lengthMm": 72.505},
    "Other needle": {"lengthMm": 86.052},
    "Biopsy": {"lengthMm": 72.505, "diameterMm": 2.0, "angleToAxialDegrees": 2.3715, "nearestStructure": "Aorta"},
    "Ways in": {"lines": ["Needle", "Other needle"], "lengthMm": [72.505, 86.052]},
    "Margin": {"wantedMm": 10.0, "reachedMm": 11.249, "belowShare": 0.0125, "resectionMl": 421.3216,
               "nearestOnStructureRas": [98.1, 164.3, 136.2], "nearestOnCutRas": [98.1, 164.3, 125.0]},
    "Jaw": {"translationMm": [0.0, 5.0, 0.0], "largestShiftMm": 5.0, "largestShiftAtRas": [1.0, 2.0, 3.0]},
    "Gap": {"distanceMm": 3.25, "fromRas": [1.0, 2.0, 3.0], "toRas": [1.0, 2.0, 6.25]},
    "Bend": {"angleDegrees": 90.0},
}  # fmt: skip
TABLES = {
    "Biopsy": {"Distances to structures at risk": [
        {"structure": "Aorta", "distanceMm": 30.5, "alongMm": 72.505, "placeRas": [60.0, 160.0, 150.0],
         "minimumMm": 5.0, "warnMm": 10.0, "source": "the plan's own"}]},
    "Ways in": {"Approaches": [
        {"line": "Needle", "lengthMm": 72.505, "distanceMm Aorta": 30.5},
        {"line": "Other needle", "lengthMm": 86.052, "distanceMm Aorta": 31.5}]},
}  # fmt: skip
SOLID = {"kind": "solid", "role": "device", "moved": False, "volumeMl": 0.2278}
OBJECTS = {
    "Needle": {"kind": "line", "startRas": LINE["start"], "endRas": LINE["end"]},
    "Other needle": {"kind": "line", "startRas": OTHER["start"], "endRas": OTHER["end"]},
    "Biopsy": SOLID,
    "Margin": {**SOLID, "role": "margin", "volumeMl": 64.5851},
    "Jaw": {**SOLID, "role": "fragment", "moved": True, "volumeMl": 31.25},
}


def aPlan():
    """Return document and results of a small plan, as a plan artefact holds them."""
    document = checked({**newDocument("Plan"), "steps": STEPS})
    steps = [
        {"name": step["name"], "objects": [step["name"]] if step["name"] in OBJECTS else [], "findings": [],
         "figures": FIGURES.get(step["name"], {}), "tables": TABLES.get(step["name"], {})}
        for step in document["steps"]
    ]  # fmt: skip
    return document, {"steps": steps, "objects": OBJECTS}


@pytest.fixture
def found():
    return {(one.stepName, one.name): one for one in measurementsOf(*aPlan())}


def test_eachNumberWithAUnitIsThereOnceAsThePlanKeepsIt(found):
    assert len(found) == len(measurementsOf(*aPlan()))
    for step, figures in FIGURES.items():
        for figure, value in figures.items():
            if isinstance(value, float):
                same = [one for one in found.values() if (one.stepName, one.figure, one.value) == (step, figure, value)]
                assert len([one for one in same if not one.about]) == 1
    assert ("Biopsy", "nearest structure") not in found and not any("minimum" in name for _step, name in found)


def test_textIsWhatThePagesShow(found):
    lines = dict(figureLines(FIGURES["Margin"]))
    assert found["Margin", "reached"].text == lines["reached"] == "11.25 mm"
    assert found["Ways in", "Needle and Aorta: distance"].text == "30.50 mm"


@pytest.mark.parametrize(
    ("figure", "unit", "kind"),
    [("gapMedianMm", "mm", "gap"), ("defectAreaMm2", "mm2", "area"), ("overlapMm3", "mm3", "volume"),
     ("volumeMl", "ml", "volume"), ("tiltDegrees", "deg", "angle"), ("coveredPercent", "%", "share"),
     ("belowShare", "1", "share"), ("insideMm Liver", "mm", "length"), ("thicknessMinimumMm", "mm", "thickness")],
)  # fmt: skip
def test_unitAndKindFollowTheName(figure, unit, kind):
    assert (unitCode(figure), kindOf(figure)) == (unit, kind)


def test_placesAreInLps(found):
    trajectory = found["Biopsy", "length"]
    assert trajectory.kind == "trajectory"
    assert numpy.array_equal(trajectory.pointsLps, [[-170, -172, 148], [-98, -164, 151]])
    assert numpy.array_equal(found["Ways in", "Needle: length"].pointsLps, trajectory.pointsLps)
    reached = found["Margin", "reached"]
    assert reached.kind == "margin" and numpy.allclose(reached.pointsLps[1], [-98.1, -164.3, 125.0])
    risk = found["Biopsy", "Aorta: distance"]
    assert numpy.allclose(risk.pointsLps, [[-98, -164, 151], [-60, -160, 150]], atol=0.01)
    assert numpy.array_equal(found["Bend", "angle"].pointsLps, [[-1, 0, 0], [0, 0, 0], [0, -1, 0]])
    assert found["Biopsy", "diameter"].pointsLps is None


def test_whatLiesWhereItIsPlannedSaysSo(found):
    assert found["Gap", "distance"].planned and found["Gap", "distance"].objects == ("Jaw", "Tumor")
    # The place of the largest shift is on the jaw as it was scanned.
    assert not found["Jaw", "largest shift"].planned and not found["Biopsy", "length"].planned


def test_wayWithinAStructureIsStatedOnce():
    document, results = aPlan()
    (biopsy,) = [one for one in results["steps"] if one["name"] == "Biopsy"]
    biopsy["figures"] = {**biopsy["figures"], "insideMm Liver": 40.5}
    biopsy["tables"] = {**biopsy["tables"], "Passages": [{"structure": "Liver", "insideMm": 40.5, "fromMm": 12.0}]}
    found = [one.name for one in measurementsOf(document, results) if one.figure.startswith("insideMm")]
    assert found == ["Liver: inside"]
    biopsy["tables"] = {}
    (one,) = [one for one in measurementsOf(document, results) if one.figure.startswith("insideMm")]
    assert (one.name, one.quantity, one.objects) == ("Liver: inside", "inside", ("Biopsy", "Liver"))


def test_motionIsStatedAlongThePatientsAxes(found):
    assert [found["Jaw", f"translation {axis}"].value for axis in "RAS"] == [0.0, 5.0, 0.0]


def test_solidsAndSegmentsStateTheirVolumes(found):
    assert found["Margin", "volume"].value == 64.5851

    class Artefact:
        facts = {"structures": {"Bone": {"volumeMl": 570.125}}, "volumeMl": 12.5, "object": {"name": "Plate"}}

    ofSegment, ofPart = measurementsOf(None, None, Artefact, [Artefact])
    assert (ofSegment.name, ofSegment.value, ofSegment.objects) == ("Bone: volume", 570.125, ("Bone",))
    assert (ofPart.name, ofPart.text) == ("Part Plate: volume", "12.50 ml")
