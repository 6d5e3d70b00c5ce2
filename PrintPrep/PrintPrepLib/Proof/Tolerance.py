"""How far a part may lie from what it was made from: as the recipe states, else as the procedure does for its role."""

import dataclasses

from PlanningHubLib.Procedures import findProcedure

from ..Shape import FITTING_ROLES

# What is neither implant nor guide is looked at and held in the hand.
MODEL = "model"


@dataclasses.dataclass(frozen=True)
class Tolerance:
    """A largest distance in mm and who says so."""

    mm: float
    source: str


def toleranceOf(case, recipe, role):
    """Return the :class:`Tolerance` of a part, None where neither recipe nor procedure states one.

    :param recipe: as :func:`PrintPrepLib.Recipe.checked` returns it
    :param role: of the object that the part is made from, as in its flags
    :raises InputRefused: ``bad-procedure``, ``cannot-read``
    """
    if recipe["toleranceMm"] is not None:
        return Tolerance(recipe["toleranceMm"], "stated in the recipe")
    procedure = findProcedure(case.procedure)[0]
    limits = procedure.values.get("partToleranceMm", {})
    limit = limits.get(role if role in FITTING_ROLES else MODEL)
    return Tolerance(limit["value"], f"procedure {procedure.name}: {limit['source']}") if limit else None
