"""The figures of a plan in words: ``angleDegrees`` 12.34 becomes "angle" and "12.3°"."""

import re

# Ending of a figure's name → unit, and how many decimals a person needs.
UNITS = {
    "Mm": (" mm", 2), "Mm2": (" mm²", 1), "Mm3": (" mm³", 1), "Ml": (" ml", 2), "Degrees": ("°", 1),
    "Percent": (" %", 1), "Hu": (" HU", 0), "Seconds": (" s", 1),
}  # fmt: skip
MOST_VALUES = 6


def unitOf(name):
    """Return the unit that a name ends with and its decimals: ``lengthMm`` → (`` mm``, 2); empty and None for none."""
    ending = re.search(r"(Mm[23]?|Ml|Degrees|Percent|Hu|Seconds)$", name)
    return UNITS[ending.group()] if ending else ("", None)


def words(name):
    """Return the words of a name without its unit: ``entryToTargetMm`` → ``entry to target``."""
    plain = re.sub(r"(?<=.)(Mm[23]?|Ml|Degrees|Percent|Hu|Seconds)$", "", name)
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", plain).lower()


def valueText(name, value):
    """Return a figure's value with its unit."""
    unit, decimals = unitOf(name)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "–"
    if isinstance(value, dict):
        return ", ".join(
            f"{words(key)} {valueText(key if unitOf(key)[0] else name, one)}" for key, one in value.items()
        )
    if isinstance(value, (list, tuple)):
        shown = ", ".join(valueText(words(name), one) for one in value[:MOST_VALUES])
        return f"{shown}{', …' if len(value) > MOST_VALUES else ''}{unit}"
    if isinstance(value, float):
        return f"{value:.{2 if decimals is None else decimals}f}{unit}"
    return f"{value}{unit}" if isinstance(value, int) else str(value)


def figureLines(figures):
    """Return (words, value with unit) for each figure, in their order."""
    return [(words(name), valueText(name, value)) for name, value in figures.items()]


def keyFigure(figures):
    """Return a step's first figure in words, empty text where it has none."""
    return next((f"{name} {value}" for name, value in figureLines(figures)), "")


def numberOf(text):
    """Return the number that a text says, None where it says none; its unit may stand behind it."""
    found = re.match(r"\s*(-?\d+(?:[.,]\d+)?)", text)
    return float(found.group(1).replace(",", ".")) if found else None
