"""What an operation reached of a plan, all in RAS mm of the plan: cut planes, moved bodies, implants and screws."""

import dataclasses

import numpy
from scipy import ndimage
from scipy.spatial import cKDTree

from ..Errors import InputRefused
from ..Shapes.Deviation import samplesOf
from ..Shapes.Mesh import Mesh
from .Distances import lengthAndDirection, searchOf
from .Moving import motionFigures
from .Registration import FixedSurface, register, requireFit

# Site defaults, no source.
SEARCH_MM, SEARCH_DEGREES = 10.0, 25.0
# A face of the bone that lies deeper than this in what was bone before is new.
NEW_MM = 0.75
SECTION_STEP_MM = 1.0
SMALLEST_FACE_SHARE = 0.15
BODY_KEPT_SHARE, BODY_WORST_MM = 0.6, 1.0
SCREW_REACH_MM, SCREW_SMALLEST_ML = 6.0, 0.02
_OUTLIER_MM = 0.3


@dataclasses.dataclass(frozen=True, eq=False)
class PlannedCut:
    """A plane that cut a solid.

    :param sides: on which sides of the plane bone was to stay where it was: ``-1`` and ``1``, along the normal
    """

    plane: object
    mesh: Mesh
    kerfMm: float
    sides: tuple = (-1, 1)


class NotFound(Exception):
    """Something planned is not in the scan after the operation; ``reason`` says why."""

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


def planeRow(cut, after):
    """Return the row of one cut plane: how the face that was cut lies to the face that was planned.

    ``offsetMm`` is along the planned normal at the middle of the planned section, ``angleDegrees`` between the two.

    :param cut: :class:`PlannedCut`
    :param after: mesh of the bone after the operation, registered
    :raises NotFound: where no face of the bone lies there
    """
    plane, before = cut.plane, searchOf(cut.mesh)
    section = _section(plane, cut.mesh, before)
    faces = [face for side in cut.sides if (face := _face(plane, side, cut.kerfMm, section, before, after))]
    if not faces:
        raise NotFound("no new face of the bone lies near this plane")
    areas = [face["areaMm2"] for face in faces]
    faces = [face for face in faces if face["areaMm2"] >= max(areas) / 4]
    normal = numpy.mean([face["normal"] for face in faces], axis=0)
    normal /= numpy.linalg.norm(normal)
    offsetMm = float(numpy.mean([face["offsetMm"] for face in faces]))
    return {
        "plane": plane.name,
        "angleDegrees": float(numpy.degrees(numpy.arccos(min(1.0, normal @ plane.normalRas)))),
        "offsetMm": offsetMm,
        "faces": len(faces),
        "flatnessMm": float(max(face["flatnessMm"] for face in faces)),
        "areaMm2": float(sum(face["areaMm2"] for face in faces)),
        "achievedNormalRas": normal.tolist(),
        "achievedOriginRas": (section.mean(0) + offsetMm * plane.normalRas).tolist(),
    }


def _section(plane, mesh, search):
    """Return points (n, 3) of a plane within a mesh, on a grid."""
    across = numpy.linalg.svd(plane.normalRas[None])[2][1:]
    flat = (mesh.points - plane.originRas) @ across.T
    low, high = flat.min(0), flat.max(0)
    axes = [numpy.arange(low[axis], high[axis], SECTION_STEP_MM) for axis in range(2)]
    grid = numpy.stack(numpy.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
    points = plane.originRas + grid @ across
    inside = points[search.isInside(points)]
    if not len(inside):
        raise NotFound("the plane does not meet the bone")
    return inside


def _face(plane, side, kerfMm, section, before, after):
    """Return the new face of the bone on one side of a cut, None where there is hardly any.

    :param side: ``-1`` for the bone behind the plane, whose face looks along the normal; ``1`` for that before it
    """
    centers = after.points[after.triangles].mean(1).astype(float)
    looks = after.normals() @ plane.normalRas * -side
    near = numpy.abs(plane.heightsMm(centers)) <= SEARCH_MM
    near &= looks >= numpy.cos(numpy.radians(SEARCH_DEGREES))
    chosen = numpy.flatnonzero(near)
    if not len(chosen):
        return None
    onPlane = centers[chosen] - plane.heightsMm(centers[chosen])[:, None] * plane.normalRas
    chosen = chosen[cKDTree(section).query(onPlane)[0] <= 2 * SECTION_STEP_MM]
    if len(chosen):
        chosen = chosen[before.signedMm(centers[chosen]) < -NEW_MM]
    areas = after.areasMm2()[chosen]
    if areas.sum() < SMALLEST_FACE_SHARE * len(section) * SECTION_STEP_MM**2:
        return None
    normal, origin, kept, flatnessMm = _fitted(centers[chosen], areas)
    normal = normal * numpy.sign(normal @ plane.normalRas)
    middle = section.mean(0)
    heightMm = (origin - middle) @ normal / (normal @ plane.normalRas)
    return {
        "normal": normal,
        # The planned face lies half a kerf from the plane.
        "offsetMm": heightMm + plane.heightsMm(middle[None])[0] - side * kerfMm / 2,
        "areaMm2": float(areas[kept].sum()),
        "flatnessMm": flatnessMm,
    }


def _fitted(points, weights):
    """Return normal, point, which points count, and their mean distance, of a plane through points, outliers left."""
    kept = numpy.ones(len(points), bool)
    for _round in range(20):
        origin = numpy.average(points[kept], axis=0, weights=weights[kept])
        normal = numpy.linalg.svd((points[kept] - origin) * numpy.sqrt(weights[kept])[:, None], full_matrices=False)[2][
            2
        ]
        heights = numpy.abs((points - origin) @ normal)
        again = heights <= max(_OUTLIER_MM, 3 * 1.4826 * float(numpy.median(heights[kept])))
        if (again == kept).all():
            break
        kept = again
    return normal, origin, kept, float(numpy.average(heights[kept], weights=weights[kept]))


def bodyRow(solid, after):
    """Return the row of a body that was to lie somewhere: how it must be moved from there to where it is found.

    ``translationMm`` (along R, A, S, of its middle) and ``rotationDegrees`` (about R, A, S) lead from the plan to the
    outcome; ``meanMm``, ``p95Mm`` and ``maximumMm`` are the distances of its planned surface to what is found.

    :raises NotFound: where nothing of its shape lies there
    """
    near = _near(after, solid.mesh, SEARCH_MM + 15.0)
    if not len(near.triangles):
        raise NotFound("nothing of the threshold's density lies there")
    fixed = FixedSurface(near)
    try:
        fit = register(solid.mesh, fixed, [numpy.eye(4)], BODY_KEPT_SHARE)
        requireFit(fit, solid.name, BODY_WORST_MM)
    except InputRefused as error:
        raise NotFound(error.message) from error
    moved = motionFigures(fit.matrix, solid.mesh)
    if moved["distanceMm"] > 2 * SEARCH_MM:
        raise NotFound("nothing of its shape lies near its place")
    distancesMm = fixed.search.nearest(samplesOf(solid.mesh))[0]
    return {
        "body": solid.name,
        "role": solid.role,
        "distanceMm": moved["distanceMm"],
        "angleDegrees": moved["angleDegrees"],
        "translationMm": numpy.asarray(moved["translationMm"]).tolist(),
        "rotationDegrees": numpy.asarray(moved["rotationDegrees"]).tolist(),
        "fitMm": fit.meanMm,
        "meanMm": float(distancesMm.mean()),
        "p95Mm": float(numpy.percentile(distancesMm, 95)),
        "maximumMm": float(distancesMm.max()),
    }


def _near(mesh, other, reachMm):
    low, high = other.points.min(0) - reachMm, other.points.max(0) + reachMm
    inside = ((mesh.points >= low) & (mesh.points <= high)).all(1)
    return mesh.kept(inside[mesh.triangles].all(1))


def screwRow(name, entryRas, targetRas, achieved):
    """Return the row of a trajectory: errors in mm at entry and target, and the angle between the axes.

    ``…LateralMm`` is the distance of a planned point to the achieved axis, ``…DistanceMm`` to the achieved point.

    :param achieved: (entry, target), RAS mm of the plan
    """
    lengthMm, planned = lengthAndDirection(entryRas, targetRas)
    achievedMm, direction = lengthAndDirection(*achieved)
    lateralMm, distanceMm = [], []
    for point, reached in ((entryRas, achieved[0]), (targetRas, achieved[1])):
        offset = numpy.asarray(point) - achieved[0]
        lateralMm.append(float(numpy.linalg.norm(offset - (offset @ direction) * direction)))
        distanceMm.append(float(numpy.linalg.norm(numpy.asarray(point) - reached)))
    return {
        "trajectory": name,
        "entryLateralMm": lateralMm[0], "targetLateralMm": lateralMm[1],
        "entryDistanceMm": distanceMm[0], "targetDistanceMm": distanceMm[1],
        "angleDegrees": float(numpy.degrees(numpy.arccos(numpy.clip(planned @ direction, -1, 1)))),
        "plannedMm": lengthMm, "achievedMm": achievedMm,
        "achievedRas": [numpy.asarray(point, float).tolist() for point in achieved],
    }  # fmt: skip


def metalAxis(metal, ijkToRas, entryRas, targetRas):
    """Return (entry, target) of the axis of the metal around a planned one.

    Only metal within :data:`SCREW_REACH_MM` of the planned axis counts, and of it the largest piece: a plate that joins
    several screws is cut there, and bends the axis.

    :param metal: boolean array (slices, rows, columns)
    :param ijkToRas: 4×4 from its (column, row, slice) to RAS mm of the plan
    :raises NotFound: where there is too little
    """
    lengthMm, direction = lengthAndDirection(entryRas, targetRas)
    indices = numpy.argwhere(metal)
    points = indices[:, ::-1] @ ijkToRas[:3, :3].T + ijkToRas[:3, 3]
    along = (points - entryRas) @ direction
    across = numpy.linalg.norm(points - entryRas - along[:, None] * direction, axis=1)
    near = (across <= SCREW_REACH_MM) & (along >= -2 * SEARCH_MM) & (along <= lengthMm + 2 * SEARCH_MM)
    around = numpy.zeros(metal.shape, bool)
    around[tuple(indices[near].T)] = True
    labels, count = ndimage.label(around, numpy.ones((3, 3, 3)))
    sizes = numpy.bincount(labels.reshape(-1), minlength=count + 1)[1:]
    voxelMl = abs(numpy.linalg.det(ijkToRas[:3, :3])) / 1000
    if not count or sizes.max() * voxelMl < SCREW_SMALLEST_ML:
        raise NotFound("there is no metal around the planned axis")
    piece = points[near][labels[tuple(indices[near].T)] == sizes.argmax() + 1]
    center = piece.mean(0)
    axis = numpy.linalg.svd(piece - center, full_matrices=False)[2][0]
    axis = axis * numpy.sign(axis @ direction)
    heights = (piece - center) @ axis
    # A voxel's center lies half a voxel within the metal.
    halfMm = numpy.abs(axis @ ijkToRas[:3, :3]).max() / 2
    return center + (heights.min() - halfMm) * axis, center + (heights.max() + halfMm) * axis
