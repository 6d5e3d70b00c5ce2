"""Several copies of a part: each with its own number on the traveller and its own inspection."""

import numpy
import pytest
from InspectionMaking import fine, scanned, writeScan
from Judges import run
from PapersMaking import TRAVELLER, approve, statedCase
from test_Papers import texts

from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import UsageError
from PlanningHubLib.Session import Session
from PrintPrepLib.Papers.Inspection import inspectMeasured
from PrintPrepLib.Papers.Papers import makePapers, readPapers
from PrintPrepLib.Papers.PapersPdf import BLANK
from PrintPrepLib.Papers.Release import releaseFaults, releaseRows
from PrintPrepLib.Papers.ScanCompare import inspectScan
from PrintPrepLib.PartRecords import partMesh
from PrintPrepLib.Production.Build import makeBuild

READ = {"extent x": 60.0, "extent y": 40.0, "extent z": 30.0}


@pytest.fixture
def aCase(tmp_path, monkeypatch):
    """A guide of which three copies are laid on a plate."""
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "home"))
    with Session.start() as session, Case.create(tmp_path / "case", "5a" * 32, side="left") as case:
        statedCase(case, session)
        build(case, 3)
        yield case


def build(case, count):
    return makeBuild(case, Session.start(), direction=(0, 0, 1), slicing=False, copies={"part-1": count})


def valuesOn(case, papers, copy):
    sheet = readPapers(case, papers)["traveller"]["sheets"][copy - 1]
    assert (sheet["copy"], sheet["of"]) == (copy, 3)
    return {one["field"]: one["value"] for one in sheet["fields"] if one["value"]}


def test_whatIsEnteredForOneCopyStandsOnItsSheetOnly(aCase):
    values = {**TRAVELLER, "cycle-number@1": "C-101", "cycle-number@3": "C-103", "operator@3": "C. Other"}
    papers = makePapers(aCase, values=values)
    assert [valuesOn(aCase, papers, copy).get("cycle-number") for copy in (1, 2, 3)] == ["C-101", None, "C-103"]
    assert [valuesOn(aCase, papers, copy)["operator"] for copy in (1, 2, 3)] == ["B. Printer"] * 2 + ["C. Other"]
    assert papers.facts["travellerMissing"] == [] and papers.facts["copies"] == 3
    written = texts(aCase, papers)
    for copy in (1, 2, 3):
        assert f"part-1.1, copy {copy} of 3" in written["traveller"]
        assert f"copy {copy} of 3" in written["inspection-sheet"]
    assert "3, each with its own traveller" in written["job-ticket"]
    assert readPapers(aCase, papers)["registry"]["row"]["physicalParts"] == 3
    again = makePapers(aCase, values={"cycle-number@1": "C-201"})
    document = readPapers(aCase, again)
    assert [one["value"] for one in document["traveller"]["earlier"]] == ["C-101"], "no entry is lost"
    assert valuesOn(aCase, again, 1)["cycle-number"] == "C-201"


def onLabels(case, papers):
    """Return what each copy's label says, text → value."""
    sheets = readPapers(case, papers)["label"]["sheets"]
    assert [(one["copy"], one["of"]) for one in sheets] == [(1, 3), (2, 3), (3, 3)]
    return [{one["text"]: one["value"] for one in sheet["items"]} for sheet in sheets]


def labelPages(case, papers):
    """Return the text of each page of the label, as Poppler reads it."""
    (name,) = [one for one in papers.files if one.endswith("_label.pdf")]
    pages = run("pdftotext", "-layout", case.path(papers, name), "-").split("\f")
    return [" ".join(page.split()) for page in pages if page.strip()]


def test_eachCopysLabelCarriesItsOwnLot_orRoomToWriteIt(aCase):
    papers = makePapers(aCase, values={"lot@1": "LOT-A", "lot@2": "LOT-B", "cycle-number@2": "C-102"})
    labels, pages = onLabels(aCase, papers), labelPages(aCase, papers)
    assert [one["Lot"] for one in labels] == ["LOT-A", "LOT-B", None]
    assert [one["Number (serial)"] for one in labels] == [f"part-1.1, copy {copy} of 3" for copy in (1, 2, 3)]
    assert ["cycle C-102" in one["State"] for one in labels] == [False, True, False]
    assert len(pages) == 3
    for copy, (page, lot) in enumerate(zip(pages, ("Lot LOT-A", "Lot LOT-B", f"Lot {BLANK}"), strict=True), 1):
        assert f"part-1.1, copy {copy} of 3" in page and lot in page
    assert "LOT-A" not in pages[1] + pages[2] and "LOT-B" not in pages[0] + pages[2]
    assert "Lot (copy 3 of 3)" in papers.facts["labelMissing"] and "Date of manufacture" in papers.facts["labelMissing"]
    again = makePapers(aCase, values={"lot": "LOT-C", "printed": "2026-03-01"})
    assert [one["Lot"] for one in onLabels(aCase, again)] == ["LOT-A", "LOT-B", "LOT-C"], "its own goes first"
    assert not {"Lot", "Lot (copy 3 of 3)", "Date of manufacture"} & set(again.facts["labelMissing"])


def test_theLabelOfTheOnlyOneHasNoCopy(aCase):
    build(aCase, 1)
    papers = makePapers(aCase)
    (sheet,) = readPapers(aCase, papers)["label"]["sheets"]
    (page,) = labelPages(aCase, papers)
    assert sheet["copy"] is None and "copy" not in page and f"Lot {BLANK}" in page and "Missing: Lot" in page
    assert papers.facts["labelMissing"] == sheet["missing"]


def test_aFieldThatOneCopyLacksKeepsItBack(aCase):
    papers = makePapers(
        aCase, values={**{key: value for key, value in TRAVELLER.items() if key != "lot"}, "lot@2": "7"}
    )
    assert papers.facts["travellerMissing"] == ["lot@1", "lot@3"]
    faults = releaseFaults(aCase, aCase.latest("part"))
    assert "Copy 1 of 3: The traveller does not say: Lot of the material." in faults
    assert not any(fault.startswith("Copy 2 of 3: The traveller") for fault in faults)


def test_eachCopyIsInspected_andTheOneThatFailsIsNamed(aCase):
    with pytest.raises(UsageError) as refusal:
        inspectMeasured(aCase, measured=READ)
    assert refusal.value.code == "which-copy" and aCase.latest("inspection") is None
    made = [inspectMeasured(aCase, measured={**READ, "extent z": 30.0 + (copy == 2)}, copy=copy) for copy in (1, 2)]
    assert [one.facts["verdict"] for one in made] == ["pass", "fail"]
    assert len({one.id for one in made}) == 2 and "copy 2" in made[1].title
    approve(aCase)
    makePapers(aCase, values=TRAVELLER)
    assert releaseFaults(aCase, aCase.latest("part")) == [
        "Copy 2 of 3: The inspection by dimensions failed.", "Copy 3 of 3: The printed part was not inspected.",
    ]  # fmt: skip
    rows = dict(releaseRows(aCase, aCase.latest("part")))
    assert rows["Copy 1 of 3: The inspection by dimensions"] == "pass (inspection-1.1)"
    for copy in (2, 3):
        inspectMeasured(aCase, measured=READ, copy=copy)
    papers = makePapers(aCase)
    assert releaseFaults(aCase, aCase.latest("part")) == []
    assert papers.facts["verdicts"] == [{"measured": "pass"}] * 3
    assert {link.id for link in papers.parents} >= {"inspection-1", "inspection-2", "inspection-3", "build-1"}


def test_theScanOfACopyIsItsOwn(aCase, tmp_path):
    mesh = fine(partMesh(aCase, aCase.latest("part")))
    made = inspectScan(aCase, writeScan(tmp_path / "scan.stl", scanned(mesh)), "mm", copy=2)
    assert made.facts["verdict"] == "pass" and made.parameters["copy"] == 2
    papers = makePapers(aCase)
    assert papers.facts["verdicts"] == [{}, {"scan": "pass"}, {}]
    assert numpy.isfinite(made.facts["maximumMm"])


@pytest.mark.parametrize("key", ["lot@4", "lot@0", "lot@x", "assessment@2"])
def test_noOtherCopyIsFilledIn(aCase, key):
    with pytest.raises(UsageError) as refusal:
        makePapers(aCase, values={key: "7"})
    assert refusal.value.code == "no-such-copy" and aCase.latest("papers") is None


def test_anotherNumberOfCopiesNeedsOtherPapers(aCase):
    for copy in (1, 2, 3):
        inspectMeasured(aCase, measured=READ, copy=copy)
    approve(aCase)
    makePapers(aCase, values=TRAVELLER)
    assert releaseFaults(aCase, aCase.latest("part")) == []
    build(aCase, 1)
    with pytest.raises(UsageError) as refusal:
        inspectMeasured(aCase, measured=READ, copy=2)
    assert refusal.value.code == "no-such-copy"
    faults = releaseFaults(aCase, aCase.latest("part"))
    assert faults[0].startswith("The papers are") and faults[-1] == "The printed part was not inspected."
