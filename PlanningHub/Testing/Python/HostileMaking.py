"""Files and archives that were made to do harm, small enough to be made anew for every test."""

import struct
import zipfile
import zlib
from pathlib import Path

import numpy

UNSAFE_NAMES = ["../outside.dcm", "/outside.dcm", "a/../../outside.dcm", "..\\outside.dcm", "C:\\outside.dcm"]
EXPLICIT, DEFLATED = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99"


def fileWith(dataset, syntax=EXPLICIT):
    """A DICOM file of raw data set bytes."""
    uid = syntax.encode() + b"\0" * (len(syntax) % 2)
    meta = b"\x02\x00\x10\x00UI" + struct.pack("<H", len(uid)) + uid
    return b"\0" * 128 + b"DICM\x02\x00\x00\x00UL\x04\x00" + struct.pack("<I", len(meta)) + meta + dataset


def nested(depth, undefined=True):
    """A sequence in a sequence in a sequence."""
    if undefined:
        start = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
        end = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
        return start * depth + end * depth
    data = b""
    for _level in range(depth):
        item = b"\xfe\xff\x00\xe0" + struct.pack("<I", len(data)) + data
        data = b"\x08\x00\x40\x11SQ\0\0" + struct.pack("<I", len(item)) + item
    return data


def deflateBomb():
    compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    head = b"\x08\x00\x05\x00CS\x00\x00\x09\x00\x10\x00OB\0\0" + struct.pack("<I", 1 << 30)
    packed = compressor.compress(head)
    return packed + b"".join(compressor.compress(bytes(1 << 24)) for _ in range(64)) + compressor.flush()


HOSTILE = {
    "deep": (lambda: fileWith(nested(3000)), "nested-too-deep"),
    "deepByLength": (lambda: fileWith(nested(3000, undefined=False)), "nested-too-deep"),
    "deepImplicit": (lambda: fileWith(nested(3000).replace(b"SQ\0\0\xff", b"\xff"), "1.2.840.10008.1.2"),
                     "nested-too-deep"),
    "deepDeflated": (lambda: fileWith(zlib.compress(nested(3000), wbits=-15), DEFLATED), "hostile-file"),
    "deflateBomb": (lambda: fileWith(deflateBomb(), DEFLATED), "deflate-bomb"),
    "noise": (lambda: fileWith(numpy.random.default_rng(1).bytes(5000)), "damaged-header"),
}  # fmt: skip


def zipped(target, folder, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(target, "w", compression) as archive:
        for path in sorted(Path(folder).rglob("*")):
            archive.write(path, path.relative_to(folder).as_posix())
    return target
