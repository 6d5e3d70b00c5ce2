"""Whether a store holds later examinations of a patient: QIDO-RS on a DICOMweb archive (DICOM PS3.18 10.6)."""

import datetime

from ..Stores.Addresses import openStore

PATIENT_ID, STUDY_UID, STUDY_DATE, MODALITIES = "00100020", "0020000D", "00080020", "00080061"


def newerStudies(address, patientId, after, auth=None):
    """Return the studies of a patient that a store holds and that are not older than a day, newest first.

    Nothing is sent but the patient ID, to the archive that keeps that patient's images.

    :param address: as :func:`CentralSyncLib.Stores.Addresses.openStore` takes it
    :param after: date, or None for all studies
    :param auth: :class:`PlanningHubLib.ArchiveAccess.Credentials`; without, those that are remembered
    :returns: list of dictionaries with ``studyUid``, ``date`` (ISO text, or None where the archive does not say),
        ``modalities`` and ``description``; None where the store keeps no index of patients, as a folder does
    :raises StoreFailed: as the store's own trouble; ``query-answer`` where it answers with something else
    :raises UsageError: as :func:`CentralSyncLib.Stores.Addresses.openStore`
    """
    store = openStore(address, auth)
    if store.keepsWholeCase:
        return None
    keys = {"PatientID": patientId, "includefield": "ModalitiesInStudy"}
    if after:
        keys["StudyDate"] = f"{after:%Y%m%d}-"
    # An archive that does not know a key ignores it, and one may take a star for a wildcard: compare again.
    found = [_study(one) for one in store.query("/studies", keys) if _texts(one, PATIENT_ID) in ([patientId], [])]
    found = [one for one in found if one["studyUid"] and not (after and (one["date"] or "9") < after.isoformat())]
    return sorted(found, key=lambda one: one["date"] or "9", reverse=True)


def _study(values):
    return {
        "studyUid": next(iter(_texts(values, STUDY_UID)), ""),
        "date": _day(next(iter(_texts(values, STUDY_DATE)), "")),
        "modalities": _texts(values, MODALITIES),
    }


def _texts(values, tag):
    """Return an attribute's values in DICOM JSON (PS3.18 F.2) that are text."""
    element = values.get(tag)
    found = element.get("Value") if isinstance(element, dict) else None
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def _day(text):
    try:
        return datetime.datetime.strptime(text.replace(".", "")[:8], "%Y%m%d").date().isoformat()
    except ValueError:
        return None
