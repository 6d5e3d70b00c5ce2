"""Files that are either wholly there or not there at all: write aside, fsync, rename, fsync the folder."""

import contextlib
import errno
import hashlib
import os
import shutil
import uuid
from pathlib import Path

from .Errors import InputRefused

ASIDE_PREFIX = ".aside-"


def sha256(path):
    """Return the SHA-256 of a file as hexadecimal text."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256Bytes(data):
    """Return the SHA-256 of bytes as hexadecimal text."""
    return hashlib.sha256(data).hexdigest()


def fsyncFile(path):
    """Force a file's content onto the disk."""
    # Windows flushes only handles that are open for writing.
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fsyncFolder(folder):
    """Force a folder's entries onto the disk, where the operating system knows how (not on Windows)."""
    if os.name != "nt":
        fsyncFile(folder)


def writeAside(path, data):
    """Write bytes to ``path`` so that a kill at any moment leaves the old file or the new one.

    :raises InputRefused: ``disk-full`` or ``cannot-write``
    """
    path = Path(path)
    aside = path.parent / f"{ASIDE_PREFIX}{uuid.uuid4().hex}"
    with namedWriteErrors(path):
        try:
            with open(aside, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(aside, path)
            fsyncFolder(path.parent)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def stagedFolder(destination):
    """Yield a folder to fill; on success it becomes ``destination`` in one rename, otherwise it is removed.

    :raises InputRefused: ``already-there``, ``disk-full`` or ``cannot-write``
    """
    destination = Path(destination)
    aside = destination.parent / f"{ASIDE_PREFIX}{uuid.uuid4().hex}"
    try:
        with namedWriteErrors(destination):
            destination.parent.mkdir(parents=True, exist_ok=True)
            aside.mkdir()
        with namedWriteErrors(destination, onlyFullDisk=True):
            yield aside
        with namedWriteErrors(destination):
            syncTree(aside)
            _moveInPlace(aside, destination)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _moveInPlace(aside, destination):
    if destination.exists() and (not destination.is_dir() or any(destination.iterdir())):
        raise InputRefused(
            "already-there", f"{destination} exists and is not an empty folder.", "Choose another folder."
        )
    if destination.exists():
        destination.rmdir()
    os.rename(aside, destination)
    fsyncFolder(destination.parent)


def syncTree(folder):
    """Force all files and folders below ``folder`` onto the disk."""
    for root, _folders, names in os.walk(folder, topdown=False):
        for name in names:
            fsyncFile(os.path.join(root, name))
        fsyncFolder(root)


def removeAsides(folder):
    """Remove what killed writers left in a folder; call it only while holding the folder's lock."""
    for leftover in Path(folder).glob(f"{ASIDE_PREFIX}*"):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


@contextlib.contextmanager
def namedWriteErrors(path, onlyFullDisk=False):
    """Turn the operating system's write errors into named ones.

    :param onlyFullDisk: for code that also reads: leave every other error as it is

    :raises InputRefused: ``disk-full`` or ``cannot-write``
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise InputRefused(
                "disk-full", f"There is no space left to write {path}.", "Free some space and run the step again."
            ) from error
        if onlyFullDisk:
            raise
        raise InputRefused(
            "cannot-write",
            f"{path} cannot be written: {error.strerror or error}.",
            "Choose a folder that you may write to.",
        ) from error
