"""What keeps the outbox to itself: its keys, and the sealing of what may name a patient."""

import hmac
import secrets

from PlanningHubLib.Audit import canonical

NONCE_BYTES = 12
COUNTER_BYTES = 16
BLOCK_BYTES = 16
_COUNTERS = 1 << (8 * COUNTER_BYTES)


class Seals:
    """The outbox's keys, derived from the installation's; the ciphers are those of the library ``cryptography``.

    :param keyRing: :class:`PlanningHubLib.Secrets.KeyRing`
    """

    def __init__(self, keyRing):
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self.keyId = keyRing.keyId
        self._texts = AESGCM(bytes.fromhex(keyRing.mac("outbox-text", b"")))
        self._payloads = bytes.fromhex(keyRing.mac("outbox-payload", b""))
        self._chain = bytes.fromhex(keyRing.mac("outbox-chain", b""))

    def sealText(self, text):
        """Return a text under AES-256-GCM; an empty one stays empty."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._texts.encrypt(nonce, text.encode("utf-8", "surrogatepass"), None) if text else b""

    def openText(self, sealed):
        """Return the text of :meth:`sealText`.

        :raises ValueError: it was changed, or sealed under another key
        """
        from cryptography.exceptions import InvalidTag

        try:
            nonce, rest = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
            return self._texts.decrypt(nonce, rest, None).decode("utf-8", "surrogatepass") if sealed else ""
        except InvalidTag:
            raise ValueError("a sealed text was changed") from None

    def payloadCipher(self, counter, position=0):
        """Return the AES-256-CTR context that seals or opens a payload from ``position`` on, in bytes.

        :param counter: the 16 random bytes that the payload begins with
        """
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        blocks, within = divmod(position, BLOCK_BYTES)
        start = (int.from_bytes(counter, "big") + blocks) % _COUNTERS
        cipher = Cipher(algorithms.AES(self._payloads), modes.CTR(start.to_bytes(COUNTER_BYTES, "big"))).encryptor()
        cipher.update(b"\0" * within)
        return cipher

    def mac(self, values):
        """Return the HMAC-SHA-256 of JSON values, hexadecimal."""
        return hmac.digest(self._chain, canonical(values).encode(), "sha256").hex()
