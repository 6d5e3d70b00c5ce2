"""Encryption to public keys, and its reverse: the format of age (age-encryption.org/v1), by the library pyrage."""

import contextlib
import hashlib
import os

from PlanningHubLib.Errors import GateRefused, InputRefused, UsageError, VerificationFailed
from PlanningHubLib.Files import fsyncFolder, namedWriteErrors

HEADS = (b"age-encryption.org/v1\n", b"-----BEGIN AGE ENCRYPTED FILE-----")
PIECE_BYTES = 1 << 20
# What the library says where the head is whole and no key fits.
NO_KEY_FITS = "No matching keys found"


class _Chunks:
    """Pieces of bytes as a stream to read. The library hides what a stream raises: it is kept here."""

    def __init__(self, chunks):
        self._chunks = iter(chunks)
        self._piece, self._place = memoryview(b""), 0
        self.error = None

    def read(self, size=-1):
        try:
            while self._place == len(self._piece):
                self._piece, self._place = memoryview(next(self._chunks, None) or b""), 0
                if not self._piece:
                    return b""
        except BaseException as error:
            self.error = error
            raise
        end = len(self._piece) if size < 0 else min(self._place + size, len(self._piece))
        found = bytes(self._piece[self._place : end])
        self._place = end
        return found


class _Written:
    """A stream to write that hashes what passes, and keeps what the file raises."""

    def __init__(self, file):
        self._file = file
        self._digest = hashlib.sha256()
        self.error = None

    def write(self, data):
        try:
            self._file.write(data)
        except BaseException as error:
            self.error = error
            raise
        self._digest.update(data)
        return len(data)

    def flush(self):
        pass

    @property
    def sha256(self):
        return self._digest.hexdigest()


def recipientsOf(keys):
    """Return the library's recipients of public keys (``age1…``).

    :raises UsageError: ``bad-age-key``
    """
    import pyrage

    found = []
    for key in keys:
        try:
            found.append(pyrage.x25519.Recipient.from_str(key))
        except pyrage.RecipientError:
            raise UsageError("bad-age-key", f"{key} is no public key of age: a digit is wrong.",
                             "Copy it again, and compare it by voice.") from None  # fmt: skip
    return found


def seal(chunks, path, keys):
    """Encrypt pieces of bytes into a new file on the way to the disk, in memory of a few pieces; return its SHA-256.

    :param keys: public keys; whoever has the private part of one opens it, and nobody else
    :raises UsageError: ``bad-age-key``
    :raises InputRefused: ``cannot-write``, ``disk-full``; whatever the pieces raise
    """
    import pyrage

    recipients, source = recipientsOf(keys), _Chunks(chunks)
    with _newFile(path) as file:
        written = _Written(file)
        try:
            pyrage.encrypt_io(source, written, recipients)
        except pyrage.EncryptError as error:
            raise source.error or written.error or error from None
    return written.sha256


def requireAbsent(target):
    """
    :raises InputRefused: ``already-there``
    """
    if target.exists():
        raise InputRefused("already-there", f"{target} exists.", "Choose another name.", [target])


def publish(aside, target):
    """Give a file that was written aside its name; nothing is overwritten.

    :raises InputRefused: ``already-there``, ``cannot-write``
    """
    requireAbsent(target)
    with namedWriteErrors(target):
        os.rename(aside, target)
        fsyncFolder(target.parent)


@contextlib.contextmanager
def _newFile(path):
    """Open a new file for writing; whatever goes wrong, nothing of it stays."""
    with namedWriteErrors(path):
        file = open(path, "xb")
    try:
        with namedWriteErrors(path), file:
            yield file
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def isSealed(path):
    """Tell whether a file is one of age's.

    :raises InputRefused: ``cannot-read``
    """
    try:
        with open(path, "rb") as file:
            return file.read(len(HEADS[1])).startswith(HEADS)
    except OSError as error:
        raise InputRefused("cannot-read", f"{path} cannot be read: {error.strerror}.", "", [path]) from error


def unseal(path, target, identities):
    """Decrypt a file into a new one, which is removed where anything is wrong; return the encrypted file's SHA-256.

    :param identities: private keys of the library
    :raises InputRefused: ``not-encrypted``, ``cannot-read``, ``cannot-write``, ``disk-full``
    :raises GateRefused: ``wrong-key``
    :raises VerificationFailed: ``encrypted-file-damaged`` where it was changed or cut off
    """
    if not isSealed(path):
        raise InputRefused("not-encrypted", f"{path} is no file that age encrypted.", "Ask for the package.", [path])
    import pyrage

    digest = hashlib.sha256()
    source = _Chunks(_pieces(path, digest))
    with _newFile(target) as file:
        written = _Written(file)
        try:
            pyrage.decrypt_io(source, written, identities)
        except (pyrage.DecryptError, OSError) as error:
            if source.error or written.error:
                raise source.error or written.error from None
            raise _refused(path, str(error)) from None
    return digest.hexdigest()


def _pieces(path, digest):
    try:
        with open(path, "rb") as file:
            while piece := file.read(PIECE_BYTES):
                digest.update(piece)
                yield piece
    except OSError as error:
        raise InputRefused("cannot-read", f"{path} cannot be read: {error.strerror}.", "", [path]) from error


def _refused(path, reason):
    if reason == NO_KEY_FITS:
        return GateRefused("wrong-key", f"This key does not open {path}: it was encrypted to another one.",
                           "Use the key whose public part the sender has, or ask them which that is.",
                           [path])  # fmt: skip
    return VerificationFailed("encrypted-file-damaged", f"{path} was changed or cut off on the way.",
                              "Use nothing of it; have it sent again.", [path])  # fmt: skip
