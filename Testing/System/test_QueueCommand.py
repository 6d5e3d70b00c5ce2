"""The queue as a user meets it: a store behind a network that does harm, one that is down, items that need a person."""

import shutil
import subprocess
import sys
import time

import pytest

from PlanningHubLib.Case import Case
from PlanningHubLib.Consent import departures
from Servers.FaultProxy import FaultProxy
from Servers.LyingServer import LyingServer
from Servers.OrthancServer import OrthancServer, freePort, whyNoOrthanc


@pytest.fixture
def aQueue(command, aPackagedCase, ownHome, tmp_path):
    """Run commands on a copy of a case with an outbox of this test's own."""
    shutil.copytree(aPackagedCase / "case", tmp_path / "case")
    environment = {"PLANNINGHUB_OUTBOX": str(tmp_path / "outbox")}

    def run(*arguments):
        exitCode, values = command(*arguments, extraEnvironment=environment)
        assert values["exit_code"] == exitCode
        return exitCode, values

    run.case = tmp_path / "case"
    return run


def sync(aQueue, address, wait=0):
    return aQueue("sync", "--case", aQueue.case, "--store", address, "--wait", wait)


def nowhere():
    return f"dicomweb+http://127.0.0.1:{freePort()}/dicom-web"


def codesOf(values):
    return [finding["code"] for finding in values["findings"] if finding["severity"] != "info"]


@pytest.mark.skipif(bool(whyNoOrthanc()), reason=whyNoOrthanc() or "Orthanc is there")
def test_syncThroughAFaultyNetworkThenTheQueueBringsAllOfIt(aQueue):
    with OrthancServer() as orthanc, FaultProxy(orthanc.httpPort, seed=4, rate=0.9, stallSeconds=0.1) as proxy:
        exitCode, values = sync(aQueue, proxy.address)
        assert exitCode == 5 and values["queued"] > 0 and values["receipt"] is None
        assert all(item["reason"] for item in values["items"] if item["state"] == "queued")
        proxy.rate = 0.4
        for _again in range(2):
            exitCode, values = sync(aQueue, proxy.address)
            if exitCode == 0:
                break
        waiting = aQueue("queue")[1]["stores"][0]["waiting"]
        proxy.calm()
        exitCode, ran = aQueue("queue", "--run", "--wait", "120")
        assert (exitCode, ran["failed"], ran["queued"]) == (0, 0, 0) and ran["verified"] >= min(waiting, 1)
        # The case became whole while nobody synced it: it has its receipt all the same.
        with Case.open(aQueue.case) as case:
            assert case.latest("receipt") is not None
        assert aQueue("verify", aQueue.case)[0] == 0
        exitCode, values = sync(aQueue, proxy.address)
        assert exitCode == 0 and values["queued"] == values["failed"] == 0
        assert sum(item["state"] == "verified" for item in values["items"]) == values["verified"]
        standIns = sum("replaces" in item for item in values["items"])
        assert standIns == len(values["alarms"])
        digests = {digest(data) for data in orthanc.storedBytes()}
        assert {item["sha256"] for item in values["items"] if item["state"] == "verified"} <= digests


def digest(data):
    from PlanningHubLib.Files import sha256Bytes

    return sha256Bytes(data)


def test_aStoreThatIsDownWaitsInTheQueue_andTheQueueGoesOn(aQueue):
    with LyingServer() as server:
        server.send = server.read = "fails"
        exitCode, values = sync(aQueue, server.address)
        assert exitCode == 5 and values["verified"] == 0 and "500" in values["items"][0]["reason"]
        with Case.open(aQueue.case) as case:
            assert [one["proven"] for one in departures(case)][-1:] == [False]
        exitCode, listed = aQueue("queue")
        (store,) = listed["stores"]
        assert exitCode == 0 and "500" in store["reason"]
        assert store["waiting"] == values["queued"] == len(listed["items"])
        assert store["oldest_waiting"] and store["last_verified"] is None
        assert {item["state"] for item in listed["items"]} == {"queued"}
        exitCode, ran = aQueue("queue", "--run")
        assert exitCode == 5 and codesOf(ran) == ["store-waits"]
        server.send = server.read = "honest"
        exitCode, ran = aQueue("queue", "--run", "--wait", "30")
        assert exitCode == 0 and ran["verified"] == values["queued"]
    with Case.open(aQueue.case) as case:
        assert case.latest("receipt") is not None and [one["proven"] for one in departures(case)][-1:] == [True]
    exitCode, listed = aQueue("queue")
    assert listed["items"] == [] and listed["stores"][0]["last_verified"]
    exitCode, listed = aQueue("queue", "--case", aQueue.case)
    assert {item["state"] for item in listed["items"]} == {"verified"}


def test_pausedNothingLeaves(aQueue, tmp_path):
    store = tmp_path / "store"
    exitCode, listed = aQueue("queue", "--pause")
    assert exitCode == 0 and listed["stores"] == []
    exitCode, values = sync(aQueue, store)
    assert exitCode == 5 and "paused" in values["items"][0]["reason"] and not store.exists()
    assert aQueue("queue")[1]["stores"][0]["paused"]
    assert aQueue("queue", "--run")[0] == 5 and not store.exists()
    # All stores are paused, this one too.
    assert aQueue("queue", "--resume", "--store", store)[1]["stores"][0]["paused"]
    assert not aQueue("queue", "--resume")[1]["stores"][0]["paused"]
    assert aQueue("queue", "--run")[0] == 0
    assert aQueue("verify", aQueue.case)[0] == 0 and list(store.glob("cases/*/1.json"))


def test_whatWasWithdrawnStaysHere_andWhatFailedIsTriedAgain(aQueue):
    with LyingServer(send="refuses") as server:
        exitCode, values = sync(aQueue, server.address, 30)
        items = aQueue("queue")[1]["items"]
        # Refused again and again, each alone.
        assert "dead-letter" in {item["state"] for item in items} and exitCode == 6 and values["failed"] > 0
        lost = next(item for item in items if item["state"] == "dead-letter")
        steps = aQueue("queue", "--history", lost["id"])[1]["history"]
        assert [steps[0]["from"], steps[0]["to"], steps[-1]["to"]] == ["", "queued", "dead-letter"]
        assert all(step["when"] and step["user"] for step in steps) and "409" in steps[-1]["reason"]
        exitCode, listed = aQueue("queue", "--withdraw", lost["id"])
        assert exitCode == 0 and lost["id"] not in {item["id"] for item in listed["items"]}
        exitCode, listed = aQueue("queue", "--retry", "all")
        assert {item["state"] for item in listed["items"]} == {"queued"}
        server.send = "honest"
        exitCode, ran = aQueue("queue", "--run")
        assert exitCode == 0 and ran["verified"] == len(items) - 1 == len(server.kept)
        assert aQueue("queue", "--case", aQueue.case, "--retry", lost["id"])[0] == 0
    assert aQueue("queue", "--retry", "9999")[1]["findings"][0]["code"] == "unknown-item"
    assert aQueue("queue", "--retry", "some")[0] == aQueue("queue", "--history", "9999")[0] == 2
    verified = next(item for item in aQueue("queue", "--case", aQueue.case)[1]["items"] if item["state"] == "verified")
    assert aQueue("queue", "--withdraw", verified["id"])[1]["findings"][0]["code"] == "not-withdrawn"


def test_anotherStoreIsNotStoppedByOneThatIsGone(aQueue, tmp_path):
    assert sync(aQueue, nowhere())[0] == 5
    assert sync(aQueue, tmp_path / "missing" / "store")[0] == 5
    (tmp_path / "missing").mkdir()
    exitCode, ran = aQueue("queue", "--run")
    assert exitCode == 5 and codesOf(ran) == ["store-waits"]
    counts = {one["store"]: one["waiting"] for one in aQueue("queue")[1]["stores"]}
    assert counts[str(tmp_path / "missing" / "store")] == 0 and len(counts) == 2
    assert aQueue("queue", "--run", "--store", tmp_path / "missing" / "store")[0] == 0


def test_figuresForAMonitorHoldNoPatientData(aQueue, tmp_path):
    sync(aQueue, nowhere())
    path = tmp_path / "planninghub.prom"
    assert aQueue("queue", "--metrics", path)[0] == 0
    text = path.read_text()
    names = {line.split("{")[0] for line in text.splitlines() if not line.startswith("#")}
    assert names == {f"planninghub_outbox_{name}" for name in (
        "items", "bytes", "oldest_waiting_seconds", "last_verified_timestamp_seconds", "paused", "alarms")}  # fmt: skip
    items = aQueue("queue")[1]["items"]
    (waits,) = [line for line in text.splitlines() if 'state="queued"' in line and "_items" in line]
    assert waits.endswith(f" {len(items)}") and text.endswith("\n")
    (size,) = [line for line in text.splitlines() if 'state="queued"' in line and "_bytes" in line]
    assert float(size.split()[-1]) == sum(item["bytes"] for item in items)
    for secret in (str(aQueue.case), *(item[key] for item in items for key in ("name", "sha256", "case_id"))):
        assert secret not in text
    for item in items:
        assert not item["sop_instance_uid"] or item["sop_instance_uid"] not in text


def test_withoutAQueueThereIsNothing(aQueue):
    exitCode, values = aQueue("queue")
    assert exitCode == 0 and values["stores"] == values["items"] == []
    assert aQueue("queue", "--run")[0] == 0 and aQueue("queue", "--run", "--pause")[0] == 2
    assert aQueue("queue", "--run", "--wait", "-1")[0] == 2


def test_aSyncThatWasKilledGoesOnFromTheQueue(aQueue, command, tmp_path):
    with LyingServer(send="stalls") as server:
        arguments = ["sync", "--case", aQueue.case, "--store", server.address]
        process = subprocess.Popen(
            [sys.executable, "-m", "PlanningHubCommand", *map(str, arguments)], stderr=subprocess.DEVNULL,
            env={**command.environment, "PLANNINGHUB_OUTBOX": str(tmp_path / "outbox")},
        )  # fmt: skip
        try:
            while not server.sent() and process.poll() is None:
                time.sleep(0.1)
        finally:
            process.kill()
            process.wait()
        assert server.sent() and not server.kept
        waiting = aQueue("queue")[1]["items"]
        assert {item["state"] for item in waiting} <= {"queued", "sending", "sent"} and waiting
        server.send = "honest"
        exitCode, ran = aQueue("queue", "--run")
        # With the objects of the case's record, that came along with the receipt.
        assert exitCode == 0 and ran["verified"] == len(waiting) < len(server.kept)
    with Case.open(aQueue.case) as case:
        assert case.latest("receipt") is not None
