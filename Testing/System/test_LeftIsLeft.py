"""An asymmetric object keeps its side and its place, within 0.1 mm, in every format, read by independent readers."""

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


def test_aMirroredObjectWouldBeSeen(aBlockChain):
    """The checks above fail on the mirror image."""
    block, out = aBlockChain
    mesh = trimesh.load_mesh(one(out, "package/*part.stl"))
    mirrored = mesh.vertices * [-1, 1, 1] + [2 * block.centroidLps[0], 0, 0]
    with pytest.raises(AssertionError):
        assertSameShape(block, mirrored)
    with pytest.raises(AssertionError):
        assertInPlace(block, centroid(mesh.vertices + [0.2, 0, 0], mesh.faces))
