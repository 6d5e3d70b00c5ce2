"""What a finished part is checked for: a solid, accuracy, walls, channels, and whether its material is safe."""

import dataclasses

from PlanningHubLib.Progress import part
from PlanningHubLib.Shapes import Checks

from . import Accuracy, Channels, Materials, WallThickness
from .PartFacts import partFindings
from .SelfIntersections import requireNone


@dataclasses.dataclass(frozen=True, eq=False)
class PartProof:
    """The findings and facts about a part, and its :class:`PrintPrepLib.Accuracy.Proof`."""

    findings: list
    facts: dict
    accuracy: Accuracy.Proof


def proven(work, recipe, tolerance, progress):
    """Check a part whose steps are carried out.

    :param work: :class:`PrintPrepLib.PartWork.PartWork`
    :param tolerance: :class:`PrintPrepLib.Tolerance.Tolerance` or None
    :returns: :class:`PartProof`
    :raises InputRefused: ``self-intersections`` and the codes of a mesh that is no solid
    :raises GateRefused: ``out-of-tolerance``, and what a material is refused for, such as ``unsafe-sterilisation``
    """
    progress(0.0, "Checking")
    findings = [*work.findings, *partFindings(work)]
    for piece in work.pieces:
        findings += Checks.requirePrintable(piece.mesh)
        findings += requireNone(piece.mesh)
    accuracy = Accuracy.prove(work, tolerance, part(progress, 0.2, 0.5))
    accuracy.require()
    walls, wallFindings = _walls(work, part(progress, 0.5, 0.75))
    channels, channelFindings = Channels.measuredChannels(work.pieces, part(progress, 0.75, 1.0))
    findings += [*accuracy.findings, *wallFindings, *channelFindings]
    codes = tuple(finding.code for finding in findings)
    ofMaterial = Materials.requireSafe(recipe, work.shape.flags["role"], work.profile, codes)
    facts = {"accuracy": accuracy.facts, "walls": walls, "channels": channels}
    if recipe["material"]:
        material = Materials.find(recipe["material"])
        codes = [finding.code for finding in ofMaterial]
        facts["material"] = {"name": material.name, "title": material.title, "findings": codes}
    return PartProof([*findings, *ofMaterial], facts, accuracy)


def _walls(work, progress):
    """Return the walls of the piece with the thinnest, and each kind of finding once."""
    limits = (work.profile.minimumWallMm, work.profile.minimumFeatureMm) if work.profile else (None, None)
    found, findings = [], {}
    for number, piece in enumerate(work.pieces):
        share = part(progress, number / len(work.pieces), (number + 1) / len(work.pieces))
        walls, said = WallThickness.measuredWalls(piece.mesh, *limits, share)
        found.append({**walls, "piece": piece.name})
        findings.update({finding.code: finding for finding in reversed(said)})
    thinnest = min(found, key=lambda walls: float("inf") if walls["minimumMm"] is None else walls["minimumMm"])
    return thinnest, list(findings.values())
