"""Operations on binary masks: arrays (slices, rows, columns) of uint8 with 0 and 1."""

import numpy
import SimpleITK
from scipy.sparse import coo_matrix, csgraph

# More changes along rows than this per voxel are noise: then numbering voxels takes less.
MOST_RUN_ENDS = 1 / 16


def thresholded(voxelsHu, minimumHu):
    """Return the mask of voxels of at least ``minimumHu``."""
    return (voxelsHu >= minimumHu).view(numpy.uint8)


def largestIsland(mask):
    """Return the mask of the largest set of voxels that are connected through their faces; the first of equal ones.

    Bone is long runs of voxels along rows: joining the runs takes less time and memory than numbering voxels. Where
    noise leaves runs of few voxels, the voxels are numbered after all.
    """
    extent = bounds(mask)
    if extent is None:
        return mask
    inside = tuple(slice(first, last + 1) for first, last in extent)
    largest = numpy.zeros_like(mask)
    largest[inside] = _largestOfRuns(mask[inside])
    return largest


def _largestOfRuns(mask):
    slices, rows, columns = mask.shape
    # An empty column and row at the end: no run goes over the end of its row, nor meets one beyond its slice's end.
    padded = numpy.zeros((slices, rows + 1, columns + 1), numpy.uint8)
    padded[:, :rows, :columns] = mask
    flat = padded.reshape(-1)
    ends = runEnds(flat)
    if len(ends) > mask.size * MOST_RUN_ENDS:
        return _largestOfVoxels(mask)
    starts, stops = ends[0::2], ends[1::2]
    labels = joinedRuns(starts, stops, (columns + 1, (rows + 1) * (columns + 1)))
    largest = labels == numpy.bincount(labels, stops - starts).argmax()
    return ofRuns(starts[largest], stops[largest], padded.shape)[:, :rows, :columns]


def runEnds(flat):
    """Return where runs of ones begin and end, in turns, of an array that ends with 0."""
    ends = numpy.flatnonzero(flat[1:] != flat[:-1]) + 1
    return numpy.concatenate([[0], ends]) if flat[0] else ends


def ofRuns(starts, stops, shape):
    """Return the array of a shape whose ones are these runs."""
    steps = numpy.zeros(shape, numpy.int8)
    steps.reshape(-1)[starts], steps.reshape(-1)[stops] = 1, -1
    return numpy.cumsum(steps, dtype=numpy.int8).view(numpy.uint8).reshape(shape)


def joinedRuns(starts, stops, shifts):
    """Return each run's set, of runs that overlap when one is shifted by a row or a slice."""
    ones, others = [], []
    for shift in shifts:
        first = numpy.searchsorted(stops, starts + shift, "right")
        counts = numpy.searchsorted(starts, stops + shift, "left") - first
        one = numpy.repeat(numpy.arange(len(starts), dtype=numpy.int32), counts)
        ones.append(one)
        before = numpy.cumsum(counts) - counts
        others.append((numpy.arange(len(one)) + numpy.repeat(first - before, counts)).astype(numpy.int32))
    ones, others = numpy.concatenate(ones), numpy.concatenate(others)
    links = coo_matrix((numpy.ones(len(ones), numpy.int8), (ones, others)), shape=(len(starts),) * 2)
    return csgraph.connected_components(links, directed=False)[1]


def _largestOfVoxels(mask):
    # The array is a view of the image's memory: the image has to stay.
    labelImage = SimpleITK.ConnectedComponent(SimpleITK.GetImageFromArray(mask))
    labels = SimpleITK.GetArrayViewFromImage(labelImage)
    counts = numpy.zeros(int(labels.max()) + 1, numpy.int64)
    for plane in labels:
        counts += numpy.bincount(plane.reshape(-1), minlength=len(counts))
    return labels == counts[1:].argmax() + 1


def closed(mask, voxels=1):
    """Return the morphological closing with a cube of ``2 * voxels + 1`` voxels a side.

    The surroundings of the mask count as empty, yet the border is not eroded. A cube's dilation and erosion go axis by
    axis, eight voxels at once as the bits of a byte.
    """
    margin = -(-voxels // 8)
    packed = numpy.pad(numpy.packbits(mask, axis=2), ((voxels, voxels), (voxels, voxels), (margin, margin)))
    # One run of bytes: what spills over from one row's end into the next row's start never gets through the margins.
    stream = packed.reshape(-1)
    for combine in (numpy.bitwise_or, numpy.bitwise_and):
        for _step in range(voxels):
            _combineColumns(stream, combine)
            for bytesApart in packed.strides[:2]:
                _combineAcross(stream, bytesApart, combine)
    inside = slice(voxels, -voxels or None)
    inBytes = slice(margin, -margin or None)
    return numpy.unpackbits(packed[inside, inside, inBytes], axis=2, count=mask.shape[2])


def _combineColumns(stream, combine):
    """Combine in place each bit with the bits before and after it."""
    before, after = stream >> 1, stream << 1
    before[1:] |= stream[:-1] << 7
    after[:-1] |= stream[1:] >> 7
    combine(stream, before, out=stream)
    combine(stream, after, out=stream)


def _combineAcross(stream, bytesApart, combine):
    """Combine in place each byte with those at a distance before and after it."""
    original = stream.copy()
    combine(stream[bytesApart:], original[:-bytesApart], out=stream[bytesApart:])
    combine(stream[:-bytesApart], original[bytesApart:], out=stream[:-bytesApart])


def bounds(mask):
    """Return the mask's extent as ((first, last) per axis), or None for an empty mask."""
    extents = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        filled = numpy.flatnonzero(mask.any(axis=others))
        if not len(filled):
            return None
        extents.append((int(filled[0]), int(filled[-1])))
    return tuple(extents)
