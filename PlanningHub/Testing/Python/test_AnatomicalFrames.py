"""Anatomical frames from landmarks whose coordinates are known."""

import copy

import numpy
import pytest
from AnalyticShapes import codes, contextOf, line
from PlanMaking import carried

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Planning.Placing import matrixOf

SYSTEM = {
    "name": "Frankfort horizontal",
    "origin": ["Porion left", "Porion right"],
    "axes": [
        {"axis": "R", "from": ["Porion left"], "to": ["Porion right"]},
        {"axis": "A", "from": ["Porion left", "Porion right"], "to": ["Orbitale left", "Orbitale right"]},
    ],
    "source": "the test",
}
# In the frame: mm along its R, A and S.
HEAD = {
    "Porion left": (-60, 0, 0), "Porion right": (60, 0, 0), "Orbitale left": (-30, 70, 0),
    "Orbitale right": (30, 70, 0), "Nasion": (0, 85, 25),
}  # fmt: skip


def rigid(degrees=(0, 0, 0), shiftMm=(0, 0, 0)):
    return matrixOf({"matrix": [], "turnDegrees": degrees, "center": [0, 0, 0], "shiftMm": shiftMm})


def placed(matrix, head=HEAD, names=None):
    points = (numpy.array(list(head.values()), float) @ matrix[:3, :3].T + matrix[:3, 3]).tolist()
    return {"do": "points", "name": "landmarks", "points": points, "labels": names or list(head)}


def frameStep(**parameters):
    return {"do": "anatomical-frame", "name": "frame", "landmarks": ["landmarks"], **parameters}


def framed(*steps, system=SYSTEM):
    return carried(contextOf({}, coordinateSystem=system), *steps)


@pytest.mark.parametrize(("degrees", "shiftMm"), [((0, 0, 0), (0, 0, 0)), ((12, -7, 20), (10, -4, 33))])
def test_frameLiesWhereItsLandmarksSay(degrees, shiftMm):
    matrix = rigid(degrees, shiftMm)
    made = framed(placed(matrix), frameStep())
    assert made.objects["frame"].matrix == pytest.approx(matrix, abs=1e-4)
    rows = {row["landmark"]: row for row in made.results["frame"].tables["Landmarks"]}
    for name, expected in HEAD.items():
        assert [rows[name][key] for key in ("rightMm", "anteriorMm", "superiorMm")] == pytest.approx(expected, abs=1e-3)
    figures = made.results["frame"].figures
    assert (figures["betweenAxesDegrees"], figures["offPlaneMm"]) == (pytest.approx(90), pytest.approx(0, abs=1e-3))
    assert made.findings == []


def test_axesOfAFrameArePerpendicularAndRightHandedWhateverIsClicked():
    head = {**HEAD, "Orbitale left": (-22, 72, 4), "Orbitale right": (33, 69, -1)}
    made = framed(placed(rigid(), head), frameStep())
    rotation = made.objects["frame"].matrix[:3, :3]
    assert rotation.T @ rotation == pytest.approx(numpy.eye(3), abs=1e-9)
    assert numpy.linalg.det(rotation) == pytest.approx(1)
    # The first axis is the line between the porions, as clicked.
    assert rotation[:, 0] == pytest.approx([1, 0, 0])
    figures = made.results["frame"].figures
    # The orbitalia's mean is (5.5, 70.5, 1.5): their own heights over the plane differ from its by 2.5 mm.
    assert figures["betweenAxesDegrees"] == pytest.approx(90 - numpy.degrees(numpy.arctan2(5.5, 70.516)), abs=0.01)
    assert figures["offPlaneMm"] == pytest.approx(2.5, abs=0.1)


def test_everyPairOfAxesGivesTheSameFrame():
    ends = {"R": (["Porion left"], ["Porion right"]), "A": (["Origin"], ["Front"]), "S": (["Origin"], ["Top"])}
    head = {"Porion left": (-60, 0, 0), "Porion right": (60, 0, 0), "Origin": (0, 0, 0), "Front": (0, 50, 0),
            "Top": (0, 0, 50)}  # fmt: skip
    matrix = rigid((5, 15, -25), (1, 2, 3))
    for first in "RAS":
        for second in set("RAS") - {first}:
            axes = [{"axis": axis, "from": ends[axis][0], "to": ends[axis][1]} for axis in (first, second)]
            made = framed(placed(matrix, head), frameStep(definition={"origin": ["Origin"], "axes": axes}), system=None)
            assert made.objects["frame"].matrix == pytest.approx(matrix, abs=1e-4)


def test_trajectoryHasItsAnglesToTheFrame():
    matrix = rigid((0, 0, 30))
    end = matrix[:3, :3] @ [0, 40, 0]
    made = framed(
        placed(matrix), frameStep(), line("way", (0, 0, 0), end),
        {"do": "trajectory", "name": "screw", "line": "way", "diameterMm": 3, "frame": "frame"},
    )  # fmt: skip
    figures = made.results["screw"].figures
    assert figures["angleToFrameSagittalDegrees"] == pytest.approx(0, abs=0.01)
    assert figures["angleToSagittalDegrees"] == pytest.approx(30, abs=0.01)


def test_singlePointsMayBeTheLandmarks():
    steps = [{"do": "points", "name": name, "points": [list(point)]} for name, point in HEAD.items()]
    made = framed(*steps, frameStep(landmarks=list(HEAD)))
    assert made.objects["frame"].matrix == pytest.approx(numpy.eye(4), abs=1e-6)


def test_landmarksOfLeftAndRightConfusedAreNoticed():
    names = ["Porion right", "Porion left", "Orbitale right", "Orbitale left", "Nasion"]
    made = framed(placed(rigid(), names=names), frameStep())
    assert codes(made.findings) == [("frame-turned", "warn"), ("frame-turned", "warn")]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Orbitale left": (-60, 1, 0), "Orbitale right": (60, 1, 0)}, "degenerate-frame"),
        ({"Orbitale left": (60, 2, 0), "Orbitale right": (80, 2, 0)}, "degenerate-frame"),
        ({"Porion left": (59, 0, 0)}, "degenerate-frame"),
    ],
)
def test_landmarksThatGiveNoAxesAreRefused(change, code):
    with pytest.raises(InputRefused, match="^frame: ") as refused:
        framed(placed(rigid(), {**HEAD, **change}), frameStep())
    assert refused.value.code == code


def test_landmarkThatIsNotThereIsNamed():
    names = ["Porion left", "Porion right", "Orbitale left", "Right orbitale", "Nasion"]
    with pytest.raises(InputRefused, match="Orbitale right") as refused:
        framed(placed(rigid(), names=names), frameStep())
    assert refused.value.code == "no-landmark"
    with pytest.raises(InputRefused) as refused:
        framed(placed(rigid(), names=["Nasion"] * 5), frameStep())
    assert refused.value.code == "landmark-twice"


def test_procedureWithoutASystemAndHalfADefinitionAreRefused():
    with pytest.raises(InputRefused) as refused:
        framed(placed(rigid()), frameStep(), system=None)
    assert refused.value.code == "no-coordinate-system"
    half = copy.deepcopy(SYSTEM)
    del half["origin"]
    with pytest.raises(InputRefused) as refused:
        framed(placed(rigid()), frameStep(definition=half))
    assert refused.value.code == "bad-plan"
