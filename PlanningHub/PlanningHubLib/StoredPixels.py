"""Uncompressed slices read straight into one array: a decoder's values in a fraction of its time and memory."""

import concurrent.futures
import os

import numpy

# Implicit and Explicit VR Little Endian.
PLAIN_TRANSFER_SYNTAXES = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1")
INT16 = numpy.iinfo(numpy.int16)


def readStored(headers):
    """Read slices in the given order.

    :param headers: list of :class:`PlanningHubLib.SliceHeader.SliceHeader`, all of one size
    :returns: array (slices, rows, columns) of int16 in HU, of MR in its own values; None where a decoder has to be
        asked, as for compressed or damaged files and for values that are not whole or do not fit
    """
    if not all(map(isPlain, headers)):
        return None
    voxels = numpy.empty((len(headers), int(headers[0].rows), int(headers[0].columns)), "<i2")
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return voxels if all(pool.map(_readSlice, headers, voxels)) else None


def isPlain(header):
    """Are the pixels stored uncompressed, in 16 bits, as :func:`readStored` can read them?"""
    return (
        header.transferSyntaxUid in PLAIN_TRANSFER_SYNTAXES
        and header.pixelOffset is not None
        and header.photometricInterpretation == "MONOCHROME2"
        and header.samplesPerPixel == 1
        and header.bitsAllocated == 16
        and 0 < (header.bitsStored or 0) <= 16
        and header.highBit == header.bitsStored - 1
        and header.pixelRepresentation in (0, 1)
        and _isWhole(header.rescaleSlope)
        and _isWhole(header.rescaleIntercept)
    )


def _isWhole(value):
    return value is not None and value.is_integer()


def onlyStoredBits(values, bitsStored):
    """Return stored values without what lies in the bits that the header does not call stored."""
    unused = 8 * values.dtype.itemsize - bitsStored
    if unused == 0:
        return values
    raised = numpy.left_shift(values.view(f"<u{values.dtype.itemsize}"), unused)
    # A signed shift back fills with the sign, as DICOM has it (PS3.5 8.1.1).
    return numpy.right_shift(raised.view(values.dtype), unused)


def _readSlice(header, voxels):
    """Fill one slice with its values in HU; return whether that was possible."""
    signed, bits = int(header.pixelRepresentation), int(header.bitsStored)
    stored = voxels if signed else voxels.view("<u2")
    try:
        with open(header.path, "rb", buffering=0) as file:
            file.seek(header.pixelOffset)
            if file.readinto(stored) != stored.nbytes:
                return False
    except OSError:
        return False
    lowest, highest = int(stored.min()), int(stored.max())
    # Beyond the stored bits there may be an overlay, or the sign may be missing.
    if lowest < -(signed << (bits - 1)) or highest >= 1 << (bits - signed):
        return False
    slope, intercept = int(header.rescaleSlope), int(header.rescaleIntercept)
    if any(not INT16.min <= value * slope + intercept <= INT16.max for value in (lowest, highest)):
        return False
    # Modulo 65536, which is exact for results that fit.
    modular = voxels.view("<u2")
    if slope != 1:
        modular *= numpy.uint16(slope % 65536)
    modular += numpy.uint16(intercept % 65536)
    return True
