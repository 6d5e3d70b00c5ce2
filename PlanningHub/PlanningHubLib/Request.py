"""The request of a case: what is asked for, by when, who has it, and the clock of every state it passes through."""

import datetime
import functools
import importlib.resources
import json

from .Errors import GateRefused, UsageError
from .Locking import currentUser, utcNow

URGENCIES = ("elective", "urgent", "emergency")
DESIGNS = ("standard", "patient-specific")
FIELDS = (
    "procedure", "anatomy", "side", "indication", "design", "designReason", "department", "surgeryDate", "urgency",
)  # fmt: skip
DEFAULTS = {"indication": "", "designReason": "", "department": "", "surgeryDate": None, "urgency": "elective"}


@functools.cache
def states():
    """Return name → state, in their order, from ``RequestStates.json``."""
    text = importlib.resources.files(__package__).joinpath("RequestStates.json").read_text(encoding="utf-8")
    return {state["name"]: state for state in json.loads(text)["states"]}


def stateRequest(case, user=None, **fields):
    """State what is asked for, or change it; fields that are not given stay as they are.

    :param case: open for writing
    :param fields: of ``FIELDS``; ``surgeryDate`` as ISO date, ``designReason`` is needed for patient-specific ones
    :returns: the request as a dictionary
    :raises UsageError: ``unknown-field``, ``request-incomplete``, ``bad-surgery-date``, ``bad-governance``
    :raises GateRefused: ``other-side``, ``other-procedure``: a case's side and procedure never change
    """
    unknown = sorted(set(fields) - set(FIELDS))
    if unknown:
        raise UsageError("unknown-field", f"A request has no {', '.join(unknown)}.", f"Use {', '.join(FIELDS)}.")
    governance = case.governance
    who, now = user or currentUser(), utcNow()
    request = governance["request"] or {
        **DEFAULTS, "procedure": case.procedure, "side": case.side, "assignedTo": None, "who": who, "when": now,
        "states": [{"state": "requested", "entered": now, "left": None, "who": who, "note": ""}],
    }  # fmt: skip
    request |= fields
    _check(case, request)
    governance["request"] = request
    facts = {"side": case.side or request["side"], "procedure": case.procedure or request["procedure"]}
    case.changeGovernance(governance, "request-stated", {"fields": fields}, user, **facts)
    return request


def _check(case, request):
    missing = [name for name in ("procedure", "anatomy", "design") if not request.get(name)]
    if request.get("design") == "patient-specific" and not request["designReason"].strip():
        missing.append("designReason (why a standard device does not do)")
    if missing:
        raise UsageError("request-incomplete", f"The request does not say: {', '.join(missing)}.", "Add it.")
    if request["surgeryDate"] is not None:
        _day(request["surgeryDate"])
    for name in ("side", "procedure"):
        has = getattr(case, name)
        if has and str(request[name] or "").casefold() != has.casefold():
            raise GateRefused(
                f"other-{name}",
                f"Case {case.name} is for {name} {has}, the request for {request[name]}.",
                "Find out which is right; make a new case where the case is wrong.",
            )


def _day(text):
    try:
        day = datetime.date.fromisoformat(text)
    except (TypeError, ValueError):
        day = None
    if day is None or day.isoformat() != text:
        raise UsageError("bad-surgery-date", f"{text!r} is not a date.", "Give it as 2026-01-31.")
    return day


def requireRequest(case):
    """
    :raises GateRefused: ``no-request``
    """
    governance = case.governance
    if governance["request"] is None:
        raise GateRefused("no-request", f"Case {case.name} has no request.", "State the request first.")
    return governance


def moveTo(case, state, note="", user=None, now=None):
    """Move the request to another state: its clock stops, that of the new one starts.

    :param now: UTC as ISO text, for imported histories; by default the time now
    :raises UsageError: ``unknown-state``
    :raises GateRefused: ``no-request``, ``state-not-next``, ``clock-backwards``; ``not-approved`` for the state
        ``approved`` where no approval stands
    """
    governance = requireRequest(case)
    clock = governance["request"]["states"]
    current = clock[-1]
    if state not in states():
        raise UsageError("unknown-state", f"{state!r} is no state.", f"Use one of {', '.join(states())}.")
    if state not in states()[current["state"]]["next"]:
        following = ", ".join(states()[current["state"]]["next"]) or "nothing"
        raise GateRefused("state-not-next", f"After {current['state']} comes {following}, not {state}.", "")
    if state == "approved" and not any(one["voided"] is None for one in governance["approvals"]):
        raise GateRefused("not-approved", "No approval stands.", "Have it approved first.")
    now = now or utcNow()
    if now < current["entered"]:
        raise GateRefused("clock-backwards", f"{now} is before the state was entered.", "Check this machine's clock.")
    current["left"] = now
    clock.append({"state": state, "entered": now, "left": None, "who": user or currentUser(), "note": note})
    case.changeGovernance(governance, "request-moved", {"from": current["state"], "to": state, "note": note}, user)


def assign(case, person, user=None):
    """Say who has the request now; None for nobody.

    :raises GateRefused: ``no-request``
    """
    governance = requireRequest(case)
    governance["request"]["assignedTo"] = person
    case.changeGovernance(governance, "request-assigned", {"to": person}, user)


def currentState(request):
    """Return the name of the state that a request is in, or None without a request."""
    return request["states"][-1]["state"] if request else None
