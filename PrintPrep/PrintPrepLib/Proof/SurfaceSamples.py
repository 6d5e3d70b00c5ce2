"""Samples spread evenly over a surface, the same ones each time."""

import dataclasses
import math

import numpy

# Steps of the two-dimensional sequence that fills a square most evenly: powers of the root of x³ = x + 1.
_ROOT = 1.32471795724474602596
_STEPS = 1 / _ROOT, 1 / _ROOT**2


@dataclasses.dataclass(frozen=True, eq=False)
class Samples:
    """Places on a mesh; each stands for the same area.

    :param points: (n, 3) float64, mm
    :param triangles: (n,) the triangle that each lies on
    :param normals: (n, 3), outwards, of length 1
    :param spacingMm: the root of the area that each stands for
    """

    points: numpy.ndarray
    triangles: numpy.ndarray
    normals: numpy.ndarray
    spacingMm: float


def evenSamples(mesh, spacingMm, fewest=2_000, most=200_000):
    """Return :class:`Samples` of a mesh, as many as the spacing asks for within two limits."""
    areas = numpy.cumsum(mesh.areasMm2())
    count = int(numpy.clip(math.ceil(areas[-1] / spacingMm**2), fewest, most))
    # One in each of as many equal shares of the area.
    triangles = numpy.searchsorted(areas, (numpy.arange(count) + 0.5) / count * areas[-1])
    along, across = (numpy.arange(1, count + 1) * step % 1 for step in _STEPS)
    # Folding one half of the square onto the other fills the triangle as evenly as the square.
    folded = along + across > 1
    along, across = numpy.where(folded, 1 - along, along), numpy.where(folded, 1 - across, across)
    first, second, third = (mesh.points[mesh.triangles[triangles, corner]].astype(float) for corner in range(3))
    points = first + along[:, None] * (second - first) + across[:, None] * (third - first)
    normals = mesh.normals()[triangles].astype(float)
    return Samples(points, triangles, normals, math.sqrt(areas[-1] / count))


def triangleCenters(mesh):
    """Return :class:`Samples` at the centers of all triangles; the areas that they stand for differ."""
    points = mesh.points.astype(float)[mesh.triangles].mean(1)
    spacingMm = math.sqrt(float(mesh.areasMm2().mean()))
    return Samples(points, numpy.arange(len(points)), mesh.normals().astype(float), spacingMm)
