"""The step that gives a part something to stand on: a flat base, or a plate with rods."""

import numpy

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Planning.Solids import framed
from PlanningHubLib.Shapes.Manifolds import fromManifold, toManifold

from ..PartWork import SOLID, PartStep
from .StepShapes import LENGTH, POINT, SEGMENTS, axesFor, changed, direction, onlyPiece

PARAMETERS = {
    "kind": {"enum": ["plate", "rods"], "default": "plate", "title": "Kind"},
    "downLps": {**POINT, "default": [0, 0, -1], "title": "Downwards"},
    "heightMm": {**LENGTH, "default": 4.0, "title": "Height of the plate"},
    "marginMm": {"type": "number", "minimum": 0, "default": 3.0, "title": "Margin around what stands on it"},
    "sinkMm": {**LENGTH, "default": 1.0, "title": "How far the part stands in it"},
    "rodDiameterMm": {**LENGTH, "default": 6.0, "title": "Rod diameter"},
    "gapMm": {**LENGTH, "default": 10.0, "title": "Gap under the part, with rods"},
    "rods": {"type": "number", "multipleOf": 1, "minimum": 3, "maximum": 12, "default": 3, "title": "Rods"},
}


def _run(parameters, work, progress):
    mesh = onlyPiece(work, "A base").mesh
    axes = axesFor(-direction(parameters["downLps"], "Down"))
    own = toManifold(mesh).transform(numpy.c_[axes, numpy.zeros(3)])
    progress(0.3, "Making the base")
    make = _plate if parameters["kind"] == "plate" else _onRods
    base = make(own, parameters)
    if len((own + base).decompose()) > len(own.decompose()):
        raise InputRefused("do-not-touch", "The base does not hold all of the part.", "Let it stand deeper in it.")
    placed = framed(base, numpy.zeros(3), axes)
    changed(work, toManifold(mesh) + placed, "The base")
    work.intended.append(fromManifold(placed))
    work.facts["base"] = {
        "kind": parameters["kind"], "heightMm": parameters["heightMm"],
        "addedMl": round(work.pieces[0].mesh.volumeMl - mesh.volumeMl, 3),
    }  # fmt: skip


def _lowest(own):
    return own.bounding_box()[2]


def _plate(own, parameters):
    """Return a plate under a body that stands upright, around all of it that reaches into the plate."""
    bottomMm, sinkMm = _lowest(own), parameters["sinkMm"]
    standing = own.trim_by_plane((0, 0, -1.0), -(bottomMm + sinkMm)).project()
    return _rounded(standing, parameters).translate((0, 0, bottomMm + sinkMm - parameters["heightMm"]))


def _rounded(outline, parameters):
    """Return a plate of the convex outline of a shadow and the margin around it."""
    import manifold3d

    hull = outline.hull()
    return hull.offset(parameters["marginMm"], manifold3d.JoinType.Round, 2.0, SEGMENTS).extrude(parameters["heightMm"])


def _onRods(own, parameters):
    """Return a plate with rods up into the part, at places of its underside as far apart as can be."""
    import manifold3d

    radiusMm, topMm = parameters["rodDiameterMm"] / 2, _lowest(own) - parameters["gapMm"]
    rods, feet = [], []
    for place in _undersides(own, int(parameters["rods"]), radiusMm):
        heightMm = place[2] - topMm + parameters["sinkMm"] + 1.0
        rods.append(
            manifold3d.Manifold.cylinder(heightMm, radiusMm, circular_segments=SEGMENTS)
            .translate((float(place[0]), float(place[1]), topMm - 1.0))
        )  # fmt: skip
        feet.append(place[:2])
    ring = manifold3d.CrossSection.circle(radiusMm, SEGMENTS)
    shadow = manifold3d.CrossSection.batch_boolean(
        [ring.translate(tuple(map(float, foot))) for foot in feet], manifold3d.OpType.Add
    )
    plate = _rounded(shadow, parameters).translate((0, 0, topMm - parameters["heightMm"]))
    return manifold3d.Manifold.batch_boolean([plate, *rods], manifold3d.OpType.Add)


def _undersides(own, count, radiusMm):
    """Return points (n, 3) of a body's underside: the first surface over its shadow, far apart, the lowest first.

    :raises InputRefused: ``nothing-to-stand-on``
    """
    shadow = own.project().offset(-radiusMm)
    if shadow.is_empty():
        raise InputRefused("nothing-to-stand-on", "The part is thinner than a rod.", "Choose thinner rods.")
    low, high = numpy.array(shadow.bounds()).reshape(2, 2)
    axes = [numpy.linspace(low[axis], high[axis], 40) for axis in (0, 1)]
    bottomMm, topMm = _lowest(own) - 1.0, own.bounding_box()[5] + 1.0
    found = []
    for x in axes[0]:
        for y in axes[1]:
            hits = own.ray_cast((float(x), float(y), bottomMm), (float(x), float(y), topMm))
            if hits:
                found.append(hits[0].position)
    if len(found) < count:
        raise InputRefused("nothing-to-stand-on", "The part has no underside for the rods.", "Use a plate.")
    places = numpy.array(found)
    chosen = [int(places[:, 2].argmin())]
    while len(chosen) < count:
        far = numpy.min([numpy.linalg.norm((places - places[one])[:, :2], axis=1) for one in chosen], axis=0)
        chosen.append(int(far.argmax()))
    return places[chosen]


STEPS = (PartStep("base", "Base", SOLID, PARAMETERS, (), _run),)
