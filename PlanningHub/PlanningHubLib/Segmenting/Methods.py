"""The steps that a structure's method is made of: the schema of each one's parameters, and what it does to the mask."""

import dataclasses
from collections.abc import Callable

import numpy

from .. import Masks
from ..Errors import Finding, InputRefused
from . import Body, Histogram, Islands, Metal, Morphology, Resampling, Separation, Smoothing
from .Grid import indicesOf, isOnGrid, voxelMl

HU = {"type": "number", "minimum": -2000, "maximum": 40000}
RADIUS_MM = {"type": "number", "exclusiveMinimum": 0, "maximum": 50, "title": "Radius", "description": "In mm."}
ML = {"type": "number", "minimum": 0, "maximum": 100000}
CORNER = {"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 3}
STRUCTURE = {"type": "string", "minLength": 1, "maxLength": 64, "x-object": "structure"}


@dataclasses.dataclass
class Work:
    """What the steps of a method work on.

    :param voxelsHu: array (slices, rows, columns)
    :param ijkToRas: 4×4, (column, row, slice) to RAS mm
    :param seeds: structure → points (n, 3) RAS mm
    :param others: structure → mask found before
    :param mask: array of 0 and 1 like the voxels; None as long as nothing limits it
    :param figures: name → number, with the unit in the name
    """

    voxelsHu: numpy.ndarray
    ijkToRas: numpy.ndarray
    spacingMm: tuple
    seeds: dict
    others: dict
    mask: numpy.ndarray | None = None
    figures: dict = dataclasses.field(default_factory=dict)
    findings: list = dataclasses.field(default_factory=list)

    def limit(self, mask):
        """Keep only what is also in another mask, which is not used any more."""
        if self.mask is None:
            self.mask = mask
        else:
            numpy.bitwise_and(self.mask, mask, out=mask)
            self.mask = mask

    def require(self):
        """Return the mask.

        :raises InputRefused: ``bad-method``: nothing has limited it yet
        """
        if self.mask is None:
            raise InputRefused("bad-method", "There is no mask yet.", "Begin the method with a threshold.")
        return self.mask

    def voxels(self, ml):
        """Return how many voxels a volume in ml is, None for None."""
        return None if ml is None else int(round(ml / voxelMl(self.spacingMm)))

    def seedVoxels(self, structure):
        """Return the voxels (n, 3) of a structure's seeds as (slice, row, column).

        :raises InputRefused: ``no-such-seed``, ``seed-outside``
        """
        points = self.seeds.get(structure)
        if points is None or not len(points):
            raise InputRefused(
                "no-such-seed", f"There is no point on {structure}.", f"Place one or more on {structure}."
            )
        indices = indicesOf(points, self.ijkToRas)
        if not isOnGrid(indices, self.voxelsHu.shape).all():
            raise InputRefused("seed-outside", f"A point on {structure} lies outside the scan.", "Place it again.")
        return indices


@dataclasses.dataclass(frozen=True)
class Step:
    """One kind of step.

    :param parameters: name → JSON Schema; ``default`` is filled in, ``title`` and ``description`` are for pages
    :param run: ``run(work, parameters, progress)`` changes ``work.mask``
    """

    do: str
    title: str
    run: Callable
    parameters: dict = dataclasses.field(default_factory=dict)
    required: tuple = ()


def _threshold(work, parameters, progress):
    low, high = parameters["minimumHu"], parameters.get("maximumHu")
    if high is not None and high < low:
        raise InputRefused("bad-method", f"No voxel is above {low:g} and below {high:g} HU.", "Correct the limits.")
    mask = Masks.thresholded(work.voxelsHu, low)
    if high is not None:
        mask &= (work.voxelsHu <= high).view(numpy.uint8)
    work.limit(mask)


def _histogramThreshold(work, parameters, progress):
    low, high = parameters["minimumHu"], parameters["maximumHu"]
    if parameters["rule"] == "valley":
        thresholdHu = Histogram.valleyThresholdHu(work.voxelsHu, low, high, work.mask)
    else:
        thresholdHu = Histogram.otsuThresholdHu(work.voxelsHu, work.mask)
    if not low <= thresholdHu <= high:
        raise InputRefused(
            "threshold-out-of-bounds",
            f"The histogram gives {thresholdHu:.0f} HU, which is not between {low:g} and {high:g} HU.",
            "Use a fixed threshold, or other bounds.",
        )
    work.figures["thresholdHu"] = round(thresholdHu, 1)
    work.limit(Masks.thresholded(work.voxelsHu, thresholdHu))


def _removeTable(work, parameters, progress):
    body = Body.findBody(work.voxelsHu, work.spacingMm, parameters["thicknessMm"], progress)
    work.figures.update(removedMl=body.removedMl, removedDenseMl=body.removedDenseMl)
    work.findings.extend(body.findings)
    work.limit(body.mask)


def _removeMetal(work, parameters, progress):
    metal = Metal.metalMask(work.voxelsHu, work.spacingMm, parameters["minimumHu"], parameters["rimMm"])
    mask = work.require() & (metal ^ 1)
    progress(0.5, "Near metal")
    figures, findings = Metal.streakFacts(mask, metal, work.spacingMm, parameters["streakMm"])
    work.figures.update(figures)
    work.findings.extend(findings)
    work.mask = mask


def _resample(work, parameters, progress):
    if work.mask is not None:
        raise InputRefused("bad-method", "What was found lies on the scan's voxels.", "Resample in the first step.")
    spacingMm, matrix = parameters["spacingMm"], work.ijkToRas
    work.voxelsHu, work.ijkToRas = Resampling.resampled(work.voxelsHu, matrix, spacingMm)
    work.others = {
        name: Resampling.resampled(mask, matrix, spacingMm, isMask=True)[0] for name, mask in work.others.items()
    }
    work.spacingMm = (spacingMm,) * 3
    work.figures["resampledMm"] = spacingMm


def _crop(work, parameters, progress):
    work.limit(Resampling.boxMask(work.voxelsHu.shape, work.ijkToRas, parameters["lowRas"], parameters["highRas"]))


def _separate(work, parameters, progress):
    structures, keep = parameters["structures"], parameters["keep"]
    if keep not in structures:
        raise InputRefused("bad-method", f"{keep} is none of the structures to separate.", "Correct the method.")
    seeds = {structure: work.seedVoxels(structure) for structure in structures}
    separated = Separation.separate(work.voxelsHu, work.require(), seeds, work.spacingMm, parameters["rule"], progress)
    work.figures["withoutPointMl"] = separated.withoutPointMl
    work.findings.extend(separated.findings)
    work.mask = (separated.labels == structures.index(keep) + 1).view(numpy.uint8)


def _smooth(work, parameters, progress):
    work.mask = Smoothing.smoothed(work.require(), parameters["radiusMm"], work.spacingMm)


def _largestIsland(work, parameters, progress):
    work.mask = Masks.largestIsland(work.require())


def _keepIslands(work, parameters, progress):
    minimum = work.voxels(parameters["minimumMl"])
    work.mask = Islands.keptIslands(work.require(), parameters.get("count"), minimum)


def _seededIslands(work, parameters, progress):
    indices = work.seedVoxels(parameters["structure"])
    work.mask = Islands.islandsAt(work.require(), indices)


def _closing(work, parameters, progress):
    if "voxels" in parameters:
        work.mask = Masks.closed(work.require(), parameters["voxels"])
    else:
        _byRadius(Morphology.closed, work, parameters)


def _byRadius(change, work, parameters):
    radiusMm = parameters["radiusMm"]
    if Morphology.isBelowVoxel(radiusMm, work.spacingMm):
        smallest = min(work.spacingMm)
        work.findings.append(Finding(
            "radius-below-voxel", "warn", f"A radius of {radiusMm:g} mm does nothing to voxels of {smallest:.2f} mm.",
            "Choose a larger radius.",
        ))  # fmt: skip
    work.mask = change(work.require(), radiusMm, work.spacingMm)


def _radiusStep(do, title, change):
    def run(work, parameters, progress):
        _byRadius(change, work, parameters)

    return Step(do, title, run, {"radiusMm": RADIUS_MM}, ("radiusMm",))


def _fillHoles(work, parameters, progress):
    maximum = work.voxels(parameters.get("maximumMl"))
    fill = Islands.filledPerSlice if parameters["perSlice"] else Islands.filled
    work.mask = fill(work.require(), maximum)


def _subtract(work, parameters, progress):
    name = parameters["structure"]
    if name not in work.others:
        known = ", ".join(work.others) or "none"
        raise InputRefused("no-such-structure", f"There is no {name} to take away.", f"Segmented so far: {known}.")
    work.mask = work.require() & (work.others[name] ^ 1)


STEPS = (
    Step("threshold", "Threshold", _threshold, {
        "minimumHu": {**HU, "title": "Lowest intensity", "description": "In HU; itself included."},
        "maximumHu": {**HU, "title": "Highest intensity", "description": "In HU; itself included."},
    }, ("minimumHu",)),
    Step("histogram-threshold", "Threshold from the histogram", _histogramThreshold, {
        "rule": {"enum": ["otsu", "valley"], "default": "otsu", "title": "Rule",
                 "description": "Otsu's, or the valley between soft tissue and bone."},
        "minimumHu": {**HU, "default": 120, "title": "At least", "description": "In HU."},
        "maximumHu": {**HU, "default": 700, "title": "At most", "description": "In HU."},
    }),
    Step("remove-table", "Table and cast removed", _removeTable, {
        "thicknessMm": {**RADIUS_MM, "default": Body.THICKNESS_MM, "title": "Thickness",
                        "description": "What is nowhere thicker and lies beside the body is taken away; in mm."},
    }),
    Step("remove-metal", "Metal removed", _removeMetal, {
        "minimumHu": {**HU, "default": Metal.METAL_HU, "title": "Lowest intensity of metal", "description": "In HU."},
        "rimMm": {"type": "number", "minimum": 0, "maximum": 20, "default": Metal.RIM_MM, "title": "Rim",
                  "description": "How far its blur reaches; in mm."},
        "streakMm": {**RADIUS_MM, "default": Metal.STREAK_MM, "title": "Streaks",
                     "description": "How far streaks are looked for; in mm."},
    }),
    Step("resample", "Resample", _resample, {
        "spacingMm": {"type": "number", "minimum": 0.1, "maximum": 10, "default": 1.0, "title": "Voxels",
                      "description": "Side of the cubes in mm that the next steps work on; the result comes back to "
                                     "the scan's own voxels."},
    }),
    Step("crop", "Crop", _crop, {
        "lowRas": {**CORNER, "title": "Lower corner", "description": "Most left, posterior, inferior; RAS mm."},
        "highRas": {**CORNER, "title": "Upper corner", "description": "Most right, anterior, superior; RAS mm."},
    }, ("lowRas", "highRas")),
    Step("separate", "Separation by points", _separate, {
        "keep": {**STRUCTURE, "title": "Keep", "description": "The structure that this is the method of."},
        "structures": {"type": "array", "items": STRUCTURE, "minItems": 2, "maxItems": 100, "uniqueItems": True,
                       "x-object": "structure", "title": "Structures", "description": "Each needs one or more points."},
        "rule": {"enum": list(Separation.RULES), "default": "darkest-gap", "title": "Rule",
                 "description": "Where the way between them is darkest, or nearest to the points."},
    }, ("keep", "structures")),
    Step("smooth", "Smoothing", _smooth, {
        "radiusMm": {**RADIUS_MM, "description": "What is thinner than twice this stays as it is; in mm."},
    }, ("radiusMm",)),
    Step("largest-island", "Largest island", _largestIsland),
    Step("keep-islands", "Largest islands", _keepIslands, {
        "count": {"type": "integer", "minimum": 1, "title": "How many", "description": "All where it is left out."},
        "minimumMl": {**ML, "default": 0, "title": "Smallest", "description": "Smaller islands are dropped; in ml."},
    }),
    Step("seeded-islands", "Islands with a point", _seededIslands, {
        "structure": {**STRUCTURE, "title": "Points on", "description": "The islands under its points are kept."},
    }, ("structure",)),
    Step("closing", "Closing", _closing, {
        "radiusMm": {**RADIUS_MM, "description": "Gaps up to twice this are bridged; in mm."},
        "voxels": {"type": "integer", "minimum": 1, "maximum": 20, "title": "Voxels",
                   "description": "Instead of mm: half the side of a cube of voxels."},
    }),
    _radiusStep("opening", "Opening", Morphology.opened),
    _radiusStep("grow", "Growing", Morphology.grown),
    _radiusStep("shrink", "Shrinking", Morphology.shrunk),
    Step("fill-holes", "Holes filled", _fillHoles, {
        "maximumMl": {**ML, "title": "Largest hole", "description": "In ml; all where it is left out."},
        "perSlice": {"type": "boolean", "default": False, "title": "Slice by slice",
                     "description": "Also what is enclosed within a slice only, such as a medullary canal."},
    }),
    Step("subtract", "Without another structure", _subtract, {
        "structure": {**STRUCTURE, "title": "Structure", "description": "Its voxels are taken away."},
    }, ("structure",)),
)  # fmt: skip
