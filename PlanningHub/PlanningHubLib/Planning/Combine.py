"""The step that unites, subtracts or intersects solids."""

import functools
import operator

from ..Errors import Finding
from ..Shapes.Mesh import MM3_PER_ML
from .Operation import Operation, Result
from .Solids import derived, manifoldOf, meshOf, pieces

# Of the first solid's volume: below it, nothing was changed that single precision would show.
UNCHANGED = 1e-6


def combine(parameters, context, progress):
    """Make one solid of several.

    :raises InputRefused: ``nothing-left``
    """
    solids = [context.solid(name) for name in parameters["solids"]]
    manifolds = []
    for number, solid in enumerate(solids):
        progress(0.8 * number / len(solids), solid.name)
        manifolds.append(manifoldOf(solid))
    how = parameters["how"]
    mesh = meshOf(functools.reduce(_KERNEL[how], manifolds))
    made = derived(parameters["name"], mesh, solids, parameters["role"] or solids[0].role)
    volumesMl = [manifold.volume() / MM3_PER_ML for manifold in manifolds]
    found = len(pieces(mesh)[0])
    return Result((made,), {"volumeMl": mesh.volumeMl, "beforeMl": volumesMl[0], "pieces": found}, {},
                  tuple(_findings(how, solids, volumesMl, mesh.volumeMl, found)))  # fmt: skip


_KERNEL = {"union": operator.add, "difference": operator.sub, "intersection": operator.xor}


def _findings(how, solids, volumesMl, volumeMl, found):
    apart = {
        "union": abs(sum(volumesMl) - volumeMl) <= UNCHANGED * volumesMl[0],
        "difference": abs(volumesMl[0] - volumeMl) <= UNCHANGED * volumesMl[0],
        "intersection": False,
    }[how]
    if apart:
        others = ", ".join(solid.name for solid in solids[1:])
        yield Finding("no-overlap", "warn", f"{solids[0].name} does not overlap with {others}.",
                      "Check where they lie.")  # fmt: skip
    if found > 1:
        yield Finding("several-pieces", "warn", f"The result is in {found} pieces.")


OPERATIONS = (
    Operation(
        "combine", "Combine",
        {
            "how": {
                "enum": ["union", "difference", "intersection"], "default": "union", "title": "How",
                "description": "All of them, the first without the others, or what all share",
            },
            "solids": {
                "type": "array", "minItems": 2, "items": {"type": "string"}, "title": "Solids", "x-object": "solid",
                "description": "The first gives color and role",
            },
            "role": {
                "enum": ["", "anatomy", "fragment", "mirror", "implant", "guide", "margin"], "default": "",
                "title": "Role", "description": "What the result is; nothing for the role of the first",
            },
        },
        ("solids",), combine,
    ),
)  # fmt: skip
