"""Raw Data objects (PS3.3 A.37) that stand beside the images they belong to: patient and study as the source has them.

Nothing in their header says more of the patient than those images do.
"""

import dataclasses
import datetime
import uuid

from PlanningHubLib.Errors import GateRefused
from PlanningHubLib.Files import sha256Bytes

from ..Items import itemOf

RAW_DATA_STORAGE = "1.2.840.10008.5.1.4.1.1.66"
# Patient and study as the source has them: the store files the object beside it.
SHARED = (
    "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate",
    "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName", "StudyDescription",
)  # fmt: skip
OPTIONAL = ("IssuerOfPatientID", "StudyDescription")


@dataclasses.dataclass(frozen=True)
class CaseHeader:
    """What the objects of a case have in common.

    :param created: when the case was made, UTC as ISO text
    :param source: pydicom dataset of an image of the source, without its pixels
    :param places: SHA-256 → the first place in the case that has this content, such as ``case.json``
    """

    caseId: str
    name: str
    created: str
    source: object
    places: dict

    @property
    def studyUid(self):
        return str(self.source.StudyInstanceUID)


def headerOf(case):
    """Return the :class:`CaseHeader` of a case: that of its first source, so that it stays the same as the case grows.

    :raises GateRefused: ``no-source-image`` where no image of any source can be read
    """
    import pydicom

    for source in (one for one in case.artefacts if one.kind == "source"):
        for name in source.files:
            path = case.path(source, name)
            if name.endswith(".dcm") and path.is_file() and itemOf(path, sha256="-").studyUid:
                dataset = pydicom.dcmread(path, stop_before_pixels=True)
                return CaseHeader(case.caseId, case.name, case.created, dataset, _places(case))
    raise GateRefused(
        "no-source-image",
        f"Case {case.name} has no image whose study its records could stand beside.",
        "Put the source's images back, or restore the case from the central store.",
    )


def _places(case):
    places = {}
    for artefact in case.artefacts:
        folder = case.artefactFolder(artefact).relative_to(case.folder).as_posix()
        for name, record in artefact.files.items():
            places.setdefault(record.sha256, f"{folder}/{name}")
    return places


def uidOf(*words):
    """Return a UID that the same words always give (PS3.5 B.2)."""
    digest = bytes.fromhex(sha256Bytes("\x1f".join(words).encode()))
    return f"2.25.{uuid.UUID(bytes=digest[:16], version=4).int}"


def startObject(header, when):
    """Return a data set with the modules Patient, General Study, General Equipment and Acquisition Context filled.

    :param header: :class:`CaseHeader`
    :param when: :class:`datetime.datetime` with its zone, given in the zone that the source's dates are in
    """
    from pydicom.dataset import Dataset

    dataset = Dataset()
    source, offset = header.source, str(header.source.get("TimezoneOffsetFromUTC") or "").strip()
    local = inZone(when, offset)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    for keyword in SHARED:
        if keyword in source or keyword not in OPTIONAL:
            setattr(dataset, keyword, source[keyword].value if keyword in source else "")
    if offset:
        dataset.TimezoneOffsetFromUTC = offset
    dataset.SOPClassUID, dataset.Modality = RAW_DATA_STORAGE, "OT"
    dataset.Manufacturer, dataset.ManufacturerModelName = "Planning Hub", "Planning Hub for 3D Slicer"
    dataset.ContentDate = dataset.InstanceCreationDate = local.strftime("%Y%m%d")
    dataset.ContentTime = dataset.InstanceCreationTime = local.strftime("%H%M%S")
    # Type 2C, as it is not known to be an unpaired body part.
    dataset.Laterality = ""
    dataset.AcquisitionContextSequence = []
    return dataset


def inZone(when, offset):
    """Return a time in the zone of a DICOM offset such as ``+0100``; as it is where there is none."""
    try:
        return when.astimezone(datetime.datetime.strptime(offset, "%z").tzinfo) if offset else when
    except ValueError:
        return when


def writeObject(dataset, file):
    """Write a data set as a DICOM file whose bytes depend on nothing but the data set."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import PYDICOM_IMPLEMENTATION_UID, ExplicitVRLittleEndian

    meta = dataset.file_meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    meta.ImplementationClassUID, meta.ImplementationVersionName = PYDICOM_IMPLEMENTATION_UID, "PLANNING_HUB"
    dataset.save_as(file, enforce_file_format=True)
