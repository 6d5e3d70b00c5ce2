"""The patient's body in a CT: what is not table, head rest, cast or clothing.

What is thin is no body by itself: sheets of a table, shells of a head rest, a cast. But whatever the body encloses is
the body's, and so is what hangs on it and is short, such as nose and ears; only long thin things are taken away.
"""

import dataclasses

import numpy
from scipy import ndimage

from ..Errors import Finding
from ..Progress import noProgress
from . import Islands, Morphology
from .Grid import voxelMl

TISSUE_HU, DENSE_HU = -300, 200
THICKNESS_MM = 12.0
# A finger's core; more than a nose with its bridge (86 mm on a real scan), less than table, head rest or cast.
SMALLEST_CORE_ML, SHORT_MM = 2.0, 120.0
DENSE_FINDING_ML = 1.0


@dataclasses.dataclass(frozen=True, eq=False)
class Body:
    """The body's voxels with all that it encloses, and in ml what was taken away (tissue, and dense as bone is)."""

    mask: numpy.ndarray
    removedMl: float
    removedDenseMl: float
    findings: tuple


def findBody(voxelsHu, spacingMm, thicknessMm=THICKNESS_MM, progress=noProgress):
    """Return the :class:`Body` of a CT.

    :param voxelsHu: array (slices, rows, columns)
    :param spacingMm: (column, row, slice)
    :param thicknessMm: what is nowhere thicker than this and lies beside the body is not the body's
    """
    tissue = (voxelsHu > TISSUE_HU).view(numpy.uint8)
    progress(0.0, "Core of the body")
    core = Morphology.shrunk(tissue, thicknessMm / 2, spacingMm)
    core = Islands.keptIslands(core, None, int(SMALLEST_CORE_ML / voxelMl(spacingMm))) if core.any() else core
    progress(0.4, "Surface of the body")
    # The core's edges were rounded: half as much again brings them back, though not across the padding of a cast.
    around = Morphology.grown(core, 0.75 * thicknessMm, spacingMm) & tissue
    body = _islandsOf(around, core)
    progress(0.7, "Inside of the body")
    enclosed = _enclosed(body)
    body = _enclosed(enclosed | _shortAttached(tissue & (enclosed ^ 1), enclosed, spacingMm))
    progress(0.9, "What was removed")
    removed = tissue & (body ^ 1)
    dense = removed & (voxelsHu >= DENSE_HU).view(numpy.uint8)
    removedMl, denseMl = (int(numpy.count_nonzero(mask)) * voxelMl(spacingMm) for mask in (removed, dense))
    return Body(body, removedMl, denseMl, _findings(denseMl))


def _islandsOf(mask, part):
    """Return the islands of a mask that hold voxels of a part of it."""
    labels, counts = Islands.islands(mask)
    keep = numpy.zeros(len(counts), numpy.uint8)
    keep[numpy.unique(labels[part > 0])] = 1
    keep[0] = 0
    return keep[labels]


def _enclosed(body):
    """Return the body with what it surrounds in the slices of any direction, such as sinuses, lungs and bowel."""
    result = Islands.filled(body)
    for axis in range(3):
        alongAxis = numpy.moveaxis(body, axis, 0)
        result |= numpy.moveaxis(Islands.filledPerSlice(alongAxis), 0, axis)
    return result


def _shortAttached(rest, body, spacingMm):
    """Return the islands of the rest that touch the body and are short in every direction."""
    labels, counts = Islands.islands(rest)
    touches = numpy.zeros(len(counts), bool)
    for axis in range(3):
        ahead, behind = numpy.moveaxis(labels, axis, 0), numpy.moveaxis(body, axis, 0)
        for near, far in ((ahead[1:], behind[:-1]), (ahead[:-1], behind[1:])):
            touches[numpy.unique(near[far > 0])] = True
    touches[0] = False
    keep = numpy.zeros(len(counts), numpy.uint8)
    for label, box in enumerate(ndimage.find_objects(labels), 1):
        lengthsMm = [(part.stop - part.start) * mm for part, mm in zip(box, reversed(spacingMm), strict=True)]
        keep[label] = touches[label] and max(lengthsMm) <= SHORT_MM
    return keep[labels]


def _findings(denseMl):
    if denseMl < DENSE_FINDING_ML:
        return ()
    return (
        Finding(
            "dense-removed", "warn", f"{denseMl:.1f} ml as dense as bone were taken for table, head rest or cast.",
            "See in the preview that none of it is the patient's.",
        ),
    )  # fmt: skip
