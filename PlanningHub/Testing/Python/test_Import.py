"""Import: what is taken is exact to the last bit and in its place; what is refused is named and leaves nothing."""

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy
import pydicom
import pytest
import SimpleITK
import slicer
from CaseMaking import FAULT_CODES, ORIGIN_LPS, SPACING_MM, asymmetricVoxels, childEnvironment, tree, writeSmallSeries

from Phantom.DicomSeries import byPosition, setStored, writeSeries
from Phantom.Faults import controls, damagedCopy, editAll, faults
from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import Cancelled, GateRefused, InputRefused, PlanningError
from PlanningHubLib.Import import examine, importSeries
from PlanningHubLib.Segmentation import ijkToRasOf
from PlanningHubLib.Volumes import loadSource

# Rows, columns and slices along directions that no axis is parallel to.
OBLIQUE = numpy.linalg.qr(numpy.array([[0.9, -0.2, 0.3], [0.3, 0.95, -0.2], [-0.2, 0.3, 0.9]]))[0]
OBLIQUE = OBLIQUE * numpy.sign(numpy.diag(OBLIQUE))
OBLIQUE[:, 2] = numpy.cross(OBLIQUE[:, 0], OBLIQUE[:, 1])
PLANE = numpy.array([-1.0, -1.0, 1.0])


def sortedByPosition(folder):
    """Sort files along their normal with nothing of the suite."""

    def place(path):
        header = pydicom.dcmread(path, stop_before_pixels=True)
        cosines = numpy.array(header.ImageOrientationPatient, float)
        return numpy.cross(cosines[:3], cosines[3:]) @ numpy.array(header.ImagePositionPatient, float)

    return sorted((path for path in Path(folder).rglob("*") if path.is_file()), key=place)


def readWithSimpleItk(paths):
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames([str(path) for path in paths])
    return reader.Execute()


def loaded(folder, session):
    """Return the voxels and the 4×4 (column, row, slice) to RAS matrix of a case's source."""
    case = Case.open(folder)
    node = loadSource(case, session, case.require("source"))
    return slicer.util.arrayFromVolume(node).copy(), slicer.util.arrayFromVTKMatrix(ijkToRasOf(node))


def matrixOfSimpleItk(image):
    """Return SimpleITK's geometry as a 4×4 matrix to RAS."""
    matrix = numpy.eye(4)
    direction = numpy.array(image.GetDirection()).reshape(3, 3)
    matrix[:3, :3] = PLANE[:, None] * direction * image.GetSpacing()
    matrix[:3, 3] = PLANE * image.GetOrigin()
    return matrix


def matrixOf(direction=None, spacing=SPACING_MM, origin=ORIGIN_LPS):
    matrix = numpy.eye(4)
    matrix[:3, :3] = PLANE[:, None] * (numpy.eye(3) if direction is None else direction) * spacing
    matrix[:3, 3] = PLANE * origin
    return matrix


def assertSameObjectInSpace(voxels, matrix, expected, expectedMatrix):
    """Every voxel of the expected volume is found at its place in RAS, with its intensity."""
    indices = numpy.argwhere(numpy.ones(expected.shape, bool))
    places = numpy.c_[indices[:, ::-1], numpy.ones(len(indices))] @ expectedMatrix.T
    found = places @ numpy.linalg.inv(matrix).T
    assert abs((found.round() - found) * 1.0)[:, :3].max() < 1e-3
    slices, rows, columns = found[:, 2::-1].round().astype(int).T
    assert voxels.shape == expected.shape
    assert numpy.array_equal(voxels[slices, rows, columns], expected[tuple(indices.T)])


def assertLikeSimpleItk(source, caseFolder, session):
    files = sortedByPosition(source)
    expected = readWithSimpleItk(files)
    voxels, matrix = loaded(caseFolder, session)
    reference = SimpleITK.GetArrayFromImage(expected)
    assert numpy.array_equal(voxels, reference) and voxels.dtype in (numpy.int16, reference.dtype)
    # SimpleITK averages no spacing: over the whole stack the two agree to a hundredth of a millimetre.
    assert abs(matrix - matrixOfSimpleItk(expected)).max() < 1e-4
    corner = numpy.array([*voxels.shape[::-1], 1]) - 1
    corner[3] = 1
    assert numpy.linalg.norm((matrix - matrixOfSimpleItk(expected)) @ corner) < 0.01
    case = Case.open(caseFolder)
    kept = [case.path(case.latest("source"), name).read_bytes() for name in case.latest("source").files]
    assert kept == [path.read_bytes() for path in files]


# Exactness


def test_realSkullIsExact(skullFolder, tmp_path, aSession):
    before = tree(skullFolder)
    importSeries(skullFolder, tmp_path / "case")
    assertLikeSimpleItk(skullFolder, tmp_path / "case", aSession)
    assert tree(skullFolder) == before


def test_shuffledNamesMakeNoDifference(skullFolder, tmp_path, aSession):
    paths = sorted(skullFolder.iterdir())
    (tmp_path / "shuffled" / "deep").mkdir(parents=True)
    names = random.Random(3).sample(range(len(paths)), len(paths))
    for number, path in zip(names, paths, strict=True):
        shutil.copy(path, tmp_path / "shuffled" / ("deep" if number % 2 else ".") / f"{number}")
    importSeries(tmp_path / "shuffled", tmp_path / "case")
    importSeries(skullFolder, tmp_path / "straight")
    assertLikeSimpleItk(tmp_path / "shuffled", tmp_path / "case", aSession)
    contents = [Case.open(tmp_path / name).latest("source").content for name in ("case", "straight")]
    assert contents[0] == contents[1]


@pytest.mark.parametrize("direction", [None, OBLIQUE, numpy.diag([-1.0, -1.0, 1.0]), numpy.eye(3)[:, [1, 2, 0]]])
def test_anyOrientationIsExactAndInPlace(tmp_path, aSession, direction):
    directions = {} if direction is None else {"directionLps": direction}
    writeSeries(tmp_path / "ct", asymmetricVoxels(), SPACING_MM, ORIGIN_LPS, **directions)
    importSeries(tmp_path / "ct", tmp_path / "case")
    assertLikeSimpleItk(tmp_path / "ct", tmp_path / "case", aSession)
    voxels, matrix = loaded(tmp_path / "case", aSession)
    assertSameObjectInSpace(voxels, matrix, asymmetricVoxels(), matrixOf(direction))


def test_headPhantomIsExact(tmp_path, aSession):
    from Phantom.HeadPhantom import makeHeadPhantom, smallShape, writeHeadPhantom

    phantom = makeHeadPhantom(smallShape)
    writeHeadPhantom(tmp_path / "ct", phantom)
    importSeries(tmp_path / "ct", tmp_path / "case", side="left")
    assertLikeSimpleItk(tmp_path / "ct", tmp_path / "case", aSession)
    voxels, _matrix = loaded(tmp_path / "case", aSession)
    assert numpy.array_equal(voxels, phantom.voxelsHu)


def test_caseSaysWhatWasImported(anImportedCase, aSeries):
    case = Case.open(anImportedCase)
    source = case.require("source")
    header = pydicom.dcmread(next(aSeries.iterdir()))
    assert case.side == "right"
    assert source.facts["seriesUid"] == header.SeriesInstanceUID == source.parameters["seriesUid"]
    assert source.facts["studyUid"] == header.StudyInstanceUID
    assert source.facts["frameOfReferenceUid"] == header.FrameOfReferenceUID
    assert source.facts["shape"] == list(asymmetricVoxels().shape)
    assert numpy.allclose(source.facts["spacingMm"], SPACING_MM, atol=1e-6)
    assert list(source.files) == [f"dicom/{number:05}.dcm" for number in range(1, len(source.files) + 1)]


def test_sameSeriesAgainIsARevisionOfEqualContent(anImportedCase, aSeries):
    importSeries(aSeries, anImportedCase)
    case = Case.open(anImportedCase)
    assert [(one.id, one.revision) for one in case.artefacts] == [("source-1", 1), ("source-1", 2)]
    assert case.artefacts[0].content == case.artefacts[1].content and case.verify() == []


# Faults and controls


@pytest.fixture
def aTallSeries(tmp_path):
    """Eleven slices, so that no fault leaves too few."""
    writeSmallSeries(tmp_path / "tall", numpy.repeat(asymmetricVoxels(), 2, axis=0)[:11])
    return tmp_path / "tall"


def assertRefused(source, folder, code, error=InputRefused, **options):
    """The import is refused by name, in words, and neither the source nor the case's surroundings change."""
    sourceBefore, before = tree(source) if source.is_dir() else None, tree(folder)
    with pytest.raises(error) as refused:
        importSeries(source, folder / "new" / "case", **options)
    assert refused.value.code == code
    assert len(refused.value.message) > 20
    assert tree(folder) == before
    assert sourceBefore is None or tree(source) == sourceBefore
    return refused.value


def test_everyFaultHasItsCode():
    assert set(FAULT_CODES) == set(faults) - {"localizerInside"} and len(set(FAULT_CODES.values())) == 15
    assert len(controls) == 4


@pytest.mark.parametrize("fault", FAULT_CODES)
def test_faultIsRefusedByName(aTallSeries, tmp_path, fault):
    (tmp_path / "out").mkdir()
    damaged = damagedCopy(fault, aTallSeries, tmp_path / "damaged")
    error = assertRefused(damaged, tmp_path / "out", FAULT_CODES[fault])
    assert error.exitCode == 3 and error.action


def test_localizerInsideTheSeriesIsSplitFromIt(aTallSeries, tmp_path, aSession):
    damaged = damagedCopy("localizerInside", aTallSeries, tmp_path / "damaged")
    verdict = importSeries(damaged, tmp_path / "case")
    assert [finding.code for finding in verdict.findings] == ["series-split"]
    assert "1 localizers" in verdict.findings[0].message
    importSeries(aTallSeries, tmp_path / "straight")
    contents = [Case.open(tmp_path / name).latest("source").content for name in ("case", "straight")]
    assert contents[0] == contents[1]


def test_undamagedSeriesIsAccepted(aTallSeries, tmp_path):
    verdict = importSeries(aTallSeries, tmp_path / "case")
    assert verdict.word == "accept" and verdict.findings == ()


@pytest.mark.parametrize("control", ["reversedInstanceNumbers", "flippedRows", "perSliceSlope", "lyingSliceThickness"])
def test_harmlessOddityIsAcceptedAndRight(aTallSeries, tmp_path, aSession, control):
    odd = damagedCopy(control, aTallSeries, tmp_path / "odd")
    verdict = importSeries(odd, tmp_path / "case")
    assert verdict.word == "accept"
    voxels, matrix = loaded(tmp_path / "case", aSession)
    expected = numpy.repeat(asymmetricVoxels(), 2, axis=0)[:11]
    assertSameObjectInSpace(voxels, matrix, expected, matrixOf())
    assert numpy.allclose(Case.open(tmp_path / "case").latest("source").facts["spacingMm"], SPACING_MM, atol=1e-6)


@pytest.mark.parametrize("wholeSlice", [0, 1])
def test_perSliceSlopeKeepsFractionsOfAHounsfieldUnit(aTallSeries, tmp_path, aSession, wholeSlice):
    """Half of the slices hold steps of 0.5 HU, whichever comes first."""

    def change(image, index, _count):
        if index % 2 != wholeSlice:
            setStored(image, image.pixel_array.astype(numpy.int32) * 2 + 1)
            image.RescaleSlope = "0.5"

    editAll(aTallSeries, change)
    importSeries(aTallSeries, tmp_path / "case")
    expected = numpy.stack([hounsfield(path) for path in byPosition(aTallSeries)])
    assert (expected % 1 == 0.5).any() and (expected % 1 == 0).any()
    voxels, _matrix = loaded(tmp_path / "case", aSession)
    assert numpy.array_equal(voxels, expected)


def hounsfield(path):
    image = pydicom.dcmread(path)
    return image.pixel_array * float(image.RescaleSlope) + float(image.RescaleIntercept)


@pytest.mark.parametrize("slope, intercept", [("0.25", "-1000.5"), ("1", "-8192"), ("2", "0")])
def test_anyRescaleGivesHounsfieldUnits(aTallSeries, tmp_path, aSession, slope, intercept):
    def change(image, *_rest):
        image.RescaleSlope, image.RescaleIntercept = slope, intercept

    editAll(aTallSeries, change)
    importSeries(aTallSeries, tmp_path / "case")
    expected = numpy.stack([hounsfield(path) for path in byPosition(aTallSeries)])
    assert numpy.array_equal(loaded(tmp_path / "case", aSession)[0], expected)


def test_roundedPositionsAreNoFault(aTallSeries, tmp_path):
    """Scanners write positions with a few digits only."""

    def change(image, index, _count):
        place = ORIGIN_LPS[2] + index * SPACING_MM[2] + (index % 3) * 1e-3
        image.ImagePositionPatient = [*image.ImagePositionPatient[:2], f"{place:.3f}"]

    editAll(aTallSeries, change)
    assert importSeries(aTallSeries, tmp_path / "case").word == "accept"


@pytest.mark.parametrize("sizes", [[5], [3, 8]])
def test_everyMissingSliceIsCounted(aTallSeries, tmp_path, sizes):
    (tmp_path / "out").mkdir()
    for index in sizes:
        byPosition(aTallSeries)[index - sizes.index(index)].unlink()
    error = assertRefused(aTallSeries, tmp_path / "out", "missing-slice")
    assert error.message.startswith(f"{len(sizes)} slice")


# Other bad input


def test_sourceThatDoesNotExistIsRefused(tmp_path):
    (tmp_path / "out").mkdir()
    assertRefused(tmp_path / "nothing", tmp_path / "out", "no-source")


def test_textFileIsRefused(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "letter.txt").write_text("This is no image.\n" * 50)
    assertRefused(tmp_path / "letter.txt", tmp_path / "out", "no-dicom")


def test_oneFileInsteadOfAFolderIsRefused(aSeries, tmp_path):
    (tmp_path / "out").mkdir()
    assertRefused(next(aSeries.iterdir()), tmp_path / "out", "single-slice")


@pytest.mark.parametrize("content", [b"", b"\0" * 128 + b"DICM", b"\0" * 128 + b"DICM" + b"\xff" * 300, b"\0" * 5000])
def test_brokenFilesAreRefused(tmp_path, content):
    (tmp_path / "out").mkdir()
    (tmp_path / "ct").mkdir()
    for number in range(3):
        (tmp_path / "ct" / f"{number}.dcm").write_bytes(content)
    with pytest.raises(InputRefused) as error:
        importSeries(tmp_path / "ct", tmp_path / "out" / "case")
    assert error.value.code in ("no-dicom", "damaged-header", "no-ct")
    assert tree(tmp_path / "out") == {}


@pytest.mark.parametrize("part", [0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 1.0])
def test_sliceCutOffAnywhereIsRefused(aTallSeries, tmp_path, part):
    (tmp_path / "out").mkdir()
    path = byPosition(aTallSeries)[4]
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[: min(int(size * part), size - 1)])
    with pytest.raises(InputRefused):
        importSeries(aTallSeries, tmp_path / "out" / "case")
    assert tree(tmp_path / "out") == {}


def test_otherFilesBesideTheSeriesAreReportedAndLeftAlone(aSeries, tmp_path):
    (aSeries / "report.txt").write_text("A letter.")
    (aSeries / "DICOMDIR").write_bytes(b"index")
    verdict = importSeries(aSeries, tmp_path / "case")
    assert [finding.code for finding in verdict.findings] == ["not-dicom"]
    assert verdict.word == "accept"


def test_severalSeriesAreNeverGuessed(aSeries, tmp_path):
    (tmp_path / "out").mkdir()
    writeSmallSeries(aSeries / "second", seed=21, studyUid="1.2.3", frameOfReferenceUid="1.2.4")
    verdict = examine(aSeries)
    uids = sorted(series.uid for series in verdict.series)
    assert len(uids) == 2 and verdict.chosen is None and verdict.word == "reject"
    error = assertRefused(aSeries, tmp_path / "out", "several-series")
    assert all(uid in error.message for uid in uids)
    for uid in uids:
        importSeries(aSeries, tmp_path / uid, seriesUid=uid)
        assert Case.open(tmp_path / uid).latest("source").facts["seriesUid"] == uid
    assertRefused(aSeries, tmp_path / "out", "no-such-series", seriesUid="1.2.3.4.5")


def test_refusedSeriesBesideTheUsableOneIsNotPassedOverInSilence(aSeries, tmp_path):
    writeSmallSeries(tmp_path / "second", seed=21)
    damagedCopy("missingSlice", tmp_path / "second", aSeries / "second")
    verdict = examine(aSeries)
    assert verdict.word == "warn"
    assert verdict.chosen.geometry is not None
    assert [finding.code for finding in verdict.findings] == ["other-series-refused"]
    assert "missing" in verdict.findings[0].message


def test_aScoutBesideTheVolumeIsOrdinary(aSeries, tmp_path):
    writeSmallSeries(tmp_path / "second", seed=21)
    damagedCopy("singleSlice", tmp_path / "second", aSeries / "second")
    assert examine(aSeries).word == "accept"


def test_seriesOfTwoPatientsInAFolderAreRefused(aSeries, tmp_path):
    (tmp_path / "out").mkdir()
    writeSmallSeries(aSeries / "second", seed=21, patientId="PHANTOM-2")
    assertRefused(aSeries, tmp_path / "out", "two-patients")


def test_otherPatientNeverGetsIntoACase(anImportedCase, tmp_path):
    writeSmallSeries(tmp_path / "other", patientId="PHANTOM-2")
    before = tree(anImportedCase)
    with pytest.raises(GateRefused) as error:
        importSeries(tmp_path / "other", anImportedCase)
    assert error.value.code == "other-patient" and error.value.exitCode == 4
    assert tree(anImportedCase) == before


def test_otherSideNeverGetsIntoACase(anImportedCase, aSeries):
    before = tree(anImportedCase)
    with pytest.raises(GateRefused) as error:
        importSeries(aSeries, anImportedCase, side="left")
    assert error.value.code == "other-side"
    assert tree(anImportedCase) == before


def test_folderWithOtherFilesIsNotTaken(aSeries, tmp_path):
    (tmp_path / "case").mkdir()
    (tmp_path / "case" / "letter.txt").write_text("keep me")
    before = tree(tmp_path)
    with pytest.raises(InputRefused) as error:
        importSeries(aSeries, tmp_path / "case")
    assert error.value.code == "already-there"
    assert tree(tmp_path) == before


def test_caseFolderBelowAFileIsRefused(aSeries, tmp_path):
    (tmp_path / "file").write_text("keep me")
    before = tree(tmp_path)
    with pytest.raises(InputRefused) as error:
        importSeries(aSeries, tmp_path / "file" / "case")
    assert error.value.code == "cannot-write"
    assert tree(tmp_path) == before


def test_unwritableCaseFolderIsRefused(aSeries, tmp_path):
    """In a child with the rights of an ordinary user: root may write anywhere."""
    code = (
        "import os, sys, tempfile\n"
        "from PlanningHubLib.Import import importSeries\n"
        "source, target = (os.open(path, os.O_RDONLY) for path in sys.argv[1:3])\n"
        "importSeries(sys.argv[1], sys.argv[3])\n"
        "if os.geteuid() == 0: os.seteuid(65534)\n"
        "with tempfile.TemporaryDirectory() as home:\n"
        "    os.environ['PLANNINGHUB_HOME'] = home\n"
        "    try:\n"
        "        importSeries(f'/proc/self/fd/{source}', f'/proc/self/fd/{target}/case')\n"
        "    except Exception as error:\n"
        "        print(getattr(error, 'code', repr(error)))\n"
    )
    target = tmp_path / "readOnly"
    target.mkdir(mode=0o555)
    command = [sys.executable, "-c", code, str(aSeries), str(target), str(tmp_path / "writable")]
    outcome = subprocess.run(command, capture_output=True, encoding="utf-8", env=childEnvironment())
    assert outcome.stdout == "cannot-write\n", outcome.stdout + outcome.stderr
    assert tree(target) == {} and Case.open(tmp_path / "writable").verify() == []


def test_fullDiskLeavesNothing(smallDisk, tmp_path):
    voxels = numpy.tile(asymmetricVoxels(), (8, 4, 4))
    assert voxels.nbytes > 600_000
    writeSmallSeries(tmp_path / "large", voxels)
    with pytest.raises(InputRefused) as error:
        importSeries(tmp_path / "large", smallDisk / "case")
    assert error.value.code == "disk-full"
    assert tree(smallDisk) == {}


def test_cancelAtAnyStepLeavesNothing(aSeries, tmp_path):
    (tmp_path / "out").mkdir()
    calls = []
    importSeries(aSeries, tmp_path / "whole", progress=lambda fraction, text: calls.append((fraction, text)))
    fractions = [fraction for fraction, _text in calls]
    assert fractions == sorted(fractions) and 0 <= fractions[0] and fractions[-1] <= 1
    assert len(calls) >= 2 * len(list(aSeries.iterdir()))
    for stop in range(len(calls)):
        seen = []

        def progress(*call, seen=seen, stop=stop):
            seen.append(call)
            if len(seen) > stop:
                raise Cancelled

        with pytest.raises(Cancelled):
            importSeries(aSeries, tmp_path / "out" / "case", progress=progress)
        assert tree(tmp_path / "out") == {}


def test_abandonedImportOfADeadProcessIsRemovedByTheNext(aSeries, tmp_path):
    (tmp_path / f".aside-case-{'0' * 32}").mkdir()
    (tmp_path / f".aside-case-{'0' * 32}" / "slice.dcm").write_bytes(b"a patient's image")
    (tmp_path / f".aside-other-{'0' * 32}").mkdir()
    importSeries(aSeries, tmp_path / "case")
    assert [path.name for path in tmp_path.glob(".aside-*")] == [f".aside-other-{'0' * 32}"]


# JPEG 2000


def test_anonymisedAbdomenIsRefusedWithAReason(abdomenFolder, tmp_path):
    (tmp_path / "out").mkdir()
    error = assertRefused(abdomenFolder, tmp_path / "out", "no-patient-id")
    assert "no patient ID" in error.message and "agree to the repair and state it" in error.action
    findings = {finding.code: finding for finding in examine(abdomenFolder).findings}
    assert {"no-patient-id", "missing-uid"} <= set(findings)
    assert "UIDs are empty" in findings["missing-uid"].message


@pytest.fixture
def aJpeg2000Series(abdomenFolder, tmp_path):
    """The abdomen with the identifiers that its anonymiser took away."""
    folder = tmp_path / "j2k"
    folder.mkdir()
    for number, path in enumerate(sorted(abdomenFolder.iterdir())):
        image = pydicom.dcmread(path)
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID
        image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID
        image.StudyInstanceUID, image.SeriesInstanceUID = "1.2.826.0.1.3680043.10.1", "1.2.826.0.1.3680043.10.2"
        image.FrameOfReferenceUID = image.get("FrameOfReferenceUID") or "1.2.826.0.1.3680043.10.3"
        image.PatientID = image.PatientID or "ABDOMEN-1"
        image.save_as(folder / f"{number}.dcm")
    return folder


def test_jpeg2000WithItsUidsIsExact(aJpeg2000Series, tmp_path, aSession):
    importSeries(aJpeg2000Series, tmp_path / "case")
    assertLikeSimpleItk(aJpeg2000Series, tmp_path / "case", aSession)
    assert Case.open(tmp_path / "case").latest("source").facts["transferSyntaxUid"] == "1.2.840.10008.1.2.4.90"


@pytest.mark.parametrize("part", [0.5, 0.9, 0.999])
def test_truncatedJpeg2000SliceIsRefused(aJpeg2000Series, tmp_path, part):
    (tmp_path / "out").mkdir()
    path = sortedByPosition(aJpeg2000Series)[7]
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    error = assertRefused(aJpeg2000Series, tmp_path / "out", "truncated-slice")
    assert [Path(file).name for file in error.files] == [path.name]


@pytest.mark.parametrize("name", ["ImplicitVRLittleEndian", "ExplicitVRBigEndian", "DeflatedExplicitVRLittleEndian",
                                  "RLELossless"])  # fmt: skip
def test_everyTransferSyntaxIsExact(aTallSeries, tmp_path, aSession, name):
    uid = getattr(pydicom.uid, name)
    for path in aTallSeries.iterdir():
        image = pydicom.dcmread(path)
        if name == "RLELossless":
            image.compress(uid)
        elif name == "ExplicitVRBigEndian":
            image.PixelData = image.pixel_array.astype(">i2").tobytes()
            image["PixelData"].VR = "OW"
        image.file_meta.TransferSyntaxUID = uid
        fresh = pydicom.FileDataset(str(path), {}, preamble=image.preamble, file_meta=image.file_meta)
        fresh.update({element.tag: element for element in image})
        pydicom.dcmwrite(path, fresh, implicit_vr=uid.is_implicit_VR, little_endian=uid.is_little_endian)
    importSeries(aTallSeries, tmp_path / "case")
    assertLikeSimpleItk(aTallSeries, tmp_path / "case", aSession)
    voxels, _matrix = loaded(tmp_path / "case", aSession)
    assert numpy.array_equal(voxels, numpy.repeat(asymmetricVoxels(), 2, axis=0)[:11])


# The verdict


def test_verdictIsPlainDataForTheCommandLine(aTallSeries, tmp_path):
    damaged = damagedCopy("missingSlice", aTallSeries, tmp_path / "damaged")
    values = json.loads(json.dumps(examine(damaged).asDict()))
    assert values["verdict"] == "reject"
    assert [finding["code"] for finding in values["findings"]] == ["missing-slice"]
    assert values["series"][0]["volume_checked"] is False and values["series"][0]["rank"] == 1
    good = examine(aTallSeries).asDict()
    assert good["verdict"] == "accept" and good["series"][0]["shape"] == [11, 20, 24]
    with pytest.raises(PlanningError):
        examine(damaged).raiseRejection()
