"""Letters on a part: the right ones, as high and deep as said, never mirrored, on a face that can carry them."""

import numpy
import pytest
import trimesh
from LabelMaking import (
    IDENTITY,
    TEXT,
    box,
    carriedOut,
    codesOf,
    cylinder,
    frameOf,
    mirrored,
    mirroredFrame,
    sphere,
    workOn,
)  # fmt: skip
from PartMaking import joined, manifoldStatus

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Shapes.Checks import requirePrintable
from PlanningHubLib.Shapes.Mesh import Mesh
from PrintPrepLib.Marking import LabelReading, Marks
from PrintPrepLib.Marking.Views import viewOf
from PrintPrepLib.PartWork import Piece

needsTesseract = pytest.mark.skipif(not LabelReading.canRead(), reason="tesseract is not installed")


def viewOfLabel(mesh, entry, stepMm=0.1):
    half = numpy.array(entry["sizeMm"]) / 2
    return viewOf(mesh, frameOf(entry), *half.tolist(), stepMm=stepMm)


def reliefMm(before, after, entry):
    """How far the surface went down at each place of a label, as rays see it."""
    return viewOfLabel(before, entry).heightsMm - viewOfLabel(after, entry).heightsMm


def requireSolid(mesh):
    requirePrintable(mesh)
    assert manifoldStatus(mesh) == "NoError"
    seen = trimesh.Trimesh(mesh.points, mesh.triangles)
    assert seen.is_watertight and seen.is_winding_consistent


SHAPES = {"plate": box(120, 60, 10), "cylinder": cylinder(130, 30), "sphere": sphere(70), "small": box(40, 20, 5)}


@needsTesseract
@pytest.mark.parametrize("name", SHAPES)
def test_lettersAreReadOnThePartItself(name):
    work = workOn(SHAPES[name])
    entry = carriedOut(work, do="label")
    assert (entry["text"], entry["kind"], entry["identifiesPatient"]) == (TEXT, "engraved", False)
    assert entry["read"] is True and LabelReading.isSameText(entry["readAs"], TEXT)
    requireSolid(work.pieces[0].mesh)


@pytest.mark.parametrize("name", SHAPES)
def test_engravingIsAsDeepAsItSaysEverywhere(name):
    work = workOn(SHAPES[name])
    entry = carriedOut(work, do="label")
    down = reliefMm(SHAPES[name], work.pieces[0].mesh, entry)
    cut = down > 0.02
    # A ray here and there meets a wall.
    assert (numpy.abs(down[cut] - entry["depthMm"]) < 0.01).mean() > 0.999
    assert numpy.abs(down[~cut]).max() < 0.02
    # Strokes cover a third of the letters' room or so, and their area times the depth is what was taken away.
    assert 0.2 < cut.mean() < 0.5
    takenMm3 = down.sum() * 0.1**2
    assert -1000 * entry["volumeChangeMl"] == pytest.approx(takenMm3, rel=0.01)


def test_recommendedSizeWhereThePartIsLargeEnough():
    entry = carriedOut(workOn(box(120, 60, 10)), do="label")
    assert (entry["heightMm"], entry["depthMm"]) == (7.5, 3.0)
    assert entry["sizeMm"][1] == pytest.approx(7.5 * 2.5, abs=0.01), "two lines"


def test_capitalsAreAsHighAsSaid():
    mesh, text = box(60, 30, 8), "HEH"
    work = workOn(mesh)
    entry = carriedOut(work, do="label", text=text, heightMm=9, depthMm=1)
    rows = numpy.flatnonzero((reliefMm(mesh, work.pieces[0].mesh, entry) > 0.5).any(0))
    assert (rows[-1] - rows[0] + 1) * 0.1 == pytest.approx(9, abs=0.11)


def test_smallerPartsHaveSmallerLettersAndSaySo():
    work = workOn(box(40, 20, 5))
    entry = carriedOut(work, do="label")
    assert Marks.LEAST_HEIGHT_MM <= entry["heightMm"] < 7.5
    assert entry["depthMm"] == 2.5, "half the wall"
    assert {"small-letters", "shallow-letters"} <= set(codesOf(work))


def test_noMoreThanTheWallAllows():
    for thicknessMm, depthMm in ((8, 3.0), (5, 2.5), (2.5, 1.25), (1.8, 0.8)):
        work = workOn(box(120, 60, thicknessMm))
        entry = carriedOut(work, do="label")
        assert (entry["kind"], entry["depthMm"]) == ("engraved", depthMm)
        left = viewOfLabel(work.pieces[0].mesh, entry, 0.5).thicknessMm
        assert left.min() == pytest.approx(thicknessMm - depthMm, abs=1e-3) and left.min() >= Marks.LEAST_WALL_MM - 1e-3


def test_raisedLettersStandAsHighAsSaid():
    mesh = cylinder(130, 30)
    work = workOn(mesh)
    entry = carriedOut(work, do="label", kind="embossed", depthMm=1.5)
    up = -reliefMm(mesh, work.pieces[0].mesh, entry)
    assert entry["kind"] == "embossed" and (numpy.abs(up[up > 0.02] - 1.5) < 0.01).mean() > 0.999
    assert entry["volumeChangeMl"] > 0 and entry["read"] in (True, None)
    requireSolid(work.pieces[0].mesh)


@needsTesseract
@pytest.mark.parametrize("normal", [(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)])
def test_neverMirroredOnAnySideOfTheBody(normal):
    """The same on the left and on the right, and what is mirrored on purpose is seen to be unreadable."""
    point = 50 * numpy.array(normal, float)
    work = workOn(box(100, 100, 100))
    entry = carriedOut(work, do="label", point=point.tolist(), normal=list(normal))
    assert entry["read"] is True and entry["normalLps"] == list(normal)
    mesh, frame = work.pieces[0].mesh, frameOf(entry)
    sizeMm = numpy.array(entry["sizeMm"]) + 2
    wrong = LabelReading.readLetters(mirrored(mesh), mirroredFrame(frame), sizeMm, 7.5, False, TEXT)
    assert not LabelReading.isSameText(wrong, TEXT)


def test_textIsUprightInThePatient():
    for normal, up in (((1, 0, 0), [0, 0, 1]), ((0, -1, 0), [0, 0, 1]), ((0, 0, 1), [0, -1, 0])):
        point = (50 * numpy.array(normal)).tolist()
        assert carriedOut(workOn(box(100, 100, 100)), do="label", point=point, normal=list(normal))["upLps"] == up


@needsTesseract
def test_damagedLettersAreNotTakenForRead():
    work = workOn(box(120, 60, 10))
    entry = carriedOut(work, do="label")
    sizeMm = numpy.array(entry["sizeMm"]) + 2
    bare = LabelReading.readLetters(box(120, 60, 10), frameOf(entry), sizeMm, 7.5, False, TEXT)
    assert bare == ""
    assert not LabelReading.isSameText(entry["readAs"], TEXT.replace("LEFT", "RIGHT"))
    assert not LabelReading.isSameText(entry["readAs"], TEXT.replace("1.2", "1.3"))


def test_withoutTesseractThatIsSaid(monkeypatch):
    monkeypatch.setattr(LabelReading, "canRead", lambda: False)
    work = workOn(box(120, 60, 10))
    assert carriedOut(work, do="label")["read"] is None
    assert [(one.code, one.severity) for one in work.findings] == [("label-not-read", "info")]


@needsTesseract
def test_whatIsReadWronglyIsSaid(monkeypatch):
    monkeypatch.setattr(LabelReading, "recognized", lambda picture: "PH-7K2M9QXA-4T08 LEFT PART-1.2")
    work = workOn(box(120, 60, 10))
    assert carriedOut(work, do="label")["read"] is False
    assert [(one.code, one.severity) for one in work.findings] == [("label-not-read", "warn")]


def test_facesInsideOrTowardsTheBoneAreNotTaken():
    """A large flat hollow is no face: who looks at it from outside sees the wall in front of it."""
    outer, inner = box(60, 60, 60), box(54, 54, 54)
    hollow = joined(outer, Mesh(inner.points, inner.triangles[:, ::-1]))
    entry = carriedOut(workOn(hollow), do="label")
    assert numpy.abs(entry["centerLps"]).max() == pytest.approx(30), "on the outside"
    assert entry["depthMm"] == 1.5, "half of the wall of 3 mm"
    for outwards in ((0, 0, 1), (0, 0, -1)):
        work = workOn(box(80, 50, 6), role="guide", outwardsLps=outwards)
        assert carriedOut(work, do="label")["normalLps"] == pytest.approx(outwards)
        assert "face-not-checked" not in codesOf(work)


def test_whereTheFittingSideIsNotKnownThatIsSaid():
    work = workOn(box(80, 50, 6), role="implant")
    carriedOut(work, do="label")
    assert "face-not-checked" in codesOf(work)


def test_eachPieceIsLabelledWithItsName():
    work = workOn(box(120, 60, 10))
    moved = Mesh(work.pieces[0].mesh.points + numpy.float32([0, 0, 50]), work.pieces[0].mesh.triangles)
    work.pieces = [Piece("A", work.pieces[0].mesh), Piece("B", moved)]
    carriedOut(work, do="label")
    assert [(one["piece"], one["text"]) for one in work.facts["label"]] == [("A", f"{TEXT} A"), ("B", f"{TEXT} B")]
    assert carriedOut(work, do="label", piece="B", text="{side}", heightMm=5)["text"] == "LEFT"
    with pytest.raises(InputRefused, match="It has: A, B") as refusal:
        carriedOut(work, do="label", piece="C")
    assert refusal.value.code == "no-such-piece"


def test_sideThatIsNotStatedIsLeftOut():
    work = workOn(box(120, 60, 10), identity=type(IDENTITY)("PH-1", "Plate", "part-1.2", None, "ab" * 32))
    assert carriedOut(work, do="label")["text"] == "PH-1 PART-1.2"


def test_typedTextMayIdentifyAndTheNameIsFound():
    work = workOn(box(120, 60, 10))
    assert carriedOut(work, do="label", text="{case} upper jaw")["identifiesPatient"] is True
    assert "identifying-text" not in codesOf(work)
    work = workOn(box(120, 60, 10))
    work.patientWords = lambda: {"miller", "4711"}
    assert carriedOut(work, do="label", text="MILLER {case}")["identifiesPatient"] is True
    assert "identifying-text" in codesOf(work)


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ({"text": "{name}"}, "bad-label"),
        ({"normal": [0, 0, 1]}, "bad-label"),
        ({"point": [0, 0, 50]}, "place-off-part"),
        ({"text": "骨"}, "no-letters"),
        ({"text": "{piece}"}, "no-letters"),
        ({"kind": "engraved", "text": 120 * "W"}, "no-face"),
        ({"point": [59, 29, 5], "normal": [0, 0, 1]}, "no-face"),
    ],
)  # fmt: skip
def test_whatCannotBeWrittenIsRefusedByName(step, code):
    work = workOn(box(120, 60, 10))
    with pytest.raises(InputRefused) as refusal:
        carriedOut(work, do="label", **step)
    assert refusal.value.code == code
    assert work.pieces[0].mesh is work.shape.mesh and "label" not in work.facts


@pytest.mark.parametrize(
    ("mesh", "point", "normal"),
    [(box(120, 60, 10), (3, -4, 5.5), (0, 0, 1)), (box(120, 60, 10), (3, -4, -4), (0, 0, -1)),
     (cylinder(100, 60), (59, 0, 10), (1, 0, 0)), (cylinder(100, 60), (36.0, 48.0, 10), (0.6, 0.8, 0))],
)  # fmt: skip
def test_aClickedPointSaysAlsoWhereTheLabelFaces(mesh, point, normal):
    """A point alone: the label stands on the surface there, and faces as the surface about it does."""
    entry = carriedOut(workOn(mesh), do="label", text="AB 1", point=list(point))
    assert numpy.dot(entry["normalLps"], normal) > numpy.cos(numpy.radians(3))
    off = numpy.array(entry["centerLps"]) - point
    assert numpy.linalg.norm(off) < 1.6 and numpy.linalg.norm(numpy.cross(off, normal)) < 0.5, "half a cell of the view"
