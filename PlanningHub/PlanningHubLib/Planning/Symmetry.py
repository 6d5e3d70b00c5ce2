"""The mid-sagittal plane of a bone: its surface is mirrored and registered onto itself, robustly."""

import numpy
from scipy.spatial import cKDTree

from ..Errors import Finding, InputRefused
from ..Progress import noProgress
from ..Shapes.Deviation import distancesToSurface
from .Objects import Plane
from .Operation import POINT, Operation, Result
from .Placing import matrixOf
from .Sampling import surfaceSamples

COARSE_SAMPLES, COARSE_TARGET_SAMPLES = 1_000, 8_000
FINE_SAMPLES, FINE_TARGET_SAMPLES = 10_000, 60_000
COARSE_STEPS, FINE_STEPS = 15, 60
# A head lies hardly more askew than this in a scanner; registration finds its way from half of the step between.
START_TURNS_DEGREES = (-20.0, 0.0, 20.0)
# Farther apart than three robust standard deviations is no noise but a defect, metal or an asymmetry.
OUTLIER_DEVIATIONS, MAD_TO_DEVIATION = 3.0, 1.4826
SMALLEST_LIMIT_MM = 0.3
# What has no counterpart within this has none; searching farther takes long and finds nothing that counts.
COARSE_REACH_MM, FINE_REACH_MM = 25.0, 12.0
SAME_DIRECTION = 0.5
CONVERGED = 1e-7
# Site defaults, no source.
MAXIMUM_RESIDUAL_MM, LEAST_KEPT, LEAST_SIDE, LARGEST_ANGLE_DEGREES = 2.0, 0.5, 0.3, 45.0


def symmetryPlane(parameters, context, progress):
    """Fit the plane at which a bone mirrors onto itself, or judge a plane placed by hand; turn and shift it.

    :raises InputRefused: ``not-symmetric``, where the bone fits its mirror image badly or lies on one side only
    """
    mesh = context.solid(parameters["bone"]).mesh
    if parameters["plane"]:
        placed = context.plane(parameters["plane"])
        origin, normal = placed.originRas, placed.normalRas
    else:
        origin, normal = fitted(mesh, progress)
    origin, normal = _adjusted(origin, _towardsRight(normal), parameters)
    byHand = parameters["plane"] or any(parameters["turnDegrees"]) or parameters["shiftMm"]
    progress(0.8, "Residual")
    figures = residual(mesh, origin, normal)
    findings = _judged(figures, parameters, bool(byHand))
    low, high = mesh.points.min(0), mesh.points.max(0)
    sizeMm = float(numpy.linalg.norm(high - low))
    return Result((Plane(parameters["name"], origin, normal, sizeMm),), figures, findings=findings)


def fitted(mesh, progress=noProgress):
    """Return a point on the plane of best symmetry and its normal, both (3,) RAS mm; the nearest to sagittal counts.

    The plane's three parameters are fitted by point-to-plane steps of Gauss and Newton over the mirrored samples and
    their nearest neighbors on the surface; what lies farther apart than robust statistics allow is left out.
    """
    coarse = _Registration(mesh, COARSE_SAMPLES, COARSE_TARGET_SAMPLES, COARSE_REACH_MM)
    fine = _Registration(mesh, FINE_SAMPLES, FINE_TARGET_SAMPLES, FINE_REACH_MM)
    progress(0.1, "Symmetry")
    ends = [coarse.run(start, 0.0, COARSE_STEPS) for start in _startNormals(fine.targetPoints)]
    progress(0.5, "Symmetry")
    normal, offset = fine.run(*min(ends, key=lambda end: coarse.distances(*end).mean()), FINE_STEPS)
    center = fine.center
    return center + offset * normal, normal


def residual(mesh, originRas, normalRas):
    """Return how well a mesh fits its own mirror image: the figures of a plane, distances exact."""
    samples = surfaceSamples(mesh, FINE_SAMPLES)
    heightsMm = (samples.points - originRas) @ normalRas
    distancesMm = distancesToSurface(samples.points - 2 * heightsMm[:, None] * normalRas, mesh)
    limitMm = _limitMm(distancesMm)
    kept = distancesMm[distancesMm <= limitMm]
    rightShare = float((heightsMm > 0).mean())
    return {
        "residualMeanMm": float(kept.mean()),
        "residualP95Mm": float(numpy.percentile(kept, 95)),
        "keptPercent": 100 * len(kept) / len(distancesMm),
        "keptWithinMm": float(limitMm),
        "smallerSidePercent": 100 * min(rightShare, 1 - rightShare),
        "sagittalAngleDegrees": float(numpy.degrees(numpy.arccos(min(1.0, abs(normalRas[0]))))),
    }


def _startNormals(points):
    """Return normals to start from: about the patient's R, and the bone's own axis near it."""
    starts = [
        matrixOf({"matrix": [], "turnDegrees": (0, roll, yaw), "center": (0, 0, 0), "shiftMm": (0, 0, 0)})[:3, 0]
        for roll in START_TURNS_DEGREES
        for yaw in START_TURNS_DEGREES
    ]
    axes = numpy.linalg.svd(points[::10], full_matrices=False)[2]
    starts.append(axes[abs(axes[:, 0]).argmax()])
    return starts


class _Registration:
    """Samples of a mesh, and the mesh that their mirror images are brought onto; about the mesh's center."""

    def __init__(self, mesh, count, targetCount, reachMm):
        samples, target = surfaceSamples(mesh, count), surfaceSamples(mesh, targetCount)
        low, high = mesh.points.min(0), mesh.points.max(0)
        self.center = (low + high).astype(float) / 2
        self.points, self.normals = samples.points - self.center, samples.normals
        self.targetPoints, self.targetNormals = target.points - self.center, target.normals
        self.tree, self.reachMm = cKDTree(self.targetPoints), reachMm

    def run(self, normal, offset, steps):
        """Return normal and offset after at most so many steps."""
        for _step in range(steps):
            change = self._change(normal, offset)
            first, second = _across(normal)
            turned = normal + change[0] * first + change[1] * second
            normal, offset = turned / numpy.linalg.norm(turned), offset + change[2]
            if abs(change).max() < CONVERGED:
                break
        return normal, offset

    def distances(self, normal, offset):
        """Return how far each mirrored sample is from the surface, at most the reach."""
        return numpy.minimum(self._nearest(_mirrored(self.points, normal, offset))[0], self.reachMm)

    def _nearest(self, points):
        return self.tree.query(points, distance_upper_bound=self.reachMm, workers=-1)

    def _change(self, normal, offset):
        """Return the change of the normal along its two perpendiculars, and of the offset."""
        mirrored = _mirrored(self.points, normal, offset)
        distances, nearest = self._nearest(mirrored)
        keep = distances <= _limitMm(numpy.minimum(distances, self.reachMm))
        keep &= numpy.isfinite(distances)
        directions = _mirrored(self.normals[keep], normal, 0.0)
        alike = numpy.einsum("ij,ij->i", directions, self.targetNormals[nearest[keep]]) > SAME_DIRECTION
        which = numpy.flatnonzero(keep)[alike]
        if len(which) < 3:
            return numpy.zeros(3)
        tangents, hit = self.targetNormals[nearest[which]], self.targetPoints[nearest[which]]
        misfit = numpy.einsum("ij,ij->i", tangents, mirrored[which] - hit)
        points = self.points[which]
        heights = points @ normal - offset
        # A mirrored point is p − 2 (n·p − d) n: its derivatives along the two turns of n, and along d.
        columns = [
            -2 * ((points @ across) * (tangents @ normal) + heights * (tangents @ across)) for across in _across(normal)
        ]
        columns.append(2 * (tangents @ normal))
        return numpy.linalg.lstsq(numpy.stack(columns, axis=1), -misfit, rcond=None)[0]


def _across(normal):
    first = numpy.cross(normal, numpy.eye(3)[abs(normal).argmin()])
    first /= numpy.linalg.norm(first)
    return first, numpy.cross(normal, first)


def _mirrored(vectors, normal, offset):
    return vectors - 2 * (vectors @ normal - offset)[:, None] * normal


def _limitMm(distancesMm):
    deviation = MAD_TO_DEVIATION * numpy.median(distancesMm)
    return max(OUTLIER_DEVIATIONS * deviation, SMALLEST_LIMIT_MM)


def _towardsRight(normal):
    return normal if normal[0] >= 0 else -normal


def _adjusted(origin, normal, parameters):
    turn = matrixOf({"matrix": [], "turnDegrees": parameters["turnDegrees"], "center": origin, "shiftMm": (0, 0, 0)})
    normal = turn[:3, :3] @ normal
    return origin + parameters["shiftMm"] * normal, normal


def _judged(figures, parameters, byHand):
    reason = None
    if figures["residualMeanMm"] > parameters["maximumResidualMm"]:
        reason = (
            f"the mirror image lies {figures['residualMeanMm']:.1f} mm off on average, "
            f"more than {parameters['maximumResidualMm']:g} mm"
        )
    elif figures["keptPercent"] < 100 * LEAST_KEPT:
        reason = f"only {figures['keptPercent']:.0f} % of the surface has a counterpart"
    elif figures["smallerSidePercent"] < 100 * LEAST_SIDE:
        reason = f"{100 - figures['smallerSidePercent']:.0f} % of it lies on one side"
    elif figures["sagittalAngleDegrees"] > LARGEST_ANGLE_DEGREES:
        reason = f"its best plane lies {figures['sagittalAngleDegrees']:.0f}° off the sagittal plane"
    if reason is None:
        return ()
    message = f"{parameters['bone']} has no plane of symmetry: {reason}."
    action = "Choose a bone with both sides in the scan, or place the plane by hand."
    if not byHand:
        raise InputRefused("not-symmetric", message, action)
    return (Finding("not-symmetric", "warn", message, "See whether the plane lies where it should."),)


OPERATIONS = (
    Operation(
        "symmetry-plane", "Symmetry plane",
        {
            "bone": {
                "type": "string", "minLength": 1, "x-object": "solid", "title": "Bone",
                "description": "A bone of which both sides are in the scan.",
            },
            "plane": {
                "type": "string", "default": "", "x-object": "plane", "title": "Plane placed by hand",
                "description": "Used instead of the fit; how well the bone fits its mirror image is still measured.",
            },
            "turnDegrees": {
                **POINT, "default": [0, 0, 0], "x-point": "direction", "title": "Turn about R, A, S",
                "description": "A correction by hand after the fit, about the plane's point.",
            },
            "shiftMm": {
                "type": "number", "default": 0.0, "title": "Shift towards the patient's right",
                "description": "A correction by hand after the fit, along the plane's normal.",
            },
            "maximumResidualMm": {
                "type": "number", "exclusiveMinimum": 0, "default": MAXIMUM_RESIDUAL_MM, "title": "Largest residual",
                "description": "Mean distance of the mirror image above which the bone counts as not symmetric; "
                "site default, no source.",
            },
        },
        ("bone",), symmetryPlane,
    ),
)  # fmt: skip
