"""The steps of a case as a bar shows them: which are done, which are stale, which comes next."""

import functools

from .Errors import PlanningError
from .Procedures import findProcedure
from .Secrets import homeFolder

STEP_KINDS = ("source", "segmentation", "plan", "part", "package", "receipt")
PLAN, AFTER_PLAN = "plan", "part"
# What a case can do without, and did.
OPTIONAL = "optional"


def stepStates(case, readFiles=True):
    """Return kind → ``done``, ``stale``, ``damaged``, ``next``, ``open`` or ``optional``, in the order of the steps.

    The plan is among them where the case has one or its procedure has plan steps. No case is forced to have one: where
    the part was made without, the plan is ``optional``.

    :param readFiles: without it damage goes unseen, but a list of thousands of cases shows at once
    """
    made = {kind: artefact for kind in STEP_KINDS if (artefact := case.latest(kind))}
    stateOf = dict(zip(made, case.states(made.values(), readFiles), strict=True))
    states = {}
    for kind in STEP_KINDS:
        state = stateOf.get(kind, "open")
        states[kind] = "done" if state == "current" else state
    if PLAN not in made:
        if not _isPlanned(case.procedure, homeFolder()):
            del states[PLAN]
        elif AFTER_PLAN in made:
            states[PLAN] = OPTIONAL
    undone = firstUndone(states)
    if states.get(undone) == "open":
        states[undone] = "next"
    return states


def firstUndone(states):
    """Return the first kind of :func:`stepStates` that still has to be done, or None."""
    return next((kind for kind, state in states.items() if state not in ("done", OPTIONAL)), None)


# A list asks for thousands of cases of a few procedures.
@functools.lru_cache(maxsize=128)
def _isPlanned(procedure, _home):
    try:
        return bool(findProcedure(procedure)[0].values.get("planSteps"))
    except PlanningError:
        return False
