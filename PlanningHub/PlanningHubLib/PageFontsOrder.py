"""The order in which the characters of a line are drawn, by the Unicode Bidirectional Algorithm (UAX #9).

Without its explicit embeddings and isolates: their characters are taken out of a text before.
"""

import itertools
import unicodedata

RIGHT_TO_LEFT = frozenset({"R", "AL"})
# Explicit directional formatting: invisible, and never needed in a name or a note.
EXPLICIT = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
_MARKS = frozenset("\u200e\u200f\u061c")
_NEUTRAL = frozenset({"B", "S", "WS", "ON"})
_PAIRS = {"(": ")", "[": "]", "{": "}", "⟨": "⟩", "⟪": "⟫", "「": "」", "『": "』", "【": "】"}
_OPENING = {**_PAIRS, "<": ">", "«": "»", "‹": "›", "≤": "≥"}
_MIRRORED = {**_OPENING, **{other: one for one, other in _OPENING.items()}}


def withoutControls(text):
    """Return a text without the invisible characters that only say in which direction to write."""
    return "".join(
        character
        for character in text
        if character not in _MARKS and unicodedata.bidirectional(character) not in EXPLICIT
    )


def levels(text, classOf=unicodedata.bidirectional):
    """Return the embedding level of each character of a paragraph: odd ones run from right to left.

    :param classOf: character → its bidirectional class
    """
    original = [classOf(character) or "L" for character in text]
    base = next((int(one in RIGHT_TO_LEFT) for one in original if one == "L" or one in RIGHT_TO_LEFT), 0)
    classes = _resolveWeak(original, base)
    _resolveBrackets(text, classes, base, original)
    _resolveNeutral(classes, base)
    found = [_level(one, base) for one in classes]
    # L1: what ends the line, and separators with the spaces before them, are at the level of the paragraph.
    trailing = True
    for index in reversed(range(len(found))):
        isSeparator = original[index] in ("B", "S")
        trailing = isSeparator or (trailing and original[index] == "WS")
        found[index] = base if trailing else found[index]
    return found


def inOrder(text, levelsOfLine):
    """Return the characters of one line from left to right (rules L2 and L4)."""
    order = list(range(len(text)))
    for level in range(max(levelsOfLine, default=0), 0, -1):
        reordered = []
        marked = [(levelsOfLine[index] >= level, index) for index in order]
        for isReversed, group in itertools.groupby(marked, lambda one: one[0]):
            run = [index for _isReversed, index in group]
            reordered += run[::-1] if isReversed else run
        order = reordered
    return "".join(
        _MIRRORED.get(text[index], text[index]) if levelsOfLine[index] % 2 else text[index] for index in order
    )


def _strong(base):
    return "R" if base else "L"


def _level(one, base):
    if base:
        return 1 if one == "R" else 2
    return {"L": 0, "R": 1}.get(one, 2)


def _resolveWeak(classes, base):
    """Rules W1 to W7."""
    found = list(classes)
    for index, one in enumerate(found):
        if one == "NSM":
            found[index] = found[index - 1] if index else _strong(base)
    strong = _strong(base)
    for index, one in enumerate(found):
        strong = one if one in ("L", "R", "AL") else strong
        found[index] = "AN" if one == "EN" and strong == "AL" else one
    found = ["R" if one == "AL" else one for one in found]
    for index in range(1, len(found) - 1):
        before, after = found[index - 1], found[index + 1]
        if before == after and (found[index], before) in (("ES", "EN"), ("CS", "EN"), ("CS", "AN")):
            found[index] = before
    _joinTerminators(found)
    found = ["ON" if one in ("ES", "ET", "CS") else one for one in found]
    strong = _strong(base)
    for index, one in enumerate(found):
        strong = one if one in ("L", "R") else strong
        found[index] = "L" if one == "EN" and strong == "L" else one
    return found


def _joinTerminators(classes):
    start = 0
    for one, run in itertools.groupby(list(classes)):
        end = start + len(list(run))
        if one == "ET" and ("EN" in classes[max(start - 1, 0) : start] or "EN" in classes[end : end + 1]):
            classes[start:end] = ["EN"] * (end - start)
        start = end


def _direction(one):
    return "R" if one in ("R", "EN", "AN") else one if one == "L" else None


def _resolveBrackets(text, classes, base, original):
    """Rule N0: both brackets of a pair take one direction."""
    for first, last in _bracketPairs(text, classes):
        inside = {_direction(one) for one in classes[first + 1 : last]} - {None}
        if not inside:
            continue
        direction = _strong(base)
        if direction not in inside:
            before = (_direction(one) for one in reversed(classes[:first]))
            context = next((one for one in before if one), _strong(base))
            direction = context if context in inside else direction
        for place in (first, last):
            classes[place] = direction
            # Marks on a bracket go with it.
            for index in range(place + 1, len(classes)):
                if original[index] != "NSM":
                    break
                classes[index] = direction


def _bracketPairs(text, classes):
    opened, pairs = [], []
    for index, character in enumerate(text):
        if classes[index] != "ON":
            continue
        if character in _PAIRS:
            opened.append((_PAIRS[character], index))
        for depth in reversed(range(len(opened))):
            if opened[depth][0] == character:
                pairs.append((opened[depth][1], index))
                del opened[depth:]
                break
    return sorted(pairs)


def _resolveNeutral(classes, base):
    """Rules N1 and N2."""
    start = 0
    for isNeutral, run in itertools.groupby(list(classes), lambda one: one in _NEUTRAL):
        end = start + len(list(run))
        if isNeutral:
            before = _direction(classes[start - 1]) if start else _strong(base)
            after = _direction(classes[end]) if end < len(classes) else _strong(base)
            classes[start:end] = [before if before == after else _strong(base)] * (end - start)
        start = end
