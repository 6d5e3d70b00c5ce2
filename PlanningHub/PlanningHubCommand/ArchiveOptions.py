"""The options that say who asks an archive: the secret itself comes from standard input, a 0600 file or the keyring."""

import getpass
import sys

from PlanningHubLib import ArchiveAccess
from PlanningHubLib.Errors import UsageError
from PlanningHubLib.Sources import DICOMWEB
from PlanningHubLib.SourcesDicomWeb import parseAddress


def addArchiveOptions(parser):
    """Add the options to a command that imports."""
    parser.add_argument("--archive-user", dest="archiveUser", default="", metavar="NAME", help="user of the archive")
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--archive-secret-stdin", dest="archiveSecretStdin", action="store_true",
        help="first line of standard input: the user's password, or without a user a bearer token",
    )  # fmt: skip
    place.add_argument("--archive-secret-file", dest="archiveSecretFile", metavar="FILE", help="the same, of mode 0600")
    parser.add_argument(
        "--archive-remember", dest="archiveRemember", action="store_true", help="keep it for this archive, encrypted"
    )


def credentialsOf(options):
    """Return the credentials that the options give, or None; then the remembered ones count.

    :raises UsageError: ``usage``, ``no-archive-secret``, ``bad-archive-credentials``, ``no-passphrase``
    """
    hasSecret = options.archiveSecretStdin or options.archiveSecretFile
    if not (options.archiveUser or hasSecret or options.archiveRemember):
        return None
    if not options.source.lower().startswith(DICOMWEB):
        raise UsageError("usage", "Only an archive is asked for by a user.", "Leave out the options of the archive.")
    parseAddress(options.source)
    if options.archiveRemember:
        ArchiveAccess.requireKeeping()
    return ArchiveAccess.Credentials(options.archiveUser, _secret(options))


def _secret(options):
    if options.archiveSecretStdin:
        return sys.stdin.readline().rstrip("\r\n")
    if options.archiveSecretFile:
        return ArchiveAccess.secretFromFile(options.archiveSecretFile)
    if sys.stdin.isatty():
        return getpass.getpass("Password or token for the archive: ")
    raise UsageError("no-archive-secret", "The archive's password or token is not given.",
                     "Use --archive-secret-stdin or --archive-secret-file.")  # fmt: skip


def rememberWhatWorked(options, credentials):
    """Keep the credentials with which the images were retrieved, if that is wanted."""
    if credentials and options.archiveRemember:
        ArchiveAccess.remember(parseAddress(options.source)[0], credentials)
