"""Whether an archive's recoded copy is still the same object: every attribute and every pixel, whatever the coding.

An archive may write another file meta header, transfer syntax, character set or explicit instead of implicit VR. What
counts is what the object says (PS3.5): values are compared decoded, pixels decompressed. Differences are named by
keyword, never by value.
"""

import dataclasses
import decimal
import io
import itertools
import math

from PlanningHubLib.Requirements import ensure

from .CentralStore import CONFLICT, SAME, Answer

OTHER_CONTENT = "The store keeps other content under this SOP Instance UID ({})."

PIXEL_DATA, PIXELS = 0x7FE00010, "PixelData"
# Where two of these differ, it is not damage that made them differ.
IDENTITY = (
    "SOPClassUID", "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyDate",
    "StudyTime", "StudyInstanceUID", "SeriesInstanceUID", "InstanceNumber", "ContentDate", "ContentTime",
    "AcquisitionDate", "AcquisitionTime", "InstanceCreationDate", "InstanceCreationTime",
)  # fmt: skip
# How pixels and texts are coded (PS3.5), which may differ: group lengths, offset tables, padding, character set.
CODING = (0x00080005, 0x7FE00001, 0x7FE00002, 0xFFFCFFFC)
# Of color pixels, how they are coded; decoded they are compared.
COLOR_CODING = (0x00280004, 0x00280006)
SAMPLES = 0x00280002
TEXTS = ("AE", "AS", "CS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT")
NUMBERS = ("DS", "IS")
UNKNOWN = "UN"
MOST_NAMED = 8
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
    import pydicom

    # Its warnings hold the values, a patient's name among them.
    with pydicom.config.disable_value_validation():
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
        found = _metaDifferences(ours, theirs) + list(_differences(ours, theirs)) or _pixelDifferences(ours, theirs)
    except Exception as error:
        # Whatever a store gives back: it must not end a check. The words may hold values, so they are left out.
        return Comparison(False, f"{UNREADABLE} ({type(error).__name__})", True)
    if found:
        isOther = len(set(found) & set(IDENTITY)) > 1
        # Cut short, or with fewer bytes changed than attributes: nobody's correction does that.
        isBroken = original.startswith(kept) or isAsLong and _differingBytes(original, kept) < len(found)
        looksDamaged = isBroken or looksDamaged and not isOther or found == [PIXELS]
        more = " and more" if len(found) > MOST_NAMED else ""
        return Comparison(False, f"it differs in {', '.join(found[:MOST_NAMED])}{more}", looksDamaged)
    if isAsLong and _writer(ours) == _writer(theirs):
        # Nobody wrote it anew, so the bits changed by themselves.
        return Comparison(False, "bits differ that say nothing", True)
    syntaxes = [dataset.file_meta.TransferSyntaxUID.name for dataset in (ours, theirs)]
    how = f"{syntaxes[1]} instead of {syntaxes[0]}" if syntaxes[0] != syntaxes[1] else syntaxes[0]
    return Comparison(True, f"The store keeps it recoded ({how}); every attribute and every pixel is equal.")


def _differingBytes(one, other):
    import numpy

    return int(numpy.count_nonzero(numpy.frombuffer(one, "u1") != numpy.frombuffer(other, "u1")))


def _dataset(data):
    import pydicom

    return pydicom.dcmread(io.BytesIO(data))


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


def _metaDifferences(ours, theirs):
    """What the copy's own header says other than its data set and than our header."""
    said = {"MediaStorageSOPClassUID": "SOPClassUID", "MediaStorageSOPInstanceUID": "SOPInstanceUID"}
    return [
        name
        for name, meant in said.items()
        if theirs.file_meta.get(name) not in (theirs.get(meant), ours.file_meta.get(name))
    ]


def _differences(ours, theirs, path=""):
    """Yield the names of the attributes that one of two datasets lacks, or that differ."""
    tags = sorted({*ours.keys(), *theirs.keys()})
    ignored = set(CODING)
    if not path:
        ignored.add(PIXEL_DATA)
        if _isColor(ours):
            ignored.update(COLOR_CODING)
    for tag in tags:
        if tag in ignored or tag.element == 0:
            continue
        if tag not in ours or tag not in theirs:
            yield path + _name(tag)
        else:
            yield from _elementDifferences(ours, theirs, tag, path)


def _elementDifferences(ours, theirs, tag, path):
    raw = [_rawValue(dataset, tag) for dataset in (ours, theirs)]
    one, other = ours[tag], theirs[tag]
    if "SQ" in (one.VR, other.VR):
        items = [_items(element) for element in (one, other)]
        if None in items or len(items[0]) != len(items[1]):
            yield path + _name(tag)
            return
        for itemOfOurs, itemOfTheirs in zip(*items, strict=True):
            yield from _differences(itemOfOurs, itemOfTheirs, f"{path}{_name(tag)}/")
    elif not _isEqual(one, other, raw):
        yield path + _name(tag)


def _rawValue(dataset, tag):
    """The bytes as they were read, without padding; None where they are no longer known or are of big endian."""
    element = dataset.get_item(tag)
    value = getattr(element, "value", None)
    if not isinstance(value, bytes) or not getattr(element, "is_little_endian", True):
        return None
    return value.rstrip(b"\0 ")


def _isEqual(one, other, raw):
    if one.VR in TEXTS and other.VR in TEXTS:
        texts = [_texts(element) for element in (one, other)]
        # What could not be decoded became one and the same sign.
        return texts[0] == texts[1] and (raw[0] == raw[1] or "\ufffd" not in "".join(texts[0]))
    if one.VR in NUMBERS and other.VR in NUMBERS:
        return _numbers(one) == _numbers(other)
    if None not in raw and raw[0] == raw[1]:
        # Of texts in an unknown VR the character set is unknown too.
        return UNKNOWN not in (one.VR, other.VR) or one.VR == other.VR or raw[0].isascii() or not _isText(one, other)
    if one.VR != other.VR:
        return False
    if isinstance(one.value, bytes):
        return isinstance(other.value, bytes) and one.value.rstrip(b"\0") == other.value.rstrip(b"\0")
    return one.value == other.value


def _isText(one, other):
    return one.VR in TEXTS or other.VR in TEXTS


def _values(element):
    from pydicom.multival import MultiValue

    value = element.value
    if value is None:
        return []
    return list(value) if isinstance(value, MultiValue | list) else [value]


def _texts(element):
    return [str(value).rstrip("\0 ") for value in _values(element)] or [""]


def _numbers(element):
    numbers = []
    for text in _texts(element):
        try:
            numbers.append(decimal.Decimal(text.strip()))
        except decimal.InvalidOperation:
            numbers.append(text.strip())
    return numbers


def _items(element):
    """The items of a sequence; also of one that lost its VR on the way (PS3.5 6.2.2). None where it is none."""
    from pydicom.values import convert_SQ

    if element.VR == "SQ":
        return list(element.value)
    if element.VR == UNKNOWN and isinstance(element.value, bytes):
        return list(convert_SQ(element.value, True, True))
    return None


def _pixelDifferences(ours, theirs):
    if PIXEL_DATA not in ours and PIXEL_DATA not in theirs:
        return []
    if (PIXEL_DATA in ours) != (PIXEL_DATA in theirs):
        return [PIXELS]
    syntaxes = [dataset.file_meta.TransferSyntaxUID for dataset in (ours, theirs)]
    if _isColor(ours):
        isAlike = syntaxes[0] == syntaxes[1] and all(ours.get(tag) == theirs.get(tag) for tag in COLOR_CODING)
    else:
        isAlike = len({(syntax.is_encapsulated and syntax, syntax.is_little_endian) for syntax in syntaxes}) == 1
    if isAlike:
        data = [_withoutPadding(dataset) for dataset in (ours, theirs)]
        if data[0] == data[1]:
            return []
        if not syntaxes[0].is_encapsulated:
            return [PIXELS]
    for dataset, syntax in zip((ours, theirs), syntaxes, strict=True):
        if not _canDecode(syntax):
            return [f"PixelData, as far as can be told: {dataset.file_meta.TransferSyntaxUID.name} is not decoded here"]
    return [] if _framesAreEqual(ours, theirs) else [PIXELS]


def _isColor(dataset):
    return SAMPLES in dataset and dataset[SAMPLES].value > 1


def _withoutPadding(dataset):
    from pydicom.pixels.utils import get_expected_length

    if dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        return dataset.PixelData
    return dataset.PixelData[: get_expected_length(dataset)]


def _canDecode(syntax):
    from pydicom.pixels import get_decoder

    if not syntax.is_encapsulated:
        return True
    try:
        return get_decoder(syntax).is_available
    except NotImplementedError:
        return False


def _framesAreEqual(ours, theirs):
    """Whether all frames are, one at a time; colors as RGB."""
    import numpy
    from pydicom.pixels import iter_pixels

    pairs = itertools.zip_longest(*(iter_pixels(dataset, raw=False) for dataset in (ours, theirs)))
    return all(one is not None and other is not None and numpy.array_equal(one, other) for one, other in pairs)


def _name(tag):
    from pydicom.datadict import keyword_for_tag

    return (not tag.is_private and keyword_for_tag(tag)) or f"({tag.group:04X},{tag.element:04X})"
