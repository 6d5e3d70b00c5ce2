"""A4 pages of a part's papers: each page says which case and part it is of, and whether that is approved."""

import copy
import dataclasses
import io
from xml.sax.saxutils import escape

from PlanningHubLib.PageFonts import pageFonts

# Points, as everything on a page.
MARGIN, BANNER, SIZE = 45, 30, 8.5
WIDTH, LEAST_BELOW_HEADING = 595 - 2 * MARGIN, 80
APPROVED_COLOR, WARNING_COLOR, GRID_COLOR, HEAD_COLOR = "#00602b", "#b00020", "#999999", "#eeeeee"
NOT_APPROVED, DRAFT = "NOT APPROVED", "DRAFT"
FOOTER = "Made by Planning Hub, not a medical device. Check case, side and part number against the part."


@dataclasses.dataclass(frozen=True)
class Head:
    """What stands on every page.

    :param approvers: in words; empty: not approved
    :param foot: case, side, part, hash, when and who, on one line
    """

    title: str
    approvers: str
    foot: str
    isDraft: bool = False

    @property
    def banner(self):
        state = f"APPROVED by {self.approvers}" if self.approvers else NOT_APPROVED
        return f"{DRAFT} – part {state}" if self.isDraft else state

    @property
    def color(self):
        return APPROVED_COLOR if self.approvers and not self.isDraft else WARNING_COLOR


class Paper:
    """A document that is filled from the top down, then made into the bytes of a PDF."""

    def __init__(self, head):
        from reportlab.lib.styles import ParagraphStyle

        self.head, self.fonts, self.story = head, pageFonts(), []
        text = ParagraphStyle("text", fontName=self.fonts.regular, fontSize=SIZE, leading=SIZE * 1.3)
        self._styles = {
            "text": text,
            "bold": ParagraphStyle("bold", parent=text, fontName=self.fonts.bold),
            "mono": ParagraphStyle("mono", parent=text, fontName=self.fonts.mono, fontSize=SIZE - 1.5, wordWrap="CJK"),
            "missing": ParagraphStyle("missing", parent=text, fontName=self.fonts.bold, textColor=WARNING_COLOR),
            "title": ParagraphStyle("title", parent=text, fontName=self.fonts.bold, fontSize=16, leading=22),
            "heading": ParagraphStyle("heading", parent=text, fontName=self.fonts.bold, fontSize=SIZE + 2,
                                      leading=SIZE * 2, spaceBefore=SIZE, keepWithNext=True),
        }  # fmt: skip
        self.text(head.title, "title")

    def block(self, words, style="text"):
        """Return a paragraph."""
        from reportlab.platypus import Paragraph

        return Paragraph(escape(self.fonts.printable(str(words))), self._styles[style])

    def text(self, words, style="text"):
        self.story.append(self.block(words, style))

    def heading(self, words):
        from reportlab.platypus import CondPageBreak

        self.story.append(CondPageBreak(LEAST_BELOW_HEADING))
        self.text(words, "heading")

    def space(self, points):
        from reportlab.platypus import Spacer

        self.story.append(Spacer(1, points))

    def facts(self, rows):
        """Add a table of names and values; a value of None is printed as missing."""
        cells = [(self.block(name), self._value(value)) for name, value in rows]
        self._table(cells, (150, WIDTH - 150))

    def table(self, head, rows, widths, mono=(), heights=None):
        """Add a table with a head.

        :param widths: shares of the page's width
        :param mono: columns that hold hashes
        :param heights: least height of the rows, for what is filled in by hand
        """
        cells = [[self.block(words, "bold") for words in head]]
        cells += [[self.block(cell, "mono" if at in mono else "text") for at, cell in enumerate(row)] for row in rows]
        self._table(cells, [WIDTH * share / sum(widths) for share in widths], hasHead=True, height=heights)

    def pictures(self, paths, height, caption):
        """Add PNGs side by side, as high as they may be, and what they show."""
        from reportlab.lib.utils import ImageReader
        from reportlab.platypus import Image, Table

        sizes = [ImageReader(str(path)).getSize() for path in paths]
        height = min([height, *((WIDTH / len(paths) - 8) * high / wide for wide, high in sizes)])
        images = [
            Image(str(path), width=height * wide / high, height=height)
            for path, (wide, high) in zip(paths, sizes, strict=True)
        ]
        self.space(8)
        self.story.append(Table([images]))
        self.text(caption)

    def newPage(self):
        from reportlab.platypus import PageBreak

        self.story.append(PageBreak())

    def qr(self, dark, sizeMm=22.0):
        """Add a QR code.

        :param dark: boolean (n, n), rows from the top
        """
        from reportlab.graphics.shapes import Drawing, Rect
        from reportlab.lib.colors import black

        count = len(dark)
        module = sizeMm * 72 / 25.4 / count
        # The quiet zone of the standard (ISO/IEC 18004): four modules on each side.
        drawing = Drawing((count + 8) * module, (count + 8) * module)
        for row, column in zip(*dark.nonzero(), strict=True):
            place = (4 + column) * module, (3 + count - row) * module
            drawing.add(Rect(*place, module, module, fillColor=black, strokeColor=black, strokeWidth=0.05))
        self.story.append(drawing)

    def _value(self, value):
        if value is None:
            return self.block("MISSING", "missing")
        return value if hasattr(value, "wrap") else self.block(value)

    def _table(self, cells, widths, hasHead=False, height=None):
        from reportlab.lib.colors import HexColor
        from reportlab.platypus import Table, TableStyle

        style = [("GRID", (0, 0), (-1, -1), 0.5, HexColor(GRID_COLOR)), ("VALIGN", (0, 0), (-1, -1), "TOP"),
                 ("TOPPADDING", (0, 0), (-1, -1), 2), ("BOTTOMPADDING", (0, 0), (-1, -1), 3)]  # fmt: skip
        if hasHead:
            style.append(("BACKGROUND", (0, 0), (-1, 0), HexColor(HEAD_COLOR)))
        heights = [None] + [height] * (len(cells) - 1) if height else None
        self.story.append(
            Table(cells, colWidths=widths, rowHeights=heights, style=TableStyle(style), repeatRows=int(hasHead))
        )

    def pdf(self):
        """Return the bytes; equal papers give equal bytes."""
        from reportlab.lib.pagesizes import A4
        from reportlab.platypus import SimpleDocTemplate

        pages = self._build(A4, SimpleDocTemplate, 0)[1]
        return self._build(A4, SimpleDocTemplate, pages)[0]

    def _build(self, size, template, pages):
        # Copies: reportlab marks what it moved to the next page, and refuses to move it again in the second run.
        data, seen = io.BytesIO(), []

        def frame(canvas, document):
            seen.append(document.page)
            self._frame(canvas, size, f"{document.page} / {pages}")

        template(
            data, pagesize=size, title=self.head.title, author="Planning Hub", lang="en", invariant=1,
            leftMargin=MARGIN, rightMargin=MARGIN, topMargin=BANNER + 20, bottomMargin=MARGIN + 10,
        ).build([copy.copy(one) for one in self.story], onFirstPage=frame, onLaterPages=frame)  # fmt: skip
        return data.getvalue(), len(seen)

    def _frame(self, canvas, size, pageText):
        width, height = size
        canvas.saveState()
        canvas.setFillColor(self.head.color)
        canvas.rect(0, height - BANNER, width, BANNER, stroke=0, fill=1)
        canvas.setFillColor("white")
        text = self.fonts.printable(self.head.banner)
        wide = canvas.stringWidth(text, self.fonts.bold, 15)
        canvas.setFont(self.fonts.bold, min(15, 15 * WIDTH / wide))
        canvas.drawCentredString(width / 2, height - BANNER + 10, text)
        canvas.setFillColor("black")
        canvas.setFont(self.fonts.regular, 7)
        canvas.line(MARGIN, 44, width - MARGIN, 44)
        canvas.drawString(MARGIN, 33, self.fonts.printable(self.head.foot))
        canvas.drawString(MARGIN, 23, FOOTER)
        canvas.drawRightString(width - MARGIN, 23, pageText)
        canvas.restoreState()
