"""An HL7 FHIR R4 endpoint that gets the metadata of cases: transactions in, every resource read back and compared."""

import functools
import hashlib
import json
import urllib.parse

from PlanningHubLib.Errors import StoreFailed

from ..Items import FHIR
from ..Stores.AddressForms import described
from ..Stores.CentralStore import ABSENT, CONFLICT, DAMAGED, REFUSED, SAME, SENT, UNFIT, UNREACHED, Answer
from ..Stores.Http import Http, StoreBusy, TooLong, retryAfter
from ..Stores.Multipart import FileChanged
from ..Stores.Parallel import Breaker, runAll, tripped
from .Comparing import firstDifference

JSON = "application/fhir+json"
MOST_ANSWER_BYTES = 16 << 20
CHECK = "Check the endpoint's address, or ask who runs it."
CHANGED = "The metadata in the queue are no longer what was recorded; they were not sent."
# The status codes that are about the transaction; all others are about the endpoint.
ABOUT_THE_CONTENT = (400, 409, 412, 413, 415, 422)


class FhirEndpoint:
    """A :class:`CentralSyncLib.Stores.CentralStore.CentralStore` that takes transactions of FHIR, and nothing else.

    :param settings: :class:`CentralSyncLib.Stores.Settings.StoreSettings` with a ``fhir+`` address
    :param auth: credentials (a ``requests`` auth object)
    """

    keepsWholeCase = False

    def __init__(self, settings, auth=None, limits=None):
        self.address = settings.address
        self._base = settings.address.removeprefix("fhir+")
        self.description = described(settings.address)
        self._connections = settings.connections
        self._http = Http(self._base, settings, limits, auth)

    def declines(self, item):
        return "" if item.kind == FHIR else "A FHIR endpoint takes metadata only."

    def keepsElsewhere(self, item):
        return False

    def readSeries(self, studyUid, seriesUid):
        return []

    def query(self, path, keys):
        raise StoreFailed("no-search", "A FHIR endpoint knows no archive's images.", "Give the archive's own address.")

    def keepSnapshot(self, caseId, files):
        raise StoreFailed("no-snapshot", "A FHIR endpoint keeps no list of a case's files.", "Use a folder store.")

    # Reading back

    def check(self, items, progress):
        """Find every resource of each transaction and compare it with what was sent.

        A resource that is of a later state of the case counts as kept: it took the place of the one that was sent.
        """
        return self._forEach(items, self._checkItem, progress, "Reading back from the endpoint")

    def _forEach(self, items, work, progress, text):
        breaker = Breaker()
        work = functools.partial(self._answered, work=work, breaker=breaker)
        answers = runAll(items, work, self._connections, progress, text, breaker)
        return {item.sha256: answer for item, answer in zip(items, answers, strict=True)}

    def _answered(self, item, work, breaker):
        if breaker.isOpen:
            return Answer(UNREACHED, breaker.reason, breaker.waitSeconds)
        breaker.raiseIfStopped()
        try:
            answer = work(_read(item))
            breaker.succeeded()
            return answer
        except FileChanged:
            return Answer(UNFIT, CHANGED)
        except StoreFailed as error:
            return tripped(breaker, error)

    def _checkItem(self, entries):
        found = [self._find(entry) for entry in entries]
        missing = [entry for entry, there in zip(entries, found, strict=True) if not there]
        if missing:
            return Answer(ABSENT, f"{len(missing)} of {len(entries)} resources are not there.")
        doubled = next((entry for entry, there in zip(entries, found, strict=True) if len(there) > 1), None)
        if doubled:
            kind = doubled["resource"]["resourceType"]
            return Answer(CONFLICT, f"The endpoint keeps several resources as one {kind} of the case.")
        references = {entry["fullUrl"]: _reference(there[0]) for entry, there in zip(entries, found, strict=True)}
        for entry, (there,) in zip(entries, found, strict=True):
            answer = _compared(entry, there, references)
            if answer:
                return answer
        return Answer(SAME)

    def _find(self, entry):
        """The resources at the endpoint that stand for an entry of a transaction."""
        kind = entry["resource"]["resourceType"]
        key, _sign, value = _condition(entry).partition("=")
        url = f"{self._base}/{kind}?{key}={urllib.parse.quote(value, safe='')}"
        status, values = self._ask("GET", url, {"Accept": JSON, "Cache-Control": "no-cache"})
        if status != 200 or not isinstance(values, dict) or values.get("resourceType") != "Bundle":
            raise StoreFailed("query-answer", f"The endpoint did not answer a search (HTTP {status}).", CHECK)
        return [one for one in _resourcesIn(values) if one["resourceType"] == kind]

    # Sending

    def send(self, items, progress):
        """Post each transaction. What the endpoint answers here is a hint, never a proof."""
        return self._forEach(items, self._sendItem, progress, "Sending to the endpoint")

    def _sendItem(self, entries):
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": self._stillToSend(entries)}
        headers = {"Content-Type": JSON, "Accept": JSON}
        status, values = self._ask("POST", self._base, headers, json.dumps(bundle).encode())
        if 200 <= status < 300:
            return Answer(SENT, f"The endpoint answered {status}.")
        if status in ABOUT_THE_CONTENT:
            return Answer(REFUSED, f"The endpoint refused the metadata (HTTP {status}{_issues(values)}).")
        raise StoreFailed(f"http-{status}", f"The endpoint did not take the metadata (HTTP {status}).", CHECK)

    def _stillToSend(self, entries):
        """The entries but those of whose resource a later state is there: they are referred to as they are."""
        left, references = [], {}
        for entry in entries:
            there = self._find(entry) if entry["request"]["method"] == "PUT" else []
            if len(there) == 1 and _isLater(there[0], entry["resource"]):
                references[entry["fullUrl"]] = _reference(there[0])
            else:
                left.append(entry)
        return _referring(left, references)

    def _ask(self, method, url, headers, body=None):
        """(status, JSON values or None) of a request."""
        with self._http.request(method, url, headers, body) as answer:
            status = answer.status_code
            if status in (401, 403, 407, 429, 503):
                words = "is busy" if status in (429, 503) else "refuses access"
                action = "Sync again later." if status in (429, 503) else "Check user and password or token."
                message = f"The endpoint {words} (HTTP {status})."
                raise StoreBusy(f"http-{status}", message, action, retryAfter(answer.headers))
            try:
                data = b"".join(self._http.chunks(answer, MOST_ANSWER_BYTES))
            except TooLong:
                raise StoreFailed("query-answer", "The endpoint's answer does not end.", CHECK) from None
        try:
            return status, json.loads(data)
        except (ValueError, RecursionError):
            return status, None


def _read(item):
    """The entries of an item's transaction.

    :raises FileChanged: it is no longer what the item says
    """
    try:
        with item.open() as file:
            data = file.read(item.bytes + 1)
    except OSError as error:
        raise FileChanged(item) from error
    if hashlib.sha256(data).hexdigest() != item.sha256:
        raise FileChanged(item)
    return json.loads(data)["entry"]


def _resourcesIn(bundle):
    """The resources of a search's answer, as far as they are any."""
    entries = bundle.get("entry")
    found = [one.get("resource") for one in entries if isinstance(one, dict)] if isinstance(entries, list) else []
    return [one for one in found if isinstance(one, dict) and "resourceType" in one]


def _condition(entry):
    """How an entry's resource is searched for, as the transaction itself says."""
    request = entry["request"]
    return request.get("ifNoneExist") or request["url"].partition("?")[2]


def _reference(resource):
    return f"{resource.get('resourceType')}/{resource.get('id')}"


def _compared(entry, there, references):
    """The answer where a resource is not what was sent; None where it is, or a later one stands in its place."""
    canChange = entry["request"]["method"] == "PUT"
    if canChange and _isLater(there, entry["resource"]):
        return None
    difference = firstDifference(entry["resource"], there, references)
    if difference is None:
        return None
    reason = f"The endpoint keeps something else as {entry['resource']['resourceType']}.{difference}."
    return Answer(DAMAGED if canChange else CONFLICT, reason)


def _isLater(there, sent):
    """Whether a resource is of a later state of the case than the one to be sent."""
    (own,) = sent["meta"]["tag"]
    meta = there.get("meta")
    tags = meta.get("tag") if isinstance(meta, dict) else None
    tags = [one for one in tags if isinstance(one, dict)] if isinstance(tags, list) else []
    codes = [str(one.get("code")) for one in tags if one.get("system") == own["system"]]
    lines = [int(code) for code in codes if code.isascii() and code.isdigit()]
    return bool(lines) and max(lines) > int(own["code"])


def _referring(values, references):
    """The values with references to entries that are not sent made those of the endpoint's own resources."""
    if isinstance(values, list):
        return [_referring(one, references) for one in values]
    if isinstance(values, dict):
        changed = {name: _referring(one, references) for name, one in values.items()}
        if changed.get("reference") in references:
            changed["reference"] = references[changed["reference"]]
        return changed
    return values


def _issues(values):
    """The codes of an OperationOutcome; its words may repeat what was sent."""
    issues = values.get("issue") if isinstance(values, dict) else None
    codes = {str(one.get("code")) for one in issues if isinstance(one, dict)} if isinstance(issues, list) else ()
    return f": {', '.join(sorted(codes))}" if codes else ""
