"""The briefing: one A4 page for the wall of the operating room, with case, side, pictures, figures and hashes."""

import dataclasses
import datetime

from PlanningHubLib.Paper import APPROVED_COLOR, COLORS, LOST_TEXT, WARNING_COLOR, qrRectangles

from .BodyFigure import BODY, drawFigure

# In place of an intended use: the page stands in a de-identified copy.
COPY = "copy"
BANNERS = {
    "planning": "NOT APPROVED – for planning review only",
    "education": "FOR EDUCATION – not for treatment",
    "quality": "FOR QUALITY ASSURANCE – not for treatment",
    COPY: "DE-IDENTIFIED COPY – not approved, not signed",
}
FOOTER = "Not for diagnosis. Check patient, case and side against the patient's record before use."
SIDE_WORDS = {"left": "LEFT", "right": "RIGHT", "bilateral": "BOTH SIDES", "midline": "MIDLINE"}
SIDE_UNKNOWN = "SIDE NOT STATED"
LEGEND = "R, L, A, P: the patient's right, left, front, back. Lengths in millimetres, patient coordinates (LPS)."
# Points, as everything on the page.
MARGIN, GAP = 36, 9
FIGURE_SIZE, CAPTION_HEIGHT, ROW_HEIGHT, QR_SIZE = 150, 14, 14, 78
HEADING_HEIGHT, LEGEND_HEIGHT, FOOT_HEIGHT = 20, 14, 54
# Of a picture: width by height.
PICTURE_SHAPE = 4 / 3
# What one page can hold for the wall; the details hold the rest.
MOST_ROWS = {"figures": 10, "implants": 6, "risks": 8, "hashes": 7}
SMALLEST_TEXT = 6.5
QUIET_COLOR = "#444444"


@dataclasses.dataclass(frozen=True)
class Picture:
    """A PNG with what it shows and the patient directions at its left and right edge (empty: lettered already)."""

    path: object
    caption: str
    leftLetter: str = ""
    rightLetter: str = ""


@dataclasses.dataclass(frozen=True)
class Risk:
    """What must not be hurt, and how near the plan comes: ``level`` is ``reject``, ``warn``, ``free`` or empty."""

    text: str
    value: str
    level: str = ""


@dataclasses.dataclass(frozen=True)
class Briefing:
    """What the page says.

    :param side: left, right, bilateral, midline, or None
    :param region: ``head`` or ``body``, on which the side is shown
    :param pictures: up to three :class:`Picture`
    :param noPictures: why there are none, where there are none
    :param figures: (name, value with unit) pairs, as are ``implants``
    :param risks: :class:`Risk` tuple, the nearest first
    :param hashes: (name, SHA-256) pairs of what the page describes
    :param qr: text of the QR code, or empty
    :param when: aware datetime; of a copy the moved day as a date, None where it has none
    :param software: name -> version
    :param approvers: one line for each who approved; empty means not approved
    :param intendedUse: of :data:`PlanningHubLib.IntendedUse.USES`, or ``COPY``; only for planning there are approvers
    """

    caseName: str
    side: str | None
    procedure: str | None
    figures: tuple
    hashes: tuple
    when: datetime.date | None
    software: dict
    region: str = BODY
    pictures: tuple = ()
    noPictures: str = ""
    implants: tuple = ()
    risks: tuple = ()
    qr: str = ""
    approvers: tuple = ()
    intendedUse: str = "planning"

    @property
    def banner(self):
        return f"APPROVED by {' and '.join(self.approvers)}" if self.approvers else BANNERS[self.intendedUse]

    @property
    def sideWords(self):
        return SIDE_WORDS.get(self.side, SIDE_UNKNOWN)


def drawBriefing(briefing, canvas, fonts, size, pageText):
    """Draw the page on a reportlab canvas of a size in points."""
    _Page(canvas, fonts, *size).draw(briefing, pageText)


class _Page:
    """Draws from the top down; ``y`` is where the free part of the page begins."""

    def __init__(self, canvas, fonts, width, height):
        self.canvas = canvas
        self.fonts = fonts
        self.left, self.right = MARGIN, width - MARGIN
        self.width, self.height = width, height
        self.y = height

    def draw(self, briefing, pageText):
        self._banner(briefing)
        self._identity(briefing)
        left, right = self._columns(briefing)
        lower = max(_heightOf(left), _heightOf(right)) + self._originHeight(briefing)
        self._views(briefing, self.y - HEADING_HEIGHT - LEGEND_HEIGHT - lower - FOOT_HEIGHT)
        top = self.y
        middle = (self.left + self.right + GAP) / 2
        self._column(left, self.left, middle - GAP)
        bottom, self.y = self.y, top
        self._column(right, middle, self.right)
        self.y = min(self.y, bottom)
        self._origin(briefing)
        self._footer(pageText)

    def _banner(self, briefing):
        self.canvas.setFillColor(APPROVED_COLOR if briefing.approvers else WARNING_COLOR)
        self.canvas.rect(0, self.height - 48, self.width, 48, stroke=0, fill=1)
        self._text(briefing.banner, self.width / 2, self.height - 32, self.right - self.left, 21, True, "white", "c")
        self.y -= 60

    def _identity(self, briefing):
        """Draw the figure, and beside it case, side and procedure."""
        top, left = self.y, self.left + FIGURE_SIZE + 2 * GAP
        drawFigure(
            self.canvas, self.fonts.bold, briefing.region, briefing.side, self.left, top - FIGURE_SIZE, FIGURE_SIZE
        )
        width = self.right - left
        self._text(briefing.caseName, left, top - 30, width, 34, True)
        isKnown = briefing.side in SIDE_WORDS
        self.canvas.setFillColor("black" if isKnown else WARNING_COLOR)
        self.canvas.rect(left, top - 104, width, 62, stroke=0, fill=1)
        self._text(briefing.sideWords, left + width / 2, top - 92, width - 12, 54, True, "white", "c")
        self.y = top - 108
        self._paragraph(briefing.procedure or "Procedure not stated", left, (17, 15, 13, 11, 9), 42)
        self.y = top - FIGURE_SIZE - 2

    def _columns(self, briefing):
        """Return the rows of both columns: (kind, text, value, color)."""
        left = [*_rows("Implants and parts", briefing.implants, "implants")]
        risks = [(one.text, one.value, COLORS.get(one.level, "black")) for one in briefing.risks]
        left += _rows("Risks", risks, "risks")
        right = _rows("Key figures", briefing.figures, "figures")
        return (left, right) if left else (right[: len(right) // 2 + 1], _continued(right))

    def _column(self, rows, left, right):
        for kind, text, value, color in rows:
            if kind == "heading":
                self._heading(text, left, right)
                continue
            # The value goes before: it must never be cut.
            room = (
                self._text(value, right, self.y - 10, 0.7 * (right - left), 9.5, True, color, "r") + GAP if value else 0
            )
            self._text(text, left, self.y - 10, right - left - room, 9.5, False, "black" if value else QUIET_COLOR)
            self.y -= ROW_HEIGHT

    def _views(self, briefing, height):
        """Draw the pictures side by side or in rows, as large as they can be in a height."""
        self._heading("Views", self.left, self.right)
        if not briefing.pictures:
            reason = briefing.noPictures or "none were made"
            self._paragraph(f"Pictures unavailable: {reason}", self.left, (11, 9), 40)
            self.y -= 10
        else:
            columns, wide = _grid(len(briefing.pictures), self.right - self.left, height)
            top, high = self.y, wide / PICTURE_SHAPE
            for index, picture in enumerate(briefing.pictures):
                row, column = divmod(index, columns)
                inRow = min(columns, len(briefing.pictures) - row * columns)
                start = (self.width - inRow * wide - (inRow - 1) * GAP) / 2
                place = start + column * (wide + GAP), top - row * (high + CAPTION_HEIGHT) - high
                self._picture(picture, *place, wide, high)
                self.y = place[1] - CAPTION_HEIGHT
        self._text(LEGEND, self.left, self.y - 8, self.right - self.left, 7.5, color=QUIET_COLOR)
        self.y -= LEGEND_HEIGHT

    def _picture(self, picture, x, y, wide, high):
        self.canvas.drawImage(str(picture.path), x, y, wide, high, preserveAspectRatio=True, anchor="c")
        self.canvas.setStrokeColor(QUIET_COLOR)
        self.canvas.setLineWidth(1)
        self.canvas.rect(x, y, wide, high)
        self._letter(picture.leftLetter, x + 2, y + high / 2)
        self._letter(picture.rightLetter, x + wide - 20, y + high / 2)
        self._text(picture.caption, x + wide / 2, y - 10, wide, 9, anchor="c")

    def _letter(self, letter, x, y):
        if letter:
            self.canvas.setFillColor("white")
            self.canvas.rect(x, y - 9, 18, 18, stroke=0, fill=1)
            self._text(letter, x + 9, y - 5, 18, 14, True, anchor="c")

    def _originHeight(self, briefing):
        lines = HEADING_HEIGHT + 11 * min(len(briefing.hashes), MOST_ROWS["hashes"]) + 13
        return max(lines, QR_SIZE if briefing.qr else 0)

    def _origin(self, briefing):
        """Draw the hashes, and the QR code beside them."""
        right = self.right - (QR_SIZE + GAP if briefing.qr else 0)
        for x, y, width, height in qrRectangles(briefing.qr, QR_SIZE) if briefing.qr else ():
            self.canvas.setFillColor("black")
            self.canvas.rect(self.right - QR_SIZE + x, self.y - QR_SIZE + y, width, height, stroke=0, fill=1)
        self._heading("Made from (SHA-256)", self.left, right)
        for name, digest in briefing.hashes[: MOST_ROWS["hashes"]]:
            self.canvas.setFont(self.fonts.mono, 7.3)
            self.canvas.setFillColor("black")
            self.canvas.drawRightString(right, self.y - 9, digest)
            room = right - self.left - self.canvas.stringWidth(digest, self.fonts.mono, 7.3) - GAP
            self._text(name, self.left, self.y - 9, room, 8.5, color=QUIET_COLOR)
            self.y -= 11
        software = ", ".join(f"{name} {version}" for name, version in briefing.software.items())
        self._text(f"{_whenText(briefing.when)}. {software}", self.left, self.y - 11, right - self.left, 8)

    def _footer(self, pageText):
        if self.fonts.lost:
            self._text(LOST_TEXT, self.left, 40, self.right - self.left, 9, color=WARNING_COLOR)
        self.canvas.setStrokeColor(QUIET_COLOR)
        self.canvas.setLineWidth(1)
        self.canvas.line(self.left, 36, self.right, 36)
        self._text(FOOTER, self.left, 23, self.right - self.left - 50, 9)
        self._text(pageText, self.right, 23, 40, 9, anchor="r")

    def _heading(self, text, left, right):
        self._text(text, left, self.y - 12, right - left, 11, True)
        self.canvas.setStrokeColor("black")
        self.canvas.setLineWidth(1)
        self.canvas.line(left, self.y - 16, right, self.y - 16)
        self.y -= HEADING_HEIGHT

    def _text(self, text, x, y, width, size, isBold=False, color="black", anchor="l"):
        """Draw one line, smaller where it is too long, shortened where it still is; return its width."""
        font, text = self.fonts.bold if isBold else self.fonts.regular, " ".join(str(text).split())
        shown, smallest = self.fonts.line(text), min(size, SMALLEST_TEXT)
        while len(text) > 1 and self.canvas.stringWidth(shown, font, smallest) > width:
            text = text[: int(len(text) * 0.95)].rstrip()
            shown = self.fonts.line(f"{text} …")
        wide = self.canvas.stringWidth(shown, font, size)
        size = max(smallest, min(size, size * width / max(wide, 1)))
        self.canvas.setFillColor(color)
        self.canvas.setFont(font, size)
        draw = {"l": "drawString", "c": "drawCentredString", "r": "drawRightString"}[anchor]
        getattr(self.canvas, draw)(x, y, shown)
        return self.canvas.stringWidth(shown, font, size)

    def _paragraph(self, text, left, sizes, height):
        """Draw text in the first of the sizes that fits the height; in the last one, shortened, where none does."""
        for size in sizes:
            block, needed = self._wrapped(text, left, size)
            if needed <= height:
                break
        while needed > height:
            text = text[: int(len(text) * 0.9)].rstrip()
            block, needed = self._wrapped(f"{text} …", left, sizes[-1])
        block.drawOn(self.canvas, left, self.y - needed)
        self.y -= needed

    def _wrapped(self, text, left, size):
        from reportlab.lib.styles import ParagraphStyle

        style = ParagraphStyle("text", fontName=self.fonts.bold, fontSize=size, leading=size * 1.25)
        block = self.fonts.paragraph(text, style)
        return block, block.wrap(self.right - left, self.height)[1]


def _rows(title, rows, kind):
    """Return the rows of a part of a column: its heading, and as many as the page can hold."""
    if not rows:
        return []
    most = MOST_ROWS[kind]
    shown = rows if len(rows) <= most else rows[: most - 1]
    more = [("row", f"and {len(rows) - len(shown)} more in the details", "", "")] if len(shown) < len(rows) else []
    return [("heading", title, "", ""), *(("row", row[0], row[1], (*row, "black")[2]) for row in shown), *more]


def _continued(rows):
    """Return the second half of a column's rows, below an empty heading so that both halves are level."""
    second = rows[len(rows) // 2 + 1 :]
    return [("heading", "", "", ""), *second] if second else []


def _heightOf(rows):
    return sum(HEADING_HEIGHT if kind == "heading" else ROW_HEIGHT for kind, *_rest in rows)


def _grid(count, width, height):
    """Return the number of columns and the width of the cells with which so many pictures are the largest."""
    best = 1, 1.0
    for columns in range(1, count + 1):
        rows = -(-count // columns)
        wide = min((width - (columns - 1) * GAP) / columns, (height / rows - CAPTION_HEIGHT) * PICTURE_SHAPE)
        best = (columns, wide) if wide > best[1] else best
    return best


def _whenText(when):
    if isinstance(when, datetime.datetime):
        return when.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"{when.isoformat()}, moved" if when else "Dates removed"
