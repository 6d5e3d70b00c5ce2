"""The documents of a de-identified copy: drawn anew, with its own numbers and hashes, and not one word of the case."""

import dataclasses
import datetime
import json

import pydicom
import pytest
from Judges import dicomErrors, encapsulatedDocument, run
from LeakSearch import leaks
from test_PlannedPackage import PLATE, planThePart

from ORExportLib.CopyDocuments import copiedBriefing, copyDocuments
from ORExportLib.Package import makePackage
from PlanningHubLib import Approval, Deidentify
from PlanningHubLib.Case import Case
from PlanningHubLib.Consent import recordConsent
from PlanningHubLib.DeidentifyDocuments import Described, DescribedArtefact
from PlanningHubLib.Errors import VerificationFailed
from PlanningHubLib.Prescription import statePrescription
from PlanningHubLib.Request import stateRequest
from PlanningHubLib.Secrets import homeFolder
from PlanningHubLib.Signing import UserKey

WORD = "Qzleak"
KEYS = [UserKey(f"{WORD}{number}", bytes([number]) * 32) for number in (1, 2)]
ROLES = ["surgeon", f"{WORD} of the house"]
PLAN = {
    "note": WORD,
    "risks": [{"text": WORD, "structure": "", "minimumMm": 2.0, "mitigation": WORD}],
    "checklist": [{"text": WORD, "done": True, "note": WORD}],
}
CHARACTERISTICS = [
    {"kind": "plate-thickness", "value": 3.5, "note": WORD},
    {"kind": "material", "value": f"{WORD} 7"},
    {"kind": "screw-number", "value": 6},
]


def writeSite():
    users = [{"name": key.user, "fullName": WORD, "roles": [role], "publicKey": key.publicKey}
             for key, role in zip(KEYS, ROLES, strict=True)]  # fmt: skip
    rules = [{"kind": "part", "roles": ROLES, "signatures": 2}]
    path = homeFolder() / "site.json"
    path.write_text(json.dumps({"format": "planninghub-site", "version": 1, "users": users, "approvals": rules}))
    path.chmod(0o644)


@pytest.fixture
def aPlantedCase(tmp_path, aReadyCase, aSession, withoutPictures, monkeypatch):
    """Folder of an approved, prescribed and packaged case with a word wherever a person can write one."""
    case = aReadyCase
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "home"))
    writeSite()
    words = {name: WORD for name in ("indication", "designReason", "department")}
    stateRequest(case, procedure="Cranioplasty", anatomy=WORD, side="left", design="patient-specific", **words)
    who = {"name": f"A. {WORD}", "qualification": WORD, "institution": WORD}
    statePrescription(case, f"{WORD} plate", who, CHARACTERISTICS)
    planThePart(case, aSession, dataclasses.replace(PLATE, name=f"{WORD} plate"), title=f"{WORD} of the skull", **PLAN)
    for key, role in zip(KEYS, ROLES, strict=True):
        Approval.approve(case, key, role=role)
    makePackage(case, aSession, requireApproved=True)
    for scope in ("manufacturer", "teaching"):
        recordConsent(case, scope, "2026-01-31", f"{WORD} 4")
    case.close()
    return case.folder


def textsOf(out):
    """Return the words on every page of a copy, those in DICOM objects too, and what the files say of themselves."""
    files = [*(out / "documents").iterdir()]
    for path in (out / "dicom").glob("*-briefing-*.dcm"):
        inside = out.parent / "inside.pdf"
        inside.write_bytes(encapsulatedDocument(path))
        files.append(inside)
    return {path.name: run("pdftotext", "-layout", path, "-") + run("pdfinfo", path) for path in files}


def copyOf(folder, out, profile="treatment-partner", documents=None):
    return Deidentify.deidentify(folder, out, profile, documents=copyDocuments() if documents is None else documents)


@pytest.mark.parametrize("profile", ["treatment-partner", "teaching"])
def test_noWordOfTheCaseIsInItsDocuments(aPlantedCase, tmp_path, profile):
    report = copyOf(aPlantedCase, tmp_path / "out", profile)
    with Case.open(aPlantedCase) as case:
        words = [WORD, case.name, case.caseId, "Screw", "Nerve", "PHANTOM", datetime.date.today().isoformat()]
        words += [key.publicKey for key in KEYS] + [one["signature"] for one in case.governance["approvals"]]
        words.append(str(pydicom.dcmread(next(aPlantedCase.rglob("dicom/*.dcm"))).StudyInstanceUID))
    assert leaks(tmp_path / "out", words) == []
    texts = textsOf(tmp_path / "out")
    assert len(texts) == 3
    for name, text in texts.items():
        said = text.lower().replace("screw number", "")
        assert not [word for word in words if word.lower() in said], name
    assert all(report["pseudonym"] in text and "DE-IDENTIFIED COPY" in text for text in texts.values())
    kinds = {record["kind"] for record in report["files"]}
    assert {"pdf", "document"} <= kinds and "PDF" not in {one["what"] for one in report["leftOut"]}


def test_theBriefingHoldsTheNumbersAndTheHashesOfTheCopy(aPlantedCase, tmp_path):
    report = copyOf(aPlantedCase, tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    text = next(text for name, text in textsOf(tmp_path / "out").items() if name.endswith("-briefing.pdf"))
    for words in ("LEFT", "not approved, not signed", "Part volume", "1.00 ml", "surgeon, another role", "50.00 mm"):
        assert words in text, words
    contents = {one["name"]: one["content"] for one in manifest["artefacts"]}
    assert all(contents[name] in text for name in ("source-1", "segmentation-1", "part-1"))
    with Case.open(aPlantedCase) as case:
        package = case.latest("package")
        assert not {one.content for one in case.artefacts} & set(contents.values())
    image = pydicom.dcmread(next((tmp_path / "out" / "dicom").glob("*-CT1-*.dcm")))
    original = pydicom.dcmread(next(aPlantedCase.rglob("source-1/r1/dicom/*.dcm")))
    days = [datetime.datetime.strptime(one.StudyDate, "%Y%m%d") for one in (original, image)]
    moved = datetime.date.fromisoformat(package.when[:10]) - (days[0] - days[1])
    assert f"{moved.isoformat()}, moved" in text and package.when[:10] not in text
    assert report["pseudonym"] in text


def test_theBriefingNamesNoOutcomeAmongWhatThePackageWasMadeOf(tmp_path):
    made = [
        DescribedArtefact(f"{kind}-1", kind, letter * 64, {}, {}) for kind, letter in (("plan", "a"), ("outcome", "b"))
    ]
    described = Described("DX-1", "research", "left", "", "planning", {}, tuple(made))
    (tmp_path / "briefing.pdf").write_bytes(copiedBriefing(described))
    text = run("pdftotext", "-layout", tmp_path / "briefing.pdf", "-")
    assert "a" * 64 in text and "b" * 64 not in text


def test_thePrescriptionKeepsItsNumbersOnly(aPlantedCase, tmp_path):
    copyOf(aPlantedCase, tmp_path / "out")
    text = next(text for name, text in textsOf(tmp_path / "out").items() if "prescription" in name)
    for words in ("3.5 mm", "screw number", "words, removed", "LEFT", "Nobody has signed"):
        assert words in text, words
    assert "signature of the prescriber" not in text


def test_theDicomDocumentIsOneAndItsReferencesResolve(aPlantedCase, tmp_path):
    copyOf(aPlantedCase, tmp_path / "out")
    objects = sorted((tmp_path / "out" / "dicom").glob("*.dcm"))
    (path,) = [one for one in objects if "-briefing-" in one.name]
    assert dicomErrors(path) == []
    document = pydicom.dcmread(path)
    assert (document.Modality, document.MIMETypeOfEncapsulatedDocument) == ("DOC", "application/pdf")
    assert document.BurnedInAnnotation == "NO" and document.PatientIdentityRemoved == "YES"
    assert {"113104", "113105"} <= {code.CodeValue for code in document.DeidentificationMethodCodeSequence}
    there = {pydicom.dcmread(one, stop_before_pixels=True).SOPInstanceUID for one in objects}
    assert {item.ReferencedSOPInstanceUID for item in document.SourceInstanceSequence} <= there
    (file,) = (tmp_path / "out" / "documents").glob("*-briefing.pdf")
    assert encapsulatedDocument(path) == file.read_bytes()


def test_approvalsAreAnExtractOfRolesAndOfTheCopysOwnContents(aPlantedCase, tmp_path):
    copyOf(aPlantedCase, tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    contents = {one["name"]: one["content"] for one in manifest["artefacts"]}
    assert [(one["signer"], one["role"], one["kind"], one["holds"]) for one in manifest["approvals"]] == [
        (1, "surgeon", "part", True), (2, "another role", "part", True)
    ]  # fmt: skip
    for one in manifest["approvals"]:
        assert one["mark"] == "de-identified extract, unsigned" and one["neededSignatures"] == 2
        assert not {"user", "publicKey", "signature", "fingerprint"} & set(one)
        covered = {item["kind"]: item for item in one["covers"]}
        assert covered["part"] == {"kind": "part", "name": "part-1", "content": contents["part-1"]}
        assert covered["plan"] == {"kind": "plan", "name": "plan-1", "content": contents["plan-1"]}
    copyOf(aPlantedCase, tmp_path / "taught", "teaching")
    approvals = json.loads((tmp_path / "taught" / "manifest.json").read_text())["approvals"]
    assert [one["date"] for one in approvals] == [None, None], "this profile keeps no dates"


def test_anApprovalThatDoesNotHoldIsNoneInTheCopy(aPlantedCase, tmp_path):
    with Case.open(aPlantedCase, writable=True) as case:
        Approval.reopen(case, KEYS[0], "thicker")
        makePackageStale = case.state(case.latest("package"))
    assert makePackageStale == "stale"
    report = copyOf(aPlantedCase, tmp_path / "out")
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["approvals"] == []
    assert "package of the case" in {one["what"] for one in report["leftOut"]}


def test_withoutSomebodyWhoDrawsThemDocumentsAreLeftOutByName(aPlantedCase, tmp_path):
    report = copyOf(aPlantedCase, tmp_path / "out", documents={})
    left = {one["what"]: one["reason"] for one in report["leftOut"]}
    assert "nothing here draws it anew" in left["PDF"] == left["Encapsulated PDF Storage"]
    assert not (tmp_path / "out" / "documents").exists()


def test_theGateReadsWhatAPageIsDrawnOf(aPlantedCase, tmp_path, monkeypatch):
    with Case.open(aPlantedCase) as case:
        name = case.name
    monkeypatch.setattr("PlanningHubLib.DeidentifyDocuments._procedure", lambda _text: f"for {name}")
    with pytest.raises(VerificationFailed) as error:
        copyOf(aPlantedCase, tmp_path / "out")
    assert error.value.code == "identity-left" and not (tmp_path / "out").exists()
