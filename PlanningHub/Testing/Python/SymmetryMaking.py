"""Bodies that are symmetric about a known plane, as fine meshes, and contexts that hold meshes."""

import numpy
import SimpleITK

from PlanningHubLib.Planning.Context import Context
from PlanningHubLib.Planning.Objects import Solid
from PlanningHubLib.Planning.Placing import matrixOf
from PlanningHubLib.Segmentation import boneMask
from PlanningHubLib.Shapes.Manifolds import fromManifold
from PlanningHubLib.Shapes.Mesh import Mesh
from PlanningHubLib.Shapes.Surface import maskSurface


def solidContext(side=None, **meshes):
    """Return a context without a segmentation that holds solids."""
    context = Context((10, 10, 10), numpy.eye(4), side=side)
    for name, mesh in meshes.items():
        context.add(Solid(name, mesh))
    return context


def ellipsoid(radiiMm, centerRas=(0, 0, 0)):
    import manifold3d

    return manifold3d.Manifold.sphere(1.0, 64).scale(radiiMm).translate(centerRas)


def head(defect=False, marker=False, metal=False):
    """Return a hollow manifold3d head of 140 × 190 × 150 mm with eyes, nose and jaw, symmetric about R = 0.

    :param defect: 50 mm of bone are missing on the right
    :param marker: a ball sticks out on the right
    :param metal: streaks stick out on the left, 15 mm high
    """
    import manifold3d

    body = ellipsoid((70, 95, 75)) + ellipsoid((12, 18, 22), (0, 92, -25)) + ellipsoid((45, 35, 30), (0, 55, -60))
    body -= ellipsoid((64, 88, 69))
    for side in (-1, 1):
        body -= ellipsoid((18, 22, 16), (32 * side, 85, -18))
        body += ellipsoid((8, 12, 20), (72 * side, -10, -30))
    if defect:
        body -= manifold3d.Manifold.cylinder(60, 25, 25, 64).rotate((0, 90, 0)).translate((35, 20, 30))
    if marker:
        body += ellipsoid((9, 9, 9), (68, 20, 10))
    if metal:
        for place in range(5):
            body += ellipsoid((15, 2, 2), (-42, 45 + 4 * place, -60 - 4 * place))
    return body.refine_to_length(2.5)


def placed(manifold, turnDegrees=(0, 0, 0), shiftMm=(0, 0, 0), noiseMm=0.0):
    """Return a manifold3d body as a mesh, turned, shifted, its points moved at random; and the 4×4 it was moved by."""
    matrix = matrixOf({"matrix": [], "turnDegrees": turnDegrees, "center": (0, 0, 0), "shiftMm": shiftMm})
    mesh = fromManifold(manifold.transform(matrix[:3]))
    noise = numpy.random.default_rng(7).normal(0, noiseMm, mesh.points.shape)
    return Mesh.fromArrays(mesh.points + noise, mesh.triangles), matrix


def realSkull(folder):
    """Return the closed surface of the bone of a CT series, RAS mm, without a case."""
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    image = reader.Execute()
    ijkToLps = numpy.eye(4)
    ijkToLps[:3, :3] = numpy.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    ijkToLps[:3, 3] = image.GetOrigin()
    mask = boneMask(SimpleITK.GetArrayFromImage(image))
    return maskSurface(mask, numpy.diag([-1, -1, 1, 1]) @ ijkToLps).mesh
