"""The multipart/related bodies of DICOMweb (PS3.18 section 8.6): written from files, read as digests of the parts."""

import email.message
import hashlib
import uuid

CHUNK_BYTES = 1 << 18


class FileChanged(Exception):
    """A file is no longer what its item says. ``item`` is that item."""

    def __init__(self, item):
        super().__init__(item.name)
        self.item = item


class Upload:
    """The body of one STOW-RS request: the files of ``items``, their bytes unchanged.

    Iterating reads the files anew and hashes them on the way. The last bytes of a file leave only when its digest is
    the item's; otherwise :class:`FileChanged` cuts the request short, so that no store gets a whole wrong object.
    ``beforeChunk`` is called with the number of bytes that leave next, and may wait or raise.
    """

    def __init__(self, items, beforeChunk):
        # A random boundary of 122 bits does not occur in the files.
        self._boundary = uuid.uuid4().hex
        self._items = items
        self._beforeChunk = beforeChunk
        self._head = f"--{self._boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        self._tail = f"--{self._boundary}--\r\n".encode()

    @property
    def contentType(self):
        return f'multipart/related; type="application/dicom"; boundary={self._boundary}'

    def __len__(self):
        return sum(len(self._head) + item.bytes + 2 for item in self._items) + len(self._tail)

    def __iter__(self):
        for item in self._items:
            yield self._head
            for chunk in _verifiedChunks(item):
                self._beforeChunk(len(chunk))
                yield chunk
            yield b"\r\n"
        yield self._tail


def _verifiedChunks(item):
    digest = hashlib.sha256()
    left = item.bytes
    try:
        with item.open() as file:
            while left:
                chunk = file.read(min(CHUNK_BYTES, left))
                left -= len(chunk)
                digest.update(chunk)
                if not chunk or (not left and (file.read(1) or digest.hexdigest() != item.sha256)):
                    raise FileChanged(item)
                yield chunk
    except OSError as error:
        raise FileChanged(item) from error


class CutShort(Exception):
    """The answer ended before its closing boundary."""


def boundaryOf(contentType):
    """The boundary of a multipart content type; "" for any other content type."""
    header = email.message.Message()
    header["Content-Type"] = contentType
    return header.get_param("boundary", "") if header.get_content_maintype() == "multipart" else ""


def partDigests(chunks, boundary):
    """Yield ``(sha256, bytes)`` of each part's body as it streams by; nothing is kept in memory.

    :param chunks: iterable of bytes; without a ``boundary`` all of it is one part
    :raises CutShort: there is no closing boundary
    """
    for body in _bodies(chunks, boundary, _Body):
        yield body.digest.hexdigest(), body.bytes


def partContents(chunks, boundary):
    """Yield the bytes of each part's body, for answers that are known to be small.

    :raises CutShort: there is no closing boundary
    """
    for body in _bodies(chunks, boundary, _Kept):
        yield b"".join(body.pieces)


def partsTo(chunks, boundary, sink):
    """Give the bytes of every part's body to ``sink`` as they stream by; yield the number of bytes of each part.

    :raises CutShort: there is no closing boundary
    """
    for body in _bodies(chunks, boundary, lambda: _Passed(sink)):
        yield body.bytes


def _bodies(chunks, boundary, makeBody):
    if not boundary:
        body = makeBody()
        for chunk in chunks:
            body.add(chunk)
        yield body
        return
    delimiter = b"\r\n--" + boundary.encode("latin-1")
    stream = _Stream(chunks)
    stream.passTo(delimiter, lambda data: None)
    while stream.peek(2) != b"--":
        stream.passTo(b"\r\n\r\n", lambda data: None)
        body = makeBody()
        stream.passTo(delimiter, body.add)
        yield body


class _Body:
    def __init__(self):
        self.digest = hashlib.sha256()
        self.bytes = 0

    def add(self, data):
        self.digest.update(data)
        self.bytes += len(data)


class _Passed:
    def __init__(self, sink):
        self._sink = sink
        self.bytes = 0

    def add(self, data):
        self._sink(data)
        self.bytes += len(data)


class _Kept:
    def __init__(self):
        self.pieces = []

    def add(self, data):
        self.pieces.append(data)


class _Stream:
    """Chunks with a window that is only as large as what is being looked for."""

    def __init__(self, chunks):
        self._chunks = iter(chunks)
        # The first delimiter has no line end before it when there is no preamble.
        self._window = b"\r\n"

    def _more(self):
        try:
            self._window += next(self._chunks)
        except StopIteration:
            raise CutShort() from None

    def peek(self, count):
        while len(self._window) < count:
            self._more()
        return self._window[:count]

    def passTo(self, token, sink):
        """Give everything before ``token`` to ``sink`` and go on after it."""
        while True:
            position = self._window.find(token)
            if position >= 0:
                sink(self._window[:position])
                self._window = self._window[position + len(token) :]
                return
            settled = max(0, len(self._window) - len(token) + 1)
            sink(self._window[:settled])
            self._window = self._window[settled:]
            self._more()
