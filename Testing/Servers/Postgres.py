"""A PostgreSQL cluster of one's own in a temporary folder, on loopback, for one test."""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from .OrthancServer import freePort, pluginFolders

# PostgreSQL refuses to run as root; Debian's package makes the first of these users.
ACCOUNTS = ("postgres", "nobody")
DATABASE, USER = "orthanc", "orthanc"


def postgresPrograms():
    """Folder of the newest PostgreSQL's programs, or None; Debian keeps it where no PATH looks."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    path = found[-1] if found else shutil.which("initdb")
    return Path(path).parent if path else None


def whyNoPostgres():
    """Why no PostgreSQL with Orthanc's plugin can be started here, for ``pytest.mark.skipif``; "" when one can."""
    if postgresPrograms() is None:
        return "PostgreSQL is not installed (Debian: apt-get install postgresql)"
    if not any(Path(folder, "libOrthancPostgreSQLIndex.so").exists() for folder in pluginFolders):
        return "Orthanc's PostgreSQL plugin is not installed (Debian: apt-get install orthanc-postgresql)"
    return ""


class Postgres:
    """Context manager around one cluster with an empty database. ``stop`` and ``start`` take it down and bring it up.

    ``host``, ``port``, ``database``, ``user`` and ``password`` say how it is reached.
    """

    host, database, user = "127.0.0.1", DATABASE, USER

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="planninghub-postgres-"))
        self.port = freePort()
        self.password = secrets.token_hex(16)
        self._account = self._otherAccount() if os.geteuid() == 0 else {}
        self._process = None

    def __enter__(self):
        try:
            self._create()
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *exception):
        self.close()

    @property
    def orthancSettings(self):
        """What Orthanc's configuration says of this database under ``PostgreSQL``."""
        return {
            "EnableIndex": True, "EnableStorage": False, "Host": self.host, "Port": self.port,
            "Database": self.database, "Username": self.user, "Password": self.password, "Lock": False,
        }  # fmt: skip

    def start(self, timeoutSeconds=60):
        """Starts the server and returns when it answers. RuntimeError with the end of its log when it does not."""
        command = [postgresPrograms() / "postgres", "-D", self.folder / "data", "-p", self.port, "-k", self.folder]
        # The tests end programs, never the power.
        command += ["-c", f"listen_addresses={self.host}", "-c", "fsync=off", "-c", "max_connections=60"]
        with open(self.folder / "postgres.log", "ab") as log:
            self._process = subprocess.Popen(
                [str(one) for one in command], stdout=log, stderr=log, cwd=self.folder, **self._account
            )
        end = time.monotonic() + timeoutSeconds
        while self._run("pg_isready", "-q", "-h", self.host, "-p", self.port, check=False).returncode:
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("PostgreSQL did not start:\n" + self.log()[-2000:])
            time.sleep(0.05)
        return self

    def stop(self):
        """Ends the server at once, without a checkpoint, as a crash would; its children end with it."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(30)

    def close(self):
        """Ends the server; its folder goes."""
        if self._process is not None and self._process.poll() is None:
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self):
        path = self.folder / "postgres.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def ask(self, statement):
        """The answer to an SQL statement as text, one line for each row."""
        place = ["-h", self.host, "-p", self.port, "-U", self.user, "-d", self.database]
        done = self._run("psql", "-tA", *place, "-c", statement, environment={"PGPASSWORD": self.password})
        return done.stdout.decode().strip()

    def _create(self):
        passwordFile = self.folder / "password"
        passwordFile.touch(mode=0o600)
        passwordFile.write_text(self.password)
        if self._account:
            for path in (self.folder, passwordFile):
                os.chown(path, self._account["user"], self._account["group"])
        self._run(
            "initdb", "-D", self.folder / "data", "-U", self.user, "--pwfile", passwordFile, "-A", "scram-sha-256",
            "-E", "UTF8", "--locale=C", "--no-sync",
        )  # fmt: skip
        # A server that nobody else can reach makes the database.
        single = ["--single", "-D", self.folder / "data", "postgres"]
        self._run("postgres", *single, input=f"CREATE DATABASE {self.database}\n".encode())

    def _run(self, program, *arguments, check=True, environment=(), input=None):
        command = [str(one) for one in (postgresPrograms() / program, *arguments)]
        return subprocess.run(
            command, check=check, capture_output=True, cwd=self.folder, input=input,
            env={**os.environ, **dict(environment)}, **self._account,
        )  # fmt: skip

    @staticmethod
    def _otherAccount():
        import pwd

        for name in ACCOUNTS:
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        raise RuntimeError(f"There is none of the users {', '.join(ACCOUNTS)}")
