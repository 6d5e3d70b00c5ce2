"""Masks from files: on the scan's voxels however their axes turn, and never of another image or patient."""

import json
import os
from pathlib import Path

import numpy
import pytest
import SimpleITK
from StructureMaking import PROCEDURE, SHAPE, boneCase, masksOf, segmented, writeProcedure

from Phantom.DicomSeries import writeSeries
from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import GateRefused, InputRefused
from PlanningHubLib.Import import importSeries
from PlanningHubLib.Procedures import readProcedure
from PlanningHubLib.Segmenting.LabelFiles import readLabelFile
from PlanningHubLib.Volumes import readGeometry, seriesPaths

LABELS = {5: "Organ"}


def organMap(value=5):
    """A map that no flip or turn maps onto itself; array (slices, rows, columns)."""
    labels = numpy.zeros(SHAPE, numpy.uint8)
    labels[1:4, 6:9, 10:18] = value
    labels[1, 9:12, 10] = value
    labels[5, 0, 0] = 9
    return labels


ORGAN = organMap() == 5


@pytest.fixture
def aBoneCase(tmp_path, ownHome):
    return boneCase(tmp_path, ownHome)


@pytest.fixture
def aGrid(aBoneCase):
    case = Case.open(aBoneCase)
    return readGeometry(case, case.latest("source"))


def imageOf(array, geometry):
    """Return a SimpleITK image of an array on the scan's grid."""
    image = SimpleITK.GetImageFromArray(array)
    spacing = numpy.linalg.norm(geometry.ijkToLps[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((geometry.ijkToLps[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(geometry.ijkToLps[:3, 3].tolist())
    return image


def written(tmp_path, image, name="labels.nii.gz"):
    SimpleITK.WriteImage(image, str(tmp_path / name))
    return tmp_path / name


def read(path, geometry, labels=LABELS, frame=None):
    return readLabelFile(Path(path), labels, geometry.shape, geometry.ijkToRas, frame)


def dataFile(name):
    path = Path(os.environ.get("PLANNINGHUB_TEST_DATA") or Path(__file__).parents[4] / "shared" / "data") / name
    if not path.is_file():
        pytest.skip(f"no {name} in {path.parent}; set PLANNINGHUB_TEST_DATA")
    return path


@pytest.mark.parametrize("name", ["labels.nii.gz", "labels.nrrd", "labels.mha", "labels.nii"])
def test_labelMapOfTheScan(tmp_path, aGrid, name):
    masks, provenance, findings = read(written(tmp_path, imageOf(organMap(), aGrid), name), aGrid)
    assert list(masks) == ["Organ"] and numpy.array_equal(masks["Organ"], ORGAN)
    assert provenance["labels"] == {"5": "Organ"} and len(provenance["sha256"]) == 64
    assert [one.code for one in findings] == ["mask-without-identity"]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (0, 2, 1)])
@pytest.mark.parametrize("flips", [(False,) * 3, (True, True, False), (False, False, True), (True, True, True)])
def test_turnedAndFlippedAxesAreTheSameGrid(tmp_path, aGrid, order, flips):
    image = SimpleITK.Flip(SimpleITK.PermuteAxes(imageOf(organMap(), aGrid), order), flips)
    masks, _provenance, _findings = read(written(tmp_path, image), aGrid)
    assert numpy.array_equal(masks["Organ"], ORGAN)


def test_partOfTheScanAndNumbersWithAPoint(tmp_path, aGrid):
    image = SimpleITK.Cast(imageOf(organMap(), aGrid)[9:20, 5:15, 1:5], SimpleITK.sitkFloat32)
    assert numpy.array_equal(read(written(tmp_path, image), aGrid)[0]["Organ"], ORGAN)


def test_twoLabelsMayBeOneStructure(tmp_path, aGrid):
    masks = read(written(tmp_path, imageOf(organMap(), aGrid)), aGrid, {5: "Organ", 9: "Organ"})[0]
    assert numpy.array_equal(masks["Organ"], organMap() > 0)


def moved(image, shift=(0, 0, 0), scale=1.0, turnDegrees=0.0):
    turn = numpy.radians(turnDegrees)
    rotation = [numpy.cos(turn), -numpy.sin(turn), 0, numpy.sin(turn), numpy.cos(turn), 0, 0, 0, 1]
    image.SetOrigin([a + b for a, b in zip(image.GetOrigin(), shift, strict=True)])
    image.SetSpacing([one * scale for one in image.GetSpacing()])
    image.SetDirection((numpy.array(image.GetDirection()).reshape(3, 3) @ numpy.reshape(rotation, (3, 3))).ravel())
    return image


@pytest.mark.parametrize(
    "change",
    [{"shift": (0.4, 0, 0)}, {"shift": (0, 0, 3.0)}, {"scale": 1.01}, {"turnDegrees": 1.0}, {"shift": (-8.0, 0, 0)}],
)
def test_otherVoxelsAreRefused(tmp_path, aGrid, change):
    with pytest.raises(InputRefused) as refused:
        read(written(tmp_path, moved(imageOf(organMap(), aGrid), **change)), aGrid)
    assert refused.value.code == "other-grid" and refused.value.action


def test_labelThatIsNotThereIsRefused(tmp_path, aGrid):
    path = written(tmp_path, imageOf(organMap(), aGrid))
    for labels in ({6: "Organ"}, {}, {0: "Organ"}):
        with pytest.raises(InputRefused) as refused:
            read(path, aGrid, labels)
        assert refused.value.code == "no-such-label"


def test_noLabelMapIsRefused(tmp_path, aGrid):
    half = written(tmp_path, imageOf(organMap() / 2, aGrid))
    (tmp_path / "text.nii").write_text("no image")
    vectors = SimpleITK.Compose(imageOf(organMap(), aGrid), imageOf(organMap(), aGrid))
    cases = ((half, "no-label-map"), (tmp_path / "text.nii", "cannot-read"), (tmp_path / "none.nii", "cannot-read"),
             (written(tmp_path, vectors, "vectors.nrrd"), "no-label-map"))  # fmt: skip
    for path, code in cases:
        with pytest.raises(InputRefused) as refused:
            read(path, aGrid)
        assert refused.value.code == code


# DICOM Segmentations, as another maker's library writes them


def writeSegmentation(folder, path, mask, value=5):
    """Write a mask as DICOM Segmentation of a case's scan."""
    import highdicom
    import pydicom
    from pydicom.sr.codedict import codes

    case = Case.open(folder)
    images = [pydicom.dcmread(one) for one in seriesPaths(case, case.latest("source"))]
    described = [
        highdicom.seg.SegmentDescription(
            number, f"Segment {number}", codes.SCT.Tissue, codes.SCT.Bone,
            highdicom.seg.SegmentAlgorithmTypeValues.MANUAL,
        )
        for number in range(1, value + 1)
    ]  # fmt: skip
    pixels = numpy.stack([mask if number == value else numpy.zeros_like(mask) for number in range(1, value + 1)], -1)
    highdicom.seg.Segmentation(
        images, pixels.astype(numpy.uint8), "BINARY", described, highdicom.UID(), 1, highdicom.UID(), 1, "Maker",
        "Model", "1", "2",
    ).save_as(path)  # fmt: skip


def frameOf(folder):
    return Case.open(folder).latest("source").facts["frameOfReferenceUid"]


def test_dicomSegmentationOfTheScan(tmp_path, aBoneCase, aGrid):
    writeSegmentation(aBoneCase, tmp_path / "seg.dcm", ORGAN)
    masks, provenance, findings = read(tmp_path / "seg.dcm", aGrid, frame=frameOf(aBoneCase))
    assert numpy.array_equal(masks["Organ"], ORGAN) and findings == []
    assert provenance["segments"]["5"]["algorithmType"] == "MANUAL"


def test_dicomSegmentationOfAnotherPatientIsRefused(tmp_path, aBoneCase, aGrid, ownHome):
    other = boneCase(tmp_path, ownHome, "other", patientId="OTHER-1")
    writeSegmentation(other, tmp_path / "seg.dcm", ORGAN)
    assert frameOf(other) != frameOf(aBoneCase)
    with pytest.raises(GateRefused) as refused:
        read(tmp_path / "seg.dcm", aGrid, frame=frameOf(aBoneCase))
    assert refused.value.code == "other-frame-of-reference"


def test_otherDicomIsRefused(aBoneCase, aGrid):
    case = Case.open(aBoneCase)
    with pytest.raises(InputRefused) as refused:
        read(seriesPaths(case, case.latest("source"))[0], aGrid, frame=frameOf(aBoneCase))
    assert refused.value.code == "no-label-map"


# On real data


def test_referenceLabelsOfTheTorsoBecomeStructures(tmp_path, aSession, ownHome):
    """The reference labels' volumes are those that the data's own list states."""
    # Voxels of 3 mm are too coarse for the procedure's own limits.
    writeProcedure(ownHome, readProcedure("soft-tissue").structures, riskStructures=[])
    scan = SimpleITK.ReadImage(str(dataFile("ct_torso_3mm.nii.gz")))
    direction = numpy.array(scan.GetDirection()).reshape(3, 3)
    array = SimpleITK.GetArrayFromImage(scan).clip(-1024).astype(numpy.int16)
    writeSeries(tmp_path / "ct", array, scan.GetSpacing(), scan.GetOrigin(), directionLps=direction)
    importSeries(tmp_path / "ct", tmp_path / "case", procedure=PROCEDURE)
    known = json.loads(dataFile("labels.json").read_text())["ct_torso_3mm_labels.nii.gz"]
    wanted = {"Liver": "liver", "Spleen": "spleen", "Aorta": "aorta"}
    wanted = {name: known[label] for name, label in wanted.items() if label in known}
    assert wanted
    case = Case.open(tmp_path / "case")
    geometry = readGeometry(case, case.latest("source"))
    labels = {one["label"]: name for name, one in wanted.items()}
    masks, provenance, _findings = read(dataFile("ct_torso_3mm_labels.nii.gz"), geometry, labels)
    facts = segmented(tmp_path / "case", aSession, masks=masks, provenance=provenance).facts["structures"]
    for name, one in wanted.items():
        assert facts[name]["volumeMl"] == pytest.approx(one["volume_ml"], abs=0.06)
    assert numpy.array_equal(masksOf(tmp_path / "case", aSession)["Liver"], masks["Liver"])
