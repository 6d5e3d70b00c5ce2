"""The CT that is timed: real where the test data are there, else the phantom; made once and kept."""

import os
from pathlib import Path

import numpy
import SimpleITK

from Phantom.DicomSeries import byPosition, writeSeries
from Phantom.HeadPhantom import makeHeadPhantom, writeHeadPhantom

LARGE = (400, 512, 512)
SMALL = (108, 256, 256)
ORIGIN = "made-from.txt"


def benchSeries(folder, shape):
    """Return the folder of a series of a shape (slices, rows, columns), and what it was made from.

    :param folder: the series is made there unless it is there already
    """
    folder = Path(folder)
    origin = folder / ORIGIN
    if not origin.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        text = _make(folder / "dicom", shape)
        # Last, so that a series that was interrupted is made again.
        origin.write_text(text, encoding="utf-8")
    return folder / "dicom", origin.read_text(encoding="utf-8")


def _make(folder, shape):
    size = "{2} x {1} x {0}".format(*shape)
    skull = skullFolder()
    if skull is None:
        writeHeadPhantom(folder, makeHeadPhantom(shape))
        return f"synthetic head phantom, {size}"
    image = _resampled(SimpleITK.ReadImage([str(path) for path in byPosition(skull)]), shape)
    voxelsHu = numpy.maximum(SimpleITK.GetArrayFromImage(image), -1024)
    direction = numpy.reshape(image.GetDirection(), (3, 3))
    writeSeries(folder, voxelsHu, image.GetSpacing(), image.GetOrigin(), direction, patientId="BENCH-1")
    return f"real CT of a skull (ct_skull_defect), resampled to {size}"


def skullFolder():
    """Return the folder of the real skull CT, or None."""
    data = os.environ.get("PLANNINGHUB_TEST_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data"
    folder = Path(data) / "ct_skull_defect"
    return folder if folder.is_dir() else None


def _resampled(image, shape):
    """Return the image on a grid of another shape that covers the same field."""
    size = shape[::-1]
    factors = [old / new for old, new in zip(image.GetSize(), size, strict=True)]
    spacing = [mm * factor for mm, factor in zip(image.GetSpacing(), factors, strict=True)]
    origin = image.TransformContinuousIndexToPhysicalPoint([(factor - 1) / 2 for factor in factors])
    return SimpleITK.Resample(
        image, size, SimpleITK.Transform(), SimpleITK.sitkLinear, origin, spacing, image.GetDirection(), -1000
    )
