"""Plans of a copy, written anew by allow-list: numbers, choices, geometry, and not one word that somebody wrote.

What an operation's schema calls a number, a switch or one of its choices is kept. Names are replaced
(:mod:`.DeidentifyPlanNames`); a text stays only where the procedure's template, which ships with the suite, has it.
"""

import math
import re

from . import DeidentifyRules as Rules
from .DeidentifyLabelmap import copiedNames
from .DeidentifyPlanNames import namesOfPlan, wordsOf
from .DeidentifyPlanShapes import writeModels
from .Errors import InputRefused
from .Planning.Document import checked, encode
from .Planning.Operations import operations
from .Planning.Plan import DOCUMENT_FILE, RESULTS_FILE, readPlan
from .Procedures import findProcedure
from .Progress import noProgress

FOLDER = "plans"
SEVERITIES = ("info", "warn", "reject")
WITHOUT_WORDS = "The code says what was found; the words of the original are not copied."
_DROPPED = object()


def writePlans(copy, case, progress=noProgress):
    """Write each current plan of a case into a :class:`PlanningHubLib.Deidentify.Copy`.

    A plan that cannot be told anew is left out with the reason.
    """
    for plan in [one for one in copy.found.artefacts if one.kind == "plan"]:
        progress(0.5, "Writing plans")
        try:
            _writePlan(copy, case, plan)
        except InputRefused as error:
            copy.leave("plan of the case", error.message)


def _writePlan(copy, case, plan):
    document, results = readPlan(case, plan)
    words = wordsOf(case.procedure)
    names = namesOfPlan(document, results, _segmentNames(copy, plan), words)
    copied = checked(copiedDocument(document, names, words, titleOf(copy, plan)))
    copied["procedure"] = _procedure(case.procedure)
    copied["frameOfReferenceUid"] = copiedUid(copy, document["frameOfReferenceUid"])
    toldResults = copiedResults(results, names, words)
    folder = copy.folder / FOLDER / f"{copy.pseudonym}-{copy.names[plan.id]}"
    folder.mkdir(parents=True)
    _withoutObjects(toldResults, writeModels(copy, case, plan, names, folder))
    for fileName, kind, data in (
        (DOCUMENT_FILE, "plan", encode(copied)), (RESULTS_FILE, "plan-results", encode(toldResults, inOrder=True)),
    ):  # fmt: skip
        (folder / fileName).write_bytes(data)
        copy.add(folder / fileName, kind, case.path(plan, fileName))
    copy.plans[plan.id] = copied, names


def titleOf(copy, plan):
    """Return the title of a plan in the copy."""
    return f"Plan {copy.names[plan.id].rpartition('-')[2]}"


def copiedUid(copy, uid):
    """Return the UID of the copy for one of the case's; none and those that the standard assigns stay."""
    return uid if not uid or Rules.isKnownUid(uid) else copy.cleaner.mapping.uid(uid)


def _procedure(text):
    procedure, findings = findProcedure(text)
    return None if findings or not text or procedure.origin == "site" else procedure.name


def _segmentNames(copy, plan):
    """Return segment → its name in the copy, of the segmentation that a plan was made on."""
    parents = {link.id for link in plan.parents}
    names = {}
    for path in copy.found.labelmaps:
        if copy.found.owners.get(path) in parents:
            names |= copiedNames(path.read_bytes())
    return names


def _withoutObjects(results, left):
    """Take objects out of results whose model is left out."""
    results["objects"] = {name: one for name, one in results["objects"].items() if name not in left}
    for step in results["steps"]:
        step["objects"] = [name for name in step["objects"] if name not in left]


def copiedDocument(document, names, words, title):
    """Return what may be kept of a plan's document; procedure and frame of reference are not.

    :param names: as :func:`PlanningHubLib.DeidentifyPlanNames.namesOfPlan` returns them
    :param words: texts that may stay
    :raises InputRefused: ``bad-plan``
    """
    return {
        "format": "planninghub-plan", "version": 1, "title": title, "frame": "RAS",
        "intendedUse": document["intendedUse"], "side": document["side"], "note": "",
        "steps": [_step(step, names, words) for step in document["steps"]],
        "checklist": [
            {"text": _kept(one["text"], words) or f"Check {number}", "done": one["done"]}
            for number, one in enumerate(document["checklist"], 1)
        ],
        "risks": [_risk(one, number, names, words) for number, one in enumerate(document["risks"], 1)],
    }  # fmt: skip


def _kept(text, words):
    return text if text in words else ""


def _step(step, names, words):
    schema = {"properties": operations()[step["do"]].parameters}
    own = {key: value for key, value in step.items() if key not in ("do", "name", "comment")}
    comment = _kept(step["comment"], words)
    return {"do": step["do"], "name": names[step["name"]], "comment": comment, **_allowed(own, schema, names, words)}


def _risk(risk, number, names, words):
    values = {
        "text": _kept(risk["text"], words) or f"Risk {number}",
        "structure": _named(risk.get("structure", ""), names, words),
        "mitigation": _kept(risk.get("mitigation", ""), words),
    }
    numbers = {"minimumMm": risk["minimumMm"]} if "minimumMm" in risk else {}
    return {key: value for key, value in values.items() if value and value is not _DROPPED} | numbers


def _allowed(value, schema, names, words):
    """Return what may be kept of a parameter by its schema, or that it is dropped."""
    if isinstance(value, dict):
        known = schema.get("properties", {})
        kept = {key: _allowed(one, known[key], names, words) for key, one in value.items() if key in known}
        return {key: one for key, one in kept.items() if one is not _DROPPED}
    if isinstance(value, list):
        kept = [_allowed(one, schema.get("items", {}), names, words) for one in value]
        return [one for one in kept if one is not _DROPPED]
    if "enum" in schema:
        return value if value in schema["enum"] else _DROPPED
    if isinstance(value, str):
        return _named(value, names, words)
    return value if _isNumber(value) else _DROPPED


def _named(text, names, words):
    if not text or text in words:
        return names.get(text, text)
    return names.get(text, _DROPPED)


def _isNumber(value):
    return isinstance(value, (bool, int, float)) and math.isfinite(value)


def copiedResults(results, names, words):
    """Return what may be kept of a plan's results: numbers, names by the same map, the suite's own words.

    :param names, words: as for :func:`copiedDocument`
    """
    allowed = Rules.rules()["plan"]
    objects = {names[name]: told(one, names, words) for name, one in results["objects"].items()}
    return {"steps": [_toldStep(step, names, words, allowed["tables"]) for step in results["steps"]],
            "objects": objects}  # fmt: skip


def _toldStep(step, names, words, tables):
    return {
        "name": names[step["name"]],
        "objects": [names[name] for name in step["objects"]],
        "figures": told(step["figures"], names, words),
        "tables": {title: told(rows, names, words) for title, rows in step["tables"].items() if title in tables},
        "findings": [toldFinding(one) for one in step["findings"]],
    }


def toldFinding(finding):
    """Return what may be kept of a finding: its code and how severe it is."""
    code = finding["code"] if re.fullmatch(r"[a-z]+(-[a-z]+)*", finding["code"]) else "finding"
    severity = finding["severity"] if finding["severity"] in SEVERITIES else "warn"
    return {"code": code, "severity": severity, "message": WITHOUT_WORDS, "action": "", "files": []}


def told(value, names, words, key=""):
    """Return what may be kept of a figure: numbers, and texts that are names or, under their keys, words of ours.

    :param names, words: as for :func:`copiedDocument`
    :param key: under which it stands
    """
    if isinstance(value, dict):
        kept = {_key(name, names): told(one, names, words, name) for name, one in value.items()}
        return {name: one for name, one in kept.items() if name and one is not _DROPPED}
    if isinstance(value, list):
        return [one for one in (told(each, names, words, key) for each in value) if one is not _DROPPED]
    if isinstance(value, str):
        own = Rules.rules()["plan"]["words"].get(key)
        if own is not None:
            return value if value in own or value in words else _DROPPED
        return names.get(value, _DROPPED)
    return value if value is None or _isNumber(value) else _DROPPED


def _key(text, names):
    """Return the name of a figure, in which a structure's may stand after a space; empty where it is none of ours."""
    name, space, structure = text.partition(" ")
    if not re.fullmatch(r"[a-z][A-Za-z0-9]*|[RAS]ToScanDegrees", name) or (space and structure not in names):
        return ""
    return f"{name} {names[structure]}" if space else name
