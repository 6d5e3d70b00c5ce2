"""A4 papers that are filled from the top down; each page says of which case it is, and whether that is approved."""

import contextlib
import copy
import dataclasses
import io

import numpy

# Points, as everything on a page.
MARGIN, BANNER, SIZE = 45, 30, 8.5
WIDTH, LEAST_BELOW_HEADING, FOOT = 595 - 2 * MARGIN, 80, 55
APPROVED_COLOR, WARNING_COLOR, NEAR_COLOR = "#00602b", "#b00020", "#9a5200"
GRID_COLOR, HEAD_COLOR = "#999999", "#eeeeee"
COLORS = {"reject": WARNING_COLOR, "warn": NEAR_COLOR, "free": APPROVED_COLOR}
BOX, BOX_LINE = 9, 0.8
# Of each side of a QR code, by the standard (ISO/IEC 18004).
QUIET_MODULES = 4
LOST_TEXT = "□ stands for a character that this page cannot print; the case holds the full text."


@dataclasses.dataclass(frozen=True)
class Head:
    """What stands on every page.

    :param banner: whether it is approved, and by whom
    :param foot: case, side, hash and the like, on one line; ``footer`` is the line below it
    """

    title: str
    banner: str
    isApproved: bool
    foot: str
    footer: str


class Paper:
    """A document that is filled from the top down, then made into the bytes of a PDF.

    :param fonts: of :func:`PlanningHubLib.PageFonts.drawn`
    """

    def __init__(self, head, fonts):
        from reportlab.lib.styles import ParagraphStyle

        self.head, self.fonts, self.story = head, fonts, []
        text = ParagraphStyle("text", fontName=fonts.regular, fontSize=SIZE, leading=SIZE * 1.3)
        self._styles = {
            "text": text,
            "bold": ParagraphStyle("bold", parent=text, fontName=fonts.bold),
            "mono": ParagraphStyle("mono", parent=text, fontName=fonts.mono, fontSize=SIZE - 1.5, wordWrap="CJK"),
            "missing": ParagraphStyle("missing", parent=text, fontName=fonts.bold, textColor=WARNING_COLOR),
            "title": ParagraphStyle("title", parent=text, fontName=fonts.bold, fontSize=16, leading=22),
            "heading": ParagraphStyle("heading", parent=text, fontName=fonts.bold, fontSize=SIZE + 2,
                                      leading=SIZE * 2, spaceBefore=SIZE),
            **{level: ParagraphStyle(level, parent=text, fontName=fonts.bold, textColor=color)
               for level, color in COLORS.items()},
        }  # fmt: skip

    def block(self, words, style="text"):
        """Return a paragraph."""
        return self.fonts.paragraph(words, self._styles[style])

    def text(self, words, style="text"):
        self.story.append(self.block(words, style))

    def heading(self, words):
        from reportlab.platypus import CondPageBreak

        self.story.append(CondPageBreak(LEAST_BELOW_HEADING))
        self.text(words, "heading")

    def space(self, points):
        from reportlab.platypus import Spacer

        self.story.append(Spacer(1, points))

    def newPage(self):
        from reportlab.platypus import PageBreak

        self.story.append(PageBreak())

    def facts(self, rows):
        """Add a table of names and values; a value of None is printed as missing."""
        cells = [(self.block(name), self._value(value)) for name, value in rows]
        self._table(cells, (150, WIDTH - 150))

    def table(self, head, rows, widths, mono=(), heights=None, levels=()):
        """Add a table with a head.

        :param widths: shares of the page's width
        :param mono: columns that hold hashes
        :param heights: least height of the rows, for what is filled in by hand
        :param levels: of each row in :data:`COLORS` or empty; its last column is printed in that color
        """
        cells = [[self.block(words, "bold") for words in head]]
        for row, level in zip(rows, levels or ("",) * len(rows), strict=True):
            styles = ["mono" if at in mono else "text" for at in range(len(row))]
            styles[-1] = level or styles[-1]
            cells.append([self.block(cell, style) for cell, style in zip(row, styles, strict=True)])
        self._table(cells, [WIDTH * share / sum(widths) for share in widths], hasHead=True, height=heights)

    def checklist(self, items):
        """Add (text, whether it is done) with a box before each."""
        from reportlab.platypus import Table, TableStyle

        style = TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (0, -1), 0)])
        cells = [(_box(isDone), self.block(text)) for text, isDone in items]
        self.story.append(Table(cells, colWidths=(18, WIDTH - 18), style=style))

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

    def qr(self, text, sizeMm=22.0):
        """Add the QR code of a text."""
        from reportlab.graphics.shapes import Drawing

        drawing = Drawing(sizeMm * 72 / 25.4, sizeMm * 72 / 25.4)
        for rectangle in qrRectangles(text, sizeMm * 72 / 25.4):
            drawing.add(_filled(*rectangle))
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

    def pdf(self, drawFirst=None, isTimeless=True):
        """Return the bytes.

        :param drawFirst: ``drawFirst(canvas, pageText)`` draws a page of its own before the paper's
        :param isTimeless: equal papers give equal bytes, which do not say when they were made
        """
        pages = self._build(drawFirst, isTimeless, 0)[1]
        return self._build(drawFirst, isTimeless, pages)[0]

    def _build(self, drawFirst, isTimeless, pages):
        from reportlab.lib.pagesizes import A4
        from reportlab.platypus import PageBreak, SimpleDocTemplate

        data, seen = io.BytesIO(), []

        def later(canvas, document):
            seen.append(document.page)
            self._frame(canvas, A4, f"{document.page} / {pages}")

        def first(canvas, document):
            seen.append(document.page)
            drawFirst(canvas, f"{document.page} / {pages}")

        # Copies: reportlab marks what it moved to the next page, and refuses to move it again in the second run.
        story = [copy.copy(one) for one in self.story]
        if drawFirst:
            story.insert(0, PageBreak())
        document = SimpleDocTemplate(
            data, pagesize=A4, title=self.head.title, author="Planning Hub", lang="en", invariant=int(isTimeless),
            leftMargin=MARGIN, rightMargin=MARGIN, topMargin=BANNER + 20, bottomMargin=FOOT,
        )  # fmt: skip
        with _binaryStreams():
            document.build(story, onFirstPage=first if drawFirst else later, onLaterPages=later)
        return data.getvalue(), len(seen)

    def _frame(self, canvas, size, pageText):
        width, height = size
        canvas.saveState()
        canvas.setFillColor(APPROVED_COLOR if self.head.isApproved else WARNING_COLOR)
        canvas.rect(0, height - BANNER, width, BANNER, stroke=0, fill=1)
        canvas.setFillColor("white")
        text = self.fonts.line(self.head.banner)
        wide = canvas.stringWidth(text, self.fonts.bold, 15)
        canvas.setFont(self.fonts.bold, min(15, 15 * WIDTH / wide))
        canvas.drawCentredString(width / 2, height - BANNER + 10, text)
        canvas.setFillColor("black")
        canvas.line(MARGIN, 44, width - MARGIN, 44)
        foot = self.fonts.line(self.head.foot)
        canvas.setFont(self.fonts.regular, min(7, 7 * WIDTH / canvas.stringWidth(foot, self.fonts.regular, 7)))
        canvas.drawString(MARGIN, 33, foot)
        canvas.setFont(self.fonts.regular, 7)
        canvas.drawString(MARGIN, 23, LOST_TEXT if self.fonts.lost else self.head.footer)
        canvas.drawRightString(width - MARGIN, 23, pageText)
        canvas.restoreState()


@contextlib.contextmanager
def _binaryStreams():
    """Let reportlab write pictures and fonts as bytes: as text they take 25 % more, and seconds to write."""
    from reportlab import rl_config

    before, rl_config.useA85 = rl_config.useA85, 0
    try:
        yield
    finally:
        rl_config.useA85 = before


def qrModules(text):
    """Return the dark modules of a text's QR code, boolean (n, n), rows from the top; without quiet zone.

    Medium error correction: a seventh of the code may be unreadable (ISO/IEC 18004).
    """
    import segno

    code = segno.make(text, error="m", boost_error=False, micro=False)
    return numpy.array([list(row) for row in code.matrix], bool)


def qrRectangles(text, size):
    """Return x, y, width and height of the dark modules of a text's QR code in a square, y up, with its quiet zone."""
    dark = qrModules(text)
    module = size / (len(dark) + 2 * QUIET_MODULES)
    return [
        ((QUIET_MODULES + column) * module, (QUIET_MODULES + len(dark) - 1 - row) * module, module, module)
        for row, column in zip(*dark.nonzero(), strict=True)
    ]


def _filled(x, y, width, height):
    from reportlab.graphics.shapes import Rect
    from reportlab.lib.colors import black

    return Rect(x, y, width, height, fillColor=black, strokeColor=black, strokeWidth=0.05)


def _box(isDone):
    from reportlab.graphics.shapes import Drawing, PolyLine, Rect
    from reportlab.lib.colors import black

    drawing = Drawing(BOX, BOX)
    drawing.add(Rect(0, 0, BOX, BOX, fillColor=None, strokeColor=black, strokeWidth=BOX_LINE))
    if isDone:
        tick = (0.2 * BOX, 0.5 * BOX, 0.4 * BOX, 0.2 * BOX, 0.8 * BOX, 0.85 * BOX)
        drawing.add(PolyLine(tick, strokeColor=black, strokeWidth=1.6 * BOX_LINE))
    return drawing
