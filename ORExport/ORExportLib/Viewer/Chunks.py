"""Arrays as the viewer's page holds them: compressed, in text, each with its hash."""

import base64
import dataclasses
import zlib

import numpy

from PlanningHubLib.Files import sha256Bytes

# Twice as fast as zlib's own level and 8 % larger; the page's size is bounded otherwise.
COMPRESSION_LEVEL = 3


@dataclasses.dataclass(frozen=True)
class Chunk:
    """A compressed array of the page (zlib's format, RFC 1950).

    :param identifier: the page's name for it
    """

    identifier: str
    data: bytes

    @property
    def record(self):
        """What the page's record says of it; the hash is over the compressed bytes."""
        return {"id": self.identifier, "bytes": len(self.data), "sha256": sha256Bytes(self.data)}

    @property
    def text(self):
        """The compressed bytes in base64."""
        return base64.b64encode(self.data).decode("ascii")


def byteChunk(identifier, values):
    """Return an array of bytes, each written as the difference to the one before it in its row."""
    return _chunk(identifier, numpy.diff(values, axis=-1, prepend=numpy.uint8(0)))


def integerChunk(identifier, values):
    """Return an array (n, k) of unsigned integers, each as the difference to the one above it, byte by byte apart.

    Differences of neighbors are small: their high bytes are nearly all alike, which compresses well.
    """
    kind = values.dtype.newbyteorder("<")
    differences = numpy.diff(values, axis=0, prepend=values.dtype.type(0)).astype(kind)
    return _chunk(identifier, differences.view(numpy.uint8).reshape(len(values), -1).T)


def _chunk(identifier, values):
    return Chunk(identifier, zlib.compress(numpy.ascontiguousarray(values).tobytes(), COMPRESSION_LEVEL))
