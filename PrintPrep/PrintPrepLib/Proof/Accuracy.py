"""Accuracy by proof: how far the finished part lies from what it was made from, signed, both ways, against a tolerance.

A mask is a staircase: between two voxel centers it says nothing, so half a voxel is all that it knows. A segment's part
is therefore measured twice. The tolerance counts against the surface through the stairs, which is smoothed without
shrinking and stands before any step of the recipe. Against the voxels' own surface it counts beyond half a voxel's
diagonal, so that smoothing cannot take away unseen what the first comparison would never miss. A planned solid has no
voxels and is measured once. A surface that is no solid has no inside: it is measured from what repair made of it.
"""

import dataclasses
import math

import numpy

from PlanningHubLib.Errors import Finding, GateRefused, firstRejection
from PlanningHubLib.Progress import noProgress
from PlanningHubLib.Progress import part as share
from PlanningHubLib.Shapes.Mesh import Mesh

from .SignedComparison import compared, comparedWithVoxels, joinedPieces, marginMm, shownAtCorners

# With less of the surface left as it was, its figures say little about the part.
SMALLEST_SHARE_PERCENT = 50.0
# Words for the outer thirds of a part along L, P and S.
THIRDS = (("right", "left"), ("anterior", "posterior"), ("inferior", "superior"))


@dataclasses.dataclass(frozen=True, eq=False)
class Proof:
    """What is known of a part's accuracy.

    :param facts: what the part's fact ``accuracy`` holds
    :param findings: list of :class:`PlanningHubLib.Errors.Finding`
    :param mesh: all pieces as they lie, LPS mm
    :param shownMm: (n,) the distance to show at each of its points; NaN where it was changed on purpose
    """

    facts: dict
    findings: list
    mesh: Mesh
    shownMm: numpy.ndarray

    def require(self):
        """Let a part pass that lies within its tolerance.

        :raises GateRefused: ``out-of-tolerance``
        """
        finding = firstRejection(self.findings)
        if finding:
            raise GateRefused(finding.code, finding.message, finding.action)


def prove(work, tolerance=None, progress=noProgress):
    """Measure a part against what it was made from, and complete its budget.

    The budget gets the voxels and their smoothing as first rows, and what was measured of all steps together as last.

    :param work: :class:`PrintPrepLib.PartWork.PartWork` with its pieces
    :param tolerance: :class:`PrintPrepLib.Proof.Tolerance.Tolerance`; None where there is none to judge by
    :returns: :class:`Proof`
    """
    mesh, owners = joinedPieces(work.pieces)
    surface, offsetMm = work.shape.surface, work.offsetMm
    reference = work.shape.mesh if work.reference is None else work.reference
    progress(0.0, "Measuring the accuracy")
    shallowMm = tolerance.mm if tolerance else 0.0
    sides = compared(mesh, reference, offsetMm, work.intended, share(progress, 0.0, 0.6), shallowMm)
    facts = {
        "reference": _nameOf(work),
        "toleranceMm": tolerance.mm if tolerance else None,
        "toleranceSource": tolerance.source if tolerance else None,
        **figuresOf(sides, tolerance),
        **_place(sides, mesh, owners, work.pieces),
        "nominalOffsetMm": round(offsetMm, 3),
        "measuredPercent": round(min(side.keptPercent for side in sides), 1),
        "intendedMarginMm": round(marginMm(offsetMm), 3),
        "samples": sum(len(side.points) for side in sides),
        "spacingMm": round(max(side.spacingMm for side in sides), 2),
    }
    total = facts
    if surface:
        progress(0.6, "Measuring from the voxels")
        facts["voxels"] = _voxelFigures(work, mesh, sides[1], tolerance)
        total = facts["voxels"] if facts["voxels"]["measuredTo"] == "part" else facts
    findings = findingsOf(facts)
    judged = tolerance is not None and "maximumMm" in facts
    facts["verdict"] = "not judged" if not judged else findings[0].code if firstRejection(findings) else "within"
    _completeBudget(work, total)
    progress(1.0, "Accuracy measured")
    return Proof(facts, findings, mesh, shownAtCorners(mesh, *sides))


def _nameOf(work):
    if work.shape.surface:
        return "segmentation"
    return "planned solid" if work.shape.file is None else "model file"


def _voxelFigures(work, mesh, ofReference, tolerance):
    """Return the figures from the voxels' surface to the part; after repair or an offset, to the smoothed surface."""
    surface = work.shape.surface
    direct = work.offsetMm == 0 and work.reference is None
    if direct:
        voxels = comparedWithVoxels(mesh, surface, ofReference.distancesMm[ofReference.even :], work.intended)
    else:
        voxels = comparedWithVoxels(work.shape.mesh, surface)
    return {
        "measuredTo": "part" if direct else "smoothed surface",
        **figuresOf([voxels], tolerance),
        "halfVoxelMm": round(halfVoxelMm(surface.spacingMm), 3),
    }


def figuresOf(sides, tolerance=None):
    """Return the figures of :class:`Measured` sides in mm, each the worst of them; percents are of area.

    ``signedMeanMm`` is the mean of the sides' means; ``outermostMm`` and ``innermostMm`` are the extremes outwards and
    inwards.
    """
    kept = [side.distancesMm[numpy.isfinite(side.distancesMm)] for side in sides]
    even = [side.evenMm for side in sides if len(side.evenMm)]
    if not even:
        return {}
    tails = numpy.array([numpy.percentile(numpy.abs(values), (95, 99)) for values in even]).max(0)
    figures = {
        "signedMeanMm": numpy.mean([values.mean() for values in even]),
        "meanMm": max(numpy.abs(values).mean() for values in even),
        "p95Mm": tails[0],
        "p99Mm": tails[1],
        "maximumMm": max(numpy.abs(values).max() for values in kept if len(values)),
        "outermostMm": max(values.max() for values in kept if len(values)),
        "innermostMm": min(values.min() for values in kept if len(values)),
    }
    if tolerance:
        beyond = max((numpy.abs(values) > tolerance.mm).mean() for values in even)
        figures["beyondTolerancePercent"] = 100 * beyond
    return {name: round(float(value), 3) for name, value in figures.items()}


def halfVoxelMm(spacingMm):
    """Return half a voxel's diagonal: as far as the border may lie from where the mask's stairs have it."""
    return math.hypot(*spacingMm) / 2


def findingsOf(facts):
    """Return the findings that follow from the facts; the first is ``out-of-tolerance`` where there is one.

    Others: ``no-tolerance`` (info), ``mostly-changed`` (warn): less than half of the surface is left as it was.
    """
    findings, toleranceMm = [], facts["toleranceMm"]
    if toleranceMm is None:
        findings.append(Finding("no-tolerance", "info", "Nothing states how exact the part has to be.",
                                "State a tolerance in the recipe or in the procedure."))  # fmt: skip
    elif "maximumMm" in facts:
        findings += _beyond(facts, toleranceMm)
    if facts["measuredPercent"] < SMALLEST_SHARE_PERCENT:
        findings.append(
            Finding("mostly-changed", "warn", f"Steps changed most of the surface on purpose: accuracy is proven for "
                    f"{facts['measuredPercent']} % of it.", "Measure the rest on the printed part.")
        )  # fmt: skip
    return findings


def _beyond(facts, toleranceMm):
    action = "Take a smaller deviation, leave out or soften steps, or state a larger tolerance in the recipe."
    voxels = facts.get("voxels")
    if facts["maximumMm"] > toleranceMm:
        text = (
            f"The part lies {facts['maximumMm']:.2f} mm from the {facts['reference']} ({facts['maximumAt']}), more "
            f"than the tolerance of {toleranceMm} mm, on {facts['beyondTolerancePercent']:.1f} % of its surface."
        )
        return [Finding("out-of-tolerance", "reject", text, action)]
    if voxels and voxels.get("maximumMm", 0) > toleranceMm + voxels["halfVoxelMm"]:
        text = (
            f"The part lies {voxels['maximumMm']:.2f} mm from the voxels' surface, more than the tolerance of "
            f"{toleranceMm} mm and half a voxel ({voxels['halfVoxelMm']} mm)."
        )
        return [Finding("out-of-tolerance", "reject", text, "Smooth the segment less, or scan with smaller voxels.")]
    return []


def _place(sides, mesh, owners, pieces):
    """Return where the part is farthest off: LPS mm and in words."""
    sides = [side for side in sides if numpy.isfinite(side.distancesMm).any()]
    if not sides:
        return {"maximumAtLpsMm": None, "maximumAt": "nowhere"}
    farthest = max(sides, key=lambda side: numpy.nanmax(numpy.abs(side.distancesMm)))
    point = farthest.points[numpy.nanargmax(numpy.abs(farthest.distancesMm))]
    nearest = int(numpy.linalg.norm(mesh.points - point, axis=1).argmin())
    name = pieces[owners[nearest]].name
    return {
        "maximumAtLpsMm": [round(float(value), 2) for value in point],
        "maximumAt": placeInWords(point, mesh) + (f", piece {name}" if name else ""),
    }


def placeInWords(point, mesh):
    """Return the thirds of a mesh (LPS) that a point lies in along each axis, as ``left anterior``, else ``middle``."""
    low, high = mesh.points.min(0), mesh.points.max(0)
    third = (numpy.asarray(point) - low) / numpy.where(high > low, high - low, 1)
    words = [THIRDS[axis][int(value > 0.5)] for axis, value in enumerate(third) if abs(value - 0.5) > 1 / 6]
    return " ".join(words) or "middle"


def _completeBudget(work, total):
    surface, steps = work.shape.surface, list(work.budget)
    work.budget.clear()
    if surface:
        # A border anywhere between two voxel centers with equal chance: a quarter of their distance on average.
        work.took("segmentation voxel", numpy.mean(surface.spacingMm) / 4, halfVoxelMm(surface.spacingMm))
        work.took("smoothing", surface.smoothingMeanMm, surface.smoothingMaximumMm)
    work.budget.extend(steps)
    if total.get("maximumMm") is not None:
        work.took("all steps, measured", total["meanMm"], total["maximumMm"])
