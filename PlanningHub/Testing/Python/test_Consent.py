"""Consent: one gate, closed until a scope is recorded, closed again by its withdrawal, and a true list of what left."""

import json

import pytest
from CaseMaking import commitChain, newCase, writeSite

from PlanningHubLib import Consent
from PlanningHubLib.Audit import LOG_NAME
from PlanningHubLib.Case import Case
from PlanningHubLib.CaseFormat import FILE_NAME, encode
from PlanningHubLib.Errors import GateRefused, UsageError, VerificationFailed
from PlanningHubLib.Import import importSeries

SIGNED = ("2026-01-31", "version 4")


@pytest.fixture(autouse=True)
def aSiteThatRecordsTreatment(ownHome):
    """The strict setting; without it consent to treatment is kept elsewhere."""
    writeSite(ownHome, treatmentConsent="recorded")


@pytest.fixture
def aLenientSite(ownHome):
    """The default: the hospital keeps consent to treatment elsewhere."""
    writeSite(ownHome)
    return ownHome


def record(case, scope="treatment"):
    return Consent.recordConsent(case, scope, *SIGNED)


def refusal(function, *arguments):
    with pytest.raises(GateRefused) as error:
        function(*arguments)
    assert error.value.exitCode == 4
    return error.value


@pytest.mark.parametrize("purpose, scope", Consent.PURPOSES.items())
def test_everyPurposeIsClosedUntilItsOwnScopeIsRecorded(aCase, purpose, scope):
    for other in Consent.SCOPES:
        if other != scope:
            record(aCase, other)
    error = refusal(Consent.requireConsent, aCase, purpose)
    assert error.code == "no-consent" and f"scope {scope}" in error.message
    record(aCase, scope)
    assert Consent.requireConsent(aCase, purpose)["documentVersion"] == "version 4"


def test_whatIsNotNamedNeverLeaves(aCase):
    record(aCase)
    for purpose in ("", "marketing", None):
        with pytest.raises(UsageError) as error:
            Consent.requireConsent(aCase, purpose)
        assert error.value.code == "unknown-purpose"


def test_withdrawalClosesTheGateAndEveryOlderConsentWithIt(aCase):
    record(aCase)
    record(aCase)
    Consent.withdrawConsent(aCase, "treatment", "changed their mind")
    assert "withdrawn" in refusal(Consent.requireConsent, aCase, "or-package").message
    assert refusal(Consent.withdrawConsent, aCase, "treatment").code == "no-consent"
    record(aCase)
    assert Consent.requireConsent(aCase, "or-package")["id"] == "consent-3"
    assert Consent.consentLines(aCase) == {
        "treatment": "given", "manufacturer": "none", "teaching": "none", "research": "none",
    }  # fmt: skip


def test_withdrawalListsWhatHasLeftForThatScopeOnly(aCase):
    made = commitChain(aCase)
    record(aCase)
    record(aCase, "teaching")
    Consent.release(aCase, "or-package", "folder A", [made["package"]])
    Consent.release(aCase, "teaching", "folder B", [made["part"]])
    (left,) = Consent.withdrawConsent(aCase, "treatment")
    assert (left["destination"], left["artefacts"][0]["content"]) == ("folder A", made["package"].content)
    assert {one["destination"] for one in Consent.departures(aCase)} == {"folder A", "folder B"}


def test_releaseRecordsInCaseAndAuditLogBeforeItReturns(aCase):
    made = commitChain(aCase)
    record(aCase)
    Consent.release(aCase, "or-package", "folder A", [made["package"]])
    Consent.release(aCase, "or-package", "folder A", [made["package"]])
    lines = [json.loads(line) for line in (aCase.folder / LOG_NAME).read_text().splitlines()]
    released = [line["what"] for line in lines if line["action"] == "released"]
    assert len(released) == len(Consent.departures(aCase)) == 2
    assert released[0]["artefacts"] == [{"id": "package-1", "content": made["package"].content}]
    assert Case.open(aCase.folder).verify() == []


def test_refusedReleaseRecordsNothing(aCase):
    before = (aCase.folder / FILE_NAME).read_bytes()
    refusal(Consent.release, aCase, "or-package", "folder A", [])
    assert (aCase.folder / FILE_NAME).read_bytes() == before


def test_nothingLeavesACaseThatCannotRecordIt(aCase):
    record(aCase)
    aCase.close()
    with pytest.raises(UsageError) as error:
        Consent.release(Case.open(aCase.folder), "or-package", "folder A", [])
    assert error.value.code == "read-only"


@pytest.mark.parametrize("scope, date, document, code", [
    ("everything", *SIGNED, "unknown-scope"),
    ("treatment", None, "v1", "bad-consent-date"),
    ("treatment", "2999-01-01", "v1", "bad-consent-date"),
    ("treatment", "31.1.2026", "v1", "bad-consent-date"),
    ("treatment", "20260131", "v1", "bad-consent-date"),
    ("treatment", "2026-01-31", " ", "no-consent-document"),
    ("treatment", "2026-01-31", None, "no-consent-document"),
])  # fmt: skip
def test_halfAConsentIsNotRecorded(aCase, scope, date, document, code):
    with pytest.raises(UsageError) as error:
        Consent.recordConsent(aCase, scope, date, document)
    assert error.value.code == code and aCase.governance["consents"] == []


def test_consentWrittenIntoTheFileByHandIsFound(aCase):
    record(aCase)
    aCase.close()
    path = aCase.folder / FILE_NAME
    values = json.loads(path.read_text())
    values["governance"]["consents"][0]["scope"] = "research"
    path.write_bytes(encode(values))
    with pytest.raises(VerificationFailed) as error:
        Case.open(aCase.folder)
    assert error.value.code == "case-changed-outside"


def test_consentOfOneCaseIsNotThatOfAnother(aCase, tmp_path):
    record(aCase)
    with newCase(tmp_path / "other") as other:
        refusal(Consent.requireConsent, other, "hospital-store")


def test_theCallersCopyChangesNothing(aCase):
    aCase.governance["consents"].append({"scope": "treatment", "withdrawn": None})
    refusal(Consent.requireConsent, aCase, "or-package")


def test_receiptOfACaseThatRecordedNoDepartureCountsAsLeft(aCase):
    with aCase.staging("receipt") as stage:
        (stage.folder / "receipt.json").write_text("{}")
        stage.commit(parameters={"store": "folder store S"})
    (left,) = Consent.departures(aCase, "treatment")
    assert left["destination"] == "folder store S" and left["proven"]


# Kept elsewhere, by the site's setting


def auditOf(case, action):
    lines = [json.loads(line) for line in (case.folder / LOG_NAME).read_text().splitlines()]
    return [line["what"] for line in lines if line["action"] == action]


@pytest.mark.parametrize(
    "settings, who", [({}, "default setting"), ({"treatmentConsent": "elsewhere"}, "site setting")]
)
def test_makingACaseRecordsThatTheConsentIsKeptElsewhere(ownHome, aSeries, tmp_path, settings, who):
    writeSite(ownHome, **settings)
    importSeries(aSeries, tmp_path / "case")
    with Case.open(tmp_path / "case", writable=True) as case:
        (consent,) = case.governance["consents"]
        assert (consent["scope"], consent["basis"], consent["given"]) == ("treatment", "elsewhere", None)
        assert consent["who"] == who and "elsewhere" in consent["documentVersion"]
        wanted = {"consent": "consent-1", "scope": "treatment", "basis": "elsewhere"}
        assert auditOf(case, "consent-recorded") == [wanted] and case.verify() == []
        assert Consent.consentLines(case)["treatment"] == "kept elsewhere"
        Consent.release(case, "hospital-store", "folder somewhere", [])
        assert [one["consent"] for one in Consent.departures(case)] == ["consent-1"]
        for purpose in ("treatment-partner", "teaching", "research"):
            refusal(Consent.requireConsent, case, purpose)
    importSeries(aSeries, tmp_path / "case")
    with Case.open(tmp_path / "case") as case:
        assert len(case.governance["consents"]) == 1, "new images are no new consent"


def test_whereTheSiteRecordsConsentACaseIsMadeWithoutOne(aSeries, tmp_path):
    importSeries(aSeries, tmp_path / "case")
    with Case.open(tmp_path / "case", writable=True) as case:
        assert case.governance["consents"] == [] and auditOf(case, "consent-recorded") == []
        assert "none is recorded" in refusal(Consent.requireConsent, case, "or-package").message
        assert refusal(Consent.recordElsewhere, case).code == "consent-not-elsewhere"
        assert case.governance["consents"] == []


def test_aCaseWithoutARecordIsClosed_untilWhatTheSiteSaysIsRecorded(aLenientSite, aCase):
    """Such as one of an older format."""
    error = refusal(Consent.requireConsent, aCase, "hospital-store")
    assert "scope treatment: none is recorded" in error.message and "keeps it elsewhere, record that" in error.action
    assert Consent.recordElsewhere(aCase) == Consent.requireConsent(aCase, "hospital-store")
    assert Consent.recordElsewhere(aCase)["id"] == "consent-1" and len(aCase.governance["consents"]) == 1


def test_whatIsKeptElsewhereIsWithdrawnAsAnyConsent(aLenientSite, aCase):
    Consent.recordElsewhere(aCase)
    Consent.release(aCase, "or-package", "folder A", [])
    (left,) = Consent.withdrawConsent(aCase, "treatment", "patient's wish")
    assert left["destination"] == "folder A" and Consent.consentLines(aCase)["treatment"] == "withdrawn"
    for purpose in ("or-package", "prescription", "hospital-store", "inference-server"):
        assert "it was withdrawn on" in refusal(Consent.requireConsent, aCase, purpose).message
    assert "it was withdrawn on" in refusal(Consent.recordElsewhere, aCase).message
    record(aCase)
    assert Consent.requireConsent(aCase, "or-package")["basis"] == "document"


def test_anElsewhereIsNotEnoughWhereTheSiteWantsTheDocument(aLenientSite, aCase):
    Consent.recordElsewhere(aCase)
    writeSite(aLenientSite, treatmentConsent="recorded")
    error = refusal(Consent.requireConsent, aCase, "or-package")
    assert "recorded as kept elsewhere, and this site wants it recorded here" in error.message
    record(aCase)
    assert Consent.requireConsent(aCase, "or-package")["id"] == "consent-2"


def test_whatIsKeptElsewhereIsSaid_andADocumentIsNot(aLenientSite, aCase):
    assert Consent.treatmentFindings(aCase) == []
    Consent.recordElsewhere(aCase)
    (said,) = Consent.treatmentFindings(aCase)
    assert (said.code, said.severity) == ("treatment-consent-elsewhere", "info")
    record(aCase, "manufacturer")
    assert Consent.treatmentFindings(aCase) == [said]
    record(aCase)
    assert Consent.treatmentFindings(aCase) == [] and Consent.consentLines(aCase)["treatment"] == "given"


@pytest.mark.parametrize("changes", [
    {"given": None}, {"given": "2026-01-31", "basis": "elsewhere"}, {"basis": "hearsay"},
    {"scope": "research", "basis": "elsewhere", "given": None},
])  # fmt: skip
def test_aConsentIsADocumentWithItsDate_orToTreatmentAndElsewhere(aCase, changes):
    record(aCase)
    governance = aCase.governance
    governance["consents"][0] |= changes
    with pytest.raises(UsageError) as error:
        aCase.changeGovernance(governance, "consent-recorded", {})
    assert error.value.code == "bad-governance"


def test_aConsentWithoutItsBasisIsTheOneOfADocument(aCase):
    """So cases wrote it before consents could be kept elsewhere."""
    record(aCase)
    governance = aCase.governance
    del governance["consents"][0]["basis"]
    aCase.changeGovernance(governance, "consent-recorded", {})
    assert Consent.requireConsent(aCase, "or-package")["id"] == "consent-1"
    assert Consent.consentLines(aCase)["treatment"] == "given" and Consent.treatmentFindings(aCase) == []
