"""How long it will take until everything is ready, against the surgery date: a stated rule, or no estimate.

Rule: for the state that the request is in, its typical time less what has passed of it; for each later state on the
shortest way to ``delivered`` its typical time; added up. Typical is the median of the site's own finished visits to
the state where there are at least five, otherwise the default of ``RequestStates.json``, or of the procedure's fast
track where the request is on it. Elective, urgent and emergency cases are counted apart: one says nothing of the
other. Medians added up are not the median of the sum, and nothing here knows the case itself: so it is an estimate of
the ordinary case, no promise.
"""

import dataclasses
import datetime
import statistics

from .FastTrack import fastTrackOf
from .Request import DEFAULTS, currentState, states

FEWEST_VISITS = 5
SECONDS_PER_DAY = 86400.0


@dataclasses.dataclass(frozen=True)
class Estimate:
    """When everything will be ready (UTC), None where nothing honest can be said, with the reason.

    :param readyUtc: aware datetime or None
    :param marginDays: days from then until the surgery date begins (negative: too late), None without a date
    :param basis: for each state counted: name, days, and what they rest on
    :param reason: why there is no estimate; empty where there is one
    """

    readyUtc: datetime.datetime | None
    marginDays: float | None
    basis: tuple
    reason: str = ""

    @property
    def verdict(self):
        """``in-time``, ``too-late``, ``no-surgery-date`` or ``no-estimate``."""
        if self.readyUtc is None:
            return "no-estimate"
        if self.marginDays is None:
            return "no-surgery-date"
        return "in-time" if self.marginDays >= 0 else "too-late"

    def asDict(self):
        ready = self.readyUtc.strftime("%Y-%m-%dT%H:%M:%SZ") if self.readyUtc else None
        margin = None if self.marginDays is None else round(self.marginDays, 2)
        basis = [dict(zip(("state", "days", "from"), one, strict=True)) for one in self.basis]
        return {
            "verdict": self.verdict, "ready": ready, "margin_days": margin, "basis": basis, "reason": self.reason,
        }  # fmt: skip


def visitDays(requests):
    """Return (urgency, state) → days of every finished visit, from the clocks of other requests."""
    found = {}
    for request in filter(None, requests):
        for visit in request["states"]:
            if visit["left"]:
                days = (_time(visit["left"]) - _time(visit["entered"])).total_seconds() / SECONDS_PER_DAY
                found.setdefault((_urgencyOf(request), visit["state"]), []).append(days)
    return found


def timeInStates(request, now=None):
    """Return (state, days, visit) for every visit of a request to a state, oldest first; the last one still counts.

    :param now: aware datetime, by default the time now
    """
    now = now or datetime.datetime.now(datetime.UTC)
    found = []
    for visit in request["states"] if request else ():
        left = _time(visit["left"]) if visit["left"] else now
        seconds = max((left - _time(visit["entered"])).total_seconds(), 0)
        found.append((visit["state"], seconds / SECONDS_PER_DAY, visit))
    return found


def typicalDays(state, visits, urgency=DEFAULTS["urgency"], track=None):
    """Return the typical days of a state and what they rest on; (None, why) where nobody can say.

    :param track: :class:`PlanningHubLib.FastTrack.FastTrack` that the request is on, or None
    """
    own = visits.get((urgency, state), ())
    if len(own) >= FEWEST_VISITS:
        return statistics.median(own), f"median of {len(own)} finished here"
    if track and state in track.typicalDays:
        return track.typicalDays[state], "default of the fast track"
    default = states()[state]["typicalDays"]
    return default, "default" if default is not None else "not known beforehand"


def estimate(request, visits=None, now=None):
    """Return the :class:`Estimate` for a request.

    :param request: the case's request, or None
    :param visits: what :func:`visitDays` says of the site's finished cases
    :param now: aware datetime, by default the time now
    """
    now = now or datetime.datetime.now(datetime.UTC)
    if request is None:
        return Estimate(None, None, (), "There is no request.")
    name = currentState(request)
    if states()[name].get("ready") or states()[name].get("after"):
        return Estimate(None, None, (), f"Nothing is left to estimate: the request is {name}.")
    if states()[name].get("aside"):
        return Estimate(None, None, (), f"The request is {name}: nobody can say when it goes on.")
    basis, total, track = [], 0.0, fastTrackOf(request)
    for place, step in enumerate(_way(name)):
        days, source = typicalDays(step, visits or {}, _urgencyOf(request), track)
        if days is None:
            return Estimate(None, None, tuple(basis), f"How long {step} takes is not known.")
        if place == 0:
            spent = (now - _time(request["states"][-1]["entered"])).total_seconds() / SECONDS_PER_DAY
            if spent > days:
                why = f"{step} has taken {spent:.1f} days already, longer than its typical {days:.1f}."
                return Estimate(None, None, ((step, days, source),), why)
            days, source = days - max(spent, 0.0), f"{source}, less {max(spent, 0.0):.1f} days spent"
        basis.append((step, round(days, 3), source))
        total += days
    ready = now + datetime.timedelta(days=total)
    return Estimate(ready, _margin(request["surgeryDate"], ready), tuple(basis))


def _urgencyOf(request):
    return request.get("urgency", DEFAULTS["urgency"])


def _way(name):
    """The states from one on, in their order, up to the one before everything is ready."""
    order = [one for one, state in states().items() if not (state.get("aside") or state.get("after"))]
    return [one for one in order[order.index(name) :] if not states()[one].get("ready")]


def _margin(surgeryDate, ready):
    if surgeryDate is None:
        return None
    surgery = datetime.datetime.fromisoformat(surgeryDate).replace(tzinfo=datetime.UTC)
    return (surgery - ready).total_seconds() / SECONDS_PER_DAY


def _time(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.UTC)
