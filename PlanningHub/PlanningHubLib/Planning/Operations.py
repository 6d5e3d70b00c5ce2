"""All operations that a plan may be made of. A new one is a module with an ``OPERATIONS`` tuple, named here."""

from . import AnatomicalFrames, Combine, Cuts, Margins, Measurements, Mirror, Moving, Placing, Symmetry, Trajectories

MODULES = (Placing, Cuts, Combine, Moving, AnatomicalFrames, Measurements, Trajectories, Margins, Symmetry, Mirror)


def operations():
    """Return name → :class:`PlanningHubLib.Planning.Operation.Operation`, in the order in which pages offer them."""
    return {operation.do: operation for module in MODULES for operation in module.OPERATIONS}
