"""What stands in for a copy that went wrong in an archive, where nothing may be overwritten or deleted.

Three objects: the same content under a new SOP Instance UID that names the old one (Original Attributes Sequence, PS3.3
C.12.1.1.9), the original bytes in a Raw Data object, so that a restore gives back the very same file, and a note that
rejects the corrupt copy (IHE IOCM).
"""

import dataclasses
import functools
import io

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Files import sha256Bytes
from PlanningHubLib.Requirements import ensure
from PlanningHubLib.UncheckedValues import uncheckedValues

from ..Items import DICOM, Item
from ..Records.RawData import CaseHeader, inZone, uidOf
from ..Records.Wrapping import wrap
from ..Upkeep.RejectionNote import rejectionNote
from .CentralStore import CONFLICT
from .Comparing import MOST_COMPARED_BYTES

SYSTEM = "Planning Hub"
NOTE = "The store's copy of this object is damaged. The same content stands in the store as {}."


def isCorruptCopy(answer, wasAbsent, wasVerified):
    """Tell whether what a store keeps under an item's identity is our own copy gone wrong; else it is a conflict.

    :param answer: :class:`.CentralStore.Answer` to the item
    :param wasAbsent: whether the store did not have the item before this workstation sent it there
    :param wasVerified: whether the store has given this very item back before
    """
    return answer.outcome == CONFLICT and answer.looksDamaged and (wasAbsent or wasVerified)


def replacementsFor(item, caseId, when):
    """Return the items that stand in for a corrupt copy; the same time gives the same objects, byte for byte.

    :param item: what was sent; its content is read and checked
    :param caseId: of the case that it belongs to
    :param when: aware datetime, of the discovery
    :returns: the stand-in under its new UID; the original bytes as a Raw Data object, unless the item carries a file
        of the case itself, whose bytes the stand-in carries too; the rejection note
    :raises InputRefused: ``not-replaceable``, ``source-changed``
    """
    ensure("CentralSyncLib")
    when = when.replace(microsecond=0)
    dataset = _datasetOf(item)
    # A dataset of its own: it is changed.
    standIn = _standIn(item, _datasetOf(item), when)
    header = CaseHeader(caseId, "", when.isoformat(), dataset, {})
    wrapped = [] if item.contentSha256 else [wrap(item, header)]
    note = rejectionNote([dataset], "quality", NOTE.format(standIn.sopInstanceUid), when)
    return [standIn, *wrapped, _itemOf(note, f"{item.name} (rejection of the damaged copy)")]


def _datasetOf(item):
    import pydicom

    if item.bytes > MOST_COMPARED_BYTES:
        raise _notReplaceable(item, "it is too large to be made again")
    try:
        with item.open() as file:
            data = file.read(item.bytes + 1)
    except OSError:
        data = b""
    if sha256Bytes(data) != item.sha256:
        raise InputRefused(
            "source-changed", f"{item.name} is no longer what was recorded.", "Restore it from a backup.", [item.name]
        )
    try:
        dataset = pydicom.dcmread(io.BytesIO(data))
        if not dataset.SOPClassUID or dataset.SOPInstanceUID != item.sopInstanceUid:
            raise ValueError("another object")
        return dataset
    except Exception as error:
        raise _notReplaceable(item, "the object cannot be read to make another") from error


def _notReplaceable(item, why):
    return InputRefused(
        "not-replaceable",
        f"The store's copy of {item.name} is damaged, and {why}.",
        "Ask who runs the store to remove the damaged object, then retry.",
        [item.name],
    )


def _standIn(item, dataset, when):
    """The item of the same content under a new UID; the dataset is changed into it."""
    from pydicom.dataset import Dataset

    uid = uidOf("stand-in", item.sopInstanceUid, item.sha256, when.isoformat())
    was, modified = Dataset(), Dataset()
    was.SOPInstanceUID = item.sopInstanceUid
    modified.SourceOfPreviousValues, modified.ModifyingSystem = "", SYSTEM
    modified.ReasonForTheAttributeModification = "CORRECT"
    local = inZone(when, str(dataset.get("TimezoneOffsetFromUTC") or "").strip())
    modified.AttributeModificationDateTime = local.strftime("%Y%m%d%H%M%S%z")
    modified.ModifiedAttributesSequence = [was]
    with uncheckedValues():
        dataset.OriginalAttributesSequence = [*dataset.get("OriginalAttributesSequence", ()), modified]
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid
        stream = io.BytesIO()
        dataset.save_as(stream, enforce_file_format=True)
    return dataclasses.replace(
        _itemOf(stream.getvalue(), f"{item.name} (stands in for a damaged copy)"), contentSha256=item.contentSha256
    )


def _itemOf(data, name):
    import pydicom

    dataset = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True)
    return Item(
        sha256Bytes(data),
        None,
        name,
        DICOM,
        str(dataset.SOPInstanceUID),
        str(dataset.SeriesInstanceUID),
        str(dataset.StudyInstanceUID),
        len(data),
        functools.partial(io.BytesIO, data),
    )
