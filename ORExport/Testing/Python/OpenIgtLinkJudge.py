"""The OpenIGTLink library itself as a judge: checksums and surfaces of messages, by its C functions."""

import ctypes
import struct

import numpy
import pytest

HEADER = struct.Struct(">H12s20sIIQQ")


class _Header(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_uint32)
        for name in ("points", "vertices", "verticesSize", "lines", "linesSize", "polygons", "polygonsSize", "strips",
                     "stripsSize", "attributes")
    ]  # fmt: skip


class _PolyData(ctypes.Structure):
    _fields_ = [
        ("header", _Header),
        ("points", ctypes.POINTER(ctypes.c_float)),
        *((name, ctypes.POINTER(ctypes.c_uint32)) for name in ("vertices", "lines", "polygons", "strips")),
        ("attributes", ctypes.c_void_p),
    ]


def library():
    try:
        loaded = ctypes.CDLL("libOpenIGTLink.so")
    except OSError:
        pytest.skip("libOpenIGTLink is not installed (Debian: libopenigtlink-dev)")
    loaded.crc64.restype = ctypes.c_uint64
    loaded.crc64.argtypes = [ctypes.c_char_p, ctypes.c_uint64, ctypes.c_uint64]
    loaded.igtl_polydata_unpack.argtypes = [
        ctypes.c_int, ctypes.c_char_p, ctypes.POINTER(_PolyData), ctypes.c_uint64
    ]  # fmt: skip
    return loaded


def messagesIn(stream):
    """Return (type, device, body) of each message of a stream; each checksum is the library's."""
    judge, messages = library(), []
    while stream:
        _version, kind, device, _seconds, _fraction, size, checksum = HEADER.unpack_from(stream)
        body, stream = stream[HEADER.size : HEADER.size + size], stream[HEADER.size + size :]
        assert len(body) == size and judge.crc64(body, size, 0) == checksum, device
        messages.append((kind.rstrip(b"\0").decode(), device.rstrip(b"\0").decode(), body))
    return messages


def surfaceOf(body):
    """Return points (n, 3) and triangles (m, 3) of the body of a POLYDATA message."""
    judge, data = library(), _PolyData()
    judge.igtl_polydata_init_info(ctypes.byref(data))
    assert judge.igtl_polydata_unpack(1, body, ctypes.byref(data), len(body)) == 1
    points = numpy.ctypeslib.as_array(data.points, (data.header.points, 3)).copy()
    cells = numpy.ctypeslib.as_array(data.polygons, (data.header.polygonsSize // 4,)).copy().reshape(-1, 4)
    assert (cells[:, 0] == 3).all() and len(cells) == data.header.polygons
    return points, cells[:, 1:]
