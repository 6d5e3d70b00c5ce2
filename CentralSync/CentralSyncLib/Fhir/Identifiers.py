"""Names by which a resource is found again, so that posting twice makes no second one: computed, never drawn."""

import base64
import uuid

URI = "urn:ietf:rfc3986"


def resourceUuid(namespace, kind, key):
    """Return the UUID (RFC 9562 version 5) of a resource.

    :param namespace: 32 or more hexadecimal digits: the case's ID, or the patient's code
    """
    digits = namespace.replace("-", "")[:32]
    return f"urn:uuid:{uuid.uuid5(uuid.UUID(hex=digits), f'{kind}/{key}')}"


def contentName(sha256):
    """Return the name of a content by its SHA-256 (RFC 6920), which R4's own hash of an attachment, SHA-1, is not."""
    return "ni:///sha-256;" + base64.urlsafe_b64encode(bytes.fromhex(sha256)).decode().rstrip("=")


def identifier(value, system=URI):
    return {"system": system, "value": value}


def dicomIdentifier(uid):
    """Return the identifier of a DICOM study or object (FHIR R4, ImagingStudy)."""
    return identifier(f"urn:oid:{uid}", "urn:dicom:uid")


def coding(system, code, display):
    return {"coding": [{"system": system, "code": code, "display": display}], "text": display}
