"""What a scene shows of a case's plans: the newest, or the one that is being edited in it."""

from ..Nodes import removeNodes
from .Plan import readObjects, readPlan, variants
from .Scene import draftOf, hidePlan, keptContent, planNode, planNodes, showPlan


def planToShow(case, session):
    """Return what :func:`showPlanToShow` needs; everything that may fail is read here.

    What is being edited in the scene stays as it is, and so does the variant that was opened there. Of a stale plan
    only what its steps place is shown, so that it can be carried out again.

    :returns: document, objects and content of a plan to be shown; None where the scene shows what it should
    """
    plans = variants(case)
    if draftOf(session.scene, case) is None:
        return _read(case, session, plans[-1]) if plans else None
    kept = keptContent(session.scene)
    if not kept:
        return None
    shown = next((one for one in plans if one.content == kept), None)
    if shown is None:
        return _read(case, session, plans[-1]) if plans else None
    lacks = set(shown.facts["solids"]) - set(planNodes(session.scene))
    isEdited = draftOf(session.scene, case) != readPlan(case, shown)[0]
    return _read(case, session, shown) if lacks and not case.graph.isStale(shown) and not isEdited else None


def showPlanToShow(case, session, found):
    """Show what :func:`planToShow` found, and take out of the scene what it should not show any more."""
    if found is not None:
        showPlan(session, case, *found)
    elif planNode(session.scene) is not None and draftOf(session.scene, case) is None:
        hidePlan(session.scene)
    else:
        _hideStale(case, session.scene)


def _read(case, session, plan):
    solids = not case.graph.isStale(plan)
    return readPlan(case, plan)[0], readObjects(case, session, plan, solids), plan.content


def _hideStale(case, scene):
    """Take the solids of a plan out of the scene whose segmentation has changed."""
    stale = {one.content for one in variants(case) if case.graph.isStale(one)}
    if keptContent(scene) in stale:
        removeNodes(scene, *[node for node in planNodes(scene).values() if node.IsA("vtkMRMLModelNode")])
