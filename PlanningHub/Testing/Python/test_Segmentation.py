"""Segmentation: the right voxels, the right volume, the right code, on the right side."""

import math

import numpy
import pytest
import SimpleITK
import slicer
import vtk
from CaseMaking import BONE_HU, ORIGIN_LPS, SPACING_MM, asymmetricVoxels, newCase, tree, writeSmallSeries
from test_Import import OBLIQUE

from Phantom.DicomSeries import writeSeries
from PlanningHubLib import Segments
from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import Cancelled, GateRefused, InputRefused
from PlanningHubLib.Import import importSeries
from PlanningHubLib.Segmentation import FILE_NAME, boneMask, ijkToRasOf, loadSegmentation, segmentBone
from PlanningHubLib.Volumes import addVolume, loadSource

POSITION_TOLERANCE_MM = 0.1


def segmented(folder, session, **options):
    with Case.open(folder, writable=True) as case:
        return segmentBone(case, session, **options)


def nodesOf(session):
    nodes = session.scene.GetNodes()
    return sorted(nodes.GetItemAsObject(index).GetClassName() for index in range(nodes.GetNumberOfItems()))


def boneIndices():
    """Return the (column, row, slice) indices of the small series' bone."""
    return numpy.argwhere(asymmetricVoxels() == BONE_HU)[:, ::-1]


def assertSameCloud(found, expected):
    """Two sets of points in mm have the same centre, extent and skew, so neither is shifted nor mirrored."""
    assert len(found) == len(expected)
    assert abs(found.mean(axis=0) - expected.mean(axis=0)).max() < POSITION_TOLERANCE_MM
    for end in (numpy.min, numpy.max):
        assert abs(end(found, axis=0) - end(expected, axis=0)).max() < POSITION_TOLERANCE_MM
    distances = numpy.linalg.norm(found[:, None] - expected[None], axis=2)
    assert distances.min(axis=1).max() < POSITION_TOLERANCE_MM


def pointsOfMask(mask, ijkToWorld):
    indices = numpy.argwhere(mask)[:, ::-1]
    return (numpy.c_[indices, numpy.ones(len(indices))] @ ijkToWorld.T)[:, :3]


# The mask and its volume


def test_boneIsThresholdLargestIslandClosed(anImportedCase, aSession):
    artefact = segmented(anImportedCase, aSession, closingVoxels=0)
    bone = asymmetricVoxels() == BONE_HU
    assert artefact.facts["voxels"] == bone.sum()
    assert artefact.facts["volumeMl"] == pytest.approx(bone.sum() * math.prod(SPACING_MM) / 1000, abs=5e-4)
    assert artefact.parameters == {"method": "threshold", "thresholdHu": 300, "closingVoxels": 0}


def test_realSkullIsWhatSimpleItkSegments(skullFolder, tmp_path, aSession):
    importSeries(skullFolder, tmp_path / "case")
    artefact = segmented(tmp_path / "case", aSession)
    case = Case.open(tmp_path / "case")
    source = case.require("source")
    image = SimpleITK.ReadImage([str(case.path(source, name)) for name in source.files])
    islands = SimpleITK.ConnectedComponent(SimpleITK.BinaryThreshold(image, 300, 1e6))
    largest = SimpleITK.ConstantPad(SimpleITK.RelabelComponent(islands) == 1, [2] * 3, [2] * 3, 0)
    closed = SimpleITK.Crop(SimpleITK.BinaryMorphologicalClosing(largest, [1] * 3, SimpleITK.sitkBox), [2] * 3, [2] * 3)
    reference = SimpleITK.GetArrayFromImage(closed)
    node = loadSegmentation(case, aSession, artefact)
    volume = loadSource(case, aSession, source)
    mask = Segments.maskOnGrid(node, artefact.facts["segment"], ijkToRasOf(volume), reference.shape)
    assert numpy.array_equal(mask, reference)
    assert artefact.facts["volumeMl"] == pytest.approx(reference.sum() * math.prod(image.GetSpacing()) / 1000, abs=0.01)
    assert 300 < artefact.facts["volumeMl"] < 1500


@pytest.mark.parametrize("spacing, toleranceOfVolume", [((0.5, 0.5, 0.5), 0.005), ((0.5, 0.7, 1.5), 0.01)])
def test_volumeOfASphereInMl(tmp_path, aSession, spacing, toleranceOfVolume):
    radiusMm, shape = 12.0, [int(30 / step) for step in reversed(spacing)]
    z, y, x = numpy.indices(shape)
    axes = zip((x, y, z), shape[::-1], spacing, strict=True)
    places = [(axis - (count - 1) / 2) * step for axis, count, step in axes]
    inside = sum(place**2 for place in places) <= radiusMm**2
    writeSeries(tmp_path / "ct", numpy.where(inside, 1000, -1000).astype(numpy.int16), spacing, (1.0, 2.0, 3.0))
    importSeries(tmp_path / "ct", tmp_path / "case")
    volumeMl = segmented(tmp_path / "case", aSession).facts["volumeMl"]
    assert volumeMl == pytest.approx(4 / 3 * math.pi * radiusMm**3 / 1000, rel=toleranceOfVolume)


def test_looseFragmentsAreLeftOut(tmp_path, aSession):
    voxels = asymmetricVoxels()
    voxels[0, 17, 20] = voxels[5, 3, 20:22] = BONE_HU
    writeSmallSeries(tmp_path / "ct", voxels)
    importSeries(tmp_path / "ct", tmp_path / "case")
    artefact = segmented(tmp_path / "case", aSession, closingVoxels=0)
    assert artefact.facts["voxels"] == (asymmetricVoxels() == BONE_HU).sum()


def test_sameRunGivesTheSameContent(anImportedCase, aSession):
    first, again = (segmented(anImportedCase, aSession) for _time in range(2))
    assert (first.revision, again.revision) == (1, 2) and first.content == again.content


def test_otherThresholdGivesAnotherContent(anImportedCase, aSession):
    voxels = asymmetricVoxels()
    assert boneMask(voxels, 0, 0).sum() > boneMask(voxels, 300, 0).sum()
    assert segmented(anImportedCase, aSession).content != segmented(anImportedCase, aSession, thresholdHu=0).content


# The file


def test_terminologySurvivesTheFile(anImportedCase, aSession):
    artefact = segmented(anImportedCase, aSession)
    case = Case.open(anImportedCase)
    segment = loadSegmentation(case, aSession, artefact).GetSegmentation().GetSegment(artefact.facts["segment"])
    entry = vtk.reference("")
    assert segment.GetTag("TerminologyEntry", entry)
    category, kind = entry.get().split("~")[1:3]
    assert category.split("^") == ["SCT", "85756007", "Tissue"]
    assert kind.split("^") == ["SCT", "272673000", "Bone"]
    assert segment.GetName() == "Bone" and numpy.allclose(segment.GetColor(), Segments.BONE_COLOR, atol=1e-3)


def test_terminologyIsInTheFileForOtherReaders(anImportedCase, aSession):
    artefact = segmented(anImportedCase, aSession)
    image = SimpleITK.ReadImage(str(Case.open(anImportedCase).path(artefact, FILE_NAME)))
    tags = " ".join(image.GetMetaData(key) for key in image.GetMetaDataKeys() if key.startswith("Segment0"))
    assert "SCT^272673000^Bone" in tags and "SCT^85756007^Tissue" in tags


@pytest.mark.parametrize("direction", [None, OBLIQUE, numpy.diag([-1.0, -1.0, 1.0]), numpy.eye(3)[:, [1, 2, 0]]])
def test_leftIsLeftInTheNodeAndInTheFile(tmp_path, aSession, direction):
    directions = {} if direction is None else {"directionLps": direction}
    writeSeries(tmp_path / "ct", asymmetricVoxels(), SPACING_MM, ORIGIN_LPS, **directions)
    importSeries(tmp_path / "ct", tmp_path / "case")
    artefact = segmented(tmp_path / "case", aSession, closingVoxels=0)
    case = Case.open(tmp_path / "case")
    matrix = (numpy.eye(3) if direction is None else direction) * SPACING_MM
    expectedLps = boneIndices() @ matrix.T + ORIGIN_LPS

    node = loadSegmentation(case, aSession, artefact)
    mask, ijkToRas = Segments.segmentMask(node, artefact.facts["segment"])
    assertSameCloud(pointsOfMask(mask, slicer.util.arrayFromVTKMatrix(ijkToRas)), expectedLps * (-1, -1, 1))

    image = SimpleITK.ReadImage(str(case.path(artefact, FILE_NAME)))
    indices = numpy.argwhere(SimpleITK.GetArrayFromImage(image))[:, ::-1]
    found = numpy.array([image.TransformIndexToPhysicalPoint([int(one) for one in index]) for index in indices])
    assertSameCloud(found, expectedLps)


# Masks in and out of nodes


@pytest.fixture
def aVolume(aSession):
    matrix = numpy.eye(4)
    matrix[:3, :3] = numpy.diag([-1.0, -1.0, 1.0]) @ OBLIQUE * SPACING_MM
    matrix[:3, 3] = (10.0, -20.0, 30.0)
    return addVolume(aSession, asymmetricVoxels(), matrix, "volume")


@pytest.mark.parametrize("seed", range(3))
def test_maskRoundTrip(aSession, aVolume, seed):
    shape = asymmetricVoxels().shape
    mask = numpy.zeros(shape, numpy.uint8)
    low = numpy.random.default_rng(seed).integers(0, 3, 3)
    inner = tuple(slice(start, -1 if seed else None) for start in low)
    mask[inner] = numpy.random.default_rng(seed).random(mask[inner].shape) < 0.2
    node = Segments.addSegmentation(aSession, aVolume, "segmentation")
    matrix = ijkToRasOf(aVolume)
    segment = Segments.addSegment(node, mask, matrix, "Bone", Segments.BONE_TERMINOLOGY, Segments.BONE_COLOR)
    assert numpy.array_equal(Segments.maskOnGrid(node, segment, matrix, shape), mask)


def test_otherGridIsRefused(aSession, aVolume):
    mask = (asymmetricVoxels() == BONE_HU).astype(numpy.uint8)
    node = Segments.addSegmentation(aSession, aVolume, "segmentation")
    matrix = ijkToRasOf(aVolume)
    segment = Segments.addSegment(node, mask, matrix, "Bone", Segments.BONE_TERMINOLOGY, Segments.BONE_COLOR)
    half, turned = ijkToRasOf(aVolume), ijkToRasOf(aVolume)
    half.SetElement(0, 3, half.GetElement(0, 3) + 0.3)
    turned.SetElement(0, 0, -turned.GetElement(0, 0))
    for grid, shape in ((half, mask.shape), (turned, mask.shape), (matrix, (4, 20, 24)), (matrix, (6, 20, 10))):
        with pytest.raises(InputRefused) as error:
            Segments.maskOnGrid(node, segment, grid, shape)
        assert error.value.code == "other-grid"


def test_emptySegmentIsRefused(aSession, aVolume):
    node = Segments.addSegmentation(aSession, aVolume, "segmentation")
    empty = numpy.zeros(asymmetricVoxels().shape, numpy.uint8)
    with pytest.raises(InputRefused) as error:
        Segments.addSegment(node, empty, ijkToRasOf(aVolume), "Bone", Segments.BONE_TERMINOLOGY, Segments.BONE_COLOR)
    assert error.value.code == "empty-segment"


# Refusals, each without a trace


def assertRefusedWithoutTrace(folder, session, code, error=InputRefused, **options):
    nodes, before = nodesOf(session), tree(folder)
    with pytest.raises(error) as refused:
        segmented(folder, session, **options)
    assert refused.value.code == code and refused.value.action
    assert nodesOf(session) == nodes and tree(folder) == before


def test_noBoneIsRefused(anImportedCase, aSession):
    assertRefusedWithoutTrace(anImportedCase, aSession, "no-bone", thresholdHu=BONE_HU + 1)


@pytest.mark.parametrize("thresholdHu", [-1000, 3000, -5000, math.nan])
def test_badThresholdIsRefused(anImportedCase, aSession, thresholdHu):
    assertRefusedWithoutTrace(anImportedCase, aSession, "bad-threshold", thresholdHu=thresholdHu)


def test_damagedSourceIsRefused(anImportedCase, aSession):
    case = Case.open(anImportedCase)
    path = case.path(case.latest("source"), "dicom/00003.dcm")
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)
    assertRefusedWithoutTrace(anImportedCase, aSession, "damaged-source", GateRefused)


def test_caseWithoutSourceIsRefused(tmp_path, aSession):
    newCase(tmp_path / "case").__enter__().close()
    assertRefusedWithoutTrace(tmp_path / "case", aSession, "no-source", GateRefused)


def test_sceneKeepsNoNodes(anImportedCase, aSession):
    nodes = nodesOf(aSession)
    segmented(anImportedCase, aSession)
    assert nodesOf(aSession) == nodes


def test_cancelAtAnyStepLeavesNoTrace(anImportedCase, aSession, tmp_path):
    calls = []
    segmented(anImportedCase, aSession, progress=lambda *call: calls.append(call[0]))
    assert calls == sorted(calls) and 0 <= calls[0] and calls[-1] <= 1
    nodes, before = nodesOf(aSession), tree(anImportedCase)
    for stop in range(len(calls)):
        left = iter(range(stop))

        def progress(*_call, left=left):
            if next(left, None) is None:
                raise Cancelled

        with pytest.raises(Cancelled):
            segmented(anImportedCase, aSession, progress=progress)
        assert nodesOf(aSession) == nodes and tree(anImportedCase) == before


@pytest.mark.parametrize("part", [0.01, 0.1, 0.5, 0.8])
def test_cutOffFileIsRefused(anImportedCase, aSession, tmp_path, part):
    artefact = segmented(anImportedCase, aSession)
    content = Case.open(anImportedCase).path(artefact, FILE_NAME).read_bytes()
    (tmp_path / FILE_NAME).write_bytes(content[: int(len(content) * part)])
    with pytest.raises(InputRefused) as error:
        Segments.readSegmentation(aSession, tmp_path / FILE_NAME, "name")
    assert error.value.code == "cannot-read"


@pytest.mark.parametrize("content", [b"", b"not a segmentation", b"NRRD0004\ntype: uchar\n"])
def test_unreadableFileIsRefused(tmp_path, aSession, content):
    path = tmp_path / FILE_NAME
    path.write_bytes(content)
    nodes = nodesOf(aSession)
    with pytest.raises(InputRefused) as error:
        Segments.readSegmentation(aSession, path, "name")
    assert error.value.code == "cannot-read"
    assert nodesOf(aSession) == nodes
