"""Whether an archive's recoded copy is still the same object: every attribute and every pixel, whatever the coding.

An archive may write another file meta header, transfer syntax, character set or explicit instead of implicit VR. What
counts is what the object says (PS3.5): values are compared decoded, pixels decompressed. Differences are named by
keyword, never by value.
"""

import dataclasses
import io
import math

from PlanningHubLib.Requirements import ensure
from PlanningHubLib.UncheckedValues import uncheckedValues

from .CentralStore import CONFLICT, SAME, Answer
from .Differences import PIXEL_DATA, PIXELS, differences, metaDifferences, pixelDifferences

OTHER_CONTENT = "The store keeps other content under this SOP Instance UID ({})."

# Where two of these differ, it is not damage that made them differ.
IDENTITY = (
    "SOPClassUID", "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyDate",
    "StudyTime", "StudyInstanceUID", "SeriesInstanceUID", "InstanceNumber", "ContentDate", "ContentTime",
    "AcquisitionDate", "AcquisitionTime", "InstanceCreationDate", "InstanceCreationTime",
)  # fmt: skip
MOST_NAMED = 8
# Both copies are held in memory, several times.
MOST_COMPARED_BYTES = 512 << 20
UNREADABLE = "the store's copy is no DICOM object that can be read"


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Whether two codings are of the same object, and in words what was recoded or what differs.

    :param looksDamaged: whether the copy is ours gone wrong on the way or on the store's disk (cut short, unreadable,
        bits changed), and not another object or one that somebody corrected in the archive
    """

    isSame: bool
    reason: str
    looksDamaged: bool = False


def compare(original, kept):
    """Return the :class:`Comparison` of our object with the store's copy.

    :param original: bytes of our DICOM Part 10 file
    :param kept: bytes of the store's
    """
    ensure("CentralSyncLib")

    # Its warnings hold the values, a patient's name among them.
    with uncheckedValues():
        return _compare(original, kept)


def _compare(original, kept):
    isAsLong = len(kept) == len(original)
    looksDamaged = isAsLong or original.startswith(kept)
    try:
        ours = _dataset(original)
    except Exception as error:
        return Comparison(False, f"ours cannot be compared ({type(error).__name__})", looksDamaged)
    try:
        theirs = _dataset(_notDeflated(kept))
        found = metaDifferences(ours, theirs) + list(differences(ours, theirs)) or pixelDifferences(ours, theirs)
    except Exception as error:
        # Whatever a store gives back: it must not end a check. The words may hold values, so they are left out.
        if not _canBeCompared(original):
            return Comparison(False, f"ours cannot be compared ({type(error).__name__})", looksDamaged)
        return Comparison(False, f"{UNREADABLE} ({type(error).__name__})", True)
    syntaxes = [dataset.file_meta.TransferSyntaxUID.name for dataset in (ours, theirs)]
    if found:
        isOther = len(set(found) & set(IDENTITY)) > 1
        # Cut short, or with fewer bytes changed than attributes: nobody's correction does that.
        isBroken = original.startswith(kept) or isAsLong and _differingBytes(original, kept) < len(found)
        # In another transfer syntax it may be the archive's coding, or ours of it, that changes pixels.
        isDamagedPicture = found == [PIXELS] and syntaxes[0] == syntaxes[1]
        looksDamaged = isBroken or looksDamaged and not isOther or isDamagedPicture
        more = " and more" if len(found) > MOST_NAMED else ""
        return Comparison(False, f"it differs in {', '.join(found[:MOST_NAMED])}{more}", looksDamaged)
    if isAsLong and _writer(ours) == _writer(theirs):
        # Nobody wrote it anew, so the bits changed by themselves.
        return Comparison(False, "bits differ that say nothing", True)
    how = f"{syntaxes[1]} instead of {syntaxes[0]}" if syntaxes[0] != syntaxes[1] else syntaxes[0]
    return Comparison(True, f"The store keeps it recoded ({how}); every attribute and every pixel is equal.")


def _differingBytes(one, other):
    import numpy

    return int(numpy.count_nonzero(numpy.frombuffer(one, "u1") != numpy.frombuffer(other, "u1")))


def _dataset(data):
    import pydicom

    return pydicom.dcmread(io.BytesIO(data))


def _canBeCompared(original):
    """Whether all that an object says can be read: of one that cannot, the same trouble is no sign of damage."""
    from pydicom.pixels import iter_pixels

    try:
        dataset = _dataset(original)
        list(differences(dataset, dataset))
        if PIXEL_DATA in dataset:
            for _frame in iter_pixels(dataset, raw=False):
                pass
        return True
    except Exception:
        return False


def comparedAnswer(item, original, kept):
    """Return the :class:`.CentralStore.Answer` to an item where a store of DICOM objects gave back other bytes.

    :param original: the item's bytes
    :param kept: what the store gave back, as a DICOM Part 10 file
    """
    comparison = compare(original, kept)
    if comparison.isSame:
        return Answer(SAME, comparison.reason)
    length = f"{len(kept)} bytes instead of {len(original)}"
    length = length if len(kept) != len(original) else f"{len(kept)} bytes, not all the same"
    reason = OTHER_CONTENT.format(f"{length}; {comparison.reason}")
    return Answer(CONFLICT, reason, looksDamaged=comparison.looksDamaged)


def mostBytes(original):
    """Return how long an uncompressed copy of an object's pixels may be, from its own header; 0 without pixels.

    :param original: bytes of a DICOM Part 10 file
    """
    import pydicom

    try:
        dataset = pydicom.dcmread(io.BytesIO(original), stop_before_pixels=True)
        numbers = [float(dataset.get(name) or 1) for name in ("Rows", "Columns", "SamplesPerPixel", "NumberOfFrames")]
        return int(math.prod(numbers) * float(dataset.get("BitsAllocated") or 8) / 8) if "Rows" in dataset else 0
    except Exception:
        # What cannot be read is not compared either.
        return 0


def _notDeflated(data):
    """The bytes, unless a small answer would become a huge dataset (PS3.5 A.5); no archive recodes into that."""
    from pydicom.filereader import read_dataset, read_preamble
    from pydicom.uid import DeflatedExplicitVRLittleEndian

    stream = io.BytesIO(data)
    read_preamble(stream, False)
    meta = read_dataset(stream, False, True, stop_when=lambda tag, VR, length: tag.group != 2)
    if meta.TransferSyntaxUID == DeflatedExplicitVRLittleEndian:
        raise ValueError("deflated")
    return data


def _writer(dataset):
    return [dataset.file_meta.get(name) for name in ("ImplementationClassUID", "ImplementationVersionName")]
