"""Times of the whole way from a segmentation to the files for the printer, and of the kernel's work on the part."""

import tempfile
from pathlib import Path

import manifold3d
import numpy
import vtk

from PlanningHubLib.Files import writeAside
from PlanningHubLib.Planning.Solids import framed, meshOf
from PlanningHubLib.Shapes import Checks, Manifolds, Surface
from PlanningHubLib.Shapes.Mesh import Mesh
from PrintPrepLib.Formats import WritersThreeMf
from PrintPrepLib.Formats.WritersStl import stlBytes
from PrintPrepLib.Marking import Lettering
from PrintPrepLib.Marking.Relief import cutter
from PrintPrepLib.Marking.Views import Frame
from PrintPrepLib.Simplification import Simplify

from .Timing import compared

LETTERS_MM, DEPTH_MM = 5.0, 0.6


def chainRows(node, mask, ijkToRas, repeats):
    """Yield the row of the whole way: ours, the fastest library of each step, and what Slicer itself offers.

    :param node: segmentation node of one segment; its surface is made anew each time
    :param mask: its voxels, and ``ijkToRas`` their geometry
    """
    from .benchPrint import BOUND_MM

    found = []
    with tempfile.TemporaryDirectory() as folder:
        fastest = _Fastest(mask, ijkToRas, found, Path(folder) / "fastest")
        yield from compared(
            {"segmentation to files": lambda: found.append(ours(mask, ijkToRas, BOUND_MM))},
            {
                "fastest of each step, measured": lambda: fastest.run(measuring=True),
                "same, nothing measured": lambda: fastest.run(measuring=False),
                "Slicer + vtkDecimatePro": lambda: _stock(node, vtk.vtkDecimatePro(), found, Path(folder) / "stock"),
                "Slicer + vtkQuadric": lambda: _stock(node, vtk.vtkQuadricDecimation(), found, Path(folder) / "stock"),
            },
            repeats,
            f"all to as many triangles as ours; ours: within {BOUND_MM} mm both ways, without self-intersections; "
            "measured: at the voxels' spacing, libigl; asked: 1.3 of the fastest that are measured, 1/6 of Slicer's",
        )


def ours(mask, ijkToRas, boundMm):
    """Make the files of a part of a mask, and return how many triangles it has."""
    from .benchPrint import LABEL

    fine = Surface.maskSurface(mask, ijkToRas).mesh.rasLpsSwapped()
    solid = Simplify.simplified(fine, boundMm).mesh
    Checks.requirePrintable(solid)
    with tempfile.TemporaryDirectory() as folder:
        writeAside(Path(folder) / "ours.stl", stlBytes(solid, LABEL))
        writeAside(Path(folder) / "ours.3mf", threeMfBytes(solid, LABEL))
    return len(solid.triangles)


def threeMfBytes(solid, label):
    """Return the 3MF package of a part of one piece."""
    return WritersThreeMf.packageBytes([WritersThreeMf.Body(solid, label.name, label.partNumber)], label)


class _Fastest:
    """The fastest library that is correct for each step, one after the other."""

    def __init__(self, mask, ijkToRas, found, path):
        self._mask, self._ijkToRas, self._found, self._path = mask, ijkToRas, found, path

    def run(self, measuring):
        import meshoptimizer
        import trimesh

        from . import benchPrint

        # Closed also where the mask ends at the border of its grid.
        padded = numpy.pad(self._mask, 1) != 0
        spacingMm = numpy.linalg.norm(self._ijkToRas[:3, :3], axis=0)
        fine = Mesh.fromPolyData(benchPrint._windowedSinc(benchPrint._flyingEdges(padded, spacingMm)))
        indices = fine.triangles.astype(numpy.uint32).reshape(-1)
        result = numpy.empty_like(indices)
        length = meshoptimizer.simplify(
            result, indices, fine.points, target_index_count=3 * self._found[-1], target_error=1.0
        )
        used, compact = numpy.unique(result[:length], return_inverse=True)
        solid = Manifolds.fromManifold(Manifolds.toManifold(Mesh.fromArrays(fine.points[used], compact)))
        if measuring:
            benchPrint._bothWays(fine, solid)
        assert trimesh.Trimesh(solid.points, solid.triangles, process=False).is_volume
        benchPrint._vtkStl(solid.toPolyData(), str(self._path.with_suffix(".stl")))
        benchPrint._lib3mf(solid, str(self._path.with_suffix(".3mf")))


def _stock(node, decimation, found, path):
    """The closed surface with Slicer's defaults, decimated by what its Decimation module offers, and saved."""
    node.RemoveClosedSurfaceRepresentation()
    node.CreateClosedSurfaceRepresentation()
    surface = vtk.vtkPolyData()
    node.GetClosedSurfaceRepresentation(node.GetSegmentation().GetNthSegmentID(0), surface)
    triangles = vtk.vtkTriangleFilter()
    triangles.SetInputData(surface)
    decimation.SetInputConnection(triangles.GetOutputPort())
    decimation.SetTargetReduction(max(0.0, 1 - found[-1] / max(1, surface.GetNumberOfPolys())))
    decimation.Update()
    writer = vtk.vtkSTLWriter()
    writer.SetInputConnection(decimation.GetOutputPort())
    writer.SetFileTypeToBinary()
    writer.SetFileName(str(path.with_suffix(".stl")))
    writer.Write()


def kernelRows(solid, repeats):
    """Yield the rows of a boolean and of engraved letters, as the part's steps make them, beside the bare kernel."""
    # They take a tenth of a second each: the median of three would say little.
    repeats = max(21, repeats)
    low, high = solid.points.min(0), solid.points.max(0)
    half = manifold3d.Manifold.cube([float(size) for size in high - low]).translate(
        [float(value) for value in low + (high - low) * (0.5, 0.1, 0.1)]
    )
    yield from compared(
        {"boolean, box": lambda: meshOf(Manifolds.toManifold(solid) - half)},
        {"manifold3d": lambda: (_bare(solid) - half).to_mesh()},
        repeats,
    )
    centers = solid.points[solid.triangles].mean(1)
    top = centers[:, 2].argmax()
    frame = Frame.facing(centers[top], solid.normals()[top])
    heightMm = min(LETTERS_MM, float((high - low).min()) / 40)
    section = Lettering.outline(Lettering.layouts("PH-1 part-1.1 L")[-1], heightMm)
    prism = framed(
        manifold3d.Manifold.extrude(section, 2 * DEPTH_MM).translate((0, 0, -DEPTH_MM)), frame.origin, frame.axes
    )
    yield from compared(
        {"engraved letters": lambda: meshOf(Manifolds.toManifold(solid) - cutter(solid, frame, section, DEPTH_MM))},
        {"manifold3d, flat letters": lambda: (_bare(solid) - prism).to_mesh()},
        repeats,
        "ours: at one depth below the surface, needles and doubles taken out",
    )


def _bare(solid):
    return manifold3d.Manifold(manifold3d.Mesh(solid.points, solid.triangles.astype(numpy.uint32)))
