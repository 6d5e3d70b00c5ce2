"""What of a plan is drawn into the slices of its source, and on which pixels."""

import dataclasses

import numpy

from PlanningHubLib.Planning.Curves import curvePoints
from PlanningHubLib.Planning.Objects import Curve, Line, Plane, Points

from ..Content import SOLID
from .SliceSections import eachOnce, insidePixels, lineSections, meshSections, ringSections, sectionPixels

# What the plan makes; mirrored halves and anatomy that stays are what it is made from.
DRAWN_ROLES = ("implant", "guide", "fragment", "margin", "device")
DASHED_ROLES = ("margin",)
# The key of each step that cuts along planes.
CUTTING = {"cut": "by", "cutting-guide": "planes", "margin": "planes"}
HATCH_PIXELS = 8
# A ring is this share of the image's width in diameter, at least so many pixels.
RING_SHARE, LEAST_RING_PIXELS = 1 / 48, 6
DISC_CORNERS = 48
RAS_TO_LPS = numpy.array([-1.0, -1.0, 1.0])


@dataclasses.dataclass(frozen=True, eq=False)
class Mark:
    """Something of the plan on the source's slices.

    :param kind: what it is, in words
    :param pixels: (n, 3) int32 slice, row, column; sorted, each once
    """

    name: str
    kind: str
    pixels: numpy.ndarray


def planMarks(content):
    """Return the :class:`Mark` of everything planned that a slice of the source meets.

    Implants are hatched; margins and the planes that the plan cuts along are dashed; a line has a ring where it passes
    a slice steeply; a point is a ring on the slice nearest to it. Planes are drawn as discs of their stated size.

    :param content: :class:`ORExportLib.Content.Content`
    """
    grid = Grid(content.source)
    solids = [body for body in content.bodies if body.origin == SOLID and isPlanned(body)]
    marks = [_bodyMark(body, grid) for body in solids]
    cuts = _cuttingPlanes(content.document)
    for thing in content.objects.values():
        if isinstance(thing, Plane) and thing.name in cuts:
            marks.append(Mark(thing.name, "cut", _plane(thing, grid)))
        elif isinstance(thing, (Line, Curve)):
            marks.append(Mark(thing.name, type(thing).__name__.lower(), _line(thing, grid)))
        elif isinstance(thing, Points):
            marks.append(Mark(thing.name, "points", _points(thing.pointsRas * RAS_TO_LPS, grid)))
    return [mark for mark in marks if len(mark.pixels)]


def isPlanned(body):
    """Tell whether a body is what the plan is about, rather than what it was made from."""
    return body.role in DRAWN_ROLES or body.moved


def _cuttingPlanes(document):
    steps = document["steps"] if document else ()
    return {name for step in steps for name in step.get(CUTTING.get(step["do"]), ())}


class Grid:
    """The source's grid: shape (slices, rows, columns), and indices (column, row, slice) of points."""

    def __init__(self, source):
        self.shape = source.shape
        self._fromLps = numpy.linalg.inv(source.ijkToLps)
        self.ringPixels = max(LEAST_RING_PIXELS, source.shape[2] * RING_SHARE) / 2

    def indices(self, pointsLps):
        return numpy.asarray(pointsLps, float) @ self._fromLps[:3, :3].T + self._fromLps[:3, 3]

    def pixels(self, sections, dashed=False):
        return sectionPixels(sections, self.shape, dashed)


def _bodyMark(body, grid):
    sections = meshSections(grid.indices(body.mesh.points), body.mesh.triangles, grid.shape[0])
    pixels = grid.pixels(sections, body.role in DASHED_ROLES)
    if body.role == "implant":
        hatch = insidePixels(sections, grid.shape, lambda row, column: (row + column) % HATCH_PIXELS == 0)
        both = numpy.concatenate([pixels, hatch]).T
        pixels = eachOnce(numpy.ravel_multi_index(both, grid.shape), grid.shape)
    return Mark(body.name, f"{body.role}, moved" if body.moved else body.role, pixels)


def _plane(plane, grid):
    turns = numpy.linspace(0, 2 * numpy.pi, DISC_CORNERS, endpoint=False)
    across = numpy.linalg.svd(plane.normalRas[None])[2][1:]
    rim = plane.originRas + plane.sizeMm / 2 * numpy.column_stack([numpy.cos(turns), numpy.sin(turns)]) @ across
    points = grid.indices(numpy.vstack([plane.originRas, rim]) * RAS_TO_LPS)
    corner = numpy.arange(DISC_CORNERS)
    fan = numpy.column_stack([numpy.zeros_like(corner), 1 + corner, 1 + (corner + 1) % DISC_CORNERS])
    sections = meshSections(points, fan, grid.shape[0])
    # A plane along the slices lies between two of them: its rim shows on the nearer one.
    sections = sections if len(sections) else lineSections(points[[*range(1, 1 + DISC_CORNERS), 1]], grid.shape[0])
    return grid.pixels(sections, dashed=True)


def _line(thing, grid):
    if isinstance(thing, Curve):
        return grid.pixels(lineSections(grid.indices(curvePoints(thing) * RAS_TO_LPS), grid.shape[0]))
    sections = lineSections(grid.indices(numpy.array([thing.startRas, thing.endRas]) * RAS_TO_LPS), grid.shape[0])
    lengths = numpy.linalg.norm(sections[:, 3:5] - sections[:, 1:3], axis=1)
    steep = sections[lengths < 2 * grid.ringPixels]
    rings = ringSections(steep[:, 0], (steep[:, 1:3] + steep[:, 3:5]) / 2, grid.ringPixels)
    return grid.pixels(numpy.concatenate([sections, rings]))


def _points(pointsLps, grid):
    places = grid.indices(pointsLps).reshape(-1, 3)
    slices = numpy.rint(places[:, 2])
    there = (slices >= 0) & (slices < grid.shape[0])
    rings = ringSections(slices[there], places[there, :2], grid.ringPixels)
    dots = numpy.column_stack([slices[there], places[there, :2], places[there, :2]])
    return grid.pixels(numpy.concatenate([rings, dots]))
