"""The step that makes a drill guide: a patch on the bone, and sleeves along lines that lead a drill and stop it."""

import numpy

from ..Errors import Finding, InputRefused
from ..Shapes.Manifolds import toManifold
from .GuideBeds import bedOf
from .GuideBodies import (
    BODY_PARAMETERS,
    OVERLAP_MM3,
    fitFigures,
    fitFindings,
    guideOf,
    pointsOf,
    requireFromOutside,
    seatOf,
    shaftOf,
    sharedMm3,
)
from .Objects import Curve, Line, Plane, Points
from .Operation import Operation, Result
from .Solids import manifoldOf

# Site default, no source: a shorter sleeve does not lead a drill.
SHORTEST_SLEEVE_MM = 5.0
_BEYOND_MM = 20.0


def drillGuide(parameters, context, progress):
    """Make a guide that sits on the bone and leads a drill along lines, each from outside the bone to its target.

    :raises InputRefused: ``points-off-bone``, ``wrong-direction``, ``line-misses-bone``, ``line-from-behind``,
        ``drill-too-short``, ``sleeve-blocked``, ``guide-in-pieces``, ``guide-in-bone``, ``guide-grips``
    """
    bone = context.solid(parameters["bone"])
    boneManifold = manifoldOf(bone)
    shafts = [shaftOf(context.get(name, Line), boneManifold) for name in parameters["lines"]]
    topsMm = [_topMm(shaft, parameters) for shaft in shafts]
    points = [[shaft.entryRas] for shaft in shafts]
    points += [pointsOf(context.get(name, Points, Curve, Plane)) for name in parameters["about"]]
    points, outwards = seatOf(boneManifold, numpy.concatenate(points), parameters["name"], parameters["direction"])
    requireFromOutside(shafts, outwards)
    progress(0.2, "Distances to the bone")
    bed = bedOf(boneManifold, points, outwards, parameters, max(topsMm))
    progress(0.6, "Sleeves")
    boreMm = parameters["drillMm"] + parameters["drillClearanceMm"]
    outerMm = boreMm / 2 + parameters["wallMm"]
    sleeves = [shaft.cylinder(outerMm, topMm) for shaft, topMm in zip(shafts, topsMm, strict=True)]
    bores = [shaft.cylinder(boreMm / 2, topMm + _BEYOND_MM, -_BEYOND_MM)
             for shaft, topMm in zip(shafts, topsMm, strict=True)]  # fmt: skip
    guide, crumbsMl = guideOf(parameters["name"], bed, bone, sleeves, bores)
    progress(0.8, "Measuring the guide")
    manifold = toManifold(guide.mesh)
    figures = {**fitFigures(guide, bed, parameters["clearanceMm"]), "leftOutMl": crumbsMl}
    rows = [_row(shaft, topMm, manifold, outwards, parameters) for shaft, topMm in zip(shafts, topsMm, strict=True)]
    return Result((guide,), figures, {"Sleeves": rows}, (*fitFindings(figures), *_crossings(bores, shafts)))


def _topMm(shaft, parameters):
    """Return how high over the bone a sleeve ends: as given, or where the drill's stop holds it at its target.

    :raises InputRefused: ``drill-too-short``
    """
    if not parameters["drillLengthMm"]:
        return parameters["clearanceMm"] + parameters["heightMm"]
    topMm = parameters["drillLengthMm"] - shaft.depthMm
    if topMm < parameters["clearanceMm"] + SHORTEST_SLEEVE_MM:
        raise InputRefused(
            "drill-too-short",
            f"A drill of {parameters['drillLengthMm']:.1f} mm leaves {topMm:.1f} mm for the sleeve of {shaft.name}, "
            f"which goes {shaft.depthMm:.1f} mm deep.",
            "Take a longer drill, or end the line less deep.",
        )
    return topMm


def _row(shaft, topMm, manifold, outwards, parameters):
    """Return the figures of a sleeve; that the drill goes through is measured on the guide as it is.

    :raises InputRefused: ``sleeve-blocked``
    """
    drill = shaft.cylinder(parameters["drillMm"] / 2, topMm + _BEYOND_MM, -_BEYOND_MM)
    blockedMm3 = sharedMm3(drill, manifold)
    if blockedMm3 > OVERLAP_MM3:
        raise InputRefused(
            "sleeve-blocked", f"{blockedMm3:.2f} mm³ of the guide are in the way of {shaft.name}.", "Move the line."
        )
    heightMm = topMm - parameters["clearanceMm"]
    return {
        "line": shaft.name,
        "entryRas": shaft.entryRas,
        "depthMm": shaft.depthMm,
        "sleeveMm": heightMm,
        "stopToTargetMm": topMm + shaft.depthMm,
        "boreMm": parameters["drillMm"] + parameters["drillClearanceMm"],
        "tiltDegrees": float(numpy.degrees(numpy.arccos(numpy.clip(shaft.outwards @ outwards, -1, 1)))),
        "drillPlayDegrees": float(numpy.degrees(numpy.arctan2(parameters["drillClearanceMm"], heightMm))),
        "drillInGuideMm3": blockedMm3,
    }


def _crossings(bores, shafts):
    for number, (bore, shaft) in enumerate(zip(bores, shafts, strict=True)):
        for other, otherShaft in zip(bores[number + 1 :], shafts[number + 1 :], strict=True):
            if sharedMm3(bore, other) > OVERLAP_MM3:
                yield Finding(
                    "sleeves-cross", "warn", f"The ways of {shaft.name} and {otherShaft.name} cross.", "Move one."
                )


OPERATIONS = (
    Operation(
        "drill-guide", "Drill guide",
        {
            "bone": BODY_PARAMETERS["bone"],
            "lines": {
                "type": "array", "minItems": 1, "items": {"type": "string"}, "title": "Lines", "x-object": "line",
                "description": "One sleeve along each; a line runs from outside the bone to where the drill ends",
            },
            "about": {
                "type": "array", "items": {"type": "string"}, "default": [], "title": "Patch also about",
                "x-object": ["points", "curve", "plane"],
                "description": "Points on the bone, connected after the entries of the lines, in their order",
            },
            **{key: BODY_PARAMETERS[key] for key in BODY_PARAMETERS if key != "bone"},
            "drillMm": {
                "type": "number", "minimum": 0.5, "maximum": 20, "default": 2.5, "title": "Drill",
                "description": "Diameter of the drill; site default, no source",
            },
            "drillClearanceMm": {
                "type": "number", "minimum": 0.05, "maximum": 2, "default": 0.2, "title": "Clearance of the drill",
                "description": "How much wider than the drill a sleeve is; site default, no source",
            },
            "heightMm": {
                "type": "number", "minimum": SHORTEST_SLEEVE_MM, "maximum": 100, "default": 12.0, "title": "Sleeve",
                "description": "Height of a sleeve over the bone, where no drill's length says it; site default",
            },
            "drillLengthMm": {
                "type": "number", "minimum": 0, "maximum": 400, "default": 0.0, "title": "Drill to its stop",
                "description": "Each sleeve ends where a drill of this length stands with its tip at the line's end; "
                "0 for sleeves of one height",
            },
        },
        ("bone", "lines"), drillGuide,
    ),
)  # fmt: skip
