"""Series made for one finding each: a head-like object with known tissues, and changes of its headers and voxels."""

import datetime

import numpy
import pydicom

from Phantom.DicomSeries import writeSeries

DAY = datetime.date(2026, 2, 1)
SPACING_MM = (0.5, 0.5, 1.0)
SHAPE = (48, 96, 112)
# Fine enough for a cranioplasty, but so small that writing it is quick.
ALWAYS = {"field-of-view", "coverage"}


def headVoxels(shape=SHAPE, noiseHu=8.0, seed=4):
    """A cylinder of soft tissue in a shell of bone, closed above, open below; noise of a known size; air around."""
    z, y, x = numpy.ogrid[: shape[0], : shape[1], : shape[2]]
    radius = numpy.hypot((y - shape[1] / 2) / (shape[1] / 2), (x - shape[2] / 2) / (shape[2] / 2))
    voxels = numpy.full(shape, -1000.0, numpy.float32)
    top = shape[0] - 8
    voxels[numpy.broadcast_to((radius < 0.85) & (z < top), shape)] = 40
    voxels[numpy.broadcast_to((radius > 0.7) & (radius < 0.8) & (z < top), shape)] = 1100
    voxels[numpy.broadcast_to((radius < 0.8) & (z >= top - 4) & (z < top), shape)] = 1100
    voxels += numpy.random.default_rng(seed).normal(0, noiseHu, shape)
    return numpy.clip(voxels, -1024, 3071).round().astype(numpy.int16)


def writeHead(folder, voxels=None, spacingMm=SPACING_MM, change=None, **attributes):
    """Write the head as a series; set attributes on every slice (None removes), then call ``change(image, index)``."""
    voxels = headVoxels() if voxels is None else voxels
    paths = writeSeries(folder, voxels, spacingMm, (-20.0, -30.0, 100.0), shuffle=False)
    for index, path in enumerate(paths if attributes or change else ()):
        image = pydicom.dcmread(path)
        for keyword, value in attributes.items():
            if value is None:
                delattr(image, keyword)
            else:
                setattr(image, keyword, value)
        if change:
            change(image, index)
        image.save_as(path)
    return folder


def painted(change):
    """Return the head's voxels after a change in place."""
    voxels = headVoxels()
    change(voxels)
    return voxels


def shifted(voxels):
    """Let the body leave the picture on one side."""
    voxels[:] = numpy.roll(voxels, 20, axis=2)


def metal(voxels):
    """Put a plate into it that saturates the scale."""
    voxels[10:30, 40:46, 50:58] = 3071


def vessels(hu):
    """Return the head's voxels with a pool of blood of that many HU."""

    def change(voxels):
        voxels[6:36, 36:60, 40:72] = hu + headVoxels()[6:36, 36:60, 40:72] - 40

    return painted(change)


def insideEllipsoid(points, centre, radiiMm, edgeMm=1.0):
    """Return 0..1 for points (..., 3) in mm: how far inside an ellipsoid, with a soft edge."""
    distance = (numpy.linalg.norm((points - numpy.array(centre)) / radiiMm, axis=-1) - 1) * min(radiiMm)
    return numpy.clip(0.5 - distance / edgeMm, 0, 1)


ELLIPSOID = {"centre": (5.0, -3.0, 12.0), "radiiMm": (28.0, 24.0, 30.0)}
ELLIPSOID_ML = 4 / 3 * numpy.pi * 28 * 24 * 30 / 1000


def writeEllipsoid(folder, tiltDegrees=0.0, heightsMm=None, shape=(60, 100, 110), spacingMm=(0.8, 0.8, 1.5)):
    """Write what a scanner with a tilted gantry, or with an uneven table, would see of an ellipsoid (LPS, known).

    The table moves along the body axis by ``heightsMm``; the slices lie at an angle to it.
    """
    heights = numpy.arange(shape[0]) * spacingMm[2] if heightsMm is None else heightsMm
    angle = numpy.radians(tiltDegrees)
    row, column = numpy.array([1.0, 0, 0]), numpy.array([0, numpy.cos(angle), -numpy.sin(angle)])
    places = numpy.array([-40.0, -42.0, -35.0]) + numpy.outer(heights, [0, 0, 1.0])
    down, across = numpy.meshgrid(numpy.arange(shape[1]), numpy.arange(shape[2]), indexing="ij")
    plane = across[..., None] * spacingMm[0] * row + down[..., None] * spacingMm[1] * column
    slices = [40 + 960 * insideEllipsoid(place + plane, **ELLIPSOID) for place in places]
    paths = writeSeries(folder, numpy.rint(slices).astype(numpy.int16), spacingMm, places[0])
    for path, place in zip(paths, places, strict=True):
        image = pydicom.dcmread(path)
        image.ImagePositionPatient = [f"{value:.6f}" for value in place]
        image.ImageOrientationPatient = [f"{value:.10f}" for value in (*row, *column)]
        image.GantryDetectorTilt = str(tiltDegrees)
        image.save_as(path)
    return folder
