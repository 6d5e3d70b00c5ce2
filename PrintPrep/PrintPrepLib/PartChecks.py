"""What a finished part is checked for: a solid, proven, and of a material that is safe for what it is for."""

import dataclasses

from PlanningHubLib.Errors import Finding
from PlanningHubLib.Progress import part
from PlanningHubLib.Shapes import Checks

from .Production import Materials
from .Proof import Accuracy
from .Proof.Channels import measuredChannels
from .Proof.WallThickness import measuredWalls
from .Repair.SelfIntersections import requireNone
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
    :param tolerance: :class:`PrintPrepLib.Proof.Tolerance.Tolerance` or None
    :returns: :class:`Checked`
    :raises InputRefused: ``self-intersections`` and the codes of a mesh that is no solid
    :raises GateRefused: ``out-of-tolerance``, and what a material is refused for, such as ``unsafe-sterilisation``
    """
    progress(0.0, "Checking")
    solid = []
    for piece in work.pieces:
        solid += Checks.requirePrintable(piece.mesh)
        requireNone(piece.mesh)
    proof = _proven(work, tolerance, part(progress, 0.2, 1.0))
    findings = [*work.findings, *solid, *labelFindings(bool(work.facts.get("label")), work.shape.flags["role"])]
    codes = tuple(finding.code for finding in findings)
    ofMaterial = Materials.requireSafe(recipe, work.shape.flags["role"], work.profile, codes)
    facts = {}
    if recipe["material"]:
        material, said = Materials.find(recipe["material"]), [finding.code for finding in ofMaterial]
        facts["material"] = {"name": material.name, "title": material.title, "findings": said}
    return Checked([*findings, *ofMaterial], facts, proof)


def _proven(work, tolerance, progress):
    """Measure a finished part; its facts ``accuracy``, ``walls`` and ``channels`` and its findings go to the work.

    :param work: :class:`PrintPrepLib.PartWork.PartWork` with its pieces; its budget is completed
    :param tolerance: :class:`PrintPrepLib.Proof.Tolerance.Tolerance` or None
    :returns: :class:`PrintPrepLib.Proof.Accuracy.Proof`, for the map
    :raises GateRefused: ``out-of-tolerance``
    """
    proof = Accuracy.prove(work, tolerance, part(progress, 0.0, 0.6))
    proof.require()
    profile = work.profile
    limits = (profile.minimumWallMm, profile.minimumFeatureMm) if profile else (None, None)
    walls, ofWalls = measuredWalls(proof.mesh, *limits, part(progress, 0.6, 0.8))
    channels, ofChannels = measuredChannels(work.pieces, part(progress, 0.8, 1.0))
    work.facts.update(accuracy=proof.facts, walls=walls, channels=channels)
    work.findings += [*proof.findings, *ofWalls, *ofChannels]
    return proof


def labelFindings(isLabelled, role):
    """Return what a part lacks that nobody may overlook: that it says whose it is; before it is made, or afterwards."""
    if isLabelled:
        return []
    severity = "warn" if role in FITTING_ROLES else "info"
    text = "Nothing on the part says whose it is and which side it is for."
    return [Finding("not-labelled", severity, text, "Put a label on it.")]
