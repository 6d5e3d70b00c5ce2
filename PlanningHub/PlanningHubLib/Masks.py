"""Operations on binary masks: arrays (slices, rows, columns) of uint8 with 0 and 1."""

import numpy
import SimpleITK


def thresholded(voxelsHu, minimumHu):
    """Return the mask of voxels of at least ``minimumHu``."""
    return (voxelsHu >= minimumHu).view(numpy.uint8)


def largestIsland(mask):
    """Return the mask of the largest set of voxels that are connected through their faces; the first of equal ones.

    vtkITKIslandMath would be a little faster, but counts islands in the type of its input: a noisy scan has more of
    them than fit into a byte, and four bytes a voxel in and out take more memory than the volume.
    """
    extent = bounds(mask)
    if extent is None:
        return mask
    inside = tuple(slice(first, last + 1) for first, last in extent)
    # The array is a view of the image's memory: the image has to stay.
    labelImage = SimpleITK.ConnectedComponent(SimpleITK.GetImageFromArray(mask[inside]))
    labels = SimpleITK.GetArrayViewFromImage(labelImage)
    counts = numpy.zeros(int(labels.max()) + 1, numpy.int64)
    for plane in labels:
        counts += numpy.bincount(plane.reshape(-1), minlength=len(counts))
    largest = numpy.zeros_like(mask)
    largest[inside] = labels == counts[1:].argmax() + 1
    return largest


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
