"""Hostile files: the process that reads them may die, this one never does, and the finding names the file."""

import os
from pathlib import Path

import numpy
import pydicom
import pytest
from CaseMaking import tree
from HostileMaking import EXPLICIT, HOSTILE

from Phantom.DicomSeries import byPosition
from PlanningHubLib.DecodeWorker import DecodeWorker, pythonProgram
from PlanningHubLib.Deidentify import deidentify
from PlanningHubLib.DicomScan import readHeaders
from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Import import examine, importSeries
from PlanningHubLib.SlicesDecoded import decodeSlices


@pytest.mark.parametrize("name", HOSTILE)
def test_hostileFileBesideASeriesIsNamed(aSeries, tmp_path, name):
    make, code = HOSTILE[name]
    (aSeries / "hostile.dcm").write_bytes(make())
    before = tree(tmp_path)
    with pytest.raises(InputRefused) as refused:
        importSeries(aSeries, tmp_path / "case")
    assert refused.value.code == code
    assert [Path(file).name for file in refused.value.files] == ["hostile.dcm"]
    assert tree(tmp_path) == before


@pytest.mark.parametrize("name", ["deep", "deflateBomb", "noise"])
def test_hostileFileInAFolderIsNotCopied(aSeries, tmp_path, name):
    """The de-identified copy of a folder reads what nobody has imported; a bomb must not fill the memory here."""
    make, code = HOSTILE[name]
    (aSeries / "hostile.dcm").write_bytes(make())
    before = tree(tmp_path)
    with pytest.raises(InputRefused) as refused:
        deidentify(aSeries, tmp_path / "out", "treatment-partner")
    assert refused.value.code == code and refused.value.files == [str(aSeries / "hostile.dcm")]
    assert tree(tmp_path) == before


def test_emptyAndShortFilesAreNoDicom(aSeries):
    for length in (0, 1, 131, 132):
        (aSeries / f"{length}.dcm").write_bytes((b"\0" * 128 + b"DICM")[:length])
    findings = examine(aSeries).findings
    assert {finding.code for finding in findings} <= {"not-dicom", "damaged-header"}
    assert sum(len(finding.files) for finding in findings) == 4


def test_randomDamageToAHeaderNeverEscapes(aSeries, tmp_path):
    """Two hundred damaged copies of a slice: each is taken, left alone or refused by name."""
    original, noise = byPosition(aSeries)[2].read_bytes(), numpy.random.default_rng(7)
    with DecodeWorker() as worker:
        for number in range(200):
            data = bytearray(original)
            for place in noise.integers(132, 1500, 3):
                data[place] = noise.integers(256)
            path = tmp_path / "damaged.dcm"
            path.write_bytes(data[: int(noise.integers(200, len(data)))] if number % 2 else data)
            try:
                readHeaders([path], worker)
            except InputRefused as error:
                assert error.code in ("damaged-header", "hostile-file", "nested-too-deep")
                assert error.files == [str(path)]


@pytest.mark.parametrize("rows, columns", [(65535, 65535), (20000, 20000)])
def test_absurdSizeIsRefused(aSeries, tmp_path, rows, columns):
    for path in aSeries.iterdir():
        image = pydicom.dcmread(path)
        image.compress(pydicom.uid.RLELossless)
        image.Rows, image.Columns = rows, columns
        image.save_as(path)
    with pytest.raises(InputRefused) as refused:
        importSeries(aSeries, tmp_path / "case")
    assert refused.value.code == "absurd-size" and not (tmp_path / "case").exists()


@pytest.mark.parametrize("rows", [2, 4000])
def test_compressedSliceOfAnotherSizeThanItSaysIsRefused(aSeries, tmp_path, rows):
    for path in aSeries.iterdir():
        image = pydicom.dcmread(path)
        image.compress(pydicom.uid.RLELossless)
        image.Rows = rows
        image.save_as(path)
    with pytest.raises(InputRefused) as refused:
        importSeries(aSeries, tmp_path / "case")
    assert refused.value.code in ("cannot-decode", "hostile-file") and not (tmp_path / "case").exists()


def test_damagedFragmentsAreRefusedAtImportNamingTheFile(aSeries, tmp_path):
    paths = byPosition(aSeries)
    for path in paths:
        image = pydicom.dcmread(path)
        image.compress(pydicom.uid.JPEGLSLossless)
        image.save_as(path)
    image = pydicom.dcmread(paths[3])
    image.PixelData = pydicom.encaps.encapsulate([b"\xff\xd8" + bytes(200)])
    image.save_as(paths[3])
    with pytest.raises(InputRefused) as refused:
        importSeries(aSeries, tmp_path / "case")
    assert refused.value.code == "cannot-decode" and refused.value.files == [str(paths[3])]
    assert not (tmp_path / "case").exists()


# The process itself


def test_workerThatDiesIsNamedAndReplaced(aSeries, monkeypatch):
    path = byPosition(aSeries)[0]
    with DecodeWorker() as worker:
        worker.ask({"do": "headers", "path": str(path)}, 20)
        worker._process.kill()
        worker._process.wait()
        assert worker.ask({"do": "headers", "path": str(path)}, 20)[0]["headers"]
        monkeypatch.setattr(worker, "_receive", lambda seconds: worker._process.kill() or worker._read(12))
        with pytest.raises(InputRefused) as refused:
            worker.ask({"do": "headers", "path": str(path)}, 20)
        assert refused.value.code == "hostile-file" and refused.value.files == [str(path)]
        monkeypatch.undo()
        assert worker.ask({"do": "headers", "path": str(path)}, 20)[0]["headers"]


@pytest.mark.skipif(os.name == "nt", reason="no named pipes")
def test_fileThatTakesTooLongIsGivenUp(tmp_path):
    """A pipe that nobody writes into blocks its reader for ever."""
    os.mkfifo(tmp_path / "pipe")
    with DecodeWorker() as worker, pytest.raises(InputRefused) as refused:
        worker.ask({"do": "headers", "path": str(tmp_path / "pipe")}, 2)
    assert refused.value.code == "hostile-file" and "longer" in refused.value.message


@pytest.mark.skipif(os.name == "nt", reason="no limit on Windows")
def test_memoryIsLimited(aSeries):
    with DecodeWorker(memoryBytes=400 << 20) as worker:
        path = Path(aSeries) / "large.dcm"
        image = pydicom.dcmread(byPosition(aSeries)[0])
        image.Rows, image.Columns, image.PixelData = 16000, 16000, bytes(16000 * 16000 * 2)
        image.save_as(path)
        request = {"do": "decode", "path": str(path), "frame": None, "transferSyntaxUid": EXPLICIT,
                   "rescaleSlope": 1.0, "rescaleIntercept": 0.0, "rows": 16000, "columns": 16000}  # fmt: skip
        with pytest.raises(InputRefused) as refused:
            worker.ask(request, 60)
    assert refused.value.code in ("hostile-file", "cannot-decode") and refused.value.files == [str(path)]


def test_noProcessStaysBehind(aSeries):
    import psutil

    for path in aSeries.iterdir():
        image = pydicom.dcmread(path)
        image.compress(pydicom.uid.RLELossless)
        image.save_as(path)
    decodeSlices(readHeaders(byPosition(aSeries)))
    children = psutil.Process().children(recursive=True)
    assert not [one for one in children if "DecodeWorkerMain" in " ".join(one.cmdline())]


def test_insideSlicerItsOwnPythonIsTaken(tmp_path, monkeypatch):
    """Slicer's program is no Python; it puts PythonSlicer into its PATH."""
    program = tmp_path / ("PythonSlicer.exe" if os.name == "nt" else "PythonSlicer")
    program.write_text("")
    program.chmod(0o755)
    monkeypatch.setattr("sys.executable", "/opt/Slicer/bin/SlicerApp-real")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert pythonProgram() == str(program)
    program.unlink()
    with pytest.raises(InputRefused) as refused:
        pythonProgram()
    assert refused.value.code == "no-decoder"
