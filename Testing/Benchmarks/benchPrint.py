"""Times from a segmentation to the files for the printer: ours beside the peers, alternated in one run."""

import tempfile
from pathlib import Path

import numpy
import slicer
import vtk
from vtk.util import numpy_support

from PlanningHubLib import Masks, Segments
from PlanningHubLib.Files import writeAside
from PlanningHubLib.Session import Session
from PlanningHubLib.Shapes import Checks, Deviation, Manifolds, Surface
from PlanningHubLib.Shapes.Mesh import Mesh
from PrintPrepLib.Formats import WritersThreeMf
from PrintPrepLib.Formats.WritersStl import PartLabel, stlBytes
from PrintPrepLib.Proof.SurfaceSamples import evenSamples
from PrintPrepLib.Recipe import newRecipe
from PrintPrepLib.Repair import SelfIntersections
from PrintPrepLib.Simplification import Simplify

from . import benchChain
from .Timing import compared, imported

LABEL = PartLabel("bench_part", "PH-BENCH", "part-1.1")
BOUND_MM = newRecipe()["maximumDeviationMm"]


def rows(segmentationFile, repeats=3):
    """Yield the rows of the print step.

    :param segmentationFile: ``.seg.nrrd`` of one segment
    """
    imported("meshoptimizer", "fast_simplification", "manifold3d", "igl", "trimesh", "stl", "lib3mf", "skimage")
    with Session.start() as session:
        node = Segments.readSegmentation(session, segmentationFile, "bench")
        mask, matrix = Segments.segmentMask(node, node.GetSegmentation().GetNthSegmentID(0))
        ijkToRas = slicer.util.arrayFromVTKMatrix(matrix)
        # Loops that were compiled before are loaded, as compiled libraries are.
        benchChain.ours(_ball(), numpy.diag([0.2, 0.2, 0.2, 1.0]), BOUND_MM)
        yield from benchChain.chainRows(node, mask, ijkToRas, repeats)
    yield from _surfaceRows(mask, ijkToRas, repeats)
    fine = Surface.maskSurface(mask, ijkToRas).mesh
    found = []
    yield from compared(
        {"simplify": lambda: found.append(Simplify.simplified(fine, BOUND_MM).mesh)},
        _simplifiers(fine, found),
        repeats,
        f"ours: deviation measured and kept below {BOUND_MM} mm; peers: as many triangles, not measured",
    )
    solid = found[-1]
    yield from compared(
        {"deviation check": lambda: Deviation.measured(fine, solid)},
        {"libigl, both ways": lambda: _bothWays(fine, solid)},
        repeats,
    )
    yield from compared({"watertight check": lambda: Checks.requirePrintable(solid)}, _judges(solid), repeats)
    search = {"self-intersections": lambda: SelfIntersections.selfIntersecting(solid)}
    yield from compared(search, {"pymeshlab": lambda: _intersecting(solid)}, repeats)
    yield from benchChain.kernelRows(solid, repeats)
    yield from _writing(solid, repeats)


def _ball():
    """Return a mask large enough for all that is done with large ones."""
    z, y, x = numpy.mgrid[-150:151, -150:151, -150:151]
    return (x * x + y * y + z * z < 145 * 145).astype(numpy.uint8)


def _surfaceRows(mask, ijkToRas, repeats):
    extent = Masks.bounds(mask)
    cropped = mask[tuple(slice(first, last + 1) for first, last in extent)] != 0
    spacingMm = numpy.linalg.norm(ijkToRas[:3, :3], axis=0)
    yield from compared(
        {"surface": lambda: Surface._flyingEdges(cropped, spacingMm)},
        {"vtkFlyingEdges3D": lambda: _flyingEdges(cropped, spacingMm), "skimage": lambda: _marchingCubes(cropped)},
        repeats,
    )
    rough = Surface._flyingEdges(cropped, spacingMm)
    yield from compared(
        {"smooth": lambda: Surface._smoothed(rough, Surface.SMOOTHING_ITERATIONS)},
        {"vtkWindowedSinc": lambda: _windowedSinc(rough)},
        repeats,
    )
    yield from compared({"mask to smooth surface, LPS": lambda: Surface.maskSurface(mask, ijkToRas)}, {}, repeats)


def _threaded(algorithm):
    before = vtk.vtkSMPTools.GetBackend()
    vtk.vtkSMPTools.SetBackend("STDThread")
    algorithm.Update()
    vtk.vtkSMPTools.SetBackend(before)
    return algorithm.GetOutput()


def _flyingEdges(mask, spacingMm):
    image = vtk.vtkImageData()
    image.SetDimensions(*reversed(mask.shape))
    image.SetSpacing(*spacingMm)
    image.GetPointData().SetScalars(numpy_support.numpy_to_vtk(mask.view(numpy.uint8).reshape(-1)))
    contour = vtk.vtkFlyingEdges3D()
    contour.SetInputData(image)
    contour.SetValue(0, 0.5)
    contour.ComputeNormalsOff()
    contour.ComputeScalarsOff()
    return _threaded(contour)


def _marchingCubes(mask):
    from skimage import measure

    return measure.marching_cubes(mask, 0.5)


def _windowedSinc(polyData):
    smoother = vtk.vtkWindowedSincPolyDataFilter()
    smoother.SetInputData(polyData)
    smoother.SetNumberOfIterations(Surface.SMOOTHING_ITERATIONS)
    smoother.SetPassBand(Surface.SMOOTHING_PASS_BAND)
    smoother.NormalizeCoordinatesOn()
    smoother.FeatureEdgeSmoothingOff()
    smoother.BoundarySmoothingOff()
    smoother.NonManifoldSmoothingOn()
    return _threaded(smoother)


def _simplifiers(fine, found):
    """Return the peers; they simplify to as many triangles as ours did just before them, and end as solids too."""

    def meshOptimizer():
        import meshoptimizer

        indices = fine.triangles.astype(numpy.uint32).reshape(-1)
        result = numpy.empty_like(indices)
        wanted = 3 * len(found[-1].triangles)
        length = meshoptimizer.simplify(result, indices, fine.points, target_index_count=wanted, target_error=1.0)
        used, compact = numpy.unique(result[:length], return_inverse=True)
        return Manifolds.toManifold(Mesh.fromArrays(fine.points[used], compact))

    def fastSimplification():
        import fast_simplification

        wanted = len(found[-1].triangles)
        return Manifolds.toManifold(
            Mesh.fromArrays(*fast_simplification.simplify(fine.points, fine.triangles, target_count=wanted))
        )

    return {
        "meshoptimizer + manifold3d": meshOptimizer,
        "fast-simplification + manifold3d": fastSimplification,
        "manifold3d.simplify": lambda: Manifolds.toManifold(fine).simplify(BOUND_MM),
    }


def _bothWays(fine, solid):
    """Measure with libigl at the voxels' spacing: corners alone do not show how far surfaces bend between them."""
    spacingMm = float(numpy.sqrt(fine.areasMm2().sum() / len(fine.points)))
    back = evenSamples(solid, spacingMm, most=len(fine.points)).points
    return Deviation.distancesToSurface(fine.points, solid), Deviation.distancesToSurface(back, fine)


def _judges(solid):
    def trimeshCheck():
        import trimesh

        assert trimesh.Trimesh(solid.points, solid.triangles, process=False).is_watertight

    return {"manifold3d": lambda: Manifolds.toManifold(solid), "trimesh": trimeshCheck}


def _intersecting(solid):
    import pymeshlab

    meshes = pymeshlab.MeshSet()
    meshes.add_mesh(pymeshlab.Mesh(solid.points.astype(float), solid.triangles))
    meshes.compute_selection_by_self_intersections_per_face()


def _writing(solid, repeats):
    with tempfile.TemporaryDirectory() as folder:
        stl, peerStl, threeMf, peerThreeMf = (str(Path(folder) / name) for name in ("a.stl", "b.stl", "a.3mf", "b.3mf"))
        polyData = solid.toPolyData()
        yield from compared(
            {"STL": lambda: writeAside(Path(stl), stlBytes(solid, LABEL))},
            {
                "vtkSTLWriter": lambda: _vtkStl(polyData, peerStl),
                "numpy-stl": lambda: _numpyStl(solid, peerStl),
                "trimesh": lambda: _trimeshExport(solid, peerStl),
            },
            repeats,
            "ours: with fsync",
        )
        yield from compared(
            {"3MF": lambda: writeAside(Path(threeMf), benchChain.threeMfBytes(solid, LABEL))},
            {
                "lib3mf": lambda: _lib3mf(solid, peerThreeMf),
                "trimesh": lambda: _trimeshExport(solid, peerThreeMf),
            },
            repeats,
            "ours: with fsync, strict, equal bytes for equal parts",
        )


def _vtkStl(polyData, path):
    writer = vtk.vtkSTLWriter()
    writer.SetInputData(polyData)
    writer.SetFileTypeToBinary()
    writer.SetFileName(path)
    writer.Write()


def _numpyStl(solid, path):
    from stl import mesh

    records = mesh.Mesh(numpy.zeros(len(solid.triangles), mesh.Mesh.dtype))
    records.vectors[:] = solid.points[solid.triangles]
    records.save(path)


def _trimeshExport(solid, path):
    import trimesh

    trimesh.Trimesh(solid.points, solid.triangles, process=False).export(path)


def _lib3mf(solid, path):
    import lib3mf

    model = lib3mf.Wrapper().CreateModel()
    part = model.AddMeshObject()
    points = (lib3mf.Position * len(solid.points)).from_buffer(solid.points.copy())
    triangles = (lib3mf.Triangle * len(solid.triangles)).from_buffer(solid.triangles.astype(numpy.uint32))
    part.SetGeometry(points, triangles)
    model.AddBuildItem(part, WritersThreeMf._identity(lib3mf))
    model.QueryWriter("3mf").WriteToFile(path)
