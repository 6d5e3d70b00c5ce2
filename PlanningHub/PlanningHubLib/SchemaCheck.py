"""Documents that people write, held to a schema: where the fault is, and what."""

import importlib.resources
import json

TOP = "the top level"
_LONGEST = 200


def shippedSchema(name):
    """Return a JSON Schema of ``PlanningHubLib/Schemas`` by its file name."""
    return json.loads((importlib.resources.files(__package__) / "Schemas" / name).read_text("utf-8"))


def schemaFault(values, schema):
    """Return the gravest fault of values as (place, reason), such as ``("steps/2", "…")``; None where they fit.

    :param schema: JSON Schema, draft 2020-12; the place is ``TOP`` where no key has the fault
    """
    import jsonschema

    error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(schema).iter_errors(values))
    if error is None:
        return None
    return "/".join(str(step) for step in error.absolute_path) or TOP, error.message[:_LONGEST]


def inWords(where, fault):
    """Return a fault as ``where, place: reason``; without a place where it is at the top."""
    place, reason = fault
    return f"{where}: {reason}" if place == TOP else f"{where}, {place}: {reason}"
