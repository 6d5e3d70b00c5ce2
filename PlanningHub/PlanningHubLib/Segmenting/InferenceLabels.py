"""Which labels of a model stand for which structures: by SNOMED CT code and side, else by name."""

import importlib.resources
import json

CATEGORY = {"scheme": "SCT", "value": "123037004", "meaning": "Anatomical Structure"}
SIDES = {
    "left": {"scheme": "SCT", "value": "7771000", "meaning": "Left"},
    "right": {"scheme": "SCT", "value": "24028007", "meaning": "Right"},
}
USUAL_TASK = "total"


def knownLabels():
    """Return label → ``category``, ``code``, ``modifier`` (a side, or None) and ``task`` of TotalSegmentator."""
    text = importlib.resources.files(__package__).joinpath("InferenceLabels.json").read_text(encoding="utf-8")
    table = json.loads(text)
    known = {label: (code, None) for label, code in table["single"].items()}
    for label, code in table["paired"].items():
        known.update({label.format(side=side): (code, modifier) for side, modifier in SIDES.items()})
    return {
        label: {
            "category": CATEGORY,
            "code": {"scheme": "SCT", "value": value, "meaning": meaning},
            "modifier": modifier,
            "task": table["tasks"].get(label, USUAL_TASK),
        }
        for label, ((value, meaning), modifier) in known.items()
    }


def labelsFor(structures, available):
    """Return structure name → the labels that together make it; structures that no label fits are left out.

    A structure without a side takes the labels of both sides: which one is meant is never guessed.

    :param structures: dictionaries with ``name`` and, as in a procedure, ``code`` and ``modifier`` (SNOMED CT)
    :param available: the labels of a model
    """
    known = knownLabels()
    fitting = {
        structure["name"]: [label for label in available if _fits(structure, label, known.get(label))]
        for structure in structures
    }
    return {name: labels for name, labels in fitting.items() if labels}


def _fits(structure, label, entry):
    if _plain(structure["name"]) == _plain(label):
        return True
    code = structure.get("code")
    if not entry or not code or (code["scheme"], code["value"]) != ("SCT", entry["code"]["value"]):
        return False
    side = structure.get("modifier")
    return side is None or entry["modifier"] is None or side["value"] == entry["modifier"]["value"]


def _plain(name):
    return "".join(character for character in name.casefold() if character.isalnum())
