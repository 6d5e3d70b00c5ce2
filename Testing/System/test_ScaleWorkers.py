"""Several Orthancs on one PostgreSQL index behind one terminator: the same client, and a worker that dies meanwhile."""

import collections
import json

import pytest
from Pushing import pushVerified
from SmallCases import makeSmallCase, treeOf

from CentralSyncLib.Items import itemOf
from CentralSyncLib.Records.Kept import openCases
from CentralSyncLib.Records.Restore import restoreCase
from CentralSyncLib.Results import FAILED, QUEUED, VERIFIED
from CentralSyncLib.Server.Writer import Database
from CentralSyncLib.Stores.Addresses import openStore
from CentralSyncLib.Sync import syncCase
from PlanningHubLib.ArchiveAccess import Credentials, remember
from PlanningHubLib.Case import Case
from Servers.Postgres import Postgres, whyNoPostgres
from Servers.ShippedStore import ShippedStore, whyNoStore
from Servers.SmallDicom import writeSmallSeries

missing = whyNoStore() or whyNoPostgres()
pytestmark = pytest.mark.skipif(bool(missing), reason=missing or "all is there")

USERS = {"an.engineer": ["engineer"], "an.operator": ["operator"]}


@pytest.fixture(scope="module")
def database():
    with Postgres() as server:
        yield server


@pytest.fixture(scope="module")
def store(database):
    index = Database(database.host, database.port, database.database, database.user, database.password)
    with ShippedStore(USERS, workers=3, settings={"database": index}) as running:
        yield running


@pytest.fixture
def client(store):
    return store.client("an.engineer")


@pytest.fixture
def items(tmp_path):
    return [itemOf(path) for path in writeSmallSeries(tmp_path / "series", 150, kilobytes=16, seed=81)]


def inIndex(database, level):
    """How many resources of a level PostgreSQL's index has: 0 patients to 3 objects."""
    return int(database.ask(f"SELECT count(*) FROM resources WHERE resourcetype = {level}"))


def answeredBy(store):
    """Which workers took objects, from the audit log."""
    return {one["worker"] for one in store.audit() if (one["method"], one["status"]) == ("POST", "200")}


def test_whatOneWorkerTookEveryOtherGivesBack(store, client, database, tmp_path):
    before = inIndex(database, 3)
    new = [itemOf(path) for path in writeSmallSeries(tmp_path, 60, seed=80)]
    assert {one.state for one in pushVerified(client, new)} == {VERIFIED}
    assert len(answeredBy(store)) == 3
    assert inIndex(database, 3) == before + 60
    path = f"/dicom-web/studies/{new[0].studyUid}/instances"
    for worker in ("orthanc-1", "orthanc-2", "orthanc-3"):
        status, body = store.askBehind(worker, "GET", path, "an.engineer")
        assert status == 200 and all(one.sopInstanceUid.encode() in body for one in new)


def test_aWorkerKilledWhileItTakesObjectsLosesNone(store, client, database, items):
    before = inIndex(database, 3)

    def kill(fraction, text):
        # The first fifth of the way is the comparing, the next two are the sending.
        if fraction > 0.25 and "orthanc-2" in running:
            store.kill(running.pop())

    running = ["orthanc-2"]
    first = pushVerified(client, items, kill)
    assert not running and {one.state for one in first} <= {VERIFIED, QUEUED}
    store.start("orthanc-2")
    store.waitFor("orthanc-2")
    second = pushVerified(client, items)
    assert {one.state for one in second} == {VERIFIED}
    # Nothing came twice, and what the first run called verified is there.
    assert inIndex(database, 3) == before + len(items)


def settle(folder, store, monkeypatch):
    """Make a settings folder that knows the store by name, with its authority and a remembered password."""
    monkeypatch.setenv("PLANNINGHUB_HOME", str(folder))
    folder.mkdir()
    phrase = folder.parent / "passphrase"
    phrase.touch(mode=0o600)
    phrase.write_text("a passphrase for a test")
    monkeypatch.setenv("PLANNINGHUB_PASSPHRASE_FILE", str(phrase))
    known = {"name": "hospital", "address": store.address, "certificateAuthority": str(store.authorityFile)}
    site = {"format": "planninghub-site", "version": 1, "users": [], "approvals": [], "stores": [known]}
    (folder / "site.json").write_text(json.dumps(site))
    auth = Credentials("an.engineer", store.password("an.engineer"))
    remember(store.address.removeprefix("dicomweb+"), auth)


def test_aCaseComesBackWholeAlthoughAWorkerDiedWhileItWasSent(store, tmp_path, monkeypatch):
    settle(tmp_path / "home", store, monkeypatch)
    folder = makeSmallCase(tmp_path / "case", procedure="cranioplasty", side="left")
    running = ["orthanc-3"]

    def kill(fraction, text):
        if fraction > 0.3 and running:
            store.kill(running.pop())

    with Case.open(folder, writable=True) as case:
        result = syncCase(case, openStore("hospital"), kill, patienceSeconds=60)
        caseId = case.caseId
    assert not running and result.problem() is None
    store.start("orthanc-3")
    store.waitFor("orthanc-3")
    # Another machine, and the one worker that was not there.
    settle(tmp_path / "elsewhere", store, monkeypatch)
    for worker in ("orthanc-1", "orthanc-2"):
        store.kill(worker)
    try:
        restoreCase(openCases("hospital"), caseId, tmp_path / "back")
    finally:
        for worker in ("orthanc-1", "orthanc-2"):
            store.start(worker)
            store.waitFor(worker)
    assert treeOf(tmp_path / "back") == treeOf(folder)


def test_withOneWorkerLeftTheStoreGoesOn(store, client, tmp_path):
    for worker in ("orthanc-1", "orthanc-3"):
        store.kill(worker)
    try:
        new = [itemOf(path) for path in writeSmallSeries(tmp_path, 20, seed=82)]
        states = collections.Counter()
        for _attempt in range(3):
            states = collections.Counter(one.state for one in pushVerified(client, new))
        assert states == {VERIFIED: 20}
    finally:
        for worker in ("orthanc-1", "orthanc-3"):
            store.start(worker)
            store.waitFor(worker)


def test_anIndexThatIsDownIsNoSuccessAndItsReturnLosesNothing(store, client, database, tmp_path):
    new = [itemOf(path) for path in writeSmallSeries(tmp_path, 12, seed=83)]
    old = [itemOf(path) for path in writeSmallSeries(tmp_path / "old", 12, seed=84)]
    assert {one.state for one in pushVerified(client, old)} == {VERIFIED}
    database.stop()
    try:
        # This Orthanc then says 404 to a reading and 200 to a sending.
        assert {one.state for one in pushVerified(client, [*new, *old])} <= {QUEUED, FAILED}
    finally:
        database.start()
    for worker in store.orthancs():
        if store.hasEnded(worker):
            store.start(worker)
            store.waitFor(worker)
    # Each connection to the index that broke costs a worker one more wrong answer.
    for _attempt in range(30):
        states = {one.state for one in pushVerified(client, [*new, *old])}
        if states == {VERIFIED}:
            break
    assert states == {VERIFIED}
