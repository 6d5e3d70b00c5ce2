"""The endpoint for metadata: nothing twice, nothing believed, nothing newer overwritten."""

import json
import ssl

import pytest
import trustme
from FhirCase import aFullCase, aSite  # noqa: F401

from CentralSyncLib.Fhir.Bundle import itemFor
from CentralSyncLib.Items import itemOf
from CentralSyncLib.Stores.Addresses import openStore
from CentralSyncLib.Stores.CentralStore import ABSENT, CONFLICT, DAMAGED, REFUSED, SAME, SENT, UNFIT, UNREACHED
from PlanningHubLib import Consent, Request
from PlanningHubLib.Errors import UsageError
from PlanningHubLib.Progress import noProgress
from Servers.SmallFhir import SmallFhir


@pytest.fixture
def makeItem(aFullCase, tmp_path):  # noqa: F811
    """Function that writes the transaction of the case as it is now."""

    def make():
        folder = tmp_path / f"item-{aFullCase.auditHead['lines']}"
        folder.mkdir(exist_ok=True)
        return itemFor(aFullCase, folder)

    return make


def answer(answers):
    (one,) = answers.values()
    return one


def test_whatWasPostedIsReadBackAndPostedTwiceStaysOne(makeItem):
    with SmallFhir() as server:
        store, item = openStore(server.address), makeItem()
        assert answer(store.check([item], noProgress)).outcome == ABSENT
        assert answer(store.send([item], noProgress)).outcome == SENT
        assert answer(store.check([item], noProgress)).outcome == SAME
        kept = dict(server.resources)
        assert len(kept) == 10 and server.of("ServiceRequest")[0]["subject"] == {
            "reference": f"Patient/{server.of('Patient')[0]['id']}"
        }
        store.send([item], noProgress)
        assert server.resources.keys() == kept.keys() and server.posted == 2
        assert answer(store.check([item], noProgress)).outcome == SAME


@pytest.mark.parametrize(
    ("lie", "said", "found", "words"),
    [
        ("keepsNothing", SENT, ABSENT, "10 of 10 resources"),
        ("half", UNREACHED, ABSENT, "5 of 10 resources"),
        ("changes", SENT, DAMAGED, "ServiceRequest.bodySite[0].coding[0].code"),
        ("forgetsSignatures", SENT, CONFLICT, "Provenance.signature"),
        ("losesAnswer", UNREACHED, SAME, ""),
        ("busy", UNREACHED, ABSENT, "10 of 10"),
        ("refuses", REFUSED, ABSENT, "10 of 10"),
        ("forbids", UNREACHED, UNREACHED, "refuses access"),
        ("garbles", UNREACHED, UNREACHED, "did not answer a search"),
    ],
)
def test_noAnswerIsBelieved(makeItem, lie, said, found, words):
    with SmallFhir(lie) as server:
        store, item = openStore(server.address), makeItem()
        assert answer(store.send([item], noProgress)).outcome == said
        after = answer(store.check([item], noProgress))
        assert (after.outcome, words in after.reason) == (found, True)


def test_refusalAndBusynessAreSaid(makeItem):
    with SmallFhir("busy") as server:
        store, item = openStore(server.address), makeItem()
        assert answer(store.send([item], noProgress)).waitSeconds == 7
        server.lie = "refuses"
        assert "HTTP 422: business-rule" in answer(store.send([item], noProgress)).reason


def test_damageIsRepairedAndASecondCopyIsAConflict(makeItem):
    with SmallFhir("changes") as server:
        store, item = openStore(server.address), makeItem()
        store.send([item], noProgress)
        server.lie = "honest"
        store.send([item], noProgress)
        assert answer(store.check([item], noProgress)).outcome == SAME
        server.lie = "doubles"
        store.send([item], noProgress)
        after = answer(store.check([item], noProgress))
        assert after.outcome == CONFLICT and "several resources as one Patient" in after.reason


def test_anOlderStateNeverTakesThePlaceOfALaterOne(makeItem, aFullCase):  # noqa: F811
    older = makeItem()
    Request.moveTo(aFullCase, "accepted")
    Request.moveTo(aFullCase, "rejected")
    Consent.withdrawConsent(aFullCase, "treatment")
    later = makeItem()
    assert older.sha256 != later.sha256
    with SmallFhir() as server:
        store = openStore(server.address)
        store.send([later], noProgress)
        assert answer(store.check([older], noProgress)).outcome == SAME
        store.send([older], noProgress)
        assert {one["status"] for one in server.of("ServiceRequest")} == {"revoked"}
        assert {one["status"] for one in server.of("Consent")} == {"inactive"}
        assert answer(store.check([later], noProgress)).outcome == SAME


def test_aLaterStateTakesThePlaceOfAnOlderOne(makeItem, aFullCase):  # noqa: F811
    with SmallFhir() as server:
        store = openStore(server.address)
        store.send([makeItem()], noProgress)
        Request.moveTo(aFullCase, "accepted")
        Request.moveTo(aFullCase, "rejected")
        later = makeItem()
        assert answer(store.check([later], noProgress)).outcome == DAMAGED
        store.send([later], noProgress)
        assert answer(store.check([later], noProgress)).outcome == SAME
        (request,) = server.of("ServiceRequest")
        assert (request["status"], request["meta"]["versionId"]) == ("revoked", "2")


def test_onlyMetadataGoThere(makeItem, aFullCase, tmp_path):  # noqa: F811
    with SmallFhir() as server:
        store, item = openStore(server.address), makeItem()
        assert store.declines(item) == ""
        assert store.declines(itemOf(aFullCase.path(aFullCase.latest("package"), "briefing.pdf")))
        item.path.write_bytes(item.path.read_bytes().replace(b"left", b"riht").replace(b"Left", b"Riht"))
        assert answer(store.send([item], noProgress)).outcome == UNFIT and server.posted == 0


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("fhir+http://fhir.example/base", "plain-http"),
        ("fhir+https://user:geheim@fhir.example/base", "secret-in-address"),
        ("fhir+https://", "bad-store-address"),
        ("fhir://fhir.example/base", "unknown-store"),
        ("fhir+ftp://fhir.example/base", "unknown-store"),
    ],
)
def test_addressesThatAreRefused(address, code):
    with pytest.raises(UsageError) as error:
        openStore(address)
    assert error.value.code == code and "geheim" not in str(error.value)


def test_anEndpointThatCannotBeVerifiedGetsNothing(makeItem):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with SmallFhir(tls=context) as server:
        store, item = openStore(server.address), makeItem()
        sent = answer(store.send([item], noProgress))
        assert sent.outcome == UNREACHED and "could not be verified" in sent.reason
        assert server.posted == 0 and server.asked == []


def test_nothingButJsonOfFhirIsSpoken(makeItem):
    with SmallFhir() as server:
        store, item = openStore(server.address), makeItem()
        store.send([item], noProgress)
        assert server.asked[-1]["Content-Type"] == "application/fhir+json"
        assert json.loads(item.path.read_bytes())["type"] == "transaction"
