"""All steps that a recipe may be made of. A new one is a module with a ``STEPS`` tuple, named here."""

from .Steps import Bases, Combining, Hollowing, Labelling, Offsetting, Repairing, Smoothing, Splitting

MODULES = (Repairing, Smoothing, Combining, Offsetting, Hollowing, Bases, Splitting, Labelling)


def steps():
    """Return name → :class:`PrintPrepLib.PartWork.PartStep`, in the order in which pages offer them."""
    return {step.do: step for module in MODULES for step in module.STEPS}
