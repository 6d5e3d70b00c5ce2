"""The shipped terminator where it hears only workstations with a certificate: right, none, revoked; and too many."""

import datetime
import ssl

import pytest
import trustme
from Pushing import pushVerified

from CentralSyncLib.Items import itemOf
from CentralSyncLib.Results import QUEUED, VERIFIED
from CentralSyncLib.Stores.Addresses import openStore
from CentralSyncLib.Stores.Settings import StoreSettings
from PlanningHubLib.ArchiveAccess import Credentials
from Servers.ShippedStore import ShippedStore, whyNoStore
from Servers.SmallDicom import writeSmallSeries
from Servers.TlsFronts import DAY, issued

pytestmark = pytest.mark.skipif(bool(whyNoStore()), reason=whyNoStore() or "the store is there")

USER = "an.engineer"


@pytest.fixture(scope="module")
def clients():
    return trustme.CA()


@pytest.fixture(scope="module")
def workstations(clients, tmp_path_factory):
    """Certificates of two workstations as settings of a store, by name; the second is in the revocation list."""
    folder = tmp_path_factory.mktemp("workstations")
    made = {}
    for name in ("right", "revoked"):
        identity = issued(clients, name)
        key = folder / f"{name}.key"
        key.touch(mode=0o600)
        key.write_bytes(identity.key)
        (folder / f"{name}.pem").write_bytes(identity.certificate)
        made[name] = {"clientCertificate": folder / f"{name}.pem", "clientKey": key}
    return made


@pytest.fixture(scope="module")
def store(clients, workstations, tmp_path_factory):
    folder = tmp_path_factory.mktemp("authority")
    clients.cert_pem.write_to_path(folder / "clients.pem")
    (folder / "revoked.pem").write_bytes(revocationList(clients, workstations["revoked"]["clientCertificate"]))
    settings = {"clientAuthority": folder / "clients.pem", "revocationList": folder / "revoked.pem"}
    with ShippedStore({USER: ["engineer"]}, settings=settings) as running:
        yield running


def revocationList(authority, certificate):
    """A list, in PEM, in which an authority takes one certificate back."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    issuer = x509.load_pem_x509_certificate(authority.cert_pem.bytes())
    number = x509.load_pem_x509_certificate(certificate.read_bytes()).serial_number
    now = datetime.datetime.now(datetime.UTC)
    entry = x509.RevokedCertificateBuilder(number, now - DAY).build()
    built = x509.CertificateRevocationListBuilder(issuer.subject, now - DAY, now + DAY).add_revoked_certificate(entry)
    signer = serialization.load_pem_private_key(authority.private_key_pem.bytes(), None)
    return built.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.fixture
def push(store, tmp_path):
    """Push three objects with a workstation's certificate; return the results."""
    items = [itemOf(path) for path in writeSmallSeries(tmp_path / "series", 3, seed=91)]

    def run(**shown):
        settings = StoreSettings(store.address, certificateAuthority=store.authorityFile, **shown)
        return pushVerified(openStore(store.address, Credentials(USER, store.password(USER)), settings), items)

    return run


def objects(store):
    return [path for path in (store.state / "store").rglob("*-*-*-*-*") if path.is_file()]


@pytest.mark.parametrize("which", ["none", "revoked"])
def test_withoutACertificateThatCountsNothingIsSentAndTheRefusalIsAudited(store, push, workstations, which):
    results = push(**workstations.get(which, {}))
    assert {one.state for one in results} == {QUEUED} and "400" in results[0].reason
    lines = store.audit()
    assert {(one["method"], one["status"], one["worker"]) for one in lines} == {("GET", "400", "")}
    assert ("trustme" in lines[-1]["certificate"]) == (which == "revoked")
    assert objects(store) == []


def test_theRightOnePassesAndStandsInTheAuditLog(store, push, workstations):
    assert {one.state for one in push(**workstations["right"])} == {VERIFIED}
    assert len(objects(store)) == 3
    passed = [one for one in store.audit() if one["status"] == "200"]
    assert passed and all("trustme" in one["certificate"] and one["user"] == USER for one in passed)


def test_whoAsksTooOftenIsToldToWait(store, workstations):
    """More connections from one address than the terminator keeps; each holds one by a body that does not end."""
    context = ssl.create_default_context(cafile=store.authorityFile)
    context.load_cert_chain(*workstations["right"].values())
    held = []
    try:
        for _connection in range(64):
            held.append(store.halfAsked("POST", "/dicom-web/studies", context))
        status, _body = store.ask("GET", "/dicom-web/studies", USER, context=context)
        assert status == 429
    finally:
        for one in held:
            one.close()
