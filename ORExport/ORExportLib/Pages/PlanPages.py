"""The plan's pages in a package: drawn from its content, as a PDF and as a DICOM object."""

import dataclasses
import tempfile
from pathlib import Path

from PlanningHubLib.Planning.Figures import valueText
from PlanningHubLib.Procedures import GENERAL
from PlanningHubLib.Progress import part
from PlanningHubLib.Repair import repairNote

from .. import ApprovalsFile
from ..Dicom.EncapsulatedPdf import buildEncapsulatedPdf
from ..Dicom.ModelModule import showsSkin
from ..Dicom.Predecessors import addPredecessor, documentBefore
from ..ViewPictures import viewPictures
from .BodyFigure import regionOf
from .Briefing import Briefing, Picture
from .BriefingPictures import outlinePictures
from .PlanPdf import Details, planPdf
from .PlanTables import INTENDED_USES, Table, checkItems, keyFigures, planRisks, planTables, recordTables
from .RecordTables import (
    approvalTable,
    gateTable,
    madeFromTable,
    measurementTable,
    partNumber,
    partTables,
    partWords,
    softwareTable,
)

ANATOMY = "anatomy"
OBJECT, PDF = "briefing-dicom", "briefing-pdf"
ROLES = (OBJECT, PDF)
# Of the views, on the page for the wall; the details have all.
MOST_VIEWS = 2
QR_SCHEME, QR_DIGITS = "PLANNINGHUB", 32


def write(content, writer, progress):
    """Write the plan's pages of a :class:`ORExportLib.Content.Content`."""
    with tempfile.TemporaryDirectory(prefix="planninghub-") as folder:
        views = _views(content, Path(folder), part(progress, 0.0, 0.6))
        progress(0.6, "Picture of a slice")
        outline = outlinePictures(content.volumeNode, _outlined(content), Path(folder))
        progress(0.8, "Pages")
        pdf = planPdf(briefingOf(content, [*views[:MOST_VIEWS], *outline]), detailsOf(content, views))
    writer.bytes(pdf, "briefing.pdf", PDF)
    segmentation, isSkin = writer.datasets["segmentation-dicom"], [showsSkin(content, body) for body in content.bodies]
    dataset = buildEncapsulatedPdf(content.source, content.making, pdf, content.side, [segmentation], any(isSkin))
    before = documentBefore(content.case, OBJECT)
    if before:
        addPredecessor(dataset, before)
    writer.object(dataset, "briefing.dcm", OBJECT)


def _views(content, folder, progress):
    pictures = []
    for number, one in enumerate(viewPictures(content, progress), 1):
        (folder / f"view-{number}.png").write_bytes(one.png)
        pictures.append(Picture(folder / f"view-{number}.png", one.view.caption or one.view.name))
    return pictures


def _outlined(content):
    """Return the STL files of the parts that the plan makes; of all where it makes none."""
    made = [body.path for body in content.pieces if body.role != ANATOMY]
    return made or [body.path for body in content.pieces]


def qrText(caseName, artefact):
    """Return the text of a page's QR code: ``PLANNINGHUB:<case>:<PLAN or what it is>:<32 hexadecimal digits>``.

    In capitals, for QR's alphanumeric mode, as on a part. The digits are the first of the artefact's content hash,
    which stands in the package's manifest and in every approval of it.
    """
    digits = artefact.content.removeprefix("sha256:")[:QR_DIGITS]
    return f"{QR_SCHEME}:{caseName}:{artefact.kind}:{digits}".upper()


def briefingOf(content, pictures):
    """Return the :class:`ORExportLib.Pages.Briefing.Briefing` of a package's content."""
    case, inputs, making = content.case, content.inputs, content.making
    return Briefing(
        caseName=case.name,
        side=case.side,
        procedure=case.procedure if content.procedure.name == GENERAL else content.procedure.title,
        region=regionOf(content.procedure.name),
        intendedUse=content.intendedUse,
        figures=tuple(_figures(content)),
        implants=tuple(map(partWords, inputs.parts)),
        risks=planRisks(content.document, content.results) if content.document else (),
        hashes=tuple((_kindOf(one), one.content) for one in inputs.artefacts),
        qr=qrText(case.name, inputs.plan or inputs.segmentation),
        when=making.when,
        software=making.software,
        pictures=tuple(pictures),
        noPictures=" ".join(one.message for one in content.findings if one.code == "no-pictures"),
        approvers=tuple(map(ApprovalsFile.approverLine, content.approvals)),
    )


def _kindOf(artefact):
    return partNumber(artefact).capitalize() if artefact.kind == "part" else artefact.kind.capitalize()


def detailsOf(content, pictures):
    """Return the :class:`ORExportLib.Pages.PlanPdf.Details` of a package's content."""
    document, results, inputs = content.document, content.results, content.inputs
    tables = [measurementTable(content.measurements)]
    tables += partTables(inputs.parts)
    figures = Table("Key figures", ("What", "Value"), tuple(_figures(content)), (3, 2))
    records = [figures, gateTable(content.findings), approvalTable(content.approvals), madeFromTable(inputs.artefacts)]
    details = Details(
        title="parts without a plan",
        pictures=tuple(pictures),
        tables=_filled(tables),
        records=_filled([*records, softwareTable(content.making.software)]),
    )
    if document is None:
        return details
    return dataclasses.replace(
        details,
        title=f"{document['title']}, {INTENDED_USES[document['intendedUse']]}",
        note=document["note"],
        tables=(*planTables(document, results), *details.tables),
        checklist=checkItems(document),
        records=(*recordTables(document, results), *details.records),
    )


def _filled(tables):
    return tuple(table for table in tables if table.rows)


def _figures(content):
    """Yield the page's figures: the first of each step of the plan, then what the artefacts state."""
    inputs = content.inputs
    if content.document:
        yield "Plan", content.document["title"]
        yield from keyFigures(content.results)
    yield from figuresOf(inputs.source.facts, inputs.segmentation.facts, inputs.parts[-1], bool(inputs.plan))
    if repairNote(inputs.source):
        yield "CT", repairNote(inputs.source)


def figuresOf(sourceFacts, segmentationFacts, part, isPlanned):
    """Yield (name, value with unit) of what was measured; a fact that is not stated is left out.

    :param part: what has ``facts`` and ``parameters`` of a part
    """
    rows = (
        ("Bone volume", "volumeMl", segmentationFacts),
        ("Part volume", "volumeMl", part.facts),
        ("Surface deviation, limit", "maximumDeviationMm", part.parameters),
        ("Surface deviation, measured", "deviationMm", part.facts),
    )
    for name, key, values in rows:
        if values.get(key) is not None:
            yield name, valueText(key, float(values[key]))
    if not isPlanned and "triangles" in part.facts:
        yield "Part triangles", f"{part.facts['triangles']:,}"
    spacing = sourceFacts.get("spacingMm")
    if spacing:
        yield "CT voxel", " × ".join(f"{value:.3f}" for value in spacing) + " mm"
