"""One association with a DICOM archive (PS3.7, PS3.8): objects as they are, time limits, failures in words."""

import contextlib
import io
import logging
import socket
import ssl
import time

from PlanningHubLib.Errors import StoreFailed

from .DicomObject import Encoding

# Where an archive gives back what it has recoded, it is in one of these.
UNCOMPRESSED = ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2")


class Association:
    """An open association; a context manager that releases it.

    :param peer: :class:`CentralSyncLib.Stores.DicomPeer.DicomPeer`
    :param contexts: list of pynetdicom presentation contexts, numbered when the association is requested
    :param handlers: (event, function) pairs of pynetdicom
    :param roles: role selections of pynetdicom
    :raises StoreFailed: ``store-unreachable``, ``store-untrusted``, ``association-refused``, ``store-silent``,
        ``connection-lost``, ``association-aborted``
    """

    def __init__(self, peer, contexts, handlers=(), roles=()):
        from pynetdicom import AE, evt

        # Its words and traces are for developers of DICOM, and some name what is sent.
        logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)
        self.peer = peer
        self._wasConnected = self._wasAborted = False
        self._started = time.monotonic()
        entity = AE(peer.callingAet)
        entity.connection_timeout = peer.limits.connectSeconds
        entity.acse_timeout = entity.dimse_timeout = peer.limits.silenceSeconds
        # While we wait for an answer the archive may be silent for as long as that answer may take.
        entity.network_timeout = None
        entity.maximum_pdu_size = 0
        own = [(evt.EVT_CONN_OPEN, self._connected), (evt.EVT_PDU_RECV, self._received)]
        try:
            self._association = entity.associate(
                peer.host,
                peer.port,
                contexts,
                ae_title=peer.aet,
                max_pdu=0,
                ext_neg=list(roles),
                evt_handlers=[*own, *handlers],
                tls_args=(peer.tls, peer.host) if peer.tls else None,
            )
        except OSError as error:
            raise _unreachable(peer) from error
        # An archive that accepts no context at all has answered: there is nothing that can be sent.
        if not self._association.is_established and not self._association.rejected_contexts:
            raise self._notEstablished()

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        with contextlib.suppress(RuntimeError, OSError):
            self._association.release()

    def accepts(self, sopClassUid, transferSyntaxUid=None, asScp=False):
        """Tell whether the archive accepted a context, in that transfer syntax where one is given."""
        return self._context(sopClassUid, transferSyntaxUid, asScp) is not None

    def _context(self, sopClassUid, transferSyntaxUid=None, asScp=False):
        for context in self._association.accepted_contexts:
            fits = context.as_scp if asScp else context.as_scu
            if fits and context.abstract_syntax == sopClassUid:
                if transferSyntaxUid in (None, context.transfer_syntax[0]):
                    return context
        return None

    def store(self, sopInstanceUid, encoded):
        """Send one object (C-STORE), its dataset's bytes unchanged; return the archive's status dataset.

        :raises StoreFailed: as the association's own trouble
        """
        from pynetdicom.dimse_primitives import C_STORE

        context = self._context(encoded.encoding.sopClassUid, encoded.encoding.transferSyntaxUid)
        request = C_STORE()
        request.MessageID, request.Priority = 1, 0
        request.AffectedSOPClassUID = encoded.encoding.sopClassUid
        request.AffectedSOPInstanceUID = sopInstanceUid
        request.DataSet = io.BytesIO(encoded.dataset)
        with self._answerWithin(self.peer.limits.total(len(encoded.dataset))):
            return self._required(self._exchange(request, context.context_id))

    def _exchange(self, request, contextId):
        """Send a message and return its answer; the library's own senders would encode the dataset anew."""
        association = self._association
        if not association.is_established:
            return None
        # As the library's senders do: its reactor must not take the answer.
        association._reactor_checkpoint.clear()
        while not association._is_paused:
            time.sleep(0.0001)
        association.dimse.send_msg(request, contextId)
        _context, answer = association.dimse.get_msg(block=True)
        association._reactor_checkpoint.set()
        return None if answer is None else association._check_received_status(answer)

    def get(self, identifier, mostBytes):
        """Have the objects sent back that an identifier names (C-GET); return the final status dataset."""
        from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelGet as model

        with self._answerWithin(self.peer.limits.total(mostBytes)):
            return self._required([status for status, _none in self._association.send_c_get(identifier, model)][-1])

    def find(self, identifier):
        """Return the matches of an identifier (C-FIND) and the final status dataset."""
        from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind as model

        with self._answerWithin(self.peer.limits.silenceSeconds):
            answers = list(self._association.send_c_find(identifier, model))
            return [match for _status, match in answers if match is not None], self._required(answers[-1][0])

    def act(self, dataset, actionType, sopClassUid, sopInstanceUid):
        """Request an action (N-ACTION); return the status dataset."""
        with self._answerWithin(self.peer.limits.silenceSeconds):
            status, _reply = self._association.send_n_action(dataset, actionType, sopClassUid, sopInstanceUid)
            return self._required(status)

    @property
    def isOpen(self):
        return self._association.is_established

    # Failures in words

    @contextlib.contextmanager
    def _answerWithin(self, seconds):
        self._started = time.monotonic()
        self._association.dimse_timeout = seconds
        try:
            yield
        except RuntimeError:
            # The library's word for an association that has ended meanwhile.
            raise self._ended() from None

    def _required(self, status):
        """The status dataset, which is empty where the archive gave no valid one."""
        if status is None or "Status" not in status:
            raise self._ended()
        return status

    def _ended(self):
        peer = self.peer
        if self._wasAborted:
            return StoreFailed(
                "association-aborted", f"{_name(peer)} aborted the association.",
                f"Ask who runs the archive what {peer.callingAet} may do there.",
            )
        if time.monotonic() - self._started >= self._association.dimse_timeout:
            return StoreFailed(
                "store-silent",
                f"{_name(peer)} was silent for {self._association.dimse_timeout:g} s.",
                "Check the archive and the network, then sync again.",
            )
        return StoreFailed(
            "connection-lost", f"{_name(peer)} ended the connection before its answer was complete.", "Sync again."
        )

    def _notEstablished(self):
        association, peer = self._association, self.peer
        if association.is_rejected:
            return _refused(peer, association.acceptor.primitive)
        return self._ended() if self._wasConnected else _unreachable(peer)

    def _connected(self, event):
        self._wasConnected = True
        # Without a limit a peer that stops reading would hold the sending for ever.
        event.assoc.dul.socket.socket.settimeout(self.peer.limits.silenceSeconds)

    def _received(self, event):
        from pynetdicom.pdu import A_ABORT_RQ

        self._wasAborted = self._wasAborted or isinstance(event.pdu, A_ABORT_RQ)


def storageContexts(encodings):
    """Return the presentation contexts in which objects go as they are: one for each :class:`Encoding`."""
    from pynetdicom import build_context

    return [build_context(one.sopClassUid, one.transferSyntaxUid) for one in encodings]


def returnContexts(encodings):
    """Return contexts and roles in which an archive sends objects back (PS3.4 C.4.3): as they are, or recoded."""
    from pynetdicom import build_role

    classes = dict.fromkeys(one.sopClassUid for one in encodings)
    # One for each: of several transfer syntaxes in one context the archive would choose one beforehand.
    recoded = [Encoding(uid, syntax) for uid in classes for syntax in UNCOMPRESSED]
    contexts = storageContexts(dict.fromkeys([*encodings, *recoded]))
    return contexts, [build_role(uid, scp_role=True) for uid in classes]


def _name(peer):
    return f"{peer.aet} at {peer.host}:{peer.port}"


def _refused(peer, primitive):
    """The named error of an A-ASSOCIATE-RJ (PS3.8 9.3.4)."""
    source, reason = primitive.result_source, primitive.diagnostic
    words, action = "refused the association", "Ask who runs the archive."
    if (source, reason) == (1, 7):
        words, action = f"does not know the name {peer.aet}", "Check the name in the store's address."
    elif (source, reason) == (1, 3):
        words = f"does not know this workstation as {peer.callingAet}"
        action = "Have it entered in the archive, or set callingAet in site.json."
    elif source == 3:
        words, action = "has too many associations now", "Sync again later."
    return StoreFailed("association-refused", f"{_name(peer)} {words}.", action)


def _unreachable(peer):
    """Why no connection came about; a second attempt says whether it was the certificate, which the library hides."""
    if peer.tls:
        try:
            with socket.create_connection((peer.host, peer.port), peer.limits.connectSeconds) as plain:
                with peer.tls.wrap_socket(plain, server_hostname=peer.host):
                    pass
        except ssl.SSLError:
            return StoreFailed(
                "store-untrusted",
                f"The certificate of {_name(peer)} could not be verified, so nothing was sent.",
                "Ask who runs the archive for a valid certificate; verification cannot be switched off.",
            )
        except OSError:
            pass
    return StoreFailed(
        "store-unreachable",
        f"{_name(peer)} cannot be reached.",
        "Check the network and that the archive runs, then sync again.",
    )

