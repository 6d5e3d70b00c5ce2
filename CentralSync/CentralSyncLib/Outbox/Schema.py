"""The outbox's database: its tables, its versions, its connections, and its errors by name."""

import contextlib
import sqlite3

from PlanningHubLib.Errors import GateRefused, InputRefused

FILE_NAME = "outbox.sqlite"
BUSY_SECONDS = 60

# What is never changed once an entry is there; the triggers below hold it fast.
FIXED = ("id", "store", "sha256", "kind", "sopInstanceUid", "seriesUid", "studyUid", "bytes", "contentSha256",
         "replaces")  # fmt: skip
CHANGING = ("caseId", "caseFolder", "name", "state", "reason", "attempts", "due", "setAt", "owner")
COLUMNS = FIXED + CHANGING

# Each is applied once, in order; the number of those applied is the database's ``user_version``. Only ever add one.
MIGRATIONS = (
    f"""
    CREATE TABLE entries (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        store TEXT NOT NULL, sha256 TEXT NOT NULL, kind TEXT NOT NULL, sopInstanceUid TEXT NOT NULL,
        seriesUid TEXT NOT NULL, studyUid TEXT NOT NULL, bytes INTEGER NOT NULL, contentSha256 TEXT NOT NULL,
        replaces INTEGER, caseId TEXT NOT NULL, caseFolder BLOB NOT NULL, name BLOB NOT NULL,
        state TEXT NOT NULL CHECK (state IN
            ('queued', 'sending', 'sent', 'verified', 'failed', 'dead-letter', 'withdrawn')),
        reason BLOB NOT NULL, attempts INTEGER NOT NULL, due REAL NOT NULL, setAt REAL NOT NULL, owner TEXT,
        CHECK ((owner IS NOT NULL) = (state IN ('sending', 'sent'))), UNIQUE (store, sha256, sopInstanceUid)
    );
    CREATE INDEX entriesByState ON entries (store, state, due);
    CREATE INDEX entriesByTime ON entries (store, state, setAt, bytes);
    CREATE INDEX entriesThatReplace ON entries (replaces) WHERE replaces IS NOT NULL;
    CREATE INDEX entriesHeld ON entries (owner) WHERE owner IS NOT NULL;
    CREATE INDEX entriesOfPayload ON entries (sha256) WHERE state NOT IN ('verified', 'withdrawn');
    CREATE TABLE transitions (
        number INTEGER PRIMARY KEY, entry INTEGER NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL,
        reason BLOB NOT NULL, setAt REAL NOT NULL, user TEXT NOT NULL, process TEXT NOT NULL, digest TEXT NOT NULL,
        seal TEXT NOT NULL
    );
    CREATE INDEX transitionsOfEntry ON transitions (entry, number);
    CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 1), number INTEGER NOT NULL, seal TEXT NOT NULL,
        headSeal TEXT NOT NULL);
    CREATE TABLE cases (caseId TEXT NOT NULL, entry INTEGER NOT NULL, caseFolder BLOB NOT NULL, seal TEXT NOT NULL,
        PRIMARY KEY (caseId, entry)) WITHOUT ROWID;
    CREATE TABLE pauses (store TEXT PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TRIGGER transitionsStay BEFORE UPDATE ON transitions
        BEGIN SELECT RAISE(ABORT, 'transitions are never changed'); END;
    CREATE TRIGGER transitionsAreKept BEFORE DELETE ON transitions
        BEGIN SELECT RAISE(ABORT, 'transitions are never removed'); END;
    CREATE TRIGGER entriesStay BEFORE UPDATE OF {", ".join(FIXED)} ON entries
        BEGIN SELECT RAISE(ABORT, 'what an entry is about is never changed'); END;
    CREATE TRIGGER entriesAreKept BEFORE DELETE ON entries
        BEGIN SELECT RAISE(ABORT, 'entries are never removed'); END;
    """,
)


def connect(path):
    """Return a connection to the database at ``path``, which any one thread at a time may use."""
    db = sqlite3.connect(path, BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        db.row_factory = sqlite3.Row
        # A commit is on the disk when it returns; temporary tables never are.
        for setting in ("journal_mode = WAL", "synchronous = FULL", "temp_store = MEMORY", "trusted_schema = OFF"):
            db.execute(f"PRAGMA {setting}")
    except BaseException:
        db.close()
        raise
    return db


@contextlib.contextmanager
def transaction(db):
    """Commit what is done inside, or nothing of it; other writers wait."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        # A full disk may have ended it already.
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def versionOf(db):
    """Return how many migrations the database has seen; 0 for an empty one."""
    return db.execute("PRAGMA user_version").fetchone()[0]


def migrate(db, folder):
    """Bring the tables up to this version, each step whole or not at all.

    :raises GateRefused: ``outbox-newer``
    """
    if versionOf(db) > len(MIGRATIONS):
        raise GateRefused(
            "outbox-newer",
            f"The outbox {folder} was written by a later version of the suite.",
            "Use that version on this workstation.",
            [folder],
        )
    for number in range(versionOf(db), len(MIGRATIONS)):
        with transaction(db):
            for statement in _statements(MIGRATIONS[number]):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {number + 1}")


def _statements(script):
    """Yield the script's statements; ``executescript`` would commit between them."""
    collected = ""
    for line in script.splitlines(keepends=True):
        collected += line
        if sqlite3.complete_statement(collected):
            yield collected
            collected = ""


class Damaged(Exception):
    """The database cannot be read as one."""


def isWhole(db):
    """Whether the database's own check finds nothing wrong with its structure."""
    return [row[0] for row in db.execute("PRAGMA integrity_check(1)")] == ["ok"]


@contextlib.contextmanager
def namedErrors(folder, whenDamaged=None):
    """Turn SQLite's errors into named ones.

    :param whenDamaged: called before ``outbox-damaged`` is raised
    :raises InputRefused: ``outbox-full``, ``outbox-unwritable``, ``outbox-unreadable``
    :raises GateRefused: ``outbox-damaged``, ``outbox-busy``
    """
    try:
        yield
    except sqlite3.DatabaseError as error:
        name = getattr(error, "sqlite_errorname", "") or ""
        if name.startswith(("SQLITE_CONSTRAINT", "SQLITE_ERROR", "SQLITE_MISUSE")) or not name:
            raise
        if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) and whenDamaged:
            whenDamaged()
        raise _named(name, folder) from error


def _named(name, folder):
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return damaged(folder)
    if name.startswith(("SQLITE_FULL", "SQLITE_IOERR_SHMSIZE")):
        return full(folder)
    if name.startswith("SQLITE_BUSY"):
        return GateRefused(
            "outbox-busy",
            f"Another program has held the outbox {folder} for more than {BUSY_SECONDS} seconds.",
            "End that program, then try again.",
            [folder],
        )
    if name.startswith(("SQLITE_READONLY", "SQLITE_PERM", "SQLITE_AUTH")):
        return unwritable(folder)
    return InputRefused(
        "outbox-unreadable",
        f"The outbox {folder} cannot be read or written ({name}).",
        "Have the disk checked, or set PLANNINGHUB_OUTBOX to a folder on another one.",
        [folder],
    )


def damaged(folder):
    """Return the error for a database that turned out to be damaged while it was in use."""
    return GateRefused(
        "outbox-damaged",
        f"The database of the outbox {folder} is damaged.",
        "End every program that uses it, then list the queue: the damaged one is set aside, and it says what to do.",
        [folder],
    )


def full(folder):
    """Return the error for a full disk."""
    return InputRefused(
        "outbox-full",
        f"There is no space left for the outbox {folder}.",
        "Free some space there, then run it again; what the outbox had taken is still in it.",
        [folder],
    )


def unwritable(folder):
    """Return the error for an outbox on a disk that takes no writing."""
    return InputRefused(
        "outbox-unwritable",
        f"The outbox {folder} cannot be written.",
        "Make the disk and the folder writable, or set PLANNINGHUB_OUTBOX to another folder.",
        [folder],
    )
