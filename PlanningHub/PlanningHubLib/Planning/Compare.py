"""The variants of a case's plan side by side: what each of their steps figures. Nothing is ranked."""

from .Plan import readPlan, variants

# Figures of a step that are lists, such as places, say nothing side by side.
_COMPARABLE = (int, float, str)


def compareVariants(case):
    """Return the newest revision of each plan of a case, side by side.

    :returns: dictionary of ``variants`` (each ``id``, ``title``, ``revision``, ``state``, ``intendedUse`` and
        its ``warnings``) and ``rows`` (each ``step``, ``do``, ``figure`` and ``values``, one for each variant; None
        where a variant has no such step or figure). Volumes of solids are rows whose ``do`` is ``solid``
    """
    plans = variants(case)
    read = [readPlan(case, plan) for plan in plans]
    columns = [_figures(document, results) for document, results in read]
    keys = dict.fromkeys(key for column in columns for key in column)
    return {
        "variants": [
            {
                "id": plan.id,
                "title": plan.title,
                "revision": plan.revision,
                "state": case.state(plan),
                "intendedUse": document["intendedUse"],
                "warnings": [
                    f"{step['name']}: {finding['message']}"
                    for step in results["steps"]
                    for finding in step["findings"]
                    if finding["severity"] == "warn"
                ],
            }
            for plan, (document, results) in zip(plans, read, strict=True)
        ],
        "rows": [
            {"step": step, "do": do, "figure": figure, "values": [column.get((step, do, figure)) for column in columns]}
            for step, do, figure in keys
        ],
    }


def _figures(document, results):
    """Return (step, do, figure) → value of one plan."""
    does = {step["name"]: step["do"] for step in document["steps"]}
    found = {}
    for step in results["steps"]:
        for figure, value in step["figures"].items():
            if isinstance(value, _COMPARABLE):
                found[step["name"], does[step["name"]], figure] = value
    for name, thing in results["objects"].items():
        if thing["kind"] == "solid":
            found[name, "solid", "volumeMl"] = thing["volumeMl"]
    return found
