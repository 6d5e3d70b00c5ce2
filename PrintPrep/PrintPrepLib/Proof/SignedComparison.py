"""Signed distances between a part and what it was made from, both ways, without what was changed on purpose. LPS mm."""

import dataclasses

import numpy
from scipy.spatial import cKDTree

from PlanningHubLib.Progress import noProgress
from PlanningHubLib.Shapes.Deviation import signedDistances, signedDistancesOfMany
from PlanningHubLib.Shapes.Mesh import Mesh

from .SurfaceSamples import evenSamples

# What was changed on purpose ends on the faces of its body: samples so near to these belong to the change.
INTENDED_MARGIN_MM = 0.1
SPACING_MM, MOST_SAMPLES = 0.5, 200_000
# A surface moved by an offset meets itself in grooves; only what keeps its distance from the surface is its border.
OFFSET_SLACK_MM = 0.01


@dataclasses.dataclass(frozen=True, eq=False)
class Measured:
    """Signed distances at places of one of the two surfaces; positive where the part lies outside of the reference.

    The first are spread evenly over the surface, the others are corners of its triangles.

    :param points: (n, 3)
    :param distancesMm: (n,) relative to the offset; NaN where the surface was changed on purpose
    :param even: how many of them are spread evenly
    """

    points: numpy.ndarray
    distancesMm: numpy.ndarray
    even: int
    spacingMm: float

    @property
    def evenMm(self):
        """The distances that stand for equal areas, of what was not changed on purpose."""
        values = self.distancesMm[: self.even]
        return values[numpy.isfinite(values)]

    @property
    def keptPercent(self):
        """How much of the surface was not changed on purpose."""
        return 100 * len(self.evenMm) / max(1, self.even)


def marginMm(offsetMm):
    """Return how near to a body of what was changed on purpose a place belongs to it; an offset moved the body too."""
    return INTENDED_MARGIN_MM + abs(offsetMm)


def compared(part, reference, offsetMm=0.0, intended=(), progress=noProgress, shallowMm=0.0):
    """Measure from the part to the reference and back.

    :param part: closed mesh; all of its corners and even samples are measured
    :param reference: closed mesh; even samples are measured, and without an offset all of its corners
    :param offsetMm: distances are relative to the reference moved outwards by this
    :param shallowMm: gaps of the offset surface, or walls of it inwards, that are nowhere deeper than this may be
        missing: an offset that is off by no more closes them
    :param intended: closed meshes; what lies within them, or nearer than :func:`marginMm`, is left out
    :returns: two :class:`Measured`: places of the part, places of the reference
    """
    samples = evenSamples(part, SPACING_MM, most=MOST_SAMPLES)
    points = numpy.concatenate([samples.points, part.points])
    distancesMm = signedDistancesOfMany(points, reference) - offsetMm
    distancesMm[changed(points, intended, marginMm(offsetMm))] = numpy.nan
    ofPart = Measured(points, distancesMm, len(samples.points), samples.spacingMm)
    progress(0.5, "Measuring back from what it was made from")
    points, even, spacingMm = _probes(reference, offsetMm, shallowMm)
    distancesMm = -signedDistancesOfMany(points, part)
    distancesMm[changed(points, intended, marginMm(offsetMm))] = numpy.nan
    progress(1.0, "Measured")
    return ofPart, Measured(points, distancesMm, even, spacingMm)


def _probes(reference, offsetMm, shallowMm):
    """Return places (n, 3) where the part's surface ought to be, how many are spread evenly, and their spacing.

    A gap that is deeper somewhere has walls from which it goes on: their places count.
    """
    samples = evenSamples(reference, SPACING_MM, most=MOST_SAMPLES)
    if offsetMm == 0:
        return numpy.concatenate([samples.points, reference.points]), len(samples.points), samples.spacingMm
    moved, onBorder = samples.points + offsetMm * samples.normals, numpy.ones(len(samples.points), bool)
    for farMm in {offsetMm, offsetMm + float(numpy.sign(offsetMm)) * shallowMm}:
        places = samples.points[onBorder] + farMm * samples.normals[onBorder]
        onBorder[onBorder] = numpy.abs(signedDistancesOfMany(places, reference) - farMm) < OFFSET_SLACK_MM
    return moved[onBorder], int(onBorder.sum()), samples.spacingMm


def comparedWithVoxels(mesh, surface, knownMm=0.0, intended=()):
    """Measure from the corners of the voxels' own surface to a mesh.

    A corner lies no farther off than its smoothed self, and the way between the two: so the largest distance is found
    without measuring all of them.

    :param surface: :class:`PlanningHubLib.Shapes.Surface.Surface`
    :param knownMm: distance (n,) of the smoothed corners to the mesh; NaN where it was changed on purpose
    :returns: :class:`Measured`
    """
    corners = surface.voxelMesh.points
    atMostMm = numpy.abs(knownMm) + numpy.linalg.norm(corners - surface.mesh.points, axis=1)
    kept = numpy.flatnonzero(numpy.isfinite(atMostMm) & ~changed(corners, intended))
    even = kept[:: max(1, -(-len(kept) // MOST_SAMPLES))]
    distancesMm = -signedDistancesOfMany(corners[even], mesh)
    rest = numpy.setdiff1d(kept, even, assume_unique=True)
    rest = rest[atMostMm[rest] > numpy.abs(distancesMm).max(initial=0)]
    points = corners[numpy.concatenate([even, rest])]
    return Measured(
        points, numpy.concatenate([distancesMm, -signedDistancesOfMany(corners[rest], mesh)]), len(even), 0.0
    )


def changed(points, intended, withinMm=INTENDED_MARGIN_MM):
    """Return which points (n,) lie in one of the bodies of what was changed on purpose, or as near to it."""
    points, found = numpy.asarray(points), numpy.zeros(len(points), bool)
    for body in intended:
        low, high = body.points.min(0) - withinMm, body.points.max(0) + withinMm
        near = numpy.flatnonzero(~found & (points >= low).all(1) & (points <= high).all(1))
        found[near] = signedDistances(points[near], body) < withinMm if len(near) else False
    return found


def shownAtCorners(part, ofPart, ofReference):
    """Return the distance (n,) to show at each corner of the part: its own, or a larger one of a place next to it.

    What only the reference has, no corner of the part would show.

    :param part: the mesh that was measured
    """
    shownMm = ofPart.distancesMm[ofPart.even :].copy()
    for one in (ofPart, ofReference):
        values = one.distancesMm
        sizes = numpy.nan_to_num(numpy.abs(values))
        large = sizes > max(1e-4, numpy.percentile(sizes, 90))
        nearest = cKDTree(part.points).query(one.points[large], workers=-1)[1]
        order = numpy.argsort(numpy.abs(values[large]), kind="stable")
        worst = numpy.zeros(len(shownMm))
        worst[nearest[order]] = values[large][order]
        larger = numpy.isfinite(shownMm) & (numpy.abs(worst) > numpy.abs(shownMm))
        shownMm[larger] = worst[larger]
    return shownMm


def joinedPieces(pieces):
    """Return one mesh of all pieces as they lie, and for each of its points the index (n,) of its piece."""
    starts = numpy.cumsum([0, *(len(piece.mesh.points) for piece in pieces)])
    triangles = [piece.mesh.triangles + start for piece, start in zip(pieces, starts[:-1], strict=True)]
    mesh = Mesh.fromArrays(numpy.concatenate([piece.mesh.points for piece in pieces]), numpy.concatenate(triangles))
    return mesh, numpy.repeat(numpy.arange(len(pieces)), numpy.diff(starts))
