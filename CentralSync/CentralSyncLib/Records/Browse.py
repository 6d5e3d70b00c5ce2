"""Which cases a store keeps: searched by patient pseudonym, procedure, date and type."""

import datetime

from PlanningHubLib.Artefacts import KINDS
from PlanningHubLib.Errors import UsageError
from PlanningHubLib.Progress import noProgress
from PlanningHubLib.Requirements import ensure

from .Kept import Wanted


def browse(source, patient="", procedure="", since=None, until=None, kind=None, progress=noProgress):
    """Return (list of :class:`.Kept.KeptCase`, newest first, and findings on records that cannot be read).

    :param source: :class:`.Kept.CaseSource`
    :param patient: pseudonym, patient's code, case name or case ID
    :param procedure: words that all stand in the procedure's name
    :param since: ISO date on or after which the case was made; ``until`` on or before which
    :param kind: kind of artefact that the case has
    :raises UsageError: ``bad-date``, ``unknown-kind``
    :raises StoreFailed: as the store's own trouble
    """
    ensure("CentralSyncLib")
    if kind is not None and kind not in KINDS:
        raise UsageError("unknown-kind", f"{kind!r} is not a kind of artefact.", f"Use one of {', '.join(KINDS)}.")
    wanted = Wanted(patient.strip(), procedure.strip(), _day(since), _day(until), kind)
    cases, findings = source.listCases(wanted, progress)
    return sorted(cases, key=lambda case: (case.created, case.name), reverse=True), findings


def _day(text):
    if text is None:
        return None
    try:
        return datetime.date.fromisoformat(text).isoformat()
    except ValueError:
        raise UsageError("bad-date", f"{text!r} is not a date.", "Give it as 2026-01-31.") from None
