"""Multipart bodies: what is written is what an independent reader reads, and no cut goes unnoticed."""

import email
import hashlib

import pytest

from CentralSyncLib.Items import itemOf
from CentralSyncLib.Stores.Multipart import CutShort, Upload, boundaryOf, partDigests

BODIES = [b"", b"\r\n", b"--b0", b"\r\n--b", b"\r\n--bx" * 1000, bytes(range(256)) * 9]


def encoded(bodies, preamble=b"", head=b"Content-Type: application/dicom\r\nContent-Length: 1\r\n"):
    return preamble + b"".join(b"--b0\r\n" + head + b"\r\n" + body + b"\r\n" for body in bodies) + b"--b0--\r\n"


def expected(bodies):
    return [(hashlib.sha256(body).hexdigest(), len(body)) for body in bodies]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 100_000])
@pytest.mark.parametrize("preamble", [b"", b"ignored\r\n"])
@pytest.mark.parametrize("head", [b"", b"Content-Type: application/dicom\r\n"])
def test_partsAreFoundWhereverTheChunksAreCut(size, preamble, head):
    data = encoded(BODIES, preamble, head)
    chunks = (data[start : start + size] for start in range(0, len(data), size))
    assert list(partDigests(chunks, "b0")) == expected(BODIES)


def test_everyCutBeforeTheClosingBoundaryIsNoticed():
    data = encoded([b"first", b"second"])
    for length in range(len(data) - len(b"--\r\n") + 1):
        with pytest.raises(CutShort):
            list(partDigests([data[:length]], "b0"))


def test_answerWithoutBoundaryIsOnePart():
    assert list(partDigests([b"ab", b"c"], "")) == expected([b"abc"])


def test_boundaryOfContentType():
    assert boundaryOf('multipart/related; type="application/dicom"; boundary="a b"') == "a b"
    assert boundaryOf("multipart/related; BOUNDARY=x-1") == "x-1"
    assert boundaryOf("application/dicom; boundary=x") == "" and boundaryOf("") == ""


def test_uploadIsReadBackByPythonsOwnMailParser(tmp_path):
    paths = [tmp_path / "a", tmp_path / "b"]
    paths[0].write_bytes(b"DICM first")
    paths[1].write_bytes(b"second")
    upload = Upload([itemOf(path) for path in paths], lambda count: None)
    body = b"".join(upload)
    assert len(body) == len(upload)
    message = email.message_from_bytes(b"Content-Type: " + upload.contentType.encode() + b"\r\n\r\n" + body)
    assert [part.get_payload(decode=True) for part in message.get_payload()] == [b"DICM first", b"second"]
    assert {part.get_content_type() for part in message.get_payload()} == {"application/dicom"}
