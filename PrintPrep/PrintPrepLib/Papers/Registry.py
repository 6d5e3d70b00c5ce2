"""A row for the RSNA-ACR 3D printing registry, from what the case knows; unknown stays unknown.

The sections and their fields are those that the registry's public help pages describe (nrdrsupport.acr.org). Its data
dictionary is not public: the columns are named here by the suite, and have to be brought to the registry's form.
"""

import csv
import io

from PlanningHubLib.LeadTime import timeInStates

from ..Production.Materials import isImplant
from .Copies import copiesOf
from .Efforts import efforts
from .PapersFields import standingEntries

MOST_STRUCTURES = 20
# What the registry leaves out: implants and external prostheses (its scope as of 2026).
OUT_OF_SCOPE = "The registry takes models and guides made at the point of care: no implants, nothing made elsewhere."
TYPES = {"model": "anatomic model", "guide": "anatomic guide", "template": "anatomic guide", "sizer": "anatomic model"}


def registryRow(case, part, recipe, profile, material, entries, site):
    """Return the registry's section: ``inScope``, ``reason``, ``row`` (column → value), ``efforts``, ``stateDays``.

    :param recipe: of the part, with every key
    :param profile: :class:`PrintPrepLib.Production.Profiles.Profile`
    :param material: :class:`PrintPrepLib.Production.Materials.Material`
    :param site: :class:`PlanningHubLib.Site.Site`
    """
    request = case.governance["request"] or {}
    inScope = not isImplant(recipe, part.facts["object"]["role"]) and not profile.external
    times = efforts(case, site, entries, part)
    row = {
        **_digitalModel(case, part, recipe, request),
        "printer": profile.printer,
        "printerMaker": profile.maker,
        "technology": profile.process,
        "material": material.title,
        "physicalParts": (len(part.facts.get("pieces", ())) or 1) * len(copiesOf(case, part)),
        "properties": "mirrored" if part.facts["object"]["mirrored"] else "",
        **_procedure(case, part, entries),
    }
    for one in times:
        name = f"{one['activity']}{one['people'].capitalize()}"
        row |= {f"{name}Hours": one["hours"], f"{name}Minutes": one["minutes"], f"{name}Unknown": one["unknown"]}
    days = {state: round(days, 2) for state, days, _visit in timeInStates(request)} if request else {}
    return {"inScope": inScope, "reason": "" if inScope else OUT_OF_SCOPE, "row": row, "efforts": times,
            "stateDays": days}  # fmt: skip


def _digitalModel(case, part, recipe, request):
    segmentation = case.latest("segmentation")
    structures = list(segmentation.facts.get("structures", {})) if segmentation else []
    # The dominant one comes first: what the part is of.
    name = part.facts["object"]["name"]
    ordered = [name, *(one for one in structures if one != name)] if name in structures else structures
    return {
        "objectType": TYPES.get(recipe["use"], recipe["use"]),
        "objectName": name,
        "purpose": case.governance["intendedUse"],
        "orderingService": request.get("department") or None,
        "howModeled": "segmented images, designed" if case.latest("plan") else "segmented images",
        "anatomicRegion": request.get("anatomy"),
        "anatomicStructures": "; ".join(ordered[:MOST_STRUCTURES]) or None,
        "laterality": case.side,
    }


def _procedure(case, part, entries):
    standing = standingEntries(entries, part)
    said = {name: standing[name]["value"] if name in standing else None for name in ("model-use", "assessment")}
    return {"procedure": case.procedure, "useOfModel": said["model-use"], "userAssessment": said["assessment"]}


def registryCsv(registry):
    """Return the row as CSV with its header; unknown is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(registry["row"])
    writer.writerow("" if value is None else value for value in registry["row"].values())
    return text.getvalue()
