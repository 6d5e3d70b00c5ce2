"""What a finished part is checked for: a solid, proven, and of a material that is safe for what it is for."""

import dataclasses

from PlanningHubLib.Errors import Finding
from PlanningHubLib.Progress import part
from PlanningHubLib.Shapes import Checks

from . import Accuracy, Materials
from .PartProof import provePart
from .SelfIntersections import requireNone
from .Shape import FITTING_ROLES


@dataclasses.dataclass(frozen=True, eq=False)
class Checked:
    """The findings about a part, its facts ``accuracy``, ``walls``, ``channels`` ..., and the proof for its map."""

    findings: list
    facts: dict
    accuracy: Accuracy.Proof


def checkedPart(work, recipe, tolerance, progress):
    """Check a part whose steps are carried out.

    :param work: :class:`PrintPrepLib.PartWork.PartWork`
    :param tolerance: :class:`PrintPrepLib.Tolerance.Tolerance` or None
    :returns: :class:`Checked`
    :raises InputRefused: ``self-intersections`` and the codes of a mesh that is no solid
    :raises GateRefused: ``out-of-tolerance``, and what a material is refused for, such as ``unsafe-sterilisation``
    """
    progress(0.0, "Checking")
    solid = []
    for piece in work.pieces:
        solid += Checks.requirePrintable(piece.mesh)
        solid += requireNone(piece.mesh)
    proof = provePart(work, tolerance, part(progress, 0.2, 1.0))
    findings = [*work.findings, *solid, *_labelFindings(work)]
    codes = tuple(finding.code for finding in findings)
    ofMaterial = Materials.requireSafe(recipe, work.shape.flags["role"], work.profile, codes)
    facts = {}
    if recipe["material"]:
        material, said = Materials.find(recipe["material"]), [finding.code for finding in ofMaterial]
        facts["material"] = {"name": material.name, "title": material.title, "findings": said}
    return Checked([*findings, *ofMaterial], facts, proof)


def _labelFindings(work):
    """Return what a part lacks that nobody may overlook: that it says whose it is."""
    if work.facts.get("label"):
        return []
    severity = "warn" if work.shape.flags["role"] in FITTING_ROLES else "info"
    text = "Nothing on the part says whose it is and which side it is for."
    return [Finding("not-labelled", severity, text, "Add a step that labels it.")]
