"""A hospital's central inference server, by the REST protocol of MONAI Label (``/info/``, ``/infer/{model}``)."""

import email.message
import gzip
import json
import shutil
import threading
import urllib.parse

from ..Errors import InputRefused, StoreFailed
from ..Progress import noProgress
from .Inference import NOT_STATED, LabelMap
from .MonaiLabelHttp import ASK, ServerHttp, parseAddress, readAll

LOOK_SECONDS = 0.2
# The image is the only thing that has a name there.
FILE_NAME = "image.nii.gz"
WANTED = {"result_extension": ".nii.gz", "result_dtype": "uint16"}
# What MONAI Label calls models that need no points or strokes of a user.
AUTOMATIC = ("segmentation", "deepedit", "others")
CHECKSUM_PATH = "/model/info/{model}"


class MonaiLabel:
    """One model of a server; an engine for :func:`.Inference.inferredMasks`. A context manager.

    :param address: ``https://host/path``; ``http`` only for this machine
    :param model: the model's name there; without, the only one that it has
    :param release: called once before the first voxel leaves (:func:`.Inference.releaseOfImage`)
    :param credentials: :class:`PlanningHubLib.ArchiveAccess.Credentials`; without, those that are remembered, or none
    :raises UsageError: as :func:`.MonaiLabelHttp.parseAddress`
    """

    # What a server's model was trained on, its site knows.
    needsHu = False

    def __init__(self, address, model, release, credentials=None, limits=None):
        self.address = parseAddress(address)
        self._model, self._release = model, release
        self._http = ServerHttp(self.address, credentials, limits)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._http.close()

    def labels(self):
        """Return the labels of the model.

        :raises StoreFailed: as :meth:`infer`
        """
        info = serverInfo(self._http)
        return tuple(labelValues(info["models"][chosenModel(info, self._model)].get("labels")))

    def infer(self, imagePath, folder, labels, progress=noProgress):
        """Send the image, wait for the labels; return the :class:`.Inference.LabelMap` and facts as plain data.

        A cancel stops the sending, or the waiting; what the server has begun, it may finish for itself.

        :raises InputRefused: as :func:`chosenModel`; ``unknown-label``
        :raises StoreFailed: as :meth:`.MonaiLabelHttp.ServerHttp.request`; ``server-answer``
        :raises GateRefused: what ``release`` raises
        """
        progress(0.0, f"Asking {self._http.host}")
        info = serverInfo(self._http)
        model = chosenModel(info, self._model)
        stated = labelValues(info["models"][model].get("labels"))
        missing = sorted(set(labels) - set(stated)) if stated else []
        if missing:
            raise InputRefused("unknown-label", f"The model {model} has no label {', '.join(missing)}.",
                               f"Its labels: {', '.join(sorted(stated)[:150])}.")  # fmt: skip
        progress(0.01, "Compressing the image")
        compressed = folder / FILE_NAME
        _compress(imagePath, compressed)
        self._release()
        parameters, image = _Exchange(self._http, model, compressed).run(progress)
        path = folder / "labels.nii.gz"
        path.write_bytes(image)
        return [LabelMap(path, labelValues(parameters.get("label_names")) or stated)], self._facts(info, model)

    def _facts(self, info, model):
        entry = info["models"][model]
        config = entry.get("config") if isinstance(entry.get("config"), dict) else {}
        weights = self._http.json(CHECKSUM_PATH.format(model=_quoted(model)), anyStatus=True) or {}
        return {
            "engine": "MONAI Label",
            "engineVersion": NOT_STATED,
            "server": self.address,
            "serverName": _text(info.get("name")),
            "serverVersion": _text(info.get("version")),
            "model": model,
            "modelDescription": _text(entry.get("description")),
            "modelVersion": _text(entry.get("version") or config.get("version")),
            "weights": _text(weights.get("checksum") if isinstance(weights, dict) else None),
        }


def serverInfo(http):
    """Log in where that is wanted, and return what a server says of itself; ``models`` is a dictionary of such.

    :raises StoreFailed: ``name-not-resolved``, ``not-monai-label``, and as
        :meth:`.MonaiLabelHttp.ServerHttp.request`
    """
    http.requireName()
    http.login()
    info = http.json("/info/")
    models = info.get("models") if isinstance(info, dict) else None
    if not isinstance(models, dict) or not all(isinstance(one, dict) for one in models.values()):
        raise http.notMonaiLabel()
    return info


def chosenModel(info, wanted):
    """Return the name of the model to use.

    :param wanted: a name, or nothing where the server has one model only
    :raises InputRefused: ``no-model``, ``no-such-model``, ``several-models``, ``model-needs-points``
    """
    models = sorted(info["models"])
    if not models:
        raise InputRefused("no-model", "The inference server has no model ready.", "Ask who runs it.")
    names = f"It has: {', '.join(models[:30])}."
    if wanted and wanted not in models:
        raise InputRefused("no-such-model", f"The inference server has no model {wanted}.", names)
    if not wanted and len(models) > 1:
        raise InputRefused("several-models", "The inference server has several models.", f"Name one. {names}")
    model = wanted or models[0]
    if info["models"][model].get("type", AUTOMATIC[0]) not in AUTOMATIC:
        raise InputRefused("model-needs-points", f"The model {model} finds nothing without points or strokes.", names)
    return model


def labelValues(labels):
    """Return label → value of what a server states: a dictionary either way round, or a list that counts from 1."""
    if isinstance(labels, list):
        return {str(label): value for value, label in enumerate(labels, 1)}
    if not isinstance(labels, dict):
        return {}
    pairs = [(name, value) if isinstance(value, int) else (value, name) for name, value in labels.items()]
    try:
        return {str(name): int(value) for name, value in pairs if int(value) != 0}
    except (TypeError, ValueError):
        return {}


class _Exchange:
    """One image sent and one answer read, in a thread of its own, so that a cancel is heard at any time."""

    def __init__(self, http, model, imagePath):
        self._http, self._path, self._imagePath = http, f"/infer/{_quoted(model)}?output=all", imagePath
        self._stopped = threading.Event()
        self._sentShare, self._result, self._error = 0.0, None, None

    def run(self, progress):
        """Return parameters and the bytes of the label map."""
        thread = threading.Thread(target=self._work, daemon=True)
        thread.start()
        try:
            while thread.is_alive():
                text = "Sending the image" if self._sentShare < 1 else "The server's model is at work"
                progress(0.05 + 0.25 * self._sentShare, text)
                thread.join(LOOK_SECONDS)
        finally:
            self._stopped.set()
        if self._error:
            raise self._error
        return self._result

    def _work(self):
        try:
            with open(self._imagePath, "rb") as file:
                body = _Form(file, self._goOn, self._sent)
                headers = {"Content-Type": body.contentType, "Accept-Encoding": "identity"}
                seconds = self._http.limits.inferSeconds
                with self._http.request("POST", self._path, seconds, data=body, headers=headers) as answer:
                    content = readAll(answer, goOn=self._goOn)
                    self._result = formParts(answer.headers.get("Content-Type", ""), content)
        except Exception as error:
            self._error = error

    def _goOn(self):
        if self._stopped.is_set():
            raise OSError("cancelled")

    def _sent(self, share):
        self._sentShare = share


class _Form:
    """A multipart form with parameters and one file, read piece by piece (RFC 7578)."""

    boundary = "planninghub-0f6d9c1e5a"

    def __init__(self, file, goOn, sent):
        self._file, self._goOn, self._sent = file, goOn, sent
        head = (
            f'--{self.boundary}\r\nContent-Disposition: form-data; name="params"\r\n\r\n{json.dumps(WANTED)}\r\n'
            f'--{self.boundary}\r\nContent-Disposition: form-data; name="file"; filename="{FILE_NAME}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        self._pieces = [head.encode(), None, f"\r\n--{self.boundary}--\r\n".encode()]
        self._size = sum(len(one) for one in self._pieces if one) + file.seek(0, 2)
        file.seek(0)
        self._given = 0

    @property
    def contentType(self):
        return f"multipart/form-data; boundary={self.boundary}"

    def __len__(self):
        return self._size

    def read(self, count=-1):
        self._goOn()
        data = b""
        while self._pieces and not data:
            if self._pieces[0] is None:
                data = self._file.read(count)
                if not data:
                    self._pieces.pop(0)
            else:
                data, rest = self._pieces[0][:count] if count > 0 else self._pieces[0], b""
                rest = self._pieces[0][len(data) :]
                self._pieces[0:1] = [rest] if rest else []
        self._given += len(data)
        self._sent(self._given / self._size)
        return data


def formParts(contentType, content):
    """Return the parameters and the bytes of the label map in a server's answer.

    :raises StoreFailed: ``server-answer``, where it holds no label map
    """
    header = email.message.Message()
    header["Content-Type"] = contentType
    boundary = header.get_param("boundary", "")
    parameters, image = {}, None
    if header.get_content_type() == "multipart/form-data" and boundary:
        for one in (b"\r\n" + content).split(b"\r\n--" + boundary.encode("latin-1"))[1:]:
            head, found, body = one.partition(b"\r\n\r\n")
            if found and b'name="image"' in head:
                image = body
            elif found and b'name="params"' in head:
                parameters = _parameters(body)
    if not image:
        raise StoreFailed("server-answer", "The server answered without a label map.", ASK)
    return parameters, image


def _parameters(body):
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {}


def _compress(path, compressed):
    """Without the name and the time that such files else hold; the fastest way, networks of hospitals are fast, too."""
    with open(path, "rb") as source, open(compressed, "wb") as target:
        with gzip.GzipFile("", "wb", compresslevel=1, fileobj=target, mtime=0) as file:
            shutil.copyfileobj(source, file, 1 << 20)


def _quoted(name):
    return urllib.parse.quote(name, safe="")


def _text(value):
    return str(value)[:200] if isinstance(value, (str, int, float)) and str(value).strip() else NOT_STATED
