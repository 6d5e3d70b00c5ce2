"""Who one is to an archive: user and password (RFC 7617) or a bearer token (RFC 6750), kept where secrets are kept."""

import base64
import dataclasses
import json
import re
import urllib.parse
from pathlib import Path

from .EncryptedFile import readPrivate
from .Errors import GateRefused, InputRefused, StoreFailed, UsageError
from .Files import sha256Bytes
from .Secrets import canKeepSecrets, readSecret, writeSecret

TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")


@dataclasses.dataclass(frozen=True)
class Credentials:
    """User and password, or without a user a bearer token. As ``auth`` of ``requests`` it signs every request.

    :param remembered: whether they were kept from an earlier time
    :raises UsageError: ``bad-archive-credentials``; the message never holds them
    """

    user: str
    secret: str = dataclasses.field(repr=False)
    remembered: bool = dataclasses.field(default=False, compare=False)

    def __post_init__(self):
        if self.user:
            fits = self.secret and ":" not in self.user and (self.user + self.secret).isprintable()
        else:
            fits = TOKEN.fullmatch(self.secret)
        if not fits:
            what = "user name or password" if self.user else "token"
            raise UsageError("bad-archive-credentials", f"The archive's {what} is empty or holds what none can hold.",
                             "Enter it again.")  # fmt: skip

    def __call__(self, request):
        if self.user:
            value = "Basic " + base64.b64encode(f"{self.user}:{self.secret}".encode()).decode()
        else:
            value = f"Bearer {self.secret}"
        request.headers["Authorization"] = value
        return request


def secretFromFile(path):
    """Return the first line of a file that only its owner may read.

    :raises GateRefused: ``key-file-open-to-others``, ``no-archive-secret``
    :raises InputRefused: ``cannot-read``
    """
    lines = (readPrivate(Path(path)) or "").splitlines()
    if not lines:
        raise GateRefused("no-archive-secret", f"There is no password in {path}.", "Put it there, with mode 0600.")
    return lines[0]


def requireKeeping():
    """Check that credentials can be remembered on this machine.

    :raises UsageError: ``no-passphrase``
    """
    if not canKeepSecrets():
        raise UsageError(
            "no-passphrase",
            "There is no keyring on this machine, and no passphrase to encrypt a file with.",
            "Name a passphrase file of mode 0600 in PLANNINGHUB_PASSPHRASE_FILE, or do not remember the password.",
        )


def remember(base, credentials):
    """Keep credentials for an archive, in the OS keyring or an encrypted file; older ones are replaced.

    :param base: the service's URL, as :func:`PlanningHubLib.SourcesDicomWeb.parseAddress` returns it
    :raises UsageError: ``no-passphrase``
    :raises GateRefused: as :func:`PlanningHubLib.Secrets.passphraseFromFile`
    """
    requireKeeping()
    values = {"base": _normal(base), "user": credentials.user, "secret": credentials.secret}
    writeSecret(_name(base), json.dumps(values).encode(), replace=True)


def recall(base):
    """Return the credentials that are kept for an archive, or None.

    :raises GateRefused: as :func:`PlanningHubLib.Secrets.readSecret`
    :raises InputRefused: ``bad-key-file``
    """
    data = readSecret(_name(base))
    if data is None:
        return None
    try:
        values = json.loads(data)
        if values["base"] != _normal(base):
            raise ValueError("of another archive")
        return Credentials(values["user"], values["secret"], remembered=True)
    except (ValueError, KeyError, TypeError):
        raise InputRefused("bad-key-file", "What is kept as the archive's password is none.",
                           "Give it anew, and have it remembered.") from None  # fmt: skip


def accessRefused(host, status, credentials):
    """Return the error of an archive that answered HTTP 401 or 403."""
    if status == 403:
        return StoreFailed("archive-forbidden", f"{host} does not allow this (HTTP 403).",
                           "Ask who runs the archive for the right to search and read.")  # fmt: skip
    if credentials is None:
        return StoreFailed("archive-login-needed", f"{host} wants to know who asks (HTTP 401).",
                           "Give a user name and password, or a token.")  # fmt: skip
    what = "user name and password" if credentials.user else "token"
    what = f"remembered {what}" if credentials.remembered else what
    return StoreFailed("archive-login-refused", f"{host} does not accept the {what} (HTTP 401).",
                       "Check and enter them again; many archives lock a user after a few wrong ones.")  # fmt: skip


def _normal(base):
    url = urllib.parse.urlsplit(base)
    return urllib.parse.urlunsplit((url.scheme, url.netloc.lower(), url.path.rstrip("/"), "", ""))


def _name(base):
    # Names of files and of entries in keyrings are seen by others than the passwords in them.
    return f"archive-{sha256Bytes(_normal(base).encode())[:24]}"
