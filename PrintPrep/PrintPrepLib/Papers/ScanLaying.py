"""A scan laid over a part: rigidly, by the surfaces alone, from every way in which their principal axes coincide."""

import dataclasses
import itertools

import numpy

from PlanningHubLib.Planning.Distances import searchOf
from PlanningHubLib.Planning.Registration import register, sampled
from PlanningHubLib.Shapes.Mesh import Mesh

# Site defaults, no source. A mirror image or another part fits better where it leaves less than this share, and this
# many mm less; a tenth of a scan may show something else than the part.
CLEARLY_BETTER, CLEARLY_LESS_MM, KEPT_SHARE = 0.6, 0.02, 0.9
SAMPLES, RANKING_SAMPLES, PROMISING = 4000, 500, 8
# Cosine: a place of the scan that looks farther away from where the part's surface looks is another wall.
ALIKE = 0.3


@dataclasses.dataclass(frozen=True, eq=False)
class Laid:
    """A scan as it lies best over a part.

    :param scan: mesh, where the part lies, mm
    :param registered: :class:`PlanningHubLib.Planning.Registration.Registered`
    :param leftMm: root of the mean square of what is left over all of both surfaces; of the scan's where it is open
    """

    scan: Mesh
    registered: object
    leftMm: float

    @property
    def words(self):
        """How well it fits, for a sentence."""
        return f"to {self.leftMm:.2f} mm" if numpy.isfinite(self.leftMm) else "not at all"

    def isClearlyBetter(self, other):
        """Tell whether it leaves so much less than another that this cannot be chance."""
        return self.leftMm < CLEARLY_BETTER * other.leftMm and self.leftMm < other.leftMm - CLEARLY_LESS_MM


def laidOver(scan, fixed):
    """Return the :class:`Laid` of a scan over a part's :class:`PlanningHubLib.Planning.Registration.FixedSurface`."""
    registered = register(scan, fixed, starts=_promising(scan, fixed), keptShare=KEPT_SHARE)
    matrix = registered.matrix
    placed = Mesh.fromArrays(scan.points @ matrix[:3, :3].T + matrix[:3, 3], scan.triangles)
    if not numpy.isfinite(registered.meanMm):
        return Laid(placed, registered, numpy.inf)
    left = [fixed.search.nearest(sampled(placed, SAMPLES)[0])[0]]
    if not borderTriangles(placed).any():
        left.append(searchOf(placed).nearest(sampled(fixed.mesh, SAMPLES)[0])[0])
    return Laid(placed, registered, float(max(numpy.sqrt((one**2).mean()) for one in left)))


def mirrored(mesh):
    """Return the mirror image of a mesh, its triangles still looking outwards."""
    return Mesh(mesh.points * numpy.array([-1, 1, 1], numpy.float32), mesh.triangles[:, ::-1].copy())


def _promising(scan, fixed):
    """Return the starts that leave least before anything is moved."""
    points, normals = sampled(scan, RANKING_SAMPLES)

    def leftMm(start):
        places, placeNormals = fixed.coarse(points @ start[:3, :3].T + start[:3, 3])
        isAlike = numpy.einsum("ij,ij->i", normals @ start[:3, :3].T, placeNormals) > ALIKE
        distances = numpy.linalg.norm(places - points @ start[:3, :3].T - start[:3, 3], axis=1)
        return distances.mean() + (~isAlike).mean() * distances.max()

    return sorted(_starts(scan, fixed.mesh), key=leftMm)[:PROMISING]


def _starts(scan, mesh):
    """Yield the 24 ways in which the principal axes of two surfaces lie over each other, right-handed."""
    (scanCenter, scanAxes), (center, axes) = (_principal(one) for one in (scan, mesh))
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((1, -1), repeat=3):
            turn = (axes[:, order] * signs) @ scanAxes.T
            if numpy.linalg.det(turn) > 0:
                matrix = numpy.eye(4)
                matrix[:3, :3] = turn
                matrix[:3, 3] = center - turn @ scanCenter
                yield matrix


def _principal(mesh):
    points = sampled(mesh, SAMPLES)[0]
    center = points.mean(0)
    axes = numpy.linalg.eigh(numpy.cov((points - center).T))[1]
    return center, axes * (1 if numpy.linalg.det(axes) > 0 else -1)


def borderTriangles(mesh):
    """Tell which triangles (m,) touch an edge that only one triangle has."""
    edges = numpy.sort(mesh.triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1).astype(numpy.int64)
    _keys, index, uses = numpy.unique(
        edges[:, 0] * len(mesh.points) + edges[:, 1], return_inverse=True, return_counts=True
    )
    isOpen = numpy.zeros(len(mesh.points), bool)
    isOpen[edges[uses[index] == 1].reshape(-1)] = True
    return isOpen[mesh.triangles].any(1)
