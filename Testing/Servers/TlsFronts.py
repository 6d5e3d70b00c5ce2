"""Real nginx in front of a test's server, once for each way in which TLS can be wrong, all on loopback."""

import dataclasses
import datetime
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import trustme

from .OrthancServer import freePort
from .ShippedStore import listens, nginxProgram

DAY = datetime.timedelta(days=1)


@dataclasses.dataclass(frozen=True)
class Identity:
    """A certificate with its chain, and its key, as PEM."""

    certificate: bytes
    key: bytes


def issued(authority, *names, **options):
    """An identity of a trustme authority; options as :meth:`trustme.CA.issue_cert` takes them."""
    made = authority.issue_cert(*names, key_type=trustme.KeyType.RSA, **options)
    return Identity(b"".join(blob.bytes() for blob in made.cert_chain_pems), made.private_key_pem.bytes())


def selfSigned(name="localhost"):
    """An identity that vouches for itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    serial = x509.random_serial_number()
    built = x509.CertificateBuilder(subject, subject, key.public_key(), serial, now - DAY, now + DAY)
    built = built.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    certificate = built.sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    plain = key.private_bytes(pem, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    return Identity(certificate.public_bytes(pem), plain)


@dataclasses.dataclass(frozen=True)
class Front:
    """One port of the terminator: its identity, and further lines of nginx's configuration."""

    identity: Identity
    lines: str = ""


class TlsFronts:
    """Context manager around one nginx with a port for each front; behind them all, the server at ``url``.

    ``fronts``: name to :class:`Front`.
    """

    def __init__(self, url, fronts):
        self.folder = Path(tempfile.mkdtemp(prefix="planninghub-tls-"))
        self._url = url
        self.ports = {name: freePort() for name in fronts}
        servers = "".join(self._server(name, front) for name, front in fronts.items())
        (self.folder / "nginx.conf").write_text(
            f"worker_processes 1; pid {self.folder}/nginx.pid; error_log {self.folder}/error.log;\n"
            "events {}\nhttp {\n"
            'log_format asked escape=json \'{"method":"$request_method","status":"$status",'
            '"bytes":"$request_length"}\';\n'
            + "".join(f"{kind}_temp_path {self.folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi"))
            + f"uwsgi_temp_path {self.folder}/uwsgi; scgi_temp_path {self.folder}/scgi; client_max_body_size 0;\n"
            + f"{servers}}}\n"
        )
        self._process = None

    def __enter__(self):
        try:
            return self._start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *exception):
        self.close()

    def address(self, name):
        """The store address that ``openStore`` takes."""
        return f"dicomweb+https://localhost:{self.ports[name]}/dicom-web"

    def asked(self, name):
        """What came through TLS at a front: dictionaries with ``method``, ``status`` and ``bytes``."""
        return [json.loads(line) for line in (self.folder / f"{name}.log").read_text().splitlines()]

    def close(self):
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self):
        command = [nginxProgram(), "-c", self.folder / "nginx.conf", "-e", self.folder / "start.log"]
        extra = "daemon off;" + (" user root;" if os.geteuid() == 0 else "")
        with open(self.folder / "nginx.log", "ab") as log:
            self._process = subprocess.Popen([*map(str, command), "-g", extra], stdout=log, stderr=log)
        end = time.monotonic() + 30
        while not all(map(listens, self.ports.values())):
            if self._process.poll() is not None or time.monotonic() > end:
                words = "".join(path.read_text() for path in self.folder.glob("*.log"))
                raise RuntimeError(f"nginx did not start:\n{words[-2000:]}")
            time.sleep(0.02)
        return self

    def _server(self, name, front):
        certificate, key = (self.folder / f"{name}.{kind}" for kind in ("pem", "key"))
        certificate.write_bytes(front.identity.certificate)
        key.touch(mode=0o600)
        key.write_bytes(front.identity.key)
        return (
            f"server {{ listen 127.0.0.1:{self.ports[name]} ssl; ssl_certificate {certificate}; "
            f"ssl_certificate_key {key}; access_log {self.folder}/{name}.log asked;\n{front.lines}\n"
            f"location / {{ proxy_pass {self._url}; proxy_http_version 1.1; }} }}\n"
        )


def stunnelProgram():
    """Path of stunnel, or None."""
    return shutil.which("stunnel4") or shutil.which("stunnel")


class Stunnel:
    """Context manager around one stunnel in front of a server that hears only whom ``clients`` vouches for."""

    def __init__(self, behind, identity, clients, folder):
        self._port, self._folder = freePort(), folder
        pem = folder / "stunnel.pem"
        pem.touch(mode=0o600)
        pem.write_bytes(identity.key + identity.certificate)
        clients.cert_pem.write_to_path(folder / "accepted.pem")
        (folder / "stunnel.conf").write_text(
            f"foreground = yes\npid =\ncert = {pem}\nCAfile = {folder}/accepted.pem\nverifyChain = yes\n"
            f"requireCert = yes\nsslVersionMin = TLSv1.2\n[store]\naccept = 127.0.0.1:{self._port}\n"
            f"connect = {behind.url.removeprefix('http://')}\n"
        )

    def __enter__(self):
        with open(self._folder / "stunnel.log", "ab") as log:
            command = [stunnelProgram(), self._folder / "stunnel.conf"]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        end = time.monotonic() + 30
        while not listens(self._port):
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError((self._folder / "stunnel.log").read_text()[-2000:])
            time.sleep(0.02)
        return self._port

    def __exit__(self, *exception):
        self._process.kill()
        self._process.wait()
