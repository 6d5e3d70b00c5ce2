"""Files that are no DICOM objects, or may not show as current ones, carried by Raw Data objects (PS3.3 A.37).

The content stands in a private block, as it is, with its SHA-256, length and name. The same content of a case gives the
same object, byte for byte, whoever makes it and when: so a store that has it is not sent it twice.
"""

import contextlib
import dataclasses
import datetime
import hashlib
import io
import shutil

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Files import sha256Bytes
from PlanningHubLib.UncheckedValues import uncheckedValues

from ..Items import DICOM
from .RawData import RAW_DATA_STORAGE, startObject, uidOf, writeObject

FORMAT = "planninghub-case-file"
CONTENT_LABEL = "CASE_FILE"
SERIES_DESCRIPTION = "Planning Hub case files (no images)"
SERIES_NUMBER = 9010
# The block of private attributes (PS3.5 7.8). The content comes last, so that it need not be held in memory.
PRIVATE_GROUP, PRIVATE_CREATOR = 0x0071, "PLANNING HUB CASE FILE"
DIGEST, LENGTH, NAME, CONTENT = 0x01, 0x02, 0x03, 0x04
CONTENT_TAG = 0x00711004
# Two bytes of group, of element, of VR, of nothing, then the length (PS3.5 7.1.2).
CONTENT_HEAD = b"\x71\x00\x04\x10OB\x00\x00"
LONGEST_BYTES = (1 << 31) - 2
LONGEST_NAME = 200
CHUNK_BYTES = 1 << 20


class NotWrapped(Exception):
    """An object is no whole file of a case."""


def filesSeries(caseId, studyUid):
    """Return the UID of the series of a case's wrapped files in a study; it can always be found again."""
    return uidOf(FORMAT, caseId, studyUid)


def wrap(item, header):
    """Return the :class:`CentralSyncLib.Items.Item` of the Raw Data object that carries an item's content.

    The content is read once, and again whenever the item is opened; neither time is it held in memory.

    :param header: :func:`CentralSyncLib.Records.RawData.headerOf` of the case
    :returns: an item of kind ``dicom``; ``contentSha256`` is that of the content
    :raises InputRefused: ``too-large-to-wrap`` over 2 GB; ``source-changed``, ``source-missing``
    """
    if item.bytes > LONGEST_BYTES:
        raise InputRefused(
            "too-large-to-wrap",
            f"{item.name} has {item.bytes} bytes; a DICOM object carries 2 GB at most.",
            "Use a folder store for this case.",
            [item.name],
        )
    dataset = _dataset(item, header)
    head, tail = _around(dataset, item.bytes), b"\0" * (item.bytes % 2)

    def opened():
        return io.BufferedReader(_Joined(head, item.open(), tail), CHUNK_BYTES)

    return dataclasses.replace(
        item,
        sha256=_digestOf(item, head, tail),
        path=None,
        kind=DICOM,
        sopInstanceUid=str(dataset.SOPInstanceUID),
        seriesUid=str(dataset.SeriesInstanceUID),
        studyUid=str(dataset.StudyInstanceUID),
        bytes=len(head) + item.bytes + len(tail),
        opener=opened,
        contentSha256=item.sha256,
    )


def _dataset(item, header):
    """All of the object but the content itself; its UID is one of everything that stands in it."""

    with uncheckedValues():
        dataset = startObject(header, datetime.datetime.fromisoformat(header.created))
        dataset.SeriesInstanceUID = filesSeries(header.caseId, header.studyUid)
        dataset.SeriesNumber, dataset.SeriesDescription = SERIES_NUMBER, SERIES_DESCRIPTION
        dataset.InstanceNumber = None
        dataset.ContentLabel, dataset.ContentDescription = CONTENT_LABEL, "File of a planning case"
        # Names the layout of the private block; made once from a random UUID.
        dataset.CreatorVersionUID = "2.25.131364906846205911350441170362061364207"
        block = dataset.private_block(PRIVATE_GROUP, PRIVATE_CREATOR, create=True)
        block.add_new(DIGEST, "LO", item.sha256)
        block.add_new(LENGTH, "UL", item.bytes)
        block.add_new(NAME, "UT", header.places.get(item.sha256, item.name)[-LONGEST_NAME:])
        dataset.SOPInstanceUID = "2.25.1"
        dataset.SOPInstanceUID = uidOf(FORMAT, header.caseId, item.sha256, sha256Bytes(_encoded(dataset)))
    return dataset


def _encoded(dataset):
    file = io.BytesIO()
    writeObject(dataset, file)
    return file.getvalue()


def _around(dataset, length):
    """The object's bytes as far as the content."""
    return _encoded(dataset) + CONTENT_HEAD + (length + length % 2).to_bytes(4, "little")


def _digestOf(item, head, tail):
    whole, content = hashlib.sha256(head), hashlib.sha256()
    length = 0
    try:
        with item.open() as file:
            while chunk := file.read(CHUNK_BYTES):
                whole.update(chunk)
                content.update(chunk)
                length += len(chunk)
    except OSError as error:
        raise InputRefused(
            "source-missing", f"{item.name} cannot be read ({error.strerror}).", "Put it back.", [item.name]
        ) from error
    if (length, content.hexdigest()) != (item.bytes, item.sha256):
        raise InputRefused(
            "source-changed",
            f"{item.name} is no longer what was recorded.",
            "Restore it from the central store, or make it again.",
            [item.name],
        )
    whole.update(tail)
    return whole.hexdigest()


class _Joined(io.RawIOBase):
    """A head, a stream and a tail, read as one."""

    def __init__(self, head, stream, tail):
        self._streams = [io.BytesIO(head), stream, io.BytesIO(tail)]

    def readable(self):
        return True

    def readinto(self, buffer):
        while self._streams:
            data = self._streams[0].read(len(buffer))
            if data:
                buffer[: len(data)] = data
                return len(data)
            self._streams.pop(0).close()
        return 0

    def close(self):
        for stream in self._streams:
            stream.close()
        super().close()


def unwrap(data):
    """Return name and content from the bytes of a wrapping object; the content is checked against its SHA-256.

    :raises NotWrapped: the object is another, or not whole
    """
    content = io.BytesIO()
    name, _digest = unwrapTo(io.BytesIO(data), content)
    return name, content.getvalue()


def unwrapTo(source, destination):
    """Copy the content out of a wrapping object into another stream; return (name, SHA-256 of what was copied).

    :param source: binary stream of the object, that can seek
    :raises NotWrapped: the object is another, or not whole; what was copied till then is worth nothing
    """
    with _notWrapped():
        dataset, isExplicit = _readHead(source)
        block = dataset.private_block(PRIVATE_GROUP, PRIVATE_CREATOR)
        length, digest = _number(block[LENGTH].value), _text(block[DIGEST].value)
        if dataset.SOPClassUID != RAW_DATA_STORAGE:
            raise NotWrapped("another object")
        encoded = _encodedLength(source, isExplicit)
        if encoded != length + length % 2:
            raise NotWrapped("another length")
        limited = _Counted(source, length)
        shutil.copyfileobj(limited, destination, CHUNK_BYTES)
        if limited.left or limited.digest.hexdigest() != digest:
            raise NotWrapped("rotten")
        return _text(block[NAME].value), digest


def _number(value):
    # Written anew without VRs, private values are bytes.
    return int.from_bytes(value, "little") if isinstance(value, bytes) else int(value)


def _text(value):
    return value.decode().rstrip(" \0") if isinstance(value, bytes) else str(value)


def _readHead(source):
    """Everything before the content, and whether its elements state their VR; the stream stands at the content."""
    from pydicom.filereader import read_partial

    dataset = read_partial(source, stop_when=lambda tag, _vr, _length: tag >= CONTENT_TAG)
    return dataset, not dataset.file_meta.TransferSyntaxUID.is_implicit_VR


def _encodedLength(source, isExplicit):
    head = source.read(12 if isExplicit else 8)
    if head[:4] != CONTENT_HEAD[:4]:
        raise NotWrapped("no content")
    return int.from_bytes(head[-4:], "little")


class _Counted:
    """The next bytes of a stream and their digest."""

    def __init__(self, stream, left):
        self._stream, self.left, self.digest = stream, left, hashlib.sha256()

    def read(self, count):
        data = self._stream.read(min(count, self.left))
        self.left -= len(data)
        self.digest.update(data)
        return data


@contextlib.contextmanager
def _notWrapped():
    try:
        yield
    except OSError:
        # The disk, not the object.
        raise
    except (Exception, RecursionError) as error:
        # Whatever lies in the store: it must not end a restore.
        raise NotWrapped(str(error)) from error
