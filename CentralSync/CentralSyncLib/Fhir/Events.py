"""Documents by their hash; and what never changes once it is there: approvals and departures (HL7 FHIR R4)."""

import base64
import hashlib

from PlanningHubLib.Audit import canonical
from PlanningHubLib.Files import sha256Bytes

from .Identifiers import URI, coding, contentName, dicomIdentifier, identifier
from .Resources import DCM

MIME = {".pdf": "application/pdf", ".json": "application/json"}
SIGNATURE_TYPE = {
    "system": "urn:iso-astm:E1762-95:2013",
    "code": "1.2.840.10065.1.12.1.5",
    "display": "Verification Signature",
}
PARTICIPANT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
REASONS = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
# Scopes of a departure as reasons; for teaching there is none.
REASON_OF = {
    "treatment": ("TREAT", "treatment"),
    "manufacturer": ("TREAT", "treatment"),
    "research": ("HRESCH", "healthcare research"),
}


def documentReference(path, record, title, when, name, subject, related, isApproved, objectUid=""):
    """Return the DocumentReference of a file, which stays in the central store: what it is and by which hash.

    :param record: :class:`PlanningHubLib.Artefacts.FileRecord`
    :param objectUid: of the DICOM object that carries the file in the central store; "" where none does
    """
    data = path.read_bytes()
    return {
        "resourceType": "DocumentReference",
        "masterIdentifier": identifier(contentName(record.sha256)),
        "identifier": [identifier(name), *([dicomIdentifier(objectUid)] if objectUid else [])],
        "status": "current",
        "docStatus": "final" if isApproved else "preliminary",
        "type": {"text": title},
        "subject": subject,
        "date": when,
        "content": [
            {
                "attachment": {
                    "contentType": MIME[path.suffix],
                    "size": len(data),
                    # SHA-1, as R4 wants it; the SHA-256 is the master identifier.
                    "hash": base64.b64encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode(),
                    "title": path.name,
                    "creation": when,
                }
            }
        ],
        "context": {"related": related},
    }


def provenance(signed, name, targets, activity):
    """Return the Provenance of an approval or of its reopening: who signed, for which contents, with which signature.

    :param signed: ``statement``, ``publicKey``, ``fingerprint`` and ``signature``
    """
    statement = signed["statement"]
    who = {"identifier": {"value": f"{statement['user']} (key {signed['fingerprint']})"}, "display": statement["user"]}
    entities = [
        _entity("source", one["content"], f"{one['id']}, revision {one['revision']}")
        for one in statement.get("artefacts", ())
    ]
    text = sha256Bytes(canonical(statement).encode())
    return {
        "resourceType": "Provenance",
        "meta": tag(name),
        "target": targets,
        "recorded": statement["when"],
        "activity": {"text": activity},
        "agent": [
            {
                "type": coding(PARTICIPANT, "verifier", "Verifier"),
                "role": [{"text": statement["role"]}],
                "who": who,
            }
        ],
        "entity": [*entities, _entity("derivation", text, f"signed statement {statement['id']}")],
        "signature": [
            {
                "type": [SIGNATURE_TYPE],
                "when": statement["when"],
                "who": who,
                "sigFormat": "application/octet-stream",
                "data": base64.b64encode(bytes.fromhex(signed["signature"])).decode(),
            }
        ],
    }


def _entity(role, sha256, display):
    return {"role": role, "what": {"identifier": identifier(contentName(sha256)), "display": display}}


def auditEvent(departure, name, subject):
    """Return the AuditEvent of a departure: what left, for what, to where, begun by whom."""
    reason = REASON_OF.get(departure["scope"])
    contents = [
        {"what": {"identifier": identifier(contentName(one["content"]))}, "name": one["id"]}
        for one in departure["artefacts"]
    ]
    return {
        "resourceType": "AuditEvent",
        "meta": tag(name),
        "type": {"system": DCM, "code": "110106", "display": "Export"},
        "action": "R",
        "recorded": departure["when"],
        "outcome": "0",
        "outcomeDesc": "The sending was allowed and begun.",
        "purposeOfEvent": [{**(coding(REASONS, *reason) if reason else {}), "text": departure["purpose"]}],
        "agent": [
            {
                "type": coding(DCM, "110153", "Source Role ID"),
                "who": {"display": departure["who"]},
                "requestor": True,
            },
            {
                "type": coding(DCM, "110152", "Destination Role ID"),
                "who": {"display": departure["destination"]},
                "requestor": False,
            },
        ],
        "source": {"observer": {"display": "Planning Hub"}},
        "entity": [{"what": subject, "role": _PATIENT_ROLE}, *contents],
    }


_PATIENT_ROLE = {"system": "http://terminology.hl7.org/CodeSystem/object-role", "code": "1", "display": "Patient"}


def tag(name):
    """Return the metadata by which a resource without identifiers is found again."""
    return {"tag": [{"system": URI, "code": name}]}
