"""What a case's record says of it in three groups: clinical, model, teaching; and how long it has to be kept.

The patient's age stands in it as a band, never as a birth date.
"""

import datetime

from PlanningHubLib.Approval import standing
from PlanningHubLib.Consent import standingConsent
from PlanningHubLib.PartsTogether import partsTogether

# 45 CFR 164.514(b)(2)(i)(C): ages over 89 go into one category.
OLDEST_BAND = 90
DEVICE_YEARS, IMPLANTABLE_YEARS = 10, 15
RETENTION_SOURCE = "Regulation (EU) 2017/745, Annex XIII, section 4: at least 10 years, 15 for implantable devices"


def metadataOf(case, header):
    """Return the three groups of a case as JSON values; None for what nobody has stated.

    :param header: :class:`CentralSyncLib.Records.RawData.CaseHeader`, or None where no image can be read
    """
    return {"clinical": _clinical(case, header), "model": _model(case), "teaching": _teaching(case)}


def _clinical(case, header):
    request = case.governance["request"] or {}
    return {
        "ageBand": ageBand(header.source) if header else None,
        "diagnosis": request.get("indication") or None,
        "procedure": case.procedure,
        "anatomy": request.get("anatomy") or None,
        "side": case.side,
    }


def ageBand(image):
    """Return the patient's age at the scan in decades, such as ``40-49``; None where the image does not say it.

    :param image: pydicom dataset
    """
    years = _statedYears(str(image.get("PatientAge") or ""))
    if years is None:
        years = _yearsBetween(str(image.get("PatientBirthDate") or ""), str(image.get("StudyDate") or ""))
    if years is None or not 0 <= years < 150:
        return None
    if years >= OLDEST_BAND:
        return f"{OLDEST_BAND}+"
    return f"{years // 10 * 10}-{years // 10 * 10 + 9}"


def _statedYears(text):
    """Years of an Age String (PS3.5 6.2); months, weeks and days are counted too."""
    per = {"Y": 1, "M": 12, "W": 52, "D": 365}.get(text[-1:])
    return int(text[:-1]) // per if per and text[:-1].isdigit() else None


def _yearsBetween(birth, study):
    try:
        born, seen = (datetime.datetime.strptime(text, "%Y%m%d").date() for text in (birth, study))
    except ValueError:
        return None
    return seen.year - born.year - ((seen.month, seen.day) < (born.month, born.day))


def _model(case):
    parts, _stale = partsTogether(case)
    return {"parts": [_part(one) for one in parts]}


def _part(part):
    facts, recipe = part.facts, part.parameters
    shape, accuracy = facts.get("object") or {}, facts.get("accuracy") or {}
    bounds = facts.get("boundsLpsMm")
    return {
        "id": part.id,
        "name": shape.get("name"),
        "role": shape.get("role"),
        "use": recipe.get("use"),
        "material": recipe.get("material"),
        "sizeMm": [round(high - low, 2) for low, high in zip(*bounds, strict=True)] if bounds else None,
        "volumeMl": facts.get("volumeMl"),
        "largestDeviationMm": accuracy.get("maximumMm", facts.get("deviationMm")),
        "toleranceMm": accuracy.get("toleranceMm"),
    }


def _teaching(case):
    """A planning case states no audience or goals; the names are kept for what is made of it for teaching."""
    return {
        "intendedUse": case.governance["intendedUse"],
        "consented": standingConsent(case, "teaching") is not None,
        "audience": None,
        "objectives": [],
        "assessmentIndicators": [],
    }


def retentionOf(case):
    """Return how long a case has to be kept at least: ``class``, ``years``, ``from``, ``until`` and ``source``.

    It counts from the day of surgery, else from the newest package; the store's owner may have to keep it longer.
    """
    implantable = any(_isImplantable(one) for one in case.artefacts)
    years = IMPLANTABLE_YEARS if implantable else DEVICE_YEARS
    package = case.latest("package")
    start = (case.governance["request"] or {}).get("surgeryDate") or (package.when if package else case.created)[:10]
    return {
        "class": "implantable" if implantable else "device",
        "years": years,
        "from": start,
        "until": _yearsLater(start, years),
        "source": RETENTION_SOURCE,
    }


def _isImplantable(artefact):
    """Whether any revision was made to be implanted, or plans what is."""
    recipe, facts = artefact.parameters, artefact.facts
    roles = [facts.get("object") or {}, *(facts.get("solids") or {}).values()]
    stated = "implant" in (recipe.get("use"), *(one.get("role") for one in roles if isinstance(one, dict)))
    return artefact.kind in ("part", "plan") and (stated or recipe.get("contact") == "implanted")


def _yearsLater(day, years):
    start = datetime.date.fromisoformat(day)
    try:
        return start.replace(year=start.year + years).isoformat()
    except ValueError:
        # 29 February
        return datetime.date(start.year + years, 3, 1).isoformat()


def approvedBy(case):
    """Return how many approvals of a case stand; whether they hold is judged by whoever restores it."""
    return len(standing(case.governance))
