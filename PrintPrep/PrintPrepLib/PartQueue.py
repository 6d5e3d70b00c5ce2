"""Several parts made one after the other: what goes wrong with one of them does not stop the others."""

from PlanningHubLib.Errors import PlanningError
from PlanningHubLib.Progress import noProgress, part

from .Part import makePart
from .PartRecords import partNumber

WAITING, MADE, FAILED = "waiting", "made", "failed"


def newEntry(recipe):
    """Return the entry of a recipe that waits for its turn."""
    return {"recipe": recipe, "state": WAITING, "text": ""}


def makeAll(case, session, entries, tell, progress=noProgress):
    """Make the parts that wait; those that were made or failed before are left alone.

    :param entries: as :func:`newEntry` makes them
    :param tell: ``tell(index, state, text)``, called as soon as a part is made (its number) or failed (why)
    :returns: the numbers of those made and of those that failed
    :raises Cancelled: the one under way waits again, those made are kept
    """
    waiting = [number for number, entry in enumerate(entries) if entry["state"] == WAITING]
    counts = {MADE: 0, FAILED: 0}
    for count, number in enumerate(waiting):
        share = part(progress, count / len(waiting), (count + 1) / len(waiting))
        try:
            made = makePart(case, session, entries[number]["recipe"], share)
            state, text = MADE, partNumber(made)
        except PlanningError as error:
            state, text = FAILED, str(error)
        counts[state] += 1
        tell(number, state, text)
    return counts[MADE], counts[FAILED]


def entryName(entry):
    """Return what a queued part is of."""
    recipe = entry["recipe"]
    if recipe["object"]:
        return recipe["object"]
    return recipe["model"]["file"].replace("\\", "/").rpartition("/")[2] if recipe["model"] else ""
