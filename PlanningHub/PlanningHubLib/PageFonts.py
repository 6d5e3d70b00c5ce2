"""Fonts of the pages that the suite prints, from packages that are installed anyway; none is kept in the project.

DejaVu (with matplotlib) prints Latin, Greek, Cyrillic, Armenian and Georgian; Chinese, Japanese and Korean characters
are added to it where a page needs some (:mod:`.PageFontsEastAsian`). Without matplotlib, reportlab's own Vera prints
Western European Latin only. Scripts that need shaping or run from right to left are beyond all of them: such
characters become a box, never a wrong one.
"""

import dataclasses
import importlib.util
import unicodedata
from pathlib import Path

from .Files import sha256Bytes
from .PageFontsEastAsian import WEIGHTS, extendedFont, isEastAsian

DEJAVU = {"Regular": "DejaVuSans.ttf", "Bold": "DejaVuSans-Bold.ttf", "Mono": "DejaVuSansMono.ttf"}
VERA = {"Regular": "Vera.ttf", "Bold": "VeraBd.ttf"}
UNPRINTABLE = "□"
# Bidirectional classes that run from right to left, and general categories of marks that need shaping.
RIGHT_TO_LEFT = frozenset({"R", "AL", "AN", "RLE", "RLO", "RLI"})
MARKS = frozenset({"Mn", "Mc", "Me", "Cf"})


@dataclasses.dataclass(frozen=True)
class PageFonts:
    """Names of the registered fonts, the characters that the text fonts have, and those that a page lacked so far."""

    regular: str
    bold: str
    mono: str
    characters: frozenset
    lost: set = dataclasses.field(default_factory=set, compare=False)

    def printable(self, text):
        """Return composed text on one line, in which every character that cannot be printed rightly is a box."""
        composed = unicodedata.normalize("NFC", " ".join(text.split()))
        box = UNPRINTABLE if ord(UNPRINTABLE) in self.characters else "?"
        self.lost.update(character for character in composed if not self._has(character))
        return "".join(character if self._has(character) else box for character in composed)

    def _has(self, character):
        return (
            ord(character) in self.characters
            and unicodedata.bidirectional(character) not in RIGHT_TO_LEFT
            and unicodedata.category(character) not in MARKS
        )


def drawn(draw):
    """Return what ``draw(fonts)`` returns, drawn again where it needed East Asian characters and they can be had."""
    fonts = pageFonts()
    result = draw(fonts)
    needed = frozenset(filter(isEastAsian, fonts.lost))
    extended = pageFonts(needed) if needed else fonts
    return result if extended == fonts else draw(extended)


def pageFonts(eastAsian=frozenset()):
    """Register the fonts with reportlab and return them.

    :param eastAsian: characters to be added to the text fonts
    """
    dejavu = _dejavuFolder()
    if dejavu is None:
        faces = _registered("Vera", {style: name for style, name in VERA.items()})
        return PageFonts(faces["Regular"].fontName, faces["Bold"].fontName, "Courier", _characters(faces))
    faces = _registered("DejaVu", {style: str(dejavu / name) for style, name in DEJAVU.items()})
    faces |= _extended(dejavu, eastAsian)
    names = {style: face.fontName for style, face in faces.items()}
    return PageFonts(names["Regular"], names["Bold"], names["Mono"], _characters(faces))


def fontFile(style="Bold"):
    """Return the path of the font that the pages are printed in.

    :param style: ``Regular`` or ``Bold``
    """
    dejavu = _dejavuFolder()
    if dejavu is not None:
        return dejavu / DEJAVU[style]
    return Path(importlib.util.find_spec("reportlab").origin).parent / "fonts" / VERA[style]


def _characters(faces):
    return frozenset(faces["Regular"].face.charToGlyph) & frozenset(faces["Bold"].face.charToGlyph)


def _extended(dejavu, characters):
    if not characters:
        return {}
    family = f"DejaVu-{sha256Bytes(''.join(sorted(characters)).encode())[:16]}"
    files = {style: extendedFont(dejavu / DEJAVU[style], style, characters, f"{family}-{style}") for style in WEIGHTS}
    return _registered(family, files) if all(files.values()) else {}


def _registered(family, files):
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    faces = {}
    for style, file in files.items():
        faces[style] = TTFont(f"PlanningHub-{family}-{style}", file)
        pdfmetrics.registerFont(faces[style])
    return faces


def _dejavuFolder():
    # Found without importing matplotlib, which takes longer than the whole page.
    found = importlib.util.find_spec("matplotlib")
    folder = Path(found.origin).parent / "mpl-data" / "fonts" / "ttf" if found and found.origin else None
    return folder if folder and all((folder / name).is_file() for name in DEJAVU.values()) else None
