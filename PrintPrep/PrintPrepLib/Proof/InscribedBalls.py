"""The largest balls that touch a surface from one side: as wide as the wall, or as the room, at each place. In mm.

A ball touches the surface at its place and is shrunk until nothing lies inside it (Ma, Bae and Choi, 3D medial axis
point approximation, The Visual Computer 2012). Stopped by a face beside it, as near an edge, it says nothing of a wall:
there the ball counts that would touch the plane of the face straight across.
"""

import dataclasses

import numpy

# Faces bound a wall where they are turned from each other by more than this: two that meet at less are an edge.
FACING_COSINE = 0.5
# Across a corner, no way is as straight as this to both faces.
STRAIGHT_COSINE = 0.8
_ROUNDS = 30
_EXACT_MM = 1e-3
# A ray that starts on a face must not find that face.
_ASIDE_MM = 1e-4


@dataclasses.dataclass(frozen=True, eq=False)
class Balls:
    """Balls for places on a surface.

    :param widthsMm: (n,) their diameters; inf where nothing lies opposite within the widest
    :param centers: (n, 3)
    :param opposite: (n,) the triangle on the other side; −1 for none
    """

    widthsMm: numpy.ndarray
    centers: numpy.ndarray
    opposite: numpy.ndarray


class BallFitter:
    """A closed mesh to fit balls into, from inside or outside."""

    def __init__(self, mesh):
        import igl

        self._mesh = mesh.points.astype(numpy.float64), mesh.triangles.astype(numpy.int64)
        self._normals = mesh.normals().astype(float)
        self._tree = igl.AABB()
        self._tree.init(*self._mesh)

    def ahead(self, points, directions):
        """Return how far (n,) the surface is along unit directions, and its triangles (n,); inf and −1 for none."""
        started = numpy.ascontiguousarray(points + _ASIDE_MM * directions)
        found = self._tree.intersect_ray_first(*self._mesh, started, numpy.ascontiguousarray(directions))
        triangles, lengthsMm = (numpy.asarray(one).reshape(-1) for one in found[:2])
        return numpy.where(triangles >= 0, lengthsMm + _ASIDE_MM, numpy.inf), triangles

    def acrossMm(self, points, directions):
        """Return the width (n,) of the material at points along directions, both ways; inf between slanting faces."""
        (oneMm, one), (otherMm, other) = self.ahead(points, directions), self.ahead(points, -directions)
        straight = numpy.minimum(self._facing(one, directions), self._facing(other, -directions))
        return numpy.where(straight > STRAIGHT_COSINE, oneMm + otherMm, numpy.inf)

    def balls(self, samples, widestMm, inside=True):
        """Return the :class:`Balls` of :class:`PrintPrepLib.Proof.SurfaceSamples.Samples`.

        :param widestMm: wider ones are not told apart
        :param inside: in the material; else in the room outside
        """
        directions = -samples.normals if inside else samples.normals
        side = 1 if inside else -1
        acrossMm, opposite = self.ahead(samples.points, directions)
        radiiMm, touched = self._shrunk(samples.points, directions, numpy.minimum(acrossMm, widestMm) / 2, side)
        stoppedBy, straight = (self._facing(one, side * directions) for one in (touched, opposite))
        planesMm = 2 * numpy.where(straight > 0, acrossMm, widestMm) * straight / (1 + straight)
        held = stoppedBy >= FACING_COSINE
        widthsMm = numpy.where(held, 2 * radiiMm, planesMm)
        found = (held | (straight >= FACING_COSINE)) & (widthsMm < widestMm)
        centers = samples.points + directions * numpy.where(found, widthsMm, 0)[:, None] / 2
        return Balls(
            numpy.where(found, widthsMm, numpy.inf),
            centers,
            numpy.where(found, numpy.where(held, touched, opposite), -1),
        )

    def _facing(self, triangles, directions):
        """Return the cosines (n,) between directions and the normals of triangles; 0 for none, and below 0."""
        cosines = numpy.einsum("ij,ij->i", self._normals[triangles], directions)
        return numpy.where(triangles >= 0, numpy.maximum(cosines, 0), 0)

    def _shrunk(self, points, directions, radiiMm, side):
        """Return radii (n,) of balls with nothing inside, and the triangles (n,) that stopped them; −1 for none.

        A ball that meets a face beside it is not followed further.
        """
        radiiMm, touched = radiiMm.copy(), numpy.full(len(points), -1)
        active = numpy.arange(len(points))
        for _round in range(_ROUNDS):
            centers = points[active] + radiiMm[active, None] * directions[active]
            squared, triangles, places = self._tree.squared_distance(*self._mesh, centers)
            closer = numpy.sqrt(squared.reshape(-1)) < radiiMm[active] - _EXACT_MM
            active, offset = active[closer], places[closer] - points[active[closer]]
            if not len(active):
                break
            along = numpy.maximum(numpy.einsum("ij,ij->i", offset, directions[active]), 1e-12)
            radiiMm[active] = numpy.minimum(numpy.einsum("ij,ij->i", offset, offset) / (2 * along), radiiMm[active])
            touched[active] = triangles.reshape(-1)[closer]
            active = active[self._facing(touched[active], side * directions[active]) >= FACING_COSINE]
        return radiiMm, touched
