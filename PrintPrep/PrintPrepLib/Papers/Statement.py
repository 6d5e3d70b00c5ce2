"""Drafts for the manufacturer: the statement that goes with a custom-made device, and the content of its label.

Regulation (EU) 2017/745, Annex XIII section 1 and Annex I section 23.2. Both are drafts: what the case and the site do
not state is named as missing, nothing is filled in for it, and no legal conclusion is drawn. Neither ever says that a
device is free of germs.
"""

from ..Marking.QrCodes import qrText
from ..PartRecords import partName, partNumber
from ..PartWork import PartIdentity
from .Copies import copyText
from .PapersFields import standingEntries

MISSING = "MISSING"
METHODS = {"steam": "steam", "hydrogen-peroxide": "hydrogen peroxide", "ethylene-oxide": "ethylene oxide"}
NON_STERILE = "NON-STERILE"
# Known only when the part is printed: until it is entered, the label leaves room for it.
ENTERED = ("Lot", "Date of manufacture", "Storage and handling", "Warnings")


def statement(case, part, entries, site):
    """Return the drafted statement: list of ``number``, ``text``, ``value`` (None: missing) and what is missing.

    :param site: :class:`PlanningHubLib.Site.Site`
    """
    prescription = case.governance["prescription"] or {}
    maker, prescriber = site.manufacturer, prescription.get("prescriber")
    said = {name: one["value"] for name, one in standingEntries(entries, part).items()}
    hashes = [record.sha256 for name, record in part.files.items() if name.endswith(".stl")]
    device = prescription.get("device")
    rows = [
        ("Manufacturer, address and all sites of manufacture", _address(maker)),
        ("Authorized representative, where there is one", maker.get("authorizedRepresentative", "none stated")),
        ("Data that identify the device",
         device and f"{device}; {partName(part)}, number {partNumber(part)}; file SHA-256 {', '.join(hashes)}"),
        ("Exclusive use", f"For the exclusive use of the patient who is identified by the code {case.name}"),
        ("Prescribed by", prescriber and f"{prescriber['name']}, {prescriber['qualification']}, "
                                         f"{prescriber['institution']}"),
        ("Specific characteristics of the prescription", _characteristics(prescription)),
        ("Conformity with the general safety and performance requirements of Annex I", said.get("conformity")),
        ("Requirements not fully met, with the grounds", said.get("annex-1-exceptions")),
        ("Medicinal substance, tissues or cells of human or animal origin", said.get("substances")),
    ]  # fmt: skip
    # As the Annex counts them: conformity and its exceptions are one item.
    numbers = (1, 2, 3, 4, 5, 6, 7, 7, 8)
    items = [
        {"number": number, "text": text, "value": value or None}
        for number, (text, value) in zip(numbers, rows, strict=True)
    ]
    return {"items": items, "missing": [one["text"] for one in items if one["value"] is None]}


def _address(maker):
    if not maker:
        return None
    sites = "; ".join(maker.get("sites", ()))
    return f"{maker['name']}, {maker['address']}" + (f"; also {sites}" if sites else "")


def _characteristics(prescription):
    texts = []
    for one in prescription.get("characteristics", ()):
        note = f" ({one['note']})" if one["note"] else ""
        texts.append(f"{one['kind'].replace('-', ' ')} {one['value']}{' ' + one['unit'] if one['unit'] else ''}{note}")
    return "; ".join(texts)


def label(case, part, recipe, entries, site, copies):
    """Return the drafted labels: a sheet for each copy, what is missing on them, and the QR code's text.

    :param recipe: of the part, with every key
    :param copies: the numbers of the part's copies
    """
    sheets = [_labelSheet(case, part, recipe, entries, site, copy, len(copies)) for copy in copies]
    identity = PartIdentity(case.name, partName(part), partNumber(part), case.side, sourceContent(part))
    return {"sheets": sheets, "missing": _missingOn(sheets), "qr": qrText(identity)}


def _missingOn(sheets):
    """Return the texts that are missing, with the copy's number where not all copies lack it."""
    missing = []
    for text in dict.fromkeys(text for sheet in sheets for text in sheet["missing"]):
        lacking = [one for one in sheets if text in one["missing"]]
        isAll = len(lacking) == len(sheets)
        missing += [text] if isAll else [f"{text} ({copyText(one['copy'], one['of'])})" for one in lacking]
    return missing


def _labelSheet(case, part, recipe, entries, site, copy, count):
    """Return the label of a copy: its ``items``, a list of ``text`` and ``value``, and which of them are missing."""
    prescription, maker = case.governance["prescription"] or {}, site.manufacturer
    standing = standingEntries(entries, part, copy)
    said = {name: one["value"] for name, one in standing.items()}
    rows = [
        ("Device", prescription.get("device") or partName(part)),
        ("Purpose", f"{recipe['use']}, for contact with {_contact(recipe['contact'])}"),
        ("Patient (code) and side", f"{case.name}, {(case.side or 'side not stated').upper()}"),
        ("Number (serial)", ", ".join(filter(None, (partNumber(part), copyText(copy, count))))),
        ("Lot", said.get("lot")),
        ("Manufacturer", f"{maker['name']}, {maker['address']}" if maker else None),
        ("Date of manufacture", said.get("printed")),
        ("Storage and handling", said.get("storage")),
        ("State", sterileState(recipe, standing)),
        ("Warnings", said.get("warnings")),
        ("Use", "For one patient. Single use." if recipe["contact"] != "none" else "For one patient."),
        *([("Kind", "Custom-made device. MD (medical device).")] if site.isCustomMade else []),
    ]
    items = [{"text": text, "value": value or None} for text, value in rows]
    missing = [one["text"] for one in items if one["value"] is None]
    return {"copy": copy, "of": count, "items": items, "missing": missing}


def sterileState(recipe, standing):
    """Return what the label says of sterilization: what is to be done, or which cycle was recorded, not its success."""
    asked = recipe["sterilisation"] or {"method": "none"}
    if asked["method"] == "none":
        return f"{NON_STERILE}. Not to be sterilized."
    degrees = asked.get("temperatureC")
    how = METHODS[asked["method"]] + (f" at {degrees:g} °C" if degrees is not None else "")
    cycle = standing.get("cycle-number")
    if cycle is None:
        return f"{NON_STERILE}. To be sterilized before use: {how}, by the site's validated cycle."
    recorded = f"Sterilization cycle {cycle['value']} ({how}) was recorded on {cycle['when'][:10]}"
    return f"{recorded}: what came of it is in the sterilizer's record."


def sourceContent(part):
    """Return the hash of what a part was made from, as its files and its own QR code have it."""
    file = part.facts.get("modelFile")
    return file["sha256"] if file else part.parents[0].content


def _contact(contact):
    words = {"none": "no patient", "tissue-or-bone": "tissue or bone", "implanted": "tissue for good"}
    return words.get(contact, contact)
