"""A structure's method, a list of steps, carried out on a CT."""

import copy
import dataclasses

import numpy

from ..Errors import Finding, InputRefused, PlanningError
from ..Progress import noProgress, part
from ..SchemaCheck import inWords, schemaFault
from .Grid import spacingOf, voxelMl
from .Methods import STEPS, Work
from .Resampling import maskOnGrid


def _stepSchema(step):
    return {
        "type": "object",
        "title": step.title,
        "properties": {"do": {"const": step.do}, **step.parameters},
        "required": ["do", *step.required],
        "additionalProperties": False,
    }


METHOD_SCHEMA = {
    "type": "object",
    "properties": {
        "steps": {"type": "array", "minItems": 1, "items": {"oneOf": [_stepSchema(step) for step in STEPS]}}
    },
    "required": ["steps"],
    "additionalProperties": False,
}


@dataclasses.dataclass(frozen=True, eq=False)
class Found:
    """What a method found.

    :param mask: array (slices, rows, columns) of 0 and 1
    :param figures: name → number with the unit in the name (``volumeMl``, ``thresholdHu``, ``metalMl``, ...)
    :param findings: what a person has to know
    """

    mask: numpy.ndarray
    figures: dict
    findings: tuple[Finding, ...]


def segmentStructure(voxelsHu, ijkToRas, method, seeds=None, others=None, progress=noProgress):
    """Return the mask of a structure: array (slices, rows, columns) of 0 and 1; as :func:`findStructure`."""
    return findStructure(voxelsHu, ijkToRas, method, seeds, others, progress).mask


def findStructure(voxelsHu, ijkToRas, method, seeds=None, others=None, progress=noProgress):
    """Carry out a method. Equal input gives equal voxels.

    :param voxelsHu: array (slices, rows, columns)
    :param ijkToRas: 4×4, (column, row, slice) to RAS mm
    :param method: dictionary of :data:`METHOD_SCHEMA`
    :param seeds: structure → points (n, 3) RAS mm that a person placed on it
    :param others: structure → mask that was found before
    :returns: :class:`Found`
    :raises InputRefused: ``bad-method``, ``empty-segment``, ``no-such-seed``, ``seed-outside``, ``seeds-in-air``,
        ``no-valley``, ... the message begins with the step
    """
    steps = checkedMethod(method)["steps"]
    kinds = {step.do: step for step in STEPS}
    work = Work(voxelsHu, numpy.asarray(ijkToRas, float), spacingOf(ijkToRas), dict(seeds or {}), dict(others or {}))
    for name, other in work.others.items():
        if other.shape != voxelsHu.shape:
            raise InputRefused("other-grid", f"{name} does not lie on the scan's voxels.", "Segment it again.")
    for number, step in enumerate(steps):
        kind = kinds[step["do"]]
        share = part(progress, number / len(steps), (number + 1) / len(steps))
        share(0.0, kind.title)
        _carryOut(kind, number + 1, work, step, share)
    mask = work.require()
    if "resampledMm" in work.figures:
        mask = maskOnGrid(mask, work.ijkToRas, voxelsHu.shape, ijkToRas)
        if not mask.any():
            raise InputRefused("empty-segment", "Of what was found no voxel of the scan is left.", "Resample finer.")
    progress(1.0, "Segmented")
    work.figures["volumeMl"] = int(numpy.count_nonzero(mask)) * voxelMl(spacingOf(ijkToRas))
    return Found(mask, work.figures, tuple(work.findings))


def _carryOut(kind, number, work, step, progress):
    try:
        kind.run(work, {key: value for key, value in step.items() if key != "do"}, progress)
        if work.mask is not None and not work.mask.any():
            raise InputRefused("empty-segment", "Nothing is left.", "Choose other limits, or check the series.")
    except PlanningError as error:
        text = f"Step {number} ({kind.title}): {error.message}"
        raise type(error)(error.code, text, error.action, error.files) from error


def checkedMethod(method):
    """Return a method with every default filled in.

    :raises InputRefused: ``bad-method``, saying where and what
    """
    steps = method.get("steps") if isinstance(method, dict) else None
    if not isinstance(steps, list) or not steps or set(method) != {"steps"}:
        raise InputRefused("bad-method", "A method is a list of steps.", 'Write it as {"steps": [...]}.')
    return {"steps": [checkedStep(step, number + 1) for number, step in enumerate(steps)]}


def checkedStep(step, number):
    """Return one step of a method, the one of that number, with every default; as :func:`checkedMethod`."""
    kinds = {kind.do: kind for kind in STEPS}
    kind = kinds.get(step.get("do")) if isinstance(step, dict) else None
    if kind is None:
        raise InputRefused("bad-method", f"Step {number} is no known step.", f"Use one of {', '.join(kinds)}.")
    fault = schemaFault(step, _stepSchema(kind))
    if fault:
        raise InputRefused("bad-method", inWords(f"Step {number} ({step['do']})", fault), "Correct the method.")
    if kind.do == "closing" and ("radiusMm" in step) == ("voxels" in step):
        raise InputRefused("bad-method", f"Step {number} (closing) needs either radiusMm or voxels.", "Give one.")
    defaults = {key: copy.deepcopy(one["default"]) for key, one in kind.parameters.items() if "default" in one}
    return {**defaults, **step}
