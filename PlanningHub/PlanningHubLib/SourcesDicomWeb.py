"""CT series searched and retrieved from an archive by DICOMweb: QIDO-RS and WADO-RS (DICOM PS3.18)."""

import contextlib
import email.message
import ipaddress
import json
import re
import urllib.parse

from .ArchiveAccess import accessRefused, recall
from .Errors import InputRefused, StoreFailed, UsageError
from .Requirements import ensure

CONNECT_SECONDS, SILENCE_SECONDS = 10.0, 60.0
MOST_JSON_BYTES = 64 << 20
MOST_SERIES_BYTES = 16 << 30
CHUNK_BYTES = 1 << 20
FORM = "Give dicomweb:https://host/path?patient=...&accession=...&study=...&series=... (http only for this machine)."
STUDY_KEYS = {"patient": "PatientID", "accession": "AccessionNumber", "date": "StudyDate", "study": "StudyInstanceUID"}
SERIES_KEYS = {"series": "SeriesInstanceUID", "modality": "Modality"}
STUDY_UID, SERIES_UID, PATIENT_ID = "0020000D", "0020000E", "00100020"
# transfer-syntax=* asks for the stored bytes; without it an archive may transcode.
STORED_BYTES = 'multipart/related; type="application/dicom"; transfer-syntax=*'


def retrieve(address, folder, progress, credentials=None):
    """Search an archive and retrieve what matches into a folder, one file per object, bytes as the archive keeps them.

    :param address: ``dicomweb:URL?patient=&accession=&date=&study=&series=&modality=``; modality is CT unless stated
    :param credentials: :class:`PlanningHubLib.ArchiveAccess.Credentials`; without, those that are remembered, or none
    :returns: findings
    :raises UsageError: ``bad-archive-address``, ``plain-http``, ``secret-in-address``
    :raises InputRefused: ``no-match``, ``several-studies``, ``archive-answer-too-long``
    :raises StoreFailed: ``archive-unreachable``, ``archive-untrusted``, ``archive-silent``, ``archive-answer``,
        ``archive-login-needed``, ``archive-login-refused``, ``archive-forbidden``
    """
    base, keys = parseAddress(address)
    ensure("PlanningHubLib")
    with _Archive(base, credentials or recall(base)) as archive:
        progress(0.0, f"Searching {archive.host}")
        series = _search(archive, keys)
        count = 0
        for number, (studyUid, seriesUid) in enumerate(series):

            def within(objects, number=number, before=count):
                progress((number + objects / (objects + 200)) / len(series), f"Retrieved {before + objects} objects")

            place = folder / f"{number + 1:03}"
            place.mkdir()
            count += archive.retrieveSeries(studyUid, seriesUid, place, within)
    return []


def archiveAddress(base, **keys):
    """Return the source ``dicomweb:URL?...`` for a service and what to search for, as :func:`retrieve` takes it.

    :param base: URL of the DICOMweb service
    :param keys: ``patient``, ``accession``, ``date`` (also as 2026-01-31), ``modality``, ``study``, ``series``; empty
        ones are left out
    :raises UsageError: as :func:`retrieve`
    """
    wanted = {key: value.strip() for key, value in keys.items() if value and value.strip()}
    if re.fullmatch(r"\d{4}-\d\d-\d\d", wanted.get("date", "")):
        wanted["date"] = wanted["date"].replace("-", "")
    address = f"dicomweb:{base.strip()}?{urllib.parse.urlencode(wanted, quote_via=urllib.parse.quote)}"
    parseAddress(address)
    return address


def parseAddress(address):
    """Return the service's base URL and the search keys of an address.

    :raises UsageError: as :func:`retrieve`
    """
    text = address[len("dicomweb:") :]
    try:
        url = urllib.parse.urlsplit(text)
        host, _port = url.hostname, url.port
        pairs = urllib.parse.parse_qsl(url.query, strict_parsing=True) if url.query else []
    except ValueError:
        host, pairs = None, []
    if not host or url.scheme not in ("https", "http") or url.fragment:
        raise UsageError("bad-archive-address", "The archive's address is not a URL.", FORM)
    if url.username is not None or url.password is not None:
        raise UsageError("secret-in-address", "The archive's address holds a user name or a password.",
                         "Leave it out: addresses end up in logs and histories.")  # fmt: skip
    if url.scheme == "http" and not isLoopback(host):
        raise UsageError("plain-http", f"Plain HTTP to {host} would show patient data to the network.", FORM)
    keys = {key: value for key, value in pairs if value}
    unknown = set(keys) - set(STUDY_KEYS) - set(SERIES_KEYS)
    if unknown or not set(keys) - {"modality", "date"} or any("*" in value or "?" in value for value in keys.values()):
        what = f"does not know {', '.join(sorted(unknown))}" if unknown else \
            "needs patient, accession, study or series, without wildcards"  # fmt: skip
        raise UsageError("bad-archive-address", f"The search {what}.", FORM)
    return urllib.parse.urlunsplit((url.scheme, url.netloc, url.path.rstrip("/"), "", "")), keys


def isLoopback(host):
    """Tell whether a host name or address is this machine's own; only there may plain HTTP be spoken."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _search(archive, keys):
    """Return (study UID, series UID) of the series of the one study that matches."""
    wanted = {STUDY_KEYS[key]: value for key, value in keys.items() if key in STUDY_KEYS}
    ofSeries = {SERIES_KEYS[key]: value for key, value in {"modality": "CT", **keys}.items() if key in SERIES_KEYS}
    if "series" in keys and "modality" not in keys:
        ofSeries.pop("Modality")
    if wanted:
        studies = sorted({_value(one, STUDY_UID) for one in archive.query("/studies", wanted)} - {""})
        found = [pair for study in studies for pair in _seriesOf(archive, f"/studies/{study}/series", ofSeries, study)]
    else:
        found = _seriesOf(archive, "/series", ofSeries, "")
    found = sorted(set(found))
    if not found:
        raise InputRefused("no-match", f"{archive.host} holds no series that matches the search.",
                           "Check patient ID, accession number and modality.")  # fmt: skip
    if len({study for study, _series in found}) > 1:
        uids = ", ".join(sorted({study for study, _series in found}))
        raise InputRefused("several-studies", f"{archive.host} holds several studies that match: {uids}.",
                           "Name the study by its UID (study=...).")  # fmt: skip
    return found


def _seriesOf(archive, path, wanted, study):
    answer = archive.query(path, wanted)
    # An archive that does not know a key ignores it (PS3.18 8.3.4): compare again.
    tags = {"SeriesInstanceUID": SERIES_UID, "Modality": "00080060"}
    matching = (one for one in answer if all(_value(one, tags[key]) in (value, "") for key, value in wanted.items()))
    return [(_value(one, STUDY_UID) or study, _value(one, SERIES_UID)) for one in matching if _value(one, SERIES_UID)]


def _value(dataset, tag):
    """The first value of an attribute in DICOM JSON (PS3.18 F.2) as text."""
    element = dataset.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    return values[0] if isinstance(values, list) and values and isinstance(values[0], str) else ""


class _Archive:
    """Verified TLS, no redirects, no passwords from files, time limits; a context manager."""

    def __init__(self, base, credentials=None):
        import requests

        self.host = urllib.parse.urlsplit(base).netloc
        self._base = base
        self._credentials = credentials
        self._session = requests.Session()
        # An auth object, even one that adds nothing, keeps requests from looking for passwords in ~/.netrc.
        self._session.auth = credentials or (lambda request: request)
        # Plain HTTP is for loopback alone: a proxy from the environment would carry it away from there.
        self._session.trust_env = base.startswith("https:")

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._session.close()

    def query(self, path, wanted):
        """Return the answer to a QIDO-RS query as a list of dictionaries."""
        with self._get(path, wanted, "application/dicom+json") as answer:
            if answer.status_code == 204:
                return []
            text = b"".join(self._chunks(answer, MOST_JSON_BYTES))
        try:
            values = json.loads(text or b"[]")
        except ValueError:
            values = None
        if not isinstance(values, list) or not all(isinstance(one, dict) for one in values):
            raise StoreFailed("archive-answer", f"{self.host} answered a search with something else.", FORM)
        return values

    def retrieveSeries(self, studyUid, seriesUid, folder, progress):
        """Write each object of a series as a file; return how many."""
        path = "/studies/" + "/series/".join(urllib.parse.quote(uid, safe="") for uid in (studyUid, seriesUid))
        with self._get(path, {}, STORED_BYTES) as answer:
            header = email.message.Message()
            header["Content-Type"] = answer.headers.get("Content-Type", "")
            boundary = header.get_param("boundary", "")
            if answer.status_code != 200 or header.get_content_maintype() != "multipart" or not boundary:
                raise StoreFailed("archive-answer", f"{self.host} answered the retrieval with something else.", FORM)
            chunks = self._chunks(answer, MOST_SERIES_BYTES)
            return writeParts(chunks, boundary.encode("latin-1"), folder, progress, self.host)

    @contextlib.contextmanager
    def _get(self, path, wanted, accept):
        from requests import exceptions

        try:
            headers = {"Accept": accept, "Accept-Encoding": "identity"}
            # A space as %20: as "+", which is for forms, an archive may look for a plus.
            query = urllib.parse.urlencode(wanted, quote_via=urllib.parse.quote)
            with contextlib.closing(
                self._session.get(
                    self._base + path,
                    params=query,
                    headers=headers,
                    stream=True,
                    allow_redirects=False,
                    timeout=(CONNECT_SECONDS, SILENCE_SECONDS),
                )  # fmt: skip
            ) as answer:
                status = answer.status_code
                if status in (401, 403):
                    raise accessRefused(self.host, status, self._credentials)
                if status not in (200, 204):
                    raise StoreFailed("archive-answer", f"{self.host} answered HTTP {status}.", _advice(status))
                yield answer
        except exceptions.SSLError as error:
            raise StoreFailed("archive-untrusted", f"The certificate of {self.host} could not be verified.",
                              "Ask who runs the archive for a valid certificate.") from error  # fmt: skip
        except exceptions.Timeout as error:
            raise StoreFailed("archive-silent", f"{self.host} was silent too long.", "Try again later.") from error
        except (exceptions.RequestException, OSError) as error:
            raise StoreFailed("archive-unreachable", f"{self.host} cannot be reached, or ended the connection.",
                              "Check the network and that the archive runs.") from error  # fmt: skip

    def _chunks(self, answer, mostBytes):
        count = 0
        for chunk in answer.iter_content(CHUNK_BYTES):
            count += len(chunk)
            if count > mostBytes:
                raise InputRefused("archive-answer-too-long", f"{self.host} sends more than any series has.",
                                   "Name one series by its UID.")  # fmt: skip
            yield chunk


def _advice(status):
    return "Check the address." if status in (404, 405, 501) or 300 <= status < 400 else "Try again later."


def writeParts(chunks, boundary, folder, progress, host):
    """Write the parts of a multipart body (PS3.18 8.6) into ``00001.dcm`` and so on; return how many.

    :raises StoreFailed: ``archive-answer``, where the body ends before its closing boundary
    """
    delimiter = b"\r\n--" + boundary
    stream = _Parts(chunks, host)
    stream.copyUntil(delimiter, None)
    count = 0
    while stream.peek(2) != b"--":
        stream.copyUntil(b"\r\n\r\n", None)
        count += 1
        progress(count)
        with open(folder / f"{count:05}.dcm", "xb") as file:
            stream.copyUntil(delimiter, file)
    return count


class _Parts:
    """A body that streams by, with a window as large as what is looked for."""

    def __init__(self, chunks, host):
        self._chunks, self._host = iter(chunks), host
        # The first delimiter has no line end before it when there is no preamble.
        self._window = b"\r\n"

    def peek(self, count):
        while len(self._window) < count:
            self._more()
        return self._window[:count]

    def _more(self):
        chunk = next(self._chunks, None)
        if chunk is None:
            raise StoreFailed("archive-answer", f"The answer of {self._host} was cut short.", "Try again.")
        self._window += chunk

    def copyUntil(self, token, file):
        """Write what stands before ``token`` (nowhere without a file), and go on after it."""
        while (place := self._window.find(token)) < 0:
            settled = max(0, len(self._window) - len(token) + 1)
            if file and settled:
                file.write(self._window[:settled])
            self._window = self._window[settled:]
            self._more()
        if file:
            file.write(self._window[:place])
        self._window = self._window[place + len(token) :]
