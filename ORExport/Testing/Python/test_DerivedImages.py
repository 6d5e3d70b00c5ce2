"""The series with the plan drawn in: everything else as scanned, every slice marked, every reference right."""

import dataclasses
import datetime

import numpy as np
import pydicom
import pytest
import SimpleITK
from Judges import dicomErrors, entityErrors, run
from SmallContent import SHAPE, SmallContent, SmallWriter
from SmallSeries import OBLIQUE

from ORExportLib.BurnedText import stateWords, textBlock, textPixels
from ORExportLib.Dicom import DerivedImages
from ORExportLib.Dicom.DerivedImages import DerivedSeries
from ORExportLib.Dicom.DerivedObject import Making
from ORExportLib.Dicom.SliceMarks import planMarks
from ORExportLib.Dicom.SlicePainting import Painter
from ORExportLib.Dicom.Source import readSource
from Phantom.EnhancedCt import writeEnhanced
from PlanningHubLib.DicomScan import readHeaders
from PlanningHubLib.Errors import InputRefused

MAKING = Making("PH-TEST2345-0001", datetime.datetime.now(datetime.UTC), {"Planning Hub": "0.1.0"})
WORDS = ("NOT APPROVED", "PH-TEST2345-0001  LEFT", DerivedImages.NOTICE)
WINDOW = (400, 40)
MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"


def hu(paths):
    return np.stack([pydicom.dcmread(path).pixel_array for path in paths]).astype(np.int16)


def written(content, folder, voxels, source=None):
    """Write the series of a content as the package does; return its datasets as they are read back."""
    source = source or content.source
    series = DerivedSeries(source, content.making, voxels, planMarks(content), WORDS, WINDOW)
    writer = SmallWriter(folder)
    for number in range(len(voxels)):
        writer.object(series.image(number), f"{number:04}.dcm", str(number))
    datasets = [pydicom.dcmread(path) for path in writer.paths.values()]
    # What is kept in memory stays what it was when the next ones are made.
    for kept, dataset in zip(writer.datasets.values(), datasets, strict=True):
        assert kept.SOPInstanceUID == dataset.SOPInstanceUID == kept.file_meta.MediaStorageSOPInstanceUID
    return datasets


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """An oblique content, the source's HU, the folder of its derived series and the datasets."""
    folder = tmp_path_factory.mktemp("drawn")
    content = SmallContent(folder / "ct", MAKING, OBLIQUE)
    voxels = hu(content.paths) + np.random.default_rng(1).integers(-50, 1500, SHAPE, np.int16)
    return content, voxels, folder / "out", written(content, folder / "out", voxels)


def mayDiffer(content):
    """The pixels that marks, their dark borders, numbers, legend and words may take."""
    allowed = np.zeros(SHAPE, bool)
    for mark in planMarks(content):
        for slice_, row, column in mark.pixels:
            allowed[slice_, max(0, row - 1) : row + 2, max(0, column - 1) : column + 2] = True
    words = textBlock(WORDS, 9, SHAPE[2])
    allowed[:, : len(words), : words.shape[1]] = True
    return allowed


def isDrawnOn(content):
    """The pixels (slices, rows, columns) that look alike whatever was there before."""
    painter = Painter(planMarks(content), SHAPE, WORDS, 1, 0)
    images = [np.full(SHAPE[1:], value) for value in (7, 8)]
    return np.stack([np.equal(*(painter.painted(number, one) for one in images)) for number in range(SHAPE[0])])


def test_whatIsNotDrawnOnIsAsScanned(drawn):
    content, voxels, _folder, datasets = drawn
    values = np.stack([one.pixel_array * one.RescaleSlope + one.RescaleIntercept for one in datasets])
    changed = values != voxels
    assert not changed[~isDrawnOn(content)].any() and isDrawnOn(content).mean() < 0.6
    extra = changed & ~mayDiffer(content)
    # What is left are numbers and legend: small, bright and dark, on slices that have marks, at the lower border too.
    assert set(np.unique(values[extra])) <= {DerivedImages.BRIGHT_HU, DerivedImages.DARK_HU}
    assert 0 < extra.mean() < 0.15
    assert set(np.unique(values[changed])) == {DerivedImages.BRIGHT_HU, DerivedImages.DARK_HU}


def test_everyMarkIsBrightWithinDarkInEveryWindow(drawn):
    content, _voxels, _folder, datasets = drawn
    bright = np.stack([one.pixel_array for one in datasets]) == DerivedImages.BRIGHT_HU
    dark = np.stack([one.pixel_array for one in datasets]) == DerivedImages.DARK_HU
    for mark in planMarks(content):
        pixels = mark.pixels[(mark.pixels[:, 1] > 40) & (mark.pixels[:, 1] < 80) & (mark.pixels[:, 2] > 70)]
        if mark.name in ("Plate", "Cut"):
            assert bright[tuple(pixels.T)].mean() > 0.9
            beside = (
                dark[pixels[:, 0], pixels[:, 1], pixels[:, 2] + 1]
                | bright[pixels[:, 0], pixels[:, 1], pixels[:, 2] + 1]
            )
            assert beside.all()
    for width, level in ((400, 40), (1800, 400)):
        low, high = level - width / 2, level + width / 2
        assert high < DerivedImages.BRIGHT_HU and low > DerivedImages.DARK_HU


def test_theWordsStandOnEverySlice(drawn):
    _content, _voxels, _folder, datasets = drawn
    block = textBlock(WORDS, 9, SHAPE[2])
    assert block.shape[1] < SHAPE[2]
    for dataset in datasets:
        corner = dataset.pixel_array[: len(block), : block.shape[1]]
        np.testing.assert_array_equal(corner == DerivedImages.BRIGHT_HU, block > 0.4)
        assert dataset.BurnedInAnnotation == "YES"
        assert "not approved" in dataset.SeriesDescription and "not approved" in dataset.ImageComments


def test_theWordsOfOneStateAreNotThoseOfAnother():
    approved = dataclasses.replace(MAKING, isApproved=True)
    assert (stateWords(MAKING), stateWords(approved)) == ("NOT APPROVED", "APPROVED")
    assert stateWords(approved, "education") == "FOR EDUCATION"
    for word in ("中", "שלום", "é"):
        assert not np.array_equal(textPixels(word, 20), textPixels("□" * len(word), 20))
    assert np.array_equal(textPixels("a\n\u1826", 20), textPixels("a □", 20)), "no font has it"
    letters = textPixels("NOT", 20)
    assert letters.max() > 0.9 and not np.array_equal(letters, textPixels("TON", 20))
    # Upright and not mirrored: an L is heavy at the left and at the bottom.
    rows, columns = np.nonzero(textPixels("L", 40) > 0.5)
    assert rows.mean() > (rows.min() + rows.max()) / 2 and columns.mean() < (columns.min() + columns.max()) / 2


def test_theJudgesFindNothing(drawn, tmp_path):
    content, _voxels, folder, datasets = drawn
    paths = sorted(folder.glob("*.dcm"))
    assert [error for path in paths[:2] for error in dicomErrors(path)] == []
    assert entityErrors([*content.paths, *paths]) == []
    assert "writing frame 1" in run("dcm2pnm", "-v", paths[3], tmp_path / "slice.pgm")
    broken = pydicom.dcmread(paths[0])
    del broken.RescaleSlope
    broken.PatientName = "Roe^Al"
    broken.save_as(tmp_path / "broken.dcm")
    assert dicomErrors(tmp_path / "broken.dcm") != []
    assert entityErrors([*paths, tmp_path / "broken.dcm"]) != []


def test_anotherReaderSeesTheSourcesVolume(drawn):
    content, voxels, folder, _datasets = drawn
    image = SimpleITK.ReadImage([str(path) for path in sorted(folder.glob("*.dcm"))])
    source = SimpleITK.ReadImage([str(path) for path in content.paths])
    np.testing.assert_allclose(image.GetOrigin(), source.GetOrigin(), atol=1e-6)
    np.testing.assert_allclose(image.GetSpacing(), source.GetSpacing(), atol=1e-6)
    np.testing.assert_allclose(image.GetDirection(), source.GetDirection(), atol=1e-6)
    assert (SimpleITK.GetArrayFromImage(image) == voxels)[~isDrawnOn(content)].all()


def test_everySliceSaysWhereItComesFrom(drawn):
    content, _voxels, _folder, datasets = drawn
    assert len({one.SOPInstanceUID for one in datasets}) == len({one.InstanceNumber for one in datasets}) == SHAPE[0]
    assert len({one.SeriesInstanceUID for one in datasets}) == 1
    for dataset, path in zip(datasets, content.paths, strict=True):
        source = pydicom.dcmread(path)
        (reference,) = dataset.SourceImageSequence
        assert reference.ReferencedSOPInstanceUID == source.SOPInstanceUID
        assert dataset.SeriesInstanceUID != source.SeriesInstanceUID
        for keyword in ("FrameOfReferenceUID", "StudyInstanceUID", "PatientID", "ImagePositionPatient", "KVP"):
            assert dataset[keyword].value == source[keyword].value, keyword
        assert list(dataset.ImageType[:2]) == ["DERIVED", "SECONDARY"] and dataset.DerivationDescription
        assert dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID


def test_theDatasetsOfTheSlicesStayApart(tmp_path):
    """What lists them later needs each one's own identifier."""
    content = SmallContent(tmp_path, MAKING)
    series = DerivedSeries(content.source, content.making, hu(content.paths), planMarks(content), WORDS, WINDOW)
    images = [series.image(number) for number in range(SHAPE[0])]
    assert len({image.SOPInstanceUID for image in images}) == len(images)
    assert [image.InstanceNumber for image in images] == list(range(1, SHAPE[0] + 1))


def test_noPlanNoSeries(tmp_path, aMaking):
    content = SmallContent(tmp_path / "ct", aMaking)
    content.bodies, content.objects, content.document = (), {}, None
    assert list(DerivedImages.derivedImages(content, lambda *_: None)) == []


def test_unsignedCtKeepsItsRescale(tmp_path, aMaking):
    content = SmallContent(
        tmp_path / "ct", aMaking, RescaleIntercept=-1024, PixelRepresentation=0, BitsStored=12, HighBit=11
    )
    voxels = hu(content.paths) - np.int16(1024)
    datasets = written(content, tmp_path / "out", voxels)
    assert {(one.RescaleIntercept, one.PixelRepresentation) for one in datasets} == {(-1024, 0)}
    stored, source = np.stack([one.pixel_array for one in datasets]), hu(content.paths)
    assert stored.max() == 3000 + 1024 and (stored == source)[~isDrawnOn(content)].all()
    assert dicomErrors(tmp_path / "out" / "0000.dcm") == []


@pytest.mark.parametrize(
    ("part", "side", "said"),
    [("HEAD", "", None), ("KNEE", "R", "R"), ("KNEE", None, ""), (None, None, ""), ("Kopf", None, "")],
)
def test_aSideIsSaidOfPairedPartsOnly(tmp_path, aMaking, part, side, said):
    named = {"BodyPartExamined": part, "Laterality": side}
    content = SmallContent(
        tmp_path / "ct", aMaking, **{key: value for key, value in named.items() if value is not None}
    )
    dataset = written(content, tmp_path / "out", hu(content.paths))[0]
    assert dataset.get("Laterality") == said
    assert dataset.get("BodyPartExamined") == (part if part != "Kopf" else None)
    assert dicomErrors(tmp_path / "out" / "0000.dcm") == []


def test_mrWithASlopePerSliceKeepsWhatIsStored(tmp_path, aMaking):
    more = {
        "SOPClassUID": MR_IMAGE, "Modality": "MR", "ScanningSequence": "GR", "SequenceVariant": "NONE",
        "ScanOptions": "", "MRAcquisitionType": "3D", "EchoTime": 3.1, "EchoTrainLength": 1, "RepetitionTime": 9.0,
        "PixelRepresentation": 0,
    }  # fmt: skip
    content = SmallContent(tmp_path / "ct", aMaking, **more)
    for number, path in enumerate(content.paths):
        dataset = pydicom.dcmread(path)
        dataset.RescaleSlope, dataset.RescaleIntercept = 1.37 + 0.01 * number, -3.5
        del dataset.RescaleType
        dataset.save_as(path)
    stored = hu(content.paths)
    source = readSource(content.paths)
    slopes = np.array([slope for slope, _intercept in source.rescales])
    np.testing.assert_allclose(slopes, 1.37 + 0.01 * np.arange(SHAPE[0]))
    voxels = stored * slopes[:, None, None] - 3.5
    datasets = written(content, tmp_path / "out", voxels, source)
    assert {one.SOPClassUID for one in datasets} == {MR_IMAGE} and {one.Modality for one in datasets} == {"MR"}
    same = np.stack([one.pixel_array for one in datasets]) == stored
    assert same[~isDrawnOn(content)].all()
    assert dicomErrors(tmp_path / "out" / "0000.dcm") == []
    assert (datasets[0].WindowWidth, datasets[0].WindowCenter) == WINDOW


def test_framesOfOneFileBecomeSlicesInTheirOrder(tmp_path, aMaking):
    content = SmallContent(tmp_path / "ct", aMaking)
    voxels = hu(content.paths)
    order = [3, 0, 5, 1, 4, 2, 6]
    path = writeEnhanced(content.paths, tmp_path / "enhanced.dcm", order)
    headers = sorted(readHeaders([path]), key=lambda header: header.positionLps[2])
    source = readSource([path], headers)
    datasets = written(content, tmp_path / "out", voxels, source)
    image = pydicom.dcmread(path)
    for number, dataset in enumerate(datasets):
        (reference,) = dataset.SourceImageSequence
        assert reference.ReferencedSOPInstanceUID == image.SOPInstanceUID
        assert reference.ReferencedFrameNumber == order.index(number) + 1
        np.testing.assert_allclose(dataset.ImagePositionPatient, pydicom.dcmread(content.paths[number])
                                   .ImagePositionPatient)  # fmt: skip
        assert "NumberOfFrames" not in dataset and dataset.Rows == SHAPE[1]
    assert [error for one in sorted((tmp_path / "out").glob("*"))[:2] for error in dicomErrors(one)] == []


def test_valuesBeyond16BitsAreRefused(tmp_path, aMaking):
    content = SmallContent(tmp_path / "ct", aMaking)
    voxels = hu(content.paths).astype(np.int32)
    voxels[2, 3, 4] = 40_000
    with pytest.raises(InputRefused) as refused:
        written(content, tmp_path / "out", voxels)
    assert refused.value.code == "cannot-draw-in"
