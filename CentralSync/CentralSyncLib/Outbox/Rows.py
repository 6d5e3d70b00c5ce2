"""What is asked of the outbox's table of entries."""

from .Entries import QUEUED

# No back-off is longer: an entry that is due later than this was put back before the clock was.
LONGEST_WAIT_SECONDS = 24 * 3600
# SQLite takes so many values in one question everywhere.
MOST_VALUES = 500


def rowFor(db, store, item):
    """Return the row of an item at a store, or None."""
    key = (store, item.sha256, item.sopInstanceUid)
    return db.execute("SELECT * FROM entries WHERE store = ? AND sha256 = ? AND sopInstanceUid = ?", key).fetchone()


def rowsOf(db, ids):
    """Return the rows with these ids that there are, in their order, each once."""
    ids = list(dict.fromkeys(ids))
    rows = {}
    for start in range(0, len(ids), MOST_VALUES):
        some = ids[start : start + MOST_VALUES]
        marks = ", ".join("?" * len(some))
        rows |= {row["id"]: row for row in db.execute(f"SELECT * FROM entries WHERE id IN ({marks})", some)}
    return [rows[one] for one in ids if one in rows]


def rowsWhere(db, store, caseId, states, ids):
    """Return the rows that meet all that is not None, in the order in which they were queued."""
    states = [states] if isinstance(states, str) else states
    if ids is not None:
        return [row for row in rowsOf(db, sorted(ids)) if _fits(row, store, caseId, states)]
    conditions, values = [], []
    for name, value in (("store", store), ("caseId", caseId)):
        if value is not None:
            conditions.append(f"{name} = ?")
            values.append(value)
    if states is not None:
        conditions.append(f"state IN ({', '.join('?' * len(states))})")
        values += states
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    return db.execute(f"SELECT * FROM entries {where} ORDER BY id", values).fetchall()


def _fits(row, store, caseId, states):
    return (
        (store is None or row["store"] == store)
        and (caseId is None or row["caseId"] == caseId)
        and (states is None or row["state"] in states)
    )


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
