"""The briefing: one clean page, the side and the case on it, whatever the text."""

import datetime
import re

import numpy
import pytest
from Judges import run
from PIL import Image

from ORExportLib.Pages.Briefing import BANNERS, FIGURE_SIZE, MARGIN, SIDE_WORDS, Briefing, Picture, Risk
from ORExportLib.Pages.PlanPdf import planPdf
from PlanningHubLib import PageFonts

WHEN = datetime.datetime(2026, 5, 4, 3, 2, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))
FIGURES = (("Bone volume", "571.5 ml"), ("Part triangles", "198,432"))
HASHES = (("Source", "ab" * 32), ("Part", "cd" * 32))


def aBriefing(**changes):
    values = {
        "caseName": "PH-7K3QM2AB-0001",
        "side": "left",
        "procedure": "Cranioplasty",
        "figures": FIGURES,
        "hashes": HASHES,
        "when": WHEN,
        "software": {"Planning Hub": "0.1.0"},
    }
    return Briefing(**{**values, **changes})


@pytest.fixture
def written(tmp_path):
    """Write a briefing and return its path and its text as poppler reads it."""

    def write(**changes):
        path = tmp_path / "briefing.pdf"
        path.write_bytes(planPdf(aBriefing(**changes)))
        return path, run("pdftotext", "-layout", path, "-")

    return write


@pytest.fixture
def somePictures(tmp_path):
    import vtk

    image = vtk.vtkImageData()
    image.SetDimensions(40, 30, 1)
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 3)
    image.GetPointData().GetScalars().Fill(90)
    writer = vtk.vtkPNGWriter()
    writer.SetFileName(str(tmp_path / "view.png"))
    writer.SetInputData(image)
    writer.Write()
    return tuple(Picture(tmp_path / "view.png", caption, "R", "L") for caption in ("Front", "Left", "Axial"))


def pages(path):
    return int(next(line for line in run("pdfinfo", path).splitlines() if line.startswith("Pages")).split()[1])


@pytest.mark.parametrize("side, words", [("left", "LEFT"), ("right", "RIGHT"), ("bilateral", "BOTH SIDES"),
                                         ("midline", "MIDLINE"), (None, "SIDE NOT STATED")])  # fmt: skip
def test_saysSideAndCaseInWords(written, side, words):
    _path, text = written(side=side)
    assert words in text and "PH-7K3QM2AB-0001" in text
    assert BANNERS["planning"] in text and "Not for diagnosis" in text
    assert {"LEFT", "RIGHT"} - {words} == {word for word in ("LEFT", "RIGHT") if word not in text}


def marked(path, folder):
    """Return how many points of the figure are marked right and left of its middle, as the viewer sees them."""
    run("pdftoppm", "-r", "72", "-f", "1", "-l", "1", "-png", "-singlefile", path, folder / "page")
    shown = numpy.asarray(Image.open(folder / "page.png").convert("RGB"), int)[60:210, MARGIN : MARGIN + FIGURE_SIZE]
    blue = (numpy.abs(shown - (11, 79, 160)) < 40).all(2)
    return int(blue[:, : FIGURE_SIZE // 2].sum()), int(blue[:, FIGURE_SIZE // 2 :].sum())


@pytest.mark.parametrize("region", ["head", "body"])
def test_figureFacesTheViewerAndShowsTheSide(written, tmp_path, region):
    """The patient looks at the reader: the right side of the body is on the left of the page, by R."""
    counts = {side: marked(written(side=side, region=region)[0], tmp_path) for side in (*SIDE_WORDS, None)}
    assert counts["right"][0] > 1500 and counts["right"][1] < 30
    assert counts["left"][1] > 1500 and counts["left"][0] < 30
    assert min(counts["bilateral"]) > 1500
    assert all(200 < count < 1500 for count in counts["midline"]) and max(counts[None]) == 0


def test_letterOfTheOperatedSideIsTheOneThatIsMarked(written, tmp_path):
    path, _text = written(side="left")
    words = {}
    for line in run("pdftotext", "-bbox", "-l", "1", path, "-").splitlines():
        found = re.search(r'xMin="([0-9.]+)".*>([RL])</word>', line)
        words |= {found.group(2): float(found.group(1))} if found else {}
    assert words["R"] < MARGIN + FIGURE_SIZE / 2 < words["L"] < MARGIN + FIGURE_SIZE


def test_risksStandWithTheirDistancesAndInWordsWhereTheyAreTooNear(written):
    risks = (Risk("Nerve from Screw", "1.20 mm, at least 2 mm – TOO NEAR", "reject"), Risk("Bleeding", ""))
    path, text = written(risks=risks, implants=(("part-1.1 Plate", "implant, 2.42 ml"),))
    assert "1.20 mm, at least 2 mm – TOO NEAR" in text and "Bleeding" in text and "implant, 2.42 ml" in text
    many = tuple(Risk(f"Structure {number} " + "long " * 40, f"{number}.00 mm", "free") for number in range(30))
    path, text = written(risks=many, figures=FIGURES * 20, hashes=HASHES * 20)
    assert pages(path) == 1 and "and 23 more in the details" in text and "6.00 mm" in text
    assert f"and {40 - 9} more in the details" in text


def test_qrCodeCanBeRead(written, tmp_path):
    import zxingcpp

    code = "PLANNINGHUB:PH-7K3QM2AB-0001:PLAN:" + "0123456789ABCDEF" * 2
    path, _text = written(qr=code)
    run("pdftoppm", "-r", "150", "-gray", "-png", "-singlefile", path, tmp_path / "page")
    (found,) = zxingcpp.read_barcodes(numpy.asarray(Image.open(tmp_path / "page.png")))
    assert found.text == code


def test_saysFiguresHashesAndUtc(written):
    _path, text = written()
    assert "571.5 ml" in text and "ab" * 32 in text
    assert "2026-05-04 01:02:01 UTC" in text


def test_isOneCleanPage(written, somePictures):
    path, text = written(pictures=somePictures)
    assert "No syntax or stream encoding errors" in run("qpdf", "--check", path)
    assert pages(path) == 1
    assert all(picture.caption in text for picture in somePictures)
    path.write_bytes(path.read_bytes()[:-400])
    assert "No syntax or stream encoding errors" not in run("qpdf", "--check", path)


def test_saysWhyThereAreNoPictures(written):
    assert "Pictures unavailable: no OpenGL here" in written(noPictures="no OpenGL here")[1]


@pytest.mark.parametrize("procedure", ["word " * 400, "W" * 3000, "<b>&amp;</para>", "", None])
def test_anyLengthStaysOnOnePage(written, somePictures, procedure):
    path, text = written(procedure=procedure, pictures=somePictures)
    assert pages(path) == 1
    assert "cd" * 32 in text and "Not for diagnosis" in text


def test_printsGreekAndCyrillic(written):
    _path, text = written(procedure="Реконструкция, Ανακατασκευή, Łódź, naïve")
    assert "Реконструкция, Ανακατασκευή, Łódź, naïve" in " ".join(text.split())
    assert "cannot print" not in text


def test_printsJapanese(written):
    _path, text = written(procedure="頭蓋形成術（左）")
    assert "頭蓋形成術（左）" in text and "cannot print" not in text


@pytest.mark.parametrize("procedure", ["שחזור", "إعادة", "पुनर्निर्माण"])
def test_printsScriptsThatAreShaped(written, procedure):
    _path, text = written(procedure=procedure)
    assert procedure in text and "cannot print" not in text


def test_saysThatACharacterCannotBePrinted(written):
    _path, text = written(procedure="Skull ᠮ")
    assert "Skull □" in text and "cannot print" in text


def test_worksWithReportlabsFontsAlone(written, monkeypatch):
    monkeypatch.setattr(PageFonts, "_dejavuFolder", lambda: None)
    _path, text = written(procedure="Müller Ж")
    assert "Müller Ж" in text and "LEFT" in text
