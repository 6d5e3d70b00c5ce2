"""A small picture of a series for the picker: its middle slice in a bone window. Made when asked for, never kept."""

import contextlib
import struct
import zlib

import numpy

from .Errors import InputRefused, PlanningError
from .Progress import noProgress
from .Volumes import BONE_LEVEL_HU, BONE_WINDOW_HU, readSlices

SIDE_PIXELS = 128


def seriesThumbnail(headers, sidePixels=SIDE_PIXELS):
    """Return the bytes of a square gray PNG of a series' middle slice, as stored: rows down, columns to the right.

    :param headers: list of :class:`PlanningHubLib.SliceHeader.SliceHeader`, sorted for a series that is a volume
    :raises InputRefused: ``cannot-decode``
    """
    header = headers[len(headers) // 2]
    if not (header.rows and header.columns):
        raise InputRefused("cannot-decode", f"{header.path} does not say its rows and columns.", "", [header.path])
    image = readSlices([header])[0].astype(numpy.float32)
    stated = header.pixelSpacingMm
    pixelMm = stated if stated is not None and (stated > 0).all() else (1.0, 1.0)
    gray = numpy.clip((image - BONE_LEVEL_HU) / BONE_WINDOW_HU + 0.5, 0, 1) * 255
    return grayPng(_square(gray.astype(numpy.uint8), pixelMm, sidePixels))


def verdictThumbnails(verdict, progress=noProgress):
    """Return series UID → PNG bytes for the series of a verdict; those that cannot be shown are left out.

    :param verdict: :class:`PlanningHubLib.Verdict.Verdict`
    """
    pictures = {}
    for number, one in enumerate(verdict.series):
        progress(number / len(verdict.series), f"Picture of series {number + 1} of {len(verdict.series)}")
        with contextlib.suppress(PlanningError):
            pictures[one.uid] = seriesThumbnail(one.geometry.headers if one.geometry else one.headers)
    return pictures


def _square(gray, pixelMm, sidePixels):
    """Fit an image into a black square, by nearest pixels, with the sides in millimetres to scale."""
    heightMm, widthMm = gray.shape[0] * float(pixelMm[0]), gray.shape[1] * float(pixelMm[1])
    scale = sidePixels / max(heightMm, widthMm)
    rows, columns = (max(1, round(extent * scale)) for extent in (heightMm, widthMm))
    y = ((numpy.arange(rows) + 0.5) * gray.shape[0] / rows).astype(int)
    x = ((numpy.arange(columns) + 0.5) * gray.shape[1] / columns).astype(int)
    picture = numpy.zeros((sidePixels, sidePixels), numpy.uint8)
    top, left = (sidePixels - rows) // 2, (sidePixels - columns) // 2
    picture[top : top + rows, left : left + columns] = gray[numpy.ix_(y, x)]
    return picture


def grayPng(gray):
    """Return an array (rows, columns) of uint8 as the bytes of a PNG (W3C PNG, color type 0)."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    lines = b"".join(b"\0" + row.tobytes() for row in gray)
    head = struct.pack(">IIBBBBB", gray.shape[1], gray.shape[0], 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
