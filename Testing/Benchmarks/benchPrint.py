"""Times of the print step: ours beside the fastest peers, each on the same input in the same process."""

import tempfile
import time
from pathlib import Path

import numpy

LABEL_NAME = "PH-BENCH_bone_part"


def rows(maskArray, spacing, maximumDeviationMm=0.25):
    """Return ``(step, our seconds, peer's name, peer's seconds)`` for each step; absent peers have no seconds.

    Ours measures the deviation in both directions as part of simplifying; no peer does, so it is a row of its own.

    :param maskArray: array (slices, rows, columns), 0 and not 0
    :param spacing: mm per column, row and slice
    """
    from PrintPrepLib import Checks, Deviation, Manifolds, Simplify, Surface, Writers

    label = Writers.PartLabel(LABEL_NAME, "PH-BENCH", "part-1.1")
    matrix = numpy.diag([*spacing, 1.0])
    roughSeconds, _rough = _timed(lambda: Surface.maskSurface(maskArray, matrix, smoothingIterations=0))
    seconds, surface = _timed(lambda: Surface.maskSurface(maskArray, matrix))
    peerSurfaceSeconds, polyData = _timed(lambda: _flyingEdges(maskArray, spacing))
    peerSmoothSeconds, _smooth = _timed(lambda: _windowedSinc(polyData))
    table = [
        ("surface, specks away, LPS", roughSeconds, "vtkFlyingEdges3D", peerSurfaceSeconds),
        ("surface and smoothing", seconds, "and vtkWindowedSinc", peerSurfaceSeconds + peerSmoothSeconds),
    ]
    seconds, simple = _timed(lambda: Simplify.simplified(surface.mesh, maximumDeviationMm))
    count = len(simple.mesh.triangles)
    table += [
        (f"simplify within {maximumDeviationMm} mm to {count}, measured", seconds, name, peerSeconds)
        for name, peerSeconds in _simplifiers(surface.mesh, count)
    ]
    table += [
        ("  of which one measurement", _timed(lambda: Deviation.measured(surface.mesh, simple.mesh))[0], "none", None),
        (
            "checks",
            _timed(lambda: Checks.requirePrintable(simple.mesh))[0],
            "manifold3d ingest",
            _timed(lambda: Manifolds.toManifold(simple.mesh))[0],
        ),
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "part"
        table += [
            (
                "write STL",
                _timed(lambda: Writers.writeStl(path, simple.mesh, label))[0],
                "vtkSTLWriter",
                _timed(lambda: _stl(simple.mesh.toPolyData(), path))[0],
            ),
            (
                "write 3MF",
                _timed(lambda: Writers.writeThreeMf(path, simple.mesh, label))[0],
                "bare lib3mf",
                _timed(lambda: _threeMf(simple.mesh, Path(folder) / "bare.3mf"))[0],
            ),
        ]
    return table


def _timed(call):
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def _flyingEdges(mask, spacing):
    import vtk
    from PrintPrepLib.Threads import vtkThreads
    from vtk.util import numpy_support

    image = vtk.vtkImageData()
    image.SetDimensions(*mask.shape[::-1])
    image.SetSpacing(*spacing)
    voxels = numpy.ascontiguousarray(mask, numpy.uint8).reshape(-1)
    image.GetPointData().SetScalars(numpy_support.numpy_to_vtk(voxels))
    contour = vtk.vtkFlyingEdges3D()
    contour.SetInputData(image)
    contour.SetValue(0, 0.5)
    contour.ComputeNormalsOff()
    contour.ComputeGradientsOff()
    contour.ComputeScalarsOff()
    with vtkThreads():
        contour.Update()
    return contour.GetOutput()


def _windowedSinc(polyData):
    import vtk
    from PrintPrepLib.Surface import SMOOTHING_ITERATIONS, SMOOTHING_PASS_BAND
    from PrintPrepLib.Threads import vtkThreads

    smoother = vtk.vtkWindowedSincPolyDataFilter()
    smoother.SetInputData(polyData)
    smoother.SetNumberOfIterations(SMOOTHING_ITERATIONS)
    smoother.SetPassBand(SMOOTHING_PASS_BAND)
    smoother.NormalizeCoordinatesOn()
    with vtkThreads():
        smoother.Update()
    return smoother.GetOutput()


def _simplifiers(mesh, count):
    """Yield (name, seconds) of the peers that are installed, to the same number of triangles, then made manifold."""
    try:
        import meshoptimizer
    except ImportError:
        yield "meshoptimizer (not installed)", None
    else:
        yield "meshoptimizer, manifold3d", _timed(lambda: _meshoptimizer(meshoptimizer, mesh, count))[0]
    yield "fast-simplification, manifold3d", _timed(lambda: _fastSimplification(mesh, count))[0]


def _meshoptimizer(meshoptimizer, mesh, count):
    from PrintPrepLib.Manifolds import toManifold
    from PrintPrepLib.Mesh import Mesh

    indices = mesh.triangles.astype(numpy.uint32).reshape(-1)
    result = numpy.empty_like(indices)
    length = meshoptimizer.simplify(result, indices, mesh.points, target_index_count=3 * count, target_error=1.0)
    triangles = result[:length].reshape(-1, 3)
    used, compact = numpy.unique(triangles, return_inverse=True)
    return toManifold(Mesh.fromArrays(mesh.points[used], compact))


def _fastSimplification(mesh, count):
    import fast_simplification
    from PrintPrepLib.Manifolds import toManifold
    from PrintPrepLib.Mesh import Mesh

    return toManifold(
        Mesh.fromArrays(*fast_simplification.simplify(mesh.points, mesh.triangles, target_count=count))
    )


def _stl(polyData, path):
    import vtk

    writer = vtk.vtkSTLWriter()
    writer.SetInputData(polyData)
    writer.SetFileTypeToBinary()
    writer.SetFileName(str(path))
    writer.Write()


def _threeMf(mesh, path):
    import lib3mf

    model = lib3mf.Wrapper().CreateModel()
    part = model.AddMeshObject()
    points = (lib3mf.Position * len(mesh.points)).from_buffer_copy(mesh.points)
    triangles = (lib3mf.Triangle * len(mesh.triangles)).from_buffer_copy(mesh.triangles.astype(numpy.uint32))
    part.SetGeometry(points, triangles)
    model.QueryWriter("3mf").WriteToFile(str(path))
