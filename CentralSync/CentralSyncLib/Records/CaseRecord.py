"""What a store of DICOM objects keeps of the case itself: the head of its audit log, in a Raw Data object.

Each object is one record, JSON in a private block, in a series of its own that case and study name together; nothing in
it says more of the patient than the images beside it do. Records are added and never replaced. A later version may put
more into the same record: a reader takes the names that it knows.
"""

import datetime
import io
import json
import uuid

from PlanningHubLib.Files import sha256Bytes, writeAside
from PlanningHubLib.Locking import utcNow
from PlanningHubLib.Software import versions
from PlanningHubLib.Volumes import seriesPaths

from ..Items import itemOf

RAW_DATA_STORAGE = "1.2.840.10008.5.1.4.1.1.66"
FORMAT, VERSION = "planninghub-case-record", 1
CONTENT_LABEL = "CASE_RECORD"
SERIES_DESCRIPTION = "Planning Hub case record (no images)"
SERIES_NUMBER = 9009
# The block of private attributes (PS3.5 7.8): SHA-256, length without padding, and the JSON's bytes.
PRIVATE_GROUP, PRIVATE_CREATOR = 0x0071, "PLANNING HUB CASE RECORD"
DIGEST, LENGTH, CONTENT = 0x01, 0x02, 0x03
# Patient and study as the source has them: the store files the record beside it.
SHARED = (
    "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate",
    "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName", "StudyDescription",
)  # fmt: skip
OPTIONAL = ("IssuerOfPatientID", "StudyDescription")


class NotARecord(Exception):
    """An object is no whole record of this case."""


def recordSeries(caseId, studyUid):
    """Return the UID of the series of a case's records in a study; it can always be found again (PS3.5 B.2)."""
    digest = bytes.fromhex(sha256Bytes(f"{FORMAT}\x1f{caseId}\x1f{studyUid}".encode()))
    return f"2.25.{uuid.UUID(bytes=digest[:16], version=4).int}"


def recordSeriesOf(case):
    """Return (study UID, series UID) of every study that a source of the case is from, oldest first."""
    studies = {study: None for one in case.artefacts if one.kind == "source" for study in _studiesOf(case, one)}
    return [(study, recordSeries(case.caseId, study)) for study in studies if study]


def _studiesOf(case, source):
    """Yield the study that the case states, and that of its images: a forger may have changed what is stated."""
    yield source.facts.get("studyUid")
    paths = (case.path(source, name) for name in source.files if name.endswith(".dcm"))
    first = next((path for path in paths if path.is_file()), None)
    yield itemOf(first).studyUid if first else None


def writeRecord(case, folder):
    """Write a new record of the case as it is now into a folder; return its :class:`CentralSyncLib.Items.Item`.

    :param folder: an existing one; the object is sent from there
    """
    data = io.BytesIO()
    recordObject(case).save_as(data, enforce_file_format=True)
    path = folder / "case-record.dcm"
    writeAside(path, data.getvalue())
    return itemOf(path, "head of the audit log")


def recordObject(case):
    """Return the Raw Data object (PS3.3 A.37) with the head of the case's audit log.

    :raises GateRefused: ``no-source`` and the like, where the case has no images whose study it belongs to
    """
    import pydicom
    from pydicom.dataset import Dataset

    first = seriesPaths(case, case.require("source"))[0]
    source = pydicom.dcmread(first, stop_before_pixels=True)
    content = _content(case)
    dataset = Dataset()
    with pydicom.config.disable_value_validation():
        _describe(dataset, source, case)
        block = dataset.private_block(PRIVATE_GROUP, PRIVATE_CREATOR, create=True)
        block.add_new(DIGEST, "LO", sha256Bytes(content))
        block.add_new(LENGTH, "UL", len(content))
        block.add_new(CONTENT, "OB", content + b"\0" * (len(content) % 2))
    dataset.file_meta = _fileMeta(dataset)
    return dataset


def _content(case):
    values = {
        "format": FORMAT, "version": VERSION, "caseId": case.caseId, "name": case.name, "when": utcNow(),
        "auditHead": case.auditHead,
    }  # fmt: skip
    return json.dumps(values, sort_keys=True).encode()


def _describe(dataset, source, case):
    """Add the modules Patient, General Study, Series and Equipment, Acquisition Context, Raw Data and SOP Common."""
    dataset.SpecificCharacterSet = "ISO_IR 192"
    for keyword in SHARED:
        if keyword in source or keyword not in OPTIONAL:
            setattr(dataset, keyword, source[keyword].value if keyword in source else "")
    offset = str(source.get("TimezoneOffsetFromUTC") or "").strip()
    now = _localNow(offset)
    if offset:
        dataset.TimezoneOffsetFromUTC = offset
    dataset.SOPClassUID, dataset.SOPInstanceUID = RAW_DATA_STORAGE, f"2.25.{uuid.uuid4().int}"
    dataset.SeriesInstanceUID = recordSeries(case.caseId, str(dataset.StudyInstanceUID))
    dataset.Modality, dataset.SeriesNumber, dataset.SeriesDescription = "OT", SERIES_NUMBER, SERIES_DESCRIPTION
    dataset.Manufacturer, dataset.ManufacturerModelName = "Planning Hub", "Planning Hub for 3D Slicer"
    dataset.SoftwareVersions = [f"{name} {version}"[:64] for name, version in versions("pydicom").items()]
    dataset.InstanceNumber = case.auditHead["lines"]
    dataset.ContentDate = dataset.InstanceCreationDate = now.strftime("%Y%m%d")
    dataset.ContentTime = dataset.InstanceCreationTime = now.strftime("%H%M%S")
    dataset.ContentLabel = CONTENT_LABEL
    dataset.ContentDescription = f"Head of the audit log, line {case.auditHead['lines']}"
    # Names the layout of the private block; made once from a random UUID.
    dataset.CreatorVersionUID = "2.25.212192612101176667401033407862241276079"
    # Type 2C, as it is not known to be an unpaired body part.
    dataset.Laterality = ""
    dataset.AcquisitionContextSequence = []


def _localNow(offset):
    """The time now in the zone that the source's dates are in; this machine's where it does not say."""
    try:
        zone = datetime.datetime.strptime(offset, "%z").tzinfo if offset else None
    except ValueError:
        zone = None
    return datetime.datetime.now(datetime.UTC).astimezone(zone)


def _fileMeta(dataset):
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    return meta


def readRecord(data, caseId):
    """Return the values of a record from the bytes of its object.

    :raises NotARecord: the object is another, of another case, or not whole
    """
    import pydicom

    try:
        dataset = pydicom.dcmread(io.BytesIO(data))
        block = dataset.private_block(PRIVATE_GROUP, PRIVATE_CREATOR)
        content = bytes(block[CONTENT].value)[: int(block[LENGTH].value)]
        if dataset.SOPClassUID != RAW_DATA_STORAGE or sha256Bytes(content) != block[DIGEST].value:
            raise NotARecord("rotten")
        values = json.loads(content)
        if (values["format"], values["caseId"]) != (FORMAT, caseId):
            raise NotARecord("of something else")
        return values
    except (Exception, RecursionError) as error:
        # Whatever lies in the store: it must not end a check.
        raise NotARecord(str(error)) from error
