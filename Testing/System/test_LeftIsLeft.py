"""An asymmetric object keeps its side and its place, within 0.1 mm, in every format, read by independent readers."""

import io
import json
import zipfile

import highdicom
import numpy
import pydicom
import pytest
import SimpleITK
import trimesh
from Judges import centroid, encapsulatedDocument, run, threeMfMesh

TOLERANCE_MM = 0.1
# Smoothing moves the sharp edges of a block by a fraction of a voxel; its centroid stays.
SHAPE_TOLERANCE_MM = 0.3
# Where the plan moves a copy of the block, turned about its centroid.
BLOCK_SHIFT_LPS = (4.0, -5.0, 6.0)


def one(folder, pattern):
    (path,) = folder.glob(pattern)
    return path


def assertInPlace(block, centroidLps):
    assert numpy.linalg.norm(numpy.asarray(centroidLps) - block.centroidLps) < TOLERANCE_MM


def assertSameShape(block, points):
    """The extents along the block's own axes; the block's centroid is not their middle, so a mirror image differs."""
    corners = block.cornersLps.reshape(-1, 3) @ block.directionLps
    turned = numpy.asarray(points) @ block.directionLps
    assert numpy.abs(turned.min(0) - corners.min(0)).max() < SHAPE_TOLERANCE_MM
    assert numpy.abs(turned.max(0) - corners.max(0)).max() < SHAPE_TOLERANCE_MM


def imageCentroidLps(image):
    indices = numpy.argwhere(SimpleITK.GetArrayViewFromImage(image) > 0)[:, ::-1]
    return image.TransformContinuousIndexToPhysicalPoint([float(value) for value in indices.mean(0)])


def test_volumeReadBySimpleITK(aBlockChain):
    block, out = aBlockChain
    names = sorted(str(path) for path in (out / "case/artefacts/source-1/r1/dicom").iterdir())
    image = SimpleITK.ReadImage(names if len(names) > 1 else names[0])
    assertInPlace(block, imageCentroidLps(image > 300))


def test_segmentationFileReadBySimpleITK(aBlockChain):
    block, out = aBlockChain
    image = SimpleITK.ReadImage(str(one(out, "case/artefacts/segmentation-1/r1/*.seg.nrrd")))
    assertInPlace(block, imageCentroidLps(image))


def test_stlReadByTrimesh(aBlockChain):
    block, out = aBlockChain
    mesh = trimesh.load_mesh(one(out, "package/*part.stl"))
    assertInPlace(block, centroid(mesh.vertices, mesh.faces))
    assertSameShape(block, numpy.asarray(mesh.vertices))
    assert mesh.volume / 1000 == pytest.approx(block.volumeMl, rel=0.02)


def test_threeMfReadByLib3mf(aBlockChain):
    block, out = aBlockChain
    points, triangles, warnings = threeMfMesh(one(out, "package/*part.3mf"))
    assert warnings == []
    assertInPlace(block, centroid(points, triangles))
    assertSameShape(block, points)


def test_dicomSegmentationReadByHighdicom(aBlockChain):
    block, out = aBlockChain
    segmentation = highdicom.seg.segread(one(out, "package/*segmentation.dcm"))
    volume = segmentation.get_volume(combine_segments=False).squeeze_channel()
    points = volume.map_indices_to_reference(numpy.argwhere(volume.array > 0))
    assertInPlace(block, points.mean(0))
    assert len(points) * numpy.prod(block.spacingMm) / 1000 == pytest.approx(block.volumeMl, rel=1e-6)


def test_dicomSegmentationReadByPlainGeometry(aBlockChain):
    """Every frame's own position, orientation and spacing, as any viewer uses them."""
    block, out = aBlockChain
    dataset = pydicom.dcmread(one(out, "package/*segmentation.dcm"))
    shared = dataset.SharedFunctionalGroupsSequence[0]
    orientation = numpy.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float)
    rowStep, columnStep = map(float, shared.PixelMeasuresSequence[0].PixelSpacing)
    points = []
    for frame, group in zip(dataset.pixel_array, dataset.PerFrameFunctionalGroupsSequence, strict=True):
        position = numpy.array(group.PlanePositionSequence[0].ImagePositionPatient, float)
        rows, columns = numpy.nonzero(frame)
        alongRows = numpy.outer(columns * columnStep, orientation[:3])
        points.append(position + alongRows + numpy.outer(rows * rowStep, orientation[3:]))
    assertInPlace(block, numpy.concatenate(points).mean(0))


def test_encapsulatedStlTakenOutByDcmtk(aBlockChain, tmp_path):
    block, out = aBlockChain
    path = one(out, "package/*part.dcm")
    (tmp_path / "taken.stl").write_bytes(encapsulatedDocument(path))
    mesh = trimesh.load_mesh(tmp_path / "taken.stl")
    assertInPlace(block, centroid(mesh.vertices, mesh.faces))
    assert "(0020,0062) CS [L]" in run("dcmdump", path)


def test_encapsulatedObjTakenOutByDcmtk(aBlockChain):
    block, out = aBlockChain
    path = one(out, "package/*-assembly.dcm")
    scene = trimesh.load_scene(io.BytesIO(encapsulatedDocument(path)), file_type="obj", split_objects=True)
    meshes = [mesh for name, mesh in scene.geometry.items() if name.startswith("Bone")]
    assert meshes, list(scene.geometry)
    for mesh in meshes:
        mesh.merge_vertices()
        assertInPlace(block, centroid(mesh.vertices, mesh.faces))
        assertSameShape(block, numpy.asarray(mesh.vertices))


def test_derivedImagesReadBySimpleITK(aBlockChain):
    """What is drawn and written over them leaves enough of the block to see where it is."""
    block, out = aBlockChain
    image = SimpleITK.ReadImage(sorted(map(str, (out / "package/derived").iterdir())))
    assert image.GetOrigin() == pytest.approx(block.originLps, abs=0.01)
    assert image.GetSpacing() == pytest.approx(block.spacingMm, abs=1e-4)
    assert numpy.reshape(image.GetDirection(), (3, 3)) == pytest.approx(block.directionLps, abs=1e-4)
    left = SimpleITK.GetArrayViewFromImage(image) == 1000
    assert left.sum() > 0.1 * (block.voxelsHu > 0).sum() and (block.voxelsHu[left] > 0).all()


def test_navigationStlReadByTrimesh(aBlockChain):
    block, out = aBlockChain
    mesh = trimesh.load_mesh(one(out, "package/navigation/*-bone.stl"))
    assertInPlace(block, centroid(mesh.vertices, mesh.faces))
    assertSameShape(block, numpy.asarray(mesh.vertices))
    moved = trimesh.load_mesh(one(out, "package/navigation/*-moved.stl"))
    assertMoved(block, centroid(moved.vertices, moved.faces))


def assertMoved(block, centroidLps):
    assertInPlace(block, numpy.asarray(centroidLps) - BLOCK_SHIFT_LPS)


def test_glbReadByTrimesh(aBlockChain):
    block, out = aBlockChain
    scene = trimesh.load_scene(one(out, "package/ar-vr/*.glb"))
    for name, check in (("Bone", assertInPlace), ("Moved", assertMoved)):
        matrix, geometry = scene.graph[name]
        # Metres, y up and z forward: back to LPS mm.
        points = trimesh.transform_points(scene.geometry[geometry].vertices, matrix)[:, [0, 2, 1]] * (1000, -1000, 1000)
        check(block, centroid(points, scene.geometry[geometry].faces))
        if name == "Bone":
            assertSameShape(block, points)


def test_usdzReadByUsd(aBlockChain):
    from pxr import Usd, UsdGeom

    block, out = aBlockChain
    stage = Usd.Stage.Open(str(one(out, "package/ar-vr/*.usdz")))
    assert UsdGeom.GetStageUpAxis(stage) == "Y" and UsdGeom.GetStageMetersPerUnit(stage) == 0.001
    meshes = {prim.GetDisplayName(): UsdGeom.Mesh(prim) for prim in stage.Traverse() if prim.IsA(UsdGeom.Mesh)}
    for name, check in (("Bone", assertInPlace), ("Moved", assertMoved)):
        matrix = numpy.array(meshes[name].ComputeLocalToWorldTransform(0))
        points = numpy.array(meshes[name].GetPointsAttr().Get()) @ matrix[:3, :3] + matrix[3, :3]
        points = points[:, [0, 2, 1]] * (1, -1, 1)
        check(block, centroid(points, numpy.array(meshes[name].GetFaceVertexIndicesAttr().Get()).reshape(-1, 3)))


def test_sceneReadByVtkAndSimpleITK(aBlockChain, tmp_path):
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy

    block, out = aBlockChain
    with zipfile.ZipFile(one(out, "package/navigation/*.mrb")) as bundle:
        bundle.extractall(tmp_path)
    for name, check in (("Bone", assertInPlace), ("Moved", assertMoved)):
        path = one(tmp_path, f"*/Data/{name}.vtk")
        assert b"SPACE=LPS" in path.read_bytes()[:100]
        reader = vtk.vtkPolyDataReader()
        reader.SetFileName(str(path))
        reader.Update()
        cells = vtk_to_numpy(reader.GetOutput().GetPolys().GetConnectivityArray()).reshape(-1, 3)
        check(block, centroid(vtk_to_numpy(reader.GetOutput().GetPoints().GetData()), cells))
    assertInPlace(block, imageCentroidLps(SimpleITK.ReadImage(str(one(tmp_path, "*/Data/*.seg.nrrd")))))


def test_markupsReadAsTheirJson(aBlockChain):
    block, out = aBlockChain
    for name, wanted in (("corners", block.cornersLps.reshape(-1, 3)), ("diagonal", block.cornersLps[0])):
        (markup,) = json.loads(one(out, f"package/navigation/*-{name}.mrk.json").read_bytes())["markups"]
        assert markup["coordinateSystem"] == "LPS"
        points = numpy.array([point["position"] for point in markup["controlPoints"]])
        assert numpy.abs(points - wanted).max() < TOLERANCE_MM


def test_motionReadBySimpleITK(aBlockChain):
    """As ITK has it, from where the block goes back to where it is."""
    block, out = aBlockChain
    transform = SimpleITK.ReadTransform(str(one(out, "package/navigation/*-moved-from-scan.tfm")))
    back = transform.TransformPoint((block.centroidLps + BLOCK_SHIFT_LPS).tolist())
    assertInPlace(block, back)
    bone, moved = (trimesh.load_mesh(one(out, f"package/navigation/*-{name}.stl")) for name in ("bone", "moved"))
    back = numpy.array([transform.TransformPoint(point) for point in moved.vertices[:50].tolist()])
    assert numpy.abs(trimesh.proximity.closest_point(bone, back)[1]).max() < TOLERANCE_MM


def test_registrationReadByPydicom(aBlockChain):
    block, out = aBlockChain
    scanned = pydicom.dcmread(one(out, "package/*-segmentation.dcm")).FrameOfReferenceUID
    registration = pydicom.dcmread(one(out, "package/*-registration-1.dcm"))
    (item,) = (item for item in registration.RegistrationSequence if item.FrameOfReferenceUID == scanned)
    matrix = item.MatrixRegistrationSequence[0].MatrixSequence[0].FrameOfReferenceTransformationMatrix
    assertMoved(block, (numpy.array(matrix, float).reshape(4, 4) @ [*block.centroidLps, 1])[:3])


def test_reportReadByHighdicom(aBlockChain):
    """The ends of what was measured, and its length."""
    block, out = aBlockChain
    report = highdicom.sr.srread(one(out, "package/*-measurements.dcm"))
    low, high = block.cornersLps[0]
    found = list(polylines(report.ContentSequence))
    assert found
    for lengthMm, points in found:
        assert numpy.abs(points - (low, high)).max() < TOLERANCE_MM
        assert float(lengthMm) == pytest.approx(numpy.linalg.norm(high - low), abs=1e-3)


def polylines(items):
    """Yield the number and the points, LPS mm, of each measurement that was taken along a line."""
    for item in items:
        for source in item.get("ContentSequence", ()):
            if source.get("GraphicType") == "POLYLINE":
                yield item.MeasuredValueSequence[0].NumericValue, numpy.reshape(source.GraphicData, (-1, 3))
        yield from polylines(item.get("ContentSequence", ()))


def test_aMirroredObjectWouldBeSeen(aBlockChain):
    """The checks above fail on the mirror image."""
    block, out = aBlockChain
    mesh = trimesh.load_mesh(one(out, "package/*part.stl"))
    mirrored = mesh.vertices * [-1, 1, 1] + [2 * block.centroidLps[0], 0, 0]
    with pytest.raises(AssertionError):
        assertSameShape(block, mirrored)
    with pytest.raises(AssertionError):
        assertInPlace(block, centroid(mesh.vertices + [0.2, 0, 0], mesh.faces))
