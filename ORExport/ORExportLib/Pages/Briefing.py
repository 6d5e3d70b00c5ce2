"""The briefing: one A4 page for the wall of the operating room, with case, side, pictures, figures and hashes."""

import dataclasses
import datetime
import io

from PlanningHubLib.PageFonts import drawn

from .BriefingPlan import drawPlan, planSheets

# In place of an intended use: the page stands in a de-identified copy.
COPY = "copy"
BANNERS = {
    "planning": "NOT APPROVED – for planning review only",
    "education": "FOR EDUCATION – not for treatment",
    "quality": "FOR QUALITY ASSURANCE – not for treatment",
    COPY: "DE-IDENTIFIED COPY – not approved, not signed",
}
APPROVED_COLOR = "#00602b"
FOOTER = "Not for diagnosis. Check patient, case and side against the patient's record before use."
SIDE_WORDS = {"left": "LEFT", "right": "RIGHT", "bilateral": "BOTH SIDES", "midline": "MIDLINE"}
SIDE_UNKNOWN = "SIDE NOT STATED"
LEGEND = (
    "R = patient's right    L = patient's left",
    "A = front    P = back",
    "Lengths in millimetres, patient coordinates (LPS)",
)
# Points, as everything on the page.
MARGIN = 36
CELL_WIDTH = 257
CELL_HEIGHT = 193
CELL_GAP = 9
CAPTION_HEIGHT = 20
WARNING_COLOR = "#b00020"
QUIET_COLOR = "#444444"


@dataclasses.dataclass(frozen=True)
class Picture:
    """A PNG with what it shows and the patient directions at its left and right edge (empty: lettered already)."""

    path: object
    caption: str
    leftLetter: str
    rightLetter: str


@dataclasses.dataclass(frozen=True)
class Briefing:
    """What the page says.

    :param side: left, right, bilateral, midline, or None
    :param pictures: up to three :class:`Picture`
    :param noPictures: why there are none, where there are none
    :param figures: (name, value with unit) pairs
    :param hashes: (name, SHA-256) pairs of what the page describes
    :param when: aware datetime; of a copy the moved day as a date, None where it has none
    :param software: name -> version
    :param approvers: one line for each who approved; empty means not approved
    :param planLines: :class:`ORExportLib.Pages.BriefingPlan.Line` of the plan, for the pages after the first
    :param intendedUse: of :data:`PlanningHubLib.IntendedUse.USES`, or ``COPY``; only for planning there are approvers
    """

    caseName: str
    side: str | None
    procedure: str | None
    figures: tuple
    hashes: tuple
    when: datetime.date | None
    software: dict
    pictures: tuple = ()
    noPictures: str = ""
    approvers: tuple = ()
    planLines: tuple = ()
    intendedUse: str = "planning"


def briefingPdf(briefing):
    """Return the bytes of the PDF: one page, and more where there is a plan."""
    return drawn(lambda fonts: _pdf(briefing, fonts))


def _pdf(briefing, fonts):
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfgen.canvas import Canvas

    buffer = io.BytesIO()
    # The file of a copy says no more of the day than its page does.
    canvas = Canvas(buffer, pagesize=A4, lang="en", invariant=briefing.intendedUse == COPY)
    canvas.setTitle(f"{briefing.caseName} surgical briefing")
    canvas.setAuthor("Planning Hub")
    sheets = planSheets(briefing.planLines, fonts, A4[0] - 2 * MARGIN)
    Page(canvas, fonts, *A4).draw(briefing, 1 + len(sheets))
    for number, lines in enumerate(sheets):
        canvas.showPage()
        drawPlan(Page(canvas, fonts, *A4), briefing, lines, f"{2 + number} / {1 + len(sheets)}")
    canvas.save()
    return buffer.getvalue()


class Page:
    """Draws from the top down; ``y`` is where the free part of the page begins, in points."""

    def __init__(self, canvas, fonts, width, height):
        self.canvas = canvas
        self.fonts = fonts
        self.left, self.right = MARGIN, width - MARGIN
        self.width, self.height = width, height
        self.y = height

    def draw(self, briefing, pages):
        """Draw the first page of so many."""
        self.banner(briefing)
        self._identity(briefing)
        self._views(briefing)
        self._origin(briefing)
        self.footer(f"1 / {pages}")

    def banner(self, briefing):
        approved = f"APPROVED by {' and '.join(briefing.approvers)}"
        text = approved if briefing.approvers else BANNERS[briefing.intendedUse]
        self.canvas.setFillColor(APPROVED_COLOR if briefing.approvers else WARNING_COLOR)
        self.canvas.rect(0, self.height - 48, self.width, 48, stroke=0, fill=1)
        self.canvas.setFillColor("white")
        size = self.fittingSize(text, self.fonts.bold, 21, self.right - self.left)
        self.canvas.setFont(self.fonts.bold, size)
        self.canvas.drawCentredString(self.width / 2, self.height - 32, self.printable(text))
        self.y -= 60

    def _identity(self, briefing):
        side = SIDE_WORDS.get(briefing.side)
        self.canvas.setFillColor("black")
        self._line(briefing.caseName, self.fonts.bold, 48, 56)
        if side:
            self._sideBox(side)
        else:
            self._line(SIDE_UNKNOWN, self.fonts.bold, 40, 52, WARNING_COLOR)
        self.y -= 10
        self._paragraph(briefing.procedure or "Procedure not stated", self.fonts.bold, (18, 16, 14, 12, 10), 44)
        self.y -= 8

    def _line(self, text, font, size, height, color="black"):
        size = self.fittingSize(text, font, size, self.right - self.left)
        self.canvas.setFillColor(color)
        self.canvas.setFont(font, size)
        self.canvas.drawString(self.left, self.y - height + 0.25 * size, self.printable(text))
        self.y -= height

    def _sideBox(self, text):
        self.canvas.setFillColor("black")
        self.canvas.rect(self.left, self.y - 76, self.right - self.left, 76, stroke=0, fill=1)
        self.canvas.setFillColor("white")
        self.canvas.setFont(self.fonts.bold, 64)
        self.canvas.drawCentredString(self.width / 2, self.y - 61, text)
        self.y -= 76

    def _views(self, briefing):
        """Draw a grid of two columns: the pictures, then the figures in the next free cell."""
        self.heading("Views")
        if not briefing.pictures:
            reason = briefing.noPictures or "none were made"
            self._paragraph(f"Pictures unavailable: {reason}", self.fonts.regular, (12, 10, 9), 60)
            self.y -= 10
        top = self.y
        for index, picture in enumerate(briefing.pictures):
            self._picture(picture, *self._cell(index, top))
        x, y = self._cell(len(briefing.pictures), top)
        self._figures(briefing.figures, x, y)
        self.y = self._cell(len(briefing.pictures) + 2 - len(briefing.pictures) % 2, top)[1] - 4

    def _cell(self, index, top):
        """Return left and top of a cell of the grid."""
        row, column = divmod(index, 2)
        return self.left + column * (CELL_WIDTH + CELL_GAP), top - row * (CELL_HEIGHT + CAPTION_HEIGHT)

    def _picture(self, picture, x, top):
        bottom = top - CELL_HEIGHT
        self.canvas.drawImage(
            str(picture.path), x, bottom, CELL_WIDTH, CELL_HEIGHT, preserveAspectRatio=True, anchor="c"
        )
        self.canvas.setStrokeColor(QUIET_COLOR)
        self.canvas.rect(x, bottom, CELL_WIDTH, CELL_HEIGHT)
        self._letter(picture.leftLetter, x + 2, bottom + CELL_HEIGHT / 2)
        self._letter(picture.rightLetter, x + CELL_WIDTH - 24, bottom + CELL_HEIGHT / 2)
        self.canvas.setFillColor("black")
        self.canvas.setFont(self.fonts.regular, 10)
        self.canvas.drawCentredString(x + CELL_WIDTH / 2, bottom - 12, self.printable(picture.caption))

    def _letter(self, letter, x, y):
        if not letter:
            return
        self.canvas.setFillColor("white")
        self.canvas.rect(x, y - 11, 22, 22, stroke=0, fill=1)
        self.canvas.setFillColor("black")
        self.canvas.setFont(self.fonts.bold, 17)
        self.canvas.drawCentredString(x + 11, y - 6, letter)

    def _figures(self, figures, x, y):
        for name, value in figures:
            self.canvas.setFillColor(QUIET_COLOR)
            self.canvas.setFont(self.fonts.regular, 11)
            self.canvas.drawString(x, y - 12, self.printable(name))
            self.canvas.setFillColor("black")
            room = CELL_WIDTH - 8 - self.canvas.stringWidth(name, self.fonts.regular, 11)
            self.canvas.setFont(self.fonts.bold, self.fittingSize(value, self.fonts.bold, 11, room))
            self.canvas.drawRightString(x + CELL_WIDTH, y - 12, self.printable(value))
            y -= 19
        for line in LEGEND:
            self.canvas.setFont(self.fonts.regular, 10)
            self.canvas.drawString(x, y - 18, line)
            y -= 14

    def _origin(self, briefing):
        self.heading("Made from (SHA-256)")
        for name, digest in briefing.hashes:
            self.canvas.setFillColor(QUIET_COLOR)
            self.canvas.setFont(self.fonts.regular, 9)
            self.canvas.drawString(self.left, self.y - 10, self.printable(name))
            self.canvas.setFillColor("black")
            self.canvas.setFont(self.fonts.mono, 8.5)
            self.canvas.drawRightString(self.right, self.y - 10, digest)
            self.y -= 13
        software = ", ".join(f"{name} {version}" for name, version in briefing.software.items())
        self.y -= 4
        self._paragraph(f"{_whenText(briefing.when)}. {software}", self.fonts.regular, (9, 8, 7, 6), 12)

    def footer(self, pageText):
        if self.fonts.lost:
            self.y = 54
            self._paragraph(
                "□ stands for a character that this page cannot print; the case holds the full text.",
                self.fonts.regular,
                (9,),
                14,
                WARNING_COLOR,
            )
        self.canvas.setStrokeColor(QUIET_COLOR)
        self.canvas.line(self.left, 36, self.right, 36)
        self.canvas.setFillColor("black")
        self.canvas.setFont(self.fonts.regular, 9)
        self.canvas.drawString(self.left, 23, FOOTER)
        self.canvas.drawRightString(self.right, 23, pageText)

    def heading(self, text):
        self.canvas.setFillColor("black")
        self.canvas.setFont(self.fonts.bold, 12)
        self.canvas.drawString(self.left, self.y - 12, text)
        self.canvas.setStrokeColor("black")
        self.canvas.line(self.left, self.y - 17, self.right, self.y - 17)
        self.y -= 22

    def _paragraph(self, text, font, sizes, height, color="black"):
        """Draw text in the first of the sizes that fits the height; in the last one, shortened, where none does."""
        for size in sizes:
            block, needed = self._wrapped(text, font, size, color)
            if needed <= height:
                break
        while needed > height:
            text = text[: int(len(text) * 0.9)].rstrip()
            block, needed = self._wrapped(f"{text} …", font, sizes[-1], color)
        block.drawOn(self.canvas, self.left, self.y - needed)
        self.y -= needed

    def _wrapped(self, text, font, size, color):
        from reportlab.lib.styles import ParagraphStyle

        style = ParagraphStyle("text", fontName=font, fontSize=size, leading=size * 1.2, textColor=color)
        block = self.fonts.paragraph(text, style)
        return block, block.wrap(self.right - self.left, self.height)[1]

    def fittingSize(self, text, font, size, width):
        return min(size, size * width / max(self.canvas.stringWidth(text, font, size), 1))

    def printable(self, text):
        return self.fonts.line(text)


def _whenText(when):
    if isinstance(when, datetime.datetime):
        return when.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"{when.isoformat()}, moved" if when else "Dates removed"
