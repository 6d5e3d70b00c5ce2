"""The metadata of a synced case at the site's endpoint, and a case in an archive that speaks DIMSE only."""

import json
import os
import urllib.request

import pytest
from FhirCase import aFullCase, aSite  # noqa: F401

from CentralSyncLib import Overview
from CentralSyncLib.Fhir.Bundle import NAME
from CentralSyncLib.Outbox.Outbox import Outbox
from CentralSyncLib.Outbox.Running import runQueue
from CentralSyncLib.Results import QUEUED, VERIFIED
from CentralSyncLib.Stores.Addresses import openStore
from CentralSyncLib.Stores.FolderStore import FolderStore
from CentralSyncLib.Sync import syncCase
from CentralSyncLib.Upkeep.Scrub import scrub
from CentralSyncLib.Upkeep.ScrubReport import REPAIRED
from PlanningHubLib.Consent import departures
from Servers.OrthancServer import OrthancServer, freePort, whyNoOrthanc
from Servers.SmallFhir import SmallFhir


@pytest.fixture
def endpoint(aSite, tmp_path, monkeypatch):  # noqa: F811
    """A FHIR server that the site's configuration names."""
    monkeypatch.setenv("PLANNINGHUB_OUTBOX", str(tmp_path / "outbox"))
    with SmallFhir() as server:
        name(tmp_path, server.address)
        yield server


def name(folder, address):
    path = folder / "home" / "site.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "fhirEndpoint": address}))
    os.chmod(path, 0o600)


def metadata(result):
    (one,) = (item for item in result.items if item.name == NAME)
    return one


def test_aSyncedCaseHasItsMetadataAtTheEndpoint(aFullCase, endpoint, tmp_path):  # noqa: F811
    store = FolderStore(tmp_path / "store")
    assert Overview.planLines(aFullCase, str(tmp_path / "store"))[-1].reason == f"To FHIR endpoint {url(endpoint)}."
    result = syncCase(aFullCase, store)
    assert result.problem() is None and metadata(result).state == VERIFIED
    destinations = [one["agent"][1]["who"]["display"] for one in endpoint.of("AuditEvent")]
    assert destinations[-2:] == [store.description, f"FHIR endpoint {url(endpoint)}"]
    posted, left = endpoint.posted, len(departures(aFullCase))
    again = syncCase(aFullCase, store)
    assert metadata(again).state == VERIFIED and endpoint.posted == posted and len(departures(aFullCase)) == left


def url(server):
    return server.address.removeprefix("fhir+")


def test_anEndpointThatIsDownLeavesTheMetadataWaiting(aFullCase, endpoint, tmp_path):  # noqa: F811
    store = FolderStore(tmp_path / "store")
    address = endpoint.address
    name(tmp_path, f"fhir+http://127.0.0.1:{freePort()}/fhir")
    result = syncCase(aFullCase, store, patienceSeconds=0)
    assert metadata(result).state == QUEUED and result.problem().exitCode == 5 and result.receipt is not None
    name(tmp_path, address)
    result = syncCase(aFullCase, store)
    assert metadata(result).state == VERIFIED and len(endpoint.of("Patient")) == 1
    with Outbox.forThisWorkstation() as outbox:
        waiting = [entry.store for entry in outbox.entries() if entry.state not in ("verified",)]
        assert len(waiting) == 1 and waiting[0] != address


@pytest.mark.skipif(bool(whyNoOrthanc()), reason=whyNoOrthanc())
def test_aCaseInAnArchiveOverDimse(aFullCase, endpoint):  # noqa: F811
    known = {"AET": "PLANNINGHUB", "Host": "127.0.0.1", "Port": 104}
    with OrthancServer(settings={"DicomModalities": {"workstation": known}}) as server:
        store = openStore(f"dicom://ORTHANC@127.0.0.1:{server.dicomPort}")
        result = syncCase(aFullCase, store)
        assert result.problem() is None and result.failed == result.queued == 0
        assert metadata(result).state == VERIFIED
        documents = {one["content"][0]["attachment"]["title"]: one for one in endpoint.of("DocumentReference")}
        carrier = documents["briefing.pdf"]["identifier"][1]["value"].removeprefix("urn:oid:")
        stored = [json.loads(server.rest(f"/instances/{one}/simplified-tags")) for one in server.instances()]
        assert carrier in {one["SOPInstanceUID"] for one in stored}
        kept = len(stored)
        again = syncCase(aFullCase, store)
        assert again.problem() is None and len(server.instances()) == kept
        with Outbox.forThisWorkstation() as outbox:
            report = scrub(outbox, store, 30)
            # What is compared needs a local copy; of the record there is none.
            assert (report.unfit, report.whole, report.missed) == (("record of the case",), report.registered - 1, ())
            delete(f"{server.url}/instances/{identifierOf(server, carrier)}")
            report = scrub(outbox, store, 30)
            assert [one.state for one in report.missed] == [REPAIRED] and len(server.instances()) == kept


def delete(url):
    urllib.request.urlopen(urllib.request.Request(url, method="DELETE"), timeout=30).close()


def identifierOf(server, uid):
    tags = {one: json.loads(server.rest(f"/instances/{one}/simplified-tags")) for one in server.instances()}
    return next(one for one, values in tags.items() if values["SOPInstanceUID"] == uid)


@pytest.mark.parametrize("lie", ["forgetsSignatures", "changes"])
def test_anEndpointThatKeepsSomethingElseFailsByName(aFullCase, endpoint, tmp_path, lie):  # noqa: F811
    endpoint.lie = lie
    result = syncCase(aFullCase, FolderStore(tmp_path / "store"), patienceSeconds=0)
    assert metadata(result).state != VERIFIED and result.problem() is not None
    place = "Provenance.signature" if lie == "forgetsSignatures" else "ServiceRequest.bodySite"
    assert place in metadata(result).reason
    assert all(item.state == VERIFIED for item in result.items if item.name != NAME)


def test_theQueueBringsTheMetadataLater(aFullCase, endpoint, tmp_path):  # noqa: F811
    endpoint.lie = "busy"
    store = FolderStore(tmp_path / "store")
    assert metadata(syncCase(aFullCase, store, patienceSeconds=0)).state == QUEUED
    endpoint.lie = "honest"
    aFullCase.close()
    with Outbox.forThisWorkstation() as outbox:
        outbox.retry([entry.id for entry in outbox.entries(endpoint.address)])
        after, findings = runQueue(outbox, [endpoint.address], patienceSeconds=20)
        assert [state for state, _entry in after] == ["verified"] and findings == []
