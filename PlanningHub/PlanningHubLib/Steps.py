"""The steps of a case as a bar shows them: which are done, which are stale, which comes next."""

# The plan becomes a step of the bar when planning arrives; the graph holds it already.
STEP_KINDS = ("source", "segmentation", "part", "package", "receipt")


def stepStates(case, readFiles=True):
    """Return kind → ``done``, ``stale``, ``damaged``, ``next`` or ``open``, in the order of the steps.

    :param readFiles: without it damage goes unseen, but a list of thousands of cases shows at once
    """
    states, nextFound = {}, False
    for kind in STEP_KINDS:
        artefact = case.latest(kind)
        state = case.state(artefact, readFiles) if artefact else "open"
        if state == "current":
            states[kind] = "done"
        elif state == "open" and not nextFound:
            states[kind] = "next"
        else:
            states[kind] = state
        nextFound = nextFound or state != "current"
    return states
