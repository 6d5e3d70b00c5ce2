"""The store as it is shipped: the written configuration, run with real Orthancs behind a real nginx, on loopback."""

import base64
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from pathlib import Path

import trustme

from CentralSyncLib.Server.Writer import ServerPlan, writeServer
from CentralSyncLib.Stores.Addresses import openStore
from CentralSyncLib.Stores.Settings import StoreSettings
from PlanningHubLib.ArchiveAccess import Credentials

from .OrthancServer import dicomWebPlugin, freePort, orthancProgram, whyNoOrthanc


def nginxProgram():
    """Path of nginx, or None; Debian keeps it where a user's PATH does not look."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def whyNoStore():
    """Why the shipped store cannot be started here, for ``pytest.mark.skipif``; "" when it can."""
    if nginxProgram() is None:
        return "nginx is not installed (Debian: apt-get install nginx-light)"
    return whyNoOrthanc()


class ShippedStore:
    """Context manager around the workers, the store of teaching copies and the terminator.

    ``users``: user name to roles. ``settings``: fields of :class:`ServerPlan` over the usual ones.
    """

    def __init__(self, users, workers=1, settings=None):
        self.folder = Path(tempfile.mkdtemp(prefix="planninghub-store-"))
        self.state = self.folder / "state"
        self.configuration = self.folder / "configuration"
        self.authority = trustme.CA()
        self.port = freePort()
        self.ports = tuple(freePort() for _worker in range(workers))
        self.teachingPort = freePort()
        self.authorityFile = self._pem("authority.pem", self.authority.cert_pem.bytes())
        issued = self.authority.issue_cert("localhost", "127.0.0.1")
        certificate = self._pem("server.pem", b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        key = self._pem("server.key", issued.private_key_pem.bytes())
        self.plan = ServerPlan(
            host="localhost", certificate=certificate, key=key, listen=f"127.0.0.1:{self.port}", state=self.state,
            plugins=dicomWebPlugin().parent, ports=self.ports, teachingPort=self.teachingPort,
            **(settings or {}),
        )  # fmt: skip
        for place in ("log", "tmp"):
            (self.state / place).mkdir(parents=True)
        self.users = users
        self.written = writeServer(self.configuration, self.plan, users)
        self._processes = {}

    @property
    def address(self):
        """The store address that ``openStore`` takes."""
        return f"dicomweb+https://localhost:{self.port}/dicom-web"

    def password(self, user):
        return json.loads((self.configuration / "teaching/users.json").read_text())["RegisteredUsers"][user]

    def __enter__(self):
        try:
            # Two workers that find an empty database at once would both make its tables, and one would end.
            self.start("orthanc-1")
            self.waitFor("orthanc-1")
            for name in self.orthancs():
                if name != "orthanc-1":
                    self.start(name)
            self.startTerminator()
            for name in self.orthancs():
                self.waitFor(name)
            return self
        except BaseException:
            self.close()
            raise

    def __exit__(self, *exception):
        self.close()

    def orthancs(self):
        """Names of the written configurations of Orthanc, with their ports."""
        workers = {f"orthanc-{number}": port for number, port in enumerate(self.ports, 1)}
        return {**workers, "teaching": self.teachingPort}

    def start(self, name):
        """Starts one Orthanc; it may still be starting when this returns."""
        command = [orthancProgram(), str(self.configuration / name)]
        self._processes[name] = self._run(command, f"{name}.log")

    def startTerminator(self):
        command = [nginxProgram(), "-c", self.configuration / "nginx.conf", "-e", self.folder / "nginx-start.log"]
        # Where the tests run as root, its workers would be another user, who cannot enter this folder.
        extra = "daemon off;" + (" user root;" if os.geteuid() == 0 else "")
        self._processes["nginx"] = self._run([*map(str, command), "-g", extra], "nginx.log")
        self._until(lambda: listens(self.port), "nginx")

    def waitFor(self, name):
        """Returns when one Orthanc answers, which is with a refusal."""
        self._until(lambda: _status(self.orthancs()[name]) == 401, name)

    def kill(self, name):
        """Ends one of them at once, as a power cut would."""
        self._processes[name].kill()
        self._processes[name].wait()

    def hasEnded(self, name):
        """Tells whether one of them runs no more."""
        return self._processes[name].poll() is not None

    def processIds(self):
        return {name: process.pid for name, process in self._processes.items()}

    def close(self):
        for process in self._processes.values():
            if process.poll() is None:
                # The terminator ends its workers itself.
                process.send_signal(signal.SIGTERM)
        for process in self._processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def client(self, user):
        """Our own store of this address, with that user's login."""
        settings = StoreSettings(self.address, certificateAuthority=self.authorityFile)
        return openStore(self.address, Credentials(user, self.password(user)), settings)

    def ask(self, method, path, user=None, body=None, headers=None, password=None, context=None):
        """Returns (status, body) of a request to the terminator, made without our client."""
        context = context or ssl.create_default_context(cafile=self.authorityFile)
        connection = http.client.HTTPSConnection("localhost", self.port, timeout=30, context=context)
        return self._answer(connection, method, path, user, body, headers, password)

    def halfAsked(self, method, path, context):
        """An open connection to the terminator, on which a request has begun whose body does not come."""
        connection = http.client.HTTPSConnection("localhost", self.port, timeout=30, context=context)
        connection.putrequest(method, path)
        connection.putheader("Content-Length", "1000")
        connection.endheaders()
        return connection

    def askBehind(self, name, method, path, user=None, body=None, headers=None):
        """The same, past the terminator: what one Orthanc itself says."""
        connection = http.client.HTTPConnection("127.0.0.1", self.orthancs()[name], timeout=30)
        return self._answer(connection, method, path, user, body, headers, None)

    def audit(self):
        """The lines of the audit log. A line is written after its answer has been sent: the last may be missing yet."""
        path = self.state / "log/audit.log"
        lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
        return [json.loads(line) for line in lines]

    def logs(self):
        """Everything that the programs wrote about their work, as one text."""
        paths = [*self.folder.glob("*.log"), *self.state.glob("log/*")]
        return "\n".join(path.read_text(errors="replace") for path in paths)

    def _answer(self, connection, method, path, user, body, headers, password):
        headers = dict(headers or {})
        if user:
            token = base64.b64encode(f"{user}:{password or self.password(user)}".encode()).decode()
            headers["Authorization"] = f"Basic {token}"
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _run(self, command, log):
        with open(self.folder / log, "ab") as file:
            return subprocess.Popen(command, stdout=file, stderr=file, cwd=self.folder)

    def _until(self, isReady, name, timeoutSeconds=60):
        end = time.monotonic() + timeoutSeconds
        while not isReady():
            if self._processes[name].poll() is not None or time.monotonic() > end:
                words = (self.folder / f"{name}.log").read_text(errors="replace")
                raise RuntimeError(f"{name} did not start:\n{words[-2000:]}")
            time.sleep(0.05)

    def _pem(self, name, data):
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_bytes(data)
        return path


def listens(port):
    """Tells whether somebody listens on a port of loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _status(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/system")
        return connection.getresponse().status
    except OSError:
        return None
    finally:
        connection.close()
