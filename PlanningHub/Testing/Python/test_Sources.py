"""Sources: whatever holds the series, the case is the same; what is hostile is refused by name and leaves nothing."""

import os
import shutil
import stat
import tempfile
import zipfile

import numpy
import pydicom
import pytest
from CaseMaking import asymmetricVoxels, tree, writeSmallSeries
from HostileMaking import UNSAFE_NAMES, zipped

from PlanningHubLib.Case import Case
from PlanningHubLib.DicomScan import scanSource
from PlanningHubLib.Errors import Cancelled, InputRefused
from PlanningHubLib.Import import examine, importSeries


@pytest.fixture(autouse=True)
def aTemporaryPlace(tmp_path_factory, monkeypatch):
    """Whatever is unpacked is unpacked here, and must be gone afterwards."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.glob("planninghub-*")) == []


def contentOf(source, folder, **options):
    importSeries(source, folder, **options)
    case = Case.open(folder)
    assert case.verify() == []
    return case.latest("source").content


def assertRefused(source, tmp_path, code):
    before = tree(tmp_path)
    with pytest.raises(InputRefused) as refused:
        importSeries(source, tmp_path / "out" / "case")
    assert refused.value.code == code
    assert refused.value.action and refused.value.files
    assert tree(tmp_path) == before
    return refused.value


# What holds the series


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_zipGivesTheSameCaseAsItsFolder(aSeries, tmp_path, compression):
    (aSeries / "below").mkdir()
    shutil.move(next(aSeries.glob("*.dcm")), aSeries / "below" / "slice")
    (aSeries / "Überweisung.txt").write_text("A letter.")
    archive = zipped(tmp_path / "study.zip", aSeries, compression)
    assert contentOf(archive, tmp_path / "a") == contentOf(aSeries, tmp_path / "b")


def test_findingsNameFilesAsInTheArchive(aSeries, tmp_path):
    (aSeries / "letter.txt").write_text("A letter.")
    verdict = examine(zipped(tmp_path / "study.zip", aSeries))
    files = [file for finding in verdict.findings for file in finding.files]
    assert files == [f"{tmp_path / 'study.zip'}{os.sep}letter.txt"]


def test_cancelWhileUnpackingLeavesNothing(aSeries, tmp_path):
    archive = zipped(tmp_path / "study.zip", aSeries)
    seen = []

    def progress(fraction, text):
        seen.append(text)
        if text.startswith("Unpacking 3"):
            raise Cancelled

    with pytest.raises(Cancelled):
        importSeries(archive, tmp_path / "case", progress=progress)
    assert seen and not (tmp_path / "case").exists()


def test_dicomDirectoryGivesTheFilesThatItRefersTo(aSeries, tmp_path):
    medium = tmp_path / "medium"
    medium.mkdir()
    _writeDicomDirectory(medium, aSeries)
    # A file of another patient beside it is none of its business.
    writeSmallSeries(medium / "OTHER", patientId="PHANTOM-2")
    assert contentOf(medium / "DICOMDIR", tmp_path / "a") == contentOf(aSeries, tmp_path / "b")


def _writeDicomDirectory(medium, series):
    from pydicom.fileset import FileSet

    files = FileSet()
    for path in sorted(series.iterdir()):
        image = pydicom.dcmread(path)
        image.StudyID, image.SeriesNumber = "1", 1
        files.add(image)
    files.write(medium)
    # Byte for byte the scanner's own files.
    for instance in files:
        source = next(path for path in series.iterdir()
                      if pydicom.dcmread(path).SOPInstanceUID == instance.SOPInstanceUID)  # fmt: skip
        shutil.copyfile(source, instance.path)


def test_fileMissingFromTheMediumIsSaid(aSeries, tmp_path):
    medium = tmp_path / "medium"
    medium.mkdir()
    _writeDicomDirectory(medium, aSeries)
    sorted(path for path in medium.rglob("*") if path.is_file() and path.name != "DICOMDIR")[0].unlink()
    findings = {finding.code: finding for finding in examine(medium / "DICOMDIR").findings}
    assert findings["dicomdir-file-missing"].severity == "warn" and findings["dicomdir-file-missing"].files


@pytest.mark.parametrize("parts", [["..", "OUTSIDE"], ["/etc", "passwd"], ["A", "..", "..", "OUTSIDE"]])
def test_dicomDirectoryThatRefersOutsideIsRefused(aSeries, tmp_path, parts):
    medium = tmp_path / "medium"
    medium.mkdir()
    _writeDicomDirectory(medium, aSeries)
    directory = pydicom.dcmread(medium / "DICOMDIR")
    record = next(one for one in directory.DirectoryRecordSequence if "ReferencedFileID" in one)
    with pytest.warns(UserWarning):
        record.ReferencedFileID = parts
        directory.save_as(medium / "DICOMDIR")
    assertRefused(medium / "DICOMDIR", tmp_path, "dicomdir-unsafe-path")


def test_filesWithoutPreambleAreTakenWhereTheyMakeSense(aSeries, tmp_path, aSession):
    for path in aSeries.iterdir():
        image = pydicom.dcmread(path)
        with open(path, "wb") as file:
            _writeBare(file, image)
    importSeries(aSeries, tmp_path / "case")
    from PlanningHubLib.Volumes import loadSource

    case = Case.open(tmp_path / "case")
    node = loadSource(case, aSession, case.require("source"))
    import slicer

    assert numpy.array_equal(slicer.util.arrayFromVolume(node), asymmetricVoxels())


def _writeBare(file, image):
    """Write the data set alone, implicit little endian."""
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_dataset

    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, True
    write_dataset(buffer, pydicom.Dataset({element.tag: element for element in image}))
    file.write(buffer.getvalue())


def test_bareBytesThatAreNoDataSetAreNotDicom(tmp_path):
    (tmp_path / "ct").mkdir()
    noise = numpy.random.default_rng(5).bytes(4000)
    (tmp_path / "ct" / "noise").write_bytes(b"\x08\x00\x05\x00CS" + noise)
    assertRefusedAsAny(tmp_path / "ct", {"no-dicom", "damaged-header"})


def assertRefusedAsAny(source, codes):
    with pytest.raises(InputRefused) as refused:
        examine(source).raiseRejection()
    assert refused.value.code in codes


# Links


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_linksOutOfTheFolderAreNotFollowed(aSeries, tmp_path):
    writeSmallSeries(tmp_path / "other", patientId="PHANTOM-2")
    (aSeries / "folder").symlink_to(tmp_path / "other")
    (aSeries / "file.dcm").symlink_to(next((tmp_path / "other").iterdir()))
    (aSeries / "loop").symlink_to(aSeries)
    (aSeries / "dangling").symlink_to(tmp_path / "nothing")
    verdict = examine(aSeries)
    assert verdict.word == "warn" and [finding.code for finding in verdict.findings] == ["link-not-followed"]
    assert len(verdict.findings[0].files) == 4
    assert len(verdict.chosen.headers) == len(asymmetricVoxels())


@pytest.mark.skipif(os.name == "nt", reason="no named pipes")
def test_namedPipeDoesNotBlock(aSeries):
    os.mkfifo(aSeries / "pipe")
    assert examine(aSeries).word == "accept"


# Hostile archives


@pytest.mark.parametrize("name", UNSAFE_NAMES)
def test_zipThatNamesFilesOutsideIsRefused(aSeries, tmp_path, name):
    archive = zipped(tmp_path / "study.zip", aSeries)
    with zipfile.ZipFile(archive, "a") as opened:
        opened.writestr(zipfile.ZipInfo(name), b"text")
    assertRefused(archive, tmp_path, "zip-unsafe-path")
    assert not list(tmp_path.rglob("outside*"))


def test_zipWithALinkIsRefused(aSeries, tmp_path):
    archive = zipped(tmp_path / "study.zip", aSeries)
    entry = zipfile.ZipInfo("link")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(archive, "a") as opened:
        opened.writestr(entry, "/etc/passwd")
    assertRefused(archive, tmp_path, "zip-link")


def test_zipBombByRatioIsRefused(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"{number}.dcm", bytes(60 << 20))
    assertRefused(tmp_path / "bomb.zip", tmp_path, "zip-bomb")


@pytest.mark.parametrize("limit", ["MOST_ENTRIES", "MOST_BYTES"])
def test_zipBombByEntriesOrBytesIsRefused(aSeries, tmp_path, monkeypatch, limit):
    """In this process, with small limits: a bomb of the real size would take long to make."""
    from PlanningHubLib import SourcesZip

    monkeypatch.setattr(SourcesZip, limit, 5)
    archive = zipped(tmp_path / "study.zip", aSeries)
    (tmp_path / "unpacked").mkdir()
    with pytest.raises(InputRefused) as refused:
        SourcesZip.unpack(archive, tmp_path / "unpacked", lambda *_: None)
    assert refused.value.code == "zip-bomb" and tree(tmp_path / "unpacked") == {}


def test_zipThatLiesAboutItsSizesIsRefused(tmp_path):
    """The directory says 10 bytes where a bomb is packed."""
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("1.dcm", bytes(30 << 20))
    data = (tmp_path / "bomb.zip").read_bytes()
    (tmp_path / "bomb.zip").write_bytes(data.replace((30 << 20).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    assertRefused(tmp_path / "bomb.zip", tmp_path, "zip-damaged")


def test_archiveInsideAnArchiveStaysClosed(aSeries, tmp_path):
    inner = zipped(tmp_path / "inner.zip", aSeries)
    (aSeries / "inner.zip").write_bytes(inner.read_bytes())
    verdict = examine(zipped(tmp_path / "study.zip", aSeries))
    assert verdict.word == "warn" and [finding.code for finding in verdict.findings] == ["nested-archive"]
    assert len(verdict.chosen.headers) == len(asymmetricVoxels())
    verdict.opened.close()


@pytest.mark.parametrize("keep", [0.3, 0.9, 0.999])
def test_truncatedZipIsRefused(aSeries, tmp_path, keep):
    data = zipped(tmp_path / "study.zip", aSeries).read_bytes()
    (tmp_path / "study.zip").write_bytes(data[: int(len(data) * keep)])
    assertRefused(tmp_path / "study.zip", tmp_path, "zip-damaged")


def test_zipWithAFlippedBitIsRefused(aSeries, tmp_path):
    data = bytearray(zipped(tmp_path / "study.zip", aSeries).read_bytes())
    data[len(data) // 3] ^= 1
    (tmp_path / "study.zip").write_bytes(data)
    assertRefused(tmp_path / "study.zip", tmp_path, "zip-damaged")


def test_lockedZipIsRefused(aSeries, tmp_path):
    data = bytearray(zipped(tmp_path / "study.zip", aSeries).read_bytes())
    place = data.find(b"PK\x01\x02")
    data[place + 8] |= 1
    (tmp_path / "study.zip").write_bytes(data)
    assertRefused(tmp_path / "study.zip", tmp_path, "zip-encrypted")


# Many files


@pytest.fixture
def aLargeFolder(aSeries):
    """Two thousand screenshots and letters beside the series."""
    screen = pydicom.dcmread(next(aSeries.iterdir()))
    screen.SOPClassUID = screen.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    screen.SeriesInstanceUID = "1.2.3.4"
    screen.save_as(aSeries / "screen.dcm")
    for number in range(1000):
        os.link(aSeries / "screen.dcm", aSeries / f"screen{number}.dcm")
        (aSeries / f"letter{number}.txt").touch()
    return aSeries


def test_onlySlicesAreKeptOfManyFiles(aLargeFolder):
    calls = []
    series, findings = scanSource(aLargeFolder, lambda *call: calls.append(call))
    kept = {one.uid: (len(one.headers), one.count) for one in series}
    assert kept.pop("1.2.3.4") == (1, 1001)
    assert list(kept.values()) == [(6, 6)]
    assert "1000 files" in findings[0].message and len(findings[0].files) == 20
    fractions = [fraction for fraction, _text in calls]
    assert len(calls) >= 2007 and fractions == sorted(fractions) and fractions[-1] <= 1


def test_scanOfManyFilesStopsAtOnce(aLargeFolder):
    calls = []

    def progress(*call):
        calls.append(call)
        if len(calls) > 50:
            raise Cancelled

    with pytest.raises(Cancelled):
        scanSource(aLargeFolder, progress)
    assert len(calls) == 51


def test_headersOfManySlicesAreCompact(aSeries):
    """20,000 slices must fit beside a volume: 2 kB each are 40 MB."""
    import tracemalloc

    original = next(aSeries.iterdir())
    for number in range(500):
        os.link(original, aSeries / f"more{number}.dcm")
    scanSource(aSeries)
    tracemalloc.start()
    try:
        series, _findings = scanSource(aSeries)
        bytesPerSlice = tracemalloc.get_traced_memory()[0] / 506
    finally:
        tracemalloc.stop()
    assert len(series[0].headers) == 506 and bytesPerSlice < 2048
