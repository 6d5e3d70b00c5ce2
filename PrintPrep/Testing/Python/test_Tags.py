"""A tag on a sprue: where a part is too small or too thin for letters, beside it and touching it with its neck only."""

import manifold3d
import numpy
import pytest
import trimesh
from LabelMaking import TEXT, box, carriedOut, codesOf, cylinder, frameOf, workOn
from PartMaking import manifoldStatus

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Shapes.Checks import meshFacts, requirePrintable
from PlanningHubLib.Shapes.Manifolds import fromManifold, toManifold

TOO_SMALL = {"cube": box(10, 10, 10), "thin plate": box(120, 60, 1.2), "pin": cylinder(30, 2)}


@pytest.mark.parametrize("name", TOO_SMALL)
def test_whatCannotBeWrittenOnGetsATag(name):
    mesh = TOO_SMALL[name]
    work = workOn(mesh)
    entry = carriedOut(work, do="label")
    made = work.pieces[0].mesh
    assert (entry["kind"], entry["text"], entry["heightMm"]) == ("tag", TEXT, 7.5)
    assert entry["read"] in (True, None) and codesOf(work) == ["on-a-tag"]
    requirePrintable(made)
    assert manifoldStatus(made) == "NoError" and meshFacts(made).pieces == 1
    # Nothing of the part itself is gone.
    assert (toManifold(mesh) - toManifold(made)).volume() == pytest.approx(0, abs=1e-3)
    outside = trimesh.Trimesh(made.points, made.triangles)
    assert outside.is_watertight and outside.volume == pytest.approx(1000 * made.volumeMl, rel=1e-4)


def test_tagTouchesThePartWithItsNeckOnly():
    mesh = box(10, 10, 10)
    work = workOn(mesh)
    entry = carriedOut(work, do="label")
    added = toManifold(work.pieces[0].mesh) - toManifold(mesh)
    foot = numpy.array(entry["tagAtLps"])
    # What lies near the part of what was added is a neck of less than 2 mm: it breaks there, not in the part.
    near = manifold3d.Manifold.cube((12, 12, 12), True) ^ added
    low, high = numpy.array(near.bounding_box()).reshape(2, 3)
    assert numpy.abs(low - foot).max() < 2.1 and numpy.abs(high - foot).max() < 2.1
    assert (numpy.sort(high - low)[1:] <= 2.01).all() and (high - low).min() == pytest.approx(1, abs=1e-3)
    face = frameOf(entry).local(work.pieces[0].mesh.points)
    assert face[:, 2].max() < 60, "the tag's face is open to the viewer"


def test_tagKeepsAwayFromTheSideThatFits():
    work = workOn(box(30, 12, 3), role="guide", outwardsLps=(0, 0, 1))
    entry = carriedOut(work, do="tag")
    assert entry["tagAtLps"][2] == pytest.approx(1.5)
    assert work.pieces[0].mesh.points[:, 2].min() == pytest.approx(-1.5), "nothing reaches below the guide"


def test_tagWithTextAndCode():
    work = workOn(box(10, 10, 10))
    carriedOut(work, do="tag", qr=True)
    assert [(one["kind"], one["read"]) for one in work.facts["label"]][1] == ("qr", True)
    assert [one["text"][:11] for one in work.facts["label"]] == [TEXT[:11], "PLANNINGHUB"]
    requirePrintable(work.pieces[0].mesh)


def test_neckGoesWhereItIsWanted():
    entry = carriedOut(workOn(box(10, 10, 10)), do="tag", point=[5, 1, 1], normal=[1, 0, 0])
    assert entry["tagAtLps"] == [5, 1, 1]


@pytest.mark.parametrize(
    ("mesh", "point", "code"),
    [
        (box(10, 10, 10), [50, 0, 0], "place-off-part"),
        (box(10, 10, 10), [5, 0, 9], "place-off-part"),
        # In a niche that is narrower than the tag.
        (fromManifold(toManifold(box(60, 30, 60)) - toManifold(box(60, 4, 60)).translate((10, 0, 0))), [-20, 0, 0],
         "no-place-for-tag"),
    ],
)  # fmt: skip
def test_whereNoTagFitsThatIsSaid(mesh, point, code):
    work = workOn(mesh)
    with pytest.raises(InputRefused) as refusal:
        carriedOut(work, do="tag", point=point, normal=[1, 0, 0])
    assert refusal.value.code == code and "label" not in work.facts
