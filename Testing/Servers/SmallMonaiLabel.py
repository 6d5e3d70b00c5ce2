"""Plays a MONAI Label server's REST interface on loopback; the same tests run against the real one where there is one.

Its models threshold HU, as those of ``MonaiLabelApp`` do. What it was sent is in ``bodies``,
and ``cut`` counts what ended before its end.
"""

import base64
import http.server
import json
import tempfile
from pathlib import Path

from .Loopback import LoopbackServer

BONE_HU, AIR_HU = 300, -500
LABELS = {"skull": 1, "air": 2}
MODELS = {name: {"type": "segmentation", "labels": LABELS, "dimension": 3, "description": "Bone and air", "config": {}}
          for name in ("threshold", "listed", "shifted", "shorter", "slow", "failing")}  # fmt: skip
MODELS["listed"]["labels"] = list(LABELS)
INFO = {"name": "Thresholds", "description": "For tests", "version": "3.1", "labels": list(LABELS)}
CHECKSUM = "SHA256:8ba4a1a08a68c452705b8df649fbbc8ec050ec813eb44a58407f996e108c65eb"
USER, PASSWORD, TOKEN = "infer", "open sesame", "a.b.c"


class SmallMonaiLabel(LoopbackServer):
    """Context manager around one server.

    ``models``: "none" for a server without any.
    ``login``: "token" for one that wants a bearer token and gives it for user and password, "basic" for one behind
    something that wants the password itself.
    """

    def __init__(self, models="all", login=""):
        super().__init__(_Handler)
        self.models, self.login = {} if models == "none" else MODELS, login
        self.requests, self.bodies, self.cut = [], [], 0

    @property
    def address(self):
        return self.url


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        self._played.requests.append(("GET", self.path))
        if self.path == "/auth/" and self._played.login == "token":
            self._json(200, {"enabled": True, "client_id": "monailabel-app", "realm": "http://127.0.0.1/realm"})
        elif self.path == "/info/" and self._allowed():
            self._json(200, {**INFO, "models": self._played.models})
        elif self.path == "/model/info/threshold" and self._allowed():
            self._json(200, {"checksum": CHECKSUM, "modified_time": 0})
        elif self.path not in ("/info/", "/model/info/threshold"):
            self._json(404, {"detail": "Not Found"})

    def do_POST(self):
        announced = int(self.headers["Content-Length"])
        body = self.rfile.read(announced)
        if len(body) < announced:
            self._played.cut += 1
            return
        self._played.requests.append(("POST", self.path))
        self._played.bodies.append(body)
        path, _found, query = self.path.partition("?")
        if path == "/auth/token" and self._played.login == "token":
            right = f"username={USER}&password={PASSWORD.replace(' ', '+')}".encode() in body
            self._json(200 if right else 500, {"access_token": TOKEN, "token_type": "bearer"} if right else {})
        elif path.startswith("/infer/") and query == "output=all" and self._allowed():
            self._infer(path.removeprefix("/infer/"), body)

    @property
    def _played(self):
        return self.server.owner

    def _allowed(self):
        given = self.headers.get("Authorization", "")
        password = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        wanted = {"": given, "token": f"Bearer {TOKEN}", "basic": password}[self._played.login]
        if given != wanted:
            self._json(401, {"detail": "Not authenticated"})
        return given == wanted

    def _infer(self, model, body):
        if model == "slow":
            self._played.released.wait(30)
        if model == "failing":
            self._send(500, "text/plain; charset=utf-8", b"Internal Server Error")
            return
        boundary = self.headers["Content-Type"].partition("boundary=")[2].encode()
        parts = body.split(b"\r\n--" + boundary)
        image = next(part.partition(b"\r\n\r\n")[2] for part in parts if b'name="file"' in part)
        names = list(LABELS) if model == "listed" else LABELS
        fields = [
            (b'Content-Disposition: form-data; name="params"\r\nContent-Type: application/json',
             json.dumps({"label_names": names}).encode()),
            (b'Content-Disposition: form-data; name="image"; filename="tmp1.nii.gz"\r\nContent-Type: application/gzip',
             thresholded(image, model)),
        ]  # fmt: skip
        content = b"".join(b"--x1\r\n" + head + b"\r\n\r\n" + value + b"\r\n" for head, value in fields) + b"--x1--\r\n"
        self._send(200, "multipart/form-data; boundary=x1", content)

    def _json(self, status, values):
        self._send(status, "application/json", json.dumps(values).encode())

    def _send(self, status, contentType, content):
        self.send_response(status)
        self.send_header("Content-Type", contentType)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def thresholded(image, model):
    """The bytes of a NIfTI file as a label map in float32, as MONAI Label's writer makes them."""
    import SimpleITK

    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "image.nii.gz")
        Path(path).write_bytes(image)
        voxels = SimpleITK.ReadImage(path)
        labels = SimpleITK.BinaryThreshold(voxels, BONE_HU, 32000, 1, 0)
        labels = SimpleITK.Cast(labels + SimpleITK.BinaryThreshold(voxels, -32000, AIR_HU, 2, 0), SimpleITK.sitkFloat32)
        if model == "shorter":
            labels = labels[:, :, :-1]
        if model == "shifted":
            labels.SetOrigin([labels.GetOrigin()[0] - 1.0, *labels.GetOrigin()[1:]])
        SimpleITK.WriteImage(labels, path)
        return Path(path).read_bytes()
