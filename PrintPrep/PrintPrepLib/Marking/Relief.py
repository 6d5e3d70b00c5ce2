"""Cutting an outline into a part's surface, or raising it, along a face's normal: it follows the surface. LPS mm."""

import numpy
from scipy.sparse import coo_matrix, csgraph

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Planning.Solids import framed
from PlanningHubLib.Shapes.Manifolds import toManifold
from PlanningHubLib.Shapes.Mesh import Mesh

from ..Repair.SelfIntersections import selfIntersecting
from .Views import within

# How far a tool reaches beyond the surface, on the side that makes no difference.
_BEYOND_MM = 0.3
# Faces that look to the viewer at all; below this their projection has no area worth cutting.
_FACING = 0.05


def cutter(mesh, frame, section, depthMm):
    """Return the manifold that an outline takes away: from just above the surface to a depth below it.

    :param mesh: the part's surface; triangles that meet share their points
    :param frame: :class:`PrintPrepLib.Marking.Views.Frame` of the face; its origin lies on the surface
    :param section: manifold3d.CrossSection in mm, in the frame's right and up
    :param depthMm: measured along the normal everywhere, so the floor has the surface's own shape
    :raises InputRefused: ``no-face``
    """
    return _tool(mesh, frame, section, -depthMm, _BEYOND_MM)


def raiser(mesh, frame, section, heightMm):
    """Return the manifold that an outline adds: from just below the surface to a height above it."""
    return _tool(mesh, frame, section, -_BEYOND_MM, heightMm)


def _tool(mesh, frame, section, lowMm, highMm):
    import manifold3d

    patch = _patch(mesh, frame, section)
    heights = patch.points[:, 2]
    bottom, top = float(heights.min()) + lowMm - 1, float(heights.max()) + highMm + 1
    prism = manifold3d.Manifold.extrude(section, top - bottom).translate((0, 0, bottom))
    tool = _layer(patch, lowMm, highMm) ^ prism
    if tool.is_empty():
        raise _noFace()
    return framed(tool, frame.origin, frame.axes)


def _patch(mesh, frame, section):
    """Return the part of the surface that lies under an outline and that the frame's origin lies on, in its axes."""
    low, high = numpy.array(section.bounds()).reshape(2, 2)
    near = within(mesh, frame, low - _BEYOND_MM, high + _BEYOND_MM)
    points, triangles = frame.local(near.points), near.triangles
    crosses = numpy.cross(*(points[triangles[:, corner]] - points[triangles[:, 0]] for corner in (1, 2)))
    triangles = triangles[crosses[:, 2] > _FACING * numpy.linalg.norm(crosses, axis=1)]
    if not len(triangles):
        raise _noFace()
    return _aroundOrigin(points, triangles)


def _aroundOrigin(points, triangles):
    """Return the connected piece of a surface that lies highest at x = y = 0, or the largest where none lies there."""
    links = coo_matrix(
        (numpy.ones(2 * len(triangles)), (triangles[:, [0, 1]].T.reshape(-1), triangles[:, [1, 2]].T.reshape(-1))),
        shape=(len(points), len(points)),
    )
    pieces = csgraph.connected_components(links, directed=False)[1][triangles[:, 0]]
    chosen = numpy.bincount(pieces).argmax()
    corners = points[triangles]
    flat = corners[..., :2]
    # A point lies in a triangle where it is on the inner side of all three edges.
    turns = numpy.stack([_cross(flat[:, one], flat[:, (one + 1) % 3]) for one in range(3)], 1)
    over = (turns >= -1e-9).all(1)
    if over.any():
        chosen = pieces[over][corners[over][..., 2].mean(1).argmax()]
    mesh = Mesh(points, triangles[pieces == chosen])
    return mesh.kept(numpy.ones(len(mesh.triangles), bool))


def _cross(one, other):
    return one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]


def _layer(patch, lowMm, highMm):
    """Return the manifold between an open surface moved down and up along z.

    A crease can lie over its own neighbors: triangles there are moved one by one, and united.
    """
    import manifold3d

    isSimple = numpy.ones(len(patch.triangles), bool)
    while isSimple.any():
        mesh, owners = _thickened(patch.points, patch.triangles[isSimple], lowMm, highMm)
        crossing = owners[selfIntersecting(mesh)]
        if not crossing.size:
            break
        isSimple[numpy.flatnonzero(isSimple)[crossing]] = False
    layers = [mesh] if isSimple.any() else []
    layers += [_thickened(patch.points, one[None], lowMm, highMm)[0] for one in patch.triangles[~isSimple]]
    return manifold3d.Manifold.batch_boolean([toManifold(one) for one in layers], manifold3d.OpType.Add)


def _thickened(points, triangles, lowMm, highMm):
    """Return the solid between triangles moved down and up along z, and to which of them each of its own belongs."""
    count = len(points)
    edges = triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2).astype(numpy.int64)
    keys = edges[:, 0] * count + edges[:, 1]
    isRim = ~numpy.isin(keys, edges[:, 1] * count + edges[:, 0])
    start, end = edges[isRim].T
    walls = numpy.concatenate([
        numpy.stack([start, start + count, end + count], 1), numpy.stack([start, end + count, end], 1),
    ])  # fmt: skip
    moved = numpy.concatenate([points + (0, 0, highMm), points + (0, 0, lowMm)])
    mesh = Mesh.fromArrays(moved, numpy.concatenate([triangles, triangles[:, ::-1] + count, walls]))
    own, ofRim = numpy.arange(len(triangles)), numpy.flatnonzero(isRim) // 3
    return mesh.kept(numpy.ones(len(mesh.triangles), bool)), numpy.concatenate([own, own, ofRim, ofRim])


def _noFace():
    return InputRefused("no-face", "There is no surface for the letters there.", "Choose another place for the label.")
