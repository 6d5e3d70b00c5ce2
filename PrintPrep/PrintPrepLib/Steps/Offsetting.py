"""The step that moves the whole outer surface outwards or inwards."""

import numpy

from PlanningHubLib.Planning.Fields import offset
from PlanningHubLib.Shapes.Deviation import areaWeights, distancesToSurface, samplesOf

from ..PartWork import SOLID, PartStep, Piece
from ..Simplification import Simplify
from .StepShapes import onlyPiece

FINEST_MM = 0.25
MOST_VOXELS = 12_000_000
# What simplifying the new surface may add: not much beside what a coarse grid itself leaves.
SIMPLIFIED_MM, SIMPLIFIED_VOXELS = 0.02, 0.1

PARAMETERS = {
    "offsetMm": {
        "type": "number", "minimum": -20, "maximum": 20, "title": "Outwards",
        "description": "Below zero: inwards; what is thinner than twice that vanishes",
    },
}  # fmt: skip


def offsetBy(mesh, offsetMm, progress):
    """Return the solid of all that lies within a distance of a solid (below zero: that deep inside) and its voxel, mm.

    By exact distances on a grid: edges are rounded outwards, as distance has it.

    :raises InputRefused: ``nothing-left``
    """
    sizeMm = numpy.ptp(mesh.points.astype(float), axis=0) + 2 * max(offsetMm, 0.0)
    voxelMm = max(FINEST_MM, float(numpy.prod(sizeMm) / MOST_VOXELS) ** (1 / 3))
    found = offset(mesh, offsetMm, voxelMm)
    progress(0.6, "Simplifying the offset surface")
    return Simplify.simplified(found, max(SIMPLIFIED_MM, SIMPLIFIED_VOXELS * voxelMm)).mesh, voxelMm


def missedMm(before, after, offsetMm):
    """Return by how much (mean, maximum) in mm the samples of an offset surface miss their distance."""
    offMm = abs(distancesToSurface(samplesOf(after), before) - abs(offsetMm))
    return float(numpy.average(offMm, weights=areaWeights(after))), float(offMm.max())


def _run(parameters, work, progress):
    offsetMm, before = parameters["offsetMm"], onlyPiece(work, "An offset").mesh
    if offsetMm == 0:
        return
    mesh, voxelMm = offsetBy(before, offsetMm, progress)
    progress(0.9, "Measuring the offset")
    meanMm, maximumMm = missedMm(before, mesh, offsetMm)
    work.pieces = [Piece("", mesh)]
    work.offsetMm += offsetMm
    work.took("offset", meanMm, maximumMm)
    work.facts["offset"] = {
        "offsetMm": offsetMm, "voxelMm": round(voxelMm, 3), "missedMeanMm": round(meanMm, 4),
        "missedMaximumMm": round(maximumMm, 4), "volumeBeforeMl": round(before.volumeMl, 3),
    }  # fmt: skip


STEPS = (PartStep("offset", "Offset", SOLID, PARAMETERS, ("offsetMm",), _run),)
