"""The steps that add another object or a simple body to a part, or take it away."""

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Shapes.Manifolds import fromManifold, toManifold
from PlanningHubLib.Shapes.Shells import shellVolumesMm3

from ..PartWork import SOLID, PartStep
from .StepShapes import PRIMITIVE, changed, onlyPiece, primitive, requirePrimitive

PARAMETERS = {
    "object": {"x-object": "solid", "type": ["string", "null"], "default": None, "title": "Another object of the case"},
    "primitive": {**PRIMITIVE, "title": "Or a box, cylinder or sphere"},
}


def _other(parameters, work):
    name, values = parameters["object"], parameters.get("primitive")
    if (name is None) is (values is None):
        raise InputRefused("which-object", "The step names no other body, or two.", "State object or primitive.")
    if values is None:
        return toManifold(work.others(name)), name
    requirePrimitive(values)
    return primitive(values), f"the {values['shape']}"


def _union(parameters, work, progress):
    mesh = onlyPiece(work, "A union").mesh
    other, name = _other(parameters, work)
    progress(0.3, f"Adding {name}")
    body = toManifold(mesh)
    if (body ^ other).is_empty():
        raise InputRefused("do-not-touch", f"The part and {name} do not touch.", "Check where they lie.")
    changed(work, body + other, "The union")
    _keep(work, other, mesh, name, "union")


def _subtract(parameters, work, progress):
    mesh = onlyPiece(work, "A difference").mesh
    other, name = _other(parameters, work)
    progress(0.3, f"Taking {name} away")
    changed(work, toManifold(mesh) - other, "The difference")
    _keep(work, other, mesh, name, "subtract")


def _keep(work, other, before, name, do):
    work.intended.append(fromManifold(other))
    after = work.pieces[0].mesh
    work.facts.setdefault(do, []).append(
        {
            "with": name,
            "changeMl": round(after.volumeMl - before.volumeMl, 4),
            "pieces": int((shellVolumesMm3(after)[0] > 0).sum()),
        }
    )


STEPS = (
    PartStep("union", "Add a body", SOLID, PARAMETERS, (), _union),
    PartStep("subtract", "Take a body away", SOLID, PARAMETERS, (), _subtract),
)
