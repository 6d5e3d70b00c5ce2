"""What a DICOM archive gives back (C-GET) or at least lists (C-FIND), compared with what it should keep."""

import hashlib

from .CentralStore import ABSENT, CONFLICT, SAME, SENT, UNFIT, Answer
from .Comparing import comparedAnswer
from .DicomAssociation import Association, returnContexts
from .DicomObject import NotAnObject, readObject
from .DicomStatus import SUCCESS, readingTrouble
from .Multipart import FileChanged

GET_MODEL = "1.2.840.10008.5.1.4.1.2.2.3"
FIND_MODEL = "1.2.840.10008.5.1.4.1.2.2.1"
LISTED = "The archive lists an object under this SOP Instance UID and cannot give it back, so nothing is proven."
TAKEN = "The archive answered that it took it, and can neither list it nor give it back, so nothing is proven."
UNREADABLE = "The file in the case is no longer what was recorded."


class Reading:
    """One association in which items of one series are read back.

    :param items: of one series, each with an SOP Instance UID of its own
    :param wasTaken: function of an item: whether this archive has just answered that it took it
    """

    def __init__(self, peer, items, wasTaken):
        self.answers = {}
        self._peer = peer
        self._wasTaken = wasTaken
        self._wanted = {}
        self._expected = {}
        for item in items:
            try:
                encoded = readObject(item)
                self._wanted[item.sopInstanceUid] = item
                self._expected[item.sha256] = (encoded.encoding, encoded.sha256)
            except NotAnObject as error:
                self.answers[item.sha256] = Answer(UNFIT, str(error))
            except FileChanged:
                self.answers[item.sha256] = Answer(UNFIT, UNREADABLE)

    def run(self, raiseIfStopped):
        """Fill ``answers``.

        :raises StoreFailed: as the archive's own trouble; what was answered before stands
        """
        from pynetdicom import build_context, evt

        encodings = list(dict.fromkeys(encoding for encoding, _digest in self._expected.values()))
        if not encodings:
            return
        contexts, roles = returnContexts(encodings)
        models = [build_context(GET_MODEL), build_context(FIND_MODEL)]
        handlers = [(evt.EVT_C_STORE, self._received)]
        with Association(self._peer, models + contexts, handlers, roles) as association:
            self._association = association
            readable, others = [], []
            for item in self._wanted.values():
                (readable if self._canReturn(item) else others).append(item)
            if readable:
                self._get(readable, raiseIfStopped)
            for item in others:
                raiseIfStopped()
                self.answers[item.sha256] = self._listed(item)

    def _canReturn(self, item):
        sopClass = self._expected[item.sha256][0].sopClassUid
        return self._association.accepts(GET_MODEL) and self._association.accepts(sopClass, asScp=True)

    def _get(self, items, raiseIfStopped):
        self._ask(items)
        missing = self._missing(items)
        if len(missing) > 1:
            self._leaveOutUnlisted(missing)
        # Not every archive knows lists of UIDs, and some give nothing back where one of a list is not there.
        for item in self._missing(items):
            raiseIfStopped()
            self._single(item)

    def _leaveOutUnlisted(self, items):
        """ABSENT for what the archive does not list; where it lists nothing at all, one is asked for nevertheless."""
        listed = self._listedUids(items)
        unlisted = [item for item in items if listed is not None and item.sopInstanceUid not in listed]
        if unlisted and not listed:
            self._single(unlisted[0])
            if self.answers[unlisted[0].sha256].outcome != ABSENT:
                return
        self.answers.update({item.sha256: Answer(ABSENT) for item in unlisted})

    def _missing(self, items):
        return [item for item in items if item.sha256 not in self.answers]

    def _ask(self, items):
        mostBytes = sum(item.bytes for item in items)
        return self._association.get(_identifier(items), mostBytes)

    def _single(self, item):
        status = self._ask([item])
        if item.sha256 in self.answers:
            return
        if status.Status != SUCCESS and self._isListed(item) is not False:
            self.answers[item.sha256] = readingTrouble(status)
        else:
            self.answers[item.sha256] = Answer(ABSENT)

    def _listed(self, item):
        """The answer where the archive cannot give the object back: nothing is sent over what it lists."""
        isListed = self._isListed(item)
        if isListed:
            return Answer(SENT, LISTED)
        if isListed is None and self._wasTaken(item):
            return Answer(SENT, TAKEN)
        return Answer(ABSENT)

    def _isListed(self, item):
        """Whether the archive lists the object; None where it does not say."""
        listed = self._listedUids([item])
        return None if listed is None else item.sopInstanceUid in listed

    def _listedUids(self, items):
        """The SOP Instance UIDs that the archive lists; None where it cannot be asked."""
        if not self._association.accepts(FIND_MODEL):
            return None
        matches, status = self._association.find(_identifier(items))
        return {str(one.get("SOPInstanceUID", "")) for one in matches} if status.Status == SUCCESS else None

    def _received(self, event):
        item = self._wanted.get(str(event.request.AffectedSOPInstanceUID))
        if item is not None:
            self.answers[item.sha256] = self._compared(item, event)
        return SUCCESS

    def _compared(self, item, event):
        encoding, digest = self._expected[item.sha256]
        dataset = event.request.DataSet.getvalue()
        isAsSent = str(event.context.transfer_syntax) == encoding.transferSyntaxUid
        if isAsSent and hashlib.sha256(dataset).hexdigest() == digest:
            return Answer(SAME)
        try:
            ours = readObject(item)
        except FileChanged:
            return Answer(UNFIT, UNREADABLE)
        original = ours.header + ours.dataset
        answer = comparedAnswer(item, original, event.encoded_dataset())
        if answer.outcome == CONFLICT and isAsSent and len(dataset) == len(ours.dataset):
            # Under our own header it shows whether the archive wrote it anew, or bits changed by themselves.
            answer = comparedAnswer(item, original, ours.header + dataset)
        return answer


def _identifier(items):
    from pydicom.dataset import Dataset

    identifier = Dataset()
    identifier.QueryRetrieveLevel = "IMAGE"
    identifier.StudyInstanceUID, identifier.SeriesInstanceUID = items[0].studyUid, items[0].seriesUid
    identifier.SOPInstanceUID = [item.sopInstanceUid for item in items]
    return identifier
