"""A DICOMweb store on loopback that can be told to lie, stall or fail, for tests of what must never be believed."""

import http.server
import io
import re
import time

from .Loopback import LoopbackServer

SEND_LIES = {
    "honest": "keeps what it gets",
    "keepsNothing": "answers 200 and keeps nothing",
    "truncates": "answers 200 and keeps the first half of each object",
    "flipsBit": "answers 200 and keeps each object with one bit flipped",
    "fails": "answers 500 and keeps nothing",
    "busy": "answers 503 with Retry-After and keeps nothing",
    "refuses": "answers 409 and keeps nothing",
    "refusesBatches": "answers 400 to a request with more than one object and keeps none of it",
    "forbids": "answers 401 and keeps nothing",
    "redirects": "answers 307 to another address",
    "losesAnswer": "keeps what it gets and closes the connection in the middle of its answer",
    "hangsUp": "closes the connection without an answer and keeps nothing",
    "stalls": "reads everything, keeps nothing and never answers",
}
READ_LIES = {
    "honest": "gives what it keeps",
    "emptyAnswers": "answers 200 without a body",
    "emptyParts": "answers a multipart body without parts",
    "cutsAnswers": "announces the whole object and closes the connection half way",
    "losesEnd": "ends the answer before the closing boundary, with no length announced",
    "stalls": "never answers",
    "fails": "answers 500",
    "floods": "answers with a body that does not end",
    "recodes": "gives what it keeps with a header of its own: run-length coded, or uncoded what was coded",
}


class LyingServer(LoopbackServer):
    """Context manager around one server. Set ``send`` and ``read`` to a key of ``SEND_LIES`` and ``READ_LIES``.

    ``kept`` maps (study, series, object) UIDs to bytes; ``requests`` lists what was asked, as (method, path, objects).
    """

    def __init__(self, send="honest", read="honest"):
        super().__init__(_Handler)
        self.send = send
        self.read = read
        self.kept = {}
        self.requests = []

    @property
    def address(self):
        """The store address that ``openStore`` takes."""
        return f"dicomweb+{self.url}/dicom-web"

    def sent(self):
        """How many objects were posted in all."""
        return sum(count for method, _path, count in self.requests if method == "POST")


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def store(self):
        return self.server.owner

    def log_message(self, *arguments):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        objects = _parts(body, self.headers["Content-Type"])
        self.store.requests.append(("POST", self.path, len(objects)))
        lie = self.store.send
        if lie in ("honest", "losesAnswer") or lie == "refusesBatches" and len(objects) == 1:
            self._keep(objects)
        elif lie == "truncates":
            self._keep(objects, lambda data: data[: len(data) // 2])
        elif lie == "flipsBit":
            self._keep(objects, lambda data: data[:-9] + bytes([data[-9] ^ 4]) + data[-8:])
        self._answerSending(lie, len(objects))

    def _answerSending(self, lie, count):
        status = {"fails": 500, "busy": 503, "refuses": 409, "forbids": 401, "redirects": 307}.get(lie, 200)
        if lie == "refusesBatches" and count > 1:
            status = 400
        if lie == "stalls":
            self.store.released.wait(60)
        if lie in ("hangsUp", "stalls"):
            self.close_connection = True
        elif lie == "losesAnswer":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")
            self.close_connection = True
        else:
            extra = {"busy": {"Retry-After": "7"}, "redirects": {"Location": self.store.url + "/elsewhere"}}
            self._answer(status, b"{}", extra.get(lie, {}))

    def _keep(self, objects, change=lambda data: data):
        import pydicom

        for data in objects:
            dataset = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True)
            key = (dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID)
            self.store.kept.setdefault(tuple(map(str, key)), change(data))

    def do_GET(self):
        self.store.requests.append(("GET", self.path, 0))
        wanted = re.findall(r"/(?:studies|series|instances)/([^/]+)", self.path)
        found = [data for key, data in sorted(self.store.kept.items()) if list(key[: len(wanted)]) == wanted]
        lie = self.store.read
        if lie == "stalls":
            self.store.released.wait(60)
            self.close_connection = True
        elif lie == "fails":
            self._answer(500, b"")
        elif lie == "emptyAnswers":
            self._answer(200, b"")
        elif lie == "floods":
            self._flood()
        elif not found and lie != "emptyParts":
            self._answer(404, b"")
        else:
            self._give(found, lie)

    def _give(self, objects, lie):
        objects = [] if lie == "emptyParts" else objects
        objects = [_recoded(data) for data in objects] if lie == "recodes" else objects
        parts = b"".join(b"--b0\r\nContent-Type: application/dicom\r\n\r\n" + data + b"\r\n" for data in objects)
        body = parts + b"--b0--\r\n"
        kind = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=b0'}
        if lie == "cutsAnswers":
            self._answer(200, body[: len(body) // 2], {**kind, "Content-Length": str(len(body))})
            self.close_connection = True
        elif lie == "losesEnd":
            self._answer(200, parts[:-2], {**kind, "Connection": "close", "Content-Length": None})
            self.close_connection = True
        else:
            self._answer(200, body, kind)

    def _flood(self):
        self._answer(200, b"", {"Connection": "close", "Content-Length": None})
        self.close_connection = True
        end = time.monotonic() + 30
        while time.monotonic() < end and not self.store.released.is_set():
            self.wfile.write(bytes(1 << 16))

    def _answer(self, status, body, headers=()):
        headers = {"Content-Length": str(len(body)), **dict(headers)}
        self.send_response(status)
        for name, value in headers.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _parts(body, contentType):
    boundary = b"--" + re.search(r'boundary="?([^";]+)', contentType).group(1).encode()
    pieces = (b"\r\n" + body).split(b"\r\n" + boundary)[1:-1]
    return [piece.split(b"\r\n\r\n", 1)[1] for piece in pieces]


def _recoded(data):
    import pydicom
    from pydicom.uid import RLELossless

    dataset = pydicom.dcmread(io.BytesIO(data))
    if dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        dataset.decompress(generate_instance_uid=False)
    elif "PixelData" in dataset:
        dataset.compress(RLELossless, generate_instance_uid=False)
    dataset.file_meta.ImplementationVersionName = "ARCHIVE"
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()
