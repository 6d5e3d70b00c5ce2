"""The command that makes the operating-room package, and what it and ``verify`` say of one.

It takes the parsed options and returns (JSON values, report for a person, exit code).
"""

import functools
from pathlib import Path

from . import Chain
from .Console import resultReport


def addCommand(command):
    """Add the command to the parser.

    :param command: function of (name, function, text) that returns the command's own parser
    """
    packing = command("package", package, "make the operating-room package")
    packing.add_argument("--case", required=True, metavar="DIR")
    packing.add_argument(
        "--out", required=True, metavar="DIR", help="a new or empty folder, for example on a USB stick"
    )
    packing.add_argument("--approved", action="store_true", help="refuse to make one that is not approved")
    packing.add_argument(
        "--leave-out", dest="leaveOut", action="append", default=[], metavar="NAME",
        help="a content that is not wanted, such as derived-ct or viewer; may be given several times",
    )  # fmt: skip
    packing.add_argument("--views", metavar="FILE", help="keep the views of this file in the case as the agreed ones")
    packing.add_argument("--store", metavar="STORE", help="ask this store whether the patient was examined again")


def package(options, console):
    """Make the package; its findings are what the gate has found."""
    result = Chain.makePackage(
        options.case, options.out, console.progress("package"), options.approved, options.leaveOut,
        options.views, newerStudiesOf(options.store),
    )  # fmt: skip
    return result, resultReport(result), 0


def newerStudiesOf(store):
    """Return the function that asks a store for newer studies of a patient; None without a store.

    :raises UsageError: as :func:`CentralSyncLib.Stores.Addresses.openStore`
    """
    if not store:
        return None
    from CentralSyncLib.Records import NewerStudies
    from CentralSyncLib.Stores import Addresses

    Addresses.openStore(store)
    return functools.partial(NewerStudies.newerStudies, store)


def saidOfPackage(folder):
    """Return what the manifest of a whole package says of its use: ``approved``, what was left out, what was warned of.

    :param folder: of a package that was verified
    """
    from ORExportLib.Manifest import readManifest

    manifest = readManifest(Path(folder))
    names = {"intendedUse": "intended_use", "sourceDate": "scan_date", "leftOut": "left_out", "gate": "gate"}
    return {"approved": manifest["approved"], **{name: manifest[key] for key, name in names.items() if key in manifest}}
