"""The step that makes a cutting guide: a patch on the bone, slots for the blade along planes, holes for its pins."""

import dataclasses

import numpy

from ..Errors import Finding, InputRefused
from ..Shapes.Manifolds import toManifold
from .Blades import slab
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
from .Solids import boxAbout, framed, manifoldOf, unit

# A blade that comes at less than some 15° to the patch would only scratch along it.
_STEEP = 0.25
# Shorter, no saw blade goes through; site default, no source.
SHORTEST_SLOT_MM = 5.0
# How far slots and holes reach beyond the guide, and a bone's boss beyond the patch.
_BEYOND_MM, _PROUD_MM = 20.0, 0.5
# Where along a slot its walls are measured.
_PLACES = (0.1, 0.3, 0.5, 0.7, 0.9)
_ENDS_MM = 0.01


@dataclasses.dataclass(frozen=True, eq=False)
class Slot:
    """The way of a blade through a guide.

    :param axes: (3, 3) as rows: along the slot, across it, and from the bone outwards; ``originRas`` on the plane
    :param alongMm: its two ends along it
    :param heightsMm: the lowest point of the patch in it, and the top of the flange
    """

    plane: Plane
    originRas: numpy.ndarray
    axes: numpy.ndarray
    alongMm: tuple
    heightsMm: tuple
    widthMm: float

    @property
    def lengthMm(self):
        return self.alongMm[1] - self.alongMm[0]

    def box(self, widthMm, longerMm=0.0, belowMm=0.0, aboveMm=0.0):
        """Return the manifold of a box about the slot."""
        low = (self.alongMm[0] - longerMm, -widthMm / 2, self.heightsMm[0] - belowMm)
        high = (self.alongMm[1] + longerMm, widthMm / 2, self.heightsMm[1] + aboveMm)
        return framed(boxAbout(low, high), self.originRas, self.axes)

    def space(self, widthMm, longerMm=0.0):
        """Return the manifold of what a blade of a width sweeps through the guide and beyond."""
        return self.box(widthMm, longerMm, _BEYOND_MM, _BEYOND_MM)


def cuttingGuide(parameters, context, progress):
    """Make a guide that sits on the bone and lets a blade through along planes.

    :raises InputRefused: ``points-off-bone``, ``wrong-direction``, ``plane-too-flat``, ``plane-misses-guide``,
        ``slot-too-short``, ``slot-misses-bone``, ``slot-blocked``, ``line-misses-bone``, ``line-from-behind``,
        ``guide-in-pieces``, ``guide-in-bone``, ``guide-grips``
    """
    bone = context.solid(parameters["bone"])
    boneManifold = manifoldOf(bone)
    planes = [context.plane(name) for name in parameters["planes"]]
    about = [context.get(name, Points, Curve, Plane) for name in parameters["about"] or parameters["planes"]]
    points = numpy.concatenate([pointsOf(thing) for thing in about])
    points, outwards = seatOf(
        boneManifold, points, " and ".join(thing.name for thing in about), parameters["direction"]
    )
    shafts = [shaftOf(context.get(name, Line), boneManifold) for name in parameters["fixation"]]
    requireFromOutside(shafts, outwards)
    progress(0.2, "Distances to the bone")
    bed = bedOf(boneManifold, points, outwards, parameters, parameters["flangeMm"])
    progress(0.6, "Slots and holes")
    slots = [slotOf(plane, bed, parameters) for plane in planes]
    flanges, spaces = _flanges(slots, parameters), [slot.space(slot.widthMm) for slot in slots]
    bosses, holes = _bosses(shafts, parameters), _holes(shafts, parameters)
    guide, crumbsMl = guideOf(parameters["name"], bed, bone, [*flanges, *bosses], [*spaces, *holes])
    progress(0.8, "Measuring the guide")
    manifold = toManifold(guide.mesh)
    figures = {**fitFigures(guide, bed, parameters["clearanceMm"]), "leftOutMl": crumbsMl}
    tables = {"Slots": [_slotRow(slot, manifold, parameters) for slot in slots]}
    if shafts:
        tables["Fixation"] = [_holeRow(shaft, parameters) for shaft in shafts]
    findings = [*fitFindings(figures), *_crossings(spaces, holes, shafts)]
    return Result((guide,), figures, tables, tuple(findings))


def slotOf(plane, bed, parameters):
    """Return the :class:`Slot` of a plane in the patch of a bed, which ends before the patch does.

    :raises InputRefused: ``plane-too-flat``, ``plane-misses-guide``, ``slot-too-short``, ``slot-misses-bone``
    """
    up = bed.outwards - (bed.outwards @ plane.normalRas) * plane.normalRas
    if numpy.linalg.norm(up) < _STEEP:
        raise InputRefused(
            "plane-too-flat",
            f"{plane.name} lies almost along the guide's patch.",
            "Put the guide on from another side.",
        )
    axes = numpy.array([numpy.cross(plane.normalRas, unit(up)), plane.normalRas, unit(up)])
    widthMm = parameters["bladeMm"] + parameters["slotClearanceMm"]
    low, high = numpy.array(bed.body.bounding_box()).reshape(2, 3)
    crossed = bed.body ^ slab(plane, widthMm, low, high)
    if crossed.is_empty():
        raise InputRefused("plane-misses-guide", f"{plane.name} does not meet the guide.", "Move the guide's points.")
    center = bed.pointsRas.mean(0)
    origin = center - plane.heightsMm(center) * plane.normalRas
    own = (crossed.to_mesh().vert_properties[:, :3] - origin) @ axes.T
    alongMm = own[:, 0].min() + parameters["bridgeMm"], own[:, 0].max() - parameters["bridgeMm"]
    if alongMm[1] - alongMm[0] < SHORTEST_SLOT_MM:
        raise InputRefused(
            "slot-too-short",
            f"The slot of {plane.name} would be {max(alongMm[1] - alongMm[0], 0):.1f} mm long.",
            "Enlarge the guide's extent, or shorten its bridges.",
        )
    heightsMm = own[:, 2].min(), own[:, 2].max() + parameters["flangeMm"]
    slot = Slot(plane, origin, axes, alongMm, heightsMm, widthMm)
    if sharedMm3(slot.space(parameters["bladeMm"]), bed.bone) <= OVERLAP_MM3:
        raise InputRefused("slot-misses-bone", f"A blade along {plane.name} meets no bone.", "Move the plane.")
    return slot


def _flanges(slots, parameters):
    wallMm = parameters["wallMm"]
    if not parameters["flangeMm"]:
        return []
    return [slot.box(slot.widthMm + 2 * wallMm, min(wallMm, parameters["bridgeMm"])) for slot in slots]


def _bosses(shafts, parameters):
    radiusMm = parameters["holeMm"] / 2 + parameters["wallMm"]
    topMm = parameters["clearanceMm"] + parameters["thicknessMm"] + _PROUD_MM
    return [shaft.cylinder(radiusMm, topMm) for shaft in shafts]


def _holes(shafts, parameters):
    topMm = parameters["thicknessMm"] + parameters["flangeMm"] + _BEYOND_MM
    return [shaft.cylinder(parameters["holeMm"] / 2, topMm, -_BEYOND_MM) for shaft in shafts]


def _slotRow(slot, manifold, parameters):
    """Return the figures of a slot, measured on the guide as it is.

    :raises InputRefused: ``slot-blocked``
    """
    blade = slot.space(parameters["bladeMm"], -_ENDS_MM)
    blockedMm3 = sharedMm3(blade, manifold)
    if blockedMm3 > OVERLAP_MM3:
        raise InputRefused(
            "slot-blocked",
            f"{blockedMm3:.2f} mm³ of the guide are in the way of the blade.",
            "Move the guide's points.",
        )
    guidanceMm = min(_wallMm(slot, manifold, place, side) for place in _PLACES for side in (-1, 1))
    tilt = numpy.arctan2(parameters["slotClearanceMm"], guidanceMm)
    return {
        "plane": slot.plane.name,
        "lengthMm": float(slot.lengthMm),
        "widthMm": slot.widthMm,
        "guidanceMm": guidanceMm,
        "bladeTiltDegrees": float(numpy.degrees(tilt)),
        "bladeInGuideMm3": blockedMm3,
    }


def _wallMm(slot, manifold, place, side):
    """Return how much of a slot's wall a line from its top to the bone runs through."""
    x = slot.alongMm[0] + place * slot.lengthMm
    y = side * (slot.widthMm / 2 + 0.05)
    ends = [slot.originRas + numpy.array([x, y, z]) @ slot.axes
            for z in (slot.heightsMm[1] + 1, slot.heightsMm[0] - 1)]  # fmt: skip
    hits = manifold.ray_cast(*(tuple(end.tolist()) for end in ends))
    # Where it enters the guide the surface faces up, where it leaves it, down.
    return float(sum(hit.position @ slot.axes[2] * numpy.sign(hit.normal @ slot.axes[2]) for hit in hits))


def _holeRow(shaft, parameters):
    return {
        "line": shaft.name,
        "diameterMm": parameters["holeMm"],
        "entryRas": shaft.entryRas,
        "depthMm": shaft.depthMm,
    }


def _crossings(spaces, holes, shafts):
    for hole, shaft in zip(holes, shafts, strict=True):
        if any(sharedMm3(hole, space) > OVERLAP_MM3 for space in spaces):
            yield Finding("hole-meets-slot", "warn", f"The hole of {shaft.name} runs into a slot.", "Move it.")


OPERATIONS = (
    Operation(
        "cutting-guide", "Cutting guide",
        {
            "bone": BODY_PARAMETERS["bone"],
            "planes": {
                "type": "array", "minItems": 1, "items": {"type": "string"}, "title": "Planes", "x-object": "plane",
                "description": "One slot along each",
            },
            "about": {
                "type": "array", "items": {"type": "string"}, "default": [], "title": "Patch about",
                "x-object": ["points", "curve", "plane"],
                "description": "Points on the bone, connected in their order; without, the origins of the planes",
            },
            **{key: BODY_PARAMETERS[key] for key in BODY_PARAMETERS if key != "bone"},
            "bladeMm": {
                "type": "number", "minimum": 0.1, "maximum": 5, "default": 1.0, "title": "Blade",
                "description": "Thickness of the blade, as the kerf of the cuts; site default, no source",
            },
            "slotClearanceMm": {
                "type": "number", "minimum": 0.05, "maximum": 2, "default": 0.2, "title": "Clearance of the blade",
                "description": "How much wider than the blade a slot is; site default, no source",
            },
            "bridgeMm": {
                "type": "number", "minimum": 1, "maximum": 50, "default": 4.0, "title": "Bridge",
                "description": "What holds the guide together at each end of a slot; site default, no source",
            },
            "flangeMm": {
                "type": "number", "minimum": 0, "maximum": 50, "default": 6.0, "title": "Flange",
                "description": "Height of the walls that guide the blade, over the patch; site default, no source",
            },
            "fixation": {
                "type": "array", "items": {"type": "string"}, "default": [], "title": "Fixation", "x-object": "line",
                "description": "A hole along each line, which runs from outside into the bone",
            },
            "holeMm": {
                "type": "number", "minimum": 0.5, "maximum": 10, "default": 2.0, "title": "Diameter of the holes",
                "description": "Site default, no source",
            },
        },
        ("bone", "planes"), cuttingGuide,
    ),
)  # fmt: skip
