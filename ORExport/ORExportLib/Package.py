"""The package step: everything an operating room needs of a case, in one folder that can be verified on its own."""

import datetime

from PlanningHubLib import Approval
from PlanningHubLib.Errors import UsageError
from PlanningHubLib.Files import writeAside
from PlanningHubLib.Progress import noProgress, part
from PlanningHubLib.Repair import repairFacts
from PlanningHubLib.Requirements import ensure
from PlanningHubLib.Software import versions

from . import ApprovalsFile, Manifest, PlanFiles, SegmentationFile, Verify
from .Content import Content
from .Dicom import (
    DerivedImages,
    EncapsulatedObj,
    KeyObjects,
    MeasurementReport,
    ModelObjects,
    SecondaryCapture,
    SegmentationObject,
    SpatialRegistration,
)
from .Dicom.DerivedObject import Making
from .Export import exportPackage
from .Gate import gateFindings, requireOpen
from .Inputs import requireInputs
from .Models import ArVr, Navigation
from .Pages import PlanPages
from .Viewer import Viewer
from .Views import caseViews
from .Writer import Writer

__all__ = ["CONTRIBUTORS", "exportPackage", "makePackage", "optionalContents"]
# What writes the files, in its order, each with its share of the time and the name by which it can be left out.
CONTRIBUTORS = (
    (SegmentationObject, 3, None),
    (SegmentationFile, 1, None),
    (ModelObjects, 3, None),
    (EncapsulatedObj, 1, "assembly"),
    (MeasurementReport, 1, None),
    (SpatialRegistration, 1, None),
    (DerivedImages, 6, "derived-ct"),
    (SecondaryCapture, 4, "views"),
    (PlanFiles, 1, None),
    (PlanPages, 4, None),
    # Names all DICOM objects before it.
    (KeyObjects, 1, None),
    (ApprovalsFile, 1, None),
    (ArVr, 2, "ar-vr"),
    (Navigation, 3, "navigation"),
    (Viewer, 4, "viewer"),
)


def optionalContents():
    """Return the names of what a package can do without."""
    return tuple(name for _module, _share, name in CONTRIBUTORS if name)


def makePackage(
    case, session, user=None, progress=noProgress, requireApproved=False, leaveOut=(), views=(), newerStudies=None
):
    """Make the operating-room package of a case's current source, segmentation and parts, verified before it counts.

    Parts that were made from a plan bring their plan. The package is approved where approvals that hold cover all of
    them; otherwise every page, picture, object and file name says that it is not.

    :param requireApproved: refuse to make one that is not approved
    :param leaveOut: names of :func:`optionalContents`
    :param views: :class:`ORExportLib.Views.View` list for the pictures; empty for those that were agreed on in the
        case, and where there are none, for those of its procedure and side
    :param newerStudies: as :func:`ORExportLib.Gate.gateFindings` takes it
    :returns: artefact of kind ``package``
    :raises GateRefused: ``no-…``, ``stale-…`` or ``damaged-…`` for source, segmentation, plan and part; what the
        gate rejects (:mod:`ORExportLib.Gate`), such as ``no-consent``; ``not-approved``
    :raises InputRefused: what :mod:`Source` and :mod:`SegmentationObject` refuse
    :raises UsageError: ``unknown-content``
    :raises VerificationFailed: when what was written cannot be verified
    """
    ensure("ORExportLib")
    _requireKnown(leaveOut)
    progress(0.0, "Checking the case")
    inputs = requireInputs(case)
    approvals = (Approval.requireHolding if requireApproved else Approval.holding)(case, inputs.artefacts)
    software = versions("slicer-core", "highdicom", "reportlab")
    making = Making(case.name, datetime.datetime.now(datetime.UTC), software, bool(approvals))
    with Content(case, session, inputs, making, approvals, views=views or caseViews(case)) as content:
        content.findings = gateFindings(case, inputs, approvals, newerStudies, content.geometry.headers)
        requireOpen(content.findings)
        with case.staging("package", user=user) as stage:
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
