"""A Key Object Selection that says which objects of a store are not to be used, and why (IHE IOCM, TID 2010).

The objects stay where they are: an archive that knows such notes hides them, and every other one shows the note.
"""

import datetime
import io

from PlanningHubLib.Software import versions
from PlanningHubLib.UncheckedValues import uncheckedValues

from ..Records.RawData import inZone, uidOf, writeObject

SERIES_NUMBER = 9011
SERIES_DESCRIPTION = "Planning Hub rejection note"
# Why something is taken back → title of the document (PS3.16 CID 7010).
TITLES = {
    "quality": ("113001", "Rejected for Quality Reasons"),
    "safety": ("113037", "Rejected for Patient Safety Reasons"),
    "incorrect-worklist-entry": ("113038", "Incorrect Modality Worklist Entry"),
    "data-retention": ("113039", "Data Retention Policy Expired"),
}
# Type 2 of patient and study: an object may lack them where it should have them empty.
EMPTY = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "StudyDate",
    "StudyTime",
)  # fmt: skip


def rejectionNote(headers, reason, text, when):
    """Return the bytes of a rejection note; the same words at the same time give the same bytes.

    :param headers: pydicom datasets of what is rejected, all of one study; pixels are not needed
    :param reason: one of ``TITLES``
    :param text: in words, why; it must not name the patient more than the objects do
    :param when: aware time
    """
    from pydicom.sr.coding import Code

    value, meaning = TITLES[reason]
    headers = [_completed(header) for header in headers]
    uids = sorted(str(header.SOPInstanceUID) for header in headers)
    with uncheckedValues():
        note = _document(headers, Code(value, "DCM", meaning), text, when, uidOf("note", value, text, str(when), *uids))
        file = io.BytesIO()
        writeObject(note, file)
    return file.getvalue()


def _document(headers, title, text, when, uid):
    import highdicom
    from pydicom.dataset import Dataset

    first = headers[0]
    local = inZone(when, str(first.get("TimezoneOffsetFromUTC") or "").strip())
    note = highdicom.ko.KeyObjectSelectionDocument(
        evidence=headers,
        content=highdicom.ko.KeyObjectSelection(title, headers, description=text),
        series_instance_uid=uidOf("notes", str(first.StudyInstanceUID)),
        series_number=SERIES_NUMBER,
        series_description=SERIES_DESCRIPTION,
        sop_instance_uid=uid,
        instance_number=1,
        manufacturer="Planning Hub",
        manufacturer_model_name="Planning Hub for 3D Slicer",
        software_versions=[f"{name} {version}"[:64] for name, version in versions("highdicom").items()],
        device_serial_number="software",
        content_date=local.date(),
        content_time=local.time(),
        specific_character_set="ISO_IR 192",
    )
    note.copy_patient_and_study_information(first)
    note.InstanceCreationDate, note.InstanceCreationTime = local.strftime("%Y%m%d"), local.strftime("%H%M%S")
    for equipment in note.get("ContributingEquipmentSequence", ()):
        # highdicom names itself there, with the time of day.
        equipment.ContributionDateTime = when.astimezone(datetime.UTC).strftime("%Y%m%d%H%M%S+0000")
    if first.get("TimezoneOffsetFromUTC"):
        note.TimezoneOffsetFromUTC = first.TimezoneOffsetFromUTC
    plain = Dataset()
    plain.update(note)
    return plain


def _completed(header):
    from pydicom.dataset import Dataset

    complete = Dataset()
    complete.update(header)
    for keyword in EMPTY:
        if keyword not in complete:
            setattr(complete, keyword, "")
    return complete
