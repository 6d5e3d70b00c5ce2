"""Searches of a DICOM archive (C-FIND) and its small series (C-GET), as a DICOMweb store answers them."""

import re

from PlanningHubLib.Errors import StoreFailed

from .DicomAssociation import Association, returnContexts
from .DicomObject import Encoding
from .DicomReading import FIND_MODEL, GET_MODEL
from .DicomStatus import SUCCESS, readingTrouble

RAW_DATA_STORAGE, EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.5.1.4.1.1.66", "1.2.840.10008.1.2.1"
_PATH = re.compile(r"/studies(?:/([\d.]+)/series(?:/([\d.]+)/instances)?)?")
# What is asked for at each level (PS3.4 C.6.2.1), as a DICOMweb store gives it unasked (PS3.18 10.6).
_RETURNED = {
    "STUDY": ("StudyInstanceUID", "StudyDate", "StudyDescription", "ModalitiesInStudy", "PatientID"),
    "SERIES": ("SeriesInstanceUID", "Modality", "SeriesDescription", "SeriesNumber"),
    "IMAGE": ("SOPInstanceUID", "SOPClassUID", "InstanceNumber"),
}


def query(peer, path, keys):
    """Return the matches as a list of dictionaries in DICOM JSON (PS3.18 F).

    :param path: ``/studies``, ``/studies/<uid>/series`` or ``/studies/<uid>/series/<uid>/instances``
    :param keys: keyword → value; ``includefield`` names more attributes, between commas
    :raises StoreFailed: as the archive's own trouble; ``no-search``, ``query-answer``
    """
    from pydicom.dataset import Dataset

    match = _PATH.fullmatch(path)
    if match is None:
        raise StoreFailed("no-search", f"{peer.aet} cannot be searched so.", "Use its DICOMweb address.")
    study, series = match.groups()
    level = "IMAGE" if series else "SERIES" if study else "STUDY"
    identifier = Dataset()
    identifier.QueryRetrieveLevel = level
    wanted = {**dict.fromkeys(_RETURNED[level], ""), "StudyInstanceUID": study or "", **keys}
    for keyword in filter(None, wanted.pop("includefield", "").split(",")):
        wanted.setdefault(keyword, "")
    for keyword, value in wanted.items():
        setattr(identifier, keyword, value)
    if series:
        identifier.SeriesInstanceUID = series
    return [one.to_json_dict() for one in _find(peer, identifier)]


def _find(peer, identifier):
    from pynetdicom import build_context

    with Association(peer, [build_context(FIND_MODEL)]) as association:
        if not association.accepts(FIND_MODEL):
            raise StoreFailed("no-search", f"{peer.aet} cannot be searched (C-FIND).", "Use its DICOMweb address.")
        matches, status = association.find(identifier)
    if status.Status != SUCCESS:
        raise StoreFailed("query-answer", f"{peer.aet} could not search (status {status.Status:04X}).", "Try again.")
    return matches


def readSeries(peer, studyUid, seriesUid):
    """Return the bytes (Part 10) of every Raw Data object of a series; empty where the archive has none.

    :raises StoreFailed: as the archive's own trouble; ``no-read-back``, ``no-search``, ``query-answer``
    """
    from pydicom.dataset import Dataset
    from pynetdicom import build_context, evt

    found = []

    def received(event):
        found.append(event.encoded_dataset())
        return SUCCESS

    identifier = Dataset()
    identifier.QueryRetrieveLevel = "SERIES"
    identifier.StudyInstanceUID, identifier.SeriesInstanceUID = studyUid, seriesUid
    contexts, roles = returnContexts([Encoding(RAW_DATA_STORAGE, EXPLICIT_LITTLE_ENDIAN)])
    with Association(peer, [build_context(GET_MODEL), *contexts], [(evt.EVT_C_STORE, received)], roles) as association:
        if not association.accepts(GET_MODEL) or not association.accepts(RAW_DATA_STORAGE, asScp=True):
            message = f"{peer.aet} cannot give objects back (C-GET)."
            raise StoreFailed("no-read-back", message, "Use its DICOMweb address.")
        status = association.get(identifier, 0)
    if status.Status != SUCCESS and not found and _find(peer, identifier):
        raise StoreFailed("store-failed", readingTrouble(status).reason, "Sync again later.")
    return found
