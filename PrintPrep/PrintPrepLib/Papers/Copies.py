"""The copies of a part that its build lays on plates: each has its own number on the traveller and its own inspection.

A part of which one is made has no copies, and needs no number. Copies are numbered from 1 on, as in the build.
"""

from PlanningHubLib.Errors import UsageError

from ..PartRecords import isFor, partNumber

# Between a field's name and the number of the copy that an entry is about.
SIGN = "@"


def buildOf(case, part):
    """Return the newest current build that holds this very part, or None."""
    builds = [one for one in case.artefacts if one.kind == "build" and isFor(case, one, part)]
    return builds[-1] if builds else None


def copiesOf(case, part):
    """Return the numbers of a part's copies, ``[None]`` where one is made."""
    build = buildOf(case, part)
    count = build.parameters.get("copies", {}).get(part.id, 1) if build else 1
    return [None] if count < 2 else list(range(1, int(count) + 1))


def requireCopy(case, part, copy):
    """Check that a copy of a part is one that is made; it is stated where there are several.

    :raises UsageError: ``which-copy``: it is never guessed; ``no-such-copy``
    """
    known = copiesOf(case, part)
    if copy in known:
        return copy
    made = "one" if known == [None] else f"{len(known)} copies"
    action = "Leave the copy out." if known == [None] else f"State a copy from 1 to {len(known)}."
    if copy is None:
        raise UsageError("which-copy", f"The build has {made} of {partNumber(part)}.", action)
    raise UsageError("no-such-copy", f"The build has {made} of {partNumber(part)}, and no copy {copy}.", action)


def copyText(copy, count):
    """Return what a copy is called: empty for the only one."""
    return "" if copy is None else f"copy {copy} of {count}"
