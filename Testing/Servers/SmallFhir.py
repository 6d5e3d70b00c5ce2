"""A small FHIR R4 server on loopback: atomic transactions, conditional create and update, search, and lies for tests.

It does what servers do and suites forget: it gives resources its own ids and metadata, adds tags of its own, keeps
older ones, and makes references of the transaction its own.
"""

import copy
import http.server
import json
import threading
import urllib.parse

from .Loopback import LoopbackServer

LIES = {
    "honest": "keeps what it gets",
    "keepsNothing": "answers 200 and keeps nothing",
    "half": "answers 500 and keeps half of the transaction",
    "changes": "answers 200 and keeps each ServiceRequest for the other side",
    "forgetsSignatures": "answers 200 and keeps each Provenance without its signature",
    "doubles": "answers 200 and creates what is there already once more",
    "losesAnswer": "keeps what it gets and closes the connection in the middle of its answer",
    "busy": "answers 503 with Retry-After and keeps nothing",
    "refuses": "answers 422 with an OperationOutcome and keeps nothing",
    "forbids": "answers 401 to everything",
    "garbles": "answers searches with something else",
    "babbles": "answers searches with resources of the right type that make no sense",
}
SIDE = {"coding": [{"system": "http://snomed.info/sct", "code": "24028007", "display": "Right"}], "text": "Right"}


class SmallFhir(LoopbackServer):
    """Context manager around one server. Set ``lie`` to a key of ``LIES``.

    ``resources`` maps ``Type/id`` to what it keeps; ``posted`` counts transactions; ``asked`` lists the headers of all
    requests.
    """

    def __init__(self, lie="honest", tls=None):
        super().__init__(_Handler, tls=tls)
        self.lie = lie
        self.resources = {}
        self.posted = 0
        self.asked = []
        self._lock = threading.Lock()

    @property
    def address(self):
        """The store address that ``openStore`` takes."""
        return f"fhir+{self.url}/fhir"

    def of(self, kind):
        """All resources of a type that it keeps."""
        return [one for key, one in sorted(self.resources.items()) if key.startswith(f"{kind}/")]

    def search(self, kind, query):
        """The resources that a query (``identifier`` or ``_tag`` with ``system|code``) matches."""
        ((key, wanted),) = urllib.parse.parse_qsl(query)
        system, _bar, code = wanted.partition("|")
        return [one for one in self.of(kind) if (system, code) in _tokens(one, key)]

    def transact(self, bundle):
        """Apply a transaction whole or not at all; ValueError where it cannot be."""
        with self._lock:
            resources, names, planned = copy.deepcopy(self.resources), {}, []
            for entry in bundle["entry"]:
                key = self._placeOf(entry, len(resources) + len(planned))
                names[entry["fullUrl"]] = key[0]
                planned.append((entry, *key))
            kept = planned[: len(planned) // 2] if self.lie == "half" else planned
            for entry, key, isNew in kept:
                if isNew or entry["request"]["method"] == "PUT":
                    resources[key] = self._stored(entry, key, names, resources.get(key))
            self.resources = resources

    def _placeOf(self, entry, number):
        """(``Type/id``, whether nothing is there yet) of an entry."""
        request, kind = entry["request"], entry["resource"]["resourceType"]
        condition = request.get("ifNoneExist") or request["url"].partition("?")[2]
        found = self.search(kind, condition.replace("+", "%2B"))
        if len(found) > 1:
            raise ValueError("multiple-matches")
        if found and self.lie != "doubles":
            return f"{kind}/{found[0]['id']}", False
        return f"{kind}/{number + 1}", True

    def _stored(self, entry, key, names, before):
        resource = _renamed(entry["resource"], names)
        resource["id"] = key.partition("/")[2]
        meta = resource.setdefault("meta", {})
        version = int(before["meta"]["versionId"]) + 1 if before else 1
        tags = [one for one in before["meta"]["tag"] if one not in meta.get("tag", [])] if before else []
        own = {"system": "https://server.example/tags", "code": "received"}
        meta |= {"versionId": str(version), "lastUpdated": "2026-01-01T00:00:00Z"}
        meta["tag"] = [*tags, *meta.get("tag", []), *([own] if own not in tags else [])]
        if self.lie == "changes" and key.startswith("ServiceRequest/"):
            resource["bodySite"] = [SIDE]
        if self.lie == "forgetsSignatures" and key.startswith("Provenance/"):
            del resource["signature"]
        return resource


def _tokens(resource, key):
    if key == "_tag":
        return [(one.get("system"), one.get("code")) for one in resource.get("meta", {}).get("tag", ())]
    identifiers = resource.get("identifier", ())
    return [(one.get("system"), one.get("value")) for one in identifiers]


def _renamed(values, names):
    """The values with references within the transaction made those of the resources; unknown ones are refused."""
    if isinstance(values, list):
        return [_renamed(one, names) for one in values]
    if not isinstance(values, dict):
        return values
    made = {name: _renamed(one, names) for name, one in values.items()}
    target = made.get("reference")
    if isinstance(target, str) and target.startswith("urn:uuid:"):
        if target not in names:
            raise ValueError("not-found")
        made["reference"] = names[target]
    return made


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def fhir(self):
        return self.server.owner

    def log_message(self, *arguments):
        pass

    def do_POST(self):
        bundle = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.fhir.asked.append(dict(self.headers))
        self.fhir.posted += 1
        lie = self.fhir.lie
        if lie in ("busy", "refuses", "forbids"):
            status = {"busy": 503, "refuses": 422, "forbids": 401}[lie]
            self._answer(status, _outcome("business-rule"), {"Retry-After": "7"} if lie == "busy" else {})
            return
        try:
            if lie != "keepsNothing":
                self.fhir.transact(bundle)
        except ValueError as error:
            self._answer(412, _outcome(str(error)))
            return
        if lie == "losesAnswer":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")
            self.close_connection = True
            return
        self._answer(500 if lie == "half" else 200, {"resourceType": "Bundle", "type": "transaction-response"})

    def do_GET(self):
        self.fhir.asked.append(dict(self.headers))
        if self.fhir.lie == "forbids":
            self._answer(401, _outcome("login"))
            return
        url = urllib.parse.urlsplit(self.path)
        found = self.fhir.search(url.path.rpartition("/")[2], url.query)
        entries = [{"resource": one} for one in found]
        if self.fhir.lie == "babbles":
            kind = url.path.rpartition("/")[2]
            entries = [7, {"resource": []}, {"resource": {"resourceType": kind, "meta": {"tag": 7}, "id": None}}]
        kind = "Basic" if self.fhir.lie == "garbles" else "Bundle"
        self._answer(200, {"resourceType": kind, "type": "searchset", "entry": entries})

    def _answer(self, status, values, headers=()):
        body = json.dumps(values).encode()
        self.send_response(status)
        said = {"Content-Type": "application/fhir+json", "Content-Length": len(body), **dict(headers)}
        for name, value in said.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)


def _outcome(code):
    return {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": code}]}
