"""Characters of any script for a page: its words are shaped, and what that gives is drawn into the page's own font.

HarfBuzz says which glyphs a word takes and where they stand; their outlines come from the Noto fonts of two packages
(SIL Open Font License). Each cluster of them, a letter with its marks or a ligature, becomes one glyph of a private
character in a copy of the page's font, which stays in memory and says which text it stands for. So whatever sets lines
of plain characters sets these too.
"""

import dataclasses
import functools
import importlib.util
import io
import itertools
import unicodedata
from pathlib import Path

PACKAGE, CJK_PACKAGE, CJK_FILE_NAME = "manimgx_fonts", "manimgx_fonts_cjk", "NotoSansCJK-VF.otf.ttc"
# The same character is drawn differently in Japan, Korea and China; a kana or a syllable of hangul tells.
JAPANESE, KOREAN, CHINESE = 0, 1, 2
WEIGHTS = {"Regular": 400, "Bold": 700}
# Of an em, 1/1000: far below what a printer shows.
LARGEST_ERROR = 1.0
FIRST_PRIVATE, LAST_PRIVATE = 0xE000, 0xF8FF
UNPRINTABLE = "□"
# Records of a font's table of names.
FAMILY, FULL, POSTSCRIPT = 1, 4, 6


@dataclasses.dataclass(frozen=True)
class Cluster:
    """Glyphs (number, x, y) of a font that stand for a piece of text, and their advance, in the font's units."""

    text: str
    face: tuple
    style: str
    glyphs: tuple
    advance: int


@dataclasses.dataclass(frozen=True)
class Shaped:
    """What a set of words became.

    :param texts: word → its private characters, in the order of reading
    :param meanings: private character → the text that it stands for
    :param clusters: private character → style → :class:`Cluster`
    """

    texts: dict
    meanings: dict
    clusters: dict


def shaped(words):
    """Return the :class:`Shaped` of a set of words without spaces; what no font has becomes a box."""
    texts, byKey, faces = {}, {}, _faces("".join(words))
    for word in sorted(words):
        found = [one for face, piece in _pieces(word, faces) for one in _ofStyles(face, piece)]
        for one in found:
            if isinstance(one, tuple) and one not in byKey and FIRST_PRIVATE + len(byKey) <= LAST_PRIVATE:
                byKey[one] = chr(FIRST_PRIVATE + len(byKey))
        texts[word] = "".join(byKey.get(one, UNPRINTABLE) for one in found)
    clusters = {private: dict(zip(WEIGHTS, ofStyles, strict=True)) for ofStyles, private in byKey.items()}
    meanings = {private: ofStyles[0].text for ofStyles, private in byKey.items()}
    return Shaped(texts, meanings, clusters)


def _ofStyles(face, piece):
    """Return for each cluster of a piece of a word how it looks in each style; its characters where no font has it."""
    if face is None:
        return list(piece)
    found = [_clusters(face, style, piece) for style in WEIGHTS]
    # A ligature of one weight only: then all styles look like the first.
    areAlike = all([one.text for one in other] == [one.text for one in found[0]] for other in found)
    return list(zip(*(found if areAlike else [found[0]] * len(WEIGHTS)), strict=True))


def extendedFont(path, style, clusters, name):
    """Return the bytes of a font that has the private characters of :attr:`Shaped.clusters`, too.

    :param path: of the TrueType font that is extended
    :param style: ``Regular`` or ``Bold``
    :param name: the new font's own: reportlab takes two fonts of one name for the same
    """
    from fontTools.ttLib import TTFont

    # The glyphs that are there stay as they are: to read and measure all of them takes seconds.
    font = TTFont(path, recalcBBoxes=False)
    for table in {"GSUB", "GPOS", "GDEF", "kern"} & set(font.keys()):
        del font[table]
    # Without the names of the glyphs, which nobody reads.
    font["post"].formatType = 3.0
    for record in font["name"].names:
        record.string = name if record.nameID in (FAMILY, FULL, POSTSCRIPT) else record.string
    for private, ofStyles in clusters.items():
        _add(font, private, ofStyles[style])
    data = io.BytesIO()
    font.save(data)
    return data.getvalue()


def _add(font, private, cluster):
    from fontTools.pens.cu2quPen import Cu2QuPen
    from fontTools.pens.transformPen import TransformPen
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    source = _font(cluster.face, cluster.style)
    scale = font["head"].unitsPerEm / source.face.upem
    name, pen = f"private{ord(private):04X}", TTGlyphPen(None)
    for number, x, y in cluster.glyphs:
        outline = TransformPen(Cu2QuPen(pen, LARGEST_ERROR * scale), (scale, 0, 0, scale, x * scale, y * scale))
        source.draw_glyph_with_pen(number, outline)
    glyph = pen.glyph()
    font["glyf"][name] = glyph
    glyph.recalcBounds(font["glyf"])
    font["hmtx"][name] = (round(cluster.advance * scale), getattr(glyph, "xMin", 0))
    for table in font["cmap"].tables:
        if table.isUnicode():
            table.cmap[ord(private)] = name


def _pieces(word, faces):
    """Yield the pieces of a word that are of one script, each with the font's face that has it; None where none has."""
    from fontTools.unicodedata import script

    scripts = [script(character) for character in word]
    for index, one in enumerate(scripts):
        if one in ("Zyyy", "Zinh"):
            known = [other for other in (*scripts[:index][::-1], *scripts[index:]) if other not in ("Zyyy", "Zinh")]
            scripts[index] = known[0] if known else one
    start = 0
    for _script, group in itertools.groupby(scripts):
        piece = word[start : start + len(list(group))]
        start += len(piece)
        best = max(faces, key=lambda face: sum(map(_covers, itertools.repeat(face), piece)), default=None)
        for isThere, run in itertools.groupby(piece, lambda one, face=best: bool(face) and _covers(face, one)):
            yield (best if isThere else None), "".join(run)


def _covers(face, character):
    return unicodedata.category(character) == "Cf" or ord(character) in _characters(face)


def _clusters(face, style, text):
    """Return the :class:`Cluster` of each part of a text, in the order of reading."""
    import uharfbuzz

    buffer = uharfbuzz.Buffer()
    buffer.add_str(text)
    buffer.guess_segment_properties()
    uharfbuzz.shape(_font(face, style), buffer)
    shapes = list(zip(buffer.glyph_infos, buffer.glyph_positions, strict=True))
    starts = sorted({info.cluster for info, _position in shapes})
    clusters = []
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        glyphs, x, y = [], 0, 0
        for info, position in shapes:
            if info.cluster == start:
                glyphs.append((info.codepoint, x + position.x_offset, y + position.y_offset))
                x, y = x + position.x_advance, y + position.y_advance
        clusters.append(Cluster(text[start:end], face, style, tuple(glyphs), x))
    return clusters


def _faces(text):
    """Return the (path, number) of the installed fonts, the East Asian one last and as a text needs it."""
    folder, files = _folderOf(PACKAGE), list(_folderOf(CJK_PACKAGE).glob(CJK_FILE_NAME))
    faces = [(path, 0) for path in sorted(folder.glob("Noto*.ttf")) if "Italic" not in path.name]
    return faces + [(path, _languageOf(text)) for path in files]


def _languageOf(text):
    names = [unicodedata.name(character, "") for character in text]
    if any(name.startswith(("HIRAGANA", "KATAKANA")) for name in names):
        return JAPANESE
    return KOREAN if any(name.startswith("HANGUL") for name in names) else CHINESE


def _folderOf(package):
    found = importlib.util.find_spec(package)
    return Path(found.origin).parent if found and found.origin else Path(package)


@functools.lru_cache(64)
def _font(face, style):
    import uharfbuzz

    path, number = face
    font = uharfbuzz.Font(uharfbuzz.Face(uharfbuzz.Blob.from_file_path(str(path)), number))
    font.set_variations({"wght": WEIGHTS[style]})
    return font


@functools.lru_cache(64)
def _characters(face):
    return frozenset(_font(face, "Regular").face.unicodes)
