"""Meshes of known solids, damaged on purpose, and the volume in mm³ that is right; None: it must be refused."""

import numpy

from PlanningHubLib.Shapes.Mesh import Mesh


def manifoldMesh(manifold):
    mesh = manifold.to_mesh()
    return Mesh.fromArrays(mesh.vert_properties[:, :3].copy(), mesh.tri_verts.copy())


def ball(radiusMm=20.0, segments=96):
    """Return the mesh of a ball and its own volume in mm³."""
    import manifold3d

    manifold = manifold3d.Manifold.sphere(radiusMm, segments)
    return manifoldMesh(manifold), manifold.volume()


def box(sizeMm=(30.0, 20.0, 10.0), edgeMm=2.0):
    """Return the mesh of a box of small triangles and its volume in mm³."""
    import manifold3d

    manifold = manifold3d.Manifold.cube(sizeMm).refine_to_length(edgeMm)
    return manifoldMesh(manifold), manifold.volume()


def joined(*meshes):
    starts = numpy.cumsum([0] + [len(mesh.points) for mesh in meshes])
    return Mesh.fromArrays(
        numpy.concatenate([mesh.points for mesh in meshes]),
        numpy.concatenate([mesh.triangles + start for mesh, start in zip(meshes, starts[:-1], strict=True)]),
    )


def moved(mesh, offset):
    return Mesh.fromArrays(mesh.points + numpy.asarray(offset, numpy.float32), mesh.triangles)


def turned(mesh, which=slice(None)):
    triangles = mesh.triangles.copy()
    triangles[which] = triangles[which][:, ::-1]
    return Mesh(mesh.points, triangles)


def without(mesh, which):
    return Mesh(mesh.points, mesh.triangles[~which])


def soup(mesh):
    """Return the mesh with three points of its own for each triangle, as STL has it."""
    return Mesh.fromArrays(
        mesh.points[mesh.triangles.reshape(-1)], numpy.arange(3 * len(mesh.triangles)).reshape(-1, 3)
    )


def holesEverywhere():
    mesh, volume = ball()
    which = numpy.zeros(len(mesh.triangles), bool)
    which[:: len(mesh.triangles) // 240] = True
    return without(mesh, which), volume


def largeHole():
    mesh, volume = ball()
    return without(mesh, mesh.points[mesh.triangles][:, :, 2].mean(1) > 18.5), volume


def openBottom():
    mesh, volume = box()
    return without(mesh, (mesh.points[mesh.triangles][:, :, 2] == 0).all(1)), volume


def halfABall():
    """No plane closes it: its border goes up and down."""
    mesh, _volume = ball()
    centers = mesh.points[mesh.triangles].mean(1)
    return without(mesh, centers[:, 2] > 3 * numpy.sin(centers[:, 0] / 3)), None


def manyFlips():
    mesh, volume = ball()
    return turned(mesh, numpy.random.default_rng(4).random(len(mesh.triangles)) < 0.3), volume


def doubles():
    mesh, volume = ball()
    return Mesh.fromArrays(mesh.points, numpy.concatenate([mesh.triangles, mesh.triangles[::7]])), volume


def doublesBackToBack():
    mesh, volume = ball()
    return Mesh.fromArrays(mesh.points, numpy.concatenate([mesh.triangles, mesh.triangles[::50][:, ::-1]])), volume


def fins():
    mesh, volume = ball()
    outside = []
    for triangle in mesh.triangles[::60]:
        a, b = mesh.points[triangle[:2]]
        outside.append([triangle[0], triangle[1], len(mesh.points) + len(outside)])
    tips = numpy.array([mesh.points[one[:2]].mean(0) * 1.2 for one in outside])
    return Mesh.fromArrays(
        numpy.concatenate([mesh.points, tips]), numpy.concatenate([mesh.triangles, numpy.array(outside)])
    ), volume


def wallInside():
    """A box in two rooms, by a wall of one layer."""
    mesh, volume = box((20.0, 10.0, 10.0), 5.0)
    grid = [(10.0, y, z) for y in (0.0, 5.0, 10.0) for z in (0.0, 5.0, 10.0)]
    quads = [(0, 1, 4, 3), (1, 2, 5, 4), (3, 4, 7, 6), (4, 5, 8, 7)]
    import manifold3d

    halves = [manifold3d.Manifold.cube((10.0, 10.0, 10.0)).translate((x, 0, 0)).refine(2) for x in (0.0, 10.0)]
    shells = [manifoldMesh(half) for half in halves]
    open_ = [without(one, (one.points[one.triangles][:, :, 0] == 10).all(1)) for one in shells]
    wall = Mesh.fromArrays(grid, [t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))])
    return joined(*open_, wall), volume


def tJunctions():
    """Two halves of a box whose borders have different points: one side's edges end within the other's."""
    import manifold3d

    left = manifoldMesh(manifold3d.Manifold.cube((10.0, 10.0, 10.0)))
    right = manifoldMesh(manifold3d.Manifold.cube((10.0, 10.0, 10.0)).translate((10, 0, 0)).refine(3))
    parts = [without(one, (one.points[one.triangles][:, :, 0] == 10).all(1)) for one in (left, right)]
    return joined(*parts), 2000.0


def crossedBalls():
    mesh, _volume = ball()
    import manifold3d

    one = manifold3d.Manifold.sphere(20.0, 96)
    return joined(mesh, moved(mesh, (15, 0, 0))), (one + one.translate((15, 0, 0))).volume()


def crossedInOneShell():
    """A tube along a loop that passes through itself; its two halves are united for the right volume."""
    import manifold3d

    def along(t):
        return numpy.stack([30 * (t**2 - 1), 40 * t * (t**2 - 1), 2 * t], -1)

    def warp(points):
        t = points[:, 2]
        way = along(t + 1e-4) - along(t - 1e-4)
        way /= numpy.linalg.norm(way, axis=1, keepdims=True)
        side = numpy.cross(way, (0, 0, 1.0))
        side /= numpy.linalg.norm(side, axis=1, keepdims=True)
        return along(t) + points[:, :1] * side + points[:, 1:2] * numpy.cross(side, way)

    section = manifold3d.CrossSection.circle(5.0, 48)
    mesh = manifoldMesh(section.extrude(2.6, 120).translate((0, 0, -1.3)).warp_batch(warp))
    halves = [manifoldMesh(section.extrude(1.3, 60).translate((0, 0, z)).warp_batch(warp)) for z in (-1.3, 0)]
    halves = [turned(half) if half.volumeMl < 0 else half for half in halves]
    one, other = (manifold3d.Manifold(manifold3d.Mesh(half.points, half.triangles.astype(numpy.uint32)))
                  for half in halves)  # fmt: skip
    return turned(mesh) if mesh.volumeMl < 0 else mesh, (one + other).volume()


def foldedTriangles():
    """Points pushed through the opposite wall of a thin plate."""
    import manifold3d

    manifold = manifold3d.Manifold.cube((60.0, 60.0, 3.0)).refine_to_length(1.0)
    mesh = manifoldMesh(manifold)
    points = mesh.points.copy()
    top = numpy.flatnonzero((points[:, 2] == 3) & (abs(points[:, :2] - 30).max(1) < 0.8))[:1]
    points[top, 2] = -1
    return Mesh.fromArrays(points, mesh.triangles), manifold.volume()


def touchingBoxes():
    """Two boxes that share one edge, with its points in common."""
    import manifold3d

    a = manifoldMesh(manifold3d.Manifold.cube((10.0, 10.0, 10.0)))
    b = moved(a, (10, 10, 0))
    from PlanningHubLib.Shapes.Mesh import welded

    both = joined(a, b)
    return Mesh.fromArrays(*welded(both.points, both.triangles)), 2000.0


def innerShell():
    mesh, volume = ball()
    inner, innerVolume = ball(8.0, 48)
    return joined(mesh, turned(inner)), volume - innerVolume


def bodyInBody():
    mesh, volume = ball()
    return joined(mesh, ball(8.0, 48)[0]), volume


def specks():
    mesh, volume = ball()
    tiny = [moved(ball(0.3, 12)[0], (30 + number, 0, 0)) for number in range(25)]
    return joined(mesh, *tiny), volume


def notFinite():
    mesh, volume = ball()
    points = mesh.points.copy()
    points[:: len(points) // 5] = numpy.nan
    return Mesh.fromArrays(points, mesh.triangles), volume


def zeroAreas():
    """Edges split by points that lie on them, with triangles of no area between."""
    mesh, volume = box()
    points, triangles = list(mesh.points), mesh.triangles.tolist()
    for number in range(0, 200, 10):
        a, b, c = triangles[number]
        points.append((points[a] + points[b]) / 2)
        m = len(points) - 1
        triangles[number] = [a, m, c]
        triangles += [[m, b, c], [a, b, m]]
    return Mesh.fromArrays(numpy.array(points), numpy.array(triangles)), volume


def insideOut():
    mesh, volume = ball()
    return turned(mesh), volume


def unweldedHalves():
    mesh, volume = ball()
    upper = mesh.points[mesh.triangles][:, :, 2].mean(1) > 0
    jitter = numpy.random.default_rng(5).normal(size=mesh.points.shape) * 1e-4
    other = Mesh.fromArrays(mesh.points + jitter, mesh.triangles[~upper])
    return joined(Mesh(mesh.points, mesh.triangles[upper]), other), volume


def triangleSoup():
    mesh, volume = ball()
    return soup(mesh), volume


def oneSheet():
    mesh, _volume = box()
    return without(mesh, ~(mesh.points[mesh.triangles][:, :, 2] == 0).all(1)), None


def allAtOnce():
    mesh, volume = holesEverywhere()
    flips = numpy.random.default_rng(6).random(len(mesh.triangles)) < 0.05
    mesh = turned(mesh, flips)
    tips = (mesh.points[mesh.triangles[::90, 0]] + mesh.points[mesh.triangles[::90, 1]]) * 0.6
    fin = numpy.c_[mesh.triangles[::90, :2], len(mesh.points) + numpy.arange(len(tips))]
    mesh = Mesh.fromArrays(numpy.concatenate([mesh.points, tips]), numpy.concatenate([mesh.triangles, fin]))
    return soup(mesh), volume


def nothingFinite():
    mesh, _volume = ball()
    return Mesh.fromArrays(numpy.full_like(mesh.points, numpy.nan), mesh.triangles), None


MAKERS = (
    holesEverywhere, largeHole, openBottom, halfABall, manyFlips, doubles, doublesBackToBack, fins, wallInside,
    tJunctions, crossedBalls, crossedInOneShell, foldedTriangles, touchingBoxes, innerShell, bodyInBody, specks,
    notFinite, zeroAreas, insideOut, unweldedHalves, triangleSoup, oneSheet, allAtOnce, nothingFinite,
)  # fmt: skip


def all():
    return {maker.__name__: maker() for maker in MAKERS}
