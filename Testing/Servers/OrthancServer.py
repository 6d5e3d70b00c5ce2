"""A real Orthanc with its DICOMweb plugin, on loopback, in a temporary folder, for one test."""

import base64
import json
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

pluginFolders = ("/usr/share/orthanc/plugins", "/usr/lib/orthanc", "/usr/local/share/orthanc/plugins")


def freePort():
    """A TCP port on loopback that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def orthancProgram():
    """Path of the Orthanc program, or None; Debian keeps it where a user's PATH does not look."""
    return shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin:/usr/local/sbin")


def dicomWebPlugin():
    """Path of the DICOMweb plugin, or None."""
    found = (path for folder in pluginFolders for path in sorted(Path(folder).glob("libOrthancDicomWeb.so*")))
    return next(found, None)


def whyNoOrthanc():
    """Why no Orthanc can be started here, for ``pytest.mark.skipif``; "" when one can."""
    if orthancProgram() is None:
        return "Orthanc is not installed (Debian: apt-get install orthanc orthanc-dicomweb)"
    if dicomWebPlugin() is None:
        return "Orthanc's DICOMweb plugin is not installed (Debian: apt-get install orthanc-dicomweb)"
    return ""


class OrthancServer:
    """Context manager around one Orthanc. ``kill`` and ``start`` take it down and bring it up on the same storage.

    ``storage``: folder for its database and objects, kept by the caller; without it a temporary one, removed at the
    end.
    ``settings``: merged over the configuration.
    ``user``: (name, password) of the only one who may ask anything; without, everybody may.
    """

    def __init__(self, storage=None, settings=None, user=None):
        self._temporary = None if storage else tempfile.mkdtemp(prefix="planninghub-orthanc-")
        self.folder = Path(storage or self._temporary)
        self.httpPort = freePort()
        self.dicomPort = freePort()
        self._user = user
        access = {"AuthenticationEnabled": True, "RegisteredUsers": dict([user])} if user else {}
        self._settings = {**access, **(settings or {})}
        self._process = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.httpPort}"

    @property
    def address(self):
        """The store address that ``openStore`` takes."""
        return f"dicomweb+{self.url}/dicom-web"

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *exception):
        self.close()

    def start(self, timeoutSeconds=60):
        """Starts the program and returns when it answers. RuntimeError with the end of its log when it does not."""
        configuration = self.folder / "orthanc.json"
        configuration.write_text(json.dumps(self._configuration()))
        with open(self.folder / "orthanc.log", "ab") as log:
            command = [orthancProgram(), str(configuration)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)
        end = time.monotonic() + timeoutSeconds
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("Orthanc did not start:\n" + self.log()[-2000:])
            time.sleep(0.05)
        return self

    def kill(self):
        """Ends the program at once, as a power cut would."""
        self._process.kill()
        self._process.wait()

    def close(self):
        """Ends the program; what it stored goes with the temporary folder."""
        if self._process is not None and self._process.poll() is None:
            self.kill()
        if self._temporary:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def log(self):
        return (self.folder / "orthanc.log").read_text(errors="replace")

    def rest(self, path):
        """Body of a GET on Orthanc's own REST interface: the view from behind the DICOMweb service."""
        with self.ask(path) as answer:
            return answer.read()

    def ask(self, path, data=None):
        """The open answer to a request on Orthanc's own REST interface; a POST where there are data."""
        request = urllib.request.Request(self.url + path, data)
        if self._user:
            request.add_header("Authorization", "Basic " + base64.b64encode(":".join(self._user).encode()).decode())
        return urllib.request.urlopen(request, timeout=30)

    def instances(self):
        """Orthanc's identifiers of all objects it keeps."""
        return json.loads(self.rest("/instances"))

    def storedBytes(self):
        """The bytes of every object Orthanc keeps, read through its own interface."""
        return [self.rest(f"/instances/{identifier}/file") for identifier in self.instances()]

    def _answers(self):
        try:
            return bool(self.rest("/system"))
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def _configuration(self):
        return {
            "Name": "PlanningHub test",
            "StorageDirectory": str(self.folder / "storage"),
            "IndexDirectory": str(self.folder / "storage"),
            "Plugins": [str(dicomWebPlugin())],
            "HttpPort": self.httpPort,
            "DicomPort": self.dicomPort,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "HttpBindAddresses": ["127.0.0.1"],
            "DicomServerEnabled": True,
            "ExecuteLuaEnabled": False,
            "SaveJobs": False,
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/", "EnableWado": False},
            **self._settings,
        }
