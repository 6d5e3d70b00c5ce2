"""Walls and features that are too thin for the process: measured with balls in the material, LPS mm."""

import numpy

from PlanningHubLib.Errors import Finding
from PlanningHubLib.Progress import noProgress

from .InscribedBalls import BallFitter
from .SurfaceSamples import evenSamples

SPACING_MM, MOST_SAMPLES = 1.0, 60_000
# Thicker walls are not told apart.
WIDEST_MM = 10.0
# Less surface than this is an edge or a speck of the surface, not a wall.
SMALLEST_MM2 = 1.0
# Ways through a ball's center along the wall, to tell a pin, thin both ways, from a wall.
_WAYS = 8


def measuredWalls(mesh, minimumWallMm=None, minimumFeatureMm=None, progress=noProgress):
    """Measure how thick a solid is all over.

    :param mesh: closed mesh
    :param minimumWallMm: what the process can make; None where no process is chosen
    :param minimumFeatureMm: the same for pins and ribs
    :returns: the fact ``walls`` and the findings ``thin-wall`` and ``thin-feature`` (warn). ``minimumMm`` is None
        above ``WIDEST_MM``, ``featureMinimumMm`` where nothing is below its limit; percents are of the surface
    """
    progress(0.0, "Measuring the walls")
    fitter, samples = BallFitter(mesh), evenSamples(mesh, SPACING_MM, most=MOST_SAMPLES)
    balls = fitter.balls(samples, WIDEST_MM)
    thickMm = balls.widthsMm
    progress(0.7, "Measuring pins and ribs")
    narrowMm = numpy.full(len(thickMm), numpy.inf)
    thin = numpy.flatnonzero(thickMm < (minimumFeatureMm or 0))
    found = _narrowestMm(fitter, balls.centers[thin], samples.normals[thin], thickMm[thin])
    narrowMm[thin] = numpy.where(found < (minimumFeatureMm or 0), found, numpy.inf)
    walls = {
        **_extreme(thickMm, samples, "minimumMm", "atLpsMm"),
        "p1Mm": _figure(numpy.sort(thickMm)[len(thickMm) // 100]),
        **_below(thickMm, samples, minimumWallMm, "limitMm", "belowPercent"),
        **_below(narrowMm, samples, minimumFeatureMm, "featureLimitMm", "featureBelowPercent"),
        **_extreme(narrowMm, samples, "featureMinimumMm", "featureAtLpsMm"),
        "samples": len(samples.points),
        "spacingMm": round(samples.spacingMm, 2),
    }
    progress(1.0, "Walls measured")
    return walls, findingsOf(walls, samples.spacingMm)


def _narrowestMm(fitter, centers, normals, thickMm):
    """Return the least (n,) of a wall's thickness beside and the ways through places in it, along the wall."""
    if not len(centers):
        return numpy.zeros(0)
    helper = numpy.where(numpy.abs(normals[:, :1]) < 0.8, [[1.0, 0, 0]], [[0, 1.0, 0]])
    first = numpy.cross(normals, helper)
    first /= numpy.linalg.norm(first, axis=1, keepdims=True)
    second = numpy.cross(normals, first)
    narrowest = numpy.full(len(centers), numpy.inf)
    for angle in numpy.arange(_WAYS) * numpy.pi / _WAYS:
        way = numpy.cos(angle) * first + numpy.sin(angle) * second
        narrowest = numpy.minimum(narrowest, fitter.acrossMm(centers, way))
    return numpy.maximum(narrowest, thickMm)


def _extreme(valuesMm, samples, name, placeName):
    least = int(valuesMm.argmin())
    found = numpy.isfinite(valuesMm[least])
    place = [round(float(value), 2) for value in samples.points[least]] if found else None
    return {name: _figure(valuesMm[least]), placeName: place}


def _below(valuesMm, samples, limitMm, limitName, percentName):
    if limitMm is None:
        return {limitName: None}
    return {limitName: limitMm, percentName: round(100 * float((valuesMm < limitMm).mean()), 3)}


def _figure(valueMm):
    return round(float(valueMm), 3) if numpy.isfinite(valueMm) else None


def findingsOf(walls, spacingMm):
    """Return the findings that follow from the fact ``walls``, for samples of a spacing."""
    findings = []
    for code, what, limit, below, minimum, place in (
        ("thin-wall", "walls", "limitMm", "belowPercent", "minimumMm", "atLpsMm"),
        ("thin-feature", "pins or ribs", "featureLimitMm", "featureBelowPercent", "featureMinimumMm", "featureAtLpsMm"),
    ):
        areaMm2 = walls.get(below, 0) / 100 * walls["samples"] * spacingMm**2
        if areaMm2 >= SMALLEST_MM2:
            text = (
                f"The process makes {what} from {walls[limit]} mm; on {walls[below]:.2g} % of the surface the part is "
                f"thinner, down to {walls[minimum]:.2f} mm at {walls[place]} (LPS)."
            )
            findings.append(Finding(code, "warn", text, "Thicken the part there, or choose another process."))
    return findings
