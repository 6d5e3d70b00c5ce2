"""Is a mesh a solid that can be printed? Facts about its edges, corners, triangles and shells, as findings."""

import dataclasses

import numpy

from ..Errors import Finding, InputRefused, firstRejection
from . import CheckLoops
from .Mesh import Mesh, signedVolumesMm3, welded
from .Shells import shellLabels

DEGENERATE_MM2 = 1e-12


@dataclasses.dataclass(frozen=True)
class MeshFacts:
    """What counts for a solid; the first five are zero for a sound one."""

    openEdges: int
    overusedEdges: int
    flippedEdges: int
    touchingCorners: int
    degenerateTriangles: int
    volumeMl: float
    pieces: int
    cavities: int


def meshFacts(mesh):
    """Return the :class:`MeshFacts` of a mesh, its points welded as a reader of STL welds them."""
    mesh = Mesh.fromArrays(*welded(mesh.points, mesh.triangles))
    edges, uses = edgeNumbers(mesh.triangles)
    volumesMm3 = signedVolumesMm3(mesh)
    count, labels = shellLabels(mesh)
    shells = numpy.bincount(labels, volumesMm3, minlength=count)
    return MeshFacts(
        openEdges=int((uses == 1).sum()),
        overusedEdges=int((uses > 2).sum()),
        flippedEdges=CheckLoops.flippedEdges(mesh.triangles.reshape(-1), edges, uses),
        touchingCorners=len(touchingPoints(mesh.triangles, edges)),
        degenerateTriangles=CheckLoops.degenerateTriangles(mesh.points, mesh.triangles, DEGENERATE_MM2),
        volumeMl=float(volumesMm3.sum()) / 1000,
        pieces=int((shells > 0).sum()),
        cavities=int((shells < 0).sum()),
    )


def touchingPoints(triangles, edges):
    """Return the points of which more than one fan of triangles stands: each point of a solid has exactly one.

    :param triangles: (m, 3) indices of points
    :param edges: the undirected edge's number for each triangle's edges, from corner 0 to 1, 1 to 2, 2 to 0
    :returns: a point as often as it has fans too many
    """
    tooMany = CheckLoops.fanCounts(triangles.reshape(-1), edges) - 1
    points = numpy.flatnonzero(tooMany > 0)
    return points.repeat(tooMany[points])


def edgeNumbers(triangles):
    """Return a number for each undirected edge of triangles (m, 3), from corner 0 to 1, 1 to 2, 2 to 0, and its uses.

    :returns: numbers (3 m,), and how many triangles use each number
    """
    return CheckLoops.numberedEdges(triangles.reshape(-1))


def meshFindings(mesh):
    """Return the findings about a mesh that is to be printed; without a rejecting one it is a watertight solid.

    Rejecting codes: ``empty-mesh``, ``open-surface``, ``not-manifold``, ``flipped-triangles``,
    ``degenerate-triangles``, ``inside-out``. Another: ``several-pieces`` (warn).
    """
    if len(mesh.triangles) == 0:
        return [Finding("empty-mesh", "reject", "The mesh has no triangles.")]
    if not numpy.isfinite(mesh.points).all():
        return [Finding("not-finite", "reject", "The mesh has points that are no numbers.")]
    return findingsOf(meshFacts(mesh))


def findingsOf(facts):
    """Return the findings that follow from :class:`MeshFacts`."""
    rules = (
        ("open-surface", "reject", facts.openEdges, "The surface is open at {} edges."),
        ("not-manifold", "reject", facts.overusedEdges, "More than two triangles meet at {} edges."),
        ("not-manifold", "reject", facts.touchingCorners, "The surface touches itself at {} points."),
        ("flipped-triangles", "reject", facts.flippedEdges, "Neighboring triangles face opposite ways at {} edges."),
        ("degenerate-triangles", "reject", facts.degenerateTriangles, "{} triangles have no area."),
        ("inside-out", "reject", int(facts.volumeMl <= 0), "The triangles face inwards."),
        ("several-pieces", "warn", facts.pieces if facts.pieces > 1 else 0, "The part is in {} pieces."),
    )
    return [Finding(code, severity, text.format(count)) for code, severity, count, text in rules if count]


def requirePrintable(mesh):
    """Return the findings about a mesh that is a watertight solid.

    :raises InputRefused: with the code and message of the first rejecting finding
    """
    findings = meshFindings(mesh)
    finding = firstRejection(findings)
    if finding:
        raise InputRefused(finding.code, finding.message, "Segment again, or close and smooth the segment.")
    return findings
