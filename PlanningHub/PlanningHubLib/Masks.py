"""Operations on binary masks: arrays (slices, rows, columns) of uint8 with 0 and 1."""

import numpy
import vtk
from vtk.util import numpy_support


def thresholded(voxelsHu, minimumHu):
    """Return the mask of voxels of at least ``minimumHu``."""
    return (voxelsHu >= minimumHu).view(numpy.uint8)


def largestIsland(mask):
    """Return the mask of the largest set of voxels that are connected through their faces."""
    from slicer import vtkITKIslandMath

    image = vtk.vtkImageData()
    image.SetDimensions(*reversed(mask.shape))
    image.GetPointData().SetScalars(numpy_support.numpy_to_vtk(mask.reshape(-1)))
    islands = vtkITKIslandMath()
    islands.SetInputData(image)
    islands.SetFullyConnected(False)
    islands.Update()
    # Islands are numbered by falling size, the background being 0.
    labels = numpy_support.vtk_to_numpy(islands.GetOutput().GetPointData().GetScalars())
    return (labels == 1).view(numpy.uint8).reshape(mask.shape)


def closed(mask, voxels=1):
    """Return the morphological closing with a cube of ``2 * voxels + 1`` voxels a side.

    The surroundings of the mask count as empty, yet the border is not eroded. A cube's dilation and erosion go axis by
    axis; along slices and rows eight voxels are handled at once as bits.
    """
    padded = numpy.pad(mask, voxels)
    _shiftAll(padded, 2, voxels, numpy.bitwise_or)
    packed = numpy.packbits(padded, axis=2)
    for combine in (numpy.bitwise_or, numpy.bitwise_and):
        for axis in (0, 1):
            _shiftAll(packed, axis, voxels, combine)
    padded = numpy.unpackbits(packed, axis=2, count=padded.shape[2])
    _shiftAll(padded, 2, voxels, numpy.bitwise_and)
    inside = slice(voxels, -voxels or None)
    return numpy.ascontiguousarray(padded[inside, inside, inside])


def _shiftAll(array, axis, voxels, combine):
    """Combine each voxel in place with its neighbours along an axis; what lies outside is left out."""
    view = numpy.moveaxis(array, axis, 0)
    for _step in range(voxels):
        before = view.copy()
        combine(view[1:], before[:-1], out=view[1:])
        combine(view[:-1], before[1:], out=view[:-1])


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
