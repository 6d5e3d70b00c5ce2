"""Which parts of a case belong together: those of one plan, or those that were made from segments without one."""


def partsTogether(case):
    """Return the parts that belong with the one made last, which is the last of them, and those that are stale.

    Of each part it is the newest revision. Files are not read.

    :returns: two lists of artefacts; both empty where the case has no part
    """
    newest = [one for one in case.artefacts if one.kind == "part" and case.graph.current(one.id) == one]
    if not newest:
        return [], []
    planId = planOf(case, newest[-1])
    together = [one for one in newest if planOf(case, one) == planId]
    states = case.states(together, readFiles=False)
    stale = [one for one, state in zip(together[:-1], states[:-1], strict=True) if state == "stale"]
    return [one for one in together if one not in stale], stale


def planOf(case, part):
    """Return the ID of the plan that a part was made from, or None."""
    return next((link.id for link in part.parents if case.graph.current(link.id).kind == "plan"), None)
