"""How far a part lies from what it was made from: signed, at its place, by other libraries too, against a tolerance."""

import dataclasses

import numpy
import pytest
from PartMaking import asymmetricMask, ballMesh, boxMesh, joined, obliqueMatrix
from test_Simplify import denseSamples

from PlanningHubLib.Errors import GateRefused
from PlanningHubLib.Planning.Solids import boxAbout, cylinder
from PlanningHubLib.Shapes import Deviation, Surface
from PlanningHubLib.Shapes.Manifolds import fromManifold, toManifold
from PlanningHubLib.Shapes.Mesh import Mesh
from PrintPrepLib.PartWork import PartWork, Piece
from PrintPrepLib.Proof import Accuracy
from PrintPrepLib.Proof.SignedComparison import compared
from PrintPrepLib.Proof.Tolerance import Tolerance
from PrintPrepLib.Shape import Shape
from PrintPrepLib.Simplification import Simplify

WITHIN = Tolerance(0.3, "test")


def sphere(radiusMm, segments=128):
    import manifold3d

    return fromManifold(manifold3d.Manifold.sphere(radiusMm, segments))


def workOf(reference, *pieces, surface=None, **more):
    """The work of a part whose pieces are given, from a planned solid or a segment's surface."""
    pieces = [piece if isinstance(piece, Piece) else Piece("", piece) for piece in pieces]
    shape = Shape("Ball", reference, {}, (), reference.volumeMl, surface)
    return PartWork(shape, None, None, surface=reference, pieces=pieces, **more)


def segmentedWork(*pieces, surface=None, **more):
    surface = surface or Surface.maskSurface(asymmetricMask(), obliqueMatrix()).rasLpsSwapped()
    return workOf(surface.mesh, *(pieces or [surface.mesh]), surface=surface, **more)


def lessThan(mesh, *bodies):
    left = toManifold(mesh)
    for body in bodies:
        left = left - body
    return fromManifold(left)


@pytest.mark.parametrize("growthMm", [0.3, -0.2])
def test_sphereThatGrewIsThatMuchOutsideEverywhere(growthMm):
    facts = Accuracy.prove(workOf(sphere(20), sphere(20 + growthMm))).facts
    # Facets of 1 mm cut off 0.006 mm.
    for name in ("signedMeanMm", "outermostMm", "innermostMm"):
        assert facts[name] == pytest.approx(growthMm, abs=0.02), name
    for name in ("meanMm", "p95Mm", "p99Mm", "maximumMm"):
        assert facts[name] == pytest.approx(abs(growthMm), abs=0.02), name
    assert facts["measuredPercent"] == 100


@pytest.mark.parametrize("offsetMm", [0.3, -0.3])
def test_afterAnOffsetItCountsFromTheNominalSurface(offsetMm):
    exact = Accuracy.prove(workOf(sphere(20), sphere(20 + offsetMm), offsetMm=offsetMm)).facts
    assert exact["maximumMm"] < 0.02 and exact["nominalOffsetMm"] == offsetMm
    wrong = Accuracy.prove(workOf(sphere(20), sphere(20), offsetMm=offsetMm), WITHIN).facts
    assert wrong["signedMeanMm"] == pytest.approx(-offsetMm, abs=0.02)


def test_offsetOfACornerIsExactWhereItsGrooveIsFilled():
    """Moved outwards by 1 mm, the faces of an inner corner meet before they reach the places above the old ones."""
    import manifold3d

    angle = boxAbout((0, 0, 0), (30, 30, 10)) - boxAbout((10, 10, -1), (31, 31, 11))
    moved = angle.minkowski_sum(manifold3d.Manifold.sphere(1.0, 64))
    facts = Accuracy.prove(workOf(fromManifold(angle), fromManifold(moved), offsetMm=1.0)).facts
    assert facts["maximumMm"] < 0.02


def test_dentIsFoundAtItsPlace():
    reference = sphere(20)
    dented = lessThan(reference, cylinder((0, -19, 0), (0, -25, 0), 2.0))
    proof = Accuracy.prove(workOf(reference, dented), WITHIN)
    assert proof.facts["innermostMm"] == pytest.approx(-0.95, abs=0.06)
    assert proof.facts["outermostMm"] < 0.01
    x, y, z = proof.facts["maximumAtLpsMm"]
    assert -20.1 <= y <= -18.9 and numpy.hypot(x, z) < 2.1
    # LPS: the patient's front has the smaller coordinate.
    assert proof.facts["maximumAt"] == "anterior"
    assert proof.shownMm[proof.mesh.points[:, 1].argmax()] == pytest.approx(0, abs=0.01)


def test_bumpThatOnlyTheReferenceHasIsFoundAndShown():
    import manifold3d

    reference = fromManifold(toManifold(sphere(20)) + manifold3d.Manifold.sphere(1.5, 32).translate((20.0, 0, 0)))
    proof = Accuracy.prove(workOf(reference, sphere(20)), WITHIN)
    assert proof.facts["innermostMm"] == pytest.approx(-1.5, abs=0.02)
    assert proof.facts["maximumAt"] == "left" and proof.facts["maximumAtLpsMm"][0] > 21
    assert proof.shownMm.min() == pytest.approx(-1.5, abs=0.02)


def test_whatWasChangedOnPurposeIsLeftOutAndSaidHowMuch():
    plate, letters = boxMesh((0, 0, 0), (40, 20, 4)), boxAbout((5, 5, 3), (15, 15, 6))
    engraved = lessThan(plate, letters)
    counted = Accuracy.prove(workOf(plate, engraved), WITHIN)
    assert counted.facts["innermostMm"] == pytest.approx(-1.0, abs=0.05)
    assert counted.facts["verdict"] == "out-of-tolerance"
    proof = Accuracy.prove(workOf(plate, engraved, intended=[fromManifold(letters)]), WITHIN)
    assert proof.facts["maximumMm"] < 0.001 and proof.facts["verdict"] == "within"
    # Walls and floor of the pocket are 140 mm² of 2120 mm².
    assert proof.facts["measuredPercent"] == pytest.approx(100 * (1 - 140 / 2120), abs=1.5)
    assert numpy.isnan(proof.shownMm).any()


def test_mistakeBesideAnIntendedChangeIsStillFound():
    plate, letters = boxMesh((0, 0, 0), (40, 20, 4)), boxAbout((5, 5, 3), (15, 15, 6))
    wrong = lessThan(plate, letters, boxAbout((30, 10, 2), (31, 11, 6)))
    facts = Accuracy.prove(workOf(plate, wrong, intended=[fromManifold(letters)]), WITHIN).facts
    assert facts["innermostMm"] < -0.9 and facts["maximumAtLpsMm"][0] > 29


def test_changeOfMostOfTheSurfaceIsSaid():
    plate = boxMesh((0, 0, 0), (40, 20, 4))
    findings = Accuracy.prove(workOf(plate, plate, intended=[boxMesh((-1, -1, -1), (30, 21, 5))]), WITHIN).findings
    assert [finding.code for finding in findings] == ["mostly-changed"]


def test_piecesInPlaceAreOnePart():
    plate = boxMesh((0, 0, 0), (40, 20, 4))
    left, right = boxMesh((0, 0, 0), (19.9, 20, 4)), boxMesh((20.1, 0, 0), (40, 20, 4.5))
    kerf = boxMesh((19.8, -1, -1), (20.2, 21, 6))
    work = workOf(plate, Piece("Right", left), Piece("Left", right), intended=[kerf])
    facts = Accuracy.prove(work, WITHIN).facts
    assert facts["outermostMm"] == pytest.approx(0.5, abs=0.01)
    assert facts["maximumAt"].endswith("piece Left")


def test_toleranceIsAGate():
    inside, outside = (Accuracy.prove(workOf(sphere(20), sphere(radius)), WITHIN) for radius in (20.25, 20.35))
    inside.require()
    assert (inside.facts["verdict"], inside.facts["beyondTolerancePercent"]) == ("within", 0)
    assert outside.facts["beyondTolerancePercent"] == pytest.approx(100, abs=1)
    with pytest.raises(GateRefused, match="0.35 mm") as refusal:
        outside.require()
    assert refusal.value.code == "out-of-tolerance"


def test_withoutAToleranceNothingIsJudged():
    proof = Accuracy.prove(workOf(sphere(20), sphere(25)))
    assert proof.facts["verdict"] == "not judged" and [one.code for one in proof.findings] == ["no-tolerance"]
    proof.require()


def test_stairsOfTheVoxelsDoNotFailAPart():
    """A part as the suite makes it stays within half a voxel of the stairs, and says so."""
    work = segmentedWork()
    facts = Accuracy.prove(work, Tolerance(0.05, "test")).facts
    assert facts["maximumMm"] < 0.01 and facts["verdict"] == "within"
    assert 0.2 < facts["voxels"]["maximumMm"] < facts["voxels"]["halfVoxelMm"] + 0.05
    assert facts["voxels"]["halfVoxelMm"] == pytest.approx(numpy.sqrt(0.7**2 + 0.8**2 + 1.1**2) / 2, abs=1e-3)
    assert [row["step"] for row in work.budget] == ["segmentation voxel", "smoothing", "all steps, measured"]
    assert work.budget[-1]["maximumMm"] == facts["voxels"]["maximumMm"]


def test_smoothingThatTookTooMuchIsNotHidden():
    """The reference itself was smoothed away from its voxels: only the comparison with these can tell."""
    true = Surface.maskSurface(asymmetricMask(), obliqueMatrix()).rasLpsSwapped()
    thin = Simplify.simplified(true.mesh, 0.02).mesh
    center = true.mesh.points.mean(0)
    shrunk = Mesh.fromArrays(center + (true.mesh.points - center) * 0.8, true.mesh.triangles)
    surface = dataclasses.replace(true, mesh=shrunk)
    proof = Accuracy.prove(segmentedWork(surface=surface), WITHIN)
    assert proof.facts["maximumMm"] < 0.01
    assert proof.facts["verdict"] == "out-of-tolerance" and "voxels" in proof.findings[0].message
    assert Accuracy.prove(segmentedWork(thin, surface=true), WITHIN).facts["verdict"] == "within"


def test_largestDistanceFromTheVoxelsIsThatOfAllOfThem(monkeypatch):
    from PrintPrepLib.Proof import SignedComparison

    whole = Accuracy.prove(segmentedWork()).facts["voxels"]
    monkeypatch.setattr(SignedComparison, "MOST_SAMPLES", 300)
    few = Accuracy.prove(segmentedWork()).facts["voxels"]
    assert few["maximumMm"] == whole["maximumMm"]
    assert few["meanMm"] == pytest.approx(whole["meanMm"], abs=0.03)


def test_figuresAgreeWithAnotherLibrary():
    """Dense samples of trimesh, signed distances of VTK: within 0.02 mm."""
    import vtk

    reference = ballMesh(14)
    part = Simplify.simplified(Mesh.fromArrays(reference.points * 1.01 + (0.2, 0, 0), reference.triangles), 0.1).mesh
    facts = Accuracy.figuresOf(compared(part, reference))

    def signed(mesh, points):
        function = vtk.vtkImplicitPolyDataDistance()
        function.SetInput(mesh.toPolyData())
        return numpy.array([function.EvaluateFunction(point) for point in points])

    forth, back = signed(reference, denseSamples(part, 20_000)), -signed(part, denseSamples(reference, 20_000))
    assert facts["signedMeanMm"] == pytest.approx((forth.mean() + back.mean()) / 2, abs=0.02)
    assert facts["meanMm"] == pytest.approx(max(abs(forth).mean(), abs(back).mean()), abs=0.02)
    for percent, name in ((95, "p95Mm"), (99, "p99Mm"), (100, "maximumMm")):
        judged = max(numpy.percentile(abs(values), percent) for values in (forth, back))
        assert facts[name] == pytest.approx(judged, abs=0.02), name
    assert facts["outermostMm"] == pytest.approx(max(forth.max(), back.max()), abs=0.02)


@pytest.mark.parametrize("sheetVoxels", [1, 3])
def test_manyDistancesAreThoseOfEachPoint(monkeypatch, sheetVoxels):
    """On a thin sheet of a mask too, where triangles meet sharply and the one found may face the other way."""
    monkeypatch.setattr(Deviation, "_ALL_SIGNED_EXACT", 0)
    mask = numpy.zeros((30, 30, 30), numpy.uint8)
    mask[5:25, 5:25, 10 : 10 + sheetVoxels] = 1
    mask[5:25, 12:18, 4:24] = 1
    mesh = Surface.maskSurface(mask, obliqueMatrix()).mesh
    random = numpy.random.default_rng(5)
    points = mesh.points[random.integers(0, len(mesh.points), 4000)] + random.normal(size=(4000, 3)) * 0.15
    many, each = Deviation.signedDistancesOfMany(points, mesh), Deviation.signedDistances(points, mesh)
    assert (numpy.sign(many) == numpy.sign(each))[numpy.abs(each) > 1e-3].all()
    aboveMm = numpy.abs(many) - numpy.abs(each)
    assert aboveMm.min() > -1e-6 and aboveMm.mean() < 0.002 and (aboveMm > 0.02).mean() < 0.01
    largest = numpy.abs(each).argsort()[-20:]
    assert many[largest] == pytest.approx(each[largest], abs=1e-6)


def test_partThatIsAllChangedHasNoFigures():
    plate = boxMesh((0, 0, 0), (40, 20, 4))
    proof = Accuracy.prove(workOf(plate, plate, intended=[boxMesh((-1, -1, -1), (41, 21, 5))]), WITHIN)
    assert "maximumMm" not in proof.facts and proof.facts["measuredPercent"] == 0
    assert proof.facts["verdict"] == "not judged" and numpy.isnan(proof.shownMm).all()
    assert [finding.code for finding in proof.findings] == ["mostly-changed"]


def test_twoBodiesInOneMeshAreMeasured():
    both = joined(boxMesh((0, 0, 0), (9, 9, 9)), boxMesh((20, 0, 0), (29, 9, 9)))
    facts = Accuracy.prove(workOf(both, boxMesh((0, 0, 0), (9, 9, 9))), WITHIN).facts
    assert facts["innermostMm"] < -10 and facts["verdict"] == "out-of-tolerance"


@pytest.mark.parametrize(("radiusMm", "isFilled", "verdict"), [
    (1.3, True, "within"), (2.2, True, "out-of-tolerance"), (2.2, False, "within"), (1.3, False, "within"),
])  # fmt: skip
def test_anOffsetMayCloseGapsNoDeeperThanTheTolerance(radiusMm, isFilled, verdict):
    """A cavity of a ball that is moved by 1 mm: 0.3 mm deep are left of it and may be filled, 1.2 mm may not."""
    hollow = lessThan(sphere(20), toManifold(sphere(radiusMm)))
    moved = sphere(21) if isFilled else lessThan(sphere(21), toManifold(sphere(radiusMm - 1)))
    facts = Accuracy.prove(workOf(hollow, moved, offsetMm=1.0), Tolerance(0.5, "the test")).facts
    assert facts["verdict"] == verdict, facts["maximumMm"]
