"""The gate: each fault of a case is found under its own name, and a case without fault passes."""

import datetime
import types

import pydicom
import pytest
from SmallSeries import addPart, tetrahedronStl
from test_ApprovedPackage import ANNA, writeSite

from ORExportLib import Gate, GateScan
from PlanningHubLib import Approval, Consent, VerdictHeaders
from PlanningHubLib.DicomScan import readHeaders
from PlanningHubLib.Errors import Finding, GateRefused, StoreFailed
from PlanningHubLib.IntendedUse import stateUse
from PlanningHubLib.Planning import Plan
from PlanningHubLib.Planning.Document import checked, newDocument
from PlanningHubLib.Prescription import statePrescription
from PlanningHubLib.Procedures import readProcedure
from PlanningHubLib.Request import stateRequest
from PlanningHubLib.Volumes import seriesPaths

# What every small case has: nobody signed, and no store is asked.
USUAL = {"not-approved", "newer-study-unknown"}
SCAN_DAY = datetime.date(2024, 1, 2)


def inputsOf(case, plan=None):
    source, segmentation, part = (case.latest(kind) for kind in ("source", "segmentation", "part"))
    artefacts = tuple(one for one in (source, segmentation, plan, part) if one)
    return types.SimpleNamespace(source=source, plan=plan, parts=(part,), artefacts=artefacts)


def found(case, approvals=(), inputs=None, **options):
    findings = Gate.gateFindings(case, inputs or inputsOf(case), approvals, **options)
    return {one.code: one for one in findings}


def rejections(case, **options):
    return {code for code, one in found(case, **options).items() if one.severity == "reject"}


def headersOf(case):
    return readHeaders(seriesPaths(case, case.latest("source")))


def test_aCaseWithoutFaultPasses(aReadyCase):
    findings = found(aReadyCase)
    assert set(findings) == USUAL
    assert findings["not-approved"].severity == "warn" and "nobody has signed" in findings["not-approved"].message
    Gate.requireOpen(findings.values())


def test_whatRejectsIsRefusedWithAllFindings(aReadyCase):
    findings = [Finding("a", "warn", "A."), Finding("b", "reject", "B."), Finding("c", "reject", "C.")]
    with pytest.raises(GateRefused) as refused:
        Gate.requireOpen(findings)
    assert refused.value.code == "b" and "1 more" in refused.value.message
    assert [one["code"] for one in refused.value.result["findings"]] == ["b", "c", "a"]


def test_withdrawnConsentAndOtherUse(aReadyCase):
    Consent.withdrawConsent(aReadyCase, "treatment")
    stateUse(aReadyCase, "education")
    findings = found(aReadyCase)
    assert findings["no-consent"].severity == "reject" and findings["not-for-treatment"].severity == "warn"


def test_staleInputsAreNamed(aReadyCase):
    inputs = inputsOf(aReadyCase)
    addPart(aReadyCase, tetrahedronStl()[:-1] + b"\1")
    assert rejections(aReadyCase, inputs=inputs) == {"stale-part"}


def test_approvalsMustBeForTheseContents(aReadyCase, monkeypatch):
    monkeypatch.setenv("PLANNINGHUB_HOME", str(aReadyCase.folder.parent / "home"))
    writeSite()
    approval = Approval.approve(aReadyCase, ANNA)
    assert set(found(aReadyCase, [approval])) == USUAL - {"not-approved"}
    other = {**approval, "statement": {**approval["statement"], "artefacts": approval["statement"]["artefacts"][:-1]}}
    assert "approval-differs" in found(aReadyCase, [other])
    Approval.reopen(aReadyCase, ANNA, "other screw")
    assert "other screw" in found(aReadyCase)["not-approved"].message


def test_anotherPatientsSliceIsNamed(aReadyCase):
    headers = headersOf(aReadyCase)
    headers[3].patientId = "P2"
    findings = found(aReadyCase, headers=headers)
    assert findings["patient-differs"].files == (headers[3].path,)
    headers[3].patientId, headers[3].patientIdIssuer = "P1", "elsewhere"
    assert rejections(aReadyCase, headers=headers) == {"patient-differs"}


def test_withoutTheKeyThePatientIsNotVouchedFor(aReadyCase, monkeypatch, tmp_path):
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "elsewhere"))
    headers = headersOf(aReadyCase)
    assert found(aReadyCase, headers=headers)["patient-not-checked"].severity == "warn"
    assert rejections(aReadyCase, headers=headers) == set()
    headers[0].patientId = "P2"
    assert rejections(aReadyCase, headers=headers) == {"patient-differs"}


@pytest.mark.parametrize("text, code", [
    ("PH-ABCDEFGH-2345 LEFT PART-1.1", "patient-differs"),
    ("PLANNINGHUB:PH-ABCDEFGH-2345:PART-1.1:00", "patient-differs"),
    ("RIGHT PART-1.1", "side-differs"),
])  # fmt: skip
def test_partMarkedForAnotherIsNamed(aReadyCase, text, code):
    part = aReadyCase.latest("part")
    part.facts["label"] = [{"text": f"{aReadyCase.name} LEFT"}]
    assert rejections(aReadyCase) == set()
    part.facts["label"].append({"text": text})
    assert rejections(aReadyCase) == {code}


def test_partFileOfAnotherCaseIsNamed(aReadyCase):
    stl = tetrahedronStl()
    addPart(aReadyCase, b"SPACE=LPS UNIT=mm CASE=PH-ABCDEFGH-2345 PART=part-1.1".ljust(80) + stl[80:])
    assert rejections(aReadyCase) == {"patient-differs"}


@pytest.mark.parametrize("laterality, codes", [("L", set()), ("R", {"side-differs"})])
def test_codedSideOfTheImages(aReadyCase, laterality, codes):
    headers = headersOf(aReadyCase)
    for header in headers:
        header.laterality = laterality
    assert rejections(aReadyCase, headers=headers) == codes


def test_sideOfRequestAndWordsOfThePrescription(aReadyCase):
    stateRequest(aReadyCase, anatomy="Left parietal bone", design="standard")
    statePrescription(aReadyCase, "Plate for the right temple", {"name": "a", "qualification": "b", "institution": "c"},
                      [{"kind": "material", "value": "titanium"}])  # fmt: skip
    findings = found(aReadyCase)
    assert findings["side-in-words"].severity == "warn" and "prescription" in findings["side-in-words"].message
    aReadyCase._values["governance"]["request"]["side"] = "right"
    assert rejections(aReadyCase) == {"side-differs"}
    aReadyCase._values["side"] = None
    assert found(aReadyCase)["side-not-stated"].severity == "warn"


def test_planOfAnotherSideOrScan(aReadyCase, aSession):
    document = checked(newDocument("Plate from the right"))
    plan = Plan.keepPlan(aReadyCase, aSession, Plan.Carried(document, {}, {}))
    inputs = inputsOf(aReadyCase, plan)
    assert rejections(aReadyCase, inputs=inputs) == set()
    path = aReadyCase.path(plan, Plan.DOCUMENT_FILE)
    original = path.read_bytes()
    path.write_bytes(original.replace(b'"side": "left"', b'"side": "right"'))
    assert rejections(aReadyCase, inputs=inputs) == {"side-differs"}
    frame = pydicom.dcmread(seriesPaths(aReadyCase, inputs.source)[0]).FrameOfReferenceUID
    path.write_bytes(original.replace(frame.encode(), b"1.2.3"))
    assert rejections(aReadyCase, inputs=inputs) == {"frame-differs"}


@pytest.mark.parametrize("days, found", [
    (0, None), (42, None), (43, "warn"), (366, "reject"),
])  # fmt: skip
def test_ageByTheProceduresLimits(days, found):
    today = SCAN_DAY + datetime.timedelta(days=days)
    findings = list(GateScan.ageFindings(SCAN_DAY, readProcedure("mandible"), today))
    assert [(one.code, one.severity) for one in findings] == ([("scan-too-old", found)] if found else [])


def test_undatedAndFutureScans():
    procedure = readProcedure("general")
    assert [one.code for one in GateScan.ageFindings(None, procedure)] == ["scan-date-unknown"]
    yesterday = SCAN_DAY - datetime.timedelta(days=1)
    assert [one.code for one in GateScan.ageFindings(SCAN_DAY, procedure, yesterday)] == ["scan-date-in-future"]


def test_ageIsThatOfToday(aReadyCase, monkeypatch):
    assert "scan-too-old" not in found(aReadyCase)
    monkeypatch.setattr(VerdictHeaders, "today", lambda: SCAN_DAY + datetime.timedelta(days=200))
    assert found(aReadyCase)["scan-too-old"].severity == "warn"


def study(uid, date, *modalities):
    return {"studyUid": uid, "date": date, "modalities": list(modalities)}


def test_newerStudiesOfThePatient(aReadyCase):
    header = headersOf(aReadyCase)[0]
    asked = []

    def store(*studies):
        def newer(patientId, after):
            asked.append((patientId, after))
            return studies

        return newer

    same, older = study(header.studyUid, "2024-02-01", "CT"), study("1.2", "2023-12-31", "CT")
    report, newer = study("1.3", "2025-01-01", "SR", "DOC"), study("1.4", "2025-01-01", "CT", "SR")
    assert "newer-study" not in found(aReadyCase, newerStudies=store(same, older, report))
    finding = found(aReadyCase, newerStudies=store(same, older, report, newer))["newer-study"]
    assert finding.severity == "warn" and "CT/SR of 2025-01-01" in finding.message
    assert asked == [("P1", SCAN_DAY)] * 2
    assert "newer-study" in found(aReadyCase, newerStudies=store(study("1.5", None)))


def test_aStoreThatCannotTellIsSaid(aReadyCase):
    def unreachable(*_given):
        raise StoreFailed("store-unreachable", "Nobody answers.")

    assert found(aReadyCase, newerStudies=lambda *_given: None)["newer-study-unknown"].severity == "info"
    finding = found(aReadyCase, newerStudies=unreachable)["newer-study-unknown"]
    assert finding.severity == "warn" and "Nobody answers" in finding.message


def test_aGlanceTellsWhatIsMissing(aReadyCase):
    def refuse(_case):
        raise GateRefused("no-part", "The case has no part yet.", "Make the part first.")

    assert {one.code for one in Gate.glance(aReadyCase, inputsOf)} == USUAL
    Consent.withdrawConsent(aReadyCase, "treatment")
    assert [one.code for one in Gate.glance(aReadyCase, refuse)] == ["no-part", "no-consent"]
