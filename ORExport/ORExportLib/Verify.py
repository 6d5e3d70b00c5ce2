"""Whether a package is whole, unchanged, of one patient and one side, and approved; needs nothing but its folder."""

from pathlib import Path

from PlanningHubLib.Errors import InputRefused, VerificationFailed, firstRejection
from PlanningHubLib.Progress import noProgress

from .ApprovalsFile import checkApprovals
from .Manifest import FILE_NAME, readManifest
from .PlanFiles import checkPlan
from .SegmentationFile import segmentationFindings
from .VerifyFiles import fileFindings
from .VerifyObjects import objectFindings
from .VerifyOrigin import originFindings
from .VerifyUse import useFindings

OBJECT_NAMES = ("segmentation", "part", "briefing")


def isPackage(folder):
    """Tell whether a folder holds a package, be it one that has lost its manifest."""
    folder = Path(folder)
    return (folder / FILE_NAME).is_file() or any(any(folder.glob(f"PH-*-{name}*.dcm")) for name in OBJECT_NAMES)


def verifyPackage(folder, progress=noProgress, newerStudies=None):
    """Check a package from its folder alone.

    :param newerStudies: as :func:`ORExportLib.Gate.gateFindings` takes it; without it no store is asked
    :returns: list of findings, each naming its files; a package without a rejecting one is whole
    :raises InputRefused: ``no-folder``
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputRefused("no-folder", f"There is no folder {folder}.", "Give the folder of a package.", [folder])
    try:
        manifest = readManifest(folder)
    except VerificationFailed as error:
        return [error.asFinding()]
    findings = [*fileFindings(folder, manifest, progress), *originFindings(folder, manifest)]
    damaged = {file for finding in findings for file in finding.files}
    found, objects = objectFindings(folder, manifest, damaged)
    found = list(found)
    findings += found
    findings += segmentationFindings(folder, manifest, damaged | {file for finding in found for file in finding.files})
    findings += checkPlan(folder, manifest, {str(path) for path in damaged})
    findings += checkApprovals(folder, manifest)
    findings += useFindings(manifest, objects, newerStudies)
    progress(1.0, "Verified")
    return findings


def requireWhole(folder, progress=noProgress):
    """Raise the first rejecting finding of :func:`verifyPackage`.

    :raises VerificationFailed: with the finding's code
    """
    finding = firstRejection(verifyPackage(folder, progress))
    if finding:
        raise VerificationFailed(finding.code, finding.message, finding.action, finding.files)
