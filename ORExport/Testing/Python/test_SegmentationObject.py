"""The DICOM Segmentation: right place, right codes, read back by other readers."""

import dataclasses
import datetime
import json

import numpy as np
import pydicom
import pytest
import SimpleITK
import slicer
from Judges import dicomErrors, entityErrors, run
from SmallSeries import AXIAL, OBLIQUE, SHAPE, asymmetricMask, boneSegment, tetrahedronStl, writeSeries

from ORExportLib.Dicom.EncapsulatedModel import buildEncapsulatedModel
from ORExportLib.Dicom.ModelModule import Model
from ORExportLib.Dicom.SegmentationObject import buildSegmentation, parseTerminology, segmentsOnSource
from ORExportLib.Dicom.Source import readSource
from PlanningHubLib import Segments
from PlanningHubLib.Errors import InputRefused

SAGITTAL = (0, 1, 0, 0, 0, -1)
FEET_FIRST_PRONE = (-1, 0, 0, 0, 1, 0)


def pointsOf(mask, ijkToLps):
    """Return the LPS centres of a mask's voxels, sorted."""
    slices, rows, columns = np.nonzero(mask)
    points = np.column_stack([columns, rows, slices, np.ones(len(slices))]) @ np.asarray(ijkToLps).T
    return points[np.lexsort(points[:, :3].round(2).T), :3]


@pytest.fixture(params=[AXIAL, SAGITTAL, FEET_FIRST_PRONE, OBLIQUE], ids=["axial", "sagittal", "prone", "oblique"])
def written(request, tmp_path, aMaking, anAlgorithm):
    """A SEG of the asymmetric mask on a series of one orientation; its file and where the mask is, in LPS mm."""
    (tmp_path / "ct").mkdir()
    paths, ijkToLps = writeSeries(tmp_path / "ct", request.param)
    mask = asymmetricMask()
    dataset = buildSegmentation(readSource(paths), aMaking, [boneSegment(mask)], anAlgorithm)
    dataset.save_as(tmp_path / "seg.dcm")
    return tmp_path / "seg.dcm", pointsOf(mask, ijkToLps), paths


def test_highdicomFindsEveryVoxelWhereItWas(written):
    import highdicom

    path, expected, _paths = written
    volume = highdicom.seg.segread(path).get_volume(combine_segments=True)
    # highdicom's affine takes (slice, row, column).
    toLps = volume.affine[:, [2, 1, 0, 3]]
    np.testing.assert_allclose(pointsOf(volume.array, toLps), expected, atol=0.01)


def test_dcmqiFindsEveryVoxelWhereItWas(written, tmp_path):
    path, expected, _paths = written
    (tmp_path / "out").mkdir()
    run("segimage2itkimage", "--inputDICOM", path, "--outputDirectory", tmp_path / "out", "-t", "nrrd")
    image = SimpleITK.ReadImage(str(next((tmp_path / "out").glob("*.nrrd"))))
    toLps = np.eye(4)
    toLps[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    toLps[:3, 3] = image.GetOrigin()
    np.testing.assert_allclose(pointsOf(SimpleITK.GetArrayFromImage(image), toLps), expected, atol=0.01)
    meta = json.loads(next((tmp_path / "out").glob("*.json")).read_text())
    assert meta["segmentAttributes"][0][0]["SegmentedPropertyTypeCodeSequence"]["CodeValue"] == "272673000"


def test_conformsAndFitsItsSource(written):
    path, _expected, paths = written
    assert dicomErrors(path) == []
    assert entityErrors([path, *paths]) == []


def test_theJudgesSeeADamagedCopy(written, tmp_path):
    path, _expected, paths = written
    dataset = pydicom.dcmread(path)
    del dataset.SegmentSequence[0].SegmentedPropertyTypeCodeSequence
    dataset.PatientName = "Another^Patient"
    dataset.save_as(tmp_path / "damaged.dcm")
    assert dicomErrors(tmp_path / "damaged.dcm")
    assert entityErrors([tmp_path / "damaged.dcm", *paths])


def test_saysWhoseAndWhatItIs(written):
    path, _expected, paths = written
    dataset, source = pydicom.dcmread(path), pydicom.dcmread(paths[0])
    for keyword in ("PatientID", "PatientName", "PatientBirthDate", "StudyInstanceUID", "FrameOfReferenceUID"):
        assert dataset[keyword].value == source[keyword].value
    segment = dataset.SegmentSequence[0]
    assert (dataset.SegmentationType, segment.SegmentAlgorithmType) == ("BINARY", "SEMIAUTOMATIC")
    assert segment.SegmentedPropertyCategoryCodeSequence[0].CodeValue == "85756007"
    assert segment.SegmentedPropertyTypeCodeSequence[0].CodingSchemeDesignator == "SCT"
    assert "RecommendedDisplayCIELabValue" in segment
    assert dataset.ContributingEquipmentSequence[-1].PurposeOfReferenceCodeSequence[0].CodeValue == "109102"
    references = dataset.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    assert {item.ReferencedSOPInstanceUID for item in references} <= {
        pydicom.dcmread(path).SOPInstanceUID for path in paths
    }


def test_dcmtkReadsIt(written):
    path = written[0]
    assert json.loads(run("dcm2json", path))["00080060"]["Value"] == ["SEG"]


def test_realSkullConforms(skullPaths, tmp_path, aMaking, anAlgorithm):
    import highdicom

    voxels = np.stack([pydicom.dcmread(path).pixel_array for path in skullPaths])
    mask = (voxels >= 300).astype(np.uint8)
    dataset = buildSegmentation(readSource(skullPaths), aMaking, [boneSegment(mask)], anAlgorithm)
    dataset.save_as(tmp_path / "seg.dcm")
    assert dicomErrors(tmp_path / "seg.dcm") == []
    assert entityErrors([tmp_path / "seg.dcm", *skullPaths]) == []
    assert int(highdicom.seg.segread(tmp_path / "seg.dcm").get_volume(combine_segments=True).array.sum()) == mask.sum()


NAMES = [
    ("ISO_IR 100", "Müller^Zoë"),
    ("ISO_IR 144", "Иванова^Анна"),
    (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎"),
]


@pytest.mark.parametrize("charset, name", NAMES)
def test_namesInAnyCharacterSetStayTheSame(tmp_path, aMaking, anAlgorithm, charset, name):
    paths, _matrix = writeSeries(tmp_path, SpecificCharacterSet=charset, PatientName=name)
    dataset = buildSegmentation(readSource(paths), aMaking, [boneSegment(asymmetricMask())], anAlgorithm)
    dataset.save_as(tmp_path / "seg.dcm")
    assert str(pydicom.dcmread(tmp_path / "seg.dcm").PatientName) == name
    assert dicomErrors(tmp_path / "seg.dcm") == []


def test_impossibleHeaderValuesAreLeftEmpty(tmp_path, aMaking, anAlgorithm):
    with pydicom.config.disable_value_validation():
        paths, _matrix = writeSeries(
            tmp_path, PatientSex="W", PatientBirthDate="unknown", AcquisitionDate="x", TimezoneOffsetFromUTC="UTC"
        )
    source = readSource(paths)
    seg = buildSegmentation(source, aMaking, [boneSegment(asymmetricMask())], anAlgorithm)
    model = buildEncapsulatedModel(source, aMaking, tetrahedronStl(), Model("Bone"))
    for dataset in (seg, model):
        assert not dataset.PatientSex and not dataset.PatientBirthDate and "TimezoneOffsetFromUTC" not in dataset
    assert not model.AcquisitionDateTime
    assert pydicom.dcmread(paths[0]).PatientSex == "W"


def test_overlongIdentifiersAreCopiedWhole(tmp_path, aMaking, anAlgorithm):
    with pydicom.config.disable_value_validation():
        paths, _matrix = writeSeries(tmp_path, AccessionNumber="A" * 30, PatientID="P" * 80)
    source = readSource(paths)
    seg = buildSegmentation(source, aMaking, [boneSegment(asymmetricMask())], anAlgorithm)
    model = buildEncapsulatedModel(source, aMaking, tetrahedronStl(), Model("Bone"))
    for name, dataset in (("seg.dcm", seg), ("part.dcm", model)):
        dataset.save_as(tmp_path / name)
        written = pydicom.dcmread(tmp_path / name)
        assert (written.AccessionNumber, written.PatientID) == ("A" * 30, "P" * 80)


def test_timesAreInTheSourcesTimeZone(tmp_path, aMaking, anAlgorithm):
    paths, _matrix = writeSeries(tmp_path, TimezoneOffsetFromUTC="+0530")
    seg = buildSegmentation(readSource(paths), aMaking, [boneSegment(asymmetricMask())], anAlgorithm)
    written = datetime.datetime.strptime(f"{seg.ContentDate}{seg.ContentTime}+0530", "%Y%m%d%H%M%S.%f%z")
    assert (written, seg.TimezoneOffsetFromUTC) == (aMaking.when, "+0530")


@pytest.fixture
def aSegmentationNode():
    """A segmentation node with the asymmetric mask on a given source's grid, and the means to make it."""
    scene = slicer.vtkMRMLScene()

    def make(source, mask=None, terminology=Segments.BONE_TERMINOLOGY, shiftMm=0.0):
        node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
        toRas = np.diag([-1.0, -1.0, 1.0, 1.0]) @ source.ijkToLps
        toRas[0, 3] += shiftMm
        matrix = slicer.util.vtkMatrixFromArray(toRas)
        Segments.addSegment(node, asymmetricMask() if mask is None else mask, matrix, "Bone", terminology, (1, 1, 0))
        return node

    yield make
    scene.Clear(1)


@pytest.mark.parametrize("orientation", [AXIAL, SAGITTAL, OBLIQUE])
def test_nodeBecomesTheSameMask(aSegmentationNode, tmp_path, orientation):
    source = readSource(writeSeries(tmp_path, orientation)[0])
    (segment,) = segmentsOnSource(aSegmentationNode(source), source)
    assert segment.mask.shape == SHAPE
    np.testing.assert_array_equal(segment.mask, asymmetricMask())
    assert segment.propertyType == ("272673000", "SCT", "Bone")


def test_refusesANodeOnAnotherGrid(aSegmentationNode, aSource):
    with pytest.raises(InputRefused) as refused:
        segmentsOnSource(aSegmentationNode(aSource, shiftMm=0.3), aSource)
    assert refused.value.code == "other-grid"


def test_refusesAMovedNode(aSegmentationNode, aSource):
    node = aSegmentationNode(aSource)
    transform = node.GetScene().AddNewNodeByClass("vtkMRMLLinearTransformNode")
    node.SetAndObserveTransformNodeID(transform.GetID())
    with pytest.raises(InputRefused) as refused:
        segmentsOnSource(node, aSource)
    assert refused.value.code == "other-grid"


def test_refusesAnUncodedSegment(aSegmentationNode, aSource):
    with pytest.raises(InputRefused) as refused:
        segmentsOnSource(aSegmentationNode(aSource, terminology=""), aSource)
    assert refused.value.code == "segment-not-coded"


def test_terminologyKeepsTheRegion():
    entry = "list~SCT^123037004^Anatomical Structure~SCT^272673000^Bone~^^~regions~SCT^69536005^Head~^^"
    assert parseTerminology(entry, "Bone")[3] == ("69536005", "SCT", "Head")


def test_theSideOfAStructureIsCoded(tmp_path, aSource, aMaking, anAlgorithm):
    kidney = ("64033007", "SCT", "Kidney"), ("7771000", "SCT", "Left")
    entry = "List~SCT^123037004^Anatomical Structure~SCT^64033007^Kidney~SCT^7771000^Left~Regions~^^~^^"
    assert tuple(parseTerminology(entry, "Kidney left")[1:3]) == kidney
    segment = dataclasses.replace(boneSegment(asymmetricMask()), propertyType=kidney[0], modifier=kidney[1])
    dataset = buildSegmentation(aSource, aMaking, [segment], anAlgorithm)
    dataset.save_as(tmp_path / "seg.dcm")
    kept = pydicom.dcmread(tmp_path / "seg.dcm").SegmentSequence[0].SegmentedPropertyTypeCodeSequence[0]
    assert (kept.CodeMeaning, kept.SegmentedPropertyTypeModifierCodeSequence[0].CodeMeaning) == ("Kidney", "Left")
    assert dicomErrors(tmp_path / "seg.dcm") == []


def test_refusesASourceWithoutIdentity(tmp_path):
    paths, _matrix = writeSeries(tmp_path, StudyInstanceUID="")
    with pytest.raises(InputRefused) as refused:
        readSource(paths)
    assert refused.value.code == "source-without-identity"
