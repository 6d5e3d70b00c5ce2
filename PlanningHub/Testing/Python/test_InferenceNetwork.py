"""The check of the way to an inference server says in words what stands in it; each fault is really there."""

import contextlib
import http.server
import shutil
import socket
import ssl
import subprocess
import threading

import pytest

from PlanningHubLib.ArchiveAccess import Credentials
from PlanningHubLib.Segmenting import MonaiLabelCheck
from PlanningHubLib.Segmenting.MonaiLabelCheck import checkNetwork
from PlanningHubLib.Segmenting.MonaiLabelHttp import TimeLimits
from Servers.MonaiLabelServer import MonaiLabelServer, whyNoMonaiLabel
from Servers.OrthancServer import freePort
from Servers.SmallMonaiLabel import PASSWORD, USER, SmallMonaiLabel

QUICK = TimeLimits(connectSeconds=1.0, answerSeconds=1.0)
needsOpenssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


@contextlib.contextmanager
def answering(status=200, content=b"<html>Welcome</html>", headers=()):
    """A server on loopback that gives one answer to everything; yields its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def listening(connection):
    """A port on loopback that takes a connection and hands it to a function; yields its number."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    taken, _address = server.accept()
                    connection(taken)

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


def rejection(address, **options):
    """The one finding that says what is wrong."""
    findings = [one for one in checkNetwork(address, limits=QUICK, **options) if one.severity == "reject"]
    assert len(findings) == 1 and findings[0].message and findings[0].action
    return findings[0]


@pytest.fixture(autouse=True)
def noProxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_serverThatIsReadyNamesItsModels():
    with SmallMonaiLabel() as server:
        (found,) = checkNetwork(server.address)
        assert (found.code, found.severity) == ("server-ready", "info")
        assert "Thresholds" in found.message and "threshold" in found.message
        assert server.bodies == [] and rejection(server.address, model="nowhere").code == "no-such-model"
    with SmallMonaiLabel(models="none") as server:
        assert rejection(server.address).code == "no-model"


@pytest.mark.skipif(bool(whyNoMonaiLabel()), reason=whyNoMonaiLabel() or "installed")
def test_realServerWithoutModels():
    with MonaiLabelServer(models="none") as server:
        assert rejection(server.address).code == "no-model"


@pytest.mark.skipif(bool(whyNoMonaiLabel()), reason=whyNoMonaiLabel() or "installed")
def test_realServerThatWantsALogin():
    with MonaiLabelServer(settings={"MONAI_LABEL_AUTH_ENABLE": "true"}) as server:
        assert rejection(server.address).code == "ai-login-needed"


def test_nameThatNobodyKnows():
    found = rejection("https://inference.hospital.invalid")
    assert found.code == "name-not-resolved" and "inference.hospital.invalid" in found.message


def test_portWhereNobodyListens():
    assert rejection(f"http://127.0.0.1:{freePort()}").code == "connection-refused"


def test_hostThatNeverAnswers():
    """A full queue of connections: what comes after is dropped, as a firewall drops it."""
    with socket.socket() as server, contextlib.ExitStack() as waiting:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _each in range(3):
            one = waiting.enter_context(socket.socket())
            one.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                one.connect(server.getsockname())
        assert rejection(f"http://127.0.0.1:{server.getsockname()[1]}").code == "no-answer"


def test_serverThatSaysNothing():
    kept = []
    with listening(kept.append) as port:
        assert rejection(f"http://127.0.0.1:{port}").code == "server-silent"


def test_serverThatHangsUp():
    with listening(lambda taken: taken.close()) as port:
        assert rejection(f"http://127.0.0.1:{port}").code == "connection-lost"


@pytest.mark.parametrize(("answer", "code"), [
    ({}, "not-monai-label"), ({"content": b'{"models": []}'}, "not-monai-label"), ({"status": 404}, "not-monai-label"),
    ({"status": 302, "headers": [("Location", "https://login.example/")]}, "redirected"),
    ({"status": 403}, "ai-forbidden"), ({"status": 500}, "server-failed"), ({"status": 407}, "proxy-answered"),
    ({"status": 503, "headers": [("X-Squid-Error", "ERR_CONNECT_FAIL 111")]}, "proxy-answered"),
    ({"status": 502, "headers": [("Proxy-Status", "gate; error=connection_refused")]}, "proxy-answered"),
])  # fmt: skip
def test_otherAnswersAreNamed(answer, code):
    with answering(**answer) as address:
        assert rejection(address).code == code


def test_loginIsAskedForAndJudged():
    with SmallMonaiLabel(login="token") as server:
        assert rejection(server.address).code == "ai-login-needed"
        found = rejection(server.address, credentials=Credentials(USER, "wrong"))
        assert found.code == "ai-login-refused" and "wrong" not in found.message
        (ready,) = checkNetwork(server.address, credentials=Credentials(USER, PASSWORD))
        assert ready.code == "server-ready"


def test_slowServerIsSaidToBeSlow(monkeypatch):
    monkeypatch.setattr(MonaiLabelCheck, "SLOW_SECONDS", 0.0)
    with SmallMonaiLabel() as server:
        assert [one.code for one in checkNetwork(server.address)] == ["slow-server", "server-ready"]


def test_plainServerBehindHttpsAddress():
    with answering() as address:
        assert rejection(address.replace("http:", "https:")).code == "not-tls"


def overTls(server, folder, name="127.0.0.1", days="2"):
    """Put a server behind TLS with a certificate of its own; return its address and the certificate's path."""
    kind = "IP" if name[0].isdigit() else "DNS"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-days", days]
    command += ["-keyout", "key.pem", "-out", "certificate.pem", "-addext", f"subjectAltName={kind}:{name}"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    server.httpServer.socket = context.wrap_socket(server.httpServer.socket, server_side=True)
    return server.address.replace("http:", "https:"), str(folder / "certificate.pem")


@needsOpenssl
def test_certificateThatNobodySignedAndOneOfTheHospitalsOwnAuthority(tmp_path, monkeypatch):
    with SmallMonaiLabel() as server:
        address, certificate = overTls(server, tmp_path)
        found = rejection(address)
        assert found.code == "certificate-not-trusted" and "nobody that this machine trusts" in found.message
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate)
        assert [one.code for one in checkNetwork(address)] == ["server-ready"]


@needsOpenssl
def test_certificateForAnotherName(tmp_path, monkeypatch):
    with SmallMonaiLabel() as server:
        address, certificate = overTls(server, tmp_path, name="other.example")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate)
        found = rejection(address)
        assert found.code == "certificate-not-trusted" and "another name" in found.message


def test_proxyThatDoesNotLetThroughIsNamedWithoutItsPassword(monkeypatch):
    monkeypatch.setenv("https_proxy", f"http://me:hidden@127.0.0.1:{freePort()}")
    through, refused = checkNetwork("https://inference.hospital.invalid", limits=QUICK)
    assert (through.code, refused.code) == ("through-proxy", "proxy-failed")
    assert "127.0.0.1" in through.message and "hidden" not in through.message + refused.message


def test_plainAddressOfThisMachineNeverGoesThroughAProxy(monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{freePort()}")
    with SmallMonaiLabel() as server:
        assert [one.code for one in checkNetwork(server.address)] == ["server-ready"]


@pytest.mark.parametrize(("address", "code"), [("http://inference.example", "plain-http"), ("", "bad-server-address"),
                                               ("https://me:secret@a.example", "secret-in-address")])  # fmt: skip
def test_badAddressIsAFindingToo(address, code):
    assert rejection(address).code == code
