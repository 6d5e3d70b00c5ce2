"""How far places lie from a mesh of many triangles: quick where a point of the mesh near by is known."""

import numpy

from . import SearchLoops
from .Threads import inChunks

# Order, sizes, low and high of no boxes.
_NO_TREE = (
    numpy.zeros(0, numpy.int32), numpy.zeros(0, numpy.int64),
    numpy.zeros((0, 3), numpy.float32), numpy.zeros((0, 3), numpy.float32),
)  # fmt: skip


class TriangleSearch:
    """A mesh laid out for many questions of how far places lie from it.

    :param forMany: whether it will be asked for many more places than it has triangles, each with a hint
    """

    def __init__(self, mesh, forMany=False):
        self.mesh = mesh
        frames = numpy.zeros((len(mesh.triangles) if forMany else 0, 12), numpy.float32)
        if forMany:
            SearchLoops.framesOf(mesh.points, mesh.triangles, frames)
        fans = fansOf(mesh.triangles, len(mesh.points))
        self._withoutTree = SearchLoops.Layout(mesh.points, mesh.triangles, *fans, *_NO_TREE, frames)
        self._withTree = None

    def prepared(self):
        """Build the tree, if there is none yet, and return the search."""
        if self._withTree is None:
            self._withTree = self._withoutTree._replace(**treeOf(self.mesh))
        return self

    @property
    def layout(self):
        """The :class:`.SearchLoops.Layout`."""
        return self.prepared()._withTree

    def distances(self, places, hints=None, enoughMm=0.0):
        """Return how far places (k, 3) lie from the mesh, in mm (k,), and the triangles (k,) measured to.

        Distances beyond what is enough are exact; others are not below the true ones, and hardly above where the
        triangles around a point near by are those below the place. An empty mesh is infinitely far.

        :param hints: (k,) a point of the mesh near each place, -1 where none is known
        :param enoughMm: infinite for whatever the hints lead to; each place needs one then
        """
        places = numpy.ascontiguousarray(places, numpy.float64).reshape(-1, 3)
        hints = numpy.full(len(places), -1, numpy.int32) if hints is None else hints.astype(numpy.int32, copy=False)
        distancesMm, found = numpy.full(len(places), numpy.inf, numpy.float32), numpy.full(len(places), -1, numpy.int32)

        # From fan to fan any distance is found; only what is too far is looked for in the tree.
        layout = self._withoutTree if enoughMm == numpy.inf else self.layout

        def measure(part):
            SearchLoops.distances(places[part], hints[part], float(enoughMm), layout, distancesMm[part], found[part])

        if len(self.mesh.triangles):
            inChunks(measure, len(places))
        return distancesMm, found


def fansOf(triangles, pointCount):
    """Return where each point's triangles begin (n + 1,), and these triangles (3 m,), both int32."""
    starts, fans = numpy.zeros(pointCount + 1, numpy.int32), numpy.empty(triangles.size, numpy.int32)
    SearchLoops.fansOf(triangles, starts, fans)
    return starts, fans


def treeOf(mesh):
    """Return order, sizes, low and high of a :class:`.SearchLoops.Layout`, by name."""
    sizes = [max(1, -(-len(mesh.triangles) // SearchLoops.LEAF))]
    while sizes[-1] > 1:
        sizes.append(-(-sizes[-1] // SearchLoops.BRANCHES))
    low, high = (numpy.zeros((sum(sizes), 3), numpy.float32) for _side in range(2))
    order, sizes = numpy.zeros(0, numpy.int32), numpy.array(sizes, numpy.int64)
    if len(mesh.triangles):
        least, most = mesh.extent.astype(numpy.float64)
        scale = SearchLoops.MORTON_CELLS / max(1e-9, float((most - least).max()))
        order = SearchLoops.orderAlongCurve(mesh.points, mesh.triangles, least, scale)
        SearchLoops.boxesOf(mesh.points, mesh.triangles, order, sizes, low, high)
    return {"order": order, "sizes": sizes, "low": low, "high": high}


def nearestOf(places, owners, points, wanted=None):
    """Return for each place (k, 3) the nearest of the points (n, 3) that it owns, -1 for a place without any.

    :param owners: (n,) the place of each point, or -1
    :param wanted: (k,) only these places, -1 for the others; None for all
    """
    found, squared = numpy.full(len(places), -1, numpy.int32), numpy.full(len(places), numpy.inf)
    wanted = numpy.ones(len(places), bool) if wanted is None else wanted
    places, owners = numpy.ascontiguousarray(places, numpy.float64), owners.astype(numpy.int32, copy=False)
    SearchLoops.nearestOf(places, owners, points, wanted, found, squared)
    return found
