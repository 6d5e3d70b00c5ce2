"""Cuts against solids whose pieces are known: halves, caps, kerfs, curves, orders, and what cannot be cut."""

import numpy
import pytest
from PlanMaking import carried, planOf
from SolidMaking import aBall, aBox, aCylinder, contextOf, plane

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Planning.Context import Context
from PlanningHubLib.Planning.Document import checked
from PlanningHubLib.Planning.Objects import Solid
from PlanningHubLib.Shapes.Checks import meshFacts
from PlanningHubLib.Shapes.Manifolds import fromManifold

MIDDLE = plane("middle", (0, 0, 0), (0, 0, 1))
RING = [[12 * numpy.cos(angle), 12 * numpy.sin(angle), 0] for angle in numpy.linspace(0, 2 * numpy.pi, 24)[:-1]]


def cutOf(context, *planes, **parameters):
    step = {"do": "cut", "name": "cut", "by": [one["name"] for one in planes], **parameters}
    return carried(context, *planes, step)


def fragmentsMl(carriedOut):
    return [thing.mesh.volumeMl for thing in carriedOut.solids if thing.role == "fragment"]


def test_boxFallsIntoTwoOfKnownVolume():
    # 40 × 30 × 20 mm, cut 4 mm above its middle by a blade of 1 mm.
    done = cutOf(contextOf(box=aBox((40, 30, 20))), plane("high", (0, 0, 4), (0, 0, 1)), solid="box", kerfMm=1.0)
    assert fragmentsMl(done) == pytest.approx([40 * 30 * 13.5 / 1000, 40 * 30 * 5.5 / 1000], rel=1e-6)
    figures = done.results["cut"].figures
    assert figures["kerfMl"] == pytest.approx(1.2, rel=1e-6)
    assert figures["volumeErrorPercent"] < 0.001
    assert [one.name for one in done.solids] == ["box", "cut 1", "cut 2"]
    assert all(one.modified and one.role == "fragment" for one in done.solids[1:])


def test_ballsCapHasTheVolumeOfACap():
    # A cap of height h of a ball of radius r has π h² (3 r − h) / 3. The ball of 256 segments is 0.04 % too small.
    normal = numpy.array([1, 2, 3]) / numpy.sqrt(14)
    done = cutOf(contextOf(ball=aBall(20)), plane("oblique", 12 * normal, normal), solid="ball", kerfMm=0)
    heightMm = 8
    capMl = numpy.pi * heightMm**2 * (3 * 20 - heightMm) / 3 / 1000
    assert fragmentsMl(done)[1] == pytest.approx(capMl, rel=2e-3)
    assert fragmentsMl(done)[0] == pytest.approx(4 / 3 * numpy.pi * 8 - capMl, rel=1e-3)
    cap = done.objects["cut 2"].mesh.points
    assert done.objects["oblique"].heightsMm(cap).min() == pytest.approx(0, abs=1e-4)


def test_cylinderIsShorterByTheKerf():
    done = cutOf(contextOf(bone=aCylinder(100, 12)), MIDDLE, solid="bone", kerfMm=2.0)
    halfMl = numpy.pi * 144 * 49 / 1000
    assert fragmentsMl(done) == pytest.approx([halfMl, halfMl], rel=1e-4)
    assert done.results["cut"].figures["kerfMl"] == pytest.approx(numpy.pi * 144 * 2 / 1000, rel=1e-4)


def test_obliqueCutOfACylinderHalvesIt():
    done = cutOf(contextOf(bone=aCylinder(100, 12)), plane("oblique", (0, 0, 0), (1, 1, 1)), solid="bone", kerfMm=0)
    assert fragmentsMl(done) == pytest.approx([numpy.pi * 144 * 50 / 1000] * 2, rel=1e-4)


def test_closedCurveCutsOutAWindow():
    # A plate of 6 mm; the blade of 0.8 mm about a circle of 12 mm leaves a disk of 11.6 mm.
    context = contextOf(plate=aBox((60, 60, 6)))
    curve = {"do": "curve", "name": "window", "points": RING, "closed": True}
    done = carried(context, curve, {"do": "cut", "name": "cut", "solid": "plate", "by": ["window"], "kerfMm": 0.8})
    assert fragmentsMl(done)[1] == pytest.approx(numpy.pi * 11.6**2 * 6 / 1000, rel=5e-3)
    assert fragmentsMl(done)[0] == pytest.approx((60 * 60 - numpy.pi * 12.4**2) * 6 / 1000, rel=5e-3)


def test_curveCutsOnlyToItsDepth():
    # Two plates 40 mm apart: the blade goes through the upper one only.
    context = contextOf(plates=aBox((60, 60, 6)) + aBox((60, 60, 6), (0, 0, -40)))
    curve = {"do": "curve", "name": "window", "points": RING, "closed": True}
    step = {"do": "cut", "name": "cut", "solid": "plates", "by": ["window"], "kerfMm": 0.8}
    assert len(fragmentsMl(carried(context, curve, {**step, "depthMm": 10}))) == 3
    other = contextOf(plates=aBox((60, 60, 6)) + aBox((60, 60, 6), (0, 0, -40)))
    assert len(fragmentsMl(carried(other, curve, {**step, "depthMm": 60}))) == 4


def test_openCurveInStepsCutsABarInTwo():
    # A step-shaped cut across a bar of 20 × 10 mm; its length along the bar does not change the halves' sum.
    points = [[-3, -15, 0], [-3, 0, 0], [3, 0, 0], [3, 15, 0]]
    curve = {"do": "curve", "name": "step", "points": points}
    cut = {"do": "cut", "name": "cut", "solid": "bar", "by": ["step"], "kerfMm": 0.5, "direction": [0, 0, 1]}
    done = carried(contextOf(bar=aBox((100, 20, 10))), curve, cut)
    assert fragmentsMl(done) == pytest.approx([9.93, 9.93], abs=0.05)
    assert done.results["cut"].figures["volumeErrorPercent"] < 0.01


def test_boundedPlaneLeavesWhatItDoesNotReach():
    bars = aBox((10, 10, 60), (-30, 0, 0)) + aBox((10, 10, 60), (30, 0, 0))
    through = cutOf(contextOf(bars=bars), MIDDLE, solid="bars")
    near = plane("middle", (-30, 0, 0), (0, 0, 1), sizeMm=30)
    assert (len(fragmentsMl(through)), len(fragmentsMl(cutOf(contextOf(bars=bars), near, solid="bars")))) == (4, 4)
    assert len(fragmentsMl(cutOf(contextOf(bars=bars), near, solid="bars", bounded=True))) == 3


def test_laterCutGoesThroughWhatEarlierOnesLeft():
    # A cross of two blades of 2 mm: four quarters of 19 × 14 mm, and the kerf counts the crossing once.
    planes = plane("first", (0, 0, 0), (1, 0, 0)), plane("second", (0, 0, 0), (0, 1, 0))
    done = cutOf(contextOf(box=aBox((40, 30, 20))), *planes, solid="box", kerfMm=2.0)
    assert fragmentsMl(done) == pytest.approx([19 * 14 * 20 / 1000] * 4, rel=1e-6)
    assert done.results["cut"].figures["kerfMl"] == pytest.approx((40 * 30 - 4 * 19 * 14) * 20 / 1000, rel=1e-6)


def test_fragmentsAreNamedColoredAndLeftOutByAPoint():
    wanted = [
        {"name": "condyle", "at": [0, 0, 9], "color": [1, 0, 0]},
        {"name": "resected", "at": [0, 0, -11], "keep": False},
    ]
    done = cutOf(contextOf(box=aBox((40, 30, 20))), MIDDLE, solid="box", fragments=wanted)
    assert [one.name for one in done.solids] == ["box", "condyle"]
    assert done.objects["condyle"].color == (1, 0, 0)
    assert done.objects["condyle"].mesh.points[:, 2].min() == pytest.approx(0.5)
    rows = done.results["cut"].tables["Fragments"]
    assert [(row["name"], row["kept"]) for row in rows] == [("condyle", True), ("resected", False)]


def test_pointsOfFragmentsAreInThePlansFrame():
    step = {"do": "cut", "name": "cut", "solid": "box", "by": ["middle"], "fragments": [{"name": "a", "at": [1, 2, 3]}]}
    document = checked(planOf(MIDDLE, step, frame="LPS"))
    assert document["steps"][1]["fragments"] == [{"name": "a", "at": [-1, -2, 3], "keep": True}]
    assert checked(document) == document


def test_fragmentsCavityStaysInIt():
    hollow = aBall(20, segments=64) - aBall(5, (0, 0, 12), 64) - aBall(5, (0, 0, -12), 64)
    done = cutOf(contextOf(ball=hollow), MIDDLE, solid="ball", kerfMm=0)
    assert len(fragmentsMl(done)) == 2
    for fragment in done.solids[1:]:
        facts = meshFacts(fragment.mesh)
        assert (facts.pieces, facts.cavities, facts.openEdges) == (1, 1, 0)
    assert sum(fragmentsMl(done)) == pytest.approx(done.objects["ball"].mesh.volumeMl, rel=1e-5)


def test_smallPiecesAreLeftOutAndCounted():
    crumbs = aBox((40, 30, 20)) + aBox((1, 1, 1), (0, 0, 30)) + aBox((1, 1, 1), (0, 0, -30))
    done = cutOf(contextOf(box=crumbs), MIDDLE, solid="box")
    assert len(fragmentsMl(done)) == 2
    assert done.results["cut"].figures["leftOutMl"] == pytest.approx(0.002)
    assert [finding.code for finding in done.findings] == ["pieces-left-out"]


def test_fragmentOfAMirroredSolidIsMirrored():
    context = Context((10, 10, 10), numpy.eye(4))
    context.add(Solid("other side", fromManifold(aBox((40, 30, 20))), role="mirror", mirrored=True))
    done = cutOf(context, MIDDLE, solid="other side")
    assert done.objects["cut 1"].flags() == {"role": "fragment", "mirrored": True, "modified": True, "moved": False}


def test_notchSeparatesNothingAndSaysSo():
    notch = plane("notch", (20, 0, 0), (0, 0, 1), sizeMm=20)
    done = cutOf(contextOf(box=aBox((40, 30, 20))), notch, solid="box", bounded=True)
    assert len(fragmentsMl(done)) == 1
    assert [(finding.code, finding.severity) for finding in done.findings] == [("cut-does-not-separate", "warn")]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"by": ["far"]}, "cut-misses"),
        ({"by": ["middle", "far"]}, "cut-misses"),
        ({"by": ["middle", "middle"]}, "cut-misses"),
        ({"by": ["beside"]}, "cut-misses"),
        ({"by": ["straight"]}, "no-direction"),
        ({"by": ["beside"], "kerfMm": 0}, "no-kerf"),
        ({"by": ["middle"], "kerfMm": 0, "bounded": True}, "no-kerf"),
        ({"by": ["middle"], "smallestMl": 100}, "nothing-left"),
        ({"by": ["middle"], "fragments": [{"name": "a", "at": [0, 0, 9], "keep": False},
                                          {"name": "b", "at": [0, 0, -9], "keep": False}]}, "nothing-left"),
        ({"by": ["middle"], "fragments": [{"name": "a", "at": [0, 0, 16]}]}, "no-fragment-there"),
        ({"by": ["middle"], "fragments": [{"name": "a", "at": [0, 0, 9]}, {"name": "b", "at": [1, 0, 9]}]},
         "same-fragment"),
        ({"by": ["middle"], "fragments": [{"name": "box", "at": [0, 0, 9]}]}, "name-taken"),
        ({"by": ["box"]}, "other-kind-of-object"),
        ({"by": ["nothing"]}, "no-such-object"),
    ],
)  # fmt: skip
def test_whatCannotBeCutIsRefusedByName(change, code):
    steps = (
        MIDDLE,
        plane("far", (0, 0, 30), (0, 0, 1)),
        {"do": "curve", "name": "beside", "points": [[50, point[1], point[0]] for point in RING], "closed": True},
        {"do": "curve", "name": "straight", "points": [[0, 0, 0], [10, 0, 0]]},
    )
    with pytest.raises(InputRefused, match="^cut: ") as refused:
        carried(contextOf(box=aBox((40, 30, 20))), *steps, {"do": "cut", "name": "cut", "solid": "box", **change})
    assert refused.value.code == code


def test_openMeshIsRefusedByName():
    context = contextOf(box=aBox((40, 30, 20)))
    mesh = context.solid("box").mesh
    context.objects["box"] = Solid("box", mesh.kept(numpy.arange(len(mesh.triangles)) > 0))
    with pytest.raises(InputRefused, match="^cut: box") as refused:
        cutOf(context, MIDDLE, solid="box")
    assert refused.value.code == "not-manifold"
