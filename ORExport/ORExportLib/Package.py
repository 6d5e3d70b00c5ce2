"""The package step: everything an operating room needs of a case, in one folder that can be verified on its own."""

import dataclasses
import datetime
import itertools
import shutil
import tempfile
from pathlib import Path

from PlanningHubLib import Approval, Consent
from PlanningHubLib.Errors import GateRefused
from PlanningHubLib.Files import writeAside
from PlanningHubLib.IntendedUse import intendedUse
from PlanningHubLib.Modality import requireHu
from PlanningHubLib.Nodes import removeNodes
from PlanningHubLib.Planning.Plan import readPlan
from PlanningHubLib.Progress import noProgress, part
from PlanningHubLib.Repair import repairFacts, repairNote
from PlanningHubLib.Requirements import ensure
from PlanningHubLib.Segmentation import loadSegmentation
from PlanningHubLib.Segmenting.SegmentReview import requireReviewed
from PlanningHubLib.Software import versions
from PlanningHubLib.Volumes import loadSource, readGeometry, seriesPaths

from . import ApprovalsFile, Manifest, PlanFiles, Verify
from .Dicom.DerivedObject import Making
from .Dicom.EncapsulatedModel import buildEncapsulatedModel
from .Dicom.EncapsulatedPdf import buildEncapsulatedPdf
from .Dicom.SegmentationObject import Algorithm, buildSegmentation, segmentsOnSource
from .Dicom.Source import readSource
from .Export import exportPackage
from .Gate import PURPOSE
from .Pages.Briefing import Briefing, briefingPdf
from .Pages.BriefingPictures import Pictured, surfacesToShow, takePictures
from .Pages.BriefingPlan import planLines

__all__ = ["Inputs", "exportPackage", "figuresOf", "makePackage", "requireInputs"]


@dataclasses.dataclass(frozen=True)
class Inputs:
    """The artefacts a package is made from, each checked and made from the other; a part may have no ``plan``."""

    source: object
    segmentation: object
    plan: object
    part: object

    @property
    def artefacts(self):
        return [one for one in (self.source, self.segmentation, self.plan, self.part) if one]


def makePackage(case, session, user=None, progress=noProgress, requireApproved=False):
    """Make the operating-room package of a case's current source, segmentation and part, verified before it counts.

    A part that was made from a plan brings its plan. The package is approved where approvals that hold cover all of
    them; otherwise every page and object says that it is not.

    :param requireApproved: refuse to make one that is not approved
    :returns: artefact of kind ``package``
    :raises GateRefused: ``no-…``, ``stale-…`` or ``damaged-…`` for source, segmentation, plan and part; ``no-consent``;
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

    The plan is the one that the part was made from, be it the newest variant or not.

    :raises GateRefused: ``no-…``, ``stale-…``, ``damaged-…``
    :raises InputRefused: ``not-hu``, where the case is planned on MR
    """
    source, segmentation, part = (case.require(kind) for kind in ("source", "segmentation", "part"))
    plans = [one for one in map(case.graph.current, (link.id for link in part.parents)) if one.kind == "plan"]
    plan = case.requireCurrent(plans[0]) if plans else None
    inputs = Inputs(source, segmentation, plan, part)
    requireHu(inputs.source)
    requireReviewed(case, inputs.segmentation)
    for parent, child in itertools.pairwise(inputs.artefacts):
        if parent.link not in child.parents:
            raise GateRefused(
                f"stale-{child.kind}",
                f"{child.title} ({child.id}) was not made from the current {parent.kind}.",
                f"Make the {child.kind} again.",
            )
    return inputs


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
        planned = readPlan(case, inputs.plan) if inputs.plan else None
        stls = _writePieces(writer, source, making, case, inputs, planned, segmentation)
        writer.copy(_partFiles(case, inputs.part, ".3mf", most=1)[0], "part.3mf", Verify.THREE_MF)
        for role, name in PlanFiles.NAMES.items() if planned else ():
            writer.copy(case.path(inputs.plan, name), name, role)
        progress(0.55, "Pictures")
        shown = surfacesToShow(segmentationNode, inputs.part, planned)
        pictures = Pictured(volumeNode, stls, case.side, *shown)
        pdf = _briefing(case, inputs, making, approvals, planned, pictures, part(progress, 0.55, 0.95))
        writer.bytes(pdf, "briefing.pdf", Verify.PDF)
        briefing = buildEncapsulatedPdf(source, making, pdf, case.side, [segmentation])
        writer.object(briefing, "briefing.dcm", Verify.BRIEFING)
        if approvals:
            writer.bytes(ApprovalsFile.approvalsBytes(approvals), "approvals.json", ApprovalsFile.ROLE)
        return writer.records
    finally:
        removeNodes(session.scene, volumeNode, segmentationNode)


def _writePieces(writer, source, making, case, inputs, planned, segmentation):
    """Write each piece of the part as STL and as DICOM model; return the paths of the STL files."""
    origins = _partFiles(case, inputs.part, ".stl")
    stls = []
    for number, origin in enumerate(origins, 1):
        name = "part" if len(origins) == 1 else f"part-{number}"
        stls.append(writer.copy(origin, f"{name}.stl", Manifest.roleOfPiece(Verify.STL, number)))
        model = _model(source, making, stls[-1], case, inputs, planned, segmentation)
        writer.object(model, f"{name}.dcm", Manifest.roleOfPiece(Verify.MODEL, number))
    return stls


def _model(source, making, stl, case, inputs, planned, segmentation):
    described = PlanFiles.partOf(inputs.part)
    flags = {flag: described[flag] for flag in ("modified", "mirrored", "moved")}
    return buildEncapsulatedModel(
        source, making, stl.read_bytes(), case.side, [segmentation],
        usage=PlanFiles.usageOf(described, planned[0] if planned else None),
        description=f"{making.caseName} part, {making.approvalWord}: {described['object']}", **flags,
    )  # fmt: skip


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


def _partFiles(case, artefact, suffix, most=None):
    """Return the paths of a part's files of a format, in the order of its pieces."""
    inOrder = [name for piece in artefact.facts.get("pieces", ()) for name in piece["files"]]
    names = [name for name in dict.fromkeys([*inOrder, *sorted(artefact.files)]) if name.lower().endswith(suffix)]
    if not names or len(names) > (most or len(names)):
        raise GateRefused(
            "stale-part", f"The part holds {len(names)} {suffix} files instead of one.", "Make the part again."
        )
    return [case.path(artefact, name) for name in names]


def _briefing(case, inputs, making, approvals, planned, pictured, progress):
    with tempfile.TemporaryDirectory(prefix="planninghub-") as folder:
        pictures, reason = takePictures(pictured, Path(folder), progress)
        return briefingPdf(
            Briefing(
                caseName=case.name,
                side=case.side,
                procedure=case.procedure,
                intendedUse=intendedUse(case),
                figures=tuple(_figures(inputs)),
                hashes=tuple((artefact.kind.capitalize(), artefact.content) for artefact in inputs.artefacts),
                when=making.when,
                software=making.software,
                pictures=tuple(pictures),
                noPictures=reason,
                approvers=tuple(map(ApprovalsFile.approverLine, approvals)),
                planLines=tuple(planLines(*planned)) if planned else (),
            )
        )


def _figures(inputs):
    """Yield the page's figures as the artefacts state them."""
    if inputs.plan:
        yield "Plan", inputs.plan.title
        yield "Part", PlanFiles.partOf(inputs.part)["object"]
    yield from figuresOf(inputs.source.facts, inputs.segmentation.facts, inputs.part, bool(inputs.plan))
    if repairNote(inputs.source):
        yield "CT", repairNote(inputs.source)


def figuresOf(sourceFacts, segmentationFacts, part, isPlanned):
    """Yield (name, value with unit) of what was measured; a fact that is not stated is left out.

    :param part: what has ``facts`` and ``parameters`` of a part
    """
    rows = (
        ("Bone volume", segmentationFacts.get("volumeMl"), "{:.1f} ml"),
        ("Part volume", part.facts.get("volumeMl"), "{:.1f} ml"),
        ("Part triangles", None if isPlanned else part.facts.get("triangles"), "{:,}"),
        ("Surface deviation, limit", part.parameters.get("maximumDeviationMm"), "{:.2f} mm"),
        ("Surface deviation, measured", part.facts.get("deviationMm"), "{:.2f} mm"),
    )
    yield from ((name, form.format(value)) for name, value, form in rows if value is not None)
    spacing = sourceFacts.get("spacingMm")
    if spacing:
        yield "CT voxel", " × ".join(f"{value:.3f}" for value in spacing) + " mm"


def _writeManifest(folder, case, inputs, making, files):
    values = Manifest.manifestValues(
        case.caseId,
        case.name,
        case.side,
        making.when,
        making.software,
        [Manifest.artefactRecord(artefact) for artefact in inputs.artefacts],
        PlanFiles.partOf(inputs.part),
        files,
        making.isApproved,
    )
    writeAside(folder / Manifest.FILE_NAME, Manifest.encode(values))
