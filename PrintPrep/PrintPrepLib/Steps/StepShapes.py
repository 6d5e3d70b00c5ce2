"""What steps on solids share: kernel bodies of pieces, primitives, and placing things on a plane. All LPS mm."""

import numpy

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Planning.Solids import axesAlong, boxAbout, cylinder, meshOf

from ..PartWork import Piece

POINT = {"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 3}
LENGTH = {"type": "number", "exclusiveMinimum": 0}
SEGMENTS = 96


def direction(vector, what):
    """Return a vector (3,) of length 1.

    :raises InputRefused: ``no-direction``
    """
    lengthMm = float(numpy.linalg.norm(vector))
    if lengthMm < 1e-9:
        raise InputRefused("no-direction", f"{what} has no direction.", "Give three numbers that are not all zero.")
    return numpy.asarray(vector, float) / lengthMm


def onlyPiece(work, what):
    """Return the only piece of a part.

    :raises InputRefused: ``split-already``
    """
    if len(work.pieces) != 1:
        raise InputRefused("split-already", f"The part is split: {what} comes too late.", "Move the step before.")
    return work.pieces[0]


def changed(work, manifold, what):
    """Set the part's only piece to what the kernel made of it.

    :raises InputRefused: ``nothing-left``, ``nothing-changed``
    """
    before = onlyPiece(work, what).mesh
    mesh = meshOf(manifold)
    if abs(mesh.volumeMl - before.volumeMl) < 1e-6:
        raise InputRefused("nothing-changed", f"{what} changes nothing: it lies elsewhere.", "Check where it lies.")
    work.pieces = [Piece("", mesh)]


def axesFor(normal):
    """Return right-handed axes (3, 3) as rows, z along a direction."""
    return axesAlong(normal, towards=(0.0, 1.0, 0.0))


def primitive(values):
    """Return the manifold of a box, cylinder or sphere, as ``PRIMITIVE`` describes it."""
    import manifold3d

    center = numpy.array(values["centerLps"], float)
    size = numpy.array(values["sizeMm"], float)
    if values["shape"] == "sphere":
        return manifold3d.Manifold.sphere(size[0] / 2, SEGMENTS).translate(tuple(center.tolist()))
    if values["shape"] == "cylinder":
        way = direction(values["directionLps"], "The cylinder") * size[1] / 2
        return cylinder(center - way, center + way, size[0] / 2, SEGMENTS)
    return boxAbout(center - size / 2, center + size / 2)


PRIMITIVE = {
    "type": "object",
    "required": ["shape", "centerLps", "sizeMm"],
    "additionalProperties": False,
    "properties": {
        "shape": {"enum": ["box", "cylinder", "sphere"]},
        "centerLps": POINT,
        "sizeMm": {
            "type": "array", "items": LENGTH, "minItems": 1, "maxItems": 3,
            "description": "Box: along x, y, z; cylinder: diameter and length; sphere: diameter",
        },
        "directionLps": {**POINT, "default": [0, 0, 1]},
    },
}  # fmt: skip
_SIZES = {"box": 3, "cylinder": 2, "sphere": 1}


def requirePrimitive(values):
    """Check that a primitive has as many sizes as it needs.

    :raises InputRefused: ``bad-size``
    """
    wanted = _SIZES[values["shape"]]
    if len(values["sizeMm"]) != wanted:
        raise InputRefused("bad-size", f"A {values['shape']} has {wanted} sizes, not {len(values['sizeMm'])}.", "")
