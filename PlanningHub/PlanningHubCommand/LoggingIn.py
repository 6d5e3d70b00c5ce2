"""The command that keeps a password, a token or a key's passphrase for a store, where secrets are kept.

It takes the parsed options and returns (JSON values, report for a person, exit code).
"""

from PlanningHubLib import ArchiveAccess
from PlanningHubLib.Errors import UsageError

from .ArchiveOptions import addSecretOptions, secretOf


def addCommand(command):
    """Add the command to the parser.

    :param command: function of (name, function, text) that returns the command's own parser
    """
    text = "keep the password or token for a store or endpoint, in the keyring or encrypted"
    keeping = command("login", login, text)
    keeping.add_argument("store", metavar="STORE", help="dicomweb+https://, fhir+https://, or a name in site.json")
    keeping.add_argument("--user", dest="archiveUser", default="", metavar="NAME", help="without: it is a token")
    keeping.add_argument(
        "--client-key", dest="clientKey", action="store_true",
        help="keep the passphrase of the clientKey that site.json names for the store instead",
    )  # fmt: skip
    addSecretOptions(keeping)


def login(options, console):
    """Keep the secret; say for what."""
    from CentralSyncLib.Stores.AddressForms import DICOM_WEB, FHIR, dicomWebBase, schemeOf
    from CentralSyncLib.Stores.Certificates import rememberKeyPassphrase
    from CentralSyncLib.Stores.Settings import storeSettings

    settings = storeSettings(options.store)
    ArchiveAccess.requireKeeping()
    if options.clientKey:
        key = settings.clientKey or settings.clientCertificate
        if key is None:
            raise UsageError("bad-store-settings", f"site.json names no clientKey of {settings.address}.", "Add it.")
        rememberKeyPassphrase(key, secretOf(options))
    elif schemeOf(settings.address) in (*DICOM_WEB, *FHIR):
        credentials = ArchiveAccess.Credentials(options.archiveUser, secretOf(options))
        ArchiveAccess.remember(dicomWebBase(settings.address), credentials)
    else:
        raise UsageError("usage", f"{settings.address} asks for no user.", "Give a store that is reached by HTTPS.")
    kept = "passphrase" if options.clientKey else "password" if options.archiveUser else "token"
    return {"store": settings.address, "kept": kept, "findings": []}, f"{kept} kept for {settings.address}", 0
