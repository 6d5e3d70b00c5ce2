"""What is wrong with TLS is refused before a byte of patient data leaves: our client against real terminators."""

import datetime
import socket
import ssl
import threading
import time

import pytest
import trustme
from Pushing import pushVerified

from CentralSyncLib.Items import itemOf
from CentralSyncLib.Results import QUEUED, VERIFIED
from CentralSyncLib.Stores.Addresses import openStore
from CentralSyncLib.Stores.Settings import StoreSettings
from PlanningHubLib.ArchiveAccess import Credentials
from Servers.LyingServer import LyingServer
from Servers.OrthancServer import freePort
from Servers.ShippedStore import nginxProgram
from Servers.SmallDicom import writeSmallSeries
from Servers.TlsFronts import DAY, Front, Identity, Stunnel, TlsFronts, issued, selfSigned, stunnelProgram

pytestmark = pytest.mark.skipif(nginxProgram() is None, reason="nginx is not installed (apt-get install nginx-light)")

NOW = datetime.datetime.now(datetime.UTC)
SECRET = "planted-store-password"
OLD = 'ssl_protocols TLSv1 TLSv1.1; ssl_ciphers "DEFAULT@SECLEVEL=0";'
CERTIFICATES = (
    "expired", "notYetValid", "wrongHost", "nameInNoList", "selfSigned", "unknownAuthority", "noChain",
    "forClientsOnly",
)  # fmt: skip
WORDS = {**dict.fromkeys(CERTIFICATES, "could not be verified"), "oldProtocol": "no longer safe", "weakCipher": ""}


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def clients():
    """The authority whose certificates the store accepts of workstations."""
    return trustme.CA()


@pytest.fixture(scope="module")
def behind():
    with LyingServer() as server:
        yield server


@pytest.fixture(scope="module")
def fronts(behind, authority, clients, tmp_path_factory):
    good = issued(authority, "localhost")
    folder = tmp_path_factory.mktemp("tls")
    accepted = folder / "clients.pem"
    clients.cert_pem.write_to_path(accepted)
    made = {
        "good": Front(good),
        "expired": Front(issued(authority, "localhost", not_before=NOW - 9 * DAY, not_after=NOW - DAY)),
        "notYetValid": Front(issued(authority, "localhost", not_before=NOW + DAY, not_after=NOW + 9 * DAY)),
        "wrongHost": Front(issued(authority, "archive.example")),
        "nameInNoList": Front(issued(authority, "archive.example", common_name="localhost")),
        "selfSigned": Front(selfSigned()),
        "unknownAuthority": Front(issued(trustme.CA(), "localhost")),
        "noChain": Front(withoutChain(issued(authority.create_child_ca(), "localhost"))),
        "forClientsOnly": Front(forClients(authority)),
        "oldProtocol": Front(good, OLD),
        "weakCipher": Front(good, 'ssl_protocols TLSv1.2; ssl_ciphers "eNULL:aNULL@SECLEVEL=0";'),
        "redirects": Front(good, f"return 307 http://127.0.0.1:{freePort()}/dicom-web/studies;"),
        "asksForCertificate": Front(good, f"ssl_verify_client on; ssl_client_certificate {accepted};"),
    }
    with TlsFronts(behind.url, made) as running:
        yield running


def withoutChain(identity):
    """The same, showing only the first certificate."""
    end = b"-----END CERTIFICATE-----\n"
    return Identity(identity.certificate.split(end)[0] + end, identity.key)


def forClients(authority):
    """A certificate of the right authority and name that says it is not one of servers."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    usual = authority.issue_cert("localhost", key_type=trustme.KeyType.RSA)
    old = x509.load_pem_x509_certificate(usual.cert_chain_pems[0].bytes())
    signer = serialization.load_pem_private_key(authority.private_key_pem.bytes(), None)
    built = x509.CertificateBuilder(
        old.issuer, old.subject, old.public_key(), old.serial_number, old.not_valid_before_utc, old.not_valid_after_utc
    )
    for extension in old.extensions:
        value = extension.value
        if isinstance(value, x509.ExtendedKeyUsage):
            value = x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.CLIENT_AUTH])
        built = built.add_extension(value, extension.critical)
    made = built.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    return Identity(made, usual.private_key_pem.bytes())


@pytest.fixture
def items(tmp_path):
    return [itemOf(path) for path in writeSmallSeries(tmp_path / "series", 3, seed=int(time.monotonic() * 1e6) % 10**6)]


@pytest.fixture
def push(authority, items, tmp_path, monkeypatch):
    """Push the items to an address as somebody with a password; return the results."""
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "home"))
    trusted = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(trusted)

    def run(address, **settings):
        settings = StoreSettings(address, "hospital", certificateAuthority=trusted, **settings)
        return pushVerified(openStore(address, Credentials("a.surgeon", SECRET), settings), items)

    return run


def test_theGoodOnePasses(fronts, behind, push, items):
    assert {one.state for one in push(fronts.address("good"))} == {VERIFIED}
    assert sum(one["method"] == "POST" for one in fronts.asked("good")) == 1
    assert {item.path.read_bytes() for item in items} <= set(behind.kept.values())


@pytest.mark.parametrize("fault", WORDS)
def test_whatCannotBeTrustedIsSentNothing(fronts, behind, push, fault):
    before = len(behind.requests)
    results = push(fronts.address(fault))
    assert {one.state for one in results} == {QUEUED}
    assert WORDS[fault] in results[0].reason
    # Not even a question came through: neither UIDs nor the password.
    assert fronts.asked(fault) == [] and len(behind.requests) == before


def test_theOldProtocolWouldHaveWorkedForAnOldClient(fronts, authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    with pytest.deprecated_call():
        context.minimum_version = ssl.TLSVersion.TLSv1
    with socket.create_connection(("localhost", fronts.ports["oldProtocol"])) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as secured:
            assert secured.version() == "TLSv1.1"


def test_theWrongCertificatesWouldHaveWorkedUnverified(fronts):
    """What is refused above is refused for its certificate, not because nobody listens there."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for fault in CERTIFICATES:
        with socket.create_connection(("localhost", fronts.ports[fault])) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as secured:
                assert secured.version() in ("TLSv1.2", "TLSv1.3")


def test_aRedirectToPlainHttpIsNotFollowed(fronts, behind, push):
    before = len(behind.requests)
    results = push(fronts.address("redirects"))
    assert {one.state for one in results} == {QUEUED} and "redirects are not followed" in results[0].reason
    assert {one["method"] for one in fronts.asked("redirects")} == {"GET"} and len(behind.requests) == before


def test_aPortThatSpeaksPlainHttpHearsOnlyTheGreeting(push):
    """Of whoever answers without TLS, all that the client says is recorded."""
    heard = bytearray()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def listen():
            while True:
                try:
                    connection, _address = listener.accept()
                except OSError:
                    return
                with connection:
                    heard.extend(connection.recv(1 << 16))
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        results = push(f"dicomweb+https://localhost:{listener.getsockname()[1]}/dicom-web")
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(10)
    assert {one.state for one in results} == {QUEUED}
    # A TLS record of the kind handshake (RFC 8446 5.1), and nothing readable after it.
    assert heard[:2] == b"\x16\x03"
    assert not any(word in heard for word in (b"GET", b"studies", b"Authorization", SECRET.encode()))


def keptFiles(identity, folder):
    """Write a workstation's certificate and key; return them as settings of a store."""
    paths = {"clientCertificate": folder / "workstation.pem", "clientKey": folder / "workstation.key"}
    paths["clientKey"].touch(mode=0o600)
    paths["clientCertificate"].write_bytes(identity.certificate)
    paths["clientKey"].write_bytes(identity.key)
    return paths


@pytest.mark.parametrize("which", ["none", "of another authority", "expired", "of the server's authority"])
def test_withoutTheCertificateThatAStoreWantsItGetsNoData(fronts, behind, push, clients, authority, tmp_path, which):
    signer = {"of another authority": trustme.CA(), "of the server's authority": authority}.get(which, clients)
    dates = {"not_before": NOW - 9 * DAY, "not_after": NOW - DAY} if which == "expired" else {}
    shown = {} if which == "none" else keptFiles(issued(signer, "workstation", **dates), tmp_path)
    before, asked = len(behind.requests), len(fronts.asked("asksForCertificate"))
    results = push(fronts.address("asksForCertificate"), **shown)
    assert {one.state for one in results} == {QUEUED} and "400" in results[0].reason
    # The store asks for it within TLS, and answers the first question with a refusal: no object was on its way yet.
    lines = fronts.asked("asksForCertificate")[asked:]
    assert {(one["method"], one["status"]) for one in lines} == {("GET", "400")}
    assert max(int(one["bytes"]) for one in lines) < 1000 and len(behind.requests) == before


def test_theRightCertificatePasses(fronts, push, clients, tmp_path):
    shown = keptFiles(issued(clients, "workstation"), tmp_path)
    assert {one.state for one in push(fronts.address("asksForCertificate"), **shown)} == {VERIFIED}


@pytest.mark.skipif(stunnelProgram() is None, reason="stunnel is not installed (apt-get install stunnel4)")
@pytest.mark.parametrize("shows", [True, False])
def test_stunnelEndsTheHandshakeOfWhoShowsNone(behind, push, authority, clients, tmp_path, shows):
    before = len(behind.requests)
    with Stunnel(behind, issued(authority, "localhost"), clients, tmp_path) as port:
        shown = keptFiles(issued(clients, "workstation"), tmp_path) if shows else {}
        results = push(f"dicomweb+https://localhost:{port}/dicom-web", **shown)
    assert {one.state for one in results} == {VERIFIED if shows else QUEUED}
    assert (len(behind.requests) > before) == shows
