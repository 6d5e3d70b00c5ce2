"""A structure's method changed by hand: its steps, their fields, and the text that a scene keeps it in.

A method that is worked on is a *draft*: its steps may still lack parameters. Each function returns a new one.
"""

import copy
import json

from ..Errors import InputRefused
from ..Planning.Editing import fieldOf
from ..Planning.Figures import valueText, words
from .Methods import STEPS
from .Preview import parametersIn
from .Recipe import checkedStep

# What the page's slider and box can hold without changing it.
SLIDER_HU = (-1000, 3071)
MAXIMUM_CLOSING = 10


def kindOf(do):
    """Return the :class:`.Methods.Step` of a step, or None where there is no such step."""
    return next((kind for kind in STEPS if kind.do == do), None)


def fieldsOf(do):
    """Return the :class:`..Planning.Editing.Field` of each parameter of a step, the required ones first."""
    kind = kindOf(do)
    fields = [fieldOf(key, schema, key in kind.required) for key, schema in kind.parameters.items()] if kind else []
    return sorted(fields, key=lambda field: not field.required)


def withNewStep(method, do, after, structure):
    """Return a method (None for none) with a step of a kind added after the one of an index, -1 to begin with it.

    :param structure: whose method it is
    """
    step = {"do": do, **{field.key: field.default for field in fieldsOf(do) if field.default is not None}}
    if do == "separate":
        step["keep"] = structure
    steps = _steps(method)
    return {"steps": [*steps[: after + 1], step, *steps[after + 1 :]]}


def withoutStep(method, index):
    """Return a method without the step of an index."""
    return {"steps": [step for number, step in enumerate(_steps(method)) if number != index]}


def shifted(method, index, by):
    """Return a method with a step moved by so many places, as far as there are any, and the step's new index."""
    steps = _steps(method)
    target = max(0, min(index + by, len(steps) - 1))
    steps.insert(target, steps.pop(index))
    return {"steps": steps}, target


def replaced(method, index, parameters):
    """Return a method with other parameters of one step.

    :raises InputRefused: ``bad-method``, saying where and what
    """
    steps = _steps(method)
    step = {"do": steps[index]["do"], **parameters}
    problem = problemOf(step, index + 1)
    if problem:
        raise InputRefused("bad-method", problem, "Correct it, and apply it again.")
    steps[index] = step
    return {"steps": steps}


def problemOf(step, number):
    """Return in words what a step, the one of that number, lacks or has wrong; empty text where it has all."""
    kind = kindOf(step["do"])
    fields = {field.key: field.title for field in fieldsOf(step["do"])}
    missing = [title for key, title in fields.items() if key in kind.required and step.get(key) in (None, "", [])] \
        if kind else []  # fmt: skip
    if missing:
        return f"Step {number} ({kind.title}) still needs: {', '.join(missing)}."
    try:
        checkedStep(step, number)
    except InputRefused as error:
        return error.message
    return ""


def problemIn(method):
    """Return what the first incomplete step of a method lacks; empty text where it can be carried out."""
    problems = (problemOf(step, number + 1) for number, step in enumerate(_steps(method)))
    return next((problem for problem in problems if problem), "")


def rowsOf(method):
    """Return (title, parameters in words, problem) of each step of a method."""
    return [(_title(step), _parameters(step), problemOf(step, number + 1))
            for number, step in enumerate(_steps(method))]  # fmt: skip


def _title(step):
    kind = kindOf(step["do"])
    return kind.title if kind else step["do"]


def _parameters(step):
    given = {key: value for key, value in step.items() if key != "do" and value is not False}
    return ", ".join(f"{words(key)} {valueText(key, value)}" for key, value in given.items())


def controlsOf(method):
    """Return lowest intensity (HU), closing and its unit; None where the slider or the box cannot hold them."""
    thresholdHu, closing, unit = parametersIn(method)
    if thresholdHu is not None and not (SLIDER_HU[0] <= thresholdHu <= SLIDER_HU[1] and thresholdHu % 1 == 0):
        thresholdHu = None
    if closing is not None and (closing > MAXIMUM_CLOSING or round(closing, 1) != closing):
        closing = None
    return thresholdHu, closing, unit if closing is not None else None


def methodsIn(text, caseId):
    """Return structure → method as a text keeps them for a case; None where it is of another case, or empty.

    :raises InputRefused: ``bad-method``, where the text is none of these
    """
    if not text:
        return None
    try:
        kept = json.loads(text)
        methods = {name: {"steps": [{**step, "do": str(step["do"])} for step in method["steps"]]}
                   for name, method in kept["methods"].items()}  # fmt: skip
        return methods if kept["case"] == caseId else None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputRefused(
            "bad-method", "The methods that the scene holds cannot be read.", "Go back to the procedure's."
        ) from error


def textOf(methods, caseId):
    """Return the text that keeps structure → method for a case."""
    return json.dumps({"case": caseId, "methods": methods})


def _steps(method):
    return copy.deepcopy(method["steps"]) if method else []
