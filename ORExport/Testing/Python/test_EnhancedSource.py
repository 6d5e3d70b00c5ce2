"""A package of one multi-frame file: every voxel where it was, every reference to the right frame, judges content."""

import json
import shutil

import numpy as np
import pydicom
import pytest
import SimpleITK
from Judges import dicomErrors, encapsulatedDocument, entityErrors, run
from SmallSeries import AXIAL, OBLIQUE, SHAPE, addPart, asymmetricMask, tetrahedronStl, writeSeries

from ORExportLib.Dicom.Source import readSource
from ORExportLib.Package import exportPackage, makePackage
from ORExportLib.Verify import verifyPackage
from Phantom.EnhancedCt import writeEnhanced
from PlanningHubLib import Pictures
from PlanningHubLib.Case import Case
from PlanningHubLib.Consent import recordConsent
from PlanningHubLib.DicomScan import readHeaders
from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Import import examine, importSeries
from PlanningHubLib.Segmentation import segmentBone
from PlanningHubLib.Session import Session

SHUFFLED = [3, 0, 5, 1, 4, 2]
FORMS = {
    "axial": {"orientation": AXIAL},
    "reversed": {"orientation": AXIAL, "order": [5, 4, 3, 2, 1, 0]},
    "oblique": {"orientation": OBLIQUE, "order": SHUFFLED},
    "perFrame": {"orientation": AXIAL, "order": SHUFFLED, "perFrame": True},
    "twoPhases": {"orientation": OBLIQUE, "order": SHUFFLED, "phases": 2},
    "legacy": {"orientation": AXIAL, "legacy": True},
}


def writeForm(folder, orientation, legacy=False, **form):
    """Write one multi-frame file; return its path, those of the slices, and (column, row, slice) to LPS."""
    (folder / "slices").mkdir()
    paths, matrix = writeSeries(folder / "slices", orientation)
    if not legacy:
        return writeEnhanced(paths, folder / "enhanced.dcm", **form), paths, matrix
    import highdicom

    images = [pydicom.dcmread(path) for path in paths]
    uids = [f"2.25.{number}" for number in (81, 82)]
    highdicom.legacy.LegacyConvertedEnhancedCTImage(images, uids[0], 7, uids[1], 1).save_as(folder / "legacy.dcm")
    return folder / "legacy.dcm", paths, matrix


@pytest.fixture(scope="module", params=FORMS)
def packaged(request, tmp_path_factory):
    """The exported package of a multi-frame file, the file it came from, and (column, row, slice) to LPS."""
    folder = tmp_path_factory.mktemp(request.param)
    path, _slices, matrix = writeForm(folder, **FORMS[request.param])
    uid = sorted(series.uid for series in examine(path).series)[-1]
    with pytest.MonkeyPatch.context() as patch, Session.start() as session:
        patch.setenv("PLANNINGHUB_HOME", str(folder / "home"))
        patch.setattr(Pictures, "requireRendering", _refuse)
        importSeries(path, folder / "case", uid, side="left")
        with Case.open(folder / "case", writable=True) as case:
            recordConsent(case, "treatment", "2026-01-31", "test 1")
            segmentBone(case, session, closingVoxels=0)
            addPart(case)
            exportPackage(case, makePackage(case, session), folder / "package")
    return folder / "package", path, matrix


def _refuse():
    raise Pictures.PicturesUnavailable("not needed here")


def objectIn(package, name):
    return next(package.glob(f"*-{name}.dcm"))


def pointsOf(mask, ijkToLps):
    slices, rows, columns = np.nonzero(mask)
    points = np.column_stack([columns, rows, slices, np.ones(len(slices))]) @ np.asarray(ijkToLps).T
    return points[np.lexsort(points[:, :3].round(2).T), :3]


def test_everyVoxelIsWhereItWasAndTheJudgesAgree(packaged, tmp_path):
    import highdicom

    package, path, matrix = packaged
    assert verifyPackage(package) == []
    for name in ("segmentation", "part", "briefing"):
        assert dicomErrors(objectIn(package, name)) == []
    # A converted image itself refers to the images it was converted from.
    assert set(entityErrors([path, *package.glob("*.dcm")])) <= set(entityErrors([path]))
    expected = pointsOf(asymmetricMask(), matrix)
    volume = highdicom.seg.segread(objectIn(package, "segmentation")).get_volume(combine_segments=True)
    np.testing.assert_allclose(pointsOf(volume.array, volume.affine[:, [2, 1, 0, 3]]), expected, atol=0.01)
    (tmp_path / "out").mkdir()
    run("segimage2itkimage", "--inputDICOM", objectIn(package, "segmentation"), "--outputDirectory", tmp_path / "out",
        "-t", "nrrd")  # fmt: skip
    image = SimpleITK.ReadImage(str(next((tmp_path / "out").glob("*.nrrd"))))
    toLps = np.eye(4)
    toLps[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    toLps[:3, 3] = image.GetOrigin()
    np.testing.assert_allclose(pointsOf(SimpleITK.GetArrayFromImage(image), toLps), expected, atol=0.01)
    assert json.loads(run("dcm2json", objectIn(package, "segmentation")))["00080060"]["Value"] == ["SEG"]


def test_everyReferenceResolvesToTheFrameItWasMadeFrom(packaged):
    package, path, _matrix = packaged
    source, seg = pydicom.dcmread(path), pydicom.dcmread(objectIn(package, "segmentation"))
    assert len(seg.PerFrameFunctionalGroupsSequence) == 4
    spacing = seg.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert [float(value) for value in spacing.PixelSpacing] == [0.6, 0.8] and float(spacing.SliceThickness) == 1.5
    named = []
    for frame, mask in zip(seg.PerFrameFunctionalGroupsSequence, seg.pixel_array, strict=True):
        (derivation,) = frame.DerivationImageSequence
        (image,) = derivation.SourceImageSequence
        assert (image.ReferencedSOPInstanceUID, image.ReferencedSOPClassUID) == (
            source.SOPInstanceUID, source.SOPClassUID
        )  # fmt: skip
        number = int(image.ReferencedFrameNumber)
        named.append(number)
        position = source.PerFrameFunctionalGroupsSequence[number - 1].PlanePositionSequence[0].ImagePositionPatient
        place = frame.PlanePositionSequence[0].ImagePositionPatient
        np.testing.assert_allclose([float(value) for value in position], [float(value) for value in place], atol=1e-6)
        # The bone of the very frame that is named, of the phase that was chosen.
        np.testing.assert_array_equal(source.pixel_array[number - 1] >= 300, mask != 0)
        phase = source.PerFrameFunctionalGroupsSequence[number - 1].get("CardiacSynchronizationSequence")
        assert not phase or phase[0].NominalPercentageOfCardiacPhase == 10.0
    assert len(set(named)) == len(named)
    referenced = seg.ReferencedSeriesSequence[0]
    assert referenced.SeriesInstanceUID == source.SeriesInstanceUID
    assert [item.ReferencedSOPInstanceUID for item in referenced.ReferencedInstanceSequence] == [source.SOPInstanceUID]


def test_modelAndBriefingReferToTheFileAndTheSegmentation(packaged):
    package, path, _matrix = packaged
    source, seg = pydicom.dcmread(path), pydicom.dcmread(objectIn(package, "segmentation"))
    for name in ("part", "briefing"):
        dataset = pydicom.dcmread(objectIn(package, name))
        assert [item.ReferencedSOPInstanceUID for item in dataset.SourceInstanceSequence] == [
            source.SOPInstanceUID, seg.SOPInstanceUID
        ]  # fmt: skip
        for keyword in ("PatientID", "PatientName", "StudyInstanceUID"):
            assert dataset[keyword].value == source[keyword].value
        assert dataset.ImageLaterality == "L"
    part = pydicom.dcmread(objectIn(package, "part"))
    assert part.FrameOfReferenceUID == seg.FrameOfReferenceUID == source.FrameOfReferenceUID
    assert encapsulatedDocument(objectIn(package, "part")) == tetrahedronStl()


def test_aJudgeSeesAWrongFrameNumber(packaged, tmp_path):
    """The reference test itself is able to fail."""
    package, path, matrix = packaged
    shutil.copytree(package, tmp_path / "damaged")
    target = objectIn(tmp_path / "damaged", "segmentation")
    seg = pydicom.dcmread(target)
    image = seg.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0].SourceImageSequence[0]
    image.ReferencedFrameNumber = 1 + image.ReferencedFrameNumber % SHAPE[0]
    seg.save_as(target)
    with pytest.raises(AssertionError):
        test_everyReferenceResolvesToTheFrameItWasMadeFrom((tmp_path / "damaged", path, matrix))


def test_twoMultiFrameFilesAreRefusedByName(tmp_path):
    (tmp_path / "slices").mkdir()
    paths, _matrix = writeSeries(tmp_path / "slices")
    halves = [writeEnhanced(paths[:3], tmp_path / "a.dcm"), writeEnhanced(paths[3:], tmp_path / "b.dcm")]
    with pytest.raises(InputRefused) as refused:
        readSource(halves, readHeaders(halves))
    assert refused.value.code == "source-several-multi-frame"
