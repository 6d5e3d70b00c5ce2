"""The contents that wait, sealed: ``payloads/ab/cdef…``, named by the SHA-256 of the plain content."""

import concurrent.futures
import contextlib
import errno
import hashlib
import io
import os
import re
import secrets
import shutil
import threading

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Files import ASIDE_PREFIX, fsyncFolder, namedWriteErrors

from .Seals import COUNTER_BYTES

CHUNK_BYTES = 1 << 20
# The disk takes several at a time; fewer than this many are not worth a thread.
THREADS, FEW = 4, 4
DAMAGED, MISSING = "payload-damaged", "payload-missing"


class Payloads:
    """The folder of sealed contents.

    :param folder: of the outbox
    :param seals: :class:`CentralSyncLib.Outbox.Seals.Seals`
    """

    def __init__(self, folder, seals):
        self.folder = folder / "payloads"
        self._seals = seals

    def path(self, sha256):
        """Where the content with that hash is kept."""
        return self.folder / sha256[:2] / sha256[2:]

    def keep(self, items, progress):
        """Keep the content of every item, on the disk when this returns; return item's SHA-256 → length.

        Each is read once and hashed on the way. Raised or cancelled, none of these files is left half written.

        :raises InputRefused: ``source-changed``, ``source-missing``, ``disk-full``, ``cannot-write``
        """
        self._makeFolders({item.sha256[:2] for item in items})
        stopped = threading.Event()

        def work(item):
            return None if stopped.is_set() else self._keepOne(item, stopped)

        lengths = {}
        with contextlib.ExitStack() as ending:
            if len(items) <= FEW:
                results = map(work, items)
            else:
                pool = ending.enter_context(concurrent.futures.ThreadPoolExecutor(THREADS))
                ending.callback(pool.shutdown, cancel_futures=True)
                ending.callback(stopped.set)
                results = pool.map(work, items)
            for number, (item, length) in enumerate(zip(items, results, strict=True), 1):
                lengths[item.sha256] = length
                progress(number / len(items), "Putting into the queue")
        self._syncFolders({item.sha256[:2] for item in items})
        return lengths

    def _makeFolders(self, names):
        with namedWriteErrors(self.folder):
            missing = [name for name in sorted(names) if not (self.folder / name).is_dir()]
            if missing:
                for folder in (self.folder, *(self.folder / name for name in missing)):
                    folder.mkdir(mode=0o700, exist_ok=True)
                fsyncFolder(self.folder)
                fsyncFolder(self.folder.parent)

    def _syncFolders(self, names):
        with namedWriteErrors(self.folder):
            for name in sorted(names):
                fsyncFolder(self.folder / name)

    def _keepOne(self, item, stopped):
        target = self.path(item.sha256)
        aside = target.with_name(f"{ASIDE_PREFIX}{secrets.token_hex(16)}")
        with namedWriteErrors(target):
            try:
                with _openSource(item) as source, open(aside, "xb", buffering=0, opener=_private) as file:
                    length = self._copySealed(item, source, file, stopped)
                    os.fsync(file.fileno())
                os.replace(aside, target)
            except BaseException:
                aside.unlink(missing_ok=True)
                raise
        return length

    def _copySealed(self, item, source, file, stopped):
        counter = secrets.token_bytes(COUNTER_BYTES)
        cipher, digest, length = self._seals.payloadCipher(counter), hashlib.sha256(), 0
        _writeAll(file, counter)
        while chunk := _readSource(source, item):
            if stopped.is_set():
                raise concurrent.futures.CancelledError()
            digest.update(chunk)
            _writeAll(file, cipher.update(chunk))
            length += len(chunk)
        if digest.hexdigest() != item.sha256:
            raise _sourceChanged(item)
        return length

    def open(self, sha256):
        """Return the content with that hash as a binary stream that can seek; whoever reads it compares its hash.

        :raises OSError: it is not there
        """
        return io.BufferedReader(SealedFile(self.path(sha256), self._seals), CHUNK_BYTES)

    def faultOf(self, sha256, length):
        """Return "" where the content is kept as it was taken, else what is wrong, beginning with the fault's code."""
        fault = self.faultInLength(sha256, length)
        if fault:
            return fault
        try:
            with self.open(sha256) as file:
                isSame = hashlib.file_digest(file, "sha256").hexdigest() == sha256
        except OSError as error:
            return f"{DAMAGED}: the queue's copy cannot be read ({error.strerror or error}). {SYNC_AGAIN}"
        return "" if isSame else f"{DAMAGED}: the queue's copy was changed on the disk. {SYNC_AGAIN}"

    def faultInLength(self, sha256, length):
        """As :meth:`faultOf`, without reading the content."""
        try:
            kept = os.stat(self.path(sha256)).st_size - COUNTER_BYTES
        except FileNotFoundError:
            return f"{MISSING}: the queue's copy is gone. {SYNC_AGAIN}"
        except OSError as error:
            return f"{DAMAGED}: the queue's copy cannot be read ({error.strerror or error}). {SYNC_AGAIN}"
        return "" if kept == length else f"{DAMAGED}: the queue's copy has {kept} of {length} bytes. {SYNC_AGAIN}"

    def isKept(self, sha256):
        """Whether there is a content of that name."""
        return self.path(sha256).is_file()

    def remove(self, hashes):
        """Remove contents; one that cannot be removed now (open on Windows) goes when the outbox is opened again."""
        for sha256 in hashes:
            with contextlib.suppress(OSError):
                self.path(sha256).unlink()

    def names(self):
        """Yield the hashes of all contents that are kept."""
        for path in self.folder.glob("*/*"):
            if re.fullmatch(r"[0-9a-f]{64}", path.parent.name + path.name):
                yield path.parent.name + path.name

    def removeAsides(self):
        """Remove what killed writers left; only while nobody else writes."""
        for leftover in self.folder.glob(f"*/{ASIDE_PREFIX}*"):
            leftover.unlink(missing_ok=True) if leftover.is_file() else shutil.rmtree(leftover, ignore_errors=True)


SYNC_AGAIN = "Sync its case again."


class SealedFile(io.RawIOBase):
    """A sealed content as a stream of its plain bytes.

    :raises OSError: it is not there
    """

    def __init__(self, path, seals):
        self._seals = seals
        # Readers of DICOM objects ask a stream for one.
        self.name = str(path)
        self._file = open(path, "rb", buffering=0)
        self._counter = self._file.read(COUNTER_BYTES)
        if len(self._counter) != COUNTER_BYTES:
            self._file.close()
            raise OSError(errno.EIO, "the sealed file is cut off")
        self._cipher = seals.payloadCipher(self._counter)

    def readable(self):
        return True

    def seekable(self):
        return True

    def tell(self):
        return self._file.tell() - COUNTER_BYTES

    def seek(self, offset, whence=os.SEEK_SET):
        before = self.tell()
        wanted = offset + {
            os.SEEK_SET: 0, os.SEEK_CUR: before, os.SEEK_END: os.fstat(self._file.fileno()).st_size - COUNTER_BYTES
        }[whence]  # fmt: skip
        if wanted < 0:
            raise ValueError(f"negative seek position {wanted}")
        if wanted != before:
            self._file.seek(wanted + COUNTER_BYTES)
            self._cipher = self._seals.payloadCipher(self._counter, wanted)
        return wanted

    def readinto(self, buffer):
        sealed = self._file.read(len(buffer))
        buffer[: len(sealed)] = self._cipher.update(sealed)
        return len(sealed)

    def close(self):
        if not self.closed:
            self._file.close()
        super().close()


def _private(path, flags):
    return os.open(path, flags, 0o600)


def _writeAll(file, data):
    """Write all bytes; an unbuffered file may take fewer at a time."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _openSource(item):
    try:
        return item.open()
    except FileNotFoundError:
        raise InputRefused(
            "source-missing",
            f"{item.name} is no longer there; nothing was put into the queue.",
            "Restore the case, or make the artefact again.",
            [item.path or item.name],
        ) from None
    except OSError as error:
        raise _sourceUnreadable(item, error) from error


def _readSource(source, item):
    try:
        return source.read(CHUNK_BYTES)
    except OSError as error:
        raise _sourceUnreadable(item, error) from error


def _sourceUnreadable(item, error):
    return InputRefused(
        "source-unreadable",
        f"{item.name} cannot be read ({error.strerror or error}); nothing was put into the queue.",
        "Have the disk and the rights of the case's folder checked.",
        [item.path or item.name],
    )


def _sourceChanged(item):
    return InputRefused(
        "source-changed",
        f"{item.name} is no longer what the case recorded; nothing was put into the queue.",
        "Verify the case, then make the artefact again or restore it.",
        [item.path or item.name],
    )
