"""HTTP as a store of patient data needs it: verified TLS, time limits, no redirects, failures in words."""

import contextlib
import dataclasses
import time

from PlanningHubLib.Errors import StoreFailed

CHUNK_BYTES = 1 << 20


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

    :param auth: credentials (a ``requests`` auth object); never taken from the address
    """

    def __init__(self, host, plain, connections, limits=None, auth=None):
        import requests
        from requests.adapters import HTTPAdapter

        self.host = host
        self.limits = limits or TimeLimits()
        self._session = requests.Session()
        # An auth object, even one that adds nothing, keeps requests from looking for passwords in ~/.netrc.
        self._session.auth = auth or (lambda request: request)
        # Plain HTTP is for loopback alone: a proxy from the environment would carry it away from there.
        self._session.trust_env = not plain
        self._session.headers["Accept-Encoding"] = "identity"
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=connections, max_retries=0)
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, adapter)

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
        except exceptions.SSLError as error:
            raise StoreFailed(
                "store-untrusted",
                f"The certificate of {self.host} could not be verified, so nothing was sent.",
                "Ask who runs the store for a valid certificate; verification cannot be switched off.",
            ) from error
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
        if isinstance(error, ProxyError) or isinstance(cause, NewConnectionError):
            return self._unreachable("cannot be reached")
        if isinstance(cause, ReadTimeoutError):
            return self._silent()
        return StoreFailed(
            "connection-lost", f"{self.host} ended the connection before the answer was complete.", "Sync again."
        )

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
