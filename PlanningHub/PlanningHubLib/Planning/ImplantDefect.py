"""Finding the hole in a skull: where, seen from inside the cavity, the template has bone and the patient has none."""

import dataclasses

import numpy
import vtk
from scipy import ndimage
from scipy.sparse import coo_matrix, csgraph
from scipy.spatial import cKDTree
from vtk.util import numpy_support

from ..Errors import InputRefused

COARSE_MM, RAY_STEP_MM = 1.0, 0.75
DIRECTIONS = 40_000
# Air and marrow inside bone along a ray; the muscle under the zygomatic arch is thicker.
VOID_MM = 8.0
# So far in and out of the template bone still counts as that place's own: faces differ by millimetres.
DEPTH_MM = 8.0
# Site defaults, no source: narrower or smaller holes are sutures, foramina and thin bone below the threshold.
NARROWEST_MM, SMALLEST_MM2 = 8.0, 150.0
SMALLEST_CAVITY_MM = 15.0
NEAR_POINT_MM = 25.0


@dataclasses.dataclass(frozen=True, eq=False)
class Occupancy:
    """Which voxels of a grid along R, A, S a solid fills: array (R, A, S), origin (3,) RAS mm, ``spacingMm``."""

    filled: numpy.ndarray
    origin: numpy.ndarray
    spacingMm: float

    def at(self, points):
        """Tell for points (..., 3) RAS mm whether each lies in the solid."""
        index = numpy.rint((points - self.origin.astype(points.dtype)) / self.spacingMm).astype(numpy.int32)
        inside = ((index >= 0) & (index < numpy.array(self.filled.shape, numpy.int32))).all(-1)
        index[~inside] = 0
        return self.filled[index[..., 0], index[..., 1], index[..., 2]] & inside


@dataclasses.dataclass(frozen=True, eq=False)
class Survey:
    """What rays from a point in the cavity meet, as radii in mm; 0 where they meet nothing.

    ``directions`` (n, 3); ``templateMm`` outer surface of the template; ``boneMm`` outermost bone near it.
    """

    center: numpy.ndarray
    directions: numpy.ndarray
    templateMm: numpy.ndarray
    boneMm: numpy.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Defect:
    """A hole: unit directions (n, 3) from the cavity's center, area in mm² and center RAS on the template."""

    directions: numpy.ndarray
    areaMm2: float
    centerRas: numpy.ndarray


def occupied(mesh, low, high, spacingMm=COARSE_MM):
    """Return the :class:`Occupancy` of a mesh in a box from ``low`` to ``high`` RAS mm."""
    size = numpy.ceil((numpy.asarray(high) - low) / spacingMm).astype(int) + 1
    stencil = vtk.vtkPolyDataToImageStencil()
    stencil.SetInputData(mesh.toPolyData())
    stencil.SetOutputOrigin(*low)
    stencil.SetOutputSpacing(spacingMm, spacingMm, spacingMm)
    stencil.SetOutputWholeExtent(*[bound for count in size for bound in (0, count - 1)])
    image = vtk.vtkImageStencilToImage()
    image.SetInputConnection(stencil.GetOutputPort())
    image.SetInsideValue(1)
    image.SetOutsideValue(0)
    image.SetOutputScalarTypeToUnsignedChar()
    image.Update()
    filled = numpy_support.vtk_to_numpy(image.GetOutput().GetPointData().GetScalars())
    return Occupancy(filled.reshape(size[::-1]).transpose(2, 1, 0) > 0, numpy.asarray(low, float), spacingMm)


def cavityCenter(bone, template):
    """Return the RAS mm of the middle of the largest ball in the cavity that bone and template enclose.

    :raises InputRefused: ``no-cavity``
    """
    both = (bone.filled | template.filled)[::2, ::2, ::2]
    enclosed = numpy.zeros(both.shape, numpy.uint8)
    for axis in range(3):
        enclosed += numpy.maximum.accumulate(both, axis)
        enclosed += numpy.flip(numpy.maximum.accumulate(numpy.flip(both, axis), axis), axis)
    # A scan may end below the skull: one of six directions may be open.
    depthMm = ndimage.distance_transform_edt(~both) * 2 * bone.spacingMm * (enclosed >= 5)
    if depthMm.max() < SMALLEST_CAVITY_MM:
        raise InputRefused(
            "no-cavity",
            "Bone and template enclose no cavity: the plate is designed as seen from inside the skull.",
            "Choose a skull and a template of its other side.",
        )
    return bone.origin + 2 * bone.spacingMm * numpy.array(numpy.unravel_index(depthMm.argmax(), both.shape))


def surveyed(bone, template, center, directions):
    """Return the :class:`Survey` along directions (n, 3)."""
    filled = template.origin + numpy.argwhere(template.filled[::2, ::2, ::2]) * 2 * template.spacingMm
    farthestMm = numpy.linalg.norm(filled - center, axis=1).max() + DEPTH_MM
    radiiMm = numpy.arange(5.0, farthestMm, RAY_STEP_MM, numpy.float32)
    directions, center = directions.astype(numpy.float32), center.astype(numpy.float32)
    templateMm, boneMm = numpy.zeros(len(directions)), numpy.zeros(len(directions))
    for first in range(0, len(directions), 4000):
        chunk = slice(first, first + 4000)
        points = center + directions[chunk, None, :] * radiiMm[None, :, None]
        inner, outer = _firstRun(template.at(points), radiiMm)
        near = (radiiMm >= inner[:, None] - DEPTH_MM) & (radiiMm <= outer[:, None] + DEPTH_MM)
        templateMm[chunk] = outer
        near &= (outer > 0)[:, None]
        hits = near.copy()
        hits[near] = bone.at(points[near])
        boneMm[chunk] = (hits * radiiMm).max(1)
    return Survey(center, directions, templateMm, boneMm)


def surveyedNear(bone, template, center, directions, expectedMm):
    """Return the :class:`Survey` along directions (n, 3) of the outermost there is about expected radii (n,) mm.

    What a ray meets first may be the back wall of a sinus: this looks past it, where the skull's face is known roughly.
    """
    offsetsMm = numpy.arange(DEPTH_MM, -DEPTH_MM - RAY_STEP_MM, -RAY_STEP_MM)
    radiiMm = expectedMm[:, None] + offsetsMm
    points = (center + directions[:, None, :] * radiiMm[..., None]).astype(numpy.float32)
    seen = []
    for solid in (template, bone):
        hits = solid.at(points)
        seen.append(numpy.where(hits.any(1), radiiMm[numpy.arange(len(hits)), hits.argmax(1)], 0.0))
    return Survey(center, directions, *seen)


def _firstRun(hits, radiiMm):
    """Return inner and outer radius of the first run of hits, voids in it left aside; 0 where there is none."""
    inner = numpy.where(hits.any(1), radiiMm[hits.argmax(1)], 0)
    lastHit = numpy.maximum.accumulate(numpy.where(hits, radiiMm, 0), axis=1)
    gap = (radiiMm - lastHit > VOID_MM) & (lastHit > 0)
    end = numpy.where(gap.any(1), gap.argmax(1), len(radiiMm) - 1)
    return inner, lastHit[numpy.arange(len(hits)), end]


def evenDirections(count=DIRECTIONS):
    """Return unit vectors (count, 3), evenly spread (golden-angle spiral)."""
    index = numpy.arange(count) + 0.5
    height = 1 - 2 * index / count
    angle = numpy.pi * (1 + 5**0.5) * index
    flat = numpy.sqrt(1 - height**2)
    return numpy.stack([flat * numpy.cos(angle), flat * numpy.sin(angle), height], axis=1)


def defects(survey):
    """Return the :class:`Defect` list of a survey of :func:`evenDirections`, the largest first."""
    hole = (survey.templateMm > 0) & (survey.boneMm == 0)
    places = survey.center + survey.directions * survey.templateMm[:, None]
    opened = _opened(places, hole, survey.templateMm > 0)
    areasMm2 = 4 * numpy.pi * survey.templateMm**2 / len(survey.directions)
    which = numpy.flatnonzero(opened)
    found = []
    for members in _connected(places[which]):
        index = which[members]
        areaMm2 = float(areasMm2[index].sum())
        if areaMm2 >= SMALLEST_MM2:
            found.append(Defect(survey.directions[index], areaMm2, _middle(places[index])))
    return sorted(found, key=lambda defect: -defect.areaMm2)


def _opened(places, hole, known):
    """Return the holes without their narrow parts: only what a disk of the narrowest width fits into."""
    if not hole.any():
        return hole
    solid = cKDTree(places[known & ~hole]) if (known & ~hole).any() else None
    wide = hole.copy()
    if solid is not None:
        wide[hole] = solid.query(places[hole])[0] > NARROWEST_MM / 2
    opened = hole.copy()
    opened[hole] = cKDTree(places[wide]).query(places[hole])[0] <= NARROWEST_MM / 2 if wide.any() else False
    return opened


def _connected(points, reachMm=3.0):
    if not len(points):
        return []
    pairs = cKDTree(points).query_pairs(reachMm, output_type="ndarray")
    graph = coo_matrix((numpy.ones(len(pairs)), pairs.T), shape=(len(points), len(points)))
    count, labels = csgraph.connected_components(graph, directed=False)
    return [numpy.flatnonzero(labels == label) for label in range(count)]


def _middle(points):
    return points[numpy.linalg.norm(points - points.mean(0), axis=1).argmin()]


def chosen(found, pointsRas, survey):
    """Return the defect that a plan means: the only one, that at a point, or what lies inside a rim of points.

    :param pointsRas: (n, 3): none, one or two near the defect, or three and more along its rim, in order
    :raises InputRefused: ``no-defect``, ``several-defects``
    """
    if len(pointsRas) >= 3:
        found = _insideRim(found, numpy.asarray(pointsRas, float), survey)
    elif len(pointsRas):
        distances = [_distanceMm(defect, pointsRas, survey) for defect in found]
        found = [found[int(numpy.argmin(distances))]] if distances and min(distances) <= NEAR_POINT_MM else []
    if not found:
        raise InputRefused(
            "no-defect",
            "There is no bone missing of what the template shows"
            + (", where the points are." if len(pointsRas) else f" that is larger than {SMALLEST_MM2:.0f} mm²."),
            "Choose the bone with the defect and a template that is whole there.",
        )
    if len(found) > 1:
        places = "; ".join(
            f"{defect.areaMm2 / 100:.1f} cm² at R {defect.centerRas[0]:.0f}, A {defect.centerRas[1]:.0f}, "
            f"S {defect.centerRas[2]:.0f}"
            for defect in found[:4]
        )
        raise InputRefused(
            "several-defects",
            f"Bone is missing in {len(found)} places: {places} mm.",
            "Place a point at the one meant.",
        )
    return found[0]


def _distanceMm(defect, pointsRas, survey):
    away = numpy.asarray(pointsRas, float) - survey.center
    away /= numpy.linalg.norm(away, axis=1, keepdims=True)
    radiusMm = numpy.linalg.norm(defect.centerRas - survey.center)
    return float((radiusMm * numpy.arccos(numpy.clip(defect.directions @ away.T, -1, 1))).min())


def _insideRim(found, pointsRas, survey):
    rim = pointsRas - survey.center
    rim /= numpy.linalg.norm(rim, axis=1, keepdims=True)
    axis = rim.mean(0) / numpy.linalg.norm(rim.mean(0))
    frame = perpendiculars(axis)
    path = rim @ frame.T / (rim @ axis)[:, None]
    kept = []
    for defect in found:
        ahead = defect.directions[defect.directions @ axis > 0.1]
        ahead = ahead[_insidePolygon(ahead @ frame.T / (ahead @ axis)[:, None], path)]
        if len(ahead):
            kept.append((ahead, defect))
    if not kept:
        return []
    directions = numpy.concatenate([ahead for ahead, _defect in kept])
    areaMm2 = sum(defect.areaMm2 * len(ahead) / len(defect.directions) for ahead, defect in kept)
    largest = max(kept, key=lambda one: len(one[0]))[1]
    return [Defect(directions, areaMm2, largest.centerRas)]


def perpendiculars(axis):
    """Return two unit vectors (2, 3) across a unit vector, right-handed with it."""
    first = numpy.cross(axis, numpy.eye(3)[abs(axis).argmin()])
    first /= numpy.linalg.norm(first)
    return numpy.stack([first, numpy.cross(axis, first)])


def _insidePolygon(points, corners):
    """Tell for points (n, 2) whether a ray from each crosses the polygon an odd number of times."""
    inside = numpy.zeros(len(points), bool)
    for (x1, y1), (x2, y2) in zip(corners, numpy.roll(corners, -1, axis=0), strict=True):
        between = (y1 > points[:, 1]) != (y2 > points[:, 1])
        with numpy.errstate(divide="ignore", invalid="ignore"):
            inside ^= between & (points[:, 0] < (x2 - x1) * (points[:, 1] - y1) / (y2 - y1) + x1)
    return inside
