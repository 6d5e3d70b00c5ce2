"""The prescription: structured, never dimensions alone; its PDF says it is a draft and passes the consent gate."""

import pytest
from Judges import run

from ORExportLib.Pages.PrescriptionPdf import exportPrescription
from PlanningHubLib.Case import Case
from PlanningHubLib.Consent import departures, recordConsent
from PlanningHubLib.Errors import GateRefused, UsageError
from PlanningHubLib.Prescription import statePrescription
from PlanningHubLib.Site import Site

WHO = {"name": "A. Prescriber", "qualification": "neurosurgeon", "institution": "A hospital"}
PLATE = [
    {"kind": "plate-thickness", "value": 3.5},
    {"kind": "material", "value": "PEEK"},
    {"kind": "screw-number", "value": 6, "note": "self-drilling <1.5>"},
    {"kind": "dimension", "value": 82.0},
]


@pytest.fixture
def aCase(tmp_path, monkeypatch):
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "home"))
    with Case.create(tmp_path / "case", "5a" * 32, side="left", procedure="Cranioplasty") as case:
        yield case


def state(case, characteristics=PLATE, prescriber=WHO, device="Cranial plate"):
    return statePrescription(case, device, prescriber, characteristics)


@pytest.mark.parametrize("changes, code", [
    ({"characteristics": []}, "no-design-characteristics"),
    ({"characteristics": PLATE[3:]}, "no-design-characteristics"),
    ({"characteristics": [{"kind": "plate-thickness", "value": "thin"}]}, "bad-characteristic"),
    ({"characteristics": [{"kind": "plate-thickness", "value": -1}]}, "bad-characteristic"),
    ({"characteristics": [{"kind": "plate-thickness", "value": float("nan")}]}, "bad-characteristic"),
    ({"characteristics": [{"kind": "material", "value": " "}]}, "bad-characteristic"),
    ({"characteristics": [{"kind": "please make it nice", "value": "x"}]}, "bad-characteristic"),
    ({"prescriber": {**WHO, "qualification": ""}}, "prescription-incomplete"),
    ({"device": " "}, "prescription-incomplete"),
])  # fmt: skip
def test_freeTextOrDimensionsAloneAreNoPrescription(aCase, changes, code):
    with pytest.raises(UsageError) as error:
        state(aCase, **changes)
    assert error.value.code == code and aCase.governance["prescription"] is None


def test_pdfSaysItAllAndThatItIsADraft(aCase, tmp_path):
    recordConsent(aCase, "treatment", "2026-01-31", "test 1")
    state(aCase)
    assert state(aCase)["revision"] == 2
    exportPrescription(aCase, tmp_path / "draft.pdf")
    text = run("pdftotext", "-layout", tmp_path / "draft.pdf", "-")
    said = ("DRAFT", aCase.name, "LEFT", "Cranioplasty", "A. Prescriber", "3.5 mm", "PEEK", "<1.5>", "not stated")
    for words in said:
        assert words in text, words
    assert "No syntax or stream encoding errors" in run("qpdf", "--check", tmp_path / "draft.pdf")
    assert [one["purpose"] for one in departures(aCase)] == ["prescription"]
    assert Case.open(aCase.folder).verify() == []


def test_withoutConsentOrPrescriptionNoPdf(aCase, tmp_path, monkeypatch):
    monkeypatch.setattr(Site, "recordsTreatmentConsent", True)
    for code in ("no-prescription", "no-consent"):
        with pytest.raises(GateRefused) as error:
            exportPrescription(aCase, tmp_path / "draft.pdf")
        assert error.value.code == code and not (tmp_path / "draft.pdf").exists()
        state(aCase)
