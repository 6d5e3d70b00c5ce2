"""Fonts of the pages that the suite prints, from packages that are installed anyway; none is kept in the project.

DejaVu (with matplotlib) prints Latin, Greek, Cyrillic, Armenian and Georgian; without matplotlib, reportlab's own Vera
prints Western European Latin. Words of every other script are added to it where a page needs them
(:mod:`.PageFontsShaping`), and stand in the order in which they are read (:mod:`.PageFontsOrder`). What no installed
font has becomes a box, never a wrong character, and the page can say so.
"""

import dataclasses
import functools
import importlib.util
import io
import itertools
import re
import unicodedata
from pathlib import Path
from xml.sax.saxutils import escape

from .Files import sha256Bytes
from .PageFontsOrder import RIGHT_TO_LEFT, inOrder, levels, withoutControls
from .PageFontsShaping import UNPRINTABLE, WEIGHTS, Shaped, extendedFont, shaped

DEJAVU = {"Regular": "DejaVuSans.ttf", "Bold": "DejaVuSans-Bold.ttf", "Mono": "DejaVuSansMono.ttf"}
VERA = {"Regular": "Vera.ttf", "Bold": "VeraBd.ttf"}
# General categories of marks, and of what only shapes its neighbors.
MARKS = frozenset({"Mn", "Mc", "Me", "Cf"})
# What draws a page may shorten a text, and then need other words.
MOST_DRAWINGS = 3


@dataclasses.dataclass(frozen=True, eq=False)
class PageFonts:
    """Names of the registered fonts, and what they can print.

    :param characters: code points that the text fonts have by themselves
    :param words: word of other characters → what stands for it in these fonts
    :param files: style → path or content of the font
    :param meanings: private character of these fonts → the text that it stands for
    :param wanted: words that a page needed and these fonts lack
    :param lost: characters of a page that no font has
    """

    regular: str
    bold: str
    mono: str
    characters: frozenset
    files: dict
    words: dict = dataclasses.field(default_factory=dict)
    meanings: dict = dataclasses.field(default_factory=dict)
    wanted: set = dataclasses.field(default_factory=set)
    lost: set = dataclasses.field(default_factory=set)

    def printable(self, text):
        """Return composed text without line breaks, in the order of reading; what cannot be printed is a box."""
        composed = withoutControls(unicodedata.normalize("NFC", " ".join(str(text).split())))
        return "".join(word if isPlain else self._word(word) for isPlain, word in self._runs(composed))

    def line(self, text):
        """Return :meth:`printable` text as it is drawn on one line, from left to right."""
        printable = self.printable(text)
        return inOrder(printable, levels(printable, self._classOf)) if self._isMixed(printable) else printable

    def paragraph(self, text, style):
        """Return a paragraph of plain text that orders each of its lines.

        :param style: reportlab ParagraphStyle, with one of these fonts
        """
        return _paragraphClass()(escape(self.printable(text)), style, pageFonts=self)

    def orderLines(self, lines):
        """Return the lines of a broken paragraph, each a list of words in the order of reading, as they are drawn."""
        texts = [" ".join(words) for words in lines]
        whole = " ".join(texts)
        if not self._isMixed(whole):
            return lines
        found, start, ordered = levels(whole, self._classOf), 0, []
        for text in texts:
            ordered.append(inOrder(text, found[start : start + len(text)]).split(" "))
            start += len(text) + 1
        return ordered

    def _word(self, word):
        if word not in self.words:
            self.wanted.add(word)
        shown = self.words.get(word, UNPRINTABLE * len(word))
        box = UNPRINTABLE if ord(UNPRINTABLE) in self.characters else "?"
        self.lost.update(*(word if UNPRINTABLE in shown else ()))
        return shown.replace(UNPRINTABLE, box)

    def _runs(self, text):
        """Yield (whether these fonts have it by themselves, piece of text); a mark takes its letter with it."""
        plain = [self._isPlain(character) for character in text]
        for index, character in enumerate(text):
            if index and unicodedata.category(character) in MARKS and text[index - 1] != " ":
                plain[index - 1] = False
        for isPlain, group in itertools.groupby(zip(plain, text, strict=True), lambda one: one[0]):
            yield isPlain, "".join(character for _plain, character in group)

    def _isPlain(self, character):
        return (
            character <= "\uffff"
            and ord(character) in self.characters
            and unicodedata.bidirectional(character) not in (*RIGHT_TO_LEFT, "AN")
            and unicodedata.category(character) not in (*MARKS, "Co")
        )

    def _classOf(self, character):
        return unicodedata.bidirectional(self.meanings.get(character, character)[0])

    def _isMixed(self, text):
        return any(self._classOf(character) in (*RIGHT_TO_LEFT, "AN") for character in text)


def drawn(draw):
    """Return what ``draw(fonts)`` returns, drawn again with the words that it needed of other scripts."""
    words = frozenset()
    for _drawing in range(MOST_DRAWINGS):
        fonts = pageFonts(words)
        result = draw(fonts)
        if not fonts.wanted:
            break
        words |= fonts.wanted
    return result


def pageFonts(words=frozenset()):
    """Register the fonts with reportlab and return them.

    :param words: of other scripts, to be added to the text fonts
    """
    files, dejavu = {style: fontFile(style) for style in WEIGHTS}, _dejavuFolder()
    plain = {style: _registered(_plainFace(style, file)) for style, file in files.items()}
    mono = _registered(_plainFace("Mono", dejavu / DEJAVU["Mono"])).fontName if dejavu else "Courier"
    found, extended = _extended(words, *files.values()) if words else (Shaped({}, {}, {}), {})
    names = {style: _registered(face).fontName for style, (face, _data) in extended.items()}
    names = {style: face.fontName for style, face in plain.items()} | names
    files |= {style: data for style, (_face, data) in extended.items()}
    return PageFonts(
        names["Regular"], names["Bold"], mono, _characters(*plain.values()), files, found.texts, found.meanings
    )


# A page that is drawn again, or a name that is burned into many images, needs the same words.
@functools.lru_cache(8)
def _extended(words, *files):
    """Return what words became, and style → (font, its bytes) of the fonts that have them."""
    found, extended = shaped(words), {}
    family = sha256Bytes("".join(sorted(words)).encode())[:16]
    for style, file in zip(WEIGHTS, files, strict=True) if found.clusters else ():
        data = extendedFont(file, style, found.clusters, f"{family}-{style}")
        extended[style] = _face(f"{family}-{style}", io.BytesIO(data), found.meanings), data
    return found, extended


def lineAndFont(text, style="Bold"):
    """Return a line of text as it is drawn from left to right, and the font for it, which knows no shaping: its file.

    :param style: ``Regular`` or ``Bold``
    :returns: text, and a path or the bytes of a font
    """
    return drawn(lambda fonts: (fonts.line(text), fonts.files[style]))


def fontFile(style="Bold"):
    """Return the path of the font that the pages are printed in.

    :param style: ``Regular`` or ``Bold``
    """
    dejavu = _dejavuFolder()
    if dejavu is not None:
        return dejavu / DEJAVU[style]
    return Path(importlib.util.find_spec("reportlab").origin).parent / "fonts" / VERA[style]


def _face(name, file, meanings):
    face = _fontClass()(f"PlanningHub-{name}", file)
    face.meanings = meanings
    return face


@functools.cache
def _plainFace(style, file):
    return _face(style, file, {})


@functools.cache
def _characters(*faces):
    return frozenset.intersection(*(frozenset(face.face.charToGlyph) for face in faces))


def _registered(face):
    from reportlab.pdfbase import pdfmetrics

    pdfmetrics.registerFont(face)
    return face


@functools.cache
def _fontClass():
    from reportlab.pdfbase.ttfonts import TTFont

    class MeaningFont(TTFont):
        """A font whose private characters are found, copied and read aloud as the text that they stand for."""

        def addObjects(self, doc):
            before = set(doc.idToObject)
            super().addObjects(doc)
            for name in set(doc.idToObject) - before:
                if self.meanings and name.startswith("toUnicodeCMap:"):
                    stream = doc.idToObject[name]
                    stream.content = re.sub(r"(?<=> <)[E-F][0-9A-F]{3}(?=>)", self._meaning, stream.content)

        def _meaning(self, private):
            character = chr(int(private.group(), 16))
            return self.meanings.get(character, character).encode("utf-16-be").hex().upper()

    return MeaningFont


@functools.cache
def _paragraphClass():
    from reportlab.platypus import Paragraph

    class OrderedParagraph(Paragraph):
        """A paragraph of one style whose lines stand as they are read."""

        def __init__(self, text, style=None, *arguments, pageFonts=None, **named):
            super().__init__(text, style, *arguments, **named)
            self._pageFonts = pageFonts

        def breakLines(self, width):
            broken = super().breakLines(width)
            # A part of a paragraph that was split between two pages is in order already.
            if self._pageFonts is not None and broken.kind == 0 and not getattr(self, "_splitpara", 0):
                ordered = self._pageFonts.orderLines([line[1] for line in broken.lines])
                broken.lines = [(line[0], words, *line[2:]) for line, words in zip(broken.lines, ordered, strict=True)]
            return broken

    return OrderedParagraph


def _dejavuFolder():
    # Found without importing matplotlib, which takes longer than the whole page.
    found = importlib.util.find_spec("matplotlib")
    folder = Path(found.origin).parent / "mpl-data" / "fonts" / "ttf" if found and found.origin else None
    return folder if folder and all((folder / name).is_file() for name in DEJAVU.values()) else None
