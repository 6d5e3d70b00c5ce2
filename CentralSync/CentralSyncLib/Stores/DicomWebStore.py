"""A DICOMweb archive as central store: STOW-RS to send, WADO-RS to read back what it really keeps (DICOM PS3.18)."""

import contextlib
import functools
import json
import logging
import urllib.parse

from PlanningHubLib.Errors import StoreFailed
from PlanningHubLib.Files import sha256Bytes
from PlanningHubLib.Progress import part

from ..Items import DICOM
from .AddressForms import described
from .Bandwidth import Bandwidth
from .CentralStore import ABSENT, CONFLICT, REFUSED, SAME, SENT, UNFIT, UNREACHED, Answer
from .Comparing import MOST_COMPARED_BYTES, OTHER_CONTENT, comparedAnswer, mostBytes
from .Grouping import batches, bySeries, forAll, merged, unfit
from .Http import Http, StoreBusy, TooLong, retryAfter
from .Multipart import CutShort, FileChanged, Upload, boundaryOf, partContents, partDigests, partsTo
from .Parallel import Breaker, runAll, tripped

# transfer-syntax=* asks for the stored bytes; without it an archive may transcode.
READ_BACK = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}
SPARE_BYTES = 1 << 20
BATCH_ITEMS, BATCH_BYTES = 10, 64 << 20
# Records of a case are small; an archive that sends this much sends something else.
MOST_RECORD_BYTES = 64 << 20
STUDY_UID, SERIES_UID = "0020000D", "0020000E"
EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
# The status codes that are about the object; all others are about the store, and the object stays to be sent.
ABOUT_THE_OBJECT = (400, 409, 413, 415, 422)


class DicomWebStore:
    """A :class:`CentralStore` that keeps DICOM only.

    :param settings: :class:`.Settings.StoreSettings` with a ``dicomweb+`` address
    :param auth: credentials (a ``requests`` auth object)
    """

    keepsWholeCase = False

    def __init__(self, settings, auth=None, limits=None):
        base = settings.address.removeprefix("dicomweb+")
        self.address = settings.address
        # As whom one comes; a token does not say.
        self.user = getattr(auth, "user", "")
        self.description = described(settings.address)
        self._storeUrl = base + settings.paths.get("store", "/studies").rstrip("/")
        self._retrieve = base + settings.paths.get("retrieve", "").rstrip("/")
        self._search = base + settings.paths.get("search", "").rstrip("/")
        self._connections = settings.connections
        self._bandwidth = Bandwidth(settings.bytesPerSecond)
        self._http = Http(base, settings, limits, auth)

    def declines(self, item):
        return "" if item.kind == DICOM else "A DICOMweb store keeps DICOM only; this file stays in the case."

    def keepSnapshot(self, caseId, files, record=None):
        raise StoreFailed("no-snapshot", "A DICOMweb store keeps no list of a case's files.", "Use a folder store.")

    # Reading back

    def check(self, items, progress):
        """Compare what the store keeps with the items, byte for byte (by SHA-256 of the streamed answers).

        A series is read in one answer; only what is not found in it is asked for one by one.
        """
        answers = unfit(items)
        fit = [item for item in items if item.sha256 not in answers]
        breaker = Breaker()
        series = [group for group in bySeries(fit) if len(group) > 2]
        found = runAll(
            series,
            functools.partial(self._checkSeries, breaker=breaker),
            self._connections,
            part(progress, 0.0, 0.5),
            "Reading back from the store",
            breaker,
        )
        for answered in found:
            answers.update(answered)
        rest = [item for item in fit if item.sha256 not in answers]
        work = functools.partial(self._checkItem, breaker=breaker)
        text = "Comparing with the store"
        single = runAll(rest, work, self._connections, part(progress, 0.5, 1.0), text, breaker)
        answers.update(zip((item.sha256 for item in rest), single, strict=True))
        return answers

    def _checkSeries(self, items, breaker):
        """Answers for the items that one answer settles. It is a short cut: it proves SAME, and leaves doubt open."""
        url = f"{self._retrieve}/studies/{items[0].studyUid}/series/{items[0].seriesUid}"
        wanted = {item.sha256: item for item in items}
        found = {}
        try:
            # Other objects of the series come along; there may be as many as were asked for.
            mostBytes = 2 * sum(item.bytes for item in items) + SPARE_BYTES
            for digest, _length in self._digests(url, mostBytes, breaker):
                if digest in wanted:
                    found[digest] = Answer(SAME)
        except _NotThere:
            if self._checkItem(items[0], breaker).outcome == ABSENT:
                return {digest: Answer(ABSENT) for digest in wanted}
        except (StoreFailed, CutShort, TooLong) as error:
            logging.debug("The series could not be read in one answer: %s", error)
        return found

    def _checkItem(self, item, breaker):
        if breaker.isOpen:
            return Answer(UNREACHED, breaker.reason, breaker.waitSeconds)
        url = f"{self._retrieve}/studies/{item.studyUid}/series/{item.seriesUid}/instances/{item.sopInstanceUid}"
        try:
            answer = self._readBack(item, url, breaker)
        except _NotThere:
            answer = Answer(ABSENT)
        except CutShort:
            return tripped(breaker, StoreFailed("answer-cut", "The store's answer was cut short.", "Sync again."))
        except StoreFailed as error:
            return tripped(breaker, error)
        breaker.succeeded()
        return answer

    def _readBack(self, item, url, breaker):
        try:
            answer = _compared(item, _twice(lambda: list(self._digests(url, item.bytes + SPARE_BYTES, breaker))))
        except TooLong:
            answer = Answer(CONFLICT, OTHER_CONTENT.format(f"more than {item.bytes} bytes"))
        if answer.outcome != CONFLICT:
            return answer
        # Other bytes may still say the same.
        original = _contentOf(item) if item.bytes <= MOST_COMPARED_BYTES else None
        if original is None:
            return answer
        with contextlib.suppress(TooLong):
            most = min(max(item.bytes, mostBytes(original)), MOST_COMPARED_BYTES) + SPARE_BYTES
            kept = _twice(lambda: list(self._parts(url, most, breaker, partContents)))
            if len(kept) == 1:
                return comparedAnswer(item, original, kept[0])
        return answer

    def _digests(self, url, mostBytes, breaker):
        """Yield (SHA-256, length) of each object in the answer to a WADO-RS request."""
        yield from self._parts(url, mostBytes, breaker, partDigests)

    def _parts(self, url, mostBytes, breaker, read):
        breaker.raiseIfStopped()
        with self._http.request("GET", url, READ_BACK) as answer:
            if answer.status_code in (204, 404, 410):
                raise _NotThere()
            if answer.status_code != 200:
                raise _statusFailed(answer, "the reading back")
            boundary = boundaryOf(answer.headers.get("Content-Type", ""))
            chunks = _whileGoing(self._http.chunks(answer, mostBytes), breaker)
            yield from read(chunks, boundary)

    def readSeries(self, studyUid, seriesUid, mostBytes=MOST_RECORD_BYTES):
        """Return the bytes of every object of a small series, as the store keeps them; empty where it has none.

        :raises StoreFailed: as the store's own trouble; ``answer-cut``, ``series-too-large``
        """
        url = f"{self._retrieve}/studies/{studyUid}/series/{seriesUid}"
        try:
            return _twice(lambda: list(self._parts(url, mostBytes, Breaker(), partContents)))
        except _NotThere:
            return []
        except CutShort:
            raise StoreFailed("answer-cut", "The store's answer was cut short.", "Try again.") from None
        except TooLong:
            message = f"The store keeps more than {mostBytes >> 20} MiB of records of this case."
            raise StoreFailed("series-too-large", message, "Have the store looked at.") from None

    def readObject(self, item, sink, breaker=None):
        """Give the bytes of one object, as the store keeps it, to ``sink`` piece by piece; tell whether it has it.

        What ``sink`` got before an error is worth nothing.

        :param item: whose UIDs are asked for; an answer much longer than it is refused
        :raises StoreFailed: as the store's own trouble; ``answer-cut``, ``object-too-large``
        """
        url = f"{self._retrieve}/studies/{item.studyUid}/series/{item.seriesUid}/instances/{item.sopInstanceUid}"
        read = functools.partial(partsTo, sink=sink)
        try:
            return any(list(self._parts(url, item.bytes + SPARE_BYTES, breaker or Breaker(), read)))
        except _NotThere:
            return False
        except CutShort:
            raise StoreFailed("answer-cut", "The store's answer was cut short.", "Try again.") from None
        except TooLong:
            message = f"The store keeps more than {item.bytes} bytes under {item.sopInstanceUid}."
            raise StoreFailed("object-too-large", message, "Have the store looked at.") from None

    # Searching

    def query(self, path, keys):
        """Return the answer to a search (QIDO-RS) as a list of dictionaries, DICOM JSON.

        :param path: such as ``/studies``
        :raises StoreFailed: as the store's own trouble; ``query-answer``
        """
        # A space as %20: as "+", which is for forms, an archive may look for a plus. Wildcard and list comma as they
        # are: Orthanc's DICOMweb plugin 1.7 decodes nothing.
        url = f"{self._search}{path}?{urllib.parse.urlencode(keys, safe='*,', quote_via=urllib.parse.quote)}"
        with self._http.request("GET", url, {"Accept": "application/dicom+json"}) as answer:
            if answer.status_code == 204:
                return []
            if answer.status_code != 200:
                raise _statusFailed(answer, "the search")
            try:
                values = json.loads(b"".join(self._http.chunks(answer, MOST_RECORD_BYTES)))
            except (ValueError, TooLong, RecursionError):
                values = None
        if not isinstance(values, list) or not all(isinstance(one, dict) for one in values):
            raise StoreFailed("query-answer", "The store answered a search with something else.", "Check its address.")
        return values

    def keepsElsewhere(self, item):
        """Tell whether the archive lists the item's SOP Instance UID in another series, which may hide the item."""
        try:
            rows = self.query("/instances", {"SOPInstanceUID": item.sopInstanceUid})
        except StoreFailed:
            return False
        places = {tuple(_valueOf(row, tag) for tag in (STUDY_UID, SERIES_UID)) for row in rows}
        return bool({place for place in places if all(place)} - {(item.studyUid, item.seriesUid)})

    # Sending

    def send(self, items, progress):
        """Send the items in batches over a few connections. What the store answers here is a hint, never a proof."""
        groups = list(batches(items, BATCH_ITEMS, BATCH_BYTES))
        breaker = Breaker()
        work = functools.partial(self._sendBatch, breaker=breaker)
        text = "Sending to the store"
        return merged(runAll(groups, work, self._connections, progress, text, breaker))

    def _sendBatch(self, batch, breaker):
        if breaker.isOpen:
            return forAll(batch, Answer(UNREACHED, f"Not sent: {breaker.reason}", breaker.waitSeconds))
        try:
            answer = _twice(lambda: self._store(batch, breaker))
            breaker.succeeded()
        except FileChanged as changed:
            reason = "The file in the case is no longer what was recorded; it was not sent."
            rest = [item for item in batch if item is not changed.item]
            return {changed.item.sha256: Answer(UNFIT, reason), **(self._sendBatch(rest, breaker) if rest else {})}
        except StoreFailed as error:
            return forAll(batch, tripped(breaker, error))
        if answer.outcome == REFUSED and len(batch) > 1:
            # Some archives refuse a whole request for one bad object: the good ones go again by themselves.
            return merged(self._sendBatch([item], breaker) for item in batch)
        return forAll(batch, answer)

    def _store(self, batch, breaker):
        def beforeChunk(count):
            breaker.raiseIfStopped()
            self._bandwidth.take(count, breaker.raiseIfStopped)

        upload = Upload(batch, beforeChunk)
        headers = {"Content-Type": upload.contentType, "Accept": "application/dicom+json"}
        with self._http.request("POST", self._storeUrl, headers, upload) as answer:
            with contextlib.suppress(TooLong):
                for _chunk in self._http.chunks(answer, SPARE_BYTES):
                    breaker.raiseIfStopped()
            if 200 <= answer.status_code < 300:
                return Answer(SENT, f"The store answered {answer.status_code}.")
            if answer.status_code in ABOUT_THE_OBJECT:
                return Answer(REFUSED, f"The store refused it ({answer.status_code}).")
            raise _statusFailed(answer, "the sending")


def _valueOf(row, tag):
    values = row.get(tag, {}).get("Value") or [""]
    return str(values[0])


class _NotThere(Exception):
    """The store answers that it does not keep this."""


def _whileGoing(chunks, breaker):
    for chunk in chunks:
        breaker.raiseIfStopped()
        yield chunk


def _twice(function):
    """Try again once when the connection was lost: a kept connection may have ended, and doubles are harmless."""
    try:
        return function()
    except StoreFailed as error:
        if error.code != "connection-lost":
            raise
        return function()


def _statusFailed(answer, what):
    """The named error for a status that says nothing about the object itself."""
    status = answer.status_code
    words, action = "cannot do it", "Sync again later."
    if 300 <= status < 400:
        words, action = "points to another address", "Use the store's own address; redirects are not followed."
    elif status in (401, 403, 407):
        words, action = "refuses access", "Check user and password or token, or ask who runs the store for access."
    elif status in (404, 405, 406, 501):
        words, action = "has no such service at this address", "Check the store's address."
    elif status in (429, 503):
        words = "is busy"
    waitSeconds = retryAfter(answer.headers) if status >= 400 else 0.0
    words += f" and asks to wait {waitSeconds:.0f} s" if waitSeconds else ""
    return StoreBusy(f"http-{status}", f"The store {words} (HTTP {status} to {what}).", action, waitSeconds)


def _compared(item, parts):
    if not parts or parts == [(EMPTY_SHA256, 0)]:
        return Answer(ABSENT, "The store answered without the object.")
    if parts == [(item.sha256, item.bytes)]:
        return Answer(SAME)
    length = parts[0][1]
    how = f"{length} bytes instead of {item.bytes}" if length != item.bytes else f"{length} bytes, not all the same"
    return Answer(CONFLICT, OTHER_CONTENT.format(how), looksDamaged=[item.bytes] == [count for _digest, count in parts])


def _contentOf(item):
    """The item's bytes; None where its file is no longer what was recorded."""
    try:
        with item.open() as file:
            data = file.read(item.bytes + 1)
    except OSError:
        return None
    return data if sha256Bytes(data) == item.sha256 else None
