"""The prescription as a drafted PDF: for the prescriber to check and sign by hand; it draws no legal conclusion."""

import io

from PlanningHubLib import Consent
from PlanningHubLib.Files import writeAside
from PlanningHubLib.PageFonts import drawn
from PlanningHubLib.Prescription import requirePrescription
from PlanningHubLib.Requirements import ensure

TITLE = "Prescription of a patient-specific device – DRAFT"
REMARKS = (
    "Draft made from the case's records. It is a prescription only when the prescriber has checked and signed it.",
    "Whether the device is custom-made under Regulation (EU) 2017/745 is not stated here; the manufacturer's statement "
    "under Annex XIII is a document of its own.",
)
MARGIN = 50


def exportPrescription(case, path):
    """Write the drafted PDF of a case's prescription; the case records that it left.

    :param case: open for writing
    :raises GateRefused: ``no-prescription``, ``no-consent``
    :raises InputRefused: ``cannot-write``, ``disk-full``
    """
    ensure("ORExportLib")
    prescription = requirePrescription(case)
    Consent.requireConsent(case, "prescription")
    data = prescriptionPdf(case, prescription)
    Consent.release(case, "prescription", f"file {path}", [])
    writeAside(path, data)


def prescriptionPdf(case, prescription):
    """Return the bytes of the PDF, of one page or, with many characteristics, of more."""
    title = f"{case.name} prescription, draft"
    return documentPdf(title, TITLE, _facts(case, prescription), _rows(prescription), REMARKS)


def documentPdf(name, title, facts, characteristics, remarks, isCopy=False):
    """Return the bytes of a PDF with facts and design characteristics.

    :param name: the file's own title
    :param facts: (name, value) pairs
    :param characteristics: (characteristic, value with unit, note)
    :param isCopy: of a de-identified copy: nothing to be signed, no day of its making
    """
    return drawn(lambda fonts: _drawn(fonts, name, title, facts, characteristics, remarks, isCopy))


def _drawn(fonts, name, title, facts, characteristics, remarks, isCopy):
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.platypus import SimpleDocTemplate, Spacer

    text = ParagraphStyle("text", fontName=fonts.regular, fontSize=10, leading=13)
    heading = ParagraphStyle("heading", fontName=fonts.bold, fontSize=14, leading=20)

    def paragraph(words, style=text):
        return fonts.paragraph(words, style)

    story = [paragraph(title, heading), Spacer(1, 8)]
    story += [_table(facts, paragraph, (150, 345)), Spacer(1, 14)]
    story += [paragraph("Specific design characteristics", heading)]
    rows = [("Characteristic", "Value", "Note"), *characteristics]
    story += [_table(rows, paragraph, (150, 140, 205)), Spacer(1, 40)]
    if not isCopy:
        story += [paragraph("Date, name and signature of the prescriber: " + "_" * 44), Spacer(1, 14)]
    story += [paragraph(words) for words in remarks]
    buffer = io.BytesIO()
    SimpleDocTemplate(
        buffer, pagesize=A4, title=name, author="Planning Hub", lang="en", invariant=isCopy,
        leftMargin=MARGIN, rightMargin=MARGIN, topMargin=MARGIN, bottomMargin=MARGIN,
    ).build(story)  # fmt: skip
    return buffer.getvalue()


def _facts(case, prescription):
    request = case.governance["request"] or {}
    prescriber = prescription["prescriber"]
    return [
        ("Patient (pseudonym) and case", case.name),
        ("Device", prescription["device"]),
        ("Procedure", case.procedure or "not stated"),
        ("Side", (case.side or "NOT STATED").upper()),
        ("Indication", request.get("indication") or "not stated"),
        ("Why no standard device", request.get("designReason") or "not stated"),
        ("Prescriber", f"{prescriber['name']}, {prescriber['qualification']}"),
        ("Institution", prescriber["institution"]),
        ("Revision", f"{prescription['revision']} of {prescription['when']}"),
    ]


def _rows(prescription):
    rows = []
    for one in prescription["characteristics"]:
        value = f"{one['value']} {one['unit']}" if one["unit"] else one["value"]
        rows.append((one["kind"].replace("-", " "), value, one["note"]))
    return rows


def _table(rows, paragraph, widths):
    from reportlab.lib.colors import grey
    from reportlab.platypus import Table, TableStyle

    style = TableStyle([("GRID", (0, 0), (-1, -1), 0.5, grey), ("VALIGN", (0, 0), (-1, -1), "TOP")])
    return Table([[paragraph(cell) for cell in row] for row in rows], colWidths=widths, style=style, repeatRows=0)
