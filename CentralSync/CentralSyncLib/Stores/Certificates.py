"""Whom a connection trusts and how it shows who it is: TLS 1.2 or newer, verified always."""

import contextlib
import ssl

from PlanningHubLib.EncryptedFile import readPrivate
from PlanningHubLib.Errors import GateRefused, UsageError
from PlanningHubLib.Files import sha256Bytes
from PlanningHubLib.Secrets import readSecret, writeSecret


def tlsContext(settings, purpose=ssl.Purpose.SERVER_AUTH):
    """Return the :class:`ssl.SSLContext` for a store's :class:`.Settings.StoreSettings`.

    Trusted is the authority that the settings name and no other; without one the system's, or those that come with
    ``requests`` where the system has none.

    :param purpose: what the other side's certificate is verified for
    :raises UsageError: ``bad-store-settings`` for a file that is no certificate or key
    :raises GateRefused: ``key-file-open-to-others``, ``no-passphrase``, ``wrong-passphrase``
    """
    authority = settings.certificateAuthority
    try:
        context = ssl.create_default_context(purpose, cafile=str(authority) if authority else None)
    except (ssl.SSLError, OSError):
        raise _bad(settings, "certificateAuthority", authority) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not authority and not _systemHasAuthorities(context):
        import certifi

        context.load_verify_locations(certifi.where())
    if settings.clientCertificate:
        _loadIdentity(context, settings)
    return context


def keepKeyPassphrase(settings, passphrase):
    """Keep the passphrase of a store's client key where secrets are kept, if it opens the key.

    :raises UsageError: ``bad-store-settings``; ``no-passphrase`` where neither a keyring nor a passphrase to encrypt it
        under is there
    :raises GateRefused: ``key-file-open-to-others``, ``wrong-passphrase``
    """
    _loadIdentity(ssl.create_default_context(), settings, passphrase.encode())
    writeSecret(_secretName(_keyOf(settings)), passphrase.encode(), replace=True)


def _systemHasAuthorities(context):
    places = ssl.get_default_verify_paths()
    return bool(places.cafile or places.capath or context.cert_store_stats()["x509_ca"])


def _keyOf(settings):
    return settings.clientKey or settings.clientCertificate


def _loadIdentity(context, settings, given=None):
    key = _keyOf(settings)
    # Refused where others can read the key.
    readPrivate(key)
    asked = []

    def passphrase():
        # Asked for only where the key is encrypted; without an answer OpenSSL would ask on the terminal.
        asked.append(True)
        stored = given or readSecret(_secretName(key))
        if stored is None:
            raise GateRefused("no-passphrase", f"{key} is encrypted.",
                              "Have its passphrase kept for this store first.", [key])  # fmt: skip
        return stored

    try:
        context.load_cert_chain(settings.clientCertificate, settings.clientKey, passphrase)
    except (ssl.SSLError, OSError):
        if asked and _isCertificate(settings.clientCertificate):
            raise GateRefused("wrong-passphrase", f"The passphrase does not open {key}.",
                              "Have the right one kept.", [key]) from None  # fmt: skip
        raise _bad(settings, "clientCertificate or clientKey", key) from None


def _isCertificate(path):
    with contextlib.suppress(ssl.SSLError, OSError):
        ssl.create_default_context(cafile=str(path))
        return True
    return False


def _secretName(keyFile):
    # Names of files and of entries in keyrings are seen by others.
    return f"client-key-{sha256Bytes(str(keyFile.absolute()).encode())[:24]}"


def _bad(settings, what, path):
    return UsageError(
        "bad-store-settings",
        f"The {what} of store {settings.name or settings.address} cannot be used: {path}.",
        "It must be in PEM form, and a key must be that of its certificate.",
        [path],
    )
