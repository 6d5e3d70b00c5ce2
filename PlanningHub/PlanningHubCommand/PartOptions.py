"""The options of the print step, and the recipe that they make."""

import re
from pathlib import Path

from PlanningHubLib.Errors import UsageError

# Option's name → key of the recipe, for those that are given as they stand there.
KEYS = {"profile": "profile", "material": "material", "use": "use", "contact": "contact"}
FORMATS = ("stl", "3mf", "obj", "ply", "glb")
USES = ("model", "guide", "template", "implant", "sizer")
CONTACTS = ("none", "skin", "mucosa", "tissue-or-bone", "implanted")
METHODS = ("none", "steam", "hydrogen-peroxide", "ethylene-oxide")


def addPartOptions(parser):
    """Add the options of the print step to a parser."""
    parser.add_argument(
        "--object", dest="objectName", metavar="NAME", help="which object of the current plan, or which segment"
    )
    parser.add_argument(
        "--received", metavar="ID/FILE", help="a shape that a partner sent, such as external-1/plate.stl"
    )
    parser.add_argument("--recipe", metavar="FILE", help="make the part by this recipe; goes with --object only")
    parser.add_argument(
        "--maximum-deviation-mm", dest="maximumDeviationMm", type=float, metavar="MM",
        help="how far simplification may move the surface; 0.25 without",
    )  # fmt: skip
    parser.add_argument(
        "--format",
        dest="formats",
        action="append",
        choices=FORMATS,
        help="may be given several times; STL and 3MF always",
    )
    parser.add_argument("--profile", metavar="NAME", help="process and printer")
    parser.add_argument("--material", metavar="NAME", help="by its name in the table of materials")
    parser.add_argument("--use", choices=USES, help="what the printed part is for")
    parser.add_argument("--contact", choices=CONTACTS, help="what of the patient it touches")
    parser.add_argument(
        "--sterilise", metavar="METHOD[:C]", help=f"{', '.join(METHODS)}; with its temperature, as in steam:121"
    )
    parser.add_argument(
        "--label-part", dest="labelPart", action="store_true", help="put case, side and part number on the part"
    )


def recipeOf(options):
    """Return the recipe that the options of :func:`addPartOptions` state.

    :raises UsageError: ``usage``
    :raises InputRefused: ``cannot-read``, ``bad-recipe``
    """
    from PrintPrepLib.Recipe import checked, newRecipe, readRecipe

    stated = _stated(options)
    if options.recipe:
        if stated:
            raise UsageError("usage", "A recipe says all that the other options of the part say.", "Change the recipe.")
        recipe = readRecipe(Path(options.recipe))
        return checked({**recipe, "object": options.objectName}) if options.objectName is not None else recipe
    return newRecipe(options.objectName, **stated)


def _stated(options):
    stated = {key: getattr(options, name) for name, key in KEYS.items() if getattr(options, name) is not None}
    if options.maximumDeviationMm is not None:
        stated["maximumDeviationMm"] = options.maximumDeviationMm
    if options.received:
        stated["model"] = _received(options.received)
    if options.formats:
        stated["formats"] = list(dict.fromkeys(options.formats))
    if options.sterilise:
        stated["sterilisation"] = _sterilization(options.sterilise)
    if options.labelPart:
        stated["steps"] = [{"do": "label"}]
    return stated


def _received(text):
    artefact, slash, name = text.partition("/")
    if not re.fullmatch(r"external-[1-9]\d*", artefact) or not slash or not name:
        raise UsageError("usage", f"{text} names no shape that a partner sent.", "Give it as external-1/plate.stl.")
    return {"artefact": artefact, "file": name}


def _sterilization(text):
    method, _colon, temperature = text.partition(":")
    try:
        temperatureC = float(temperature) if temperature else None
    except ValueError:
        method = ""
    if method not in METHODS:
        raise UsageError(
            "usage", f"{text} is no sterilization.", f"Use one of {', '.join(METHODS)}; steam:121 with a temperature."
        )
    return {"method": method, "temperatureC": temperatureC}
