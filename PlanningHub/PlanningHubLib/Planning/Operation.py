"""What an operation of a plan is: a name, the schema of its parameters, and the function that carries it out."""

import dataclasses
from collections.abc import Callable

from ..Errors import Finding

NAME = {"type": "string", "minLength": 1, "maxLength": 64, "pattern": r"^[^/\\\x00-\x1f]+$"}
POINT = {"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 3}
POINTS = {"type": "array", "items": POINT, "minItems": 1}
COLOR = {"type": "array", "items": {"type": "number", "minimum": 0, "maximum": 1}, "minItems": 3, "maxItems": 3}


@dataclasses.dataclass(frozen=True)
class Operation:
    """One kind of step.

    :param do: its name in a plan file
    :param title: its name on a page
    :param parameters: JSON Schema of its parameters: name → schema. ``title`` and ``description`` are shown on the
        page; a ``default`` is filled in where the plan says nothing, so every plan states what it was made with;
        ``x-object`` names what kind of object a text parameter refers to (``solid``, ``plane``, ``line``, ``points``,
        ``curve``, ``placement``), ``x-point`` that a point is in the plan's frame
    :param required: the parameters without which it cannot be done
    :param run: ``run(parameters, context, progress)`` → :class:`Result`; parameters are checked and complete, lengths
        in mm, points in RAS
    """

    do: str
    title: str
    parameters: dict
    required: tuple
    run: Callable


@dataclasses.dataclass(frozen=True)
class Result:
    """What a step gives.

    :param objects: of :mod:`PlanningHubLib.Planning.Objects`; their names must be new to the plan
    :param figures: name → number, text or list, with the unit in the name (``lengthMm``); rounded by whoever shows it
    :param tables: title → list of rows, each a dictionary, for what one figure cannot say
    :param findings: what a person has to know; ``reject`` stops the plan
    """

    objects: tuple = ()
    figures: dict = dataclasses.field(default_factory=dict)
    tables: dict = dataclasses.field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
