"""Files that are either wholly there or not there at all: write aside, fsync, rename, fsync the folder."""

import contextlib
import errno
import hashlib
import os
import re
import shutil
import tempfile
import unicodedata
import uuid
from pathlib import Path

from .Errors import GateRefused, InputRefused

ASIDE_PREFIX = ".aside-"


def fileWord(name):
    """Return a name as it stands in file names: small ASCII letters and digits, with hyphens between."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().casefold()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "object"


def fileWords(names):
    """Return :func:`fileWord` of each name, with a number where several would have the same."""
    words = []
    for name in names:
        word, number = fileWord(name), 1
        while word in words:
            number += 1
            word = f"{fileWord(name)}-{number}"
        words.append(word)
    return words


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

    What killed processes left of the same destination is removed first (not on Windows, where it stays).

    :raises InputRefused: ``already-there``, ``disk-full`` or ``cannot-write``
    """
    destination = Path(destination)
    madeParents = [folder for folder in destination.parents if not os.path.exists(folder)]
    prefix = f"{ASIDE_PREFIX}{destination.name[:80]}-"
    aside = destination.parent / f"{prefix}{uuid.uuid4().hex}"
    with contextlib.ExitStack() as cleaning:
        cleaning.callback(removeEmptyFolders, madeParents)
        cleaning.callback(shutil.rmtree, aside, ignore_errors=True)
        with namedWriteErrors(destination):
            destination.parent.mkdir(parents=True, exist_ok=True)
            _removeAbandoned(destination.parent, prefix)
            aside.mkdir()
            cleaning.enter_context(folderLock(aside))
        with namedWriteErrors(destination, onlyFullDisk=True):
            yield aside
        with namedWriteErrors(destination):
            syncTree(aside)
            _moveInPlace(aside, destination)


@contextlib.contextmanager
def folderLock(folder):
    """Hold a lock on a folder that ends with the process; yield whether it was free (None: no such lock)."""
    if os.name == "nt":
        yield None
        return
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            free = True
        except BlockingIOError:
            free = False
        except OSError:
            # Some network file systems know no locks on folders.
            free = None
        yield free
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def temporaryFolder(purpose):
    """Yield a folder of mode 0700 where the system keeps temporary files; it is removed afterwards.

    What killed processes left of the same purpose is removed first (not on Windows, where it stays).

    :param purpose: a word for its name
    :raises InputRefused: ``disk-full`` or ``cannot-write``
    """
    parent, prefix = Path(tempfile.gettempdir()), f"planninghub-{purpose}-"
    folder = parent / f"{prefix}{uuid.uuid4().hex}"
    with contextlib.ExitStack() as cleaning:
        cleaning.callback(shutil.rmtree, folder, ignore_errors=True)
        with namedWriteErrors(folder):
            _removeAbandoned(parent, prefix)
            folder.mkdir(0o700)
            cleaning.enter_context(folderLock(folder))
        yield folder


def _removeAbandoned(parent, prefix):
    for folder in parent.iterdir():
        isOfSameDestination = folder.name.startswith(prefix) and len(folder.name) == len(prefix) + 32
        # Another user's is that user's.
        with contextlib.suppress(PermissionError):
            if isOfSameDestination and folder.is_dir():
                with folderLock(folder) as free:
                    if free:
                        shutil.rmtree(folder, ignore_errors=True)


def removeEmptyFolders(folders):
    """Remove folders, innermost first, as long as they are empty."""
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return


def requireFree(destination):
    """Check that nothing would be overwritten in a folder.

    :raises InputRefused: ``already-there``, when it exists and is not an empty folder; ``cannot-write``
    """
    destination = Path(destination)
    with namedWriteErrors(destination):
        isTaken = destination.exists() and (not destination.is_dir() or any(destination.iterdir()))
    if isTaken:
        raise InputRefused(
            "already-there", f"{destination} exists and is not an empty folder.", "Choose another folder."
        )


def requireClosed(path):
    """Refuse a file of the site's rules that other users can change.

    :raises GateRefused: ``site-file-open-to-others``
    """
    if os.name != "nt" and path.stat().st_mode & 0o022:
        raise GateRefused(
            "site-file-open-to-others",
            f"{path} can be changed by other users.",
            "Find out who changed it, then set its mode to 0644 or less.",
            [path],
        )


def _moveInPlace(aside, destination):
    requireFree(destination)
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
