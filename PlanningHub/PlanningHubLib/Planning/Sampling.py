"""Samples of a surface, even over its area and the same every time."""

import dataclasses

import numpy

# Fractions of the plastic number: pairs of their multiples fill the unit square evenly.
_PLASTIC = 1.32471795724474602596
_EVEN = numpy.array([1 / _PLASTIC, 1 / _PLASTIC**2])


@dataclasses.dataclass(frozen=True, eq=False)
class Samples:
    """Points (n, 3) in mm and unit normals (n, 3), float64."""

    points: numpy.ndarray
    normals: numpy.ndarray


def surfaceSamples(mesh, count):
    """Return ``count`` :class:`Samples`, each for the same area of a mesh.

    Within its triangle a sample lies where a sequence of even spread says (additive recurrence of the plastic number,
    M. Roberts, 2018).
    """
    areas = mesh.areasMm2()
    reached = numpy.cumsum(areas)
    triangles = numpy.searchsorted(reached, (numpy.arange(count) + 0.5) / count * reached[-1])
    triangles = numpy.minimum(triangles, len(areas) - 1)
    one, other = ((0.5 + numpy.arange(count)[:, None] * _EVEN) % 1.0).T
    outside = one + other > 1
    one, other = numpy.where(outside, 1 - one, one), numpy.where(outside, 1 - other, other)
    first, second, third = (mesh.points[mesh.triangles[triangles, corner]].astype(float) for corner in range(3))
    points = first + one[:, None] * (second - first) + other[:, None] * (third - first)
    return Samples(points, mesh.normals()[triangles].astype(float))
