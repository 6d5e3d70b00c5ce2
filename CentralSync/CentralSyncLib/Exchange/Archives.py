"""Files into a plain tar as it is encrypted, and out of a tar, a ZIP or a folder that may be hostile."""

import contextlib
import dataclasses
import hashlib
import os
import re
import shutil
import stat
import tarfile
import zipfile
from pathlib import PurePosixPath

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Files import namedWriteErrors
from PlanningHubLib.Progress import noProgress
from PlanningHubLib.SourcesZip import METHODS, isInside

PIECE_BYTES = 1 << 20
HOSTILE = "Use nothing of it; ask the sender what they sent."
# Names that some file system takes for something else.
UNFIT = re.compile(
    r'[<>:"|?*\\\x00-\x1f\x7f]|[ .](?:/|$)|(?:^|/)(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|/|$)', re.IGNORECASE
)
LONGEST, DEEPEST = 400, 12


@dataclasses.dataclass(frozen=True)
class Limits:
    """The most that is taken out of what somebody sent: files, and bytes together."""

    files: int
    bytes: int


def tarPieces(entries, progress=noProgress):
    """Yield the bytes of a tar (POSIX.1-2001) without times, owners or rights, file by file.

    :param entries: list of (name in the tar, path, SHA-256) or (name, bytes, "")
    :raises InputRefused: ``cannot-read``, ``source-changed`` where a file is no longer what was listed
    """
    for number, (name, source, sha256) in enumerate(entries):
        progress(number / len(entries), f"Encrypting file {number + 1} of {len(entries)}")
        if isinstance(source, bytes):
            yield _header(name, len(source)) + source + _padding(len(source))
        else:
            yield from _filePieces(name, source, sha256)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _filePieces(name, path, sha256):
    digest, size = hashlib.sha256(), 0
    try:
        with open(path, "rb") as file:
            wanted = os.fstat(file.fileno()).st_size
            yield _header(name, wanted)
            while piece := file.read(min(PIECE_BYTES, wanted - size)):
                digest.update(piece)
                size += len(piece)
                yield piece
    except OSError as error:
        raise InputRefused("cannot-read", f"{path} cannot be read: {error.strerror}.", "", [path]) from error
    if digest.hexdigest() != sha256:
        raise InputRefused("source-changed", f"{path} changed while it was read.", "Run the step again.", [path])
    yield _padding(size)


def _header(name, size):
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    return info.tobuf(tarfile.PAX_FORMAT)


def _padding(size):
    return bytes(-size % tarfile.BLOCKSIZE)


def unpack(path, folder, limits, progress=noProgress):
    """Write the files of a tar or ZIP below an empty folder, of mode 0600.

    :raises InputRefused: ``exchange-archive-damaged``, ``exchange-link`` (links, devices and the like),
        ``exchange-unsafe-path``, ``exchange-too-large``, ``cannot-write``, ``disk-full``
    """
    with open(path, "rb") as file:
        isZip = file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
    try:
        with contextlib.closing(zipfile.ZipFile(path) if isZip else tarfile.open(path, "r:")) as archive:
            _take((_zipEntries if isZip else _tarEntries)(archive), folder, limits, progress)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, NotImplementedError, ValueError, RuntimeError) as error:
        raise _damaged(path) from error
    except Exception as error:
        if type(error).__module__ in ("zlib", "_lzma"):
            raise _damaged(path) from error
        raise


def _damaged(path):
    return InputRefused("exchange-archive-damaged", f"{path.name} is neither a whole tar nor a whole ZIP.",
                        "Have it made again: a plain tar or ZIP, not compressed by another program.",
                        [path])  # fmt: skip


def _tarEntries(archive):
    """Yield name, size, function that opens it, of each file; of anything else the reason against it."""
    for member in archive:
        if member.isdir():
            continue
        isPlain = member.type in (tarfile.REGTYPE, tarfile.AREGTYPE) and not member.issparse()
        yield member.name, member.size, (lambda one=member: archive.extractfile(one)) if isPlain else None


def _zipEntries(archive):
    for entry in archive.infolist():
        if entry.is_dir():
            continue
        isPlain = stat.S_IFMT(entry.external_attr >> 16) in (0, stat.S_IFREG)
        isReadable = entry.compress_type in METHODS and not entry.flag_bits & 1
        if not isReadable:
            raise ValueError("locked or of another compression")
        yield entry.filename, entry.file_size, (lambda one=entry: archive.open(one)) if isPlain else None


def collect(source, folder, limits, progress=noProgress):
    """Copy the files of a folder that somebody sent below an empty folder, of mode 0600.

    :raises InputRefused: as :func:`unpack`, ``cannot-read``
    """
    try:
        _take(_folderEntries(source, source, 0), folder, limits, progress)
    except OSError as error:
        raise InputRefused("cannot-read", f"{source} cannot be read: {error.strerror}.", "", [source]) from error


def _folderEntries(place, root, depth):
    with os.scandir(place) as scan:
        entries = sorted(scan, key=lambda entry: entry.name)
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if depth < DEEPEST:
                yield from _folderEntries(entry.path, root, depth + 1)
            continue
        isPlain = entry.is_file(follow_symlinks=False)
        name = PurePosixPath(os.path.relpath(entry.path, root).replace(os.sep, "/")).as_posix()
        size = entry.stat(follow_symlinks=False).st_size
        yield name, size, (lambda one=entry.path: _openPlain(one)) if isPlain else None


def _openPlain(path):
    # A link that took the file's place since is not followed either.
    return os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)), "rb")


def _take(entries, folder, limits, progress):
    seen, total = set(), 0
    for number, (name, size, opener) in enumerate(entries, 1):
        progress(min(number / limits.files, 1.0), f"Taking out file {number}")
        name = _safeName(name, seen)
        if opener is None:
            raise InputRefused("exchange-link", f"{name!r} is a link or a device, not a file.", HOSTILE)
        # What a directory says of sizes may lie: it is counted as well.
        if number > limits.files or total + size > limits.bytes:
            raise _tooLarge(limits)
        target = folder.joinpath(*PurePosixPath(name).parts)
        with namedWriteErrors(target):
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with contextlib.closing(opener()) as source:
            total += _copied(source, target, limits, total)


def _copied(source, target, limits, total):
    size = 0
    with namedWriteErrors(target):
        file = open(target, "xb", opener=lambda path, flags: os.open(path, flags, 0o600))
    with file:
        while piece := source.read(PIECE_BYTES):
            size += len(piece)
            if total + size > limits.bytes:
                raise _tooLarge(limits)
            with namedWriteErrors(target):
                file.write(piece)
    return size


def _tooLarge(limits):
    return InputRefused("exchange-too-large", f"It holds more than {limits.files} files or {limits.bytes >> 20} MiB.",
                        HOSTILE)  # fmt: skip


def _safeName(name, seen):
    """Return a name without ``./`` before it; one that could mean another place, or another file, is refused."""
    clean = PurePosixPath(name).as_posix()
    folded = clean.casefold()
    isLong = len(clean) > LONGEST or len(PurePosixPath(clean).parts) > DEEPEST
    if not isInside(name) or clean == "." or UNFIT.search(clean) or isLong or folded in seen:
        raise InputRefused("exchange-unsafe-path", f"{name[:80]!r} names no place of its own in the folder.", HOSTILE)
    seen.add(folded)
    return clean


def moveUp(folder, wanted):
    """Where a file lies in the only folder of a folder, move everything one up; return whether it is there then."""
    if (folder / wanted).is_file():
        return True
    entries = list(folder.iterdir())
    if len(entries) != 1 or not (entries[0] / wanted).is_file():
        return False
    inner = entries[0].rename(folder / f".aside-{os.urandom(8).hex()}")
    for path in list(inner.iterdir()):
        shutil.move(path, folder / path.name)
    inner.rmdir()
    return True


def listed(folder):
    """Return (path with ``/``, path on disk) of all files below a folder, sorted."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return [(path.relative_to(folder).as_posix(), path) for path in paths]
