"""HTTP to a hospital's inference server: verified TLS, no redirects, time limits, and every failure in words."""

import contextlib
import dataclasses
import json
import socket
import urllib.parse

from ..ArchiveAccess import recall
from ..Errors import StoreFailed, UsageError
from ..Requirements import ensure
from ..SourcesDicomWeb import isLoopback

FORM = "Give https://host/path (http only for a server on this machine)."
ASK = "Ask who runs the inference server, or the network."
NO_PROXY = "Ask for the server to be reached without a proxy (NO_PROXY)."
CHUNK_BYTES = 1 << 20
MOST_ANSWER_BYTES = 4 << 30
MOST_JSON_BYTES = 16 << 20
UNSIGNED = "nobody that this machine trusts has signed it"
UNTRUSTED = {
    "expired": "it has expired",
    "self-signed": UNSIGNED,
    "self signed": UNSIGNED,
    "unable to get local issuer": UNSIGNED,
    "mismatch": "it is for another name",
    "doesn't match": "it is for another name",
}
# A proxy that answers itself says so in one of these (RFC 9209, RFC 9110 11.7.1, and what large makers write).
PROXY_HEADERS = ("Proxy-Status", "Proxy-Authenticate", "X-Squid-Error", "X-Zscaler-Error", "X-Bluecoat-Via")


@dataclasses.dataclass(frozen=True)
class TimeLimits:
    """Seconds to wait for a connection, for small answers, and for what a model finds (site defaults, no source)."""

    connectSeconds: float = 10.0
    answerSeconds: float = 30.0
    inferSeconds: float = 1800.0


def parseAddress(address):
    """Return a server's base URL, without a slash at its end.

    :raises UsageError: ``bad-server-address``, ``plain-http``, ``secret-in-address``
    """
    text = str(address or "").strip()
    try:
        url = urllib.parse.urlsplit(text)
        host, _port = url.hostname, url.port
    except ValueError:
        host = None
    if not host or url.scheme not in ("http", "https") or url.query or url.fragment or " " in text:
        raise UsageError("bad-server-address", "The inference server's address is not a URL.", FORM)
    if url.username is not None or url.password is not None:
        raise UsageError("secret-in-address", "The inference server's address holds a user name or a password.",
                         "Leave it out: addresses end up in logs and histories.")  # fmt: skip
    if url.scheme == "http" and not isLoopback(host):
        raise UsageError("plain-http", f"Plain HTTP to {host} would show images to the network.", FORM)
    return urllib.parse.urlunsplit((url.scheme, url.netloc, url.path.rstrip("/"), "", ""))


class ServerHttp:
    """Requests to one server. Everything that goes wrong is a ``StoreFailed`` with a name of its own.

    :param base: as :func:`parseAddress` returns it
    :param credentials: :class:`PlanningHubLib.ArchiveAccess.Credentials`; without, those that are remembered, or none
    """

    def __init__(self, base, credentials=None, limits=None):
        ensure("PlanningHubLib")
        import requests

        self.base, self.limits = base, limits or TimeLimits()
        url = urllib.parse.urlsplit(base)
        self.host, self._name, self._isPlain = url.netloc, url.hostname, url.scheme == "http"
        self._port = url.port or (80 if self._isPlain else 443)
        self._credentials = credentials or recall(base)
        self._session = requests.Session()
        # An auth object, even one that adds nothing, keeps requests from looking for passwords in ~/.netrc.
        self._session.auth = self._credentials or (lambda request: request)
        # Plain HTTP is for loopback alone: a proxy from the environment would carry it away from there.
        self._session.trust_env = not self._isPlain
        self._isKnown = False

    def close(self):
        self._session.close()

    def proxy(self):
        """Return host and port of the proxy that requests go through, empty without one; never its password."""
        from requests.utils import get_environ_proxies, select_proxy

        proxies = get_environ_proxies(self.base) if self._session.trust_env else {}
        url = urllib.parse.urlsplit(select_proxy(self.base, proxies) or "")
        return ":".join(str(one) for one in (url.hostname, url.port) if one)

    def requireName(self):
        """Check that the host's name is known; behind a proxy that is the proxy's to find out.

        :raises StoreFailed: ``name-not-resolved``
        """
        if self.proxy():
            return
        try:
            socket.getaddrinfo(self._name, self._port)
        except OSError as error:
            raise self._nameUnknown() from error

    def login(self):
        """Exchange user and password for a token where the server wants one; other servers take them as they are.

        :raises StoreFailed: ``ai-login-refused``, and as :meth:`request`
        """
        if self._isKnown or not self._credentials or not self._credentials.user:
            return
        with self.request("GET", "/auth/", anyStatus=True) as answer:
            says = _asJson(answer) if answer.status_code == 200 else None
        if isinstance(says, dict) and says.get("enabled"):
            form = {"username": self._credentials.user, "password": self._credentials.secret, "grant_type": "password"}
            with self.request("POST", "/auth/token", data=form, anyStatus=True) as answer:
                token = _asJson(answer) if answer.status_code == 200 else None
            if not isinstance(token, dict) or not isinstance(token.get("access_token"), str):
                raise self._loginFailed()
            bearer = f"Bearer {token['access_token']}"
            self._session.auth = lambda request: request.headers.update({"Authorization": bearer}) or request
        self._isKnown = True

    def json(self, path, anyStatus=False):
        """Return the answer to a GET as plain data; with ``anyStatus`` None for one that failed.

        :raises StoreFailed: ``not-monai-label`` where it is no JSON, and as :meth:`request`
        """
        with self.request("GET", path, anyStatus=anyStatus) as answer:
            if answer.status_code != 200:
                return None
            found = _asJson(answer)
        if found is None:
            raise self.notMonaiLabel()
        return found

    @contextlib.contextmanager
    def request(self, method, path, seconds=None, anyStatus=False, **what):
        """Yield the answer, its body not yet read.

        :raises StoreFailed: ``connection-refused``, ``no-answer``, ``server-silent``, ``connection-lost``,
            ``certificate-not-trusted``, ``not-tls``, ``proxy-failed``, ``proxy-answered``, ``ai-login-needed``,
            ``ai-login-refused``, ``ai-forbidden``, ``redirected``, ``not-monai-label``, ``server-failed``
        """
        limits = self.limits
        timeout = (limits.connectSeconds, seconds or limits.answerSeconds)
        with self._inWords(timeout):
            with contextlib.closing(
                self._session.request(
                    method, self.base + path, stream=True, allow_redirects=False, timeout=timeout, **what
                )  # fmt: skip
            ) as answer:
                if not anyStatus and answer.status_code != 200:
                    raise self._statusFailed(answer)
                yield answer

    def _statusFailed(self, answer):
        status = answer.status_code
        if status == 407 or any(name in answer.headers for name in PROXY_HEADERS):
            return StoreFailed("proxy-answered", f"Not {self.host} answered, but the proxy {self.proxy()} between "
                               f"(HTTP {status}).", NO_PROXY)  # fmt: skip
        if status == 401:
            return self._loginFailed()
        if status == 403:
            return StoreFailed("ai-forbidden", f"{self.host} does not allow this user to infer (HTTP 403).", ASK)
        if 300 <= status < 400:
            return StoreFailed("redirected", f"{self.host} sends on to another address: a page for a login, or a "
                               "proxy.", ASK)  # fmt: skip
        if status in (404, 405):
            return self.notMonaiLabel()
        return StoreFailed("server-failed", f"{self.host} failed (HTTP {status}). {_detailOf(answer)}".strip(), ASK)

    def _loginFailed(self):
        if self._credentials is None:
            return StoreFailed("ai-login-needed", f"{self.host} wants to know who asks (HTTP 401).",
                               "Give a user name and password, or a token.")  # fmt: skip
        what = "user name and password" if self._credentials.user else "token"
        return StoreFailed("ai-login-refused", f"{self.host} does not accept the {what}.", "Enter them again.")

    def notMonaiLabel(self):
        return StoreFailed("not-monai-label", f"At {self.base} something answers that is no MONAI Label server.",
                           "Check the address, its port and path.")  # fmt: skip

    @contextlib.contextmanager
    def _inWords(self, timeout):
        from requests import exceptions

        try:
            yield
        except exceptions.SSLError as error:
            raise self._tlsFailed(str(error)) from error
        except exceptions.ProxyError as error:
            raise StoreFailed("proxy-failed", f"The proxy {self.proxy()} does not let through to {self.host}.",
                              NO_PROXY) from error  # fmt: skip
        except exceptions.ConnectTimeout as error:
            raise StoreFailed("no-answer", f"Nobody answers at {self.host} within {timeout[0]:g} s: it is switched "
                              "off, or a firewall is between.", ASK) from error  # fmt: skip
        except exceptions.Timeout as error:
            raise self._silent(timeout) from error
        except (exceptions.RequestException, OSError) as error:
            raise self._connectionFailed(error, timeout) from error

    def _nameUnknown(self):
        return StoreFailed("name-not-resolved", f"The name {self._name} is not known on this network.",
                           "Check its spelling, and that this machine is in the hospital's network.")  # fmt: skip

    def _silent(self, timeout):
        return StoreFailed("server-silent", f"{self.host} took the connection, and then said nothing for "
                           f"{timeout[1]:g} s. It may be busy with another case.", "Try again later.")  # fmt: skip

    def _tlsFailed(self, text):
        if "CERTIFICATE_VERIFY_FAILED" in text or "doesn't match" in text:
            why = next((reason for words, reason in UNTRUSTED.items() if words in text), "it cannot be verified")
            return StoreFailed("certificate-not-trusted", f"The certificate of {self.host} is not trusted: {why}.",
                               "Ask for a valid one; REQUESTS_CA_BUNDLE names a hospital's own authority.")  # fmt: skip
        return StoreFailed("not-tls", f"{self.host} does not speak TLS (https) on this port.", "Check the port.")

    def _connectionFailed(self, error, timeout):
        from urllib3.exceptions import NameResolutionError, NewConnectionError, ReadTimeoutError

        cause = error.args[0] if error.args else None
        cause = getattr(cause, "reason", cause)
        if isinstance(cause, ReadTimeoutError):
            return self._silent(timeout)
        if isinstance(cause, NameResolutionError):
            return self._nameUnknown()
        if isinstance(cause, NewConnectionError):
            return StoreFailed("connection-refused", f"The machine {self.host} refuses the connection, or cannot be "
                               "reached: no server runs on this port.", ASK)  # fmt: skip
        return StoreFailed("connection-lost", f"{self.host} ended the connection before it had answered.", ASK)


def readAll(answer, mostBytes=MOST_ANSWER_BYTES, goOn=lambda: None):
    """Return an answer's body.

    :param goOn: called between pieces; what it raises ends the reading
    :raises StoreFailed: ``server-answer`` where it is longer than any result is
    """
    pieces, count = [], 0
    for piece in answer.iter_content(CHUNK_BYTES):
        goOn()
        count += len(piece)
        if count > mostBytes:
            raise StoreFailed("server-answer", "The server's answer is longer than any result is.", ASK)
        pieces.append(piece)
    return b"".join(pieces)


def _asJson(answer):
    try:
        return json.loads(readAll(answer, MOST_JSON_BYTES))
    except ValueError:
        return None


def _detailOf(answer):
    """What a server says of its failure, one line, as far as it is text."""
    found = _asJson(answer) if "json" in answer.headers.get("Content-Type", "") else None
    detail = found.get("detail") if isinstance(found, dict) else None
    return f"It says: {detail[:200]}" if isinstance(detail, str) and detail.isprintable() else ""
