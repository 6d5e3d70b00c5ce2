"""The cases below a folder, listed from what their ``case.json`` says, without reading their other files.

What was read of a ``case.json`` is kept in the settings folder, and read again only where that file's time, size or
place on the disk differ: so ten thousand cases list in under a second from the second time on. The list is for finding
a case; opening one checks it in full.
"""

import dataclasses
import json
import os
from pathlib import Path

from . import __version__
from .Case import Case
from .CaseFormat import FILE_NAME
from .Errors import PlanningError
from .Files import sha256Bytes, writeAside
from .LeadTime import estimate, visitDays
from .Progress import noProgress
from .Request import currentState
from .Secrets import homeFolder
from .Steps import firstUndone, stepStates

# Facts that are listed; another version of the suite reads them anew.
INDEX_FORMAT = f"1 {__version__}"
SORT_KEYS = ("name", "side", "procedure", "state", "urgency", "surgeryDate", "assignedTo", "department", "created")
URGENCY_ORDER = {"emergency": "0", "urgent": "1", "elective": "2"}


@dataclasses.dataclass(frozen=True)
class ListedCase:
    """One line of the case list. ``nextKind`` is the first step that has to be done, None where all are.

    ``request`` is the case's request or None, ``consents`` the scopes that stand, ``approvals`` how many stand.
    """

    folder: Path
    name: str
    side: str | None
    procedure: str | None
    states: dict
    created: str = ""
    request: dict | None = None
    consents: tuple = ()
    approvals: int = 0

    def __post_init__(self):
        object.__setattr__(self, "consents", tuple(self.consents))

    @property
    def nextKind(self):
        return firstUndone(self.states)

    @property
    def state(self):
        """The request's state, or None without a request."""
        return currentState(self.request)

    def value(self, key):
        """Return one of ``SORT_KEYS`` as text, empty where it is not stated."""
        if key in ("name", "side", "procedure", "state", "created"):
            return getattr(self, key) or ""
        return (self.request or {}).get(key) or ""

    @property
    def searchText(self):
        request = self.request or {}
        words = [request.get(key) for key in ("anatomy", "indication", "design", "department", "assignedTo", "urgency")]
        return " ".join(
            filter(None, [self.name, self.side, self.procedure, self.state, self.folder.name, *words])
        ).casefold()


def listCases(root, progress=noProgress, kept=None):
    """Return the cases directly below a folder, ordered by folder name; folders that hold none are left out.

    A case that cannot be read is listed with the reason as its name: it must not vanish from sight.

    :param kept: dictionary that a caller keeps between listings of one folder; a case that did not change is then the
        same object, and the index need not be read again
    """
    root = Path(root)
    if not root.is_dir():
        return []
    kept = {} if kept is None else kept
    entries = sorted(_entries(root))
    if len(entries) != len(kept) or any(name not in kept or kept[name].stamp != stamp for name, stamp in entries):
        _update(root, entries, kept, progress)
    return [kept[name].case for name, _stamp in entries]


@dataclasses.dataclass(frozen=True)
class Kept:
    """A listed case, the stamp of the ``case.json`` that it was read from, and its facts as the index keeps them."""

    stamp: list
    facts: dict
    case: ListedCase


def _update(root, entries, kept, progress):
    """Bring what is kept, and the index, up to date."""
    indexPath = homeFolder() / f"case-list-{sha256Bytes(str(root.absolute()).encode())[:16]}.json"
    older = dict(kept)
    known = {name: [one.stamp, one.facts] for name, one in older.items()} or _readIndex(indexPath)
    changed = len(entries) != len(known)
    kept.clear()
    for number, (name, stamp) in enumerate(entries):
        knownStamp, facts = known.get(name, (None, None))
        if knownStamp != stamp:
            progress(number / len(entries), name)
            facts, changed = _facts(root / name), True
        isSame = name in older and older[name].stamp == stamp
        kept[name] = older[name] if isSame else _kept(root / name, stamp, facts)
    if changed:
        _writeIndex(indexPath, {name: [one.stamp, one.facts] for name, one in kept.items()})


def _kept(folder, stamp, facts):
    try:
        return Kept(stamp, facts, _listed(folder, facts))
    except (TypeError, AttributeError):
        # The index holds something else than the suite writes.
        facts = _facts(folder)
        return Kept(stamp, facts, _listed(folder, facts))


def _entries(root):
    """Yield name and stamp of every folder that holds a case."""
    for entry in os.scandir(root):
        if not entry.name.startswith("."):
            try:
                status = os.stat(f"{entry.path}/{FILE_NAME}")
            except OSError:
                continue
            yield entry.name, [status.st_mtime_ns, status.st_size, status.st_ino]


def _facts(folder):
    try:
        try:
            return _factsOf(Case.glance(folder))
        except (KeyError, TypeError, ValueError, AttributeError):
            # Bound, but not what the suite writes: the schema says what is wrong.
            return _factsOf(Case.open(folder))
    except PlanningError as error:
        return {"name": f"[{error.code}]", "side": None, "procedure": None, "states": {"source": "damaged"}}


def _factsOf(case):
    governance = case.governance
    return {
        "name": case.name,
        "side": case.side,
        "procedure": case.procedure,
        "states": stepStates(case, readFiles=False),
        "created": case.created,
        "request": governance["request"],
        "consents": sorted({one["scope"] for one in governance["consents"] if not one["withdrawn"]}),
        "approvals": sum(one["voided"] is None for one in governance["approvals"]),
    }


def _listed(folder, facts):
    return ListedCase(folder, **facts)


def _readIndex(path):
    """Return name → [stamp, facts]; empty where there is no index, or one that cannot be used."""
    try:
        values = json.loads(path.read_bytes())
        cases = values["cases"] if values["format"] == INDEX_FORMAT else {}
        return {name: [stamp, facts] for name, (stamp, facts) in cases.items() if facts}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _writeIndex(path, index):
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        writeAside(path, json.dumps({"format": INDEX_FORMAT, "cases": index}).encode())
        path.chmod(0o600)
    except (OSError, PlanningError):
        # A list without an index is slower, not wrong.
        return


def findCases(cases, text="", sortBy="name", descending=False, **wanted):
    """Return the cases that match, sorted; those that do not state the sort key come last either way.

    :param text: words that all stand somewhere in name, side, procedure, state, folder or request; case is ignored
    :param wanted: ``SORT_KEYS`` → the value that they must have
    :raises KeyError: for a key that is none of ``SORT_KEYS``
    """
    for key in (sortBy, *wanted):
        if key not in SORT_KEYS:
            raise KeyError(key)
    words = text.casefold().split()
    found = [
        case
        for case in cases
        if all(case.value(key).casefold() == value.casefold() for key, value in wanted.items())
        and (not words or all(word in case.searchText for word in words))
    ]
    stated = [case for case in found if case.value(sortBy)]
    stated.sort(key=lambda case: _sortValue(case, sortBy), reverse=descending)
    return stated + [case for case in found if not case.value(sortBy)]


def _sortValue(case, key):
    value = case.value(key)
    return (URGENCY_ORDER.get(value, value) if key == "urgency" else value.casefold(), case.name)


def siteVisits(cases):
    """Return the finished visits to each state over all listed cases, for :func:`PlanningHubLib.LeadTime.estimate`."""
    return visitDays(case.request for case in cases)


def leadTime(case, cases, now=None):
    """Return the lead-time estimate of one listed case from the clocks of all."""
    return estimate(case.request, siteVisits(cases), now)
