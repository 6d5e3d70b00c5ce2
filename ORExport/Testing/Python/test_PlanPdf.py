"""The plan as a PDF: every page says whose it is and how far approved, nothing runs off it, in any script."""

import dataclasses

import pytest
from Judges import run
from test_Briefing import aBriefing, pages

from ORExportLib.Pages.PlanPdf import Details, planPdf
from ORExportLib.Pages.PlanTables import Table

LONG = "W" * 200
TABLES = (
    Table("Cutting planes", ("Plane", "Normal"), (("Saw", "0.0000, 1.0000, 0.0000"), (LONG, "إعادة بناء 3.5")), (1, 2)),
    Table("Distances", ("Structure", "Distance"), (("Nerve", "1.20 mm – TOO NEAR"),), (1, 1), (), ("reject",)),
    Table("Steps", ("Step", "Figures"), tuple((f"Step {number}", "length 1.00 mm") for number in range(120)), (1, 3)),
)
APPROVED = {"approvers": ("anna (surgeon)", "בן (engineer)")}


@pytest.fixture
def written(tmp_path):
    def write(details, **changes):
        path = tmp_path / "plan.pdf"
        path.write_bytes(planPdf(aBriefing(**changes), details))
        assert "No syntax or stream encoding errors" in run("qpdf", "--check", path)
        return path, run("pdftotext", "-layout", path, "-")

    return write


def test_everyPageSaysCaseSideAndApproval(written):
    path, text = written(Details("Skull", tables=TABLES), **APPROVED)
    count = pages(path)
    assert count > 3
    for number, page in enumerate(text.split("\f")[:count], 1):
        assert "PH-7K3QM2AB-0001" in page and "LEFT" in page and "APPROVED by anna (surgeon)" in page
        assert "NOT APPROVED" not in page and f"{number}/{count}" in page.replace(" / ", "/") and "בן" in page
    assert all(f"Step {number} " in text for number in range(120))
    _path, text = written(Details("Skull", tables=TABLES))
    assert text.count("NOT APPROVED") == count


def test_contentsStandInWordsAndScriptsAndNothingRunsOff(written, tmp_path):
    path, text = written(
        Details("Schädel", "दाईं ओर", tables=TABLES, checklist=(("Side marked", True), ("サイズ", False)))
    )
    for words in ("Schädel", "दाईं ओर", "0.0000, 1.0000, 0.0000", "TOO NEAR", "サイズ", "إعادة"):
        assert words in text, words
    assert text.replace("\n", "").replace(" ", "").count("W") >= 200
    run("pdftoppm", "-r", "50", "-f", "2", "-l", "2", "-gray", "-png", "-singlefile", path, tmp_path / "page")
    margin = ink(tmp_path / "page.png")[60:, -25:]
    assert margin.min() > 200


def ink(path):
    import numpy
    from PIL import Image

    return numpy.asarray(Image.open(path))


def test_boxesAreThereToBeTicked(written, tmp_path):
    """A box that is done holds a tick; the other is empty."""
    marks = []
    for isDone in (True, False):
        path, _text = written(Details("Skull", checklist=((" ", isDone),)))
        run("pdftoppm", "-r", "100", "-f", "2", "-l", "2", "-gray", "-png", "-singlefile", path, tmp_path / "page")
        marks.append(int((ink(tmp_path / "page.png")[100:260, 50:90] < 128).sum()))
    assert marks[0] > marks[1] + 10 > 30


def test_equalCopiesGiveEqualBytes():
    briefing = dataclasses.replace(aBriefing(), intendedUse="copy", when=None)
    details = Details("Skull", tables=TABLES[:1])
    assert planPdf(briefing, details) == planPdf(briefing, details)
