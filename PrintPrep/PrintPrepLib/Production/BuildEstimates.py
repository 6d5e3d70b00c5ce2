"""What a build takes by a stated model: material with supports, time and cost. An estimate, not a quotation."""

import math

import numpy

from PlanningHubLib.Shapes.Mesh import MM3_PER_ML

from .BuildOrientation import RESTING_COSINE, RESTING_MM
from .BuildSampling import subdivided

CELL_MM = 1.0
MODEL = (
    "supports: room below faces that lean further than the process carries, down to the next face or the plate, times "
    "the share of it that supports fill; hours: setup + height / rate + volume with supports / rate; cost: volume with "
    "supports and hours, without work"
)


def supportRoomMl(mesh, angleDegrees):
    """Return the room (ml) below the overhangs of an upright part, down to its next face or to the plate at its foot.

    :param angleDegrees: faces that lean further from the vertical rest on supports; None: none do
    """
    if angleDegrees is None:
        return 0.0
    corners = subdivided(mesh.points[mesh.triangles] - mesh.points.min(0), CELL_MM)
    crosses = numpy.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = numpy.linalg.norm(crosses, axis=1)
    keep = lengths > 0
    corners, shadows, down = corners[keep], crosses[keep, 2] / 2, -crosses[keep, 2] / lengths[keep]
    centers = corners.mean(1)
    cells = (centers[:, :2] / CELL_MM).astype(numpy.int64)
    order = numpy.lexsort((centers[:, 2], cells[:, 0], cells[:, 1]))
    heights, cells = centers[order, 2], cells[order]
    below = numpy.concatenate([[0.0], _lastUpward(heights, shadows[order] > 0, cells)[:-1]])
    first = numpy.concatenate([[True], (cells[1:] != cells[:-1]).any(1)])
    below[first] = 0.0
    resting = (heights < RESTING_MM) & (down[order] > RESTING_COSINE)
    leaning = (down[order] > math.sin(math.radians(angleDegrees)) + 1e-4) & ~resting
    return float(-(shadows[order] * numpy.maximum(heights - below, 0.0))[leaning].sum()) / MM3_PER_ML


def _lastUpward(heights, isUpward, cells):
    """Return for each sample the height of the last face up to it, in its own cell, that looks up; 0 without one."""
    index = numpy.arange(len(heights))
    starts = numpy.concatenate([[True], (cells[1:] != cells[:-1]).any(1)])
    begin = numpy.maximum.accumulate(numpy.where(starts, index, 0))
    last = numpy.maximum.accumulate(numpy.where(isUpward, index, -1))
    return numpy.where(last >= begin, heights[numpy.maximum(last, 0)], 0.0)


def plateEstimate(profile, partsMl, supportRoomMl, heightMm):
    """Return what a plate takes: ``partsMl``, ``supportsMl``, ``hours``, ``cost``, ``currency``.

    :param heightMm: of the highest part
    """
    supportsMl = supportRoomMl * profile.supportShare
    rates, prices = profile.machineTime, profile.cost
    hours = rates["setupHours"]
    hours += heightMm / rates["heightMmPerHour"] if rates["heightMmPerHour"] else 0.0
    hours += (partsMl + supportsMl) / rates["volumeMlPerHour"] if rates["volumeMlPerHour"] else 0.0
    cost = (partsMl + supportsMl) * prices["perMl"] + hours * prices["perHour"]
    return {
        "partsMl": round(partsMl, 2), "supportsMl": round(supportsMl, 2), "hours": round(hours, 2),
        "cost": round(cost, 2), "currency": prices["currency"],
    }  # fmt: skip
