"""A process that parses and decodes for this one, with limits on memory and time: a hostile file kills only it."""

import json
import os
import shutil
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy

from .Errors import InputRefused

MEMORY_BYTES = 4 << 30
# Silence after which a file is given up; a real one takes a fraction of a second.
HEADER_SECONDS, DECODE_SECONDS, UNPACK_SECONDS = 20.0, 60.0, 60.0
HOSTILE = "Do not use this file; ask where it came from."


def pythonProgram():
    """Return the Python that runs modules: this one, or inside Slicer the one that Slicer ships.

    :raises InputRefused: ``no-decoder``
    """
    if "python" in Path(sys.executable or "").name.lower():
        return sys.executable
    program = shutil.which("PythonSlicer")
    if program is None:
        raise InputRefused("no-decoder", "Slicer's own Python (PythonSlicer) was not found, so files cannot be decoded "
                           "safely.", "Install Slicer again.")  # fmt: skip
    return program


class DecodeWorker:
    """One such process, started when it is first asked, and again after a file that killed it. A context manager.

    :param memoryBytes: most memory that it may take (not limited on Windows and macOS)
    """

    def __init__(self, memoryBytes=MEMORY_BYTES):
        self._memoryBytes = memoryBytes
        self._process = None
        self._deadline = None

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        """End the process."""
        process, self._process, self._deadline = self._process, None, None
        if process is not None:
            process.kill()
            process.stdin.close()
            process.stdout.close()
            process.wait()

    def ask(self, request, silenceSeconds, progress=None):
        """Send a request; return the answer as plain data, and the bytes that came with it.

        :param request: ``do``, ``path`` and what else :mod:`PlanningHubLib.DecodeWorkerMain` takes
        :raises InputRefused: what the process answered; ``hostile-file`` where the file ended it or took too long
        """
        path = request["path"]
        try:
            self._start(silenceSeconds)
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
            while True:
                answer, values = self._receive(silenceSeconds)
                if "progress" not in answer:
                    break
                if progress:
                    progress(*answer["progress"])
        except (OSError, EOFError, ValueError) as error:
            ended = self._ended()
            self.close()
            raise InputRefused("hostile-file", f"{path} {ended}.", HOSTILE, [path]) from error
        except BaseException:
            self.close()
            raise
        self._deadline = None
        if "error" in answer:
            raise InputRefused(**answer["error"])
        return answer, values

    def _start(self, silenceSeconds):
        self._deadline = time.monotonic() + silenceSeconds
        if self._process is not None and self._process.poll() is None:
            return
        self.close()
        flags = {"creationflags": subprocess.CREATE_NO_WINDOW} if os.name == "nt" else {}
        self._process = subprocess.Popen(
            [pythonProgram(), "-m", "PlanningHubLib.DecodeWorkerMain", str(self._memoryBytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            **flags,
        )
        self._deadline = time.monotonic() + silenceSeconds
        threading.Thread(target=self._watch, args=(self._process,), daemon=True).start()

    def _watch(self, process):
        """End the process when it is silent for too long."""
        while process.poll() is None and self._process is process:
            deadline = self._deadline
            if deadline is not None and time.monotonic() > deadline:
                process.kill()
            time.sleep(0.1)

    def _receive(self, silenceSeconds):
        textBytes, valueBytes = struct.unpack("<IQ", self._read(12))
        answer = json.loads(bytes(self._read(textBytes)))
        values = self._read(valueBytes)
        self._deadline = time.monotonic() + silenceSeconds
        return answer, values

    def _read(self, count):
        data = self._process.stdout.read(count)
        if len(data) < count:
            raise EOFError
        return data

    def _ended(self):
        if self._deadline is not None and time.monotonic() > self._deadline:
            return "took longer to read than any real image"
        return "ended the process that read it"


def _environment():
    """This environment, with this package to be found and one thread for each library."""
    paths = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1"}
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **threads}


def parseInWorker(worker, path):
    """Return the slice headers of one file as plain dictionaries; None for what is not DICOM.

    :raises InputRefused: ``hostile-file``, ``damaged-header``, ``cannot-read``, and what the parser refuses by name
    """
    answer, _values = worker.ask({"do": "headers", "path": str(path)}, HEADER_SECONDS)
    return answer["headers"]


def decodeInWorker(worker, header):
    """Return one slice in HU, of MR in its own values, array (rows, columns).

    :raises InputRefused: ``cannot-decode``, ``hostile-file``, ``cannot-read``
    """
    wanted = {
        "path": str(header.path),
        "frame": header.frame,
        "sopClassUid": header.sopClassUid,
        "transferSyntaxUid": header.transferSyntaxUid,
        "rescaleSlope": header.rescaleSlope,
        "rescaleIntercept": header.rescaleIntercept,
        "rows": int(header.rows),
        "columns": int(header.columns),
    }
    return _decoded(worker, wanted)


def decodeStoredInWorker(worker, path, transferSyntaxUid, shape, frame=0):
    """Return the stored values of an image's frame, array (rows, columns), whatever its rescale says.

    :param shape: rows and columns
    :raises InputRefused: as :func:`decodeInWorker`
    """
    wanted = {
        "path": str(path),
        "frame": frame,
        "sopClassUid": "",
        "transferSyntaxUid": str(transferSyntaxUid),
        "rescaleSlope": 1,
        "rescaleIntercept": 0,
        "rows": shape[0],
        "columns": shape[1],
    }
    return _decoded(worker, wanted)


def _decoded(worker, wanted):
    answer, values = worker.ask({"do": "decode", **wanted}, DECODE_SECONDS)
    return numpy.frombuffer(values, answer["type"]).reshape(answer["shape"])
