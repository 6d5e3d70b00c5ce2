"""Simplification under a bound: no point of either surface may lie farther than this from the other.

The bound decides, not a triangle count. Decimators bound what they think the error is; here it is measured: at corners
and centers, and along edges where surfaces bend (see :mod:`PlanningHubLib.Shapes.Between`). A coarse version that fails
in few places is made finer around these places, level by level, until it holds everywhere; in the end by the surface as
it was.
"""

import concurrent.futures
import dataclasses

import numpy

from PlanningHubLib.Errors import UsageError
from PlanningHubLib.Progress import noProgress, part
from PlanningHubLib.Shapes.Deviation import Deviation, measured
from PlanningHubLib.Shapes.Manifolds import APART_MM, asSolid
from PlanningHubLib.Shapes.Mesh import Mesh
from PlanningHubLib.Shapes.Search import TriangleSearch

from .Levels import Assembly, coarser, finest
from .Trials import Trial

# With more points beyond the bound than these, a level is too coarse: most of it would have to be replaced.
BEYOND_FRACTION = 0.01
SAMPLED_POINTS = 20_000
ROUNDS = 32


@dataclasses.dataclass(frozen=True, eq=False)
class Simplified:
    """A solid within the bound, and the measured deviation from the surface it came from."""

    mesh: Mesh
    deviation: Deviation


def simplified(mesh, maximumDeviationMm, progress=noProgress):
    """Return a solid with few triangles within a deviation of a closed surface.

    :param maximumDeviationMm: bound of the measured two-sided surface distance
    :raises UsageError: ``bad-deviation``
    :raises InputRefused: ``not-manifold``
    """
    if not 0.005 <= maximumDeviationMm <= 5:
        raise UsageError(
            "bad-deviation", f"A deviation of {maximumDeviationMm} mm cannot be kept.", "Choose 0.005 to 5 mm."
        )
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        # Most of the merging takes one core.
        search = pool.submit(TriangleSearch(mesh).prepared)
        levels = _levels(mesh, maximumDeviationMm, part(progress, 0.0, 0.6))
    while len(levels) > 1:
        found = _refined(search.result(), levels, maximumDeviationMm, part(progress, 0.6, 0.95))
        if found:
            return Simplified(*found)
        levels = levels[:-1]
    progress(0.95, "Nothing simpler lies within the bound")
    solid = asSolid(mesh)
    return Simplified(solid, measured(mesh, solid, search=search.result()))


def _levels(mesh, boundMm, progress):
    """Return ever coarser levels of the surface, until samples say that the next one would be too coarse."""
    levels = [finest(mesh)]
    sample = numpy.arange(0, len(mesh.points), max(1, len(mesh.points) // SAMPLED_POINTS))
    while True:
        count = len(levels[-1].mesh.triangles)
        progress(1 - count / max(1, len(mesh.triangles)), f"Simplifying {count} triangles")
        level = coarser(levels[-1], boundMm)
        if level is None:
            return levels
        nearby = level.owners[sample]
        distancesMm = TriangleSearch(level.mesh).distances(mesh.points[sample], nearby, numpy.inf)[0]
        if (distancesMm > boundMm).mean() > BEYOND_FRACTION:
            return levels
        levels.append(level)


def _choice(points, levels, boundMm):
    """Return for each of the fine points (n, 3) the coarsest level (n,) that is within the bound there by itself."""
    choice = numpy.full(len(points), len(levels) - 1, numpy.int8)
    for number in range(len(levels) - 1, 0, -1):
        mesh, owners = levels[number].mesh, levels[number].owners
        which = numpy.flatnonzero(choice == number)
        distancesMm, triangles = TriangleSearch(mesh, forMany=True).distances(points[which], owners[which], boundMm)
        isBeyond = distancesMm > boundMm
        tooCoarse = numpy.zeros(len(mesh.points), bool)
        tooCoarse[owners[which[isBeyond]]] = True
        tooCoarse[mesh.triangles[triangles[isBeyond]]] = True
        choice[which[tooCoarse[owners[which]]]] -= 1
    return choice


def _refined(search, levels, boundMm, progress):
    """Return what comes of the coarsest level, made finer where it is beyond the bound; None if that is no solid."""
    choice = _choice(search.mesh.points, levels, boundMm - APART_MM)
    assembly, trial = Assembly(levels), Trial(search, boundMm - APART_MM)
    for number in range(ROUNDS):
        progress(number / ROUNDS, "Measuring the deviation")
        tooCoarse = trial.tooCoarse(assembly.candidate(choice), choice > 0)
        if not tooCoarse.any():
            return trial.finished()
        # One level at a time: where very coarse meets very fine, triangles pass through each other.
        choice[tooCoarse] -= 1
        trial.changed(tooCoarse)
    return None
