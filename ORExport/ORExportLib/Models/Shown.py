"""What the models say of themselves, and which surfaces they show."""

import dataclasses

from .. import PlanFiles

# Shows the other side of the body where this side is: a help to plan by, hidden from who only looks.
AID = "mirror"


@dataclasses.dataclass(frozen=True)
class Label:
    """What every file of models says about the case: no more than its pseudonym identifies the patient.

    :param deviationMm: how far the surfaces lie from those of the case, where they were simplified
    """

    caseName: str
    side: str | None
    isApproved: bool
    intendedUse: str
    deviationMm: float = 0.0

    @property
    def title(self):
        """Name, side and approval in one line."""
        return f"{self.caseName} {self.side or 'side not stated'}{'' if self.isApproved else ' NOT APPROVED'}"

    def values(self):
        """Return name → text, as formats hold it that take any."""
        return {
            "case": self.caseName,
            "side": self.side or "not stated",
            "approved": "yes" if self.isApproved else "NOT APPROVED",
            "intendedUse": self.intendedUse,
            "coordinateSystem": "LPS",
            "unit": "mm",
            "simplifiedByMm": f"{self.deviationMm:.3f}",
        }


def labelOf(content):
    """Return the :class:`Label` of a package's :class:`ORExportLib.Content.Content`."""
    return Label(content.case.name, content.side, content.making.isApproved, content.intendedUse)


def shownBodies(content):
    """Return the bodies to show: a printed piece stands back behind the segment or solid that it was made from."""
    planned = [body for body in content.bodies if body.part is None]
    names = {body.name for body in planned}
    pieces = [body for body in content.bodies if body.part is not None]
    return planned + [piece for piece in pieces if PlanFiles.partOf(piece.part)["object"] not in names]


def factsOf(body):
    """Return what is said of a body beside its name and color: name → what JSON can hold."""
    flags = {flag: getattr(body, flag) for flag in ("mirrored", "modified", "moved")}
    return {"role": body.role, **flags, **({"step": body.stepName} if body.stepName else {})}
