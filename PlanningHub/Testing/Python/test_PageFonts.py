"""Pages in any script: every word as another program draws it, in the order in which it is read, and found again."""

import io
import random

import numpy
import pytest
from Judges import run

from PlanningHubLib import PageFonts, PageFontsOrder, PageFontsShaping

ARABIC, HEBREW = "إعادة بناء الجمجمة", "שחזור גולגולת"
SCRIPTS = {
    "Arabic": ARABIC, "Persian": "می‌خواهم", "Hebrew": HEBREW, "Devanagari": "पुनर्निर्माण खोपड़ी",
    "Bengali": "ক্র্যানিওপ্লাস্টি", "Tamil": "பேச்சு", "Thai": "การผ่าตัดกะโหลกศีรษะ", "Khmer": "ការវះកាត់", "Myanmar": "ဦးခေါင်းခွံ",
    "Ethiopic": "ፋሲል", "Japanese": "頭蓋形成術（左）", "Korean": "두개골 성형술", "Chinese": "请重新扫描头颅 𠮷",
    "Latin": "Łódź x̌", "Greek and Cyrillic": "Ανακατασκευή, Реконструкция",
}  # fmt: skip


@pytest.fixture
def aPage(tmp_path):
    """Draws a text as a line and as a paragraph; returns the PDF's path, its text and the characters it lacked."""

    def make(text, size=30, width=400):
        path, lost = tmp_path / "page.pdf", set()
        path.write_bytes(PageFonts.drawn(lambda fonts: _drawn(fonts, text, size, width, lost)))
        assert "No syntax or stream encoding errors" in run("qpdf", "--check", path)
        return path, run("pdftotext", "-layout", path, "-"), lost

    return make


def _drawn(fonts, text, size, width, lost):
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.pdfgen.canvas import Canvas

    data = io.BytesIO()
    canvas = Canvas(data, pagesize=(600, 400), invariant=1)
    canvas.setFont(fonts.regular, size)
    canvas.drawString(20, 340, fonts.line(text))
    block = fonts.paragraph(text, ParagraphStyle("bold", fontName=fonts.bold, fontSize=12, leading=18))
    block.wrap(width, 300)
    block.drawOn(canvas, 20, 20)
    canvas.save()
    lost.clear()
    lost.update(fonts.lost)
    return data.getvalue()


@pytest.fixture(scope="module")
def allScripts(tmp_path_factory):
    """A PDF with the first word of each script, 60 points apart from the top, and the characters it lacked."""

    def draw(fonts):
        from reportlab.pdfgen.canvas import Canvas

        data = io.BytesIO()
        canvas = Canvas(data, pagesize=(600, 60 * len(SCRIPTS)), invariant=1)
        for number, text in enumerate(reversed(SCRIPTS.values())):
            canvas.setFont(fonts.regular, 30)
            canvas.drawString(20, 60 * number + 20, fonts.line(text.split()[0]))
        canvas.save()
        return data.getvalue(), fonts.lost

    path = tmp_path_factory.mktemp("scripts") / "page.pdf"
    data, lost = PageFonts.drawn(draw)
    path.write_bytes(data)
    run("pdftoppm", "-r", "144", "-png", "-singlefile", path, path.with_suffix(""))
    return path, lost


def test_everyScriptIsPrintedAndFoundAgain(allScripts):
    path, lost = allScripts
    # The reader marks the direction with invisible characters.
    text = PageFontsOrder.withoutControls(run("pdftotext", "-layout", path, "-"))
    assert lost == set() and text.split() == [one.split()[0] for one in SCRIPTS.values()]
    assert "No syntax or stream encoding errors" in run("qpdf", "--check", path)


def ink(picture):
    """Return a gray picture's ink without the margin around it, on a grid of its own proportions."""
    from PIL import Image

    dark = numpy.asarray(picture.convert("L")) < 128
    rows, columns = (numpy.flatnonzero(dark.any(axis)) for axis in (1, 0))
    cut = Image.fromarray(dark[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    return numpy.asarray(cut.resize((400, 60))), cut.width / cut.height


def likeness(one, other):
    return (one & other).sum() / (one | other).sum()


@pytest.mark.parametrize("script", ["Arabic", "Hebrew", "Devanagari", "Bengali", "Thai", "Khmer"])
def test_aWordLooksAsAnotherProgramDrawsIt(allScripts, script):
    from PIL import Image, ImageDraw, ImageFont, features

    if not (features.check("raqm") and features.check("fribidi")):
        pytest.skip("Pillow shapes text only where the system has FriBidi")
    word, top = SCRIPTS[script].split()[0], 120 * list(SCRIPTS).index(script)
    shown, shape = ink(Image.open(allScripts[0].with_suffix(".png")).crop((0, top, 1200, top + 120)))
    folder = PageFontsShaping._folderOf(PageFontsShaping.PACKAGE)
    font = ImageFont.truetype(folder / f"NotoSans{script}[wght].ttf", 60, layout_engine=ImageFont.Layout.RAQM)
    font.set_variation_by_axes([400, 100][: len(font.get_variation_axes())])
    pictures = [Image.new("L", (1400, 300), 255) for _picture in range(2)]
    for picture, text in zip(pictures, (word, word[::-1]), strict=True):
        ImageDraw.Draw(picture).text((100, 100), text, font=font, fill=0)
    (wanted, wantedShape), (backwards, _shape) = map(ink, pictures)
    assert likeness(shown, wanted) > 0.7 and shape == pytest.approx(wantedShape, rel=0.04)
    assert likeness(shown, backwards) < 0.6


def test_theOrderIsThatOfTheStandard(monkeypatch):
    """Random lines of both directions, numbers, brackets and marks, against another implementation."""
    from bidi import get_display

    # The judge leaves brackets as they are.
    monkeypatch.setattr(PageFontsOrder, "_MIRRORED", {})
    numbers = random.Random(6)
    for _line in range(3000):
        text = "".join(numbers.choices("abc שלם عرب 123 ٣٤ ()[]<> ,.:;+-%$ /\u0300«»", k=numbers.randint(1, 14)))
        assert PageFontsOrder.inOrder(text, PageFontsOrder.levels(text)) == get_display(text), repr(text)


def test_bracketsOpenTowardsWhatTheyHold():
    text = "שלום (אבג) 12"
    assert PageFontsOrder.inOrder(text, PageFontsOrder.levels(text)) == "12 (גבא) םולש"


def test_eachLineOfAParagraphIsReadOnItsOwn(aPage):
    """The first words of the text stand in the first line, from the right."""
    _path, text, _lost = aPage(f"{ARABIC} {HEBREW} " * 3, size=4, width=150)
    lines = [PageFontsOrder.withoutControls(line).split() for line in text.splitlines() if line.strip()]
    assert lines[1][:2] == ARABIC.split()[:2] and len(lines) > 3


def test_invisibleControlsCannotTurnANumberAround(aPage):
    _path, text, _lost = aPage("depth \u202e21 mm\u202c")
    assert "depth 21 mm" in text


def test_whatNoFontHasIsABoxAndSaid(aPage):
    _path, text, lost = aPage("Skull ᠮᠣ \ue123")
    assert lost == set("ᠮᠣ\ue123") and text.count("□") == 6


def test_whatHasNoPlaceInTheFontIsABoxAndNothingElse(monkeypatch):
    monkeypatch.setattr(PageFontsShaping, "LAST_PRIVATE", PageFontsShaping.FIRST_PRIVATE + 2)
    found = PageFontsShaping.shaped({"頭蓋形成"})
    assert [found.meanings.get(one, one) for one in found.texts["頭蓋形成"]] == ["頭", "蓋", "形", "□"]


def test_withoutTheFontsOfOtherScriptsThereAreBoxesOnly(aPage, monkeypatch):
    monkeypatch.setattr(PageFontsShaping, "_folderOf", lambda package: PageFontsShaping.Path(package))
    monkeypatch.setattr(PageFonts, "_dejavuFolder", lambda: None)
    _path, text, lost = aPage(f"Müller Ж {HEBREW}")
    assert "Müller ? ?????" in text and lost == set(f"Ж{HEBREW}") - {" "}
