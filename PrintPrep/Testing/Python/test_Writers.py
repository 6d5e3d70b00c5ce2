"""The files are read by others as what and where the part is."""

import io
import shutil

import numpy
import pytest
from PartMaking import (
    LABEL,
    admeshFaults,
    asymmetricMask,
    centroidOfMaskLps,
    editedModelXml,
    obliqueMatrix,
    readByLib3mf,
    readByTrimesh,
    strictWarnings,
    withOneFlipped,
    withoutOneTriangle,
)

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Shapes import Surface
from PlanningHubLib.Shapes.Mesh import Mesh
from PrintPrepLib.Formats import Writers, WritersGlb, WritersText, WritersThreeMf
from PrintPrepLib.Simplification import Simplify


@pytest.fixture(scope="module", params=[False, True], ids=["right-handed", "left-handed"])
def aPart(request):
    matrix = obliqueMatrix(mirrored=request.param)
    mesh = Simplify.simplified(Surface.maskSurface(asymmetricMask(), matrix).mesh.rasLpsSwapped(), 0.1).mesh
    return mesh, centroidOfMaskLps(asymmetricMask(), matrix)


def test_stlIsWatertightAndInPlaceForTrimesh(aPart):
    mesh, centroid = aPart
    seen = readByTrimesh(Writers.stlBytes(mesh, LABEL), "stl")
    assert seen.is_watertight and seen.is_winding_consistent
    assert seen.volume / 1000 == pytest.approx(mesh.volumeMl, rel=1e-4)
    assert seen.center_mass == pytest.approx(centroid, abs=0.1)
    assert seen.bounds == pytest.approx(numpy.array(mesh.boundsMm), abs=1e-3)


def test_threeMfIsWatertightAndInPlaceForTrimesh(aPart):
    pytest.importorskip("lxml", reason="trimesh reads 3MF with lxml")
    mesh, centroid = aPart
    seen = readByTrimesh(Writers.threeMfBytes(mesh, LABEL), "3mf")
    assert seen.is_watertight and seen.is_winding_consistent
    assert seen.center_mass == pytest.approx(centroid, abs=0.1)
    assert seen.volume / 1000 == pytest.approx(mesh.volumeMl, rel=1e-3)


def test_threeMfIsReadStrictlyWithoutWarning(aPart):
    mesh, _centroid = aPart
    data = Writers.threeMfBytes(mesh, LABEL)
    seen = readByLib3mf(data)
    assert strictWarnings(data) == 0
    assert seen["closed"]
    assert seen["points"] == pytest.approx(mesh.points, abs=1e-4)
    assert (seen["triangles"] == mesh.triangles).all()
    assert (seen["name"], seen["partNumber"]) == ("PH-TEST-1_bone_left_part", "part-1.1")
    metadata = {name.split(":")[-1]: value for name, value in seen["metadata"].items()}
    assert metadata["Title"] == "PH-TEST-1_bone_left_part"
    assert (metadata["Case"], metadata["Side"]) == ("PH-TEST-1", "left")
    assert (metadata["CoordinateSystem"], metadata["SourceContentSha256"]) == ("LPS", "ab" * 32)


@pytest.mark.parametrize(
    ("old", "new"), [(b'v1="', b'v1="9999999'), (b"</triangles>", b""), (b"<vertex ", b'<vertex w="1" ')]
)
def test_strictReaderRejectsDamagedThreeMf(aPart, old, new):
    import lib3mf

    damaged = editedModelXml(Writers.threeMfBytes(aPart[0], LABEL), old, new)
    try:
        assert strictWarnings(damaged) > 0
    except lib3mf.ELib3MFException:
        pass


def test_lib3mfSeesAnOpenMesh(aPart):
    data = Writers.threeMfBytes(aPart[0], LABEL)
    first = b'<triangle v1="%d" v2="%d" v3="%d" />' % tuple(map(int, aPart[0].triangles[0]))
    assert not readByLib3mf(editedModelXml(data, first, b""))["closed"]


def test_admeshFindsNothingToMend(aPart, tmp_path):
    if shutil.which("admesh") is None:
        pytest.skip("admesh is not installed")
    for name, mesh, isSound in (
        ("sound", aPart[0], True),
        ("open", withoutOneTriangle(aPart[0]), False),
        ("flipped", withOneFlipped(aPart[0]), False),
    ):
        Writers.writeStl(tmp_path / f"{name}.stl", mesh, LABEL)
        assert (admeshFaults(tmp_path / f"{name}.stl") == 0) is isSound


def test_stlHeaderSaysFrameUnitAndCase(aPart):
    data = Writers.stlBytes(aPart[0], LABEL)
    assert data.startswith(b"SPACE=LPS UNIT=mm CASE=PH-TEST-1 PART=part-1.1")
    assert len(data) == 84 + 50 * len(aPart[0].triangles)


def test_slicersOwnReaderPutsTheStlInItsPlace(aPart, tmp_path):
    import slicer

    mesh, _centroid = aPart
    Writers.writeStl(tmp_path / "part.stl", mesh, LABEL)
    scene = slicer.vtkMRMLScene()
    node = scene.AddNewNodeByClass("vtkMRMLModelNode")
    storage = scene.AddNewNodeByClass("vtkMRMLModelStorageNode")
    storage.SetFileName(str(tmp_path / "part.stl"))
    assert storage.ReadData(node)
    low, high = numpy.array(mesh.boundsMm)
    expectedRas = [-high[0], -low[0], -high[1], -low[1], low[2], high[2]]
    assert node.GetPolyData().GetBounds() == pytest.approx(expectedRas, abs=1e-2)


def test_equalPartsAreEqualBytes(aPart):
    assert Writers.threeMfBytes(aPart[0], LABEL) == Writers.threeMfBytes(aPart[0], LABEL)
    assert Writers.stlBytes(aPart[0], LABEL) == Writers.stlBytes(aPart[0], LABEL)


def twoBodies(aPart):
    mesh = aPart[0]
    other = Mesh.fromArrays(mesh.points + numpy.float32(100), mesh.triangles)
    return [
        WritersThreeMf.Body(mesh, f"{LABEL.name}_1", LABEL.partNumber, (0.8, 0.2, 0.1)),
        WritersThreeMf.Body(other, f"{LABEL.name}_2", LABEL.partNumber, (0.1, 0.2, 0.8)),
    ]


def test_threeMfHoldsSeveralObjectsWithNamesAndColors(aPart):
    import lib3mf

    data = WritersThreeMf.packageBytes(twoBodies(aPart), LABEL)
    assert strictWarnings(data) == 0
    model = lib3mf.Wrapper().CreateModel()
    model.QueryReader("3mf").ReadFromBuffer(list(data))
    items, names, colors = model.GetBuildItems(), [], []
    while items.MoveNext():
        thing = items.GetCurrent().GetObjectResource()
        group, number, _given = thing.GetObjectLevelProperty()
        color = model.GetBaseMaterialGroupByID(group).GetDisplayColor(number)
        names.append(thing.GetName())
        colors.append((color.Red, color.Green, color.Blue))
    assert names == [f"{LABEL.name}_1", f"{LABEL.name}_2"] and colors == [(204, 51, 26), (26, 51, 204)]


def test_plyIsInPlaceToTheBit(aPart):
    mesh, centroid = aPart
    data = WritersText.plyBytes(mesh, LABEL)
    seen = readByTrimesh(data, "ply")
    assert seen.is_watertight and seen.center_mass == pytest.approx(centroid, abs=0.1)
    assert (seen.vertices.astype(numpy.float32) == mesh.points).all()
    assert b"comment SPACE=LPS" in data and b"comment UNIT=mm" in data


def test_objHoldsObjectsAndTheirColors(aPart, tmp_path):
    import trimesh

    bodies = twoBodies(aPart)
    (tmp_path / f"{LABEL.name}.obj").write_bytes(WritersText.objBytes(bodies, LABEL))
    (tmp_path / f"{LABEL.name}.mtl").write_bytes(WritersText.mtlBytes(bodies, LABEL))
    scene = trimesh.load_scene(tmp_path / f"{LABEL.name}.obj", split_objects=True)
    found = sorted(scene.geometry.values(), key=lambda one: one.center_mass[0])
    assert len(found) == 2
    for one, body in zip(found, bodies, strict=True):
        assert one.is_watertight and one.volume == pytest.approx(body.mesh.volumeMl * 1000, rel=1e-4)
        assert one.visual.material.diffuse[:3] == pytest.approx(255 * numpy.array(body.color), abs=1)


def test_glbStandsUprightInMetres(aPart):
    import trimesh

    bodies = twoBodies(aPart)
    data = WritersGlb.glbBytes(bodies, LABEL)
    scene = trimesh.load_scene(io.BytesIO(data), file_type="glb")
    assert set(scene.geometry) == {body.name for body in bodies}
    low, high = numpy.array(bodies[0].mesh.boundsMm) / 1000
    _low, farHigh = numpy.array(bodies[1].mesh.boundsMm) / 1000
    # Left is x, superior is y (up), anterior (minus posterior) is z (forward).
    wanted = [[low[0], low[2], -farHigh[1]], [farHigh[0], farHigh[2], -low[1]]]
    assert scene.bounds == pytest.approx(numpy.array(wanted), abs=1e-6)
    assert scene.to_geometry().volume == pytest.approx(2 * bodies[0].mesh.volumeMl * 1e-6, rel=1e-4)
    assert WritersGlb.glbBytes(bodies, LABEL) == data


def test_vtkReadsTheGlb(aPart, tmp_path):
    import vtk

    (tmp_path / "part.glb").write_bytes(WritersGlb.glbBytes(twoBodies(aPart), LABEL))
    reader = vtk.vtkGLTFReader()
    reader.SetFileName(str(tmp_path / "part.glb"))
    reader.Update()
    assert reader.GetOutput().GetNumberOfPoints() == 2 * len(aPart[0].points)


def test_folderThatCannotBeWrittenIsRefusedByName(aPart, tmp_path):
    for write in (Writers.writeStl, Writers.writeThreeMf):
        with pytest.raises(InputRefused) as refusal:
            write(tmp_path / "absent" / "part", aPart[0], LABEL)
        assert refusal.value.code == "cannot-write"
