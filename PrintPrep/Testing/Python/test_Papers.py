"""The papers of a part: each says what the case says, the right hashes, and what is missing; entries are never lost."""

import csv
import io
import json

import numpy
import pytest
from InspectionMaking import bracketMesh
from Judges import run
from PapersMaking import MAKER, TRAVELLER, approve, keyOf, statedCase, writePapersSite
from PIL import Image
from test_Part import aCase, aSession, filesBelow, ownHome  # noqa: F401

from PlanningHubLib import Approval
from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import Cancelled, GateRefused, UsageError
from PrintPrepLib.Marking import QrCodes
from PrintPrepLib.Papers import Inspection, Papers, PapersContent
from PrintPrepLib.Papers.Papers import makePapers, readPapers
from PrintPrepLib.Production.Build import makeBuild

ON_TICKET = (
    "Form 4", "Formlabs", "Surgical Guide", "steam at 121 °C", "±0.25 mm", "stated in the recipe", "guide",
    "tissue-or-bone", "not-labelled", "Labels on the part NONE", "60.0 × 40.0 × 30.0 mm",
)  # fmt: skip
IN_STATEMENT = (
    "Annex XIII", "A. Prescriber, surgeon, A hospital", "plate thickness 3.5 mm (at the rim)", "2 Example",
    "exclusive use of the patient", "declared by the manufacturer", "Cutting guide",
)  # fmt: skip
PDFS = {"job-ticket", "traveller", "inspection-sheet", "label", "statement"}


def texts(case, papers):
    """Return paper's name → its text, as Poppler reads it."""
    return {
        name.rpartition("_")[2].removesuffix(".pdf"): " ".join(run("pdftotext", case.path(papers, name), "-").split())
        for name in papers.files
        if name.endswith(".pdf")
    }


@pytest.fixture
def aPart(aCase, aSession):  # noqa: F811
    return statedCase(aCase, aSession)


def test_everyFieldIsOnItsPaper(aCase, aPart):  # noqa: F811
    papers = makePapers(aCase, values={**TRAVELLER, "storage": "dry", "warnings": "brittle"})
    read = texts(aCase, papers)
    assert set(read) == PDFS and papers.parents == (aPart.link,)
    for name, words in read.items():
        assert aCase.name in words and "part-1.1" in words and "LEFT" in words.upper(), name
        assert "NOT APPROVED" in words
    assert all(text in read["traveller"] for text in TRAVELLER.values())
    for words in ON_TICKET:
        assert words in read["job-ticket"], words
    for words in ("custom-made", "MD", "LOT-77", MAKER["name"], MAKER["address"], "2026-03-01", "dry", "brittle",
                  "Single use", "NON-STERILE", "DRAFT", f"PLANNINGHUB:{aCase.name}:PART-1.1:"):  # fmt: skip
        assert words in read["label"], words
    for words in ("extent x", "60.00", "±0.25"):
        assert words in read["inspection-sheet"], words


def test_hashesAreThoseOfTheCase(aCase, aPart):  # noqa: F811
    papers = makePapers(aCase)
    ticket = texts(aCase, papers)["job-ticket"].replace(" ", "")
    wanted = [aPart.content, *(record.sha256 for record in aPart.files.values())]
    wanted += [aCase.latest(kind).content for kind in ("plan", "segmentation", "source")]
    assert all(digest in ticket for digest in wanted)
    document = readPapers(aCase, papers)
    assert {one["content"] for one in document["ticket"]["madeFrom"]} >= {aPart.content, aCase.latest("plan").content}


def test_pdfsAreSoundAndOfA4(aCase, aPart):  # noqa: F811
    papers = makePapers(aCase)
    for name in (one for one in papers.files if one.endswith(".pdf")):
        path = aCase.path(papers, name)
        assert "No syntax or stream encoding errors" in run("qpdf", "--check", path)
        assert "595.276 x 841.89 pts (A4)" in run("pdfinfo", path)


def test_statementNamesWhatIsMissing(aCase, aPart):  # noqa: F811
    said = {"conformity": "declared by the manufacturer", "substances": "none"}
    papers = makePapers(aCase, values=said)
    text = texts(aCase, papers)["statement"]
    for words in IN_STATEMENT:
        assert words in text, words
    missing = readPapers(aCase, papers)["statement"]["missing"]
    assert missing == ["Requirements not fully met, with the grounds"] and f"Missing: {missing[0]}." in text
    assert papers.facts["statementMissing"] == missing
    writePapersSite(manufacturer={"name": "M", "address": "A"}, deviceRoute="in-house")
    other = makePapers(aCase)
    assert "statement" not in texts(aCase, other) and "Custom-made device" not in texts(aCase, other)["label"]


def test_nothingEverSaysSterile(aCase, aPart):  # noqa: F811
    for values in ({}, {"cycle-number": "4711"}):
        papers = makePapers(aCase, values=values)
        for name, text in texts(aCase, papers).items():
            assert "sterile" not in text.casefold().replace("non-sterile", ""), name
    assert "Sterilization cycle 4711 (steam at 121 °C) was recorded" in texts(aCase, papers)["label"]


@pytest.mark.parametrize(("changes", "code"), [
    ({"material": None}, "material-not-stated"),
    ({"use": None}, "use-not-stated"),
    ({"contact": None}, "contact-not-stated"),
    ({"profile": None}, "process-not-stated"),
    ({"profile": None, "material": None}, "no-process"),
    ({"material": "fdm-abs"}, "wrong-process"),
    ({"sterilisation": {"method": "none"}}, "no-sterilisation"),
])  # fmt: skip
def test_whatIsNotStatedOrWrongBlocks(aCase, aPart, monkeypatch, changes, code):  # noqa: F811
    """The part's own gate is older than the papers: what it let pass is looked at again."""
    monkeypatch.setitem(aPart.parameters, "toleranceMm", 0.25)
    for key, value in changes.items():
        monkeypatch.setitem(aCase.latest("part").parameters, key, value)
    before = filesBelow(aCase.folder)
    with pytest.raises(GateRefused) as refusal:
        makePapers(aCase)
    assert refusal.value.code == code and filesBelow(aCase.folder) == before


def test_entriesSurviveEverything(aCase, aSession, aPart):  # noqa: F811
    makePapers(aCase, values={"machine": "first", "lot": "A"}, user="one")
    second = makePapers(aCase, values={"machine": "second"}, user="two")
    assert (second.id, second.revision) == ("papers-1", 2)
    traveller = readPapers(aCase, second)["traveller"]
    assert {one["field"]: (one["value"], one["who"]) for one in traveller["sheets"][0]["fields"] if one["value"]} == {
        "machine": ("second", "two"), "lot": ("A", "one"),
    }  # fmt: skip
    assert [one["value"] for one in traveller["earlier"]] == ["first"] and "first" in texts(aCase, second)["traveller"]
    # Another part: nothing of the earlier one counts, nothing is lost.
    statedCase(aCase, aSession, bracketMesh(61.0))
    third = makePapers(aCase)
    traveller = readPapers(aCase, third)["traveller"]
    assert third.revision == 3 and not any(one["value"] for one in traveller["sheets"][0]["fields"])
    assert [one["value"] for one in traveller["earlier"]] == ["first", "A", "second"]
    # Each entry is bound by the audit log to who made it and when.
    assert Case.open(aCase.folder).verify() == []


def test_changedPapersAreNotOverwritten(aCase, aPart):  # noqa: F811
    papers = makePapers(aCase, values={"machine": "first"})
    path = aCase.path(papers, "papers.json")
    path.write_bytes(path.read_bytes().replace(b"first", b"other"))
    with pytest.raises(GateRefused) as refusal:
        makePapers(aCase)
    assert refusal.value.code == "damaged-papers"


@pytest.mark.parametrize(("values", "code"), [
    ({"machines": "x"}, "no-such-field"), ({"machine": "  "}, "bad-entry"), ({"machine": 3}, "bad-entry"),
    ({"printed": "1.3.2026"}, "bad-entry"), ({"printed": "2999-01-01"}, "bad-entry"),
    ({"effort-cad-clinician": "90"}, "bad-entry"), ({"lot": "a\nb"}, "bad-entry"),
])  # fmt: skip
def test_whatIsNoEntryIsRefused(aCase, aPart, values, code):  # noqa: F811
    with pytest.raises(UsageError) as refusal:
        makePapers(aCase, values=values)
    assert refusal.value.code == code and aCase.latest("papers") is None


def test_approvedPapersSaySoAndGoStaleWithTheApproval(aCase, aPart):  # noqa: F811
    approve(aCase)
    papers = makePapers(aCase)
    for name, text in texts(aCase, papers).items():
        assert "APPROVED by anna (surgeon)" in text and "NOT APPROVED" not in text, name
    assert papers.facts["approvals"] == ["approval-1"] and aCase.state(papers) == "current"
    Approval.reopen(aCase, keyOf("anna"), "another hole")
    assert aCase.state(papers) == "stale"
    assert "NOT APPROVED" in texts(aCase, makePapers(aCase))["label"]


def test_papersShowTheInspectionAndGoStaleWithIt(aCase, aPart):  # noqa: F811
    papers = makePapers(aCase)
    Inspection.inspectMeasured(aCase, measured={"extent x": 60.1, "extent y": 40.0, "extent z": 30.7})
    assert aCase.state(papers) == "current", "made before there was one"
    papers = makePapers(aCase)
    sheet = texts(aCase, papers)["inspection-sheet"]
    assert "FAIL (inspection-1.1)" in sheet and "30.70" in sheet and "+0.70" in sheet
    assert papers.facts["verdicts"] == [{"measured": "fail"}]
    Inspection.inspectMeasured(aCase, measured={"extent z": 30.0})
    assert aCase.state(papers) == "stale"


def test_registryRowIsReadableAndImplantsHaveNone(aCase, aPart):  # noqa: F811
    papers = makePapers(aCase, values={"effort-cad-clinician": "1:30"})
    (name,) = [one for one in papers.files if one.endswith("_registry.csv")]
    (row,) = csv.DictReader(io.StringIO(aCase.path(papers, name).read_text()))
    assert row["objectType"] == "anatomic guide" and row["laterality"] == "left" and row["orderingService"] == "Surgery"
    assert (row["cadClinicianHours"], row["cadClinicianMinutes"], row["cadClinicianUnknown"]) == ("1", "30", "False")
    assert (row["segmentationOtherHours"], row["segmentationOtherUnknown"]) == ("", "True")
    assert sum(key.endswith(("Hours", "Minutes", "Unknown")) for key in row) == 24


def test_implantHasNoRegistryRow(aCase, aSession):  # noqa: F811
    statedCase(aCase, aSession, profile="external-titanium", material="external-titanium", use="implant",
               contact="implanted", sterilisation={"method": "steam", "temperatureC": 134.0})  # fmt: skip
    papers = makePapers(aCase)
    assert not papers.facts["registryInScope"] and not any(name.endswith(".csv") for name in papers.files)


def test_jsonIsTheWholeOfIt(aCase, aPart):  # noqa: F811
    papers = makePapers(aCase)
    values = json.loads(aCase.path(papers, "papers.json").read_bytes())
    assert (values["format"], values["version"]) == ("planninghub-papers", PapersContent.VERSION)
    assert {"ticket", "traveller", "inspection", "statement", "label", "registry", "entries"} <= set(values)


def test_papersKnowThePseudonymOnly(aCase, aPart, monkeypatch):  # noqa: F811
    monkeypatch.setattr(Papers, "patientWords", lambda _case: frozenset({"doe", "jane", "4711x"}))
    for text in ("for Jane", "4711X", "DOE, second print"):
        with pytest.raises(UsageError) as refusal:
            makePapers(aCase, values={"machine": text})
        assert refusal.value.code == "identifying-text"
    label = {"text": "JANE", "kind": "engraved", "heightMm": 7.5, "depthMm": 3.0, "piece": "", "read": True}
    monkeypatch.setitem(aPart.facts, "label", [{**label, "identifiesPatient": True}])
    monkeypatch.setitem(aCase.latest("part").facts, "label", [{**label, "identifiesPatient": True}])
    papers = makePapers(aCase)
    ticket = texts(aCase, papers)["job-ticket"]
    assert "engraved “typed text”, 7.5 mm high, 3 mm deep, read" in ticket
    assert all("JANE" not in text for text in texts(aCase, papers).values())
    assert b"JANE" not in aCase.path(papers, "papers.json").read_bytes()


def test_codeOnTheLabelIsRead(aCase, aPart, tmp_path):  # noqa: F811
    papers = makePapers(aCase)
    (name,) = [one for one in papers.files if one.endswith("_label.pdf")]
    run("pdftoppm", "-r", "200", "-gray", "-png", "-singlefile", aCase.path(papers, name), tmp_path / "label")
    text = QrCodes.readQr(numpy.asarray(Image.open(tmp_path / "label.png")))
    assert text == readPapers(aCase, papers)["label"]["qr"]
    read = QrCodes.parsed(text)
    assert read.partNumber == "PART-1.1" and aPart.parents[0].content.upper().startswith(read.sourceHash)


def test_buildIsOnTheTicketAndMakesPapersStale(aCase, aSession, aPart):  # noqa: F811
    before = makePapers(aCase)
    build = makeBuild(aCase, aSession, slicing=False)
    assert aCase.state(before) == "current"
    papers = makePapers(aCase)
    assert {link.id for link in papers.parents} == {"part-1", "build-1"}
    hours = build.facts["estimate"]["hours"]
    assert f"build-1.1: 1 plate(s) with 1 part(s): about {hours:.1f} h" in texts(aCase, papers)["job-ticket"]


def test_cancelLeavesNothing(aCase, aPart):  # noqa: F811
    before = filesBelow(aCase.folder)
    for wanted in range(3):
        calls = []

        def cancel(_fraction, _text, calls=calls, wanted=wanted):
            calls.append(1)
            if len(calls) > wanted:
                raise Cancelled

        with pytest.raises(Cancelled):
            makePapers(aCase, values=TRAVELLER, progress=cancel)
        assert filesBelow(aCase.folder) == before and aCase.latest("papers") is None
