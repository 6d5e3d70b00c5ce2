"""The plan for phones and headsets as USDZ: one binary USD layer in an uncompressed zip, aligned as its readers want.

The points stay LPS millimetres; the root turns them, so that y points up, anterior is +z and the patient's left is +x.
"""

import contextlib
import tempfile
from pathlib import Path

import numpy

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Files import fileWords
from PlanningHubLib.Shapes.Glb import linearColor

from .Shown import factsOf

METERS_PER_UNIT = 0.001
# USD multiplies from the left: row n says where axis n of LPS goes.
LPS_TO_Y_UP = ((1, 0, 0, 0), (0, 0, -1, 0), (0, 1, 0, 0), (0, 0, 0, 1))


def usdzBytes(bodies, label):
    """Return a USDZ package of bodies in LPS mm.

    :param bodies: list of :class:`ORExportLib.Content.Body`
    :param label: :class:`ORExportLib.Models.Shown.Label`
    :raises InputRefused: ``cannot-write``
    """
    from pxr import Sdf, UsdUtils

    with tempfile.TemporaryDirectory(prefix="planninghub-") as folder:
        layer, package = Path(folder) / "plan.usdc", Path(folder) / "plan.usdz"
        with _named():
            _writeLayer(layer, bodies, label)
            if not UsdUtils.CreateNewUsdzPackage(Sdf.AssetPath(str(layer)), str(package), layer.name):
                raise RuntimeError("the package was not made")
        return package.read_bytes()


@contextlib.contextmanager
def _named():
    from pxr import Tf

    try:
        yield
    except (Tf.ErrorException, RuntimeError) as error:
        raise InputRefused(
            "cannot-write", f"USD cannot write the USDZ: {error}.", "See whether the temporary folder is full."
        ) from error


def _writeLayer(path, bodies, label):
    from pxr import Gf, Kind, Usd, UsdGeom, UsdShade

    stage = Usd.Stage.CreateNew(str(path))
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
    UsdGeom.SetStageMetersPerUnit(stage, METERS_PER_UNIT)
    root = UsdGeom.Xform.Define(stage, "/Plan")
    root.AddTransformOp().Set(Gf.Matrix4d(LPS_TO_Y_UP))
    stage.SetDefaultPrim(root.GetPrim())
    Usd.ModelAPI(root.GetPrim()).SetKind(Kind.Tokens.component)
    root.GetPrim().SetDisplayName(label.title)
    root.GetPrim().SetCustomData({"planningHub": label.values()})
    UsdGeom.Scope.Define(stage, "/Plan/Materials")
    words = fileWords([body.name for body in bodies])
    for word, body in zip(words, bodies, strict=True):
        group = UsdGeom.Xform.Define(stage, f"/Plan/{_primName(body.role)}")
        group.GetPrim().SetDisplayName(body.role)
        name = _primName(word)
        mesh = _addMesh(stage, group.GetPath().AppendChild(name), body)
        UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim()).Bind(_addMaterial(stage, f"/Plan/Materials/{name}", body))
    stage.GetRootLayer().Save()


def _addMesh(stage, path, body):
    from pxr import Gf, UsdGeom, Vt

    mesh = UsdGeom.Mesh.Define(stage, path)
    mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(numpy.ascontiguousarray(body.mesh.points, numpy.float32)))
    corners = numpy.ascontiguousarray(body.mesh.triangles.reshape(-1), numpy.int32)
    mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(corners))
    mesh.CreateFaceVertexCountsAttr(Vt.IntArray(len(body.mesh.triangles), 3))
    mesh.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    ends = [Gf.Vec3f(*map(float, end)) for end in (body.mesh.points.min(0), body.mesh.points.max(0))]
    mesh.CreateExtentAttr(Vt.Vec3fArray(ends))
    mesh.CreateDisplayColorAttr(Vt.Vec3fArray([Gf.Vec3f(*linearColor(body.color))]))
    mesh.CreateDisplayOpacityAttr(Vt.FloatArray([float(body.opacity)]))
    mesh.GetPrim().SetDisplayName(body.name)
    mesh.GetPrim().SetCustomData({"planningHub": factsOf(body)})
    return mesh


def _addMaterial(stage, path, body):
    from pxr import Gf, Sdf, UsdShade

    material = UsdShade.Material.Define(stage, path)
    shader = UsdShade.Shader.Define(stage, f"{path}/Surface")
    shader.CreateIdAttr("UsdPreviewSurface")
    shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).Set(Gf.Vec3f(*linearColor(body.color)))
    shader.CreateInput("opacity", Sdf.ValueTypeNames.Float).Set(float(body.opacity))
    shader.CreateInput("metallic", Sdf.ValueTypeNames.Float).Set(0.0)
    shader.CreateInput("roughness", Sdf.ValueTypeNames.Float).Set(0.8)
    material.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
    return material


def _primName(word):
    """A word of :func:`fileWords` as the name of a prim: no hyphens, no digit first."""
    return "_" * word[0].isdigit() + word.replace("-", "_")
