"""Every file that pydicom and pydicom-data bring along imports or is refused by name; none ends this process."""

import collections
import importlib.util
import warnings
from pathlib import Path

import numpy
import pytest
import SimpleITK

from PlanningHubLib.DecodeWorker import DecodeWorker, decodeInWorker
from PlanningHubLib.DicomHeader import walkHeader
from PlanningHubLib.DicomScan import readHeaders
from PlanningHubLib.Errors import InputRefused, PlanningError
from PlanningHubLib.HeaderParser import parseHeaders
from PlanningHubLib.Import import examine

# Larger ones hold nothing that smaller ones do not, and take minutes.
LARGEST_DECODED = 1_000_000
NOT_DATA = {".py", ".pyc", ".json", ".txt", ".md"}
CODES = {"accepted", "no-ct", "no-dicom", "no-frame-of-reference", "single-slice", "two-patients", "localizer",
         "no-patient-id", "damaged-header", "hostile-file", "missing-uid", "nested-too-deep", "bad-frames",
         "truncated-slice"}  # fmt: skip
# Single slices, one cut off, and multi-frame files whose frames are described nowhere.
MR_CODES = {"MR_small": "single-slice", "MR_truncated": "truncated-slice", "MR2_": "single-slice",
            "MR-SIEMENS": "single-slice", "examples_overlay": "single-slice", "emri_small": "bad-frames"}  # fmt: skip


@pytest.fixture(scope="module")
def bundled():
    folders = [Path(importlib.util.find_spec("pydicom").origin).parent / "data"]
    data = importlib.util.find_spec("data_store")
    folders += [Path(data.origin).parent] if data else []
    paths = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    return [path for path in paths if path.suffix not in NOT_DATA]


@pytest.mark.slow
def test_everyBundledFileImportsOrIsRefusedByName(bundled):
    found = collections.Counter()
    for path in bundled:
        try:
            findings = examine(path).findings
            found[next((one.code for one in findings if one.severity == "reject"), "accepted")] += 1
        except PlanningError as error:
            assert error.message and error.files
            found[error.code] += 1
    assert sum(found.values()) == len(bundled) > 100
    assert set(found) <= CODES, found
    # Most are ordinary: no wave of refusals hides a fault of the reader.
    assert found["damaged-header"] + found["hostile-file"] <= 5, found


@pytest.mark.parametrize("name", MR_CODES)
def test_bundledMrIsRefusedForWhatItLacks(bundled, name):
    paths = [path for path in bundled if path.name.startswith(name)]
    for path in paths:
        findings = examine(path).findings
        assert next(one.code for one in findings if one.severity == "reject") == MR_CODES[name], path.name
        assert "not-ct" not in {one.code for one in findings}
    if not paths:
        pytest.skip("pydicom-data is not installed")


def test_bundledMrDecodesAsSimpleItkReadsIt(bundled):
    """Each compression and byte order, 8 to 16 bits, with and without rescale; damaged ones are named."""
    equal = 0
    with DecodeWorker() as worker:
        for path in bundled:
            if not path.name.startswith(tuple(MR_CODES)) or path.name.startswith("emri"):
                continue
            try:
                voxels = decodeInWorker(worker, readHeaders([path], worker)[0])
            except InputRefused as error:
                assert error.code == "cannot-decode" and path.name == "MR_truncated.dcm"
                continue
            judge = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
            assert numpy.array_equal(voxels, judge.reshape(voxels.shape)), path.name
            equal += 1
    assert equal >= 9


def test_headersReadInStepsAreWhatTheParserReads(bundled):
    """Most files need no parser, and for those every attribute is the parser's."""
    walked = 0
    for path in bundled:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                with open(path, "rb") as file:
                    header = walkHeader(file, path, {})
            except Exception:
                continue
            if header is not None:
                walked += 1
                assert repr(header) == repr(parseHeaders(path)[0]), path.name
    assert walked > 0.7 * len(bundled)


@pytest.mark.slow
def test_everyBundledImageDecodesOrIsRefusedByName(bundled):
    """Each through the process, whatever it is; damaged and exotic ones are named, and the process answers on."""
    decoded, codes = 0, collections.Counter()
    with DecodeWorker() as worker:
        for path in (one for one in bundled if one.stat().st_size < LARGEST_DECODED):
            try:
                for header in readHeaders([path], worker)[:1]:
                    if header.rows and header.columns and header.rows < 5000:
                        voxels = decodeInWorker(worker, header)
                        assert voxels.shape == (header.rows, header.columns)
                        decoded += 1
            except InputRefused as error:
                codes[error.code] += 1
                assert str(path) in error.files
    assert decoded > 50
    assert set(codes) <= {"cannot-decode", "hostile-file", "damaged-header", "nested-too-deep", "bad-frames"}, codes
