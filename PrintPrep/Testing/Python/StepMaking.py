"""A part under way, for tests of single steps: no case, no scene."""

from PlanningHubLib.Planning.Objects import Solid
from PlanningHubLib.Progress import noProgress
from PrintPrepLib.PartSteps import steps
from PrintPrepLib.PartWork import PartIdentity, PartWork, Piece
from PrintPrepLib.Recipe import newRecipe
from PrintPrepLib.Shape import Shape

IDENTITY = PartIdentity("PH-TEST-1", "Part", "part-1.1", "left", "ab" * 32)


def workOf(mesh, profile=None, **others):
    """Return a :class:`PartWork` of a mesh in LPS mm, as if it had been simplified."""
    shape = Shape("Part", mesh, Solid("Part", mesh).flags(), (), mesh.volumeMl)
    return PartWork(shape, IDENTITY, lambda name: others[name], profile=profile, surface=mesh, pieces=[Piece("", mesh)])


def carriedOut(work, do, **parameters):
    """Carry out one step as a recipe does: checked, with its defaults; return the work."""
    step = newRecipe(steps=[{"do": do, **parameters}])["steps"][0]
    steps()[do].run({key: value for key, value in step.items() if key != "do"}, work, noProgress)
    return work
