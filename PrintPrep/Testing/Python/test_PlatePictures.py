"""The picture of a plate shows each part where the build lays it; copies have numbers of their own."""

import json

import numpy
import pytest
import vtk
from InspectionMaking import bracketMesh, partCase
from vtk.util import numpy_support

from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import UsageError
from PlanningHubLib.Session import Session
from PrintPrepLib.Production import Build, PlatePictures
from PrintPrepLib.Proof.Painter import BACKGROUND

PLATE_MM = (200.0, 125.0, 210.0)
# An L lying flat: 60 × 20 and 12 × 20, without the hole of 6 mm.
FOOTPRINT_MM2 = 60 * 20 + 12 * 20 - numpy.pi * 9


@pytest.fixture
def aCase(tmp_path, monkeypatch):
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "home"))
    with Session.start() as session, Case.create(tmp_path / "case", "5a" * 32, side="left") as case:
        partCase(case, session)
        yield case


def build(case, **more):
    return Build.makeBuild(case, Session.start(), profileName="sla-form-4", direction=(0, 0, 1), slicing=False, **more)


def bracketAt(*corner):
    mesh = bracketMesh()
    return type(mesh).fromArrays(mesh.points + corner, mesh.triangles)


def seenFromAbove(meshes):
    """Return the picture from above, and for each of its pixels x and y in mm on the plate."""
    view = next(iter(PlatePictures.plateViews(PLATE_MM).values()))
    picture = PlatePictures.viewPicture(meshes, view, PLATE_MM)
    pixelMm = view.widthMm / PlatePictures.SIZE_PIXELS
    along = (numpy.arange(PlatePictures.SIZE_PIXELS) + 0.5) * pixelMm - view.widthMm / 2
    x, y = numpy.meshgrid(along + view.center[0], view.center[1] - along)
    return picture, x, y, pixelMm


def ofPart(picture, index):
    """Return which pixels have a part's color, whatever light falls on it."""
    shades = picture / numpy.maximum(picture.max(2, keepdims=True), 1)
    color = numpy.array(PlatePictures.colorOf(index))
    return (numpy.abs(shades - color / color.max()) < 0.02).all(2)


def readPng(path):
    reader = vtk.vtkPNGReader()
    reader.SetFileName(str(path))
    reader.Update()
    width, height, _one = reader.GetOutput().GetDimensions()
    return numpy_support.vtk_to_numpy(reader.GetOutput().GetPointData().GetScalars()).reshape(height, width, -1)[::-1]


def test_partsAreSeenFromAboveWhereTheyLie_asLargeAsTheyAre():
    picture, x, y, pixelMm = seenFromAbove([bracketAt(10, 20, 0), bracketAt(120, 70, 30)])
    for index, (left, front) in enumerate(((10, 20), (120, 70))):
        pixels = ofPart(picture, index)
        assert pixels.sum() * pixelMm**2 == pytest.approx(FOOTPRINT_MM2, rel=0.06), "less its number"
        assert [x[pixels].min(), x[pixels].max()] == pytest.approx([left, left + 60], abs=2 * pixelMm)
        assert [y[pixels].min(), y[pixels].max()] == pytest.approx([front, front + 40], abs=2 * pixelMm)
        # The short arm is on the left at the back: a mirrored picture would have it elsewhere.
        assert y[pixels & (x > left + 20)].max() < front + 21
    outside = (x < -1) | (x > PLATE_MM[0] + 1) | (y < -1) | (y > PLATE_MM[1] + 1)
    assert (picture[outside] == BACKGROUND).all(), "nothing lies beside the plate"


def test_thePictureFromTheFrontRightShowsHeightUpwards():
    view = PlatePictures.plateViews(PLATE_MM)["from the front right"]
    low = ofPart(PlatePictures.viewPicture([bracketAt(70, 40, 0)], view, PLATE_MM), 0).nonzero()[0]
    high = ofPart(PlatePictures.viewPicture([bracketAt(70, 40, 100)], view, PLATE_MM), 0).nonzero()[0]
    assert high.max() < low.min(), "100 mm higher is above"


def test_eachPlateHasItsPictureAmongTheBuildsFiles_andItLeavesAsItWas(aCase):
    made = build(aCase, copies={"part-1": 12})
    plates = Build.readBuild(aCase, made)["plates"]
    assert len(plates) == 2 and {one["picture"] for one in plates} <= set(made.files)
    for plate in plates:
        picture = readPng(aCase.path(made, plate["picture"]))
        assert all(ofPart(picture, index).sum() > 200 for index in range(min(8, len(plate["parts"]))))
    again = build(aCase, copies={"part-1": 12})
    first, second = (readPng(aCase.path(one, Build.readBuild(aCase, one)["plates"][0]["picture"]))
                     for one in (made, again))  # fmt: skip
    below = slice(2 * PlatePictures.TEXT_PIXELS, None)
    assert (first[below] == second[below]).all(), "all but the revision in the title is equal"
    aCase.path(again, plates[0]["picture"].replace("build-1.1", "build-1.2")).write_bytes(b"another picture")
    assert aCase.damagedFiles(again), "a changed picture is found"


def test_copiesLieBesideEachOther_eachWithItsNumber(aCase):
    made = build(aCase, copies={"part-1": 3})
    (plate,) = Build.readBuild(aCase, made)["plates"]
    rows = plate["parts"]
    assert [(row["copy"], row["copies"]) for row in rows] == [(1, 3), (2, 3), (3, 3)]
    assert [row["name"].rpartition("_")[2] for row in rows] == ["copy-1", "copy-2", "copy-3"]
    assert {row["partNumber"] for row in rows} == {"part-1.1"}, "copies are of one part"
    assert plate["smallestGapMm"] is None or plate["smallestGapMm"] >= 3
    corners = {tuple(numpy.round(row["boundsMm"][0], 1)) for row in rows}
    assert len(corners) == 3
    partMl = aCase.latest("part").facts["volumeMl"]
    assert plate["estimate"]["partsMl"] == pytest.approx(3 * partMl, abs=0.01)
    assert json.loads(json.dumps(made.parameters))["copies"] == {"part-1": 3}


@pytest.mark.parametrize("copies", [{"part-1": 0}, {"part-1": 101}, {"part-1": 1.5}, {"part-7": 2}])
def test_noSuchNumberOfCopiesIsMade(aCase, copies):
    with pytest.raises(UsageError) as refusal:
        build(aCase, copies=copies)
    assert refusal.value.code == "bad-copies" and aCase.latest("build") is None
