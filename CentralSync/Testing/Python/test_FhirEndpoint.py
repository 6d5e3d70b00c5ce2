"""The endpoint for metadata: nothing twice, nothing believed, nothing newer overwritten."""

import dataclasses
import io
import json
import os
import ssl

import pytest
import trustme
from FhirCase import aFullCase, aSite  # noqa: F401

from CentralSyncLib.Fhir.Bundle import itemFor
from CentralSyncLib.Items import itemOf
from CentralSyncLib.Stores.Addresses import openStore
from CentralSyncLib.Stores.CentralStore import ABSENT, CONFLICT, DAMAGED, REFUSED, SAME, SENT, UNFIT, UNREACHED
from CentralSyncLib.Stores.Settings import StoreSettings
from PlanningHubLib import Consent, Request
from PlanningHubLib.ArchiveAccess import Credentials
from PlanningHubLib.Errors import UsageError
from PlanningHubLib.Progress import noProgress
from Servers.SmallFhir import SmallFhir


@pytest.fixture
def makeItem(aFullCase):  # noqa: F811
    """Function that gives the transaction of the case as it is now."""
    return lambda: itemFor(aFullCase)


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
        ("babbles", SENT, CONFLICT, "keeps something else as Patient.identifier"),
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


def test_onlyMetadataGoThere(makeItem, aFullCase):  # noqa: F811
    with SmallFhir() as server:
        store, item = openStore(server.address), makeItem()
        assert store.declines(item) == ""
        assert store.declines(itemOf(aFullCase.path(aFullCase.latest("package"), "briefing.pdf")))
        with item.open() as file:
            changed = file.read().replace(b"Left", b"Riht")
        item = dataclasses.replace(item, opener=lambda: io.BytesIO(changed))
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


def test_theSitesOwnAuthorityAndACertificateOfOurs(makeItem, tmp_path):
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    files = {"certificateAuthority": tmp_path / "authority.pem", "clientCertificate": tmp_path / "client.pem"}
    authority.cert_pem.write_to_path(files["certificateAuthority"])
    authority.issue_cert("workstation").private_key_and_cert_chain_pem.write_to_path(files["clientCertificate"])
    os.chmod(files["clientCertificate"], 0o600)
    with SmallFhir(tls=context) as server:
        item = makeItem()
        settings = StoreSettings(server.address, **files)
        assert answer(openStore(server.address, settings=settings).send([item], noProgress)).outcome == SENT
        without = StoreSettings(server.address, certificateAuthority=files["certificateAuthority"])
        posted = server.posted
        assert answer(openStore(server.address, settings=without).send([item], noProgress)).outcome == UNREACHED
        assert server.posted == posted == 1


def test_credentialsAreShownToTheEndpointAlone(makeItem):
    with SmallFhir() as server:
        store = openStore(server.address, Credentials("", "token-of-the-test"))
        sent = answer(store.send([makeItem()], noProgress))
        assert {asked["Authorization"] for asked in server.asked} == {"Bearer token-of-the-test"}
        assert "token-of-the-test" not in sent.reason + store.description


def test_nothingButJsonOfFhirIsSpoken(makeItem):
    with SmallFhir() as server:
        store, item = openStore(server.address), makeItem()
        store.send([item], noProgress)
        assert server.asked[-1]["Content-Type"] == "application/fhir+json"
        with item.open() as file:
            assert json.load(file)["type"] == "transaction"
