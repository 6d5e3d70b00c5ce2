"""Checks an outbox without changing it: its database, its chain of transitions, and what waits in it."""

import contextlib
import sqlite3
import urllib.parse
from pathlib import Path

from PlanningHubLib.Errors import Finding, InputRefused
from PlanningHubLib.Progress import noProgress

from . import Schema
from .Entries import NEEDS_NO_PAYLOAD
from .Payloads import Payloads
from .Seals import Seals
from .Transitions import verifyChain


def verifyOutbox(folder, keyRing=None, progress=noProgress):
    """Check everything in the outbox in ``folder``; nothing is written, and others may go on using it.

    :param keyRing: the installation's keys, or None: then seals and contents cannot be checked, which is reported
    :returns: list of findings: ``outbox-damaged``, ``outbox-tampered``, ``payload-missing``, ``payload-damaged``
        (reject), ``outbox-key-missing`` (warn)
    :raises InputRefused: ``outbox-unreadable``
    """
    folder = Path(folder)
    if not (folder / Schema.FILE_NAME).is_file():
        return [Finding("outbox-damaged", "reject", "The outbox's database is gone.", SET_ASIDE)]
    with contextlib.closing(_connect(folder)) as db:
        try:
            return _findings(db, folder, keyRing, progress)
        except sqlite3.DatabaseError as error:
            return [Finding("outbox-damaged", "reject", f"The outbox's database cannot be read: {error}.", SET_ASIDE)]


SET_ASIDE = "List the queue: a damaged database is set aside, and it says what to do."


def _connect(folder):
    name = urllib.parse.quote(str((folder / Schema.FILE_NAME).absolute()))
    # A database that nobody has open, on a disk that cannot be written, has no log to be read with it.
    isClosed = not (folder / f"{Schema.FILE_NAME}-wal").exists()
    for mode in ("mode=ro", "immutable=1") if isClosed else ("mode=ro",):
        try:
            db = sqlite3.connect(f"file:{name}?{mode}", Schema.BUSY_SECONDS, isolation_level=None, uri=True)
        except sqlite3.OperationalError as error:
            reason = error
            continue
        db.row_factory = sqlite3.Row
        try:
            db.execute("BEGIN")
            db.execute("SELECT 1 FROM sqlite_master").fetchone()
            return db
        except sqlite3.OperationalError as error:
            db.close()
            reason = error
        except sqlite3.DatabaseError:
            # Not a database at all, which the caller says.
            return db
    raise InputRefused(
        "outbox-unreadable",
        f"The outbox {folder} cannot be read ({reason}).",
        "Run as the user whose outbox it is; have the disk checked.",
        [folder],
    )


def _findings(db, folder, keyRing, progress):
    if not Schema.isWhole(db):
        return [Finding("outbox-damaged", "reject", "The outbox's database is not whole.", SET_ASIDE)]
    seals = Seals(keyRing) if keyRing else None
    key = db.execute("SELECT value FROM facts WHERE name = 'key'").fetchone()
    if seals is None or (key and key["value"] != seals.keyId):
        words = "The outbox's seals and contents cannot be checked here: this installation does not hold their key."
        action = "Run verify as the user whose outbox it is."
        return [Finding("outbox-key-missing", "warn", words, action, (folder,))]
    return verifyChain(db, seals) + _payloadFindings(db, Payloads(folder, seals), progress)


def _payloadFindings(db, payloads, progress):
    marks = ", ".join(f"'{state}'" for state in NEEDS_NO_PAYLOAD)
    asked = f"SELECT id, sha256, bytes FROM entries WHERE state NOT IN ({marks}) ORDER BY id"
    rows = db.execute(asked).fetchall()
    # From here on the newest state counts: what was delivered meanwhile needs no payload any more.
    db.execute("COMMIT")
    findings, faults = [], {}
    for number, row in enumerate(rows, 1):
        if row["sha256"] not in faults:
            faults[row["sha256"]] = payloads.faultOf(row["sha256"], row["bytes"])
        fault = faults[row["sha256"]]
        if fault and db.execute(f"{asked.replace(' ORDER BY id', '')} AND id = ?", (row["id"],)).fetchone():
            code, words = fault.split(": ", 1)
            findings.append(Finding(code, "reject", f"Entry {row['id']}: {words}", "Then list the queue."))
        progress(number / len(rows), "Reading what waits")
    return findings
