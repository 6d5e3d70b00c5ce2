"""What goes to a model and comes back: an image without any identifier, and label maps on the same voxels."""

import numpy
import SimpleITK

from ..Errors import InputRefused

IMAGE_NAME = "image.nii"
# A label map's corners lie where the image's do, within this share of a voxel: NIfTI keeps places as 32-bit floats.
MOST_SHIFT = 0.05
LPS_FROM_RAS = numpy.diag([-1.0, -1.0, 1.0, 1.0])
AGAIN = "Ask who runs the model; a result on another grid would be in the wrong place."


def writeImage(voxels, ijkToRas, path):
    """Write voxels as NIfTI, values and geometry and nothing else; uncompressed, that takes a twentieth of the time.

    :param voxels: array (slices, rows, columns), HU or what MR has
    :param ijkToRas: 4×4, (column, row, slice) to RAS mm
    :raises InputRefused: ``cannot-write``
    """
    matrix = LPS_FROM_RAS @ numpy.asarray(ijkToRas, float)
    spacingMm = numpy.linalg.norm(matrix[:3, :3], axis=0)
    image = SimpleITK.GetImageFromArray(voxels)
    image.SetSpacing(spacingMm.tolist())
    image.SetOrigin(matrix[:3, 3].tolist())
    image.SetDirection((matrix[:3, :3] / spacingMm).reshape(-1).tolist())
    try:
        SimpleITK.WriteImage(image, str(path))
    except RuntimeError as error:
        raise InputRefused("cannot-write", f"{path} could not be written.", "See whether the disk is full.") from error


def readLabels(path, ijkToRas, shape):
    """Return the labels of a file that lies exactly on the image's voxels, array (slices, rows, columns) of integers.

    :param ijkToRas: 4×4 of the image, (column, row, slice) to RAS mm
    :param shape: (slices, rows, columns) of the image
    :raises InputRefused: ``other-grid``, ``bad-labels``
    """
    SimpleITK.ProcessObject.GlobalWarningDisplayOff()
    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        # What the header says is checked before the voxels are unpacked.
        reader.ReadImageInformation()
        _requireGrid(reader, ijkToRas, shape)
        labels = SimpleITK.GetArrayFromImage(reader.Execute())
    except RuntimeError as error:
        raise InputRefused("bad-labels", "The model's result cannot be read as an image.", AGAIN) from error
    return _whole(labels)


def _requireGrid(reader, ijkToRas, shape):
    size = tuple(reader.GetSize())
    if size != tuple(shape[::-1]) or reader.GetNumberOfComponents() != 1:
        raise InputRefused("other-grid", f"The model's result has {_times(size)} voxels, the image "
                           f"{_times(shape[::-1])}.", AGAIN)  # fmt: skip
    found = numpy.eye(4)
    found[:3, :3] = numpy.reshape(reader.GetDirection(), (3, 3)) * reader.GetSpacing()
    found[:3, 3] = reader.GetOrigin()
    corners = numpy.array([[*(numpy.array(corner) * (numpy.array(size) - 1)), 1] for corner in numpy.ndindex(2, 2, 2)])
    expected = LPS_FROM_RAS @ numpy.asarray(ijkToRas, float)
    shiftMm = numpy.linalg.norm((corners @ (found - expected).T)[:, :3], axis=1).max()
    if shiftMm > MOST_SHIFT * min(numpy.linalg.norm(expected[:3, :3], axis=0)):
        raise InputRefused("other-grid", f"The model's result lies up to {shiftMm:.2f} mm beside the image.", AGAIN)


def _times(size):
    return " × ".join(str(count) for count in size)


def _whole(labels):
    """Some models write whole numbers as floats."""
    if not numpy.issubdtype(labels.dtype, numpy.floating):
        return labels
    whole = numpy.nan_to_num(labels, nan=-1).astype(numpy.int32)
    if not (whole == labels).all():
        raise InputRefused("bad-labels", "The model's result holds values that are no labels.", AGAIN)
    return whole


def maskOf(labels, values):
    """Return the mask of the voxels with any of some values, uint8 of 0 and 1."""
    return numpy.isin(labels, list(values)).astype(numpy.uint8)
