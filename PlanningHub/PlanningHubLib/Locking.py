"""One writer per case: an operating-system lock that ends with its process, and the holder's name beside it."""

import datetime
import getpass
import json
import os
import socket
from pathlib import Path

from .Errors import GateRefused
from .Files import namedWriteErrors

LOCK_NAME = ".lock"
HOLDER_NAME = ".holder"


def currentUser():
    """Return the operating system's name of the user."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}" if hasattr(os, "getuid") else "unknown"


def utcNow():
    """Return the time now, in UTC, as ISO 8601 text to the second."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class CaseLock:
    """The right to write into a folder, held until :meth:`release` or the end of the process.

    :raises GateRefused: ``case-in-use``, naming who holds it
    """

    def __init__(self, folder):
        self._holder = Path(folder) / HOLDER_NAME
        with namedWriteErrors(folder):
            self._descriptor = os.open(Path(folder) / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            lockFile(self._descriptor)
        except OSError:
            os.close(self._descriptor)
            raise GateRefused(
                "case-in-use",
                f"The case in {folder} is open for writing by {_describeHolder(self._holder)}.",
                "Wait until it is closed there, or open it for reading.",
            ) from None
        try:
            with namedWriteErrors(folder):
                self._writeHolder()
        except BaseException:
            self.release()
            raise

    def _writeHolder(self):
        holder = {"user": currentUser(), "host": socket.gethostname(), "process": os.getpid(), "since": utcNow()}
        self._holder.write_text(json.dumps(holder), encoding="utf-8")

    def release(self):
        """Let the next writer in."""
        if self._descriptor is not None:
            self._holder.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None


def _describeHolder(path):
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
        return f"{holder['user']} on {holder['host']} (process {holder['process']}, since {holder['since']})"
    except (OSError, ValueError, KeyError):
        return "another process"


def lockFile(descriptor, shared=False, wait=False):
    """Lock an open file until it is closed or the process ends.

    :param shared: with others that lock it so (not on Windows)
    :param wait: until it is free (on Windows ten seconds at most)
    :raises OSError: another holds it
    """
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
