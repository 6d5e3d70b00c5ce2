"""Closed cavities, and holes that cannot be cleaned: channels, lumens, slots, blind holes and hollows. LPS mm.

Walls of a hole see each other across less than ``WIDEST_MM``. Triangles that do make up its lining; what only the
lining joins to the rest, such as the bottom of a blind hole or the walls of a hollow behind a drain, belongs to it.
"""

import dataclasses

import numpy
from scipy.sparse import coo_matrix, csgraph
from scipy.spatial import cKDTree

from PlanningHubLib.Errors import Finding
from PlanningHubLib.Progress import noProgress
from PlanningHubLib.Progress import part as share
from PlanningHubLib.Shapes.Mesh import MM3_PER_ML, Mesh
from PlanningHubLib.Shapes.Shells import SPECK_MM3, shellVolumesMm3

from .InscribedBalls import BallFitter
from .SurfaceSamples import evenSamples, triangleCenters

# EN 13060 calls a space longer than five times its width a hollow load of type A, the kind that air and soil leave
# last; one that is open at one end only and narrower than 5 mm counts as such here too (site default, no source).
LARGEST_RATIO = 5.0
WIDEST_MM = 5.0
# Shallower ones, such as letters, are reached by any brush and not counted; site default, no source.
SHALLOW_MM = 2.0
# Surface that sees the open from this share of its triangles lies outside, not in a hollow.
OPEN_SHARE = 0.25
MOST_LISTED = 20
# Steps along the rims of openings, and on the walls behind them.
RIM_STEP_MM, MOST_RIM_PLACES = 0.25, 5_000


@dataclasses.dataclass(frozen=True)
class Hole:
    """A channel, slot, blind hole or hollow; the place in LPS mm."""

    openings: int
    diameterMm: float
    lengthMm: float
    atLpsMm: tuple
    piece: str

    @property
    def ratio(self):
        return self.lengthMm / self.diameterMm

    @property
    def isNarrow(self):
        """Whether it is too narrow for its length to be cleaned."""
        return self.ratio > LARGEST_RATIO or (self.openings == 1 and self.ratio >= 1)

    def asFacts(self):
        return {
            "kind": "blind" if self.openings == 1 else "through",
            "openings": self.openings,
            "diameterMm": round(self.diameterMm, 2),
            "lengthMm": round(self.lengthMm, 2),
            "ratio": round(self.ratio, 1),
            "atLpsMm": [round(value, 2) for value in self.atLpsMm],
            "piece": self.piece,
            "narrow": self.isNarrow,
        }


def measuredChannels(pieces, progress=noProgress):
    """Find the cavities and holes of a part.

    :param pieces: list of :class:`PrintPrepLib.PartWork.Piece`
    :returns: the fact ``channels`` and the findings ``closed-cavity`` and ``narrow-channel`` (warn)
    """
    cavities, holes = [], []
    for number, piece in enumerate(pieces):
        cavities += cavitiesOf(piece)
        holes += holesOf(piece, share(progress, number / len(pieces), (number + 1) / len(pieces)))
    cavities.sort(key=lambda cavity: -cavity["volumeMl"])
    holes.sort(key=lambda hole: (not hole.isNarrow, -hole.ratio))
    channels = {
        "cavities": len(cavities),
        "largestCavities": cavities[:MOST_LISTED],
        "holes": len(holes),
        "narrowHoles": sum(hole.isNarrow for hole in holes),
        "narrowestHoles": [hole.asFacts() for hole in holes[:MOST_LISTED]],
        "widestMm": WIDEST_MM,
    }
    return channels, findingsOf(channels)


def cavitiesOf(piece):
    """Return volume, center and piece of each closed cavity of 1 mm³ or more."""
    volumesMm3, labels = shellVolumesMm3(piece.mesh)
    found = []
    for shell in numpy.flatnonzero(volumesMm3 <= -SPECK_MM3):
        corners = piece.mesh.points[piece.mesh.triangles[labels == shell]].reshape(-1, 3)
        center = (corners.min(0) + corners.max(0)) / 2
        found.append({
            "volumeMl": round(float(-volumesMm3[shell]) / MM3_PER_ML, 4),
            "centerLpsMm": [round(float(value), 2) for value in center],
            "piece": piece.name,
        })  # fmt: skip
    return found


def holesOf(piece, progress=noProgress):
    """Return the :class:`Hole` s of a piece whose walls are nearer to each other than ``WIDEST_MM``."""
    mesh = piece.mesh
    progress(0.0, "Looking for channels")
    fitter, centers = BallFitter(mesh), triangleCenters(mesh)
    balls = fitter.balls(centers, WIDEST_MM, inside=False)
    lining = numpy.isfinite(balls.widthsMm)
    if not lining.any():
        return []
    links = _neighbors(mesh)
    progress(0.6, "Measuring the channels")
    patches = _components(links, lining)
    seesTheOpen = numpy.isinf(fitter.ahead(centers.points, centers.normals)[0])
    outside = _outside(mesh, patches, lining, balls.widthsMm, seesTheOpen)
    # The two faces of a slot share no edge.
    facing = numpy.stack([numpy.flatnonzero(lining), balls.opposite[lining]])
    systems = _components(numpy.concatenate([links, facing], axis=1), ~outside)
    holes = []
    for which in _grouped(systems, ~outside):
        if lining[which].any() and numpy.ptp(mesh.points[mesh.triangles[which]], axis=(0, 1)).max() >= SHALLOW_MM:
            holes.append(_hole(mesh, which, lining, balls.widthsMm, piece.name))
    progress(1.0, "Channels measured")
    return [hole for hole in holes if hole and hole.lengthMm >= SHALLOW_MM]


def _neighbors(mesh):
    """Return the pairs (2, n) of triangles that share an edge."""
    ends = mesh.triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2).astype(numpy.int64)
    ends.sort(axis=1)
    keys = ends[:, 0] * len(mesh.points) + ends[:, 1]
    order = numpy.argsort(keys, kind="stable")
    same = numpy.flatnonzero(keys[order][1:] == keys[order][:-1])
    return numpy.stack([order[same], order[same + 1]]) // 3


def _components(links, groups):
    """Return the component (n,) of each triangle, of triangles that are linked and in one group.

    :param groups: boolean array (n,)
    """
    alike = groups[links[0]] == groups[links[1]]
    one, other = links[:, alike]
    graph = coo_matrix((numpy.ones(len(one), numpy.int8), (one, other)), shape=(len(groups), len(groups)))
    return csgraph.connected_components(graph, directed=False)[1]


def _grouped(systems, which):
    """Return arrays of the triangles of each system, of some triangles."""
    chosen = numpy.flatnonzero(which)
    chosen = chosen[numpy.argsort(systems[chosen], kind="stable")]
    return numpy.split(chosen, numpy.flatnonzero(numpy.diff(systems[chosen])) + 1)


def _outside(mesh, patches, lining, widthsMm, seesTheOpen):
    """Return which triangles (m,) lie outside of all holes: patches that see the open, and the largest of all."""
    areas = mesh.areasMm2()
    areaOf = numpy.bincount(patches, areas)
    openShare = numpy.bincount(patches, areas * seesTheOpen) / numpy.maximum(areaOf, 1e-12)
    isLining = numpy.bincount(patches, lining) > 0
    # The bottom of a straight hole sees the open too, but is no larger than the hole is wide.
    bottomMm2 = numpy.pi / 4 * widthsMm[lining].max() ** 2
    isOutside = ~isLining & (openShare >= OPEN_SHARE) & (areaOf > 1.5 * bottomMm2)
    isOutside[numpy.where(isLining, -1, areaOf).argmax()] = True
    return isOutside[patches]


def _hole(mesh, which, lining, widthsMm, name):
    """Return the :class:`Hole` of some triangles, None where it has no opening: a cavity."""
    rim = _rimEdges(mesh.triangles[which])
    if not len(rim):
        return None
    rimPoints, edges = numpy.unique(rim, return_inverse=True)
    edges = edges.reshape(-1, 2)
    graph = coo_matrix((numpy.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(len(rimPoints),) * 2)
    openings, ofPoint = csgraph.connected_components(graph, directed=False)
    places = mesh.points[rimPoints].astype(float)
    depthMm = _depthMm(Mesh(mesh.points, mesh.triangles[which]), places[edges])
    ofLining = which[lining[which]]
    return Hole(
        openings=openings,
        diameterMm=_middle(widthsMm[ofLining], Mesh(mesh.points, mesh.triangles[ofLining]).areasMm2()),
        # The deepest place of what is open at both ends lies half way through.
        lengthMm=float(depthMm if openings == 1 else 2 * depthMm),
        atLpsMm=tuple(float(value) for value in places[ofPoint == ofPoint[0]].mean(0)),
        piece=name,
    )


def _depthMm(walls, rim):
    """Return how far from the edges (n, 2, 3) of its openings the deepest place of a hole's walls lies."""
    lengthsMm = numpy.linalg.norm(rim[:, 1] - rim[:, 0], axis=1)
    counts = numpy.ceil(lengthsMm / max(RIM_STEP_MM, lengthsMm.sum() / MOST_RIM_PLACES)).astype(int)
    counts = numpy.maximum(counts, 1)
    edge = numpy.repeat(numpy.arange(len(rim)), counts)
    along = (numpy.arange(len(edge)) - numpy.repeat(numpy.cumsum(counts) - counts, counts)) / counts[edge]
    tree = cKDTree(rim[edge, 0] + along[:, None] * (rim[edge, 1] - rim[edge, 0]))
    samples = evenSamples(walls, RIM_STEP_MM, fewest=200, most=5_000).points
    return tree.query(numpy.concatenate([samples, walls.points[numpy.unique(walls.triangles)]]))[0].max()


def _middle(values, weights):
    """Return the median of values that stand for areas."""
    order = values.argsort()
    return float(values[order][numpy.searchsorted(numpy.cumsum(weights[order]), weights.sum() / 2)])


def _rimEdges(triangles):
    """Return the edges (n, 2) that only one of some triangles has."""
    ends = numpy.sort(triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    edges, counts = numpy.unique(ends, axis=0, return_counts=True)
    return edges[counts == 1]


def findingsOf(channels):
    """Return the findings that follow from the fact ``channels``."""
    findings = []
    if channels["cavities"]:
        largest = channels["largestCavities"][0]
        text = (
            f"The part has {channels['cavities']} closed cavities; the largest has {largest['volumeMl']} ml at "
            f"{largest['centerLpsMm']} (LPS). Resin or powder stays inside, and nothing cleans them."
        )
        findings.append(Finding("closed-cavity", "warn", text, "Fill them, or add drain holes."))
    if channels["narrowHoles"]:
        worst = channels["narrowestHoles"][0]
        text = (
            f"{channels['narrowHoles']} holes are too narrow for their length to be cleaned; the worst is "
            f"{worst['diameterMm']} mm wide and {worst['lengthMm']} mm long at {worst['atLpsMm']} (LPS)."
        )
        findings.append(Finding("narrow-channel", "warn", text, "Widen or shorten them, open both ends, or fill them."))
    return findings
