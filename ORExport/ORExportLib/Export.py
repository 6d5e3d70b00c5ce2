"""Saving a package outside its case: copied, forced onto the medium, read back from there, and only then in place."""

from pathlib import Path

from PlanningHubLib import Approval, Consent
from PlanningHubLib.Errors import GateRefused
from PlanningHubLib.Files import stagedFolder
from PlanningHubLib.Progress import noProgress, part

from . import Verify
from .Gate import PURPOSE
from .Media import copyOnto, forgetCached, namedMediumErrors


def exportPackage(case, package, outFolder, progress=noProgress):
    """Copy a package into a folder that is empty or does not exist, and verify the copy; the case records that it left.

    The copy lies beside its place until it was read back: what is in place is whole.

    :param case: open for writing
    :raises GateRefused: ``stale-package``, ``no-consent``; ``not-approved`` where it says approved and no longer is
    :raises InputRefused: ``already-there``, ``disk-full``, ``cannot-write``, ``medium-removed``
    :raises VerificationFailed: when the copy is not the package
    """
    if case.state(package, readFiles=False) == "stale":
        raise GateRefused(
            "stale-package",
            "The package is stale: what it was made from, or its approval, has changed since.",
            "Make the package again.",
        )
    if package.facts["approved"]:
        Approval.requireHolding(case, [case.graph.current(link.id) for link in package.parents])
    Consent.requireConsent(case, PURPOSE)
    files = {name: case.path(package, name) for name in package.files}
    with stagedFolder(outFolder) as folder:
        Consent.release(case, PURPOSE, f"folder {Path(outFolder).absolute()}", [package])
        with namedMediumErrors(outFolder, folder):
            copyOnto(files, folder, part(progress, 0.0, 0.5))
            forgetCached(folder)
            Verify.requireWhole(folder, part(progress, 0.5, 1.0))
    return Path(outFolder)
