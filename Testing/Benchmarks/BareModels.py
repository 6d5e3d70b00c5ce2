"""The package's surfaces, pictures and scenes by bare library calls."""

import base64
import zlib
from pathlib import Path

import numpy
import SimpleITK
import slicer
import vtk
from vtk.util import numpy_support

from PlanningHubLib.Shapes.Mesh import Mesh

from . import benchPrint

WHITE = (1, 1, 1)


def boneSurface(mask, image):
    """Return the smooth surface (Mesh, LPS mm) of a mask on a grid without rotation."""
    fine = benchPrint._windowedSinc(benchPrint._flyingEdges(numpy.pad(mask, 1), image.GetSpacing()))
    mesh = Mesh.fromPolyData(fine)
    return Mesh.fromArrays(mesh.points + (numpy.array(image.GetOrigin()) - image.GetSpacing()), mesh.triangles)


def simplified(mesh, count):
    """Return a mesh of no more than so many triangles."""
    import fast_simplification

    if len(mesh.triangles) <= count:
        return mesh
    return Mesh.fromArrays(*fast_simplification.simplify(mesh.points, mesh.triangles, target_count=count, agg=5))


def polyDataOf(path):
    """Return the polygons of an STL or PLY file."""
    reader = vtk.vtkSTLReader() if Path(path).suffix == ".stl" else vtk.vtkPLYReader()
    reader.SetFileName(str(path))
    reader.Update()
    return reader.GetOutput()


def writeStl(mesh, path):
    """Write a binary STL."""
    writer = vtk.vtkSTLWriter()
    writer.SetInputData(mesh.toPolyData())
    writer.SetFileTypeToBinary()
    writer.SetFileName(str(path))
    writer.Write()


class Stage:
    """An off-screen window with surfaces in it.

    :param bodies: (mesh in LPS mm, color, opacity)
    """

    def __init__(self, bodies, size, background=WHITE):
        self.renderer, self.window = vtk.vtkRenderer(), vtk.vtkRenderWindow()
        self.renderer.SetBackground(background)
        self.window.SetOffScreenRendering(True)
        self.window.SetMultiSamples(8)
        self.window.SetSize(*size)
        self.window.AddRenderer(self.renderer)
        for mesh, color, opacity in bodies:
            mapper, actor = vtk.vtkPolyDataMapper(), vtk.vtkActor()
            mapper.SetInputData(mesh.toPolyData())
            actor.SetMapper(mapper)
            actor.GetProperty().SetColor(*color)
            actor.GetProperty().SetOpacity(opacity)
            self.renderer.AddActor(actor)

    def taken(self, view=None):
        """Return the pixels (rows, columns, 3) of a view of the package, or of all from the front."""
        camera = self.renderer.GetActiveCamera()
        if view is None:
            camera.SetPosition(0, -1, 0)
            camera.SetViewUp(0, 0, 1)
            self.renderer.ResetCamera()
        else:
            camera.SetParallelProjection(view.parallelScaleMm is not None)
            camera.SetParallelScale(view.parallelScaleMm or 1)
            camera.SetViewAngle(view.viewAngleDegrees)
            camera.SetFocalPoint(*view.focalPointLps)
            camera.SetPosition(*view.positionLps)
            camera.SetViewUp(*view.viewUpLps)
        self.renderer.ResetCameraClippingRange()
        self.window.Render()
        grab = vtk.vtkWindowToImageFilter()
        grab.SetInput(self.window)
        grab.Update()
        columns, rows, _one = grab.GetOutput().GetDimensions()
        values = numpy_support.vtk_to_numpy(grab.GetOutput().GetPointData().GetScalars())
        return numpy.ascontiguousarray(values.reshape(rows, columns, 3)[::-1])


def lettered(pixels, lines):
    """Return a picture with words on it."""
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.fromarray(pixels)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(26)
    for number, line in enumerate(lines):
        draw.text((8, 8 + 34 * number), line, (176, 0, 32), font)
    return numpy.asarray(picture)


def outlined(image, mesh, z, size=(800, 600)):
    """Return the picture of an axial slice with the outline of a surface, and the words of its edges."""
    cut = vtk.vtkCutter()
    plane = vtk.vtkPlane()
    plane.SetOrigin(0, 0, z)
    plane.SetNormal(0, 0, 1)
    cut.SetCutFunction(plane)
    cut.SetInputData(mesh.toPolyData())
    cut.Update()
    number = image.TransformPhysicalPointToIndex((*image.GetOrigin()[:2], z))[2]
    values = SimpleITK.GetArrayFromImage(image[:, :, min(max(number, 0), image.GetSize()[2] - 1)])
    grey = numpy.clip((values + 500.0) / 2000 * 255, 0, 255).astype(numpy.uint8)
    from PIL import Image, ImageDraw

    picture = Image.fromarray(grey).convert("RGB")
    draw = ImageDraw.Draw(picture)
    points = numpy_support.vtk_to_numpy(cut.GetOutput().GetPoints().GetData()) if cut.GetOutput().GetPoints() else ()
    for x, y, _z in points:
        column, row, _slice = image.TransformPhysicalPointToIndex((float(x), float(y), image.GetOrigin()[2]))
        draw.point((column, row), (255, 25, 25))
    return numpy.asarray(picture.resize(size))


def glb(bodies, path):
    """Write a GLB of bodies in metres, y up."""
    import trimesh

    scene = trimesh.Scene()
    for number, (mesh, color, opacity) in enumerate(bodies):
        material = trimesh.visual.material.PBRMaterial(baseColorFactor=(*color, opacity))
        one = trimesh.Trimesh(mesh.points[:, [0, 2, 1]] * (0.001, 0.001, -0.001), mesh.triangles, process=False)
        one.visual = trimesh.visual.TextureVisuals(material=material)
        # What is lit needs normals.
        one.vertex_normals  # noqa: B018
        scene.add_geometry(one, node_name=f"body {number}")
    path.write_bytes(scene.export(file_type="glb", include_normals=True))


def usdz(bodies, path):
    """Write a USDZ of bodies."""
    from pxr import Sdf, Usd, UsdGeom, UsdUtils, Vt

    layer = path.with_suffix(".usdc")
    stage = Usd.Stage.CreateNew(str(layer))
    UsdGeom.Xform.Define(stage, "/Plan")
    for number, (mesh, color, _opacity) in enumerate(bodies):
        prim = UsdGeom.Mesh.Define(stage, f"/Plan/Body{number}")
        prim.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(mesh.points))
        prim.CreateFaceVertexCountsAttr(Vt.IntArray.FromNumpy(numpy.full(len(mesh.triangles), 3, numpy.int32)))
        prim.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(mesh.triangles.reshape(-1).astype(numpy.int32)))
        prim.CreateNormalsAttr(Vt.Vec3fArray.FromNumpy(mesh.normals().astype(numpy.float32)))
        prim.SetNormalsInterpolation(UsdGeom.Tokens.uniform)
        prim.CreateDisplayColorAttr([color])
    stage.GetRootLayer().Save()
    UsdUtils.CreateNewUsdzPackage(Sdf.AssetPath(str(layer)), str(path))
    layer.unlink()


def bundle(session, segmentationPath, bodies, lines, path):
    """Write Slicer's own scene of a segmentation, models and lines."""
    from ORExportLib.Models.PlanScene import _sceneLike

    scene = _sceneLike(session.scene)
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Segmentation")
    storage = slicer.vtkMRMLSegmentationStorageNode()
    storage.SetFileName(str(segmentationPath))
    storage.ReadData(node)
    for mesh, color, opacity in bodies:
        model = scene.AddNewNodeByClass("vtkMRMLModelNode", "Body")
        model.SetAndObservePolyData(mesh.rasLpsSwapped().toPolyData())
        model.CreateDefaultDisplayNodes()
        model.GetDisplayNode().SetColor(*color)
        model.GetDisplayNode().SetOpacity(opacity)
    for start, end in lines:
        line = scene.AddNewNodeByClass("vtkMRMLMarkupsLineNode", "Line")
        for x, y, z in (start, end):
            line.AddControlPoint(vtk.vtkVector3d(-x, -y, z))
    scene.SetRootDirectory(str(path.parent))
    scene.SetURL(str(path.with_suffix(".mrml")))
    assert scene.WriteToMRB(str(path))


def viewerPage(image, bodies, engine, voxels, path):
    """Write one HTML file: the engine, the CT in no more than so many voxels of a byte each, and the bodies."""
    small = _within(image, voxels)
    levels = numpy.clip((SimpleITK.GetArrayFromImage(small) + 1024.0) / 16, 0, 255).astype(numpy.uint8)
    chunks = [_chunk(numpy.diff(levels, axis=-1, prepend=numpy.uint8(0)))]
    for mesh, _color, _opacity in bodies:
        low, high = mesh.points.min(0), mesh.points.max(0)
        grid = ((mesh.points - low) / (high - low) * 65535).round().astype(numpy.uint16)
        triangles = mesh.triangles.astype(numpy.uint32)
        chunks += [_chunk(_apart(grid)), _chunk(_apart(triangles.reshape(-1, 1)))]
    parts = [f'<script type="text/plain">{chunk}</script>' for chunk in chunks]
    path.write_text(f"<html><script>{engine}</script>{''.join(parts)}</html>", encoding="utf-8")


def _within(image, voxels):
    """Return an image averaged and interpolated to no more than so many voxels."""
    factor = (image.GetNumberOfPixels() / voxels) ** (1 / 3)
    if factor <= 1:
        return image
    size = [int(one / factor) for one in image.GetSize()]
    spacing = [old * one / new for old, one, new in zip(image.GetSpacing(), image.GetSize(), size, strict=True)]
    averaged = SimpleITK.BinShrink(image, [max(1, int(factor))] * 3)
    return SimpleITK.Resample(
        averaged, size, SimpleITK.Transform(), SimpleITK.sitkLinear, image.GetOrigin(), spacing, image.GetDirection()
    )


def _apart(values):
    """Return the differences of neighbors, byte by byte apart: those compress best."""
    differences = numpy.diff(values, axis=0, prepend=values.dtype.type(0))
    return differences.view(numpy.uint8).reshape(len(values), -1).T


def _chunk(values):
    return base64.b64encode(zlib.compress(numpy.ascontiguousarray(values).tobytes(), 3)).decode("ascii")
