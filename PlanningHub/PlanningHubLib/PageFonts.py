"""Fonts of the pages that the suite prints, from packages that are installed anyway; none is kept in the project.

DejaVu (with matplotlib) prints Latin, Greek, Cyrillic, Armenian and Georgian. Without matplotlib, reportlab's own Vera
prints Western European Latin only. Scripts that need shaping or run from right to left, and Chinese, Japanese and
Korean, are beyond both: such characters become a box, never a wrong one.
"""

import dataclasses
import importlib.util
import unicodedata
from pathlib import Path

DEJAVU = {"Regular": "DejaVuSans.ttf", "Bold": "DejaVuSans-Bold.ttf", "Mono": "DejaVuSansMono.ttf"}
VERA = {"Regular": "Vera.ttf", "Bold": "VeraBd.ttf"}
UNPRINTABLE = "□"
# Bidirectional classes that run from right to left, and general categories of marks that need shaping.
RIGHT_TO_LEFT = frozenset({"R", "AL", "AN", "RLE", "RLO", "RLI"})
MARKS = frozenset({"Mn", "Mc", "Me", "Cf"})


@dataclasses.dataclass(frozen=True)
class PageFonts:
    """Names of the registered fonts and the characters that the text fonts have."""

    regular: str
    bold: str
    mono: str
    characters: frozenset

    def printable(self, text):
        """Return composed text on one line, in which every character that cannot be printed rightly is a box."""
        composed = unicodedata.normalize("NFC", " ".join(text.split()))
        box = UNPRINTABLE if ord(UNPRINTABLE) in self.characters else "?"
        return "".join(character if self._has(character) else box for character in composed)

    def _has(self, character):
        return (
            ord(character) in self.characters
            and unicodedata.bidirectional(character) not in RIGHT_TO_LEFT
            and unicodedata.category(character) not in MARKS
        )


def pageFonts():
    """Register the fonts with reportlab and return them."""
    dejavu = _dejavuFolder()
    if dejavu is None:
        faces = _registered("Vera", {style: name for style, name in VERA.items()})
        return PageFonts(faces["Regular"].fontName, faces["Bold"].fontName, "Courier", _characters(faces))
    faces = _registered("DejaVu", {style: str(dejavu / name) for style, name in DEJAVU.items()})
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
