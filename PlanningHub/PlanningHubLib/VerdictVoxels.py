"""Findings that the voxels decide, on a sample of slices: truncation, cut ends, metal, noise, contrast."""

import dataclasses

import numpy
from scipy import ndimage

from .Errors import Finding
from .VerdictHeaders import axisAngleDegrees, limitFinding

MOST_SLICES = 64
MOST_NOISE_SLICES = 16
AIR_HU, BONE_HU, METAL_HU = -300, 300, 3000
SOFT_TISSUE_HU = (-150, 200)
# No noise carries soft tissue so far: what lies beyond is air or bone at an edge.
EDGE_HU = (-800, 1000)
# A cluster of saturated voxels smaller than this is noise or enamel, not metal.
METAL_CLUSTER_MM2 = 3.0
NOISE_BLOCK_MM = 6.0
# What stands out from soft tissue without contrast medium, and what only bone and calcium reach.
LUMEN_HU, CORTEX_HU, LUMEN_MOST_HU, LUMEN_PIXEL_MM = 130, 600, 500, 0.8
# A lumen of 5 mm; all of them together as two such in each of six slices.
LUMEN_AREA_MM2, LUMEN_TOTAL_MM2, LUMEN_VARIATION_HU = 20.0, 250.0, 30.0
AXIAL_DEGREES = 45.0


@dataclasses.dataclass(frozen=True)
class VoxelFacts:
    """What a sample of the voxels shows; None where the sample cannot tell. Lengths in mm, intensities in HU.

    ``borderFraction``: part of the reconstructed field's rim that is body. ``boneAtTopMm2`` and ``boneAtBottomMm2``:
    bone in the slice nearest to the head and to the feet. ``metalFraction``: part of the body. ``noiseHu``: standard
    deviation in even soft tissue. ``bloodPoolHu``: of bright
    even areas without dense bone, such as vessels with contrast medium.
    """

    borderFraction: float | None
    boneAtTopMm2: float | None
    boneAtBottomMm2: float | None
    metalFraction: float
    metalMl: float
    noiseHu: float | None
    bloodPoolHu: float | None

    def asDict(self):
        return {
            name: None if value is None else round(float(value), 6) for name, value in dataclasses.asdict(self).items()
        }


def sampleIndices(count):
    """Return the indices of the slices to look at: the first, the last, and evenly between."""
    return numpy.unique(numpy.linspace(0, count - 1, min(count, MOST_SLICES)).round().astype(int)).tolist()


def measureVoxels(sample, geometry):
    """Return the :class:`VoxelFacts` of a sample of slices.

    :param sample: array (slices, rows, columns) in HU: those of :func:`sampleIndices`, in the geometry's order
    :param geometry: :class:`PlanningHubLib.SeriesGeometry.VolumeGeometry` of the whole series
    """
    columnMm, rowMm, sliceMm = geometry.spacingMm
    pixelMm2 = rowMm * columnMm
    top, bottom = _ends(sample, geometry, pixelMm2)
    metalPixels, bodyPixels = _metalPixels(sample, pixelMm2), int((sample > AIR_HU).sum())
    share = geometry.shape[0] / len(sample)
    quiet = sample[:: max(1, len(sample) // MOST_NOISE_SLICES)]
    noiseHu = _noise(quiet, pixelMm2)
    return VoxelFacts(
        _borderFraction(sample), top, bottom,
        metalPixels / max(bodyPixels, 1), metalPixels * share * pixelMm2 * sliceMm / 1000,
        noiseHu, _bloodPool(quiet[::2], noiseHu, pixelMm2),
    )  # fmt: skip


def _ends(sample, geometry, pixelMm2):
    """Return the bone in the slices nearest to head and feet, None where slices are not axial."""
    if axisAngleDegrees(geometry) > AXIAL_DEGREES:
        return None, None
    first, last = (float((sample[index] > BONE_HU).sum()) * pixelMm2 for index in (0, -1))
    return (last, first) if geometry.ijkToLps[2, 2] > 0 else (first, last)


def _metalPixels(sample, pixelMm2):
    total = 0
    for image in sample:
        saturated = image > METAL_HU
        if saturated.any():
            labels, _count = ndimage.label(saturated)
            sizes = numpy.bincount(labels.ravel())[1:]
            total += int(sizes[sizes * pixelMm2 >= METAL_CLUSTER_MM2].sum())
    return total


def _borderFraction(sample):
    """Return which part of the rim of what was reconstructed shows body rather than air.

    Where the corners never vary they lie outside a round field of reconstruction, whose rim is then looked at.
    """
    corners = sample[:, [0, 0, -1, -1], [0, -1, 0, -1]]
    rows, columns = sample.shape[1:]
    if corners.min() != corners.max():
        rim = numpy.zeros((rows, columns), bool)
        rim[[0, -1]] = rim[:, [0, -1]] = True
    else:
        y, x = numpy.ogrid[:rows, :columns]
        radius = numpy.hypot((y + 0.5) / rows * 2 - 1, (x + 0.5) / columns * 2 - 1)
        rim = (radius < 0.99) & (radius > 0.99 - 4 / min(rows, columns))
        if (sample[:, radius > 1.02] != corners.flat[0]).any():
            rim = numpy.zeros((rows, columns), bool)
            rim[[0, -1]] = rim[:, [0, -1]] = True
    return float((sample[:, rim] > AIR_HU).mean())


def _blocks(sample, size):
    """Return square blocks of pixels as an array (slices, rows of blocks, size, columns of blocks, size)."""
    rows, columns = (extent // size * size for extent in sample.shape[1:])
    return sample[:, :rows, :columns].reshape(len(sample), rows // size, size, columns // size, size)


def _noise(sample, pixelMm2):
    """Return the standard deviation in even soft tissue: the lower quartile over blocks, so that edges do not count."""
    blocks = _blocks(sample, int(numpy.clip(round(NOISE_BLOCK_MM / pixelMm2**0.5), 4, 12)))
    if not blocks.size:
        return None
    means = blocks.mean(axis=(2, 4), dtype=numpy.float32)
    squares = numpy.square(blocks, dtype=numpy.float32).mean(axis=(2, 4))
    inside = (means > SOFT_TISSUE_HU[0]) & (means < SOFT_TISSUE_HU[1])
    inside &= (blocks.min(axis=(2, 4)) > EDGE_HU[0]) & (blocks.max(axis=(2, 4)) < EDGE_HU[1])
    deviations = numpy.sqrt(numpy.maximum(squares - means**2, 0))
    return float(numpy.percentile(deviations[inside], 25)) if inside.sum() >= 20 else None


def _bloodPool(sample, noiseHu, pixelMm2):
    """Return the median intensity of bright areas that are even and hold no dense bone; None for too few of them.

    Marrow is bright and even too, but the cortex around it is one area with it.
    """
    factor = max(1, round(LUMEN_PIXEL_MM / pixelMm2**0.5))
    images = sample if factor == 1 else _blocks(sample, factor).mean(axis=(2, 4), dtype=numpy.float32)
    areaMm2, mostVariationHu = pixelMm2 * factor**2, max(LUMEN_VARIATION_HU, 2 * (noiseHu or 0) / factor)
    values = numpy.concatenate([_lumenPixels(image, mostVariationHu, areaMm2) for image in images])
    return float(numpy.median(values)) if len(values) * areaMm2 >= LUMEN_TOTAL_MM2 else None


def _lumenPixels(image, mostVariationHu, pixelMm2):
    """Return the intensities inside the areas of a slice that may be lumens."""
    labels, count = ndimage.label(image > LUMEN_HU)
    core = (labels * ndimage.binary_erosion(labels > 0)).ravel()
    values = image.ravel().astype(numpy.float64)
    sizes = numpy.bincount(core, minlength=count + 1)
    counts = numpy.maximum(sizes, 1)
    means = numpy.bincount(core, values, count + 1) / counts
    variances = numpy.bincount(core, values**2, count + 1) / counts - means**2
    dense = numpy.bincount(labels.ravel()[values > CORTEX_HU], minlength=count + 1)
    isLumen = (sizes * pixelMm2 >= LUMEN_AREA_MM2) & (dense == 0) & (variances < mostVariationHu**2)
    isLumen &= means < LUMEN_MOST_HU
    isLumen[0] = False
    return values[isLumen[core]]


def voxelFindings(voxelFacts, facts, procedure):
    """Return the findings of measured voxels by the limits of the procedure.

    :param voxelFacts: :class:`VoxelFacts`
    :param facts: :class:`PlanningHubLib.VerdictFacts.SeriesFacts`
    """
    findings = []
    for key, code, message, action in (
        ("borderFraction", "truncated-body", "The body is cut off at {:.1%} of the field's rim",
         "Ask for a reconstruction with a larger field of view; what is cut off cannot be planned on."),
        ("boneAtTopMm2", "cut-at-top", "The uppermost slice still shows {:.0f} mm² of bone",
         "Scan again up to above the bone, if the plan needs it."),
        ("boneAtBottomMm2", "cut-at-bottom", "The lowest slice still shows {:.0f} mm² of bone",
         "Scan again down to below the bone, if the plan needs it."),
        ("metalFraction", "metal", "Metal (above 3000 HU) makes up {:.2%} of the body",
         "Look at the streaks around it; metal counts as bone until it is removed by hand."),
        ("noiseHu", "noise", "Noise in soft tissue is {:.0f} HU",
         "Ask for a reconstruction with a softer kernel; planning on it needs more smoothing."),
    ):  # fmt: skip
        value = getattr(voxelFacts, key)
        if value is not None and procedure.limit(key):
            findings += limitFinding(procedure, key, code, value, message.format(value), action)
    return findings + list(_contrast(voxelFacts, facts, procedure))


def _contrast(voxelFacts, facts, procedure):
    rule = procedure.limit("contrast")
    if not rule:
        return
    pool, lowest = voxelFacts.bloodPoolHu, rule["minimumHu"]
    shows = pool is not None and pool >= lowest
    if rule["rule"] == "avoid":
        if facts.hasContrast and shows:
            yield Finding(
                "contrast", "warn", f"Contrast medium was given and bright even areas show about {pool:.0f} HU.",
                "See that the bone threshold leaves vessels out, or choose a series without contrast.",
            )  # fmt: skip
        return
    if shows and facts.hasContrast:
        return
    what = f"bright even areas show about {pool:.0f} HU" if pool is not None else "no even bright area was found"
    if shows:
        yield Finding("contrast-not-stated", "warn", f"The header names no contrast medium, but {what}: vessels, or "
                      "bone of one density.", "Look at the vessels, or ask whether contrast was given.")  # fmt: skip
    elif facts.hasContrast:
        yield Finding("weak-contrast", "warn", f"Contrast medium was given, but {what}; {lowest:g} HU are recommended.",
                      "Choose another phase of the examination.")  # fmt: skip
    else:
        yield Finding("no-contrast", "reject", f"{procedure.title} needs contrast medium: the header names none and "
                      f"{what}.", "Choose the series with contrast, or scan again with contrast.")  # fmt: skip
