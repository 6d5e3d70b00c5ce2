"""Nominal dimensions are those of the part's mesh; what was read passes within its tolerance, or does not."""

import json

import manifold3d
import numpy
import pytest
from InspectionMaking import HOLE_MM, LENGTH_MM, bracketMesh, partCase
from PartMaking import ballMesh, boxMesh
from test_Part import aCase, aSession, ownHome  # noqa: F401

from PlanningHubLib.Errors import GateRefused, InputRefused, UsageError
from PlanningHubLib.Shapes.Manifolds import fromManifold
from PrintPrepLib.Papers import Dimensions, Inspection

RIM = [[25 + 3 * numpy.cos(angle), 10 + 3 * numpy.sin(angle), 8] for angle in (0.1, 2.0, 4.4)]
CHOSEN = [
    {"name": "length", "kind": "extent", "direction": [2, 0, 0]},
    {"name": "across", "kind": "distance", "points": [[0, 0, 30], [12, 20, 30]], "toleranceMm": 0.1},
    {"name": "drill", "kind": "diameter", "points": RIM, "toleranceMm": 0.15},
]


def chosen(dimensions=CHOSEN, frame="LPS"):
    return Dimensions.checkedDimensions({"frame": frame, "dimensions": dimensions})


def onMesh(dimension, mesh):
    return Dimensions.measuredOn(chosen([dimension])[0], mesh)["nominalMm"]


@pytest.fixture
def aPart(aCase, aSession):  # noqa: F811
    return partCase(aCase, aSession)


def test_nominalDimensionsAreThoseOfTheShape():
    mesh = bracketMesh()
    length, across, drill = (onMesh(one, mesh) for one in CHOSEN)
    assert length == pytest.approx(LENGTH_MM, abs=1e-3)
    assert across == pytest.approx(numpy.hypot(12, 20), abs=1e-3)
    assert drill == pytest.approx(HOLE_MM, abs=0.005)


def test_diameterOfAPinAndOfABallIsThatOfTheOutside():
    for radiusMm in (3.0, 12.0):
        points = [[radiusMm * numpy.cos(one), radiusMm * numpy.sin(one), 0] for one in (0, 2, 4)]
        pin = fromManifold(manifold3d.Manifold.cylinder(20, radiusMm, circular_segments=256, center=True))
        found = onMesh({"name": "pin", "kind": "diameter", "points": points}, pin)
        assert found == pytest.approx(2 * radiusMm, abs=0.005)


def test_pointsInRasAreTheSamePlaces():
    turned = [{**CHOSEN[1], "points": [[0, 0, 30], [-12, -20, 30]]}]
    assert chosen(turned, "RAS") == chosen([CHOSEN[1]])


def test_pickedPointIsMovedOntoTheSurface():
    near = {**CHOSEN[1], "points": [[-0.7, 0.2, 30.4], [12, 20, 30]]}
    assert onMesh(near, bracketMesh()) == pytest.approx(numpy.hypot(12, 19.8), abs=0.01)


@pytest.mark.parametrize(("change", "code"), [
    ({"points": [[0, 0, 30], [12, 20, 33]]}, "point-off-the-part"),
    ({"points": [[0, 0, 30], [0, 0, 30]]}, "no-length"),
    ({"kind": "diameter", "points": [[0, 0, 0], [20, 0, 0], [50, 0, 0]]}, "not-round"),
    ({"kind": "diameter", "points": [[0, 0, 8], [60, 0, 8], [30, 20, 8]]}, "not-round"),
    ({"points": [[0, 0, 30]]}, "bad-dimensions"),
    ({"kind": "extent"}, "bad-dimensions"),
    ({"kind": "angle"}, "bad-dimensions"),
])  # fmt: skip
def test_whatCannotBeMeasuredIsRefusedByName(change, code):
    with pytest.raises(InputRefused) as refusal:
        onMesh({**CHOSEN[1], **change}, bracketMesh())
    assert refusal.value.code == code


def test_sheetIsChosenThenFilledAndKeepsWhatWasRead(aCase, aPart):  # noqa: F811
    sheet = Inspection.inspectMeasured(aCase, dimensions=chosen())
    assert sheet.facts["verdict"] == "open" and sheet.parents == (aPart.link,)
    assert [one["toleranceMm"] for one in sheet.facts["dimensions"]] == [0.25, 0.1, 0.15]
    partly = Inspection.inspectMeasured(aCase, measured={"length": 60.2}, instrument="caliper 7", user="first")
    assert (partly.id, partly.revision, partly.facts["verdict"]) == (sheet.id, 2, "open")
    whole = Inspection.inspectMeasured(aCase, measured={"across": 23.4, "drill": 5.9}, user="second")
    rows = {one["name"]: one for one in whole.facts["dimensions"]}
    assert whole.facts["verdict"] == "pass" and whole.facts["instrument"] == "caliper 7"
    assert [rows[name]["who"] for name in ("length", "across", "drill")] == ["first", "second", "second"]
    assert rows["length"]["deviationMm"] == pytest.approx(0.2, abs=1e-3)
    bad = Inspection.inspectMeasured(aCase, measured={"drill": 5.8})
    assert bad.facts["verdict"] == "fail"
    values = json.loads(aCase.path(bad, "inspection.json").read_bytes())
    assert values["part"]["content"] == aPart.content and values["frame"] == "LPS"
    assert Inspection.readInspection(aCase, whole)["dimensions"][2]["measuredMm"] == 5.9, "the earlier one stays"


def test_readingsOfAnotherPartAreNotTakenOver(aCase, aSession, aPart):  # noqa: F811
    passed = Inspection.inspectMeasured(aCase, dimensions=[{**chosen()[0], "measuredMm": 60.0}])
    assert passed.facts["verdict"] == "pass"
    partCase(aCase, aSession, bracketMesh(61.0))
    assert aCase.state(passed) == "stale"
    again = Inspection.inspectMeasured(aCase)
    (row,) = again.facts["dimensions"]
    assert (row["nominalMm"], row["measuredMm"], row["verdict"]) == (pytest.approx(61.0, abs=1e-3), None, "open")


def test_withoutAChoiceTheExtentsAreOnTheSheet(aCase, aPart):  # noqa: F811
    rows = Inspection.inspectMeasured(aCase).facts["dimensions"]
    assert [one["nominalMm"] for one in rows] == pytest.approx([60, 40, 30], abs=0.05)


@pytest.mark.parametrize(("measured", "code"), [
    ({"width": 3.0}, "no-such-dimension"), ({"extent x": -1.0}, "bad-measure"),
    ({"extent x": float("nan")}, "bad-measure"), ({"extent x": "60"}, "bad-measure"),
])  # fmt: skip
def test_whatIsNoReadingIsRefused(aCase, aPart, measured, code):  # noqa: F811
    with pytest.raises(UsageError) as refusal:
        Inspection.inspectMeasured(aCase, measured=measured)
    assert refusal.value.code == code and aCase.latest("inspection") is None


def test_toleranceIsNeverGuessed(aCase, aSession, monkeypatch):  # noqa: F811
    """A part of a procedure that states none, and whose recipe states none."""
    part = partCase(aCase, aSession, toleranceMm=None)
    monkeypatch.setitem(part.facts, "accuracy", {"toleranceMm": None})
    with pytest.raises(GateRefused) as refusal:
        Inspection.inspectMeasured(aCase)
    assert refusal.value.code == "tolerance-not-stated"
    assert Inspection.inspectMeasured(aCase, toleranceMm=0.3).facts["dimensions"][0]["toleranceMm"] == 0.3


def test_toleranceOfTheProcedureCounts(aCase, aSession, monkeypatch):  # noqa: F811
    part = partCase(aCase, aSession, toleranceMm=None)
    monkeypatch.setitem(part.facts, "accuracy", {"toleranceMm": 0.4})
    assert Inspection.inspectMeasured(aCase).facts["dimensions"][0]["toleranceMm"] == 0.4


def test_severalPartsAreNeverGuessed(aCase, aSession, aPart):  # noqa: F811
    partCase(aCase, aSession, boxMesh((0, 0, 0), (20, 30, 40)), name="Box")
    with pytest.raises(GateRefused, match="part-1 .Bracket., part-2 .Box.") as refusal:
        Inspection.inspectMeasured(aCase)
    assert refusal.value.code == "which-part"
    made = [Inspection.inspectMeasured(aCase, one) for one in ("part-2", "part-2")]
    assert [(one.id, one.revision) for one in made] == [("inspection-1", 1), ("inspection-1", 2)]


def test_partThatWasChangedOnDiskIsNotInspected(aCase, aPart):  # noqa: F811
    with open(aCase.path(aPart, next(name for name in aPart.files if name.endswith("stl"))), "ab") as file:
        file.write(b"x")
    with pytest.raises(GateRefused) as refusal:
        Inspection.inspectMeasured(aCase)
    assert refusal.value.code == "damaged-part"


def test_ballHasItsDiameterAsExtent():
    assert onMesh(CHOSEN[0], ballMesh(12)) == pytest.approx(24, abs=0.5)
