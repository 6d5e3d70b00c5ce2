"""Surfaces as the viewer's page holds them: with a bounded number of triangles, on a grid finer than print or scan."""

import dataclasses

import numpy

from PlanningHubLib.Progress import noProgress
from PlanningHubLib.Shapes.Deviation import distancesToSurface
from PlanningHubLib.Shapes.Mesh import Mesh

from ..Dicom.ModelBodies import coarse
from .Chunks import integerChunk

MOST_TRIANGLES = 250_000
# Implants, guides and their like are drawn as they are.
LEAST_TRIANGLES = 20_000
# 16 bits along each side of the bounds: a hundredth of a millimeter of 650 mm.
GRID_STEPS = 65_535
MEASURED_POINTS = 10_000


@dataclasses.dataclass(frozen=True, eq=False)
class Model:
    """A surface to show, LPS mm.

    :param name: by which views know it
    :param color: red, green and blue, 0 to 1
    :param role: what it is in the plan; ``anatomy`` is drawn smooth, all else with its edges
    :param label: by which people know it, where that is another
    """

    name: str
    mesh: Mesh
    color: tuple
    opacity: float = 1.0
    role: str = "anatomy"
    visible: bool = True
    label: str | None = None
    mirrored: bool = False
    moved: bool = False


@dataclasses.dataclass(frozen=True, eq=False)
class PageModel:
    """A model as the page holds it.

    :param mesh: what is drawn, its points on the grid
    :param deviationMm: the largest distance found between the given surface's points and the drawn one
    """

    model: Model
    number: int
    mesh: Mesh
    grid: numpy.ndarray
    deviationMm: float

    @property
    def record(self):
        """What the page's record says of it."""
        model = self.model
        low, high = _ends(self.model.mesh)
        return {
            "name": model.name,
            "color": [round(float(value), 4) for value in model.color],
            "opacity": float(model.opacity),
            "role": model.role,
            "visible": model.visible,
            "label": model.label or model.name,
            "mirrored": model.mirrored,
            "moved": model.moved,
            "lowLps": low.tolist(),
            "highLps": high.tolist(),
            "points": len(self.grid),
            "triangles": len(self.mesh.triangles),
            "givenTriangles": len(model.mesh.triangles),
            "deviationMm": round(self.deviationMm, 3),
            "pointsChunk": f"points-{self.number}",
            "trianglesChunk": f"triangles-{self.number}",
        }

    @property
    def chunks(self):
        indices = self.mesh.triangles.astype(numpy.uint32).reshape(-1, 1)
        return integerChunk(f"points-{self.number}", self.grid), integerChunk(f"triangles-{self.number}", indices)


def pageModels(models, mostTriangles=MOST_TRIANGLES, progress=noProgress):
    """Return :class:`PageModel` of each model; the large ones are simplified to share what the page may hold.

    :param models: :class:`Model` objects, none without triangles
    """
    counts = _counts([len(model.mesh.triangles) for model in models], mostTriangles)
    found = []
    for number, (model, count) in enumerate(zip(models, counts, strict=True)):
        progress(number / len(models), model.name)
        found.append(_pageModel(model, number, count))
    return found


def _counts(given, most):
    """Return how many triangles each surface may keep: small ones all, the others a like share of theirs."""
    if sum(given) <= most:
        return given
    small = sum(min(count, LEAST_TRIANGLES) for count in given)
    above = sum(max(0, count - LEAST_TRIANGLES) for count in given)
    share = max(0.0, most - small) / above if above else 0.0
    counts = [min(count, LEAST_TRIANGLES) + int(share * max(0, count - LEAST_TRIANGLES)) for count in given]
    return counts if small <= most else [max(4, int(count * most / small)) for count in counts]


def _pageModel(model, number, count):
    drawn = coarse(model.mesh, count)
    low, high = _ends(model.mesh)
    steps = numpy.where(high > low, (high - low) / GRID_STEPS, 1)
    grid = numpy.clip(numpy.round((drawn.points - low) / steps), 0, GRID_STEPS).astype(numpy.uint16)
    onGrid = Mesh.fromArrays(grid * steps + low, drawn.triangles)
    every = max(1, len(model.mesh.points) // MEASURED_POINTS)
    deviationMm = float(distancesToSurface(model.mesh.points[::every], onGrid).max())
    return PageModel(model, number, onGrid, grid, deviationMm)


def _ends(mesh):
    return mesh.points.min(0).astype(float), mesh.points.max(0).astype(float)
