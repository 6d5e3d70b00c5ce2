"""Identifiers that a careless anonymiser took away, completed where the user agrees.

A patient is never guessed: without a patient ID in the images the user states one. Missing UIDs follow from the files'
contents, so that the same files always get the same ones. What is completed goes into a repaired series of its own; the
scanner's files stay as they are.
"""

import dataclasses
import hashlib

from .Errors import Finding, UsageError
from .Files import sha256
from .SliceHeader import ScannedSeries

COMPLETABLE = {"no-patient-id", "missing-uid", "no-frame-of-reference"}
SERIES_FIELDS = ("studyUid", "seriesUid", "frameOfReferenceUid")


def hashedUid(text):
    """Return the UID of a text: a UUID of its SHA-256 (PS3.5 B.2)."""
    digest = bytearray(hashlib.sha256(text.encode()).digest()[:16])
    digest[6], digest[8] = (digest[6] & 0x0F) | 0x40, (digest[8] & 0x3F) | 0x80
    return f"2.25.{int.from_bytes(bytes(digest), 'big')}"


def requireUnknownPatient(headers, patientId):
    """
    :raises UsageError: ``patient-id-known``, where images carry another patient ID than the stated one
    """
    if {header.patientId for header in headers} - {"", (patientId or "").strip()} and patientId:
        raise UsageError("patient-id-known", "The images carry a patient ID; it is not replaced by another one.",
                         "Leave the patient ID out.")  # fmt: skip


def completeIdentifiers(scanned, findings, patientId=None):
    """Complete what a series lacks, if that is all that identifies it too little.

    :param scanned: :class:`PlanningHubLib.SliceHeader.ScannedSeries`
    :param findings: what :func:`PlanningHubLib.SeriesGeometry.checkSeries` finds in it
    :param patientId: what the user states for images without a patient ID, None for nothing
    :returns: the completed series, and the codes of what was completed; the series as it is, and an empty tuple, where
        nothing can be
    """
    stated = (patientId or "").strip()
    known = {header.patientId for header in scanned.headers} - {""}
    lacking = {finding.code for finding in findings if finding.severity == "reject"} & COMPLETABLE
    if not lacking or known and "no-patient-id" in lacking or not stated and not known:
        return scanned, ()
    digests = {path: sha256(path) for path in dict.fromkeys(header.path for header in scanned.headers)}
    whole = "\n".join([stated, *sorted(digests.values())])
    series = {field: hashedUid(f"{field} {whole}") for field in SERIES_FIELDS}
    headers = [_completed(header, stated, series, digests[header.path]) for header in scanned.headers]
    return ScannedSeries(scanned.uid, headers, scanned.count), tuple(sorted(lacking))


def _completed(header, patientId, series, digest):
    missing = {field: uid for field, uid in series.items() if not getattr(header, field)}
    if not header.sopInstanceUid:
        missing["sopInstanceUid"] = hashedUid(f"sopInstanceUid {digest} {header.frame}")
    return dataclasses.replace(header, patientId=header.patientId or patientId, **missing)


def completedFinding(codes):
    """Return the warning that goes with a completed series."""
    what = {
        "no-patient-id": "a patient ID (it has the one that you stated)",
        "missing-uid": "Study, Series or SOP Instance UIDs",
        "no-frame-of-reference": "a frame of reference",
    }
    return Finding(
        "identifiers-completed",
        "warn",
        f"The images lack {', '.join(what[code] for code in codes)}; a series made of them has them all.",
        "See that they are this patient's. No archive knows this series: results refer to the copy in the case.",
    )
