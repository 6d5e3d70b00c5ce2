"""A scan after an operation whose errors are known, moved and turned, compared with its plan: the errors come back."""

import csv
import json

import numpy
import pytest
from CaseMaking import AIR_HU, BONE_HU, SOFT_HU
from Judges import run
from PlanMaking import planOf
from test_Registration import errors, motion

from Phantom.DicomSeries import uidFor, writeSeries
from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import GateRefused, InputRefused, UsageError
from PlanningHubLib.Import import importSeries
from PlanningHubLib.Planning.Outcome import RESULT_FILE, Wishes, compareOutcome
from PlanningHubLib.Planning.OutcomeReport import outcomePdf
from PlanningHubLib.Planning.Plan import makePlan
from PlanningHubLib.Segmentation import SEGMENT_NAME, segmentBone

SHAPE = (90, 90, 90)
METAL_HU = 3000
# Voxels of 1 mm without partial volumes: what the whole way from images to figures is good to.
TOLERANCE_MM, TOLERANCE_DEGREES = 0.3, 0.6
SCAN_MOTION = motion((9, -5, 12), (6, -4, 3))
PLANNED_CUT = (numpy.array((0.0, 0, -2)), 8.0)
ACHIEVED_CUT = (numpy.array((0.0, 0, -0.5)), 12.0)
PLANNED_MOVE = motion((0, 0, 5), (0, 3, 1))
ACHIEVED_MOVE = motion((0, 2, 5), (1, 3, 1.5))
PLANNED_SCREW = ((-2.0, -14, -20), (-2.0, 8, -20))
ACHIEVED_SCREW = ((-1.0, -14, -19), (-0.5, 8, -19))
KERF_MM = 1.0


def inBone(points):
    """Tell for points (..., 3) RAS mm whether each lies in a bone that no turn maps onto itself."""

    def inBox(low, high):
        return ((points >= low) & (points <= high)).all(-1)

    def inBall(radiusMm, center):
        return numpy.linalg.norm(points - center, axis=-1) <= radiusMm

    bone = inBox((-20, -12, -30), (14, 10, 26)) | inBall(14, (16, 6, 22)) | inBall(9, (-18, -12, -24))
    return bone & ~inBall(7, (0, 12, -6))


def heights(cut, points):
    origin, degrees = cut
    normal = numpy.array((numpy.sin(numpy.radians(degrees)), 0, numpy.cos(numpy.radians(degrees))))
    return (points - origin) @ normal


def inScrew(points, radiusMm=2.0):
    start, end = (numpy.array(point) for point in ACHIEVED_SCREW)
    direction = (end - start) / numpy.linalg.norm(end - start)
    along = (points - start) @ direction
    across = numpy.linalg.norm(points - start - along[..., None] * direction, axis=-1)
    return (across <= radiusMm) & (along >= 0) & (along <= numpy.linalg.norm(end - start))


def voxelPoints():
    """Return the RAS mm (slices, rows, columns, 3) of a grid about the origin, rows and columns of an LPS scan."""
    slices, rows, columns = numpy.indices(SHAPE) - 44.5
    return numpy.stack([-columns, -rows, slices], axis=-1)


def back(matrix, points):
    inverse = numpy.linalg.inv(matrix)
    return points @ inverse[:3, :3].T + inverse[:3, 3]


def writeScan(folder, bone, metal=None, **series):
    voxels = numpy.where(bone, BONE_HU, SOFT_HU).astype(numpy.int16)
    voxels[:, :2] = voxels[:, -2:] = AIR_HU
    if metal is not None:
        voxels[metal] = METAL_HU
    writeSeries(folder, voxels, (1.0, 1.0, 1.0), (-44.5, -44.5, -44.5), **series)
    return folder


def afterOperation(points):
    """Tell for points (..., 3) of the scan after the operation, RAS mm, which are bone and which are metal.

    Sawn and screwed as achieved, the patient lying another way.
    """
    points = back(SCAN_MOTION, points)
    lower = inBone(points) & (heights(ACHIEVED_CUT, points) <= -KERF_MM / 2)
    sawnOff = back(ACHIEVED_MOVE, points)
    upper = inBone(sawnOff) & (heights(ACHIEVED_CUT, sawnOff) >= KERF_MM / 2)
    return lower | upper, inScrew(points)


def writeOutcome(folder, points=None, **series):
    """Write the scan after the operation."""
    another = {"frameOfReferenceUid": uidFor("after"), "studyUid": uidFor("study after")}
    return writeScan(folder, *afterOperation(voxelPoints() if points is None else points), **{**another, **series})


def steps():
    origin, degrees = PLANNED_CUT
    normal = [numpy.sin(numpy.radians(degrees)), 0, numpy.cos(numpy.radians(degrees))]
    return [
        {"do": "plane", "name": "cut plane", "origin": origin.tolist(), "normal": normal},
        {"do": "cut", "name": "osteotomy", "solid": SEGMENT_NAME, "by": ["cut plane"], "kerfMm": KERF_MM,
         "fragments": [{"name": "upper", "at": [0, 0, 18]}, {"name": "lower", "at": [0, 0, -18]}]},
        {"do": "placement", "name": "advance", "matrix": PLANNED_MOVE.reshape(-1).tolist()},
        {"do": "move", "name": "upper advanced", "solid": "upper", "by": ["advance"]},
        {"do": "line", "name": "axis", "start": list(PLANNED_SCREW[0]), "end": list(PLANNED_SCREW[1])},
        {"do": "trajectory", "name": "screw", "line": "axis", "diameterMm": 4.0},
    ]  # fmt: skip


@pytest.fixture(scope="module")
def theScans(tmp_path_factory):
    """Folder of the scans before (``before``) and after the operation (``after``)."""
    folder = tmp_path_factory.mktemp("scans")
    writeScan(folder / "before", inBone(voxelPoints()))
    writeOutcome(folder / "after")
    return folder


@pytest.fixture
def aPlannedCase(tmp_path, aSession, theScans):
    importSeries(theScans / "before", tmp_path / "case", side="right")
    with Case.open(tmp_path / "case", writable=True) as case:
        segmentBone(case, aSession, closingVoxels=0)
        makePlan(case, aSession, planOf(*steps()))
        yield case


def test_errorsOfAnOperationComeBack(aPlannedCase, aSession, theScans):
    outcome = compareOutcome(aPlannedCase, aSession, theScans / "after", Wishes(on="lower"))
    values = json.loads(aPlannedCase.path(outcome, RESULT_FILE).read_bytes())

    matrix = numpy.array(values["registration"]["matrix"]).reshape(4, 4)
    degrees, shiftMm = errors(matrix, SCAN_MOTION)
    assert degrees < TOLERANCE_DEGREES and shiftMm < TOLERANCE_MM
    assert values["registration"]["meanMm"] < 0.4
    assert values["notFound"] == []

    (plane,) = values["planes"]
    assert plane["angleDegrees"] == pytest.approx(4, abs=TOLERANCE_DEGREES)
    # Of the achieved plane over the planned one, at the middle of the planned section.
    assert plane["offsetMm"] == pytest.approx(1.5 * numpy.cos(numpy.radians(8)), abs=TOLERANCE_MM + 0.2)

    (body,) = values["bodies"]
    wanted = ACHIEVED_MOVE @ numpy.linalg.inv(PLANNED_MOVE)
    assert body["body"] == "upper advanced"
    assert body["angleDegrees"] == pytest.approx(errors(wanted, numpy.eye(4))[0], abs=TOLERANCE_DEGREES)

    (screw,) = values["trajectories"]
    assert screw["from"] == "metal"
    assert screw["entryLateralMm"] == pytest.approx(numpy.hypot(1, 1), abs=TOLERANCE_MM)
    assert screw["targetLateralMm"] == pytest.approx(numpy.hypot(1.5, 1), abs=TOLERANCE_MM)
    assert screw["angleDegrees"] == pytest.approx(numpy.degrees(numpy.arctan(0.5 / 22)), abs=TOLERANCE_DEGREES)


def test_outcomeIsKeptWithThePlanItIsOf(aPlannedCase, aSession, theScans):
    outcome = compareOutcome(aPlannedCase, aSession, theScans / "after")
    plan = aPlannedCase.latest("plan")
    assert outcome.parents == (plan.link,) and set(outcome.files) == {"outcome.json", "outcome.csv", "report.pdf"}
    assert aPlannedCase.require("outcome") == outcome and aPlannedCase.verify() == []
    rows = list(csv.reader(aPlannedCase.path(outcome, "outcome.csv").read_text().splitlines()))
    assert ["kind", "name", "figure", "value"] == rows[0]
    assert {"registration", "planes", "bodies", "trajectories"} <= {row[0] for row in rows}
    text = pdfText(aPlannedCase.path(outcome, "report.pdf"))
    for words in (aPlannedCase.name, "cut plane", "upper advanced", "screw", "not a medical device"):
        assert words in text
    assert "PHANTOM-1" not in text and "Phantom^Head" not in text

    makePlan(aPlannedCase, aSession, planOf(*steps()[:2]))
    assert aPlannedCase.state(outcome) == "stale"


def pdfText(path):
    import subprocess

    return subprocess.run(["pdftotext", "-layout", str(path), "-"], capture_output=True, text=True, check=True).stdout


def test_pointsOfAScrewMayBeGiven(aPlannedCase, aSession, theScans):
    moved = [(SCAN_MOTION @ [*point, 1])[:3].tolist() for point in ACHIEVED_SCREW]
    outcome = compareOutcome(aPlannedCase, aSession, theScans / "after", Wishes(achieved={"screw": moved}))
    (row,) = json.loads(aPlannedCase.path(outcome, RESULT_FILE).read_bytes())["trajectories"]
    assert row["from"] == "given"
    assert row["entryDistanceMm"] == pytest.approx(numpy.hypot(1, 1), abs=TOLERANCE_MM)
    with pytest.raises(UsageError) as refused:
        compareOutcome(aPlannedCase, aSession, theScans / "after", Wishes(achieved={"nail": moved}))
    assert refused.value.code == "no-such-trajectory"


def test_whatCannotBeFoundIsSaidAndNotGuessed(aPlannedCase, aSession, tmp_path):
    unoperated = writeScan(tmp_path / "same", inBone(back(SCAN_MOTION, voxelPoints())), studyUid=uidFor("another"))
    outcome = compareOutcome(aPlannedCase, aSession, unoperated)
    values = json.loads(aPlannedCase.path(outcome, RESULT_FILE).read_bytes())
    assert values["planes"] == values["trajectories"] == []
    assert {"cut plane", "screw"} <= {one["name"] for one in values["notFound"]}


def test_wrongScansAreRefusedByName(aPlannedCase, aSession, theScans, tmp_path):
    stranger = writeOutcome(tmp_path / "stranger", patientId="SOMEONE-ELSE")
    other = writeScan(tmp_path / "other", (numpy.abs(voxelPoints() - (5, 5, 5)) < (38, 9, 9)).all(-1))
    for folder, error, code in (
        (stranger, GateRefused, "other-patient"),
        (theScans / "before", InputRefused, "same-series"),
        (other, InputRefused, "registration-poor"),
        (tmp_path / "nothing", InputRefused, None),
    ):
        with pytest.raises(error) as refused:
            compareOutcome(aPlannedCase, aSession, folder)
        assert code is None or refused.value.code == code
    assert aPlannedCase.latest("outcome") is None


def test_thePagePrintsEastAsianNames(aCase, tmp_path):
    outcome = {
        "plan": {"title": "頭蓋骨形成"}, "scan": {"spacingMm": [1.0, 1.0, 1.0], "thresholdHu": 300.0},
        "registration": {"on": "頭蓋", "meanMm": 0.1, "p95Mm": 0.2, "keptShare": 0.9, "samples": 100},
        "planes": [], "bodies": [], "trajectories": [], "notFound": [], "findings": [],
    }  # fmt: skip
    (tmp_path / "report.pdf").write_bytes(outcomePdf(aCase.name, aCase.side, "planning", outcome))
    text = run("pdftotext", tmp_path / "report.pdf", "-")
    assert "頭蓋骨形成" in text and "□" not in text
