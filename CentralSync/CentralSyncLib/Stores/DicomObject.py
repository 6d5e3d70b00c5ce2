"""A DICOM Part 10 file taken apart into what C-STORE needs of its header and the dataset, byte for byte."""

import dataclasses
import hashlib
import io

from .Multipart import FileChanged

# Preamble, prefix and the group length element, which says how long the header is (PS3.10 7.1).
_START_BYTES = 144
_GROUP_LENGTH = b"\x02\x00\x00\x00UL\x04\x00"
_MOST_HEADER_BYTES = 1 << 20


class NotAnObject(Exception):
    """A file's header does not say what C-STORE needs."""


@dataclasses.dataclass(frozen=True)
class Encoding:
    """What a presentation context is made for: a SOP class in a transfer syntax (UIDs)."""

    sopClassUid: str
    transferSyntaxUid: str


@dataclasses.dataclass(frozen=True)
class EncodedObject:
    """A dataset's bytes as they are, and apart from them preamble and header."""

    encoding: Encoding
    header: bytes = dataclasses.field(repr=False)
    dataset: bytes = dataclasses.field(repr=False)

    @property
    def sha256(self):
        return hashlib.sha256(self.dataset).hexdigest()


def encodingOf(item):
    """Return the :class:`Encoding` that an item's header states; only the header is read.

    :raises NotAnObject: it states none
    :raises FileChanged: the item cannot be opened
    """
    try:
        with item.open() as file:
            return _headOf(file)[0]
    except OSError as error:
        raise FileChanged(item) from error


def readObject(item):
    """Return the :class:`EncodedObject` of an item whose bytes are what the item says.

    :raises NotAnObject: its header does not say what it is
    :raises FileChanged: its content is no longer the item's
    """
    try:
        with item.open() as file:
            data = file.read(item.bytes + 1)
    except OSError as error:
        raise FileChanged(item) from error
    if hashlib.sha256(data).hexdigest() != item.sha256:
        raise FileChanged(item)
    encoding, offset = _headOf(io.BytesIO(data))
    return EncodedObject(encoding, data[:offset], data[offset:])


def _headOf(file):
    import pydicom

    start = file.read(_START_BYTES)
    length = int.from_bytes(start[140:144], "little")
    if start[128:132] != b"DICM" or start[132:140] != _GROUP_LENGTH or length > _MOST_HEADER_BYTES:
        raise NotAnObject("The file's header (file meta information) does not say how long it is.")
    try:
        meta = pydicom.dcmread(io.BytesIO(start + file.read(length)), stop_before_pixels=True).file_meta
        encoding = Encoding(str(meta.MediaStorageSOPClassUID), str(meta.TransferSyntaxUID))
    except (AttributeError, ValueError, EOFError, KeyError, NotImplementedError):
        encoding = None
    if not encoding or not all(dataclasses.astuple(encoding)):
        raise NotAnObject("The file's header (file meta information) lacks SOP class or transfer syntax.")
    return encoding, _START_BYTES + length
