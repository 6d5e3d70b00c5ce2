"""The steps of a case as a bar shows them: which are done, which are stale, which comes next."""

# The plan becomes a step of the bar when planning arrives; the graph holds it already.
STEP_KINDS = ("source", "segmentation", "part", "package", "receipt")


def stepStates(case, readFiles=True):
    """Return kind → ``done``, ``stale``, ``damaged``, ``next`` or ``open``, in the order of the steps.

    :param readFiles: without it damage goes unseen, but a list of thousands of cases shows at once
    """
    made = {kind: artefact for kind in STEP_KINDS if (artefact := case.latest(kind))}
    stateOf = dict(zip(made, case.states(made.values(), readFiles), strict=True))
    states = {}
    for kind in STEP_KINDS:
        state = stateOf.get(kind, "open")
        states[kind] = "done" if state == "current" else state
    firstUndone = next((kind for kind, state in states.items() if state != "done"), None)
    if states.get(firstUndone) == "open":
        states[firstUndone] = "next"
    return states
