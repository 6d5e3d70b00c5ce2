"""The pictures of the views: what is at which side, what they say, and the same in PNG and Secondary Capture."""

import dataclasses
import datetime
from types import SimpleNamespace

import numpy as np
import pydicom
import pytest
import SimpleITK
from Judges import dicomErrors, entityErrors, run
from SmallContent import SmallContent, SmallWriter, aBall

from ORExportLib import ViewPictures
from ORExportLib.BurnedText import textBlock
from ORExportLib.Dicom import SecondaryCapture
from ORExportLib.Dicom.DerivedObject import Making
from ORExportLib.ViewPictures import edgeLetters, labeled, shownBodies, viewPictures
from ORExportLib.Views import View

SIZE = (480, 360)
MIDDLE = np.array([-10.0, 20.0, -300.0])
FRONT = View("Front", (-10.0, -380.0, -300.0), (-10.0, 20.0, -300.0), (0.0, 0.0, 1.0))
# From the patient's left, parallel, 100 mm high.
LEFT = View("Left <b>", (390.0, 20.0, -300.0), (-10.0, 20.0, -300.0), (0.0, 0.0, 1.0), parallelScaleMm=50.0)
RED, BLUE = (0.9, 0.1, 0.1), (0.1, 0.1, 0.9)


@pytest.fixture(scope="module")
def taken(tmp_path_factory):
    """A content with a ball at the patient's left and one in front and below, and what was written of it."""
    folder = tmp_path_factory.mktemp("views")
    making = Making("PH-TEST2345-0001", datetime.datetime.now(datetime.UTC), {"Planning Hub": "0.1.0"})
    content = SmallContent(folder / "ct", making)
    content.bodies = (
        aBall("Left ball", MIDDLE + (25, 0, 0), 8, role="implant", color=RED),
        aBall("Front ball", MIDDLE + (0, -25, -20), 8, role="implant", color=BLUE),
    )
    content.views = [FRONT, LEFT]
    content.segments = [SimpleNamespace(label="Front ball", propertyType=("39937001", "SCT", "Skin structure"))]
    writer = SmallWriter(folder / "out")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ViewPictures, "SIZE", SIZE)
        SecondaryCapture.write(content, writer, lambda *_: None)
    return content, writer


def middleOf(pixels, color):
    """Return where (column, row) a color is in the part of a picture that no words are on."""
    strong = np.array(color) > 0.5
    inside = pixels[60:-60, 40:-40].astype(int)
    isIt = (inside[..., strong].min(-1) > 2 * inside[..., ~strong].max(-1)) & (inside[..., strong].min(-1) > 40)
    rows, columns = np.nonzero(isIt)
    assert len(rows) > 50
    return columns.mean() + 40, rows.mean() + 60


def test_theLeftIsAtTheRightOfAViewFromTheFront(taken):
    front, left = (picture.pixels for picture in taken[0].pictures)
    redColumn, redRow = middleOf(front, RED)
    blueColumn, blueRow = middleOf(front, BLUE)
    # 400 mm away at 30 degrees, a picture is 214 mm high.
    pixelsPerMm = SIZE[1] / (2 * 400 * np.tan(np.radians(15)))
    assert abs(redColumn - SIZE[0] / 2 - 25 * pixelsPerMm) < 2 and abs(redRow - SIZE[1] / 2) < 2
    assert abs(blueColumn - SIZE[0] / 2) < 2 and blueRow - SIZE[1] / 2 > 15 * pixelsPerMm
    # From the left, what is in front is at the left edge, and what is left is in the middle; 3.6 pixels per mm.
    blueColumn, blueRow = middleOf(left, BLUE)
    assert abs(blueColumn - (SIZE[0] / 2 - 25 * 3.6)) < 2 and abs(blueRow - (SIZE[1] / 2 + 20 * 3.6)) < 2
    assert abs(middleOf(left, RED)[0] - SIZE[0] / 2) < 2


@pytest.mark.parametrize(
    ("position", "up", "letters"),
    [((0, -9, 0), (0, 0, 1), ("R", "L", "S", "I")), ((0, 9, 0), (0, 0, 1), ("L", "R", "S", "I")),
     ((9, 0, 0), (0, 0, 1), ("A", "P", "S", "I")), ((-9, 0, 0), (0, 0, 1), ("P", "A", "S", "I")),
     ((0, 0, 9), (0, -1, 0), ("L", "R", "A", "P")), ((0, 0, -9), (0, -1, 0), ("R", "L", "A", "P")),
     ((7, -7, 0), (0, 0, 1), ("RA", "LP", "S", "I"))],
)  # fmt: skip
def test_lettersStandWhereThePatientIs(position, up, letters):
    found = edgeLetters(View("View", position, (0, 0, 0), up))
    assert tuple("".join(sorted(one)) for one in found) == tuple("".join(sorted(one)) for one in letters)


def test_theCaptureIsThePictureAndJudgesReadIt(taken, tmp_path):
    content, writer = taken
    for number, picture in enumerate(content.pictures, 1):
        suffix = "" if number == 1 else f":{number}"
        path = writer.paths[f"{SecondaryCapture.CAPTURE}{suffix}"]
        png = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(writer.paths[f"picture-png{suffix}"])))
        np.testing.assert_array_equal(png, picture.pixels)
        dataset = pydicom.dcmread(path)
        np.testing.assert_array_equal(dataset.pixel_array, picture.pixels)
        assert dicomErrors(path) == []
        run("dcm2pnm", "+op", path, tmp_path / "view.ppm")
        header, data = (tmp_path / "view.ppm").read_bytes()[:15].split()[:4], (tmp_path / "view.ppm").read_bytes()
        assert header[1:3] == [b"480", b"360"] and data[-picture.pixels.size :] == picture.pixels.tobytes()
        assert dataset.BurnedInAnnotation == "YES" and picture.view.name in dataset.ImageComments
        assert "not approved" in dataset.SeriesDescription and dataset.RecognizableVisualFeatures == "YES"
        assert len(dataset.SourceImageSequence) == len(content.paths)
    captures = [writer.paths[role] for role in writer.paths if role.startswith(SecondaryCapture.CAPTURE)]
    assert entityErrors([*content.paths, *captures]) == []
    assert len({pydicom.dcmread(path).SeriesInstanceUID for path in captures}) == 1
    broken = pydicom.dcmread(captures[0])
    broken.Rows = 359
    del broken.ConversionType
    broken.save_as(tmp_path / "broken.dcm")
    assert dicomErrors(tmp_path / "broken.dcm") != []


def contrast(pixels, block, corner):
    """Return how alike a part of a picture and the coverage of words are, 1 for the same."""
    row, column = corner
    block = block[: ViewPictures.BAND_PIXELS - row]
    part = pixels[row : row + block.shape[0], column : column + block.shape[1]].astype(float).mean(-1)
    return abs(np.corrcoef(part.ravel(), block.ravel())[0, 1])


def test_thePictureSaysCaseSideAndState(taken):
    content = taken[0]
    blank = np.full((400, 1000, 3), 255, np.uint8)
    for isApproved, state, color in ((False, "NOT APPROVED", ViewPictures.WARNING_COLOR),
                                     (True, "APPROVED", ViewPictures.APPROVED_COLOR)):  # fmt: skip
        making = dataclasses.replace(content.making, isApproved=isApproved)
        said = SimpleNamespace(making=making, side="left", intendedUse="planning")
        pixels = labeled(blank, FRONT, (), said)
        assert tuple(pixels[0, 0]) == color
        for text in ("NOT APPROVED", "APPROVED"):
            block = textBlock([text], 26, 600)
            likeness = max(contrast(pixels, block, (row, 8)) for row in range(12))
            assert (likeness > 0.98) == (text == state), (text, likeness)
        case = textBlock(["PH-TEST2345-0001  LEFT"], 26, 600)
        assert max(contrast(pixels, case, (row, 1000 - 8 - case.shape[1])) for row in range(12)) > 0.98
        said.intendedUse = "education"
        assert tuple(labeled(blank, FRONT, (), said)[0, 0]) == ViewPictures.WARNING_COLOR
    assert tuple(content.pictures[0].pixels[0, 240]) == ViewPictures.WARNING_COLOR


def test_aPieceIsShownWhereItsObjectIsNot():
    part = type("Part", (), {"facts": {"object": {"name": "Plate"}}})
    skull, plate = aBall("Skull", MIDDLE, origin="segment"), aBall("Plate", MIDDLE, role="implant")
    mirror, piece = aBall("Mirrored", MIDDLE, role="mirror"), aBall("Plate 1", MIDDLE, origin="piece", part=part)
    bodies = (skull, mirror, plate, piece)

    def names(*visible):
        return [body.name for body in shownBodies(bodies, dataclasses.replace(FRONT, visible=visible))]

    assert names() == ["Skull", "Plate"]
    assert names("Mirrored", "Plate 1") == ["Mirrored", "Plate 1"]
    assert names("Plate", "Plate 1") == ["Plate"]


def test_noOpenGlIsSaidAndFailsNothing(taken, withoutPictures, tmp_path):
    content = SmallContent(tmp_path / "ct", taken[0].making)
    writer = SmallWriter(tmp_path / "out")
    SecondaryCapture.write(content, writer, lambda *_: None)
    assert writer.paths == {} and viewPictures(content, lambda *_: None) == ()
    assert [finding.code for finding in content.findings] == ["no-pictures"]
