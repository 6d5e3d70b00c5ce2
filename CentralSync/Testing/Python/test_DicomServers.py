"""Real DICOM archives over DIMSE: Orthanc, and DCMTK's storescp and dcmqrscp."""

import contextlib
import dataclasses
import io
import os
import shutil
import subprocess
import sys
import time

import pydicom
import pytest
from pydicom.dataset import Dataset

import CentralSyncLib.Stores.DicomStore as DicomStoreModule
from CentralSyncLib.Items import itemOf
from CentralSyncLib.Stores.Addresses import openStore
from CentralSyncLib.Stores.CentralStore import ABSENT, SAME, SENT, UNREACHED
from CentralSyncLib.Stores.DicomCommitment import commitmentAnswers
from CentralSyncLib.Stores.DicomPeer import parsePeer
from CentralSyncLib.Stores.Settings import StoreSettings
from PlanningHubLib.Progress import noProgress
from Servers.OrthancServer import OrthancServer, freePort, whyNoOrthanc
from Servers.SmallDicom import writeSmallSeries

needsOrthanc = pytest.mark.skipif(bool(whyNoOrthanc()), reason=whyNoOrthanc())
CT = "1.2.840.10008.5.1.4.1.1.2"


def needsDcmtk(program):
    return pytest.mark.skipif(not shutil.which(program), reason=f"{program} is not installed (Debian: dcmtk)")


def orthanc(reportPort=104):
    """One that knows this workstation, as Orthanc demands before it gives anything back."""
    known = {"AET": "PLANNINGHUB", "Host": "127.0.0.1", "Port": reportPort, "AllowStorageCommitment": True}
    return OrthancServer(settings={"DicomModalities": {"workstation": known}})


def addressOf(server):
    return f"dicom://ORTHANC@127.0.0.1:{server.dicomPort}"


def outcomes(answers, items):
    return [answers[item.sha256].outcome for item in items]


@pytest.fixture
def items(tmp_path):
    return [itemOf(path) for path in writeSmallSeries(tmp_path / "series", 12, kilobytes=64)]


def rawData(item, folder):
    """A Raw Data object in a series of its own, with a sequence and a private block as other programs write them."""
    dataset = pydicom.dcmread(item.path)
    inner = Dataset()
    inner.ReferencedSOPClassUID, inner.ReferencedSOPInstanceUID = CT, item.sopInstanceUid
    inner.is_undefined_length_sequence_item = True
    dataset.ReferencedImageSequence = [inner]
    dataset["ReferencedImageSequence"].is_undefined_length = True
    dataset.private_block(0x0071, "TEST", create=True).add_new(1, "OB", b"1234")
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.66"
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "2.25.1"
    dataset.SeriesInstanceUID = "2.25.2"
    dataset.save_as(folder / "record.dcm")
    return itemOf(folder / "record.dcm")


@needsOrthanc
def test_orthancGivesBackWhatItGot(items, tmp_path):
    with orthanc() as server:
        store = openStore(addressOf(server))
        assert outcomes(store.check(items, noProgress), items) == [ABSENT] * 12
        store.send(items[:7], noProgress)
        assert outcomes(store.check(items, noProgress), items) == [SAME] * 7 + [ABSENT] * 5
        store.send(items, noProgress)
        assert outcomes(store.check(items, noProgress), items) == [SAME] * 12 and len(server.instances()) == 12
        assert store.readSeries(items[0].studyUid, "1.2.3") == []
        record = rawData(items[0], tmp_path)
        store.send([record], noProgress)
        assert outcomes(store.check([record], noProgress), [record]) == [SAME]
        (data,) = store.readSeries(record.studyUid, record.seriesUid)
        assert pydicom.dcmread(io.BytesIO(data)).SOPInstanceUID == record.sopInstanceUid
        (study,) = store.query("/studies", {"PatientID": "TEST"})
        assert study["0020000D"]["Value"] == [items[0].studyUid]
        assert store.query("/studies", {"PatientID": "NOBODY"}) == []


@needsOrthanc
def test_orthancThatDoesNotKnowThisWorkstationIsNotVerified(items):
    with OrthancServer() as server:
        store = openStore(addressOf(server))
        assert set(outcomes(store.send(items, noProgress), items)) == {SENT}
        answers = store.check(items, noProgress)
        assert set(outcomes(answers, items)) == {UNREACHED}
        assert "what PLANNINGHUB may do there" in answers[items[0].sha256].reason


@needsOrthanc
def test_orthancKilledInTheMiddleLosesNothingUnnoticed(items, monkeypatch):
    with orthanc() as server:
        store = openStore(addressOf(server))

        def killAtHalf(fraction, _text):
            if fraction > 0.4:
                server.kill()

        monkeypatch.setattr(DicomStoreModule, "BATCH_ITEMS", 2)
        one = openStore(addressOf(server), settings=StoreSettings(addressOf(server), connections=1))
        sent = one.send(items, killAtHalf)
        assert {SENT, UNREACHED} == set(outcomes(sent, items))
        assert set(outcomes(store.check(items, noProgress), items)) == {UNREACHED}
        server.start()
        found = store.check(items, noProgress)
        assert set(outcomes(found, items)) == {SAME, ABSENT}
        store.send([item for item in items if found[item.sha256].outcome == ABSENT], noProgress)
        assert outcomes(store.check(items, noProgress), items) == [SAME] * 12 and len(server.instances()) == 12


SENDER = """
import sys
from pathlib import Path
from CentralSyncLib.Items import itemOf
from CentralSyncLib.Stores.Addresses import openStore
from CentralSyncLib.Stores.Settings import StoreSettings
store = openStore(sys.argv[1], settings=StoreSettings(sys.argv[1], connections=2, bytesPerSecond=100_000))
store.send([itemOf(path) for path in sorted(Path(sys.argv[2]).iterdir())], lambda fraction, text: None)
"""


@needsOrthanc
def test_aSenderKilledInTheMiddleLeavesNothingHalf(items):
    with orthanc() as server:
        folder = items[0].path.parent
        sender = subprocess.Popen([sys.executable, "-c", SENDER, addressOf(server), str(folder)], env=environment())
        try:
            while not server.instances():
                assert sender.poll() is None
        finally:
            sender.kill()
            sender.wait()
        store = openStore(addressOf(server))
        found = store.check(items, noProgress)
        assert set(outcomes(found, items)) == {SAME, ABSENT}
        store.send([item for item in items if found[item.sha256].outcome == ABSENT], noProgress)
        assert outcomes(store.check(items, noProgress), items) == [SAME] * 12 and len(server.instances()) == 12


def environment():
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


@needsOrthanc
def test_orthancCommitsOnAnAssociationOfItsOwn(items):
    port = freePort()
    with orthanc(port) as server:
        openStore(addressOf(server)).send(items[:3], noProgress)
        peer = dataclasses.replace(parsePeer(addressOf(server)), commitmentPort=port)
        answers = commitmentAnswers(peer, [(item, CT) for item in items[:4]], 30)
        assert outcomes(answers, items[:4]) == [SENT, SENT, SENT, ABSENT]


@contextlib.contextmanager
def running(*command, aet, port):
    """A server that is ended by its own process number."""
    process = subprocess.Popen([str(one) for one in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 20
        while _refuses(aet, port):
            assert process.poll() is None and time.monotonic() < end
        yield
    finally:
        process.kill()
        process.wait()


def _refuses(aet, port):
    return subprocess.run(["echoscu", "-aec", aet, "127.0.0.1", str(port)], capture_output=True).returncode != 0


@needsDcmtk("storescp")
def test_storescpTakesAndCanSayNothing(items, tmp_path):
    port = freePort()
    (tmp_path / "kept").mkdir()
    with running("storescp", "--output-directory", tmp_path / "kept", port, aet="STORESCP", port=port):
        store = openStore(f"dicom://STORESCP@127.0.0.1:{port}")
        assert outcomes(store.check(items, noProgress), items) == [ABSENT] * 12
        assert outcomes(store.send(items, noProgress), items) == [SENT] * 12
        answers = store.check(items, noProgress)
        assert outcomes(answers, items) == [SENT] * 12
        assert "nor does it commit" in answers[items[0].sha256].reason
    assert len(list((tmp_path / "kept").iterdir())) == 12


@needsDcmtk("dcmqrscp")
def test_dcmqrscpGivesBackWhatItGot(items, tmp_path):
    port = freePort()
    (tmp_path / "db").mkdir()
    configuration = tmp_path / "dcmqrscp.cfg"
    configuration.write_text(
        f"NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 16\n"
        "HostTable BEGIN\nHostTable END\nVendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\nQR {tmp_path / 'db'} RW (200, 1024mb) ANY\nAETable END\n"
    )
    with running("dcmqrscp", "--config", configuration, aet="QR", port=port):
        # Its index is one file: one association at a time.
        address = f"dicom://QR@127.0.0.1:{port}"
        store = openStore(address, settings=StoreSettings(address, connections=1))
        assert outcomes(store.check(items, noProgress), items) == [ABSENT] * 12
        assert outcomes(store.send(items, noProgress), items) == [SENT] * 12
        assert outcomes(store.check(items, noProgress), items) == [SAME] * 12
