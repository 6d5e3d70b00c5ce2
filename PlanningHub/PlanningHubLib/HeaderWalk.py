"""The elements of an ordinary DICOM header, found without a parser that a hostile file could exhaust.

Everything is bounded: bytes, elements, depth. What is out of the ordinary is left to the decoding process.
"""

import struct

FIRST_BYTES = 1 << 14
MOST_HEADER_BYTES = 1 << 23
MOST_ELEMENTS = 20_000
# Depth of nested sequences; the deepest standard object has about ten.
DEEPEST = 32
LONG_VRS = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
PIXEL_DATA = 0x7FE00010
IMPLICIT, BIG_ENDIAN, DEFLATED = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
TRANSFER_SYNTAX, MEDIA_CLASS = 0x00020010, 0x00020002


class Unusual(Exception):
    """The header is not one that this module understands; a full parser has to look."""


class TooDeep(Exception):
    """Sequences are nested deeper than any real object's: a parser would run out of stack."""


def walkFile(file, wanted):
    """Find elements of the data set before its pixels.

    :param file: an open DICOM file with preamble
    :param wanted: set of tags (group << 16 | element)
    :returns: transfer syntax UID, media storage class UID, dictionary tag → bytes, and where the pixel
        data's element or the end of the file stands; None for what is no DICOM file with a preamble
    :raises Unusual: a full parser has to look
    :raises TooDeep:
    """
    data = file.read(FIRST_BYTES)
    if data[128:132] != b"DICM":
        return None
    try:
        return _walk(data, wanted)
    except (struct.error, EOFError):
        data += file.read(MOST_HEADER_BYTES)
    if len(data) == FIRST_BYTES + MOST_HEADER_BYTES:
        raise Unusual()
    try:
        return _walk(data, wanted)
    except (struct.error, EOFError):
        raise Unusual() from None


def _walk(data, wanted):
    meta, start = _walkLevel(data, 132, True, {TRANSFER_SYNTAX, MEDIA_CLASS}, 0x00030000)
    syntax, mediaClass = (_text(meta.get(tag, b"")) for tag in (TRANSFER_SYNTAX, MEDIA_CLASS))
    if not syntax or syntax in (BIG_ENDIAN, DEFLATED):
        raise Unusual()
    values, end = _walkLevel(data, start, syntax != IMPLICIT, wanted, PIXEL_DATA)
    return syntax, mediaClass, values, end


def _text(value):
    return value.decode("ascii", "replace").strip("\0 ")


def _walkLevel(data, position, explicit, wanted, stop):
    """Return the wanted elements up to the tag ``stop``, and where that stands."""
    found, previous, size = {}, 0, len(data)
    unpack, longVrs = struct.Struct("<HH2sHI").unpack_from, LONG_VRS
    for _element in range(MOST_ELEMENTS):
        if position == size:
            # The end of what was read is the end of the data set only where the file ends there.
            if size == FIRST_BYTES:
                raise EOFError
            return found, position
        if position + 12 > size:
            group, element, vr, length = struct.unpack_from("<HH2sH", data, position)
            longer = 0
        else:
            group, element, vr, length, longer = unpack(data, position)
        tag = group << 16 | element
        if tag >= stop:
            return found, position
        if tag <= previous:
            raise Unusual()
        previous = tag
        if not explicit:
            vr, length = None, struct.unpack_from("<I", data, position + 4)[0]
            position += 8
        elif vr in longVrs:
            if position + 12 > size:
                raise EOFError
            length = longer
            position += 12
        elif b"AA" <= vr <= b"ZZ":
            position += 8
        else:
            raise Unusual()
        if vr == b"SQ" or (vr is None or vr == b"UN") and _isSequence(data, position, vr, length):
            position = _afterSequence(data, position, length, explicit and vr != b"UN")
            continue
        if length == UNDEFINED:
            raise Unusual()
        if tag in wanted:
            found[tag] = data[position : position + length]
        position += length
        if position > size:
            raise EOFError
    raise Unusual()


def _isSequence(data, position, vr, length):
    """Is the value a sequence? Where the VR does not say, its first bytes do."""
    if vr == b"SQ":
        return True
    if vr is None or vr == b"UN":
        return length == UNDEFINED or length >= 8 and data[position : position + 4] == b"\xfe\xff\x00\xe0"
    return False


def _afterSequence(data, position, length, explicit):
    """Return where a sequence ends, having gone through all that is nested in it without recursion."""
    size = len(data)
    # Each level: where it ends (None: at its delimiter), is it a sequence (else an item), its VRs explicit.
    levels = [(None if length == UNDEFINED else position + length, True, explicit)]
    for _step in range(MOST_ELEMENTS * 10):
        end, isSequence, explicit = levels[-1]
        if end is not None and position >= end:
            if position > end:
                raise Unusual()
            levels.pop()
            if not levels:
                if position > size:
                    raise EOFError
                return position
            continue
        if len(levels) > 2 * DEEPEST:
            raise TooDeep()
        group, element, length = struct.unpack_from("<HHI", data, position)
        tag = group << 16 | element
        if isSequence:
            if tag == ITEM:
                position += 8
                levels.append((None if length == UNDEFINED else position + length, False, explicit))
                continue
            closes = tag == SEQUENCE_END
        else:
            closes = tag == ITEM_END
        if closes:
            if end is not None:
                raise Unusual()
            position += 8
            levels.pop()
            if not levels:
                return position
            continue
        if isSequence:
            raise Unusual()
        position = _nestedElement(data, position, explicit, levels)
    raise Unusual()


def _nestedElement(data, position, explicit, levels):
    """Go past one element of an item, or into it where it is a sequence."""
    if explicit:
        vr, length = struct.unpack_from("<2sH", data, position + 4)
        if vr in LONG_VRS:
            length = struct.unpack_from("<I", data, position + 8)[0]
            position += 4
        elif not b"AA" <= vr <= b"ZZ":
            raise Unusual()
    else:
        vr, length = None, struct.unpack_from("<I", data, position + 4)[0]
    position += 8
    if _isSequence(data, position, vr, length):
        end = None if length == UNDEFINED else position + length
        levels.append((end, True, explicit and vr != b"UN"))
        return position
    if length == UNDEFINED:
        raise Unusual()
    return position + length
