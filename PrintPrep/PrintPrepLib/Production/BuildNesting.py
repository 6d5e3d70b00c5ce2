"""Several parts side by side on as few plates as it takes, by their silhouettes, with a gap between them.

Silhouettes lie on a grid. Each part, the largest first, goes where it ends nearest to the plate's front, in one of four
turns; parts may lie in each other's bays. The gaps are measured afterwards with the kernel.
"""

import dataclasses

import numpy

from PlanningHubLib.Errors import VerificationFailed
from PlanningHubLib.Progress import noProgress
from PlanningHubLib.Shapes.Manifolds import toManifold
from PlanningHubLib.Shapes.Mesh import Mesh

from .BuildSampling import silhouette

CELL_MM = 1.0
# Two cells may touch although the distance of their middles is this much more.
_CELL_SLACK = 2**0.5
# Single precision of coordinates, not a gap.
_ROUNDING_MM = 0.01


@dataclasses.dataclass(frozen=True)
class Placement:
    """Where a part lies.

    :param index: of the part; ``plate``: number from 0 on
    :param quarters: quarter turns about the vertical, to the left
    :param cornerMm: where the low corner of its box lies on the plate, (x, y)
    """

    index: int
    plate: int
    quarters: int
    cornerMm: tuple


def nested(meshes, plateMm, spacingMm, progress=noProgress):
    """Return the :class:`Placement` of each part, in the order of the parts; each one must fit the plate alone.

    :param meshes: upright, mm, anywhere
    :param plateMm: (width, depth)
    """
    masks, known = [], {}
    for number, mesh in enumerate(meshes):
        progress(0.5 * number / len(meshes), "Looking at the parts from above")
        # Copies have one mesh in common.
        if id(mesh) not in known:
            flat = mesh.points[:, :2] - mesh.points[:, :2].min(0)
            known[id(mesh)] = silhouette(flat[mesh.triangles], CELL_MM)
        masks.append(known[id(mesh)])
    shape = tuple(int((one + 1e-3) / CELL_MM) for one in (plateMm[1], plateMm[0]))
    plates, found = [], {}
    order = sorted(range(len(meshes)), key=lambda one: (-masks[one].sum(), one))
    for number, index in enumerate(order):
        progress(0.5 + 0.5 * number / len(order), "Laying the parts on plates")
        found[index] = _place(index, masks[index], plates, shape, spacingMm)
    return _centered([found[index] for index in range(len(meshes))], meshes, plateMm)


def _place(index, mask, plates, shape, spacingMm):
    for number, plate in enumerate([*plates, None]):
        taken = numpy.zeros(shape, bool) if plate is None else plate
        spots = [spot for quarters in range(4) if (spot := _spot(taken, numpy.rot90(mask, -quarters), quarters))]
        if plate is None:
            plates.append(taken)
        if spots:
            _end, column, quarters, row = min(spots)
            _occupy(taken, numpy.rot90(mask, -quarters), row, column, spacingMm)
            return Placement(index, number, quarters, (column * CELL_MM, row * CELL_MM))
        if plate is None:
            # It fits with less than a cell of air: nothing else lies beside it.
            taken[:] = True
            return Placement(index, number, 0, (0.0, 0.0))
    raise AssertionError


def _spot(taken, mask, quarters):
    """Return (where it ends, column, turns, row) of the best free place for a mask, or None."""
    from scipy.signal import fftconvolve

    if any(part > whole for part, whole in zip(mask.shape, taken.shape, strict=True)):
        return None
    free = fftconvolve(taken.astype(numpy.float32), mask[::-1, ::-1].astype(numpy.float32), "valid") < 0.5
    rows, columns = numpy.nonzero(free)
    if not len(rows):
        return None
    first = numpy.lexsort((columns, rows))[0]
    return int(rows[first]) + mask.shape[0], int(columns[first]), quarters, int(rows[first])


def _occupy(taken, mask, row, column, spacingMm):
    from scipy.ndimage import distance_transform_edt

    reach = spacingMm / CELL_MM + _CELL_SLACK
    border = int(numpy.ceil(reach))
    near = distance_transform_edt(~numpy.pad(mask, border)) <= reach
    rows, columns = (slice(max(0, start - border), start - border + length) for start, length in
                     ((row, near.shape[0]), (column, near.shape[1])))  # fmt: skip
    target = taken[rows, columns]
    top, left = rows.start - (row - border), columns.start - (column - border)
    target |= near[top : top + target.shape[0], left : left + target.shape[1]]


def turned(mesh, quarters):
    """Return a mesh after quarter turns about the vertical, its box beginning at 0, and the 4×4 that did it (mm)."""
    matrix = numpy.eye(4)
    matrix[:2, :2] = numpy.linalg.matrix_power(numpy.array([[0.0, -1.0], [1.0, 0.0]]), quarters)
    points = mesh.points @ matrix[:3, :3].T
    matrix[:3, 3] = -points.min(0)
    return Mesh.fromArrays(points + matrix[:3, 3], mesh.triangles), matrix


def _centered(placements, meshes, plateMm):
    """Return placements with each plate's parts in the middle of it."""
    centered = list(placements)
    for plate in {one.plate for one in placements}:
        own = [one for one in placements if one.plate == plate]
        sizes = [numpy.ptp(meshes[one.index].points[:, :2], axis=0)[:: -1 if one.quarters % 2 else 1] for one in own]
        low = numpy.min([one.cornerMm for one in own], axis=0)
        high = numpy.max([one.cornerMm + size for one, size in zip(own, sizes, strict=True)], axis=0)
        shift = (numpy.asarray(plateMm) - (high - low)) / 2 - low
        for one in own:
            corner = tuple(round(float(value), 4) for value in one.cornerMm + shift)
            centered[one.index] = dataclasses.replace(one, cornerMm=corner)
    return centered


def requireApart(meshes, names, spacingMm):
    """Return the smallest gap (mm) between the parts of a plate, measured by the kernel; None where all are farther.

    :param meshes: as they lie on the plate, mm
    :returns: at most twice the spacing, or None
    :raises VerificationFailed: ``parts-too-near``, naming them
    """
    solids, smallest = {}, None
    boxes = [(mesh.points.min(0), mesh.points.max(0)) for mesh in meshes]
    for one in range(len(meshes)):
        for other in range(one):
            between = numpy.maximum(boxes[one][0] - boxes[other][1], boxes[other][0] - boxes[one][1]).max()
            if between >= 2 * spacingMm:
                continue
            for index in (one, other):
                solids[index] = solids.get(index) or toManifold(meshes[index])
            gapMm = solids[one].min_gap(solids[other], 2 * spacingMm)
            if gapMm < spacingMm - _ROUNDING_MM:
                raise VerificationFailed(
                    "parts-too-near",
                    f"{names[one]} and {names[other]} are {gapMm:.2f} mm apart, not {spacingMm:g} mm.",
                    "Please report this; build them one by one.",
                )
            if gapMm < 2 * spacingMm:
                smallest = gapMm if smallest is None else min(smallest, gapMm)
    return None if smallest is None else round(float(smallest), 3)
