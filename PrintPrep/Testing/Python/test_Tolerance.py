"""How exact a part has to be: the recipe goes first, then the procedure, by what the part is for."""

import json

import pytest
from test_Part import aCase, ownHome  # noqa: F401

from PlanningHubLib.Procedures import readProcedure
from PlanningHubLib.Secrets import homeFolder
from PrintPrepLib.Proof.Tolerance import toleranceOf
from PrintPrepLib.Recipe import newRecipe


@pytest.mark.parametrize(
    "role, mm", [("implant", 0.3), ("guide", 0.3), ("anatomy", 1.0), ("fragment", 1.0), ("device", 1.0)]
)
def test_procedureSaysItByRole(aCase, role, mm):  # noqa: F811
    tolerance = toleranceOf(aCase, newRecipe(), role)
    assert tolerance.mm == mm and tolerance.source.startswith("procedure general: ")


def test_recipeGoesBeforeTheProcedure(aCase):  # noqa: F811
    tolerance = toleranceOf(aCase, newRecipe(toleranceMm=0.15), "implant")
    assert (tolerance.mm, tolerance.source) == (0.15, "stated in the recipe")


def test_siteProcedureWithoutOneLeavesItOpen(aCase):  # noqa: F811
    values = {key: value for key, value in readProcedure("general").values.items() if key != "partToleranceMm"}
    folder = homeFolder() / "procedures"
    folder.mkdir(parents=True)
    (folder / "general.json").write_text(json.dumps(values))
    assert toleranceOf(aCase, newRecipe(), "anatomy") is None
