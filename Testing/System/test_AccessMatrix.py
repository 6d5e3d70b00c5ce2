"""Every role against every request, at the real store as it is shipped: what is forbidden is 403, and audited."""

import collections
import http.client
import re
import socket
import ssl
import time

import psutil
import pytest
from Pushing import pushVerified

from CentralSyncLib.Items import itemOf
from CentralSyncLib.Results import QUEUED, VERIFIED
from CentralSyncLib.Server import Roles
from PlanningHubLib.Files import sha256Bytes
from Servers.ShippedStore import ShippedStore, whyNoStore
from Servers.SmallDicom import writeSmallSeries

pytestmark = pytest.mark.skipif(bool(whyNoStore()), reason=whyNoStore() or "the store is there")

USERS = {f"a.{role}": [role] for role in Roles.roleNames()} | {"a.guest": [], "a.doctor": ["clinician", "operator"]}
BOUNDARY = "boundary-of-a-test"
MULTIPART = {"Content-Type": f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'}
# What the audit log repeats of a path: UIDs and the service's own words.
REPEATED = re.compile(
    r"(/teaching)?/dicom-web(/(studies|series|instances|metadata)(/[0-9.]+)?)*|/(system|statistics|tools/[a-z-]+)"
)
PLACE = re.compile(r"((/teaching)?/(dicom-web|patients|studies|series|instances|tools|modalities|peers))/")
# Requests of Orthanc's own interface that no role may make; {orthanc} is its name of the series that is there.
NOBODY = """
DELETE /series/{orthanc}
DELETE /patients/{orthanc}
DELETE /studies/{orthanc}
DELETE /instances/{orthanc}
DELETE /changes
DELETE /exports
DELETE /dicom-web/studies/{study}
DELETE /dicom-web/studies/{study}/series/{series}
DELETE /dicom-web/studies/{study}/series/{series}/instances/{object}
DELETE /teaching/dicom-web/studies/{study}
PUT /series/{orthanc}/metadata/1024
PUT /instances/{orthanc}/attachments/1024
PUT /modalities/elsewhere
PUT /peers/elsewhere
PUT /patients/{orthanc}/protected
PUT /tools/log-level
PUT /tools/default-encoding
PUT /dicom-web/studies/{study}
PATCH /dicom-web/studies/{study}
OPTIONS /dicom-web/studies
POST /instances
POST /series/{orthanc}/modify
POST /series/{orthanc}/anonymize
POST /studies/{orthanc}/merge
POST /studies/{orthanc}/split
POST /series/{orthanc}/archive
POST /series/{orthanc}/media
POST /series/{orthanc}/reconstruct
POST /instances/{orthanc}/export
POST /tools/execute-script
POST /tools/shutdown
POST /tools/reset
POST /tools/reconstruct
POST /tools/invalidate-tags
POST /tools/create-dicom
POST /tools/create-archive
POST /tools/create-media
POST /tools/bulk-delete
POST /tools/bulk-modify
POST /tools/bulk-anonymize
POST /tools/find
POST /tools/lookup
POST /modalities/elsewhere/store
POST /modalities/elsewhere/move
POST /peers/elsewhere/store
POST /jobs/1/cancel
POST /storage-commitment/1/remove
POST /dicom-web/servers/elsewhere/stow
POST /dicom-web/servers/elsewhere/retrieve
POST /dicom-web/series
POST /dicom-web/studies/{study}/series/{series}
GET /
GET /app/explorer.html
GET /patients
GET /studies
GET /series/{orthanc}
GET /series/{orthanc}/archive
GET /instances
GET /changes
GET /exports
GET /modalities
GET /peers
GET /jobs
GET /plugins
GET /plugins/explorer.js
GET /tools/log-level
GET /tools/generate-uid
GET /wado
GET /webdav
GET /dicom-web/servers
GET /dicom-web/info
GET /dicom-web/studies/{study}/series/{series}/instances/{object}/frames/1
GET /teaching/system
GET /teaching/instances
""".split("\n")[1:-1]


@pytest.fixture(scope="module")
def store():
    with ShippedStore(USERS) as running:
        yield running


@pytest.fixture(scope="module")
def items(store, tmp_path_factory):
    """Three objects that the store and the store of teaching copies keep."""
    found = [itemOf(path) for path in writeSmallSeries(tmp_path_factory.mktemp("kept"), 3, seed=70)]
    for path in ("/dicom-web/studies", "/teaching/dicom-web/studies"):
        status, _body = store.ask("POST", path, "a.clinician", multipart(found), MULTIPART)
        assert status == 200
    return found


def multipart(items):
    part = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    return b"".join(part + item.path.read_bytes() + b"\r\n" for item in items) + f"--{BOUNDARY}--\r\n".encode()


def filled(path, items):
    """A path with the UIDs of what is there, each in its place."""
    first = items[0]
    named = path.replace("{study}", first.studyUid).replace("{series}", first.seriesUid)
    named = named.replace("{object}", first.sopInstanceUid).replace("{orthanc}", "0123-4567")
    for uid in (first.studyUid, first.seriesUid, first.sopInstanceUid):
        named = named.replace("{uid}", uid, 1)
    return named


def doorRequests(items):
    """Yield (service, door, method, path) of every request that some role may make."""
    for service in (Roles.STORE, Roles.TEACHING):
        for door in ("push", "search", "read"):
            for method, path in Roles.requestsOf(service, door):
                yield service, door, method, filled(path, items)
    for method, path in Roles.requestsOf(Roles.MACHINE, "health"):
        yield Roles.MACHINE, "health", method, path


def auditedPath(path):
    if REPEATED.fullmatch(path):
        return path
    place = PLACE.match(path)
    return f"{place.group(1)}/..." if place else "(another path)"


def statusesAudited(store, user, requests, items=(), password=None):
    """Make requests, (method, path) pairs; return their statuses, once a line of the audit log says each of them."""
    before = len(store.audit())
    statuses = []
    for method, path in requests:
        body = multipart(items) if method == "POST" else None
        statuses.append(store.ask(method, path, user, body, MULTIPART if body else None, password)[0])
    lines = [(method, path.split("?")[0], str(one)) for (method, path), one in zip(requests, statuses, strict=True)]
    wanted = collections.Counter(
        (user or "", method, auditedPath(path), one)
        for method, path, one in lines
    )
    end = time.monotonic() + 10
    while time.monotonic() < end:
        lines = store.audit()[before:]
        found = collections.Counter((line["user"], line["method"], line["path"], line["status"]) for line in lines)
        if wanted <= found:
            break
        time.sleep(0.01)
    assert not wanted - found
    return statuses


@pytest.mark.parametrize("user", USERS)
def test_everyCellOfTheMatrix(store, items, user):
    opened = Roles.doorsOf(USERS[user])
    cells = list(doorRequests(items))
    assert len(cells) == 31
    asked = [(method, path) for _service, _door, method, path in cells]
    statuses = statusesAudited(store, user, asked, items)
    for (service, door, method, path), status in zip(cells, statuses, strict=True):
        assert status == (200 if (service, door) in opened else 403), (service, door, method, path)


@pytest.mark.parametrize("user", USERS)
def test_whatNobodyMayDoIs403HoweverItIsAsked(store, items, user):
    asked = [tuple(filled(line, items).split(" ")) for line in NOBODY]
    statuses = statusesAudited(store, user, asked, items)
    assert [line for line, status in zip(NOBODY, statuses, strict=True) if status != 403] == []
    # The store itself refuses them too. PATCH and OPTIONS it does not serve at all, and says so.
    served = [(line, one) for line, one in zip(NOBODY, asked, strict=True) if one[0] not in ("PATCH", "OPTIONS")]
    assert [line for line, one in served if store.askBehind("orthanc-1", *one, user)[0] != 403] == []


def test_aMethodInDisguiseIsTheMethodItStandsFor(store, items):
    path = filled("/dicom-web/studies/{study}", items)
    for header in ({"X-HTTP-Method-Override": "DELETE"}, {"X-Http-Method-Override": "PUT"}):
        assert store.askBehind("orthanc-1", "POST", path, "a.clinician", b"", header)[0] == 403
        # The terminator does not hand such a header on, so this is a sending without content.
        assert store.ask("POST", path, "a.clinician", b"", header)[0] in (400, 403, 415)
    for disguised in (path + "?_method=DELETE", path + "?_method=PUT"):
        assert store.ask("GET", disguised, "a.clinician")[0] == 403


@pytest.mark.parametrize(
    "path",
    ["/dicom-web/../instances", "/dicom-web/%2e%2e/instances", "//instances", "/instances/", "/dicom-web/studies/..",
     "/dicom-web/studies/../../instances", "/teaching/../instances", "/teaching/%2e%2e/system",
     "/dicom-web/studies%00/../instances", "/DICOM-WEB/studies", "/dicom-web/studies/1.2%0a"],
)  # fmt: skip
def test_noOtherSpellingOfAPathComesThrough(store, path):
    assert store.ask("GET", path, "a.clinician")[0] in (400, 403)


def test_nothingWasTakenAwayOrChangedByAllThat(store, items):
    operator = store.ask("GET", "/statistics", "a.operator")[1]
    assert b'"CountInstances" : 3' in operator
    for item in items:
        path = f"/dicom-web/studies/{item.studyUid}/series/{item.seriesUid}/instances/{item.sopInstanceUid}"
        _status, body = store.ask("GET", path, "a.approver", headers={
            "Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'})  # fmt: skip
        assert item.path.read_bytes() in body


def test_otherContentUnderTheSameUidLeavesTheFirst(store, items):
    data = bytearray(items[0].path.read_bytes())
    data[-7] ^= 1
    body = multipart([items[0]]).replace(items[0].path.read_bytes(), bytes(data))
    store.ask("POST", "/dicom-web/studies", "a.engineer", body, MULTIPART)
    kept = {sha256Bytes(path.read_bytes()) for path in (store.state / "store").rglob("*-*") if path.is_file()}
    assert items[0].sha256 in kept and sha256Bytes(bytes(data)) not in kept


def test_whoDoesNotSayOrProveWhoTheyAreIsAuditedToo(store):
    asked = [("GET", "/dicom-web/studies")]
    assert statusesAudited(store, None, asked) == [401]
    assert statusesAudited(store, "a.clinician", asked, password="guessed") == [401]


def test_theAuditLogHoldsNoQueryAndNoWordsOfTheAsker(store):
    paths = (
        "/dicom-web/studies?PatientName=Planted%5EName&PatientID=PLANTED-7", "/patients/PLANTED-7/Planted",
        "/patients/planted", "/dicom-web/studies/planted",
    )  # fmt: skip
    assert statusesAudited(store, "a.clinician", [("GET", path) for path in paths]) == [200, 403, 403, 403]
    assert "planted" not in store.logs().lower()
    assert store.password("a.clinician") not in store.logs()


def test_answersDoNotSayWhatRunsThere(store):
    context = ssl.create_default_context(cafile=store.authorityFile)
    connection = http.client.HTTPSConnection("localhost", store.port, timeout=30, context=context)
    connection.request("GET", "/dicom-web/studies")
    answer = connection.getresponse()
    words = str(answer.headers) + answer.read().decode()
    connection.close()
    assert answer.headers["Server"] == "nginx" and answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Strict-Transport-Security"] and "1.10" not in words and "1.22" not in words


def test_thereIsNoOtherDoor(store):
    for name, process in store.processIds().items():
        family = [psutil.Process(process), *psutil.Process(process).children(recursive=True)]
        ports = {one.laddr.port for member in family for one in member.net_connections("tcp") if one.status == "LISTEN"}
        assert ports == {store.orthancs().get(name, store.port)}


def test_theClientGetsItsResultsInAndVerifiedAsEngineerAndNotAsApprover(store, tmp_path):
    new = [itemOf(path) for path in writeSmallSeries(tmp_path, 3, seed=71)]
    results = pushVerified(store.client("a.approver"), new)
    assert {one.state for one in results} == {QUEUED} and "403" in results[0].reason
    assert {one.state for one in pushVerified(store.client("a.engineer"), new)} == {VERIFIED}
    assert {one.state for one in pushVerified(store.client("a.approver"), new)} == {VERIFIED}


def test_silentConnectionsKeepNobodyOut(store):
    """Sixty of them are enough to stop this Orthanc itself."""
    opened = [socket.create_connection(("127.0.0.1", store.port)) for _connection in range(200)]
    try:
        assert store.ask("GET", "/dicom-web/studies", "a.clinician")[0] == 200
    finally:
        for one in opened:
            one.close()


def test_aBodyTooLargeIsRefusedBeforeItIsSent(store):
    headers = {**MULTIPART, "Content-Length": str(3 << 30)}
    assert store.ask("POST", "/dicom-web/studies", "a.clinician", b"", headers)[0] == 413
