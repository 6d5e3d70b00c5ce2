"""All operations that a plan may be made of. A new one is a module with an ``OPERATIONS`` tuple, named here."""

from . import (
    AnatomicalFrames,
    Combine,
    Cuts,
    DrillGuides,
    Guides,
    Implant,
    Margins,
    Measurements,
    Mirror,
    Moving,
    Placing,
    Symmetry,
    Trajectories,
)

MODULES = (
    Placing, Symmetry, Mirror, Implant, Cuts, Combine, Moving, Guides, DrillGuides, AnatomicalFrames, Measurements,
    Trajectories, Margins,
)  # fmt: skip


def operations():
    """Return name → :class:`PlanningHubLib.Planning.Operation.Operation`, in the order in which pages offer them."""
    return {operation.do: operation for module in MODULES for operation in module.OPERATIONS}
