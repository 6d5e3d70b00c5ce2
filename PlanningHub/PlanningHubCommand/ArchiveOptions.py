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
    secret = readSecret(options.archiveSecretStdin, options.archiveSecretFile, "archive", "--archive-secret")
    return ArchiveAccess.Credentials(options.archiveUser, secret)


def readSecret(fromInput, file, whose, option):
    """Return a password or token from standard input, from a file of mode 0600, or from whoever sits at the terminal.

    :param whose: archive or store, for the words
    :param option: how the two options begin
    :raises UsageError: ``no-archive-secret``
    """
    if fromInput:
        return sys.stdin.readline().rstrip("\r\n")
    if file:
        return ArchiveAccess.secretFromFile(file)
    if sys.stdin.isatty():
        return getpass.getpass(f"Password or token for the {whose}: ")
    raise UsageError("no-archive-secret", f"The {whose}'s password or token is not given.",
                     f"Use {option}-stdin or {option}-file.")  # fmt: skip


def rememberWhatWorked(options, credentials):
    """Keep the credentials with which the images were retrieved, if that is wanted."""
    if credentials and options.archiveRemember:
        ArchiveAccess.remember(parseAddress(options.source)[0], credentials)
