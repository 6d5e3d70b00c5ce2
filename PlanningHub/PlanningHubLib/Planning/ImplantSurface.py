"""The outer surface of a plate: the template's outer surface over a defect, bent to meet the bone around it."""

import dataclasses

import numpy
from scipy import ndimage
from scipy.interpolate import RegularGridInterpolator
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import spsolve

from ..Errors import InputRefused
from ..Shapes.Mesh import Mesh
from .ImplantDefect import perpendiculars, surveyed, surveyedNear

CELL_MM = 0.8
AROUND_MM = 16.0
# Next to the hole bone is beveled and thin: what it is level with is seen a little farther out.
BEVEL_MM, RING_MM = 4.0, 13.0
RIM_SMOOTHING_MM = 3.0
# More than this no template is bent: it does not belong here. Site default, no source.
LARGEST_STEP_MM = 5.0
WIDEST_DEGREES, NEAR_MM = 75.0, 5.0
# No plate reaches into a cleft this narrow.
SPUR_MM = 4.0
# A dent this narrow and deep is no shape of a skull: the ray met the back wall of a sinus.
DENT_MM, DENT_DEPTH_MM = 24.0, 2.0


@dataclasses.dataclass(frozen=True, eq=False)
class Surface:
    """A surface as radii over directions from a center, on a square map about the axis.

    ``axis`` (3,) and ``across`` (2, 3) span the map; a cell (i, j) looks at the angle ``hypot(angles[i], angles[j])``
    from the axis. ``radiiMm`` (n, n); ``hole`` (n, n) where no bone is seen; ``outsideMm`` (n, n) distance to it
    without its clefts; ``stepMm`` (n, n) by which
    the template was moved outwards.
    """

    center: numpy.ndarray
    axis: numpy.ndarray
    across: numpy.ndarray
    angles: numpy.ndarray
    radiiMm: numpy.ndarray
    hole: numpy.ndarray
    outsideMm: numpy.ndarray
    stepMm: numpy.ndarray

    def seen(self, points):
        """Return for points (n, 3) RAS mm their map coordinates (n, 2) in radians and their radii (n,) mm."""
        away = points - self.center
        radiiMm = numpy.linalg.norm(away, axis=1)
        along, flat = away @ self.axis, away @ self.across.T
        flatMm = numpy.linalg.norm(flat, axis=1)
        angle = numpy.arctan2(flatMm, along)
        return flat * (angle / numpy.where(flatMm > 0, flatMm, 1))[:, None], radiiMm

    def on(self, values, places, outside):
        """Return a map's values (n,) at map coordinates (n, 2); ``outside`` beyond the map."""
        grid = RegularGridInterpolator((self.angles, self.angles), values, bounds_error=False, fill_value=outside)
        return grid(places)

    def points(self):
        """Return the surface's points (n, n, 3) RAS mm."""
        return self.center + directionsOf(self.axis, self.across, self.angles) * self.radiiMm[..., None]

    def mesh(self):
        """Return the surface as an open :class:`Mesh`, facing outwards."""
        count = len(self.angles)
        index = numpy.arange(count * count).reshape(count, count)
        a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
        triangles = numpy.concatenate([numpy.stack(three, -1).reshape(-1, 3) for three in ((a, b, c), (a, c, d))])
        return Mesh.fromArrays(self.points().reshape(-1, 3), triangles)


def directionsOf(axis, across, angles):
    """Return the unit directions (n, n, 3) of a map's cells."""
    one, other = numpy.meshgrid(angles, angles, indexing="ij")
    angle = numpy.hypot(one, other)
    factor = numpy.sinc(angle / numpy.pi)
    return (
        numpy.cos(angle)[..., None] * axis
        + (factor * one)[..., None] * across[0]
        + (factor * other)[..., None] * across[1]
    )


def outerSurface(defect, center, bone, template, boneMesh, templateMesh, smoothingMm, fitRim):
    """Return the :class:`Surface` of a plate over a defect.

    :param bone: :class:`PlanningHubLib.Planning.ImplantDefect.Occupancy`, as ``template``
    :param smoothingMm: standard deviation of the smoothing over the surface
    :param fitRim: bend it to be level with the bone around
    :raises InputRefused: ``defect-too-large``, ``template-too-small``
    """
    axis = defect.directions.mean(0)
    axis /= numpy.linalg.norm(axis)
    across = perpendiculars(axis)
    radiusMm = numpy.linalg.norm(defect.centerRas - center)
    widest = numpy.arccos(numpy.clip(defect.directions @ axis, -1, 1)).max()
    if numpy.degrees(widest) > WIDEST_DEGREES:
        raise InputRefused("defect-too-large", "The defect is more than half of the skull.", "Design it in parts.")
    half = int(numpy.ceil((widest * radiusMm + AROUND_MM) / CELL_MM))
    angles = numpy.arange(-half, half + 1) * CELL_MM / radiusMm
    directions = directionsOf(axis, across, angles)
    radii, boneRadii = _facesSeen(bone, template, center, directions)
    hole = _holeOnMap(defect, directions, radii, boneRadii)
    outsideMm = ndimage.distance_transform_edt(~_widerThan(hole, SPUR_MM)) * CELL_MM
    known = radii > 0
    if not known[outsideMm < BEVEL_MM].all():
        share = 100 * known[outsideMm < BEVEL_MM].mean()
        if share < 97:
            raise InputRefused(
                "template-too-small",
                f"The template covers only {share:.0f} % of the defect: it ends inside, as at the midline.",
                "Mirror farther beyond the plane, or use a template that covers the whole defect.",
            )
    fine = numpy.zeros_like(radii)
    fine[known] = _exact(templateMesh, center, directions[known], radii[known])
    fine = _smoothed(_spanned(fine, known & ~_dents(fine, known)), smoothingMm)
    stepMm = numpy.zeros_like(fine)
    if fitRim:
        ring = known & (boneRadii > 0) & (outsideMm > BEVEL_MM) & (outsideMm < RING_MM)
        ring &= abs(boneRadii - fine) < LARGEST_STEP_MM
        step = numpy.zeros_like(fine)
        step[ring] = _exact(boneMesh, center, directions[ring], boneRadii[ring]) - fine[ring]
        stepMm = _rimSteps(step, ring)
    return Surface(center, axis, across, angles, fine + stepMm, hole, outsideMm, stepMm)


def _facesSeen(bone, template, center, directions):
    """Return the outer radii (n, n) in mm of template and bone; 0 where there is none.

    The first look may end at the back wall of a sinus; the second goes by what is spanned over such dents.
    """
    flat = directions.reshape(-1, 3)
    first = surveyed(bone, template, center, flat).templateMm.reshape(directions.shape[:2])
    spanned = _spanned(first, (first > 0) & ~_dents(first, first > 0))
    survey = surveyedNear(bone, template, center, flat, spanned.reshape(-1))
    return survey.templateMm.reshape(first.shape), survey.boneMm.reshape(first.shape)


def _holeOnMap(defect, directions, radii, boneRadii):
    """Return the defect's cells: where bone is missing, connected with the defect that was found."""
    cosine = numpy.cos(2.5 / radii.max())
    near = numpy.zeros(radii.shape, bool)
    for row in range(len(radii)):
        near[row] = (directions[row] @ defect.directions.T).max(1) > cosine
    return near & (radii > 0) & (boneRadii == 0)


def _widerThan(hole, widthMm):
    """Return a mask without the spurs that are narrower than this."""
    core = ndimage.distance_transform_edt(hole) * CELL_MM > widthMm / 2
    return hole & (ndimage.distance_transform_edt(~core) * CELL_MM <= widthMm / 2 + CELL_MM)


def _exact(mesh, center, directions, radiiMm, steps=3):
    """Return the radii at which rays meet a surface, from radii that are right to a millimetre."""
    import igl

    mesh = _nearby(mesh, center + directions * radiiMm[:, None])
    normals = mesh.normals().astype(float)
    points, triangles = mesh.points.astype(float), mesh.triangles.astype(numpy.int64)
    reached = radiiMm.astype(float)
    for _step in range(steps):
        places = center + directions * reached[:, None]
        nearest, closest = igl.point_mesh_squared_distance(places, points, triangles)[1:]
        facing = normals[nearest]
        slope = numpy.einsum("ij,ij->i", facing, directions)
        height = numpy.einsum("ij,ij->i", facing, places - closest)
        reached -= numpy.where(slope > 0.3, numpy.clip(height / numpy.maximum(slope, 0.3), -1, 1), 0)
    return reached


def _nearby(mesh, places):
    """Return the triangles of a mesh in the box around places."""
    inside = ((mesh.points > places.min(0) - NEAR_MM) & (mesh.points < places.max(0) + NEAR_MM)).all(1)
    return mesh.kept(inside[mesh.triangles].any(1))


def _dents(radiiMm, known):
    """Return where a map is dented, a little of its surroundings with it."""
    index = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    values = radiiMm[tuple(index)]
    dented = ndimage.grey_closing(values, int(DENT_MM / CELL_MM)) - values > DENT_DEPTH_MM
    return ndimage.binary_dilation(dented, iterations=2)


def _smoothed(values, smoothingMm):
    return ndimage.gaussian_filter(values, smoothingMm / CELL_MM, mode="nearest") if smoothingMm else values


def _rimSteps(step, ring):
    """Return the steps of a ring smoothed, and spanned over everything else."""
    weight = ndimage.gaussian_filter(ring.astype(float), RIM_SMOOTHING_MM / CELL_MM)
    smooth = ndimage.gaussian_filter(step * ring, RIM_SMOOTHING_MM / CELL_MM) / numpy.maximum(weight, 1e-6)
    return _spanned(smooth, ring) if ring.any() else step


def _spanned(values, known):
    """Return a map whose unknown values are spanned between the known ones like a soap film (Laplace's equation)."""
    free = ~known
    unknowns = int(free.sum())
    if not unknowns:
        return values
    number = numpy.full(values.shape, -1)
    number[free] = numpy.arange(unknowns)
    rows, columns, right, count = [], [], numpy.zeros(unknowns), numpy.zeros(unknowns)
    for axis in range(2):
        for shift in (-1, 1):
            inside = free & _hasNeighbor(values.shape, axis, shift)
            here, there = number[inside], numpy.roll(number, -shift, axis)[inside]
            fixed = there < 0
            count += numpy.bincount(here, minlength=unknowns)
            right += numpy.bincount(here[fixed], numpy.roll(values, -shift, axis)[inside][fixed], unknowns)
            rows.append(here[~fixed])
            columns.append(there[~fixed])
    diagonal = numpy.arange(unknowns)
    rows, columns = numpy.concatenate([*rows, diagonal]), numpy.concatenate([*columns, diagonal])
    weights = numpy.concatenate([-numpy.ones(len(rows) - unknowns), count])
    matrix = coo_matrix((weights, (rows, columns)), shape=(unknowns, unknowns)).tocsc()
    spanned = values.astype(float)
    spanned[free] = spsolve(matrix, right)
    return spanned


def _hasNeighbor(shape, axis, shift):
    index = numpy.indices(shape)[axis] + shift
    return (index >= 0) & (index < shape[axis])
