"""Storage commitment (PS3.4 Annex J): an archive's word that it keeps objects, which is no proof that it does."""

import contextlib
import queue
import time
import uuid

from PlanningHubLib.Errors import StoreFailed

from .CentralStore import ABSENT, CONFLICT, SENT, UNREACHED, Answer
from .DicomAssociation import Association
from .DicomStatus import SUCCESS

PUSH_MODEL = "1.2.840.10008.1.20.1"
PUSH_INSTANCE = "1.2.840.10008.1.20.1.1"
COMMITTED = "The archive committed to keeping it; it cannot be read back, so nothing is proven."
UNCOMMITTED = "The archive answered that it took it; it can neither be read back nor does it commit to keeping it."
# Failure reasons (PS3.3 C.14).
_NO_SUCH_OBJECT, _CONFLICT, _NO_RESOURCES = 0x0112, 0x0119, 0x0213


def commitmentAnswers(peer, objects, reportSeconds, tick=lambda: None):
    """Ask the archive to commit to objects; return {item's SHA-256: :class:`Answer`}, never SAME.

    SENT where it committed, ABSENT where it says that it has none, CONFLICT where it has another, UNREACHED where its
    report does not come.

    :param peer: :class:`CentralSyncLib.Stores.DicomPeer.DicomPeer`; the report is awaited on the same association and,
        with a ``commitmentPort``, on one that the archive opens
    :param objects: list of (item, SOP class UID)
    :param tick: called several times a second; may raise
    """
    reports = queue.SimpleQueue()
    try:
        with _listening(peer, reports) as isListening, _requesting(peer, reports) as association:
            if not association.accepts(PUSH_MODEL):
                return {item.sha256: Answer(SENT, UNCOMMITTED) for item, _sopClass in objects}
            transaction = f"2.25.{uuid.uuid4().int}"
            status = association.act(_request(transaction, objects), 1, PUSH_MODEL, PUSH_INSTANCE)
            if status.Status != SUCCESS:
                return _forAll(objects, f"The archive would not commit to it (status {status.Status:04X}).")
            report = _awaited(reports, transaction, association, isListening, reportSeconds, tick)
    except StoreFailed as error:
        return _forAll(objects, str(error))
    if report is None:
        return _forAll(objects, f"The archive's commitment did not come within {reportSeconds:g} s.")
    return {item.sha256: _judged(item, report) for item, _sopClass in objects}


def _forAll(objects, reason):
    return {item.sha256: Answer(UNREACHED, reason) for item, _sopClass in objects}


def _request(transaction, objects):
    from pydicom.dataset import Dataset

    request = Dataset()
    request.TransactionUID = transaction
    request.ReferencedSOPSequence = []
    for item, sopClass in objects:
        reference = Dataset()
        reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = sopClass, item.sopInstanceUid
        request.ReferencedSOPSequence.append(reference)
    return request


def _requesting(peer, reports):
    from pynetdicom import build_context, evt

    return Association(peer, [build_context(PUSH_MODEL)], [(evt.EVT_N_EVENT_REPORT, _received, [reports])])


@contextlib.contextmanager
def _listening(peer, reports):
    """Wait for the archive's own association; yields whether anybody can reach us."""
    if peer.commitmentPort is None:
        yield False
        return
    from pynetdicom import AE, evt

    entity = AE(peer.callingAet)
    entity.require_called_aet = True
    entity.require_calling_aet = [peer.aet]
    entity.add_supported_context(PUSH_MODEL, scu_role=True, scp_role=True)
    try:
        server = entity.start_server(
            (peer.listenHost, peer.commitmentPort),
            block=False,
            ssl_context=peer.listenTls,
            evt_handlers=[(evt.EVT_N_EVENT_REPORT, _received, [reports])],
        )
    except OSError:
        # Another process of this workstation waits there: what comes on our own association still counts.
        yield False
        return
    try:
        yield True
    finally:
        server.shutdown()


def _received(event, reports):
    information = event.event_information
    # A list of the failed ones comes with event type 2; committed ones stand in both.
    reports.put(
        (
            str(information.get("TransactionUID", "")),
            {str(one.ReferencedSOPInstanceUID) for one in information.get("ReferencedSOPSequence") or ()},
            {
                str(one.ReferencedSOPInstanceUID): int(one.get("FailureReason") or 0)
                for one in information.get("FailedSOPSequence") or ()
            },
        )
    )
    return SUCCESS, None


def _awaited(reports, transaction, association, isListening, seconds, tick):
    """The report on our transaction, or None; other reports are of earlier questions."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        tick()
        with contextlib.suppress(queue.Empty):
            report = reports.get(timeout=0.2)
            if report[0] == transaction:
                return report
            continue
        if not association.isOpen and not isListening:
            return None
    return None


def _judged(item, report):
    _transaction, committed, failed = report
    reason = failed.get(item.sopInstanceUid)
    if reason is None and item.sopInstanceUid in committed:
        return Answer(SENT, COMMITTED)
    if reason in (None, _NO_SUCH_OBJECT):
        return Answer(ABSENT, "The archive says that it does not keep it.")
    if reason == _CONFLICT:
        return Answer(CONFLICT, "The archive keeps another kind of object under this SOP Instance UID.")
    words = "has no resources left" if reason == _NO_RESOURCES else "would not commit to it"
    return Answer(UNREACHED, f"The archive {words} (failure reason {reason:04X}).")
