"""What a procedure's file must hold beyond its schema: names that fit together, limits in their order."""

from .Errors import InputRefused
from .Segmenting.Recipe import checkedMethod


def faultOf(values):
    """Return in words the first fault of a procedure's values that fit the schema, or None."""
    checks = (_approvals, _imaging, _names, _structures, _methods, _references, _tolerances, _coordinateSystem,
              _fastTrack)  # fmt: skip
    return next((fault for check in checks for fault in check(values)), None)


def _approvals(values):
    if _doubled(rule["kind"] for rule in values.get("approvals", ())):
        yield "two of its approvals are for one kind."


def _imaging(values):
    for key, limit in values["imaging"].items():
        for side, order in (("Above", 1), ("Below", -1)):
            warn, reject = limit.get(f"warn{side}"), limit.get(f"reject{side}")
            if warn is not None and reject is not None and order * reject < order * warn:
                yield f"{key} rejects before it warns."


def _names(values):
    for key in ("structures", "landmarks", "planSteps"):
        twice = _doubled(one["name"] for one in values.get(key, ()))
        if twice:
            yield f"two of its {key} are called {twice}."
    shared = sorted(namesIn(values, "structures") & namesIn(values, "planSteps"))
    if shared:
        yield f"a structure and a step of the plan are both called {shared[0]}."


def _structures(values):
    for structure in values.get("structures", ()):
        limits = structure.get("limits", {})
        if limits.get("minimumMl", 0) >= limits.get("maximumMl", float("inf")):
            yield f"the limits of {structure['name']} leave nothing between them."
    for limit in values.get("riskStructures", ()):
        if limit["warnMm"] < limit["minimumMm"]:
            yield f"{limit['structure']} is rejected before it is warned of."


def _methods(values):
    for structure in values.get("structures", ()):
        try:
            if structure["method"]:
                checkedMethod(structure["method"])
        except InputRefused as error:
            yield f"the method of {structure['name']}: {error.message}"


def _references(values):
    structures, steps = namesIn(values, "structures"), namesIn(values, "planSteps")
    named = [one["structure"] for one in values.get("riskStructures", ())]
    named += [one["structure"] for one in values.get("risks", ()) if "structure" in one]
    yield from (f"there is no structure {name}." for name in named if name not in structures)
    made = [one["object"] for one in values.get("deliverables", ()) if one["kind"] != "report"]
    yield from (f"nothing makes {name}." for name in made if name not in structures | steps)


def _tolerances(values):
    limits = {role: limit["value"] for role, limit in values.get("partToleranceMm", {}).items()}
    loosest = limits.get("model", float("inf"))
    yield from (f"its {role}s may lie farther off than its models." for role in limits if limits[role] > loosest)
    made = {one["kind"] for one in values.get("deliverables", ())} & {"implant", "guide"}
    yield from (f"it makes a {kind} without a tolerance." for kind in sorted(made - limits.keys()) if limits)


def _coordinateSystem(values):
    system = values.get("coordinateSystem")
    if system is None:
        return
    landmarks = namesIn(values, "landmarks")
    used = [*system["origin"], *(name for axis in system["axes"] for end in ("from", "to") for name in axis[end])]
    yield from (f"there is no landmark {name}." for name in used if name not in landmarks)
    if system["axes"][0]["axis"] == system["axes"][1]["axis"]:
        yield "both axes of its coordinate system are the same."


def _fastTrack(values):
    leftOut = set(values.get("fastTrack", {}).get("leavesOut", ()))
    steps = values.get("planSteps", ())
    yield from (f"there is no step {name} to leave out." for name in sorted(leftOut - namesIn(values, "planSteps")))
    for step in steps:
        used = leftOut & set(_texts(step)) if step["name"] not in leftOut else ()
        yield from (f"its fast track leaves out {name}, which {step['name']} needs." for name in sorted(used))


def _texts(value):
    """All texts in a step's values."""
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for one in inner for text in _texts(one)]


def namesIn(values, key):
    """Return the names of one of a procedure's lists."""
    return {one["name"] for one in values.get(key, ())}


def _doubled(names):
    names = list(names)
    return next((name for name in names if names.count(name) > 1), None)
