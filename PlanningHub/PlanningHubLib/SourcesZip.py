"""Unpacking a ZIP archive that may be hostile. For the worker process."""

import os
import re
import shutil
import stat
import zipfile
from pathlib import Path, PurePosixPath

from .Errors import InputRefused

MOST_ENTRIES = 200_000
MOST_BYTES = 64 << 30
# Deflate reaches 1032:1 on zeros; CT images about 2:1, with much air 10:1.
MOST_RATIO = 200
RATIO_FREE_BYTES = 64 << 20
CHUNK_BYTES = 1 << 20
HOSTILE = "Do not use this archive; ask where it came from."
AGAIN = "Make or fetch the archive again."
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def unpack(path, folder, progress):
    """Unpack the files of an archive below a folder; archives within it stay closed.

    :param progress: called as ``progress(fraction, text)``
    :returns: how many archives within it were left closed
    :raises InputRefused: ``zip-damaged``, ``zip-encrypted``, ``zip-unsafe-path``, ``zip-link``, ``zip-bomb``,
        ``disk-full``; nothing outside the folder was written then
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            _refuseHostile(path, entries)
            _requireRoom(path, folder, entries)
            return _unpackEntries(archive, path, entries, Path(folder), progress)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, UnicodeError, ValueError) as error:
        raise InputRefused("zip-damaged", f"{path} is damaged: {error}.", AGAIN, [path]) from error
    except Exception as error:
        if type(error).__module__ == "zlib":
            raise InputRefused("zip-damaged", f"{path} is damaged: {error}.", AGAIN, [path]) from error
        raise


def _refuseHostile(path, entries):
    def refuse(code, message, action=HOSTILE):
        raise InputRefused(code, f"{path} {message}", action, [path])

    if len(entries) > MOST_ENTRIES:
        refuse("zip-bomb", f"holds {len(entries)} files, more than any examination.")
    total, packed = sum(entry.file_size for entry in entries), os.path.getsize(path)
    if total > MOST_BYTES:
        refuse("zip-bomb", f"unpacks to {total >> 30} GiB, more than any examination.")
    if total > RATIO_FREE_BYTES and total > MOST_RATIO * packed:
        refuse("zip-bomb", f"unpacks to {total // packed} times its size, which images never do.")
    for entry in entries:
        if stat.S_ISLNK(entry.external_attr >> 16):
            refuse("zip-link", f"holds a link in place of a file: {entry.filename!r}.")
        if not isInside(entry.orig_filename) or not isInside(entry.filename):
            refuse("zip-unsafe-path", f"names a file outside its folder: {entry.filename!r}.")
        if entry.flag_bits & 1:
            refuse("zip-encrypted", "is locked with a password.", "Unlock it first, or make it again without one.")
        if entry.compress_type not in METHODS:
            refuse("zip-damaged", f"uses a compression other than Deflate for {entry.filename!r}.", AGAIN)


def isInside(name):
    """Does a path within an archive or index stay inside its folder, on every operating system?"""
    text = name.replace("\\", "/")
    hasDrive = re.match(r"[A-Za-z]:", text) is not None
    return bool(text) and "\0" not in text and not text.startswith("/") and not hasDrive \
        and ".." not in PurePosixPath(text).parts  # fmt: skip


def _requireRoom(path, folder, entries):
    total, free = sum(entry.file_size for entry in entries), shutil.disk_usage(folder).free
    if total > free:
        raise InputRefused("disk-full", f"There is no space left to unpack {path}: {total >> 20} MiB are needed.",
                           "Free some space and run the step again.", [path])  # fmt: skip


def _unpackEntries(archive, path, entries, folder, progress):
    closed = 0
    for number, entry in enumerate(entries):
        progress(number / len(entries), f"Unpacking {number} of {len(entries)} files")
        with archive.open(entry) as packed:
            head = packed.read(CHUNK_BYTES)
            if head[:4] == b"PK\x03\x04":
                closed += 1
                continue
            target = freePlace(folder, entry.filename)
            with open(target, "xb") as file:
                # The sizes in the directory may lie: zipfile never gives more than they say.
                while head:
                    file.write(head)
                    head = packed.read(CHUNK_BYTES)
    return closed


def freePlace(folder, name):
    """Return a path below a folder for a name in an archive, in characters that every file system takes."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    clean = [re.sub(r'[<>:"|?*\x00-\x1f]', "_", part).rstrip(". ") or "_" for part in parts]
    target = folder.joinpath(*(part[:120] for part in clean))
    # On the way down a file may stand where a folder is wanted.
    while any(parent.is_file() for parent in target.parents if parent != folder):
        target = folder / "_".join(clean)[:120]
    target.parent.mkdir(parents=True, exist_ok=True)
    number = 2
    while target.exists():
        target = target.with_name(f"{target.name.split('~')[0]}~{number}")
        number += 1
    return target
