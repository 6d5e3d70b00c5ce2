"""Surfaces as small triangles, for silhouettes on a plate and for the room that supports fill."""

import numpy

# Far more than any part: a table of 1 m² twice over at a quarter of a millimeter.
MOST_TRIANGLES = 40_000_000


def subdivided(corners, edgeMm):
    """Return triangles (k, 3, d) that cover the same surface, none with an edge longer than ``edgeMm``.

    :param corners: array (m, 3, d)
    """
    done = []
    rest = numpy.asarray(corners, numpy.float32)
    while len(rest):
        edges = rest - numpy.roll(rest, -1, axis=1)
        long = (numpy.einsum("mcd,mcd->mc", edges, edges) > edgeMm**2).any(1)
        done.append(rest[~long])
        rest = _quartered(rest[long])
        if len(rest) > MOST_TRIANGLES:
            raise MemoryError("The surface is too large for its sampling.")
    return numpy.concatenate(done)


def _quartered(corners):
    first, second, third = corners[:, 0], corners[:, 1], corners[:, 2]
    middles = (first + second) / 2, (second + third) / 2, (third + first) / 2
    parts = (
        (first, middles[0], middles[2]),
        (middles[0], second, middles[1]),
        (middles[2], middles[1], third),
        (middles[0], middles[1], middles[2]),
    )
    return numpy.concatenate([numpy.stack(one, axis=1) for one in parts])


def silhouette(corners, cellMm):
    """Return the cells that a part covers, seen from above.

    :param corners: array (m, 3, 2) of its triangles in the plane, mm, from 0 on
    :returns: boolean array (rows along y, columns along x); a cell that is only just touched may be missing
    """
    extent = corners.reshape(-1, 2).max(0)
    columns, rows = (max(1, int(numpy.ceil(one / cellMm - 1e-6))) for one in extent)
    centers = subdivided(corners, cellMm / 2).mean(1)
    index = numpy.clip((centers / cellMm).astype(int), 0, (columns - 1, rows - 1))
    mask = numpy.zeros((rows, columns), bool)
    mask[index[:, 1], index[:, 0]] = True
    return mask
