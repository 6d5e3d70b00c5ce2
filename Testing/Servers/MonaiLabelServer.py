"""A real MONAI Label server on loopback, in an environment of its own (`make inference` installs it)."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from .OrthancServer import freePort

APP = Path(__file__).parent / "MonaiLabelApp"
INSTALL = "make inference installs it, some gigabytes"


def inferencePython():
    """The Python of the environment that `make inference` makes, or None."""
    path = Path(sys.prefix) / "inference" / "bin" / "python"
    return path if path.exists() else None


def whyNoMonaiLabel():
    """Why no MONAI Label can be started here, for ``pytest.mark.skipif``; "" when one can."""
    python = inferencePython()
    if python is None or not any(python.parents[1].glob("lib/python*/site-packages/monailabel")):
        return f"MONAI Label is not installed ({INSTALL})"
    return ""


class MonaiLabelServer:
    """Context manager around one server.

    ``models``: "none" for a server without any.
    ``settings``: its environment variables, as MONAI Label names them.
    """

    def __init__(self, models="all", settings=None):
        self.folder = Path(tempfile.mkdtemp(prefix="planninghub-monailabel-"))
        self.port = freePort()
        self._models, self._settings = models, settings or {}
        self._process = None

    @property
    def address(self):
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *exception):
        self.close()

    def start(self, timeoutSeconds=120):
        """Starts the server and returns when it answers. RuntimeError with the end of its log when it does not."""
        app = self.folder / "app"
        shutil.copytree(APP, app, ignore=shutil.ignore_patterns("__pycache__"))
        command = [inferencePython(), "-m", "monailabel.main", "start_server", "--app", app]
        command += ["--studies", self.folder / "studies", "--host", "127.0.0.1", "--port", self.port]
        command += ["--conf", "models", self._models]
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        with open(self.folder / "server.log", "ab") as log:
            self._process = subprocess.Popen([str(one) for one in command], stdout=log, stderr=log, cwd=self.folder,
                                             env={**kept, **self._settings})  # fmt: skip
        end = time.monotonic() + timeoutSeconds
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("MONAI Label did not start:\n" + self.log()[-2000:])
            time.sleep(0.2)
        return self

    def close(self):
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self):
        return (self.folder / "server.log").read_text(errors="replace")

    def info(self):
        """What the server says of itself, read without our client."""
        with urllib.request.urlopen(f"{self.address}/info/", timeout=30) as answer:
            return json.loads(answer.read())

    def _answers(self):
        try:
            self.info()
        except urllib.error.HTTPError:
            return True
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False
        return True
