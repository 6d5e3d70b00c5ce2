"""Changing a plan by hand: the fields of a step, steps added, moved and removed, and a start from a procedure.

A *draft* is the document of a plan whose steps may still lack parameters. Each function returns a new draft.
"""

import copy
import dataclasses

from ..Errors import InputRefused
from .Document import OWN_KEYS, checked, newDocument
from .Figures import unitOf, words
from .Operations import operations

OBJECT, OBJECTS, CHOICE, NUMBER, SWITCH, POINT, POINTS, TEXT, JSON = (
    "object", "objects", "choice", "number", "switch", "point", "points", "text", "json",
)  # fmt: skip
PLACED = ("points", "line", "curve", "plane", "placement")
LARGEST = 1e6


@dataclasses.dataclass(frozen=True)
class Field:
    """One parameter of a step as a page asks for it.

    :param kind: one of the kinds above; ``json`` is what only a text of JSON can say
    :param unit: of a number, with a space before it where it needs one; ``decimals`` that it is shown with, 0 for a
        whole number
    :param objectKinds: which objects an ``object`` or ``objects`` may be
    :param isPosition: a point that can be shown in the views, not a direction
    :param default: None where there is none
    """

    key: str
    title: str
    description: str
    kind: str
    required: bool
    default: object = None
    unit: str = ""
    decimals: int = 2
    minimum: float = -LARGEST
    maximum: float = LARGEST
    choices: tuple = ()
    objectKinds: tuple = ()
    isPosition: bool = False


def fieldsOf(do):
    """Return the :class:`Field` of each parameter of an operation, the required ones first."""
    operation = operations()[do]
    fields = [fieldOf(key, schema, key in operation.required) for key, schema in operation.parameters.items()]
    return sorted(fields, key=lambda field: not field.required)


def fieldOf(key, schema, required):
    """Return the :class:`Field` of one parameter from its JSON Schema."""
    unit, decimals = unitOf(key)
    decimals = 0 if schema.get("type") == "integer" else max(decimals or 2, 2)
    kinds = schema.get("x-object", ())
    return Field(
        key, schema.get("title") or words(key).capitalize(), schema.get("description", ""), _kind(schema), required,
        copy.deepcopy(schema.get("default")), unit, decimals,
        schema.get("minimum", schema.get("exclusiveMinimum", -LARGEST)),
        schema.get("maximum", schema.get("exclusiveMaximum", LARGEST)),
        tuple(schema.get("enum", ())), (kinds,) if isinstance(kinds, str) else tuple(kinds),
        schema.get("x-point") in ("position", "positions"),
    )  # fmt: skip


def _kind(schema):
    if schema.get("x-object"):
        return OBJECTS if schema.get("type") == "array" else OBJECT
    if "enum" in schema:
        return CHOICE
    if schema.get("x-point") == "positions":
        return POINTS
    if schema.get("type") == "array":
        return POINT if schema.get("maxItems") == 3 and schema.get("minItems") == 3 else JSON
    return {"number": NUMBER, "integer": NUMBER, "boolean": SWITCH, "string": TEXT}.get(schema.get("type"), JSON)


def startedFrom(procedure, title, side=None, procedureText=None, track=None):
    """Return the draft that a procedure's template gives: its plan steps, risks and checklist.

    :param procedure: :class:`PlanningHubLib.Procedures.Procedure`
    :param procedureText: the procedure as the case states it
    :param track: :class:`PlanningHubLib.FastTrack.FastTrack`: its steps are left out, and the checklist says so first
    """
    values = procedure.values
    draft = newDocument(title, procedure=procedureText, side=side)
    leftOut = track.leavesOut if track else ()
    for step in values.get("planSteps", ()):
        if step["name"] in leftOut:
            continue
        given = {key: value for key, value in step.items() if key != "description"}
        draft["steps"].append({"comment": step.get("description", ""), **copy.deepcopy(given)})
    draft["risks"] = copy.deepcopy(list(values.get("risks", ())))
    checklist = [*([track.text] if track else ()), *values.get("checklist", ())]
    draft["checklist"] = [{"text": text, "done": False} for text in checklist]
    return draft


def newStep(draft, do):
    """Return a step of an operation with a name that the draft does not have yet, and all defaults."""
    defaults = {field.key: field.default for field in fieldsOf(do) if field.default is not None}
    return {"do": do, "name": freeName(draft, operations()[do].title), "comment": "", **defaults}


def freeName(draft, wanted):
    """Return a name that no step of the draft has: the wanted one, or that with a number."""
    names = {step["name"] for step in draft["steps"]}
    numbered = (f"{wanted} {number}" for number in range(2, len(names) + 3))
    return next(name for name in (wanted, *numbered) if name not in names)


def withStep(draft, step, after=None):
    """Return the draft with a step added after the one of a name, or at the end."""
    steps = list(draft["steps"])
    steps.insert(_index(draft, after) + 1 if after else len(steps), copy.deepcopy(step))
    return {**draft, "steps": steps}


def withoutStep(draft, name):
    """Return the draft without a step."""
    return {**draft, "steps": [step for step in draft["steps"] if step["name"] != name]}


def shifted(draft, name, by):
    """Return the draft with a step moved by so many places, as far as there are any."""
    steps = list(draft["steps"])
    index = _index(draft, name)
    step = steps.pop(index)
    steps.insert(max(0, min(index + by, len(steps))), step)
    return {**draft, "steps": steps}


def replaced(draft, name, step):
    """Return the draft with a step replaced; where that gives it another name, later steps use the new one.

    :raises InputRefused: ``name-taken``
    """
    if step["name"] != name and step["name"] in {one["name"] for one in draft["steps"]}:
        raise InputRefused("name-taken", f"There is a {step['name']} already.", "Choose another name for the step.")
    steps = [copy.deepcopy(step) if one["name"] == name else one for one in draft["steps"]]
    if step["name"] != name:
        steps = [_renamedIn(one, name, step["name"]) for one in steps]
    return {**draft, "steps": steps}


def _renamedIn(step, old, new):
    def renamed(value):
        if isinstance(value, list):
            return [renamed(one) for one in value]
        return new if value == old else value

    return {**step, **{key: renamed(step[key]) for key in _objectKeys(step) if key in step}}


def usersOf(draft, name):
    """Return the names of the steps that use what a step makes."""
    return [step["name"] for step in draft["steps"] if name in objectsUsedBy(step)]


def objectsUsedBy(step):
    """Return the names of the objects and segments that a step refers to, in their order."""
    values = [step.get(key) for key in _objectKeys(step)]
    return [name for value in values for name in (value if isinstance(value, list) else [value]) if name]


def segmentsOf(document):
    """Return the names that the steps of a plan use and none of them makes, in the order of their use: segments."""
    made = {step["name"] for step in document["steps"]}
    made |= {one["name"] for step in document["steps"] for one in step.get("fragments", ())}
    used = dict.fromkeys(name for step in document["steps"] for name in objectsUsedBy(step))
    return [name for name in used if name not in made]


def _objectKeys(step):
    operation = operations().get(step["do"])
    return [key for key, schema in operation.parameters.items() if "x-object" in schema] if operation else []


def problemOf(step):
    """Return in words what a step still lacks or has wrong, empty text where it can be carried out."""
    operation = operations().get(step["do"])
    if operation is None:
        return f"There is no operation {step['do']}."
    titles = {field.key: field.title for field in fieldsOf(step["do"])}
    missing = [titles[key] for key in operation.required if step.get(key) in (None, "", [])]
    if missing:
        return f"Still needs: {', '.join(missing)}."
    try:
        completed(step)
    except InputRefused as error:
        return error.message
    return ""


def completed(step):
    """Return a step as it counts, with every default.

    :raises InputRefused: ``bad-plan``
    """
    return checked({**newDocument("step"), "steps": [step]})["steps"][0]


def stillHolds(draft, document, results):
    """Return step name → its result, for the first steps of a draft that are as they were carried out.

    :param document: that was carried out; :param results: content of ``results.json``
    """
    given = {step["name"]: step for step in results["steps"]}
    found = {}
    for now, then in zip(draft["steps"], document["steps"], strict=False):
        if problemOf(now) or _plain(completed(now)) != _plain(then):
            break
        found[then["name"]] = given[then["name"]]
    return found


def _plain(step):
    return {key: value for key, value in step.items() if key != "comment"}


def offered(draft, segmentNames, results, before=None):
    """Return name → kind (None where it is not known yet) of what a step can refer to.

    These are the segments, and what the steps before it make.

    :param results: content of ``results.json`` of when the plan was carried out last, or None
    :param before: name of the step; None for one at the end
    """
    made = {step["name"]: step["objects"] for step in results["steps"]} if results else {}
    found = {name: "solid" for name in segmentNames}
    for step in draft["steps"]:
        if step["name"] == before:
            break
        if step["do"] in PLACED:
            found[step["name"]] = step["do"]
        elif step["name"] in made:
            found |= {name: results["objects"][name]["kind"] for name in made[step["name"]]}
        else:
            found[step["name"]] = None
    return found


def parametersOf(step):
    """Return the parameters of a step, without its name, operation and comment."""
    return {key: value for key, value in step.items() if key not in OWN_KEYS}


def _index(draft, name):
    return next(index for index, step in enumerate(draft["steps"]) if step["name"] == name)
