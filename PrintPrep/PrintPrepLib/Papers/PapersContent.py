"""What a part's papers say, gathered from the case: one JSON document, from which every page is made."""

from PlanningHubLib import Approval
from PlanningHubLib.Locking import utcNow

from ..PartRecords import isFor, newestChild, partName, partNumber
from ..Production import Materials, Profiles
from ..Recipe import newRecipe
from . import Inspection
from .Copies import SIGN, buildOf, copiesOf
from .Dimensions import extents, measuredOn
from .Inspection import MEASURED, SCANNED, partToleranceMm
from .PapersFields import TRAVELLER_FIELDS, missingFields, standingEntries
from .Registry import registryRow
from .Statement import label, statement

FORMAT, VERSION = "planninghub-papers", 3


def recipeOf(part):
    """Return the recipe of a part with every key; a part of an older revision of the suite has none of them."""
    plain = newRecipe()
    return {key: part.parameters.get(key, value) for key, value in plain.items()}


def requireStated(part):
    """Return recipe, profile, material and findings of a part whose papers can be made: nothing of it is unstated.

    :raises GateRefused: ``no-process``, ``process-not-stated``, ``material-not-stated``, ``use-not-stated``,
        ``contact-not-stated``, ``sterilisation-not-stated``, ``unsafe-sterilisation`` and what else the materials
        reject
    :raises InputRefused: ``bad-profile``, ``bad-material``
    """
    recipe = recipeOf(part)
    profile = Profiles.find(recipe["profile"]) if recipe["profile"] else None
    codes = [one["code"] for one in part.facts.get("findings", ())]
    findings = Materials.requireAllowed(recipe, part.facts["object"]["role"], profile, codes)
    return recipe, profile, Materials.find(recipe["material"]), findings


def inspectionsOf(case, part, copy=None):
    """Return method → the newest inspection of this very part, of those that there are.

    :param copy: number of the copy, where the build has several
    """
    newest = {method: newestChild(case, "inspection", part, method=method, copy=copy) for method in (MEASURED, SCANNED)}
    return {method: one for method, one in newest.items() if one is not None and isFor(case, one, part)}


def allInspectionsOf(case, part):
    """Return the newest inspections of this very part, of all its copies."""
    return [one for copy in copiesOf(case, part) for one in inspectionsOf(case, part, copy).values()]


def gathered(case, part, mesh, entries, site, who):
    """Return the document of a part's papers, as JSON holds it.

    :param mesh: of the part, LPS mm
    :param entries: all entries, the oldest first
    :param site: :class:`PlanningHubLib.Site.Site`
    :raises: what :func:`requireStated` raises
    """
    recipe, profile, material, findings = requireStated(part)
    approvals = Approval.holding(case, [part, *case.graph.above(part)], site)
    return {
        "format": FORMAT,
        "version": VERSION,
        "when": utcNow(),
        "who": who,
        "case": case.name,
        "side": case.side,
        "procedure": case.procedure,
        "intendedUse": case.governance["intendedUse"],
        "part": {"number": partNumber(part), "name": partName(part), "content": part.content},
        "approvals": [
            {"id": one["id"], **{key: one["statement"][key] for key in ("user", "role", "when")}} for one in approvals
        ],
        "ticket": _ticket(case, part, recipe, profile, material, findings),
        "traveller": _traveller(entries, part, copiesOf(case, part)),
        "inspection": _inspection(case, part, mesh),
        "statement": statement(case, part, entries, site) if site.isCustomMade else None,
        "label": label(case, part, recipe, entries, site, copiesOf(case, part)),
        "registry": registryRow(case, part, recipe, profile, material, entries, site),
        "entries": entries,
    }


def _ticket(case, part, recipe, profile, material, findings):
    facts = part.facts
    build = buildOf(case, part)
    origin = [*case.graph.above(part), part]
    low, high = facts["boundsLpsMm"]
    return {
        "object": facts["object"],
        "volumeMl": facts["volumeMl"],
        "copies": len(copiesOf(case, part)),
        "extentMm": [round(one - other, 2) for one, other in zip(high, low, strict=True)],
        "pieces": [piece["name"] for piece in facts.get("pieces", ()) if piece["name"]],
        "madeFrom": [
            {"kind": one.kind, "number": partNumber(one), "title": one.title, "content": one.content}
            for one in sorted(origin, key=lambda one: one.id)
        ],
        "files": [{"name": name, "bytes": one.bytes, "sha256": one.sha256} for name, one in part.files.items()],
        "profile": {key: getattr(profile, key) for key in ("name", "title", "process", "printer", "maker", "layerMm")},
        "external": profile.external,
        "material": {key: getattr(material, key) for key in ("name", "title", "product", "maker")},
        "use": recipe["use"],
        "contact": recipe["contact"],
        "sterilisation": recipe["sterilisation"],
        "toleranceMm": partToleranceMm(part),
        "toleranceSource": _toleranceSource(case, part, recipe),
        "maximumDeviationMm": recipe["maximumDeviationMm"],
        "deviation": facts["deviation"],
        "accuracy": facts.get("accuracy"),
        "labels": [_label(one) for one in facts.get("label", ())],
        "build": None
        if build is None
        else {"number": partNumber(build), "content": build.content, "facts": build.facts},
        "findings": [*(one.asDict() for one in findings), *_otherThan(findings, facts.get("findings", ()))],
    }


def _label(one):
    """Return what the job ticket says of a label; typed text may name the patient, and is not repeated."""
    said = {key: one[key] for key in ("kind", "heightMm", "depthMm", "piece", "read")}
    return {"text": "typed text" if one["identifiesPatient"] else one["text"], **said}


def _toleranceSource(case, part, recipe):
    source = part.facts.get("accuracy", {}).get("toleranceSource")
    return source or ("stated in the recipe" if recipe["toleranceMm"] is not None else "not stated")


def _otherThan(findings, others):
    codes = {one.code for one in findings}
    return [one for one in others if one["code"] not in codes]


def _traveller(entries, part, copies):
    """Return a sheet for each copy, what is missing on them, and the entries that stand on none."""
    sheets = [_travellerSheet(entries, part, copy, len(copies)) for copy in copies]
    standing = [one for copy in copies for one in standingEntries(entries, part, copy).values()]
    missing = [name for sheet in sheets for name in sheet["missing"]]
    earlier = [one for one in entries if not any(one is other for other in standing)]
    return {"sheets": sheets, "missing": missing, "earlier": earlier}


def _travellerSheet(entries, part, copy, count):
    standing, rows = standingEntries(entries, part, copy), []
    for field in TRAVELLER_FIELDS:
        entry = standing.get(field.name, {})
        rows.append({"field": field.name, "title": field.title, "needed": field.needed,
                     **{key: entry.get(key) for key in ("value", "who", "when")}})  # fmt: skip
    names = [one.name for one in missingFields(entries, part, copy)]
    missing = names if copy is None else [f"{name}{SIGN}{copy}" for name in names]
    return {"copy": copy, "of": count, "fields": rows, "missing": missing}


def _inspection(case, part, mesh):
    """Return a sheet for each copy, and the verdicts of all of them."""
    copies = copiesOf(case, part)
    sheets = [{"copy": copy, "of": len(copies), **_inspectionSheet(case, part, mesh, copy)} for copy in copies]
    return {"sheets": sheets}


def _inspectionSheet(case, part, mesh, copy):
    """Return what was measured, or the dimensions that are to be measured, and what a scan showed."""
    made = inspectionsOf(case, part, copy)
    found = {method: Inspection.readInspection(case, one) for method, one in made.items()}
    sheet = found.get(MEASURED)
    rows = sheet["dimensions"] if sheet else [_open(measuredOn(one, mesh), part) for one in extents()]
    return {
        "dimensions": rows,
        "instrument": sheet["instrument"] if sheet else "",
        "scan": found.get(SCANNED),
        "verdicts": {method: one["verdict"] for method, one in found.items()},
        "made": {method: {"number": partNumber(one), "content": one.content} for method, one in made.items()},
    }


def _open(row, part):
    return {**row, "toleranceMm": partToleranceMm(part), "measuredMm": None, "deviationMm": None, "verdict": "open"}
