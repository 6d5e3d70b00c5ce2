"""Every change of an entry, written beside it and never changed: a chain under the installation's key.

Each transition's seal covers the one before it and the row as it stands afterwards, and the head covers their number:
who changes, removes or adds a row without the key is found. An older copy of the whole outbox put back is not; the
audit heads in the central store show that.
"""

import dataclasses
import os
import socket
from collections.abc import Mapping

from PlanningHubLib.Audit import canonical
from PlanningHubLib.Errors import Finding
from PlanningHubLib.Files import sha256Bytes
from PlanningHubLib.Locking import currentUser

from .Entries import textOf, utcText
from .Schema import CHANGING, COLUMNS

SAID = ("number", "entry", "before", "after", "reason", "setAt", "user", "process", "digest")


@dataclasses.dataclass(frozen=True)
class Author:
    """Who changes entries."""

    user: str
    process: str

    @classmethod
    def here(cls):
        return cls(currentUser(), f"{os.getpid()} on {socket.gethostname()}")


class Recorder:
    """Writes rows of entries, and with each its transition; to be used inside one transaction, then :meth:`write`.

    :param db: connection
    :param now: seconds since 1970
    """

    def __init__(self, db, seals, author, now):
        self._db, self._seals, self._author, self.now = db, seals, author, now
        self._number, self._seal = headOf(db)
        self._updates, self._transitions = [], []

    def add(self, values):
        """Insert a new entry, of which all columns but the id are given; return its id."""
        names = [name for name in COLUMNS if name != "id"]
        holders = ", ".join(f":{name}" for name in names)
        made = self._db.execute(f"INSERT INTO entries ({', '.join(names)}) VALUES ({holders})", values)
        self._note("", {**values, "id": made.lastrowid})
        return made.lastrowid

    def change(self, row, **changes):
        """Change columns of an entry; return its row as it is then."""
        values = {**dict(zip(row.keys(), tuple(row), strict=True)), **changes, "setAt": self.now}
        self._updates.append(values)
        self._note(row["state"], values)
        return values

    def addToCase(self, caseId, caseFolder, ids):
        """Note for which case entries were queued.

        :param caseFolder: sealed
        """
        rows = [(caseId, one, caseFolder, caseSealOf(self._seals, caseId, one, caseFolder)) for one in ids]
        self._db.executemany("INSERT OR REPLACE INTO cases VALUES (?, ?, ?, ?)", rows)

    def _note(self, before, values):
        self._number += 1
        said = {
            "number": self._number, "entry": values["id"], "before": before, "after": values["state"],
            "reason": values["reason"], "setAt": self.now, "user": self._author.user,
            "process": self._author.process, "digest": digestOf(values),
        }  # fmt: skip
        self._seal = sealOf(self._seals, said, self._seal)
        self._transitions.append({**said, "seal": self._seal})

    def write(self):
        """Write what was collected so far, and the head."""
        assignments = ", ".join(f"{name} = :{name}" for name in CHANGING)
        self._db.executemany(f"UPDATE entries SET {assignments} WHERE id = :id", self._updates)
        names = (*SAID, "seal")
        holders = ", ".join(f":{name}" for name in names)
        self._db.executemany(f"INSERT INTO transitions ({', '.join(names)}) VALUES ({holders})", self._transitions)
        if self._transitions:
            head = (1, self._number, self._seal, headSealOf(self._seals, self._number, self._seal))
            self._db.execute("INSERT OR REPLACE INTO head VALUES (?, ?, ?, ?)", head)
        self._updates, self._transitions = [], []


def headOf(db):
    """Return the number of transitions and the last one's seal, as the head says."""
    head = db.execute("SELECT number, seal FROM head").fetchone()
    return (head["number"], head["seal"]) if head else (0, "")


def digestOf(values):
    """Return the SHA-256 of a row of an entry."""
    return sha256Bytes(canonical([_asJson(values[name]) for name in COLUMNS]).encode())


def sealOf(seals, said, previous):
    """Return the seal of a transition that follows the one with the seal ``previous``."""
    return seals.mac([*(_asJson(said[name]) for name in SAID), previous])


def headSealOf(seals, number, seal):
    return seals.mac(["head", number, seal])


def caseSealOf(seals, caseId, entryId, caseFolder):
    return seals.mac(["case", caseId, entryId, _asJson(caseFolder)])


def _asJson(value):
    return value.hex() if isinstance(value, bytes) else value


def historyOf(db, seals, entryId):
    """Return the transitions of an entry, oldest first, as dictionaries with the reason in words."""
    rows = db.execute("SELECT * FROM transitions WHERE entry = ? ORDER BY number", (entryId,))
    return [
        {
            "from_": row["before"], "to": row["after"], "reason": textOf(row["reason"], seals),
            "when": utcText(row["setAt"]), "user": row["user"], "process": row["process"],
        }
        for row in rows
    ]  # fmt: skip


def reasonsFor(entries, reasons):
    """Return the reason of each entry, of one text for all, a text for each, or a mapping from ids."""
    if isinstance(reasons, str):
        return [reasons] * len(entries)
    if isinstance(reasons, Mapping):
        return [reasons.get(entry.id, "") for entry in entries]
    return list(reasons)


def verifyChain(db, seals):
    """Check every transition against its neighbours and its seal, and every entry against its last transition.

    :param seals: of the installation that wrote them
    :returns: list of findings: ``outbox-tampered`` (reject), naming the first false transition or entry
    """
    number, seal = 0, ""
    for row in db.execute("SELECT * FROM transitions ORDER BY number"):
        if row["number"] != number + 1:
            return [_tampered(f"Transition {number + 1} is missing: it was removed or moved")]
        if row["seal"] != sealOf(seals, row, seal):
            return [_tampered(f"Transition {row['number']} (of entry {row['entry']}) has a false seal: it was changed")]
        number, seal = row["number"], row["seal"]
    return _headFault(db, seals, number, seal) or _entryFault(db) or _caseFault(db, seals)


def _headFault(db, seals, number, seal):
    head = db.execute("SELECT * FROM head").fetchone()
    if head is None:
        return [_tampered("The head of the transitions is missing")] if number else []
    if head["headSeal"] != headSealOf(seals, head["number"], head["seal"]):
        return [_tampered("The head of the transitions has a false seal: it was changed")]
    if (head["number"], head["seal"]) != (number, seal):
        return [_tampered(f"There are {number} transitions; the head covers {head['number']}: the last were changed")]
    return []


def _entryFault(db):
    last = "SELECT digest FROM transitions WHERE entry = entries.id ORDER BY number DESC LIMIT 1"
    for row in db.execute(f"SELECT *, ({last}) AS lastDigest FROM entries ORDER BY id"):
        if row["lastDigest"] is None:
            return [_tampered(f"Entry {row['id']} was never queued by the suite: it was added")]
        if digestOf(row) != row["lastDigest"]:
            return [_tampered(f"Entry {row['id']} is not what its last transition left: it was changed")]
    gone = db.execute("SELECT MIN(entry) FROM transitions WHERE entry NOT IN (SELECT id FROM entries)").fetchone()[0]
    return [_tampered(f"Entry {gone} is missing: it was removed")] if gone else []


def _caseFault(db, seals):
    for row in db.execute("SELECT * FROM cases"):
        if row["seal"] != caseSealOf(seals, row["caseId"], row["entry"], row["caseFolder"]):
            return [_tampered(f"That entry {row['entry']} is of case {row['caseId']} was changed")]
    return []


def _tampered(words):
    return Finding(
        "outbox-tampered",
        "reject",
        f"{words}.",
        "Treat this workstation's register as tampered with: sync the cases again, and compare with the store.",
    )
