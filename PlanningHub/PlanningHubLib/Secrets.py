"""The installation's own secret key, from the OS keyring or a file that only its owner may read.

The key never enters a case, a scene, a setting, a log or a command line.
"""

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from .Errors import GateRefused, InputRefused
from .Files import fsyncFolder, namedWriteErrors
from .Requirements import ensure

SERVICE = "PlanningHub"
MASTER_KEY = "case-master-key"
MASTER_KEY_BYTES = 32


def homeFolder():
    """Return the suite's own settings folder: ``PLANNINGHUB_HOME`` or the platform's place for settings."""
    override = os.environ.get("PLANNINGHUB_HOME")
    if override:
        return Path(override)
    if os.name == "nt":
        return Path(os.environ["APPDATA"]) / "PlanningHub"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "planninghub"


class KeyRing:
    """Derives the keys of one installation from its master key.

    :param masterKey: at least 32 bytes
    """

    def __init__(self, masterKey):
        self._masterKey = masterKey

    @classmethod
    def forThisInstallation(cls, create=True):
        """Return the installation's key ring; without ``create``, None where there is no key yet."""
        masterKey = _readMasterKey() or (_createMasterKey() if create else None)
        return cls(masterKey) if masterKey else None

    def mac(self, purpose, data):
        """Return the HMAC-SHA-256 of bytes as hexadecimal text, under the key derived for ``purpose``."""
        key = hmac.new(self._masterKey, purpose.encode(), hashlib.sha256).digest()
        return hmac.new(key, data, hashlib.sha256).hexdigest()

    @property
    def keyId(self):
        """A public name of the key that does not reveal it."""
        return self.mac("key-id", b"")[:16]


def _keyring():
    """Return the OS keyring, or None where there is no usable one."""
    if os.environ.get("PLANNINGHUB_HOME"):
        return None
    ensure("PlanningHubLib")
    import keyring
    from keyring.backends.fail import Keyring as NoKeyring

    return None if isinstance(keyring.get_keyring(), NoKeyring) else keyring


def _keyFile():
    return homeFolder() / f"{MASTER_KEY}.hex"


def _readMasterKey():
    ring = _keyring()
    stored = ring.get_password(SERVICE, MASTER_KEY) if ring else None
    if stored:
        return bytes.fromhex(stored)
    path = _keyFile()
    try:
        text, mode = path.read_text(encoding="ascii"), path.stat().st_mode
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
    return _masterKeyOf(text, path)


def _masterKeyOf(text, path):
    try:
        masterKey = bytes.fromhex(text.strip())
    except ValueError:
        masterKey = b""
    if len(masterKey) < MASTER_KEY_BYTES:
        raise InputRefused(
            "bad-key-file",
            f"The key file {path} does not hold a key.",
            "Restore it from a backup; under a new key patients get other pseudonyms.",
            [path],
        )
    return masterKey


def _createMasterKey():
    masterKey = secrets.token_bytes(MASTER_KEY_BYTES)
    ring = _keyring()
    if ring:
        ring.set_password(SERVICE, MASTER_KEY, masterKey.hex())
    else:
        with namedWriteErrors(_keyFile()):
            _writeKeyFile(_keyFile(), masterKey)
    # Two processes may have created a key at once: what is stored decides.
    return _readMasterKey()


def _writeKeyFile(path, masterKey):
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    aside = path.with_name(f".aside-{secrets.token_hex(8)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(masterKey.hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(aside, path)
        except FileExistsError:
            pass
        fsyncFolder(path.parent)
    finally:
        aside.unlink(missing_ok=True)
