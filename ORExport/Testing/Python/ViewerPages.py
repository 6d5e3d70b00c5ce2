"""Small contents of the offline viewer: a CT of known numbers, and an object that is on the patient's left."""

import dataclasses

import numpy
from SmallSeries import orthonormal

from ORExportLib.Viewer.ModelData import Model
from ORExportLib.Viewer.Page import Figure, Section, Step, ViewerContent
from PlanningHubLib.Errors import Finding
from PlanningHubLib.Shapes.Mesh import Mesh

SPACING_MM = numpy.array((1.0, 1.0, 2.0))
SIZE = numpy.array((60, 60, 30))
# Center of the CT, LPS mm.
CENTER = numpy.array((5.0, -3.0, 40.0))
ORIGIN = CENTER - SPACING_MM * (SIZE - 1) / 2
# Low and high corners, LPS mm: the block is left, in front and high of the center, the rod right, behind and low.
BLOCK = (CENTER + (10, -20, 8), CENTER + (20, -12, 20))
ROD = (CENTER + (-22, 4, -24), CENTER + (-18, 24, -20))
NASTY = '<img src=x onerror="document.title=1"></script><script>document.title=2</script>'


@dataclasses.dataclass(frozen=True)
class ShownView:
    """What the viewer asks of a view."""

    name: str
    positionLps: tuple
    focalPointLps: tuple
    viewUpLps: tuple
    viewAngleDegrees: float = 30.0
    visible: tuple = ()
    stepName: str | None = None
    parallelScaleMm: float | None = None
    caption: str = ""


def box(low, high):
    """Return a closed box, its triangles counter-clockwise seen from outside."""
    corners = [(x, y, z) for z in (low[2], high[2]) for y in (low[1], high[1]) for x in (low[0], high[0])]
    faces = [(0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5)]
    triangles = [three for one in faces for three in ((one[0], one[1], one[2]), (one[0], one[2], one[3]))]
    return Mesh.fromArrays(corners, triangles)


def ctNumbers():
    """Return voxels (z, y, x): 300 HU at the patient's left (x high), -500 HU at the right, a bright block."""
    x = numpy.arange(SIZE[0])
    voxels = numpy.broadcast_to(numpy.where(x >= SIZE[0] // 2, 300, -500), SIZE[::-1]).astype(numpy.int16).copy()
    low, high = (numpy.round((corner - ORIGIN) / SPACING_MM).astype(int) for corner in BLOCK)
    voxels[low[2] : high[2], low[1] : high[1], low[0] : high[0]] = 1500
    return voxels


def ijkToLps():
    matrix = numpy.diag([*SPACING_MM, 1.0])
    matrix[:3, 3] = ORIGIN
    return matrix


def obliqueSeries(orientation):
    """Return the same CT, sampled along other axes, with its (column, row, slice) to LPS matrix."""
    from scipy import ndimage

    row, column = orthonormal(orientation)
    matrix = numpy.eye(4)
    matrix[:3, :3] = numpy.column_stack([row, column, numpy.cross(row, column)])
    size = numpy.array((80, 80, 80))
    matrix[:3, 3] = CENTER - matrix[:3, :3] @ ((size - 1) / 2)
    indices = numpy.indices(size[::-1]).reshape(3, -1)[::-1]
    places = matrix[:3, :3] @ indices + matrix[:3, 3:]
    sampled = ((places - ORIGIN[:, None]) / SPACING_MM[:, None])[::-1]
    voxels = ndimage.map_coordinates(ctNumbers(), sampled, order=0, mode="constant", cval=-1024)
    return voxels.reshape(size[::-1]).astype(numpy.int16), matrix


def content(**changes):
    """Return the content of a small viewer."""
    views = (
        ShownView("From the left", tuple(CENTER + (300, 0, 0)), tuple(CENTER), (0, 0, 1), stepName="Plate"),
        ShownView(NASTY, tuple(CENTER + (0, -300, 0)), tuple(CENTER), (0, 0, 1), 30.0, ("Block",), None, 60.0, NASTY),
    )
    figures = (
        Figure("volume", "0.96 ml"), Figure("length", "20.00 mm", (tuple(ROD[0]), tuple(ROD[0] + (0, 20, 0)))),
    )  # fmt: skip
    values = dict(
        caseCode="PH-TEST2345-0001", side="left", procedure="Cranioplasty", approvedBy=(), intendedUse="treatment",
        voxelsHu=ctNumbers(), ijkToLps=ijkToLps(),
        models=(
            Model("Block", box(*BLOCK), (0.1, 0.9, 0.2), role="implant"),
            Model("Rod " + NASTY, box(*ROD), (0.9, 0.2, 0.9), role="device", moved=True),
        ),
        views=views, steps=(Step("Plate", "1. Plate " + NASTY, ("Plate over a defect",), figures),), lines=("A plan",),
        figures=(Figure("volume of Skull", "612.3 ml"),),
        checklist=(Section("The plan", ("The side is right", NASTY)), Section("In the operating room", ("Parts",))),
        findings=(Finding("scan-old", "warn", "The scan is 90 days old."),),
        artefacts=(("source", "source-1", "ab" * 32),), software={"Planning Hub": "0.1.0"},
    )  # fmt: skip
    return ViewerContent(**{**values, **changes})
