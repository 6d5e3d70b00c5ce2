"""Small previews of surfaces, painted without OpenGL so that every machine can make them."""

import numpy
from scipy import ndimage

from PlanningHubLib.Planning.Sampling import surfaceSamples

SIZE = 128
SAMPLES = 60_000
MARGIN = 4
# Where the viewer stands, LPS: before the patient, a little to the left and above.
TOWARDS_VIEWER = numpy.array([0.35, -0.85, 0.4])
# What faces the viewer is white, what turns away never as dark as the background.
DARKEST, BRIGHTEST = 60, 255


def painted(mesh):
    """Return a preview (128, 128) uint8 of a mesh in LPS mm, the background black, the patient's left at the right."""
    samples = surfaceSamples(mesh, SAMPLES)
    axes = _axes()
    across, up, near = axes @ (samples.points - samples.points.mean(0)).T
    facing = axes[2] @ samples.normals.T
    spanMm = max(numpy.ptp(across), numpy.ptp(up), 1e-3)
    scale = (SIZE - 2 * MARGIN - 1) / spanMm
    columns = numpy.round(SIZE / 2 + scale * (across - (across.min() + across.max()) / 2)).astype(int)
    rows = numpy.round(SIZE / 2 - scale * (up - (up.min() + up.max()) / 2)).astype(int)
    # Painted from far to near: the nearest stays.
    order = numpy.argsort(near)
    order = order[facing[order] > 0]
    grey = DARKEST + (BRIGHTEST - DARKEST) * facing
    picture = numpy.zeros((SIZE, SIZE), numpy.uint8)
    picture[rows[order].clip(0, SIZE - 1), columns[order].clip(0, SIZE - 1)] = grey[order]
    # Between the samples of a surface that faces away nothing was painted.
    return numpy.where(picture > 0, picture, ndimage.grey_closing(picture, size=(3, 3))).astype(numpy.uint8)


def _axes():
    """Return the picture's axes (3, 3) as rows, LPS: to the right, upwards, and towards the viewer."""
    towards = TOWARDS_VIEWER / numpy.linalg.norm(TOWARDS_VIEWER)
    right = numpy.cross((0.0, 0.0, 1.0), towards)
    right /= numpy.linalg.norm(right)
    return numpy.array([right, numpy.cross(towards, right), towards])


def iconItem(picture):
    """Return the item of an Icon Image Sequence (PS3.3 C.7.6.1.1.6) of a picture (rows, columns) uint8."""
    from pydicom.dataset import Dataset

    item = Dataset()
    item.SamplesPerPixel, item.PhotometricInterpretation = 1, "MONOCHROME2"
    item.Rows, item.Columns = picture.shape
    item.BitsAllocated, item.BitsStored, item.HighBit, item.PixelRepresentation = 8, 8, 7, 0
    item.add_new("PixelData", "OB", numpy.ascontiguousarray(picture).tobytes())
    return item
