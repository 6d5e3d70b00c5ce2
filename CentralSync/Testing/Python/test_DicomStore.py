"""A DICOM archive as central store: what it says is never believed, what it gives back is compared."""

import contextlib
import dataclasses
import logging
import socket
import threading

import pytest

from CentralSyncLib.Items import itemOf
from CentralSyncLib.Stores.CentralStore import ABSENT, CONFLICT, REFUSED, SAME, SENT, UNFIT, UNREACHED
from CentralSyncLib.Stores.DicomPeer import parsePeer
from CentralSyncLib.Stores.DicomStore import DicomStore
from CentralSyncLib.Stores.Http import TimeLimits
from PlanningHubLib.Errors import Cancelled, StoreFailed
from PlanningHubLib.Progress import noProgress
from Servers.DimseArchive import DimseArchive
from Servers.OrthancServer import freePort
from Servers.SmallDicom import writeSmallSeries

SHORT = TimeLimits(connectSeconds=1, silenceSeconds=0.3, slowestBytesPerSecond=1e7)


@pytest.fixture
def items(tmp_path):
    return [itemOf(path) for path in writeSmallSeries(tmp_path / "series", 5)]


def storeFor(archive, limits=None, commitmentSeconds=20, **peer):
    found = parsePeer(archive.address)
    found = dataclasses.replace(found, limits=limits or TimeLimits(), **peer)
    return DicomStore(found, commitmentSeconds=commitmentSeconds)


def outcomes(answers, items):
    return [answers[item.sha256].outcome for item in items]


def reasons(answers):
    return {answer.reason for answer in answers.values()}


def test_whatWasSentIsGivenBackAndComparedByteForByte(items):
    with DimseArchive() as archive:
        store = storeFor(archive)
        assert outcomes(store.check(items, noProgress), items) == [ABSENT] * 5
        assert outcomes(store.send(items, noProgress), items) == [SENT] * 5
        assert outcomes(store.check(items, noProgress), items) == [SAME] * 5
        assert sorted(archive.received) == sorted(item.sopInstanceUid for item in items)


def test_whatIsPartlyThereIsToldApart(items):
    with DimseArchive() as archive:
        store = storeFor(archive)
        store.send(items[1:3], noProgress)
        assert outcomes(store.check(items, noProgress), items) == [ABSENT, SAME, SAME, ABSENT, ABSENT]


@pytest.mark.parametrize(
    ("lie", "said", "found"),
    [
        ("keepsNothing", SENT, ABSENT),
        ("flipsBit", SENT, CONFLICT),
        ("coerces", SENT, CONFLICT),
        ("warns", SENT, SAME),
        ("full", UNREACHED, ABSENT),
        ("mismatches", REFUSED, ABSENT),
        ("cannotUnderstand", REFUSED, ABSENT),
        ("keepsAndAborts", UNREACHED, SAME),
    ],
)
def test_noAnswerToASendingIsBelieved(items, lie, said, found):
    with DimseArchive(lie) as archive:
        store = storeFor(archive)
        sent = store.send(items[:1], noProgress)
        assert outcomes(sent, items[:1]) == [said] and all(reasons(sent))
        assert outcomes(store.check(items[:1], noProgress), items[:1]) == [found]


def test_aRecodedCopyIsTheSameAndAChangedOneIsNot(items):
    classes = (("1.2.840.10008.5.1.4.1.1.2", syntax) for syntax in ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2"))
    with DimseArchive(read="recodes", classes=tuple(classes)) as archive:
        store = storeFor(archive)
        store.send(items, noProgress)
        answers = store.check(items, noProgress)
        assert outcomes(answers, items) == [SAME] * 5
        assert all("Implicit VR Little Endian instead of Explicit" in reason for reason in reasons(answers))
        archive.kept[items[0].sopInstanceUid].RescaleSlope = 2
        answer = store.check(items[:1], noProgress)[items[0].sha256]
        assert answer.outcome == CONFLICT and "RescaleSlope" in answer.reason


@pytest.mark.parametrize(("lie", "looksDamaged"), [("flipsBit", True), ("coerces", False)])
def test_damageIsToldFromACorrection(items, lie, looksDamaged):
    with DimseArchive(lie) as archive:
        store = storeFor(archive)
        store.send(items[:1], noProgress)
        assert store.check(items[:1], noProgress)[items[0].sha256].looksDamaged is looksDamaged


def test_outOfResourcesAsksToWait(items):
    with DimseArchive("full") as archive:
        answers = storeFor(archive).send(items, noProgress)
        assert {answer.waitSeconds for answer in answers.values()} == {60.0}
        assert reasons(answers) == {"The archive has no resources left (status A700)."}


def test_anObjectThatEndsTheAssociationStopsNoOther(items):
    with DimseArchive("aborts") as archive:
        archive.poison = items[1].sopInstanceUid
        answers = storeFor(archive).send(items, noProgress)
        assert outcomes(answers, items) == [SENT, UNREACHED, SENT, SENT, SENT]
        assert "aborted the association" in answers[items[1].sha256].reason
        assert len(archive.kept) == 4


def test_aTransferSyntaxThatTheArchiveDoesNotTakeIsNamed(items):
    with DimseArchive(classes=(("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2"),)) as archive:
        answers = storeFor(archive).send(items, noProgress)
        assert outcomes(answers, items) == [REFUSED] * 5 and archive.received == []
        assert reasons(answers) == {"The archive does not take CT Image Storage in Explicit VR Little Endian."}


def test_aPeerThatNeverAnswersIsGivenUp(items):
    with DimseArchive("stalls") as archive:
        answers = storeFor(archive, SHORT).send(items[:1], noProgress)
        assert outcomes(answers, items[:1]) == [UNREACHED]
        assert "was silent for" in answers[items[0].sha256].reason
        archive.released.set()


def test_aPeerThatStopsReadingIsGivenUp(tmp_path):
    (path,) = writeSmallSeries(tmp_path, 1, kilobytes=7000)
    with DimseArchive() as archive, _Deaf(archive.port) as deaf:
        archive.port = deaf.port
        answers = storeFor(archive, SHORT).send([itemOf(path)], noProgress)
        assert [answer.outcome for answer in answers.values()] == [UNREACHED]
        assert archive.kept == {}


class _Deaf:
    """Passes everything on until an association is there, then reads no more of what comes."""

    def __init__(self, port):
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        # Less than the object, whatever the sender's own buffer holds.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        self.port = self._listener.getsockname()[1]
        self._open = [self._listener]

    def __enter__(self):
        threading.Thread(target=self._run, daemon=True).start()
        return self

    def __exit__(self, *_error):
        for one in self._open:
            one.close()

    def _run(self):
        with contextlib.suppress(OSError):
            near, _address = self._listener.accept()
            far = socket.create_connection(("127.0.0.1", self._to))
            self._open += [near, far]
            far.sendall(near.recv(1 << 16))
            near.sendall(far.recv(1 << 16))


def test_nobodyThereAndNobodyOfThatName(items):
    with DimseArchive() as archive:
        port, archive.port = archive.port, freePort()
        answers = storeFor(archive).send(items, noProgress)
        assert outcomes(answers, items) == [UNREACHED] * 5
        assert all("cannot be reached" in reason for reason in reasons(answers))
        archive.port = port
        archive._entity.require_called_aet = True
        answers = storeFor(archive, aet="OTHER").check(items, noProgress)
        assert all("does not know the name OTHER" in reason for reason in reasons(answers))


def test_aFileThatChangedIsNotSent(items):
    items[2].path.write_bytes(items[2].path.read_bytes()[:-1] + b"\1")
    with DimseArchive() as archive:
        store = storeFor(archive)
        assert outcomes(store.send(items, noProgress), items) == [SENT, SENT, UNFIT, SENT, SENT]
        assert len(archive.received) == 4
        assert outcomes(store.check(items, noProgress), items) == [SAME, SAME, UNFIT, SAME, SAME]


def test_noPatientStandsInLogs(items, caplog):
    caplog.set_level(logging.DEBUG)
    with DimseArchive() as archive:
        store = storeFor(archive)
        store.send(items, noProgress)
        store.check(items, noProgress)
        assert store.query("/studies", {"PatientID": "PLANTED-4711"}) == []
    assert "Test^Object" not in caplog.text and "PLANTED" not in caplog.text


def test_whatIsNotDicomEnough(tmp_path, items):
    data = items[0].path.read_bytes()
    path = tmp_path / "headless.dcm"
    path.write_bytes(data[:132] + b"\x02\x00\x10\x00" + data[136:])
    headless = itemOf(path)
    with DimseArchive() as archive:
        answers = storeFor(archive).send([headless], noProgress)
        assert outcomes(answers, [headless]) == [UNFIT] and archive.received == []


def test_cancelledWhileSending(items):
    def progress(fraction, text):
        raise Cancelled()

    with DimseArchive() as archive, pytest.raises(Cancelled):
        storeFor(archive).send(items, progress)


@pytest.mark.parametrize("read", ["givesNothing", "fails"])
def test_whatIsListedAndNotGivenBackIsNotVerified(items, read):
    with DimseArchive(read=read) as archive:
        store = storeFor(archive)
        store.send(items, noProgress)
        found = set(outcomes(store.check(items, noProgress), items))
        assert found == ({UNREACHED} if read == "fails" else {ABSENT})


def test_anArchiveThatGivesNothingBackIsNeverVerified(items):
    with DimseArchive(read="noGet") as archive:
        store = storeFor(archive)
        assert outcomes(store.check(items, noProgress), items) == [ABSENT] * 5
        store.send(items, noProgress)
        answers = store.check(items, noProgress)
        assert outcomes(answers, items) == [SENT] * 5
        assert all("nothing is proven" in reason or "nor does it commit" in reason for reason in reasons(answers))
        with pytest.raises(StoreFailed) as error:
            store.readSeries(items[0].studyUid, items[0].seriesUid)
        assert error.value.code == "no-read-back"


def test_commitmentIsSaidAndNeverTakenForAProof(items):
    with DimseArchive(read="noGet", commitment="honest") as archive:
        store = storeFor(archive)
        store.send(items, noProgress)
        answers = store.check(items, noProgress)
        assert outcomes(answers, items) == [SENT] * 5
        assert reasons(answers) == {
            "The archive committed to keeping it; it cannot be read back, so nothing is proven."
        }


def test_anArchiveThatCommitsToWhatItDropped(items):
    with DimseArchive("keepsNothing", "noGet", "commitsToAll") as archive:
        store = storeFor(archive)
        store.send(items, noProgress)
        # It lists nothing, so its commitment is not even asked for.
        assert outcomes(store.check(items, noProgress), items) == [ABSENT] * 5
    with DimseArchive("keepsNothing", "noGetNorFind", "commitsToAll") as archive:
        store = storeFor(archive)
        assert outcomes(store.check(items, noProgress), items) == [ABSENT] * 5
        store.send(items, noProgress)
        assert outcomes(store.check(items, noProgress), items) == [SENT] * 5


def test_whatTheArchiveDoesNotCommitTo(items):
    with DimseArchive("keepsNothing", "noGetNorFind", "honest") as archive:
        store = storeFor(archive)
        store.send(items, noProgress)
        answers = store.check(items, noProgress)
        assert outcomes(answers, items) == [ABSENT] * 5
        assert reasons(answers) == {"The archive says that it does not keep it."}


@pytest.mark.parametrize(("commitment", "words"), [("silent", "did not come within"), ("refuses", "would not commit")])
def test_noCommitmentComes(items, commitment, words):
    with DimseArchive(read="noGet", commitment=commitment) as archive:
        store = storeFor(archive, commitmentSeconds=0.5)
        store.send(items[:1], noProgress)
        answers = store.check(items[:1], noProgress)
        assert outcomes(answers, items[:1]) == [UNREACHED] and words in reasons(answers).pop()


def test_commitmentOnAnAssociationOfTheArchive(items):
    with DimseArchive(read="noGet", commitment="reportsLater") as archive:
        archive.reportPort = freePort()
        assert _committed(archive, items, None, 0.5) == [UNREACHED] * 5
        assert _committed(archive, items, archive.reportPort, 20) == [SENT] * 5
        # Another process waits there.
        with socket.create_server(("127.0.0.1", archive.reportPort)):
            assert _committed(archive, items, archive.reportPort, 0.5) == [UNREACHED] * 5


def _committed(archive, items, port, seconds):
    store = storeFor(archive, commitmentSeconds=seconds, commitmentPort=port)
    store.send(items, noProgress)
    return outcomes(store.check(items, noProgress), items)
