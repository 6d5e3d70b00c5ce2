"""The plan's pages in a package: drawn from its content, as a PDF and as a DICOM object."""

import tempfile
from pathlib import Path

from PlanningHubLib.Progress import part
from PlanningHubLib.Repair import repairNote
from PlanningHubLib.Signing import shortFingerprint

from .. import ApprovalsFile, PlanFiles
from ..Dicom.EncapsulatedPdf import buildEncapsulatedPdf
from .BodyFigure import regionOf
from .Briefing import Briefing
from .BriefingPictures import Pictured, surfacesToShow, takePictures
from .PlanPdf import Details, planPdf
from .PlanTables import INTENDED_USES, Table, checkItems, planRisks, planTables, recordTables

OBJECT, PDF = "briefing-dicom", "briefing-pdf"
ROLES = (OBJECT, PDF)
QR_SCHEME, QR_DIGITS = "PLANNINGHUB", 32


def write(content, writer, progress):
    """Write the plan's pages of a :class:`ORExportLib.Content.Content`."""
    progress(0.0, "Pictures")
    with tempfile.TemporaryDirectory(prefix="planninghub-") as folder:
        pictures, reason = _pictures(content, Path(folder), part(progress, 0.1, 0.8))
        progress(0.8, "Pages")
        pdf = planPdf(briefingOf(content, pictures, reason), detailsOf(content, pictures))
    writer.bytes(pdf, "briefing.pdf", PDF)
    briefing = buildEncapsulatedPdf(
        content.source, content.making, pdf, content.side, [writer.datasets["segmentation-dicom"]]
    )
    writer.object(briefing, "briefing.dcm", OBJECT)


def _pictures(content, folder, progress):
    stls = [body.path for body in content.pieces]
    shown = surfacesToShow(content)
    return takePictures(Pictured(content.volumeNode, stls, content.side, *shown), folder, progress)


def qrText(caseName, artefact):
    """Return the text of a page's QR code: ``PLANNINGHUB:<case>:<PLAN or what it is>:<32 hexadecimal digits>``.

    In capitals, for QR's alphanumeric mode, as on a part. The digits are the first of the artefact's content hash,
    which stands in the package's manifest and in every approval of it.
    """
    digits = artefact.content.removeprefix("sha256:")[:QR_DIGITS]
    return f"{QR_SCHEME}:{caseName}:{artefact.kind}:{digits}".upper()


def briefingOf(content, pictures, noPictures):
    """Return the :class:`ORExportLib.Pages.Briefing.Briefing` of a package's content."""
    case, inputs, making = content.case, content.inputs, content.making
    return Briefing(
        caseName=case.name,
        side=case.side,
        procedure=case.procedure,
        region=regionOf(content.procedure.name),
        intendedUse=content.intendedUse,
        figures=tuple(_figures(inputs)),
        implants=tuple(_implants(content)),
        risks=planRisks(content.document, content.results) if content.document else (),
        hashes=tuple((one.kind.capitalize(), one.content) for one in inputs.artefacts),
        qr=qrText(case.name, inputs.plan or inputs.segmentation),
        when=making.when,
        software=making.software,
        pictures=tuple(pictures),
        noPictures=noPictures,
        approvers=tuple(map(ApprovalsFile.approverLine, content.approvals)),
    )


def detailsOf(content, pictures):
    """Return the :class:`ORExportLib.Pages.PlanPdf.Details` of a package's content."""
    plan, document, results = content.inputs.plan, content.document, content.results
    planned = bool(plan)
    return Details(
        title=f"{document['title']}, {INTENDED_USES[document['intendedUse']]}" if planned else "parts without a plan",
        note=document["note"] if planned else "",
        pictures=tuple(pictures),
        tables=(*(planTables(document, results) if planned else ()), *_partTables(content)),
        checklist=checkItems(document) if planned else (),
        records=(*(recordTables(document, results) if planned else ()), *_records(content)),
    )


def _figures(inputs):
    """Yield the page's figures as the artefacts state them."""
    if inputs.plan:
        yield "Plan", inputs.plan.title
        yield "Part", ", ".join(PlanFiles.partOf(part)["object"] for part in inputs.parts)
    yield from figuresOf(inputs.source.facts, inputs.segmentation.facts, inputs.parts[-1], bool(inputs.plan))
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
