"""A scan of the printed part: found again however it lies, judged by the tolerance, never taken for another part."""

import json

import manifold3d
import numpy
import pytest
from InspectionMaking import bracketMesh, fine, partCase, scanned, writeScan
from PartMaking import boxMesh, readByTrimesh
from test_Part import aCase, aSession, filesBelow, ownHome  # noqa: F401

from PlanningHubLib.Errors import GateRefused, InputRefused, UsageError
from PlanningHubLib.Shapes.Manifolds import fromManifold, toManifold
from PlanningHubLib.Shapes.Mesh import Mesh
from PrintPrepLib import Part, PartPictures
from PrintPrepLib.Papers import ScanCompare
from PrintPrepLib.Recipe import newRecipe

TOLERANCE_MM = 0.25


@pytest.fixture(scope="module")
def aPrint():
    return fine(bracketMesh(), 1.5)


def compared(scan, mesh=None):
    return ScanCompare.compareScan(scan, bracketMesh() if mesh is None else mesh, TOLERANCE_MM)


def mirrored(mesh):
    return Mesh(mesh.points * numpy.array([1, -1, 1], numpy.float32), mesh.triangles[:, ::-1].copy())


def dented(mesh, depthMm=1.0, at=(50, 10, 8)):
    """Return the bracket with a dent into its upper face; 4 mm wide."""
    points = mesh.points.copy()
    depths = depthMm * numpy.exp(-((numpy.linalg.norm(points - at, axis=1) / 2) ** 2))
    points[:, 2] -= numpy.where(points[:, 2] > 7.9, depths, 0)
    return Mesh(points, mesh.triangles)


def test_movedNoisyScanIsFoundAgain(aPrint):
    found = compared(scanned(aPrint))
    assert found.verdict == "pass" and found.facts["reasons"] == []
    # Each point lies where the print has it, to its own noise.
    offMm = numpy.linalg.norm(found.scan.points[: len(aPrint.points)] - aPrint.points, axis=1)
    assert numpy.median(offMm) < 0.05 and offMm.mean() < 0.05
    assert found.facts["p95Mm"] < 0.08 and abs(found.facts["meanMm"]) < 0.01
    assert found.facts["coveragePercent"] == 100.0 and found.findings == ()


def test_onePercentTooLargeFails(aPrint):
    scan = scanned(aPrint)
    found = compared(Mesh(scan.points * numpy.float32(1.01), scan.triangles))
    assert found.verdict == "fail"
    # 60 mm are 0.6 mm longer.
    assert 0.25 < found.facts["maximumMm"] < 0.75


def test_dentIsFoundAtItsPlace(aPrint):
    found = compared(scanned(dented(aPrint)))
    assert found.verdict == "fail" and found.facts["p95Mm"] < TOLERANCE_MM
    assert found.facts["maximumMm"] == pytest.approx(-1.0, abs=0.12)
    assert found.facts["largestBeyond"]["atLpsMm"] == pytest.approx([50, 10, 7], abs=1.5)
    assert compared(scanned(dented(aPrint, 0.1))).verdict == "pass", "a shallow one is within the tolerance"


def test_brokenPinIsMissing(aPrint):
    """The scan lies nowhere off by more than half the pin's width; but the pin is not there."""
    pin = manifold3d.Manifold.cube((8, 6, 18)).translate((40, 0, 8))
    found = compared(scanned(fine(fromManifold(toManifold(bracketMesh()) - pin), 1.5)))
    assert found.verdict == "fail" and found.facts["missingMaximumMm"] == pytest.approx(10, abs=0.3)


def test_mirrorImageIsRefused(aPrint):
    with pytest.raises(GateRefused) as refusal:
        compared(scanned(mirrored(aPrint)))
    assert refusal.value.code == "mirrored-scan"


def test_partThatIsItsOwnMirrorImageIsSaidToBe():
    box = boxMesh((0, 0, 0), (30, 20, 10))
    found = compared(scanned(fine(box, 1.5)), box)
    assert found.verdict == "pass" and [one.code for one in found.findings] == ["mirror-not-told"]


def test_partialScanSaysHowMuchItSaw(aPrint):
    scan = scanned(aPrint)
    middles = aPrint.points[aPrint.triangles].mean(1)
    isSeen = middles[:, 0] < 45
    areas = aPrint.areasMm2()
    found = compared(scan.kept(isSeen))
    wanted = 100 * areas[isSeen].sum() / areas.sum()
    assert found.verdict == "open" and found.facts["coveragePercent"] == pytest.approx(wanted, abs=3)
    assert "not judged" in found.facts["reasons"][0]


def test_otherUnitIsRefusedAndInsideOutIsTurned(aPrint, tmp_path):
    scan = scanned(aPrint)
    path = writeScan(tmp_path / "scan.stl", Mesh(scan.points, scan.triangles[:, ::-1].copy()), 0.1)
    assert ScanCompare.readScan(path, "cm").volumeMl == pytest.approx(bracketMesh().volumeMl, rel=0.01)
    with pytest.raises(InputRefused) as refusal:
        compared(ScanCompare.readScan(path, "mm"))
    assert refusal.value.code == "scan-does-not-fit"
    with pytest.raises(UsageError) as unstated:
        ScanCompare.readScan(path, None)
    assert unstated.value.code == "unit-not-stated"


@pytest.mark.parametrize("data", [b"", b"solid nothing\nendsolid\n", b"no scan at all" * 20])
def test_whatIsNoScanIsRefused(tmp_path, data):
    (tmp_path / "scan.stl").write_bytes(data)
    with pytest.raises(InputRefused):
        ScanCompare.readScan(tmp_path / "scan.stl", "mm")
    with pytest.raises(InputRefused, match="not there"):
        ScanCompare.readScan(tmp_path / "none.stl", "mm")


def test_inspectionKeepsScanPictureAndFigures(aCase, aSession, aPrint, tmp_path):  # noqa: F811
    part = partCase(aCase, aSession)
    path = writeScan(tmp_path / "scan.stl", scanned(dented(aPrint)))
    found = ScanCompare.inspectScan(aCase, path, "mm")
    assert found.facts["verdict"] == "fail" and found.parents == (part.link,)
    assert sorted(found.files) == [
        "deviation-inferior.png",
        "deviation-superior.png",
        "inspection.json",
        "scan.stl",
    ]
    kept = readByTrimesh(aCase.path(found, "scan.stl").read_bytes(), "stl")
    assert kept.bounds == pytest.approx(numpy.array([[0, 0, 0], [60, 40, 30]]), abs=0.3), "it lies where the part lies"
    values = json.loads(aCase.path(found, "inspection.json").read_bytes())
    assert values["toleranceMm"] == 0.25 and values["scan"]["unit"] == "mm" and values["reasons"]


@pytest.mark.slow
def test_scanOfAnotherPartIsNotReleased(aCase, aSession, tmp_path):  # noqa: F811
    """The other part is a sister of it: 4 mm longer."""
    partCase(aCase, aSession)
    partCase(aCase, aSession, bracketMesh(64.0), name="Longer")
    # The plan has changed since.
    Part.makePart(aCase, aSession, newRecipe("Bracket", toleranceMm=0.25))
    path = writeScan(tmp_path / "scan.stl", scanned(fine(bracketMesh(64.0), 1.5)))
    before = filesBelow(aCase.folder)
    with pytest.raises(GateRefused, match="part-2.1 .Longer.") as refusal:
        ScanCompare.inspectScan(aCase, path, "mm", "part-1")
    assert refusal.value.code == "other-part" and filesBelow(aCase.folder) == before
    assert ScanCompare.inspectScan(aCase, path, "mm", "part-2").facts["verdict"] == "pass"


@pytest.mark.slow
def test_mirroredSisterIsTheOtherPartAndNoMirroredPrint(aCase, aSession, aPrint, tmp_path):  # noqa: F811
    """A left and a right guide of one case: what lies there is the other one, rightly printed."""
    partCase(aCase, aSession)
    partCase(aCase, aSession, mirrored(bracketMesh()), name="Other side")
    Part.makePart(aCase, aSession, newRecipe("Bracket", toleranceMm=0.25))
    path = writeScan(tmp_path / "scan.stl", scanned(mirrored(aPrint)))
    with pytest.raises(GateRefused, match="part-2.1 .Other side.") as refusal:
        ScanCompare.inspectScan(aCase, path, "mm", "part-1")
    assert refusal.value.code == "other-part"


def test_colorsAreFullBeyondTheTolerance():
    colors = PartPictures.colorsOf(numpy.array([0.0, 0.24, -0.6, 0.6, 0.26]), TOLERANCE_MM)
    assert tuple(colors[0]) == tuple(colors[1]) == PartPictures.WITHIN
    assert (tuple(colors[2]), tuple(colors[3])) == (PartPictures.INSIDE, PartPictures.OUTSIDE)
    assert tuple(colors[4]) != PartPictures.WITHIN
