"""The segmentation that was approved lies in the package, and its DICOM object has the same voxels, each of them."""

import shutil
from pathlib import Path

import numpy
import pydicom
import pytest
from Judges import dicomErrors
from SmallSeries import addPart
from test_ApprovedPackage import ANNA, rejections, rewriteManifest, writeSite
from test_Package import codes, recordOf, replaceFile

from ORExportLib import Manifest
from ORExportLib.Package import exportPackage, makePackage, optionalContents
from ORExportLib.SegmentationFile import ROLE, sliceOf
from PlanningHubLib import Approval
from PlanningHubLib.Errors import GateRefused


@pytest.fixture
def exported(packageOnce, tmp_path):
    """A package outside its case, to be damaged."""
    return Path(shutil.copytree(packageOnce[0], tmp_path / "usb"))


def changePixels(folder, change):
    """Change the frames of the DICOM Segmentation, and nothing that says which object it is."""
    path = next(folder.glob("*segmentation.dcm"))
    dataset = pydicom.dcmread(path)
    bits = numpy.unpackbits(numpy.frombuffer(dataset.PixelData, numpy.uint8), bitorder="little")
    shape = (int(dataset.NumberOfFrames), int(dataset.Rows), int(dataset.Columns))
    frames = bits[: numpy.prod(shape)].reshape(shape)
    change(frames, dataset)
    packed = numpy.packbits(frames.reshape(-1), bitorder="little").tobytes()
    dataset.PixelData = packed + b"\0" * (len(packed) % 2)
    dataset.save_as(path)
    assert dicomErrors(path) == []
    return path


def flipOne(frames, _dataset):
    frames[0, 2, 3] ^= 1


def swapTwo(frames, _dataset):
    place = tuple(numpy.argwhere(frames)[0])
    other = tuple(numpy.argwhere(frames == 0)[0])
    frames[place], frames[other] = 0, 1


def shift(frames, dataset):
    for group in dataset.PerFrameFunctionalGroupsSequence:
        position = group.PlanePositionSequence[0].ImagePositionPatient
        position[2] = float(position[2]) + 1.5


@pytest.mark.parametrize("change", [flipOne, swapTwo, shift])
def test_anotherSegmentationOfTheSameNameIsNamed(exported, change):
    """Whoever swaps it may make the manifest fit: its voxels give it away."""
    path = changePixels(exported, change)
    replaceFile(exported, "segmentation-dicom", path.read_bytes())
    assert "segmentation-differs" in codes(exported)


def test_theFileItselfIsWhatWasSigned(aReadyCase, aSession, withoutPictures, tmp_path, monkeypatch):
    monkeypatch.setenv("PLANNINGHUB_HOME", str(aReadyCase.folder.parent / "home"))
    writeSite()
    Approval.approve(aReadyCase, ANNA)
    package = makePackage(aReadyCase, aSession, leaveOut=optionalContents())
    folder = exportPackage(aReadyCase, package, tmp_path / "out")
    assert rejections(folder) == set()
    path = folder / recordOf(Manifest.readManifest(folder), ROLE)["path"]
    original = path.read_bytes()
    assert original == aReadyCase.path(aReadyCase.latest("segmentation"), "segmentation.seg.nrrd").read_bytes()
    path.write_bytes(original[:-1] + bytes([original[-1] ^ 1]))
    rewriteManifest(folder)
    assert "approval-differs" in rejections(folder)

    # One voxel of the case's own segmentation after the approval: nothing leaves as approved, or at all.
    own = aReadyCase.path(aReadyCase.latest("segmentation"), "segmentation.seg.nrrd")
    own.write_bytes(original[:-1] + bytes([original[-1] ^ 1]))
    with pytest.raises(GateRefused) as refused:
        exportPackage(aReadyCase, package, tmp_path / "second")
    assert refused.value.code == "not-approved"
    with pytest.raises(GateRefused) as refused:
        makePackage(aReadyCase, aSession)
    assert refused.value.code == "damaged-segmentation" and not (tmp_path / "second").exists()
    with pytest.raises(GateRefused):
        addPart(aReadyCase)


@pytest.mark.parametrize("along, down", [((1, 0, 0), (0, 1, 0)), ((0, -1, 0), (1, 0, 0)), ((-1, 0, 0), (0, 0, 1))])
@pytest.mark.parametrize("start", [(-3, 4, 7), (30, 25, 20)])
def test_framesOfAnyDirectionFindTheirVoxels(along, down, start):
    volume = numpy.random.default_rng(1).random((30, 35, 40)) > 0.5
    matrix = numpy.eye(4)
    matrix[:3, 0], matrix[:3, 1], matrix[:3, 3] = along, down, start
    expected = numpy.zeros((33, 44), bool)
    for row, column in numpy.ndindex(expected.shape):
        i, j, k = numpy.array(start) + column * numpy.array(along) + row * numpy.array(down)
        if 0 <= i < 40 and 0 <= j < 35 and 0 <= k < 30:
            expected[row, column] = volume[k, j, i]
    assert numpy.array_equal(sliceOf(volume, matrix, expected.shape), expected)
