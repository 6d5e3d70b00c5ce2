"""What every DICOM object of the package shares: patient and study of the source, equipment, time, identifiers."""

import dataclasses
import datetime
import uuid

from PlanningHubLib.UncheckedValues import uncheckedValues

MANUFACTURER = "Planning Hub"
MODEL_NAME = "Planning Hub for 3D Slicer"
# Type 1 in Enhanced General Equipment, and software has none.
DEVICE_SERIAL_NUMBER = "software"
UNICODE = "ISO_IR 192"
LONG_STRING_LENGTH = 64


@dataclasses.dataclass(frozen=True)
class Making:
    """When, with which software and for which case objects are made; one per package.

    :param when: aware datetime
    :param software: name -> version, as the case records it
    :param isApproved: whether what is made rests on approvals that hold
    """

    caseName: str
    when: datetime.datetime
    software: dict
    isApproved: bool = False

    @property
    def approvalWord(self):
        return "approved" if self.isApproved else "not approved"

    @property
    def versions(self):
        return [longString(f"{name} {version}") for name, version in self.software.items()] or ["unknown"]


def newUid():
    """Return a new UID made from a random UUID (PS3.5 B.2)."""
    return f"2.25.{uuid.uuid4().int}"


def longString(text):
    """Return text as a DICOM LO value: no backslash or control character, at most 64 characters."""
    printable = "".join(character if character.isprintable() else " " for character in str(text))
    return printable.replace("\\", "/").strip()[:LONG_STRING_LENGTH].strip()


def localTime(source, when):
    """Return ``when`` in the time zone that the source's own dates are in (this machine's where it does not say)."""
    offset = str(source.first.get("TimezoneOffsetFromUTC") or "").strip()
    return when.astimezone(datetime.datetime.strptime(offset, "%z").tzinfo if offset else None)


def commonArguments(source, making, seriesNumber, seriesDescription):
    """Return the arguments that all highdicom constructors share."""
    content = localTime(source, making.when)
    return {
        "series_instance_uid": newUid(),
        "series_number": seriesNumber,
        "series_description": longString(seriesDescription),
        "sop_instance_uid": newUid(),
        "instance_number": 1,
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": MODEL_NAME,
        "software_versions": making.versions,
        "device_serial_number": DEVICE_SERIAL_NUMBER,
        "content_date": content.date(),
        "content_time": content.time(),
        "specific_character_set": UNICODE,
    }


def newObject(source, making, sopClassUid, modality, seriesNumber, seriesDescription):
    """Return a new dataset with the modules that every object has, for the patient and study of the source."""
    with identityAsItIs():
        return _newObject(source, making, sopClassUid, modality, seriesNumber, seriesDescription)


def identityAsItIs():
    """Return a context in which values that are longer than DICOM allows are copied rather than refused.

    Archives hold such accession numbers and names; a shortened one would no longer be found.
    """
    return uncheckedValues()


def _newObject(source, making, sopClassUid, modality, seriesNumber, seriesDescription):
    import highdicom
    from pydicom.uid import ExplicitVRLittleEndian

    first = source.first
    dataset = highdicom.SOPClass(
        study_instance_uid=first.StudyInstanceUID,
        sop_class_uid=sopClassUid,
        modality=modality,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        patient_id=first.PatientID,
        patient_name=first.PatientName,
        patient_birth_date=first.PatientBirthDate,
        patient_sex=first.PatientSex,
        accession_number=first.AccessionNumber,
        study_id=first.StudyID,
        study_date=first.StudyDate,
        study_time=first.StudyTime,
        referring_physician_name=first.get("ReferringPhysicianName"),
        **commonArguments(source, making, seriesNumber, seriesDescription),
    )
    dataset.copy_patient_and_study_information(first)
    complete(dataset, source, making)
    return dataset


def complete(dataset, source, making):
    """Add what highdicom leaves out: creation time, time zone, contributing equipment."""
    created = localTime(source, making.when)
    dataset.InstanceCreationDate = created.strftime("%Y%m%d")
    dataset.InstanceCreationTime = created.strftime("%H%M%S.%f")
    if source.first.get("TimezoneOffsetFromUTC"):
        dataset.TimezoneOffsetFromUTC = source.first.TimezoneOffsetFromUTC
    dataset.ContributingEquipmentSequence = [
        *dataset.get("ContributingEquipmentSequence", []),
        _processingEquipment(making),
    ]


def _processingEquipment(making):
    from highdicom import ContributingEquipment
    from pydicom.sr.codedict import codes

    return ContributingEquipment(
        manufacturer=MANUFACTURER,
        purpose_of_reference=codes.DCM.ProcessingEquipment,
        manufacturer_model_name=MODEL_NAME,
        software_versions=making.versions,
        device_serial_number=DEVICE_SERIAL_NUMBER,
        contribution_datetime=making.when.astimezone(datetime.UTC).strftime("%Y%m%d%H%M%S.%f+0000"),
        contribution_description=f"Segmented, modelled and packaged; case {making.caseName}",
    )


def codedItem(code):
    """Return a code sequence item of a ``pydicom.sr.coding.Code``."""
    from pydicom.dataset import Dataset

    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator = code.value, code.scheme_designator
    item.CodeMeaning = code.meaning
    return item
