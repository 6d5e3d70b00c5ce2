"""HTTP as a store of patient data needs it: verified TLS, time limits, no redirects, failures in words."""

import contextlib
import dataclasses
import email.utils
import ssl
import time
import urllib.parse

from PlanningHubLib.Errors import StoreFailed

from .Certificates import tlsContext

CHUNK_BYTES = 1 << 20
MOST_WAIT_SECONDS = 24 * 3600
# Connections that were cut, which is no matter of trust.
LOST = (ssl.SSLEOFError, ssl.SSLSyscallError, ssl.SSLZeroReturnError)


class StoreBusy(StoreFailed):
    """A store that answers, and cannot do it now. ``waitSeconds``: how long it asks to be left alone, 0 if it does not
    say."""

    def __init__(self, code, message, action, waitSeconds):
        super().__init__(code, message, action)
        self.waitSeconds = waitSeconds


def retryAfter(headers, now=time.time):
    """Return the seconds that ``Retry-After`` asks for (RFC 9110 10.2.3: seconds or a date); 0 without one."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        # Longer numbers than any wait are no numbers.
        return float(min(int(value[:9]), MOST_WAIT_SECONDS))
    until = _seconds(value)
    if until is None:
        return 0.0
    # The store's own clock, where it tells it, since ours may differ.
    begin = _seconds(headers.get("Date", ""))
    return min(max(0.0, until - (now() if begin is None else begin)), float(MOST_WAIT_SECONDS))


def _seconds(date):
    try:
        return email.utils.parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


class TooLong(Exception):
    """An answer has more bytes than it can have."""


@dataclasses.dataclass(frozen=True)
class TimeLimits:
    """Seconds to wait for a connection, for the next bytes, and the slowest transfer that still counts as alive."""

    connectSeconds: float = 10.0
    silenceSeconds: float = 60.0
    slowestBytesPerSecond: float = 20_000.0

    def total(self, byteCount):
        """Seconds that an answer of that many bytes may take in all."""
        return self.silenceSeconds + byteCount / self.slowestBytesPerSecond


class Http:
    """Requests to one host over a few kept connections. Safe for as many threads as there are connections.

    :param base: the service's URL, ``https://host/path`` (or plain HTTP on loopback)
    :param settings: :class:`.Settings.StoreSettings`: certificates, proxy, connections
    :param auth: credentials (a ``requests`` auth object); never taken from the address
    :raises UsageError: as :func:`.Certificates.tlsContext`
    :raises GateRefused: as :func:`.Certificates.tlsContext`
    """

    def __init__(self, base, settings, limits=None, auth=None):
        import requests

        url = urllib.parse.urlsplit(base)
        self.host = url.netloc
        self.limits = limits or TimeLimits()
        self._proxy = settings.proxy
        self._session = requests.Session()
        # An auth object, even one that adds nothing, keeps requests from looking for passwords in ~/.netrc.
        self._session.auth = auth or (lambda request: request)
        # Plain HTTP is for loopback alone: a proxy from the environment would carry it away from there.
        self._session.trust_env = url.scheme != "http"
        self._session.headers["Accept-Encoding"] = "identity"
        # A path keeps requests from adding authorities that the environment names.
        self._authority = str(settings.certificateAuthority) if settings.certificateAuthority else True
        self._session.mount("http://", _adapter(settings.connections))
        if url.scheme == "https":
            self._session.mount("https://", _adapter(settings.connections, tlsContext(settings)))

    @contextlib.contextmanager
    def request(self, method, url, headers, body=None):
        """Yield the answer, its body not yet read.

        :raises StoreFailed: ``store-unreachable`` (nobody listens), ``store-untrusted`` (TLS), ``store-silent`` (time
            limit), ``connection-lost``
        """
        limits = self.limits
        with self._inWords():
            answer = self._session.request(
                method,
                url,
                headers=headers,
                data=body,
                stream=True,
                allow_redirects=False,
                verify=self._authority,
                proxies={"http": self._proxy, "https": self._proxy} if self._proxy else None,
                timeout=(limits.connectSeconds, limits.silenceSeconds),
            )
            with contextlib.closing(answer):
                yield answer

    def chunks(self, answer, mostBytes):
        """Yield the answer's body.

        :raises TooLong: it has more than ``mostBytes``
        :raises StoreFailed: ``store-silent``, when it takes longer than so many bytes may
        """
        end = time.monotonic() + self.limits.total(mostBytes)
        count = 0
        for chunk in answer.iter_content(CHUNK_BYTES):
            count += len(chunk)
            if count > mostBytes:
                raise TooLong()
            yield chunk
            if time.monotonic() > end:
                raise StoreFailed("store-silent", f"{self.host} answers too slowly.", "Check the network.")

    def close(self):
        self._session.close()

    @contextlib.contextmanager
    def _inWords(self):
        from requests import exceptions

        try:
            yield
        except exceptions.ConnectTimeout as error:
            raise self._unreachable(f"did not accept a connection within {self.limits.connectSeconds:g} s") from error
        except exceptions.Timeout as error:
            raise self._silent() from error
        except (exceptions.RequestException, OSError) as error:
            raise self._connectionFailed(error) from error

    def _connectionFailed(self, error):
        from requests.exceptions import ProxyError
        from urllib3.exceptions import NewConnectionError, ReadTimeoutError

        cause = error.args[0] if error.args else None
        cause = getattr(cause, "reason", cause)
        if isinstance(error, ProxyError):
            return self._unreachable("cannot be reached through the proxy")
        if isinstance(cause, NewConnectionError):
            return self._unreachable("cannot be reached")
        if isinstance(cause, ReadTimeoutError):
            return self._silent()
        if any(isinstance(one, ssl.SSLError) and not isinstance(one, LOST) for one in _causes(error)):
            return self._untrusted(error)
        return StoreFailed(
            "connection-lost", f"{self.host} ended the connection before the answer was complete.", "Sync again."
        )

    def _untrusted(self, error):
        words = " ".join(str(one) for one in _causes(error)).lower()
        if any(isinstance(one, ssl.SSLCertVerificationError) for one in _causes(error)):
            what = f"The certificate of {self.host} could not be verified, so nothing was sent."
            action = "Ask who runs the store for a valid certificate; verification cannot be switched off."
        elif "version" in words or "unsupported protocol" in words:
            what = f"{self.host} speaks only versions of TLS that are no longer safe, so nothing was sent."
            action = "Ask who runs the store for TLS 1.2 or newer."
        elif "alert" in words:
            what = f"{self.host} does not accept this workstation's certificate, or it has none."
            action = "Ask who runs the store for one, and name it in site.json (clientCertificate, clientKey)."
        else:
            what = f"No secure connection to {self.host} came about, so nothing was sent."
            action = "Ask who runs the store whether it speaks TLS at this address."
        return StoreFailed("store-untrusted", what, action)

    def _unreachable(self, how):
        return StoreFailed(
            "store-unreachable", f"{self.host} {how}.", "Check the network and that the store runs, then sync again."
        )

    def _silent(self):
        return StoreFailed(
            "store-silent",
            f"{self.host} was silent for {self.limits.silenceSeconds:g} s.",
            "Check the store and the network, then sync again.",
        )


def _causes(error):
    """Yield an exception and what it was made from, by whatever way libraries pass it on."""
    pending, seen = [error], []
    while pending:
        one = pending.pop()
        if isinstance(one, BaseException) and one not in seen:
            seen.append(one)
            pending += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
    return seen


def _adapter(connections, context=None):
    """Return a ``requests`` adapter; with a TLS context, one that trusts what this trusts."""
    from requests.adapters import HTTPAdapter

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *arguments, **keywords):
            super().init_poolmanager(*arguments, **keywords, **_contexts(ssl_context=context))

        def proxy_manager_for(self, proxy, **keywords):
            contexts = _contexts(ssl_context=context, proxy_ssl_context=context)
            return super().proxy_manager_for(proxy, **keywords, **contexts)

        def cert_verify(self, connection, url, verify, cert):
            # Else requests would add its own authorities.
            if not context or verify is not True:
                super().cert_verify(connection, url, verify, cert)

    return Adapter(pool_connections=1, pool_maxsize=connections, max_retries=0)


def _contexts(**contexts):
    return {name: context for name, context in contexts.items() if context}
