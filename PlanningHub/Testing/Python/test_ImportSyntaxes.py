"""Every transfer syntax, compressed or not, is exact or refused."""

from pathlib import Path

import numpy
import pydicom
import pytest
from CaseMaking import asymmetricVoxels
from ImportExactness import assertLikeSimpleItk, assertRefused, loaded, sortedByPosition

from PlanningHubLib.Case import Case
from PlanningHubLib.Import import examine, importSeries

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
