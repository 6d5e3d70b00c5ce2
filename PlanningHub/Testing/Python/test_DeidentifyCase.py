"""A copy of a case: its consent, its departure, its audit, and the way back with the key."""

import json

import pytest
from CopiedSeries import headers

from PlanningHubLib import Consent, Deidentify, DeidentifySource
from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import GateRefused


@pytest.fixture
def aConsentedCase(anImportedCase):
    """A case whose patient consented to research."""
    with Case.open(anImportedCase, writable=True) as case:
        Consent.recordConsent(case, "research", "2026-01-31", "test 1")
    return anImportedCase


def test_aCopyAndItsReversalAreAudited(aConsentedCase, tmp_path):
    report = Deidentify.deidentify(aConsentedCase, tmp_path / "out", "research", "Institute")
    copied = {header.SOPInstanceUID for header in headers(tmp_path / "out")}
    with Case.open(aConsentedCase, writable=True) as case:
        identity = Deidentify.reidentify(case, report["pseudonym"], "Institute", "incidental finding")
        assert identity["patientId"] == "PHANTOM-1"
        assert identity["case"] == case.name
        assert copied <= set(identity["uids"])
        with pytest.raises(GateRefused) as error:
            Deidentify.reidentify(case, report["pseudonym"], "Somebody else")
        assert error.value.code == "not-this-patient"
        assert case.verify() == []
    actions = [json.loads(line)["action"] for line in (aConsentedCase / "audit.log").read_text().splitlines()]
    assert actions[-3:] == ["deidentified-copy", "reidentified", "reidentified"]


def test_withoutTheKeyNobodyCanTell(aConsentedCase, tmp_path, monkeypatch):
    report = Deidentify.deidentify(aConsentedCase, tmp_path / "out", "research")
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "elsewhere"))
    (tmp_path / "elsewhere").mkdir()
    with Case.open(aConsentedCase) as case, pytest.raises(GateRefused) as error:
        Deidentify.reidentify(case, report["pseudonym"])
    assert error.value.code == "no-key"


@pytest.mark.parametrize(
    ("profile", "scope"), [("treatment-partner", "manufacturer"), ("teaching", "teaching"), ("research", "research")]
)
def test_noCopyOfACaseWithoutConsentOfItsScope(anImportedCase, tmp_path, monkeypatch, profile, scope):
    read = []
    monkeypatch.setattr(DeidentifySource, "find", lambda *arguments: read.append(arguments))
    with Case.open(anImportedCase, writable=True) as case:
        for other in {*Consent.SCOPES} - {scope}:
            Consent.recordConsent(case, other, "2026-01-31", "test 1")
        Consent.recordConsent(case, scope, "2026-01-31", "test 1")
        Consent.withdrawConsent(case, scope)
        before = case.governance
    with pytest.raises(GateRefused) as error:
        Deidentify.deidentify(anImportedCase, tmp_path / "out", profile)
    assert error.value.code == "no-consent"
    assert scope in error.value.message
    assert read == [] and not (tmp_path / "out").exists()
    with Case.open(anImportedCase) as case:
        assert case.governance == before


def test_theDepartureIsRecordedBeforeAnythingIsWritten(aConsentedCase, tmp_path, monkeypatch):
    def failing(copy, progress):
        assert list(copy.folder.iterdir()) == []
        with Case.open(aConsentedCase) as case:
            assert [one["purpose"] for one in case.governance["departures"]] == ["research"]
        raise OSError("the power fails here")

    monkeypatch.setattr(Deidentify, "_write", failing)
    with pytest.raises(OSError):
        Deidentify.deidentify(aConsentedCase, tmp_path / "out", "research", "Institute")
    with Case.open(aConsentedCase) as case:
        (departure,) = Consent.departures(case, "research")
        assert departure["destination"] == f"Institute, folder {tmp_path / 'out'}"
        assert [one["id"] for one in departure["artefacts"]] == [case.latest("source").id]
        assert departure["consent"] and not departure["proven"]


def test_aCopyThatIsRefusedIsNoDeparture(aConsentedCase, tmp_path, monkeypatch):
    def refuse(*_arguments):
        raise GateRefused("face-visible", "A face can be recognised in the images.")

    monkeypatch.setattr(Deidentify, "requireAllowed", refuse)
    with pytest.raises(GateRefused):
        Deidentify.deidentify(aConsentedCase, tmp_path / "out", "research")
    with Case.open(aConsentedCase) as case:
        assert case.governance["departures"] == []


def test_theReportSaysWhetherConsentWasAskedFor(aConsentedCase, aSeries, tmp_path):
    report = Deidentify.deidentify(aConsentedCase, tmp_path / "case", "research")
    assert report["consent"] == "given, scope research"
    assert "consent-not-asked" not in [finding["code"] for finding in report["findings"]]
    report = Deidentify.deidentify(aSeries, tmp_path / "folder", "research")
    assert report["consent"] == "not asked for: the source is no case"
    assert "consent-not-asked" in [finding["code"] for finding in report["findings"]]
