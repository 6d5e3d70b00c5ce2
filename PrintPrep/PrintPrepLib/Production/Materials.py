"""Materials: what each is listed for and which sterilization it stands, by whose word; shipped, or a site's own.

A material is process, product and maker together: extruded polyamide is not sintered polyamide. The table is advice.
What a site has validated itself (``cycles.json`` in its settings folder) goes before it, and a site adds or replaces
materials in ``materials`` there. Nothing here says that a part is free of germs.
"""

import dataclasses

from PlanningHubLib.Errors import Finding, GateRefused, firstRejection
from PlanningHubLib.Secrets import homeFolder

from .SiteTables import readSiteFile, readTable, tableNames

FOLDER, SCHEMA = "Materials", "material-1.schema.json"
CYCLES_FILE, CYCLES_SCHEMA = "cycles.json", "cycles-1.schema.json"
# What touches more than whole skin needs a material that somebody has tried for it.
INNER_CONTACTS = ("mucosa", "tissue-or-bone", "implanted")
OPEN_CONTACTS = ("tissue-or-bone", "implanted")
METHOD_NAMES = {"steam": "steam", "hydrogen-peroxide": "hydrogen peroxide", "ethylene-oxide": "ethylene oxide"}
# 3D Printing in Medicine 6:7 (2020): hollows and lumens are where low-temperature sterilization may not reach.
HOLLOW_CODES = ("closed-cavity", "narrow-channel")
LIST_IT = "Choose another material, or validate it and list it for the site."
HOLLOW_SOURCE = "3D Printing in Medicine 6:7 (2020)"


@dataclasses.dataclass(frozen=True)
class Statement:
    """What somebody says of a material.

    :param saidBy: maker, literature or site
    :param date: when that was read, year-month-day
    """

    saidBy: str
    source: str
    date: str


@dataclasses.dataclass(frozen=True)
class Listing(Statement):
    """What it may be used for, and what of the patient it may touch."""

    uses: tuple
    contacts: tuple


@dataclasses.dataclass(frozen=True)
class Rule(Statement):
    """Whether it stands a sterilization.

    :param temperatureC: None where the method has none or the source holds for all
    :param verdict: accepted, not or unknown
    """

    method: str
    temperatureC: float | None
    verdict: str


@dataclasses.dataclass(frozen=True)
class Material:
    """A row of the table of materials."""

    name: str
    title: str
    process: str
    product: str
    maker: str
    flexible: bool
    listed: tuple
    rules: tuple
    origin: str


def names():
    """Return the names of all materials, in alphabetical order."""
    return tableNames(FOLDER)


def find(name):
    """Return the :class:`Material` of a name.

    :raises InputRefused: ``bad-material``: unknown, or its file does not fit the schema; ``cannot-read``
    :raises GateRefused: ``site-file-open-to-others``
    """
    values, origin, _path = readTable(FOLDER, name, SCHEMA, "bad-material")
    return Material(
        **{key: values[key] for key in ("name", "title", "process", "product", "maker", "flexible")},
        listed=tuple(
            Listing(**{**one, "uses": tuple(one["uses"]), "contacts": tuple(one["contacts"])})
            for one in values["listed"]
        ),
        rules=tuple(Rule(**one) for one in values["rules"]),
        origin=origin,
    )


def siteCycles():
    """Return the site's own list: material's name → its :class:`Rule` rows; empty where there is none.

    :raises InputRefused: ``bad-cycles``, ``cannot-read``
    :raises GateRefused: ``site-file-open-to-others``
    """
    path = homeFolder() / CYCLES_FILE
    if not path.is_file():
        return {}
    found = {}
    for cycle in readSiteFile(path, CYCLES_SCHEMA, "bad-cycles")["cycles"]:
        rule = {key: value for key, value in cycle.items() if key != "material"}
        found.setdefault(cycle["material"], []).append(Rule(**rule, saidBy="site"))
    return found


def judge(recipe, role, profile, partCodes=()):
    """Return the findings about a recipe's material, process, use, contact and sterilization.

    Nothing is guessed: what the recipe does not state is asked for (``…-not-stated``, warn).

    :param role: of the object: anatomy, implant, guide ...
    :param profile: :class:`PrintPrepLib.Production.Profiles.Profile` or None
    :param partCodes: codes of the part's own findings; cavities and channels are where sterilization may not reach
    :raises InputRefused: ``bad-material``, ``bad-cycles``
    """
    if profile is None and recipe["material"] is None:
        return [Finding("no-process", "info", "The recipe names no process and no material.",
                        "Choose both before the part is printed."), *_implantFindings(recipe, role, None)]  # fmt: skip
    material = find(recipe["material"]) if recipe["material"] else None
    return [
        *_notStated(recipe, material, profile),
        *_implantFindings(recipe, role, profile),
        *_fitFindings(recipe, material, profile),
        *_sterilizationFindings(recipe, material, profile),
        *_hollowFindings(recipe, partCodes),
    ]


def requireSafe(recipe, role, profile, partCodes=()):
    """Return the findings of :func:`judge` where none of them rejects.

    :raises GateRefused: with the code of the first rejecting finding, such as ``unsafe-sterilisation``
    """
    findings = judge(recipe, role, profile, partCodes)
    finding = firstRejection(findings)
    if finding:
        raise GateRefused(finding.code, finding.message, finding.action)
    return findings


def requireAllowed(recipe, role, profile, partCodes=()):
    """Return the findings as :func:`requireSafe` does, where all that has to be stated is stated.

    :raises GateRefused: also ``no-process``, ``process-not-stated``, ``material-not-stated``, ``use-not-stated``,
        ``contact-not-stated``, ``sterilisation-not-stated``
    """
    findings = requireSafe(recipe, role, profile, partCodes)
    for finding in findings:
        if finding.code == "no-process" or finding.code.endswith("-not-stated"):
            raise GateRefused(finding.code, finding.message, finding.action)
    return findings


def _notStated(recipe, material, profile):
    missing = (
        ("process-not-stated", profile is None, "process", "Name a profile."),
        ("material-not-stated", material is None, "material", "Name a material of the table."),
        ("use-not-stated", recipe["use"] is None, "intended use", "State what the printed part is for."),
        ("contact-not-stated", recipe["contact"] is None, "contact with the patient", "State what the part touches."),
    )
    for code, isMissing, what, action in missing:
        if isMissing:
            yield Finding(code, "warn", f"The recipe does not state the {what}.", action)
    if recipe["sterilisation"] is None and recipe["contact"] in INNER_CONTACTS:
        yield Finding("sterilisation-not-stated", "warn", "The part touches the patient's inside, and the recipe "
                      "states no sterilization.", "State method and temperature.")  # fmt: skip


def isImplant(recipe, role):
    """Tell whether what is printed is to be implanted; a print of a planned implant may also be a model or a sizer."""
    return "implant" in (recipe["use"] or role,) or recipe["contact"] == "implanted"


def _implantFindings(recipe, role, profile):
    if not isImplant(recipe, role):
        return
    if profile is None:
        yield Finding("external-maker-only", "warn", "Implants are made by an external maker.",
                      "Choose the profile of an external maker, or state another use.")  # fmt: skip
    elif not profile.implants:
        yield Finding("external-maker-only", "reject", f"{profile.title} may not make implants here.",
                      "Choose the profile of an external maker, or state what else the print is for.")  # fmt: skip


def _fitFindings(recipe, material, profile):
    """Do material, process, use and contact go together?"""
    use, contact = recipe["use"], recipe["contact"]
    if use and contact and (use == "implant") != (contact == "implanted"):
        yield Finding("use-and-contact-differ", "reject", f"The use is {use}, the contact {contact}.",
                      "Only an implant is implanted: correct one of them.")  # fmt: skip
    if material is None:
        return
    if profile is not None and material.process != profile.process:
        yield Finding("wrong-process", "reject", f"{material.title} is a material for {material.process}, "
                      f"{profile.title} is {profile.process}.", "Choose a material of the process.")  # fmt: skip
    severity = "reject" if contact in INNER_CONTACTS else "warn"
    fitting = [one for one in material.listed if use is None or use in one.uses]
    if not fitting:
        yield Finding("use-not-listed", severity,
                      f"Nobody lists {material.title} for use as {use}: {_listed(material)}.", LIST_IT)  # fmt: skip
    elif contact not in (None, "none") and not any(contact in one.contacts for one in fitting):
        yield Finding("contact-not-listed", severity, f"Nobody lists {material.title} as {use or 'a part'} for contact "
                      f"with {_words(contact)}: {_listed(material)}.", LIST_IT)  # fmt: skip


def _listed(material):
    texts = [
        f"{', '.join(one.uses)} touching {', '.join(map(_words, one.contacts))} ({_saying(one)})"
        for one in material.listed
    ]
    return "; ".join(texts) or "it is listed for nothing"


def _sterilizationFindings(recipe, material, profile):
    asked = recipe["sterilisation"]
    if asked is None:
        return
    if asked["method"] == "none":
        if recipe["contact"] in OPEN_CONTACTS:
            yield Finding("no-sterilisation", "reject", "The part touches open tissue and is not to be sterilized.",
                          "State method and temperature.")  # fmt: skip
        return
    if asked["method"] == "steam" and asked["temperatureC"] is None:
        yield Finding("temperature-not-stated", "reject", "Steam without its temperature says nothing.",
                      "State the temperature, such as 121 or 134 °C.")  # fmt: skip
        return
    if material is not None:
        yield cycleFinding(material, asked["method"], asked["temperatureC"], recipe["contact"], profile)


def cycleFinding(material, method, temperatureC, contact=None, profile=None):
    """Return the one finding about a material under a method and temperature, with who says so, where and when.

    ``site-validated`` and ``sterilisation-accepted`` (info), ``sources-disagree`` and ``ask-the-maker`` (warn),
    ``unsafe-sterilisation`` (reject), ``not-validated`` (warn; reject where the part touches the patient).
    """
    cycle = f"{METHOD_NAMES[method]}{f' at {temperatureC:g} °C' if temperatureC is not None else ''}"
    site = rulesFor(siteCycles().get(material.name, ()), method, temperatureC)
    rules = site or rulesFor(material.rules, method, temperatureC)
    verdicts = {rule.verdict for rule in rules if rule.verdict != "unknown"}
    said = "; ".join(
        f"{'accepted' if rule.verdict == 'accepted' else rule.verdict} ({_saying(rule)})" for rule in rules
    )
    what = f"{material.title}, {cycle}: "
    if verdicts == {"accepted"}:
        return Finding("site-validated" if site else "sterilisation-accepted", "info", what + said + ".")
    if verdicts == {"not"}:
        return Finding("unsafe-sterilisation", "reject", what + said + ".", "Choose another method or material.")
    if verdicts:
        return Finding(
            "sources-disagree", "warn", what + said + ".", "Ask who runs the sterilizer; validate the cycle."
        )
    said = said or "nobody says whether it stands this"
    if profile is not None and profile.external:
        return Finding("ask-the-maker", "warn", f"{what}{said}.", "The external maker states the cycle.")
    severity = "warn" if contact in (None, "none") else "reject"
    return Finding("not-validated", severity, f"{what}{said}.", "Validate the cycle, or choose one that is accepted.")


def rulesFor(rules, method, temperatureC):
    """Return the rules that speak of a method at a temperature.

    What a material does not stand it does not stand hotter either; what it stands, it stands at that temperature.
    """
    found = []
    for rule in rules:
        if rule.method != method:
            continue
        isSame = rule.temperatureC is None or rule.temperatureC == temperatureC
        isHotter = rule.temperatureC is not None and temperatureC is not None and temperatureC > rule.temperatureC
        if isSame or (rule.verdict == "not" and isHotter):
            found.append(rule)
    return found


def _hollowFindings(recipe, partCodes):
    hollow = sorted({code for code in partCodes if code in HOLLOW_CODES})
    if hollow and recipe["sterilisation"] and recipe["sterilisation"]["method"] != "none":
        yield Finding("hollow-sterilisation", "warn", f"The part has places that sterilization may not reach: "
                      f"{', '.join(hollow)} ({HOLLOW_SOURCE}).",
                      "Open or fill them, or ask who runs the sterilizer.")  # fmt: skip


def _saying(statement):
    return f"{statement.saidBy}: {statement.source}, {statement.date}"


def _words(contact):
    return {"none": "nothing", "tissue-or-bone": "tissue or bone", "implanted": "tissue for good"}.get(contact, contact)
