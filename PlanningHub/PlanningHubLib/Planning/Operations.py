"""All operations that a plan may be made of. A new one is a module with an ``OPERATIONS`` tuple, named here."""

from . import Implant, Mirror, Placing, Symmetry

MODULES = (Placing, Symmetry, Mirror, Implant)


def operations():
    """Return name → :class:`PlanningHubLib.Planning.Operation.Operation`, in the order in which pages offer them."""
    return {operation.do: operation for module in MODULES for operation in module.OPERATIONS}
