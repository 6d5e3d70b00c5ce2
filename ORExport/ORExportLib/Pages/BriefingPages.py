"""The briefing in a package: drawn from its content, as a PDF and as a DICOM object."""

import tempfile
from pathlib import Path

from PlanningHubLib.Progress import part
from PlanningHubLib.Repair import repairNote

from .. import ApprovalsFile, PlanFiles
from ..Dicom.EncapsulatedPdf import buildEncapsulatedPdf
from .Briefing import Briefing, briefingPdf
from .BriefingPictures import Pictured, surfacesToShow, takePictures
from .BriefingPlan import planLines

OBJECT, PDF = "briefing-dicom", "briefing-pdf"
ROLES = (OBJECT, PDF)


def write(content, writer, progress):
    """Write the briefing of a :class:`ORExportLib.Content.Content`."""
    progress(0.0, "Pictures")
    stls = [body.path for body in content.pieces]
    shown = surfacesToShow(content)
    pdf = _page(content, Pictured(content.volumeNode, stls, content.side, *shown), part(progress, 0.1, 0.9))
    writer.bytes(pdf, "briefing.pdf", PDF)
    briefing = buildEncapsulatedPdf(
        content.source, content.making, pdf, content.side, [writer.datasets["segmentation-dicom"]]
    )
    writer.object(briefing, "briefing.dcm", OBJECT)


def _page(content, pictured, progress):
    case, inputs, making = content.case, content.inputs, content.making
    with tempfile.TemporaryDirectory(prefix="planninghub-") as folder:
        pictures, reason = takePictures(pictured, Path(folder), progress)
        return briefingPdf(
            Briefing(
                caseName=case.name,
                side=case.side,
                procedure=case.procedure,
                intendedUse=content.intendedUse,
                figures=tuple(_figures(inputs)),
                hashes=tuple((artefact.kind.capitalize(), artefact.content) for artefact in inputs.artefacts),
                when=making.when,
                software=making.software,
                pictures=tuple(pictures),
                noPictures=reason,
                approvers=tuple(map(ApprovalsFile.approverLine, content.approvals)),
                planLines=tuple(planLines(content.document, content.results)) if content.document else (),
            )
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
