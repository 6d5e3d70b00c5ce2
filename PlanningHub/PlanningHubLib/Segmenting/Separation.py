"""Structures that touch, such as skull and mandible, taken apart from a few points that a person places on each.

Two rules. ``darkest-gap``: each structure's points flood the mask, the brightest voxels first (F. Meyer's watershed);
the floods meet where the way between two structures is darkest, as in the gap of a joint, blurred though it is. Marrow
that bone surrounds counts as bright as the bone around it.
``nearest``: each voxel goes to the structure whose points are nearest on a way inside the mask (fast marching); for
structures of like size in a row with no gap between them, such as vertebrae in thick slices.
"""

import dataclasses

import numpy
import SimpleITK

from .. import Masks
from ..Errors import Finding, InputRefused
from ..Progress import noProgress
from . import Islands
from .Grid import imageOf, voxelMl

RULES = ("darkest-gap", "nearest")
SMOOTHING_MM = 0.5
# How far beside the mask a point may have been placed.
SNAP_MM = 5.0
# What a structure gets at least of the whole, unless something is wrong with its points.
TINY = 0.001
_NEVER, _ELSEWHERE = 1e9, 255


@dataclasses.dataclass(frozen=True, eq=False)
class Separated:
    """Which structure each voxel belongs to: array like the mask, 0 for none, then 1 ... n in the structures' order."""

    labels: numpy.ndarray
    withoutPointMl: float
    findings: tuple


def separate(voxelsHu, mask, seeds, spacingMm, rule="darkest-gap", progress=noProgress):
    """Divide a mask among structures.

    :param voxelsHu: array (slices, rows, columns)
    :param mask: array of 0 and 1
    :param seeds: structure → voxels (n, 3) as (slice, row, column), in the order of the labels
    :returns: :class:`Separated`; islands on which no point lies belong to none
    :raises InputRefused: ``too-few-structures``, ``empty-segment``, ``seeds-in-air``, ``seeds-at-one-place``
    """
    if len(seeds) < 2:
        raise InputRefused("too-few-structures", "One structure alone cannot be separated.", "Place points on others.")
    extent = Masks.bounds(mask)
    if extent is None:
        raise InputRefused("empty-segment", "There is nothing to separate.", "Choose other limits.")
    inside = tuple(slice(first, last + 1) for first, last in extent)
    part, start = mask[inside], [one.start for one in inside]
    progress(0.0, "Brightness")
    bright = _brightness(voxelsHu[inside], part, spacingMm)
    progress(0.3, "Points")
    markers = _markers(part, bright, {name: indices - start for name, indices in seeds.items()}, spacingMm)
    reached = Islands.islandsAt(part, numpy.argwhere(markers))
    progress(0.4, "Separating")
    divide = _flooded if rule == "darkest-gap" else _nearest
    labels = divide(reached, bright, markers, spacingMm)
    result = numpy.zeros_like(mask)
    result[inside] = labels * reached
    withoutMl = int(numpy.count_nonzero(part & (reached ^ 1))) * voxelMl(spacingMm)
    return Separated(result, withoutMl, _findings(withoutMl, numpy.bincount(result.reshape(-1)), list(seeds)))


def _brightness(voxelsHu, mask, spacingMm):
    image = SimpleITK.Cast(imageOf(voxelsHu, spacingMm), SimpleITK.sitkFloat32)
    # The recursive filter needs four voxels in each direction; coarse voxels are averages already.
    if SMOOTHING_MM > 0.25 * min(spacingMm) and min(voxelsHu.shape) >= 4:
        image = SimpleITK.SmoothingRecursiveGaussian(image, SMOOTHING_MM)
    # What is darker than all of the mask does not count: as one plateau it is filled in a third of the time.
    dark = float(SimpleITK.GetArrayViewFromImage(image)[mask != 0].min())
    return SimpleITK.GetArrayFromImage(SimpleITK.GrayscaleFillhole(SimpleITK.Maximum(image, dark), False))


def _markers(mask, bright, seeds, spacingMm):
    """Return array like the mask: the structure's number at its points and on the way from there to the brightest."""
    markers = numpy.zeros(mask.shape, numpy.uint8)
    for label, (structure, indices) in enumerate(seeds.items(), 1):
        for index in indices:
            for voxel in _uphill(bright, mask, _nearestVoxel(mask, structure, index, spacingMm)):
                if markers[voxel] not in (0, label):
                    raise InputRefused(
                        "seeds-at-one-place", f"A point on {structure} lies close to one on another structure.",
                        "Move it away from where they touch.",
                    )  # fmt: skip
                markers[voxel] = label
    return markers


def _nearestVoxel(mask, structure, index, spacingMm):
    reach = [int(numpy.ceil(SNAP_MM / mm)) for mm in reversed(spacingMm)]
    low, high = numpy.maximum(index - reach, 0), numpy.maximum(index + reach + 1, 0)
    near = numpy.argwhere(mask[tuple(slice(first, last) for first, last in zip(low, high, strict=True))]) + low
    distancesMm = numpy.linalg.norm((near - index) * spacingMm[::-1], axis=1)
    if not len(near) or distancesMm.min() > SNAP_MM:
        raise InputRefused(
            "seeds-in-air", f"A point on {structure} is more than {SNAP_MM:g} mm from anything within the limits.",
            "Place it on the structure.",
        )  # fmt: skip
    return tuple(int(one) for one in near[distancesMm.argmin()])


def _uphill(bright, mask, voxel):
    """Return the voxels from one to the brightest that can be reached by ever brighter neighbors within the mask.

    A point in dim marrow would else wait for its turn while another structure's flood comes in.
    """
    way = [voxel]
    while True:
        low = numpy.maximum(numpy.array(way[-1]) - 1, 0)
        around = tuple(slice(first, last + 2) for first, last in zip(low, way[-1], strict=True))
        values = numpy.where(mask[around], bright[around], -_NEVER)
        found = numpy.unravel_index(values.argmax(), values.shape) + low
        following = tuple(int(one) for one in found)
        if bright[following] <= bright[way[-1]]:
            return way
        way.append(following)


def _flooded(mask, bright, markers, spacingMm):
    level = numpy.where(mask, -bright, numpy.float32(_NEVER))
    # What is not next to the mask need not be flooded: most of the scan.
    markers = numpy.where(_withNeighbors(mask), markers, numpy.uint8(_ELSEWHERE))
    level, markers = SimpleITK.GetImageFromArray(level), SimpleITK.GetImageFromArray(markers)
    return SimpleITK.GetArrayFromImage(SimpleITK.MorphologicalWatershedFromMarkers(level, markers, False, False))


def _withNeighbors(mask):
    """Return the mask with the voxels that share a face with it."""
    wide = mask.copy()
    for axis in range(3):
        here, there = numpy.moveaxis(wide, axis, 0), numpy.moveaxis(mask, axis, 0)
        here[1:] |= there[:-1]
        here[:-1] |= there[1:]
    return wide


def _nearest(mask, bright, markers, spacingMm):
    speed = imageOf(mask.astype(numpy.float32), spacingMm)
    best, labels = numpy.full(mask.shape, numpy.float32(_NEVER)), numpy.zeros_like(mask)
    for label in range(1, int(markers.max()) + 1):
        marching = SimpleITK.FastMarchingImageFilter()
        marching.SetTrialPoints([[int(one) for one in index[::-1]] for index in numpy.argwhere(markers == label)])
        marching.SetStoppingValue(_NEVER)
        arrival = SimpleITK.GetArrayFromImage(marching.Execute(speed))
        labels[arrival < best] = label
        numpy.minimum(best, arrival, out=best)
    return labels


def _findings(withoutMl, counts, structures):
    findings = []
    if withoutMl >= 0.1:
        findings.append(Finding(
            "without-point", "info", f"{withoutMl:.1f} ml touch nothing with a point on it and were left out.",
            "Place a point there if it belongs to a structure.",
        ))  # fmt: skip
    for label, structure in enumerate(structures, 1):
        if label >= len(counts) or counts[label] < TINY * counts[1:].sum():
            findings.append(Finding(
                "tiny-structure", "warn", f"Hardly anything was found to belong to {structure}.",
                "Place another point on it, where it is dense.",
            ))  # fmt: skip
    return tuple(findings)
