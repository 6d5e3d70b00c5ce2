"""Names of a plan's copy: each that a person gave is replaced by one of ours, the same wherever it stands."""

import re

from .Planning.Operations import operations
from .Procedures import findProcedure

# More digits might be a patient's number.
MOST_NUMBERS = 999


def wordsOf(procedure):
    """Return every text of a procedure that ships with the suite, which names nobody; of a site's own, none."""
    found, _findings = findProcedure(procedure)
    return frozenset(_texts(found.values)) if found.origin == "shipped" else frozenset()


def _texts(value):
    if isinstance(value, str):
        yield value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(one)


def namesOfPlan(document, results, segments, words):
    """Return name in the plan → name in its copy, one to one within steps and objects.

    A segment gets the name that it has in the copied segmentation; what the procedure's template calls so stays; all
    else gets the title of its operation and a number. Fragments that nobody named keep the number after their cut's.

    :param document, results: of the plan, as its files hold them
    :param segments: name of a segment → its name in the copy
    :param words: as :func:`wordsOf` returns them
    """
    given = dict(_given(document))
    for name, one in results["objects"].items():
        given.setdefault(name, one["kind"].capitalize())
    numbered = _numbered(document, results)
    kept = {*_placeNumbers(document), *(name for name in given if name in words)}
    names = {**{name: name for name in kept}, **segments}
    taken = {*names.values(), *(f"{names[step]} {end}" for step, end in numbered.values() if step in names)}
    for name, title in given.items():
        if name not in names and name not in numbered:
            names[name] = _free(title, taken)
            taken.add(names[name])
    for name, (step, end) in numbered.items():
        names.setdefault(name, f"{names[step]} {end}")
    return names


def _given(document):
    """Yield every name that a plan gives, and what it is in words; a step's own counts before a label of its text."""
    for step in document["steps"]:
        yield from ((label, "Landmark") for label in _labels(step))
    for step in document["steps"]:
        yield from ((one["name"], "Fragment") for one in step.get("fragments", ()))
    for step in document["steps"]:
        yield step["name"], operations()[step["do"]].title


def _labels(step):
    yield from step.get("labels", ())
    definition = step.get("definition") or {}
    yield from definition.get("origin", ())
    for axis in definition.get("axes", ()):
        yield from (*axis["from"], *axis["to"])


def _placeNumbers(document):
    """Return the names that points have by their place alone."""
    counts = (len(step["points"]) for step in document["steps"] if step["do"] == "points")
    return {str(number + 1) for number in range(min(max(counts, default=0), MOST_NUMBERS))}


def _numbered(document, results):
    """Return object → (step, number) of the fragments that a cut numbered itself."""
    named = {name for name, _what in _given(document)}
    found = {}
    for step in results["steps"]:
        for name in step["objects"]:
            end = name.removeprefix(f"{step['name']} ")
            if name not in named and end != name and re.fullmatch(r"\d{1,4}", end):
                found[name] = (step["name"], end)
    return found


def _free(title, taken):
    return next(name for number in range(1, len(taken) + 2) if (name := f"{title} {number}") not in taken)
