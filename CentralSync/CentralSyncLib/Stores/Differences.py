"""In which attributes and pixels two data sets differ, whatever their coding (DICOM PS3.5); named, without values."""

import decimal
import itertools

PIXEL_DATA, PIXELS = 0x7FE00010, "PixelData"
# How pixels and texts are coded (PS3.5), which may differ: group lengths, offset tables, padding, character set.
CODING = (0x00080005, 0x7FE00001, 0x7FE00002, 0xFFFCFFFC)
# Of color pixels, how they are coded; decoded they are compared.
COLOR_CODING = (0x00280004, 0x00280006)
SAMPLES = 0x00280002
TEXTS = ("AE", "AS", "CS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT")
NUMBERS = ("DS", "IS")
UNKNOWN = "UN"


def metaDifferences(ours, theirs):
    """Return what the copy's own header says other than its data set and than our header."""
    said = {"MediaStorageSOPClassUID": "SOPClassUID", "MediaStorageSOPInstanceUID": "SOPInstanceUID"}
    return [
        name
        for name, meant in said.items()
        if theirs.file_meta.get(name) not in (theirs.get(meant), ours.file_meta.get(name))
    ]


def differences(ours, theirs, path=""):
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
            yield from differences(itemOfOurs, itemOfTheirs, f"{path}{_name(tag)}/")
    elif not _isEqual(one, other, raw):
        yield path + _name(tag)


def _rawValue(dataset, tag):
    """The bytes as they were read, without padding; None where they are no longer known or are of big endian."""
    element = dataset.get_item(tag)
    value = getattr(element, "value", None)
    if value is None:
        return b""
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


def pixelDifferences(ours, theirs):
    """Return the names of what differs in the pixels of two datasets whose attributes are equal; colors as RGB."""
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
