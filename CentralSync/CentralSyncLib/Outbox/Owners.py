"""Who holds what of the outbox: each process that uses it locks a file, which its end sets free, however it ends."""

import contextlib
import os
import uuid

from PlanningHubLib.Locking import lockFile


class Owner:
    """One user of the outbox: its name is in its claims, its lock says that it lives.

    To be made while :func:`openingLock` is held, so that nobody takes the new file for one that was left.
    """

    def __init__(self, folder):
        self.name = uuid.uuid4().hex
        self._path = _folderOf(folder) / self.name
        self._path.parent.mkdir(mode=0o700, exist_ok=True)
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        lockFile(self._descriptor)

    def end(self, keepFile=False):
        """Set free what it holds.

        :param keepFile: leave a sign for the next opening that this one did not end well
        """
        if self._descriptor is None:
            return
        os.close(self._descriptor)
        self._descriptor = None
        if not keepFile:
            # One that stays is a sign as well.
            with contextlib.suppress(OSError):
                self._path.unlink()


def isAlive(folder, name):
    """Whether the owner of that name still runs."""
    try:
        descriptor = os.open(_folderOf(folder) / name, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        # Shared, so that two that ask at once do not take each other for the owner.
        lockFile(descriptor, shared=True)
        return False
    except OSError:
        return True
    finally:
        os.close(descriptor)


def living(folder):
    """Return the names of all owners that run, and of those that ended without saying so."""
    names = [path.name for path in _folderOf(folder).glob("*")]
    alive = [name for name in names if isAlive(folder, name)]
    return alive, [name for name in names if name not in alive]


def forget(folder, names):
    """Remove the files of owners that ended; only while :func:`openingLock` is held."""
    for name in names:
        (_folderOf(folder) / name).unlink(missing_ok=True)


@contextlib.contextmanager
def openingLock(folder):
    """Hold the right to open the outbox; others that open it wait."""
    descriptor = os.open(folder / "opening.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        lockFile(descriptor, wait=True)
        yield
    finally:
        os.close(descriptor)


def _folderOf(folder):
    return folder / "owners"
