"""Islands of a mask, connected through their faces, and the holes inside it."""

import numpy
import SimpleITK

from .. import Masks
from ..Errors import InputRefused


def islands(mask):
    """Return each voxel's island and the islands' voxel counts.

    :param mask: array (slices, rows, columns) of 0 and 1
    :returns: labels like the mask, 0 outside, 1 ... n in the order of their first voxels; counts (n + 1,), that of the
        label 0 set to 0
    """
    labels = SimpleITK.GetArrayFromImage(SimpleITK.ConnectedComponent(SimpleITK.GetImageFromArray(mask)))
    counts = numpy.zeros(int(labels.max()) + 1, numpy.int64)
    for plane in labels:
        counts += numpy.bincount(plane.reshape(-1), minlength=len(counts))
    counts[0] = 0
    return labels, counts


def keptIslands(mask, count=None, minimumVoxels=1):
    """Return the mask of its largest islands.

    :param count: how many at most; None for all of at least ``minimumVoxels``
    """
    if count == 1 and minimumVoxels <= 1:
        return Masks.largestIsland(mask)
    inside = _box(mask)
    labels, counts = islands(mask[inside])
    # Stable: of equal ones the first.
    order = numpy.argsort(-counts, kind="stable")[:count]
    keep = numpy.zeros(len(counts), numpy.uint8)
    keep[order] = counts[order] >= max(1, minimumVoxels)
    return _placed(mask, inside, keep[labels])


def islandsAt(mask, indices):
    """Return the mask of the islands that hold any of the voxels (n, 3)."""
    inside = _box(mask)
    labels, counts = islands(mask[inside])
    keep = numpy.zeros(len(counts), numpy.uint8)
    keep[labels[tuple((indices - [part.start for part in inside]).T)]] = 1
    keep[0] = 0
    return _placed(mask, inside, keep[labels])


def filled(mask, maximumVoxels=None):
    """Return the mask with its holes filled: what is empty and cannot be reached from the border of the grid.

    :param maximumVoxels: holes above it stay; None for no limit
    """
    extent = Masks.bounds(mask)
    if extent is None:
        return mask.copy()
    # A hole is within the bounds; around them all is empty, except where the grid itself ends.
    inside = tuple(slice(first, last + 1) for first, last in extent)
    part = numpy.pad(mask[inside], 1)
    # The empty space around is one run from end to end with all that can be reached; one voxel more ends the last run.
    flat = numpy.append(part.reshape(-1) ^ 1, numpy.uint8(0))
    ends = Masks.runEnds(flat)
    if len(ends) > mask.size * Masks.MOST_RUN_ENDS:
        return _placed(mask, inside, _filled(mask[inside], maximumVoxels))
    starts, stops = ends[0::2], ends[1::2]
    sets = Masks.joinedRuns(starts, stops, (part.shape[2], part.shape[1] * part.shape[2]))
    isHole = sets != sets[0]
    if maximumVoxels is not None:
        isHole &= numpy.bincount(sets, stops - starts)[sets] <= maximumVoxels
    holes = Masks.ofRuns(starts[isHole], stops[isHole], flat.shape)[:-1].reshape(part.shape)
    return _placed(mask, inside, (part | holes)[1:-1, 1:-1, 1:-1])


def filledPerSlice(mask, maximumVoxels=None):
    """Return the mask with what is enclosed within each slice filled, whatever its neighbors are.

    :param maximumVoxels: areas of more voxels in their slice stay; None for no limit
    """
    result = mask.copy()
    for index in numpy.flatnonzero(mask.any(axis=(1, 2))):
        result[index] = _filled(mask[index], maximumVoxels)
    return result


def _filled(mask, maximumVoxels):
    if maximumVoxels is None:
        image = SimpleITK.BinaryFillhole(SimpleITK.GetImageFromArray(mask), False, 1)
        return SimpleITK.GetArrayFromImage(image)
    labels, counts = islands(mask ^ 1)
    isHole = counts <= maximumVoxels
    for axis in range(mask.ndim):
        for end in (0, -1):
            isHole[numpy.unique(numpy.take(labels, end, axis))] = False
    # Label 0 is the mask itself.
    isHole[0] = True
    return isHole.astype(numpy.uint8)[labels]


def _box(mask):
    extent = Masks.bounds(mask)
    if extent is None:
        raise InputRefused("empty-segment", "The segment has no voxels.", "Choose other limits.")
    return tuple(slice(first, last + 1) for first, last in extent)


def _placed(mask, inside, part):
    result = numpy.zeros_like(mask)
    result[inside] = part
    return result
