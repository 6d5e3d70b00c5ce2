"""Opening the outbox: whose it is, whether it is whole, what killed processes left, and what is set aside."""

import contextlib
import errno
import json
import os
import uuid
from pathlib import Path

from PlanningHubLib import Files
from PlanningHubLib.Errors import GateRefused, InputRefused

from . import Owners, Schema
from .Entries import NEEDS_NO_PAYLOAD
from .Schema import FILE_NAME

MARK_NAME = "outbox.json"
FORMAT = "planninghub-outbox"
# A larger database is checked only when somebody's use of it did not end well.
ALWAYS_CHECKED_BYTES = 16 << 20


def workstationFolder():
    """Return the folder of this workstation's outbox.

    ``PLANNINGHUB_OUTBOX``, else ``outbox`` in ``PLANNINGHUB_HOME``, else the platform's own place.
    """
    if os.environ.get("PLANNINGHUB_OUTBOX"):
        return Path(os.environ["PLANNINGHUB_OUTBOX"])
    if os.environ.get("PLANNINGHUB_HOME"):
        return Path(os.environ["PLANNINGHUB_HOME"]) / "outbox"
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home()) / "PlanningHub" / "outbox"
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "planninghub" / "outbox"


def isOutbox(folder):
    """Whether a folder is an outbox."""
    return (Path(folder) / MARK_NAME).is_file() or (Path(folder) / FILE_NAME).is_file()


def openOutbox(folder, seals, payloads):
    """Make the outbox ready for use, creating it where there is none; return (connection, :class:`Owners.Owner`).

    :raises GateRefused: ``outbox-damaged`` (it is set aside, the next opening begins a new one), ``outbox-newer``,
        ``outbox-of-another-user``, ``outbox-open-to-others``, ``outbox-of-another-installation``, ``outbox-busy``
    :raises InputRefused: ``outbox-full``, ``outbox-unwritable``, ``outbox-unreadable``
    """
    with namedFolderErrors(folder):
        _makeFolder(folder)
        _requireOwn(folder)
        with Owners.openingLock(folder):
            alive, dead = Owners.living(folder)
            db = _database(folder, alive, dead)
            try:
                with Schema.namedErrors(folder):
                    _requireSameInstallation(db, folder, seals)
                    if not alive:
                        _removeLeftovers(db, payloads)
                Owners.forget(folder, dead)
                return db, Owners.Owner(folder)
            except BaseException:
                db.close()
                raise


def _makeFolder(folder):
    if not folder.is_dir():
        missing = [one for one in folder.parents if not one.is_dir()]
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for parent in (folder.parent, *(one.parent for one in missing)):
            Files.fsyncFolder(parent)


def _requireOwn(folder):
    if os.name == "nt":
        return
    found = os.stat(folder)
    if found.st_uid != os.geteuid():
        raise GateRefused(
            "outbox-of-another-user",
            f"The outbox {folder} belongs to another user of this machine.",
            "Run as that user, or set PLANNINGHUB_OUTBOX to a folder of your own.",
            [folder],
        )
    if found.st_mode & 0o077:
        raise GateRefused(
            "outbox-open-to-others",
            f"The outbox {folder} is open to other users of this machine.",
            "Find out who used it, then set its mode to 0700.",
            [folder],
        )


def _database(folder, alive, dead):
    """Return a connection to the checked database, created or brought up to this version where need be."""
    path = folder / FILE_NAME
    isNew = not (folder / MARK_NAME).exists()
    if _isLost(folder, path, isNew):
        _setAside(folder, alive)
    try:
        with Schema.namedErrors(folder):
            if not path.exists():
                os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            db = Schema.connect(path)
    except GateRefused as error:
        if error.code == "outbox-damaged":
            _setAside(folder, alive)
        raise
    try:
        with Schema.namedErrors(folder):
            if not _isChecked(db, path, dead) or (not isNew and not Schema.versionOf(db)):
                raise Schema.damaged(folder)
            Schema.migrate(db, folder)
        if isNew:
            Files.writeAside(folder / MARK_NAME, json.dumps({"format": FORMAT}).encode())
        return db
    except BaseException as error:
        db.close()
        if isinstance(error, GateRefused) and error.code == "outbox-damaged":
            _setAside(folder, alive)
        raise


def _isLost(folder, path, isNew):
    """Whether there was an outbox here and its database is gone or empty."""
    if path.exists() and path.stat().st_size:
        return False
    if (folder / f"{FILE_NAME}-wal").exists() and path.exists():
        return False
    return not isNew or any((folder / "payloads").glob("*/*"))


def _isChecked(db, path, dead):
    return Schema.isWhole(db) if dead or path.stat().st_size < ALWAYS_CHECKED_BYTES else True


def _setAside(folder, alive):
    """Move database and payloads of a damaged outbox into a folder of their own beside it, and say so.

    :raises GateRefused: ``outbox-damaged``
    """
    if alive:
        raise Schema.damaged(folder)
    aside = folder / f"outbox-damaged-{uuid.uuid4().hex[:12]}"
    aside.mkdir(mode=0o700)
    # The database last: a kill in between finds it here and goes on.
    for name in ("payloads", f"{FILE_NAME}-wal", f"{FILE_NAME}-shm", MARK_NAME, FILE_NAME):
        with contextlib.suppress(FileNotFoundError):
            os.rename(folder / name, aside / name)
    Files.fsyncFolder(aside)
    Files.fsyncFolder(folder)
    raise GateRefused(
        "outbox-damaged",
        f"The database of the outbox was damaged. It was set aside with all that waited, as {aside}.",
        "Sync every case again: what a store has already is not sent twice. "
        "Keep that folder until then, and have the disk checked.",
        [aside],
    )


def _requireSameInstallation(db, folder, seals):
    row = db.execute("SELECT value FROM facts WHERE name = 'key'").fetchone()
    if row is None:
        with Schema.transaction(db):
            db.execute("INSERT INTO facts VALUES ('key', ?)", (seals.keyId,))
    elif row["value"] != seals.keyId:
        raise GateRefused(
            "outbox-of-another-installation",
            f"The outbox {folder} is sealed under the key of another installation.",
            "Bring back that installation's settings folder, or move the outbox away and sync the cases again.",
            [folder],
        )


def _removeLeftovers(db, payloads):
    """Remove what killed processes left beside what is needed."""
    payloads.removeAsides()
    kept = list(payloads.names())
    payloads.remove(set(kept) - neededOf(db, kept))


def neededOf(db, hashes):
    """Return those of the hashes whose payload an entry still needs, whatever the store."""
    marks = ", ".join(f"'{state}'" for state in NEEDS_NO_PAYLOAD)
    asked = f"SELECT 1 FROM entries WHERE sha256 = ? AND state NOT IN ({marks}) LIMIT 1"
    return {sha256 for sha256 in hashes if db.execute(asked, (sha256,)).fetchone()}


@contextlib.contextmanager
def namedFolderErrors(folder):
    """Turn the operating system's errors into named ones.

    :raises InputRefused: ``outbox-full``, ``outbox-unwritable``, ``outbox-unreadable``
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise Schema.full(folder) from error
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise Schema.unwritable(folder) from error
        raise InputRefused(
            "outbox-unreadable",
            f"The outbox {folder} cannot be read or written ({error.strerror or error}).",
            "Have the disk checked, or set PLANNINGHUB_OUTBOX to a folder on another one.",
            [folder],
        ) from error
