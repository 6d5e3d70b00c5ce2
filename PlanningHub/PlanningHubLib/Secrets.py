"""Secrets of one installation, from the OS keyring or from files that only their owner may read.

Files are encrypted under a passphrase. Where a machine has neither keyring nor ``PLANNINGHUB_PASSPHRASE_FILE``, the
installation's own key is encrypted under a random one that stays on this machine, outside the settings folder: a copy
of that folder reveals nothing, but whoever runs programs as this user can open it.
A key never enters a case, a scene, a setting, a log or a command line.
"""

import contextlib
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from .EncryptedFile import LOWEST_COST, readEncrypted, readPrivate, writeEncrypted, writePrivate
from .Errors import GateRefused, InputRefused
from .Requirements import ensure

SERVICE = "PlanningHub"
MASTER_KEY = "case-master-key"
MASTER_KEY_BYTES = 32
UNLOCK_FILE = "unlock"


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


def hasKeyring():
    """Tell whether the OS keyring keeps the secrets here."""
    return _keyring() is not None


def passphraseFromFile():
    """Return the passphrase in the file that ``PLANNINGHUB_PASSPHRASE_FILE`` names, or None where it names none.

    :raises GateRefused: ``key-file-open-to-others``, ``no-passphrase`` where the file is missing or empty
    """
    path = os.environ.get("PLANNINGHUB_PASSPHRASE_FILE")
    if not path:
        return None
    passphrase = (readPrivate(Path(path)) or "").strip("\r\n")
    if not passphrase:
        raise GateRefused("no-passphrase", f"There is no passphrase in {path}.", "Put it there, with mode 0600.")
    return passphrase


def readSecret(name, passphrase=None, probe=False):
    """Return a secret's bytes from the OS keyring or its encrypted file, or None where there is none.

    :param probe: only tell whether there is one (True), without opening it
    :raises GateRefused: ``no-passphrase``, ``wrong-passphrase``, ``key-file-open-to-others``
    """
    ring = _keyring()
    stored = ring.get_password(SERVICE, name) if ring else None
    if stored:
        return True if probe else bytes.fromhex(stored)
    path = _secretFile(name)
    if not path.exists():
        return None
    return True if probe else readEncrypted(path, passphrase or passphraseFromFile(), not passphrase)


def canKeepSecrets():
    """Tell whether :func:`writeSecret` needs no passphrase from the user."""
    return hasKeyring() or passphraseFromFile() is not None


def writeSecret(name, secret, passphrase=None, replace=False):
    """Keep a secret in the OS keyring or, where there is none, in an encrypted file of mode 0600; never in plain text.

    :param replace: take the place of an older one in a file too
    :raises UsageError: ``no-passphrase`` where a file is needed and no passphrase is given
    """
    ring = _keyring()
    if ring:
        ring.set_password(SERVICE, name, secret.hex())
    else:
        writeEncrypted(_secretFile(name), secret, passphrase or passphraseFromFile(), replace)


def _secretFile(name):
    return homeFolder() / f"{name}.enc.json"


def _keyFile():
    return homeFolder() / f"{MASTER_KEY}.hex"


def _localFile():
    return homeFolder() / f"{MASTER_KEY}.local.json"


def _unlockFiles():
    """Where the secret that opens the local file may lie: the machine's own folder, else beside it."""
    if os.name == "nt":
        local = Path(os.environ.get("LOCALAPPDATA") or homeFolder()) / "PlanningHub"
    else:
        local = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "planninghub"
    return local / UNLOCK_FILE, homeFolder() / UNLOCK_FILE


def _unlockSecrets():
    """Yield the secrets that may open the local file."""
    for path in _unlockFiles():
        with contextlib.suppress(InputRefused):
            text = (readPrivate(path) or "").strip()
            if text:
                yield text


def _makeUnlockSecret():
    for path in _unlockFiles():
        # A batch user may have no folder of its own.
        with contextlib.suppress(InputRefused):
            writePrivate(path, secrets.token_hex(32) + "\n")
            return readPrivate(path).strip()
    raise InputRefused("cannot-write", f"{_unlockFiles()[-1]} cannot be written.", "Make the settings folder writable.")


def _readLocal(path):
    if not path.exists():
        return None
    for unlock in _unlockSecrets():
        try:
            return readEncrypted(path, unlock, True)
        except GateRefused as error:
            if error.code != "wrong-passphrase":
                raise
    raise GateRefused(
        "key-of-another-machine",
        f"{path} can only be opened by the user and on the machine that made it.",
        f"Bring the file {_unlockFiles()[0]} from there, or restore the settings folder from a backup.",
        [path],
    )


def _readPlain(path):
    """Earlier versions kept the key in plain text where there was nothing to encrypt it under."""
    text = readPrivate(path)
    return None if text is None else _masterKeyOf(text, path)


def _readMasterKey():
    stored = readSecret(MASTER_KEY)
    if stored:
        return _masterKeyOf(stored.hex(), _secretFile(MASTER_KEY))
    for path, read in ((_localFile(), _readLocal), (_keyFile(), _readPlain)):
        masterKey = read(path)
        if masterKey:
            _moveUnderLock(masterKey, path)
            return masterKey
    return None


def _moveUnderLock(masterKey, path):
    """Encrypt a key anew where there is something better to encrypt it under than where it stands."""
    if hasKeyring():
        return
    if passphraseFromFile():
        writeSecret(MASTER_KEY, masterKey)
        moved = readSecret(MASTER_KEY) == masterKey
    else:
        moved = path != _localFile() and _writeLocal(masterKey) == masterKey
    if moved:
        path.unlink(missing_ok=True)


def _writeLocal(masterKey):
    writeEncrypted(_localFile(), masterKey, _makeUnlockSecret(), cost=LOWEST_COST)
    return _readLocal(_localFile())


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
    if canKeepSecrets():
        writeSecret(MASTER_KEY, masterKey)
    else:
        _writeLocal(masterKey)
    # Two processes may have created a key at once: what is stored decides.
    return _readMasterKey()
