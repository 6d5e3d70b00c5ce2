"""From the elements of one file to the headers of its slices."""

import functools
import math
import os
import struct

import numpy

from .HeaderWalk import BIG_ENDIAN, DEFLATED, walkFile
from .SliceHeader import CT_CLASSES, NUMBER_FIELDS, TEXT_FIELDS, VECTOR_FIELDS, SliceHeader

PIXEL_DATA_TAG = (0x7FE0, 0x0010)
UNDEFINED_LENGTH = 0xFFFFFFFF
FRAGMENT_TAG, FRAGMENTS_END_TAG = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)
BINARY_VRS = {"US": ("H", 2), "FL": ("f", 4), "FD": ("d", 8)}
TEXT_VRS = {"UI", "DS", "IS", "CS"}
# A value that no two slices share is not worth keeping.
OWN = {"SOPInstanceUID", "ImagePositionPatient"}


class NeedsParser(Exception):
    """A file whose headers only a full parser can give: a multi-frame volume."""


@functools.cache
def wantedTags():
    """Return keyword → (tag, VR) of every attribute that a header is made of."""
    from pydicom.datadict import dictionary_VR, tag_for_keyword

    keywords = [*TEXT_FIELDS, *NUMBER_FIELDS, *VECTOR_FIELDS, "ImageType", "SpecificCharacterSet"]
    return {keyword: (int(tag_for_keyword(keyword)), dictionary_VR(tag_for_keyword(keyword))) for keyword in keywords}


@functools.cache
def _tagSet():
    return frozenset(tag for tag, _vr in wantedTags().values())


def walkHeader(file, path, known):
    """Return the header of an ordinary file, read without a full parser; None for what is not DICOM with a preamble.

    :param known: dictionary shared by the files of a scan, so that values that most of them have are converted once
    :raises Unusual, NeedsParser, ValueError: a full parser has to look
    :raises TooDeep: see :mod:`PlanningHubLib.HeaderWalk`
    """
    walked = walkFile(file, _tagSet())
    if walked is None:
        return None
    syntax, mediaClass, values, end = walked
    coding = values.get(wantedTags()["SpecificCharacterSet"][0], b"")
    fields = {}
    for keyword, field, finish, tag, vr, blank in _plan():
        raw = values.get(tag)
        if not raw:
            fields[field] = blank
        elif keyword in OWN:
            fields[field] = finish(_converted(tag, vr, raw, coding))
        else:
            key = (tag, raw, coding)
            if key not in known:
                known[key] = finish(_converted(tag, vr, raw, coding))
            fields[field] = known[key]
    header = makeHeader(path, syntax, mediaClass, fields)
    requireContent(header)
    if header.sopClassUid in CT_CLASSES and (header.numberOfFrames or 1) > 1:
        raise NeedsParser()
    file.seek(end)
    header.pixelOffset, header.missingPixelBytes = pixelData(file, header)
    return header


def _converted(tag, vr, raw, coding):
    if vr in BINARY_VRS:
        code, size = BINARY_VRS[vr]
        return list(struct.unpack(f"<{len(raw) // size}{code}", raw))
    if vr in TEXT_VRS:
        parts = [part.strip(" \0") for part in raw.decode("ascii").split("\\")]
        if parts == [""]:
            return None
        return parts if vr in ("UI", "CS") else [float(part) if part else math.nan for part in parts]
    return _byPydicom(tag, vr, raw, coding)


def _byPydicom(tag, vr, raw, coding):
    """Text in any character set."""
    from pydicom.charset import convert_encodings
    from pydicom.dataelem import RawDataElement, convert_raw_data_element
    from pydicom.multival import MultiValue
    from pydicom.tag import Tag

    codings = [part.strip(" \0") for part in coding.decode("ascii").split("\\")]
    element = RawDataElement(Tag(tag), vr, len(raw), raw, 0, True, True, True)
    value = convert_raw_data_element(element, encoding=convert_encodings(codings)).value
    return [str(part) for part in value] if isinstance(value, (list, tuple, MultiValue)) else [str(value or "")]


def makeHeader(path, syntax, mediaClass, fields):
    """Return a :class:`SliceHeader` of its fields' values."""
    # Careless anonymisers empty the data set and leave the file's own header as it was.
    fields["sopClassUid"] = fields["sopClassUid"] or mediaClass
    return SliceHeader(path, syntax, **fields)


def fieldsOf(reader):
    """Return field of SliceHeader → value.

    :param reader: function keyword → list of str or float, or None
    :raises ValueError: a number that is none
    """
    return {field: finish(reader(keyword)) for keyword, field, finish, *_tag in _plan()}


@functools.cache
def _plan():
    """Return per field: keyword, field, function that makes it of the attribute's values, tag, VR, value for none."""
    vectors = [(keyword, field, functools.partial(_vectorOf, length))
               for keyword, (field, length) in VECTOR_FIELDS.items()]  # fmt: skip
    plan = (
        ("ImageType", "imageType", lambda texts: tuple(texts or ())),
        *((keyword, field, _joined) for keyword, field in TEXT_FIELDS.items()),
        *((keyword, field, _single) for keyword, field in NUMBER_FIELDS.items()),
        *vectors,
    )
    return [(keyword, field, finish, *wantedTags()[keyword], finish(None)) for keyword, field, finish in plan]


def _joined(texts):
    return "\\".join(texts).strip() if texts else ""


def requireContent(header):
    """
    :raises ValueError: the file has the mark of a DICOM file and nothing of its content
    """
    if not (header.sopClassUid or header.sopInstanceUid or header.seriesUid or header.rows):
        raise ValueError("no content")


def _single(numbers):
    if not numbers:
        return None
    if len(numbers) != 1:
        raise ValueError("more than one number")
    return float(_finite(numbers)[0])


def _finite(numbers):
    if not all(map(math.isfinite, numbers)):
        raise ValueError("not a finite number")
    return numbers


def _vectorOf(length, numbers):
    return _vector(tuple(_finite(numbers))) if numbers and len(numbers) == length else None


@functools.lru_cache(4096)
def _vector(numbers):
    """Return numbers as an array, which slices share."""
    vector = numpy.array(numbers, dtype=float)
    vector.setflags(write=False)
    return vector


def pixelData(file, header):
    """Return where uncompressed pixels begin and how many bytes of them the file lacks.

    For compressed pixels None, and what their fragments lack; for a deflated file None and 0: its decoder tells.
    Without the length that the header lets expect, None.

    ``file`` stands where reading stopped: at the pixel data's tag, or at the end where there is none.
    """
    if header.transferSyntaxUid == DEFLATED:
        return None, 0
    start = file.tell()
    head = file.read(12)
    order = ">" if header.transferSyntaxUid == BIG_ENDIAN else "<"
    expected = expectedBytes(header)
    if len(head) < 12 or struct.unpack(order + "HH", head[:4]) != PIXEL_DATA_TAG:
        return None, expected
    explicit = head[4:6] in (b"OW", b"OB")
    length = struct.unpack(order + "I", head[8:12] if explicit else head[4:8])[0]
    size = os.fstat(file.fileno()).st_size
    if length == UNDEFINED_LENGTH:
        return None, _missingFragmentBytes(file, size)
    offset = start + (12 if explicit else 8)
    # Pixels of an odd number of bytes are padded by one.
    return offset if length in (expected, expected + 1) else None, max(0, expected - min(length, size - offset))


def expectedBytes(header):
    """Return how many bytes the uncompressed pixels of a file have."""
    samples = (header.rows or 0) * (header.columns or 0) * (header.samplesPerPixel or 1) * (header.numberOfFrames or 1)
    return int(samples * (header.bitsAllocated or 0)) // 8


def _missingFragmentBytes(file, size):
    """Return how many bytes compressed pixel data lack: they are fragments up to an end mark (PS3.5 A.4)."""
    while True:
        head = file.read(8)
        if len(head) < 8:
            return 8 - len(head)
        group, element, length = struct.unpack("<HHI", head)
        if (group, element) == FRAGMENTS_END_TAG:
            return 0
        end = file.tell() + length
        if (group, element) != FRAGMENT_TAG or end > size:
            return max(1, end - size)
        file.seek(end)
