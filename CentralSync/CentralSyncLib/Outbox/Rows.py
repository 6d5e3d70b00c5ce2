"""What is asked of the outbox's table of entries."""

from .Entries import QUEUED
from .Schema import COLUMNS

# No back-off is longer: an entry that is due later than this was put back before the clock was.
LONGEST_WAIT_SECONDS = 24 * 3600
# SQLite takes so many values in one question everywhere.
MOST_VALUES = 500
OF_CASE = ("caseId", "caseFolder")


def rowFor(db, store, item):
    """Return the row of an item at a store, or None."""
    key = (store, item.sha256, item.sopInstanceUid)
    return db.execute("SELECT * FROM entries WHERE store = ? AND sha256 = ? AND sopInstanceUid = ?", key).fetchone()


def rowsOf(db, ids):
    """Return the rows with these ids that there are, in their order, each once."""
    ids = list(dict.fromkeys(ids))
    rows = {}
    for some in portions(ids):
        rows |= {row["id"]: row for row in db.execute(f"SELECT * FROM entries WHERE id IN ({_marks(some)})", some)}
    return [rows[one] for one in ids if one in rows]


def rowsWhere(db, store, caseId, states, ids):
    """Return the rows that meet all that is not None, in the order in which they were queued.

    Of a case are all that were ever queued for it, with the folder that it had then; another case may have them too.
    """
    source, conditions, values = "entries", [], []
    if caseId is not None:
        source = "cases JOIN entries ON entries.id = cases.entry"
        conditions.append("cases.caseId = ?")
        values.append(caseId)
    if store is not None:
        conditions.append("store = ?")
        values.append(store)
    if states is not None:
        states = [states] if isinstance(states, str) else states
        conditions.append(f"state IN ({_marks(states)})")
        values += states
    ofCase = OF_CASE if caseId is not None else ()
    columns = ", ".join(f"{'cases' if name in ofCase else 'entries'}.{name} AS {name}" for name in COLUMNS)
    rows = []
    for some in [None] if ids is None else portions(sorted(ids)):
        met = [*conditions, *([f"id IN ({_marks(some)})"] if some else [])]
        where = f"WHERE {' AND '.join(met)}" if met else ""
        rows += db.execute(f"SELECT {columns} FROM {source} {where} ORDER BY id", [*values, *(some or ())]).fetchall()
    return rows


def portions(values):
    """Return a list in pieces of as many as one question, or one transaction that others wait for, may take."""
    return [values[start : start + MOST_VALUES] for start in range(0, len(values), MOST_VALUES)]


def _marks(values):
    return ", ".join("?" * len(values))


def foldersOf(db, caseId):
    """Return entry's id → sealed folder, of all that were ever queued for a case."""
    return dict(tuple(row) for row in db.execute("SELECT entry, caseFolder FROM cases WHERE caseId = ?", (caseId,)))


def dueRows(db, store, now, limit, wanted=None):
    """Return up to ``limit`` queued rows of a store that are due, new ones first, then those that waited longest.

    A clock that was put back holds nothing up: due is also what was put back later than now, or waits longer than
    any back-off.

    :param wanted: a set of ids, only of which; None for all
    """
    if wanted is not None and len(wanted) <= 2 * limit:
        rows = [row for row in rowsOf(db, sorted(wanted)) if row["store"] == store and row["state"] == QUEUED]
        return sorted((row for row in rows if _isDue(row, now)), key=lambda row: (row["due"], row["id"]))[:limit]
    found = {}
    # Three questions, each answered from an index: what is not due costs nothing.
    for condition, order, value in (
        ("due <= ?", "due", now), ("due > ?", "due", now + LONGEST_WAIT_SECONDS), ("setAt > ?", "setAt", now)
    ):  # fmt: skip
        asked = f"SELECT * FROM entries WHERE store = ? AND state = 'queued' AND {condition} ORDER BY {order}, id"
        for row in db.execute(asked, (store, value)):
            if len(found) == limit:
                break
            if wanted is None or row["id"] in wanted:
                found.setdefault(row["id"], row)
    return list(found.values())


def _isDue(row, now):
    return row["due"] <= now or row["due"] > now + LONGEST_WAIT_SECONDS or row["setAt"] > now


def sumsOf(db, what, store):
    """Return state → what an aggregate comes to, of one store or all; answered from an index."""
    where, values = ("WHERE store = ?", (store,)) if store is not None else ("", ())
    rows = db.execute(f"SELECT state, {what} FROM entries {where} GROUP BY state", values)
    return dict(tuple(row) for row in rows)


def newestRow(db, store, state):
    """Return the row of a store that came into a state last, or None."""
    asked = "SELECT * FROM entries WHERE store = ? AND state = ? ORDER BY setAt DESC, id DESC LIMIT 1"
    return db.execute(asked, (store, state)).fetchone()


def standInRows(db, store):
    """Return the rows of a store that stand in for others, and those that they stand in for."""
    asked = "SELECT * FROM entries INDEXED BY entriesThatReplace WHERE replaces IS NOT NULL AND store = ?"
    rows = {row["id"]: row for row in db.execute(asked, (store,))}
    rows |= {row["id"]: row for row in rowsOf(db, [row["replaces"] for row in rows.values()])}
    return [rows[one] for one in sorted(rows)]


def hasArrivedSince(db, store, seconds):
    """Whether an entry was sent to a store and then verified, at or after a time, and has not changed since."""
    before = "SELECT before FROM transitions WHERE entry = entries.id ORDER BY number DESC LIMIT 1"
    verified = "SELECT 1 FROM entries WHERE store = ? AND state = 'verified' AND setAt >= ?"
    asked = f"{verified} AND ({before}) = 'sent' LIMIT 1"
    return db.execute(asked, (store, seconds)).fetchone() is not None


def distinct(db, column):
    """Return the different texts in an indexed column; how many rows have each does not matter."""
    found, text = [], ""
    while text is not None:
        text = db.execute(f"SELECT MIN({column}) FROM entries WHERE {column} > ?", (text,)).fetchone()[0]
        found.append(text)
    return found[:-1]


def isPaused(db, store):
    """Whether sending to a store, or to all, is paused; "" asks for all only."""
    return db.execute("SELECT 1 FROM pauses WHERE store IN ('', ?)", (store,)).fetchone() is not None
