"""The keys of the exchange: this installation's own pair, and key files as age's own programs write them."""

from pathlib import Path

from PlanningHubLib.EncryptedFile import readPrivate
from PlanningHubLib.Errors import GateRefused, InputRefused
from PlanningHubLib.Files import requireClosed, writeAside
from PlanningHubLib.Requirements import ensure
from PlanningHubLib.Secrets import canKeepSecrets, homeFolder, readSecret, writeSecret
from PlanningHubLib.Site import Site

from .Sealing import isSealed

SECRET = "exchange-key"
PUBLIC_FILE = "exchange-key.public"


def partnerOf(name, site=None):
    """Return what the site's configuration says of a partner.

    :raises GateRefused: ``unknown-partner``; nothing is ever encrypted to anybody else
    """
    site = site or Site.forThisInstallation()
    found = next((one for one in site.partners if one["name"] == name), None)
    if found is None:
        known = ", ".join(one["name"] for one in site.partners) or "nobody"
        raise GateRefused(
            "unknown-partner",
            f"{name} is not a partner of this site; it has {known}.",
            f"Have name and public key entered in {site.path}, after comparing the key by voice.",
        )
    return found


def makeKey(passphrase=None):
    """Make this installation's key pair, to which partners encrypt their answers; return the public key.

    :param passphrase: encrypts the private part's file; not needed where the OS keyring keeps it
    :raises GateRefused: ``key-exists``
    :raises UsageError: ``no-passphrase``
    """
    ensure("CentralSyncLib")
    import pyrage

    if readSecret(SECRET, passphrase, probe=True):
        raise GateRefused("key-exists", "There is a key for the exchange already.", "Use it; partners have it.")
    writeSecret(SECRET, str(pyrage.x25519.Identity.generate()).encode(), passphrase)
    (identity,) = _ownIdentities(passphrase)
    writeAside(homeFolder() / PUBLIC_FILE, f"{identity.to_public()}\n".encode())
    return str(identity.to_public())


def ownPublicKey():
    """Return the public key of this installation, or None where no pair was made.

    :raises GateRefused: ``site-file-open-to-others``
    """
    path = homeFolder() / PUBLIC_FILE
    if not path.is_file():
        return None
    requireClosed(path)
    return path.read_text(encoding="ascii").strip()


def needsPassphrase(keyFile=None):
    """Tell whether a passphrase must be asked for before the private key can be used."""
    if keyFile:
        return Path(keyFile).is_file() and isSealed(keyFile)
    return not canKeepSecrets()


def identitiesOf(keyFile=None, passphrase=None):
    """Return the library's private keys of a key file, or of this installation.

    :param keyFile: as ``age-keygen`` writes it, of mode 0600; may itself be encrypted under a passphrase
    :raises InputRefused: ``no-exchange-key``, ``bad-key-file``, ``cannot-read``
    :raises GateRefused: ``no-passphrase``, ``wrong-passphrase``, ``key-file-open-to-others``
    """
    ensure("CentralSyncLib")
    return _identitiesIn(Path(keyFile), passphrase) if keyFile else _ownIdentities(passphrase)


def _ownIdentities(passphrase):
    secret = readSecret(SECRET, passphrase)
    if secret is None:
        raise InputRefused("no-exchange-key", "This installation has no key for the exchange.", "Make one first.")
    return _parsed(secret.decode(errors="replace"), "what is kept as the key for the exchange")


def _identitiesIn(path, passphrase):
    # Its mode is looked at first.
    text = readPrivate(path)
    if text is None:
        raise InputRefused("bad-key-file", f"{path} is not there.", "Choose the key file.", [path])
    if isSealed(path):
        text = _opened(path, passphrase)
    return _parsed(text, path)


def _opened(path, passphrase):
    import pyrage

    if not passphrase:
        raise GateRefused("no-passphrase", f"{path} is encrypted.", "Give its passphrase on standard input.", [path])
    try:
        return pyrage.passphrase.decrypt(path.read_bytes(), passphrase).decode(errors="replace")
    except pyrage.DecryptError:
        raise GateRefused("wrong-passphrase", f"The passphrase does not open {path}.", "Try again.", [path]) from None


def _parsed(text, where):
    import pyrage

    lines = [line.strip() for line in text.splitlines()]
    try:
        found = [pyrage.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except pyrage.IdentityError:
        found = []
    if not found:
        raise InputRefused("bad-key-file", f"In {where} there is no private key of age.", "Restore it from a backup.")
    return found
