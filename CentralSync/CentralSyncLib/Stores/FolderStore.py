"""A folder as central store: objects named by their SHA-256, each written aside, forced to disk and read back.

``objects/ab/cdef…`` are the contents, ``cases/<caseId>/<n>.json`` the lists that give a case back from the store alone,
``incoming`` what is being written, ``damaged`` what was found rotten. A network share works: nothing here needs more
than rename within one file system.
"""

import contextlib
import datetime
import errno
import hashlib
import json
import logging
import os
import re
import time
import uuid
from pathlib import Path

from PlanningHubLib import Files
from PlanningHubLib.Errors import StoreFailed
from PlanningHubLib.Locking import utcNow

from .AddressForms import described
from .CentralStore import ABSENT, DAMAGED, SAME, SENT, UNFIT, UNREACHED, Answer
from .Parallel import Breaker, runAll

CHUNK_BYTES = 1 << 20
LEFTOVER_SECONDS = 24 * 3600
SNAPSHOT_FORMAT = 1
CASE_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


class FolderStore:
    """A :class:`CentralStore` in a folder. The folder is created at the first sending; its parent must be there,
    so that a share that is not mounted is noticed."""

    keepsWholeCase = True

    def __init__(self, folder, connections=4):
        self.folder = Path(os.path.abspath(folder))
        self.address = str(self.folder)
        self.description = described(str(self.folder))
        self._connections = connections

    def declines(self, item):
        return ""

    def keepsElsewhere(self, item):
        return False

    def objectPath(self, sha256):
        """Where the content with that hash is kept."""
        return self.folder / "objects" / sha256[:2] / sha256[2:]

    def check(self, items, progress):
        """Read every object from the disk, past the system's cache where possible, and hash it anew."""
        text = "Reading back from the store"
        answers = runAll([item.sha256 for item in items], self._checkObject, self._connections, progress, text)
        return {item.sha256: answer for item, answer in zip(items, answers, strict=True)}

    def _checkObject(self, sha256):
        try:
            with _storeErrors(self.folder):
                self._raiseIfAway()
                path = self.objectPath(sha256)
                if not path.exists():
                    return Answer(ABSENT)
                if _hashFromDisk(path) == sha256:
                    return Answer(SAME)
                return Answer(DAMAGED, f"The store's copy is damaged ({path.stat().st_size} bytes).")
        except StoreFailed as error:
            return Answer(UNREACHED, str(error))

    def send(self, items, progress):
        """Write the items' contents. A damaged copy in the way is set aside under ``damaged``, never deleted."""
        breaker = Breaker(limit=1)

        def work(item):
            if breaker.isOpen:
                return Answer(UNREACHED, f"Not sent: {breaker.reason}")
            try:
                return self.put(item, breaker.raiseIfStopped)
            except StoreFailed as error:
                breaker.failed(str(error))
                return Answer(UNREACHED, str(error))

        self._removeLeftovers()
        answers = runAll(items, work, self._connections, progress, "Writing to the store", breaker)
        return {item.sha256: answer for item, answer in zip(items, answers, strict=True)}

    def put(self, item, beforeChunk=lambda: None):
        """Write one item's content under its hash, unless it is there already.

        :raises StoreFailed: ``store-full``, ``store-unwritable`` or ``store-unreachable``
        """
        target = self.objectPath(item.sha256)
        with _storeErrors(self.folder):
            self._raiseIfAway()
            for folder in (self.folder / "incoming", target.parent):
                _makeFolders(folder)
            aside = self.folder / "incoming" / uuid.uuid4().hex
            try:
                if not _copy(item, aside, beforeChunk):
                    return Answer(UNFIT, "The file in the case is no longer what was recorded; it was not sent.")
                setAside = self._setAsideDamaged(target, item.sha256)
                os.replace(aside, target)
                _fsyncFolder(target.parent)
            finally:
                aside.unlink(missing_ok=True)
        return Answer(SENT, setAside)

    def _setAsideDamaged(self, target, sha256):
        if not target.exists() or _hashFromDisk(target) == sha256:
            return ""
        stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
        damaged = self.folder / "damaged" / f"{sha256}.{stamp}.{uuid.uuid4().hex[:8]}"
        _makeFolders(damaged.parent)
        os.rename(target, damaged)
        _fsyncFolder(damaged.parent)
        logging.warning("A damaged copy was found in the store and set aside as %s", damaged)
        return f"A damaged copy was found in the store, set aside as damaged/{damaged.name}, and replaced."

    def keepSnapshot(self, caseId, files, record=None):
        """Keep the list of a case's files, unless the newest one says the same. Returns its path.

        :param files: path within the case → SHA-256; every content must be in the store already
        :param record: what :func:`CentralSyncLib.Records.CaseRecord.recordValues` says of the case besides
        :raises StoreFailed: as :meth:`put`; ``snapshot-incomplete`` when a content is not there
        """
        with _storeErrors(self.folder):
            missing = [name for name, sha256 in files.items() if not self.objectPath(sha256).exists()]
            if missing:
                words = f"{len(missing)} files of the case are not in the store."
                raise StoreFailed("snapshot-incomplete", words, "Sync again.", missing)
            newest = self.snapshots(caseId)[-1:]
            if newest and self.readSnapshot(newest[0]) == files:
                return newest[0]
            document = {"format": SNAPSHOT_FORMAT, "caseId": caseId, "writtenUtc": utcNow(), "files": files}
            document |= {"record": record} if record else {}
            number = int(newest[0].stem) + 1 if newest else 1
            return self._writeNew(
                self._caseFolder(caseId), number, json.dumps(document, indent=1, sort_keys=True).encode()
            )

    def snapshots(self, caseId):
        """Paths of the case's lists in this store, oldest first."""
        found = [path for path in self._caseFolder(caseId).glob("*.json") if path.stem.isdigit()]
        return sorted(found, key=lambda path: int(path.stem))

    def readSnapshot(self, path):
        """The files (path within the case → SHA-256) of one list; None when it cannot be read."""
        return (self.readList(path) or {}).get("files")

    def readList(self, path):
        """All that one list says: ``caseId``, ``writtenUtc``, ``files`` and ``record``; None when it cannot be read."""
        try:
            values = json.loads(Path(path).read_text(encoding="utf-8"))
            return values if isinstance(values["files"], dict) else None
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def caseIds(self):
        """Return the identifiers of all cases that this store has a list of, in order.

        :raises StoreFailed: ``store-unreachable``, ``store-unwritable``
        """
        with _storeErrors(self.folder):
            if not self.folder.is_dir():
                words = f"There is no store in {self.folder}."
                raise StoreFailed("store-unreachable", words, "Check its address, or mount the network share.")
            folder = self.folder / "cases"
            names = [entry.name for entry in os.scandir(folder) if entry.is_dir()] if folder.is_dir() else []
        return sorted(name for name in names if CASE_ID.fullmatch(name))

    def _caseFolder(self, caseId):
        if not CASE_ID.fullmatch(caseId):
            raise ValueError(f"{caseId!r} is no case identifier")
        return self.folder / "cases" / caseId

    def _writeNew(self, folder, number, data):
        """Write ``<number>.json`` or, when another writer was quicker, the next free number. Never replaces a list."""
        aside = self.folder / "incoming" / uuid.uuid4().hex
        for wanted in (aside.parent, folder):
            _makeFolders(wanted)
        try:
            with open(aside, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            while not _moveIfFree(aside, folder / f"{number}.json"):
                number += 1
        finally:
            aside.unlink(missing_ok=True)
        _fsyncFolder(folder)
        if (folder / f"{number}.json").read_bytes() != data:
            raise StoreFailed(
                "snapshot-damaged", "The list of the case's files was not kept as written.", "Sync again."
            )
        return folder / f"{number}.json"

    def _raiseIfAway(self):
        if not self.folder.is_dir() and not self.folder.parent.is_dir():
            raise StoreFailed(
                "store-unreachable",
                f"The folder {self.folder.parent} for the store is not there.",
                "Mount the network share or create the folder, then sync again.",
            )

    def _removeLeftovers(self):
        """Remove what killed writers left a day ago; younger files may be another workstation's."""
        with contextlib.suppress(OSError):
            for leftover in (self.folder / "incoming").iterdir():
                if leftover.stat().st_mtime < time.time() - LEFTOVER_SECONDS:
                    leftover.unlink()


def _copy(item, aside, beforeChunk):
    """Copy a file to ``aside`` and onto the disk; False when its content is not the item's."""
    try:
        source = item.open()
    except OSError:
        return False
    digest = hashlib.sha256()
    with source, open(aside, "wb") as file:
        while chunk := _readSource(source):
            beforeChunk()
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest() == item.sha256


def _readSource(source):
    try:
        return source.read(CHUNK_BYTES)
    except OSError:
        return b""


def _moveIfFree(aside, target):
    try:
        os.link(aside, target)
        return True
    except FileExistsError:
        return False
    except OSError:
        # Not every share has hard links.
        if target.exists():
            return False
        os.rename(aside, target)
        return True


def _makeFolders(folder):
    """Create a folder and those above it so that their names are on the disk too."""
    if not folder.is_dir():
        if not folder.parent.is_dir():
            _makeFolders(folder.parent)
        folder.mkdir(exist_ok=True)
        _fsyncFolder(folder.parent)


def _fsyncFolder(folder):
    try:
        Files.fsyncFolder(folder)
    except OSError as error:
        # Some network shares cannot force a folder's entries; they write them through.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES):
            raise


def _hashFromDisk(path):
    with open(path, "rb") as file:
        if hasattr(os, "posix_fadvise"):
            with contextlib.suppress(OSError):
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def _storeErrors(folder):
    """Turn the operating system's errors into named ones."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise StoreFailed(
                "store-full",
                f"There is no space left in the store {folder}.",
                "Free some space there, then sync again.",
            ) from error
        if error.errno in FORBIDDEN:
            raise StoreFailed(
                "store-unwritable",
                f"The store {folder} cannot be read or written ({error.strerror}).",
                "Ask who runs the store for the right to write there, then sync again.",
            ) from error
        raise StoreFailed(
            "store-unreachable",
            f"The store {folder} cannot be used ({error.strerror or error}).",
            "Check that the folder or network share is there, then sync again.",
        ) from error
