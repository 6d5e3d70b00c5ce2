"""The fast track of a procedure: what a plan for an urgent request leaves out, and how long its states take.

A template offers one in ``fastTrack``; the request's urgency chooses it. It never leaves out consent, side, the verdict
on the images, a person's review or an approval: only steps of the plan that the template names.
"""

import dataclasses

from .Errors import Finding
from .Procedures import findProcedure

URGENT = ("urgent", "emergency")


@dataclasses.dataclass(frozen=True)
class FastTrack:
    """What is left out of the plan (names of steps) and typical days of states, for a request of an urgency.

    :param source: where the rule comes from, in words
    """

    urgency: str
    leavesOut: tuple
    typicalDays: dict
    source: str

    @property
    def text(self):
        """What it means, in a sentence."""
        return f"FAST TRACK ({self.urgency}): the plan leaves out {', '.join(self.leavesOut) or 'nothing'}."

    def asDict(self):
        return {"urgency": self.urgency, "leaves_out": list(self.leavesOut), "source": self.source}


def fastTrackOf(request):
    """Return the :class:`FastTrack` of a request; None for an elective one, or where its procedure offers none."""
    if not request or request.get("urgency") not in URGENT:
        return None
    offered = findProcedure(request.get("procedure"))[0].values.get("fastTrack")
    if offered is None:
        return None
    return FastTrack(request["urgency"], tuple(offered["leavesOut"]), offered["typicalDays"], offered["source"])


def fastTrackFindings(request, document):
    """Return what a person has to know of a plan's document: which steps the fast track left out of it."""
    track = fastTrackOf(request)
    missing = sorted(set(track.leavesOut) - {step["name"] for step in document["steps"]}) if track else ()
    if not missing:
        return ()
    message = f"FAST TRACK ({track.urgency}): the plan was made without {', '.join(missing)}."
    return (Finding("fast-track", "warn", message, "Decide whether the operation can go on without."),)
