"""The objects of a plan, all in RAS mm: solids, and the points, lines, curves, planes and placements beside them."""

import dataclasses

import numpy

from ..Shapes.Mesh import Mesh

BONE_COLOR = (0.945, 0.839, 0.569)


@dataclasses.dataclass(frozen=True, eq=False)
class Solid:
    """A closed body.

    :param mesh: :class:`PlanningHubLib.Shapes.Mesh.Mesh` in RAS mm
    :param role: what it is: ``anatomy``, ``fragment``, ``mirror``, ``implant``, ``guide``, ``margin`` or
        ``device``
    :param mirrored: it shows the other side of the body, or was made from what does
    :param modified: it is no longer what the scan shows: cut, designed or combined
    :param moved: it does not lie where the scan shows it
    :param color: red, green, blue from 0 to 1
    """

    name: str
    mesh: Mesh
    role: str = "anatomy"
    mirrored: bool = False
    modified: bool = False
    moved: bool = False
    color: tuple = BONE_COLOR

    def flags(self):
        """Return what an export has to say about it."""
        return {"role": self.role, "mirrored": self.mirrored, "modified": self.modified, "moved": self.moved}


@dataclasses.dataclass(frozen=True, eq=False)
class Plane:
    """A plane through ``originRas`` (3,); ``normalRas`` (3,) has length 1; ``sizeMm`` is how large it is drawn."""

    name: str
    originRas: numpy.ndarray
    normalRas: numpy.ndarray
    sizeMm: float = 100.0

    def heightsMm(self, points):
        """Return the signed distances (n,) of points (n, 3) from the plane, positive where its normal points."""
        return (numpy.asarray(points, float) - self.originRas) @ self.normalRas

    def mirrorMatrix(self):
        """Return the 4×4 matrix that mirrors RAS points at the plane."""
        matrix = numpy.eye(4)
        matrix[:3, :3] -= 2 * numpy.outer(self.normalRas, self.normalRas)
        matrix[:3, 3] = 2 * (self.originRas @ self.normalRas) * self.normalRas
        return matrix


@dataclasses.dataclass(frozen=True, eq=False)
class Points:
    """Named points: (n, 3) RAS mm, and n labels."""

    name: str
    pointsRas: numpy.ndarray
    labels: tuple = ()


@dataclasses.dataclass(frozen=True, eq=False)
class Line:
    """A line from its first to its second point, such as entry and target."""

    name: str
    startRas: numpy.ndarray
    endRas: numpy.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Curve:
    """A smooth curve through control points (n, 3) RAS mm."""

    name: str
    pointsRas: numpy.ndarray
    closed: bool = False


@dataclasses.dataclass(frozen=True, eq=False)
class Placement:
    """A rigid motion: 4×4 from where something is to where it goes, RAS mm."""

    name: str
    matrix: numpy.ndarray
