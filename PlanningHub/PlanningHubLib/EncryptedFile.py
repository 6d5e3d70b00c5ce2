"""A secret in a file of mode 0600, encrypted under a passphrase: scrypt (RFC 7914) and Fernet of ``cryptography``."""

import base64
import functools
import json
import os
import secrets

from .Errors import GateRefused, InputRefused, UsageError
from .Files import fsyncFolder, namedWriteErrors

FORMAT = "planninghub-secret"
COST, BLOCK_SIZE, PARALLEL = 2**15, 8, 1
# A file that asks for more would take the machine down.
HIGHEST_COST = 2**20
LOWEST_COST = 2
FEWEST_CHARACTERS = 8


def writeEncrypted(path, secret, passphrase, replace=False, cost=COST):
    """Write bytes under a passphrase into a new file; one that is there already is left as it is, unless replaced.

    :param cost: of scrypt; a random secret as passphrase needs no more than the least
    :raises UsageError: ``no-passphrase`` for none, or one under eight characters
    :raises InputRefused: ``cannot-write``, ``disk-full``
    """
    if len(passphrase or "") < FEWEST_CHARACTERS:
        raise UsageError(
            "no-passphrase",
            f"A passphrase of at least {FEWEST_CHARACTERS} characters is needed: there is no keyring on this machine.",
            "Enter it; the command takes it from standard input.",
        )
    from cryptography.fernet import Fernet

    salt = secrets.token_bytes(16)
    token = Fernet(_derived(passphrase, salt, cost)).encrypt(secret).decode()
    values = {"format": FORMAT, "version": 1, "kdf": "scrypt", "cost": cost, "salt": salt.hex(), "token": token}
    writePrivate(path, json.dumps(values, indent=1) + "\n", replace)


def readEncrypted(path, passphrase, remembered=False):
    """Return the bytes in a file.

    :param remembered: keep what is derived from the passphrase for the next time; only for one that lies in a file
        anyway, never for one that a person typed
    :raises InputRefused: ``bad-key-file``
    :raises GateRefused: ``no-passphrase``, ``wrong-passphrase``, ``key-file-open-to-others``
    """
    from cryptography.fernet import Fernet, InvalidToken

    text = readPrivate(path)
    if not passphrase:
        raise GateRefused(
            "no-passphrase", f"{path} is encrypted.", "Give its passphrase on standard input, or in a file."
        )
    try:
        values = json.loads(text)
        salt, cost, token = bytes.fromhex(values["salt"]), int(values["cost"]), values["token"].encode()
        if values["format"] != FORMAT or not LOWEST_COST <= cost <= HIGHEST_COST:
            raise ValueError("another format")
        fernet = Fernet((_remembered if remembered else _derived)(passphrase, salt, cost))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputRefused(
            "bad-key-file", f"The key file {path} does not hold a key.", "Restore it from a backup.", [path]
        ) from error
    try:
        return fernet.decrypt(token)
    except InvalidToken:
        raise GateRefused("wrong-passphrase", f"The passphrase does not open {path}.", "Try again.", [path]) from None


def _derived(passphrase, salt, cost):
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    key = Scrypt(salt=salt, length=32, n=cost, r=BLOCK_SIZE, p=PARALLEL).derive(passphrase.encode())
    return base64.urlsafe_b64encode(key)


@functools.lru_cache(maxsize=8)
def _remembered(passphrase, salt, cost):
    return _derived(passphrase, salt, cost)


def readPrivate(path):
    """Return the text of a file that only its owner may read, or None where there is none.

    :raises GateRefused: ``key-file-open-to-others``
    :raises InputRefused: ``cannot-read``
    """
    try:
        text, mode = path.read_text(encoding="utf-8", errors="replace"), path.stat().st_mode
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputRefused(
            "cannot-read",
            f"The key file {path} cannot be read: {error.strerror}.",
            "Run as the user who owns it.",
            [path],
        ) from error
    if os.name != "nt" and mode & 0o077:
        raise GateRefused(
            "key-file-open-to-others",
            f"The key file {path} can be read by other users.",
            "Find out who read it, then set its mode to 0600.",
            [path],
        )
    return text


def writePrivate(path, text, replace=False):
    """Write a file of mode 0600, whole or not at all; one that is there already is left as it is, unless replaced."""
    with namedWriteErrors(path):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        aside = path.with_name(f".aside-{secrets.token_hex(8)}")
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            try:
                os.replace(aside, path) if replace else os.link(aside, path)
            except FileExistsError:
                pass
            fsyncFolder(path.parent)
        finally:
            aside.unlink(missing_ok=True)
