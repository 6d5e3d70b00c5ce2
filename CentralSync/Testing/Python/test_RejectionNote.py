"""Rejection notes: valid for an outside judge, naming exactly what is rejected, the same whenever they are made."""

import datetime
import io

import pydicom
import pytest
from Judges import dicomErrors

from CentralSyncLib.Upkeep.RejectionNote import TITLES, rejectionNote
from Servers.SmallDicom import writeSmallSeries

WHEN = datetime.datetime(2026, 1, 31, 23, 30, tzinfo=datetime.UTC)


@pytest.fixture
def headers(tmp_path):
    return [pydicom.dcmread(path, stop_before_pixels=True) for path in writeSmallSeries(tmp_path / "ct", 3)]


def written(headers, folder, reason="quality", text="The scale is wrong"):
    (folder / "note.dcm").write_bytes(rejectionNote(headers, reason, text, WHEN))
    return folder / "note.dcm"


# DICOM PS3.16 CID 7010.
@pytest.mark.parametrize(
    "reason, code, meaning",
    [
        ("quality", "113001", "Rejected for Quality Reasons"),
        ("safety", "113037", "Rejected for Patient Safety Reasons"),
        ("incorrect-worklist-entry", "113038", "Incorrect Modality Worklist Entry"),
        ("data-retention", "113039", "Data Retention Policy Expired"),
    ],
)
def test_eachReasonHasItsTitle_andTheJudgeFindsNothing(headers, tmp_path, reason, code, meaning):
    path = written(headers, tmp_path, reason)
    assert dicomErrors(path) == []
    (title,) = pydicom.dcmread(path).ConceptNameCodeSequence
    assert (title.CodeValue, title.CodingSchemeDesignator, title.CodeMeaning) == (code, "DCM", meaning)
    assert meaning in {one.meaning for one in titlesOfTheStandard()}
    assert set(TITLES) == {"quality", "safety", "incorrect-worklist-entry", "data-retention"}


def titlesOfTheStandard():
    titles = pydicom.sr.codedict.codes.cid7010
    return [getattr(titles, name) for name in dir(titles) if name[0].isupper()]


def test_itNamesWhatIsRejectedInItsStudy_andSaysWhy(headers, tmp_path):
    note = pydicom.dcmread(written(headers, tmp_path))
    named = [item.ReferencedSOPSequence[0] for item in note.ContentSequence if "ReferencedSOPSequence" in item]
    wanted = [(one.SOPClassUID, one.SOPInstanceUID) for one in headers]
    assert [(one.ReferencedSOPClassUID, one.ReferencedSOPInstanceUID) for one in named] == wanted
    assert note.StudyInstanceUID == headers[0].StudyInstanceUID and note.PatientID == headers[0].PatientID
    assert [item.TextValue for item in note.ContentSequence if item.ValueType == "TEXT"] == ["The scale is wrong"]
    assert note.SeriesInstanceUID != headers[0].SeriesInstanceUID


def test_sameWordsAtTheSameTimeGiveTheSameBytes_otherWordsAnotherObject(headers, tmp_path):
    first = rejectionNote(headers, "quality", "The scale is wrong", WHEN)
    assert first == rejectionNote(headers, "quality", "The scale is wrong", WHEN)
    other = rejectionNote(headers, "safety", "The scale is wrong", WHEN)
    uids = {pydicom.dcmread(io.BytesIO(data)).SOPInstanceUID for data in (first, other)}
    assert len(uids) == 2


def test_theTimeIsInTheZoneOfTheImages(headers, tmp_path):
    for header in headers:
        header.TimezoneOffsetFromUTC = "+0200"
    note = pydicom.dcmread(written(headers, tmp_path))
    assert (note.ContentDate, note.ContentTime[:4]) == ("20260201", "0130") and note.TimezoneOffsetFromUTC == "+0200"


def test_anObjectWithoutPatientOrStudyDatesCanBeRejectedToo(headers, tmp_path):
    for header in headers:
        for keyword in ("PatientID", "StudyDate", "AccessionNumber"):
            if keyword in header:
                delattr(header, keyword)
    assert dicomErrors(written(headers, tmp_path)) == [] and "PatientID" not in headers[0]


def test_theJudgeWouldFindADamagedNote(headers, tmp_path):
    note = pydicom.dcmread(written(headers, tmp_path))
    del note.CurrentRequestedProcedureEvidenceSequence
    note.save_as(tmp_path / "damaged.dcm")
    assert dicomErrors(tmp_path / "damaged.dcm")
