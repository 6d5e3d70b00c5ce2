"""The package step: everything an operating room needs of a case, in one folder that can be verified on its own."""

import dataclasses
import datetime
import shutil
import tempfile
from pathlib import Path

from PlanningHubLib import Approval, Consent
from PlanningHubLib.Errors import GateRefused
from PlanningHubLib.Files import stagedFolder, writeAside
from PlanningHubLib.Modality import requireHu
from PlanningHubLib.Nodes import removeNodes
from PlanningHubLib.Progress import noProgress, part
from PlanningHubLib.Repair import repairFacts, repairNote
from PlanningHubLib.Requirements import ensure
from PlanningHubLib.Segmentation import loadSegmentation
from PlanningHubLib.Segmenting.SegmentReview import requireReviewed
from PlanningHubLib.Software import versions
from PlanningHubLib.Volumes import loadSource, readGeometry, seriesPaths

from . import ApprovalsFile, Manifest, Verify
from .Briefing import Briefing, briefingPdf
from .BriefingPictures import takePictures
from .DerivedObject import Making
from .EncapsulatedModel import buildEncapsulatedModel
from .EncapsulatedPdf import buildEncapsulatedPdf
from .SegmentationObject import Algorithm, buildSegmentation, segmentsOnSource
from .Source import readSource

PURPOSE = "or-package"


@dataclasses.dataclass(frozen=True)
class Inputs:
    """The artefacts a package is made from, each checked and made from the other."""

    source: object
    segmentation: object
    part: object

    @property
    def artefacts(self):
        return [self.source, self.segmentation, self.part]


def makePackage(case, session, user=None, progress=noProgress, requireApproved=False):
    """Make the operating-room package of a case's current source, segmentation and part, verified before it counts.

    It is approved where approvals that hold cover all three; otherwise every page and object says that it is not.

    :param requireApproved: refuse to make one that is not approved
    :returns: artefact of kind ``package``
    :raises GateRefused: ``no-…``, ``stale-…`` or ``damaged-…`` for source, segmentation and part; ``no-consent``;
        ``not-approved``
    :raises InputRefused: what :mod:`Source` and :mod:`SegmentationObject` refuse
    :raises VerificationFailed: when what was written cannot be verified
    """
    ensure("ORExportLib")
    progress(0.0, "Checking the case")
    inputs = requireInputs(case)
    Consent.requireConsent(case, PURPOSE)
    approvals = (Approval.requireHolding if requireApproved else Approval.holding)(case, inputs.artefacts)
    software = versions("slicer-core", "highdicom", "reportlab")
    making = Making(case.name, datetime.datetime.now(datetime.UTC), software, bool(approvals))
    with case.staging("package", user=user) as stage:
        files = _fill(stage.folder, case, session, inputs, making, approvals, part(progress, 0.05, 0.9))
        _writeManifest(stage.folder, case, inputs, making, files)
        Verify.requireWhole(stage.folder, part(progress, 0.9, 1.0))
        return stage.commit(
            parents=inputs.artefacts,
            facts={
                "approved": making.isApproved,
                "approvals": [approval["id"] for approval in approvals],
                "files": len(files) + 1,
                **repairFacts(inputs.source),
            },
            software=making.software,
            title="Operating-room package",
        )


def requireInputs(case):
    """Return the :class:`Inputs`; the newest part must come from the newest segmentation, and that from the source.

    :raises GateRefused: ``no-…``, ``stale-…``, ``damaged-…``
    :raises InputRefused: ``not-hu``, where the case is planned on MR
    """
    inputs = Inputs(*(case.require(kind) for kind in ("source", "segmentation", "part")))
    requireHu(inputs.source)
    requireReviewed(case, inputs.segmentation)
    for child, parent in ((inputs.segmentation, inputs.source), (inputs.part, inputs.segmentation)):
        if parent.link not in child.parents:
            raise GateRefused(
                f"stale-{child.kind}",
                f"{child.title} ({child.id}) was not made from the current {parent.kind}.",
                f"Make the {child.kind} again.",
            )
    return inputs


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


def _fill(folder, case, session, inputs, making, approvals, progress):
    """Write every file but the manifest and return their records."""
    geometry = readGeometry(case, inputs.source)
    source = readSource(seriesPaths(case, inputs.source), geometry.headers)
    volumeNode = loadSource(case, session, inputs.source, geometry)
    segmentationNode = None
    try:
        segmentationNode = loadSegmentation(case, session, inputs.segmentation)
        progress(0.15, "DICOM segmentation")
        segments = segmentsOnSource(segmentationNode, source)
        algorithm = Algorithm(_algorithmName(inputs.segmentation), inputs.segmentation.software["Planning Hub"])
        segmentation = buildSegmentation(source, making, segments, algorithm)
        writer = _Writer(folder, making.caseName)
        writer.object(segmentation, "segmentation.dcm", Verify.SEGMENTATION)
        progress(0.4, "Model")
        stl = writer.copy(_partFile(case, inputs.part, ".stl"), "part.stl", Verify.STL)
        writer.copy(_partFile(case, inputs.part, ".3mf"), "part.3mf", Verify.THREE_MF)
        model = buildEncapsulatedModel(source, making, stl.read_bytes(), case.side, [segmentation])
        writer.object(model, "part.dcm", Verify.MODEL)
        progress(0.55, "Pictures")
        pdf = _briefing(case, inputs, making, approvals, volumeNode, stl, part(progress, 0.55, 0.95))
        writer.bytes(pdf, "briefing.pdf", Verify.PDF)
        briefing = buildEncapsulatedPdf(source, making, pdf, case.side, [segmentation])
        writer.object(briefing, "briefing.dcm", Verify.BRIEFING)
        if approvals:
            writer.bytes(ApprovalsFile.approvalsBytes(approvals), "approvals.json", ApprovalsFile.ROLE)
        return writer.records
    finally:
        removeNodes(session.scene, volumeNode, segmentationNode)


class _Writer:
    """Writes files whose names begin with the case's, and keeps their records."""

    def __init__(self, folder, caseName):
        self.folder = folder
        self.caseName = caseName
        self.records = []

    def object(self, dataset, name, role):
        path = self._path(name)
        dataset.save_as(path)
        self.records.append(Manifest.fileRecord(path, role, dataset))

    def copy(self, origin, name, role):
        path = self._path(name)
        shutil.copyfile(origin, path)
        self.records.append(Manifest.fileRecord(path, role))
        return path

    def bytes(self, data, name, role):
        path = self._path(name)
        path.write_bytes(data)
        self.records.append(Manifest.fileRecord(path, role))

    def _path(self, name):
        return self.folder / f"{self.caseName}-{name}"


def _algorithmName(segmentation):
    method = segmentation.parameters.get("method", "unknown method")
    return f"Planning Hub {method}"


def _partFile(case, artefact, suffix):
    names = [name for name in artefact.files if name.lower().endswith(suffix)]
    if len(names) != 1:
        raise GateRefused(
            "stale-part", f"The part holds {len(names)} {suffix} files instead of one.", "Make the part again."
        )
    return case.path(artefact, names[0])


def _briefing(case, inputs, making, approvals, volumeNode, stl, progress):
    with tempfile.TemporaryDirectory(prefix="planninghub-") as folder:
        pictures, reason = takePictures(volumeNode, stl, case.side, Path(folder), progress)
        return briefingPdf(
            Briefing(
                caseName=case.name,
                side=case.side,
                procedure=case.procedure,
                figures=tuple(_figures(inputs)),
                hashes=tuple((artefact.kind.capitalize(), artefact.content) for artefact in inputs.artefacts),
                when=making.when,
                software=making.software,
                pictures=tuple(pictures),
                noPictures=reason,
                approvers=tuple(map(ApprovalsFile.approverLine, approvals)),
            )
        )


def _figures(inputs):
    """Yield the page's figures as the artefacts state them; a fact that is not stated is left out."""
    segmentationFacts, partFacts = inputs.segmentation.facts, inputs.part.facts
    rows = (
        ("Bone volume", segmentationFacts.get("volumeMl"), "{:.1f} ml"),
        ("Part volume", partFacts.get("volumeMl"), "{:.1f} ml"),
        ("Part triangles", partFacts.get("triangles"), "{:,}"),
        ("Surface deviation, limit", inputs.part.parameters.get("maximumDeviationMm"), "{:.2f} mm"),
        ("Surface deviation, measured", partFacts.get("deviationMm"), "{:.2f} mm"),
    )
    yield from ((name, form.format(value)) for name, value, form in rows if value is not None)
    spacing = inputs.source.facts.get("spacingMm")
    if spacing:
        yield "CT voxel", " × ".join(f"{value:.3f}" for value in spacing) + " mm"
    if repairNote(inputs.source):
        yield "CT", repairNote(inputs.source)


def _writeManifest(folder, case, inputs, making, files):
    values = Manifest.manifestValues(
        case.caseId,
        case.name,
        case.side,
        making.when,
        making.software,
        [Manifest.artefactRecord(artefact) for artefact in inputs.artefacts],
        files,
        making.isApproved,
    )
    writeAside(folder / Manifest.FILE_NAME, Manifest.encode(values))
