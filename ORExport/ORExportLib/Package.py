"""The package step: everything an operating room needs of a case, in one folder that can be verified on its own."""

import datetime
import shutil
from pathlib import Path

from PlanningHubLib import Approval, Consent
from PlanningHubLib.Errors import GateRefused, UsageError
from PlanningHubLib.Files import stagedFolder, writeAside
from PlanningHubLib.Progress import noProgress, part
from PlanningHubLib.Repair import repairFacts
from PlanningHubLib.Requirements import ensure
from PlanningHubLib.Software import versions

from . import ApprovalsFile, Manifest, PlanFiles, Verify
from .Content import Content
from .Dicom import EncapsulatedObj, ModelObjects, SegmentationObject
from .Dicom.DerivedObject import Making
from .Inputs import requireInputs
from .Pages import BriefingPages
from .Viewer import Viewer
from .Writer import Writer

PURPOSE = "or-package"
# What writes the files, in its order, each with its share of the time and the name by which it can be left out.
CONTRIBUTORS = (
    (SegmentationObject, 3, None),
    (ModelObjects, 3, None),
    (EncapsulatedObj, 1, "assembly"),
    (PlanFiles, 1, None),
    (BriefingPages, 4, None),
    (Viewer, 3, "viewer"),
    (ApprovalsFile, 1, None),
)


def optionalContents():
    """Return the names of what a package can do without."""
    return tuple(name for _module, _share, name in CONTRIBUTORS if name)


def makePackage(case, session, user=None, progress=noProgress, requireApproved=False, leaveOut=(), views=()):
    """Make the operating-room package of a case's current source, segmentation and parts, verified before it counts.

    Parts that were made from a plan bring their plan. The package is approved where approvals that hold cover all of
    them; otherwise every page, picture, object and file name says that it is not.

    :param requireApproved: refuse to make one that is not approved
    :param leaveOut: names of :func:`optionalContents`
    :param views: :class:`ORExportLib.Views.View` list for the pictures; empty for those of the case's side
    :returns: artefact of kind ``package``
    :raises GateRefused: ``no-…``, ``stale-…`` or ``damaged-…`` for source, segmentation, plan and part; ``no-consent``;
        ``not-approved``
    :raises InputRefused: what :mod:`Source` and :mod:`SegmentationObject` refuse
    :raises UsageError: ``unknown-content``
    :raises VerificationFailed: when what was written cannot be verified
    """
    ensure("ORExportLib")
    _requireKnown(leaveOut)
    progress(0.0, "Checking the case")
    inputs = requireInputs(case)
    Consent.requireConsent(case, PURPOSE)
    approvals = (Approval.requireHolding if requireApproved else Approval.holding)(case, inputs.artefacts)
    software = versions("slicer-core", "highdicom", "reportlab")
    making = Making(case.name, datetime.datetime.now(datetime.UTC), software, bool(approvals))
    with case.staging("package", user=user) as stage:
        with Content(case, session, inputs, making, approvals, views=views) as content:
            writer = Writer(stage.folder, making)
            _fill(content, writer, leaveOut, part(progress, 0.05, 0.9))
            _writeManifest(stage.folder, content, writer.records, leaveOut)
        Verify.requireWhole(stage.folder, part(progress, 0.9, 1.0))
        return stage.commit(
            parents=inputs.artefacts,
            parameters={"leftOut": sorted(leaveOut)},
            facts={
                "approved": making.isApproved,
                "approvals": [approval["id"] for approval in approvals],
                "files": len(writer.records) + 1,
                "findings": [finding.asDict() for finding in content.findings],
                **repairFacts(inputs.source),
            },
            software=making.software,
            title="Operating-room package",
        )


def _requireKnown(leaveOut):
    unknown = set(leaveOut) - set(optionalContents())
    if unknown:
        raise UsageError(
            "unknown-content", f"A package has no content {min(unknown)} that can be left out.",
            f"Leave out any of: {', '.join(optionalContents()) or 'nothing'}.",
        )  # fmt: skip


def _fill(content, writer, leaveOut, progress):
    """Let every contributor write its files."""
    contributors = [one for one in CONTRIBUTORS if one[2] not in leaveOut or one[2] is None]
    whole, done = sum(share for _module, share, _name in contributors), 0
    for module, share, _name in contributors:
        module.write(content, writer, part(progress, done / whole, (done + share) / whole))
        done += share


def _writeManifest(folder, content, files, leaveOut):
    writeAside(folder / Manifest.FILE_NAME, Manifest.encode(Manifest.manifestValues(content, files, leaveOut)))


def exportPackage(case, package, outFolder, progress=noProgress):
    """Copy a package into a folder that is empty or does not exist, and verify the copy; the case records that it left.

    :param case: open for writing
    :raises GateRefused: ``stale-package``, ``no-consent``; ``not-approved`` where it says approved and no longer is
    :raises InputRefused: ``already-there``, ``disk-full``, ``cannot-write``
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
    with stagedFolder(outFolder) as folder:
        Consent.release(case, PURPOSE, f"folder {Path(outFolder).absolute()}", [package])
        for number, name in enumerate(package.files):
            progress(0.5 * number / len(package.files), f"Copying {name}")
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(case.path(package, name), folder / name)
        Verify.requireWhole(folder, part(progress, 0.5, 1.0))
    return Path(outFolder)
