"""The document of a plan: read, checked, every default filled in, and always in RAS mm.

``steps`` is a list of dictionaries: ``do`` names an operation, ``name`` what comes of it, the rest are its parameters.
"""

import copy
import json
import math

import numpy

from ..Errors import InputRefused
from ..SchemaCheck import inWords, schemaFault, shippedSchema
from .Operations import operations

OWN_KEYS = {"do", "name", "comment"}
INTENDED_USES = ("planning", "education", "quality")
# A nanometre: below what any step can show, above what a text of a number can lose.
DECIMALS = 6
_TO_RAS = numpy.diag([-1.0, -1.0, 1.0, 1.0])


def newDocument(title, intendedUse="planning", procedure=None, side=None):
    """Return the document of a plan without steps."""
    return {
        "format": "planninghub-plan", "version": 1, "title": title, "frame": "RAS", "intendedUse": intendedUse,
        "procedure": procedure, "side": side, "frameOfReferenceUid": None, "note": "", "steps": [],
        "checklist": [], "risks": [],
    }  # fmt: skip


def readDocument(path):
    """Read a plan file.

    :raises InputRefused: ``cannot-read``, ``bad-plan``
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise InputRefused("cannot-read", f"{path} cannot be read: {error.strerror}.", "", [path]) from error
    try:
        values = json.loads(text)
    except ValueError as error:
        raise InputRefused("bad-plan", f"{path} is no JSON: {error}.", "Correct the file.", [path]) from error
    return checked(values)


def checked(values):
    """Return a document as it counts: checked, complete, in RAS, its numbers rounded to a nanometre.

    Checking what is checked already changes nothing.

    :raises InputRefused: ``bad-plan``, saying where and what
    """
    _validate(values, shippedSchema("plan-1.schema.json"), "the plan")
    document = {**newDocument(values["title"]), **copy.deepcopy(values), "frame": "RAS"}
    document["steps"] = [_checkedStep(step, values["frame"]) for step in document["steps"]]
    names = [step["name"] for step in document["steps"]]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise _bad(f"two steps are called {twice[0]}", "Give each step a name of its own.")
    return document


def encode(values, inOrder=False):
    """Return the bytes of a plan's file; equal documents give equal bytes.

    :param inOrder: keep the order of the keys, for results, whose first figure is the one that counts most
    """
    text = json.dumps(values, indent=1, sort_keys=not inOrder, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


def _checkedStep(step, frame):
    operation = operations().get(step["do"])
    if operation is None:
        raise _bad(f"{step['name']} asks for {step['do']!r}", f"Use one of {', '.join(operations())}.")
    given = {key: value for key, value in step.items() if key not in OWN_KEYS}
    schema = {
        "type": "object", "properties": operation.parameters, "required": list(operation.required),
        "additionalProperties": False,
    }  # fmt: skip
    _validate(given, schema, f"step {step['name']} ({step['do']})")
    if frame == "LPS":
        given = _inRas(given, schema)
    return {
        "do": step["do"],
        "name": step["name"],
        "comment": step.get("comment", ""),
        **rounded(complete(given, schema)),
    }


def complete(value, schema):
    """Return a value with the defaults of its schema, also those of the objects in its lists."""
    if isinstance(value, list):
        return [complete(one, schema.get("items", {})) for one in value]
    if not isinstance(value, dict):
        return value
    properties = schema.get("properties", {})
    defaults = {key: copy.deepcopy(one["default"]) for key, one in properties.items() if "default" in one}
    return {**defaults, **{key: complete(one, properties.get(key, {})) for key, one in value.items()}}


def _inRas(value, schema):
    """Return a value of a plan in LPS as RAS; by what ``x-point`` of its schema says that it is."""
    point = schema.get("x-point")
    if point is None:
        if isinstance(value, dict):
            return {key: _inRas(one, schema.get("properties", {}).get(key, {})) for key, one in value.items()}
        return [_inRas(one, schema.get("items", {})) for one in value] if isinstance(value, list) else value
    if not value:
        return value
    if point == "matrix":
        return (_TO_RAS @ numpy.array(value, float).reshape(4, 4) @ _TO_RAS).reshape(-1).tolist()
    return (numpy.array(value, float) * (-1, -1, 1)).tolist()


def rounded(value):
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(one) for one in value]
    if isinstance(value, float):
        if not math.isfinite(value):
            raise _bad("a number is not finite", "")
        # Zero has no sign here, and a whole number may be written either way.
        return round(value, DECIMALS) + 0.0
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _validate(values, schema, where):
    fault = schemaFault(values, schema)
    if fault:
        raise _bad(f"in {inWords(where, fault)}", "Correct the plan file.")


def _bad(reason, action):
    return InputRefused("bad-plan", f"The plan cannot be used: {reason}.", action)
