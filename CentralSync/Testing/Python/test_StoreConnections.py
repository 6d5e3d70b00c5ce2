"""How a DICOMweb store is reached: its paths, certificates of both sides, proxies, and its wish to be left alone."""

import email.utils
import ssl

import pytest
import trustme
from Pushing import pushVerified

from CentralSyncLib.Items import itemOf
from CentralSyncLib.Results import QUEUED, VERIFIED
from CentralSyncLib.Stores.Addresses import openStore
from CentralSyncLib.Stores.Certificates import keepKeyPassphrase
from CentralSyncLib.Stores.Http import retryAfter
from CentralSyncLib.Stores.Settings import StoreSettings
from PlanningHubLib.Errors import GateRefused, UsageError
from PlanningHubLib.Progress import noProgress
from Servers.ForwardProxy import ForwardProxy
from Servers.LyingServer import LyingServer
from Servers.OrthancServer import freePort
from Servers.SmallDicom import writeSmallSeries

PASSPHRASE = "only in the keyring"


@pytest.fixture(autouse=True)
def ownHome(tmp_path, monkeypatch):
    (tmp_path / "passphrase").write_text("a long passphrase")
    (tmp_path / "passphrase").chmod(0o600)
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PLANNINGHUB_PASSPHRASE_FILE", str(tmp_path / "passphrase"))


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def clients():
    """The authority whose certificates the store accepts of workstations."""
    return trustme.CA()


@pytest.fixture
def items(tmp_path):
    return [itemOf(path) for path in writeSmallSeries(tmp_path / "series", 4)]


@pytest.fixture
def liar():
    with LyingServer() as server:
        yield server


@pytest.fixture
def secureStore(authority, clients, tmp_path):
    """Function of (host of the certificate, whether it asks for the workstation's) that starts a store behind TLS."""
    servers = []

    def start(host="127.0.0.1", asking=False, newest=None):
        server = LyingServer()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(host).configure_cert(context)
        if asking:
            context.verify_mode = ssl.CERT_REQUIRED
            clients.configure_trust(context)
        if newest:
            context.maximum_version = newest
        server.httpServer.socket = context.wrap_socket(server.httpServer.socket, server_side=True)
        servers.append(server.__enter__())
        return server, server.address.replace("http:", "https:")

    yield start
    for server in servers:
        server.__exit__()


@pytest.fixture
def authorityFile(authority, tmp_path):
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    return tmp_path / "authority.pem"


def identity(issuer, folder, passphrase=None):
    """Paths of a workstation's certificate and of its key."""
    from cryptography.hazmat.primitives import serialization

    issued = issuer.issue_cert("workstation.example")
    certificate, key = folder / "client.pem", folder / "client.key"
    certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    private = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
    sealed = serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealed
    key.write_bytes(private.private_bytes(*form))
    key.chmod(0o600)
    return certificate, key


def pushed(items, **settings):
    """State and reason of a push, the same of all items."""
    results = pushVerified(openStore("", settings=StoreSettings(**settings)), items)
    ((state, reason),) = {(result.state, result.reason) for result in results}
    return state, reason


# Paths


def test_eachServiceIsAskedAtItsOwnPath(liar, items):
    paths = {"store": "/stow/studies", "retrieve": "/wado", "search": "/qido"}
    assert pushed(items, address=liar.address, paths=paths) == (VERIFIED, "")
    assert {path for method, path, _count in liar.requests if method == "POST"} == {"/dicom-web/stow/studies"}
    assert all(path.startswith("/dicom-web/wado/studies/") for method, path, _count in liar.requests if method == "GET")


# Certificates


def test_authorityOfTheSettingsIsTrusted(secureStore, items, authorityFile):
    server, address = secureStore()
    assert pushed(items, address=address, certificateAuthority=authorityFile) == (VERIFIED, "")
    assert len(server.kept) == 4


def test_withoutItNothingLeaves(secureStore, items):
    server, address = secureStore()
    state, reason = pushed(items, address=address)
    assert state == QUEUED and "certificate" in reason and server.requests == []


def test_noOtherAuthorityIsTrustedBesideThatOfTheSettings(
    secureStore, items, authorityFile, clients, tmp_path, monkeypatch
):
    server, address = secureStore()
    clients.cert_pem.write_to_path(tmp_path / "other.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authorityFile))
    state, _reason = pushed(items, address=address, certificateAuthority=tmp_path / "other.pem")
    assert state == QUEUED and server.requests == []


def test_certificateOfAnotherHostIsRefused(secureStore, items, authorityFile):
    server, address = secureStore("archive.example")
    state, reason = pushed(items, address=address, certificateAuthority=authorityFile)
    assert state == QUEUED and "certificate" in reason and server.requests == []


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_oldTlsIsRefused(secureStore, items, authorityFile):
    server, address = secureStore(newest=ssl.TLSVersion.TLSv1_1)
    state, reason = pushed(items, address=address, certificateAuthority=authorityFile)
    assert state == QUEUED and "TLS" in reason and server.requests == []


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_workstationShowsItsCertificate(secureStore, items, authorityFile, clients, tmp_path, passphrase):
    server, address = secureStore(asking=True)
    certificate, key = identity(clients, tmp_path, passphrase)
    files = {"certificateAuthority": authorityFile, "clientCertificate": certificate, "clientKey": key}
    if passphrase:
        keepKeyPassphrase(StoreSettings(address, **files), passphrase)
    assert pushed(items, address=address, **files) == (VERIFIED, "")


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("wrong", [False, True])
def test_storeThatAsksForAnotherCertificateGetsNothing(
    secureStore, items, authorityFile, authority, tmp_path, wrong, newest
):
    server, address = secureStore(asking=True, newest=newest)
    files = {"certificateAuthority": authorityFile}
    if wrong:
        certificate, key = identity(authority, tmp_path)
        files |= {"clientCertificate": certificate, "clientKey": key}
    results = pushVerified(openStore("", settings=StoreSettings(address, **files)), items)
    assert {result.state for result in results} == {QUEUED} and server.requests == []
    # With TLS 1.3 the store says so after the handshake, and may be gone before it was heard.
    if newest == ssl.TLSVersion.TLSv1_2:
        assert "this workstation's certificate" in results[0].reason


def test_encryptedKeyWithoutItsPassphraseIsRefusedAndNobodyIsAsked(clients, authorityFile, tmp_path):
    certificate, key = identity(clients, tmp_path, PASSPHRASE)
    settings = StoreSettings("dicomweb+https://archive.example", "hospital", {}, authorityFile, certificate, key)
    with pytest.raises(GateRefused) as caught:
        openStore("", settings=settings)
    assert caught.value.code == "no-passphrase"
    with pytest.raises(GateRefused) as caught:
        keepKeyPassphrase(settings, "another passphrase")
    assert caught.value.code == "wrong-passphrase" and "another" not in str(caught.value)
    keepKeyPassphrase(settings, PASSPHRASE)
    assert openStore("", settings=settings).address == settings.address
    # The key is exchanged, and nobody says so.
    (tmp_path / "new").mkdir()
    certificate.write_bytes(identity(clients, tmp_path / "new", "the passphrase of a new key")[0].read_bytes())
    key.write_bytes((tmp_path / "new" / "client.key").read_bytes())
    with pytest.raises(GateRefused) as caught:
        openStore("", settings=settings)
    assert caught.value.code == "wrong-passphrase"


def test_keyThatOthersCanReadIsRefused(clients, authorityFile, tmp_path):
    certificate, key = identity(clients, tmp_path)
    key.chmod(0o644)
    with pytest.raises(GateRefused) as caught:
        openStore("", settings=StoreSettings("dicomweb+https://a.example", "a", {}, authorityFile, certificate, key))
    assert caught.value.code == "key-file-open-to-others"


def test_keyOfAnotherCertificateIsNamed(clients, authorityFile, tmp_path):
    certificate, key = identity(clients, tmp_path)
    (tmp_path / "b").mkdir()
    _certificate, other = identity(clients, tmp_path / "b")
    with pytest.raises(UsageError) as caught:
        openStore("", settings=StoreSettings("dicomweb+https://a.example", "a", {}, authorityFile, certificate, other))
    assert caught.value.code == "bad-store-settings" and str(other) in caught.value.message


# Proxies


def test_proxyOfTheSettingsIsUsed(liar, items):
    with ForwardProxy() as proxy:
        assert pushed(items, address=liar.address, proxy=proxy.url) == (VERIFIED, "")
    assert ("POST", "/dicom-web/studies") in proxy.asked


def test_httpsGoesThroughTheProxyInATunnel(secureStore, items, authorityFile, monkeypatch):
    server, address = secureStore()
    # The settings say what is to be used, whatever the environment excepts.
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ForwardProxy() as proxy:
        settings = {"address": address, "proxy": proxy.url, "certificateAuthority": authorityFile}
        assert pushed(items, **settings) == (VERIFIED, "")
    assert {method for method, _target in proxy.asked} == {"CONNECT"} and len(server.kept) == 4


def test_certificateIsVerifiedBehindAProxyToo(secureStore, items):
    server, address = secureStore()
    with ForwardProxy() as proxy:
        state, reason = pushed(items, address=address, proxy=proxy.url)
    assert state == QUEUED and "certificate" in reason and proxy.asked and server.requests == []


def test_proxyThatRefusesOrIsAwayIsNamed(secureStore, items, authorityFile):
    server, address = secureStore()
    with ForwardProxy(refusing=True) as proxy:
        state, reason = pushed(items, address=address, proxy=proxy.url, certificateAuthority=authorityFile)
    assert state == QUEUED and "proxy" in reason
    away = f"http://127.0.0.1:{freePort()}"
    state, reason = pushed(items, address=address, proxy=away, certificateAuthority=authorityFile)
    assert state == QUEUED and "proxy" in reason and server.requests == []


# Being left alone


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0),
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "-7"}, 0),
        ({"Retry-After": "soon"}, 0),
        ({"Retry-After": "9" * 400}, 24 * 3600),
        ({"Retry-After": "Sun, 22 Nov 2026 18:00:30 GMT", "Date": "Sun, 22 Nov 2026 18:00:00 GMT"}, 30),
        ({"Retry-After": "Sun, 22 Nov 2026 17:00:00 GMT", "Date": "Sun, 22 Nov 2026 18:00:00 GMT"}, 0),
        ({"Retry-After": email.utils.formatdate(1_000_090, usegmt=True)}, 90),
    ],
)
def test_secondsToWait(headers, seconds):
    assert retryAfter(headers, now=lambda: 1_000_000.0) == seconds


def test_busyStoreIsLeftAloneAndItsWaitIsPassedOn(liar, items):
    liar.send = "busy"
    answers = openStore(liar.address).send(items, noProgress)
    assert {answer.waitSeconds for answer in answers.values()} == {7.0}
    assert len([method for method, _path, _count in liar.requests if method == "POST"]) == 1
