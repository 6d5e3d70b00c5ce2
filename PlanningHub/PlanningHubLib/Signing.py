"""Signatures of named users: Ed25519 (RFC 8032) over one canonical text, checked with nothing but what was signed.

The suite invents no cipher: keys and signatures are those of the library ``cryptography``.
"""

import dataclasses
import hashlib

from .Audit import canonical
from .Errors import GateRefused, InputRefused, UsageError
from .Requirements import ensure
from .Secrets import canKeepSecrets, readSecret, writeSecret

# Signed with every statement, so that a signature made for something else never counts as one of these.
DOMAIN = b"planninghub-statement-1\n"
KEY_BYTES = 32


@dataclasses.dataclass(frozen=True)
class UserKey:
    """The signing key of one user; its text never shows the secret."""

    user: str
    secret: bytes = dataclasses.field(repr=False)

    @property
    def publicKey(self):
        """The public key, 64 hexadecimal digits."""
        return _private(self.secret).public_key().public_bytes_raw().hex()

    @property
    def fingerprint(self):
        return fingerprintOf(self.publicKey)

    def sign(self, statement):
        """Return statement, publicKey, fingerprint and signature, which verify on their own."""
        signature = _private(self.secret).sign(_message(statement)).hex()
        return {
            "statement": statement,
            "publicKey": self.publicKey,
            "fingerprint": self.fingerprint,
            "signature": signature,
        }


def _private(secret):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(secret)


def _message(statement):
    return DOMAIN + canonical(statement).encode()


def fingerprintOf(publicKey):
    """Return the SHA-256 of a public key, hexadecimal: what people compare."""
    return hashlib.sha256(bytes.fromhex(publicKey)).hexdigest()


def shortFingerprint(fingerprint):
    """Return the first 16 digits of a fingerprint in groups of four, as it is printed."""
    return " ".join(fingerprint[place : place + 4] for place in range(0, 16, 4))


def isTrue(signed):
    """Tell whether a signed statement is what its key signed, and the fingerprint is the key's."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signed["publicKey"]))
        key.verify(bytes.fromhex(signed["signature"]), _message(signed["statement"]))
        return fingerprintOf(signed["publicKey"]) == signed["fingerprint"]
    except (InvalidSignature, ValueError, KeyError, TypeError):
        return False


def createKey(user, passphrase=None):
    """Create the signing key of a user and keep it; return it. An existing key is never replaced.

    :param passphrase: encrypts the key file; not needed where the OS keyring keeps the key
    :raises UsageError: ``bad-user-name``, ``no-passphrase``
    :raises GateRefused: ``key-exists``
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    ensure("PlanningHubLib")
    if readSecret(_secretName(user), passphrase, probe=True):
        raise GateRefused("key-exists", f"{user} has a signing key here already.", "Use it; ask for its passphrase.")
    key = UserKey(user, Ed25519PrivateKey.generate().private_bytes_raw())
    writeSecret(_secretName(user), key.secret, passphrase)
    return loadKey(user, passphrase)


def loadKey(user, passphrase=None):
    """Return the signing key of a user.

    :raises InputRefused: ``no-signing-key``, ``bad-key-file``
    :raises GateRefused: ``wrong-passphrase``, ``key-file-open-to-others``
    """
    ensure("PlanningHubLib")
    secret = readSecret(_secretName(user), passphrase)
    if secret is None:
        raise InputRefused(
            "no-signing-key",
            f"{user} has no signing key here.",
            "Make one (page Approval, or command approve), then have it entered in the site's configuration.",
        )
    return UserKey(user, secret)


def needsPassphrase(user, makeKey=False):
    """Tell whether a passphrase must be asked for: there is no keyring and no file that gives it."""
    if canKeepSecrets():
        return False
    return makeKey or bool(readSecret(_secretName(user), probe=True))


def _secretName(user):
    if not user or len(user) > 64 or not all(character.isalnum() or character in ".-_@" for character in user):
        raise UsageError(
            "bad-user-name", f"{user!r} is no user name.", "Use letters, digits, dots, hyphens, up to 64 of them."
        )
    return f"signing-key-{user}"
