"""A DICOM archive on loopback that can be told to lie, stall or fail, for tests of what must never be believed."""

import contextlib
import copy
import io
import threading

from Servers.OrthancServer import freePort

SEND_LIES = {
    "honest": "keeps what it gets",
    "keepsNothing": "answers success and keeps nothing",
    "flipsBit": "answers success and keeps each object with one bit flipped",
    "coerces": "answers B000 and keeps each object with another patient name",
    "warns": "answers B000 and keeps each object as it is",
    "full": "answers A700 and keeps nothing",
    "mismatches": "answers A900 and keeps nothing",
    "cannotUnderstand": "answers C000 and keeps nothing",
    "aborts": "aborts the association at the object in ``poison``, else honest",
    "keepsAndAborts": "keeps the object and aborts instead of answering",
    "stalls": "keeps nothing and never answers",
}
STATUSES = {"full": 0xA700, "mismatches": 0xA900, "cannotUnderstand": 0xC000, "coerces": 0xB000, "warns": 0xB000}
READ_LIES = {
    "honest": "gives what it keeps",
    "noGet": "cannot give objects back",
    "noGetNorFind": "can neither give objects back nor list them",
    "recodes": "gives what it keeps in another transfer syntax",
    "givesNothing": "answers success without the objects that it lists",
    "fails": "answers A701 to every request for objects",
}
COMMITMENT_LIES = {
    "none": "does not know storage commitment",
    "honest": "reports on the same association what it keeps",
    "commitsToAll": "reports on the same association that it keeps everything",
    "reportsLater": "reports on an association of its own what it keeps",
    "silent": "takes the request and never reports",
    "refuses": "refuses the request",
}
CT, EXPLICIT, IMPLICIT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
GET, FIND = "1.2.840.10008.5.1.4.1.2.2.3", "1.2.840.10008.5.1.4.1.2.2.1"
COMMITMENT, COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1"


class DimseArchive:
    """Context manager around one archive. Set ``send``, ``read`` and ``commitment`` to a key of the tables.

    ``kept`` maps SOP Instance UIDs to datasets; ``received`` lists the UIDs of every object that was sent;
    ``poison`` is the UID of the object that ``aborts`` aborts at; ``classes`` the (SOP class, transfer syntax) that it
    takes; ``reportPort`` where ``reportsLater`` reports to; ``tls`` a server's SSL context, ``reportTls`` a client's.
    """

    def __init__(self, send="honest", read="honest", commitment="none", classes=((CT, EXPLICIT),), tls=None):
        self.send, self.read, self.commitment = send, read, commitment
        self.classes = classes
        self.tls = tls
        self.kept = {}
        self.received = []
        self.poison = None
        self.associations = 0
        self.reportPort = self.reportTls = None
        self.released = threading.Event()
        self.port = freePort()
        self._entity = self._server = None

    @property
    def address(self):
        """The store address that ``openStore`` takes."""
        return f"dicom://ARCHIVE@127.0.0.1:{self.port}"

    def __enter__(self):
        from pynetdicom import AE, evt

        self._entity = AE("ARCHIVE")
        self._entity.maximum_associations = 50
        for sopClass, transferSyntax in self.classes:
            self._entity.add_supported_context(sopClass, transferSyntax, scu_role=True, scp_role=True)
        if self.read not in ("noGet", "noGetNorFind"):
            self._entity.add_supported_context(GET)
        if self.read != "noGetNorFind":
            self._entity.add_supported_context(FIND)
        if self.commitment != "none":
            self._entity.add_supported_context(COMMITMENT)
        handlers = [
            (evt.EVT_ESTABLISHED, self._established), (evt.EVT_C_STORE, self._store), (evt.EVT_C_GET, self._get),
            (evt.EVT_C_FIND, self._find), (evt.EVT_N_ACTION, self._act),
        ]  # fmt: skip
        self._server = self._entity.start_server(
            ("127.0.0.1", self.port), block=False, evt_handlers=handlers, ssl_context=self.tls
        )
        return self

    def __exit__(self, *exception):
        self.released.set()
        self._server.shutdown()

    def _established(self, event):
        self.associations += 1

    def _store(self, event):
        dataset = event.dataset
        dataset.file_meta = event.file_meta
        uid = str(dataset.SOPInstanceUID)
        self.received.append(uid)
        lie = self.send
        if lie == "aborts" and uid == self.poison:
            event.assoc.abort()
        elif lie == "stalls":
            self.released.wait(60)
        elif lie in ("honest", "aborts", "keepsAndAborts", "coerces", "warns", "flipsBit"):
            # What is there already stays, as in most archives.
            self.kept.setdefault(uid, self._changed(dataset))
        if lie == "keepsAndAborts":
            event.assoc.abort()
        return STATUSES.get(lie, 0x0000)

    def _changed(self, dataset):
        if self.send == "coerces":
            dataset.PatientName = "Somebody^Else"
        if self.send == "flipsBit":
            pixels = bytearray(dataset.PixelData)
            pixels[-9] ^= 4
            dataset.PixelData = bytes(pixels)
        return dataset

    def _matches(self, identifier):
        wanted = identifier.get("SOPInstanceUID") or list(self.kept)
        wanted = {wanted} if isinstance(wanted, str) else set(wanted)
        keys = [key for key in ("PatientID", "SeriesInstanceUID") if identifier.get(key)]
        return [
            dataset
            for uid, dataset in sorted(self.kept.items())
            if uid in wanted and all(dataset[key].value == identifier[key].value for key in keys)
        ]

    def _get(self, event):
        if self.read == "fails":
            yield 1
            yield 0xA701, None
            return
        found = [] if self.read == "givesNothing" else self._matches(event.identifier)
        yield len(found)
        for dataset in found:
            yield 0xFF00, _recoded(dataset) if self.read == "recodes" else dataset

    def _find(self, event):
        from pydicom.dataset import Dataset

        for dataset in self._matches(event.identifier):
            match = Dataset()
            match.QueryRetrieveLevel = "IMAGE"
            for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
                setattr(match, keyword, dataset[keyword].value)
            yield 0xFF00, match

    def _act(self, event):
        request = copy.deepcopy(event.action_information)
        if self.commitment == "refuses":
            return 0x0110, None
        if self.commitment != "silent":
            report = self._reportHere if self.commitment != "reportsLater" else self._reportLater
            threading.Thread(target=report, args=(event.assoc, request), daemon=True).start()
        return 0x0000, None

    def _report(self, request):
        """(event type, event information) of the report on a request."""
        from pydicom.dataset import Dataset

        report = Dataset()
        report.TransactionUID = request.TransactionUID
        report.ReferencedSOPSequence, failed = [], []
        for one in request.ReferencedSOPSequence:
            if self.commitment == "commitsToAll" or str(one.ReferencedSOPInstanceUID) in self.kept:
                report.ReferencedSOPSequence.append(one)
            else:
                one.FailureReason = 0x0112
                failed.append(one)
        if failed:
            report.FailedSOPSequence = failed
        return (2 if failed else 1), report

    def _reportHere(self, association, request):
        kind, report = self._report(request)
        # Who asked may have gone by now.
        with contextlib.suppress(RuntimeError):
            association.send_n_event_report(report, kind, COMMITMENT, COMMITMENT_INSTANCE)

    def _reportLater(self, _association, request):
        from pynetdicom import AE, build_context, build_role

        kind, report = self._report(request)
        entity = AE("ARCHIVE")
        association = entity.associate(
            "127.0.0.1", self.reportPort, [build_context(COMMITMENT)], ae_title="PLANNINGHUB",
            ext_neg=[build_role(COMMITMENT, scp_role=True)],
            tls_args=(self.reportTls, "workstation") if self.reportTls else None,
        )  # fmt: skip
        with contextlib.suppress(RuntimeError):
            association.send_n_event_report(report, kind, COMMITMENT, COMMITMENT_INSTANCE)
            association.release()


def _recoded(dataset):
    """The dataset in Implicit VR Little Endian."""
    import pydicom

    other, data = copy.deepcopy(dataset), io.BytesIO()
    other.file_meta.TransferSyntaxUID = IMPLICIT
    other.save_as(data, implicit_vr=True, little_endian=True, enforce_file_format=True)
    data.seek(0)
    return pydicom.dcmread(data)
