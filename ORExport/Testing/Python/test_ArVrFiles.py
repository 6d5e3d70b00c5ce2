"""GLB and USDZ: valid by their makers' own judges, upright, in metres, each body with its name, color and facts."""

import dataclasses
import io
import json
import struct
import zipfile

import numpy
import pytest
from Judges import gltfIssues, usdErrors
from ModelMaking import aBody, aContent, someBodies

from ORExportLib.Models.GlbFile import glbBytes
from ORExportLib.Models.Shown import labelOf, shownBodies
from ORExportLib.Models.UsdzFile import usdzBytes

# Left is x, superior is y, anterior is z.
TO_Y_UP = numpy.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])


@pytest.fixture(scope="module")
def aGlb():
    return glbBytes(someBodies(), labelOf(aContent()))


@pytest.fixture(scope="module")
def aUsdz(tmp_path_factory):
    path = tmp_path_factory.mktemp("usdz") / "plan.usdz"
    path.write_bytes(usdzBytes(someBodies(), labelOf(aContent())))
    return path


def gltfOf(data):
    (length,) = struct.unpack_from("<I", data, 12)
    return json.loads(data[20 : 20 + length])


def test_glbIsValid(aGlb, tmp_path):
    (tmp_path / "plan.glb").write_bytes(aGlb)
    assert gltfIssues(tmp_path / "plan.glb") == []


def test_validatorNamesDamagedGlb(aGlb, tmp_path):
    damaged = bytearray(aGlb)
    damaged[-2000:-1000] = b"\xff" * 1000
    (tmp_path / "plan.glb").write_bytes(bytes(damaged))
    assert gltfIssues(tmp_path / "plan.glb")


def test_glbStandsUprightInMetres(aGlb):
    import trimesh

    scene = trimesh.load_scene(io.BytesIO(aGlb), file_type="glb")
    for body in someBodies():
        matrix, geometry = scene.graph[body.name]
        seen = scene.geometry[geometry].copy().apply_transform(matrix)
        assert seen.is_watertight
        wanted = body.mesh.points @ TO_Y_UP.T / 1000
        assert seen.bounds == pytest.approx(numpy.array([wanted.min(0), wanted.max(0)]), abs=1e-6)
        assert seen.volume * 1e6 == pytest.approx(body.mesh.volumeMl, rel=1e-4)


def test_glbSaysWhatEachBodyIs(aGlb):
    gltf = gltfOf(aGlb)
    nodes = {node["name"]: node for node in gltf["nodes"]}
    assert list(nodes) == ["PH-TEST2345-0001 left NOT APPROVED", "anatomy", "fragment", "implant",
                           *(body.name for body in someBodies())]  # fmt: skip
    assert nodes["Ramus left"]["extras"] == {
        "role": "fragment", "mirrored": False, "modified": True, "moved": True, "step": "Advance",
        "case": "PH-TEST2345-0001", "side": "left",
    }  # fmt: skip
    assert [gltf["nodes"][one]["name"] for one in nodes["implant"]["children"]] == ["Plate 7/8 «Ø»"]
    materials = {one["name"]: one for one in gltf["materials"]}
    assert materials["Mandible"]["alphaMode"] == "BLEND" and "alphaMode" not in materials["Ramus left"]
    assert materials["Mandible"]["pbrMetallicRoughness"]["baseColorFactor"][3] == 0.4
    assert gltf["asset"]["extras"]["approved"] == "NOT APPROVED"


def test_equalBodiesAreEqualBytes(aGlb):
    assert glbBytes(someBodies(), labelOf(aContent())) == aGlb


def test_usdzIsValid(aUsdz):
    assert usdErrors(aUsdz) == []
    with zipfile.ZipFile(aUsdz) as package:
        assert package.testzip() is None
        for entry in package.infolist():
            data = (
                entry.header_offset + 30 + sum(struct.unpack_from("<2H", aUsdz.read_bytes(), entry.header_offset + 26))
            )
            assert entry.compress_type == zipfile.ZIP_STORED and data % 64 == 0


def test_usdCheckerNamesWhatUsdzMayNotBe(aUsdz, tmp_path):
    """Not aligned, or a layer that does not say how large its unit is."""
    from pxr import Usd

    with zipfile.ZipFile(aUsdz) as package, zipfile.ZipFile(tmp_path / "plan.usdz", "w", zipfile.ZIP_STORED) as other:
        for entry in package.infolist():
            other.writestr(entry.filename, package.read(entry))
    assert any("ByteMisalignment" in error for error in usdErrors(tmp_path / "plan.usdz"))
    stage = Usd.Stage.CreateNew(str(tmp_path / "bare.usda"))
    stage.GetRootLayer().Save()
    assert any("metersPerUnit" in error for error in usdErrors(tmp_path / "bare.usda"))


def test_usdzStandsUprightInMillimetres(aUsdz):
    from pxr import Usd, UsdGeom

    stage = Usd.Stage.Open(str(aUsdz))
    assert UsdGeom.GetStageUpAxis(stage) == "Y" and UsdGeom.GetStageMetersPerUnit(stage) == 0.001
    found = {}
    for prim in stage.Traverse():
        if prim.IsA(UsdGeom.Mesh):
            matrix = numpy.array(UsdGeom.Xformable(prim).ComputeLocalToWorldTransform(0))
            points = numpy.array(UsdGeom.Mesh(prim).GetPointsAttr().Get())
            found[prim.GetDisplayName()] = points @ matrix[:3, :3] + matrix[3, :3]
    for body in someBodies():
        assert found[body.name] == pytest.approx(body.mesh.points @ TO_Y_UP.T, abs=1e-4)


def test_usdzSaysWhatEachBodyIs(aUsdz):
    from pxr import Usd, UsdShade

    stage = Usd.Stage.Open(str(aUsdz))
    assert stage.GetDefaultPrim().GetDisplayName() == "PH-TEST2345-0001 left NOT APPROVED"
    assert stage.GetDefaultPrim().GetCustomData()["planningHub"]["side"] == "left"
    plate = stage.GetPrimAtPath("/Plan/implant/plate_7_8")
    assert plate.GetDisplayName() == "Plate 7/8 «Ø»"
    assert plate.GetParent().GetDisplayName() == "implant" and plate.GetCustomData()["planningHub"]["mirrored"] is True
    material = UsdShade.MaterialBindingAPI(plate).ComputeBoundMaterial()[0]
    color = UsdShade.Shader(material.GetPrim().GetChild("Surface")).GetInput("diffuseColor").Get()
    assert tuple(color) == pytest.approx((0.010023, 0.033105, 0.603827), abs=1e-5)


def test_largeSurfacesAreSimplifiedAndSayByHowMuch(monkeypatch):
    from ORExportLib.Models import ArVr
    from PlanningHubLib.Progress import noProgress

    same, deviationMm = ArVr.drawnBodies(someBodies(), noProgress)
    assert deviationMm == 0 and [len(body.mesh.triangles) for body in same] == [
        len(body.mesh.triangles) for body in someBodies()
    ]
    monkeypatch.setattr(ArVr, "MOST_TRIANGLES", 300)
    fewer, deviationMm = ArVr.drawnBodies(someBodies(), noProgress)
    assert all(len(body.mesh.triangles) <= 110 for body in fewer) and 0.01 < deviationMm < 2
    label = dataclasses.replace(labelOf(aContent()), deviationMm=deviationMm)
    assert gltfOf(glbBytes(fewer, label))["asset"]["extras"]["simplifiedByMm"] == f"{deviationMm:.3f}"


@pytest.mark.parametrize(
    ("counts", "most", "share"),
    [([10, 20], 30, 20), ([10, 20], 25, 15), ([900, 10, 500], 410, 200), ([900, 10, 100], 410, 300), ([], 10, 0)],
)
def test_smallSurfacesStayAsTheyAre(counts, most, share):
    from ORExportLib.Models.ArVr import fairShare

    assert fairShare(counts, most) == share
    assert sum(min(count, share) for count in counts) <= most


def test_mirroredAidIsNotShown(tmp_path):
    from ORExportLib.Models import ArVr
    from ORExportLib.Writer import Writer
    from PlanningHubLib.Progress import noProgress

    content = aContent([aBody("Skull"), aBody("Mirrored skull", role="mirror", mirrored=True)])
    writer = Writer(tmp_path, content.making)
    ArVr.write(content, writer, noProgress)
    assert [one["role"] for one in writer.records] == list(ArVr.ROLES)
    glb = gltfOf(next(tmp_path.rglob("*.glb")).read_bytes())
    assert [mesh["name"] for mesh in glb["meshes"]] == ["Skull"]


def test_printedPieceIsShownOnlyWhereItsObjectIsNot():
    import types

    part = types.SimpleNamespace(facts={"object": {"name": "Plate", "role": "implant", "mirrored": False,
                                                   "modified": True, "moved": False}})  # fmt: skip
    piece, plate, bone = aBody("Plate 1", part=part), aBody("Plate"), aBody("Bone")
    assert shownBodies(aContent([bone, plate, piece])) == [bone, plate]
    assert shownBodies(aContent([bone, piece])) == [bone, piece]
