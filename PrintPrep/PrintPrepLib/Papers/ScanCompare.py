"""A measured scan of the printed part against the part: registered, measured both ways, judged by the tolerance.

Scanners know no patient frame: the scan is laid over the part rigidly, by the surfaces alone, from every way in which
their principal axes can lie over each other. A mirror image, or another part of the case, that fits clearly better is
refused: the wrong thing lies on the table. Lengths in mm, places in LPS of the part.
"""

import dataclasses

import numpy
import vtk
from scipy.sparse import coo_matrix, csgraph

from PlanningHubLib.Errors import Finding, GateRefused, InputRefused, UsageError
from PlanningHubLib.Files import sha256
from PlanningHubLib.Planning.Distances import searchOf
from PlanningHubLib.Planning.Registration import FixedSurface
from PlanningHubLib.Progress import noProgress, part
from PlanningHubLib.Shapes.Deviation import pointWeights, weightedPercentiles
from PlanningHubLib.Shapes.Mesh import Mesh

from ..Formats.WritersStl import PartLabel, stlBytes
from ..PartPictures import deviationPictures
from ..PartRecords import childId, chosenPart, currentParts, partMesh, partName, partNumber, readMesh
from .Copies import requireCopy
from .Inspection import FAIL, OPEN, PASS, SCANNED, commitInspection, inspectionHead, requireToleranceMm
from .ScanLaying import ALIKE, borderTriangles, laidOver, mirrored

UNITS_MM = {"um": 0.001, "mm": 1.0, "cm": 10.0, "m": 1000.0, "inch": 25.4}
# Site defaults, no source. A scan that is worse everywhere is of something else, or in another unit.
WORST_MEAN_MM = 1.0
# One patch of the surface beyond the tolerance may be as large as this, such as a burr; and so much must be seen.
PATCH_MM2, LEAST_COVERAGE = 1.0, 0.95
FINEST_EDGE_MM, FINE_ENOUGH_TRIANGLES = 1.0, 300_000
SCAN_FILE, PICTURE_NAME = "scan.stl", "deviation"


@dataclasses.dataclass(frozen=True, eq=False)
class Compared:
    """What a scan shows of a part.

    :param scan: the scan's mesh where the part lies, LPS mm
    :param distancesMm: of each point of the scan, positive outside of the part
    :param facts: figures, places and reasons, as JSON holds them
    :param verdict: ``pass``, ``fail``, or ``open`` where too little of the part was seen
    """

    scan: Mesh
    distancesMm: numpy.ndarray
    facts: dict
    verdict: str
    findings: tuple = ()


def inspectScan(case, path, unit, partId=None, toleranceMm=None, progress=noProgress, user=None, copy=None):
    """Compare a scan of the printed part with the part, and keep the result, whatever it is.

    :param path: STL of the scan; it may lie and be turned in any way
    :param unit: of ``UNITS_MM``; an STL does not say it, and it is never guessed
    :param toleranceMm: None for the part's
    :param copy: number of the copy that was scanned, where the build has several
    :returns: artefact of kind ``inspection``; its facts hold ``verdict``, ``reasons``, figures, ``coveragePercent``
    :raises GateRefused: ``no-part``, ``which-part``, ``stale-part``, ``tolerance-not-stated``, ``mirrored-scan``,
        ``other-part``
    :raises InputRefused: ``cannot-read``, ``empty-mesh``, ``scan-does-not-fit``
    :raises UsageError: ``unit-not-stated``, ``which-copy``, ``no-such-copy``
    """
    chosen = chosenPart(case, partId)
    requireCopy(case, chosen, copy)
    toleranceMm = requireToleranceMm(chosen, toleranceMm)
    scan = readScan(path, unit)
    progress(0.05, "Reading the part")
    mesh = partMesh(case, chosen)
    others = [(one, partMesh(case, one)) for one in currentParts(case) if one.id != chosen.id]
    compared = compareScan(scan, mesh, toleranceMm, others, part(progress, 0.1, 0.9))
    with case.staging("inspection", childId(case, "inspection", chosen, method=SCANNED, copy=copy), user) as stage:
        progress(0.9, "Writing the inspection")
        label = PartLabel("scan", case.name, f"scan of {partNumber(chosen)}", case.side, chosen.content)
        (stage.folder / SCAN_FILE).write_bytes(stlBytes(compared.scan, label))
        deviationPictures(compared.scan, compared.distancesMm, toleranceMm, stage.folder, PICTURE_NAME)
        return _committed(case, stage, chosen, compared, path, unit, copy)


def _committed(case, stage, chosen, compared, path, unit, copy):
    facts = {
        **compared.facts,
        "scan": {"unit": unit, "sha256": sha256(path), "triangles": len(compared.scan.triangles)},
        "findings": [finding.asDict() for finding in compared.findings],
    }
    values = {**inspectionHead(case, chosen, SCANNED, copy), "verdict": compared.verdict, **facts}
    return commitInspection(stage, chosen, values, facts)


def readScan(path, unit):
    """Return the mesh of a scan's STL in mm, its triangles looking outwards.

    :raises UsageError: ``unit-not-stated``
    :raises InputRefused: ``cannot-read``, ``empty-mesh``, ``not-finite``
    """
    if unit not in UNITS_MM:
        raise UsageError("unit-not-stated", "It is not said in which unit the scan is.", f"Use {', '.join(UNITS_MM)}.")
    mesh = readMesh(path)
    # Far from its origin, single precision would lose digits in what follows.
    points = (mesh.points.astype(float) - mesh.points.astype(float).mean(0)) * UNITS_MM[unit]
    scan = Mesh.fromArrays(points, mesh.triangles)
    return Mesh(scan.points, scan.triangles[:, ::-1].copy()) if scan.volumeMl < 0 else scan


def compareScan(scan, mesh, toleranceMm, others=(), progress=noProgress):
    """Return the :class:`Compared` of a scan with the mesh of a part, both in mm.

    :param others: (artefact, mesh) of the case's other parts
    :raises GateRefused: ``other-part``, ``mirrored-scan``
    :raises InputRefused: ``scan-does-not-fit``
    """
    fixed = FixedSurface(mesh)
    progress(0.0, "Laying the scan over the part")
    fit = laidOver(scan, fixed)
    for number, (other, otherMesh) in enumerate(others):
        progress(0.2 + 0.3 * number / len(others), f"Is it {partNumber(other)}?")
        _requireNotOther(scan, fit, other, otherMesh)
    progress(0.5, "Looking for a mirror image")
    mirrorImage = laidOver(mirrored(scan), fixed)
    if mirrorImage.isClearlyBetter(fit):
        raise GateRefused(
            "mirrored-scan",
            f"The scan is a mirror image of the part: mirrored it fits {mirrorImage.words}; as it is, {fit.words}.",
            "Do not use what was scanned before it is clear whether the print or the scan is mirrored.",
        )
    _requireFit(fit)
    progress(0.7, "Measuring")
    return _measured(fit, mesh, toleranceMm, () if fit.isClearlyBetter(mirrorImage) else (_symmetric(),))


def _requireFit(fit):
    if not fit.registered.meanMm <= WORST_MEAN_MM:
        raise InputRefused(
            "scan-does-not-fit",
            f"The scan does not fit the part: it fits {fit.words}.",
            "See whether this part was scanned, whether the unit is right, and cut away what else the scan shows.",
        )


def _requireNotOther(scan, fit, other, otherMesh):
    otherFit = laidOver(scan, FixedSurface(otherMesh))
    if otherFit.registered.meanMm <= WORST_MEAN_MM and otherFit.isClearlyBetter(fit):
        raise GateRefused(
            "other-part",
            f"The scan fits {partNumber(other)} ({partName(other)}) better: {otherFit.words}; the part that is "
            f"inspected it fits {fit.words}.",
            "Find out which part lies there; do not release it.",
        )


def _symmetric():
    return Finding(
        "mirror-not-told",
        "info",
        "The part and its mirror image fit the scan equally well: by its shape nobody can tell which it is.",
        "Read the side and the part number on the part.",
    )


def _measured(fit, mesh, toleranceMm, findings):
    """Measure a scan that lies over the part, from it to the part and back, and judge it."""
    scan, mesh = _fine(fit.scan), _fine(mesh)
    distancesMm = _signedMm(scan.points, mesh)
    backMm, isSeen = _backDistances(scan, mesh, toleranceMm)
    weights, partWeights = (pointWeights(one) for one in (scan, mesh))
    absolute = numpy.abs(distancesMm)
    p95Mm, p99Mm = weightedPercentiles(absolute, weights, (95, 99))
    farthest = int(absolute.argmax())
    patches = [_largestPatch(scan, absolute > toleranceMm, weights, distancesMm)]
    patches.append(_largestPatch(mesh, (backMm > toleranceMm) & isSeen, partWeights, -backMm))
    coverage = float(partWeights[isSeen].sum() / partWeights.sum())
    reasons = _reasons(p95Mm, toleranceMm, patches, coverage)
    facts = {
        "toleranceMm": toleranceMm,
        "registration": fit.registered.asFacts(),
        "meanMm": _round(numpy.average(distancesMm, weights=weights)),
        "meanAbsoluteMm": _round(numpy.average(absolute, weights=weights)),
        "p95Mm": _round(p95Mm),
        "p99Mm": _round(p99Mm),
        "maximumMm": _round(distancesMm[farthest]),
        "maximumAtLpsMm": _place(scan.points[farthest]),
        "missingMaximumMm": _round(backMm[isSeen].max() if isSeen.any() else 0.0),
        "beyondPercent": _round(100 * weights[absolute > toleranceMm].sum() / weights.sum()),
        "largestBeyond": max(patches, key=lambda patch: patch["areaMm2"]),
        "coveragePercent": round(100 * coverage, 1),
        "samples": len(scan.points),
        "reasons": reasons,
    }
    isFailed = p95Mm > toleranceMm or any(patch["areaMm2"] > PATCH_MM2 for patch in patches)
    verdict = FAIL if isFailed else OPEN if coverage < LEAST_COVERAGE else PASS
    return Compared(scan, distancesMm, facts, verdict, tuple(findings))


def _signedMm(points, mesh):
    """Return the distances (n,) of points to a mesh, negative where its nearest triangle looks away from them.

    At very sharp edges the sign may be wrong, never the distance; winding numbers would take ten times as long.
    """
    distancesMm, triangles, places = searchOf(mesh).nearest(points)
    isBehind = numpy.einsum("ij,ij->i", points - places, mesh.normals()[triangles]) < 0
    return numpy.where(isBehind, -distancesMm, distancesMm)


def _reasons(p95Mm, toleranceMm, patches, coverage):
    reasons = []
    if p95Mm > toleranceMm:
        reasons.append(
            f"5 % of the scanned surface lie more than {p95Mm:.2f} mm off; {toleranceMm:.2f} mm are allowed."
        )
    for patch, what in zip(patches, ("The scan lies", "The part was not found within"), strict=True):
        if patch["areaMm2"] > PATCH_MM2:
            where = ", ".join(f"{value:.1f}" for value in patch["atLpsMm"])
            reasons.append(
                f"{what} {abs(patch['mm']):.2f} mm {'off ' if what.endswith('lies') else ''}"
                f"over {patch['areaMm2']:.1f} mm² around LPS {where}."
            )
    if coverage < LEAST_COVERAGE:
        reasons.append(f"The scan shows {100 * coverage:.0f} % of the part's surface; the rest is not judged.")
    return reasons


def _backDistances(scan, mesh, toleranceMm):
    """Return for each point of the part its distance to the scan in mm, and whether the scan saw it.

    A closed scan saw everything: what it does not show is missing. In an open one, the surface was not seen where the
    nearest place of the scan is its border, or looks another way.
    """
    distancesMm, triangles, _places = searchOf(scan).nearest(mesh.points)
    border = borderTriangles(scan)
    if not border.any():
        return distancesMm, numpy.ones(len(distancesMm), bool)
    normals = _pointNormals(mesh)
    isAlike = numpy.einsum("ij,ij->i", normals, scan.normals()[triangles]) > ALIKE
    return distancesMm, isAlike & (~border[triangles] | (distancesMm <= toleranceMm))


def _pointNormals(mesh):
    normals = numpy.zeros(mesh.points.shape)
    weighted = mesh.normals() * mesh.areasMm2()[:, None]
    for corner in range(3):
        numpy.add.at(normals, mesh.triangles[:, corner], weighted)
    lengths = numpy.linalg.norm(normals, axis=1, keepdims=True)
    return normals / numpy.where(lengths > 0, lengths, 1)


def _largestPatch(mesh, isBeyond, weights, signedMm):
    """Return area, worst value and its place of the largest connected patch of the points that lie beyond."""
    if not isBeyond.any():
        return {"areaMm2": 0.0, "mm": 0.0, "atLpsMm": None}
    edges = mesh.triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    edges = edges[isBeyond[edges].all(1)]
    count = len(mesh.points)
    graph = coo_matrix((numpy.ones(len(edges), bool), (edges[:, 0], edges[:, 1])), (count, count))
    patch = csgraph.connected_components(graph, directed=False)[1]
    areas = numpy.bincount(patch, numpy.where(isBeyond, weights, 0))
    inLargest = numpy.flatnonzero((patch == areas.argmax()) & isBeyond)
    worst = inLargest[numpy.abs(signedMm[inLargest]).argmax()]
    return {"areaMm2": _round(areas.max()), "mm": _round(signedMm[worst]), "atLpsMm": _place(mesh.points[worst])}


def _fine(mesh):
    """Return a mesh whose triangles are small enough for its points to stand for its surface."""
    if len(mesh.triangles) > FINE_ENOUGH_TRIANGLES:
        return mesh
    finer = vtk.vtkAdaptiveSubdivisionFilter()
    finer.SetInputData(mesh.toPolyData())
    finer.SetMaximumEdgeLength(FINEST_EDGE_MM)
    # By area, neighbors would not agree on the edge between them, and gaps would open.
    finer.SetMaximumTriangleArea(numpy.inf)
    finer.Update()
    return Mesh.fromPolyData(finer.GetOutput())


def _round(value):
    return round(float(value), 3)


def _place(point):
    return [round(float(value), 2) for value in point]
