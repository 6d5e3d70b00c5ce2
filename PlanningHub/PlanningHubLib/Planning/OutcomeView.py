"""The outcomes of a case: which there are, whether they still hold, what each says, and copies of its files."""

import json

from .. import Consent
from ..Errors import GateRefused, UsageError
from ..Files import writeAside
from .Outcome import REPORT_FILE, RESULT_FILE, TABLE_FILE
from .Plan import readPlan

FILE_OF_SUFFIX = {".pdf": REPORT_FILE, ".csv": TABLE_FILE}


def outcomes(case):
    """Return all outcomes of a case, the one made last first."""
    return [one for one in reversed(case.artefacts) if one.kind == "outcome"]


def outcomeStates(case, readFiles=True):
    """Return (outcome, ``current``, ``stale`` or ``damaged``) of each outcome, the one made last first."""
    listed = outcomes(case)
    return list(zip(listed, case.states(listed, readFiles), strict=True))


def outcomeLines(case):
    """Return what is said of each outcome: id, revision, title, state, who, when, and the counts of what was found."""
    return [
        {"id": one.id, "revision": one.revision, "title": one.title, "state": state, "who": one.who, "when": one.when,
         "found": sum(one.facts["found"].values()), "notFound": len(one.facts["notFound"])}
        for one, state in outcomeStates(case)
    ]  # fmt: skip


def readOutcome(case, artefact):
    """Return an outcome's values and the objects of the plan that it was compared with, as they were described then.

    :returns: the values of ``outcome.json``; name → description, RAS mm
    """
    values = json.loads(case.path(artefact, RESULT_FILE).read_bytes())
    return values, _objectsOf(case, planOf(case, artefact))


def planOf(case, artefact):
    """Return the plan's artefact that an outcome was compared with."""
    (link,) = artefact.parents
    return [one for one in case.artefacts if one.link == link][-1]


def registrable(case):
    """Return the names of what an outcome of the case's plan can be registered on: segments and planned solids.

    Nothing that the plan moves, adds or removes lies where the scan shows it: that is left out. Empty without a plan.
    """
    plan, segmentation = case.latest("plan"), case.latest("segmentation")
    if plan is None or segmentation is None:
        return []
    solids = [name for name, one in _objectsOf(case, plan).items() if one["kind"] == "solid" and _stays(one)]
    segments = list(segmentation.facts.get("structures", {}))
    return list(dict.fromkeys([*segments, *solids]))


def _objectsOf(case, plan):
    return {} if case.damagedFiles(plan) else readPlan(case, plan)[1]["objects"]


def _stays(described):
    return described["role"] in ("anatomy", "fragment") and not described["moved"] and not described["mirrored"]


def wholePath(case, artefact, name):
    """Return the path of one of an outcome's files, which is as it was made; the outcome may be stale.

    :raises GateRefused: ``damaged-outcome``
    """
    if case.damagedFiles(artefact):
        raise GateRefused(
            "damaged-outcome", f"{artefact.title} was changed outside the suite.", "Compare again.",
            [case.path(artefact, name)],
        )  # fmt: skip
    return case.path(artefact, name)


def saveCopy(case, artefact, path):
    """Write an outcome's report (``.pdf``) or table (``.csv``) to a file; return its path.

    :raises UsageError: ``bad-suffix``
    :param case: open for writing
    :raises GateRefused: ``damaged-outcome``, ``no-consent``
    :raises InputRefused: ``disk-full``, ``cannot-write``
    """
    name = FILE_OF_SUFFIX.get(path.suffix.lower())
    if name is None:
        raise UsageError("bad-suffix", f"{path.name} is neither a .pdf nor a .csv.", "Name the file so.")
    data = wholePath(case, artefact, name).read_bytes()
    Consent.release(case, "outcome-report", f"file {path.absolute()}", [artefact])
    writeAside(path, data)
    return path
