"""The import: exact and in place for any orientation, or refused with a reason and nothing left behind."""

import json
import random
import shutil
import subprocess
import sys

import numpy
import pydicom
import pytest
from CaseMaking import ORIGIN_LPS, SPACING_MM, asymmetricVoxels, childEnvironment, tree, writeSmallSeries
from ImportExactness import assertLikeSimpleItk, assertRefused, assertSameObjectInSpace, loaded, matrixOf

from Phantom.DicomSeries import byPosition, writeSeries
from Phantom.Faults import damagedCopy
from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import Cancelled, GateRefused, InputRefused, PlanningError
from PlanningHubLib.Import import examine, importSeries

# Rows, columns and slices along directions that no axis is parallel to.
OBLIQUE = numpy.linalg.qr(numpy.array([[0.9, -0.2, 0.3], [0.3, 0.95, -0.2], [-0.2, 0.3, 0.9]]))[0]
OBLIQUE = OBLIQUE * numpy.sign(numpy.diag(OBLIQUE))
OBLIQUE[:, 2] = numpy.cross(OBLIQUE[:, 0], OBLIQUE[:, 1])


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
