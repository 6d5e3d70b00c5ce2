"""Repair of a tilted gantry and of uneven spacing: what has to be done, and the resampling that does it.

Tilt shears the stack: each slice is shifted within its plane by its own position (cubic, at most by half a voxel off
the grid). Uneven spacing is brought to the usual distance by linear interpolation between the two neighbors, which
invents no intensities. Slices that are missing are not repaired: nobody knows what they showed.
"""

import dataclasses
import math

import numpy
from scipy import ndimage

from .Completion import COMPLETABLE, completedFinding, completeIdentifiers
from .Errors import Finding
from .Procedures import severityOf
from .Progress import noProgress
from .SeriesGeometry import (
    POSITION_TOLERANCE_MM,
    RELATIVE_SPACING_TOLERANCE,
    TILT_TOLERANCE_DEGREES,
    VolumeGeometry,
    checkSeries,
)
from .SliceHeader import modalityOf
from .StoredPixels import INT16

REPAIRABLE = {"gantry-tilt", "non-uniform-spacing"}
OUTSIDE_HU = -1024
# A step nearly twice the usual one is a slice that is missing.
LARGEST_STEP_RATIO = 1.9
# A gantry shifts all slices along one line; what strays from it is a patient or a table that moved.
LARGEST_STRAY_MM = 0.5
METHOD = "slices shifted in plane by cubic splines; linear interpolation along their normal"


@dataclasses.dataclass(frozen=True)
class RepairPlan:
    """What a repair will do.

    :param geometry: of the repaired volume; its headers are the scanned slices, sorted
    :param shiftsPixels: (slices, 2) rows and columns by which each scanned slice lies inside the repaired grid
    :param heightsMm: of the scanned slices along their normal, from the first
    :param completed: codes of the identifiers that the headers got beside what was scanned
    """

    geometry: VolumeGeometry
    shiftsPixels: numpy.ndarray
    heightsMm: numpy.ndarray
    tiltDegrees: float
    completed: tuple = ()

    @property
    def stepsMm(self):
        return numpy.diff(self.heightsMm)

    @property
    def isTilted(self):
        return self.tiltDegrees > TILT_TOLERANCE_DEGREES

    @property
    def isUneven(self):
        usual = float(numpy.median(self.stepsMm))
        return bool(abs(self.stepsMm - usual).max() > max(POSITION_TOLERANCE_MM, RELATIVE_SPACING_TOLERANCE * usual))

    def asFacts(self):
        """Return what the case records: the faults and how they were repaired."""
        faults = [name for name, has in (("gantry-tilt", self.isTilted), ("non-uniform-spacing", self.isUneven)) if has]
        return {
            "faults": [*self.completed, *faults],
            "tiltDegrees": round(self.tiltDegrees, 3),
            "smallestStepMm": round(float(self.stepsMm.min()), 4),
            "largestStepMm": round(float(self.stepsMm.max()), 4),
            "scannedSlices": len(self.heightsMm),
            "method": METHOD,
            "scannedSeriesUid": self.geometry.headers[0].seriesUid,
        }


def repairNote(source):
    """Return in words that a source artefact was repaired, empty where it was not."""
    repair = source.facts.get("repair")
    if not repair:
        return ""
    words = {
        "gantry-tilt": f"gantry tilt {repair['tiltDegrees']:.1f}°",
        "non-uniform-spacing": f"slices {repair['smallestStepMm']:g} to {repair['largestStepMm']:g} mm apart",
    }
    resampled = ", ".join(words[fault] for fault in repair["faults"] if fault in words)
    completed = COMPLETABLE.intersection(repair["faults"])
    return "; ".join(filter(None, [resampled and f"resampled: {resampled}", completed and "identifiers completed"]))


def repairFacts(parent):
    """Return the facts that tell of a repair, for what is made from a repaired artefact; empty where there is none."""
    return {"repair": parent.facts["repair"]} if parent.facts.get("repair") else {}


def planRepair(scanned, findings, procedure, patientId=None):
    """Return the :class:`RepairPlan` for a series (None where it cannot be repaired) and the findings that then hold.

    :param scanned: :class:`PlanningHubLib.SliceHeader.ScannedSeries`
    :param findings: those of :func:`PlanningHubLib.SeriesGeometry.checkSeries`
    :param procedure: whose limit ``tiltDegrees`` says how much tilt may be repaired
    :param patientId: what the user states for images without a patient ID
    """
    series, completed = completeIdentifiers(scanned, findings, patientId)
    remaining = checkSeries(series)[1] if completed else findings
    rejecting = {finding.code for finding in remaining if finding.severity == "reject"}
    if not (rejecting or completed) or not rejecting <= REPAIRABLE:
        return None, list(dict.fromkeys([*findings, *remaining]))
    plan = dataclasses.replace(_plan(series.headers), completed=completed)
    reason = _whyNot(plan, procedure)
    if reason:
        action = f"This cannot be repaired: {reason} Scan again."
        faults = dict.fromkeys([*findings, *remaining])
        return None, [dataclasses.replace(one, action=action) for one in faults]
    kept = [finding for finding in remaining if finding.code not in REPAIRABLE]
    return plan, kept + list(_repairedFindings(plan))


def _plan(headers):
    row, column = headers[0].orientationLps[:3], headers[0].orientationLps[3:]
    normal = numpy.cross(row, column)
    ordered = sorted(headers, key=lambda header: header.positionLps @ normal)
    rowMm, columnMm = (float(value) for value in ordered[0].pixelSpacingMm)
    drift = numpy.array([header.positionLps for header in ordered]) - ordered[0].positionLps
    heights = drift @ normal
    degrees = _tiltDegrees(drift, heights, normal)
    tilted = degrees > TILT_TOLERANCE_DEGREES
    inPlane = numpy.stack([drift @ column / rowMm, drift @ row / columnMm], axis=1) * tilted
    low, high = numpy.floor(inPlane.min(axis=0) + 1e-6), numpy.ceil(inPlane.max(axis=0) - 1e-6)
    extra = (high - low).astype(int)
    count, spacing = _levels(heights)
    matrix = numpy.eye(4)
    matrix[:3, 0], matrix[:3, 1], matrix[:3, 2] = row * columnMm, column * rowMm, normal * spacing
    matrix[:3, 3] = ordered[0].positionLps + low[0] * column * rowMm + low[1] * row * columnMm
    shape = (count, int(ordered[0].rows) + int(extra[0]), int(ordered[0].columns) + int(extra[1]))
    geometry = VolumeGeometry(tuple(ordered), shape, (columnMm, rowMm, spacing), matrix)
    return RepairPlan(geometry, inPlane - low, heights, degrees)


def _tiltDegrees(drift, heights, normal):
    sideways = numpy.linalg.norm(drift - numpy.outer(heights, normal), axis=1).max()
    return math.degrees(math.atan2(float(sideways), float(heights[-1])))


def _levels(heights):
    """Return how many slices the repaired volume has and their distance in mm."""
    steps = numpy.diff(heights)
    usual = float(numpy.median(steps))
    if abs(steps - usual).max() <= max(POSITION_TOLERANCE_MM, RELATIVE_SPACING_TOLERANCE * usual):
        return len(heights), float(heights[-1] / (len(heights) - 1))
    return int(heights[-1] / usual + 1e-3) + 1, usual


def _whyNot(plan, procedure):
    """Return in words why a plan must not be carried out, or None."""
    if any(header.frame is not None for header in plan.geometry.headers):
        # The repaired series takes over each slice's own header, which frames do not have.
        return "its slices are frames of one file."
    usual = float(numpy.median(plan.stepsMm))
    if plan.stepsMm.max() > LARGEST_STEP_RATIO * usual:
        return f"a gap of {plan.stepsMm.max():.2f} mm stands for slices that are missing."
    if severityOf(procedure.limit("tiltDegrees"), plan.tiltDegrees) == "reject":
        return f"a tilt of {plan.tiltDegrees:.1f} degrees is more than is repaired for {procedure.title}."
    if modalityOf(plan.geometry.headers) != "CT":
        # What is not scanned would have to be filled with a value that MR does not have.
        return "only CT is resampled."
    geometry = plan.geometry
    line = numpy.outer(plan.heightsMm / plan.heightsMm[-1], plan.shiftsPixels[-1] - plan.shiftsPixels[0])
    stray = (plan.shiftsPixels - plan.shiftsPixels[0] - line) * (geometry.spacingMm[1], geometry.spacingMm[0])
    if numpy.linalg.norm(stray, axis=1).max() > LARGEST_STRAY_MM:
        return "the slices do not shift along one line, as those of a tilted gantry do: patient or table moved."
    return None


def _repairedFindings(plan):
    action = "Compare the resampled volume with the scanned slices before planning; what is made of it says so."
    if plan.completed:
        yield completedFinding(plan.completed)
    if plan.isTilted:
        yield Finding("gantry-tilt-repaired", "warn",
                      f"The gantry was tilted by {plan.tiltDegrees:.1f} degrees; the slices are shifted into place "
                      "by resampling.", action)  # fmt: skip
    if plan.isUneven:
        yield Finding("non-uniform-spacing-repaired", "warn",
                      f"Slices lie {plan.stepsMm.min():.2f} to {plan.stepsMm.max():.2f} mm apart; they are brought to "
                      f"{plan.geometry.spacingMm[2]:.2f} mm by resampling.", action)  # fmt: skip


def repairedVoxels(plan, voxels, progress=noProgress):
    """Return the repaired volume.

    :param voxels: array (slices, rows, columns) in HU, in the order of the plan's headers
    :returns: array of the plan's shape, int16 in whole HU; -1024 HU where nothing was scanned
    """
    shifted = numpy.empty((len(voxels), *plan.geometry.shape[1:]), numpy.int16)
    for index, image in enumerate(voxels):
        progress(index / len(voxels), f"Resampling slice {index + 1} of {len(voxels)}")
        shifted[index] = _shifted(image, plan.shiftsPixels[index], shifted.shape[1:])
    return _levelled(plan, shifted) if plan.isUneven else shifted


def _shifted(image, shift, shape):
    """Return an image placed at a fractional row and column of a larger one."""
    whole = numpy.floor(shift + 1e-6).astype(int)
    part = shift - whole
    canvas = numpy.full(shape, OUTSIDE_HU, numpy.float32)
    rows, columns = image.shape
    canvas[whole[0] : whole[0] + rows, whole[1] : whole[1] + columns] = image
    if abs(part).max() > 1e-3:
        low, high = float(canvas.min()), float(canvas.max())
        canvas = numpy.clip(ndimage.shift(canvas, part, order=3, mode="nearest"), low, high)
    return _whole(canvas)


def _levelled(plan, slices):
    count, spacing = plan.geometry.shape[0], plan.geometry.spacingMm[2]
    places = numpy.arange(count) * spacing
    below = numpy.clip(numpy.searchsorted(plan.heightsMm, places, side="right") - 1, 0, len(slices) - 2)
    weights = (places - plan.heightsMm[below]) / plan.stepsMm[below]
    levelled = numpy.empty((count, *slices.shape[1:]), numpy.int16)
    for index, (lower, weight) in enumerate(zip(below, numpy.clip(weights, 0, 1), strict=True)):
        pair = slices[lower : lower + 2].astype(numpy.float32)
        levelled[index] = _whole(pair[0] * (1 - weight) + pair[1] * weight)
    return levelled


def _whole(values):
    return numpy.rint(numpy.clip(values, INT16.min, INT16.max)).astype(numpy.int16)


def scannedBeside(plan):
    """Return per repaired slice the scanned headers that it was made from."""
    headers = plan.geometry.headers
    if not plan.isUneven:
        return [(header,) for header in headers]
    places = numpy.arange(plan.geometry.shape[0]) * plan.geometry.spacingMm[2]
    below = numpy.clip(numpy.searchsorted(plan.heightsMm, places, side="right") - 1, 0, len(headers) - 2)
    return [headers[index : index + 2] for index in below]
