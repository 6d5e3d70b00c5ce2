"""A request for a new scan or reconstruction: one page for the radiographer, with a pseudonym and no name.

It says in words what the scan lacks and what the procedure asks for, with the source of each figure.
"""

import datetime
import io

from .Errors import InputRefused
from .Files import writeAside
from .Identity import patientCode, pseudonym
from .PageFonts import drawn
from .Requirements import ensure
from .Secrets import KeyRing

MARGIN = 48
# Points; the page shrinks its text step by step until everything stands on it.
FONT_SIZES = (9.5, 9, 8.5, 8, 7.5, 7)
MOST_FINDINGS = 12
SEVERITY_WORDS = {"reject": "must be mended", "warn": "should be mended"}
SIDE_WORDS = {"left": "LEFT", "right": "RIGHT", "bilateral": "BOTH SIDES", "midline": "MIDLINE", None: "NOT STATED"}
# Key of the limit -> what it is called, and its unit.
PARAMETERS = {
    "sliceSpacingMm": ("Distance between slices", "mm"),
    "sliceThicknessMm": ("Slice thickness", "mm"),
    "pixelSpacingMm": ("Pixel size", "mm"),
    "coverageMm": ("Range covered along the body", "mm"),
    "fieldOfViewMm": ("Field of view", "mm"),
    "noiseHu": ("Noise in soft tissue (standard deviation)", "HU"),
    "axisAngleDegrees": ("Angle to the axial plane", "degrees"),
}
# Findings about the choice of a series, which name its UID and ask nothing of a radiographer.
NOT_FOR_RADIOGRAPHERS = {"several-series", "no-such-series", "other-series-refused"}
FOOTER = "Made by Planning Hub, not a medical device. The decision on exposure is the radiologist's."


def rescanRequestPdf(verdict, side=None, when=None):
    """Return the page as PDF bytes.

    :param verdict: :class:`PlanningHubLib.Verdict.Verdict`, of whatever word
    :param side: the side of the request, or None
    :param when: aware datetime; now by default
    """
    ensure("PlanningHubLib")
    when = when or datetime.datetime.now(datetime.UTC)
    return drawn(lambda fonts: _pdf(verdict, side, when, fonts))


def _pdf(verdict, side, when, fonts):
    from reportlab.lib.pagesizes import A4
    from reportlab.platypus import KeepInFrame, SimpleDocTemplate

    for size in FONT_SIZES:
        data = io.BytesIO()
        document = SimpleDocTemplate(
            data, pagesize=A4, leftMargin=MARGIN, rightMargin=MARGIN, topMargin=MARGIN, bottomMargin=MARGIN,
            title="Request for a new scan", author="Planning Hub", invariant=1,
        )  # fmt: skip
        content = _content(verdict, side, when, _Page(fonts, size), size)
        if size == FONT_SIZES[-1]:
            content = [KeepInFrame(document.width, document.height - 14, content, mode="shrink")]
        document.build(content)
        if document.page == 1:
            break
    return data.getvalue()


def writeRescanRequest(path, verdict, side=None):
    """Write the page to a file that does not exist yet.

    :raises InputRefused: ``already-there``, ``cannot-write``, ``disk-full``
    """
    if path.exists():
        raise InputRefused("already-there", f"{path} exists.", "Choose another name or remove it.", [path])
    writeAside(path, rescanRequestPdf(verdict, side))


def patientPseudonym(verdict):
    """Return the patient's pseudonym under this installation's key; empty where the scan names none, or several."""
    series = [verdict.chosen] if verdict.chosen else verdict.series
    headers = [header for one in series for header in one.headers]
    ids = {(header.patientId, header.patientIdIssuer) for header in headers}
    if len(ids) != 1 or not headers[0].patientId:
        return ""
    return pseudonym(patientCode(KeyRing.forThisInstallation(), *ids.pop()))


def requiredParameters(procedure):
    """Yield (what, recommended, required, source) for each limit that a radiographer can meet, as text."""
    for key, (name, unit) in PARAMETERS.items():
        limit = procedure.limit(key)
        if limit:
            yield name, _bound(limit, "warn", unit), _bound(limit, "reject", unit), limit["source"]
    modalities = procedure.limit("modalities")
    if modalities:
        wanted = " or ".join(modalities["wanted"])
        yield "Modality", wanted, wanted, modalities["source"]
    kernel, contrast = procedure.limit("kernel"), procedure.limit("contrast")
    if kernel:
        yield "Kernel", " or ".join(kernel["wanted"]), "-", kernel["source"]
    if contrast:
        needed = contrast["rule"] == "required"
        text = f"yes, at least {contrast['minimumHu']:g} HU in the lumen" if needed else "none"
        yield "Contrast medium", text, "yes" if needed else "-", contrast["source"]
    yield "Gantry tilt", "none", "-", "slices that are not stacked along their normal have to be resampled"
    yield "Spacing", "even, no slice missing", "even, no slice missing", "the geometry of a volume"


def _bound(limit, severity, unit):
    for side, words in (("Above", "at most"), ("Below", "at least")):
        if limit.get(severity + side) is not None:
            return f"{words} {limit[severity + side]:g} {unit}"
    return "-"


class _Page:
    """The styles of the page in one size of text, and what they make paragraphs of."""

    def __init__(self, fonts, size):
        from reportlab.lib.styles import ParagraphStyle

        self._fonts = fonts
        self.text = ParagraphStyle("text", fontName=fonts.regular, fontSize=size, leading=size * 1.3)
        self.bold = ParagraphStyle("bold", parent=self.text, fontName=fonts.bold)
        self.small = ParagraphStyle("small", parent=self.text, fontSize=size - 1.5, leading=(size - 1.5) * 1.25,
                                    textColor="#444444")  # fmt: skip
        self.title = ParagraphStyle("title", fontName=fonts.bold, fontSize=18, leading=23)
        self.heading = ParagraphStyle("heading", parent=self.bold, fontSize=size + 2.5, leading=size * 2,
                                      spaceBefore=size * 0.8)  # fmt: skip

    def line(self, content, style=None):
        """Return a paragraph; what the fonts cannot print is a box, never another character."""
        return self._fonts.paragraph(content, style or self.text)


def _content(verdict, side, when, page, size):
    from reportlab.platypus import Spacer

    return [
        page.line("Request for a new scan or reconstruction", page.title),
        page.line(
            "Often the raw data are still on the scanner: a new reconstruction spares the patient a second exposure."
        ),
        Spacer(1, size),
        _caseTable(verdict, side, when, page),
        page.line("What the scan at hand lacks", page.heading),
        *_findingLines(verdict, page),
        page.line(f"What {verdict.procedure.title} asks for", page.heading),
        _parameterTable(verdict.procedure, page),
        Spacer(1, size),
        page.line("Done by: ______________________    Date: ______________    Series sent: ______________________"),
        Spacer(1, size * 0.6),
        page.line(FOOTER, page.small),
    ]


def _caseTable(verdict, side, when, page):
    name = patientPseudonym(verdict)
    scanned = verdict.chosen.facts.scanDate if verdict.chosen else None
    rows = [
        ("Patient (pseudonym)", name or "not known: the scan names no patient, or several"),
        ("Patient (filled in by hand in the hospital)", "_________________________________"),
        ("Procedure", verdict.procedure.title),
        ("Side", SIDE_WORDS[side]),
        ("Verdict on the scan at hand", verdict.word.upper()),
        ("Date of the scan at hand", scanned.isoformat() if scanned else "not stated"),
        ("Requested on", when.date().isoformat()),
    ]
    return _table([list(map(page.line, row)) for row in rows], (0.38, 0.62))


def _findingLines(verdict, page):
    open_ = [
        finding
        for finding in verdict.findings
        if finding.severity in SEVERITY_WORDS and finding.code not in NOT_FOR_RADIOGRAPHERS
    ]
    open_.sort(key=lambda finding: finding.severity != "reject")
    if not open_:
        return [page.line("Nothing was found.")]
    lines = [
        page.line(f"{number}. [{SEVERITY_WORDS[one.severity]}] {_shortened(one.message)} {one.action}")
        for number, one in enumerate(open_[:MOST_FINDINGS], 1)
    ]
    if len(open_) > MOST_FINDINGS:
        lines.append(page.line(f"… and {len(open_) - MOST_FINDINGS} more."))
    return lines


def _shortened(message):
    return message if len(message) <= 400 else message[:399] + "…"


def _parameterTable(procedure, page):
    titles = ("Parameter", "Recommended", "Required", "Source of the figure")
    rows = [[page.line(text, page.bold) for text in titles]]
    for name, recommended, required, source in requiredParameters(procedure):
        rows.append([*map(page.line, (name, recommended, required)), page.line(source, page.small)])
    return _table(rows, (0.29, 0.21, 0.17, 0.33))


def _table(rows, shares):
    from reportlab.lib.colors import HexColor
    from reportlab.lib.pagesizes import A4
    from reportlab.platypus import Table

    width = A4[0] - 2 * MARGIN - 12
    table = Table(rows, colWidths=[share * width for share in shares])
    table.setStyle([("GRID", (0, 0), (-1, -1), 0.4, HexColor("#999999")), ("VALIGN", (0, 0), (-1, -1), "TOP"),
                    ("TOPPADDING", (0, 0), (-1, -1), 1.5), ("BOTTOMPADDING", (0, 0), (-1, -1), 2)])  # fmt: skip
    return table
