"""120 objects through a network that does harm: what is reported as done is there, all arrives, nothing twice."""

import collections
import concurrent.futures
import dataclasses
import io
import random

import pytest
from Clocks import LeapingClock

from CentralSyncLib.Items import itemOf
from CentralSyncLib.Outbox.Drain import Drain
from CentralSyncLib.Outbox.Outbox import VERIFIED, Outbox
from CentralSyncLib.Outbox.StandIns import StandIns
from CentralSyncLib.Records.Wrapping import NotWrapped, unwrap
from CentralSyncLib.Stores.Addresses import openStore
from CentralSyncLib.Stores.Http import TimeLimits
from PlanningHubLib.Files import sha256Bytes
from PlanningHubLib.Secrets import KeyRing
from Servers.FaultProxy import FAULTS, FaultProxy
from Servers.LyingServer import LyingServer
from Servers.OrthancServer import OrthancServer, whyNoOrthanc
from Servers.SmallDicom import writeSmallSeries

needsOrthanc = pytest.mark.skipif(bool(whyNoOrthanc()), reason=whyNoOrthanc() or "Orthanc is there")
OBJECTS, RATE = 120, 0.5
WITH_FAULTS_SECONDS, WITHOUT_SECONDS = 60, 4 * 3600
HEAD = ("seed", "faults", "reported done", "silently lost", "delivered", "stood in for", "doubled", "strays")


@dataclasses.dataclass
class Row:
    """What one push of the objects came to. ``strays`` are what the network made of an object: kept under no name of
    ours, or under ours and known to be corrupt."""

    seed: int
    faults: int
    done: int
    lost: int
    delivered: int
    standIns: int
    doubled: int
    strays: int


@pytest.fixture(scope="module")
def orthancs():
    """An Orthanc for each of the two, so that both can be at it at the same time."""
    with OrthancServer() as one, OrthancServer() as other:
        yield one, other


class Kept:
    """What came into an Orthanc since this was made."""

    def __init__(self, orthanc):
        self._orthanc, self._before = orthanc, set(orthanc.instances())

    def _files(self):
        new = set(self._orthanc.instances()) - self._before
        return [self._orthanc.rest(f"/instances/{one}/file") for one in new]

    def digests(self):
        """SHA-256 → how many objects of these bytes there are."""
        return collections.Counter(map(sha256Bytes, self._files()))

    def contents(self):
        """The SHA-256 of all that can be given back: of objects, and of what Raw Data objects carry."""
        found = set()
        for data in self._files():
            found.add(sha256Bytes(data))
            try:
                found.add(sha256Bytes(unwrap(data)[1]))
            except NotWrapped:
                continue
        return found


def ours(orthanc, folder, seed):
    """Through the outbox, faults on, then off; waiting costs no time."""
    items = [itemOf(path) for path in writeSmallSeries(folder / "ours", OBJECTS, kilobytes=1, seed=seed)]
    clock, kept = LeapingClock(), Kept(orthanc)
    with (
        FaultProxy(orthanc.httpPort, seed, RATE, stallSeconds=0.2) as proxy,
        Outbox(folder / "outbox", KeyRing(b"k" * 32), clock.time) as outbox,
    ):
        store = openStore(proxy.address)
        store._http.limits = TimeLimits(connectSeconds=5, silenceSeconds=5)
        ids = outbox.enqueue(items, store.address)
        drain = Drain(outbox, store, clock, random.Random(seed).random)
        drain.drain(None, WITH_FAULTS_SECONDS)
        atFirst = outbox.entries(states=VERIFIED)
        lost = sum(entry.sha256 not in kept.digests() for entry in atFirst)
        proxy.calm()
        drain.drain(None, WITHOUT_SECONDS)
        digests, standIns = kept.digests(), StandIns(outbox.entries())
        entries, verified = outbox.entries(ids=ids), outbox.entries(states=VERIFIED)
        lost += sum(entry.sha256 not in digests for entry in verified)
        replaced = [entry for entry in entries if entry.state != VERIFIED]
        unsettled = [[(one.name, one.state, one.reason) for one in standIns.of(entry) or [entry]]
                     for entry in replaced if standIns.stateOf(entry) != VERIFIED]  # fmt: skip
        assert unsettled == []
        known, contents = {entry.sha256 for entry in verified}, kept.contents()
        return Row(
            seed, sum(proxy.harm.values()), len(atFirst), lost, sum(item.sha256 in contents for item in items),
            len(replaced), sum(count - 1 for count in digests.values()), sum(digest not in known for digest in digests),
        )  # fmt: skip


def theirs(orthanc, folder, seed):
    """dicomweb-client as it comes, with its retries, one request for each object."""
    import pydicom
    from dicomweb_client import DICOMwebClient

    kept, done = Kept(orthanc), []
    with FaultProxy(orthanc.httpPort, seed, RATE, stallSeconds=0.2) as proxy:
        client = DICOMwebClient(f"{proxy.url}/dicom-web", timeout=5)
        client.set_http_retry_params(retry=True, wait_exponential_multiplier=1)
        for path in writeSmallSeries(folder / "theirs", OBJECTS, kilobytes=1, seed=1000 + seed):
            dataset, sent = pydicom.dcmread(path), io.BytesIO()
            pydicom.dcmwrite(sent, dataset)
            try:
                client.store_instances([dataset])
                done.append(sha256Bytes(sent.getvalue()))
            except Exception:
                # Whatever it raises: it did not report this one as done.
                continue
    digests = kept.digests()
    there = sum(digest in digests for digest in done)
    return Row(seed, sum(proxy.harm.values()), len(done), len(done) - there, there, 0,
               sum(count - 1 for count in digests.values()), sum(digest not in done for digest in digests))  # fmt: skip


def table(title, rows):
    total = ["all", *(sum(column) for column in zip(*(dataclasses.astuple(row)[1:] for row in rows), strict=True))]
    lines = [HEAD, *(dataclasses.astuple(row) for row in rows), total]
    return "\n".join([title, *("  ".join(str(cell).rjust(13) for cell in line) for line in lines)])


@needsOrthanc
@pytest.mark.parametrize(
    # Not the same: what one of them corrupted in the archive would be another's conflict.
    "seeds", [range(20, 22), pytest.param(range(20), marks=pytest.mark.slow)], ids=["two seeds", "twenty seeds"]
)
def test_nothingIsLostSilentlyAndEverythingArrivesOnceFaultsEnd(orthancs, tmp_path, seeds):
    def rows(push, orthanc):
        return [push(orthanc, tmp_path / str(seed), seed) for seed in seeds]

    with concurrent.futures.ThreadPoolExecutor() as executor:
        mine, peer = executor.map(rows, (ours, theirs), orthancs)
    print("\n" + table("Planning Hub, through the outbox", mine))
    print(table("dicomweb-client with its retries", peer))
    assert [row.lost for row in mine] == [0] * len(mine)
    assert [row.delivered for row in mine] == [OBJECTS] * len(mine)
    assert [row.doubled for row in mine] == [0] * len(mine)
    assert sum(row.faults for row in mine) >= 40 * len(mine)
    # The network really does harm: whoever believes answers loses objects in it.
    assert sum(row.lost for row in peer) >= 5 * len(peer) and all(row.faults >= 60 for row in peer)


# The proxy itself


@pytest.fixture
def items(tmp_path):
    return [itemOf(path) for path in writeSmallSeries(tmp_path / "series", 3, kilobytes=1)]


def send(server, items, seed=3, **options):
    """What the store answers to a sending through the proxy, and what came through."""
    with FaultProxy(int(server.url.rsplit(":", 1)[1]), seed=seed, stallSeconds=0.05, **options) as proxy:
        store = openStore(proxy.address)
        answers = store.send(items, lambda fraction, text: None)
        return {answer.outcome for answer in answers.values()}, proxy


ARRIVES = {
    "failedAfter": 3, "cutAnswer": 3, "lostAnswer": 3, "doubled": 3, "shortAnswer": 3, "flippedAnswer": 3,
    "refused": 0, "failed": 0, "busy": 0, "emptyOk": 0, "falseOk": 0, "cutRequest": 0, "stalled": 0,
}  # fmt: skip


@pytest.mark.parametrize("kind", FAULTS)
def test_everyKindOfFaultDoesWhatItSays(items, kind):
    with LyingServer() as server:
        outcomes, proxy = send(server, items, rate=1.0, kinds=[kind])
        assert set(proxy.harm) == {kind}
        if kind in ARRIVES:
            assert len(server.kept) == ARRIVES[kind]
        said = {"refused": {"refused", "unreached"}, "cutAnswer": {"sent", "unreached"},
                "emptyOk": {"sent"}, "falseOk": {"sent"}, "doubled": {"sent"},
                "flippedAnswer": {"sent"}, "flippedRequest": {"sent", "unreached"}, "shortAnswer": {"sent"},
                "shortRequest": {"sent", "unreached"}, "shortPart": {"sent", "unreached"}}  # fmt: skip
        assert outcomes <= said.get(kind, {"unreached"})
        if kind == "doubled":
            assert [count for method, _path, count in server.requests if method == "POST"] == [3, 3]
        if kind in ("shortPart", "shortRequest"):
            assert {sha256Bytes(data) for data in server.kept.values()} != {item.sha256 for item in items}


def test_aFlippedBitArrives(items):
    changed = 0
    for seed in range(5):
        with LyingServer() as server:
            send(server, items, rate=1.0, kinds=["flippedRequest"], seed=seed)
            changed += {sha256Bytes(data) for data in server.kept.values()} != {item.sha256 for item in items}
    assert changed >= 3


def test_withoutFaultsTheProxyChangesNothing_andItsSeedGivesItsFaults(items):
    with LyingServer() as server:
        outcomes, proxy = send(server, items, rate=0.0)
        assert outcomes == {"sent"} and not proxy.harm
        assert {sha256Bytes(data) for data in server.kept.values()} == {item.sha256 for item in items}
    with FaultProxy(1, 7) as first, FaultProxy(1, 7) as second:
        assert [first.draw()[0] for _request in range(50)] == [second.draw()[0] for _request in range(50)]
