"""A recipe that is still being put together on a page: its steps may lack parameters, its object may not be there.

A draft is a dictionary with the keys of a recipe. Functions that change steps return new lists.
"""

import copy
import json

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Planning.Editing import fieldOf
from PlanningHubLib.Planning.Figures import valueText, words

from .PartSteps import steps as stepKinds
from .PartWork import SURFACE
from .Recipe import checked, newRecipe

HEAD = {"format": "planninghub-recipe", "version": 1}
LABEL_STEPS = ("label", "tag")
# They stand on the finished pieces.
MARKS = (*LABEL_STEPS, "qr")
UNITS, FRAMES = ("mm", "cm", "m", "inch"), ("LPS", "RAS")


def newDraft():
    """Return the draft that a page begins with: the first segment, labeled; nothing else is stated."""
    return {**draftOf(newRecipe()), "steps": withLabel([], True)}


def draftOf(recipe):
    """Return the draft of a recipe."""
    return {key: value for key, value in recipe.items() if key not in HEAD}


def recipeOf(draft):
    """Return the recipe of a draft.

    :raises InputRefused: ``bad-recipe``, saying where and what
    """
    problem = problemIn(draft["steps"])
    if problem:
        raise InputRefused("bad-recipe", problem, "Fill in the step, or remove it.")
    return checked({**HEAD, **draft})


def draftIn(text, caseId):
    """Return the draft that a text keeps for a case; a new one where it keeps none, or one of another case.

    What is stated of one patient's part is never taken over for another one's.
    """
    kept, new = keptIn(text, caseId), newDraft()
    isDraft = isinstance(kept, dict) and set(kept) == set(new) and isinstance(kept["steps"], list)
    isWhole = isDraft and all(isinstance(step, dict) and step.get("do") in stepKinds() for step in kept["steps"])
    return kept if isWhole else new


def keptIn(text, caseId):
    """Return what a text keeps for a case, None where it keeps nothing for it."""
    try:
        kept = json.loads(text)
        return kept["kept"] if kept["case"] == caseId else None
    except (ValueError, TypeError, KeyError):
        return None


def textOf(values, caseId):
    """Return the text that keeps something for a case."""
    return json.dumps({"case": caseId, "kept": values})


def offeredObjects(case):
    """Return the names of what a part of a case can be made of: the current plan's solids, and the segments."""
    plan, segmentation = case.latest("plan"), case.latest("segmentation")
    isPlanned = plan is not None and case.state(plan, readFiles=False) == "current"
    solids = list(plan.facts["solids"]) if isPlanned else []
    facts = segmentation.facts if segmentation else {}
    segments = list(facts.get("structures", {})) or [facts[key] for key in ("segment",) if key in facts]
    return solids, [name for name in segments if name not in solids]


# Steps


def fieldsOf(do):
    """Return the fields of each parameter of a step, the required ones first."""
    kind = stepKinds()[do]
    fields = [fieldOf(key, _plain(schema), key in kind.required) for key, schema in kind.parameters.items()]
    return sorted(fields, key=lambda field: not field.required)


def _plain(schema):
    """Return a schema whose type is one word: what may be null may be left out on a page."""
    kinds = schema.get("type")
    return {**schema, "type": kinds[0]} if isinstance(kinds, list) else schema


def withNewStep(steps, do, after=-1):
    """Return steps with one of a kind added behind the one of an index, as far as their order allows; and its index."""
    step = {"do": do, **{field.key: field.default for field in fieldsOf(do) if field.default is not None}}
    added = [*steps[: after + 1], step, *steps[after + 1 :]]
    added = sorted(added, key=_place)
    return copy.deepcopy(added), next(number for number, one in enumerate(added) if one is step)


def _place(step):
    """Return when a step's turn is: surfaces, then solids, then the split, then what stands on the pieces."""
    kind = stepKinds().get(step["do"])
    if kind is not None and kind.stage == SURFACE:
        return 0
    return {"split": 2}.get(step["do"], 3 if step["do"] in MARKS else 1)


def withoutStep(steps, index):
    """Return steps without the one of an index."""
    return [step for number, step in enumerate(steps) if number != index]


def shifted(steps, index, by):
    """Return steps with one moved by so many places, as far as there are any, and its new index."""
    moved, target = list(steps), max(0, min(index + by, len(steps) - 1))
    moved.insert(target, moved.pop(index))
    return moved, target


def replaced(steps, index, parameters):
    """Return steps with other parameters of one.

    :raises InputRefused: ``bad-recipe``, saying what it lacks
    """
    step = {"do": steps[index]["do"], **parameters}
    problem = problemOf(step, index + 1)
    if problem:
        raise InputRefused("bad-recipe", problem, "Correct it, and apply it again.")
    return [step if number == index else one for number, one in enumerate(steps)]


def isLabelled(steps):
    """Tell whether a step puts the part's identity on it in letters."""
    return any(step["do"] in LABEL_STEPS for step in steps)


def withLabel(steps, wanted):
    """Return steps with a label at the end, or without any."""
    if not wanted:
        return [step for step in steps if step["do"] not in LABEL_STEPS]
    return list(steps) if isLabelled(steps) else withNewStep(steps, "label", len(steps) - 1)[0]


def problemOf(step, number):
    """Return in words what a step, the one of that number, lacks or has wrong; empty text where it has all."""
    kind = stepKinds().get(step["do"])
    titles = {field.key: field.title for field in fieldsOf(step["do"])} if kind else {}
    missing = [title for key, title in titles.items() if key in kind.required and step.get(key) in (None, "", [])]
    if missing:
        return f"Step {number} ({kind.title}) still needs: {', '.join(missing)}."
    if step["do"] in ("union", "subtract") and not (step.get("object") or step.get("primitive")):
        return f"Step {number} ({kind.title}) still needs: an object of the case, or a primitive."
    try:
        checked({**HEAD, "steps": [step]})
    except InputRefused as error:
        return f"Step {number}: {error.message}"
    return ""


def problemIn(steps):
    """Return what the first incomplete step lacks; empty text where all can be carried out."""
    problems = (problemOf(step, number) for number, step in enumerate(steps, 1))
    return next((problem for problem in problems if problem), "")


def rowsOf(steps):
    """Return (title, parameters in words, problem) of each step."""
    return [(_title(step), _parameters(step), problemOf(step, number)) for number, step in enumerate(steps, 1)]


def _title(step):
    kind = stepKinds().get(step["do"])
    return kind.title if kind else step["do"]


def _parameters(step):
    given = {key: value for key, value in step.items() if key != "do" and value not in (False, None, "", [])}
    return ", ".join(f"{words(key)} {valueText(key, value)}" for key, value in given.items())
