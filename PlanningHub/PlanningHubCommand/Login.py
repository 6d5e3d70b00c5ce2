"""The command that keeps what a central store asks for: user and password or token, and a client key's passphrase.

It takes the parsed options and returns (JSON values, report for a person, exit code).
"""

from PlanningHubLib import ArchiveAccess
from PlanningHubLib.Errors import StoreFailed, UsageError

from .ArchiveOptions import readSecret

STORE_HELP = "dicomweb+https://host/path, fhir+https://host/base, dicom://AET@host:port, or a store's name in site.json"
# The store knows who asks, and this user may not search there.
KNOWN = "http-403"


def addCommand(command):
    """Add the command to the parser.

    :param command: function of (name, function, text) that returns the command's own parser
    """
    parser = command("login", login, "keep what a central store asks for, in the keyring or an encrypted file")
    parser.add_argument("--store", required=True, metavar="STORE", help=STORE_HELP)
    parser.add_argument("--user", default="", metavar="NAME", help="without one, the secret is a bearer token")
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--secret-stdin", dest="secretStdin", action="store_true", help="first line of standard input"
    )  # fmt: skip
    place.add_argument("--secret-file", dest="secretFile", metavar="FILE", help="password or token, of mode 0600")
    parser.add_argument(
        "--key-passphrase-file", dest="keyPassphraseFile", metavar="FILE",
        help="passphrase of the clientKey that site.json names for this store, of mode 0600",
    )  # fmt: skip


def login(options, console):
    """Remember what works: a login that the store refuses, or a passphrase that does not open its key, is not kept."""
    from CentralSyncLib.Stores.Settings import storeSettings

    settings = storeSettings(options.store)
    ArchiveAccess.requireKeeping()
    kept = []
    if options.keyPassphraseFile:
        _keepPassphrase(settings, ArchiveAccess.secretFromFile(options.keyPassphraseFile))
        kept.append("key-passphrase")
    if options.user or options.secretStdin or options.secretFile:
        secret = readSecret(options.secretStdin, options.secretFile, "store", "--secret")
        _keepCredentials(settings, ArchiveAccess.Credentials(options.user, secret))
        kept.append("login")
    if not kept:
        raise UsageError("usage", "Nothing is given that could be kept.",
                         "Give --user, --secret-stdin, --secret-file or --key-passphrase-file.")  # fmt: skip
    values = {"store": settings.address, "user": options.user, "kept": kept}
    return values, f"Kept for {settings.address}: {', '.join(kept)}", 0


def _keepPassphrase(settings, passphrase):
    from CentralSyncLib.Stores.Certificates import keepKeyPassphrase

    if not settings.clientCertificate:
        raise UsageError("usage", "site.json names no clientCertificate for this store.", "Name it there first.")
    keepKeyPassphrase(settings, passphrase)


def _keepCredentials(settings, credentials):
    from CentralSyncLib.Stores.Addresses import dicomWebBase, openStore
    from CentralSyncLib.Stores.AddressForms import DICOM_WEB, FHIR, schemeOf

    scheme = schemeOf(settings.address)
    if scheme not in (*DICOM_WEB, *FHIR):
        message = "Only a DICOMweb store and a FHIR server ask who somebody is."
        raise UsageError("usage", message, "Leave out user and password.")
    if scheme in DICOM_WEB:
        try:
            openStore(settings.address, credentials, settings).query("/studies", {"limit": "1"})
        except StoreFailed as error:
            if error.code != KNOWN:
                raise
    # A FHIR server has nothing that everybody may ask for: it says so at the first sending.
    ArchiveAccess.remember(dicomWebBase(settings.address), credentials)
