"""The DICOMweb store against a real Orthanc and against servers that lie."""

import dataclasses
import os
import shutil
import ssl
import subprocess
import time
from pathlib import Path

import pydicom
import pytest
from Pushing import pushVerified
from pydicom.uid import RLELossless

from CentralSyncLib.Items import itemOf
from CentralSyncLib.Results import FAILED, NOT_SENT, QUEUED, VERIFIED
from CentralSyncLib.Stores import DicomWebStore
from CentralSyncLib.Stores.Addresses import openStore
from CentralSyncLib.Stores.CentralStore import CONFLICT, SAME
from CentralSyncLib.Stores.Http import TimeLimits
from PlanningHubLib.ArchiveAccess import Credentials, remember
from PlanningHubLib.Errors import Cancelled
from PlanningHubLib.Files import sha256Bytes
from PlanningHubLib.Progress import noProgress
from Servers.LyingServer import LyingServer
from Servers.OrthancServer import OrthancServer, freePort, whyNoOrthanc
from Servers.SmallDicom import writeSmallSeries

needsOrthanc = pytest.mark.skipif(bool(whyNoOrthanc()), reason=whyNoOrthanc() or "Orthanc is there")

needsOpenssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


@pytest.fixture(scope="module")
def orthanc():
    with OrthancServer() as server:
        yield server


@pytest.fixture
def liar():
    with LyingServer() as server:
        yield server


@pytest.fixture
def items(tmp_path):
    return [itemOf(path) for path in writeSmallSeries(tmp_path / "series", 12)]


def skullFiles():
    root = Path(__file__).resolve().parents[3]
    data = Path(os.environ.get("PLANNINGHUB_TEST_DATA") or root.parent / "shared/data")
    files = sorted((data / "ct_skull_defect").glob("*.dcm"))
    if not files:
        pytest.skip("ct_skull_defect is not here; PLANNINGHUB_TEST_DATA names its folder")
    return files


def impatient(server):
    """The server's store with short time limits, so that stalls take no minute."""
    store = openStore(server.address)
    store._http.limits = TimeLimits(connectSeconds=2, silenceSeconds=0.5)
    return store


def states(results):
    return {result.state for result in results}


def damaged(item, folder):
    """A file with the item's UIDs and one other bit in its pixels."""
    data = bytearray(item.path.read_bytes())
    data[-5] ^= 1
    path = folder / "other.dcm"
    path.write_bytes(data)
    return itemOf(path)


def overTls(server, folder):
    """Put a server behind TLS with a certificate of its own; return the store address and the certificate's path."""
    made = ["-keyout", "key.pem", "-out", "certificate.pem", "-days", "2", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", *made]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    server.httpServer.socket = context.wrap_socket(server.httpServer.socket, server_side=True)
    return server.address.replace("http:", "https:"), folder / "certificate.pem"


# Real Orthanc


@needsOrthanc
def test_skullCtArrivesByteForByte():
    files = skullFiles()
    with OrthancServer() as orthanc:
        results = pushVerified(openStore(orthanc.address), [itemOf(path) for path in files])
        assert states(results) == {VERIFIED}
        assert {sha256Bytes(data) for data in orthanc.storedBytes()} == {sha256Bytes(f.read_bytes()) for f in files}


@needsOrthanc
def test_twoObjectsArriveAndAreNotSentTwice(orthanc, tmp_path):
    pair = [itemOf(path) for path in writeSmallSeries(tmp_path, 2, seed=2)]
    store = openStore(orthanc.address)
    before = len(orthanc.instances())
    assert states(pushVerified(store, pair)) == {VERIFIED}
    assert len(orthanc.instances()) == before + 2
    store.send = None
    assert states(pushVerified(store, pair)) == {VERIFIED}


@needsOrthanc
def test_sameUidWithOtherContentIsAConflictAndTheOriginalStays(orthanc, tmp_path):
    original = [itemOf(path) for path in writeSmallSeries(tmp_path / "a", 4, seed=3)]
    store = openStore(orthanc.address)
    pushVerified(store, original)
    other = damaged(original[1], tmp_path)
    (result,) = pushVerified(store, [other])
    assert result.state == FAILED and result.reason.startswith("Conflict") and "SOP Instance UID" in result.reason
    kept = {sha256Bytes(data) for data in orthanc.storedBytes()}
    assert original[1].sha256 in kept and other.sha256 not in kept


@needsOrthanc
def test_orthancKilledMidWayQueuesAndALaterSyncCompletes(tmp_path):
    items = [itemOf(path) for path in writeSmallSeries(tmp_path, 60, seed=4)]
    with OrthancServer() as orthanc:
        store = openStore(orthanc.address)
        sendBatch, sent = store._sendBatch, []

        def sendThenKill(batch, breaker):
            if len(sent) == 2:
                orthanc.kill()
            sent.append(batch)
            return sendBatch(batch, breaker)

        store._sendBatch, store._connections = sendThenKill, 1
        results = pushVerified(store, items)
        assert states(results) == {QUEUED} and all(result.reason for result in results)
        orthanc.start()
        survived = len(orthanc.instances())
        assert 0 < survived < 60
        assert states(pushVerified(openStore(orthanc.address), items)) == {VERIFIED}
        assert len(orthanc.instances()) == 60


@needsOrthanc
def test_objectRottenOnOrthancsDiskIsNoticed(tmp_path):
    items = [itemOf(path) for path in writeSmallSeries(tmp_path, 3, seed=5)]
    # Orthanc answers from memory what it has just stored; a restart makes it read its disk.
    with OrthancServer() as orthanc:
        store = openStore(orthanc.address)
        assert states(pushVerified(store, items)) == {VERIFIED}
        stored = [path for path in (orthanc.folder / "storage").rglob("*") if path.is_file()]
        (rotten,) = [path for path in stored if path.read_bytes() == items[1].path.read_bytes()]
        rotten.write_bytes(damaged(items[1], tmp_path).path.read_bytes())
        orthanc.kill()
        orthanc.start()
        assert [result.state for result in pushVerified(store, items)] == [VERIFIED, FAILED, VERIFIED]


# Servers that lie


@pytest.mark.parametrize(
    ("lie", "state", "word"),
    [
        ("keepsNothing", FAILED, "does not keep it"),
        ("truncates", FAILED, "instead of"),
        ("flipsBit", FAILED, "not all the same"),
        ("refuses", FAILED, "409"),
        ("fails", QUEUED, "500"),
        ("busy", QUEUED, "wait 7 s"),
        ("forbids", QUEUED, "401"),
        ("redirects", QUEUED, "307"),
        ("hangsUp", QUEUED, "ended the connection"),
        ("stalls", QUEUED, "silent"),
    ],
)
def test_noLieAboutSendingIsBelieved(liar, items, lie, state, word):
    liar.send = lie
    results = pushVerified(impatient(liar), items)
    assert states(results) == {state}
    assert all(word in result.reason for result in results), results[0].reason


@pytest.mark.parametrize(
    ("lie", "state", "word"),
    [
        ("emptyAnswers", FAILED, "does not keep it"),
        ("emptyParts", FAILED, "does not keep it"),
        ("cutsAnswers", QUEUED, "ended the connection"),
        ("losesEnd", QUEUED, "cut short"),
        ("stalls", QUEUED, "silent"),
        ("fails", QUEUED, "500"),
        ("floods", FAILED, "more than"),
    ],
)
def test_noLieAboutWhatIsKeptIsBelieved(liar, items, lie, state, word):
    store = impatient(liar)
    send = store.send

    def sendThenLie(*arguments):
        answers = send(*arguments)
        liar.read = lie
        return answers

    store.send = sendThenLie
    results = pushVerified(store, items)
    # What came through whole before an answer broke off is proven; nothing else is.
    unproven = [result for result in results if result.state != VERIFIED]
    assert len(results) - len(unproven) == (11 if lie == "losesEnd" else 0)
    assert states(unproven) == {state}
    assert all(word in result.reason for result in unproven), unproven[0].reason
    liar.read = "honest"
    assert states(pushVerified(openStore(liar.address), items)) == {VERIFIED}


def test_whatAnArchiveRecodedIsProvenByWhatItSays(liar, items, tmp_path):
    """Also where it is kept longer than it was sent: a coded picture of zeros."""
    dataset = pydicom.dcmread(items[0].path)
    dataset.Rows, dataset.Columns, dataset.PixelData = 1024, 1024, bytes(2 << 20)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    dataset.compress(RLELossless, generate_instance_uid=False)
    dataset.save_as(tmp_path / "coded.dcm")
    items = [*items[:4], itemOf(tmp_path / "coded.dcm")]
    assert items[-1].bytes < 1 << 17
    store = openStore(liar.address)
    store.send(items, noProgress)
    liar.read = "recodes"
    answers = store.check(items, noProgress)
    assert {answer.outcome for answer in answers.values()} == {SAME}
    assert all("every pixel" in answer.reason for answer in answers.values())
    assert "RLE" in answers[items[0].sha256].reason


def test_whatIsNotEqualIsNamedAndNoValueIs(liar, items, tmp_path):
    dataset = pydicom.dcmread(items[0].path)
    dataset.PatientName = "Test^Other"
    dataset.save_as(tmp_path / "other.dcm")
    store = openStore(liar.address)
    store.send([itemOf(tmp_path / "other.dcm")], noProgress)
    for liar.read in ("honest", "recodes"):
        (answer,) = store.check(items[:1], noProgress).values()
        assert answer.outcome == CONFLICT and "it differs in PatientName" in answer.reason
        assert "Test" not in answer.reason


def test_whatIsTooLargeToCompareIsAConflictByItsBytes(liar, items, monkeypatch):
    store = openStore(liar.address)
    store.send(items[:1], noProgress)
    liar.read = "recodes"
    monkeypatch.setattr(DicomWebStore, "MOST_COMPARED_BYTES", 1000)
    (answer,) = store.check(items[:1], noProgress).values()
    assert answer.outcome == CONFLICT and "bytes instead of" in answer.reason and not answer.looksDamaged


def test_aFileThatChangedProvesNothing(liar, items):
    store = openStore(liar.address)
    store.send(items[:1], noProgress)
    liar.read = "recodes"
    data = items[0].path.read_bytes()
    items[0].path.write_bytes(data[:-4] + b"abcd")
    (answer,) = store.check(items[:1], noProgress).values()
    assert answer.outcome == CONFLICT


def test_lostAnswerIsSettledByReadingBack(liar, items):
    liar.send = "losesAnswer"
    results = pushVerified(impatient(liar), items[:10])
    assert states(results) == {VERIFIED}


def test_oneBadObjectDoesNotStopABatch(liar, items):
    liar.send = "refusesBatches"
    assert states(pushVerified(openStore(liar.address), items)) == {VERIFIED}


def test_nobodyListensIsQueuedAtOnce(items):
    store = openStore(f"dicomweb+http://127.0.0.1:{freePort()}/dicom-web")
    begin = time.monotonic()
    results = pushVerified(store, items)
    assert states(results) == {QUEUED} and "cannot be reached" in results[-1].reason
    assert time.monotonic() - begin < 30


def test_deadStoreIsGivenUpAfterAFewFailures(liar, tmp_path):
    items = [itemOf(path) for path in writeSmallSeries(tmp_path, 90, kilobytes=1, seed=6)]
    liar.send = "fails"
    assert states(pushVerified(impatient(liar), items)) == {QUEUED}
    assert liar.sent() <= 70


def test_fileChangedSinceItWasRecordedIsNotSent(liar, items):
    data = bytearray(items[3].path.read_bytes())
    data[-1] ^= 1
    items[3].path.write_bytes(data)
    items[4].path.unlink()
    results = pushVerified(openStore(liar.address), items)
    assert [result.state for result in results] == [VERIFIED] * 3 + [FAILED] * 2 + [VERIFIED] * 7
    assert "no longer what was recorded" in results[3].reason
    assert len(liar.kept) == 10


def test_twoContentsUnderOneUidAreNeitherSent(liar, items, tmp_path):
    results = pushVerified(openStore(liar.address), [items[0], damaged(items[0], tmp_path), items[1]])
    assert [result.state for result in results] == [FAILED, FAILED, VERIFIED]
    assert len(liar.kept) == 1


def test_objectWithoutIdentityIsNamed(liar, items):
    (result,) = pushVerified(openStore(liar.address), [dataclasses.replace(items[0], studyUid="")])
    assert result.state == FAILED and "Study" in result.reason and liar.sent() == 0


def test_plainFileStaysInTheCase(liar, items, tmp_path):
    plain = tmp_path / "part.stl"
    plain.write_bytes(b"solid")
    results = pushVerified(openStore(liar.address), [itemOf(plain), items[0]])
    assert [result.state for result in results] == [NOT_SENT, VERIFIED] and "DICOM only" in results[0].reason


def test_cancelReturnsAtOnceEvenWhenTheStoreStalls(liar, items):
    liar.send = "stalls"
    begin = time.monotonic()

    def cancelWhileSending(fraction, text):
        if "Sending" in text and time.monotonic() - begin > 0.5:
            raise Cancelled()

    with pytest.raises(Cancelled):
        pushVerified(openStore(liar.address), items, cancelWhileSending)
    assert time.monotonic() - begin < 20


def test_proxyAndNetrcOfTheEnvironmentAreNotUsedOnLoopback(liar, items, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password secret")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{freePort()}")
    assert states(pushVerified(openStore(liar.address), items[:1])) == {VERIFIED}


@needsOpenssl
def test_selfSignedCertificateIsRefusedBeforeAByteIsSent(liar, items, tmp_path):
    address, certificate = overTls(liar, tmp_path)
    results = pushVerified(openStore(address), items)
    assert states(results) == {QUEUED} and "certificate" in results[0].reason
    assert liar.requests == []


@needsOpenssl
def test_certificateThatTheSiteTrustsIsAccepted(liar, items, tmp_path, monkeypatch):
    address, certificate = overTls(liar, tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert states(pushVerified(openStore(address), items)) == {VERIFIED}


@needsOrthanc
def test_aStoreThatAsksForAUserGetsWhatIsRemembered(items, tmp_path, monkeypatch):
    (tmp_path / "passphrase").write_text("a long passphrase")
    (tmp_path / "passphrase").chmod(0o600)
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PLANNINGHUB_PASSPHRASE_FILE", str(tmp_path / "passphrase"))
    with OrthancServer(user=("anna", "open sesame")) as server:
        assert {result.state for result in pushVerified(openStore(server.address), items)} == {QUEUED}
        remember(f"{server.url}/dicom-web", Credentials("anna", "open sesame"))
        assert {result.state for result in pushVerified(openStore(server.address), items)} == {VERIFIED}
        assert len(server.instances()) == len(items)
