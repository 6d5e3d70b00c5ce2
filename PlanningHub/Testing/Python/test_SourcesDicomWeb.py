"""Search and retrieval from a real Orthanc by DICOMweb; addresses that would leak are refused."""

import contextlib
import http.server
import threading
import urllib.request

import pytest
from CaseMaking import tree, writeSmallSeries

from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import InputRefused, StoreFailed, UsageError
from PlanningHubLib.Import import examine, importSeries
from PlanningHubLib.SourcesDicomWeb import parseAddress, writeParts
from Servers.OrthancServer import OrthancServer, freePort, whyNoOrthanc


@pytest.fixture(scope="module")
def anArchive(tmp_path_factory):
    """An Orthanc with two patients' studies, the first also with a second series."""
    if whyNoOrthanc():
        pytest.skip(whyNoOrthanc())
    folder = tmp_path_factory.mktemp("series")
    writeSmallSeries(folder / "one", studyUid="1.2.3.1", seriesUid="1.2.3.1.1")
    writeSmallSeries(folder / "two", studyUid="1.2.3.2", seriesUid="1.2.3.2.1", patientId="PHANTOM-2")
    writeSmallSeries(folder / "three", studyUid="1.2.3.3", seriesUid="1.2.3.3.1", patientId="PHANTOM-2")
    with OrthancServer() as server:
        for path in folder.rglob("*.dcm"):
            request = urllib.request.Request(f"{server.url}/instances", path.read_bytes(), method="POST")
            urllib.request.urlopen(request, timeout=30).close()
        yield server, folder


def address(server, query):
    return f"dicomweb:{server.url}/dicom-web?{query}"


@pytest.mark.parametrize("query", ["patient=PHANTOM-1", "study=1.2.3.1", "series=1.2.3.1.1",
                                   "patient=PHANTOM-1&series=1.2.3.1.1&modality=CT"])  # fmt: skip
def test_retrievedSeriesIsTheArchivesOwnBytes(anArchive, tmp_path, query):
    server, folder = anArchive
    importSeries(address(server, query), tmp_path / "a")
    importSeries(folder / "one", tmp_path / "b")
    contents = [Case.open(tmp_path / name).latest("source").content for name in "ab"]
    assert contents[0] == contents[1]


@pytest.mark.parametrize(("query", "code"), [("patient=NOBODY", "no-match"), ("accession=4711", "no-match"),
                                             ("patient=PHANTOM-2", "several-studies"),
                                             ("patient=PHANTOM-1&modality=MR", "no-match")])  # fmt: skip
def test_searchThatFindsNotOneStudyIsRefused(anArchive, tmp_path, query, code):
    with pytest.raises(InputRefused) as refused:
        importSeries(address(anArchive[0], query), tmp_path / "case")
    assert refused.value.code == code and tree(tmp_path) == {}


def test_wrongPathIsNamed(anArchive):
    with pytest.raises(StoreFailed) as failed:
        examine(f"dicomweb:{anArchive[0].url}/nowhere?patient=PHANTOM-1")
    assert failed.value.code == "archive-answer" and "404" in failed.value.message


def test_nobodyListens():
    with pytest.raises(StoreFailed) as failed:
        examine(f"dicomweb:http://127.0.0.1:{freePort()}/dicom-web?patient=1")
    assert failed.value.code == "archive-unreachable" and failed.value.exitCode == 5


@pytest.mark.parametrize(("text", "code"), [
    ("dicomweb:http://archive.example/dicom-web?patient=1", "plain-http"),
    ("dicomweb:http://127.0.0.1.example/dicom-web?patient=1", "plain-http"),
    ("dicomweb:https://me:secret@archive.example/?patient=1", "secret-in-address"),
    ("dicomweb:ftp://archive.example/?patient=1", "bad-archive-address"),
    ("dicomweb:https://archive.example/", "bad-archive-address"),
    ("dicomweb:https://archive.example/?patient=*", "bad-archive-address"),
    ("dicomweb:https://archive.example/?modality=CT", "bad-archive-address"),
    ("dicomweb:https://archive.example/?patient=1&password=x", "bad-archive-address"),
    ("dicomweb:", "bad-archive-address"),
])  # fmt: skip
def test_addressesThatAreRefused(text, code):
    with pytest.raises(UsageError) as refused:
        examine(text)
    assert refused.value.code == code and "secret" not in refused.value.message


def test_loopbackAndTlsAreTaken():
    assert parseAddress("dicomweb:http://[::1]:8042/dicom-web/?patient=a%20b") == (
        "http://[::1]:8042/dicom-web", {"patient": "a b"})  # fmt: skip
    assert parseAddress("dicomweb:https://archive.example/x?series=1.2")[0] == "https://archive.example/x"


@contextlib.contextmanager
def answering(status, contentType, body, **headers):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            isSearch = "json" in self.headers["Accept"]
            search = b'[{"0020000D": {"Value": ["1.2"]}, "0020000E": {"Value": ["1.2.3"]}}]'
            self.send_response(200 if isSearch else status)
            self.send_header("Content-Type", "application/dicom+json" if isSearch else contentType)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(search if isSearch else body)

        def log_message(self, *_arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"dicomweb:http://127.0.0.1:{server.server_address[1]}/x?study=1.2"
        server.shutdown()


MULTIPART = 'multipart/related; type="application/dicom"; boundary=b'


@pytest.mark.parametrize(("status", "contentType", "body"), [
    (200, MULTIPART, b"--b\r\nContent-Type: application/dicom\r\n\r\nDATA"),
    (200, MULTIPART, b""),
    (200, "text/html", b"<html>"),
    (302, MULTIPART, b""),
    (401, "text/plain", b""),
    (503, "text/plain", b""),
])  # fmt: skip
def test_answersThatAreNoSeriesAreNamedAndLeaveNothing(tmp_path, status, contentType, body):
    with answering(status, contentType, body) as source, pytest.raises(StoreFailed) as failed:
        importSeries(source, tmp_path / "case")
    assert failed.value.code == ("archive-login-needed" if status == 401 else "archive-answer")
    assert tree(tmp_path) == {}


def test_partsAreFoundHoweverTheAnswerIsCut(tmp_path):
    bodies = [b"one\r\n--almost", b"", b"\r\n\r\n--", bytes(range(256))]
    whole = b"preamble" + b"".join(b"\r\n--b\r\nA: b\r\n\r\n" + body for body in bodies) + b"\r\n--b--\r\n"
    for size in (1, 2, 7, len(whole)):
        folder = tmp_path / str(size)
        folder.mkdir()
        chunks = (whole[start : start + size] for start in range(0, len(whole), size))
        assert writeParts(chunks, b"b", folder, lambda count: None, "host") == len(bodies)
        assert [path.read_bytes() for path in sorted(folder.iterdir())] == bodies
