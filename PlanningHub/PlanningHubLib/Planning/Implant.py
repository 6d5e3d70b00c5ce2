"""The plate for a hole in the skull (cranioplasty): template minus bone, with clearance, thickness and rim."""

import numpy

from ..Errors import InputRefused
from ..Progress import part
from ..Shapes.Manifolds import asSolid, fromManifold, toManifold
from . import ImplantDefect
from .ImplantFigures import Requested, findings, measured
from .ImplantPlate import insertion, plateMesh
from .ImplantSurface import outerSurface
from .Objects import Points, Solid
from .Operation import COLOR, Operation, Result

IMPLANT_COLOR = (0.3, 0.6, 0.9)
MARGIN_MM, AROUND_MM = 4.0, 20.0


def defectImplant(parameters, context, progress):
    """Design the plate that closes a hole in a skull.

    Its outer surface is that of the template, smoothed and bent to be level with the bone around the hole; it is as
    thick as asked from there inwards; its side wall keeps the clearance from all bone, also on the straight way in from
    outside; edges thinner than the rim are cut back, and all edges are rounded with half of it.

    :raises InputRefused: ``no-defect``, ``several-defects``, ``no-cavity``, ``template-too-small``,
        ``defect-too-large``, ``no-room``, ``penetrates-bone``
    """
    bone, template = context.solid(parameters["bone"]), context.solid(parameters["template"])
    progress(0.0, "Looking for the defect")
    survey, defect, boxes = _found(bone.mesh, template.mesh, _pointsOf(parameters, context))
    progress(0.25, "Outer surface")
    surface = outerSurface(
        defect, survey.center, *boxes, bone.mesh, template.mesh, parameters["smoothingMm"], parameters["fitRim"]
    )
    requested = Requested(*(parameters[key] for key in ("thicknessMm", "clearanceMm", "rimMm")))
    near = _around(surface, bone.mesh)
    plate = plateMesh(surface, near, *_lengths(requested), part(progress, 0.4, 0.8))
    plate = _clear(plate, near)
    progress(0.8, "Measuring the plate")
    figures = {
        **measured(plate, near, surface, requested),
        "defectCenterRas": numpy.round(defect.centerRas, 2).tolist(),
        "insertionRas": insertion(surface).tolist(),
    }
    solid = Solid(
        parameters["name"], plate, "implant", mirrored=template.mirrored, modified=True,
        moved=bone.moved or template.moved, color=tuple(parameters["color"]),
    )  # fmt: skip
    return Result((solid,), figures, findings=findings(figures, requested, template))


def _lengths(requested):
    return requested.thicknessMm, requested.clearanceMm, requested.rimMm


def _pointsOf(parameters, context):
    return context.get(parameters["points"], Points).pointsRas if parameters["points"] else ()


def _found(boneMesh, templateMesh, pointsRas):
    low = numpy.minimum(boneMesh.points.min(0), templateMesh.points.min(0)) - MARGIN_MM
    high = numpy.maximum(boneMesh.points.max(0), templateMesh.points.max(0)) + MARGIN_MM
    boxes = ImplantDefect.occupied(boneMesh, low, high), ImplantDefect.occupied(templateMesh, low, high)
    center = ImplantDefect.cavityCenter(*boxes)
    survey = ImplantDefect.surveyed(*boxes, center, ImplantDefect.evenDirections())
    return survey, ImplantDefect.chosen(ImplantDefect.defects(survey), pointsRas, survey), boxes


def _around(surface, boneMesh):
    """Return the bone around a surface, cut off where nothing of the plate can come near."""
    import manifold3d

    points = surface.points().reshape(-1, 3)
    low, high = points.min(0) - AROUND_MM, points.max(0) + AROUND_MM
    box = manifold3d.Manifold.cube(high - low).translate(low)
    return fromManifold(toManifold(boneMesh) ^ box)


def _clear(plate, boneMesh):
    """Return the plate without what the grid may have left inside bone, exactly."""
    bone, body = toManifold(boneMesh), toManifold(plate)
    if (body ^ bone).volume() == 0:
        return plate
    pieces = (body - bone).decompose()
    if not pieces:
        raise InputRefused("no-room", "Bone fills the whole place of the plate.", "Choose another template.")
    return asSolid(fromManifold(max(pieces, key=lambda piece: piece.volume())))


def _length(title, description, default, minimum, maximum):
    return {
        "type": "number", "minimum": minimum, "maximum": maximum, "default": default, "title": title,
        "description": description,
    }  # fmt: skip


OPERATIONS = (
    Operation(
        "defect-implant", "Cranioplasty plate",
        {
            "bone": {
                "type": "string", "minLength": 1, "x-object": "solid", "title": "Bone",
                "description": "The skull with the defect.",
            },
            "template": {
                "type": "string", "minLength": 1, "x-object": "solid", "title": "Template",
                "description": "The shape to restore, such as the mirrored healthy side; whole where the defect is.",
            },
            "points": {
                "type": "string", "default": "", "x-object": "points", "title": "Where the defect is",
                "description": "None: the only defect is found. One or two: the defect there. Three or more: the rim, "
                "in order around it.",
            },
            "clearanceMm": _length(
                "Clearance", "Least gap between plate and bone, also on the way in; site default, no source.",
                0.5, 0.1, 3.0),
            "thicknessMm": _length("Thickness", "From the outer surface inwards; site default, no source.",
                                   4.0, 1.0, 10.0),
            "rimMm": _length(
                "Rim", "Edges thinner than this are cut back, all are rounded with half of it; site default, no "
                "source.", 1.5, 0.5, 4.0),
            "smoothingMm": _length("Smoothing", "Standard deviation of the smoothing of the outer surface.",
                                   1.0, 0.0, 5.0),
            "fitRim": {
                "type": "boolean", "default": True, "title": "Level with the bone",
                "description": "Bend the template's surface to meet the bone around the defect without a step.",
            },
            "color": {**COLOR, "default": list(IMPLANT_COLOR), "title": "Color"},
        },
        ("bone", "template"), defectImplant,
    ),
)  # fmt: skip
