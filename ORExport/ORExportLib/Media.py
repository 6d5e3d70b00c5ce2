"""Folders on removable media: which are there, and files that are known to lie on them and not only in memory."""

import contextlib
import errno
import os
import shutil
import sys
from pathlib import Path

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Files import fsyncFile, fsyncFolder, namedWriteErrors
from PlanningHubLib.Progress import noProgress

CHUNK_BYTES = 1 << 20
# What a system answers whose medium is gone, whatever was asked of it.
GONE = (errno.EIO, errno.ENODEV, errno.ENXIO, errno.ENOENT, errno.ENOTCONN, errno.ESTALE)
# Where Linux desktops mount what a user plugs in.
MEDIA_FOLDERS = ("/media/", "/run/media/")


def copyOnto(files, folder, progress=noProgress):
    """Copy files into a folder and force them onto its medium.

    :param files: name within the folder (with ``/``) → path
    :raises InputRefused: ``disk-full``, ``cannot-write``, ``cannot-read``
    """
    total, done = sum(Path(path).stat().st_size for path in files.values()) or 1, 0
    for name, path in files.items():
        target = Path(folder) / name
        with namedWriteErrors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.closing(_chunks(path)) as chunks, open(target, "xb") as file:
                for chunk in chunks:
                    progress(min(1.0, done / total), f"Copying {name}")
                    file.write(chunk)
                    done += len(chunk)
                file.flush()
                os.fsync(file.fileno())
    with namedWriteErrors(folder):
        for root, _folders, _names in os.walk(folder, topdown=False):
            fsyncFolder(root)


def _chunks(path):
    try:
        with open(path, "rb", buffering=0) as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except OSError as error:
        raise InputRefused("cannot-read", f"{path} cannot be read: {error.strerror}.", "", [path]) from error


def forgetCached(folder):
    """Let the system forget what it has cached of a folder's files, so that they are read from the medium again.

    It is asked to, and mostly does: Linux drops what is on the medium already, macOS and Windows are not asked.
    """
    if not hasattr(os, "posix_fadvise"):
        return
    for root, _folders, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                fsyncFile(os.path.join(root, name))
                descriptor = os.open(os.path.join(root, name), os.O_RDONLY)
                try:
                    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
                finally:
                    os.close(descriptor)


@contextlib.contextmanager
def namedMediumErrors(destination, folder):
    """Tell a medium that was removed while its files were written or read from one that cannot be written.

    :param folder: what is being written, which lies on the medium
    :raises InputRefused: ``medium-removed``; whatever else was raised passes
    """
    try:
        yield
    except Exception as error:
        if _isGone(error, folder):
            raise InputRefused(
                "medium-removed",
                f"The medium of {destination} was removed or failed; there is no package on it.",
                "Plug it in again, or take another one, and save the package again.",
            ) from error
        if isinstance(error, OSError):
            with namedWriteErrors(destination):
                raise
        raise


def _isGone(error, folder):
    if getattr(error, "code", "") == "cannot-read":
        return False
    cause = error if isinstance(error, OSError) else error.__cause__
    if isinstance(cause, OSError) and cause.errno in GONE and cause.errno != errno.ENOENT:
        return True
    return not os.path.isdir(folder)


def removableDrives():
    """Return (name, path, free bytes) of the removable media that are mounted, where the platform tells; else nothing.

    A medium that cannot be asked for its room is left out.
    """
    drives = []
    for path in _mounted():
        with contextlib.suppress(OSError):
            drives.append((Path(path).name or str(path), Path(path), shutil.disk_usage(path).free))
    return drives


def _mounted():
    if os.name == "nt":
        return _windowsDrives()
    if sys.platform == "darwin":
        # The start volume is a link among them.
        return [path for path in _entries(Path("/Volumes")) if not path.is_symlink()]
    with contextlib.suppress(OSError):
        return removableOf(Path("/proc/self/mounts").read_text(encoding="utf-8"))
    return []


def _entries(folder):
    with contextlib.suppress(OSError):
        return sorted(folder.iterdir())
    return []


def removableOf(mounts, sysFolder=Path("/sys/class/block")):
    """Return the paths of a Linux mount table that are removable media, in its order.

    :param mounts: text of ``/proc/self/mounts``
    :param sysFolder: where the system describes block devices
    """
    found = []
    for line in mounts.splitlines():
        device, path = (field.encode().decode("unicode_escape") for field in line.split()[:2])
        isUsersOwn = f"{path}/".startswith(MEDIA_FOLDERS)
        if device.startswith("/dev/") and (isUsersOwn or _isRemovable(sysFolder / Path(device).name)):
            found.append(path.encode("latin-1", "replace").decode("utf-8", "replace"))
    return found


def _isRemovable(entry):
    with contextlib.suppress(OSError):
        # A partition is described below its disk.
        disk = entry.resolve().parent if (entry / "partition").exists() else entry
        return (disk / "removable").read_text().strip() == "1"
    return False


def _windowsDrives():
    import ctypes

    kernel, removable = ctypes.windll.kernel32, 2
    letters = (f"{letter}:\\" for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    return [letter for letter in letters if kernel.GetDriveTypeW(letter) == removable]
