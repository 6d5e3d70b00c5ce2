"""Later examinations of a patient, asked of a real Orthanc and of servers that answer nonsense."""

import datetime

import pydicom
import pytest

from CentralSyncLib.Items import itemOf
from CentralSyncLib.Records.NewerStudies import newerStudies
from CentralSyncLib.Stores.Addresses import openStore
from PlanningHubLib.Errors import StoreFailed
from PlanningHubLib.Progress import noProgress
from Servers.LyingServer import LyingServer
from Servers.OrthancServer import OrthancServer, whyNoOrthanc
from Servers.SmallDicom import writeSmallSeries

AFTER = datetime.date(2026, 3, 1)


def writeStudy(folder, seed, **changes):
    """Write a study of one object; return its UID."""
    (path,) = writeSmallSeries(folder / str(seed), 1, seed=seed)
    dataset = pydicom.dcmread(path)
    for keyword, value in {"PatientID": "P1", **changes}.items():
        setattr(dataset, keyword, value)
    dataset.save_as(path)
    return path, str(dataset.StudyInstanceUID)


@pytest.mark.skipif(bool(whyNoOrthanc()), reason=whyNoOrthanc() or "Orthanc is there")
def test_anArchiveNamesThePatientsLaterStudiesAlone(tmp_path):
    wanted = [("20260501", "CT"), ("20260301", "MR")]
    others = [("20260228", "P1"), ("20260501", "P12"), ("20260501", "P2")]
    studies = [writeStudy(tmp_path, number, StudyDate=date, Modality=modality)
               for number, (date, modality) in enumerate(wanted)]  # fmt: skip
    rest = [writeStudy(tmp_path, 10 + number, StudyDate=date, PatientID=patient)
            for number, (date, patient) in enumerate(others)]  # fmt: skip
    with OrthancServer() as server:
        store = openStore(server.address)
        store.send([itemOf(path) for path, _uid in studies + rest], noProgress)
        found = newerStudies(server.address, "P1", AFTER)
        assert [(one["studyUid"], one["date"], one["modalities"]) for one in found] == [
            (studies[0][1], "2026-05-01", ["CT"]), (studies[1][1], "2026-03-01", ["MR"]),
        ]  # fmt: skip
        assert len(newerStudies(server.address, "P1", None)) == 3
        assert newerStudies(server.address, "P*", None) == []


def test_aFolderCannotTell(tmp_path):
    assert newerStudies(str(tmp_path), "P1", AFTER) is None


@pytest.mark.parametrize("lie, code", [
    ("fails", "http-500"), ("emptyAnswers", "query-answer"), ("emptyParts", "query-answer"), ("honest", "http-404"),
])  # fmt: skip
def test_nonsenseIsNoAllClear(lie, code):
    with LyingServer(read=lie) as server, pytest.raises(StoreFailed) as failed:
        newerStudies(server.address, "P1", AFTER)
    assert failed.value.code == code
