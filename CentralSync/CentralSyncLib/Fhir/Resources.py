"""The resources of a case whose state can change: patient, study, request, devices and consents (HL7 FHIR R4).

Nobody is named but by pseudonym or user name; free text of people stays in the case.
"""

from PlanningHubLib.Consent import isElsewhere
from PlanningHubLib.Identity import pseudonym

from .Identifiers import coding, contentName, dicomIdentifier, identifier

SNOMED, DCM, LOINC = "http://snomed.info/sct", "http://dicom.nema.org/resources/ontology/DCM", "http://loinc.org"
# DICOM CID 245 (PS3.16).
SIDES = {
    "left": (SNOMED, "7771000", "Left"),
    "right": (SNOMED, "24028007", "Right"),
    "bilateral": (SNOMED, "51440002", "Bilateral"),
    "midline": (DCM, "130290", "Median"),
}
PRIORITIES = {"elective": "routine", "urgent": "urgent", "emergency": "stat"}
REQUEST_STATUS = {"on-hold": "on-hold", "rejected": "revoked"}
DONE = ("operated", "follow-up", "closed")
# FHIR has no scope of its own for a manufacturer or for teaching.
CONSENT_SCOPES = {"treatment": ("treatment", "Treatment"), "research": ("research", "Research")}
PRIVACY = ("patient-privacy", "Privacy Consent")


def patient(case, name):
    """Return the Patient: a pseudonym, and nothing else of the person."""
    return {
        "resourceType": "Patient",
        "identifier": [identifier(name), {"type": {"text": "Pseudonym"}, "value": pseudonym(case.patientCode)}],
    }


def imagingStudy(source, name, subject):
    """Return the ImagingStudy of a source artefact."""
    facts = source.facts
    count = sum(file.endswith(".dcm") for file in source.files)
    series = {"uid": facts["seriesUid"], "modality": {"system": DCM, "code": facts["modality"]}}
    return {
        "resourceType": "ImagingStudy",
        "identifier": [identifier(name), dicomIdentifier(facts["studyUid"])],
        "status": "available",
        "subject": subject,
        "numberOfSeries": 1,
        "numberOfInstances": count,
        "series": [{**series, "numberOfInstances": count}],
    }


def serviceRequest(case, name, subject, study):
    """Return the ServiceRequest: what is planned, on which side, and how far it is."""
    request = case.governance["request"] or {}
    resource = {
        "resourceType": "ServiceRequest",
        "identifier": [identifier(name), {"type": {"text": "Case"}, "value": case.name}],
        "status": _requestStatus(request),
        "intent": "order",
        "code": {"text": case.procedure or "Surgical planning"},
        "subject": subject,
        "authoredOn": request.get("when", case.created),
        **({"supportingInfo": [study]} if study else {}),
    }
    if request:
        resource["priority"] = PRIORITIES[request["urgency"]]
    if request.get("surgeryDate"):
        resource["occurrenceDateTime"] = request["surgeryDate"]
    if case.side:
        resource["bodySite"] = [coding(*SIDES[case.side])]
    return resource


def _requestStatus(request):
    if not request:
        return "unknown"
    state = request["states"][-1]["state"]
    return "completed" if state in DONE else REQUEST_STATUS.get(state, "active")


def device(part, name, subject, entries, site, copy=""):
    """Return the Device of a part as it was or will be printed for this patient.

    :param entries: field's name → text, as people entered them into the part's papers
    :param copy: what follows the part's number on the label of one of several copies
    """
    called = part.facts.get("object", {}).get("name", part.title)
    resource = {
        "resourceType": "Device",
        "identifier": [identifier(name), identifier(contentName(part.content))],
        "status": "active",
        "serialNumber": f"{part.id}.{part.revision}{copy}",
        "deviceName": [{"name": called, "type": "user-friendly-name"}],
        "type": {"text": "Custom-made device" if site.isCustomMade else "Patient-specific device"},
        "patient": subject,
    }
    if site.manufacturer:
        resource["manufacturer"] = site.manufacturer["name"]
    if entries.get("lot"):
        resource["lotNumber"] = entries["lot"]
    if entries.get("printed"):
        resource["manufactureDate"] = entries["printed"]
    return resource


def consent(values, name, subject):
    """Return the Consent that stands for a record of the case; the signed document stays where it is kept."""
    withdrawn = values["withdrawn"]
    period = {"start": values["given"]} if values["given"] else {}
    if withdrawn:
        period["end"] = withdrawn["date"]
    if isElsewhere(values):
        said = "Kept elsewhere, by the site's setting: the sender has seen no document."
    else:
        said = f"Signed document, version {values['documentVersion']}; it is kept by the hospital."
    code, display = CONSENT_SCOPES.get(values["scope"], PRIVACY)
    return {
        "resourceType": "Consent",
        "identifier": [identifier(name)],
        "status": "inactive" if withdrawn else "active",
        "scope": {
            "coding": [
                {"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": code, "display": display}
            ],
            "text": values["scope"],
        },
        "category": [coding(LOINC, "59284-0", "Patient Consent")],
        "patient": subject,
        "dateTime": values["given"] or values["when"],
        "policyRule": {"text": said},
        "provision": {"type": "permit", **({"period": period} if period else {})},
    }
