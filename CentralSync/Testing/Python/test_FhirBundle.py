"""The transaction of a case: valid by two outside judges, equal for equal cases, and about nobody by name."""

import base64
import copy
import hashlib
import json

import pytest
from FhirCase import NAME, aFullCase, aSite, commit  # noqa: F401
from Judges import fhirErrors

from CentralSyncLib.Fhir.Bundle import bundleOf, itemFor
from CentralSyncLib.Fhir.Identifiers import contentName
from CentralSyncLib.Fhir.Resources import SIDES, SNOMED
from CentralSyncLib.Items import Item
from PlanningHubLib import Approval, Consent
from PlanningHubLib.Case import Case
from PlanningHubLib.Consent import recordElsewhere
from PlanningHubLib.Files import sha256Bytes


@pytest.fixture
def bundle(aFullCase):  # noqa: F811
    return bundleOf(aFullCase)


def only(bundle, kind):
    (one,) = (entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind)
    return one


def written(bundle, path):
    path.write_text(json.dumps(bundle))
    return path


def contentOf(item):
    with item.open() as file:
        return file.read()


def errorsOf(item, folder):
    (folder / "item.json").write_bytes(contentOf(item))
    return fhirErrors(folder / "item.json")


def test_bothJudgesFindItValid(aFullCase, tmp_path):  # noqa: F811
    assert errorsOf(itemFor(aFullCase), tmp_path) == []


def _withoutStatus(bundle):
    del only(bundle, "ServiceRequest")["status"]


def _otherStatus(bundle):
    only(bundle, "Consent")["status"] = "agreed"


def _unknownElement(bundle):
    only(bundle, "Device")["colour"] = "white"


def _oneForMany(bundle):
    only(bundle, "Patient")["identifier"] = only(bundle, "Patient")["identifier"][0]


@pytest.mark.parametrize("damage", [_withoutStatus, _otherStatus, _unknownElement, _oneForMany])
def test_bothJudgesSeeDamage(bundle, tmp_path, damage):
    bundle["entry"] = [one for one in bundle["entry"] if "research" not in json.dumps(one)]
    damage(bundle)
    errors = fhirErrors(written(bundle, tmp_path / "damaged.json"))
    judges = {error.partition(":")[0] for error in errors}
    # Neither binds all codes of what is required; one of them sees it.
    assert judges == ({"fhir"} if damage is _otherStatus else {"fhir", "fhir.resources"})


def test_aCodeUnderAnotherNameIsSeen(bundle, tmp_path):
    only(bundle, "AuditEvent")["type"]["display"] = "Import"
    bundle["entry"] = [one for one in bundle["entry"] if "research" not in json.dumps(one)]
    assert fhirErrors(written(bundle, tmp_path / "damaged.json")) == ["value sets: 110106 is not Import"]


def test_sidesAreThoseOfDicom():
    from pydicom.sr.codedict import codes

    sides = {"left": codes.cid245.Left, "right": codes.cid245.Right, "bilateral": codes.cid245.Bilateral}
    for side, code in {**sides, "midline": codes.cid245.Median}.items():
        system, value, meaning = SIDES[side]
        assert (value, meaning, system == SNOMED) == (code.value, code.meaning, code.scheme_designator == "SCT")


def test_anEqualCaseGivesEqualBytes(aFullCase):  # noqa: F811
    first = itemFor(aFullCase)
    with Case.open(aFullCase.folder) as again:
        assert itemFor(again) == first and contentOf(itemFor(again)) == contentOf(first)
    assert sha256Bytes(contentOf(first)) == first.sha256 and len(contentOf(first)) == first.bytes


def test_thePatientIsAPseudonymAndNothingElse(aFullCase, bundle):  # noqa: F811
    patient = only(bundle, "Patient")
    assert set(patient) == {"resourceType", "identifier"}
    assert patient["identifier"][1]["value"] == aFullCase.name[:11]
    text = json.dumps(bundle)
    # The request's reasons and a withdrawal's hold a name; so do the slices.
    assert not any(word in text for word in (*NAME.split(), "Neurosurgery", "Test^Object", "TEST"))
    assert aFullCase.patientCode not in text


def test_sideRequestAndStudy(aFullCase, bundle):  # noqa: F811
    request, study = only(bundle, "ServiceRequest"), only(bundle, "ImagingStudy")
    (side,) = request["bodySite"]
    assert side["coding"] == [{"system": "http://snomed.info/sct", "code": "7771000", "display": "Left"}]
    assert (request["code"]["text"], request["priority"], request["status"]) == ("Cranioplasty", "urgent", "active")
    assert request["occurrenceDateTime"] == "2026-03-01"
    assert study["identifier"][1] == {"system": "urn:dicom:uid", "value": "urn:oid:1.2.3"}
    assert (study["numberOfInstances"], study["series"][0]["modality"]["code"]) == (3, "CT")


def test_theDeviceHasItsLotAndThePatient(aFullCase, bundle):  # noqa: F811
    device, part = only(bundle, "Device"), aFullCase.latest("part")
    assert (device["lotNumber"], device["manufactureDate"]) == ("L-0815", "2026-02-03")
    assert (device["serialNumber"], device["manufacturer"]) == ("part-1.1", "Hospital print lab")
    assert device["patient"] == only(bundle, "ServiceRequest")["subject"]
    assert device["identifier"][1]["value"] == contentName(part.content)


def test_eachCopyIsADeviceWithItsOwnLot(aFullCase, bundle, tmp_path):  # noqa: F811
    part = aFullCase.latest("part")
    entered = [("lot", "L-2", 2), ("lot", "L-all", None), ("printed", "2026-02-03", 1)]
    entries = [
        {"field": field, "value": value, "part": part.content, **({} if number is None else {"copy": number})}
        for field, value, number in entered
    ]
    data = {"papers.json": json.dumps({"entries": entries}).encode()}
    commit(aFullCase, "papers", [part], data, parameters={"part": part.id}, facts={"copies": 2})
    item = itemFor(aFullCase)
    made = [one for one in json.loads(contentOf(item))["entry"] if one["resource"]["resourceType"] == "Device"]
    one, two = (entry["resource"] for entry in made)
    assert (one["serialNumber"], two["serialNumber"]) == ("part-1.1, copy 1 of 2", "part-1.1, copy 2 of 2")
    assert (one["lotNumber"], two["lotNumber"]) == ("L-all", "L-2")
    assert one["manufactureDate"] == "2026-02-03" and "manufactureDate" not in two
    # What was sent before becomes the first.
    assert one["identifier"] == only(bundle, "Device")["identifier"] != two["identifier"]
    assert errorsOf(item, tmp_path) == []
    # Of the only one, nothing holds that was entered for a copy.
    commit(aFullCase, "papers", [part], data, parameters={"part": part.id}, facts={"copies": 1})
    device = only(bundleOf(aFullCase), "Device")
    assert (device["serialNumber"], device["lotNumber"]) == ("part-1.1", "L-all")
    assert "manufactureDate" not in device


def test_documentsAreNamedByTheirHashes(aFullCase):  # noqa: F811
    digest = sha256Bytes(b"%PDF-1.7")
    carrier = Item("00" * 32, None, "wrapped", sopInstanceUid="2.25.77", contentSha256=digest)
    bundle = bundleOf(aFullCase, [carrier])
    documents = [one["resource"] for one in bundle["entry"] if one["resource"]["resourceType"] == "DocumentReference"]
    titles = {one["content"][0]["attachment"]["title"]: one for one in documents}
    assert titles.keys() == {"briefing.pdf", "manifest.json"}
    plan = titles["briefing.pdf"]
    assert plan["masterIdentifier"]["value"] == contentName(digest)
    kept = base64.urlsafe_b64decode(plan["masterIdentifier"]["value"].partition(";")[2] + "=")
    assert kept.hex() == digest
    attachment = plan["content"][0]["attachment"]
    assert base64.b64decode(attachment["hash"]) == hashlib.sha1(b"%PDF-1.7").digest() and attachment["size"] == 8
    assert plan["identifier"][1] == {"system": "urn:dicom:uid", "value": "urn:oid:2.25.77"}
    assert plan["docStatus"] == "final" and len(titles["manifest.json"]["identifier"]) == 1


def test_consentsSayWhatStandsAndWhereTheyAreKept(bundle, tmp_path, monkeypatch):
    consents = [one["resource"] for one in bundle["entry"] if one["resource"]["resourceType"] == "Consent"]
    said = {one["scope"]["text"]: one for one in consents}
    assert {scope: one["status"] for scope, one in said.items()} == {"treatment": "active", "research": "inactive"}
    assert said["treatment"]["dateTime"] == "2026-01-31" and "consent form 7" in said["treatment"]["policyRule"]["text"]
    assert said["research"]["provision"]["period"]["end"] == Consent.today()
    with Case.create(tmp_path / "other", "6b" * 32) as other:
        recordElsewhere(other)
        consent = only(bundleOf(other), "Consent")
        assert consent["policyRule"]["text"].startswith("Kept elsewhere") and "period" not in consent["provision"]
        assert errorsOf(itemFor(other), tmp_path) == []


def test_approvalAndReopeningWithTheirSignatures(aFullCase, aSite, bundle, tmp_path):  # noqa: F811
    (approval,) = aFullCase.governance["approvals"]
    provenance = only(bundle, "Provenance")
    (signature,) = provenance["signature"]
    assert base64.b64decode(signature["data"]).hex() == approval["signature"]
    assert signature["who"]["display"] == "surgeon.a" and provenance["agent"][0]["role"] == [{"text": "surgeon"}]
    hashes = {one["what"]["identifier"]["value"] for one in provenance["entity"]}
    assert contentName(aFullCase.latest("part").content) in hashes and len(hashes) == 4
    Approval.reopen(aFullCase, aSite, f"{NAME} needs another")
    later = itemFor(aFullCase)
    made = [one["resource"] for one in json.loads(contentOf(later))["entry"]]
    made = [one for one in made if one["resourceType"] == "Provenance"]
    assert made[0] == provenance and made[1]["activity"]["text"].startswith("Reopening")
    assert errorsOf(later, tmp_path) == [] and NAME.split()[0].encode() not in contentOf(later)


def test_departuresAreAuditEvents(aFullCase, bundle):  # noqa: F811
    event = only(bundle, "AuditEvent")
    assert event["agent"][1]["who"]["display"] == "DICOMweb store https://store.example/dicom-web"
    assert event["type"]["code"] == "110106" and event["recorded"].endswith("Z")
    assert {one.get("name") for one in event["entity"]} == {None, "source-1", "part-1"}


def test_whatIsCreatedOnceStaysAsItWas(aFullCase, bundle):  # noqa: F811
    before = copy.deepcopy({one["fullUrl"]: one for one in bundle["entry"] if one["request"]["method"] == "POST"})
    assert {one["resource"]["resourceType"] for one in before.values()} == {"Patient", "Provenance", "AuditEvent"}
    Approval.reopen(aFullCase, _key(), "another part")
    commit(aFullCase, "part", [aFullCase.latest("segmentation")], {"part.stl": b"other"}, facts={})
    after = {one["fullUrl"]: one for one in bundleOf(aFullCase)["entry"]}
    assert {name: after[name] for name in before} == before


def _key():
    from PlanningHubLib.Signing import UserKey

    return UserKey("surgeon.a", b"s" * 32)
