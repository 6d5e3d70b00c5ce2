"""Chinese, Japanese and Korean characters for a page: the few that it needs, drawn into the font of its other text.

Whole fonts of these scripts are large, and of outlines that reportlab does not embed. So the outlines of the needed
characters are taken from Noto Sans CJK (SIL Open Font License, from a package of its own) and added to a copy of the
page's font, which stays in memory.
"""

import functools
import importlib.util
import io
import unicodedata
from pathlib import Path

PACKAGE, FILE_NAME = "manimgx_fonts_cjk", "NotoSansCJK-VF.otf.ttc"
# The same character is drawn differently in Japan, Korea and China; a kana or a syllable of hangul tells.
JAPANESE, KOREAN, CHINESE = 0, 1, 2
WEIGHTS = {"Regular": 400, "Bold": 700}
# Of an em, 1/1000: far below what a printer shows.
LARGEST_ERROR = 1.0
# Records of a font's table of names.
FAMILY, FULL, POSTSCRIPT = 1, 4, 6


def isEastAsian(character):
    """Tell whether a character is one of these scripts, or of their punctuation, that can be added to a font."""
    isWide = unicodedata.east_asian_width(character) in "WF"
    # The font's own table reaches no further than the Basic Multilingual Plane.
    return isWide and unicodedata.category(character)[0] in "LNP" and ord(character) <= 0xFFFF


def extendedFont(path, style, characters, name):
    """Return a font file in memory that has more characters, or None where their outlines are not installed.

    :param path: of the TrueType font that is extended
    :param style: ``Regular`` or ``Bold``
    :param characters: frozenset of characters; what Noto Sans CJK lacks is not added
    :param name: the new font's own: reportlab takes two fonts of one name for the same
    """
    if fontFile() is None:
        return None
    from fontTools.ttLib import TTFont

    source, font = _face(_faceFor(characters)), TTFont(path)
    for table in {"GSUB", "GPOS", "GDEF", "kern"} & set(font.keys()):
        del font[table]
    for record in font["name"].names:
        record.string = name if record.nameID in (FAMILY, FULL, POSTSCRIPT) else record.string
    outlines, names = source.getGlyphSet(location={"wght": WEIGHTS[style]}), _names(_faceFor(characters))
    scale = font["head"].unitsPerEm / source["head"].unitsPerEm
    for character in sorted(characters):
        if ord(character) in names:
            _add(font, character, outlines[names[ord(character)]], scale)
    data = io.BytesIO()
    font.save(data)
    data.seek(0)
    return data


def _add(font, character, outline, scale):
    from fontTools.pens.cu2quPen import Cu2QuPen
    from fontTools.pens.transformPen import TransformPen
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    name, pen = f"eastAsian{ord(character):04X}", TTGlyphPen(None)
    outline.draw(TransformPen(Cu2QuPen(pen, LARGEST_ERROR * scale, reverse_direction=True), (scale, 0, 0, scale, 0, 0)))
    glyph = pen.glyph()
    font["glyf"][name] = glyph
    glyph.recalcBounds(font["glyf"])
    font["hmtx"][name] = (round(outline.width * scale), getattr(glyph, "xMin", 0))
    for table in font["cmap"].tables:
        if table.isUnicode():
            table.cmap[ord(character)] = name


def fontFile():
    """Return the path of the font that outlines are taken from, None where it is not installed."""
    found = importlib.util.find_spec(PACKAGE)
    path = Path(found.origin).parent / FILE_NAME if found and found.origin else None
    return path if path and path.is_file() else None


def _faceFor(characters):
    names = [unicodedata.name(character, "") for character in characters]
    if any(name.startswith(("HIRAGANA", "KATAKANA")) for name in names):
        return JAPANESE
    return KOREAN if any(name.startswith("HANGUL") for name in names) else CHINESE


@functools.lru_cache(1)
def _face(number):
    from fontTools.ttLib import TTFont

    return TTFont(fontFile(), fontNumber=number, lazy=True)


@functools.lru_cache(3)
def _names(number):
    return _face(number).getBestCmap()
