"""Whether a store holds later examinations of a patient: QIDO-RS on a DICOMweb archive (DICOM PS3.18 10.6)."""

import datetime
import json
import urllib.parse

from PlanningHubLib.Errors import StoreFailed

from .Http import TooLong
from .Stores import openStore

ACCEPTED = {"Accept": "application/dicom+json"}
PATIENT_ID, STUDY_UID, STUDY_DATE, MODALITIES, DESCRIPTION = "00100020", "0020000D", "00080020", "00080061", "00081030"
MOST_ANSWER_BYTES = 16 << 20


def newerStudies(address, patientId, after, auth=None):
    """Return the studies of a patient that a store holds and that are not older than a day, newest first.

    Nothing but the patient ID is sent, to the archive that keeps that patient's images.

    :param address: as :func:`CentralSyncLib.Stores.openStore` takes it
    :param after: date, or None for all studies
    :param auth: :class:`PlanningHubLib.ArchiveAccess.Credentials`; without, those that are remembered
    :returns: list of dictionaries with ``studyUid``, ``date`` (ISO text, or None where the archive does not say),
        ``modalities`` and ``description``; None where the store keeps no index of patients, as a folder does
    :raises StoreFailed: as the store's own trouble; ``query-answer`` where it answers with something else
    :raises UsageError: as :func:`CentralSyncLib.Stores.openStore`
    """
    store = openStore(address, auth)
    if store.keepsWholeCase:
        return None
    found = [_study(one) for one in store.query("/studies", _keys(patientId, after)) if _isOf(one, patientId)]
    found = [one for one in found if one["studyUid"] and not _isOlder(one, after)]
    return sorted(found, key=lambda one: one["date"] or "9999", reverse=True)


def queryPath(path, keys):
    """Return path and query of a QIDO-RS search; a space as %20, because a plus is for forms."""
    return f"{path}?{urllib.parse.urlencode(keys, quote_via=urllib.parse.quote)}"


def queryAnswer(http, url):
    """Return the answer to a search as a list of dictionaries.

    :param http: :class:`CentralSyncLib.Http.Http`
    :raises StoreFailed: as :func:`newerStudies`; ``http-…``
    """
    with http.request("GET", url, ACCEPTED) as answer:
        if answer.status_code == 204:
            return []
        if answer.status_code != 200:
            return None
        try:
            values = json.loads(b"".join(http.chunks(answer, MOST_ANSWER_BYTES)) or b"[]")
        except (ValueError, TooLong, RecursionError):
            values = None
    if not isinstance(values, list) or not all(isinstance(one, dict) for one in values):
        raise StoreFailed("query-answer", "The store answered a search with something else.", "Check its address.")
    return values
