"""An archive without DICOMweb as central store: C-STORE to send, C-GET to read back what it really keeps (PS3.4).

Where an archive gives nothing back, it is asked whether it lists the object and commits to it: that gives SENT, never
SAME.
"""

import functools
import threading

from PlanningHubLib.Errors import StoreFailed
from PlanningHubLib.Progress import part

from ..Items import DICOM
from .AddressForms import described
from .Bandwidth import Bandwidth
from .CentralStore import REFUSED, SENT, UNFIT, UNREACHED, Answer
from .DicomAssociation import Association, storageContexts
from .DicomCommitment import commitmentAnswers
from .DicomObject import NotAnObject, encodingOf, readObject
from .DicomReading import Reading
from .DicomSearch import query, readSeries
from .DicomStatus import sendingAnswer
from .Grouping import batches, bySeries, forAll, merged, unfit
from .Multipart import FileChanged
from .Parallel import Breaker, runAll, tripped

CHANGED = "The file in the case is no longer what was recorded; it was not sent."
BATCH_ITEMS, BATCH_BYTES = 10, 64 << 20
COMMITMENT_SECONDS = 60.0


class DicomStore:
    """A :class:`CentralStore` that keeps DICOM only, reached over DIMSE.

    :param peer: :class:`CentralSyncLib.Stores.DicomPeer.DicomPeer`
    :param bytesPerSecond: most that is sent, or None
    :param commitmentSeconds: how long the archive's report on storage commitment is awaited
    """

    keepsWholeCase = False

    def __init__(self, peer, connections=4, bytesPerSecond=None, commitmentSeconds=COMMITMENT_SECONDS):
        self.address = peer.address
        self.description = described(peer.address)
        self._peer = peer
        self._connections = connections
        self._bandwidth = Bandwidth(bytesPerSecond)
        self._commitmentSeconds = commitmentSeconds
        self._lock = threading.Lock()
        self._taken = set()

    def declines(self, item):
        return "" if item.kind == DICOM else "A DICOM store keeps DICOM only; this file stays in the case."

    def keepsElsewhere(self, item):
        return False

    def keepSnapshot(self, caseId, files):
        raise StoreFailed("no-snapshot", "A DICOM store keeps no list of a case's files.", "Use a folder store.")

    # Reading back

    def check(self, items, progress):
        """Compare what the archive gives back with the items; without reading back, ask what it says of them.

        An archive writes the header of a file anew, so it is the dataset that is compared.
        """
        answers = unfit(items)
        breaker = Breaker()
        groups = [
            batch
            for series in bySeries([item for item in items if item.sha256 not in answers])
            for batch in batches(series, 2 * BATCH_ITEMS, BATCH_BYTES)
        ]
        work = functools.partial(self._checkBatch, breaker=breaker)
        read = part(progress, 0.0, 0.8)
        answers |= merged(runAll(groups, work, self._connections, read, "Reading back from the archive", breaker))
        answers |= self._committed([item for item in items if answers[item.sha256].outcome == SENT], progress)
        progress(1.0, "Compared with the archive")
        return answers

    def _checkBatch(self, batch, breaker):
        if breaker.isOpen:
            return forAll(batch, Answer(UNREACHED, breaker.reason))
        breaker.raiseIfStopped()
        reading = Reading(self._peer, batch, self._wasTaken)
        try:
            reading.run(breaker.raiseIfStopped)
            breaker.succeeded()
        except StoreFailed as error:
            return {**forAll(batch, tripped(breaker, error)), **reading.answers}
        return reading.answers

    def _wasTaken(self, item):
        with self._lock:
            return item.sha256 in self._taken

    def _committed(self, items, progress):
        """Answers of storage commitment for what the archive has but cannot give back."""
        if not items:
            return {}
        objects = [(item, encodingOf(item).sopClassUid) for item in items]
        text = "Asking the archive to commit"
        return commitmentAnswers(self._peer, objects, self._commitmentSeconds, lambda: progress(0.9, text))

    def readSeries(self, studyUid, seriesUid):
        """Return the bytes of every object of a small series of records; empty where the archive has none.

        :raises StoreFailed: as the archive's own trouble; ``no-read-back`` where it cannot give objects back
        """
        return readSeries(self._peer, studyUid, seriesUid)

    def query(self, path, keys):
        """Return the answer to a search (C-FIND) as a list of dictionaries in DICOM JSON, as a DICOMweb store does.

        :param path: ``/studies``, or ``/studies/<uid>/series``
        :raises StoreFailed: as the archive's own trouble; ``no-search``
        """
        return query(self._peer, path, keys)

    # Sending

    def send(self, items, progress):
        """Send the items, a few on each of several associations. What the archive answers is a hint, never a proof."""
        breaker = Breaker()
        work = functools.partial(self._sendBatch, breaker=breaker)
        groups = batches(items, BATCH_ITEMS, BATCH_BYTES)
        return merged(runAll(groups, work, self._connections, progress, "Sending to the archive", breaker))

    def _sendBatch(self, batch, breaker):
        encodings, answers = {}, {}
        for item in batch:
            try:
                encodings[item.sha256] = encodingOf(item)
            except (FileChanged, NotAnObject) as error:
                answers[item.sha256] = Answer(UNFIT, str(error) if isinstance(error, NotAnObject) else CHANGED)
        rest = [item for item in batch if item.sha256 in encodings]
        while rest:
            if breaker.isOpen:
                return answers | forAll(rest, Answer(UNREACHED, f"Not sent: {breaker.reason}"))
            answers |= self._sendSome(rest, encodings, breaker)
            # What ended the association is answered; what came after it goes on another one.
            rest = [item for item in rest if item.sha256 not in answers]
        return answers

    def _sendSome(self, items, encodings, breaker):
        """Answers for the items on one association, up to the one at which it ended."""
        answers = {}
        try:
            contexts = storageContexts(dict.fromkeys(encodings[item.sha256] for item in items))
            with Association(self._peer, contexts) as association:
                for item in items:
                    breaker.raiseIfStopped()
                    self._bandwidth.take(item.bytes, breaker.raiseIfStopped)
                    try:
                        answers[item.sha256] = self._sendItem(item, encodings[item.sha256], association)
                    except StoreFailed as error:
                        answers[item.sha256] = tripped(breaker, error)
                        return answers
                    breaker.succeeded()
        except StoreFailed as error:
            return forAll(items, tripped(breaker, error))
        return answers

    def _sendItem(self, item, encoding, association):
        if not association.accepts(encoding.sopClassUid, encoding.transferSyntaxUid):
            return Answer(REFUSED, f"The archive does not take {_named(encoding)}.")
        try:
            answer = sendingAnswer(association.store(item.sopInstanceUid, readObject(item)))
        except (FileChanged, NotAnObject):
            return Answer(UNFIT, CHANGED)
        if answer.outcome == SENT:
            with self._lock:
                self._taken.add(item.sha256)
        return answer


def _named(encoding):
    from pydicom.uid import UID

    return f"{UID(encoding.sopClassUid).name} in {UID(encoding.transferSyntaxUid).name}"
