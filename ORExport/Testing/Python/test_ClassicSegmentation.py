"""The segmentation read by who knows nothing but its classic form: one bit per voxel, a frame per segment and slice."""

import dataclasses

import numpy
import pydicom
import pytest
import SimpleITK
from Judges import dicomErrors, entityErrors, run
from SmallSeries import OBLIQUE, SHAPE, asymmetricMask, boneSegment, writeSeries
from test_SegmentationObject import pointsOf

from ORExportLib.Dicom.SegmentationObject import buildSegmentation
from ORExportLib.Dicom.Source import readSource

MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"


def threeMasks():
    """A mask, one that touches it everywhere and shares no voxel with it, and one that overlaps both."""
    first = asymmetricMask() > 0
    grown = first.copy()
    for axis, by in ((1, 1), (1, -1), (2, 1), (2, -1)):
        grown |= numpy.roll(first, by, axis)
    third = numpy.zeros(SHAPE, bool)
    third[2:4, 1:5, 2:6] = True
    return [first, grown & ~first, third]


@pytest.fixture(params=["CT", "MR"])
def written(request, tmp_path, aMaking, anAlgorithm):
    """Path of a segmentation with three segments, its masks, and the matrix from voxel to LPS."""
    (tmp_path / "series").mkdir()
    changes = {"Modality": "MR", "SOPClassUID": MR_IMAGE, "RescaleType": "US"} if request.param == "MR" else {}
    slices, matrix = writeSeries(tmp_path / "series", OBLIQUE, **changes)
    masks = threeMasks()
    segments = [
        dataclasses.replace(boneSegment(mask.astype(numpy.uint8)), label=f"Segment {number}")
        for number, mask in enumerate(masks, 1)
    ]
    path = tmp_path / "seg.dcm"
    buildSegmentation(readSource(slices), aMaking, segments, anAlgorithm).save_as(path)
    assert dicomErrors(path) == []
    if request.param == "CT":
        assert entityErrors([path, *slices]) == []
    return path, masks, matrix


def test_framesAreSortedBySegmentAndPlace(written):
    """Read with nothing but the bits and the functional groups, as the oldest viewers do."""
    path, masks, matrix = written
    seg = pydicom.dcmread(path)
    assert (seg.SegmentationType, seg.BitsAllocated, seg.BitsStored, seg.NumberOfFrames) == ("BINARY", 1, 1, 4 + 4 + 2)
    assert [item.SegmentNumber for item in seg.SegmentSequence] == [1, 2, 3]
    assert "ConcatenationUID" not in seg and not seg.file_meta.TransferSyntaxUID.is_compressed
    bits = numpy.unpackbits(numpy.frombuffer(seg.PixelData, numpy.uint8), bitorder="little")
    frames = bits[: int(seg.NumberOfFrames) * seg.Rows * seg.Columns].reshape(-1, seg.Rows, seg.Columns)
    normal, found, order = matrix[:3, 2] / numpy.linalg.norm(matrix[:3, 2]), numpy.zeros((3, *SHAPE), bool), []
    for frame, group in zip(frames, seg.PerFrameFunctionalGroupsSequence, strict=True):
        position = numpy.array(group.PlanePositionSequence[0].ImagePositionPatient, float)
        place = (position - matrix[:3, 3]) @ normal / numpy.linalg.norm(matrix[:3, 2])
        number = group.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        order.append((number, round(place)))
        assert place == pytest.approx(round(place), abs=1e-3)
        found[number - 1, round(place)] = frame
    # Along the normal or against it, but the same way for all.
    assert order in (sorted(order), sorted(order, key=lambda one: (one[0], -one[1])))
    assert numpy.array_equal(found, masks)


def test_dcmqiGivesEverySegmentItsVoxels(written, tmp_path):
    path, masks, matrix = written
    (tmp_path / "out").mkdir()
    run("segimage2itkimage", "--inputDICOM", path, "--outputDirectory", tmp_path / "out", "-t", "nrrd")
    for number, mask in enumerate(masks, 1):
        image = SimpleITK.ReadImage(str(tmp_path / "out" / f"{number}.nrrd"))
        voxels = numpy.argwhere(SimpleITK.GetArrayFromImage(image))[:, ::-1]
        found = numpy.array([image.TransformIndexToPhysicalPoint(tuple(map(int, voxel))) for voxel in voxels])
        wanted = pointsOf(mask, matrix)
        assert len(found) == len(wanted)
        order = [numpy.lexsort(numpy.round(points, 2).T) for points in (found, wanted)]
        assert numpy.allclose(found[order[0]], wanted[order[1]], atol=0.01)


def test_dcmtkReadsEverySegment(written):
    printed = run("dcmdump", written[0])
    assert all(f"[Segment {number}]" in printed for number in (1, 2, 3)) and "error" not in printed.lower()
