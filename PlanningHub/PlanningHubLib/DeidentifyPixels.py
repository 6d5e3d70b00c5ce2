"""Stored pixel values of a copy: decoded, exactly as they were, and nothing beside them.

A compressed stream has comment fields of its own and unused high bits once held overlays: so pixels are decoded, and
only the bits that the header calls stored are kept.
"""

import math

import numpy

from .DecodeWorker import decodeStoredInWorker
from .Errors import InputRefused
from .StoredPixels import PLAIN_TRANSFER_SYNTAXES, onlyStoredBits

DEFLATED = "1.2.840.10008.1.2.1.99"
AIR_HU = -1000


def storedValues(dataset, path, worker):
    """Return the stored values of a CT or MR image with its unused bits cleared.

    :param dataset: the source's dataset, with file meta
    :param worker: :class:`PlanningHubLib.DecodeWorker.DecodeWorker`, which decodes what is compressed
    :returns: array (rows, columns), of a multi-frame image (frames, rows, columns)
    :raises InputRefused: ``cannot-decode``, ``hostile-file``, ``object-not-supported``
    """
    kind = _numberType(dataset, path)
    shape = (int(dataset.Rows), int(dataset.Columns))
    if "NumberOfFrames" in dataset:
        shape = (int(dataset.NumberOfFrames), *shape)
    if dataset.file_meta.TransferSyntaxUID in (*PLAIN_TRANSFER_SYNTAXES, DEFLATED):
        data = bytes(dataset.get("PixelData") or b"")
        length = math.prod(shape) * kind.itemsize
        if len(data) < length:
            raise _undecodable(path)
        values = numpy.frombuffer(data[:length], kind).reshape(shape)
    else:
        values = _decoded(dataset, path, kind, shape, worker)
    return onlyStoredBits(values, int(dataset.BitsStored))


def storedBytes(values):
    """Return stored values as little endian bytes of even length."""
    data = numpy.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes()
    return data + b"\0" * (len(data) % 2)


def storedAir(dataset, slope, intercept, air=AIR_HU):
    """Return the stored value of air (-1000 HU, in MR what lies around the body), or the nearest that it can hold."""
    bits, signed = int(dataset.BitsStored), int(dataset.PixelRepresentation)
    lowest = -(signed << (bits - 1))
    highest = (1 << (bits - signed)) - 1
    return min(max(round((air - intercept) / slope), lowest), highest)


def _numberType(dataset, path):
    bits, signed = int(dataset.get("BitsAllocated") or 0), int(dataset.get("PixelRepresentation") or 0)
    stored = int(dataset.get("BitsStored") or 0)
    isPlain = int(dataset.get("SamplesPerPixel") or 0) == 1 and int(dataset.get("NumberOfFrames", 1) or 0) >= 1
    if not isPlain or bits not in (8, 16) or not 0 < stored <= bits or dataset.get("HighBit") != stored - 1:
        raise InputRefused(
            "object-not-supported", f"{path} is not a gray image.", "Leave it out of the folder.", [path]
        )
    return numpy.dtype(f"<{'i' if signed else 'u'}{bits // 8}")


def _decoded(dataset, path, kind, shape, worker):
    syntax, stored = dataset.file_meta.TransferSyntaxUID, numpy.empty(shape, kind)
    for number, frame in enumerate(stored if len(shape) == 3 else [stored]):
        values = decodeStoredInWorker(worker, path, syntax, shape[-2:], number)
        frame[...] = values.astype(kind)
        if not numpy.array_equal(frame, values):
            raise _undecodable(path)
    return stored


def _undecodable(path):
    return InputRefused("cannot-decode", f"The pixels of {path} cannot be decoded.", "Fetch the series again.", [path])
