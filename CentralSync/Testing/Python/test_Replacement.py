"""What stands in for a corrupt copy: valid, of the same content, and naming what it stands in for."""

import dataclasses
import datetime
import hashlib
import io

import numpy
import pydicom
import pytest
from Judges import dicomErrors
from pydicom.uid import RLELossless

from CentralSyncLib.Items import itemOf
from CentralSyncLib.Records.Wrapping import unwrap, wrap
from CentralSyncLib.Stores.CentralStore import ABSENT, CONFLICT, SAME, UNREACHED, Answer
from CentralSyncLib.Stores.Comparing import compare
from CentralSyncLib.Stores.Replacement import isCorruptCopy, replacementsFor
from PlanningHubLib.Errors import InputRefused
from Servers.SmallDicom import writeSmallSeries

WHEN = datetime.datetime(2026, 11, 22, 18, 30, 15, 999, datetime.UTC)
CASE = "0a1b2c3d"


@pytest.fixture
def item(tmp_path):
    return itemOf(writeSmallSeries(tmp_path / "series", 1)[0], "source-1/00001.dcm")


def contentOf(item):
    with item.open() as file:
        return file.read()


def datasetOf(item):
    return pydicom.dcmread(io.BytesIO(contentOf(item)))


@pytest.mark.parametrize(
    ("outcome", "looksDamaged", "wasAbsent", "wasVerified", "isCorrupt"),
    [
        (CONFLICT, True, True, False, True),
        (CONFLICT, True, False, True, True),
        # Somebody else's object was there before.
        (CONFLICT, True, False, False, False),
        # Another object, or one that was corrected in the archive.
        (CONFLICT, False, True, True, False),
        (ABSENT, False, True, True, False),
        (SAME, False, True, True, False),
        (UNREACHED, True, True, True, False),
    ],
)
def test_onlyOurOwnDamagedCopyIsReplaced(outcome, looksDamaged, wasAbsent, wasVerified, isCorrupt):
    assert isCorruptCopy(Answer(outcome, looksDamaged=looksDamaged), wasAbsent, wasVerified) is isCorrupt


def test_standInHasTheSameContentAndNamesTheOldUid(item):
    standIn, _wrapped, _note = replacementsFor(item, CASE, WHEN)
    assert standIn.sopInstanceUid not in ("", item.sopInstanceUid)
    assert (standIn.studyUid, standIn.seriesUid) == (item.studyUid, item.seriesUid)
    dataset = datasetOf(standIn)
    assert dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID == standIn.sopInstanceUid
    (modified,) = dataset.OriginalAttributesSequence
    assert modified.ModifiedAttributesSequence[0].SOPInstanceUID == item.sopInstanceUid
    assert modified.AttributeModificationDateTime == "20261122183015+0000"
    # But for these two, it is the same object.
    del dataset.OriginalAttributesSequence
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = item.sopInstanceUid
    dataset.file_meta.ImplementationVersionName = "ANOTHER"
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    assert compare(contentOf(item), stream.getvalue()).isSame


def test_originalBytesTravelAlong(item):
    _standIn, wrapped, _note = replacementsFor(item, CASE, WHEN)
    name, content = unwrap(contentOf(wrapped))
    assert (name, content) == (item.name, contentOf(item))
    assert wrapped.contentSha256 == item.sha256 and wrapped.studyUid == item.studyUid


def test_noteRejectsTheDamagedCopyForQualityReasons(item):
    standIn, _wrapped, note = replacementsFor(item, CASE, WHEN)
    dataset = datasetOf(note)
    title = dataset.ConceptNameCodeSequence[0]
    assert (title.CodeValue, title.CodingSchemeDesignator) == ("113001", "DCM")
    (study,) = dataset.CurrentRequestedProcedureEvidenceSequence
    (series,) = study.ReferencedSeriesSequence
    (referenced,) = series.ReferencedSOPSequence
    assert study.StudyInstanceUID == item.studyUid == note.studyUid
    assert series.SeriesInstanceUID == item.seriesUid != note.seriesUid
    assert referenced.ReferencedSOPInstanceUID == item.sopInstanceUid
    texts = [one.TextValue for one in dataset.ContentSequence if "TextValue" in one]
    assert texts[0].endswith(f"as {standIn.sopInstanceUid}.")


def test_allAreAsValidAsTheOriginal(item, tmp_path):
    standIn, wrapped, note = replacementsFor(item, CASE, WHEN)
    for number, one in enumerate((standIn, wrapped, note)):
        (tmp_path / f"{number}.dcm").write_bytes(contentOf(one))
    assert set(dicomErrors(tmp_path / "0.dcm")) <= set(dicomErrors(item.path))
    assert dicomErrors(tmp_path / "1.dcm") == dicomErrors(tmp_path / "2.dcm") == []
    # The judge sees what is wrong with a note.
    broken = datasetOf(note)
    del broken.CurrentRequestedProcedureEvidenceSequence
    broken.save_as(tmp_path / "broken.dcm")
    assert dicomErrors(tmp_path / "broken.dcm")


def test_itemsAreWhatTheySay(item):
    for one in replacementsFor(item, CASE, WHEN):
        data = contentOf(one)
        assert (len(data), hashlib.sha256(data).hexdigest()) == (one.bytes, one.sha256)
        dataset = datasetOf(one)
        assert (dataset.SOPInstanceUID, dataset.SeriesInstanceUID) == (one.sopInstanceUid, one.seriesUid)
        assert dataset.PatientID == "TEST" and str(dataset.PatientName) == "Test^Object"


def test_sameTimeGivesTheSameObjectsAndAnotherTimeOthers(item):
    first, again = replacementsFor(item, CASE, WHEN), replacementsFor(item, CASE, WHEN)
    assert [one.sha256 for one in first] == [one.sha256 for one in again]
    later = replacementsFor(item, CASE, WHEN + datetime.timedelta(seconds=1))
    assert not {one.sopInstanceUid for one in first} & {one.sopInstanceUid for one in later}


def test_compressedPixelsStayAsTheyAre(item, tmp_path):
    dataset = pydicom.dcmread(item.path)
    dataset.compress(RLELossless, generate_instance_uid=False)
    dataset.save_as(tmp_path / "coded.dcm")
    coded = itemOf(tmp_path / "coded.dcm")
    standIn = datasetOf(replacementsFor(coded, CASE, WHEN)[0])
    assert standIn.file_meta.TransferSyntaxUID == RLELossless
    assert numpy.array_equal(standIn.pixel_array, pydicom.dcmread(item.path).pixel_array)


def test_wrappedFileOfTheCaseNeedsNoSecondWrapping(item, tmp_path):
    plain = tmp_path / "part.stl"
    plain.write_bytes(b"solid part")
    header = type("Header", (), {})()
    header.caseId, header.created, header.places = CASE, WHEN.isoformat(), {}
    header.source, header.studyUid = pydicom.dcmread(item.path, stop_before_pixels=True), item.studyUid
    carried = wrap(itemOf(plain, "part-1/part.stl"), header)
    standIn, note = replacementsFor(carried, CASE, WHEN)
    assert standIn.contentSha256 == carried.contentSha256
    assert unwrap(contentOf(standIn)) == ("part-1/part.stl", b"solid part")
    assert datasetOf(note).ConceptNameCodeSequence[0].CodeValue == "113001"


def test_changedOrUnreadableSourceIsRefused(item, tmp_path):
    with pytest.raises(InputRefused) as caught:
        replacementsFor(dataclasses.replace(item, sopInstanceUid="1.2.3"), CASE, WHEN)
    assert caught.value.code == "not-replaceable"
    with pytest.raises(InputRefused) as caught:
        replacementsFor(dataclasses.replace(item, bytes=1 << 30), CASE, WHEN)
    assert caught.value.code == "not-replaceable" and "too large" in caught.value.message
    data = contentOf(item)
    item.path.write_bytes(data[:-1] + b"x")
    with pytest.raises(InputRefused) as caught:
        replacementsFor(item, CASE, WHEN)
    assert caught.value.code == "source-changed"
