"""What the steps of a recipe work on, and what a step is."""

import dataclasses
from collections.abc import Callable

from PlanningHubLib.Shapes.Mesh import Mesh

from .Shape import Shape

# Before the surface is simplified, or on the solid that came of it.
SURFACE, SOLID = "surface", "solid"


@dataclasses.dataclass(frozen=True)
class PartStep:
    """One kind of step.

    :param do: its name in a recipe
    :param title: its name on a page
    :param stage: ``SURFACE``: it changes ``work.surface``; ``SOLID``: it changes ``work.pieces``
    :param parameters: name → JSON Schema; ``default`` is filled in, ``title`` and ``description`` are for pages
    :param run: ``run(parameters, work, progress)`` changes the :class:`PartWork`; lengths in mm, LPS
    """

    do: str
    title: str
    stage: str
    parameters: dict
    required: tuple
    run: Callable


@dataclasses.dataclass(frozen=True, eq=False)
class Piece:
    """One of the bodies that a part is printed as; its name is empty where it is the only one."""

    name: str
    mesh: Mesh


@dataclasses.dataclass(frozen=True)
class PartIdentity:
    """What a part is called wherever it is named: on itself, in its files and on paper.

    :param caseName: the pseudonym; nothing else identifies the patient
    :param partNumber: artefact and revision, such as ``part-1.2``
    :param sourceContent: content of the plan or segmentation that it was made from
    """

    caseName: str
    objectName: str
    partNumber: str
    side: str | None
    sourceContent: str


@dataclasses.dataclass(eq=False)
class PartWork:
    """A part while it is made; all meshes in LPS mm.

    :param surface: the surface that is simplified next; afterwards the reference of what came of it
    :param reference: what the part's accuracy is proven against, where repair had to make it a solid first; else the
        shape's mesh
    :param pieces: the solids, from simplification on
    :param others: ``others(name)`` → mesh (LPS mm) of a planned solid or a segment of the case, for unions and
        differences
    :param profile: :class:`PrintPrepLib.Production.Profiles.Profile` or None where the recipe names none
    :param intended: closed meshes within which the surface was changed on purpose: sockets, letters, drain holes,
        bases, cut faces. Accuracy is proven outside of them, and says how much of the surface that leaves.
    :param offsetMm: how far the whole outer surface was moved outwards on purpose
    :param budget: rows with ``step``, ``meanMm``, ``maximumMm``: what each step took
    :param patientWords: ``patientWords()`` → the words of the patient's name and ID, to compare typed texts with
    :param facts: what steps have to say, under the step's name of the kind
    """

    shape: Shape
    identity: PartIdentity
    others: Callable
    profile: object = None
    surface: Mesh | None = None
    reference: Mesh | None = None
    pieces: list = dataclasses.field(default_factory=list)
    intended: list = dataclasses.field(default_factory=list)
    offsetMm: float = 0.0
    patientWords: Callable = tuple
    budget: list = dataclasses.field(default_factory=list)
    facts: dict = dataclasses.field(default_factory=dict)
    findings: list = dataclasses.field(default_factory=list)

    def took(self, step, meanMm, maximumMm):
        """Add a row to the budget: how far a step moved the surface."""
        self.budget.append({"step": step, "meanMm": round(float(meanMm), 4), "maximumMm": round(float(maximumMm), 4)})
