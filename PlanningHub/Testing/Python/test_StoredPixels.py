"""Slices read without a decoder hold what SimpleITK decodes from the same files, or are left to it."""

import numpy
import pydicom
import pytest
import SimpleITK
from CaseMaking import writeSmallSeries

from PlanningHubLib.DicomScan import readHeaders
from PlanningHubLib.StoredPixels import readStored
from PlanningHubLib.Volumes import readSlices


def series(folder, signed, bits, stored, slope=1, intercept=-1024, **attributes):
    """Files whose pixels all were replaced by the stored values (uint16 patterns), repeated."""
    writeSmallSeries(folder)
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in paths:
        dataset = pydicom.dcmread(path)
        dataset.PixelRepresentation, dataset.BitsStored, dataset.HighBit = signed, bits, bits - 1
        dataset.RescaleSlope, dataset.RescaleIntercept = slope, intercept
        for keyword, value in attributes.items():
            setattr(dataset, keyword, value)
        count = dataset.Rows * dataset.Columns
        dataset.PixelData = numpy.resize(numpy.array(stored, "<u2"), count).tobytes()
        dataset.save_as(path)
    return readHeaders(paths)


def decoded(headers):
    image = SimpleITK.ReadImage([str(header.path) for header in headers])
    return SimpleITK.GetArrayFromImage(image)


@pytest.mark.parametrize(
    ("signed", "bits", "stored", "slope", "intercept"),
    [
        (1, 16, [0, 1, 1024, 4095, 0xFFFF, 0x8400], 1, -1024),
        (0, 16, [0, 1, 1024, 4095, 33000], 1, -1024),
        (0, 12, [0, 1, 1024, 4095], 1, -1024),
        (0, 12, [0, 1, 1024, 4095], 2, -1024),
        (1, 16, [0, 5, 0xFC18], -1, 10),
    ],
)
def test_plainSlicesAreBitExact(tmp_path, signed, bits, stored, slope, intercept):
    headers = series(tmp_path, signed, bits, stored, slope, intercept)
    voxels = readStored(headers)
    assert voxels.dtype == numpy.int16
    assert numpy.array_equal(voxels, decoded(headers))


@pytest.mark.parametrize(
    ("signed", "bits", "stored", "slope", "intercept", "attributes"),
    [
        (0, 16, [0, 65535], 1, 0, {}),
        (1, 16, [0x8000], 1, -1024, {}),
        (0, 12, [0, 0x8001], 1, -1024, {}),
        (1, 12, [0x0FFF], 1, 0, {}),
        (1, 16, [1, 2], 0.5, 0, {}),
        (1, 16, [1, 2], 1, 0.5, {}),
        (0, 16, [1, 2], 1, 0, {"PhotometricInterpretation": "MONOCHROME1"}),
    ],
)
def test_whatDoesNotFitIsLeftToTheDecoder(tmp_path, signed, bits, stored, slope, intercept, attributes):
    headers = series(tmp_path, signed, bits, stored, slope, intercept, **attributes)
    assert readStored(headers) is None
    assert numpy.array_equal(readSlices(headers), decoded(headers))


def test_fileThatShrankSinceItsHeaderWasReadIsNotTaken(tmp_path):
    headers = series(tmp_path, 1, 16, [1, 2, 3])
    path = headers[1].path
    path.write_bytes(path.read_bytes()[:-2])
    assert readStored(headers) is None
