"""An outcome as a table and as a PDF: what was planned, what was reached, and what could not be found."""

import csv
import io

from ..PageFonts import drawn

FOOTER = (
    "Made by Planning Hub, not a medical device. The figures compare surfaces of two scans; they say nothing about the "
    "success of the treatment."
)
# Kind of row → its title, and its columns: key, title.
TABLES = {
    "planes": (
        "Cut planes",
        (("plane", "Plane"), ("angleDegrees", "Angle (degrees)"), ("offsetMm", "Offset along the normal (mm)"),
         ("faces", "Faces"), ("flatnessMm", "Flatness (mm)")),
    ),
    "bodies": (
        "Fragments and implants",
        (("body", "Body"), ("distanceMm", "Distance (mm)"), ("angleDegrees", "Turn (degrees)"),
         ("translationMm", "Shift along R, A, S (mm)"), ("rotationDegrees", "Turn about R, A, S (degrees)"),
         ("meanMm", "Surface, mean (mm)"), ("p95Mm", "Surface, 95 % (mm)"), ("fitMm", "Fit (mm)")),
    ),
    "trajectories": (
        "Trajectories",
        (("trajectory", "Trajectory"), ("entryDistanceMm", "Entry (mm)"), ("targetDistanceMm", "Target (mm)"),
         ("entryLateralMm", "Entry, beside the axis (mm)"), ("targetLateralMm", "Target, beside the axis (mm)"),
         ("angleDegrees", "Angle (degrees)"), ("from", "Seen in")),
    ),
}  # fmt: skip
_MARGIN, _SIZE = 48, 8.5


def csvText(outcome):
    """Return all figures of an outcome as CSV: kind, name, figure, value."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("kind", "name", "figure", "value"))
    for key, value in outcome["registration"].items():
        if key != "matrix":
            writer.writerow(("registration", outcome["registration"]["on"], key, value))
    for kind, (_title, columns) in TABLES.items():
        for row in outcome[kind]:
            for key, value in row.items():
                if key != columns[0][0]:
                    writer.writerow((kind, row[columns[0][0]], key, _cellText(value, 3)))
    for row in outcome["notFound"]:
        writer.writerow(("notFound", row["name"], row["kind"], row["reason"]))
    return text.getvalue()


def outcomePdf(caseName, side, intendedUse, outcome):
    """Return the report as PDF bytes; it names the case by its pseudonym only, which is the case's name."""
    opening = tuple(_opening(caseName, side, intendedUse, outcome))
    return drawn(lambda fonts: _pdf(opening, outcome, fonts))


def _pdf(opening, outcome, fonts):
    from reportlab.lib.pagesizes import A4, landscape
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.platypus import SimpleDocTemplate, Spacer

    text = ParagraphStyle("text", fontName=fonts.regular, fontSize=_SIZE, leading=_SIZE * 1.3)
    heading = ParagraphStyle("heading", parent=text, fontName=fonts.bold, fontSize=_SIZE + 2.5, leading=_SIZE * 2,
                             spaceBefore=_SIZE)  # fmt: skip
    title = ParagraphStyle("title", fontName=fonts.bold, fontSize=17, leading=23)

    def line(content, style=text):
        return fonts.paragraph(content, style)

    content = [line("Plan against outcome", title), *map(line, opening)]
    for kind, (name, columns) in TABLES.items():
        if outcome[kind]:
            content += [line(name, heading), _table(outcome[kind], columns, text, fonts)]
    if outcome["notFound"]:
        content.append(line("Not found in the scan after the operation", heading))
        content += [line(f"{one['kind']} {one['name']}: {one['reason']}.") for one in outcome["notFound"]]
    if outcome["findings"]:
        content.append(line("About the scan after the operation", heading))
        content += [line(f"{one['code']}: {one['message']}") for one in outcome["findings"]]
    content += [Spacer(1, _SIZE), line(FOOTER)]
    data = io.BytesIO()
    margins = dict.fromkeys(("leftMargin", "rightMargin", "topMargin", "bottomMargin"), _MARGIN)
    SimpleDocTemplate(
        data, pagesize=landscape(A4), title="Plan against outcome", author="Planning Hub", invariant=1, **margins
    ).build(content)
    return data.getvalue()


def _opening(caseName, side, intendedUse, outcome):
    fit, scan = outcome["registration"], outcome["scan"]
    yield f"Case {caseName}, side {side or 'not stated'}, plan {outcome['plan']['title']}."
    yield f"Intended use: {intendedUse}."
    yield (
        f"Registered rigidly on {fit['on']}: {fit['meanMm']:.2f} mm left on average, {fit['p95Mm']:.2f} mm at 95 % "
        f"of the {100 * fit['keptShare']:.0f} % of {fit['samples']} points that count: no figure below is surer."
    )
    spacing = " x ".join(f"{value:.2f}" for value in scan["spacingMm"])
    yield f"Bone from {scan['thresholdHu']:g} HU, voxels of {spacing} mm. R, A and S are those of the planned scan."


def _table(rows, columns, style, fonts):
    from reportlab.lib.colors import HexColor
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.platypus import Table, TableStyle

    def inFont(texts, fontName):
        ownStyle = ParagraphStyle(fontName, parent=style, fontName=fontName)
        return [fonts.paragraph(text, ownStyle) for text in texts]

    cells = [inFont([name for _key, name in columns], fonts.bold)]
    cells += [inFont([_cellText(row[key]) for key, _name in columns], fonts.regular) for row in rows]
    table = Table(cells, repeatRows=1)
    table.setStyle(
        TableStyle([("GRID", (0, 0), (-1, -1), 0.5, HexColor("#999999")), ("VALIGN", (0, 0), (-1, -1), "TOP")])
    )
    return table


def _cellText(value, decimals=2):
    if isinstance(value, list):
        return " ".join(_cellText(one, decimals) for one in value)
    return f"{value:.{decimals}f}" if isinstance(value, float) else str(value)
