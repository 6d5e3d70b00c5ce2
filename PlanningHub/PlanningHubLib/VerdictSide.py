"""Does the series speak of another side than the request? Coded sides reject, words warn, nothing is guessed.

Codes: DICOM PS3.3 Laterality (0020,0060) and Image Laterality (0020,0062). A single letter in free text is no side:
"L" may stand for lung, lumbar or a kernel.
"""

import re

from .Errors import Finding

CODES = {"L": "left", "R": "right", "B": "bilateral"}
OTHER = {"left": "right", "right": "left"}
TEXT_FIELDS = ("bodyPart", "seriesDescription", "protocolName", "studyDescription")
# English, German, French, Spanish, Italian, Dutch.
WORDS = {
    "left": r"left|lt|links|linke[rsn]?|gauche|izquierd[oa]|sinistr[oa]|linker",
    "right": r"right|rt|rechts|rechte[rsn]?|droite?|derech[oa]|destr[oa]|rechter",
}


def sideFindings(facts, side):
    """Return the findings about the side.

    :param facts: :class:`PlanningHubLib.VerdictFacts.SeriesFacts`
    :param side: the side of the request, or None for not stated, which finds nothing
    """
    if side is None:
        return []
    coded = {CODES[value.upper()] for value in facts.values.get("laterality", ()) if value.upper() in CODES}
    return [*_codedFindings(coded, side), *_wordFindings(facts, side)]


def _codedFindings(coded, side):
    if len(coded) > 1:
        yield Finding(
            "mixed-laterality", "reject", f"Slices of the series are coded as {' and '.join(sorted(coded))}.",
            "Do not use it. Report the mix-up to the archive's administrator.",
        )  # fmt: skip
    elif side in OTHER and OTHER[side] in coded:
        yield Finding(
            "other-laterality", "reject",
            f"The images are coded as of the {OTHER[side]} side, the request is for the {side} side.",
            "Find out which is wrong, the request or the images, before anything is planned.",
        )  # fmt: skip
    elif side == "bilateral" and coded & set(OTHER):
        yield Finding(
            "one-side-only", "warn", f"The images are coded as of the {coded.pop()} side, the request is for both.",
            "See that both sides are in the scan.",
        )  # fmt: skip


def _wordFindings(facts, side):
    if side not in OTHER:
        return
    for field in TEXT_FIELDS:
        for text in facts.values.get(field, ()):
            named = sidesNamed(text)
            if named == {OTHER[side]}:
                yield Finding(
                    "laterality-in-words", "warn",
                    f"The series' descriptions speak of the {OTHER[side]} side, the request is for the {side} side.",
                    "Check side and patient against the referral before anything is planned.",
                )  # fmt: skip
                return


def sidesNamed(text):
    """Return the sides that a text names as words."""
    words = re.sub(r"[^a-z]+", " ", text.casefold())
    return {side for side, pattern in WORDS.items() if re.search(rf"\b(?:{pattern})\b", words)}
